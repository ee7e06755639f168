"""Verifies a bundle: gathers evidence, then lets the pure checks judge it.

Nothing that a bundle says makes this raise: bytes that are wrong are an answer, not an exception.
Reading sends nothing to anybody; the chain view is local. Keep one Verifier a process: it keeps the
answers that all credentials of a batch share.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any, Final, NamedTuple

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence, ListToken, list_reference
from ledger.core.checks.plan import OWN_CHECKS, run_checks, run_own_checks, with_own_answers
from ledger.core.checks.types import TypeCatalogue
from ledger.core.checks.verdict import make_report, result_of, same_report
from ledger.core.credential_type import domain_claims
from ledger.core.directory import parse_directory_entry
from ledger.core.errors import InputError, UnavailableError
from ledger.core.jose import read_json as read_json_strictly
from ledger.core.model import CREDENTIALS_PER_WORD, ChainEvidence, ParsedCredential
from ledger.core.page import PageEvidence
from ledger.core.receipt import Bundle, JsonReader, Receipt
from ledger.core.report import CheckId, CheckResult, CredentialSummary, Outcome, Report
from ledger.core.sd_jwt import CHECK_OF_CODE, require_algorithm, require_payload
from ledger.core.trust import Trust
from ledger.core.x5c import LeafFacts, leaf_facts, validate_path, x5c_of
from ledger.ports import ChainView, CredentialFormat
from ledger.services.bundle_reader import BundleReader
from ledger.services.status_list import check_token

KEPT_BATCHES: Final = 256
_IDENTIFIER: Final = "identifier"


class Verifier:
    """Verifies bundles against one trust file and one chain view. Thread-safe.

    Args:
        trust: the verifier's only root, its signatures already checked.
        fmt: reads the credential's wire format.
        types: credential types that we hold.
        view: where the ledger's state comes from; None leaves open whatever needs it.
        read_json: strict JSON reader; the adapters have a faster one than the default.
    """

    def __init__(
        self,
        trust: Trust,
        fmt: CredentialFormat,
        types: TypeCatalogue,
        view: ChainView | None = None,
        read_json: JsonReader = read_json_strictly,
    ) -> None:
        self._trust = trust
        self._format = fmt
        self._types = types
        self._view = view
        self._bundles = BundleReader(read_json)
        self._batches: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()
        self._lock = Lock()

    @property
    def trust(self) -> Trust:
        """The trust file in use."""
        return self._trust

    def verify(
        self, data: bytes, *, now: int, list_token: str | None = None, page: PageEvidence | None = None
    ) -> Report:
        """The report on a bundle or a bare SD-JWT.

        Steps: 1 read bundle and credential; 2 algorithm, before any cryptography; 3 certificate and
        directory entry; 4 ask the chain view; 5 the status list token, if one was handed in; 6 the
        certificate path at anchor time; 7 run the checks; 8 sum up.

        Args:
            data: the file as it came, of any length and content.
            now: seconds since 1970 UTC.
            list_token: text of a status list token to judge too.
            page: what is known of the page that carried it.
        """
        faults: dict[CheckId, InputError] = {}
        bundle = self._read_bundle(data, faults)  # 1
        credential = None if bundle is None else self._read_credential(bundle, faults)
        receipt = None if bundle is None else bundle.receipt
        leaf, leaf_fault, x5c = _signer(credential, faults)  # 2, 3
        chain, absent = self._ask(receipt, leaf)  # 4
        evidence = Evidence(
            trust=self._trust,
            now=now,
            faults=faults,
            credential=credential,
            receipt=receipt,
            chain=chain,
            chain_absent=Code.NOT_REACHED if bundle is None else absent,
            is_linked=receipt is not None and self._is_linked(receipt),
            leaf=leaf,
            leaf_fault=leaf_fault,
            path_fault=None,
            directory=None,
            directory_fault=None,
            type=None if credential is None else self._types.find(_text(credential.payload.get("vct"))),
            list_token=None,
            page=page,
        )
        if bundle is not None and bundle.directory_entry is not None:
            _read_directory(evidence, bundle.directory_entry)
        if list_token is not None:
            evidence.list_token = self._check_list_token(evidence, list_token)  # 5
        return self._judge(evidence, x5c)  # 6, 7, 8

    def _judge(self, evidence: Evidence, x5c: tuple[bytes, ...]) -> Report:
        """The report; of what a batch shares it is made once for a moment.

        A second credential is asked only OWN_CHECKS, when everything that the others look at is equal.
        """
        key = _shared_key(evidence, x5c)
        kept = None if key is None else self._kept(key)
        if kept is not None and kept.chain == _shared_chain(evidence):
            own = run_own_checks(evidence)
            if own == kept.own:
                return same_report(kept.report, _same_summary(evidence, kept.summary))
            checks = with_own_answers(kept.report.checks, own)
            return make_report(checks, _summary(evidence, checks))
        self._check_path(evidence, x5c)  # 6
        checks = run_checks(evidence)  # 7
        report = make_report(checks, _summary(evidence, checks))  # 8
        if key is not None and report.credential is not None:
            own = tuple(result_of(checks, check) for check in OWN_CHECKS)
            if all(result.outcome is Outcome.PASSED for result in own):
                self._keep(key, _Kept(_shared_chain(evidence), own, report.credential, report))
        return report

    def _read_bundle(self, data: bytes, faults: dict[CheckId, InputError]) -> Bundle | None:
        try:
            return self._bundles.read(data)
        except InputError as error:
            is_duplicate = error.code == Code.BUNDLE_DUPLICATE_KEY
            faults[CheckId.DUPLICATES if is_duplicate else CheckId.PARSE] = error
            return None

    def _read_credential(self, bundle: Bundle, faults: dict[CheckId, InputError]) -> ParsedCredential | None:
        inspection = self._format.inspect(bundle.credential)
        for fault in inspection.faults:
            faults.setdefault(CHECK_OF_CODE[fault.code], fault)
        return inspection.credential

    def _is_linked(self, receipt: Receipt) -> bool:
        """Whether the receipt is of a predecessor that the trust file names."""
        return receipt.ledger_id != self._trust.ledger_id and any(
            (link.ledger_id, link.chain_id, link.contract)
            == (receipt.ledger_id, receipt.chain_id, receipt.contract)
            for link in self._trust.links
        )

    def _ask(self, receipt: Receipt | None, leaf: LeafFacts | None) -> tuple[ChainEvidence | None, Code]:
        """The view's evidence, or why there is none."""
        if receipt is None:
            return None, Code.NO_RECEIPT
        if self._view is None:
            return None, Code.NO_CHAIN_VIEW
        try:
            found = self._view.evidence(
                receipt.issuer,
                receipt.root,
                receipt.leaf_index,
                thumbprint=None if leaf is None else leaf.thumbprint,
                block_number=receipt.block.number,
            )
        except UnavailableError:
            return None, Code.CHAIN_UNAVAILABLE
        if found is None:
            return None, Code.CHAIN_VIEW_EMPTY
        info = found.info
        if (info.chain_id, info.ledger_id) != (self._trust.chain_id, self._trust.ledger_id):
            return None, Code.VIEW_OTHER_LEDGER
        return found, Code.NO_CHAIN_VIEW

    def _check_path(self, evidence: Evidence, x5c: tuple[bytes, ...]) -> None:
        """Judged at anchor time: x5c is good for us if it was when the batch was anchored."""
        if evidence.leaf is None or evidence.chain is None or evidence.chain.anchor is None:
            return
        try:
            validate_path(x5c, self._trust.x509_anchors, evidence.chain.anchor.anchored_at)
        except InputError as error:
            evidence.path_fault = error

    def _check_list_token(self, evidence: Evidence, text: str) -> ListToken | None:
        """The token's value at this credential's index; None when there is nothing to compare it with."""
        credential, chain = evidence.credential, evidence.chain
        reference = None if credential is None else list_reference(credential.payload)
        if reference is None or chain is None or chain.anchor is None or self._view is None:
            return None
        uri, idx = reference
        try:
            token = check_token(
                text,
                uri=uri,
                keys=self._view.keys(chain.anchor.issuer),
                anchors_x509=self._trust.x509_anchors,
                now=evidence.now,
            )
            value = token.statuses.value(idx)
        except InputError as error:
            return ListToken(None, None, error)
        except UnavailableError as error:
            return ListToken(None, None, InputError(Code.CHAIN_UNAVAILABLE, error.message))
        return ListToken(value, token.issued_at, None)

    def _kept(self, key: tuple[Any, ...]) -> _Kept | None:
        """What was concluded before for the same batch at the same moment."""
        with self._lock:
            return self._batches.get(key)

    def _keep(self, key: tuple[Any, ...], kept: _Kept) -> None:
        """The oldest batch makes room."""
        with self._lock:
            self._batches[key] = kept
            if len(self._batches) > KEPT_BATCHES:
                self._batches.popitem(last=False)


class _Kept(NamedTuple):
    """A report whose OWN_CHECKS passed, and the chain's evidence behind it."""

    chain: tuple[Any, ...]
    own: tuple[CheckResult, ...]
    summary: CredentialSummary
    report: Report


def _shared_key(evidence: Evidence, x5c: tuple[bytes, ...]) -> tuple[Any, ...] | None:
    """All but the chain's evidence that the checks outside OWN_CHECKS look at.

    None for whatever is out of the ordinary: with a fault, a page, a key-binding JWT or a list token, without
    an anchor, or with a status index that is not the credential's own, every check is asked.
    """
    chain, receipt, credential = evidence.chain, evidence.receipt, evidence.credential
    if chain is None or chain.anchor is None or receipt is None or credential is None or evidence.faults:
        return None
    if evidence.page is not None:
        return None
    if evidence.list_token is not None or credential.key_binding_jwt is not None or evidence.leaf is None:
        return None
    header, payload, entry = credential.header, credential.payload, evidence.directory
    try:
        require_payload(payload)  # so all of these have the types that make them comparable
    except InputError:
        return None
    kid, reference = header.get("kid"), payload["status"]["status_list"]
    first = chain.anchor.first_word * CREDENTIALS_PER_WORD
    is_own = reference["idx"] - first == receipt.leaf_index < chain.anchor.size
    if type(kid) is not str or not is_own:
        return None
    block, get = receipt.block, payload.get
    return (
        evidence.now,
        receipt.root,
        (receipt.ledger_id, receipt.chain_id, receipt.contract, receipt.issuer, receipt.tree_size),
        (block.number, block.hash, block.time),
        (kid, x5c),
        (payload["iss"], payload["issuer_code"], payload["vct"], payload["iat"], get("nbf"), get("exp")),
        reference["uri"],
        None if entry is None else entry.hash,
        None if evidence.directory_fault is None else evidence.directory_fault.code,
        chain.status,
    )


def _shared_chain(evidence: Evidence) -> tuple[Any, ...]:
    """The chain's evidence but for the status; views hand out the same records again and again."""
    chain = evidence.need_chain
    return (
        chain.anchor,
        chain.head,
        chain.info,
        chain.key,
        chain.issuer,
        chain.ancestors,
        chain.grants,
        chain.credential_type,
        chain.receipt_block_hash,
        chain.credential_key,
    )


def verify(
    data: bytes,
    *,
    trust: Trust,
    view: ChainView | None,
    fmt: CredentialFormat,
    types: TypeCatalogue,
    now: int,
    list_token: str | None = None,
) -> Report:
    """One report; for many keep a Verifier."""
    return Verifier(trust, fmt, types, view).verify(data, now=now, list_token=list_token)


class _Signer(NamedTuple):
    leaf: LeafFacts | None
    fault: InputError | None
    x5c: tuple[bytes, ...]


def _signer(credential: ParsedCredential | None, faults: dict[CheckId, InputError]) -> _Signer:
    """The signing certificate, unless the algorithm already forbids to touch it."""
    if credential is None:
        return _Signer(None, None, ())
    try:
        require_algorithm(credential.header)
    except InputError as error:
        faults[CheckId.ALGORITHM] = error
        return _Signer(None, None, ())
    try:
        x5c = x5c_of(credential.header)
        return _Signer(leaf_facts(x5c[0]), None, x5c)
    except InputError as error:
        return _Signer(None, error, ())


def _read_directory(evidence: Evidence, text: str) -> None:
    try:
        evidence.directory = parse_directory_entry(text)
    except InputError as error:
        evidence.directory_fault = error


def _summary(evidence: Evidence, checks: tuple[CheckResult, ...]) -> CredentialSummary | None:
    """What the credential says, if its own agency's signature covers it."""
    credential = evidence.credential
    if credential is None or any(
        result_of(checks, check).outcome is not Outcome.PASSED
        for check in (CheckId.SIGNATURE, CheckId.DISCLOSURES, CheckId.DUPLICATES)
    ):
        return None
    claims = domain_claims(credential.claims)
    is_bound = result_of(checks, CheckId.ISSUER_BINDING).outcome is Outcome.PASSED
    entry = evidence.directory
    return CredentialSummary(
        type=_text(credential.payload.get("vct")) if evidence.type is None else evidence.type.code,
        identifier=_text(claims.get(_IDENTIFIER)) or None,
        issuer=_text(credential.payload.get("issuer_code")),
        issuer_name=entry.name if is_bound and entry is not None else None,
        claims=claims,
        issuer_phone=entry.phone if is_bound and entry is not None else None,
    )


def _same_summary(evidence: Evidence, kept: CredentialSummary) -> CredentialSummary:
    """What another credential says, its agency and type being the same and as well proven."""
    claims = domain_claims(evidence.need_credential.claims)
    identifier = _text(claims.get(_IDENTIFIER)) or None
    return CredentialSummary(kept.type, identifier, kept.issuer, kept.issuer_name, claims, kept.issuer_phone)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
