"""What "system" does by itself."""
