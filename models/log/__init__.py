"""The activity log: how entries come in, how they are read."""
