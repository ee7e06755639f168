"""An installation in which there is one of everything, and every text in it wants to be script."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass

from ledger.bootstrap_verified import VerifiedRoom
from ledger.core.flow import JobKind, NewJob
from ledger.core.people import Role
from ledger.core.tokens import Scope
from ledger.demo_data import LICENCE_HEADER, licence_rows
from tests.desk_world import APPROVERS, Desk
from tests.flow_world import HEADER, ISSUER, TYPE_REF, ListTable, deposit_row, deposit_table
from tests.intake_world import IssuingOffice
from tests.office_world import OWN, Client, Office

LICENCE_REF = "BIZ_LICENSE:1"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}'
"""Passes the checks of a free text: no formula, no control character, glyphs in every font."""
FILE = HOSTILE.replace('"', "'")  # browsers send a quote in a file name as %22
PLACES = ("own", "child", "foreign")
WHY = {"reason": "issuer_error", "legal_basis": HOSTILE[:60], "document": HOSTILE[:60]}


def hostile_deposit(number: int) -> list[str]:
    """A row whose free fields are script."""
    cells = deposit_row(number)
    cells[0] = HOSTILE
    cells[4] = HOSTILE
    return cells


def hostile_licence() -> ListTable:
    """The same of the other type: name, kind, representative, address, scope, authority."""
    row = dict(licence_rows(1)[0])
    cells = [
        HOSTILE if place in (1, 2, 3, 8, 9, 10) else row[title] for place, title in enumerate(LICENCE_HEADER)
    ]
    return ListTable([cells], header=tuple(LICENCE_HEADER))


@dataclass
class Things:
    """Real ids of everything that belongs to `own`, by the argument that routes name them with."""

    batch_id: int = 0
    made_batch: int = 0
    licence_batch: int = 0
    credential: str = ""
    licence: str = ""
    record_id: int = 0
    print_number: str = ""
    archive: str = ""
    draft: str = ""
    intake_id: int = 0
    case_id: str = ""
    request_id: str = ""
    key_id: int = 0
    standing_id: str = ""
    token_id: int = 0
    secret: str = ""
    check_id: int = 0
    list_id: int = 0
    job_id: int = 0
    person: int = 0
    role: int = 0


class Attacked:
    """The office, its people's browsers, and what is in it."""

    def __init__(self, office: Office) -> None:
        self.office = office
        world = office.world
        self.issuing = IssuingOffice(world)
        parts = office.parts
        room = VerifiedRoom(parts.here, parts.desk.view, parts.desk.info, lambda: parts.lookup)
        world.add_handler(JobKind.DESK, room.worker.run)
        self.things = Things()
        self._issue()
        self.desk = Desk(office)
        self.clients = {(role, place): office.client(role, place) for role in Role for place in PLACES}
        self.clients[Role.CLERK, "own"] = self.desk.clerk
        self.clients[Role.APPROVER, "own"] = self.desk.approver
        self.clerk, self.approver = self.desk.clerk, self.desk.approver
        self._paper()
        self._desk_things()
        self._signing()
        self._verifier()
        self._rest()
        self.tokens = {who: client.token() for who, client in self.clients.items()}

    def _issue(self) -> None:
        world, things = self.office.world, self.things
        world.issue_all(ListTable([hostile_deposit(1)]))
        things.batch_id = max(batch.id for batch in world.store.batches.batches())
        leaf = world.store.signing.leaves(things.batch_id, 0, 1)[0]
        things.credential, things.record_id = leaf.name.hex(), leaf.record_id
        world.issue_all(hostile_licence(), credential_type=world.types[LICENCE_REF])
        things.licence_batch = max(batch.id for batch in world.store.batches.batches())
        things.licence = world.store.signing.leaves(things.licence_batch, 0, 1)[0].name.hex()

    def _paper(self) -> None:
        path = f"/credentials/{self.things.credential}/prints"
        where = self.clerk.post_form(path, {"kind": "full", "language": "zh"}).location
        self.things.print_number = where.rsplit("/", 1)[1]
        self.clerk.post_form(f"/batches/{self.things.batch_id}/prints", {"language": "zh"})
        self.office.world.work()
        page = self.clerk.get(f"/batches/{self.things.batch_id}/prints").text
        found = re.search(r"/prints/([0-9a-f]{32})/1\.zip", page)
        assert found is not None, re.findall(r"error-summary__list.*?</ul>", page, re.DOTALL)
        self.things.archive = found[1]

    def _desk_things(self) -> None:
        bad = deposit_table([50, 51]).cells
        cells = [list(bad[0]), [HOSTILE, *bad[1][1:]], ["x", *[HOSTILE] * (len(HEADER) - 1)]]
        data = ListTable(cells).csv().encode()
        self.things.intake_id = self.drop(data, f"../../{FILE}.csv")
        self.things.draft = self.new_draft()
        values = dict.fromkeys(("f_name", "f_unit_name", "f_id_number", "f_balance"), HOSTILE)
        self.clerk.post_form(
            "/desk/issue/HPF_PERSONAL_DEPOSIT", {"draft": self.things.draft, **values, "later": "1"}
        )

    def drop(self, data: bytes, name: str = "a.csv") -> int:
        """Import a file; its number."""
        answer = self.clerk.post_form("/desk/import/HPF_PERSONAL_DEPOSIT", {"file": (io.BytesIO(data), name)})
        assert answer.status_code == 303, answer.text
        self.office.world.work()
        return int(answer.location.split("?")[0].rsplit("/", 1)[1])

    def new_draft(self) -> str:
        """The number that a new form was given."""
        found = re.search(
            r'name="draft" value="([0-9a-f]{32})"', self.clerk.get("/desk/issue/HPF_PERSONAL_DEPOSIT").text
        )
        assert found is not None
        return found[1]

    def _signing(self) -> None:
        self.things.made_batch = self.desk.batch()
        assert self.desk.make(self.things.made_batch).status_code == 200
        self.things.key_id = self.desk.keys[Role.APPROVER].id
        path = f"/signing/batches/{self.things.made_batch}/approve"
        asked = self.desk.ask(self.approver, path, key=self.things.key_id).get_json()
        self.things.request_id = re.search(r"[0-9a-f]{32}", asked["complete"])[0]  # type: ignore[index]
        done = self.clerk.post_form(
            "/status/new",
            {**WHY, "change": "void", "numbers": self.things.credential},
            content_type="multipart/form-data",
        )
        assert done.status_code == 303, re.findall(r"govuk-error-summary__body.*?</ul>", done.text, re.DOTALL)
        self.things.case_id = done.location.rsplit("/", 1)[1].split("?")[0]
        self.things.standing_id = self.desk.stand(APPROVERS, 1)

    def _verifier(self) -> None:
        officer = self.clients[Role.VERIFIER, "own"]
        data = next(iter(self.office.world.bundles().values()))
        form = {"purpose_kind": "other", "purpose": HOSTILE, "file": (io.BytesIO(data), f"{FILE}.json")}
        page = officer.post_form("/desk/verify", form).text
        found = re.search(r"/desk/checks/(\d+)", page)
        assert found is not None, re.findall(r"error-summary__list.*?</ul>", page, re.DOTALL)
        self.things.check_id = int(found[1])
        officer.post_form(f"/desk/checks/{found[1]}/receipt")
        sheet = "证明编号,核验码\n0000-0000-0000-0000,AAAAA-AAAAA\n".encode()
        form = {"purpose_kind": "loan", "file": (io.BytesIO(sheet), f"{FILE}.csv")}
        answer = officer.post_form("/desk/lists", form)
        assert answer.status_code == 303, answer.text
        self.things.list_id = int(answer.location.rsplit("/", 1)[1])
        self.office.world.work()

    def _rest(self) -> None:
        parts, things = self.office.parts, self.things
        token, things.secret = parts.programs.tokens.add(OWN, HOSTILE[:60], tuple(Scope), 30, HOSTILE[:60])
        things.token_id = token.id
        outbox = self.office.world.store.outbox
        outbox.enqueue(NewJob(JobKind.PUBLISH, f"publish:{ISSUER}:7:attack", {"issuer": ISSUER, "list": 7}))
        lease = outbox.claim((JobKind.PUBLISH,), "test", 60)
        assert lease is not None
        outbox.bury(lease, "FILE_NOT_WRITABLE", {})
        things.job_id = outbox.jobs(dead=True)[0].id
        things.person = self.office.person(Role.AUDITOR)
        things.role = parts.people.person(things.person).roles[0].id

    def known(self, endpoint: str) -> dict[str, object]:
        """Arguments of a route that name what `own` has."""
        things = self.things
        room, _, action = endpoint.partition(".")
        batch = things.made_batch if room in ("approve", "signing") else things.batch_id
        return {
            "batch_id": batch,
            "name": things.draft if action.startswith("draft") else things.credential,
            "record_id": things.record_id,
            "number": 1
            if room in ("ledger", "governance")
            else things.archive
            if action == "zip_part"
            else things.print_number,
            "part": 1,
            "intake_id": things.intake_id,
            "case_id": things.case_id,
            "standing_id": things.standing_id,
            "request_id": things.request_id,
            "key_id": things.key_id,
            "token_id": things.token_id,
            "check_id": things.check_id,
            "list_id": things.list_id,
            "job_id": things.job_id,
            "person": things.person,
            "role": things.role,
            "kind": {"verifier.receipt": "jwt", "audit.export": "csv"}.get(endpoint, "csv"),
            "what": "suspend",
            "code": TYPE_REF.partition(":")[0],
            **self._on_chain(room, batch),
        }

    def _on_chain(self, room: str, batch: int) -> dict[str, object]:
        """What pages about the ledger are asked for: it is public, but these pages are not everybody's."""
        if room == "governance":
            return {"issuer": OWN}
        if room != "audit":
            return {}
        root = self.office.world.store.batches.batch(batch).root
        return {"issuer": OWN, "digits": "" if root is None else root.hex(), "leaf": 0}

    def fields(self, endpoint: str) -> dict[str, str]:
        """A form that would do, so that only the id decides."""
        key = self.desk.keys
        return {
            "approve.give_back": {"reason": "because"},
            "signing.make": {"key": str(key[Role.CLERK].id), "approver": APPROVERS.signer_id.hex()},
            "signing.make_case": {"key": str(key[Role.CLERK].id), "approver": APPROVERS.signer_id.hex()},
            "signing.approve": {"key": str(key[Role.APPROVER].id)},
            "standing.revoke": {"key": str(key[Role.APPROVER].id)},
            "signing.approve_case": {"key": str(key[Role.APPROVER].id)},
            "verifier.watch": {"days": "30"},
            "people.role_give": {"role": "clerk"},
            "paper.document": {"kind": "full", "language": "zh"},
            "paper.batch_zip": {"language": "zh"},
        }.get(endpoint, {})

    def bodies(self) -> dict[str, str]:
        """The body of a JSON route: an answer of a key that is as good as any."""
        return {"signing.complete": json.dumps({"signatures": [{"wallet": "0x" + "00" * 65}]})}


def browser(office: Office) -> Client:
    """Of nobody, with no counted tries."""
    office.calm()
    return office.nobody()
