"""Celery: hears hints, keeps promises."""
