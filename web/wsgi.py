"""The application as a WSGI server loads it: `web.wsgi:app`."""

import gc
import os

from models.settings import Settings
from web.application import create_app

app = create_app(Settings.from_environment(os.environ))

# What exists now lives as long as the process, and a request's objects die with the request. Looking for cycles after
# every 700 new objects, ten times a page, would find nothing.
gc.freeze()
gc.set_threshold(50_000, 20, 20)
