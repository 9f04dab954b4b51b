"""What a WSGI server loads: `web.wsgi:app`."""

import os

from models.settings import Settings
from web import create_app

app = create_app(Settings.from_environment(os.environ))
