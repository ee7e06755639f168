"""The offices of the demo: people who log in, work that waits, a returned batch, prints, a standing approval.

Every log-in name begins with `demo.`: an installation that is not a demo lets none of them in. The
passwords are drawn for each installation and lie in `demo/people.json`, readable by this account only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledger.apps.governing import set_role
from ledger.apps.issuing import IssueOrder, issue_file
from ledger.apps.working import work_or_wait
from ledger.bootstrap import Installation
from ledger.bootstrap_demo import DEMO_PEOPLE, DEPOSIT, FUND
from ledger.bootstrap_init import DrawnPasswords
from ledger.bootstrap_keys import make_service_key
from ledger.bootstrap_people import PeopleParts, open_people_alone
from ledger.bootstrap_work import Desk, open_desk, write_private
from ledger.core.eip712 import ecdsa_signature
from ledger.core.errors import NotFoundError
from ledger.core.flow import BatchRecord, BatchState
from ledger.core.model import Role as ChainRole
from ledger.core.paper import Print, PrintKind
from ledger.core.people import Role

WAITING_ROWS, RETURNED_ROWS = 12, 6
WAITING_FIRST, RETURNED_FIRST = 6_000_000, 7_000_000
DOCUMENTS_A_DAY = 5_000
RETURN_REASON = "数据截止日期有误,请用上月末数据重新导入(演示)"
PURPOSE = "购房贷款(演示)"


@dataclass(frozen=True, slots=True)
class Login:
    """How somebody of the demo logs in."""

    login: str
    password: str
    name: str
    organisation: str
    roles: tuple[str, ...]


class DemoOffice:
    """Sets the offices up; each step looks first whether it was done.

    Args:
        here: the demo installation.
        write_rows: writes so many invented rows from this account on into a file.
        say: told the name of each step.
    """

    def __init__(self, here: Installation, write_rows: Callable[..., None], say: Callable[..., None]) -> None:
        self._here = here
        self._write_rows = write_rows
        self._say = say
        self._folder = here.home.path / "demo"

    def play(self) -> tuple[Login, ...]:
        """Everything; the log-ins."""
        logins = self.people()
        self._standing()
        desk = open_desk(self._here)
        if not desk.approve.batches(FUND, (BatchState.REFUSED,)):
            self._issue("returned", RETURNED_FIRST, RETURNED_ROWS)
            self._return(desk)
        if not desk.approve.batches(FUND, (BatchState.SIGNED, BatchState.MADE)):
            self._issue("waiting", WAITING_FIRST, WAITING_ROWS)
        self._prints(desk)
        return logins

    def people(self) -> tuple[Login, ...]:
        """People of every role; those that are there stay as they are."""
        parts = open_people_alone(self._here)
        kept = self._kept()
        logins = []
        for login, name, organisation, roles in DEMO_PEOPLE:
            password = kept.get(login) or parts.people.draw_password()
            logins.append(Login(login, password, name, organisation, roles))
        # the file first: a password that is nowhere written down would let nobody in
        value = {one.login: one.password for one in logins}
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_private(self._folder / "people.json", (json.dumps(value, indent=1) + "\n").encode())
        for one in logins:
            _add(parts, one)
        return tuple(logins)

    def _kept(self) -> Mapping[str, str]:
        try:
            return dict(json.loads((self._folder / "people.json").read_bytes()))
        except FileNotFoundError:
            return {}

    def _standing(self) -> None:
        """Documents of the fund need nobody: up to a daily limit the server brings them to the chain."""
        here = self._here
        if here.view.standings(FUND):
            return
        self._say("standing")
        agencies = here.agencies
        service = make_service_key(here, FUND, DrawnPasswords(None))
        admins = (agencies.uri(FUND, "admin1"), agencies.uri(FUND, "admin2"))
        set_role(here, FUND, service.signer_id, ChainRole.MAKER, admins, until=None, remove=False)
        desk = open_desk(here)
        approver = agencies.chain_signer(FUND, "approver")
        terms = desk.standing.draft(FUND, 0, approver=approver.signer_id, anchor_limit=DOCUMENTS_A_DAY)
        desk.standing.register(terms, ecdsa_signature(approver.sign_digest(desk.standing.digest(terms))))
        work_or_wait(here, lambda: bool(here.view.standings(FUND)))

    def _issue(self, name: str, first: int, count: int) -> None:
        file = self._folder / f"{name}.gb18030.csv"
        self._write_rows(file, first, count)
        self._say("import", file=file.name)
        issue_file(self._here, IssueOrder(FUND, DEPOSIT, file), lambda _progress: None)

    def _return(self, desk: Desk) -> None:
        """The approver sends a batch back: its range is spent, its rows are free again."""
        for batch in _of_type(desk.approve.batches(FUND, (BatchState.SIGNED,))):
            approver = self._here.agencies.chain_signer(FUND, "approver")
            desk.approve.reject(batch.id, RETURN_REASON, requeue=False, by=approver.signer_id)
            self._say("returned", batch=batch.id)

    def _prints(self, desk: Desk) -> None:
        """A full copy and one for a purpose, sealed, with numbers and codes, in the ledger."""
        batch = next(iter(_of_type(desk.approve.batches(FUND, (BatchState.RELEASED,)))))
        name = next(iter(self._here.store.signing.sealed_rows(batch.id, 0, 1))).name
        documents = desk.paper.documents
        if not documents.prints(name):
            self._say("prints")
            documents.order(name, kind=PrintKind.FULL, language="zh", by="demo")
            documents.order(
                name,
                kind=PrintKind.PURPOSE,
                fields=("name", "account_no", "balance", "as_of"),
                purpose=PURPOSE,
                language="zh",
                by="demo",
            )
        if any(one.made_at is None for one in documents.prints(name)):
            work_or_wait(self._here, lambda: all(one.made_at is not None for one in documents.prints(name)))
        if any(one.page_batch is None for one in documents.prints(name)):
            # at once, not when more prints have been waited for: a later run would find them left over
            desk.paper.maker.collect(now=True)
            work_or_wait(self._here, lambda: _are_anchored(desk, documents.prints(name)))


def _are_anchored(desk: Desk, prints: tuple[Print, ...]) -> bool:
    batches = [desk.paper.documents.page_batch(one) for one in prints]
    return all(batch is not None and batch.state is BatchState.RELEASED for batch in batches)


def _of_type(batches: tuple[BatchRecord, ...]) -> tuple[BatchRecord, ...]:
    """Batches of credentials; those of documents are made by the worker."""
    return tuple(batch for batch in batches if batch.type_id)


def _add(parts: PeopleParts, one: Login) -> None:
    try:
        person = parts.people.find(one.login)
    except NotFoundError:
        number = parts.people.add(one.login, one.name, by=None, password=one.password)
        held: frozenset[str] = frozenset()
    else:
        number, held = person.id, frozenset(role.role for role in person.roles)
    for role in one.roles:
        if role not in held:
            parts.people.give_role(number, one.organisation, Role(role), by=None)
