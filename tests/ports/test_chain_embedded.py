"""What only the embedded chain promises: files, locks, clocks at start, copies, bad transactions, web3."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth.db.trie import make_trie_root_and_nodes
from eth.vm.forks.prague.blocks import PragueBlock
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3
from web3.exceptions import ContractCustomError
from web3.middleware import SignAndSendRawMiddlewareBuilder

from ledger.adapters.abi import BLOCK_GAS, issuer_id, keccak256, load_artifacts
from ledger.adapters.chain_embedded.accounts import code_hash_at
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.clock_guard import MAX_AHEAD_AT_START_S
from ledger.adapters.chain_embedded.process_lock import ProcessLock
from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.chain_embedded.tries import ordered_root
from ledger.adapters.chain_embedded.web3_face import web3_provider
from ledger.adapters.chain_memory import MemoryChain
from ledger.adapters.system import ManualClock, SeededEntropy
from ledger.adapters.transaction import sign_transaction
from ledger.core.errors import LedgerError
from ledger.ports import ContractCall
from tests.ports.chain_world import (
    CHILD,
    GOVERNANCE,
    ROOT,
    START,
    World,
    crew,
    embedded,
    founding,
    signer,
)

NOTHING = ContractCall("registry", "acceptGovernance", ())


def code_of(action: Any, *args: Any, **named: Any) -> str:
    with pytest.raises(LedgerError) as caught:
        action(*args, **named)
    return caught.value.code


class TestInstallation:
    def test_each_has_its_own_chain_id_and_ledger_id(self) -> None:
        infos = []
        for seed in range(5):
            chain = EmbeddedChain.create(":memory:", ManualClock(START), SeededEntropy(seed))
            infos.append(chain.info())
            assert chain.block(0) is not None
            assert chain.block(0).hash == infos[-1].ledger_id  # type: ignore[union-attr]
            chain.close()
        assert len({info.chain_id for info in infos}) == len({info.ledger_id for info in infos}) == 5
        assert all(2**30 <= info.chain_id < 2**31 for info in infos)
        assert all(info.ledger == bytes(20) for info in infos)

    def test_deployed_facts_are_the_contracts_own(self, tmp_path: Path) -> None:
        chain, clock = embedded(tmp_path / "chain.db")
        info = chain.info()
        for name, address, code_hash in (
            ("registry", info.registry, info.registry_code_hash),
            ("ledger", info.ledger, info.ledger_code_hash),
        ):
            code = chain.code(address)
            assert keccak256(code) == code_hash
            assert len(code) == len(load_artifacts()[name].deployed_bytecode)  # type: ignore[index]
        chain.close()
        again = EmbeddedChain.open(tmp_path / "chain.db", clock)
        assert again.info() == info
        again.close()

    def test_a_code_hash_is_not_what_the_file_says_about_itself(self, tmp_path: Path) -> None:
        chain, _ = embedded(tmp_path / "chain.db")
        honest = chain.info()
        chain.save_contracts({"registry_code_hash": b"\x0c" * 32, "ledger_code_hash": b"\x0c" * 32})
        chain.save_contracts({"ledger": honest.registry})
        chain.close()
        reader = EmbeddedReader(tmp_path / "chain.db")
        assert reader.info().registry_code_hash == honest.registry_code_hash
        assert reader.info().ledger_code_hash == honest.registry_code_hash != honest.ledger_code_hash
        reader.close()

    def test_other_code_under_the_right_name_has_another_hash(self, tmp_path: Path) -> None:
        chain, _ = embedded(tmp_path / "chain.db")
        honest = chain.info()
        with chain.store.write() as db:
            db.execute("UPDATE node SET value=? WHERE hash=?", (b"\x5f\x5f\xf3", honest.ledger_code_hash))
        chain.close()
        reader = EmbeddedReader(tmp_path / "chain.db")
        assert reader.info().ledger_code_hash == keccak256(b"\x5f\x5f\xf3")
        assert reader.info().registry_code_hash == honest.registry_code_hash
        reader.close()

    def test_an_address_without_an_account_or_without_code_has_no_hash(self, tmp_path: Path) -> None:
        chain, _ = embedded(tmp_path / "chain.db")
        for address in (b"\x01" * 20, signer(2).address):  # nobody, and who deployed
            chain.save_contracts({"ledger": address})
            assert chain.info().ledger_code_hash == bytes(32)
        chain.close()

    @pytest.mark.parametrize("what", ["node", "header", "block"])
    def test_a_state_that_does_not_fit_its_block_cannot_be_told(self, tmp_path: Path, what: str) -> None:
        chain, _ = embedded(tmp_path / "chain.db")
        number = chain.head().number
        raw = chain.store.block_rlp(number)
        assert raw is not None
        with chain.store.write() as db:
            if what == "node":
                db.execute("UPDATE node SET value=value||x'00'")
            else:
                changed = bytearray(raw)
                changed[20 if what == "header" else -1] ^= 1
                kept = bytes(changed) if what == "header" else raw + b"\x00"
                db.execute("UPDATE block SET rlp=? WHERE number=?", (kept, number))
        chain.close()
        reader = EmbeddedReader(tmp_path / "chain.db")
        assert code_of(reader.info) == "CHAIN_UNAVAILABLE"
        reader.close()

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"\x80",
            b"\xc0",
            b"\xc1",
            b"\xf8",
            b"\xb8\xff",
            b"\xc1\xc0",
            b"\xc1\xc1" * 3,
            b"\xff" * 9,
            b"\x05",
        ],
    )
    def test_bytes_that_are_no_block_are_damage(self, raw: bytes) -> None:
        hashes = {keccak256(raw), keccak256(b"\xc0"), keccak256(b"")}
        for block_hash in hashes:
            assert code_of(code_hash_at, raw, block_hash, bytes(20), {}.get) == "CHAIN_UNAVAILABLE"

    @given(
        node=st.recursive(st.binary(max_size=40), lambda inner: st.lists(inner, max_size=18), max_leaves=30)
    )
    def test_a_made_up_state_is_damage_or_nothing(self, node: Any) -> None:
        root = rlp.encode(node)
        header = rlp.encode([b"", b"", b"", keccak256(root)])
        try:
            answer: Any = code_hash_at(
                rlp.encode([rlp.decode(header)]), keccak256(header), bytes(20), {keccak256(root): root}.get
            )
        except LedgerError as error:
            answer = error.code
        assert answer in (bytes(32), "CHAIN_UNAVAILABLE")

    def test_lists_in_lists_have_an_end(self) -> None:
        deep: Any = []
        for _ in range(50):
            deep = [deep]
        root = rlp.encode(deep)
        header = rlp.encode([b"", b"", b"", keccak256(root)])
        block = rlp.encode([rlp.decode(header)])
        assert (
            code_of(code_hash_at, block, keccak256(header), bytes(20), {keccak256(root): root}.get)
            == "CHAIN_UNAVAILABLE"
        )

    def test_an_existing_chain_is_never_overwritten(self, tmp_path: Path) -> None:
        chain, clock = embedded(tmp_path / "chain.db")
        chain.close()
        create = EmbeddedChain.create
        assert code_of(create, tmp_path / "chain.db", clock, SeededEntropy(2)) == "CHAIN_EXISTS"
        EmbeddedChain.open(tmp_path / "chain.db", clock).close()

    def test_a_missing_or_foreign_file_is_told(self, tmp_path: Path) -> None:
        clock = ManualClock(START)
        assert code_of(EmbeddedChain.open, tmp_path / "none.db", clock) == "CHAIN_MISSING"
        assert code_of(EmbeddedReader, tmp_path / "none.db") == "CHAIN_MISSING"
        (tmp_path / "other.db").write_bytes(b"not a database, but long enough to be read as one")
        assert code_of(EmbeddedReader, tmp_path / "other.db") == "CHAIN_UNAVAILABLE"

    def test_one_process_holds_the_lock(self, tmp_path: Path) -> None:
        chain, clock = embedded(tmp_path / "chain.db")
        assert code_of(EmbeddedChain.open, tmp_path / "chain.db", clock) == "CHAIN_LOCKED"
        chain.close()
        EmbeddedChain.open(tmp_path / "chain.db", clock).close()

    def test_whoever_only_asks_whether_it_is_free_keeps_nobody_from_starting(self, tmp_path: Path) -> None:
        chain, clock = embedded(tmp_path / "chain.db")
        chain.close()
        asking = ProcessLock(tmp_path / "chain.db")
        leaving = threading.Timer(0.05, asking.release)
        leaving.start()
        EmbeddedChain.open(tmp_path / "chain.db", clock).close()
        leaving.join()

    @pytest.mark.parametrize(("ahead", "starts"), [(0, True), (1, False)])
    def test_a_clock_a_month_ahead_must_be_accepted(self, tmp_path: Path, ahead: int, starts: bool) -> None:
        chain, _ = embedded(tmp_path / "chain.db")
        head = chain.head().time
        chain.close()
        clock = ManualClock(head + MAX_AHEAD_AT_START_S + ahead)
        if starts:
            EmbeddedChain.open(tmp_path / "chain.db", clock).close()
            return
        assert code_of(EmbeddedChain.open, tmp_path / "chain.db", clock) == "CLOCK_JUMP"
        EmbeddedChain.open(tmp_path / "chain.db", clock, accept_clock=True).close()

    def test_the_database_is_durable_and_shared(self, tmp_path: Path) -> None:
        chain, _ = embedded(tmp_path / "chain.db")
        pragma = {name: chain.store.row(f"PRAGMA {name}")[0] for name in
                  ("journal_mode", "synchronous", "locking_mode")}  # fmt: skip
        assert pragma == {"journal_mode": "wal", "synchronous": 2, "locking_mode": "normal"}
        chain.close()

    def test_a_copy_in_a_folder_that_cannot_be_written_is_read(self, tmp_path: Path) -> None:
        chain, _ = embedded(tmp_path / "chain.db")
        head = chain.head()
        chain.close()
        folder = tmp_path / "archive"
        folder.mkdir()
        shutil.copy(tmp_path / "chain.db", folder / "chain.db")
        folder.chmod(0o500)
        reader = EmbeddedReader(folder / "chain.db")
        assert reader.head() == head
        assert not reader.is_source
        reader.close()
        folder.chmod(0o700)

    def test_a_step_leaves_a_sign_of_life(self, tmp_path: Path) -> None:
        chain, clock = embedded(tmp_path / "chain.db")
        clock.advance(500)
        assert chain.step() is None
        assert chain.alive_at() == clock.now()
        reader = EmbeddedReader(tmp_path / "chain.db")
        assert reader.alive_at() == clock.now()
        reader.close()
        chain.close()


class TestBadTransactions:
    """Each lies between two good ones in the queue; the good ones run."""

    def poison(self, chain: EmbeddedChain, case: str) -> bytes:
        info = chain.info()
        common: dict[str, Any] = {"nonce": 0, "to": info.registry, "data": chain.encode(NOTHING)}
        key = signer(81)
        if case == "garbage":
            return b"\xc9garbage!!"
        if case == "wrong chain":
            return sign_transaction(key, chain_id=5, gas=90_000, **common).raw
        if case == "too much gas":
            return sign_transaction(key, chain_id=info.chain_id, gas=BLOCK_GAS + 1, **common).raw
        if case == "too little gas":
            return sign_transaction(key, chain_id=info.chain_id, gas=20_999, **common).raw
        paying = {
            "nonce": 0, "to": Web3.to_checksum_address(info.registry), "gas": 90_000, "value": 1,
            "gasPrice": 0, "chainId": info.chain_id, "data": b"",
        }  # fmt: skip
        return bytes(Account.from_key(b"k" * 32).sign_transaction(paying).raw_transaction)

    @pytest.mark.parametrize(
        ("case", "code"),
        [
            ("garbage", "TRANSACTION_INVALID"),
            ("wrong chain", "WRONG_CHAIN"),
            ("too much gas", "GAS_TOO_HIGH"),
            ("too little gas", "GAS_TOO_LOW"),
            ("value without funds", "INSUFFICIENT_FUNDS"),
        ],
    )
    def test_it_never_sinks_its_batch(self, case: str, code: str) -> None:
        chain, clock = embedded()
        poison = self.poison(chain, case)
        good = [chain.prepare(NOTHING, signer(number), 0) for number in (82, 83)]
        chain.send(good[0].raw)
        if case == "value without funds":
            chain.send(poison)
        else:
            assert code_of(chain.send, poison) == code
            chain.store.enqueue(keccak256(poison), poison)
        chain.send(good[1].raw)
        clock.advance(1)
        block = chain.seal()
        assert block is not None
        assert [chain.outcome(item.hash).block for item in good] == [block, block]
        outcome = chain.outcome(keccak256(poison))
        assert outcome.state == "rejected"
        assert outcome.error is not None
        assert outcome.error[0] == code
        assert chain.waiting_count() == 0
        chain.close()

    @pytest.mark.parametrize("kind", [3, 4, 5, 0x7F])
    def test_other_kinds_of_transactions_are_refused(self, kind: int) -> None:
        chain, _ = embedded()
        assert code_of(chain.send, bytes([kind]) + b"\xc0") == "TRANSACTION_TYPE"
        chain.close()

    def test_typed_transactions_run(self) -> None:
        chain, clock = embedded()
        fields = {
            "nonce": 0, "to": Web3.to_checksum_address(chain.info().registry), "gas": 90_000,
            "maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "value": 0,
            "chainId": chain.info().chain_id, "data": chain.encode(NOTHING), "type": 2,
        }  # fmt: skip
        raw = bytes(Account.from_key(b"k" * 32).sign_transaction(fields).raw_transaction)
        chain.send(raw)
        clock.advance(1)
        chain.seal()
        assert chain.outcome(keccak256(raw)).state == "reverted"
        other = bytes(Account.from_key(b"k" * 32).sign_transaction({**fields, "chainId": 1}).raw_transaction)
        assert code_of(chain.send, other) == "WRONG_CHAIN"
        chain.close()

    def test_running_out_of_gas_is_told(self) -> None:
        chain, clock = embedded()
        info = chain.info()
        call = chain.encode(ContractCall("registry", "registerType", (b"1" * 21, 1, b"f" * 32, False)))
        transaction = sign_transaction(
            GOVERNANCE, chain_id=info.chain_id, nonce=0, to=info.registry, data=call, gas=40_000
        )
        chain.send(transaction.raw)
        clock.advance(1)
        chain.seal()
        assert chain.outcome(transaction.hash).error == ("OutOfGas", ())
        chain.close()

    def test_full_blocks_leave_the_rest_for_the_next_and_the_base_fee_at_zero(self) -> None:
        chain, clock = embedded()
        info = chain.info()
        hashes = []
        for number in range(5):
            transaction = sign_transaction(
                signer(900 + number), chain_id=info.chain_id, nonce=0, to=None,
                data=b"\xfe", gas=BLOCK_GAS // 2,  # INVALID takes all its gas
            )  # fmt: skip
            chain.send(transaction.raw)
            hashes.append(transaction.hash)
        blocks = []
        for _ in range(4):
            clock.advance(1)
            blocks.append(chain.seal())
        found = [chain.outcome(item).block for item in hashes]
        assert found == [blocks[0], blocks[0], blocks[1], blocks[1], blocks[2]]
        assert blocks[3] is None
        assert chain.head_header.base_fee_per_gas == 0
        assert chain.engine.header(blocks[0].number).gas_used == BLOCK_GAS  # type: ignore[union-attr]
        chain.close()


class TestCopies:
    def source(self) -> tuple[EmbeddedChain, ManualClock]:
        chain, clock = embedded()
        world = World(chain, clock)
        world.register_type(1)
        world.admit(CHILD, ROOT)
        return chain, clock

    def joined(self, chain: EmbeddedChain, clock: ManualClock, chain_id: int = 0) -> EmbeddedChain:
        return EmbeddedChain.join(
            ":memory:", clock, chain_id=chain_id or chain.info().chain_id,
            genesis_rlp=chain.block_rlp(0) or b"",
        )  # fmt: skip

    def test_every_block_is_executed_again(self) -> None:
        chain, clock = self.source()
        copy = self.joined(chain, clock)
        for number in range(1, chain.head().number + 1):
            raw = chain.block_rlp(number)
            assert raw is not None
            assert copy.import_block(raw) == chain.block(number)
            assert copy.import_block(raw) == chain.block(number)
        assert copy.head() == chain.head()
        assert copy.head_header.state_root == chain.head_header.state_root
        assert copy.block_rlp(3) == chain.block_rlp(3)
        address = crew(ROOT).admin1.address
        assert copy.next_nonce(address) == chain.next_nonce(address)
        chain.close()
        copy.close()

    def test_a_tampered_block_is_refused(self) -> None:
        chain, clock = self.source()
        copy = self.joined(chain, clock)
        raw = chain.block_rlp(1)
        assert raw is not None
        block = rlp.decode(raw, PragueBlock)
        good = chain.head()
        for change in (
            {"state_root": b"s" * 32},
            {"gas_used": block.header.gas_used + 1},
            {"timestamp": block.header.timestamp + 1},
            {"receipt_root": b"r" * 32},
            {"bloom": 1},
            {"extra_data": b"x"},
            {"coinbase": b"c" * 20},
            {"gas_limit": block.header.gas_limit + 1},
            {"base_fee_per_gas": 1},
        ):
            lie = rlp.encode(block.copy(header=block.header.copy(**change)))
            assert code_of(copy.import_block, lie) == "BLOCK_INVALID", change
        without = rlp.encode(block.copy(transactions=()))
        assert code_of(copy.import_block, without) == "BLOCK_INVALID"
        assert code_of(copy.import_block, raw + b"\x00") == "BLOCK_INVALID"
        assert code_of(copy.import_block, b"") == "BLOCK_INVALID"
        assert copy.head().number == 0
        for number in range(1, good.number + 1):
            copy.import_block(chain.block_rlp(number) or b"")
        assert copy.head() == good
        chain.close()
        copy.close()

    def test_a_block_of_another_chain_id_is_refused(self) -> None:
        chain, clock = self.source()
        copy = self.joined(chain, clock, chain_id=4242)
        assert code_of(copy.import_block, chain.block_rlp(1)) == "WRONG_CHAIN"
        assert copy.head().number == 0
        chain.close()
        copy.close()

    def test_gaps_forks_and_the_future_are_refused(self) -> None:
        chain, clock = self.source()
        copy = self.joined(chain, clock)
        assert code_of(copy.import_block, chain.block_rlp(2)) == "BLOCK_GAP"
        copy.import_block(chain.block_rlp(1) or b"")
        copy.send(copy_call(copy))
        clock.advance(1)
        assert copy.seal() is not None
        assert code_of(copy.import_block, chain.block_rlp(2)) == "CHAIN_FORKED"
        assert code_of(copy.import_block, chain.block_rlp(3)) == "CHAIN_FORKED"
        chain.close()
        copy.close()
        early, clock = self.source()
        slow = ManualClock(START - 10)
        behind = self.joined(early, slow)
        assert code_of(behind.import_block, early.block_rlp(1)) == "BLOCK_FROM_FUTURE"
        early.close()
        behind.close()

    def test_a_foreign_genesis_is_refused(self) -> None:
        chain, clock = self.source()
        raw = chain.block_rlp(1) or b""
        join = EmbeddedChain.join
        assert code_of(join, ":memory:", clock, chain_id=1, genesis_rlp=raw) == "BLOCK_INVALID"
        chain.close()


def copy_call(chain: EmbeddedChain) -> bytes:
    """A transaction without contracts: a copy does not know their addresses yet."""
    transaction = sign_transaction(
        signer(85), chain_id=chain.info().chain_id, nonce=0, to=bytes(20), data=b"", gas=30_000
    )
    return transaction.raw


class TestKnownDifferencesOfTheMemoryChain:
    """Everything else behaves alike (tests/ports/test_chain.py)."""

    @pytest.mark.parametrize("kind", [b"\x02", b"\x03"])
    def test_other_signers_than_accounts_are_refused(self, kind: bytes) -> None:
        clock = ManualClock(START)
        world = World(MemoryChain(clock, founding()), clock).found(ROOT)
        batch = world.batch(ROOT, 1)
        struct, (maker, approver, standing) = world.anchor_args(batch)
        args = (struct, (maker, kind + approver[1:], standing))
        outcome = world.try_("ledger", "anchor", args, crew(ROOT).operator)
        assert outcome.error == ("LedgerBadSignature", (batch.approver,))

    def test_typed_transactions_are_not_read(self) -> None:
        clock = ManualClock(START)
        chain = MemoryChain(clock, founding())
        assert code_of(chain.send, b"\x02\xc0") == "TRANSACTION_TYPE"

    def test_nothing_counts_gas(self) -> None:
        clock = ManualClock(START)
        chain = MemoryChain(clock, founding())
        info = chain.info()
        transaction = sign_transaction(
            GOVERNANCE, chain_id=info.chain_id, nonce=0, to=info.ledger,
            data=chain.encode(ContractCall("ledger", "open", ())), gas=1,
        )  # fmt: skip
        chain.send(transaction.raw)
        clock.advance(1)
        chain.seal()
        assert chain.outcome(transaction.hash).state == "final"

    def test_views_between_the_contracts_are_missing(self) -> None:
        clock = ManualClock(START)
        chain = MemoryChain(clock, founding())
        call = ContractCall("registry", "requireActsFor", (issuer_id(ROOT), issuer_id(ROOT)))
        assert code_of(chain.read, call) == "CALL_INVALID"


class TestWeb3:
    @pytest.fixture
    def web(self) -> Any:
        chain, clock = embedded()
        web = Web3(web3_provider(chain, automine=lambda: clock.advance(1)))
        secret = keccak256(b"test signer 1")
        web.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(secret), layer=0)
        yield web, chain, Web3.to_checksum_address(GOVERNANCE.address)
        chain.close()

    def contract(self, web: Web3, chain: EmbeddedChain) -> Any:
        address = Web3.to_checksum_address(chain.info().registry)
        return web.eth.contract(address=address, abi=load_artifacts()["registry"].abi)

    def test_transact_receipt_logs_and_state(self, web: Any) -> None:
        web, chain, governance = web
        registry = self.contract(web, chain)
        args = (b"1" * 21, 1, b"f" * 32, True)
        transaction = registry.functions.registerType(*args).transact({"from": governance})
        receipt = web.eth.wait_for_transaction_receipt(transaction)
        assert (receipt["status"], receipt["from"]) == (1, governance)
        (event,) = registry.events.TypeRegistered().process_receipt(receipt)
        assert event["args"]["typeId"] == 1
        (found,) = registry.events.TypeRegistered().get_logs(from_block=0)
        assert found["blockHash"] == receipt["blockHash"]
        assert registry.functions.typeOf(1).call()[1] == 1
        assert web.eth.chain_id == chain.info().chain_id
        assert web.eth.get_transaction_count(governance) == 1
        assert web.eth.get_block("latest")["transactions"] == [transaction]
        assert web.eth.get_transaction(transaction)["nonce"] == 0
        assert web.eth.gas_price == 0
        assert web.eth.get_balance(governance) == 0
        assert bytes(web.eth.get_code(registry.address)) == chain.code(chain.info().registry)
        slot = web.eth.get_storage_at(registry.address, 0)
        assert bytes(slot)[12:] == GOVERNANCE.address

    def test_custom_errors_come_as_from_a_real_node(self, web: Any) -> None:
        web, chain, _ = web
        registry = self.contract(web, chain)
        with pytest.raises(ContractCustomError) as caught:
            registry.functions.issuerOf(issuer_id(CHILD)).call()
        selector = Web3.keccak(text="RegistryUnknownIssuer(bytes18)")[:4]
        assert str(caught.value.data).startswith(Web3.to_hex(selector))
        with pytest.raises(ContractCustomError):
            registry.functions.registerType(b"1" * 21, 1, b"f" * 32, False).estimate_gas(
                {"from": Web3.to_checksum_address(signer(2).address)}
            )

    def test_an_estimate_is_enough_and_close(self, web: Any) -> None:
        web, chain, governance = web
        call = self.contract(web, chain).functions.registerType(b"2" * 21, 1, b"f" * 32, False)
        estimate = call.estimate_gas({"from": governance})
        transaction = call.transact({"from": governance, "gas": estimate})
        used = web.eth.wait_for_transaction_receipt(transaction)["gasUsed"]
        assert used <= estimate <= used * 1.02

    def test_an_unknown_method_is_told(self, web: Any) -> None:
        web, _, _ = web
        assert web.provider.make_request("debug_traceCall", [])["error"]["code"] == -32601


class _Item:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def encode(self) -> bytes:
        return self._raw


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=300))
def test_tries_are_those_of_py_evm(items: list[bytes]) -> None:
    expected, _ = make_trie_root_and_nodes(tuple(_Item(item) for item in items))  # type: ignore[arg-type]
    assert ordered_root(items) == expected


@pytest.mark.parametrize("size", [0, 1, 2, 15, 16, 17, 127, 128, 129, 255, 256, 257, 600])
def test_tries_of_many_sizes(size: int) -> None:
    items = [b"item %d" % number * (1 + number % 40) for number in range(size)]
    expected, _ = make_trie_root_and_nodes(tuple(_Item(item) for item in items))  # type: ignore[arg-type]
    assert ordered_root(items) == expected
