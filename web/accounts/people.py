"""People of the organisation that the administrator acts for; never of another one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from flask import Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.errors import InputError, NotFoundError
from ledger.core.people import Role
from ledger.services.people import PeopleService, Person
from web.access import actor, allowed
from web.accounts.login import Errors, page, words
from web.language import chosen_language
from web.texts import text

SHANGHAI = timezone(timedelta(hours=8))  # docs/formats.md, Times
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


def of_this_organisation(number: int) -> Person:
    """A person with a role here.

    Raises:
        NotFoundError: PERSON_UNKNOWN.
    """
    for one in people().of_organisation(actor().uscc):
        if one.id == number:
            return one
    raise NotFoundError("PERSON_UNKNOWN", "There is no such person in your organisation.")


@allowed(ADMINISTRATOR)
def everybody() -> Response:
    """Who works here, in which roles, how well protected."""
    here = people().organisation(actor().uscc)
    return page(
        "people", [], found=people().of_organisation(actor().uscc), place=here.name(chosen_language())
    )


@allowed(ADMINISTRATOR, fresh=True)
def add() -> AnyResponse:
    """Give a role to somebody who is known, or make a new person with an invitation."""
    given = {
        name: request.form.get(name, "")[:200]
        for name in ("login", "name", "role", "since", "until", "deputy")
    }
    if request.method == "GET":
        return page("people_add", [], given=given, roles=role_options())
    errors: Errors = []
    period = _period(given["since"], given["until"], errors)
    if given["role"] not in set(Role):
        errors.append(("role", say("error_role")))
    if errors:
        return page("people_add", errors, given=given, roles=role_options())
    try:
        deputy_for = _deputy(given["deputy"])
        people().require_period(period[0], period[1], deputy_for)  # before anybody is made for it
        number, is_new = _find_or_add(given["login"], given["name"])
        people().give_role(
            number, actor().uscc, Role(given["role"]), by=actor(), since=period[0], until=period[1],
            deputy_for=deputy_for,
        )  # fmt: skip
    except (InputError, NotFoundError) as error:
        return page("people_add", [(_field(error.code), words(error))], given=given, roles=role_options())
    if is_new:
        return _invited(people().invite(number, by=actor()))
    return redirect(url_for("people.one", person=number), 303)


@allowed(ADMINISTRATOR)
def one(person: int) -> Response:
    """One person: roles here, protection, sessions."""
    return _one(person, [])


def _one(number: int, errors: Errors, given: dict[str, str] | None = None) -> Response:
    found = of_this_organisation(number)
    is_ours = _is_ours(number)
    deputies = people().names({role.deputy_for for role in found.roles if role.deputy_for is not None})
    return page(
        "people_one",
        errors,
        found=found,
        roles=role_options(),
        deputies=deputies,
        is_ours=is_ours,
        sessions=people().sessions(number) if is_ours else [],
        given=given or {},
    )


@allowed(ADMINISTRATOR, fresh=True)
def role_give(person: int) -> AnyResponse:
    """One more role for somebody of this organisation."""
    of_this_organisation(person)
    given = {name: request.form.get(name, "")[:200] for name in ("role", "since", "until", "deputy")}
    errors: Errors = []
    period = _period(given["since"], given["until"], errors)
    if given["role"] not in set(Role):
        errors.append(("role", say("error_role")))
    if errors:
        return _one(person, errors, given)
    try:
        people().give_role(
            person, actor().uscc, Role(given["role"]), by=actor(), since=period[0], until=period[1],
            deputy_for=_deputy(given["deputy"]),
        )  # fmt: skip
    except (InputError, NotFoundError) as error:
        return _one(person, [(_field(error.code), words(error))], given)
    return redirect(url_for("people.one", person=person), 303)


@allowed(ADMINISTRATOR, fresh=True)
def role_end(person: int, role: int) -> AnyResponse:
    """Take a role away."""
    if role not in {known.id for known in of_this_organisation(person).roles}:
        raise NotFoundError("ROLE_UNKNOWN", "There is no such role.")
    people().end_role(role, by=actor())
    left = {known.id for known in people().of_organisation(actor().uscc)}
    return redirect(
        url_for("people.one", person=person) if person in left else url_for("people.everybody"), 303
    )


@allowed(ADMINISTRATOR, fresh=True)
def act(person: int, what: str) -> AnyResponse:
    """Suspend, resume, invite anew, reset second factors, end sessions."""
    of_this_organisation(person)
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


def _deputy(login: str) -> int | None:
    if not login.strip():
        return None
    return of_this_organisation(people().find(login).id).id


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
