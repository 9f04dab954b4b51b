"""The Celery app as its processes load it: `celery -A worker.main`."""

import os

from models.settings import Settings
from worker.app import create_celery

app = create_celery(Settings.from_environment(os.environ))
