"""A tree of agencies in one small installation, each with its own people, keys and certificate, and their acts.

The root is flow_world's issuer; agencies below it are admitted, granted and staffed as in life. Keys come
from names, so that a copy of the folder opens with the same ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.signer_memory import MemoryChainSigner, MemoryCredentialSigner
from ledger.adapters.system import ManualClock, SystemEntropy
from ledger.core.directory import make_directory_entry, parse_directory_entry
from ledger.core.eip712 import batch_digest, ecdsa_signature, ledger_domain
from ledger.core.flow import BatchRecord
from ledger.core.model import Batch, Purpose, ReasonClass, Role
from ledger.core.report import Report
from ledger.core.trust import ContractPin, load_trust_bytes, make_trust, sign_trust
from ledger.demo_data import demo_uscc
from ledger.ports import ContractCall, Step, TransactionOutcome
from ledger.services.governance import Governance
from ledger.services.governed import GovernedBook
from ledger.services.registry import FOREVER, Act, Registry
from ledger.services.status import Grounds
from ledger.services.verify import Verifier
from tests.flow_world import ISSUER as NATION
from tests.flow_world import (
    YEAR_S,
    World,
    WorldAgencies,
    chain_signer,
    deposit_table,
    secret,
)

PROVINCE = demo_uscc("11", "990000", "MAXXXX61")
CITY = demo_uscc("12", "990100", "MAXXXX62")
COUNTY = demo_uscc("12", "990101", "MAXXXX63")
TOWN = demo_uscc("12", "990102", "MAXXXX64")
OTHER_CITY = demo_uscc("12", "990200", "MAXXXX65")
LINE = (NATION, PROVINCE, CITY, COUNTY, TOWN)
"""Five levels, the root first."""
TYPE = 1
P256 = {"credential": Purpose.CREDENTIAL, "status": Purpose.STATUS, "seal": Purpose.SEAL}
STAFF = {"operator": Role.OPERATOR, "maker": Role.MAKER, "approver": Role.APPROVER}
WHY = Grounds(ReasonClass.AUTHORITY_DECISION)


def person(issuer: str, who: str) -> MemoryChainSigner:
    """admin1, admin2, operator, maker, approver, or anybody else who works there."""
    if issuer == NATION:
        return chain_signer(who)
    return MemoryChainSigner.from_secret(secret(f"{issuer} {who}"))


@cache
def second_root() -> CertificateAuthority:
    """Stands behind the agencies below the root: made once a process, its certificates go into the trust file."""
    now = 1_795_305_600
    return CertificateAuthority.new_root(
        "Tree CA", not_before=now - YEAR_S, not_after=now + 8 * YEAR_S, entropy=SystemEntropy()
    )


@dataclass
class Papers:
    """Entries and keys of a tree that was built: a copy of its folder is opened with the same ones."""

    entries: dict[str, str] = field(default_factory=dict)
    signers: dict[tuple[str, str], MemoryCredentialSigner] = field(default_factory=dict)


class TreeAgencies(WorldAgencies):
    """Papers and keys of all of them (port Agencies)."""

    def __init__(self, root: WorldAgencies, papers: Papers) -> None:
        self.root_agency = root
        self.entries = dict(papers.entries)
        self.signers = dict(papers.signers)

    def new_key(
        self, issuer: str, who: str, name: str, authority: CertificateAuthority
    ) -> MemoryCredentialSigner:
        """The key with this name, certified for the agency."""
        number = int.from_bytes(secret(f"{issuer} {name}")[:31], "big")
        bare = MemoryCredentialSigner.from_private_number(number)
        start, end = 1_795_305_600 - 86_400, 1_795_305_600 + 5 * YEAR_S
        agency = authority.new_agency_ca(f"CA {issuer}", not_before=start, not_after=end)
        leaf = agency.issue_leaf(
            bare.public_jwk,
            name=issuer,
            uri=iss_of(issuer),
            not_before=start,
            not_after=end,
            is_seal=who == "seal",
        )
        return bare.with_x5c((leaf, agency.certificate))

    def directory_entry(self, issuer: str) -> str:
        return self.entries[issuer] if issuer in self.entries else self.root_agency.directory_entry(issuer)

    def credential_signer(self, issuer: str) -> MemoryCredentialSigner:
        return self._signer(issuer, "credential") or self.root_agency.credential_signer(issuer)

    def status_signer(self, issuer: str) -> MemoryCredentialSigner:
        return self._signer(issuer, "status") or self.root_agency.status_signer(issuer)

    def seal_signer(self, issuer: str) -> MemoryCredentialSigner:
        return self._signer(issuer, "seal") or self.root_agency.seal_signer(issuer)

    def _signer(self, issuer: str, who: str) -> MemoryCredentialSigner | None:
        return self.signers.get((issuer, who))

    def operator(self, issuer: str) -> MemoryChainSigner:
        return person(issuer, "operator")

    def service(self, issuer: str) -> MemoryChainSigner | None:
        return person(issuer, "service")


def iss_of(issuer: str) -> str:
    """The URL that names an agency."""
    return "https://fund.example" if issuer == NATION else f"https://{issuer.lower()}.example"


@dataclass
class GovernWorld(World):
    """The installation, and what its agencies' people decide."""

    papers: Papers = field(default_factory=Papers)

    def open_agencies(self, entry: str, x5c: Mapping[str, tuple[bytes, ...]]) -> TreeAgencies:
        return TreeAgencies(super().open_agencies(entry, x5c), self.papers)

    @property
    def tree(self) -> TreeAgencies:
        assert isinstance(self.agencies, TreeAgencies)
        return self.agencies

    def __post_init__(self) -> None:
        super().__post_init__()
        self.book = GovernedBook(self.chain)
        self._anchors = [(self.folder / "root.ca").read_bytes(), second_root().certificate]

    @property
    def now(self) -> int:
        return self.clock.now()

    def copy_to(self, folder: Path) -> GovernWorld:
        """This world as it is now, in a folder of its own."""
        shutil.copytree(self.folder, folder)
        papers = Papers(self.tree.entries, self.tree.signers)
        return GovernWorld(folder, ManualClock(self.now), papers=papers)

    def wait(self, _seconds: float = 1) -> None:
        self.clock.advance(1)

    # Acts of governance.

    @property
    def carrier(self) -> DirectCarrier:
        return DirectCarrier(self.chain, pause=self.wait)

    def decide(self, by: str, *acts: Act) -> None:
        """Both admins of an agency do this at once."""
        registry = Registry(self.chain, self.carrier)
        registry.carry_out(acts, person(by, "admin1"), person(by, "admin2"))
        self.follower.advance()

    def act(self, function: str, by: str, issuer: str, *args: Any) -> Act:
        return Act(function, (by.encode(), issuer.encode(), *args))

    @property
    def governance(self) -> Governance:
        """One admin at a time."""
        return Governance(self.chain, self.book, self.carrier, self.clock)

    def admit(self, issuer: str, parent: str, *, until: int = FOREVER) -> None:
        """Admitted and granted by its parent; its own admins register its keys and appoint its people."""
        tree, now = self.tree, self.now
        for who in P256:
            tree.signers[issuer, who] = tree.new_key(issuer, who, who, second_root())
        tree.entries[issuer] = make_directory_entry(
            issuer=issuer, name_zh=f"机关{issuer[2:8]}", name_en=f"Agency {issuer[2:8]}", iss=iss_of(issuer),
            division=issuer[2:8], issued_at=now, signer=tree.signers[issuer, "credential"],
        )  # fmt: skip
        self.decide(
            parent,
            self.act(
                "admitIssuer", parent, issuer, person(issuer, "admin1").signer_id,
                person(issuer, "admin2").signer_id, parse_directory_entry(tree.entries[issuer]).hash,
            ),
            self.act("grantType", parent, issuer, TYPE, now, until),
        )  # fmt: skip
        own = [
            self.act("registerKey", issuer, issuer, tree.signers[issuer, who].thumbprint, int(purpose), now,
                     now + 3 * YEAR_S)
            for who, purpose in P256.items()
        ]  # fmt: skip
        own += [self.role(issuer, person(issuer, who).signer_id, role) for who, role in STAFF.items()]
        self.decide(issuer, *own)

    def role(
        self, issuer: str, signer: bytes, role: Role, since: int | None = None, until: int = FOREVER
    ) -> Act:
        start = 0 if until == 0 else self.now if since is None else since
        return self.act("setRole", issuer, issuer, signer, int(role), 0, start, until)

    def withdraw_grant(self, by: str, issuer: str, cause: int, since: int | None = None) -> None:
        self.decide(
            by, self.act("withdrawGrant", by, issuer, TYPE, self.now if since is None else since, cause)
        )

    def grant(self, by: str, issuer: str) -> None:
        self.decide(by, self.act("grantType", by, issuer, TYPE, self.now, FOREVER))

    # Batches.

    def make(self, batch_id: int) -> BatchRecord:
        issuer = self.store.batches.batch(batch_id).issuer
        return self.approve.make(batch_id, person(issuer, "maker"), person(issuer, "approver").signer_id)

    def give(self, batch_id: int) -> BatchRecord:
        issuer = self.store.batches.batch(batch_id).issuer
        return self.approve.approve(batch_id, person(issuer, "approver"))

    def issue_to(self, issuer: str, number: int) -> bytes:
        """One proof for one account, from the row to the bundle."""
        before = set(self.bundles_of(issuer))
        self.issue_all(deposit_table([number]), issuer=issuer)
        (new,) = set(self.bundles_of(issuer)) - before
        return self.bundles_of(issuer)[new]

    def bundles_of(self, issuer: str) -> dict[str, bytes]:
        folder = self.folder / "released" / issuer
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*/*.ecert.json"))}

    def try_anchor(
        self, issuer: str, name: str, *, maker: MemoryChainSigner | None = None,
        approver: MemoryChainSigner | None = None, operator: MemoryChainSigner | None = None,
        root: bytes | None = None,
    ) -> TransactionOutcome:  # fmt: skip
        """Anchor a root whose leaves nobody here knows, or a given one, as whoever holds these keys can."""
        maker, approver = maker or person(issuer, "maker"), approver or person(issuer, "approver")
        batch = Batch(
            issuer=issuer, type_id=TYPE, key=1, root=root or secret(name), size=50, list=9_000, first_word=0,
            pending=False, maker=maker.signer_id, approver=approver.signer_id, deadline=self.now + 3600,
        )  # fmt: skip
        info = self.chain.info()
        digest = batch_digest(ledger_domain(info.chain_id, info.ledger, info.ledger_id), batch)
        signed = tuple(ecdsa_signature(one.sign_digest(digest)) for one in (maker, approver))
        struct = (
            issuer.encode(), TYPE, 1, batch.root, batch.size, batch.list, batch.first_word, False, batch.maker,
            batch.approver, batch.deadline,
        )  # fmt: skip
        call = ContractCall("ledger", "anchor", (struct, (*signed, bytes(32))))
        outcome = self.carrier.carry([Step(call, operator or person(issuer, "operator"))])[0]
        self.follower.advance()
        return outcome

    def use_new_key(self, issuer: str, name: str, authority: CertificateAuthority | None = None) -> None:
        """Two admins register another credential key; the agency signs with it from now on."""
        made = self.tree.new_key(issuer, "credential", name, authority or second_root())
        end = self.now + 3 * YEAR_S
        self.decide(
            issuer,
            self.act("registerKey", issuer, issuer, made.thumbprint, int(Purpose.CREDENTIAL), self.now, end),
        )
        self.tree.signers[issuer, "credential"] = made

    # What a verifier says.

    @property
    def anchors(self) -> list[bytes]:
        """Certification authorities that the trust file names."""
        return list(self._anchors)

    def trust_anchor(self, certificate: bytes) -> None:
        """The next version of the trust file names this certification authority too."""
        self._anchors.append(certificate)

    def verify(self, bundle: bytes, anchors: Sequence[bytes] | None = None) -> Report:
        """The report of somebody with the trust file and a view of this chain."""
        info, signer = self.chain.info(), WorldAgencies.credential_signer(self.tree.root_agency, NATION)
        document = make_trust(
            mode="demo",
            ledger_id=info.ledger_id,
            chain_id=info.chain_id,
            registry=ContractPin(info.registry, info.registry_code_hash),
            ledger=ContractPin(info.ledger, info.ledger_code_hash),
            root_issuer=NATION,
            governance=chain_signer("governance").address,
            x509_anchors=tuple(self._anchors if anchors is None else anchors),
            types={ref: found.file_hash for ref, found in self.types.items()},
            not_after=date(2030, 1, 1),
            keys=(signer.public_jwk,),
        )
        trust = load_trust_bytes(sign_trust(document, [signer]))
        return Verifier(trust, SdJwtFormat(), self.type_files, self.view).verify(bundle, now=self.now)

    def verdict(self, bundle: bytes) -> str:
        """Its code."""
        return str(self.verify(bundle).verdict.code)
