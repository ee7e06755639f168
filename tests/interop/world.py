"""A small issuer with every kind of batch, and its list on a loopback server: what the four verifiers look at."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.jose import make_jws
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
    WithdrawalCause,
)
from ledger.core.sd_jwt import KEY_BINDING_TYPE, sd_hash
from ledger.core.status import Status
from ledger.core.status_list import status_uri
from ledger.services.status_list import OpenRange, build_status_list, make_status_list_token

ISSUER = "12990100MB0X12345P"
ISS = "https://gjj.demo.example"
VCT = "urn:ecert:type:HPF_PERSONAL_DEPOSIT:1"
LEDGER_ID = hashlib.sha256(b"interop ledger").digest()
LIST = 3
DAY = 86_400
ANCHOR_INFO = ChainInfo(20261, LEDGER_ID, bytes(20), bytes(20), bytes(32), bytes(32))
CLAIMS: tuple[tuple[str, Any], ...] = (
    ("name", "扎西顿珠"),
    ("id_number", "990101199001011234"),
    ("employer", "拉萨示例科技有限公司"),
    ("account_number", "9901000000123"),
    ("monthly_amount", "1860.00"),
    ("balance", "83214.55"),
    ("paid_to", "202610"),
    ("months", 128),
    ("is_current", True),
    ("identifier", "1.2.156.3005.2.12345678901234567890X.12990100MB0X12345P.0001.001.A"),
)


class SystemRandom:
    """Entropy of the operating system."""

    def token(self, size: int) -> bytes:
        return os.urandom(size)

    def permutation(self, size: int) -> range:
        return range(size)


class FixedView:
    """A chain view with given contents (port ChainView)."""

    def __init__(self) -> None:
        self.records: list[AnchorRecord] = []
        self.words: dict[bytes, dict[int, int]] = {}
        self.key_records: dict[int, KeyRecord] = {}
        self.grants: dict[bytes, tuple[GrantRecord, ...]] = {}
        self.changes = 0

    def head(self) -> ViewHead:
        return ViewHead(self.records[-1].block, self.records[-1].block.time, "embedded")

    def evidence(
        self,
        issuer: str,
        root: bytes,
        leaf_index: int | None,
        *,
        thumbprint: bytes | None = None,
        block_number: int | None = None,
    ) -> ChainEvidence:
        anchor = next(item for item in self.records if item.root == root)
        return ChainEvidence(
            info=ANCHOR_INFO,
            head=self.head(),
            anchor=anchor,
            key=self.key_records[anchor.key],
            issuer=None,
            ancestors=(),
            grants={ISSUER: self.grants[root]},
            credential_type=None,
            status=None,
            receipt_block_hash=None,
            credential_key=None,
        )

    def anchors(self, issuer: str | None = None) -> Iterator[AnchorRecord]:
        return iter(self.records)

    def status_words(self, issuer: str, root: bytes) -> Mapping[int, int]:
        return self.words.get(root, {})

    def altered(self) -> int:
        return self.changes

    def listed(self, issuer: str, list_number: int, known: Collection[bytes] = ()) -> tuple[ListedBatch, ...]:
        return tuple(
            ListedBatch(
                anchor,
                self.key_records[anchor.key],
                self.grants[anchor.root],
                self.words.get(anchor.root, {}),
            )
            for anchor in self.records
            if anchor.type_id and anchor.list == list_number and anchor.root not in known
        )

    def lists(self, issuer: str) -> frozenset[int]:
        return frozenset(anchor.list for anchor in self.records if anchor.type_id)

    def issuers(self) -> Iterator[IssuerRecord]:
        return iter(())

    def keys(self, issuer: str) -> tuple[KeyRecord, ...]:
        return tuple(self.key_records.values())

    def types(self) -> tuple[TypeRecord, ...]:
        return ()


@dataclass(frozen=True)
class Case:
    """One credential and whether a standard verifier may accept it."""

    name: str
    credential: str
    idx: int
    is_good: bool


class World:
    """Issuer, keys, batches, credentials; `token()` is the list as published now."""

    def __init__(self) -> None:
        self.now = int(time.time())
        self.entropy = SystemRandom()
        term = {"not_before": self.now - 30 * DAY, "not_after": self.now + 365 * DAY}
        self.root = CertificateAuthority.new_root("示例根", **term, entropy=self.entropy)
        self.agency_ca = self.root.new_agency_ca("示例公积金机构 CA", **term)
        self.signer = self._signer(ISS)
        self.status_signer = self._signer(ISS)
        self.holder = MemoryCredentialSigner.generate()
        self.format = SdJwtFormat()
        self.view = FixedView()
        self.ranges: list[OpenRange] = []
        self.uri = status_uri(ISS, LEDGER_ID, LIST)
        self.cases = list(self._make_cases())

    def _signer(self, iss: str) -> MemoryCredentialSigner:
        signer = MemoryCredentialSigner.generate()
        leaf = self.agency_ca.issue_leaf(
            signer.public_jwk,
            name="示例公积金中心",
            uri=iss,
            not_before=self.now - DAY,
            not_after=self.now + 90 * DAY,
        )
        return signer.with_x5c((leaf, self.agency_ca.certificate))

    def issue(self, idx: int, *, iss: str = ISS, signer: MemoryCredentialSigner | None = None) -> str:
        day = self.now - (self.now + 8 * 3600) % DAY
        payload = {
            "iss": iss,
            "issuer_code": ISSUER,
            "vct": VCT,
            "iat": day,
            "exp": day + 31 * DAY,
            "status": {"status_list": {"idx": idx, "uri": self.uri}},
            "cnf": {"jwk": dict(self.holder.public_jwk)},
        }
        return self.format.issue(payload, CLAIMS, signer or self.signer, self.entropy)

    def present(self, credential: str, *, audience: str, nonce: str) -> str:
        """With a key-binding JWT of the holder."""
        payload = {"iat": int(time.time()), "aud": audience, "nonce": nonce, "sd_hash": sd_hash(credential)}
        return credential + make_jws(KEY_BINDING_TYPE, payload, self.holder)

    def _make_cases(self) -> Iterator[Case]:
        word = 0
        for status in Status:
            yield from self._anchored(
                status.name.lower(), word, status=status, is_good=status is Status.VALID
            )
            word += 1
        yield from self._anchored("withdrawn", word, withdrawn=True)
        yield from self._anchored("compromised_before", word + 1, key=2)
        yield from self._anchored("compromised_after", word + 2, key=3, is_good=True)
        yield from self._anchored("grant_broken", word + 3, broken=True)
        self.ranges.append(OpenRange(LIST, word + 4, 2, refused=True))
        yield Case("refused", self.issue((word + 4) * 64), (word + 4) * 64, is_good=False)
        self.ranges.append(OpenRange(LIST, word + 5, 2, refused=False))
        yield Case("not_yet_anchored", self.issue((word + 5) * 64), (word + 5) * 64, is_good=False)
        self.ranges.append(OpenRange(LIST, word + 7, 1, refused=False))
        yield Case("never_reserved", self.issue((word + 6) * 64), (word + 6) * 64, is_good=False)
        yield Case("beyond_the_list", self.issue((word + 90) * 64), (word + 90) * 64, is_good=False)

    def _anchored(
        self,
        name: str,
        word: int,
        *,
        status: Status = Status.VALID,
        withdrawn: bool = False,
        key: int = 1,
        broken: bool = False,
        is_good: bool = False,
    ) -> Iterator[Case]:
        root = hashlib.sha256(name.encode()).digest()
        at = self.now - 3600
        anchor = AnchorRecord(
            issuer=ISSUER,
            root=root,
            type_id=1,
            key=key,
            size=3,
            anchored_at=at,
            list=LIST,
            first_word=word,
            pending=False,
            operator=bytes(32),
            maker=bytes(32),
            approver=bytes(32),
            standing_id=bytes(32),
            block=BlockRef(word + 1, root, at),
            tx_hash=root,
            withdrawn_at=at + 60 if withdrawn else None,
            withdrawn_reason=2 if withdrawn else None,
        )
        grant = GrantRecord(ISSUER, 1, at - DAY, at + 365 * DAY, None, None, None)
        if broken:
            grant = replace(
                grant, withdrawn_since=at - 60, withdrawn_at=at + 60, cause=int(WithdrawalCause.MISCONDUCT)
            )
        record = KeyRecord(
            ISSUER, 1, self.signer.thumbprint, Purpose.CREDENTIAL, at - DAY, at + 365 * DAY, None
        )
        self.view.key_records = {
            1: record,
            2: replace(record, number=2, compromised_since=at),
            3: replace(record, number=3, compromised_since=at + 1),
            4: replace(record, number=4, purpose=Purpose.STATUS, thumbprint=self.status_signer.thumbprint),
        }
        self.view.records.append(anchor)
        self.view.grants[root] = (grant,)
        self.view.words[root] = {0: int(status) << 4} if status else {}
        idx = word * 64 + 1
        yield Case(name, self.issue(idx), idx, is_good)

    def token(self) -> str:
        """The list as published now."""
        published = build_status_list(self.view, ISSUER, LIST, self.ranges)
        return make_status_list_token(
            published, uri=self.uri, signer=self.status_signer, now=int(time.time())
        )


class ListServer:
    """Serves one token under the path of its address, on loopback."""

    def __init__(self, iss: str, uri: str, make_token: Callable[[], str]) -> None:
        self._iss = iss
        path = uri.removeprefix(iss)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = make_token().encode() if self.path == path else b""
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "application/statuslist+jwt")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def local(self, uri: str) -> str:
        """Where this server has what the address names."""
        return self.base + uri.removeprefix(self._iss)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
