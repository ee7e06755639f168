"""The embedded chain, durable (synchronous=FULL), against stock eth-tester in memory.

Both run the same registry contract and take the same kind of raw transaction (`registerType`,
governance), signed beforehand. The stock side seals one block a transaction, as it does by itself.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from ledger.adapters.abi import ContractCodec, load_artifacts
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.deploy import Founding, deploy_contracts
from ledger.adapters.signer_memory import MemoryChainSigner
from ledger.adapters.system import ManualClock, SystemEntropy
from ledger.adapters.transaction import contract_address
from ledger.ports import ContractCall
from scripts.benchmarks.measure import Figure, cpu_seconds, interleave, rate_figure

TRANSACTIONS = 200
PER_BLOCK = 100
ROOT = "12990000XXXX00010P"


def _call(number: int) -> ContractCall:
    code = f"{number:021d}".encode()
    return ContractCall("registry", "registerType", (code, 1, number.to_bytes(32, "big"), False))


class Ours:
    """One embedded chain in a temporary file, with transactions waiting to be sent."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(int(time.time()))
        self.signer = MemoryChainSigner.generate()
        self.chain = EmbeddedChain.create(folder / "chain.db", self.clock, SystemEntropy())
        founding = Founding(self.signer.address, ROOT, b"\1" * 32, b"\2" * 32, bytes(32))
        deploy_contracts(self.chain, self.signer, founding, lambda: self.clock.advance(1))
        self.number = 0
        self.nonce = self.chain.next_nonce(self.signer.address)

    def prepare(self, count: int) -> list[bytes]:
        raws = []
        for _ in range(count):
            self.number += 1
            raws.append(self.chain.prepare(_call(self.number), self.signer, self.nonce).raw)
            self.nonce += 1
        return raws

    def run(self, raws: list[bytes], per_block: int) -> None:
        for start in range(0, len(raws), per_block):
            for raw in raws[start : start + per_block]:
                self.chain.send(raw)
            self.clock.advance(1)
            if self.chain.seal() is None:
                raise RuntimeError("no block was sealed")


class Stock:
    """eth-tester as installed: py-evm in memory, a block for each transaction."""

    def __init__(self) -> None:
        from eth_tester import EthereumTester, PyEVMBackend

        self.tester: Any = EthereumTester(PyEVMBackend())
        self.secret = os.urandom(32)
        self.signer = MemoryChainSigner.from_secret(self.secret)
        self.chain_id = 131277322940537  # what eth-tester signs for
        account = self.tester.get_accounts()[0]
        self.tester.send_transaction(
            {
                "from": account,
                "to": "0x" + self.signer.address.hex(),
                "value": 10**18,
                "gas": 21_000,
                "gas_price": 10**9,
            }
        )
        artifacts = load_artifacts()
        codec = ContractCodec(artifacts)
        arguments = codec["registry"].encode_constructor(
            (bytes(32), self.signer.address, ROOT.encode(), b"\x01" * 32, b"\x02" * 32, bytes(32))
        )
        self.codec, self.nonce, self.number = codec, 0, 0
        self._send(self._sign(None, artifacts["registry"].bytecode + arguments, 8_000_000))
        self.registry = contract_address(self.signer.address, 0)

    def _sign(self, to: bytes | None, data: bytes, gas: int) -> bytes:
        from eth_account import Account

        signed = Account.sign_transaction(
            {
                "chainId": self.chain_id,
                "nonce": self.nonce,
                "gas": gas,
                "gasPrice": 10**9,
                "value": 0,
                "data": data,
                **({} if to is None else {"to": to}),
            },
            self.secret,
        )
        self.nonce += 1
        return bytes(signed.raw_transaction)

    def _send(self, raw: bytes) -> None:
        self.tester.send_raw_transaction("0x" + raw.hex())

    def prepare(self, count: int) -> list[bytes]:
        raws = []
        for _ in range(count):
            self.number += 1
            raws.append(self._sign(self.registry, self.codec.encode(_call(self.number)), 200_000))
        return raws

    def run(self, raws: list[bytes]) -> None:
        for raw in raws:
            self._send(raw)


def _figure(work: str, per_block: int, goal: float, rounds: int) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        ours, stock = Ours(Path(folder)), Stock()
        mine = [ours.prepare(TRANSACTIONS) for _ in range(rounds)]
        other = [stock.prepare(TRANSACTIONS) for _ in range(rounds)]
        pair = interleave(
            lambda: ours.run(mine.pop(0), per_block),
            lambda: stock.run(other.pop(0)),
            rounds,
            cpu_seconds,
        )
        ours.chain.close()
    return rate_figure(
        work, "stock eth-tester in memory, a block each", pair, (TRANSACTIONS, TRANSACTIONS), goal
    )


def run(rounds: int) -> list[Figure]:
    return [
        _figure("embedded chain, one transaction a block", 1, 0.6, rounds),
        _figure(f"embedded chain, {PER_BLOCK} transactions a block", PER_BLOCK, 2.0, rounds),
    ]
