"""py-evm's computation with a quicker loop for the plain cases of the commonest instructions.

Whatever is not plain (not enough gas or stack, a bad jump, memory that must grow, any other instruction) is
left to py-evm's own code, so that rules and errors stay its own: nothing is decided here that it would decide
otherwise. Three thousand instructions of one anchor take 2 ms instead of 20.

Code that is run again and again is run as Python functions made from it (traces.py), which take a third.

Invariants: all words on the stack are ints below 2^256 (py-evm takes ints and bytes alike); gas, program
counter and memory are written back before anything of py-evm runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from eth.abc import ComputationAPI, MessageAPI, StateAPI, TransactionContextAPI
from eth.exceptions import Halt, InsufficientStack
from eth.vm.computation import NO_RESULT
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.logic.invalid import InvalidOpcode
from lru import LRU

from ledger.adapters.abi import keccak256
from ledger.adapters.chain_embedded.traces import Code, Rules, Trace, write_trace

HOT: Final = 8
"""Runs from one place of a code, after which it is worth to be written as Python."""
_CODES: Final = 64
_MOST_TRACES: Final = 4_000  # of one code: a ledger's contracts have some hundred
_WORD: Final = (1 << 256) - 1
_SIGN: Final = 1 << 255
_FULL: Final = 1_023
_WORD_BYTES: Final = 32
_PUSH0, _PUSH32, _JUMPDEST = 0x5F, 0x7F, 0x5B
_BINARY: Final[dict[int, Callable[[int, int], int]]] = {
    0x02: lambda top, below: top * below & _WORD,
    0x03: lambda top, below: top - below & _WORD,
    0x04: lambda top, below: top // below if below else 0,
    0x10: lambda top, below: 1 if top < below else 0,
    0x11: lambda top, below: 1 if top > below else 0,
    0x12: lambda top, below: 1 if top ^ _SIGN < below ^ _SIGN else 0,
    0x14: lambda top, below: 1 if top == below else 0,
    0x17: lambda top, below: top | below,
    0x1B: lambda top, below: below << top & _WORD if top < 256 else 0,
    0x1C: lambda top, below: below >> top if top < 256 else 0,
}
"""MUL, SUB, DIV, LT, GT, SLT, EQ, OR, SHL, SHR."""
_READS: Final = frozenset({0x20, 0x35, 0x36, 0x51, 0x52})
_UNUSUAL: Final = {0x02: 5, 0x04: 5, 0x20: 30, 0x36: 2, 0x50: 2, 0x56: 8, 0x57: 10, _JUMPDEST: 1, _PUSH0: 2}
PLAIN: Final[dict[int, int]] = (
    dict.fromkeys((*_BINARY, 0x01, 0x15, 0x16, 0x19, 0x35, 0x51, 0x52, *range(_PUSH0, 0xA0)), 3) | _UNUSUAL
)
"""Instructions run here and their gas; a test compares it with py-evm's table."""


class _Known(NamedTuple):
    """A code, what was written from it so far, and how often it was run from each place."""

    code: Code
    traces: dict[int, Trace | None]
    runs: Counter[int]


_decoded: LRU[bytes, _Known] = LRU(_CODES)


def _decode(code: bytes) -> _Known:
    known = _decoded.get(code)
    if known is not None:
        return known
    pushes: dict[int, tuple[int, int]] = {}
    targets: set[int] = set()
    at, end = 0, len(code)
    while at < end:
        instruction = code[at]
        if _PUSH0 <= instruction <= _PUSH32:
            size = instruction - _PUSH0
            literal = code[at + 1 : at + 1 + size].ljust(size, b"\0")
            pushes[at + 1] = (int.from_bytes(literal), at + 1 + size)
            at += size
        elif instruction == _JUMPDEST:
            targets.add(at)
        at += 1
    found = _Known(Code(code + bytes(_WORD_BYTES + 1), pushes, frozenset(targets)), {}, Counter())
    _decoded[code] = found
    return found


def _growth(size: int, wanted: int) -> int:
    """Gas for more memory, in bytes; Yellow Paper, appendix H."""
    old, new = size >> 5, wanted + _WORD_BYTES - 1 >> 5
    return 3 * (new - old) + new * new // 512 - old * old // 512


def _grow(memory: bytearray, wanted: int) -> bool:
    """False: somebody still reads it; py-evm knows what to do then."""
    try:
        memory.extend(bytes((wanted + _WORD_BYTES - 1 >> 5 << 5) - len(memory)))
    except BufferError:
        return False
    return True


class LedgerComputation(PragueComputation):
    """Prague's."""

    @classmethod
    def apply_computation(
        cls,
        state: StateAPI,
        message: MessageAPI,
        transaction_context: TransactionContextAPI,
        parent_computation: ComputationAPI | None = None,
    ) -> ComputationAPI:
        """As py-evm's, step by step, but for the loop."""
        with cls(state, message, transaction_context) as computation:
            if computation.is_origin_computation:
                computation.contracts_created = []
                if message.is_create:
                    cls.consume_initcode_gas_cost(computation)
            if parent_computation is not None:
                computation.contracts_created = parent_computation.contracts_created
            if message.is_create:
                computation.contracts_created.append(message.storage_address)
            precompile = computation.precompiles.get(message.code_address, NO_RESULT)
            if precompile is not NO_RESULT:
                if not message.is_delegation:
                    precompile(computation)
                return computation
            _run(computation)
        return computation


def _run(computation: Any) -> None:
    """Until the code halts. Raises: what py-evm raises."""
    stream, meter = computation.code, computation._gas_meter  # noqa: SLF001  its own parts
    known, data = _decode(stream._raw_code_bytes), computation.msg.data_as_bytes  # noqa: SLF001
    values, lookup = computation._stack.values, computation.opcodes  # noqa: SLF001
    runs = known.runs
    while True:
        runs[stream.program_counter] += 1
        run = _run_written if runs[stream.program_counter] > HOT else _run_plain
        try:
            stream.program_counter, meter.gas_remaining, instruction = run(
                known,
                values,
                computation._memory._bytes,  # noqa: SLF001  another object after it grew
                data,
                stream.program_counter,
                meter.gas_remaining,
            )
        except IndexError as error:
            raise InsufficientStack("not enough words on the stack") from error
        try:
            operation = lookup[instruction]
        except KeyError:
            operation = InvalidOpcode(instruction)
        try:
            operation(computation=computation)
        except Halt:
            return
        if values and type(values[-1]) is bytes:
            values[-1] = int.from_bytes(values[-1])


def _run_written(
    known: _Known, values: list[int], memory: bytearray, data: bytes, at: int, gas: int
) -> tuple[int, int, int]:
    """As _run_plain, one trace after the other where there are any."""
    code, traces = known.code, known.traces
    while True:
        try:
            trace = traces[at]
        except KeyError:
            if at >= len(code.code) or len(traces) >= _MOST_TRACES:
                return _run_plain(known, values, memory, data, at, gas)
            trace = traces[at] = write_trace(code, _RULES, at)
        if trace is None:
            return at + 1, gas, code.code[at]
        run, least, deep, grows = trace
        size = len(values)
        if gas < least or size < deep or size + grows > _FULL + 1:
            return _run_plain(known, values, memory, data, at, gas)
        at, gas = run(values, memory, data, gas)
        if at < 0:
            return ~at + 1, gas, code.code[~at]


def _run_plain(  # noqa: C901, PLR0912, PLR0915  one loop: a call for each instruction is what it saves
    known: _Known,
    values: list[int],
    memory: bytearray,
    data: bytes,
    at: int,
    gas: int,
) -> tuple[int, int, int]:
    """Runs plain instructions; (program counter behind, gas before, code) of the first one that is not."""
    code, pushes, targets = known.code
    append, pop = values.append, values.pop
    while True:
        instruction = code[at] if at < len(code) else 0
        at += 1
        if _PUSH0 <= instruction <= 0x8F:
            if gas < 3 or len(values) > _FULL:
                return at, gas, instruction
            if instruction <= _PUSH32:
                gas -= 3 if instruction != _PUSH0 else 2
                value, at = pushes[at]
                append(value)
            else:
                append(values[_PUSH32 - instruction])
                gas -= 3
        elif instruction >= 0x90:
            if gas < 3 or instruction > 0x9F:
                return at, gas, instruction
            place = 0x8E - instruction
            values[-1], values[place] = values[place], values[-1]
            gas -= 3
        elif gas < 10:
            return at, gas, instruction
        elif instruction == _JUMPDEST:
            gas -= 1
        elif instruction == 0x57:
            target, condition = values[-1], values[-2]
            if condition:
                if target not in targets:
                    return at, gas, instruction
                at = target
            del values[-2:]
            gas -= 10
        elif instruction == 0x56:
            if values[-1] not in targets:
                return at, gas, instruction
            at = pop()
            gas -= 8
        elif instruction == 0x50:
            pop()
            gas -= 2
        elif instruction == 0x01:
            value = pop()
            values[-1] = (values[-1] + value) & _WORD
            gas -= 3
        elif instruction == 0x16:
            value = pop()
            values[-1] &= value
            gas -= 3
        elif instruction in _READS:
            fee = _run_on_bytes(instruction, values, memory, data, gas)
            if not fee:
                return at, gas, instruction
            gas -= fee
        elif instruction == 0x15:
            values[-1] = 0 if values[-1] else 1
            gas -= 3
        elif instruction == 0x19:
            values[-1] ^= _WORD
            gas -= 3
        elif instruction in _BINARY:
            value = pop()
            values[-1] = _BINARY[instruction](value, values[-1])
            gas -= PLAIN[instruction]
        else:
            return at, gas, instruction


def _run_on_bytes(instruction: int, values: list[int], memory: bytearray, data: bytes, gas: int) -> int:
    """MSTORE, MLOAD, CALLDATALOAD, CALLDATASIZE, KECCAK256; their gas, 0 when the case is not plain."""
    if instruction == 0x36:
        if len(values) > _FULL:
            return 0
        values.append(len(data))
        return 2
    place, fee = values[-1], 3
    if instruction == 0x35:
        values[-1] = int.from_bytes(data[place : place + _WORD_BYTES].ljust(_WORD_BYTES, b"\0"))
        return fee
    below = values[-2] if instruction != 0x51 else 0
    size = below if instruction == 0x20 else _WORD_BYTES
    if place + size > len(memory):
        fee += _growth(len(memory), place + size)
        if instruction != 0x52 or fee > gas or not _grow(memory, place + size):
            return 0
    if instruction == 0x51:
        values[-1] = int.from_bytes(memory[place : place + _WORD_BYTES])
        return fee
    if instruction == 0x52:
        memory[place : place + _WORD_BYTES] = below.to_bytes(_WORD_BYTES)
        del values[-2:]
        return fee
    fee = 30 + 6 * (size + _WORD_BYTES - 1 >> 5)
    if not size or fee > gas:
        return 0
    values.pop()
    values[-1] = int.from_bytes(keccak256(bytes(memory[place : place + size])))
    return fee


_RULES: Final = Rules(
    PLAIN,
    {**_BINARY, 0x01: lambda top, below: top + below & _WORD, 0x16: lambda top, below: top & below},
    _growth,
    _grow,
)
