"""Is the signer the agency that it says it is?  Check 31.

Three sources name the issuer: the X.509 certificate, the registry on chain, the credential itself.
For our verdict the registry at anchor time decides, and all must agree (review F10). The certificate
path is judged at anchor time; x5c is carried for standard wallets, whose acceptance ends with it.
"""

from __future__ import annotations

from functools import lru_cache

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence
from ledger.core.directory import DirectoryEntry, parse_directory_entry, require_directory_signature
from ledger.core.jose import kid_of
from ledger.core.model import AnchorRecord, ChainEvidence, IssuerRecord, ParsedCredential
from ledger.core.report import CheckId, CheckResult, failed, passed, unknown
from ledger.core.x5c import LeafFacts

_CHECK = CheckId.ISSUER_BINDING


def check_issuer_binding(evidence: Evidence) -> CheckResult:
    """Do key, certificate, registry and directory name one and the same agency?

    Steps: 1 the certificate's key is the `kid`; 2 `iss` is the certificate's address; 3 that key is
    registered to this issuer and is the anchor's; 4 the path was good at anchor time; 5 the directory
    entry is the one that was on chain at anchor time, and names the same address.
    """
    if evidence.leaf_fault is not None:
        raise evidence.leaf_fault
    credential, leaf = evidence.need_credential, evidence.leaf
    if leaf is None:
        return unknown(_CHECK, Code.NOT_REACHED)
    stop = _certificate(credential, leaf)  # 1, 2
    if stop is not None:
        return stop
    receipt, chain = evidence.receipt, evidence.chain
    if receipt is None or chain is None:
        return unknown(_CHECK, evidence.chain_absent)
    if chain.anchor is None:
        return unknown(_CHECK, Code.ANCHOR_MISSING)
    stop = _registry(chain, chain.anchor, leaf)  # 3
    if stop is not None:
        return stop
    for fault in (evidence.path_fault, evidence.directory_fault):  # 4, 5
        if fault is not None:
            raise fault
    if evidence.directory is None:
        return unknown(_CHECK, Code.DIRECTORY_MISSING)
    return _directory(evidence.directory, credential, leaf, chain.anchor, chain.issuer)


def _certificate(credential: ParsedCredential, leaf: LeafFacts) -> CheckResult | None:
    kid = credential.header.get("kid")
    if kid != kid_of(leaf.thumbprint):
        return failed(_CHECK, Code.KID_NOT_X5C, kid=kid, x5c=kid_of(leaf.thumbprint))
    iss = credential.payload.get("iss")
    if iss not in leaf.uris:
        return failed(_CHECK, Code.ISS_NOT_SAN, iss=iss, san=list(leaf.uris))
    return None


def _registry(chain: ChainEvidence, anchor: AnchorRecord, leaf: LeafFacts) -> CheckResult | None:
    as_of, registered = chain.head.confirmed_at, chain.credential_key
    if registered is None or registered.thumbprint != leaf.thumbprint:
        return failed(_CHECK, Code.KEY_NOT_REGISTERED, as_of, thumbprint=leaf.thumbprint)
    if registered.issuer != anchor.issuer:
        return failed(_CHECK, Code.KEY_OF_OTHER_ISSUER, as_of, key_of=registered.issuer, issuer=anchor.issuer)
    if chain.key is None or chain.key.thumbprint != leaf.thumbprint:
        return failed(_CHECK, Code.ANCHOR_KEY_DIFFERS, as_of, key=registered.number, anchor=anchor.key)
    return None


def directory_hash_at(issuer: IssuerRecord, at: int) -> bytes | None:
    """Hash of the directory entry that was on chain at `at` (seconds)."""
    found = None
    for entry_hash, since in issuer.directory:
        if since <= at:
            found = entry_hash
    return found


def directory_hashes_of(issuer: IssuerRecord, anchor: AnchorRecord) -> tuple[bytes, ...]:
    """Hashes of the directory entries that may go with a batch, the most fitting one last.

    One, but for a batch that was imported from another ledger, whose time is earlier than its block's: when
    the agency's entries were set on that ledger cannot be carried over. Each of those that two admins of a
    superior set here before the import goes with it (docs/adr/0034).
    """
    if anchor.anchored_at >= anchor.block.time:
        found = directory_hash_at(issuer, anchor.anchored_at)
        return () if found is None else (found,)
    return tuple(entry_hash for entry_hash, since in issuer.directory if since <= anchor.block.time)


def _directory(
    entry: DirectoryEntry,
    credential: ParsedCredential,
    leaf: LeafFacts,
    anchor: AnchorRecord,
    issuer: IssuerRecord | None,
) -> CheckResult:
    if issuer is None:
        return failed(_CHECK, Code.ISSUER_UNKNOWN, issuer=anchor.issuer)
    if entry.issuer != anchor.issuer:
        return failed(_CHECK, Code.DIRECTORY_OTHER_ISSUER, entry=entry.issuer, issuer=anchor.issuer)
    expected = directory_hashes_of(issuer, anchor)
    if entry.hash not in expected:
        on_chain = expected[-1] if expected else None
        return failed(_CHECK, Code.DIRECTORY_DIFFERS, entry=entry.hash, on_chain=on_chain)
    if entry.iss != credential.payload.get("iss"):
        return failed(_CHECK, Code.DIRECTORY_ISS_DIFFERS, entry=entry.iss, iss=credential.payload.get("iss"))
    # An entry signed with an earlier key of the agency rests on its hash on chain, which two admins
    # of a superior set; its signature is checked where the key is at hand.
    if entry.kid == kid_of(leaf.thumbprint):
        _require_entry_signature(entry.text, leaf.public_jwk["x"], leaf.public_jwk["y"])
    return passed(_CHECK, Code.BINDING_GOOD, anchor.anchored_at, name=entry.name, iss=entry.iss)


@lru_cache(maxsize=256)
def _require_entry_signature(text: str, x: str, y: str) -> None:
    """Kept, since an agency's one entry comes with each of its credentials."""
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    require_directory_signature(parse_directory_entry(text), jwk)
