"""The page and the worker in one process tree: started together, stopped together.

SIGTERM or Ctrl-C stops taking requests, lets the worker finish the job in hand meanwhile, and ends:
within three seconds when nothing is in hand, whatever clients hold on to. A worker that dies takes the page with it, so that a supervisor sees it and starts both again.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import NoReturn
from wsgiref.types import WSGIApplication

from ledger.apps.bridge import Bridge
from ledger.bootstrap import free_port, is_answering
from ledger.bootstrap_guard import obstacle
from ledger.bootstrap_node import open_node_parts
from ledger.bootstrap_ops import log_web_to, metrics_token
from ledger.bootstrap_web import open_web
from ledger.bootstrap_work import PROBED_S, is_chain_free
from ledger.core.errors import LedgerError, UnavailableError
from ledger.settings import Settings, export_settings, load_settings

STOP_S = 60
LOOK_EVERY_S = 0.5
ANSWER_EVERY_S = 0.1
BACKLOG = 2_048
HEAD_MS = 20_000  # for a head, and for a connection that says nothing between two requests
NEW_OBJECTS = 10_000  # between two searches for cycles: requests leave few of them
HAND_OVER_S = 0.0005  # the thread that talks to clients waits so long for one that checks, not 5 ms
WORKERS_PATIENCE = 10  # people wait for pages, nobody for the next look into the queue
KILL_S = 2  # a web process holds nothing: it may be killed when a client keeps it from stopping


def make_app() -> WSGIApplication:
    """The WSGI application of a web process; settings come from the environment of its parent."""
    from web import WebSettings, create_app

    settings = load_settings()
    _end_with(os.getppid(), signal.SIGKILL)  # it holds nothing, but the port that the next one needs
    parts = open_web(settings)
    chosen = WebSettings(
        mode=parts.mode,
        trusted_proxies=settings.trusted_proxies,
        secure_cookies=parts.mode == "production",
        metrics_token=metrics_token(settings),
        has_people=bool(parts.here.record.agencies),
    )
    log_web_to(parts.home)
    parts.checks.reader.start()  # a process of its own for strangers' files, up before the first one comes
    app = create_app(chosen, parts)
    _search_less()
    sys.setswitchinterval(HAND_OVER_S)
    return app


def _search_less() -> None:
    """What is here now stays: the search for cycles leaves it out, and is made less often than for scripts."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)


def make_bridge() -> Bridge:
    """What the server calls in each of its processes."""
    return Bridge(make_app, load_settings().web_threads)


def make_node_app() -> WSGIApplication:
    """The WSGI application of a process that serves the node alone."""
    from web.node import create_node_app

    settings = load_settings()
    _end_with(os.getppid(), signal.SIGKILL)
    app = create_node_app(open_node_parts(settings))
    _search_less()
    return app


def make_node_bridge() -> Bridge:
    """As make_bridge, for the node alone."""
    return Bridge(make_node_app, load_settings().web_threads)


def run_worker(parent: int) -> None:
    """The worker under a page, in a process of its own: it ends when the page's process is gone."""
    from ledger.apps.cli import main

    os.nice(WORKERS_PATIENCE)
    # safe at any point; finishing a long job first would keep the chain from the next one's worker
    _end_with(parent, signal.SIGKILL)
    try:
        main(["worker"])
    except SystemExit as ended:
        _leave(ended.code if isinstance(ended.code, int) else 1 if ended.code else 0)
    _leave(0)


def run_node(parent: int, home: str, host: str, port: int) -> None:
    """The node beside a mirror, in a process of its own: it ends when the mirror's process is gone.

    Otherwise it would keep the port from the node of the mirror that is started again.
    """
    from ledger.apps.cli import main

    _end_with(parent, signal.SIGTERM)
    main(["node", "--home", home, "--host", host, "--port", str(port)])


def _leave(code: int) -> NoReturn:
    """End without taking every object apart, which takes a virtual machine's process a second."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end_with(parent: int, number: signal.Signals) -> None:
    """Send this process a signal once its parent has died without saying so (kill -9)."""

    def look() -> None:
        never = threading.Event()
        while os.getppid() == parent:
            never.wait(LOOK_EVERY_S)
        os.kill(os.getpid(), number)

    threading.Thread(target=look, daemon=True).start()


def serve(
    settings: Settings,
    host: str,
    port: int,
    say: Callable[[str], None],
    warn: Callable[[LedgerError], None],
) -> None:
    """Serve until told to stop.

    Args:
        settings: of the installation.
        host: address to listen on.
        port: 0 picks a free one.
        say: told the address once connections are taken.
        warn: told why no blocks will be sealed, when a part of the data directory is an older copy: the
            pages answer all the same, with what is known.

    Raises:
        UnavailableError: WORKER_DIED.
    """
    parts = open_web(settings)  # says what is missing before anything is started
    # who only verifies has nothing to seal
    with_worker = bool(parts.here.record.agencies) and is_chain_free(settings.home, PROBED_S)
    stopped_by = obstacle(parts.here) if with_worker else None
    if stopped_by is not None:
        warn(stopped_by)
        with_worker = False
    _serve(settings, "make_bridge", host, port, say, with_worker=with_worker)


def serve_node(settings: Settings, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the node alone until told to stop; who seals blocks is another process. Arguments as for `serve`."""
    open_node_parts(settings)
    _serve(settings, "make_node_bridge", host, port, say, with_worker=False)


def _serve(
    settings: Settings, bridge: str, host: str, port: int, say: Callable[[str], None], *, with_worker: bool
) -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, RuntimeModes
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    export_settings(settings)
    chosen = port or free_port(host)
    server = Granian(
        f"ledger.apps.serving:{bridge}",
        factory=True,
        address=host,
        port=chosen,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,  # what the proxy in front speaks
        workers=settings.web_processes,
        backlog=BACKLOG,
        backpressure=BACKLOG,  # connections; how many requests are worked on at a time is the bridge's matter
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_MS),
        runtime_mode=RuntimeModes.mt,  # sockets have a thread beside Python's: 10 % more, and the last waits less
        websockets=False,
        log_access=False,
        log_level=LogLevels.error,
        workers_kill_timeout=KILL_S,
    )
    # passkeys belong to a name: browsers have none for a bare address (WebAuthn, RP ID)
    shown = "localhost" if host == "127.0.0.1" else f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{chosen}/"
    # until the server has its own handlers a signal must not leave the worker behind
    signal.signal(signal.SIGTERM, _stop_early)
    worker = _start_worker() if with_worker else None
    died = threading.Event()
    stopping = threading.Event()

    def announce() -> None:
        while not stopping.wait(ANSWER_EVERY_S):
            if is_answering(host, chosen, "/healthz"):
                say(address)
                return

    try:
        # in a copy of this context: it knows the reader's language
        threading.Thread(target=copy_context().run, args=(announce,), daemon=True).start()
        if worker is not None:
            server.on_startup(lambda: _tell_both(worker, stopping))
            threading.Thread(target=_watch, args=(settings, worker, died, stopping), daemon=True).start()
        server.serve()
    except _StoppedEarlyError:
        pass  # told to stop before there was anything to stop but the worker
    finally:
        stopping.set()
        if worker is not None:
            _stop(worker)
    if died.is_set():
        raise UnavailableError(
            "WORKER_DIED", "The worker ended on its own; see the lines above and logs/worker.log."
        )


def _start_worker() -> subprocess.Popen[bytes]:
    """The worker inherits the terminal, so that it can ask for passwords when no file gives them."""
    code = f"from ledger.apps.serving import run_worker; run_worker({os.getpid()})"
    return subprocess.Popen([sys.executable, "-c", code])  # noqa: S603 (our own module and a number)


class _StoppedEarlyError(Exception):
    """SIGTERM came before the web server took its signals over."""


def _stop_early(*_: object) -> None:
    raise _StoppedEarlyError


def _tell_both(worker: subprocess.Popen[bytes], stopping: threading.Event) -> None:
    """Told to stop, the worker hears of it at the same moment as the web: neither waits for the other."""

    def tell_too(web: Callable[..., object]) -> Callable[..., object]:
        def tell(*signalled: object) -> None:
            stopping.set()
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
            web(*signalled)

        return tell

    for number in (signal.SIGTERM, signal.SIGINT):
        web = signal.getsignal(number)
        if callable(web):
            signal.signal(number, tell_too(web))


def _watch(
    settings: Settings, worker: subprocess.Popen[bytes], died: threading.Event, stopping: threading.Event
) -> None:
    while not stopping.wait(LOOK_EVERY_S):
        if worker.poll() is not None:
            if not is_chain_free(settings.home, PROBED_S):
                return  # another page started at the same moment, and its worker was quicker
            died.set()
            # to the main thread, which waits for a lock: a signal to this one would not wake it
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
            return


def _stop(worker: subprocess.Popen[bytes]) -> None:
    if worker.poll() is None:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(STOP_S)
        except subprocess.TimeoutExpired:
            worker.kill()  # safe at any point: the database is what counts
            worker.wait()
