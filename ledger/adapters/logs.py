"""The product's logs: one JSON object a line, `logs/worker.log` and `logs/web.log`, rotated by size.

Only fields that are known to be harmless are written: numbers of jobs and batches, codes, kinds,
endpoints by name. Whatever else a line was given is left out; of an exception only its type and
place are told. Several processes may write one file: each line is one write at its end.
"""

from __future__ import annotations

import fcntl
import logging
import logging.handlers
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

LARGEST_LOG = 10_000_000  # bytes; five are kept
KEPT_LOGS = 5
FIELDS = (
    "request_id", "job", "kind", "code", "batch", "issuer", "pause_s", "count",
    "endpoint", "method", "status", "ms", "error", "where",
)  # fmt: skip
PRIVATE_FILE = 0o600


class SharedFile(logging.handlers.WatchedFileHandler):
    """A log file that several processes append to; whoever finds it full moves it aside, once.

    Args:
        path: made when missing, for this account alone.
        largest: bytes after which a new file is begun.
        kept: how many old ones stay.
    """

    def __init__(self, path: Path, largest: int = LARGEST_LOG, kept: int = KEPT_LOGS) -> None:
        self._path, self._largest, self._kept = path, largest, kept
        super().__init__(path, encoding="utf-8", delay=True)

    def _open(self) -> Any:
        self._path.touch(mode=PRIVATE_FILE)
        return super()._open()

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        if self._is_full():
            self._rotate()
        super().emit(record)  # opens the new file when another process moved the old one

    def _is_full(self) -> bool:
        try:
            return self._path.stat().st_size >= self._largest
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if not self._is_full():
                return  # another process was faster
            for number in range(self._kept - 1, 0, -1):
                older = self._numbered(number)
                if older.exists():
                    older.replace(self._numbered(number + 1))
            self._path.replace(self._numbered(1))
        finally:
            os.close(folder)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _keep_known(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What may be written of a line, in the order in which it is read."""
    record: logging.LogRecord = event["_record"]
    value: dict[str, Any] = {
        "at": round(record.created, 3),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": event["event"],
    }
    known = {**record.__dict__, **{name: event[name] for name in FIELDS if name in event}}
    if record.exc_info and record.exc_info[0] is not None:
        known |= {"error": record.exc_info[0].__name__, "where": _place(record.exc_info[2])}
    value.update({name: known[name] for name in FIELDS if name in known})
    return value


def _place(trace: Any) -> str:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    code = trace.tb_frame.f_code
    return f"{Path(code.co_filename).name}:{trace.tb_lineno}:{code.co_name}"


def json_lines() -> logging.Formatter:
    """Formats a record as one line of JSON."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.contextvars.merge_contextvars],
        processors=[_keep_known, structlog.processors.JSONRenderer(ensure_ascii=False)],
    )


def log_to(folder: Path, name: str = "worker.log", loggers: tuple[str, ...] = ("ledger",)) -> None:
    """Send the product's log to a file in this folder."""
    handler = SharedFile(folder / name)
    handler.setFormatter(json_lines())
    for each in loggers:
        logger = logging.getLogger(each)
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        logger.propagate = False
