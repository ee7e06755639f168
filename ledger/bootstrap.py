"""The only place that picks adapters: opens a data directory and hands out services.

Two ways in. The light one, for whoever only checks: `open_verifier`, `open_view`, `load_trust`. It
loads neither an EVM nor a database layer. The full one: `open_home`, whose parts are made when they
are first asked for, so that a command pays for what it uses. Hence the imports inside functions.

`bootstrap_init` builds an installation, `bootstrap_work` runs one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.adapters.agencies_home import HomeAgencies
from ledger.adapters.guide_files import GuideFiles
from ledger.adapters.home_files import LEDGER_OWNER, P256_ROLES, Home, HomeRecord, read_at_most
from ledger.adapters.passwords import PasswordChain, key_name
from ledger.adapters.signer_file import Keyring, load_certificates
from ledger.adapters.system import SystemClock, SystemEntropy, free_port, is_answering
from ledger.adapters.trust_files import TrustFolder
from ledger.adapters.type_files import LoadedType, TypeFiles, load_types
from ledger.core.credential_type import CredentialType
from ledger.core.errors import LedgerError, NotFoundError
from ledger.core.page import PageEvidence
from ledger.core.predicates import derived_labels
from ledger.core.report import Report
from ledger.core.trust import Trust, load_trust_bytes
from ledger.core.x5c import leaf_facts
from ledger.ports import ChainView, Clock, PasswordSource, Vault
from ledger.services.granting import RegistryView
from ledger.services.verify import Verifier
from ledger.settings import Settings

if TYPE_CHECKING:
    from ledger.adapters.store_sql import SqlStore  # a light command never loads a database layer

__all__ = [
    "LARGEST_BUNDLE",
    "BoundVerifier",
    "Installation",
    "claim_labels",
    "default_ledger",
    "free_port",
    "is_answering",
    "judge_verification_receipt",
    "key_name",
    "load_trust",
    "open_home",
    "open_verifier",
    "open_view",
    "password_chain",
    "read_bundle",
    "type_labels",
]

LARGEST_TRUST_FILE = 1_048_576  # docs/formats.md: no object of ours is larger
LARGEST_BUNDLE = 1_048_576


def load_trust(path: Path | str) -> Trust:
    """The trust file, its signatures checked.

    Raises:
        NotFoundError: TRUST_MISSING.
        InputError: TRUST_*.
    """
    file = Path(path)
    try:
        data = file.read_bytes() if file.stat().st_size <= LARGEST_TRUST_FILE else b""
    except OSError as error:
        raise NotFoundError(
            "TRUST_MISSING",
            f"The trust file {file} cannot be read ({error.strerror}); ask the ledger's operator for it.",
            path=str(file),
        ) from error
    return load_trust_bytes(data)


def open_view(source: Path | str, clock: Clock | None = None) -> RegistryView:
    """A chain view of a data directory or a chain file, for reading only.

    Raises:
        NotFoundError: CHAIN_MISSING, VIEW_MISSING.
    """
    from ledger import bootstrap_chain

    return bootstrap_chain.open_view(Path(source), clock or SystemClock())


class BoundVerifier:
    """A verifier with trust file, chain view and clock in place. Keep one a process: it caches.

    Args:
        verifier: see ledger.services.verify.
        clock: whose time "now" is.
        trust: what the verifier trusts.
        view: where the chain evidence comes from, or None.
        renewed: the trust file as it is now, and a verifier that trusts it; None: it stays as it is.
    """

    def __init__(
        self,
        verifier: Verifier,
        clock: Clock,
        trust: Trust,
        view: ChainView | None,
        renewed: tuple[Callable[[], Trust], Callable[[Trust], Verifier]] | None = None,
    ) -> None:
        self._verifier = verifier
        self._clock = clock
        self._trust = trust
        self._renewed = renewed
        self.view = view

    @property
    def trust(self) -> Trust:
        """What is trusted now."""
        self._renew()
        return self._trust

    def verify(self, data: bytes, page: PageEvidence | None = None) -> Report:
        """The report on one bundle, and on the page that carried it; never raises for any bytes."""
        self._renew()
        return self._verifier.verify(data, now=self._clock.now(), page=page)

    __call__ = verify

    def _renew(self) -> None:
        """Somebody may have taken a next version into use; one that cannot be read changes nothing."""
        if self._renewed is None:
            return
        now, make = self._renewed
        try:
            trust = now()
        except LedgerError:
            return
        if trust is not self._trust and trust.fingerprint != self._trust.fingerprint:
            self._verifier = make(trust)
            self._trust = trust


def open_verifier(
    trust: Path | str | Trust,
    ledger: Path | str | ChainView | None = None,
    clock: Clock | None = None,
) -> BoundVerifier:
    """A verifier.

    Args:
        trust: the trust file.
        ledger: data directory, chain file or chain view; None: what needs the chain is UNKNOWN.
        clock: the machine's by default.
    """
    from ledger.adapters.format_sd_jwt import SdJwtFormat
    from ledger.adapters.json_orjson import read_json

    told = clock or SystemClock()
    view = open_view(ledger, told) if isinstance(ledger, str | Path) else ledger

    def make(trusted: Trust) -> Verifier:
        return Verifier(trusted, SdJwtFormat(), load_types(), view, read_json)

    if not isinstance(trust, str | Path):
        return BoundVerifier(make(trust), told, trust, view)
    load_trust(trust)  # says what is wrong with it in its own words
    source = TrustFolder(Path(trust))
    trusted = source.trust()
    return BoundVerifier(make(trusted), told, trusted, view, (source.trust, make))


@dataclass
class Installation:
    """One data directory, opened; every part is made when it is first asked for.

    Args:
        settings: see ledger.settings.
        home: its files.
        record: what home.json says.
        ask: asks a person for a password, or None where nobody is there.
        busy_s: how long a writer waits for the store and for the key store; None: as long as who works on its own does.
    """

    settings: Settings
    home: Home
    record: HomeRecord
    ask: PasswordSource | None = None
    busy_s: float | None = None

    @cached_property
    def clock(self) -> SystemClock:
        """The machine's clock."""
        return SystemClock()

    @cached_property
    def entropy(self) -> SystemEntropy:
        """The machine's randomness."""
        return SystemEntropy()

    @cached_property
    def passwords(self) -> PasswordChain:
        """See ledger.adapters.passwords."""
        return password_chain(self.settings, demo=self.record.mode == "demo", ask=self.ask)

    @cached_property
    def keyring(self) -> Keyring:
        """Opens key files, each once."""
        return Keyring(self.passwords)

    @cached_property
    def agencies(self) -> HomeAgencies:
        """Directory entries and service keys."""
        return HomeAgencies(self.home, self.record, self.keyring)

    @cached_property
    def store(self) -> SqlStore:
        """Business data."""
        from ledger.adapters.store_database import BUSY_S
        from ledger.adapters.store_sql import open_store

        return open_store(self.home.store_file, self.clock, BUSY_S if self.busy_s is None else self.busy_s)

    @cached_property
    def vault(self) -> Vault:
        """Data keys; unlocks the key-encryption key."""
        from ledger.adapters.vault import BUSY_TIMEOUT_S, SqliteVault

        uri = f"file:{self.home.key_file(self.record, LEDGER_OWNER, 'vault')}"
        busy_s = BUSY_TIMEOUT_S if self.busy_s is None else self.busy_s
        return SqliteVault(self.home.key_store_file, self.keyring.vault_keys(uri), self.entropy, busy_s)

    @cached_property
    def view(self) -> RegistryView:
        """The chain view for reading, as of now."""
        return open_view(self.home.path, self.clock)

    @cached_property
    def types(self) -> TypeFiles:
        """The credential types that this program knows."""
        return load_types()

    @property
    def guides(self) -> GuideFiles:
        """Service guides; read anew, since one may have been published meanwhile."""
        return GuideFiles(self.home.path / "guides", with_examples=self.record.mode == "demo")

    def credential_type(self, name: str) -> LoadedType:
        """The type called `CODE` (of several versions the newest) or `CODE:VERSION`.

        Raises:
            NotFoundError: TYPE_NOT_HERE.
        """
        found = self.types.by_ref(name)
        if found is None:
            known = [loaded.type.ref for loaded in self.types.all()]
            raise NotFoundError(
                "TYPE_NOT_HERE",
                f"There is no credential type {name}; known: {', '.join(known)}.",
                type=name,
                known=known,
            )
        return found

    def type_id(self, kind: CredentialType) -> int:
        """The chain's number of a type.

        Raises:
            NotFoundError: TYPE_NOT_REGISTERED.
        """
        for record in self.view.types():
            if record.code == kind.type_code and record.version == kind.version:
                return record.type_id
        raise NotFoundError(
            "TYPE_NOT_REGISTERED", f"{kind.ref} is not registered on this chain.", type=kind.ref
        )

    def key_hint(self, issuer: str, who: str) -> str:
        """What to write after --key: the real file when it lies here, else a pattern to fill in."""
        uri = self.agencies.uri(issuer, who)
        is_here = Path(uri.removeprefix("file:")).exists()
        return uri if is_here else f"file:/…/{who}/signing.key"

    def keys_in_use(self) -> set[bytes]:
        """Thumbprints of the keys that this installation signs credentials, lists and checkpoints with.

        Read from certificates and from what was signed, which need no password.
        """
        from ledger.bootstrap_chain import open_book

        newest = open_book(self.home).newest("operator")
        found = set() if newest is None else {newest.thumbprint}
        for agency in self.record.agencies:
            for who in P256_ROLES:
                x5c = load_certificates(self.agencies.uri(agency.uscc, who))
                if x5c:
                    found.add(leaf_facts(x5c[0]).thumbprint)
        return found

    def use_key(self, issuer: str, who: str, uri: str) -> None:
        """From now on `who` of that agency signs with this key; the worker sees it when it starts."""
        named = uri.removeprefix("file:")
        self.home.change(lambda record: replace(record, keys={**record.keys, f"{issuer}/{who}": named}))

    def allow_type(self, issuer: str, ref: str) -> None:
        """Remember that the agency holds a grant for a type."""

        def allow(record: HomeRecord) -> HomeRecord:
            agency = record.agency(issuer)
            types = tuple(dict.fromkeys((*agency.types, ref)))
            return record.with_agency(replace(agency, types=types))

        self.home.change(allow)

    @cached_property
    def verifier(self) -> BoundVerifier:
        """Checks bundles with this installation's own trust file and chain."""
        return open_verifier(self.home.trust_file, self.view, self.clock)


def password_chain(settings: Settings, *, demo: bool, ask: PasswordSource | None) -> PasswordChain:
    """The order of password sources for an installation."""
    return PasswordChain(
        credentials=settings.credentials_path,
        given=settings.password_path,
        beside=demo,
        ask=ask,
    )


def open_home(settings: Settings, ask: PasswordSource | None = None) -> Installation:
    """The installation in `settings.home`.

    Raises:
        NotFoundError: HOME_MISSING.
        ConflictError: HOME_NOT_READY.
        InputError: HOME_BROKEN.
    """
    home = Home(settings.home)
    return Installation(settings, home, home.load_ready(), ask)


def judge_verification_receipt(data: bytes, ledger: Path | None) -> tuple[Mapping[str, Any], str]:
    """Payload of a verification receipt, and whether it is by whom it names (a code).

    Raises:
        InputError: VERIFICATION_RECEIPT_SHAPE, X5C_*.
    """
    from ledger.core.verified import judge_receipt, parse_receipt_token

    token = parse_receipt_token(data.decode("ascii", "replace"))
    if ledger is None:
        return token.payload, "VERIFICATION_RECEIPT_NO_LEDGER"
    keys = open_view(ledger).keys(str(token.payload["verifier"]))
    return token.payload, judge_receipt(token, keys)


def default_ledger(settings: Settings) -> Path | None:
    """The data directory, if an installation is there: where `verify` looks by default."""
    from ledger.bootstrap_chain import has_chain

    home = Home(settings.home)
    return home.path if has_chain(home) else None


def read_bundle(path: Path, largest: int = LARGEST_BUNDLE) -> bytes:
    """The bytes of a bundle file; one byte more than allowed when it is too large.

    Raises:
        InputError: FILE_UNREADABLE.
    """
    return read_at_most(path, largest)


def type_labels(code: str) -> tuple[str, str]:
    """Chinese and English name of a credential type; its code twice when the type is unknown here."""
    found = load_types().by_ref(code)
    return (code, code) if found is None else (found.type.name.zh, found.type.name.en)


def claim_labels(code: str, claims: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Chinese and English name of each of these claims, in the order of the type file.

    Derived claims carry their number or month: "… (2026-10)". Claims that the type does not
    name come last, under their own name.
    """
    shown = set(claims)
    found = load_types().by_ref(code)
    labels: dict[str, tuple[str, str]] = {}
    if found is not None:
        for field in found.type.fields:
            if field.key in shown:
                labels[field.key] = (field.labels.zh, field.labels.en)
        derived = derived_labels(found.type.predicates, shown - labels.keys())
        labels |= {claim: (names.zh, names.en) for claim, names in derived.items()}
    for claim in sorted(shown - labels.keys()):
        labels[claim] = (claim, claim)
    return labels
