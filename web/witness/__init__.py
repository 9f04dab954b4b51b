"""A witness of other logs: it cosigns what has only grown, and keeps no more than what it saw last."""
