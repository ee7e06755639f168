"""Shapes of the API, in and out; the OpenAPI document is made from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

PURPOSE_LENGTH = 200
PAGE = 50
LARGEST_PAGE = 200
CHECKED_AT_ONCE = 20
ROWS_AT_ONCE = 1_000
FIELDS = 64
TEXT_LENGTH = 1_000

TypeRef = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,62}(:[1-9][0-9]{0,4})?$")]
Uscc = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{18}$")]
Serial = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]
Cell = (
    Annotated[str, StringConstraints(max_length=TEXT_LENGTH)]
    | bool
    | Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)]
    | None
)
Row = Annotated[
    dict[Annotated[str, StringConstraints(min_length=1, max_length=64)], Cell],
    Field(
        min_length=1, max_length=FIELDS, description="Field keys of the type, or any of its column headers."
    ),
]
Text = Annotated[str, StringConstraints(max_length=TEXT_LENGTH)]


class Body(BaseModel):
    """What comes in: nothing that nobody knows."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """Parameters of an address: each once, none that nobody knows."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """RFC 9457. `code` is stable and never renamed; texts are for people and may change."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemError] | None = None


class ProblemError(BaseModel):
    """One fault: `pointer` into the body (RFC 6901), or the name of a parameter."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Words(BaseModel):
    """A name in two languages."""

    zh: str
    en: str


class PageQuery(Query):
    """Where a list goes on."""

    limit: int = Field(PAGE, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, max_length=200, description="`next` of the page before.")


class FieldOut(BaseModel):
    """One field of a type."""

    key: str
    label: Words
    kind: str
    required: bool
    disclosure: Literal["always", "consent"]
    headers: list[str]


class TypeOut(BaseModel):
    """A credential type."""

    type: TypeRef
    type_code: str = Field(description="证照类型代码")
    name: Words
    single_use: bool
    fields: list[FieldOut]
    row_schema: dict[str, Any] = Field(description="JSON Schema (2020-12) of a row after normalising.")


class TypesOut(BaseModel):
    """All types that this program knows."""

    items: list[TypeOut]


class GrantOut(BaseModel):
    """What an issuer may issue, from when until when (seconds since 1970 UTC)."""

    type: str
    valid_from: int
    valid_until: int
    withdrawn_at: int | None
    good: bool


class IssuerOut(BaseModel):
    """An agency, as chain and signed directory entry know it."""

    uscc: Uscc
    name: Words | None
    iss: str | None = Field(description="The agency's URL, as credentials bear it.")
    division: str | None
    phone: str | None
    parent: Uscc | None
    level: int
    admitted_at: int
    dissolved_at: int | None
    types: list[GrantOut]


class IssuersOut(BaseModel):
    """The public directory."""

    items: list[IssuerOut]


class IssueIn(Body):
    """One row to be issued."""

    type: TypeRef
    fields: Row
    supersede: bool = Field(
        default=False, description="Replace a certificate of the same record with other values."
    )
    pending: bool = Field(default=False, description="Issue as not yet in force.")


class IssuesIn(Body):
    """Rows of one type; all are taken or none."""

    type: TypeRef
    rows: list[Row] = Field(min_length=1, max_length=ROWS_AT_ONCE)
    supersede: bool = False
    pending: bool = False


class AcceptedOut(BaseModel):
    """What became of a row. It is durable; `href` tells how far it is."""

    serial: Serial
    outcome: Literal["ISSUED", "SUPERSEDES", "ALREADY"]
    href: str


class AcceptedManyOut(BaseModel):
    """In the order of the rows."""

    results: list[AcceptedOut]


class IssueOut(BaseModel):
    """How far a certificate is. `waiting`: for people, because no standing approval covers its batch."""

    serial: Serial
    type: str
    state: Literal["gathering", "signing", "waiting", "anchoring", "released", "refused"]
    batch: int
    bundle: str | None = Field(description="Where it can be fetched; null until it is released.")
    receipt: str | None


class BlockOut(BaseModel):
    """A block of the chain."""

    number: int
    hash: Hash
    time: int


class BatchOut(BaseModel):
    """A batch. States as in docs/glossary.md."""

    id: int
    issuer: Uscc
    type: str
    state: str
    size: int
    created_at: int
    root: Hash | None
    list: int
    standing_approval: Hash | None
    block: BlockOut | None
    transaction: Hash | None
    reason: str


class BatchesQuery(PageQuery):
    """Which batches."""

    state: (
        Literal["open", "closed", "signed", "made", "approved", "anchored", "released", "refused", "dead"]
        | None
    ) = None


class BatchesOut(BaseModel):
    """Newest first."""

    items: list[BatchOut]
    next: str | None


class SerialsOut(BaseModel):
    """Serials of a batch, in the order in which rows came."""

    items: list[Serial]
    next: str | None


class ApprovalOut(BaseModel):
    """Who has to sign, or has signed. People approve with keys of their own; the API only tells."""

    batch: int
    state: Literal["waits_for_maker", "waits_for_approver", "approved"]
    maker: Hash | None
    approver: Hash | None
    standing_approval: Hash | None
    deadline: int | None
    page: str = Field(description="Where a person does it.")


class ApprovalsOut(BaseModel):
    """Newest first."""

    items: list[ApprovalOut]
    next: str | None


class StandingOut(BaseModel):
    """A standing approval and what is left of it today."""

    id: Hash
    issuer: Uscc
    type: str
    valid_from: int
    valid_until: int
    revoked_at: int | None
    approver: Hash
    anchor_limit: int
    anchor_left: int
    supersede_limit: int
    supersede_left: int


class StandingsOut(BaseModel):
    """All of the organisation."""

    items: list[StandingOut]


class PersonalQuery(Query):
    """Whoever looks at personal data says why and for which matter; both are kept in the audit log."""

    purpose: str = Field(min_length=1, max_length=PURPOSE_LENGTH, pattern=r"^\S")
    item_code: str = Field(pattern=r"^[0-9A-Za-z._-]{1,64}$", description="事项编码")


PrintLanguage = Literal["zh", "en", "bo"]


class DocumentIn(Body):
    """A print to be made. A copy for a purpose names it and the claims that it shows."""

    kind: Literal["full", "purpose"] = "full"
    language: PrintLanguage = "zh"
    fields: list[Annotated[str, StringConstraints(min_length=1, max_length=64)]] = Field(
        default=[], max_length=FIELDS, description="Claims of a purpose copy."
    )
    purpose: str = Field(default="", max_length=PURPOSE_LENGTH, description="Of a purpose copy.")


class WithdrawalIn(Body):
    """Nothing is asked."""


class RunIn(Body):
    """Prints of a whole batch."""

    language: PrintLanguage = "zh"


class DocumentOut(BaseModel):
    """A print. `made`: its file can be fetched; `anchored`: the ledger has the file's hash."""

    document: Serial
    href: str
    serial: Serial
    type: str
    batch: int
    kind: Literal["full", "purpose"]
    language: PrintLanguage
    fields: list[str]
    state: Literal["ordered", "made", "failed"]
    code: str | None = Field(description="Why it failed.")
    ordered_at: int
    made_at: int | None
    withdrawn_at: int | None
    sha256: Hash | None
    anchored: bool
    file: str | None = Field(description="Where it can be fetched; null until it is made.")


class DocumentsOut(BaseModel):
    """Newest first."""

    items: list[DocumentOut]


class RunOut(BaseModel):
    """Prints of a batch in one language, made piece by piece."""

    run: Serial
    href: str
    batch: int
    language: PrintLanguage
    ordered_at: int
    total: int
    made: int
    failed: int
    done: bool


class RunsOut(BaseModel):
    """Oldest first."""

    items: list[RunOut]


class RunDocumentsOut(BaseModel):
    """A run with a page of its finished prints."""

    run: RunOut
    items: list[DocumentOut]
    next: str | None


class StatusOut(BaseModel):
    """The status on chain."""

    serial: Serial
    status: Literal["VALID", "PENDING", "SUSPENDED", "REVOKED", "SUPERSEDED", "CANCELLED", "VOID", "USED"]
    as_of: int = Field(description="When this was last confirmed, seconds since 1970 UTC.")
    list: str = Field(description="Address of the public status list.")
    index: int


class SuspensionIn(Body):
    """Why a certificate is suspended. Reversible; resuming and everything final needs people."""

    reason: Literal["holder", "issuer-error", "authority", "security", "administrative"]
    legal_basis: str = Field(default="", max_length=PURPOSE_LENGTH)
    document: str = Field(default="", max_length=PURPOSE_LENGTH)


class CaseOut(BaseModel):
    """A change of status on its way."""

    case: str
    state: str
    href: str


class ReceiptOut(BaseModel):
    """Where a credential lies in the ledger (docs/formats.md): leaf, path and root can be computed anew."""

    ledger_id: Hash
    chain_id: str
    contract: str
    issuer: Uscc
    root: Hash
    leaf_index: int
    tree_size: int
    path: list[Hash]
    block: BlockOut


class CheckOut(BaseModel):
    """One of the 32 checks (docs/checks.md)."""

    id: str
    outcome: Literal["passed", "failed", "skipped", "unknown"]
    code: str
    as_of: int | None
    evidence: dict[str, Any]


class VerdictOut(BaseModel):
    """National result code 0 to 6, the code that decided, a sentence."""

    national: int = Field(ge=0, le=6)
    code: str
    text: Words


class ReportIssuerOut(BaseModel):
    """Who issued it; the name comes from the directory on chain."""

    uscc: str
    name: Words | None


class CredentialOut(BaseModel):
    """What the certificate says; null unless somebody vouches for it."""

    type: str
    identifier: str | None
    issuer: ReportIssuerOut
    claims: dict[str, Any]


class ReportOut(BaseModel):
    """All answers about one bundle."""

    verdict: VerdictOut
    accepted: bool
    presenter: Literal["bound", "not_checked", "refused"]
    single_operator: bool = Field(description="单方账本: one operator's word.")
    checks: list[CheckOut]
    credential: CredentialOut | None
    entry: Hash | None = Field(description="SHA-256 of the issuer-signed JWT: what the receipt is about.")
    receipt: ReceiptOut | None


class KeptQuery(PersonalQuery):
    """What a check that is kept is for: counted by kind, said in words, with the matter's code."""

    purpose_kind: Literal["loan", "account", "registration", "withdrawal", "other"]


class VerificationOut(BaseModel):
    """A kept check. Its content is null once it was erased; receipts are made within seconds."""

    verification: int
    href: str
    checked_at: int
    kind: str = Field(description="What was handed in: bundle, pdf, qr, number …")
    purpose_kind: Literal["loan", "account", "registration", "withdrawal", "other"]
    purpose: str | None
    item_code: str | None
    sha256: Hash | None = Field(description="Of what was handed in.")
    verdict: VerdictOut
    accepted: bool
    receipt: Literal["none", "ordered", "made"]
    receipt_jwt: str | None = Field(description="Where the token is; null until it is made.")
    receipt_pdf: str | None = Field(description="Where the sealed page is; null until it is made.")


class VerificationMadeOut(VerificationOut):
    """A check that was just made, with its whole report."""

    report: ReportOut


class VerificationsOut(BaseModel):
    """Newest first."""

    items: list[VerificationOut]
    next: str | None


class VerifyManyIn(Body):
    """Bundles to check."""

    bundles: list[dict[str, Any] | Annotated[str, StringConstraints(max_length=262_144)]] = Field(
        min_length=1, max_length=CHECKED_AT_ONCE
    )


class ReportsOut(BaseModel):
    """In the order of the bundles."""

    reports: list[ReportOut]


class AuditQuery(PageQuery):
    """Which rows."""

    action: str | None = Field(
        None, pattern=r"^[a-z_.]{1,64}$", description="Only this action, or all of a room: `login`."
    )


class AuditRowOut(BaseModel):
    """One act."""

    number: int
    at: int
    uscc: str
    person: int | None
    action: str
    subject: str
    facts: str
    link: Hash


class AuditOut(BaseModel):
    """Newest first."""

    items: list[AuditRowOut]
    next: str | None
