"""Small files of a mirror: how things stand, for people and pages, and evidence, written once and never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.adapters.home_files import PRIVATE_FOLDER, write_file
from ledger.core.checkpoint import CheckpointSigner
from ledger.core.contradictions import (
    MAX_EVIDENCE_BYTES,
    Evidence,
    encode_evidence,
    parse_evidence,
    same_story,
)
from ledger.core.errors import InputError, LedgerError, NotFoundError
from ledger.core.mirroring import MirrorState
from ledger.core.model import BlockRef

STATE_FILE = "mirror.json"
EVIDENCE_FOLDER = "evidence"
_CONDITIONS = ("starting", "following", "waiting", "refusing", "restored")


def save_state(home: Path, state: MirrorState) -> None:
    """Readers see the old state or the new one."""
    document = asdict(state)
    document["head"]["hash"] = "0x" + state.head.hash.hex()
    write_file(home / STATE_FILE, json.dumps(document, indent=1).encode() + b"\n")


def load_state(home: Path) -> MirrorState | None:
    """As saved; None before the first time.

    Raises: InputError(HOME_BROKEN): somebody else wrote there.
    """
    path = home / STATE_FILE
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError("HOME_BROKEN", f"{path} is not readable: {error}.", path=str(path)) from error
    try:
        head = document.pop("head")
        evidence = tuple(str(name) for name in document.pop("evidence"))
        if document["condition"] not in _CONDITIONS:
            raise ValueError("condition")
        block = BlockRef(int(head["number"]), bytes.fromhex(head["hash"][2:]), int(head["time"]))
        return MirrorState(head=block, evidence=evidence, **document)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "HOME_BROKEN", f"{path} has not the expected shape: {error!r}.", path=str(path)
        ) from error


class EvidenceFiles:
    """See ledger.ports.mirror.EvidenceFolder.

    Args:
        folder: made when there is something to keep.
        signer: signs what is kept, as who saw it; None: unsigned, which proves as much.
    """

    def __init__(self, folder: Path, signer: CheckpointSigner | None = None) -> None:
        self.folder = folder
        self._signer = signer

    def keep(self, evidence: Evidence) -> str:
        """See EvidenceFolder."""
        for name in self.names():
            try:
                if same_story(self.load(name)[0], evidence):
                    return name
            except LedgerError:
                continue  # damaged by somebody: the new file stands beside it
        self.folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        moment = datetime.fromtimestamp(evidence.seen_at, UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{moment}-{evidence.kind.lower().replace('_', '-')}-{evidence.number}.json"
        number = 1
        while (self.folder / name).exists():
            number += 1
            name = f"{name.removesuffix('.json').split('~')[0]}~{number}.json"
        write_file(self.folder / name, encode_evidence(evidence, self._signer), 0o400)
        return name

    def names(self) -> Sequence[str]:
        """See EvidenceFolder."""
        return sorted(path.name for path in self.folder.glob("*.json"))

    def load(self, name: str) -> tuple[Evidence, bytes | None]:
        """A file's evidence and who signed it; not judged.

        Raises: NotFoundError(EVIDENCE_MISSING), InputError(EVIDENCE_*).
        """
        return read_evidence(self.folder / name)


def read_evidence(path: Path) -> tuple[Evidence, bytes | None]:
    """See parse_evidence.

    Raises: NotFoundError(EVIDENCE_MISSING), InputError(EVIDENCE_*).
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_EVIDENCE_BYTES + 1)
    except OSError as error:
        raise NotFoundError(
            "EVIDENCE_MISSING", f"{path} cannot be read ({error.strerror}).", path=str(path)
        ) from error
    return parse_evidence(data)
