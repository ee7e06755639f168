"""The witnesses' page: public, since nobody has to believe an operator who watches himself."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, current_app, make_response, render_template

from ledger.core.contradictions import Evidence
from ledger.core.errors import UnavailableError
from ledger.core.jose import b64url_encode
from ledger.core.mirroring import MirrorState
from ledger.core.people import Role
from ledger.services.witnessing import WitnessBoard, WitnessLine
from web.access import actor_or_none, public
from web.language import chosen_language
from web.texts import code_text, text

WHY = "whether an operator is watched is what everybody has to know who relies on this ledger"
TONES = {"good": "good", "late": "paused", "missing": "bad"}


@public(WHY)
def board() -> str:
    """Each witness with its newest word; what contradicts; what was restored."""
    found: WitnessBoard | None = current_app.extensions["ledger"].witnesses.board()
    if found is None:
        raise UnavailableError("VIEW_UNAVAILABLE", "The ledger has no block yet.")
    person = actor_or_none()
    is_silent = found.is_mirror_silent(current_app.extensions["ledger"].clock.now())
    return render_template(
        "witnesses/board.html",
        board=found,
        lines=[_line(line) for line in found.lines],
        good=sum(line.state == "good" for line in found.lines),
        covering=sum(line.block is not None and line.block >= found.covered for line in found.lines),
        mirror="" if found.mirror is None else "silent" if is_silent else found.mirror.condition,
        mirror_notes=[] if found.mirror is None else _notes(found.mirror),
        kid_of=b64url_encode,
        contradictions=[_contradiction(name, evidence) for name, evidence in found.evidence],
        is_staff=person is not None
        and bool(person.roles & {Role.OPERATOR, Role.AUDITOR, Role.ADMINISTRATOR}),
    )


@public("evidence that a ledger told two stories is worth nothing while nobody sees it")
def evidence(name: str) -> Response:
    """One contradiction as a file that is judged anywhere."""
    witnesses = current_app.extensions["ledger"].witnesses
    found: WitnessBoard | None = witnesses.board()
    if found is None or name not in dict(found.evidence):
        abort(404)
    response = make_response(witnesses.evidence_file(name))
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _notes(mirror: MirrorState) -> list[str]:
    """Why a mirror waits, and what somebody should look at though it follows; codes only where no words are."""
    codes = [code for code in (mirror.code, mirror.warning) if code and mirror.condition != "refusing"]
    found = ((code, code_text(code, chosen_language())) for code in codes)
    return [code if words is None else f"{words.title} {words.advice}" for code, words in found]


def _line(line: WitnessLine) -> dict[str, Any]:
    return {
        "name": line.name or text("witnesses.unnamed", chosen_language()),
        "kid": b64url_encode(line.thumbprint),
        "state": text(f"witnesses.state_{line.state}", chosen_language()),
        "tone": TONES[line.state],
        "block": line.block,
        "signed_at": line.signed_at,
        "behind": line.behind,
    }


def _contradiction(name: str, found: Evidence) -> dict[str, Any]:
    return {
        "name": name,
        "words": text(f"witnesses.evidence_{found.kind.lower()}", chosen_language(), number=found.number),
        "seen_at": found.seen_at,
    }
