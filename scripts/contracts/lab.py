"""Both contracts on an in-memory EVM, with a root agency, its people and short verbs for them.

For measuring (scripts/gas) and for tests/contracts. Clock: the chain's own, one second a block, moved by
`travel`. A call that is refused is read back as the custom error's name and values.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sha3
from eth_account import Account
from eth_keys.datatypes import PrivateKey
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3

from ledger.core import eip712
from ledger.core.model import Batch, Role, WordChange

ARTIFACTS = Path(__file__).resolve().parent.parent.parent / "contracts" / "artifacts"
LEDGER_ID = hashlib.sha256(b"the laboratory's ledger").digest()
ROOT = "11990000MB0000001X"
FOREVER = 2**40 - 1
GAS = 16_000_000
GENESIS = 4_000_000_000  # the year 2096
NO_STANDING = b"\0" * 32


@dataclass(frozen=True)
class Person:
    """Somebody with a secp256k1 key."""

    key: PrivateKey

    @property
    def address(self) -> str:
        return str(self.key.public_key.to_checksum_address())

    @property
    def signer(self) -> bytes:
        return eip712.address_signer(self.key.public_key.to_canonical_address())

    def sign(self, digest: bytes) -> bytes:
        """0x01 ‖ r ‖ s ‖ v of this digest."""
        raw = self.key.sign_msg_hash(digest).to_bytes()
        return eip712.ecdsa_signature(raw[:64] + bytes([raw[64] + 27]))


@dataclass(frozen=True)
class Refusal:
    """A custom error as a caller sees it."""

    name: str
    values: tuple[Any, ...]


class Refused(Exception):  # noqa: N818 - reads as a sentence in `pytest.raises(Refused)`
    """A transaction or call was reverted."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.name}{refusal.values}")
        self.refusal = refusal


@dataclass(frozen=True)
class Staff:
    """The people of one issuer."""

    issuer: str
    admins: tuple[Person, Person]
    operator: Person
    maker: Person
    approver: Person


def person(name: str) -> Person:
    """The same person for the same name, always."""
    return Person(PrivateKey(hashlib.sha256(f"laboratory {name}".encode()).digest()))


def issuer_id(uscc: str) -> bytes:
    """18 ASCII bytes."""
    return uscc.encode("ascii")


def demo_uscc(number: int) -> str:
    """An issuer id of the demo division; its check digit means nothing."""
    return f"1199{number:013d}X"


def load_artifact(name: str, folder: Path = ARTIFACTS) -> dict[str, Any]:
    """<folder>/<name>.json."""
    artifact: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return artifact


class Lab:
    """An in-memory chain with both contracts deployed and open, and a staffed root agency."""

    def __init__(self) -> None:
        # A fixed beginning, ahead of any real clock (which the engine would follow otherwise): the same
        # calls give the same blocks, hence the same gas.
        genesis = PyEVMBackend.generate_genesis_params({"gas_limit": 30_000_000, "timestamp": GENESIS})
        self.tester = EthereumTester(PyEVMBackend(genesis_parameters=genesis))
        self.w3 = Web3(EthereumTesterProvider(self.tester))
        self._bank = self.w3.eth.accounts[0]
        self._accounts: set[str] = set()
        self._funded: set[str] = set()
        self._errors: dict[bytes, dict[str, Any]] = {}
        self.governance = self.fund(person("governance"))
        self.root_admins = (self.fund(person("root admin 1")), self.fund(person("root admin 2")))
        self.registry = self.deploy(
            load_artifact("IssuerRegistry"),
            LEDGER_ID,
            self.governance.address,
            issuer_id(ROOT),
            self.root_admins[0].signer,
            self.root_admins[1].signer,
            hashlib.sha256(b"root directory").digest(),
        )
        self.ledger = self.deploy(load_artifact("CredentialLedger"), LEDGER_ID, self.registry.address)
        self.nonce = 0

    # ---- chain ----

    @property
    def chain_id(self) -> int:
        return int(self.w3.eth.chain_id)

    @property
    def now(self) -> int:
        """Time of the newest block, which calls see; the next transaction sees at least a second more."""
        return int(self.w3.eth.get_block("latest")["timestamp"])

    def travel(self, time: int) -> None:
        """Make `time` the time of the newest block."""
        self.tester.time_travel(time)
        self.tester.mine_block()

    def deploy(self, artifact: dict[str, Any], *arguments: Any) -> Any:
        """A web3 contract, just deployed."""
        for entry in artifact["abi"]:
            if entry["type"] == "error":
                types = ",".join(item["type"] for item in entry["inputs"])
                selector = sha3.keccak_256(f"{entry['name']}({types})".encode()).digest()[:4]
                self._errors[selector] = entry
        factory = self.w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        sent = factory.constructor(*arguments).transact({"from": self._bank, "gas": GAS})
        receipt = self.w3.eth.get_transaction_receipt(sent)
        if receipt["status"] != 1:
            self._raise_from(lambda: factory.constructor(*arguments).estimate_gas({"from": self._bank}))
        return self.w3.eth.contract(address=receipt["contractAddress"], abi=artifact["abi"])

    def fund(self, who: Person) -> Person:
        """Give this person an account that can send."""
        if who.address not in self._accounts:
            self._accounts.add(who.address)
            self.tester.add_account(who.key.to_hex())
        if who.address not in self._funded:
            self._funded.add(who.address)
            payment: Any = {"from": self._bank, "to": who.address, "value": 10**18, "gas": 21_000}
            self.w3.eth.send_transaction(payment)
        return who

    def send(self, function: Any, sender: Person) -> Any:
        """Receipt of this call in a block of its own. Raises: Refused."""
        self.fund(sender)
        options = {"from": sender.address, "gas": GAS}
        sent = function.transact(options)
        receipt = self.w3.eth.get_transaction_receipt(sent)
        if receipt["status"] != 1:
            self.call(function, sender)
            message = "the transaction failed, the same call does not"
            raise RuntimeError(message)
        return receipt

    def call(self, function: Any, sender: Person | None = None) -> Any:
        """Result of this call at the newest block. Raises: Refused."""
        options = {"gas": GAS} if sender is None else {"from": self.fund(sender).address, "gas": GAS}
        return self._raise_from(lambda: function.call(options))

    def send_together(self, calls: Sequence[tuple[Any, Person]]) -> list[bool]:
        """Put all calls into one block, in order; which of them succeeded."""
        for _, sender in calls:
            self.fund(sender)
        nonces: dict[str, int] = {
            who.address: int(self.w3.eth.get_transaction_count(Web3.to_checksum_address(who.address)))
            for _, who in calls
        }
        backend = self.tester.backend
        sent = []
        for function, who in calls:
            options = {
                "gas": 2_000_000,
                "gasPrice": 10**10,
                "nonce": nonces[who.address],
                "chainId": self.chain_id,
            }
            transaction = function.build_transaction({"from": who.address, **options})
            signed = Account.sign_transaction(transaction, who.key.to_bytes())
            # Straight to the backend: the tester itself keeps one waiting transaction a sender.
            backend.send_raw_transaction(bytes(signed.raw_transaction))
            sent.append(signed.hash)
            nonces[who.address] += 1
        backend.mine_blocks(1)
        receipts = [self.w3.eth.get_transaction_receipt(one) for one in sent]
        if len({receipt["blockNumber"] for receipt in receipts}) != 1:
            message = "more than one block"
            raise RuntimeError(message)
        return [receipt["status"] == 1 for receipt in receipts]

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Forget at the end whatever happens inside."""
        mark, nonce, funded = self.tester.take_snapshot(), self.nonce, set(self._funded)
        try:
            yield
        finally:
            self.tester.revert_to_snapshot(mark)
            self.nonce = nonce
            # The tester keeps the accounts themselves: only their money is gone.
            self._funded = funded

    def _raise_from(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except TransactionFailed as error:
            text = str(error.args[0])
            _, _, literal = text.partition("execution reverted: ")
            data = ast.literal_eval(literal) if literal.startswith(("b'", 'b"')) else b""
            raise Refused(self._decode(data, text)) from error

    def _decode(self, data: bytes, text: str) -> Refusal:
        entry = self._errors.get(data[:4])
        if entry is None:
            return Refusal("?", (data or text,))
        types = [item["type"] for item in entry["inputs"]]
        values = self.w3.codec.decode(types, data[4:])
        shown = (
            Web3.to_checksum_address(value) if kind == "address" else value
            for kind, value in zip(types, values, strict=True)
        )
        return Refusal(entry["name"], tuple(shown))

    # ---- verbs ----

    @property
    def registry_domain(self) -> eip712.Domain:
        return eip712.registry_domain(self.chain_id, bytes.fromhex(self.registry.address[2:]), LEDGER_ID)

    @property
    def ledger_domain(self) -> eip712.Domain:
        return eip712.ledger_domain(self.chain_id, bytes.fromhex(self.ledger.address[2:]), LEDGER_ID)

    def act(self, admins: Sequence[Person], name: str, by: str, *arguments: Any) -> Any:
        """Receipt of an act proposed by one admin of `by` and accepted by another."""
        data = self.encode_act(name, by, *arguments)
        self.send(self.registry.functions.propose(issuer_id(by), data, self.own(admins[0])), admins[0])
        number = self.proposals()
        return self.send(self.registry.functions.accept(number, data, self.own(admins[1])), admins[1])

    def encode_act(self, name: str, by: str, *arguments: Any) -> bytes:
        """Calldata of an act."""
        return bytes.fromhex(self.registry.encode_abi(name, args=[issuer_id(by), *arguments])[2:])

    def own(self, who: Person) -> tuple[bytes, int, int, bytes]:
        """Auth of somebody who sends it on their own."""
        return (who.signer, 0, 0, b"")

    def proposals(self) -> int:
        """Number of the newest proposal."""
        # Slot 1: pending governance, then 4 bytes of types, then 8 bytes of proposals.
        word = int.from_bytes(self.w3.eth.get_storage_at(self.registry.address, 1), "big")
        return (word >> 192) & (2**64 - 1)

    def register_type(self, code: str, *, single_use: bool = False) -> int:
        """Id of a new type."""
        functions = self.registry.functions
        digest = hashlib.sha256(code.encode()).digest()
        self.send(
            functions.registerType(code.encode().ljust(21, b"0"), 1, digest, single_use), self.governance
        )
        return int(functions.typeCount().call())

    def admit(self, parent: str, admins: Sequence[Person], issuer: str) -> tuple[Person, Person]:
        """Admins of a new child."""
        pair = (self.fund(person(f"{issuer} admin 1")), self.fund(person(f"{issuer} admin 2")))
        directory = hashlib.sha256(issuer.encode()).digest()
        self.act(admins, "admitIssuer", parent, issuer_id(issuer), pair[0].signer, pair[1].signer, directory)
        return pair

    def grant(
        self, by: str, admins: Sequence[Person], issuer: str, type_id: int, until: int = FOREVER
    ) -> None:
        """Let `issuer` issue this type from now."""
        self.act(admins, "grantType", by, issuer_id(issuer), type_id, self.now, until)

    def set_role(
        self, issuer: str, admins: Sequence[Person], signer: bytes, role: int, type_id: int = 0
    ) -> None:
        """Give a role from now on."""
        self.act(admins, "setRole", issuer, issuer_id(issuer), signer, role, type_id, self.now, FOREVER)

    def staff(self, issuer: str, admins: tuple[Person, Person]) -> Staff:
        """An operator, a maker and an approver, freshly appointed."""
        people = {
            role: person(f"{issuer} {role.name}") for role in (Role.OPERATOR, Role.MAKER, Role.APPROVER)
        }
        for role, who in people.items():
            self.set_role(issuer, admins, who.signer, role)
        return Staff(issuer, admins, people[Role.OPERATOR], people[Role.MAKER], people[Role.APPROVER])

    def register_key(self, issuer: str, admins: Sequence[Person], purpose: int = 1) -> int:
        """Number of a new key."""
        number = int(self.registry.functions.keyCount(issuer_id(issuer)).call()) + 1
        thumbprint = hashlib.sha256(f"{issuer} key {number}".encode()).digest()
        self.act(admins, "registerKey", issuer, issuer_id(issuer), thumbprint, purpose, self.now, FOREVER)
        return number

    def batch(self, staff: Staff, type_id: int, root: bytes, size: int, **others: Any) -> Batch:
        """A batch of this issuer, unsigned; `others` are fields of Batch."""
        fields: dict[str, Any] = {
            "issuer": staff.issuer,
            "type_id": type_id,
            "key": 1,
            "root": root,
            "size": size,
            "list": 1,
            "first_word": 0,
            "pending": False,
            "maker": staff.maker.signer,
            "approver": staff.approver.signer,
            "deadline": self.now + 3600,
        }
        return Batch(**{**fields, **others})

    def approvals(
        self, staff: Staff, digest: bytes, standing: bytes = NO_STANDING
    ) -> tuple[bytes, bytes, bytes]:
        """Both signatures, or the maker's under a standing approval."""
        second = staff.approver.sign(digest) if standing == NO_STANDING else b""
        return (staff.maker.sign(digest), second, standing)

    def anchor_call(self, staff: Staff, batch: Batch, standing: bytes = NO_STANDING) -> Any:
        """The anchor call of a batch, signed as it is."""
        digest = eip712.batch_digest(self.ledger_domain, batch)
        return self.ledger.functions.anchor(batch_tuple(batch), self.approvals(staff, digest, standing))

    def change_call(
        self,
        staff: Staff,
        root: bytes,
        changes: Sequence[WordChange],
        standing: bytes = NO_STANDING,
        **others: Any,
    ) -> Any:
        """A changeStatus call, signed; `others` are fields of StatusChange."""
        self.nonce += 1
        fields: dict[str, Any] = {
            "issuer": staff.issuer,
            "root": root,
            "changes_hash": eip712.changes_hash(changes),
            "reason_class": 2,
            "by": staff.issuer,
            "maker": staff.maker.signer,
            "approver": staff.approver.signer,
            "nonce": self.nonce,
            "deadline": self.now + 3600,
        }
        change = eip712.StatusChange(**{**fields, **others})
        digest = eip712.status_change_digest(self.ledger_domain, change)
        return self.ledger.functions.changeStatus(
            change_tuple(change), change_tuples(changes), self.approvals(staff, digest, standing)
        )

    def suspend_call(self, issuer: str, root: bytes, changes: Sequence[WordChange]) -> Any:
        """A suspend call for an issuer's own operator."""
        arguments = (issuer_id(issuer), root, issuer_id(issuer), 4, change_tuples(changes))
        return self.ledger.functions.suspend(*arguments)


def set_statuses(indices: Sequence[int], status: int) -> list[WordChange]:
    """Word changes that set these leaves to a status, words ascending."""
    masks: dict[int, int] = {}
    for index in indices:
        masks[index // 64] = masks.get(index // 64, 0) | 0xF << 4 * (index % 64)
    return [WordChange(word, mask, (mask // 15) * status) for word, mask in sorted(masks.items())]


def batch_tuple(batch: Batch) -> tuple[Any, ...]:
    """ABI order."""
    return (
        issuer_id(batch.issuer),
        batch.type_id,
        batch.key,
        batch.root,
        batch.size,
        batch.list,
        batch.first_word,
        batch.pending,
        batch.maker,
        batch.approver,
        batch.deadline,
    )


def change_tuple(change: eip712.StatusChange) -> tuple[Any, ...]:
    """ABI order."""
    return (
        issuer_id(change.issuer),
        change.root,
        change.changes_hash,
        change.reason_class,
        issuer_id(change.by),
        change.maker,
        change.approver,
        change.nonce,
        change.deadline,
    )


def change_tuples(changes: Sequence[WordChange]) -> list[tuple[int, int, int]]:
    """ABI order."""
    return [(change.word, change.mask, change.value) for change in changes]


def root_of(text: str) -> bytes:
    """Some tree head; which leaves it has does not matter."""
    return hashlib.sha256(text.encode()).digest()
