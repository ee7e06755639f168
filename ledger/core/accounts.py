"""Accounts of officials as values: rows, how long things last, what a password and an address may be."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal
from urllib.parse import urlsplit

from ledger.core.errors import InputError
from ledger.core.people import Role

IDLE_S = 1_800
"""A session that nobody used for this long is over."""
LASTS_S = 43_200
"""A session is over after this long, however much it is used: a working day."""
SEEN_EVERY_S = 60
"""How exactly the last use is kept: a write per request would make every page wait for a writer."""
INVITATION_S = 7 * 86_400
STEP_S = 600
"""How long a log-in may take from its first to its second step."""
RECOVERY_CODES = 10

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,38}[a-z0-9]\Z")
DEMO_LOGIN = "demo."
"""What log-in names of a demo's people begin with."""
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 128
_FEWEST_CHARACTERS = 5

Stage = Literal["half", "setup", "full"]
"""half: the second factor is missing; setup: must first set one up; full: logged in."""


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person as stored: `key` names the data key under which `sealed` lies."""

    id: int
    key: bytes
    sealed: bytes
    password: str
    state: Literal["active", "suspended"]
    language: str
    made_at: int


@dataclass(frozen=True, slots=True)
class Membership:
    """A role of a person in an organisation, from `since` until before `until` (None: open)."""

    id: int
    person: int
    uscc: str
    role: Role
    since: int
    until: int | None
    deputy_for: int | None = None
    given_by: int | None = None
    ended_at: int | None = None

    def is_running(self, now: int) -> bool:
        """Whether it gives the role now."""
        return self.ended_at is None and self.since <= now and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A log-in. `ended_at` None: not ended by anybody."""

    id: int
    person: int
    uscc: str
    stage: Stage
    method: str
    device: str
    made_at: int
    seen_at: int
    ends_at: int
    fresh_until: int
    ended_at: int | None = None

    def is_running(self, now: int) -> bool:
        """Neither ended, nor idle for too long, nor too old."""
        return self.ended_at is None and now < self.ends_at and now < self.seen_at + IDLE_S


@dataclass(frozen=True, slots=True)
class TotpRow:
    """The secret of an authenticator app; a code works once: `last_step` is the newest used."""

    person: int
    sealed: bytes
    is_confirmed: bool
    last_step: int
    made_at: int


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A log-in passkey (not a signing one)."""

    id: int
    person: int
    credential_id: bytes
    public_key: bytes
    sign_count: int
    made_at: int
    used_at: int | None


@dataclass(frozen=True, slots=True)
class Organisation:
    """An agency: on the chain, or one that only verifies."""

    uscc: str
    name_zh: str
    name_en: str
    parent: str | None
    is_issuer: bool

    def name(self, language: str) -> str:
        """In the reader's language; Tibetan readers get the official Chinese name."""
        return self.name_en if language == "en" else self.name_zh


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page is served: WebAuthn's relying party id (host without port) and the origin."""

    host: str
    origin: str


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom an identity provider vouches for, and the agency whose people it may vouch for."""

    provider: str
    issuer: str
    subject: str
    uscc: str


def normal_login(text: str) -> str:
    """A log-in name as it is looked up: staff number or short name, small letters.

    Raises:
        InputError: LOGIN_INVALID.
    """
    login = unicodedata.normalize("NFKC", text).strip().lower()
    if not LOGIN.match(login):
        raise InputError(
            "LOGIN_INVALID", "A log-in name has 3 to 40 letters a-z, digits, dots, dashes or underscores."
        )
    return login


def normal_password(text: str) -> str:
    """The same password from every keyboard (NIST SP 800-63B §3.1.1.2: NFKC)."""
    return unicodedata.normalize("NFKC", text)


def check_new_password(text: str, login: str) -> str:
    """The password in its normal form.

    Raises:
        InputError: LOGIN_PASSWORD_SHORT, LOGIN_PASSWORD_LONG, LOGIN_PASSWORD_EASY.
    """
    password = normal_password(text)
    if len(password) < SHORTEST_PASSWORD:
        raise InputError("LOGIN_PASSWORD_SHORT", f"A password has at least {SHORTEST_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise InputError("LOGIN_PASSWORD_LONG", f"A password has at most {LONGEST_PASSWORD} characters.")
    low = password.lower()
    if len(set(low)) < _FEWEST_CHARACTERS or login in low or _is_run(low):
        raise InputError(
            "LOGIN_PASSWORD_EASY", "The password holds the log-in name, or few or consecutive characters."
        )
    return password


def _is_run(text: str) -> bool:
    """Whether at least three in four neighbours follow each other (1234…, abcd…)."""
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    return sum(step in {-1, 0, 1} for step in steps) * 4 >= len(steps) * 3


def local_address(target: str | None) -> str | None:
    r"""A path of our own site, or None: `next` never leads elsewhere.

    Browsers read `//host`, `/\host` and white space within as the beginning of another site's address.
    """
    if not target or len(target) > 2_000 or not target.isprintable() or "\\" in target:
        return None
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith("//"):
        return None
    return target if " " not in target else None


_BROWSERS = (
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"), ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"),
    ("Windows", "Windows"), ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def device_label(user_agent: str) -> str:
    """Browser and system, enough to know one's own again and no more: `Chrome · Linux`."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "?")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "?")
    return f"{browser} · {system}"


def is_demo_login(login: str) -> bool:
    """Whether this log-in name belongs to a demo's people, who may come in nowhere else."""
    return login.startswith(DEMO_LOGIN)
