"""`python -m web.serving LISTENING PROCESSES MODULE:APPLICATION`.

LISTENING is HOST:PORT, or the number of a socket that listens already.
"""

import socket
import sys

from web.serving.listening import listen
from web.serving.processes import serve

listening, processes, application = sys.argv[1:]
host, _, port = listening.rpartition(":")
opened = listen(host, int(port)) if host else socket.socket(fileno=int(port))
sys.exit(serve(opened, int(processes), application))
