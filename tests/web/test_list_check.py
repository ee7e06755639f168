"""A list of guesses is no faster way to guess than the form; an honest list with some errors goes through."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from ledger.adapters.intake_sheets import write_xlsx
from ledger.adapters.row_readers import open_rows
from ledger.bootstrap_verified import VerifiedRoom
from ledger.core.errors import InputError
from ledger.core.flow import JobKind
from ledger.core.limits import RULES, LimitKind
from ledger.core.paper import PrintKind
from ledger.core.people import Role
from ledger.services.lookup import LookupService
from ledger.services.verified import guesser
from ledger.services.verified_work import (
    GOOD_NOT_COMPARED,
    LONGEST_PAUSE_S,
    MISSING,
    NOT_CHECKED,
    UNKNOWN,
    WRONG,
    VerifiedWorker,
)
from tests.check_world import Paper, read_paper
from tests.flow_world import ListTable, deposit_row
from tests.office_world import Client, Office

TITLES = ["证明编号", "核验码"]


@pytest.fixture(scope="module")
def paper(office: Office) -> Paper:
    office.world.issue_all(ListTable([deposit_row(number) for number in range(2)]))
    name = bytes.fromhex(min(office.world.bundles())[:32])
    one = office.world.documents.order(name, kind=PrintKind.FULL, language="zh", by="test")
    office.world.work()
    office.world.maker.collect(now=True)
    office.world.finish()
    return read_paper(office, one)


@pytest.fixture(scope="module")
def room(office: Office) -> VerifiedRoom:
    parts = office.parts
    made = VerifiedRoom(parts.here, parts.desk.view, parts.desk.info, lambda: parts.lookup, parts.limits)
    office.world.add_handler(JobKind.DESK, made.worker.run)
    return made


@pytest.fixture
def officer(office: Office, room: VerifiedRoom) -> Client:
    """Nobody was wrong before."""
    return office.client(Role.VERIFIER)


def guesses(count: int, first: int = 0) -> list[list[str]]:
    return [[f"0000-0000-0000-{number:04X}", "22222-22222"] for number in range(first, first + count)]


def hand_in(client: Client, rows: Sequence[Sequence[str]]) -> str:
    sheet = write_xlsx([("list", [TITLES, *map(list, rows)])])
    form = {"purpose_kind": "loan", "file": (io.BytesIO(sheet), "list.xlsx")}
    answer = client.post_form("/desk/lists", form)
    assert answer.status_code == 303
    return str(answer.location)


def results(client: Client, where: str) -> list[str]:
    answer = client.get(where + "/result.xlsx")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return [str(cells[2]) for _, cells in open_rows(answer.data).rows()]


def work(office: Office) -> None:
    """Until nothing is left, however long it waits (ten seconds at a time)."""

    def pause(_: float) -> None:
        office.clock.advance(10)

    office.world.worker.run_until_idle(pause, max_pauses=500)


def guess_at_the_form(client: Client) -> tuple[int, int]:
    """Status of one wrong try, and how many seconds it says to wait."""
    form = {"purpose_kind": "loan", "number": "0000-0000-0000-0000", "code": "22222-22222"}
    answer = client.post_form("/desk/verify", form)
    return answer.status_code, int(answer.headers.get("Retry-After", 0))


def test_a_list_of_guesses_is_no_faster_than_the_form(office: Office, officer: Client) -> None:
    began = office.clock.now()
    where = hand_in(officer, guesses(1_000))
    work(office)
    took = office.clock.now() - began
    found = results(officer, where)
    tried = found.count(WRONG)
    assert len(found) == 1_000
    assert set(found[tried:]) == {NOT_CHECKED}
    # the form: as many tries as fit into the same time, waiting as long as it says
    other = office.client(Role.VERIFIER, "child")
    ends, at_the_form = office.clock.now() + took, 0
    while office.clock.now() <= ends:
        status, wait_s = guess_at_the_form(other)
        at_the_form += status == 422
        office.clock.advance(wait_s)
    assert 3 < tried <= at_the_form
    rule = RULES[LimitKind.CODE]
    assert took >= sum(rule.first_wait_s << step for step in range(tried - rule.free_failures - 1))


def test_list_after_list_and_the_form_count_together(office: Office, officer: Client, paper: Paper) -> None:
    first, second = hand_in(officer, guesses(30)), hand_in(officer, guesses(30, 100))
    work(office)
    together = results(officer, first).count(WRONG) + results(officer, second).count(WRONG)
    form = {"purpose_kind": "loan", "number": paper.number, "code": paper.code}
    assert officer.post_form("/desk/verify", form).status_code == 429
    office.calm()
    alone = hand_in(officer, guesses(30))
    work(office)
    assert together == results(officer, alone).count(WRONG)


def test_the_form_makes_a_list_wait(office: Office, officer: Client, paper: Paper) -> None:
    while guess_at_the_form(officer)[0] == 422:
        pass
    began = office.clock.now()
    where = hand_in(officer, [[paper.number, paper.code]])
    office.world.work()
    assert results(officer, where) == [GOOD_NOT_COMPARED]
    assert office.clock.now() > began


def test_an_honest_list_with_some_errors_goes_through(office: Office, officer: Client, paper: Paper) -> None:
    right = [paper.number, paper.code]
    rows = [right] * 1_000
    for place in (10, 400, 401, 700, 950):
        rows[place] = [paper.number, "22222-22222"]
    rows[500] = ["", paper.code]
    began = office.clock.now()
    where = hand_in(officer, rows)
    office.world.work()
    found = results(officer, where)
    assert (found.count(GOOD_NOT_COMPARED), found.count(WRONG), found.count(MISSING)) == (994, 5, 1)
    assert office.clock.now() - began < 30, "two pauses: two and four seconds"


def test_right_codes_in_between_forgive_nothing(office: Office, officer: Client, paper: Paper) -> None:
    rows = [row for guess in guesses(60) for row in (guess, [paper.number, paper.code])]
    where = hand_in(officer, rows)
    work(office)
    found = results(officer, where)
    assert found.count(WRONG) < 20
    assert found.count(NOT_CHECKED) > 80


class Dying:
    """A look-up whose process dies at the n-th question."""

    def __init__(self, lookup: LookupService, at: int) -> None:
        self._lookup = lookup
        self._at = at
        self.asked: list[tuple[str, str]] = []

    def by_code(self, number: str, code: str) -> object:
        self.asked.append((number, code))
        if len(self.asked) == self._at:
            raise SystemExit
        return self._lookup.by_code(number, code)

    def compare(self, *arguments: object, **more: object) -> object:
        return self._lookup.compare(*arguments, **more)  # type: ignore[arg-type]


def test_a_killed_worker_goes_on_where_the_list_was_kept(
    office: Office, officer: Client, paper: Paper, room: VerifiedRoom
) -> None:
    office.calm()
    rows = [[paper.number, paper.code]] * 50
    list_id = int(hand_in(officer, rows).rsplit("/", 1)[1])
    dying = Dying(office.parts.lookup, at=45)
    worker: VerifiedWorker = room.worker
    kept, worker._lookup = worker._lookup, lambda: dying  # type: ignore[assignment,return-value]
    try:
        with pytest.raises(SystemExit):
            office.world.work()
        assert room.book.list_check(list_id).done == 40
        assert officer.get(f"/desk/lists/{list_id}/result.xlsx").status_code == 409
        office.clock.advance(60)  # the dead worker's lease ends
        office.world.work()
    finally:
        worker._lookup = kept
    assert len(dying.asked) == 45 + 10
    assert results(officer, f"/desk/lists/{list_id}") == [GOOD_NOT_COMPARED] * 50


class Broken:
    """A look-up that finds a row it cannot open."""

    def by_code(self, number: str, code: str) -> object:
        raise InputError("VAULT_TAMPERED", f"{number} {code}")


def test_a_fault_of_ours_is_no_wrong_code(
    office: Office, officer: Client, paper: Paper, room: VerifiedRoom
) -> None:
    office.calm()
    where = hand_in(officer, [[paper.number, paper.code]] * 30)
    worker: VerifiedWorker = room.worker
    kept, worker._lookup = worker._lookup, Broken  # type: ignore[assignment]
    try:
        office.world.work()
    finally:
        worker._lookup = kept
    assert results(officer, where) == [UNKNOWN] * 30
    assert guess_at_the_form(officer) == (422, 0), "nobody has to wait for it"


def test_while_it_waits_the_page_says_so(office: Office, officer: Client, room: VerifiedRoom) -> None:
    for _ in range(5):
        office.parts.limits.fail(LimitKind.CODE, guesser(office.person(Role.VERIFIER)))
    where = hand_in(officer, guesses(5))
    list_id = int(where.rsplit("/", 1)[1])
    office.world.worker.run_once()
    found = room.book.list_check(list_id)
    assert (found.state, found.done) == ("paused", 0)
    assert "稍后自动继续" in officer.get(where).text
    assert "稍后自动继续" in officer.get(where + "/live").text
    assert 'hx-trigger="every 1s"' in officer.get(where).text
    office.world.work()
    assert room.book.list_check(list_id).state == "done"
    assert "hx-trigger" not in officer.get(where + "/live").text, "what is done is asked for no more"
    assert RULES[LimitKind.CODE].longest_wait_s > LONGEST_PAUSE_S, "a pause of the longest kind ends a list"
