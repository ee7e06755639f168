"""Batches that wait for two people: the list, the approver's page P8, rows, samples, comparison, return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for

from ledger.core.errors import InputError
from ledger.core.flow import BatchRecord, BatchState
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.core.review import FieldComparison
from ledger.core.signing import Act, KeyKind
from ledger.services.review import SAMPLE, Row
from web.access import actor, allowed, must_own
from web.approve.room import (
    field_label,
    field_value,
    grouped,
    has_site,
    names,
    room,
    say,
    services,
    signer_line,
    signer_name,
    type_name,
    who,
)
from web.issue.rooms import waits_for_witnesses
from web.numbers import asked_page

pages = Blueprint("approve", __name__, url_prefix="/approve")
PAGE_ROWS = 50
SHOWN_REPLACED = 10
LONGEST_REASON = 200
SETTLED = frozenset({BatchState.RELEASED, BatchState.REFUSED, BatchState.DEAD})
TONES = {
    BatchState.SIGNED: "info",
    BatchState.MADE: "info",
    BatchState.RELEASED: "good",
    BatchState.ANCHORED: "good",
    BatchState.REFUSED: "plain",
    BatchState.DEAD: "bad",
}
LOOKERS = (Role.CLERK, Role.APPROVER)


def _batch(batch_id: int) -> BatchRecord:
    batch = room().approve.batch(batch_id)
    must_own(batch.issuer)
    return batch


@pages.get("")
@allowed(*LOOKERS)
def waiting() -> str:
    """What waits for me first, then what waits for others."""
    desk = room().desk
    found = room().approve.batches(actor().uscc, (BatchState.SIGNED, BatchState.MADE, BatchState.DEAD))
    is_maker = Role.CLERK in actor().roles
    mine: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for batch in found:
        is_mine = (
            desk.is_for(who(), batch.approver) and desk.made_by(batch) != actor().person
            if batch.state is BatchState.MADE
            else is_maker
        )
        (mine if is_mine else others).append(_line(batch))
    return render_template(
        "approve/waiting.html",
        mine=mine,
        others=others,
        cases=_cases_for_me(),
        has_key=bool(desk.keys_of(who())),
    )


def _cases_for_me() -> int:
    desk = room().desk
    cases = room().status.cases().cases
    return sum(
        case.acting == actor().uscc and case.state == "made" and desk.is_for(who(), case.approver)
        for case in cases
    )


def _line(batch: BatchRecord) -> dict[str, Any]:
    return {
        "batch": batch,
        "type": type_name(room().review.kind(batch), batch.type_code),
        "tone": TONES.get(batch.state, "plain"),
    }


@pages.get("/<int:batch_id>")
@allowed(*LOOKERS)
def batch(batch_id: int) -> str:
    """P8: everything an approver needs to say yes or no; the maker confirms here too."""
    found = _batch(batch_id)
    replaced = room().review.count_replaced(batch_id)
    sample = room().review.sample(found) if found.size and found.state in _LOOKABLE else []
    replacements = room().review.replaced(batch_id, 0, SHOWN_REPLACED) if replaced else []
    if sample:
        services().audit.note(actor(), "batch.rows_seen", f"batch/{batch_id}", rows=len(sample))
    kind = room().review.kind(found)
    return render_template(
        "approve/batch.html",
        batch=found,
        type=type_name(kind, found.type_code),
        facts=_facts(found),
        technical=_technical(found),
        sample=_table(found, sample),
        replaced=replaced,
        replacements=_replacements(found, replacements),
        task=_task(found),
        tone=TONES.get(found.state, "plain"),
        remedy=_remedy(found),
        is_unwitnessed=waits_for_witnesses(found),
        done=request.args.get("done", ""),
        settled=found.state in SETTLED,
        error=None,
    )


_LOOKABLE = frozenset(BatchState) - {BatchState.OPEN, BatchState.REFUSED}


def _facts(batch: BatchRecord) -> list[tuple[str, Any]]:
    """What everybody understands; `_technical` has the rest."""
    desk = room().desk
    maker, approved = desk.made_by(batch), desk.approved_by(batch)
    approver_key = None if batch.approver is None else room().book.owner(batch.issuer, batch.approver)
    asked = None if approver_key is None else approver_key.person
    people = names((maker, asked, approved))
    maker_key = None if batch.maker is None else room().book.owner(batch.issuer, batch.maker)
    made = room().book.done(Act.MAKE, str(batch.id))
    facts: list[tuple[str, Any]] = [
        ("type", type_name(room().review.kind(batch), batch.type_code)),
        ("size", batch.size),
    ]
    if batch.standing_id is not None:
        facts.append(("maker", say("approve.by_standing")))
    elif batch.maker is not None:
        label = "" if maker_key is None else maker_key.label
        facts.append(("maker", signer_name(batch.issuer, batch.maker, people, maker, label)))
        if made is not None and made.done_at is not None:
            facts.append(("made_at", made.done_at))
    if batch.approver is not None:
        label = "" if approver_key is None else approver_key.label
        name = signer_name(batch.issuer, batch.approver, people, asked or approved, label)
        facts.append(("approver" if approved is None else "approved_by", name))
        facts.append(("deadline", batch.deadline))
    else:
        facts.append(("latest", batch.expires_on))
    return facts


def _technical(batch: BatchRecord) -> list[tuple[str, Any]]:
    """For whoever compares with the ledger or a wallet: numbers and hashes."""
    facts: list[tuple[str, Any]] = [
        ("list", say("approve.list_words", number=batch.list, word=batch.first_word, words=batch.words)),
        ("key", batch.key),
        ("maker_key", signer_line(batch.maker)),
        ("approver_key", signer_line(batch.approver)),
        ("root", None if batch.root is None else grouped(batch.root)),
        ("digest", grouped(room().approve.digest(batch)) if batch.maker and batch.root else None),
    ]
    return [fact for fact in facts if fact[1]]


def _task(batch: BatchRecord) -> dict[str, Any]:
    """What this person may do with the batch now; `kind` is empty when nothing."""
    desk, now = room().desk, services().clock.now()
    task: dict[str, Any] = {
        "kind": "",
        "fresh": actor().is_fresh(now),
        "site": has_site(),
        "server": desk.is_server_signing,
        "why": "",
        "may_return": batch.state in {BatchState.CLOSED, BatchState.SIGNED, BatchState.MADE, BatchState.DEAD},
        "too_old": now >= batch.expires_on,
    }
    approving = batch.state is BatchState.MADE
    is_own = approving and desk.made_by(batch) == actor().person
    is_late = approving and now > batch.deadline
    if approving and not is_own and Role.APPROVER in actor().roles:
        keys = [key for key in desk.usable(who(), ChainRole.APPROVER) if key.signer_id == batch.approver]
        why = "expired" if is_late else "" if keys else "not_asked"
        if not why or Role.CLERK not in actor().roles:
            return task | {"kind": "" if why else "approve", "keys": keys, "why": why}
    is_makeable = batch.state in {BatchState.SIGNED, BatchState.DEAD} or is_own or is_late
    if is_makeable and Role.CLERK in actor().roles:
        keys = list(desk.usable(who(), ChainRole.MAKER))
        choices = approver_choices(keys[0].signer_id if keys else None)
        why = "too_old" if task["too_old"] else "no_key" if not keys else "no_approver" if not choices else ""
        form = {"kind": "" if why else "make", "keys": keys, "approvers": choices}
        return task | form | {"why": why or ("own" if is_own else ""), "again": is_own}
    return task | {"why": "waits" if batch.state in {BatchState.SIGNED, BatchState.MADE} else ""}


def approver_choices(maker: bytes | None) -> list[tuple[str, str]]:
    """(signer id in hex, who that is), for the field of the form."""
    choices = room().desk.approvers(who(), maker)
    people = names(choice.key.person for choice in choices if choice.key is not None)
    return [
        (
            choice.signer_id.hex(),
            signer_name(
                actor().uscc,
                choice.signer_id,
                people,
                None if choice.key is None else choice.key.person,
                "" if choice.key is None else choice.key.label,
            ),
        )
        for choice in choices
    ]


def _remedy(batch: BatchRecord) -> str:
    """What to do about a batch whose job gave up; empty for others."""
    if batch.state is not BatchState.DEAD:
        return ""
    for job in room().here.store.outbox.jobs(dead=True):
        if job.payload.get("batch") == batch.id:
            return remedy_of(job.code, str(job.detail.get("error", "")))
    return say("approve.remedy_other", code=batch.reason)


def remedy_of(code: str, error: str) -> str:
    """In plain words: what stopped it, and what to do."""
    known = {
        "RegistryMissingRole": "approve.remedy_role",
        "LedgerMissingRole": "approve.remedy_role",
        "LedgerSameSigner": "approve.remedy_same",
        "LedgerBadSignature": "approve.remedy_signature",
    }
    if code == "APPROVAL_EXPIRED":
        return say("approve.remedy_expired")
    return say(known[error]) if error in known else say("approve.remedy_other", code=error or code)


@pages.get("/<int:batch_id>/sample")
@allowed(*LOOKERS)
def sample(batch_id: int) -> str:
    """Rows drawn anew (a fragment of P8)."""
    found = _batch(batch_id)
    rows = room().review.sample(found) if found.size and found.state in _LOOKABLE else []
    services().audit.note(actor(), "batch.rows_seen", f"batch/{batch_id}", rows=len(rows))
    return render_template("approve/sample.html", batch=found, sample=_table(found, rows))


@pages.get("/<int:batch_id>/rows")
@allowed(*LOOKERS)
def rows(batch_id: int) -> str:
    """Every row, page by page."""
    found = _batch(batch_id)
    last = max(1, -(-found.size // PAGE_ROWS))
    page = min(asked_page(), last)
    shown = room().review.rows(batch_id, (page - 1) * PAGE_ROWS, PAGE_ROWS)
    services().audit.note(actor(), "batch.rows_seen", f"batch/{batch_id}", rows=len(shown), page=page)
    return render_template("approve/rows.html", batch=found, table=_table(found, shown), page=page, last=last)


@pages.get("/<int:batch_id>/replaced")
@allowed(*LOOKERS)
def replaced(batch_id: int) -> str:
    """Every row that replaces an older one, beside it."""
    found = _batch(batch_id)
    total = room().review.count_replaced(batch_id)
    last = max(1, -(-total // PAGE_ROWS))
    page = min(asked_page(), last)
    pairs = room().review.replaced(batch_id, (page - 1) * PAGE_ROWS, PAGE_ROWS)
    services().audit.note(actor(), "batch.rows_seen", f"batch/{batch_id}", rows=len(pairs), page=page)
    return render_template(
        "approve/replaced.html",
        batch=found,
        replacements=_replacements(found, pairs),
        page=page,
        last=last,
        total=total,
    )


@pages.get("/<int:batch_id>/compare")
@allowed(*LOOKERS)
def compare(batch_id: int) -> str:
    """This batch beside the one before it (a fragment of P8, a page without script)."""
    found = _batch(batch_id)
    comparison = room().review.compare(found)
    kind = room().review.kind(found)
    fields = {} if kind is None else {field.key: field for field in kind.fields}
    lines = [
        {
            "label": field_label(fields[one.after.key]),
            "after": _range(fields[one.after.key], one, after=True),
            "before": _range(fields[one.after.key], one, after=False),
            "new": [field_value(fields[one.after.key], value) for value in one.new_values],
            "wider": one.is_wider,
        }
        for one in comparison.fields
    ]
    is_part = request.headers.get("HX-Request") == "true"
    return render_template(
        "approve/compare_part.html" if is_part else "approve/compare.html",
        batch=found,
        previous=comparison.previous,
        lines=lines,
    )


def _range(field: Any, one: FieldComparison, *, after: bool) -> str:
    summary = one.after if after else one.before
    if summary is None or not summary.filled:
        return "—"
    if summary.kind == "code":
        return "、".join(field_value(field, value) for value in sorted(summary.values))
    lowest, highest = (field_value(field, value) for value in (summary.lowest, summary.highest))
    return lowest if lowest == highest else f"{lowest} – {highest}"


@pages.get("/<int:batch_id>/state")
@allowed(*LOOKERS)
def state(batch_id: int) -> str:
    """Where the batch stands (a fragment that asks again until it is settled)."""
    found = _batch(batch_id)
    return render_template(
        "approve/state.html",
        batch=found,
        tone=TONES.get(found.state, "plain"),
        settled=found.state in SETTLED,
        remedy=_remedy(found),
        is_unwitnessed=waits_for_witnesses(found),
    )


@pages.post("/<int:batch_id>/return")
@allowed(*LOOKERS)
def give_back(batch_id: int) -> Response | tuple[str, int]:
    """Refuse the whole batch with a reason; its rows may go into a new one, some of them left behind."""
    found = _batch(batch_id)
    reason = " ".join(request.form.get("reason", "").split())
    requeue = request.form.get("requeue") == "1"
    errors = []
    if not reason or len(reason) > LONGEST_REASON or not reason.isprintable():
        errors.append(("reason", say("approve.error_reason", most=LONGEST_REASON)))
    without: list[int] = []
    try:
        without = _left_behind(found, request.form.get("without", ""))
    except InputError:
        errors.append(("without", say("approve.error_without", most=found.size)))
    if without and not requeue:
        errors.append(("requeue", say("approve.error_requeue")))
    if errors:
        page = render_template(
            "approve/return.html", batch=found, errors=errors, given=request.form, type=found.type_code
        )
        return page, 422
    by = _own_signer(found)
    new_id = room().approve.reject(batch_id, reason, requeue=requeue, without=without, by=by)
    services().audit.note(
        actor(), "batch.returned", f"batch/{batch_id}", new_batch=new_id, dropped=len(without)
    )
    return redirect(url_for("approve.batch", batch_id=batch_id, done="returned"), 303)  # type: ignore[return-value]


@pages.get("/<int:batch_id>/return")
@allowed(*LOOKERS)
def returning(batch_id: int) -> str:
    """The form to return a batch."""
    return render_template("approve/return.html", batch=_batch(batch_id), errors=[], given={})


def _own_signer(batch: BatchRecord) -> bytes | None:
    """Signer id of the person's key, for the record of who refused."""
    keys = [key for key in room().desk.keys_of(who()) if key.kind is not KeyKind.SERVER]
    named = [key.signer_id for key in keys if key.signer_id in {batch.maker, batch.approver}]
    return named[0] if named else keys[0].signer_id if keys else None


def _left_behind(batch: BatchRecord, text: str) -> list[int]:
    """Record ids of the rows named by their numbers on the pages. Raises: InputError(ROW_NUMBER)."""
    words = text.replace("，", " ").replace(",", " ").split()
    if not all(word.isdecimal() and len(word) < 7 and 0 < int(word) <= batch.size for word in words):
        raise InputError("ROW_NUMBER", "Rows are named by their numbers in this batch.")
    wanted = sorted({int(word) for word in words})
    found = []
    for number in wanted:
        found += [row.record_id for row in room().review.rows(batch.id, number - 1, 1)]
    return found


def _table(batch: BatchRecord, rows: Sequence[Row]) -> dict[str, Any]:
    """Head and cells, the columns of the type."""
    kind = room().review.kind(batch)
    fields = () if kind is None else kind.fields
    head = [say("approve.row_number"), *(field_label(field) for field in fields)]
    cells = [
        [row.number, *(field_value(field, row.fields.get(field.key)) for field in fields)]
        if row.fields is not None
        else [row.number, say("approve.erased"), *([""] * (len(fields) - 1))]
        for row in rows
    ]
    return {"head": head, "rows": cells, "count": SAMPLE}


def _replacements(batch: BatchRecord, pairs: Sequence[Any]) -> list[dict[str, Any]]:
    kind = room().review.kind(batch)
    fields = {} if kind is None else {field.key: field for field in kind.fields}
    return [
        {
            "number": pair.new.number,
            "serial": pair.new.name.hex().upper(),
            "changes": [
                (
                    field_label(fields[key]) if key in fields else key,
                    field_value(fields.get(key), (pair.old.fields or {}).get(key)),
                    field_value(fields.get(key), (pair.new.fields or {}).get(key)),
                )
                for key in pair.changed
            ],
        }
        for pair in pairs
    ]
