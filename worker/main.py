"""The Celery app as its processes load it: `celery -A worker.main`."""

import gc
import os

from models.settings import OF_WORKER, Settings
from worker.app import create_celery

app = create_celery(Settings.from_environment(os.environ, OF_WORKER))

# What exists now lives as long as the process. Looked through for cycles, it would be written to, and no longer be
# shared with the processes that fork.
gc.freeze()
