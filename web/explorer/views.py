"""One box: number, file, hash, transaction or block. What is asked is never put into a URL; what is shown is public."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.errors import InputError, LedgerError, NotFoundError
from ledger.core.explored import EventFacts, Hit
from ledger.core.limits import LimitKind
from ledger.core.proof import encode_proof
from web.access import public, takes
from web.explorer.drawing import draw
from web.language import chosen_language
from web.problems import problem
from web.security import client
from web.texts import code_text, text

FORM_OVERHEAD = 65_536
LARGEST_FILE = 10 * 1_048_576
ANCHORS_SHOWN = 10
HASH_DIGITS = 64
_EXACT = 2**53 - 1  # greater numbers lose digits in most readers of JSON
WHY = "what the ledger holds is public by design: hashes, agencies, times; never a value of a credential"


@public(WHY)
def search() -> Response:
    """The box, the newest batches and the newest blocks."""
    return _search_page()


@public(WHY)
@takes(LARGEST_FILE + FORM_OVERHEAD)
def find() -> AnyResponse:
    """What was typed or dropped leads to its page. A file is hashed in memory and forgotten."""
    services = current_app.extensions["ledger"]
    wait_s = services.limits.take(LimitKind.ASK, client())
    if wait_s:
        return problem(429, "RATE_LIMITED", retry_after_s=wait_s)
    question = request.form.get("question", "")
    upload = request.files.get("file")
    try:
        if upload is not None and upload.filename:
            hit = services.explorer.search_file(upload.read())
        else:
            hit = services.explorer.search(question)
    except (InputError, NotFoundError) as error:
        return _search_page(error, question)
    return redirect(_address(hit), 303)


@public(WHY)
def block(number: int) -> str:
    """One block with its transactions."""
    found = current_app.extensions["ledger"].explorer.block(number)
    return render_template("explorer/block.html", block=found, name_of=_name_of)


@public(WHY)
def transaction(digits: str) -> str:
    """One transaction with its events, decoded and raw."""
    found = current_app.extensions["ledger"].explorer.transaction(_hash(digits))
    return render_template("explorer/transaction.html", found=found, plain=_plain, name_of=_name_of)


@public(WHY)
def batch(issuer: str, digits: str) -> str:
    """One anchored batch."""
    explorer = current_app.extensions["ledger"].explorer
    anchor = explorer.anchor(issuer, _hash(digits))
    return render_template(
        "explorer/batch.html",
        anchor=anchor,
        event=explorer.event(anchor),
        plain=_plain,
        kind=_type_name(anchor.type_id),
        agency=_agency(issuer),
        name_of=_name_of,
    )


@public(WHY)
def entry(issuer: str, digits: str, leaf: int) -> str:
    """One entry: its batch, its way to the root, the block, and how to check all this elsewhere."""
    explorer = current_app.extensions["ledger"].explorer
    found = explorer.entry(issuer, _hash(digits), leaf)
    return render_template(
        "explorer/entry.html",
        found=found,
        anchor=found.anchor,
        drawing=draw(found.proof),
        event=explorer.event(found.anchor),
        plain=_plain,
        kind=_type_name(found.anchor.type_id),
        agency=_agency(issuer),
        file_name=_proof_name(found.proof.entry),
        name_of=_name_of,
    )


@public(WHY)
def proof(issuer: str, digits: str, leaf: int) -> Response:
    """The proof file of an entry, for `ecert proof`."""
    found = current_app.extensions["ledger"].explorer.entry(issuer, _hash(digits), leaf)
    response = make_response(encode_proof(found.proof))
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="{_proof_name(found.proof.entry)}"'
    return response


def _search_page(error: LedgerError | None = None, question: str = "") -> Response:
    services = current_app.extensions["ledger"]
    language = chosen_language()
    words = None if error is None else code_text(error.code, language)
    anchors = services.explorer.newest(ANCHORS_SHOWN)
    body = render_template(
        "explorer/search.html",
        fault=None if words is None else f"{words.title} {words.advice}",
        question=question,
        anchors=anchors,
        kinds={anchor.type_id: _type_name(anchor.type_id) for anchor in anchors},
        agencies={anchor.issuer: _agency(anchor.issuer) for anchor in anchors},
        blocks=services.explorer.blocks(),
    )
    status = 200 if error is None else 404 if isinstance(error, NotFoundError) else 422
    return make_response(body, status)


def _address(hit: Hit) -> str:
    if hit.kind == "block":
        return url_for("ledger.block", number=hit.block)
    if hit.kind == "transaction":
        return url_for("ledger.transaction", digits=hit.hash.hex())
    if hit.kind == "batch":
        return url_for("ledger.batch", issuer=hit.issuer, digits=hit.hash.hex())
    return url_for("ledger.entry", issuer=hit.issuer, digits=hit.hash.hex(), leaf=hit.leaf_index)


def _hash(digits: str) -> bytes:
    if len(digits) != HASH_DIGITS or digits != digits.lower():
        abort(404)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        abort(404)


def _proof_name(value: bytes) -> str:
    return f"{value.hex()[:16]}.proof.json"


def _type_name(type_id: int) -> str:
    language = chosen_language()
    if type_id == 0:
        return text("explorer.documents", language)
    name = current_app.extensions["ledger"].directory.type_name(type_id)
    return f"#{type_id}" if name is None else str(name.get(language) or name["zh"])


def _agency(issuer: str) -> str:
    name = current_app.extensions["ledger"].directory.name(issuer)
    return issuer if name is None else str(name.get(chosen_language()) or name["zh"])


def _name_of(event: EventFacts) -> str:
    """What an event says, in plain words."""
    return text(f"explorer.event_{event.name}" if event.name else "explorer.event_unknown", chosen_language())


def _plain(args: Mapping[str, Any]) -> dict[str, Any]:
    """Event arguments as JSON shows them: bytes as 0x digits, an issuer as its USCC, great numbers as text."""
    return {name: _spelled(name, value) for name, value in args.items()}


def _spelled(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        if name in {"issuer", "by", "parent", "successor"} and value.rstrip(b"\0").isalnum():
            return value.rstrip(b"\0").decode("ascii")
        return "0x" + value.hex()
    if isinstance(value, list | tuple):
        return [_spelled("", item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _spelled(str(key), item) for key, item in value.items()}
    if type(value) is int and value > _EXACT:
        return str(value)
    return value


def register(app: Flask) -> None:
    """Addresses of the ledger's pages."""
    rules = (
        ("/ledger", "search", search, "GET"),
        ("/ledger", "find", find, "POST"),
        ("/ledger/block/<int:number>", "block", block, "GET"),
        ("/ledger/transaction/<string:digits>", "transaction", transaction, "GET"),
        ("/ledger/batch/<string:issuer>/<string:digits>", "batch", batch, "GET"),
        ("/ledger/entry/<string:issuer>/<string:digits>/<int:leaf>", "entry", entry, "GET"),
        ("/ledger/entry/<string:issuer>/<string:digits>/<int:leaf>/proof", "proof", proof, "GET"),
    )
    for rule, name, view, method in rules:
        app.add_url_rule(rule, f"ledger.{name}", view, methods=[method])
