"""Set-up of an installation in steps that can each run twice: a kill anywhere, run again, it goes on.

The plan (who, which types, where each key lies) is written first and decides every later run. Order:
plan, keys, certificates, directory entries, chain and contracts, registry, trust file, databases,
ready. Nothing random is drawn twice for the same thing: what exists is read back, not made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.deploy import deploy_contracts
from ledger.adapters.founding import Founding
from ledger.adapters.home_files import (
    CHAIN_ROLES,
    LEDGER_OWNER,
    P256_ROLES,
    PRIVATE_FOLDER,
    Agency,
    Home,
    HomeRecord,
    Mode,
    write_file,
)
from ledger.adapters.key_files import SCRYPT_P
from ledger.adapters.passwords import key_name, read_password
from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.signer_file import (
    FileKey,
    Keyring,
    certificates_path,
    create_chain_key,
    create_credential_key,
    create_vault_keys,
    save_certificates,
)
from ledger.adapters.store_sql import open_store
from ledger.adapters.system import SystemClock, SystemEntropy
from ledger.adapters.type_files import load_types
from ledger.adapters.vault import SqliteVault
from ledger.bootstrap_chain import rpc_record
from ledger.bootstrap_moved import require_settled
from ledger.bootstrap_remote import RemoteSite, plan_remote
from ledger.core.credential_type import CredentialType
from ledger.core.directory import make_directory_entry, parse_directory_entry
from ledger.core.errors import ConflictError, NotFoundError, RefusedError
from ledger.core.flow import DAY_S, SHANGHAI_S
from ledger.core.identifiers import parse_uscc
from ledger.core.jose import b64url_encode
from ledger.core.model import ChainInfo, Purpose, Role
from ledger.core.trust import ContractPin, Finality, make_trust, sign_trust
from ledger.ports import Carrier, Chain, ChainSigner, Clock, CredentialSigner, Entropy, PasswordSource
from ledger.services.registry import Act, Registry, SignedAct, TypeToRegister

__all__ = [
    "CHEAP_SCRYPT",
    "DrawnPasswords",
    "Home",
    "SetupTools",
    "plan_production",
    "plan_remote",
    "run_setup",
    "system_tools",
]

YEAR_S = 31_557_600  # 365.25 days
ROOT_CA_YEARS = 50
AGENCY_CA_YEARS = 45
LEAF_YEARS = 40  # not shorter than any credential with an end (a licence's term may be 30 years)
TRUST_YEARS = 1
PAUSE_S = 0.05
CHEAP_SCRYPT = 1  # enough for passwords of 144 random bits, as the demo draws them
PASSWORD_BYTES = 18
DEMO_DIVISION = "99"
ROLES = (
    ("operator", Role.OPERATOR),
    ("maker", Role.MAKER),
    ("approver", Role.APPROVER),
)
PURPOSES = (
    ("credential", Purpose.CREDENTIAL),
    ("status", Purpose.STATUS),
    ("seal", Purpose.SEAL),
)


@dataclass(frozen=True, slots=True)
class SetupTools:
    """What set-up needs from outside.

    Args:
        clock: tells the time of the machine.
        entropy: gives randomness.
        new_password: password for a key that is about to be made (asked twice, or drawn at random).
        password: password of a key that exists.
        say: told the name of each step as it begins.
        accept_clock: see Settings.
        scrypt_p: cost of the password hash; tests use 1.
    """

    clock: Clock
    entropy: Entropy
    new_password: PasswordSource
    password: PasswordSource
    say: Callable[[str], None]
    accept_clock: bool = False
    scrypt_p: int = SCRYPT_P


def system_tools(
    *,
    new_password: PasswordSource,
    password: PasswordSource,
    say: Callable[[str], None],
    accept_clock: bool = False,
    scrypt_p: int = SCRYPT_P,
) -> SetupTools:
    """Tools with this machine's clock and randomness."""
    return SetupTools(SystemClock(), SystemEntropy(), new_password, password, say, accept_clock, scrypt_p)


class DrawnPasswords:
    """Draws a password for each new key and keeps it as a file (PasswordSource).

    Args:
        folder: for `<owner>-<who>` files; None: `password` beside each key (demo installations).
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._entropy = SystemEntropy()

    def __call__(self, uri: str) -> str:
        """The password of a key, drawn when it has none: the file is there before the key is."""
        if self._folder is None:
            path = Path(uri.removeprefix("file:")).parent / "password"
        else:
            path = self._folder / key_name(uri)
        if not path.exists():
            path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            write_file(path, (b64url_encode(self._entropy.token(PASSWORD_BYTES)) + "\n").encode())
        return read_password(path)


def plan_production(
    *,
    uscc: str,
    name_zh: str,
    name_en: str,
    iss: str,
    division: str,
    phone: str | None,
    types: Sequence[str],
    chain: Mapping[str, Any] | None = None,
) -> HomeRecord:
    """The plan of a production installation with one agency, the root.

    The words are those of home_files.Agency; no `types`: all that the program knows; `chain`: what
    `plan_remote` gave, None for a chain of its own.

    Raises:
        NotFoundError: TYPE_NOT_HERE.
    """
    agency = Agency(
        uscc=uscc,
        name_zh=name_zh,
        name_en=name_en,
        iss=iss,
        division=division,
        phone=phone,
        types=known_refs(types) or known_refs([loaded.type.ref for loaded in load_types().all()]),
    )
    return HomeRecord(
        mode="production", created_at=SystemClock().now(), agencies=(agency,), chain=dict(chain or {})
    )


def known_refs(names: Sequence[str]) -> tuple[str, ...]:
    """References of types named `CODE` or `CODE:VERSION`.

    Raises:
        NotFoundError: TYPE_NOT_HERE.
    """
    known = load_types()
    refs = []
    for name in names:
        found = known.by_ref(name)
        if found is None:
            shown = [loaded.type.ref for loaded in known.all()]
            raise NotFoundError(
                "TYPE_NOT_HERE", f"There is no credential type {name}.", type=name, known=shown
            )
        refs.append(found.type.ref)
    return tuple(refs)


def require_divisions(record: HomeRecord) -> None:
    """99xxxx belongs to demos, and demos to 99xxxx: checked before anything is made.

    Raises:
        RefusedError: DEMO_DIVISION.
    """
    for agency in record.agencies:
        for division in (agency.division, parse_uscc(agency.uscc).division):
            is_demo = division.startswith(DEMO_DIVISION)
            if is_demo != (record.mode == "demo"):
                raise RefusedError(
                    "DEMO_DIVISION",
                    f"Division {division} cannot be used in {record.mode} mode: 99xxxx is for demos only, "
                    "and demos use nothing else.",
                    division=division,
                    mode=record.mode,
                    mode_zh="演示" if record.mode == "demo" else "正式",
                )


def run_setup(home: Home, wanted: HomeRecord | None, tools: SetupTools, *, mode: Mode) -> HomeRecord:
    """Plan and build, or continue what was begun; twice has no further effect.

    Args:
        home: the data directory.
        wanted: the plan for a new installation; None: one must have been begun.
        tools: see SetupTools.
        mode: what the caller builds.

    Raises:
        ConflictError: HOME_OTHER when the directory holds another installation.
        NotFoundError: HOME_MISSING.
    """
    if wanted is not None:
        require_divisions(wanted)
    if not home.exists() and wanted is not None:
        home.create()
        home.save(wanted)
    found = home.load()
    if found.mode != mode or (wanted is not None and found.root.uscc != wanted.root.uscc):
        raise ConflictError(
            "HOME_OTHER",
            f"{home.path} already holds the {found.mode} installation of {found.root.uscc}: "
            "choose another directory with --home.",
            path=str(home.path),
            mode=found.mode,
            issuer=found.root.uscc,
        )
    return Setup(home, found, tools).run()


class Setup:
    """One run over all steps.

    Args:
        home: the data directory.
        record: the plan, as `plan_home` gave it.
        tools: see SetupTools.
        only: USCC of the one agency that is added; what others have may have changed since they were set up.
    """

    def __init__(self, home: Home, record: HomeRecord, tools: SetupTools, only: str | None = None) -> None:
        self._home = home
        self._record = record
        self._fresh = tuple(agency for agency in record.agencies if only in (None, agency.uscc))
        self._added = self._fresh if only is not None else ()
        self._tools = tools
        self._keyring = Keyring(tools.password)
        self._types = {loaded.type.ref: loaded.type for loaded in load_types().all()}

    def run(self) -> HomeRecord:
        """All steps; the record at the end is `ready`."""
        if self._record.ready:
            return self._record
        self._tools.say("keys")
        self._make_keys()
        self._tools.say("certificates")
        self._make_certificates()
        self._tools.say("directory")
        self._make_entries()
        self._tools.say("chain")
        info = self._run_chain()
        self._tools.say("trust")
        self._write_trust(info)
        self._tools.say("databases")
        self._make_databases()
        self._home.tighten()
        remote = rpc_record(self._record)
        summary = _chain_summary(info) if remote is None else remote.with_info(info).to_json()
        return self._home.change(lambda record: replace(self._with_added(record), ready=True, chain=summary))

    def _with_added(self, record: HomeRecord) -> HomeRecord:
        """An agency that is added is the installation's once all is done: half done, it keeps nobody from working."""
        for agency in self._added:
            record = record.with_agency(agency)
        return record

    # Keys, each in its own folder with its own password.

    def _uri(self, owner: str, who: str) -> str:
        return f"file:{self._home.key_file(self._record, owner, who)}"

    def _make_keys(self) -> None:
        for agency in self._fresh:
            for who in CHAIN_ROLES:
                self._make_key(agency.uscc, who, create_chain_key)
            for who in P256_ROLES:
                self._make_key(agency.uscc, who, create_credential_key)
        if self._signs_checkpoints():
            self._make_key(self._record.root.uscc, "checkpoint", create_credential_key)
        self._make_ledgers_keys()
        self._make_key(LEDGER_OWNER, "vault", create_vault_keys)

    def _make_ledgers_keys(self) -> None:
        """Of the ledger as a whole: who founds one has them."""
        self._make_key(LEDGER_OWNER, "governance", create_chain_key)
        self._make_key(LEDGER_OWNER, "trust", create_credential_key)

    def _signs_checkpoints(self) -> bool:
        """Only who seals blocks himself: on a chain that others run, they answer for it."""
        return rpc_record(self._record) is None

    def _make_key(self, owner: str, who: str, create: Callable[..., FileKey]) -> None:
        path = self._home.key_file(self._record, owner, who)
        if path.exists():
            return
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        uri = self._uri(owner, who)
        made = create(uri, self._tools.new_password(uri), self._tools.entropy, scrypt_p=self._tools.scrypt_p)
        self._keyring.take(uri, made)

    def _chain_signer(self, owner: str, who: str) -> ChainSigner:
        return self._keyring.chain_signer(self._uri(owner, who))

    def _p256_signer(self, owner: str, who: str) -> CredentialSigner:
        return self._keyring.credential_signer(self._uri(owner, who))

    # Certificates of our own small PKI: root, one CA an agency, one leaf a key.

    def _make_certificates(self) -> None:
        root = self._authority("root", None)
        for agency in self._fresh:
            authority = self._authority(agency.uscc, root)
            for who in P256_ROLES:
                signer = self._p256_signer(agency.uscc, who)
                if signer.x5c:
                    self._home.keep_leaf(signer.thumbprint, signer.x5c[0])
                    continue
                start = self._record.created_at - DAY_S
                leaf = authority.issue_leaf(
                    signer.public_jwk,
                    name=agency.name_zh,
                    uri=agency.iss,
                    not_before=start,
                    not_after=start + LEAF_YEARS * YEAR_S,
                    is_seal=who == "seal",
                )
                save_certificates(self._uri(agency.uscc, who), (leaf, authority.certificate))
                self._keyring.read_certificates(self._uri(agency.uscc, who))
                self._home.keep_leaf(signer.thumbprint, leaf)

    def _authority(self, owner: str, root: CertificateAuthority | None) -> CertificateAuthority:
        folder = LEDGER_OWNER if root is None else owner
        path = self._home.keys / folder / "ca" / "signing.key"
        uri = f"file:{path}"
        if path.exists() and certificates_path(uri).exists():
            return CertificateAuthority.load(uri, self._tools.password, self._tools.entropy)
        # a key whose certificate was never written has signed nothing yet: it is made anew
        path.unlink(missing_ok=True)
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        start = self._record.created_at - DAY_S
        if root is None:
            authority = CertificateAuthority.new_root(
                f"{self._record.root.name_zh} CA",
                not_before=start,
                not_after=start + ROOT_CA_YEARS * YEAR_S,
                entropy=self._tools.entropy,
            )
        else:
            authority = root.new_agency_ca(
                f"{self._record.agency(owner).name_zh} CA",
                not_before=start,
                not_after=start + AGENCY_CA_YEARS * YEAR_S,
            )
        authority.save(uri, self._tools.new_password(uri), scrypt_p=self._tools.scrypt_p)
        write_file(self._home.pki / f"{owner}.der", authority.certificate)
        return authority

    def _make_entries(self) -> None:
        for agency in self._record.agencies:
            if self._home.entry(agency.uscc) is None:
                text = make_directory_entry(
                    issuer=agency.uscc,
                    name_zh=agency.name_zh,
                    name_en=agency.name_en,
                    iss=agency.iss,
                    division=agency.division,
                    issued_at=self._record.created_at,
                    signer=self._p256_signer(agency.uscc, "credential"),
                    phone=agency.phone,
                )
                write_file(self._home.entry_file(agency.uscc), text.encode("ascii"))

    def _entry_hash(self, uscc: str) -> bytes:
        text = self._home.entry(uscc)
        if text is None:
            raise RuntimeError("directory entries are made before the chain")
        return parse_directory_entry(text).hash

    # Chain and registry.

    def _run_chain(self) -> ChainInfo:
        """Contracts and registry on the installation's chain, its own or one that others run."""
        remote = rpc_record(self._record)
        if remote is not None:
            governance = self._chain_signer(LEDGER_OWNER, "governance")
            site = RemoteSite(self._home, self._tools.entropy, governance, self._founding(governance))
            self._record = replace(self._record, chain=site.choose(remote).chain)
            return site.build(self._record, self._govern, self._tools.say)
        with closing(self._open_chain()) as chain:
            info = self._deploy(chain)
            self._tools.say("registry")
            self._govern(chain, DirectCarrier(chain))
        return info

    def _open_chain(self) -> EmbeddedChain:
        path, tools = self._home.chain_file, self._tools
        require_settled(self._home)
        try:
            # a kill while the file was being made leaves it empty: then it is made again
            return EmbeddedChain.create(path, tools.clock, tools.entropy)
        except ConflictError as error:
            if error.code != "CHAIN_EXISTS":
                raise
        return EmbeddedChain.open(path, tools.clock, accept_clock=tools.accept_clock)

    def _deploy(self, chain: EmbeddedChain) -> ChainInfo:
        governance = self._chain_signer(LEDGER_OWNER, "governance")
        wait = partial(SystemClock().sleep, PAUSE_S)
        return deploy_contracts(chain, governance, self._founding(governance), wait)

    def _founding(self, governance: ChainSigner) -> Founding:
        root = self._record.root.uscc
        return Founding(
            governance=governance.address,
            root_issuer=root,
            admin1=self._chain_signer(root, "admin1").signer_id,
            admin2=self._chain_signer(root, "admin2").signer_id,
            directory_hash=self._entry_hash(root),
        )

    def _govern(self, chain: Chain, carrier: Carrier) -> None:
        governance = self._chain_signer(LEDGER_OWNER, "governance")
        registry = Registry(chain, carrier)
        registry.register_types([_to_register(found) for found in self._wanted_types()], governance)
        registry.open_ledger(governance)
        registry.carry_out_all([self._signed(by, act) for by, act in self._parents_acts(registry)])
        registry.carry_out_all(
            [
                self._signed(agency.uscc, act)
                for agency in self._fresh
                for act in self._own_acts(registry, agency.uscc)
            ]
        )

    def _signed(self, by: str, act: Act) -> SignedAct:
        """The act with the two admins of the agency that decides it."""
        return SignedAct(act, self._chain_signer(by, "admin1"), self._chain_signer(by, "admin2"))

    def _wanted_types(self) -> list[CredentialType]:
        return [found for _ref, found in sorted(self._types.items())]

    def _type_id(self, registry: Registry, ref: str) -> int:
        found = self._types[ref]
        number = registry.type_id(found.type_code, found.version)
        if number is None:
            raise RuntimeError("types are registered before they are granted")
        return number

    def _parents_acts(self, registry: Registry) -> list[tuple[str, Act]]:
        """What two admins of each agency's parent decide, parents first: that it is there, what it may issue."""
        root = self._record.root.uscc
        since = self._record.created_at
        acts: list[tuple[str, Act]] = []
        for ref in sorted({ref for agency in self._record.agencies for ref in agency.types}):
            wanted = registry.missing_grant(root, root, self._type_id(registry, ref), since)
            acts += [(root, act) for act in wanted]
        for agency in self._fresh:
            if agency.uscc == root:
                continue
            by, uscc = agency.parent or root, agency.uscc
            admins = (
                self._chain_signer(uscc, "admin1").signer_id,
                self._chain_signer(uscc, "admin2").signer_id,
            )
            wanted = registry.missing_issuer(by, uscc, admins, self._entry_hash(uscc))
            for ref in agency.types:
                wanted += registry.missing_grant(by, uscc, self._type_id(registry, ref), since)
            acts += [(by, act) for act in wanted]
        return acts

    def _own_acts(self, registry: Registry, uscc: str) -> list[Act]:
        """What an agency's own two admins decide: its keys and who works for it."""
        since = self._record.created_at
        acts: list[Act] = []
        purposes = list(PURPOSES)
        if uscc == self._record.root.uscc and self._signs_checkpoints():
            purposes.append(("checkpoint", Purpose.CHECKPOINT))
        for who, purpose in purposes:
            thumbprint = self._p256_signer(uscc, who).thumbprint
            interval = (since, since + LEAF_YEARS * YEAR_S)
            acts += registry.missing_key(uscc, uscc, thumbprint, purpose, interval)
        for who, role in ROLES:
            signer_id = self._chain_signer(uscc, who).signer_id
            acts += registry.missing_role(uscc, signer_id, role, since)
        return acts

    # Trust file and databases.

    def _write_trust(self, info: ChainInfo) -> None:
        if self._home.trust_file.exists():
            return
        signer = self._p256_signer(LEDGER_OWNER, "trust")
        governance = self._chain_signer(LEDGER_OWNER, "governance")
        root = self._authority("root", None)
        ends_at = self._record.created_at + TRUST_YEARS * YEAR_S
        last_day = date(1970, 1, 1) + timedelta(days=(ends_at + SHANGHAI_S) // DAY_S)
        document = make_trust(
            mode=self._record.mode,
            ledger_id=info.ledger_id,
            chain_id=info.chain_id,
            registry=ContractPin(info.registry, info.registry_code_hash),
            ledger=ContractPin(info.ledger, info.ledger_code_hash),
            root_issuer=self._record.root.uscc,
            governance=governance.address,
            x509_anchors=(root.certificate,),
            types={ref: found.file_hash for ref, found in sorted(self._types.items())},
            not_after=last_day,
            keys=(signer.public_jwk,),
            finality=Finality("immediate" if rpc_record(self._record) is None else "consensus"),
        )
        write_file(self._home.trust_file, sign_trust(document, [signer]), mode=0o644)

    def _make_databases(self) -> None:
        keys = self._keyring.vault_keys(self._uri(LEDGER_OWNER, "vault"))
        open_store(self._home.store_file, self._tools.clock).close()
        SqliteVault(self._home.key_store_file, keys, self._tools.entropy)


def _to_register(found: CredentialType) -> TypeToRegister:
    return TypeToRegister(found.type_code, found.version, found.file_hash, found.single_use)


def _chain_summary(info: ChainInfo) -> dict[str, str | int]:
    return {
        "chain_id": info.chain_id,
        "ledger_id": "0x" + info.ledger_id.hex(),
        "registry": "0x" + info.registry.hex(),
        "ledger": "0x" + info.ledger.hex(),
    }
