"""The worker's side of the verifier's desk: receipts are signed, lists checked, watches looked after.

Every step can run twice: a receipt is kept only once, a list goes on from its last kept piece, a
watch fires once. What is signed says what was seen at the time of the check; nothing is checked again.

A list is no faster way to guess than the desk's form. Each wrong number or code of a list uses up one
try of the officer who handed it in, is counted as wrong like one at the form, and makes his list (his
other lists, and his form) wait as the form would; the list pauses and goes on by itself. Right codes
use up nothing and forgive nothing. Where the next pause would be longer than LONGEST_PAUSE_S the rest
of the list is given back unchecked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from ledger.core.checks.texts import check_name, text_of
from ledger.core.credential_type import CredentialType
from ledger.core.directory import parse_directory_entry
from ledger.core.errors import ConflictError, InputError, LedgerError, RefusedError
from ledger.core.flow import SHANGHAI_S, Lease
from ledger.core.jose import make_jws
from ledger.core.limits import LimitKind
from ledger.core.model import ChainInfo, Purpose
from ledger.core.report import Outcome, Report
from ledger.core.status_list import PUBLIC_VALID
from ledger.core.verified import (
    RECEIPT_TYPE,
    CheckContent,
    ListCheck,
    OpenWatch,
    ReceiptState,
    Verification,
    WatchState,
    receipt_payload,
)
from ledger.ports import ChainView, Clock, CredentialSigner, DataKey, Entropy, Limits, Outbox, Vault
from ledger.services.document_ports import PageSealer
from ledger.services.intake_book import Sheets
from ledger.services.lookup import Found, LookupService
from ledger.services.status_list import batch_values
from ledger.services.verified import (
    LIST_CONTEXT,
    LIST_PIECE_CONTEXT,
    LIST_RESULT_CONTEXT,
    PAGE_CONTEXT,
    RECEIPT_CONTEXT,
    guesser,
    open_check,
    range_hash,
)
from ledger.services.verified_book import VerifiedBook

MAX_LIST_ROWS: Final = 1_000
PIECE: Final = 20  # rows between two signs of progress
LONGEST_PAUSE_S: Final = 600  # a dozen wrong codes; an officer does not wait longer for a list
LEASE_S: Final = 60
JTI_BYTES: Final = 16
NUMBER_TITLES: Final = frozenset({"证明编号", "编号", "number", "proof number"})
CODE_TITLES: Final = frozenset({"核验码", "校验码", "code", "check code"})
RESULT_TITLES: Final = ("核验结果 Result", "说明 Note", "核验时间 Checked at")
DONE_STATES: Final = frozenset({"done", "failed"})
GOOD: Final = "真实有效 Genuine and in force"
GOOD_NOT_COMPARED: Final = "真实有效，所填内容未全部比对 Genuine, not everything was compared"
BAD: Final = "无效 Not valid"
PAUSED: Final = "已过期·已暂停 Expired or suspended"
UNKNOWN: Final = "暂时无法核验 Cannot be checked now"
WRONG: Final = "编号或校验码不对 Number or code is wrong"
MISSING: Final = "缺编号或校验码 Number or code is missing"
NOT_CHECKED: Final = "未核验：错误的编号或校验码过多，请更正后重新提交 Not checked: too many wrong codes, correct them and hand in again"
AGAIN: Final = "系统暂时无法查询，请稍后重新提交 Cannot be looked up now, hand it in again later"
DIFFERS: Final = "内容与证照不符 Values differ"
TOO_OFTEN: Final = "今日比对次数已用完 Compared too often today"
PAUSING: Final = frozenset({"expiry", "suspension", "not_before"})


class VerifierAgencies(Protocol):
    """Papers and seal keys of the organisations that work here."""

    def directory_entry(self, issuer: str) -> str:
        """Raises NotFoundError(ISSUER_UNKNOWN)."""

    def seal_signer(self, issuer: str) -> CredentialSigner:
        """The key of purpose seal."""


class ReceiptPages(Protocol):
    """Draws receipts."""

    def render(self, data: Mapping[str, Any], token: str) -> bytes:
        """A PDF/A with the token attached, not sealed yet."""


class VerifiedWorker:
    """Handles the jobs of the verifier's desk and looks after watches.

    Args:
        book: checks, receipts, watches, lists.
        outbox: finishes jobs that have nothing to do.
        vault: opens and seals content.
        view: chain.
        info: which ledger receipts name.
        agencies: names and seal keys.
        pages: draws; made when first needed.
        sealer: seals; the same.
        sheets: reads and writes lists.
        lookup: finds sheets by number and code; raises UnavailableError while it cannot.
        limits: counts wrong codes, the desk's form included.
        types: known types by ref.
        clock, entropy: times and numbers of receipts.
    """

    def __init__(
        self,
        book: VerifiedBook,
        outbox: Outbox,
        vault: Vault,
        view: ChainView,
        info: ChainInfo,
        agencies: VerifierAgencies,
        pages: Callable[[], ReceiptPages],
        sealer: Callable[[], PageSealer],
        sheets: Sheets,
        lookup: Callable[[], LookupService],
        limits: Limits,
        types: Mapping[str, CredentialType],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._book = book
        self._outbox = outbox
        self._vault = vault
        self._view = view
        self._info = info
        self._agencies = agencies
        self._pages = pages
        self._sealer = sealer
        self._sheets = sheets
        self._lookup = lookup
        self._limits = limits
        self._types = types
        self._clock = clock
        self._entropy = entropy

    def run(self, lease: Lease) -> None:
        """One receipt or one list."""
        payload = lease.job.payload
        if "verification" in payload:
            self._sign(lease, payload["verification"])
        else:
            self._check_list(lease, payload["list"])

    # Receipts.

    def _sign(self, lease: Lease, verification: int) -> None:
        kept = self._book.kept(verification)
        key = self._vault.load([kept.name]).get(kept.name)
        if kept.check.receipt is not ReceiptState.ORDERED or key is None:
            self._outbox.finish(lease)
            return
        check = open_check(kept, self._vault)
        signer = self._agencies.seal_signer(check.uscc)
        self._require_registered(check.uscc, signer)
        entry = parse_directory_entry(self._agencies.directory_entry(check.uscc))
        ledger = {
            "ledger_id": "0x" + self._info.ledger_id.hex(),
            "chain_id": f"eip155:{self._info.chain_id}",
        }
        now = self._clock.now()
        jti = self._entropy.token(JTI_BYTES).hex()
        payload = receipt_payload(check, iss=entry.iss, ledger=ledger, issued_at=now, jti=jti)
        token = make_jws(RECEIPT_TYPE, payload, signer, signer.x5c)
        page = self._pages().render(page_words(check, dict(entry.name), now, jti), token)
        sealed = self._sealer().seal(page, signer, entry.name["zh"])
        self._book.keep_receipt(
            lease,
            verification,
            key.seal(token.encode(), RECEIPT_CONTEXT + kept.name),
            key.seal(sealed, PAGE_CONTEXT + kept.name),
        )

    def _require_registered(self, uscc: str, signer: CredentialSigner) -> None:
        now = self._clock.now()
        for key in self._view.keys(uscc):
            if (
                key.thumbprint == signer.thumbprint
                and key.purpose == Purpose.SEAL
                and key.valid_from <= now < key.valid_until
                and key.compromised_since is None
            ):
                return
        raise RefusedError("SEAL_KEY_MISSING", f"{uscc} has no registered key of purpose seal.", issuer=uscc)

    # Watches.

    def look_after_watches(self) -> bool:
        """Look at every range that is watched; true when a watch fired or ended."""
        moved = False
        now = self._clock.now()
        for one in self._book.open_watches():
            moved |= self._look_after(one, now)
        return moved

    def _look_after(self, one: OpenWatch, now: int) -> bool:
        kept = self._book.kept(one.verification)
        check = kept.check
        evidence = self._view.evidence(check.issuer, check.root, None)
        if evidence is None or evidence.anchor is None:
            return False  # the view is behind: it is looked at again
        words = self._view.status_words(check.issuer, check.root)
        seen = range_hash(words, one.first_word, one.words, evidence)
        if seen != one.seen or now >= one.until:
            content = open_check(kept, self._vault).content
            values = batch_values(self._view, evidence.anchor, is_final=True)
            leaf = None if content is None else content.leaf_index
            if leaf is not None and values[leaf] != PUBLIC_VALID:
                self._book.move_watch(one.verification, WatchState.FIRED, seen=seen, at=now)
                return True
        if now >= one.until:
            self._book.move_watch(one.verification, WatchState.ENDED, seen=seen)
            return True
        if seen != one.seen:
            self._book.move_watch(one.verification, WatchState.OPEN, seen=seen)
        return False

    # Lists.

    def _check_list(self, lease: Lease, list_id: int) -> None:
        found = self._book.list_check(list_id)
        key = self._vault.load([found.name]).get(found.name)
        if found.state in DONE_STATES or found.sealed is None or key is None:
            self._outbox.finish(lease)
            return
        data = key.open(found.sealed, LIST_CONTEXT + found.name)
        try:
            header, rows = read_list(self._sheets, data)
        except InputError as error:
            self._book.move_list(list_id, lease, state="failed", code=error.code, detail=error.detail)
            return
        answered = _kept_answers(found, key)
        self._book.move_list(list_id, state="running", total=len(rows), done=len(answered))
        wait_s = self._answer(lease, found, key, header, rows, answered)
        if 0 < wait_s <= LONGEST_PAUSE_S:
            self._keep_piece(found, key, answered, state="paused")
            self._outbox.retry(lease, self._clock.now() + wait_s, "")
            return
        answered += [[*row, NOT_CHECKED, "", ""] for row in rows[len(answered) :]]
        result = self._sheets.write("xlsx", "核验结果", [*header, *RESULT_TITLES], answered)
        self._finish_list(found, lease, key.seal(result, LIST_RESULT_CONTEXT + found.name), answered)

    def _answer(
        self,
        lease: Lease,
        found: ListCheck,
        key: DataKey,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        answered: list[list[object]],
    ) -> int:
        """Judge what is left of a list; 0 at its end, else how many seconds its officer has to wait first.

        A try is taken before a row is judged and is used up by a wrong one only: the next row has it else.
        """
        who, has_try = guesser(found.person), False
        for row in rows[len(answered) :]:
            if not has_try:
                wait_s = self._limits.take(LimitKind.CODE, who)
                if wait_s:
                    return wait_s
                has_try = True
            verdict, note = self._judge_row(header, row)
            if verdict == WRONG:
                self._limits.fail(LimitKind.CODE, who)
                has_try = False
            answered.append([*row, verdict, note, _beijing(self._clock.now())])
            if len(answered) % PIECE == 0:
                self._outbox.renew(lease, LEASE_S)
                self._keep_piece(found, key, answered, state="running")
        return 0

    def _keep_piece(
        self, found: ListCheck, key: DataKey, answered: list[list[object]], *, state: str
    ) -> None:
        """What was answered so far stays answered: nothing is counted or compared twice for it."""
        piece = key.seal(json.dumps(answered).encode(), LIST_PIECE_CONTEXT + found.name)
        good = _good_in(answered)
        self._book.move_list(found.id, state=state, done=len(answered), good=good, result=piece)

    def _finish_list(
        self, found: ListCheck, lease: Lease, result: bytes, answered: Sequence[Sequence[object]]
    ) -> None:
        # what was handed in is not needed any more; the result repeats it
        total, good = len(answered), _good_in(answered)
        self._book.move_list(
            found.id, lease, state="done", total=total, done=total, good=good, result=result, sealed=None
        )

    def _judge_row(self, header: Sequence[str], row: Sequence[str]) -> tuple[str, str]:
        """Result and note of one row."""
        cells = dict(zip((title.strip().casefold() for title in header), row, strict=False))
        number = next((cells[title] for title in NUMBER_TITLES if cells.get(title)), "")
        code = next((cells[title] for title in CODE_TITLES if cells.get(title)), "")
        if not (number and code):
            return MISSING, ""
        try:
            sheet = self._lookup().by_code(number, code)
        except LedgerError:  # our fault, never the officer's: a wrong code is no error
            return UNKNOWN, AGAIN
        if sheet is None:
            return WRONG, ""
        typed, titles = self._typed(sheet, header, row)
        compared = self._lookup().compare(sheet, typed)
        if compared is None:
            return TOO_OFTEN, ""
        differing = [titles[name] for name, agrees in compared.answers.items() if not agrees]
        if differing:
            return DIFFERS, "、".join(differing)
        return _state_of(compared.report, is_complete=not compared.not_compared)

    def _typed(
        self, sheet: Found, header: Sequence[str], row: Sequence[str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Cells to be compared by printed claim, and the columns' titles."""
        kind = self._types.get(sheet.document.type_code)
        names = {} if kind is None else {title: field.key for field in kind.fields for title in field.headers}
        typed: dict[str, str] = {}
        titles: dict[str, str] = {}
        for title, cell in zip(header, row, strict=False):
            name = names.get(title.strip())
            if name is not None and cell.strip():
                typed[name], titles[name] = cell, title
        return typed, titles


def _kept_answers(found: ListCheck, key: DataKey) -> list[list[object]]:
    """Rows that were answered before a pause or a crash."""
    if found.result is None:
        return []
    kept: list[list[object]] = json.loads(key.open(found.result, LIST_PIECE_CONTEXT + found.name))
    return kept


def _good_in(answered: Sequence[Sequence[object]]) -> int:
    return sum(row[-len(RESULT_TITLES)] in (GOOD, GOOD_NOT_COMPARED) for row in answered)


def read_list(sheets: Sheets, data: bytes) -> tuple[list[str], list[list[str]]]:
    """Titles and rows of a list, every cell as text.

    Raises:
        InputError: FILE_*, LIST_COLUMNS, LIST_ROWS.
    """
    table = sheets.read(data)
    header = [str(title) for title in table.header or ()]
    plain = {title.strip().casefold() for title in header}
    if not plain & NUMBER_TITLES or not plain & CODE_TITLES:
        raise InputError("LIST_COLUMNS", "The list needs the columns 证明编号 and 校验码.")
    rows: list[list[str]] = []
    for _, cells in table.rows():
        in_order = [cells.get(title, "") for title in header] if isinstance(cells, Mapping) else cells
        rows.append([_text_of(cell) for cell in in_order])
        if len(rows) > MAX_LIST_ROWS:
            raise InputError("LIST_ROWS", f"A list has at most {MAX_LIST_ROWS} rows.", limit=MAX_LIST_ROWS)
    return header, rows


def _text_of(cell: object) -> str:
    return "" if cell is None else str(cell)


def _state_of(report: Report, *, is_complete: bool) -> tuple[str, str]:
    failures = {check.id.value for check in report.checks if check.outcome is Outcome.FAILED}
    if failures:
        return (PAUSED if failures <= PAUSING else BAD), text_of(report.verdict.code, "zh")
    others = [
        check for check in report.checks if check.outcome is Outcome.UNKNOWN and check.id.value != "page"
    ]
    if others:
        return UNKNOWN, text_of(others[0].code, "zh")
    return (GOOD if is_complete else GOOD_NOT_COMPARED), ""


def page_words(check: Verification, verifier: Mapping[str, str], now: int, jti: str) -> dict[str, Any]:
    """What is printed on a receipt, Chinese with English beside it.

    Raises:
        ConflictError: CHECK_ERASED.
    """
    content = check.content
    if content is None:
        raise ConflictError("CHECK_ERASED", "The content of this check was erased.", check=check.id)
    rows = [
        ("核验机构", "Verified by", f"{verifier['zh']} ({check.uscc})"),
        ("经办人员编号", "Officer", str(check.person) if check.person else "接口程序 program"),
        ("核验时间", "Checked at", _beijing(check.at)),
        ("用途", "Purpose", content.purpose or str(check.purpose_kind)),
        *([("事项编码", "Matter", content.item)] if content.item else []),
        ("核验对象", "Object", check.kind),
        ("证明编号", "Number", content.number or "—"),
        ("签发机构", "Issuer", check.issuer or "—"),
        ("文件 SHA-256", "SHA-256", content.sha256),
        ("账本截至区块", "As of block", _block_words(content)),
        ("结论", "Verdict", f"[{check.national}] {text_of(check.code, 'zh')}{_left_open(check)}"),
    ]
    return {
        "title": "电子证照核验回执",
        "subtitle": "Verification receipt",
        "number": jti,
        "made_at": _beijing(now),
        "accepted": check.accepted,
        "rows": [list(row) for row in rows],
        "checks": [
            [check_name(name, "zh"), outcome, text_of(code, "zh")]
            for name, outcome, code, _ in content.checks
        ],
        "foot": "本回执只说明核验当时的结果；其签名与附件中的令牌一致。",
    }


def _left_open(check: Verification) -> str:
    """What a reader of the verdict alone must not overlook."""
    return "纸面内容未全部比对，本结论不说明纸面未被改动。" if check.standing == "uncompared" else ""


def _block_words(content: CheckContent) -> str:
    if content.block_number is None or content.confirmed_at is None:
        return "—"
    return f"{content.block_number} ({_beijing(content.confirmed_at)})"


def _beijing(seconds: int) -> str:
    """Date and time of day in Beijing."""
    return datetime.fromtimestamp(seconds + SHANGHAI_S, UTC).strftime("%Y-%m-%d %H:%M:%S")
