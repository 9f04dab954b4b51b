"""The processes that run jobs: Celery, its tasks, and the container engine."""
