"""What an installation is told from outside: the only reader of the environment.

| variable | meaning | default |
|---|---|---|
| `ECERT_HOME` | data directory | `~/.local/share/ecert` |
| `ECERT_LANG` | `zh` or `en` | the locale, else `zh` |
| `ECERT_PASSWORD_FILE` | a file (one password for every key asked) or a folder with one file a key | none |
| `CREDENTIALS_DIRECTORY` | set by systemd's `LoadCredential=`; one file a key, as above | none |
| `ECERT_HOST`, `ECERT_PORT` | where `ecert serve` listens | `127.0.0.1`, `8420` |
| `ECERT_CHECKS_PER_MINUTE` | checks that one client address may ask the page for, 1 to 100000 | `60` |
| `ECERT_TRUSTED_PROXIES` | proxies in front of the page, each adding to `X-Forwarded-For`; 0 to 8 | `0` |
| `ECERT_ORIGIN` | the site as browsers name it, `https://ledger.example.gov.cn`: passkeys that sign belong to it | none: they work on `http://localhost` only |
| `ECERT_SERVER_SIGNING` | `1`: people sign with the key files on this machine after a log-in: two log-ins, not two independent keys | unset |
| `ECERT_WEB_PROCESSES` | processes that answer, 1 to 64 | `1` |
| `ECERT_WEB_THREADS` | requests that one of them works on at a time, 1 to 64 | `4` |
| `ECERT_METRICS_TOKEN_FILE` | a file (0600) with the token that reads `/metrics` from elsewhere | none: this machine only |
| `ECERT_ERASURES` | where else each erasure is written down at once, as a file or several with `:` between | none |
| `ECERT_MIRRORS` | mirrors of this ledger, `https://mirror.example.gov.cn`, several with `,` between: asked before blocks are sealed, and by restore | none |
| `ECERT_DEBUG` | `1`: show the traceback of an internal error (as `--debug`); it may hold personal data | unset |
| `ECERT_ACCEPT_CLOCK` | `1`: seal blocks although the clock is far ahead of the chain (once) | unset |

Reading the settings also fixes the keccak implementation for the libraries that choose one at import
time (`ETH_HASH_BACKEND`), so it comes before any of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ledger.core.errors import InputError

Language = Literal["zh", "en"]

DEFAULT_PORT = 8420
HIGHEST_PORT = 65_535
DEFAULT_CHECKS = 60
MOST_CHECKS = 100_000
MOST_PROXIES = 8
DEFAULT_THREADS = 4
MOST_PROCESSES = 64
KECCAK_BACKEND = "pysha3"  # C; the pure Python one is 50 times slower


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation's settings.

    Args:
        home: the data directory; need not exist yet.
        language: language of texts for people.
        password_path: file with one password, or folder with one file a key; see
            `ledger.adapters.passwords`.
        credentials_path: the same as a folder, given by systemd.
        host: address to listen on.
        port: TCP port to listen on.
        checks_per_minute: verifications a client address may ask the page for.
        trusted_proxies: how many proxies of ours stand before the page; 0: headers of none are believed.
        origin: scheme, host and port of the site that people's passkeys belong to; None: localhost.
        server_signing: a log-in signs with the agency's key files on this machine.
        web_processes: processes that answer.
        web_threads: requests that one of them works on at a time.
        metrics_token_path: file with the token for /metrics.
        erasure_paths: files outside the data directory that each erasure is written to as well.
        mirrors: addresses of this ledger's mirrors.
        accept_clock: the operator has looked at the clock and vouches for it.
        debug: show tracebacks of internal errors.
    """

    home: Path
    language: Language = "zh"
    password_path: Path | None = None
    credentials_path: Path | None = None
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    checks_per_minute: int = DEFAULT_CHECKS
    trusted_proxies: int = 0
    origin: str | None = None
    server_signing: bool = False
    web_processes: int = 1
    web_threads: int = DEFAULT_THREADS
    metrics_token_path: Path | None = None
    erasure_paths: tuple[Path, ...] = ()
    mirrors: tuple[str, ...] = ()
    accept_clock: bool = False
    debug: bool = False


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment.

    Args:
        environ: what to read instead of the process's own environment (which stays untouched then).

    Raises:
        InputError: SETTING_INVALID, naming the variable.
    """
    if environ is None:
        os.environ.setdefault("ETH_HASH_BACKEND", KECCAK_BACKEND)
        environ = os.environ
    return Settings(
        home=_home(environ),
        language=_language(environ),
        password_path=_path(environ, "ECERT_PASSWORD_FILE"),
        credentials_path=_path(environ, "CREDENTIALS_DIRECTORY"),
        host=environ.get("ECERT_HOST") or "127.0.0.1",
        port=_number(environ, "ECERT_PORT", DEFAULT_PORT, 1, HIGHEST_PORT),
        checks_per_minute=_number(environ, "ECERT_CHECKS_PER_MINUTE", DEFAULT_CHECKS, 1, MOST_CHECKS),
        trusted_proxies=_number(environ, "ECERT_TRUSTED_PROXIES", 0, 0, MOST_PROXIES),
        origin=_origin(environ),
        server_signing=_flag(environ, "ECERT_SERVER_SIGNING"),
        web_processes=_number(environ, "ECERT_WEB_PROCESSES", 1, 1, MOST_PROCESSES),
        web_threads=_number(environ, "ECERT_WEB_THREADS", DEFAULT_THREADS, 1, MOST_PROCESSES),
        metrics_token_path=_path(environ, "ECERT_METRICS_TOKEN_FILE"),
        erasure_paths=_paths(environ, "ECERT_ERASURES"),
        mirrors=_urls(environ, "ECERT_MIRRORS"),
        accept_clock=_flag(environ, "ECERT_ACCEPT_CLOCK"),
        debug=_flag(environ, "ECERT_DEBUG"),
    )


def _home(environ: Mapping[str, str]) -> Path:
    named = _path(environ, "ECERT_HOME")
    if named is not None:
        return named
    data = environ.get("XDG_DATA_HOME")
    base = Path(data) if data else Path(environ.get("HOME", "~")).expanduser() / ".local" / "share"
    return base / "ecert"


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name)
    return Path(value).expanduser().absolute() if value else None


def _paths(environ: Mapping[str, str], name: str) -> tuple[Path, ...]:
    parts = [part for part in environ.get(name, "").split(os.pathsep) if part]
    return tuple(Path(part).expanduser().absolute() for part in parts)


def _urls(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in environ.get(name, "").split(",") if part.strip())
    for url in found:
        if not re.fullmatch(r"https?://[^\s,?#]+", url):
            raise InputError(
                "SETTING_INVALID",
                f"{name} holds {url!r}; an address must look like https://mirror.example.gov.cn.",
                name=name,
                value=url,
            )
    return found


def _language(environ: Mapping[str, str]) -> Language:
    named = environ.get("ECERT_LANG")
    if named:
        if named not in ("zh", "en"):
            raise InputError(
                "SETTING_INVALID",
                f"ECERT_LANG is {named!r}; it must be zh or en.",
                name="ECERT_LANG",
                value=named,
            )
        return "zh" if named == "zh" else "en"
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        locale = environ.get(name)
        if locale:
            # C and POSIX name no language: a server's usual locale, and our users read Chinese
            return "en" if locale.lower().startswith("en") else "zh"
    return "zh"


def _number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise InputError(
            "SETTING_INVALID",
            f"{name} is {text!r}; it must be a number from {least} to {most}.",
            name=name,
            value=text,
        )
    return int(text)


def _origin(environ: Mapping[str, str]) -> str | None:
    """https, or http on this machine; lower case, without a path: exactly what a browser says."""
    text = environ.get("ECERT_ORIGIN")
    if not text:
        return None
    if not re.fullmatch(r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://localhost(:[0-9]{1,5})?", text):
        raise InputError(
            "SETTING_INVALID",
            f"ECERT_ORIGIN is {text!r}; it must look like https://ledger.example.gov.cn, without a path.",
            name="ECERT_ORIGIN",
            value=text,
        )
    return text


def _flag(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "")
    if text not in ("", "0", "1"):
        raise InputError("SETTING_INVALID", f"{name} is {text!r}; it must be 0 or 1.", name=name, value=text)
    return text == "1"


def export_settings(settings: Settings) -> None:
    """Leave the settings in the environment, for the processes that this one starts."""
    os.environ["ECERT_HOME"] = str(settings.home)
    os.environ["ECERT_LANG"] = settings.language
    os.environ["ECERT_WEB_PROCESSES"] = str(settings.web_processes)
    os.environ["ECERT_WEB_THREADS"] = str(settings.web_threads)
    os.environ["ECERT_MIRRORS"] = ",".join(settings.mirrors)
    os.environ["ECERT_SERVER_SIGNING"] = "1" if settings.server_signing else "0"
