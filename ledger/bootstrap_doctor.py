"""Looks at everything an installation consists of, changes nothing, and says what to do.

Needs no password: whatever is encrypted stays closed. Each question is one function that gives
findings; a question that cannot be asked is itself a finding.
"""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.adapters.case_files import CaseFiles
from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.chain_view_open import FollowingView
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.home_files import P256_ROLES
from ledger.adapters.restore_sql import SqlRestoreBook
from ledger.adapters.signer_file import load_certificates
from ledger.adapters.system import SystemClock
from ledger.adapters.token_files import TokenFiles
from ledger.adapters.vault import looks_sealed, stored_names
from ledger.adapters.vitals_sql import SqlVitals
from ledger.bootstrap import Installation, load_trust
from ledger.bootstrap_chain import SNAPSHOT_KIND, chain_reader, rpc_record
from ledger.bootstrap_checkpoints import look_at_checkpoints
from ledger.bootstrap_guard import is_adopting, look
from ledger.bootstrap_people import audit_fault
from ledger.bootstrap_work import is_chain_free
from ledger.core.errors import InputError, LedgerError, NotFoundError
from ledger.core.flow import DAY_S, BatchRecord, BatchState
from ledger.core.health import BACKUP_AGE_S, BEAT_AGE_S
from ledger.core.model import KeyRecord
from ledger.core.restoring import LostRows
from ledger.core.standing import day_of
from ledger.core.status import is_case_id
from ledger.core.status_list import lasts_s
from ledger.core.x5c import LeafFacts, leaf_facts
from ledger.ports import Clock

OK, WARNING, PROBLEM = "ok", "warning", "problem"
OTHERS = stat.S_IRWXG | stat.S_IRWXO
CLOCK_BEHIND_S = 5
CLOCK_AHEAD_S = 30 * DAY_S
CERTIFICATE_S = 365 * DAY_S
TRUST_S = 30 * DAY_S
APPROVAL_S = DAY_S
FULL_BYTES = 1_000_000_000
FINAL_BITS = int("8" * 64, 16)  # bit 3 of each of a word's 64 statuses
ALARM_DAYS = 7
WAITING = (BatchState.SIGNED, BatchState.MADE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. `code` picks the texts; `detail` fills them."""

    outcome: str
    code: str
    detail: dict[str, Any] = field(default_factory=dict)


def examine(here: Installation) -> list[Finding]:
    """All findings, in the order in which a person would look."""
    questions: tuple[Callable[[Installation], Iterator[Finding]], ...] = (
        _permissions,
        _databases,
        _disk,
        _clock,
        _lock,
        _heartbeat,
        _backups,
        _set_back,
        _view,
        _nodes,
        _overlaps,
        _trust,
        _checkpoints,
        _certificates,
        _permanent,
        _lists,
        _cases,
        _dead_letters,
        _backlog,
        _approvals,
        _standing,
        _audit,
    )
    if here.record.chain.get("kind") == SNAPSHOT_KIND:  # no store, no keys, no worker
        questions = (_permissions, _databases, _disk, _snapshot, _overlaps, _trust)
    findings: list[Finding] = []
    for question in questions:
        try:
            found = list(question(here))
        except LedgerError as error:
            found = [Finding(PROBLEM, "DOCTOR_FAILED", {"what": question.__name__[1:], "code": error.code})]
        findings += found
    return findings


def _permissions(here: Installation) -> Iterator[Finding]:
    """The home is ours alone; keys and passwords wherever they lie, too."""
    paths = [here.home.path, *here.home.keys.rglob("*.key"), *here.home.keys.rglob("password")]
    paths += [Path(named) for named in here.record.keys.values() if Path(named).is_absolute()]
    open_to_others = [str(path) for path in paths if path.exists() and path.stat().st_mode & OTHERS]
    for path in open_to_others:
        yield Finding(PROBLEM, "DOCTOR_FILE_OPEN", {"path": path})
    if not open_to_others:
        yield Finding(OK, "DOCTOR_PERMISSIONS")


def _databases(here: Installation) -> Iterator[Finding]:
    home = here.home
    own_chain = [] if rpc_record(here.record) else [home.chain_file]
    needed = [home.store_file, home.key_store_file, *own_chain, home.view_file]
    if here.record.chain.get("kind") == SNAPSHOT_KIND:
        needed = [home.view_file]
    for path in needed:
        if not path.exists():
            if path != home.view_file:  # the view is made by the first worker
                yield Finding(PROBLEM, "DOCTOR_DATABASE_MISSING", {"path": str(path)})
            continue
        answer = _integrity(path)
        if answer == "ok":
            yield Finding(OK, "DOCTOR_DATABASE", {"path": path.name})
        else:
            yield Finding(PROBLEM, "DOCTOR_DATABASE_BROKEN", {"path": str(path), "answer": answer})


def _integrity(path: Path) -> str:
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        return str(error)


def _disk(here: Installation) -> Iterator[Finding]:
    free = here.home.free_bytes()
    outcome = OK if free >= FULL_BYTES else PROBLEM
    yield Finding(
        outcome, "DOCTOR_DISK" if outcome == OK else "DOCTOR_DISK_FULL", {"free_mb": free // 1_000_000}
    )


def _clock(here: Installation) -> Iterator[Finding]:
    head = chain_reader(here.home, here.record).head()
    ahead = here.clock.now() - head.time
    if ahead < -CLOCK_BEHIND_S:
        yield Finding(PROBLEM, "DOCTOR_CLOCK_BEHIND", {"seconds": -ahead})
    elif ahead > CLOCK_AHEAD_S and rpc_record(here.record) is None:  # others seal their blocks themselves
        yield Finding(PROBLEM, "DOCTOR_CLOCK_AHEAD", {"days": ahead // DAY_S})
    else:
        yield Finding(OK, "DOCTOR_CLOCK", {"block": head.number})


def _lock(here: Installation) -> Iterator[Finding]:
    free = is_chain_free(here.home.path)
    yield Finding(OK, "DOCTOR_NO_WORKER" if free else "DOCTOR_WORKER_RUNS")


def _heartbeat(here: Installation) -> Iterator[Finding]:
    """A worker that holds the chain but gives no sign of life is stuck."""
    beat_at = SqlVitals(here.store.database).beat_at()
    age = None if beat_at is None else here.clock.now() - beat_at
    if is_chain_free(here.home.path):
        return
    if age is None or age > BEAT_AGE_S:
        yield Finding(WARNING, "DOCTOR_WORKER_SILENT", {"seconds": "?" if age is None else age})


def _backups(here: Installation) -> Iterator[Finding]:
    """How old the newest backup is, and whether the list of erasures lies anywhere else."""
    vitals = SqlVitals(here.store.database)
    made_at = vitals.backup_at()
    if here.record.mode == "demo" and made_at is None:
        return  # nobody misses a demo
    if made_at is None:
        yield Finding(WARNING, "DOCTOR_NO_BACKUP")
        return
    hours = (here.clock.now() - made_at) // 3600
    is_old = here.clock.now() - made_at > BACKUP_AGE_S
    yield Finding(
        WARNING if is_old else OK, "DOCTOR_BACKUP_OLD" if is_old else "DOCTOR_BACKUP", {"hours": hours}
    )


def _set_back(here: Installation) -> Iterator[Finding]:
    """A part of the data directory that was put back to an older copy, and what a restore left to be done."""
    if is_adopting(here.home):
        yield Finding(PROBLEM, "DOCTOR_RESTORE_UNFINISHED")
        return
    if rpc_record(here.record) is None:
        with closing(EmbeddedReader(here.home.chain_file)) as chain:
            found = look(here, chain, here.view)
        for error in found:
            if isinstance(error, NotFoundError):
                yield Finding(PROBLEM, "DOCTOR_FAILED", {"what": "set_back", "code": error.code})
            else:
                yield Finding(PROBLEM, f"DOCTOR_{error.code}", error.detail)
        if not found:
            yield Finding(OK, "DOCTOR_ONE_HISTORY")
    lost = _lost_rows(here)
    if lost:
        roots = ", ".join("0x" + one.root.hex() for one in lost)
        yield Finding(WARNING, "DOCTOR_LOST_ROWS", {"batches": len(lost), "roots": roots})


def _lost_rows(here: Installation) -> list[LostRows]:
    """Batches on chain without rows here that still count: of those that were withdrawn nothing is left to do."""
    lost = SqlRestoreBook(here.store.database).lost_rows()
    ended = {
        (anchor.issuer, anchor.root)
        for issuer in {one.issuer for one in lost}
        for anchor in here.view.anchors(issuer)
        if anchor.withdrawn_at is not None
    }
    return [one for one in lost if (one.issuer, one.root) not in ended]


def _view(here: Installation) -> Iterator[Finding]:
    if not here.home.view_file.exists():
        yield Finding(OK, "DOCTOR_NO_VIEW")
        return
    view = SqlView(here.home.view_file, read_only=True)
    head = view.head()
    chain = chain_reader(here.home, here.record).head()
    lag = chain.number if head is None else chain.number - head.block.number
    if head is not None and head.forked:
        yield Finding(PROBLEM, "DOCTOR_VIEW_FORKED")
    elif lag < 0:
        return  # the chain is older than its view: told by _set_back
    elif lag and not is_chain_free(here.home.path) and here.clock.now() - chain.time > 60:
        yield Finding(PROBLEM, "DOCTOR_VIEW_BEHIND", {"blocks": lag})
    else:
        yield Finding(OK, "DOCTOR_VIEW", {"blocks": lag})


def _nodes(here: Installation) -> Iterator[Finding]:
    """Nodes of a chain that others run: each answers, and they agree."""
    remote = rpc_record(here.record)
    if remote is not None:
        from ledger.adapters.chain_rpc import probe
        from ledger.adapters.chain_rpc.node import Node

        nodes = [Node(url) for url in remote.urls]
        for found in (*map(probe.greet, nodes), *probe.compare(nodes)):
            yield Finding(found.outcome, found.code, found.detail)


def machine_clock() -> Clock:
    """For `examine_chain`."""
    return SystemClock()


def examine_chain(chain: str, finality: str, clock: Clock) -> list[Finding]:
    """What a chain can do that the ledger is to be put on: `rpc:URL,URL` or plain addresses.

    Raises:
        InputError: CHAIN_URL, CHAIN_FINALITY.
    """
    from ledger.adapters.chain_rpc import probe
    from ledger.adapters.chain_rpc.finality import parse_finality
    from ledger.adapters.chain_rpc.node import Node

    rule = parse_finality(finality)
    nodes = [Node(url.strip()) for url in chain.removeprefix("rpc:").split(",")]
    found = [finding for node in nodes for finding in probe.probe(node, clock, rule)]
    return [Finding(one.outcome, one.code, one.detail) for one in (*found, *probe.compare(nodes))]


def _overlaps(here: Installation) -> Iterator[Finding]:
    view = here.view
    if isinstance(view, FollowingView | SqlView):
        for alarm in view.alarms():
            roots = ", ".join("0x" + root.hex() for root in alarm.roots)
            yield Finding(
                PROBLEM, "DOCTOR_OVERLAP", {"issuer": alarm.issuer, "list": alarm.list, "roots": roots}
            )


def _snapshot(here: Installation) -> Iterator[Finding]:
    """The newest imported snapshot, and whether verification may still rely on it."""
    head = here.view.head()
    if head is None:
        yield Finding(PROBLEM, "DOCTOR_SNAPSHOT_NONE")
        return
    age = here.clock.now() - head.confirmed_at
    detail = {"block": head.block.number, "hours": age // 3600}
    is_old = age > load_trust(here.home.trust_file).max_age_s["snapshot"]
    yield Finding(PROBLEM if is_old else OK, "DOCTOR_SNAPSHOT_OLD" if is_old else "DOCTOR_SNAPSHOT", detail)


def _trust(here: Installation) -> Iterator[Finding]:
    trust = load_trust(here.home.trust_file)
    left = trust.not_after - here.clock.now()
    detail = {"days": left // DAY_S}
    if left <= 0:
        yield Finding(PROBLEM, "DOCTOR_TRUST_ENDED", detail)
    elif left < TRUST_S:
        yield Finding(WARNING, "DOCTOR_TRUST_ENDS", detail)
    else:
        yield Finding(OK, "DOCTOR_TRUST", detail)


def _checkpoints(here: Installation) -> Iterator[Finding]:
    """The chain that is sealed here is signed for, and as many witnesses follow as the trust file demands."""
    if rpc_record(here.record) is not None or not here.record.agencies:
        return
    for fact in look_at_checkpoints(here):
        yield Finding(fact.outcome, fact.code, fact.detail)


def _certificates(here: Installation) -> Iterator[Finding]:
    """Keys in use: registered, honest, good now, and their certificates not about to end."""
    now = here.clock.now()
    registered = {
        key.thumbprint: key for record in here.view.issuers() for key in here.view.keys(record.issuer)
    }
    for agency in here.record.agencies:
        for who in P256_ROLES:
            x5c = load_certificates(here.agencies.uri(agency.uscc, who))
            detail: dict[str, Any] = {"issuer": agency.uscc, "key": who}
            if not x5c:  # without a seal key nothing can be printed, all else goes on
                yield Finding(WARNING if who == "seal" else PROBLEM, "DOCTOR_NO_CERTIFICATE", detail)
                continue
            facts = leaf_facts(x5c[0])
            key = registered.get(facts.thumbprint)
            detail["days"] = (facts.not_after - now) // DAY_S
            if key is None:
                yield Finding(PROBLEM, "DOCTOR_KEY_NOT_REGISTERED", detail)
            elif key.compromised_since is not None or not key.valid_from <= now < key.valid_until:
                yield Finding(PROBLEM, "DOCTOR_KEY_NOT_GOOD", detail)
            elif facts.not_after - now < CERTIFICATE_S:
                yield Finding(WARNING, "DOCTOR_CERTIFICATE_ENDS", detail)
            else:
                yield Finding(OK, "DOCTOR_KEY", detail)


def _permanent(here: Installation) -> Iterator[Finding]:
    """Batches of types without a fixed end whose certificate ends soon: standard verifiers will refuse them."""
    now = here.clock.now()
    for batch in here.store.batches.batches(states=(BatchState.RELEASED,)):
        loaded = here.types.by_ref(batch.type_code)
        if loaded is not None and loaded.type.validity.days is not None:
            continue
        living = _living(here, batch)
        if not living:
            continue
        detail: dict[str, Any] = {"batch": batch.id, "size": living}
        ends = _leaf_end(here, batch)
        if ends is None:
            yield Finding(WARNING, "DOCTOR_REISSUE_UNKNOWN", {**detail, "issuer": batch.issuer})
        elif ends - now < CERTIFICATE_S:
            yield Finding(WARNING, "DOCTOR_REISSUE", {**detail, "days": (ends - now) // DAY_S})


def _living(here: Installation, batch: BatchRecord) -> int:
    """How many credentials of a batch have not ended: those that were replaced need nothing any more."""
    withdrawn = {one.root for one in here.view.anchors(batch.issuer) if one.withdrawn_at is not None}
    if batch.root is None or batch.root in withdrawn:
        return 0
    words = here.view.status_words(batch.issuer, batch.root).values()
    return batch.size - sum((word & FINAL_BITS).bit_count() for word in words)


def _leaf_end(here: Installation, batch: BatchRecord) -> int | None:
    """End of the certificate inside a batch's credentials; None when it is not to be had here.

    It is the one kept for the key that the batch was closed for. Bundles say it too, but they leave
    the installation.
    """
    for key in here.view.keys(batch.issuer):
        if key.number == batch.key:
            for certificates in (_kept, _in_use):
                for leaf in certificates(here, key):
                    if leaf.thumbprint == key.thumbprint:
                        return leaf.not_after
    return None


def _kept(here: Installation, key: KeyRecord) -> list[LeafFacts]:
    leaf = here.home.kept_leaf(key.thumbprint)
    try:
        return [] if leaf is None else [leaf_facts(leaf)]
    except LedgerError:  # a damaged file: the one in use may still tell
        return []


def _in_use(here: Installation, key: KeyRecord) -> list[LeafFacts]:
    try:
        uri = here.agencies.uri(key.issuer, "credential")
        return [leaf_facts(leaf) for leaf in load_certificates(uri)[:1]]
    except LedgerError:  # a damaged file: told as a finding on the batch
        return []


def _cases(here: Installation) -> Iterator[Finding]:
    """Cases whose file or key is gone. A damaged one with both is found by `ecert status list`."""
    cases = CaseFiles(here.home.path / "cases")
    ids = cases.ids()
    names = [bytes.fromhex(case_id) for case_id in ids if is_case_id(case_id)]
    keyed = stored_names(here.home.key_store_file, names)
    broken = [case_id for case_id in ids if not _is_in_order(cases, case_id, keyed)]
    for case_id in broken:
        yield Finding(PROBLEM, "DOCTOR_CASE_UNREADABLE", {"case": case_id})
    if not broken:
        yield Finding(OK, "DOCTOR_CASES", {"cases": len(ids)})


def _is_in_order(cases: CaseFiles, case_id: str, keyed: AbstractSet[bytes]) -> bool:
    try:
        sealed = cases.load(case_id)
    except InputError:
        return False
    return sealed is not None and looks_sealed(sealed) and bytes.fromhex(case_id) in keyed


def _lists(here: Installation) -> Iterator[Finding]:
    """Published lists that ran out: standard verifiers refuse every credential of theirs."""
    now = here.clock.now()
    ended: dict[str, list[str]] = {}
    count = 0
    for issuer, number, token in TokenFiles(here.home.published).everything():
        count += 1
        if not _lasts(token, now):
            ended.setdefault(issuer, []).append(number)
    # with a worker they are made anew in time; without one they end within minutes
    outcome = WARNING if is_chain_free(here.home.path) else PROBLEM
    for issuer, numbers in ended.items():
        yield Finding(outcome, "DOCTOR_LIST_ENDED", {"issuer": issuer, "lists": ", ".join(numbers)})
    if not ended:
        yield Finding(OK, "DOCTOR_LISTS", {"lists": count})


def _lasts(token: str, now: int) -> bool:
    try:
        return lasts_s(token, now) > 0
    except (LedgerError, KeyError, TypeError, ValueError):  # a damaged token is none
        return False


def _dead_letters(here: Installation) -> Iterator[Finding]:
    dead = here.store.outbox.jobs(dead=True)
    for job in dead:
        detail = {"job": job.id, "kind": str(job.kind), "reason": job.code, "batch": job.payload.get("batch")}
        if "serial" in job.detail:
            detail["serial"] = job.detail["serial"]
        yield Finding(PROBLEM, "DOCTOR_ROW_FAULT" if "serial" in detail else "DOCTOR_DEAD_LETTER", detail)
    if not dead:
        yield Finding(OK, "DOCTOR_NO_DEAD_LETTERS")


def _backlog(here: Installation) -> Iterator[Finding]:
    jobs = here.store.outbox.jobs()
    if jobs and is_chain_free(here.home.path):
        yield Finding(PROBLEM, "DOCTOR_BACKLOG", {"jobs": len(jobs)})
    else:
        yield Finding(OK, "DOCTOR_JOBS", {"jobs": len(jobs)})


def _approvals(here: Installation) -> Iterator[Finding]:
    now = here.clock.now()
    for batch in here.store.batches.batches(states=WAITING):
        left = (batch.deadline or batch.expires_on) - now
        detail = {"batch": batch.id, "hours": max(left, 0) // 3600, "state": str(batch.state)}
        if left < APPROVAL_S:
            yield Finding(WARNING, "DOCTOR_APPROVAL_ENDS", detail)
        else:
            yield Finding(OK, "DOCTOR_WAITS", detail)


def _audit(here: Installation) -> Iterator[Finding]:
    """The audit log: whole, or edited, thinned out, cut off, put back."""
    fault, rows, is_sealed = audit_fault(here.settings)
    if fault is not None:
        yield Finding(PROBLEM, "DOCTOR_AUDIT_BROKEN", {"row": fault.number, "fault": fault.kind})
    else:
        yield Finding(OK, "DOCTOR_AUDIT" if is_sealed else "DOCTOR_AUDIT_UNSEALED", {"rows": rows})


def _standing(here: Installation) -> Iterator[Finding]:
    """Unusual use of standing approvals in the last days: a busy office, or a stolen server."""
    since = day_of(here.clock.now()) - ALARM_DAYS
    for alarm in here.store.standing.alarms(since):
        yield Finding(
            WARNING,
            "DOCTOR_STANDING",
            {
                "issuer": alarm.issuer,
                "standing": "0x" + alarm.standing_id.hex(),
                "leaves": alarm.leaves,
                "usual": alarm.usual,
            },
        )
