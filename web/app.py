"""Builds the application: settings, security, routes, error pages. Reads nothing from outside.

What a person hands in stays in memory: uploads are never spooled to a temporary file, never logged
and never put into a URL.
"""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal, Protocol

from flask import Flask, Request
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.middleware.proxy_fix import ProxyFix

from ledger.bootstrap_health import HealthService
from ledger.core.credential_type import CredentialType
from ledger.core.report import Report
from ledger.ports import Clock, Entropy, Limits
from web import (
    accounts,
    api,
    approve,
    audit,
    changes,
    check,
    directory,
    explorer,
    frame,
    front,
    governance,
    guides,
    node,
    operate,
    ops,
    paper,
    problems,
    quick,
    security,
    statistics,
    status,
    verifier,
    views,
    witnesses,
)
from web.api.frame import FastJson
from web.forms import LARGEST_PLAIN, Form, is_form, read_plain_form
from web.issue import routes as issue
from web.numbers import WholeNumber

MAX_BUNDLE_BYTES = 1_048_576  # docs/formats.md: a bundle has at most 1 MiB
FORM_OVERHEAD_BYTES = 65_536  # boundaries, field names and the token around a bundle
_LOG = logging.getLogger("web")


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How the page is served; made by ledger.bootstrap, never from the environment.

    Args:
        mode: `demo` puts a banner on every page.
        trusted_proxies: how many proxies of ours add to X-Forwarded-For; with 0 nobody's header is believed.
        secure_cookies: False only where the page is served without TLS on this machine.
        metrics_token: who shows it reads /metrics from elsewhere; None: only this machine does.
        has_people: somebody may log in; nobody where no agency is run (a mirror, a directory of snapshots).
    """

    mode: Literal["demo", "production"]
    trusted_proxies: int = 0
    secure_cookies: bool = True
    metrics_token: str | None = None
    has_people: bool = True


class WebServices(Protocol):
    """What the page calls."""

    @property
    def clock(self) -> Clock:
        """The only source of time."""

    @property
    def entropy(self) -> Entropy:
        """The only source of randomness."""

    @property
    def limits(self) -> Limits:
        """How often who asked."""

    @property
    def health(self) -> HealthService:
        """What is missing, and figures."""

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Count an answer."""

    @property
    def types(self) -> Sequence[CredentialType]:
        """The credential types that are known, for their labels."""

    def verify(self, data: bytes) -> Report:
        """Judge these bytes now. Never raises because of them."""

    def status_list(self, uri: str) -> tuple[str, int] | None:
        """The published token of the list with this address, and for how many seconds it may be kept."""


class MemoryRequest(Request):
    """A request whose uploads stay in memory (Werkzeug would spool them to the temporary folder)."""

    max_content_length = MAX_BUNDLE_BYTES + FORM_OVERHEAD_BYTES
    max_form_memory_size = MAX_BUNDLE_BYTES + FORM_OVERHEAD_BYTES
    max_form_parts = 8

    def _load_form_data(self) -> None:
        """Once, at the first look at `form` or `files`."""
        if "form" not in self.__dict__ and (read := self._plain_form()) is not None:
            self.__dict__.update(stream=io.BytesIO(), form=read[0], files=read[1])
        else:
            super()._load_form_data()

    def _plain_form(self) -> Form | None:
        length, most = self.content_length, self.max_form_memory_size
        if length is None or length > min(LARGEST_PLAIN, most or 0) or self.max_form_parts is None:
            return None
        kind = self.environ.get("CONTENT_TYPE", "")
        # what is read here and not understood is kept, so that Werkzeug can read it
        return read_plain_form(kind, self.get_data(), self.max_form_parts) if is_form(kind) else None

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        del total_content_length, content_type, filename, content_length
        return io.BytesIO()


class VerifyApp(Flask):
    """A Flask that never writes the words of an exception into its log: they may quote a document."""

    request_class = MemoryRequest

    def ensure_sync(self, func: Any) -> Any:
        """As it is: no view of ours is a coroutine, and Flask would ask that anew for each request."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        """Write down what kind of mistake happened where, nothing else."""
        kind, _, trace = exc_info
        frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(trace)]
        _LOG.error("unexpected %s at %s", getattr(kind, "__name__", kind), " < ".join(reversed(frames)))


class Compiled(BytecodeCache):
    """Templates that some application of this process has compiled: most of the cost of its first page."""

    def __init__(self) -> None:
        self._codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the code of a template; a changed source has another checksum and is compiled again."""
        code = self._codes.get(bucket.key)
        if code is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        self._codes[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


def create_app(settings: WebSettings, services: WebServices) -> Flask:
    """The WSGI application.

    Services live in `app.extensions["ledger"]`, so that views need no globals.
    """
    app = VerifyApp(__name__, static_folder=None)  # web.assets serves the files
    app.config.update(
        MAX_CONTENT_LENGTH=MemoryRequest.max_content_length,
        MAX_FORM_MEMORY_SIZE=MemoryRequest.max_form_memory_size,
        TRAP_BAD_REQUEST_ERRORS=False,
    )
    app.url_map.converters["int"] = WholeNumber
    app.json = FastJson(app)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.bytecode_cache = COMPILED
    app.extensions["ledger"] = services
    app.extensions["web-settings"] = settings
    quick.register(app)
    if settings.trusted_proxies:
        # the address and scheme that the last `trusted_proxies` hops wrote; what a client wrote is further left
        proxies = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    accounts.register(app)  # first: its guard runs before every other hook
    frame.register(app)
    front.register(app)
    views.register(app)
    check.register(app)
    security.register(app)
    problems.register(app)
    explorer.register(app)
    directory.register(app)
    governance.register(app)
    witnesses.register(app)
    changes.register(app)
    statistics.register(app)
    guides.register(app)
    audit.register(app)
    operate.register(app)
    verifier.register(app)
    paper.register(app)
    approve.register(app)
    status.register(app)
    issue.register(app)
    node.register(app)
    ops.register(app)
    api.register(app)
    return app
