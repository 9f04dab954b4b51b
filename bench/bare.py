"""The baseline of feed_page.py: Flask answering a page of BARE_BYTES bytes and doing nothing else."""

import os

from flask import Flask, Response

app = Flask("bare")
PAGE = "x" * int(os.environ.get("BARE_BYTES", "0"))


@app.get("/")
def page() -> Response:
    """The bytes."""
    return Response(PAGE, mimetype="text/html")
