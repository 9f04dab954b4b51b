"""What the log costs: ratios within one run, `python -m bench`."""
