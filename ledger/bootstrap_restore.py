"""Heals an installation whose chain or database is an older copy: after a restore, or done by hand.

A chain that others run is never the older one: there the database alone is compared. Else steps, each of which can run twice; a mark in the data directory keeps everybody from sealing until the
last of them is done:

1. take the trust files that were published since, and the blocks, from mirrors;
2. write down which blocks are lost for good, as far as anything here still knows;
3. bring the view to the chain, and the database to both (services.healing, one transaction);
4. have bundles with new places written out again;
5. tell verifiers which blocks are lost: a restore notice in the next version of the trust file.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.adapters.audit_head_file import AuditHeadFile
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.process_lock import ProcessLock
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.home_files import LEDGER_OWNER, Home, write_file
from ledger.adapters.node_client import NodeClient
from ledger.adapters.restore_sql import SqlRestoreBook
from ledger.adapters.trust_files import HomeTrust
from ledger.bootstrap import Installation
from ledger.bootstrap_backup import REBUILD_MARK
from ledger.bootstrap_chain import connect, rpc_record, view_kind
from ledger.bootstrap_chain_copy import rebuild_chain
from ledger.bootstrap_guard import (
    AUDIT_HEAD,
    MARK,
    NEXT_TRUST,
    adopt,
    has_audit_row,
    is_announced,
    known_blocks,
    read_mark,
    set_mark,
)
from ledger.core.errors import ConflictError, LedgerError, UnavailableError
from ledger.core.model import BlockRef
from ledger.core.restoring import Mending
from ledger.core.trust import MAX_TRUST_BYTES, RestoreNotice, load_trust_bytes, notice_object, sign_trust
from ledger.core.trust_next import Changes, next_trust
from ledger.services.block_pull import BlockPull, Pulled
from ledger.services.healing import Healing
from ledger.services.kill_points import Hooks, KillPoint, NoHooks

MOST_VERSIONS = 1_000


@dataclass(frozen=True, slots=True)
class How:
    """Where missing blocks may come from.

    Args:
        mirrors: addresses; none: nobody is asked.
        without_mirror: nobody else has the blocks: what is lost goes out again, and a notice says so.
        nothing_lost: whoever sealed was stopped before the copy was made: nothing can be missing.
        rebuild: take the chain of the first mirror from its first block on, in place of the one here.
    """

    mirrors: tuple[str, ...] = ()
    without_mirror: bool = False
    nothing_lost: bool = False
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class HealDone:
    """What was found and done. `announced`: the notice is in the trust file; None: none is needed."""

    pulled: Pulled | None
    mending: Mending
    notice: RestoreNotice | None
    announced: bool | None
    next_trust: Path | None
    is_noted: bool


def choose(here_mirrors: Sequence[str], how: How, home: Path) -> How:
    """The choice as it will be carried out.

    Raises:
        ConflictError: RESTORE_MIRROR when nothing says where missing blocks may be.
        InputError: NODE_URL.
    """
    if (how.without_mirror or how.nothing_lost) and not how.rebuild:
        return How((), how.without_mirror, how.nothing_lost)
    mirrors = how.mirrors or tuple(here_mirrors)
    if not mirrors:
        raise ConflictError(
            "RESTORE_MIRROR",
            "Blocks that were sealed after the copy was made may lie on a mirror: name it with --mirror URL "
            "(or ECERT_MIRRORS). --without-mirror: nobody has them, holders of newer proofs will need fresh "
            "ones. --nothing-lost: the old installation was stopped before the backup.",
            path=str(home),
        )
    for url in mirrors:
        NodeClient(url)  # a wrong address is told before anything is done
    return How(mirrors, rebuild=how.rebuild)


def heal(here: Installation, how: How, hooks: Hooks | None = None) -> HealDone:
    """Make chain, view and database agree, and prepare what verifiers must be told.

    Args:
        here: nobody seals meanwhile.
        how: as `choose` gave it; ignored on a chain that others run.
        hooks: told about kill points.

    Raises:
        UnavailableError: CHAIN_LOCKED, CLOCK_JUMP, MIRRORS_SILENT, CHAIN_UNAVAILABLE, CHAIN_DISAGREES.
        ConflictError: CHAIN_FORKED_HERE, MIRRORS_DISAGREE, MIRROR_UNSIGNED, CHAIN_NOT_OURS.
        InputError: NODE_URL, BLOCK_*.
    """
    hooks = hooks or NoHooks()
    mark = read_mark(here.home) or {}
    if mark.get("phase") == "notice":
        return _announce(here, Mending(), None, mark, is_noted=True)
    if not seals(here):
        return _compare(here)
    mirrors = [NodeClient(url) for url in how.mirrors]
    if how.rebuild:
        set_mark(here.home, **{**mark, "phase": "heal"})
        rebuild_chain(here, how.mirrors[0])
    with closing(
        EmbeddedChain.open(here.home.chain_file, here.clock, accept_clock=here.settings.accept_clock)
    ) as chain:
        set_mark(here.home, **{**mark, "phase": "heal"})
        try:
            pulled = _pull(here, chain, mirrors) if mirrors else None
        except UnavailableError:
            if not mark and not how.rebuild:  # nothing was changed: who could seal before still can
                (here.home.path / MARK).unlink()
            raise
        hooks.reach(KillPoint.RESTORE_PULLED)
        if "notice" not in mark:
            notice = _notice(here, chain, is_whole=how.nothing_lost or pulled is not None)
            mark = {**mark, "notice": None if notice is None else notice_object(notice)}
            set_mark(here.home, **{**mark, "phase": "heal"})
        if mark["notice"] is not None:
            _lay_statements_aside(here, chain)
        with closing(SqlView(here.home.view_file, view_kind(here.record))) as view:
            Follower(chain, view, here.clock, f"heal:{os.getpid()}").rebuild()
            healing = Healing(
                SqlRestoreBook(here.store.database),
                here.store.batches,
                chain,
                view,
                [agency.uscc for agency in here.record.agencies],
                here.clock,
            )
            mending = healing.plan()
            _clear_released(here, mending)
            hooks.reach(KillPoint.RESTORE_PLANNED)
            SqlRestoreBook(here.store.database).apply(mending, here.clock.now())
            hooks.reach(KillPoint.RESTORE_APPLIED)
    return _announce(here, mending, pulled, mark, is_noted=_note(here, mending, pulled))


def seals(here: Installation) -> bool:
    """Whether this installation has a chain of its own."""
    return here.record.chain.get("kind") is None


def _compare(here: Installation) -> HealDone:
    """A chain of others lost nothing: the database learns what it lacks.

    Raises:
        UnavailableError: CHAIN_LOCKED, CHAIN_UNAVAILABLE, CHAIN_DISAGREES.
        ConflictError: CHAIN_NOT_OURS for a data directory that only follows a ledger.
    """
    from ledger.adapters.chain_rpc.sending import MemorySendings

    remote = rpc_record(here.record)
    if remote is None:
        raise ConflictError(
            "CHAIN_NOT_OURS", "This data directory follows a ledger of others: there is nothing to heal here."
        )
    lock = ProcessLock(here.home.chain_file)
    try:
        with (
            closing(connect(remote, here.clock, MemorySendings(), lambda _address: None)) as chain,
            closing(SqlView(here.home.view_file, view_kind(here.record))) as view,
        ):
            if Follower(chain, view, here.clock, f"heal:{os.getpid()}").advance().state != "confirmed":
                raise UnavailableError(
                    "CHAIN_DISAGREES",
                    "The nodes contradict what was taken from them before; run `ecert doctor`.",
                )
            mending = adopt(here, view)
    finally:
        lock.release()
    is_noted = _note(here, mending, None)
    return HealDone(None, mending, None, announced=None, next_trust=None, is_noted=is_noted)


def _pull(here: Installation, chain: EmbeddedChain, nodes: Sequence[NodeClient]) -> Pulled:
    trusts = HomeTrust(here.home)
    for node in nodes:
        _take_trust(trusts, node)
    trust = trusts.trust()
    with closing(SqlView(here.home.view_file, view_kind(here.record))) as view:
        Follower(chain, view, here.clock, f"heal:{os.getpid()}").rebuild()
        keys = view.keys(trust.root_issuer)
    return BlockPull(chain, nodes, trust, keys).pull()


def _take_trust(trusts: HomeTrust, node: NodeClient) -> None:
    """Versions that were published after the backup, one after the other; a node without them says nothing."""
    for _ in range(MOST_VERSIONS):
        try:
            data = node.trust(trusts.trust().version + 1)
            if data is None:
                return
            trusts.take(data)
        except LedgerError:
            return  # the pull says whether the node is of any use; a file that does not follow is none


def _notice(here: Installation, chain: EmbeddedChain, *, is_whole: bool) -> RestoreNotice | None:
    """Which blocks are lost for good, at most; None: none.

    Args:
        here: may still know of lost blocks.
        chain: with all blocks that could be had.
        is_whole: somebody else had them, or says that there were no others.

    Without that nobody knows how far the lost chain went. It cannot have been further than one block
    a second allows.
    """
    head, now = chain.head(), here.clock.now()
    lost: list[BlockRef] = []
    for known in known_blocks(here):
        ours = chain.block(known.block.number)
        if ours is None or ours.hash != known.block.hash:
            lost.append(known.block)
    nonces = SqlRestoreBook(here.store.database).newest_nonces()
    is_behind = any(nonce >= chain.next_nonce(sender) for sender, nonce in nonces.items())
    if is_whole and not lost and not is_behind:
        return None
    last = max([head.number + max(1, now - head.time), *(block.number for block in lost)])
    newest = max(lost, key=lambda block: block.number, default=None)
    first = min([head.number + 1, *(block.number for block in lost)])
    if newest is None:
        return RestoreNotice(first, last, now)
    return RestoreNotice(first, last, now, newest.number, newest.hash)


def _lay_statements_aside(here: Installation, chain: EmbeddedChain) -> None:
    """Statements about lost blocks are evidence and no head of this ledger any more; witnesses sign anew."""
    file = here.home.checkpoints_file
    strays = [known for known in known_blocks(here) if known.where == file.name]
    if all(chain.block(known.block.number) == known.block for known in strays):
        return
    for part in (file, *file.parent.glob(f"{file.name}-*")):
        part.replace(part.with_name(part.name.replace(".db", f".lost-{here.clock.now()}.db", 1)))


def _clear_released(here: Installation, mending: Mending) -> None:
    """Bundles whose receipts name lost blocks are written out anew by the worker."""
    numbers = {*mending.again, *mending.asked, *mending.arrived, *(moved.batch_id for moved in mending.moved)}
    for number in sorted(numbers):
        issuer = here.store.batches.batch(number).issuer
        shutil.rmtree(here.home.released / issuer / str(number), ignore_errors=True)
    if mending.moved:
        write_file(here.home.path / REBUILD_MARK, b"")


def _note(here: Installation, mending: Mending, pulled: Pulled | None) -> bool:
    """In the audit log, whose newest row is again the database's own; False where no password is at hand."""
    from ledger.bootstrap_ops import command_audit

    file = here.home.path / AUDIT_HEAD
    noted = AuditHeadFile(file).load()
    if noted is not None and noted.number and not has_audit_row(here, noted):
        file.replace(file.with_name(f"audit-head.lost-{noted.number}.json"))
    try:
        command_audit(here).note(
            None,
            "restore.heal",
            "chain",
            pulled=0 if pulled is None else pulled.count,
            again=len(mending.again),
            asked=len(mending.asked),
            calls=len(mending.calls),
            late=mending.late,
            lost_rows=len(mending.lost_rows),
        )
    except LedgerError:
        return False  # the key files may not be back yet; the numbers stand in the output
    return True


def _announce(
    here: Installation, mending: Mending, pulled: Pulled | None, mark: Any, *, is_noted: bool
) -> HealDone:
    """Put the notice into the next trust file; the mark goes when verifiers can know."""
    value = mark.get("notice")
    if value is None:
        (here.home.path / MARK).unlink(missing_ok=True)
        return HealDone(pulled, mending, None, announced=None, next_trust=None, is_noted=is_noted)
    notice = RestoreNotice(
        value["first_block"],
        value["last_block"],
        value["restored_at"],
        value.get("old_block"),
        bytes.fromhex(value["old_hash"][2:]) if "old_hash" in value else None,
    )
    set_mark(here.home, phase="notice", notice=value)
    next_file = here.home.path / NEXT_TRUST
    if not is_announced(here.home, {"notice": value}):
        _write_next(here, notice, next_file)
    if not is_announced(here.home, {"notice": value}):
        return HealDone(pulled, mending, notice, announced=False, next_trust=next_file, is_noted=is_noted)
    (here.home.path / MARK).unlink(missing_ok=True)
    next_file.unlink(missing_ok=True)
    return HealDone(pulled, mending, notice, announced=True, next_trust=None, is_noted=is_noted)


def _write_next(here: Installation, notice: RestoreNotice, file: Path) -> None:
    """The next version: what people have signed so far of it, or a new one; signed here if the key is here."""
    trusts = HomeTrust(here.home)
    data = _begun(file, trusts, notice) or next_trust(trusts.trust(), Changes(restore_notices=[notice]))
    try:
        uri = f"file:{here.home.key_file(here.record, LEDGER_OWNER, 'trust')}"
        data = sign_trust(json.loads(data), [here.keyring.credential_signer(uri)])
    except LedgerError:
        pass  # the key is with people, as it should be: they sign the file that is written now
    write_file(file, data, mode=0o644)
    try:
        trusts.take(data)
    except LedgerError:
        return  # not enough signatures yet


def _begun(file: Path, trusts: HomeTrust, notice: RestoreNotice) -> bytes | None:
    """A next version that lies here already and announces this very notice after the file in use."""
    from ledger.core.trust import parse_trust

    try:
        data = file.read_bytes()[: MAX_TRUST_BYTES + 1]
        found = parse_trust(data)
    except (OSError, LedgerError):
        return None
    follows = found.previous == load_trust_bytes(trusts.newest()).fingerprint
    return data if follows and notice in found.restore_notices else None


def has_notice(home: Home) -> bool:
    """Whether a restore waits for its notice to be signed."""
    mark = read_mark(home)
    return mark is not None and mark.get("phase") == "notice" and not is_announced(home, mark)
