"""Identity providers that an installation trusts: `providers.json` in the data directory.

```
[{"id": "fund", "name": {"zh": "公积金中心", "en": "Fund centre"}, "issuer": "https://id.fund.example",
  "client_id": "ecert", "secret_file": "provider-fund.secret", "uscc": "1299…",
  "claims": {"org": "fund-centre"}}]
```
`uscc`: the agency whose people it vouches for; `claims`: what an id_token must say besides, so that a
provider of several agencies cannot let one agency's people in as another's. `secret_file` (0600, beside
it) may be missing for a public client; PKCE protects both.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ledger.core.errors import InputError

OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,30}\Z")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Provider:
    """One identity provider."""

    id: str
    names: Mapping[str, str]
    issuer: str
    client_id: str
    uscc: str
    secret: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)

    def name(self, language: str) -> str:
        """In the reader's language."""
        return self.names["en"] if language == "en" else self.names["zh"]


def load_providers(path: Path) -> dict[str, Provider]:
    """Providers by id; none when there is no file.

    Raises:
        InputError: PROVIDERS_BROKEN, naming what is wrong.
    """
    try:
        items = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise _broken(path, "it is no JSON") from error
    found: dict[str, Provider] = {}
    for item in items if isinstance(items, list) else [None]:
        provider = _provider(path, item)
        if provider.id in found:
            raise _broken(path, f"{provider.id} is there twice")
        found[provider.id] = provider
    return found


def _provider(path: Path, item: Any) -> Provider:
    try:
        secret_file = item.get("secret_file")
        provider = Provider(
            item["id"],
            {"zh": item["name"]["zh"], "en": item["name"]["en"]},
            item["issuer"],
            item["client_id"],
            item["uscc"],
            _secret(path, path.parent / secret_file) if secret_file else None,
            dict(item.get("claims", {})),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise _broken(path, f"a provider lacks {error}") from error
    where = urlsplit(provider.issuer)
    if not _ID.match(provider.id):
        raise _broken(path, "an id has small letters, digits and dashes")
    if where.scheme != "https" and where.hostname not in _LOOPBACK:
        raise _broken(path, f"the issuer of {provider.id} is no https address")
    return provider


def _secret(path: Path, file: Path) -> str:
    try:
        if file.stat().st_mode & OTHERS:
            raise _broken(path, f"{file.name} may be read by others; run: chmod 600 {file.name}")
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise _broken(path, f"{file.name} cannot be read") from error


def _broken(path: Path, why: str) -> InputError:
    return InputError("PROVIDERS_BROKEN", f"{path}: {why}.", path=str(path))
