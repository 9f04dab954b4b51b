"""A kind more: something that runs."""
