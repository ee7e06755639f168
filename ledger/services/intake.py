"""The desk's side of an intake: take a file or a form, hand it in, give it up; drafts of forms.

A file is sealed before it is stored, and stored together with the job that will read it, so that
nothing is lost when the web process or the session ends and nothing can be read without the vault.
What the worker does with it is services.intake_work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ledger.core.claims import shanghai_day
from ledger.core.credential_type import CredentialType
from ledger.core.errors import ConflictError, InputError, LedgerError, NotFoundError
from ledger.core.flow import BatchState, RowOutcome
from ledger.core.intake import (
    MAX_UPLOAD,
    PIECE_BYTES,
    Draft,
    Finding,
    FindingKind,
    Intake,
    IntakeKind,
    IntakeState,
    IntakeStep,
    Move,
    NewIntake,
    clean_file_name,
)
from ledger.core.rows import RowChecker, RowIssue
from ledger.core.rules import Mode
from ledger.core.schema import SchemaValidator
from ledger.ports import Clock, Entropy, Store, Vault
from ledger.services.checking import IssuePlan, RowWriter, index_row, is_final, judge, write_json
from ledger.services.intake_book import IntakeBook
from ledger.services.kill_points import Hooks, KillPoint, NoHooks
from ledger.services.records import KnownRecords

NAME_BYTES = 16
FILE_CONTEXT = b"intake:"
LABEL_CONTEXT = b"intake-label:"
FAILED_CONTEXT = b"intake-failed:"
DRAFT_CONTEXT = b"draft:"
WAITING = (IntakeState.CHECKED,)
SUPERSEDES = "supersedes"


class IntakeService:
    """Takes files and forms for organisations.

    Args:
        book: uploads and drafts.
        store: batches of what was handed in.
        records: what is known of earlier rows.
        vault: seals content, makes keyed digests.
        types: every credential type by its ref.
        validator: makes the schema validator of a type.
        mode: demo or production: which divisions are accepted.
        clock, entropy: times; names of data keys.
        hooks: told about kill points.
        dumps: JSON of a row, the same as that of the import.
    """

    def __init__(
        self,
        book: IntakeBook,
        store: Store,
        records: KnownRecords,
        vault: Vault,
        types: Mapping[str, CredentialType],
        validator: Callable[[Mapping[str, Any]], SchemaValidator],
        mode: Mode,
        clock: Clock,
        entropy: Entropy,
        hooks: Hooks | None = None,
        dumps: RowWriter = write_json,
    ) -> None:
        self.book = book
        self._store = store
        self._records = records
        self._vault = vault
        self._types = types
        self._validator = validator
        self._mode = mode
        self._clock = clock
        self._entropy = entropy
        self._hooks = hooks or NoHooks()
        self._dumps = dumps

    def receive(
        self, issuer: str, type_ref: str, data: bytes, file_name: str, person: int
    ) -> tuple[Intake, bool]:
        """Keep a file; the worker checks it. The same file again is the same intake.

        Args:
            issuer: the organisation it is for.
            type_ref: `CODE:version`.
            data: its bytes.
            file_name: as the browser says; only for people to look at.
            person: who handed it in.

        Returns:
            The intake, and whether it is new.

        Raises:
            InputError: UPLOAD_EMPTY, UPLOAD_TOO_LARGE.
            NotFoundError: TYPE_NOT_HERE.
            UnavailableError: STORE_UNAVAILABLE, VAULT_UNAVAILABLE; nothing is kept then.
        """
        if not data.strip():
            raise InputError("UPLOAD_EMPTY", "The file is empty.")
        if len(data) > MAX_UPLOAD:
            raise InputError("UPLOAD_TOO_LARGE", "The file is too large.", limit=MAX_UPLOAD)
        self._type(type_ref)
        digest = self._digest(issuer, type_ref, hashlib.sha256(data).hexdigest())
        self._let_come_again(self.book.of_digest(issuer, type_ref, digest))
        return self._keep(issuer, type_ref, data, clean_file_name(file_name), person, digest, IntakeKind.FILE)

    def intake(self, intake_id: int) -> Intake:
        """Raises NotFoundError(INTAKE_UNKNOWN)."""
        return self.book.intake(intake_id)

    def file_name(self, intake: Intake) -> str:
        """What the file was called; empty once it is erased, and for forms."""
        key = self._vault.load([intake.name]).get(intake.name)
        return "" if key is None else key.open(intake.label, LABEL_CONTEXT + intake.name).decode()

    def submit(self, intake_id: int, *, supersede: bool = False) -> Intake:
        """Hand in the good rows of a checked file. Twice: no further effect.

        Args:
            intake_id: a checked intake.
            supersede: rows whose record is on chain with other values become corrected versions of it.
        Raises: ConflictError(INTAKE_STATE, NOTHING_TO_ISSUE).
        """
        found = self.book.intake(intake_id)
        if found.state in (IntakeState.SUBMITTED, IntakeState.IMPORTING, IntakeState.CLOSED):
            return found
        is_file = found.kind is IntakeKind.FILE and found.state is IntakeState.CHECKED
        if is_file and not found.counts.issuable(supersede=supersede):
            raise ConflictError("NOTHING_TO_ISSUE", "No row of this upload can be issued.", intake=intake_id)
        values: dict[str, Any] = {
            "supersede": supersede, "done": 0, "seconds_left": None, "code": "", "detail": {},
            "started_at": self._clock.now(),
        }  # fmt: skip
        move = Move(IntakeState.SUBMITTED, values, step=IntakeStep.IMPORT)
        moved = self.book.move(intake_id, WAITING, move)
        self._hooks.reach(KillPoint.INTAKE_SUBMITTED)
        return moved

    def recheck(self, intake_id: int) -> Intake:
        """Check the same file again, for instance after a grant was renewed or another day has begun."""
        values: dict[str, Any] = {
            "done": 0,
            "seconds_left": None,
            "code": "",
            "detail": {},
            "started_at": self._clock.now(),
        }
        return self.book.move(intake_id, WAITING, Move(IntakeState.RECEIVED, values, step=IntakeStep.CHECK))

    def abandon(self, intake_id: int) -> Intake:
        """Give up an upload that was not handed in; its content is erased at once.

        Raises: ConflictError(INTAKE_STATE).
        """
        states = (IntakeState.RECEIVED, IntakeState.CHECKED, IntakeState.REFUSED)
        moved = self.book.move(intake_id, states, GIVEN_UP)
        erase_content(self.book, self._vault, moved, self._clock.now())
        return self.book.intake(intake_id)

    def findings(
        self, intake_id: int, kinds: Sequence[FindingKind], first: int, count: int
    ) -> tuple[Finding, ...]:
        """Errors, changes or warnings of a check, in the file's order."""
        return self.book.findings(intake_id, kinds, first, count)

    def failed_rows(self, intake: Intake) -> list[list[Any]]:
        """The header and the failed rows of a file as they came; empty once they are erased."""
        return open_failed(self.book, self._vault, intake)

    # forms

    def new_draft_name(self) -> bytes:
        """16 bytes that nobody can guess: a form carries them, so that sending it twice is one draft."""
        return self._entropy.token(NAME_BYTES)

    def save_draft(
        self,
        name: bytes,
        issuer: str,
        type_ref: str,
        person: int,
        values: Mapping[str, str],
        supersedes: int | None = None,
    ) -> None:
        """Keep what was filled in so far, sealed.

        Raises: NotFoundError(DRAFT_UNKNOWN) for somebody else's.
        """
        self._type(type_ref)
        known = self.book.draft(name)
        if known is not None:
            self._require_mine(known, issuer, person)
        [key] = self._vault.create([name])
        sealed = key.seal(json.dumps(dict(values), ensure_ascii=False).encode(), DRAFT_CONTEXT + name)
        record = supersedes if known is None else known.supersedes
        self.book.save_draft(Draft(name, issuer, type_ref, person, record, sealed, self._clock.now()))

    def draft(self, name: bytes, issuer: str, person: int) -> tuple[Draft, dict[str, str]]:
        """A draft and its values. Raises: NotFoundError(DRAFT_UNKNOWN)."""
        found = self.book.draft(name)
        if found is None:
            raise NotFoundError("DRAFT_UNKNOWN", "There is no such draft.")
        self._require_mine(found, issuer, person)
        key = self._vault.load([name]).get(name)
        if key is None:
            raise NotFoundError("DRAFT_UNKNOWN", "There is no such draft.")
        return found, json.loads(key.open(found.sealed, DRAFT_CONTEXT + name))

    def drop_draft(self, name: bytes, issuer: str, person: int) -> None:
        """Throw a draft away. Raises: NotFoundError(DRAFT_UNKNOWN)."""
        self.draft(name, issuer, person)
        self.book.drop_draft(name)
        self._vault.erase([name], self._clock.now())

    def check_form(
        self, type_ref: str, values: Mapping[str, str]
    ) -> tuple[dict[str, Any] | None, tuple[RowIssue, ...]]:
        """Canonical fields of a form, None with its faults; `column` of a fault is the field's key."""
        kind = self._type(type_ref)
        today = shanghai_day(self._clock.now())
        bound = RowChecker(kind, self._validator(kind.schema), self._mode, today).bind(None)
        given = {key: values[key] for key in (field.key for field in kind.fields) if values.get(key)}
        result = bound.check(1, given)
        keys = {field.headers[0]: field.key for field in kind.fields}
        errors = tuple(
            RowIssue(issue.row, keys.get(issue.column, issue.column), issue.code, issue.text)
            for issue in result.errors
        )
        return result.fields, errors

    def known_as(
        self, issuer: str, type_ref: str, fields: Mapping[str, Any]
    ) -> tuple[RowOutcome, int | None, bool]:
        """What would become of these fields: outcome, the record that is known, whether it can be replaced."""
        plan = IssuePlan(issuer, self._type(type_ref), self._mode)
        key, content_index, _content = index_row(self._vault, plan, fields, self._dumps)
        found = self._records.known(issuer, type_ref, [key]).get(key)
        if found is None:
            return RowOutcome.ISSUED, None, False
        return judge(found, content_index, supersede=False), found.record_id, is_final(found)

    def submit_draft(
        self, name: bytes, issuer: str, person: int, *, supersede: bool = False
    ) -> tuple[Intake, bool]:
        """Hand in a draft as an intake of one row. Twice: the same intake.

        Raises:
            NotFoundError: DRAFT_UNKNOWN.
            InputError: FORM_INVALID when its values are not good (any more).
        """
        try:
            draft, values = self.draft(name, issuer, person)
        except NotFoundError:
            sent = self.sent(name, issuer)
            if sent is None:
                raise
            return sent, False
        fields, errors = self.check_form(draft.type_code, values)
        if fields is None:
            raise InputError("FORM_INVALID", "Some values of the form are not good.", count=len(errors))
        line = json.dumps(fields, ensure_ascii=False).encode()
        kept = self._keep(
            issuer,
            draft.type_code,
            line,
            "",
            person,
            self._digest(issuer, "draft", name.hex()),
            IntakeKind.FORM,
            draft=name,
            supersede=supersede or draft.supersedes is not None,
        )
        self._vault.erase([name], self._clock.now())
        return kept

    def _let_come_again(self, known: Intake | None) -> None:
        """A file of which a batch was refused is a new intake: its rows may be issued again."""
        if known is None or known.state is not IntakeState.CLOSED or known.job_id is None:
            return
        batches = self._store.batches.batches(job_id=known.job_id)
        if any(batch.state is BatchState.REFUSED for batch in batches):
            self.book.move(known.id, (IntakeState.CLOSED,), Move(IntakeState.CLOSED, forget=True))

    def sent(self, name: bytes, issuer: str) -> Intake | None:
        """What became of a draft that was handed in; None for one that was not, and of anybody else."""
        digest = self._digest(issuer, "draft", name.hex())
        for type_ref in self._types:
            found = self.book.of_digest(issuer, type_ref, digest)
            if found is not None:
                return found
        return None

    def _keep(
        self,
        issuer: str,
        type_ref: str,
        data: bytes,
        file_name: str,
        person: int,
        digest: bytes,
        kind: IntakeKind,
        *,
        draft: bytes | None = None,
        supersede: bool = False,
    ) -> tuple[Intake, bool]:
        """Seal and store, in one transaction with the job; whatever fails leaves no key behind."""
        names = self._entropy.token(2 * NAME_BYTES)
        name, failed_name = names[:NAME_BYTES], names[NAME_BYTES:]
        [key] = self._vault.create([name])
        is_form = kind is IntakeKind.FORM
        try:
            self._hooks.reach(KillPoint.INTAKE_KEYED)
            new = NewIntake(
                name=name,
                failed_name=failed_name,
                issuer=issuer,
                type_code=type_ref,
                kind=kind,
                digest=digest,
                person=person,
                label=key.seal(file_name.encode(), LABEL_CONTEXT + name),
                size=len(data),
                state=IntakeState.SUBMITTED if is_form else IntakeState.RECEIVED,
                supersede=supersede,
                step=IntakeStep.IMPORT if is_form else IntakeStep.CHECK,
            )
            pieces = [
                key.seal(data[at : at + PIECE_BYTES], FILE_CONTEXT + name + number.to_bytes(4))
                for number, at in enumerate(range(0, len(data), PIECE_BYTES))
            ]
            found, is_new = self.book.receive(new, pieces, draft)
        except LedgerError:
            self._vault.erase([name], self._clock.now())
            raise
        self._hooks.reach(KillPoint.INTAKE_STORED)
        if not is_new:
            self._vault.erase([name], self._clock.now())
        return found, is_new

    def _type(self, type_ref: str) -> CredentialType:
        found = self._types.get(type_ref)
        if found is None:
            raise NotFoundError("TYPE_NOT_HERE", f"There is no credential type {type_ref}.", type=type_ref)
        return found

    def _digest(self, *parts: str) -> bytes:
        return self._vault.index("intake", "\n".join(parts))

    def _require_mine(self, draft: Draft, issuer: str, person: int) -> None:
        if (draft.issuer, draft.person) != (issuer, person):
            raise NotFoundError("DRAFT_UNKNOWN", "There is no such draft.")


GIVEN_UP = Move(
    IntakeState.ABANDONED, {"failed_kept": 0}, findings=(), failed=(), drop=("file",), forget=True
)


def open_content(book: IntakeBook, vault: Vault, intake: Intake) -> bytes | None:
    """The file as it came; None once its key is destroyed. Raises InputError(VAULT_TAMPERED)."""
    key = vault.load([intake.name]).get(intake.name)
    if key is None:
        return None
    return b"".join(
        key.open(sealed, FILE_CONTEXT + intake.name + number.to_bytes(4))
        for number, sealed in enumerate(book.pieces(intake.id, "file"))
    )


def open_failed(book: IntakeBook, vault: Vault, intake: Intake) -> list[list[Any]]:
    """The header, then the failed rows: number in the file, cells, codes; empty once they are erased."""
    key = vault.load([intake.failed_name]).get(intake.failed_name)
    if key is None:
        return []
    return [
        row
        for number, sealed in enumerate(book.pieces(intake.id, "failed"))
        for row in json.loads(key.open(sealed, FAILED_CONTEXT + intake.failed_name + number.to_bytes(4)))
    ]


def erase_content(
    book: IntakeBook,
    vault: Vault,
    intake: Intake,
    at: int,
    *,
    failed: bool = True,
    hooks: Hooks | None = None,
) -> None:
    """Destroy the key of an upload's content, so that no copy of it anywhere can be read again.

    `failed`: that of its failed rows too; else they stay for their clerk.
    """
    names = [intake.name, intake.failed_name] if failed else [intake.name]
    here = list(vault.load(names))
    if here:
        vault.erase(here, at)
    if hooks is not None:
        hooks.reach(KillPoint.INTAKE_ERASED)
    book.set_erased(intake.id, at)
