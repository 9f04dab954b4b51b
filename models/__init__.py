"""What exists on the platform, what may happen to it, and the log of what did."""
