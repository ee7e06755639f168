"""A type with `open_verification` shows its public fields for a number alone; no other type does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from ledger.core.flow import proof_number
from ledger.core.model import ReasonClass
from ledger.core.status import Status
from ledger.demo_data import LICENCE_HEADER, licence_rows
from ledger.services.cases import Grounds
from tests.flow_world import TYPE_REF, ListTable, chain_signer, deposit_table
from tests.office_world import Client, Office, make_installation, open_office

LICENCE = "BIZ_LICENSE:1"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An agency that issues deposit proofs and licences."""
    folder = make_installation(tmp_path_factory.mktemp("open") / "home", granted=(TYPE_REF, LICENCE))
    opened = open_office(folder)
    yield opened
    opened.close()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def names(office: Office) -> dict[str, bytes]:
    """A licence to look at, one to be revoked, and a deposit proof."""
    world = office.world
    rows = [[row[title] for title in LICENCE_HEADER] for row in licence_rows(2)]
    world.issue_all(ListTable(rows, header=tuple(LICENCE_HEADER)), credential_type=world.types[LICENCE])
    world.issue_all(deposit_table([1]))
    found = {}
    for batch in world.store.batches.batches():
        leaves = world.store.signing.leaves(batch.id, 0, batch.size)
        if batch.type_code == LICENCE:
            found |= {"licence": leaves[0].name, "voided": leaves[1].name}
        else:
            found["deposit"] = leaves[0].name
    return found


@pytest.fixture
def client(office: Office) -> Client:
    office.calm()
    return office.nobody()


def ask(client: Client, number: str):
    return client.post_form("/check/number", {"number": number, "code": ""})


def test_a_licence_shows_what_its_type_always_shows_and_nothing_else(
    office: Office, client: Client, names: dict[str, bytes]
) -> None:
    answer = ask(client, proof_number(names["licence"]))
    assert answer.status_code == 200
    assert "verdict--good" in answer.text
    _, report = office.parts.lookup.by_number(proof_number(names["licence"]))
    kind = office.world.types[LICENCE]
    always = {field.key for field in kind.fields if field.disclosure == "always"}
    shown = set(report.credential.claims) - {"proof_no"}
    assert shown
    assert shown <= always
    place = office.world.store.batches.place(names["licence"])
    whole = office.parts.verify(office.parts.desk.export.bundle(place.batch_id, place.leaf_index))
    hidden = {
        str(value) for name, value in whole.credential.claims.items() if name not in always | {"proof_no"}
    }
    hidden.discard(str(report.credential.identifier))  # the national number of the licence itself
    for value in hidden:
        if len(value) > 3:  # a short one may stand in the page by chance
            assert value not in answer.text, value
    assert str(report.credential.claims["name"]) in answer.text


def test_a_deposit_proof_and_a_number_of_nobody_get_the_same_answer(
    client: Client, names: dict[str, bytes]
) -> None:
    number = proof_number(names["deposit"])
    closed, nobodys = ask(client, number), ask(client, "0000-0000-0000-0000")
    assert closed.status_code == nobodys.status_code == 422
    assert closed.text.replace(number, "") == nobodys.text.replace("0000-0000-0000-0000", "")
    for odd in ("0000", "zz" * 8, "../../etc", "0" * 2_000, proof_number(names["licence"])[:-1]):
        assert ask(client, odd).status_code == 422


def test_a_voided_licence_is_no_longer_shown_as_good(
    office: Office, client: Client, names: dict[str, bytes]
) -> None:
    status, approver = office.world.status, chain_signer("approver")
    grounds = Grounds(ReasonClass.ISSUER_ERROR, "依据", "文号1")
    case = status.make([names["voided"]], Status.VOID, grounds, chain_signer("maker"), approver.signer_id)
    status.approve(case.id, approver)
    office.world.work()
    answer = ask(client, proof_number(names["voided"]))
    assert answer.status_code == 200
    assert "verdict--good" not in answer.text


def test_asking_number_after_number_is_slowed_down(client: Client, names: dict[str, bytes]) -> None:
    answers = [ask(client, f"0000-0000-0000-{number:04X}").status_code for number in range(130)]
    assert set(answers) == {422, 429}
    assert ask(client, proof_number(names["licence"])).status_code == 429
