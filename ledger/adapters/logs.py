"""The worker's log: one JSON object a line, in `logs/worker.log`, rotated; never a value of a row.

Only fields that are known to be harmless are written: numbers of jobs and batches, codes, kinds.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
from pathlib import Path

LARGEST_LOG = 10_000_000  # bytes; five are kept
KEPT_LOGS = 5
FIELDS = ("job", "kind", "code", "batch", "issuer", "pause_s", "count")
PRIVATE_FILE = 0o600


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; of an exception only its type and place."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        value: dict[str, object] = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        value.update({name: record.__dict__[name] for name in FIELDS if name in record.__dict__})
        if record.exc_info and record.exc_info[0] is not None:
            value["error"] = record.exc_info[0].__name__
            trace = record.exc_info[2]
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            if trace is not None:
                code = trace.tb_frame.f_code
                value["where"] = f"{Path(code.co_filename).name}:{trace.tb_lineno}:{code.co_name}"
        return json.dumps(value, ensure_ascii=False)


def log_to(folder: Path) -> None:
    """Send the product's log to `worker.log` in this folder."""
    path = folder / "worker.log"
    path.touch(mode=PRIVATE_FILE)
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=LARGEST_LOG, backupCount=KEPT_LOGS, encoding="utf-8"
    )
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("ledger")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
