"""The product's node over a data directory, on a real port of this machine, for tests that need somebody to ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from werkzeug.serving import make_server

from ledger.bootstrap_node import open_node_parts
from ledger.settings import Settings
from web.node import create_node_app


@contextmanager
def node_face(home: Path) -> Iterator[str]:
    """Its address while the block runs."""
    app = create_node_app(open_node_parts(Settings(home)))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
