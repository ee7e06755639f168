"""People with passkeys and wallets in a small installation: enrolled, with their roles on chain."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.key_reader import PeopleKeyReader
from ledger.adapters.signer_memory import MemoryChainSigner
from ledger.adapters.signing_sql import SqlSigningBook
from ledger.adapters.store_sql import SqlStore
from ledger.adapters.system import SystemEntropy
from ledger.core.model import Role
from ledger.core.signing import Act, SigningKey
from ledger.services.enrolment import Enrolment
from ledger.services.registry import Act as RegistryAct
from ledger.services.registry import Registry
from ledger.services.roles import RoleBook
from ledger.services.signing_desk import ServerKeys, Signer, SigningDesk
from tests.authenticator import SITE, Authenticator
from tests.flow_world import FOREVER, ISSUER, World, chain_signer

CLERK, APPROVER, OTHER = (Signer(number, ISSUER) for number in (1, 2, 3))


class HomeKeys:
    """Key files of the agency, as the server would hold them."""

    def signer(self, issuer: str, role: Role) -> MemoryChainSigner:
        assert issuer == ISSUER
        return chain_signer("maker" if role is Role.MAKER else "approver")


@dataclass
class SigningWorld:
    """The desk over a World."""

    world: World
    server: ServerKeys | None = None

    def __post_init__(self) -> None:
        store = self.world.store
        assert isinstance(store, SqlStore)
        self.book = SqlSigningBook(store.database)
        entropy = SystemEntropy()
        self.desk = SigningDesk(
            book=self.book,
            reader=PeopleKeyReader(),
            approve=self.world.approve,
            status=self.world.status,
            roles=RoleBook(self.world.chain),
            clock=self.world.clock,
            entropy=entropy,
            server=self.server,
        )
        self.enrolment = Enrolment(
            self.book, PeopleKeyReader(), self.desk, self.desk.domain, self.world.clock, entropy
        )

    def enrol(self, who: Signer, authenticator: Authenticator, label: str = "key") -> SigningKey:
        request = self.enrolment.begin(who, Act.ENROL_PASSKEY)
        return self.enrolment.finish_passkey(
            who, request.id, authenticator.create(request.digests[0]), label, SITE
        )

    def give_role(self, signer_id: bytes, role: Role, until: int = FOREVER, since: int | None = None) -> None:
        """Two admins appoint; `until` 0 removes."""

        def wait(_seconds: float = 1) -> None:
            self.world.clock.advance(1)

        registry = Registry(self.world.chain, DirectCarrier(self.world.chain, pause=wait))
        issuer = ISSUER.encode()
        start = 0 if until == 0 else (self.world.clock.now() if since is None else since)
        act = RegistryAct("setRole", (issuer, issuer, signer_id, int(role), 0, start, until))
        registry.carry_out([act], chain_signer("admin1"), chain_signer("admin2"))
        self.world.follower.advance()

    def appoint(self, who: Signer, authenticator: Authenticator, role: Role) -> SigningKey:
        key = self.enrol(who, authenticator)
        self.give_role(key.signer_id, role)
        return key
