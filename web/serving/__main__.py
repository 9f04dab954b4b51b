"""`python -m web.serving HOST PORT PROCESSES MODULE:APPLICATION`."""

import sys

from web.serving.processes import serve

host, port, processes, application = sys.argv[1:]
sys.exit(serve(host, int(port), int(processes), application))
