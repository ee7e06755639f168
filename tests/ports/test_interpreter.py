"""The quick loop and what is written as Python give what py-evm gives: for any program, gas included."""

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
from ledger.adapters.chain_embedded.interpreter import HOT, PLAIN, LedgerComputation
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
_WORKING = [bytes([code]) for code in PLAIN if not 0x5F <= code <= 0x7F] * 2
_JUMPS = [bytes([0x60, to, code]) for to in (4, 8, 16, 24) for code in (0x56, 0x57)]
_LOOP = bytes.fromhex("6000 5b 6001 01 80 6020 11 6002 57 600052 60206000f3")
_CALLED = bytes.fromhex("6005 6010 56 5b 6007 600f 6010 56 5b 600052 60206000f3 5b 90 6003 01 90 56")
_CALLS = bytes.fromhex("6009 6007 6012 56 00 5b 600b 50 60205260206020f3 5b 6003 02 90 56")


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
@example(code=_CALLED, data=b"", gas=100_000)
@example(code=_CALLS, data=b"", gas=100_000)
@example(code=bytes.fromhex("600035 5b 6001 90 03 80 6003 57 00"), data=bytes(31) + b"\x09", gas=100_000)
@example(code=bytes.fromhex("600035 600f 57 5f35 6020 52 6040 5f 20 00 5b 5f"), data=b"", gas=100_000)
@example(code=bytes.fromhex("600035 56 5b 6001"), data=bytes(31) + b"\x04", gas=100_000)
@example(code=bytes.fromhex("600035 56 5b 6001"), data=bytes(31) + b"\x05", gas=100_000)
@example(code=bytes.fromhex("61ffff 6001 02 52 00"), data=b"", gas=100_000)
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
    expected = run(PragueComputation, code, data, gas)
    for _ in range(HOT + 2):  # first by the loop, then written as Python
        assert run(LedgerComputation, code, data, gas) == expected


@given(
    code=st.lists(st.sampled_from([*_SMALL * 4, *_LARGE, *_JUMPS, b"\x5b", *_WORKING]), max_size=40).map(
        lambda pieces: b"\x5f" * 24 + b"".join(pieces)
    ),
    data=st.binary(max_size=40),
    less=st.integers(0, 3_000),
)
def test_written_code_stops_where_gas_ends(code: bytes, data: bytes, less: int) -> None:
    """Written with plenty of gas; then run with any less: the same end, to the last unit."""
    for _ in range(HOT + 1):
        run(LedgerComputation, code, data, 3_000)
    assert run(LedgerComputation, code, data, less) == run(PragueComputation, code, data, less)


@pytest.mark.parametrize(
    "code",
    [
        "5f 6103e0 52 610400 5f 20 50",  # a hash of more memory than there is gas for
        "5f 610fe0 52 5f 51 50",
        "6001 600035 57 5b 6001",  # jumps to where nobody may
        "6001 600035 6020 35 57 5b 6001",
        "600035 600035 600c 57 50 50 5b 6001",
    ],
)
def test_written_code_leaves_what_is_not_plain_at_any_gas(code: str) -> None:
    program = bytes.fromhex(code)
    for place in (0, 5, 6, 8, 9):
        data = bytes(31) + bytes([place]) + bytes(31) + b"\x01"
        for _ in range(HOT + 1):
            run(LedgerComputation, program, data, 3_000)
        for gas in range(0, 900, 7):
            assert run(LedgerComputation, program, data, gas) == run(PragueComputation, program, data, gas)


def test_gas_is_py_evms() -> None:
    table: Any = PRAGUE_OPCODES
    assert {code: table[code].gas_cost for code in PLAIN} == PLAIN
