"""Prints of released credentials: ordered here, made by the worker, found again, withdrawn.

A print is one PDF of one credential whose anchor is final. Its check code and the secret of its QR exist
on the page and nowhere else: only keyed HMACs of them are stored, so what is lost is printed anew. The
file lies sealed under the credential's data key; erasing the person erases every print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.core.credential_type import CredentialType
from ledger.core.errors import ConflictError, InputError, NotFoundError, UnavailableError
from ledger.core.flow import FINAL, BatchRecord, JobKind, NewJob, Place
from ledger.core.merkle import MerkleTree
from ledger.core.model import ChainInfo, ParsedCredential, Purpose
from ledger.core.paper import (
    DOCUMENT_ID_BYTES,
    MAX_PURPOSE,
    TEMPLATE,
    Print,
    PrintKind,
    PrintRun,
    PrintState,
    show_secret,
)
from ledger.core.paper_bundle import narrow_bundle
from ledger.core.paper_page import (
    LANGUAGES,
    Choice,
    choices,
    printed_claims,
    require_choice,
)
from ledger.core.receipt import Receipt, parse_bundle
from ledger.ports import BatchStore, ChainView, Clock, CredentialFormat, DataKey, Entropy, Glyphs, Vault
from ledger.services.document_ports import Bundles, PrintFiles, PrintStore
from ledger.services.kill_points import Hooks, KillPoint, NoHooks

PURPOSE_CONTEXT = b"print-purpose:"
FILE_CONTEXT = b"print-file:"
CODE_KIND = "print-code"
SECRET_KIND = "print-secret"  # noqa: S105 (a kind of index, no secret)
PRINTS_PER_PIECE = 10  # a piece of a run: less than a second, then other jobs have their turn
MAX_QUEUED = 500  # single prints that wait: half a minute of work
NUMBER_BYTES = 8  # of a credential's name that its proof number shows


class DocumentService:
    """Orders, finds and withdraws prints.

    Args:
        prints: where they are kept.
        files: their sealed files.
        batches: where credentials lie.
        bundles: the credentials themselves.
        vault: data keys and search indexes.
        view: which seal keys are registered.
        info: chain and contract that receipts name.
        types: every credential type by its ref.
        credential_format: reads credentials.
        glyphs: which characters can be printed.
        clock, entropy: times; ids of prints.
        hooks: told about kill points.
    """

    def __init__(
        self,
        prints: PrintStore,
        files: PrintFiles,
        batches: BatchStore,
        bundles: Bundles,
        vault: Vault,
        view: ChainView,
        info: ChainInfo,
        types: Mapping[str, CredentialType],
        credential_format: CredentialFormat,
        glyphs: Glyphs,
        clock: Clock,
        entropy: Entropy,
        hooks: Hooks | None = None,
    ) -> None:
        self._prints = prints
        self._files = files
        self._batches = batches
        self._bundles = bundles
        self._vault = vault
        self._view = view
        self._info = info
        self._types = types
        self._format = credential_format
        self._glyphs = glyphs
        self._clock = clock
        self._entropy = entropy
        self._hooks = hooks or NoHooks()

    # Ordering.

    def order(
        self,
        name: bytes,
        *,
        kind: PrintKind,
        language: str,
        by: str,
        fields: Sequence[str] = (),
        purpose: str = "",
        document_id: bytes | None = None,
    ) -> Print:
        """A print for the worker to make.

        Args:
            name: of the credential's row, 16 bytes.
            kind: full or purpose.
            language: zh, en or bo; Chinese stands on every page.
            by: who asks, as the audit log names people.
            fields: claims of a purpose copy.
            purpose: of a purpose copy, at most 200 characters.
            document_id: 16 random bytes drawn for the form: sent twice, it is one print.

        Raises:
            NotFoundError: CREDENTIAL_UNKNOWN, SEAL_KEY_MISSING.
            ConflictError: NOT_RELEASED, CREDENTIAL_ERASED.
            UnavailableError: PRINT_QUEUE_FULL.
            InputError: PRINT_LANGUAGE, PRINT_FIELDS, PRINT_PURPOSE, GLYPH_MISSING.
        """
        place, leaf_index = self._released(name)
        self._require_language(language)
        self.seal_key(place.issuer)
        if document_id is not None:
            there = self._prints.find(document_id)
            if there is not None and there.name == name:
                return there
        if self._prints.queued() >= MAX_QUEUED:
            raise UnavailableError("PRINT_QUEUE_FULL", "Many prints wait already; try again in a minute.")
        key = self._key(name)
        text = " ".join(purpose.split())
        sealed = None
        chosen: tuple[str, ...] = ()
        if kind is PrintKind.PURPOSE:
            self._require_purpose(text)
            _bundle, credential = self._open(place.batch_id, leaf_index)
            chosen = require_choice(self._type(place.type_code), credential.claims, fields)
        document_id = document_id or self._entropy.token(DOCUMENT_ID_BYTES)
        if chosen:
            sealed = key.seal(text.encode("utf-8"), PURPOSE_CONTEXT + document_id)
        wanted = Print(
            id=document_id,
            name=name,
            issuer=place.issuer,
            type_code=place.type_code,
            batch_id=place.batch_id,
            leaf_index=leaf_index,
            kind=kind,
            language=language,
            fields=chosen,
            template=TEMPLATE,
            state=PrintState.ORDERED,
            ordered_at=self._clock.now(),
            ordered_by=by,
            purpose_sealed=sealed,
        )
        job = NewJob(JobKind.DOCUMENT, f"print:{document_id.hex()}", {"print": document_id.hex()})
        self._prints.add(wanted, place.record_id, job)
        self._hooks.reach(KillPoint.PRINT_ORDERED)
        return wanted

    def order_batch(self, batch_id: int, *, language: str, by: str) -> PrintRun:
        """Full copies of a whole batch; ordered already in this language: that run.

        Raises:
            NotFoundError: BATCH_UNKNOWN, SEAL_KEY_MISSING.
            ConflictError: NOT_RELEASED.
            InputError: PRINT_LANGUAGE.
        """
        self._require_language(language)
        batch = self._batches.batch(batch_id)
        if batch.state not in FINAL or not batch.type_id:
            raise _not_released()
        self.seal_key(batch.issuer)
        leaves = self._prints.leaves(batch_id)
        random = self._entropy.token(DOCUMENT_ID_BYTES * (len(leaves) + 1))
        ids = [random[at : at + DOCUMENT_ID_BYTES] for at in range(0, len(random), DOCUMENT_ID_BYTES)]
        run = PrintRun(ids.pop(), batch_id, batch.issuer, language, self._clock.now(), by, len(leaves), 0, 0)
        wanted = [
            (
                Print(
                    id=document_id,
                    name=leaf.name,
                    issuer=batch.issuer,
                    type_code=batch.type_code,
                    batch_id=batch_id,
                    leaf_index=leaf.leaf_index,
                    kind=PrintKind.FULL,
                    language=language,
                    fields=(),
                    template=TEMPLATE,
                    state=PrintState.ORDERED,
                    ordered_at=run.ordered_at,
                    ordered_by=by,
                    run_id=run.id,
                ),
                leaf.record_id,
                place // PRINTS_PER_PIECE,
            )
            for place, (leaf, document_id) in enumerate(zip(leaves, ids, strict=True))
        ]
        made = self._prints.add_run(run, wanted, piece_job(run.id, 0))
        self._hooks.reach(KillPoint.PRINT_ORDERED)
        return made

    def seal_key(self, issuer: str) -> int:
        """Number of a registered seal key that is good now.

        Raises: NotFoundError(SEAL_KEY_MISSING).
        """
        now = self._clock.now()
        for key in self._view.keys(issuer):
            good = key.valid_from <= now < key.valid_until and key.compromised_since is None
            if key.purpose == Purpose.SEAL and good:
                return key.number
        raise NotFoundError(
            "SEAL_KEY_MISSING", f"{issuer} has no registered seal key that is good now.", issuer=issuer
        )

    def has_seal_key(self, issuer: str) -> bool:
        """Whether `order` would find a seal key."""
        try:
            self.seal_key(issuer)
        except NotFoundError:
            return False
        return True

    def type_of(self, one: Print) -> CredentialType:
        """The type of a print's credential."""
        return self._type(one.type_code)

    def choices(self, name: bytes) -> tuple[CredentialType, tuple[Choice, ...]]:
        """What a purpose copy of this credential can show. Raises as `order`."""
        place, leaf_index = self._released(name)
        kind = self._type(place.type_code)
        _bundle, credential = self._open(place.batch_id, leaf_index)
        return kind, choices(kind, credential.claims)

    # Looking.

    def print(self, document_id: bytes) -> Print:
        """Raises NotFoundError(PRINT_UNKNOWN)."""
        return self._prints.get(document_id)

    def prints(self, name: bytes) -> tuple[Print, ...]:
        """Prints of one credential, newest first."""
        return self._prints.of_credential(name)

    def run(self, run_id: bytes) -> PrintRun:
        """Raises NotFoundError(PRINT_UNKNOWN)."""
        return self._prints.run(run_id)

    def runs(self, batch_id: int) -> tuple[PrintRun, ...]:
        """Runs over a batch, oldest first."""
        return self._prints.runs(batch_id)

    def files_of(self, run_id: bytes) -> tuple[Print, ...]:
        """Made prints of a run, in leaf order: what its ZIP holds."""
        return self._prints.of_run(run_id)

    def are_readable(self, prints: Sequence[Print]) -> tuple[Print, ...]:
        """Those whose credential was not erased."""
        keys = self._vault.load([one.name for one in prints])
        return tuple(one for one in prints if one.name in keys)

    def batch(self, batch_id: int) -> BatchRecord:
        """Raises NotFoundError(BATCH_UNKNOWN)."""
        return self._batches.batch(batch_id)

    def page_batch(self, one: Print) -> BatchRecord | None:
        """The document batch that anchors a print, None while it is in none."""
        return None if one.page_batch is None else self._batches.batch(one.page_batch)

    def place(self, name: bytes) -> Place:
        """Where a credential lies. Raises NotFoundError(CREDENTIAL_UNKNOWN)."""
        place = self._batches.place(name)
        if place is None:
            raise NotFoundError("CREDENTIAL_UNKNOWN", "There is no such credential here.")
        return place

    def purpose(self, one: Print) -> str:
        """Text of a purpose copy, empty for a full one. Raises ConflictError(CREDENTIAL_ERASED)."""
        if one.purpose_sealed is None:
            return ""
        return self._key(one.name).open(one.purpose_sealed, PURPOSE_CONTEXT + one.id).decode("utf-8")

    def file(self, one: Print) -> bytes:
        """The sealed PDF.

        Raises: ConflictError(PRINT_STATE, CREDENTIAL_ERASED), NotFoundError(PRINT_FILE_MISSING).
        """
        if one.state is not PrintState.MADE:
            raise ConflictError("PRINT_STATE", "This print is not made yet.", state=str(one.state))
        return self._key(one.name).open(self._files.read(one.id), FILE_CONTEXT + one.id)

    def bundle(self, one: Print) -> bytes:
        """The bundle inside a print. Raises ConflictError(CREDENTIAL_ERASED)."""
        data, credential = self._open(one.batch_id, one.leaf_index)
        if one.kind is PrintKind.FULL:
            return data
        shown = printed_claims(self._type(one.type_code), credential.claims, one.kind, one.fields)
        return narrow_bundle(data, shown.keys(), self.purpose(one))

    def printed(self, one: Print) -> dict[str, Any]:
        """Exactly the claims on the page, with the values of the credential.

        Raises: ConflictError(CREDENTIAL_ERASED).
        """
        _data, credential = self._open(one.batch_id, one.leaf_index)
        return printed_claims(self._type(one.type_code), credential.claims, one.kind, one.fields)

    def read(self, one: Print) -> tuple[bytes, ParsedCredential, CredentialType]:
        """Bundle, credential and type that a print is made of. Raises ConflictError(CREDENTIAL_ERASED)."""
        data, credential = self._open(one.batch_id, one.leaf_index)
        return data, credential, self._type(one.type_code)

    # Finding what a person holds in the hand.

    def by_code(self, proof_no: str, code: str) -> Print | None:
        """The print with this proof number and this check code (ledger.core.paper.parse_check_code).

        None for an unknown number and for a wrong code alike, after the same work. A withdrawn print is
        given too, since only its holder has the code: `revoked_at` says so.
        """
        return self._prints.by_code_index(self.code_index(proof_no, code))

    def by_secret(self, secret: bytes) -> Print | None:
        """The print whose QR holds this secret, withdrawn or not."""
        return self._prints.by_secret_index(self.secret_index(secret))

    def by_number(self, proof_no: str) -> Place | None:
        """The released credential of a type open to everybody with this proof number."""
        digits = proof_no.replace("-", "")
        try:
            start = bytes.fromhex(digits)
        except ValueError:
            return None
        if len(start) != NUMBER_BYTES:
            return None
        rest = 16 - NUMBER_BYTES
        names = self._prints.name_of_number(start + bytes(rest), start + b"\xff" * rest)
        place = self._batches.place(names[0]) if len(names) == 1 else None
        if place is None or place.batch_state not in FINAL or place.leaf_index is None:
            return None
        kind = self._types.get(place.type_code)
        return place if kind is not None and kind.open_verification else None

    def page_receipt(self, file_hash: bytes) -> Receipt | None:
        """Where a file lies in the ledger; None while its batch is not final, and for foreign files."""
        one = self._prints.by_file_hash(file_hash)
        if one is None or one.page_batch is None or one.page_index is None:
            return None
        batch = self._batches.batch(one.page_batch)
        if batch.state not in FINAL or batch.block is None or batch.root is None:
            return None
        tree = page_tree(self._prints.page_entries(batch.id))
        return Receipt(
            ledger_id=self._info.ledger_id,
            chain_id=self._info.chain_id,
            contract=self._info.ledger,
            issuer=batch.issuer,
            root=batch.root,
            leaf_index=one.page_index,
            tree_size=batch.size,
            path=tuple(tree.inclusion_path(one.page_index)),
            block=batch.block,
        )

    def code_index(self, proof_no: str, code: str) -> bytes:
        """What is stored instead of a check code, 32 bytes."""
        return self._vault.index(CODE_KIND, f"{proof_no}\n{code}")

    def secret_index(self, secret: bytes) -> bytes:
        """What is stored instead of a QR's secret, 32 bytes."""
        return self._vault.index(SECRET_KIND, show_secret(secret))

    def revoke(self, document_id: bytes, by: str) -> Print:
        """Withdraw a print: its code, its QR and its file say so here from now on. The credential stays as it is.

        Raises: NotFoundError(PRINT_UNKNOWN).
        """
        return self._prints.revoke(document_id, self._clock.now(), by)

    def seal_file(self, one: Print, file: bytes) -> bytes:
        """A file as it lies at rest. Raises ConflictError(CREDENTIAL_ERASED)."""
        return self._key(one.name).seal(file, FILE_CONTEXT + one.id)

    # Parts.

    def _released(self, name: bytes) -> tuple[Place, int]:
        place = self.place(name)
        if place.batch_state not in FINAL or place.leaf_index is None:
            raise _not_released()
        return place, place.leaf_index

    def _open(self, batch_id: int, leaf_index: int) -> tuple[bytes, ParsedCredential]:
        data = self._bundles.bundle(batch_id, leaf_index)
        return data, self._format.parse(parse_bundle(data).credential)

    def _key(self, name: bytes) -> DataKey:
        key = self._vault.load([name]).get(name)
        if key is None:
            raise ConflictError("CREDENTIAL_ERASED", "This credential was erased, and its prints with it.")
        return key

    def _type(self, ref: str) -> CredentialType:
        return self._types[ref]

    def _require_purpose(self, text: str) -> None:
        if not 1 <= len(text) <= MAX_PURPOSE:
            raise InputError(
                "PRINT_PURPOSE", "A copy for a purpose names it in 1 to 200 characters.", limit=MAX_PURPOSE
            )
        if not text.isprintable():
            raise InputError("PRINT_PURPOSE", "The purpose holds a hidden character.", limit=MAX_PURPOSE)
        missing = self._glyphs.missing(text)
        if missing:
            raise InputError(
                "GLYPH_MISSING",
                "The purpose has a character that cannot be printed.",
                characters=[f"U+{ord(one):04X} {one}" for one in missing],
            )

    def _require_language(self, language: str) -> None:
        if language not in LANGUAGES:
            raise InputError("PRINT_LANGUAGE", "A print is in zh, en or bo.", language=language[:20])


def piece_job(run_id: bytes, piece: int) -> NewJob:
    """The job of one piece of a run; each is queued by the one before, so that others have their turn."""
    return NewJob(JobKind.DOCUMENT, f"run:{run_id.hex()}:{piece}", {"run": run_id.hex(), "piece": piece})


def _not_released() -> ConflictError:
    return ConflictError(
        "NOT_RELEASED", "Nothing of this credential leaves before its anchor is final; wait a moment."
    )


def page_tree(entries: bytes) -> MerkleTree:
    """The tree over the files of a document batch; entries are their SHA-256, joined in leaf order."""
    return MerkleTree.of_entries([entries[at : at + 32] for at in range(0, len(entries), 32)])
