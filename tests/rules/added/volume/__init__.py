"""A fifth kind: configuration that is paid for."""
