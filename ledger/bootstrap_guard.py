"""Notices a data directory of which one part, or all of it, was put back to an older copy.

Asked by whoever is about to seal, before anything is sealed or signed: a second history must not be born.
What others saw of this ledger counts too: statements of witnesses that lie here, and mirrors, which are
asked for a few seconds. A mirror that does not answer keeps nobody from going on after a short stop; after
a long one nobody here can tell yesterday's copy from today's, and then somebody must be heard (ADR 0032).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from ledger.adapters.audit_head_file import AuditHeadFile
from ledger.adapters.chain_embedded.reader import ChainFile, EmbeddedReader
from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.adapters.home_files import Home, write_file
from ledger.adapters.restore_sql import SqlRestoreBook
from ledger.adapters.tables_people import audit_row
from ledger.bootstrap import Installation, load_trust
from ledger.bootstrap_chain import rpc_record
from ledger.core.audit import Head
from ledger.core.checkpoint import SignedCheckpoint
from ledger.core.errors import ConflictError, LedgerError, NotFoundError, UnavailableError
from ledger.core.model import BlockRef
from ledger.core.restoring import Mending
from ledger.services.block_pull import Heard, forked_here, is_void, listen, require_one_history
from ledger.services.granting import RegistryView
from ledger.services.healing import Healing

MARK = "restoring.json"
NEXT_TRUST = "trust-next.json"
ADOPT = "adopt"
"""Phase of a restored database whose chain others run: nothing is done there before it was compared."""
AUDIT_HEAD = "audit-head.json"
MIRROR_ANSWER_S = 4.0
SHORT_STOP_S = 900
"""After a stop that was shorter, mirrors that are silent keep nobody waiting."""
_BLOCKS = 50
_log = logging.getLogger("ledger.worker")


@dataclass(frozen=True, slots=True)
class Known:
    """A block of this ledger that something or somebody has seen. `where`: for people."""

    block: BlockRef
    where: str


def read_mark(home: Home) -> Mapping[str, Any] | None:
    """What a restore left to be finished, None when there is nothing."""
    try:
        found = json.loads((home.path / MARK).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"phase": "heal"}  # a damaged mark still is one


def set_mark(home: Home, **values: Any) -> None:
    """Remember what is left to be done; durable when it returns."""
    write_file(home.path / MARK, json.dumps(values).encode())


def require_finished(home: Home) -> None:
    """Raises: ConflictError(RESTORE_UNFINISHED, RESTORE_NOTICE_WAITS)."""
    mark = read_mark(home)
    if mark is None or mark.get("phase") == ADOPT:
        return
    if mark.get("phase") != "notice":
        raise ConflictError(
            "RESTORE_UNFINISHED",
            f"{home.path} was restored and not compared with its chain yet: run `ecert heal`.",
            path=str(home.path),
        )
    if not is_announced(home, mark):
        raise ConflictError(
            "RESTORE_NOTICE_WAITS",
            "The restore notice is not in the trust file yet. Let the holders of its keys sign "
            f"{home.path / NEXT_TRUST} (`ecert trust sign`), then run `ecert trust take` with it and `ecert heal`.",
            path=str(home.path / NEXT_TRUST),
        )


def is_adopting(home: Home) -> bool:
    """Whether a restored database was not compared yet with the chain that others run."""
    mark = read_mark(home)
    return mark is not None and mark.get("phase") == ADOPT


def clear_mark(home: Home) -> None:
    """After require_finished: a notice that verifiers can know needs no reminder."""
    mark = read_mark(home)
    if mark is not None and mark.get("phase") == "notice":
        (home.path / NEXT_TRUST).unlink(missing_ok=True)
        (home.path / MARK).unlink(missing_ok=True)


def is_announced(home: Home, mark: Mapping[str, Any]) -> bool:
    """Whether the trust file in use has the notice that this restore needs."""
    notice = mark["notice"]
    return any(
        (one.first_block, one.last_block, one.restored_at)
        == (notice["first_block"], notice["last_block"], notice["restored_at"])
        for one in load_trust(home.trust_file).restore_notices
    )


def known_blocks(here: Installation) -> Iterator[Known]:
    """Blocks that the rest of the data directory has seen, highest first in each place."""
    for block in SqlRestoreBook(here.store.database).newest_blocks(_BLOCKS):
        yield Known(block, here.home.store_file.name)
    seen = _view_head(here.home)
    if seen is not None:
        yield Known(seen, here.home.view_file.name)
    if here.home.checkpoints_file.exists():
        for signed in _statements(here):
            yield Known(signed.checkpoint.block, here.home.checkpoints_file.name)


def _view_head(home: Home) -> BlockRef | None:
    from ledger.adapters.chain_view_sql import SqlView

    if not home.view_file.exists():
        return None
    try:
        with closing(SqlView(home.view_file, read_only=True)) as view:
            head = view.head()
    except LedgerError:  # a damaged view is made anew, it says nothing about the chain
        return None
    return None if head is None else head.block


def _statements(here: Installation) -> Sequence[SignedCheckpoint]:
    """What the operator's own key and the witnesses of the trust file have signed, the highest of each."""
    trust = load_trust(here.home.trust_file)
    with closing(CheckpointFile(here.home.checkpoints_file, read_only=True)) as book:
        own = book.newest("operator")
        witnesses = [one for one in book.newest_of_each() if one.thumbprint in trust.witnesses.keys]
    found = [*witnesses, *([] if own is None else [own])]
    return [one for one in found if not is_void(one, trust)]


def require_newest(here: Installation, chain: ChainFile) -> None:
    """The chain is at least as new as everything else that lies here.

    Raises:
        ConflictError: CHAIN_SET_BACK, CHAIN_FORKED_HERE.
    """
    known_all = tuple(known_blocks(here))
    nonces = SqlRestoreBook(here.store.database).newest_nonces()
    head = chain.head()  # after what others know: a worker may be sealing
    for known in known_all:
        if known.block.number > head.number:
            raise chain_set_back(head, known)
        ours = chain.block(known.block.number)
        if ours is not None and ours.hash != known.block.hash:
            raise forked_here(known.block.number, ours.hash, known.block.hash, known.where)
    if any(nonce >= chain.next_nonce(sender) for sender, nonce in nonces.items()):
        raise chain_set_back(head, Known(head, here.home.store_file.name))


def chain_set_back(head: BlockRef, known: Known) -> ConflictError:
    """Somebody has seen more than this chain has."""
    return ConflictError(
        "CHAIN_SET_BACK",
        f"chain.db ends at block {head.number}, and {known.where} has seen more: it was replaced by an older "
        "copy. Nothing is sealed. Run `ecert heal --mirror URL`, or `ecert heal --without-mirror`.",
        head=head.number,
        seen=known.block.number,
        where=known.where,
    )


def require_rows(here: Installation, view: RegistryView) -> None:
    """The database is at least as new as its chain and its audit note.

    Raises: ConflictError(STORE_SET_BACK).
    """
    noted = AuditHeadFile(here.home.path / AUDIT_HEAD).load()
    if noted is not None and noted.number and not has_audit_row(here, noted):
        raise _store_set_back("audit-head.json", f"row {noted.number} of the audit log")
    book = SqlRestoreBook(here.store.database)
    here_known = book.roots() | {one.root for one in book.lost_rows()}
    for agency in here.record.agencies:
        for anchor in view.anchors(agency.uscc):
            if anchor.root not in here_known:
                raise _store_set_back("chain.db", f"batch 0x{anchor.root.hex()}")


def has_audit_row(here: Installation, noted: Head) -> bool:
    """Whether the database has the row that was noted outside of it."""
    query = sa.select(audit_row.c.link).where(audit_row.c.number == noted.number)
    with here.store.database.read() as connection:
        found = connection.execute(query).scalar()
    return found is not None and bytes(found) == noted.link


def _store_set_back(where: str, what: str) -> ConflictError:
    return ConflictError(
        "STORE_SET_BACK",
        f"store.db does not have {what}, which {where} knows: it was replaced by an older copy. Nothing is "
        "sealed. Put the newer store.db back, or run `ecert heal` to go on without what it lost.",
        where=where,
        what=what,
    )


def hear(here: Installation, chain: ChainFile, view: RegistryView, urls: Sequence[str]) -> Heard:
    """What mirrors say of this ledger; all are asked at the same time.

    Raises:
        InputError: NODE_URL.
    """
    from ledger.adapters.node_client import NodeClient

    trust = load_trust(here.home.trust_file)
    keys = tuple(view.keys(trust.root_issuer))
    nodes = [NodeClient(url, answer_s=MIRROR_ANSWER_S) for url in urls]
    if not nodes:
        return Heard((), ())
    with ThreadPoolExecutor(len(nodes)) as pool:
        heard = list(pool.map(lambda node: listen([node], chain.info(), trust, keys), nodes))
    return Heard(
        tuple(word for one in heard for word in one.words),
        tuple(name for one in heard for name in one.silent),
    )


def require_not_passed(here: Installation, chain: ChainFile, view: RegistryView) -> None:
    """No mirror has more than this chain.

    Args:
        here: its settings name mirrors.
        chain: as it is here; nobody has sealed or beaten since it was opened.
        view: knows the operator's keys.

    Raises:
        ConflictError: CHAIN_SET_BACK, CHAIN_FORKED_HERE, MIRRORS_DISAGREE.
        UnavailableError: MIRRORS_SILENT after a long stop.
    """
    urls = here.settings.mirrors
    if not urls:
        return
    heard = hear(here, chain, view, urls)
    require_one_history(chain, heard.words)
    newest, head = heard.newest, chain.head()
    if newest is not None:
        if newest.block.number > head.number:
            raise chain_set_back(head, Known(newest.block, newest.mirror.name))
        return
    stopped_s = here.clock.now() - chain.alive_at()
    if stopped_s > SHORT_STOP_S:
        raise UnavailableError(
            "MIRRORS_SILENT",
            f"This ledger stood still for {stopped_s // 60} minutes and no mirror of ECERT_MIRRORS has a word "
            f"about it ({', '.join(heard.silent) or 'none has seen it'}): whether this is the newest copy cannot "
            "be told. Nothing is sealed until one answers, or ECERT_MIRRORS names none.",
            mirrors=", ".join(heard.silent),
            seconds=stopped_s,
        )
    _log.warning("no mirror was heard", extra={"mirrors": list(heard.silent)})


def look(here: Installation, chain: ChainFile, view: RegistryView) -> list[LedgerError]:
    """Everything that would keep this data directory from sealing, for people: asks no mirror."""
    questions: tuple[Callable[[], None], ...] = (
        partial(require_finished, here.home),
        partial(require_newest, here, chain),
        partial(require_rows, here, view),
    )
    found: list[LedgerError] = []
    for question in questions:
        try:
            question()
        except (ConflictError, NotFoundError) as error:
            found.append(error)
    return found


def adopt(here: Installation, view: RegistryView) -> Mending:
    """On a chain that others run: the database learns what the chain has and it does not.

    After a restore, after an older copy was put back, after somebody anchored with stolen keys: words of
    status lists that are taken are not given away again, and people can see what is there.

    Args:
        here: nobody sends meanwhile.
        view: at the chain's head, not only as far as it came when nodes were last heard.
    """
    issuers = [agency.uscc for agency in here.record.agencies]
    book = SqlRestoreBook(here.store.database)
    mending = Healing(book, here.store.batches, None, view, issuers, here.clock).heal()
    if is_adopting(here.home):
        (here.home.path / MARK).unlink(missing_ok=True)
    if mending != Mending():
        _log.warning(
            "the chain has what the database does not know",
            extra={"lost_rows": len(mending.lost_rows), "arrived": len(mending.arrived)},
        )
    return mending


def obstacle(here: Installation) -> LedgerError | None:
    """What keeps this installation from sealing, mirrors asked; None: nothing, or it seals no chain of its own."""
    if rpc_record(here.record) is not None or not here.record.agencies or not here.home.chain_file.exists():
        return None
    with closing(EmbeddedReader(here.home.chain_file)) as chain:
        found = look(here, chain, here.view)
        if found:
            return found[0]
        try:
            require_not_passed(here, chain, here.view)
        except LedgerError as error:
            return error
    return None
