"""A batch that is on the ledger and waits for witnesses: every page that shows it says so, and what to do."""

from __future__ import annotations

import pytest

from ledger.core.errors import UnavailableError
from ledger.core.finality import NOTHING_FINAL
from ledger.core.flow import BatchState
from ledger.core.model import ViewHead
from ledger.core.people import Role
from tests.desk_world import Desk, words
from tests.intake_world import IssuingOffice, spoiled
from tests.office_world import Office

SAID = "已上链，等待见证方签名"
LANGUAGES = ("bo", "en", "zh")  # a person keeps the last one


class Silence:
    """Witnesses that have not signed anything, until they do."""

    is_over = False

    def height(self, head: ViewHead) -> int:
        return head.block.number if self.is_over else NOTHING_FINAL


@pytest.fixture(scope="module")
def desk(office: Office) -> Desk:
    return Desk(office)


def test_clerk_and_approver_read_that_it_waits_for_witnesses_until_they_sign(desk: Desk) -> None:
    office, silence = desk.office, Silence()
    office.world.anchor._finality = silence
    office.parts.desk.__dict__["finality"] = silence  # a cached property: as if made already
    batch_id = desk.batch(2)
    assert desk.make(batch_id).status_code == 200
    pages = [f"/desk/batches/{batch_id}", "/desk", f"/desk/batches/{batch_id}/progress"]
    assert SAID not in words(desk.clerk.get("/desk"))
    assert desk.approve(batch_id).status_code == 200
    assert SAID not in words(desk.clerk.get(pages[0])), "not on the ledger yet"
    assert "通常几秒内完成" in words(desk.approver.get(f"/approve/{batch_id}"))
    office.world.work()
    assert desk.state(batch_id) is BatchState.APPROVED
    for path in pages:
        page = words(desk.clerk.get(path))
        assert SAID in page, path
        assert "您不需要做什么" in page, path
        assert 'href="/witnesses"' in page, path
    for path in (f"/approve/{batch_id}", f"/approve/{batch_id}/state"):
        page = words(desk.approver.get(path))
        assert SAID in page, path
        assert "通常几秒内完成" not in page, path
    for language in LANGUAGES:
        assert desk.clerk.get(f"{pages[0]}?lang={language}").status_code == 200
    operator = words(office.client(Role.OPERATOR).get(f"/desk/batches/{batch_id}"))
    assert SAID in operator
    silence.is_over = True
    office.clock.advance(60)
    office.world.work()
    assert desk.state(batch_id) is BatchState.RELEASED
    for path in (*pages, f"/approve/{batch_id}"):
        assert SAID not in words(desk.clerk.get(path)), path


def test_the_page_of_an_import_names_its_batches_that_wait_for_witnesses(desk: Desk) -> None:
    office, silence = desk.office, Silence()
    office.world.anchor._finality = silence
    office.parts.desk.__dict__["finality"] = silence
    intake = IssuingOffice(office.world).import_all(spoiled(range(7_000, 7_002), ()))
    assert intake.job_id is not None
    (batch,) = office.parts.issuing.batches_of_import(intake.job_id)
    assert SAID not in words(desk.clerk.get(f"/desk/imports/{intake.id}"))
    assert desk.make(batch.id).status_code == 200
    assert desk.approve(batch.id).status_code == 200
    office.world.work()
    page = words(desk.clerk.get(f"/desk/imports/{intake.id}"))
    assert SAID in page
    assert "已上链，等待见证<" in page
    silence.is_over = True
    office.clock.advance(60)
    office.world.work()
    assert SAID not in words(desk.clerk.get(f"/desk/imports/{intake.id}"))


def test_the_page_goes_on_while_the_ledger_does_not_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = desk.batch(1)

    def silent(*_given: object) -> bool:
        raise UnavailableError("VIEW_UNAVAILABLE", "The ledger does not answer.")

    # reason: a view that breaks between two of its readings cannot be brought about from outside
    monkeypatch.setattr(type(desk.office.parts.desk), "waits_for_witnesses", silent)
    page = desk.clerk.get(f"/desk/batches/{batch_id}")
    assert page.status_code == 200
    assert SAID not in words(page)
