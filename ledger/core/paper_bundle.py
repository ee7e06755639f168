"""The bundle inside a page: the whole credential, or only the disclosures that were chosen.

Taking disclosures away is all that happens: the issuer-signed JWT and the receipt stay as they are, so
the entry in the ledger is the same for every copy of a credential (RFC 9901 §4).
"""

from __future__ import annotations

import json
from collections.abc import Collection

from ledger.core.jose import b64url_decode
from ledger.core.receipt import encode_bundle, parse_bundle


def narrow_bundle(data: bytes, keep: Collection[str], purpose: str) -> bytes:
    """A bundle with only these claims disclosed, and the purpose that it is for.

    Args:
        data: a bundle of ours, with receipt.
        keep: names of claims; those that are always in clear stay anyway.
        purpose: what the copy is for, in the holder's or the clerk's words.
    """
    bundle = parse_bundle(data)
    jwt, *disclosures = bundle.credential.split("~")
    kept = [each for each in disclosures if each and _name(each) in keep]
    credential = "~".join([jwt, *kept, ""])
    return encode_bundle(bundle._replace(credential=credential, presentation={"purpose": purpose}))


def _name(disclosure: str) -> str | None:
    """Name of an object member's disclosure `[salt, name, value]`."""
    parts = json.loads(b64url_decode(disclosure))
    return parts[1] if len(parts) == 3 else None
