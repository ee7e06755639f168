"""People of the organisation that the administrator acts for; never of another one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from flask import Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.errors import InputError, NotFoundError
from ledger.core.people import Role
from ledger.services.people import PeopleService, Person
from web.access import actor, allowed, must_see
from web.accounts.login import Errors, page, words
from web.frame import SHANGHAI
from web.language import chosen_language
from web.texts import text

DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
ADMINISTRATOR = Role.ADMINISTRATOR


def people() -> PeopleService:
    """Who there is."""
    found: PeopleService = current_app.extensions["ledger"].people
    return found


def say(key: str) -> str:
    """A sentence of this room."""
    return text(f"accounts.{key}", chosen_language())


def day_start(typed: str, *, after: bool = False) -> int | None:
    """The beginning (or end) of a day in Beijing; None for an empty field.

    Raises:
        ValueError: no day.
    """
    if not typed.strip():
        return None
    if not DAY.match(typed.strip()):
        raise ValueError(typed)
    day = datetime.strptime(typed.strip(), "%Y-%m-%d").replace(tzinfo=SHANGHAI)
    return int((day + timedelta(days=1 if after else 0)).astimezone(UTC).timestamp())


def places() -> list[tuple[str, str]]:
    """Organisations whose people he manages, his own first: USCC and name."""
    known, language, own = people().organisations(), chosen_language(), actor().uscc
    found = [(uscc, known[uscc].name(language)) for uscc in actor().subtree if uscc in known]
    return sorted(found, key=lambda one: (one[0] != own, one[1]))


def chosen_place() -> str:
    """The organisation that a page or form is about: his own where none is named. Raises: NotFoundError(NOT_HERE)."""
    place = request.values.get("place") or actor().uscc
    must_see(place)
    return place


def of_ours(number: int) -> Person:
    """A person with a role in his organisation or below. Raises: NotFoundError(PERSON_UNKNOWN)."""
    return people().of_organisations(number, actor().subtree)


@allowed(ADMINISTRATOR)
def everybody() -> Response:
    """Who works here, in which roles, how well protected; of one organisation at a time."""
    place = chosen_place()
    return page(
        "people",
        [],
        found=people().of_organisation(place),
        here=place,
        place=people().organisation(place).name(chosen_language()),
        places=places(),
    )


@allowed(ADMINISTRATOR, fresh=True)
def add() -> AnyResponse:
    """Give a role to somebody who is known, or make a new person with an invitation."""
    given = {
        name: request.form.get(name, "")[:200]
        for name in ("login", "name", "role", "since", "until", "deputy")
    } | {"place": chosen_place()}
    if request.method == "GET":
        return _add([], given)
    errors: Errors = []
    period = _period(given["since"], given["until"], errors)
    if given["role"] not in set(Role):
        errors.append(("role", say("error_role")))
    if errors:
        return _add(errors, given)
    try:
        deputy_for = _deputy(given["deputy"], given["place"])
        people().require_period(period[0], period[1], deputy_for)  # before anybody is made for it
        number, is_new = _find_or_add(given["login"], given["name"])
        people().give_role(
            number, given["place"], Role(given["role"]), by=actor(), since=period[0], until=period[1],
            deputy_for=deputy_for,
        )  # fmt: skip
    except (InputError, NotFoundError) as error:
        return _add([(_field(error.code), words(error))], given)
    if is_new:
        return _invited(people().invite(number, by=actor()))
    return redirect(url_for("people.one", person=number), 303)


def _add(errors: Errors, given: dict[str, str]) -> Response:
    return page("people_add", errors, given=given, roles=role_options(), places=places())


@allowed(ADMINISTRATOR)
def one(person: int) -> Response:
    """One person: roles here and below, protection, sessions."""
    return _one(person, [])


def _one(number: int, errors: Errors, given: dict[str, str] | None = None) -> Response:
    found = of_ours(number)
    is_ours = _is_ours(number)
    deputies = people().names({role.deputy_for for role in found.roles if role.deputy_for is not None})
    return page(
        "people_one",
        errors,
        found=found,
        roles=role_options(),
        deputies=deputies,
        is_ours=is_ours,
        is_oneself=number == actor().person,
        places=places(),
        sessions=people().sessions(number) if is_ours else [],
        given={"place": found.roles[0].uscc} | (given or {}),
    )


@allowed(ADMINISTRATOR, fresh=True)
def role_give(person: int) -> AnyResponse:
    """One more role for somebody of this organisation or one below."""
    of_ours(person)
    given = {name: request.form.get(name, "")[:200] for name in ("role", "since", "until", "deputy")}
    given |= {"place": chosen_place()}
    errors: Errors = []
    period = _period(given["since"], given["until"], errors)
    if given["role"] not in set(Role):
        errors.append(("role", say("error_role")))
    if errors:
        return _one(person, errors, given)
    try:
        people().give_role(
            person, given["place"], Role(given["role"]), by=actor(), since=period[0], until=period[1],
            deputy_for=_deputy(given["deputy"], given["place"]),
        )  # fmt: skip
    except (InputError, NotFoundError) as error:
        return _one(person, [(_field(error.code), words(error))], given)
    return redirect(url_for("people.one", person=person), 303)


@allowed(ADMINISTRATOR, fresh=True)
def role_end(person: int, role: int) -> AnyResponse:
    """Take a role away."""
    ended = next((known for known in of_ours(person).roles if known.id == role), None)
    if ended is None:
        raise NotFoundError("ROLE_UNKNOWN", "There is no such role.")
    people().end_role(role, by=actor())
    try:
        of_ours(person)
    except NotFoundError:  # it was the last one: the person is shown no more
        return redirect(url_for("people.everybody", place=ended.uscc), 303)
    return redirect(url_for("people.one", person=person), 303)


@allowed(ADMINISTRATOR, fresh=True)
def act(person: int, what: str) -> AnyResponse:
    """Suspend, resume, invite anew, reset second factors, end sessions."""
    of_ours(person)
    if what in {"invite", "reset"}:
        do = people().invite if what == "invite" else people().reset
        return _invited(do(person, by=actor()))
    if what == "suspend":
        people().suspend(person, by=actor())
    elif what == "resume":
        people().resume(person, by=actor())
    elif what == "sessions":
        people().end_sessions(person, by=actor())
    else:
        raise NotFoundError("NOT_HERE", "There is no such act.")
    return redirect(url_for("people.one", person=person), 303)


def role_options() -> list[tuple[str, str]]:
    """Roles to choose from."""
    return [(role.value, say(f"role_{role.value}")) for role in Role]


def _invited(code: str) -> Response:
    address = url_for("accounts.invitation", code=code, _external=True)
    body = render_template("accounts/people_invited.html", address=address)
    return Response(body, 200, mimetype="text/html")


def _find_or_add(login: str, name: str) -> tuple[int, bool]:
    try:
        return people().find(login).id, False
    except NotFoundError:
        return people().add(login, name, by=actor()), True


def _deputy(login: str, place: str) -> int | None:
    """Whom somebody stands in for: a person of the same organisation."""
    if not login.strip():
        return None
    return people().of_organisations(people().find(login).id, {place}).id


def _period(since: str, until: str, errors: Errors) -> tuple[int | None, int | None]:
    found: list[int | None] = []
    for field, typed in (("since", since), ("until", until)):
        try:
            found.append(day_start(typed, after=field == "until"))
        except ValueError:
            errors.append((field, say("error_day")))
            found.append(None)
    return found[0], found[1]


def _is_ours(number: int) -> bool:
    try:
        people().must_manage(number, actor())
    except NotFoundError:
        return False
    return True


def _field(code: str) -> str:
    return {
        "NAME_INVALID": "name", "ROLE_PERIOD": "until", "DEPUTY_WITHOUT_END": "until", "PERSON_UNKNOWN": "deputy",
    }.get(code, "login")  # fmt: skip
