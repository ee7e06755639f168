"""One good world, in memory: an issuer, its superiors, a batch of a hundred, one credential.

Each lie of the matrix is one change of it. Changes made before `bundle()` are signed by whoever the
world says signs; the `alter_*` hooks change what was signed already. The encoder here is the tests'
own and knows nothing of the product's, so that an error in one cannot hide in the other.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.json_orjson import read_json
from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import SeededEntropy
from ledger.adapters.type_files import TypeFiles, load_types
from ledger.core.directory import make_directory_entry
from ledger.core.errors import UnavailableError
from ledger.core.jose import kid_of, make_jws
from ledger.core.merkle import MerkleTree, entry_of, hash_leaf
from ledger.core.model import (
    AnchorRecord,
    BlockRef,
    ChainEvidence,
    ChainInfo,
    GrantRecord,
    IssuerRecord,
    KeyRecord,
    ListedBatch,
    Purpose,
    TypeRecord,
    ViewHead,
)
from ledger.core.page import PageEvidence
from ledger.core.report import Report
from ledger.core.status_list import encode_status_list
from ledger.core.trust import ContractPin, Finality, KeySet, Trust
from ledger.services.verify import Verifier

# Demo codes only: division 990100 does not exist.
ROOT, PROVINCE, CITY, OTHER = (
    "12990100A99000010C",
    "12990100A990000299",
    "12990100A990000374",
    "12990100A99000045Y",
)
VCT = "urn:ecert:type:HPF_PERSONAL_DEPOSIT:1"
LICENCE_VCT = "urn:ecert:type:BIZ_LICENSE:1"
TYPE_ID, LICENCE_TYPE_ID = 1, 2
ISS, OTHER_ISS = "https://gjj.city.example", "https://gjj.other.example"
IDENTIFIER = "1.2.156.3005.2.11100000000013338W901.12990100A990000374.0123456789ABCDEF0123456789ABCDEF.001.2"

DAY = 86_400
MIDNIGHT = 1_795_276_800  # 2026-11-22 00:00 +08:00
ANCHORED_AT = MIDNIGHT + 10 * 3600
NOW = ANCHORED_AT + 5 * DAY
YEAR = 365 * DAY
SIZE, INDEX, LIST, FIRST_WORD = 100, 37, 3, 8
HEAD_NUMBER, ANCHOR_NUMBER = 500, 400


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def block(number: int) -> BlockRef:
    return BlockRef(
        number, sha256(b"block %d" % number).digest(), ANCHORED_AT + (number - ANCHOR_NUMBER) * 60
    )


@dataclass(frozen=True)
class Agency:
    """An agency with its key, certificates and directory entry."""

    issuer: str
    iss: str
    signer: MemoryCredentialSigner
    entry: str


@dataclass(frozen=True)
class Authorities:
    """Keys and certificates: made once, since making them is slow and they never change."""

    root: CertificateAuthority
    agency_ca: CertificateAuthority
    stranger_root: CertificateAuthority
    city: Agency
    other: Agency
    status_signer: MemoryCredentialSigner
    seal_signer: MemoryCredentialSigner

    def leaf(
        self, number: int, *, uri: str = ISS, begin: int = MIDNIGHT - YEAR, end: int = MIDNIGHT + 3 * YEAR
    ) -> MemoryCredentialSigner:
        """A signer with its own leaf under the agency CA."""
        return _certified(self.agency_ca, number, uri, begin, end)


def _certified(
    ca: CertificateAuthority, number: int, uri: str, begin: int, end: int
) -> MemoryCredentialSigner:
    signer = MemoryCredentialSigner.from_private_number(number)
    leaf = ca.issue_leaf(signer.public_jwk, name="agency", uri=uri, not_before=begin, not_after=end)
    return signer.with_x5c((leaf, ca.certificate))


@cache
def authorities() -> Authorities:
    life = {"not_before": MIDNIGHT - 5 * YEAR, "not_after": MIDNIGHT + 20 * YEAR}
    entropy = SeededEntropy(1)
    root = CertificateAuthority.new_root("test root", **life, entropy=entropy)
    agency_ca = root.new_agency_ca("test agency CA", **life)
    agencies = []
    for number, issuer, iss in ((11, CITY, ISS), (12, OTHER, OTHER_ISS)):
        signer = _certified(agency_ca, number, iss, MIDNIGHT - YEAR, MIDNIGHT + 3 * YEAR)
        entry = make_directory_entry(
            issuer=issuer,
            name_zh="示例市住房公积金管理中心",
            name_en="Example City Housing Provident Fund Centre",
            iss=iss,
            division="990100",
            issued_at=MIDNIGHT - YEAR,
            signer=signer,
        )
        agencies.append(Agency(issuer, iss, signer, entry))
    return Authorities(
        root=root,
        agency_ca=agency_ca,
        stranger_root=CertificateAuthority.new_root("strange root", **life, entropy=entropy),
        city=agencies[0],
        other=agencies[1],
        status_signer=_certified(agency_ca, 13, ISS, MIDNIGHT - YEAR, MIDNIGHT + 3 * YEAR),
        seal_signer=_certified(agency_ca, 14, ISS, MIDNIGHT - YEAR, MIDNIGHT + 3 * YEAR),
    )


@cache
def types() -> TypeFiles:
    return load_types()


LEDGER_ID = sha256(b"genesis").digest()
INFO = ChainInfo(
    chain_id=1_500_000_001,
    ledger_id=LEDGER_ID,
    registry=b"\x11" * 20,
    ledger=b"\x22" * 20,
    registry_code_hash=sha256(b"registry code").digest(),
    ledger_code_hash=sha256(b"ledger code").digest(),
)


def trust() -> Trust:
    known = types()
    return Trust(
        version=1,
        mode="demo",
        ledger_id=LEDGER_ID,
        chain_id=INFO.chain_id,
        registry=ContractPin(INFO.registry, INFO.registry_code_hash),
        ledger=ContractPin(INFO.ledger, INFO.ledger_code_hash),
        root_issuer=ROOT,
        governance=b"\x33" * 20,
        finality=Finality("immediate"),
        witnesses=KeySet(0, {}),
        snapshots=KeySet(0, {}),
        x509_anchors=(authorities().root.certificate,),
        max_age_s={"embedded": 60, "mirror": 60, "consortium": 600, "snapshot": DAY},
        types={f"{kind.code}:{kind.version}": kind.file_hash for kind in known.all()},
        not_after=MIDNIGHT + YEAR,
        previous=None,
        links=(),
        restore_notices=(),
        keys=KeySet(1, {}),
        signatures=(),
        raw={},
    )


def good_payload() -> dict[str, Any]:
    return {
        "iss": ISS,
        "issuer_code": CITY,
        "vct": VCT,
        "iat": MIDNIGHT,
        "exp": MIDNIGHT + 31 * DAY,
        "status": {
            "status_list": {
                "idx": FIRST_WORD * 64 + INDEX,
                "uri": f"{ISS}/status/{LEDGER_ID.hex()}/{LIST}",
            }
        },
        "as_of": "2026-11-21",
    }


def good_disclosures() -> dict[str, Any]:
    return {
        "name": "测试甲",
        "id_type": "01",
        "id_number": "990303199205031667",
        "account_no": "990100000001",
        "unit_name": "示例有限公司",
        "unit_account_no": "990100900001",
        "opened_on": "2015-03-01",
        "account_status": "01",
        "deposit_base": "12000.00",
        "unit_ratio": "0.12",
        "person_ratio": "0.12",
        "monthly_total": "2880.00",
        "balance": "69249.00",
        "paid_to": "202610",
        "continuous_from": "202401",
        "continuous_to": "202610",
        "continuous_months": 34,
        "continuous_months_ge_6": True,
        "continuous_months_ge_12": True,
        "continuous_months_ge_24": True,
        "account_normal": True,
        "identifier": IDENTIFIER,
        "proof_no": "HPF-2026-000001",
    }


def grant(issuer: str, **changes: Any) -> GrantRecord:
    good = GrantRecord(issuer, TYPE_ID, MIDNIGHT - YEAR, MIDNIGHT + YEAR, None, None, None)
    return replace(good, **changes)


def issuer_record(issuer: str, parent: str | None, level: int, entry: str = "") -> IssuerRecord:
    directory = ((sha256(entry.encode("ascii")).digest(), MIDNIGHT - YEAR),)
    return IssuerRecord(issuer, parent, level, MIDNIGHT - YEAR, None, None, directory)


def key_record(issuer: str, number: int, thumbprint: bytes, purpose: int, **changes: Any) -> KeyRecord:
    good = KeyRecord(issuer, number, thumbprint, purpose, MIDNIGHT - YEAR, MIDNIGHT + YEAR, None)
    return replace(good, **changes)


def _same(value: Any) -> Any:
    return value


@dataclass
class World:
    """Everything that a case may change; `alter_*` run after signing."""

    signer: MemoryCredentialSigner = field(default_factory=lambda: authorities().city.signer)
    header: dict[str, Any] = field(default_factory=dict)
    payload: dict[str, Any] = field(default_factory=good_payload)
    disclosures: dict[str, Any] = field(default_factory=good_disclosures)
    withheld: set[str] = field(default_factory=set)
    raw_payload: Callable[[bytes], bytes] = _same
    raw_header: Callable[[bytes], bytes] = _same
    signature: Callable[[bytes], bytes] = _same
    alter_parts: Callable[[list[str]], list[str]] = _same
    alter_credential: Callable[[str], str] = _same
    alter_receipt: Callable[[dict[str, Any]], Any] = _same
    alter_bundle: Callable[[dict[str, Any]], Any] = _same
    alter_bytes: Callable[[bytes], bytes] = _same
    entry: str = field(default_factory=lambda: authorities().city.entry)
    size: int = SIZE
    index: int = INDEX

    trust: Trust = field(default_factory=trust)
    now: int = NOW
    info: ChainInfo = INFO
    head: ViewHead = field(default_factory=lambda: ViewHead(block(HEAD_NUMBER), NOW - 5, "embedded"))
    anchor: dict[str, Any] = field(default_factory=dict)
    anchor_exists: bool = True
    anchored_root: bytes | None = None
    key: KeyRecord = field(
        default_factory=lambda: key_record(CITY, 7, authorities().city.signer.thumbprint, Purpose.CREDENTIAL)
    )
    more_keys: list[KeyRecord] = field(default_factory=list)
    issuer: IssuerRecord = field(
        default_factory=lambda: issuer_record(CITY, PROVINCE, 3, authorities().city.entry)
    )
    ancestors: tuple[IssuerRecord, ...] = field(
        default_factory=lambda: (issuer_record(PROVINCE, ROOT, 2), issuer_record(ROOT, None, 1))
    )
    grants: dict[str, tuple[GrantRecord, ...]] = field(
        default_factory=lambda: {name: (grant(name),) for name in (CITY, PROVINCE, ROOT)}
    )
    types: Any = field(default_factory=types)
    registered: TypeRecord | None = field(default_factory=lambda: registered_type(VCT, TYPE_ID))
    status: int = 0
    block_hashes: dict[int, bytes] = field(default_factory=dict)
    has_view: bool = True
    view_is_empty: bool = False
    view_is_down: bool = False
    list_token: str | None = None
    page: Callable[[World, bytes], PageEvidence] | None = None

    def other_keys(self) -> Iterator[KeyRecord]:
        yield key_record(CITY, 8, authorities().status_signer.thumbprint, Purpose.STATUS)
        yield key_record(CITY, 9, authorities().seal_signer.thumbprint, Purpose.SEAL)
        yield key_record(OTHER, 3, authorities().other.signer.thumbprint, Purpose.CREDENTIAL)

    # What the issuer makes

    def parts(self) -> list[str]:
        """Issuer JWT and disclosures."""
        encoded = [
            b64url(compact([b64url(sha256(name.encode()).digest()[:18]), name, value]))
            for name, value in self.disclosures.items()
        ]
        digests = sorted(b64url(sha256(text.encode("ascii")).digest()) for text in encoded)
        payload = {**self.payload, "_sd": digests, "_sd_alg": "sha-256"}
        header = {
            "alg": "ES256",
            "typ": "dc+sd-jwt",
            "kid": kid_of(self.signer.thumbprint),
            "x5c": [base64.b64encode(der).decode("ascii") for der in self.signer.x5c],
            **self.header,
        }
        signing_input = (
            f"{b64url(self.raw_header(compact(header)))}.{b64url(self.raw_payload(compact(payload)))}"
        )
        signature = self.signature(self.signer.sign(signing_input.encode("ascii")))
        shown = [
            text for name, text in zip(self.disclosures, encoded, strict=True) if name not in self.withheld
        ]
        return [f"{signing_input}.{b64url(signature)}", *shown]

    def tree(self, jwt: str) -> MerkleTree:
        leaves = [hash_leaf(sha256(b"neighbour %d" % i).digest()) for i in range(self.size)]
        leaves[self.index] = hash_leaf(entry_of(jwt.encode("ascii")))
        return MerkleTree(leaves)

    def bundle(self) -> bytes:
        """The file as it reaches the verifier; also fixes what the chain holds."""
        parts = self.parts()
        tree = self.tree(parts[0])
        self.anchored_root = self.anchored_root or tree.root
        receipt = {
            "version": 1,
            "ledger_id": "0x" + LEDGER_ID.hex(),
            "chain_id": f"eip155:{INFO.chain_id}",
            "contract": "0x" + INFO.ledger.hex(),
            "issuer": CITY,
            "root": "0x" + tree.root.hex(),
            "leaf_index": self.index,
            "tree_size": self.size,
            "path": ["0x" + item.hex() for item in tree.inclusion_path(self.index)],
            "hash": "rfc9162-sha256",
            "block": {
                "number": ANCHOR_NUMBER,
                "hash": "0x" + block(ANCHOR_NUMBER).hash.hex(),
                "time": block(ANCHOR_NUMBER).time,
            },
        }
        text = self.alter_credential("~".join([*self.alter_parts(parts), ""]))
        document = {
            "version": 1,
            "credential": text,
            "receipt": self.alter_receipt(receipt),
            "directory_entry": self.entry,
        }
        return self.alter_bytes(compact(self.alter_bundle(document)))

    # What the verifier has

    def verifier(self) -> Verifier:
        view = FakeView(self) if self.has_view else None
        return Verifier(self.trust, SdJwtFormat(), self.types, view, read_json)

    def verify(self) -> Report:
        data = self.bundle()
        page = None if self.page is None else self.page(self, data)
        return self.verifier().verify(data, now=self.now, list_token=self.list_token, page=page)

    def anchor_record(self) -> AnchorRecord:
        if self.anchored_root is None:
            raise RuntimeError("make the bundle first")
        good = AnchorRecord(
            issuer=CITY,
            root=self.anchored_root,
            type_id=TYPE_ID,
            key=7,
            size=self.size,
            anchored_at=ANCHORED_AT,
            list=LIST,
            first_word=FIRST_WORD,
            pending=False,
            operator=b"\x01" * 32,
            maker=b"\x02" * 32,
            approver=b"\x03" * 32,
            standing_id=bytes(32),
            block=block(ANCHOR_NUMBER),
            tx_hash=sha256(b"transaction").digest(),
            withdrawn_at=None,
            withdrawn_reason=None,
        )
        return replace(good, **self.anchor)

    def make_list_token(self, **changes: Any) -> str:
        """A status list token in which this credential is VALID; `signer` and payload may differ."""
        signer = changes.pop("signer", authorities().status_signer)
        values = changes.pop("values", bytes(FIRST_WORD * 64 + 128))
        payload = {
            "iss": ISS,
            "sub": self.payload["status"]["status_list"]["uri"],
            "iat": self.now - 10,
            "exp": self.now + 590,
            "ttl": 300,
            "status_list": {"bits": 2, "lst": encode_status_list(values)},
            **changes,
        }
        return make_jws("statuslist+jwt", payload, signer, signer.x5c)


def registered_type(vct: str, type_id: int, **changes: Any) -> TypeRecord:
    kind = types().find(vct)
    if kind is None:
        raise RuntimeError(f"the product lacks the type {vct}")
    good = TypeRecord(type_id, kind.type_code, kind.version, kind.file_hash, kind.single_use)
    return replace(good, **changes)


class FakeView:
    """The port ChainView over a world: what verification asks, answered from its records."""

    def __init__(self, world: World) -> None:
        self._world = world

    def head(self) -> ViewHead | None:
        return None if self._world.view_is_empty else self._world.head

    def evidence(
        self,
        issuer: str,
        root: bytes,
        leaf_index: int | None,
        *,
        thumbprint: bytes | None = None,
        block_number: int | None = None,
    ) -> ChainEvidence | None:
        world = self._world
        if world.view_is_down:
            raise UnavailableError("CHAIN_UNAVAILABLE", "the chain file is locked")
        if world.view_is_empty:
            return None
        record = world.anchor_record()
        found = world.anchor_exists and (issuer, root) == (record.issuer, record.root)
        all_keys = [world.key, *world.more_keys, *world.other_keys()]
        height = block_number if block_number is not None else 0
        known = world.block_hashes.get(height, block(height).hash)
        return ChainEvidence(
            info=world.info,
            head=world.head,
            anchor=record if found else None,
            key=world.key if found else None,
            issuer=world.issuer if issuer == world.issuer.issuer else None,
            ancestors=world.ancestors,
            grants=world.grants if found else {},
            credential_type=world.registered if found else None,
            status=world.status if found and leaf_index is not None and leaf_index < record.size else None,
            receipt_block_hash=known if height <= world.head.block.number else None,
            credential_key=next((key for key in all_keys if key.thumbprint == thumbprint), None),
        )

    def anchors(self, issuer: str | None = None) -> Iterator[AnchorRecord]:
        yield self._world.anchor_record()

    def status_words(self, issuer: str, root: bytes) -> Mapping[int, int]:
        return {}

    def altered(self) -> int:
        return 0

    def listed(self, issuer: str, list_number: int, known: Collection[bytes] = ()) -> tuple[ListedBatch, ...]:
        return ()

    def lists(self, issuer: str) -> frozenset[int]:
        return frozenset()

    def issuers(self) -> Iterator[IssuerRecord]:
        yield from (self._world.issuer, *self._world.ancestors)

    def keys(self, issuer: str) -> tuple[KeyRecord, ...]:
        world = self._world
        return tuple(
            key for key in (world.key, *world.more_keys, *world.other_keys()) if key.issuer == issuer
        )

    def types(self) -> tuple[TypeRecord, ...]:
        return () if self._world.registered is None else (self._world.registered,)


def der(signature: bytes) -> bytes:
    """The same signature in ASN.1."""
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
