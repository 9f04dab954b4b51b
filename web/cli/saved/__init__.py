"""Backups: the file that one is, what it says of itself, and the programs that fill it and read it."""
