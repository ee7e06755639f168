"""What is left of a dissolved agency: its successor's people change its certificates; an admin above takes back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.adapters.home_files import Agency, Home
from ledger.core.eip712 import ecdsa_signature
from ledger.core.errors import RefusedError
from ledger.core.flow import proof_number
from ledger.core.model import ReasonClass
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.core.status import Status
from ledger.core.tokens import Scope
from ledger.services.status import Drafter, Grounds
from tests.authenticator import Authenticator
from tests.desk_world import APPROVERS, MAKERS, SITE, Desk, words
from tests.flow_world import ISSUER
from tests.govern_world import CITY, NATION, OTHER_CITY, TYPE, GovernWorld, iss_of, person
from tests.office_world import PASSWORD, Client, Office, log_in, open_office

ADMINS = Authenticator(0xD4, SITE)
GROUNDS = Grounds(ReasonClass.ISSUER_ERROR, "条例第五条", "岚金管〔2026〕9号")
WHY = {"reason": "issuer_error", "legal_basis": "条例第五条", "document": "岚金管〔2026〕9号"}


class Reform:
    """CITY issued and was merged into the agency above it, for which clerk and approver are logged in."""

    def __init__(self, office: Office) -> None:
        assert isinstance(office.world, GovernWorld)
        self.office, self.world = office, office.world
        for city, count in ((CITY, 4), (OTHER_CITY, 0)):
            self.world.admit(city, NATION)
            Home(office.folder).entry_file(city).write_text(self.world.tree.entries[city])
            for number in range(count):
                self.world.issue_to(city, 900 + number)
        self.desk = Desk(office)
        self.batches = [one.id for one in self.world.store.batches.batches(CITY) if one.type_id == TYPE]
        self.names = [name for batch in self.batches for name in self.desk.names(batch)]
        self.old_clerk = self.log_in("old-clerk", CITY, Role.CLERK)
        drafter = Drafter(self.numbers["old-clerk"], CITY)
        self.old_case = self.status.draft(self.names[:1], Status.VOID, GROUNDS, drafter).id
        self.desk.clerk.get("/status/new?lang=zh")
        assert "承继" not in words(self.desk.clerk.get("/status/new"))
        assert self.change(self.desk.clerk, self.names[1], "suspend").status_code == 422
        heir = NATION.encode()
        self.world.decide(NATION, self.world.act("dissolveIssuer", NATION, CITY, heir))

    @property
    def status(self):
        return self.office.parts.signing.status

    def log_in(self, login: str, uscc: str, role: Role) -> Client:
        number = self.office.parts.people.add(login, f"{login} 先生", by=None, password=PASSWORD)
        self.numbers = {**getattr(self, "numbers", {}), login: number}
        self.office.parts.people.give_role(number, uscc, role, by=None)
        self.office.calm()
        client = self.office.nobody()
        assert log_in(client, login, PASSWORD).status_code == 303
        return client

    def change(self, client: Client, name: bytes | str, change: str):
        numbers = name if isinstance(name, str) else proof_number(name)
        fields = {**WHY, "numbers": numbers, "change": change}
        return client.post_form("/status/new", fields, content_type="multipart/form-data")

    def now(self, name: bytes) -> Status | None:
        return self.office.parts.signing.status_desk.standing(CITY, name).status

    def two_sign(self, case_path: str) -> None:
        desk, case_id = self.desk, re.sub(r".*/|\?.*", "", case_path)
        path, approver = f"/signing/cases/{case_id}", APPROVERS.signer_id.hex()
        made = desk.sign(desk.clerk, f"{path}/make", MAKERS, key=desk.keys[Role.CLERK].id, approver=approver)
        assert made.status_code == 200, words(made)
        assert case_id in words(desk.approver.get("/status")).split("全部变更")[0], (
            "it waits for the approver"
        )
        assert "1 件状态变更等待您复核" in words(desk.approver.get("/approve"))
        path = f"{path}/approve"
        done = desk.sign(desk.approver, path, APPROVERS, key=desk.keys[Role.APPROVER].id)
        assert done.status_code == 200, words(done)
        self.world.work()


@pytest.fixture(scope="module")
def reform(installation: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reform]:
    folder = tmp_path_factory.mktemp("reform") / "home"
    shutil.copytree(installation, folder)
    home = Home(folder)
    record = home.load_ready()
    city = Agency(CITY, "岚州市旧中心", "Old Centre", iss_of(CITY), "990100", types=record.agencies[0].types)
    home.save(replace(record, agencies=(*record.agencies, city)))
    office = open_office(folder, GovernWorld)
    yield Reform(office)
    office.close()


def test_the_successors_people_change_what_the_old_agency_issued(reform: Reform) -> None:
    clerk, name = reform.desk.clerk, reform.names[1]
    agency = reform.office.parts.directory.name(CITY)["zh"]
    assert f"{agency}由本机构承继" in words(clerk.get("/status/new"))
    done = reform.change(clerk, name, "suspend")
    assert done.status_code == 303, words(done)
    page = words(clerk.get(done.location))
    assert f"这是 {agency} 签发的证照" in page
    reform.world.work()
    assert reform.now(name) is Status.SUSPENDED
    done = reform.change(clerk, name, "resume")
    reform.two_sign(done.location)
    assert reform.now(name) is Status.VALID
    history = words(clerk.get(f"/status/credentials/{name.hex()}"))
    assert agency in history
    assert history.count("岚金管〔2026〕9号") == 2
    assert "/status/new?numbers=" in history
    assert clerk.get(f"/status/cases/{reform.old_case}").status_code == 200, "what the old agency had decided"
    lists = words(clerk.get("/status"))
    assert reform.old_case in lists
    assert agency in lists
    assert f"/status/predecessors/{CITY}" in lists
    for language in ("en", "bo", "zh"):
        for path in ("/status", "/status/new", done.location, f"/status/predecessors/{CITY}"):
            assert clerk.get(f"{path.split('?')[0]}?lang={language}").status_code == 200
    stranger = reform.office.client(Role.CLERK, "foreign")
    for path in (f"/status/credentials/{name.hex()}", done.location, f"/status/predecessors/{CITY}"):
        assert stranger.get(path).status_code == 404, path
    assert reform.change(stranger, name, "suspend").status_code == 422


def test_one_change_is_about_one_agencys_certificates(reform: Reform) -> None:
    own = reform.desk.names(reform.desk.released(1))[0]
    both = f"{proof_number(own)}\n{proof_number(reform.names[2])}"
    refused = reform.change(reform.desk.clerk, both, "suspend")
    assert refused.status_code == 422
    agency = reform.office.parts.directory.name(CITY)["zh"]
    assert f"{agency} 1 张" in words(refused)
    assert reform.now(reform.names[2]) is Status.VALID


def test_the_old_agencys_people_are_out(reform: Reform) -> None:
    old, name = reform.old_clerk, reform.names[2]
    page = words(old.get("/status/new"))
    assert "本机构已撤并" in page
    assert 'name="numbers"' not in page
    refused = reform.change(old, name, "suspend")
    assert refused.status_code == 409
    assert reform.now(name) is Status.VALID
    batch = old.post_form("/status/new", {**WHY, "batch": str(reform.batches[2])})
    assert batch.status_code == 409
    case = f"/status/cases/{reform.old_case}"
    assert "由承继机构重新办理" in words(old.get(case))
    assert old.get(f"/status/predecessors/{CITY}").status_code == 404
    assert f"/status/predecessors/{CITY}" not in words(old.get("/status"))
    with pytest.raises(RefusedError, match="acts for") as caught:
        reform.status.suspend([name], GROUNDS, Drafter(uscc=CITY))
    assert caught.value.code == "HEIR_ACTS"
    with pytest.raises(RefusedError) as caught:
        reform.status.plan_make(reform.old_case, MAKERS.signer_id, APPROVERS.signer_id)
    assert caught.value.code == "HEIR_ACTS"


def test_a_program_of_the_successor_suspends_and_one_of_the_old_agency_does_not(reform: Reform) -> None:
    serial, body = reform.names[0].hex(), {"reason": "security", "legal_basis": "条例", "document": "1 号"}
    scopes = (Scope.STATUSES, Scope.SUSPEND)

    def ask(uscc: str, method: str, path: str, **more: object):
        _, secret = reform.office.parts.programs.tokens.add(uscc, "test", scopes, 30, "test")
        headers = {"Authorization": f"Bearer {secret}"}
        return reform.office.nobody().open(f"/api/v1{path}", method=method, headers=headers, **more)

    seen = ask(NATION, "GET", f"/statuses/{serial}")
    assert seen.get_json().get("status") == "VALID", words(seen)
    refused = ask(CITY, "POST", f"/statuses/{serial}/suspension", json=body)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "HEIR_ACTS")
    assert ask(OTHER_CITY, "POST", f"/statuses/{serial}/suspension", json=body).status_code == 404
    assert ask(NATION, "POST", f"/statuses/{serial}/suspension", json=body).status_code == 202
    reform.world.work()
    assert ask(NATION, "GET", f"/statuses/{serial}").get_json()["status"] == "SUSPENDED"


def test_a_batch_of_the_old_agency_is_found_and_withdrawn(reform: Reform) -> None:
    batch_id, name = reform.batches[3], reform.names[3]
    page = words(reform.desk.clerk.get(f"/status/predecessors/{CITY}"))
    assert f"/status/new?batch={batch_id}" in page
    agency = reform.office.parts.directory.name(CITY)["zh"]
    assert agency in words(reform.desk.clerk.get(f"/status/new?batch={batch_id}"))
    done = reform.desk.clerk.post_form("/status/new", {**WHY, "batch": str(batch_id)})
    assert done.status_code == 303, words(done)
    reform.two_sign(done.location)
    assert reform.office.parts.signing.status_desk.standing(CITY, name).withdrawn_at is not None
    page = words(reform.desk.clerk.get(f"/status/predecessors/{CITY}"))
    assert "已整批撤回" in page
    assert f"/status/new?batch={batch_id}" not in page
    stranger = reform.office.client(Role.CLERK, "foreign")
    assert stranger.get(f"/status/new?batch={batch_id}").status_code == 404
    auditor = reform.office.client(Role.AUDITOR)
    assert "/status/new?batch=" not in words(auditor.get(f"/status/predecessors/{CITY}"))


def test_the_public_reads_who_took_over(reform: Reform) -> None:
    page = words(reform.office.nobody().get(f"/directory/issuers/{CITY}?lang=zh"))
    assert "承继机构" in page
    assert "此后不再签发" in page
    assert "各级授权均有效" not in page, "a dissolved agency issues nothing"
    assert f'href="/directory/issuers/{NATION}"' in page


def test_an_admin_above_takes_a_standing_approval_back_in_the_browser(reform: Reform) -> None:
    office, desk = reform.office, reform.desk
    standing, approver = office.parts.signing.flow.standing, person(OTHER_CITY, "approver")
    terms = standing.draft(OTHER_CITY, TYPE, approver=approver.signer_id, anchor_limit=77)
    standing.register(terms, ecdsa_signature(approver.sign_digest(standing.digest(terms))))
    reform.world.work()
    place = f"/standing-approvals/{standing.digest(terms).hex()}"
    admin = office.client(Role.ADMINISTRATOR)
    key = desk.enrol(admin, ADMINS)
    desk.signing.give_role(ADMINS.signer_id, ChainRole.ADMIN)
    assert f'action="{place}/revoke"' in words(admin.get(place))
    assert desk.approver.get(place).status_code == 404, "an approver sees the own agency's"
    assert desk.ask(desk.approver, f"{place}/revoke", key=desk.keys[Role.APPROVER].id).status_code == 404
    beside = reform.log_in("beside", CITY, Role.ADMINISTRATOR)
    assert beside.get(place).status_code == 404, "nor does an admin beside it"
    done = desk.sign(admin, f"{place}/revoke", ADMINS, key=key.id)
    assert done.status_code == 200, words(done)
    reform.world.work()
    (revoked,) = [one for one in reform.world.view.standings(OTHER_CITY) if one.anchor_limit == 77]
    assert revoked.revoked_at is not None
    assert "已撤销" in words(admin.get(place))
    told = words(admin.get(f"/governance/{OTHER_CITY}"))
    assert "administrator-own 先生" in told, "who took it back"
    assert f"/governance/{OTHER_CITY}" in words(admin.get("/governance"))
    assert ISSUER == NATION
