"""The Celery app as its processes load it: `celery -A worker.main`."""

import os

from models.settings import OF_WORKER, Settings
from worker.app import create_celery

app = create_celery(Settings.from_environment(os.environ, OF_WORKER))
