"""Wires a mirror: its data directory, its witness key, and the service that follows a node."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from ledger.adapters import logs
from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.adapters.home_files import Home, HomeRecord, read_at_most, write_file
from ledger.adapters.key_files import make_private_folder
from ledger.adapters.mirror_chain import MirrorCopy, MirrorViewFile
from ledger.adapters.mirror_files import (
    EVIDENCE_FOLDER,
    STATE_FILE,
    EvidenceFiles,
    load_state,
    read_evidence,
    save_state,
)
from ledger.adapters.node_client import NodeClient
from ledger.adapters.signer_file import Keyring, create_credential_key
from ledger.adapters.system import SystemClock, SystemEntropy
from ledger.adapters.trust_files import HomeTrust
from ledger.bootstrap import password_chain
from ledger.bootstrap_chain import MIRROR_KIND, open_book
from ledger.core.contradictions import SAYS, require_proof
from ledger.core.errors import ConflictError, InputError, NotFoundError, UnavailableError
from ledger.core.jose import jwk_thumbprint, kid_of
from ledger.core.mirroring import MirrorState
from ledger.core.trust import MAX_TRUST_BYTES, Trust, load_trust_bytes
from ledger.ports import CredentialSigner, PasswordSource
from ledger.ports.witness import CheckpointBook
from ledger.services.mirror import Mirror, MirrorParts
from ledger.services.node import PIECE_BLOCKS
from ledger.settings import Settings

KEY_OWNER, KEY_WHO = "mirror", "witness"
_READABLE = 0o644
_log = logging.getLogger("ledger.mirror")


@dataclass(frozen=True, slots=True)
class MirrorPlan:
    """What a person asked for; None: as it was set up.

    Args:
        url: the ledger's node.
        trust: the trust file, or a next version of it.
        peers: other mirrors.
        key: URI of a witness key that lies elsewhere.
    """

    url: str | None = None
    trust: Path | None = None
    peers: Sequence[str] | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The public half of a witness key: what the keepers of the trust file need."""

    kid: str
    file: Path


def set_up_mirror(settings: Settings, plan: MirrorPlan) -> Home:
    """The data directory of a mirror, made or brought in line with the plan; asks nobody on the network.

    Raises:
        InputError: MIRROR_NEEDS_URL, MIRROR_NEEDS_TRUST, NODE_URL, TRUST_*.
        ConflictError: HOME_EXISTS: the directory belongs to something else.
    """
    home = Home(settings.home)
    if home.exists() and home.load().chain.get("kind") != MIRROR_KIND:
        raise ConflictError(
            "HOME_EXISTS",
            f"{home.path} holds an installation; name another directory with --home.",
            path=str(home.path),
        )
    for url in (plan.url, *(plan.peers or ())):
        if url is not None:
            NodeClient(url)
    if home.exists():
        if plan.trust is not None:
            _take_trust(home, plan.trust)
        home.change(lambda record: _changed(record, plan))
        return home
    if plan.url is None:
        raise InputError(
            "MIRROR_NEEDS_URL", "Name the address of the ledger's node: `ecert mirror URL --trust FILE`."
        )
    if plan.trust is None:
        raise InputError(
            "MIRROR_NEEDS_TRUST",
            "Name the ledger's trust file with --trust; get it from the operator by a way you trust.",
        )
    data = read_at_most(plan.trust, MAX_TRUST_BYTES)
    trust = load_trust_bytes(data)
    home.create()
    write_file(home.trust_file, data, _READABLE)
    record = HomeRecord(
        mode=trust.mode, created_at=SystemClock().now(), agencies=(), ready=True, chain={"kind": MIRROR_KIND}
    )
    home.save(_changed(record, plan))
    return home


def _changed(record: HomeRecord, plan: MirrorPlan) -> HomeRecord:
    chain = dict(record.chain)
    if plan.url is not None:
        chain["url"] = plan.url
    if plan.peers is not None:
        chain["peers"] = list(plan.peers)
    keys = dict(record.keys)
    if plan.key is not None:
        keys[f"{KEY_OWNER}/{KEY_WHO}"] = plan.key.removeprefix("file:")
    return replace(record, chain=chain, keys=keys)


def _take_trust(home: Home, file: Path) -> None:
    """A file that follows ours, or is ours, or one of the versions that ours came from."""
    data, trusts = read_at_most(file, MAX_TRUST_BYTES), HomeTrust(home)
    given = load_trust_bytes(data)
    if trusts.version(given.version) != data:
        trusts.take(data)


def make_witness_key(settings: Settings, home: Home, ask_new: PasswordSource | None) -> WitnessKey:
    """The witness key of a mirror, made when it is not there; its public half lies beside it.

    Raises:
        RefusedError: PASSWORD_NEEDED.
    """
    path = home.key_file(home.load(), KEY_OWNER, KEY_WHO)
    public, uri = path.with_name("witness.jwk"), f"file:{path}"
    if not path.exists():
        make_private_folder(path.parent)
        password = password_chain(settings, demo=False, ask=ask_new)
        signer = create_credential_key(uri, password(uri), SystemEntropy())
        jwk = {name: signer.public_jwk[name] for name in ("crv", "kty", "x", "y")}
        write_file(public, json.dumps(jwk, indent=1).encode() + b"\n", _READABLE)
    if not public.exists():  # made elsewhere, or killed in between
        found = Keyring(password_chain(settings, demo=False, ask=ask_new)).credential_signer(uri)
        jwk = {name: found.public_jwk[name] for name in ("crv", "kty", "x", "y")}
        write_file(public, json.dumps(jwk, indent=1).encode() + b"\n", _READABLE)
    return WitnessKey(kid_of(jwk_thumbprint(json.loads(public.read_bytes()))), public)


@dataclass
class MirrorSite:
    """A mirror at work, holding the lock of its copy.

    Args:
        home: its data directory.
        mirror: the service.
        signer: its witness key, or None.
    """

    home: Home
    mirror: Mirror
    signer: CredentialSigner | None


@contextmanager
def open_mirror(settings: Settings, ask: PasswordSource | None = None) -> Iterator[MirrorSite]:
    """The mirror in `settings.home`, as `set_up_mirror` left it.

    A copy that a restore notice of the trust file speaks of is set aside first: it begins anew, with all blocks
    of which no notice speaks.

    Raises:
        NotFoundError: HOME_MISSING, TRUST_MISSING.
        InputError: MIRROR_LEDGER, NODE_ANSWER.
        RefusedError: PASSWORD_NEEDED, KEY_*.
        UnavailableError: CHAIN_LOCKED, NODE_SILENT.
    """
    home = Home(settings.home)
    record = home.load_ready()
    clock, trusts = SystemClock(), HomeTrust(home)
    trust = trusts.trust()
    node = NodeClient(str(record.chain["url"]))
    peers = [NodeClient(str(url)) for url in record.chain.get("peers", ())]
    signer = _signer(settings, home, record, ask)
    state = load_state(home.path)
    aside = set_copy_aside(home, state) if state is not None and state.condition == "restored" else None
    with ExitStack() as stack:
        copy = MirrorCopy.open(home.chain_file, clock, trust, lambda: _genesis([node, *peers]))
        stack.callback(copy.close)
        book = open_book(home, read_only=False)
        stack.callback(book.close)
        if state is not None and aside is not None:
            take_over(copy, book, aside, void_from(trust, state.refused_signed_at or 0))
            (home.path / STATE_FILE).unlink()
            state = None
        view = SqlView(home.view_file, MIRROR_KIND, book=book)
        stack.callback(view.close)
        home.tighten()
        parts = MirrorParts(
            chain=copy,
            view=MirrorViewFile(copy, view, clock),
            book=book,
            evidence=EvidenceFiles(home.path / EVIDENCE_FOLDER, signer),
            clock=clock,
            trust=trusts.trust,
            take_trust=trusts.take,
            on_state=lambda told: _tell(home, told),
        )
        yield MirrorSite(home, Mirror(parts, node, peers, trust, signer, state), signer)


def _genesis(sources: Sequence[NodeClient]) -> bytes:
    """Block 0, from the first that answers; its hash is the ledger id, so it does not matter from whom."""
    for source in sources[:-1]:
        try:
            return source.genesis()
        except UnavailableError:
            continue
    return sources[-1].genesis()


def _signer(
    settings: Settings, home: Home, record: HomeRecord, ask: PasswordSource | None
) -> CredentialSigner | None:
    path = home.key_file(record, KEY_OWNER, KEY_WHO)
    if not path.exists() and f"{KEY_OWNER}/{KEY_WHO}" not in record.keys:
        return None
    return Keyring(password_chain(settings, demo=False, ask=ask)).credential_signer(f"file:{path}")


def set_copy_aside(home: Home, state: MirrorState) -> Path:
    """The copy of the history that was lost, and every word about it, is evidence too; its folder.

    Each step can run twice: the chain file goes last, and once it is there nothing is moved any more.
    """
    moment = datetime.fromtimestamp(state.since, UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = home.path / EVIDENCE_FOLDER / f"copy-{moment}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / home.chain_file.name).exists():
        return folder
    for file in (home.view_file, home.checkpoints_file, home.chain_file):
        for suffix in ("-wal", "-shm", ""):
            path = file.with_name(file.name + suffix)
            if path.exists():
                path.replace(folder / path.name)
    _log.warning("begun anew after a restore", extra={"code": "CHAIN_RESTORED"})
    return folder


def void_from(trust: Trust, signed_at: int) -> int:
    """The lowest block that was lost in a restore after this moment (seconds)."""
    later = (notice.first_block for notice in trust.restore_notices if notice.restored_at >= signed_at)
    return min(later, default=1)


def take_over(copy: MirrorCopy, book: CheckpointBook, folder: Path, below: int) -> None:
    """Run the blocks under `below` of a copy that was set aside, and keep what was signed about them.

    A restore notice speaks of the blocks that were lost. Were the others fetched anew as well, it would be a
    licence to rewrite all of them unseen.
    """
    with ExitStack() as stack:
        aside = Home(folder)
        old = EmbeddedReader(aside.chain_file)
        stack.callback(old.close)
        words = CheckpointFile(aside.checkpoints_file, read_only=True)
        stack.callback(words.close)
        last = min(below - 1, old.head().number)
        while (first := copy.head().number + 1) <= last:
            numbers = range(first, min(first + PIECE_BLOCKS, last + 1))
            copy.import_blocks((old.block_rlp(number) or b"" for number in numbers), lambda: None)
        for number in range(last + 1):
            for kept in words.at(number):
                if kept.signed.checkpoint.block == copy.block(number):
                    book.keep(kept.signed, kept.signatory)


def _tell(home: Home, state: MirrorState) -> None:
    save_state(home.path, state)
    if state.condition == "refusing":
        _log.error("the ledger is refused", extra={"code": state.code})
    elif state.condition == "waiting":
        _log.warning("waiting", extra={"code": state.code})


def log_mirror_to(home: Home) -> None:
    """Send the mirror's log to the data directory."""
    logs.log_to(home.logs, "mirror.log")


def mirror_state(settings: Settings) -> tuple[MirrorState | None, Trust, str]:
    """How the mirror in `settings.home` stands, its trust file, and the address that it follows, without password.

    Raises:
        NotFoundError: HOME_MISSING, MIRROR_MISSING.
    """
    home = Home(settings.home)
    record = home.load_ready()
    if record.chain.get("kind") != MIRROR_KIND:
        raise NotFoundError("MIRROR_MISSING", f"{home.path} holds no mirror.", path=str(home.path))
    url = urlsplit(str(record.chain["url"]))
    shown = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
    return load_state(home.path), HomeTrust(home).trust(), shown


def evidence_names(settings: Settings) -> Sequence[Path]:
    """The evidence that the mirror in `settings.home` keeps, oldest first."""
    files = EvidenceFiles(Home(settings.home).path / EVIDENCE_FOLDER)
    return [files.folder / name for name in files.names()]


@dataclass(frozen=True, slots=True)
class JudgedEvidence:
    """What a file of evidence proves. `kids`: of the keys that signed the two stories."""

    kind: str
    block: int
    seen_at: int
    source: str
    says: tuple[str, str]
    kids: tuple[str, ...]
    signed_at: tuple[int, ...]
    seen_by: str | None


def judge_evidence(path: Path) -> JudgedEvidence:
    """Judge a file of evidence, without a network and without believing who wrote it.

    Raises:
        NotFoundError: EVIDENCE_MISSING.
        InputError: EVIDENCE_SHAPE, EVIDENCE_SIGNATURE, EVIDENCE_PROVES_NOTHING, CHECKPOINT_SIGNATURE.
    """
    evidence, seen_by = read_evidence(path)
    require_proof(evidence)
    return JudgedEvidence(
        kind=evidence.kind,
        block=evidence.number,
        seen_at=evidence.seen_at,
        source=evidence.source,
        says=SAYS[evidence.kind],
        kids=tuple(kid_of(signed.thumbprint) for signed in evidence.statements),
        signed_at=tuple(signed.checkpoint.signed_at for signed in evidence.statements),
        seen_by=None if seen_by is None else kid_of(seen_by),
    )
