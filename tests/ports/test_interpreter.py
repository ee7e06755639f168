"""The quick loop gives what py-evm gives: for any program, and its table of gas is py-evm's."""

from __future__ import annotations

from typing import Any

import pytest
from eth.vm.computation import BaseComputation
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth.vm.message import Message
from eth_typing import Address
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.interpreter import PLAIN, LedgerComputation
from ledger.adapters.chain_embedded.store import MEMORY
from ledger.adapters.system import ManualClock, SeededEntropy

_CHAIN = EmbeddedChain.create(MEMORY, ManualClock(1_795_000_000), SeededEntropy(1))
_HERE = Address(b"\x11" * 20)
_SMALL = [bytes([0x60, value]) for value in (0, 1, 2, 3, 4, 8, 31, 32, 64, 255)]
_LARGE = [b"\x7f" + (1 << 255).to_bytes(32), b"\x7f" + b"\xff" * 32, b"\x61\x04\x00", b"\x5f"]
_PIECES = [
    *_SMALL * 3,
    *_LARGE,
    *(bytes([code]) for code in PLAIN),
    *(bytes([code]) for code in PRAGUE_OPCODES),
]
_LOOP = bytes.fromhex("6000 5b 6001 01 80 6020 11 6002 57 600052 60206000f3".replace(" ", ""))


def run(computation: type[BaseComputation], code: bytes, data: bytes, gas: int) -> tuple[Any, ...]:
    """What a program leaves: error or not, gas, output, stack, memory, logs, storage."""
    with _CHAIN.engine.state_at(_CHAIN.head_header) as state:
        message = Message(gas=gas, to=_HERE, sender=_HERE, value=0, data=data, code=code)
        context = state.get_transaction_context_class()(gas_price=0, origin=_HERE)
        done: Any = computation.apply_message(state, message, context)
        told = (done.is_error, done.get_gas_remaining(), done.output, done.get_log_entries())
        if done.is_error:
            return told
        words = [int.from_bytes(item) if isinstance(item, bytes) else item for item in done._stack.values]
        stored = [state.get_storage(_HERE, slot) for slot in (0, 1, 2, 32)]
        return (*told, words, bytes(done._memory._bytes), stored, done.get_gas_refund())


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT")  # py-evm's, whenever a program holds that byte
@given(
    code=st.lists(st.sampled_from(_PIECES), max_size=60).map(b"".join),
    data=st.binary(max_size=80),
    gas=st.sampled_from([30, 100, 3_000, 100_000]),
)
@example(code=_LOOP, data=b"", gas=100_000)
@example(code=_LOOP, data=b"", gas=900)
@example(code=b"\x5f" * 1_030, data=b"", gas=100_000)
@example(code=b"\x5f" + b"\x80" * 1_030, data=b"", gas=100_000)
@example(code=b"\x60\x01\x56\x5b", data=b"", gas=100_000)
@example(code=b"\x60\x04\x56\x60\x5b", data=b"", gas=100_000)
@example(code=b"\x7f" + b"\xff" * 32 + b"\x5f\x52", data=b"", gas=100_000)
@example(code=b"\x5f\x7f" + b"\xff" * 32 + b"\x52", data=b"", gas=100_000)
@example(code=b"\x60\x01\x60\x00\x20", data=b"", gas=35)
@example(code=b"\x7f\x01", data=b"", gas=100)
def test_any_program_ends_as_py_evm_ends_it(code: bytes, data: bytes, gas: int) -> None:
    assert run(LedgerComputation, code, data, gas) == run(PragueComputation, code, data, gas)


def test_gas_is_py_evms() -> None:
    table: Any = PRAGUE_OPCODES
    assert {code: table[code].gas_cost for code in PLAIN} == PLAIN
