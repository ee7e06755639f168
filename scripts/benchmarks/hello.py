"""The peer of the web figures: a plain Flask that answers JSON, on the same server, one process.

Granian gives a WSGI application one blocking thread here, which is its quickest way for a Flask.
Usage: python -m scripts.benchmarks.hello PORT
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, Response, jsonify

from ledger.bootstrap import free_port

HOST = "127.0.0.1"
START_S = 30.0


def make() -> Flask:
    """One route, one object."""
    app = Flask("hello")

    @app.get("/")
    def hello() -> Response:
        return jsonify(hello="world")

    return app


@contextmanager
def hello_served() -> Iterator[int]:
    """The peer on a free port of loopback, in processes of its own."""
    port = free_port(HOST)
    with subprocess.Popen([sys.executable, "-m", "scripts.benchmarks.hello", str(port)]) as server:
        try:
            _wait(port)
            yield port
        finally:
            server.terminate()


def _wait(port: int) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            urllib.request.urlopen(f"http://{HOST}:{port}/", timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def main() -> None:
    """Serves until told to stop."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, RuntimeModes
    from granian.log import LogLevels

    from ledger.apps.serving import BACKLOG

    Granian(
        "scripts.benchmarks.hello:make",
        factory=True,
        address=HOST,
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        workers=1,
        blocking_threads=1,
        backlog=BACKLOG,
        runtime_mode=RuntimeModes.mt,  # as ours
        websockets=False,
        log_access=False,
        log_level=LogLevels.error,
    ).serve()


if __name__ == "__main__":
    main()
