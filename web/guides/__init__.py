"""Service guides for everybody: in plain words, found by what people call them."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, current_app, render_template, request

from ledger.core.errors import NotFoundError
from ledger.core.guide import Guide, coverage, find_guides
from web.access import public
from web.language import chosen_language
from web.navigation import Entry, add

LONGEST_QUESTION = 60
WHY = "how to get something done is for everybody"


@public(WHY)
def index() -> str:
    """All guides, or those that answer a question."""
    services = current_app.extensions["ledger"]
    question = request.args.get("q", "")[:LONGEST_QUESTION]
    guides = services.guides.all()
    return render_template(
        "guides/index.html",
        guides=find_guides(guides, question),
        question=question,
        covered=coverage(guides),
        language_of=_in_language,
    )


@public(WHY)
def guide(code: str) -> str:
    """One guide with its five elements."""
    services = current_app.extensions["ledger"]
    found: Guide | None = next((one for one in services.guides.all() if one.code == code), None)
    if found is None:
        raise NotFoundError("GUIDE_UNKNOWN", "There is no such service guide.")
    name = services.directory.name(found.agency)
    kinds = {kind.code: kind.name for kind in services.types}
    replaced = [
        (
            one.paper[chosen_language()],
            getattr(kinds[one.type_code], chosen_language()) if one.type_code in kinds else one.type_code,
        )
        for one in found.replaced
    ]
    return render_template(
        "guides/guide.html",
        guide=found,
        agency=found.agency if name is None else _in_language(name),
        replaced=replaced,
        language_of=_in_language,
    )


def _in_language(words: Mapping[str, str]) -> str:
    return words.get(chosen_language()) or words["zh"]


def register(app: Flask) -> None:
    """Its addresses."""
    app.add_url_rule("/guides", "guides.index", index, methods=["GET"])
    app.add_url_rule("/guides/<string:code>", "guides.guide", guide, methods=["GET"])
    add(app, Entry("guides.index", "guides.nav", roles=frozenset(), order=10, below=("guides.guide",)))
