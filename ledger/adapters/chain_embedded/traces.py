"""Runs of plain instructions as Python functions, made from contract code that is run often.

A loop that looks at one instruction after the other spends most of its time on looking. Here a way
through the code is written down once as straight Python: what is pushed, copied and swapped is settled
while writing, gas is summed up, calls of internal functions and their returns vanish. A way ends where an
instruction is not plain, where it would come to itself, or when it gets long.

Whatever could end otherwise than plainly (a jump, memory, gas for it) is asked before it is done; the
state of that moment is then put back exactly, and the instruction is left to somebody slower. Only
numbers and the templates of this module get into what is compiled.
Source: Yellow Paper, appendix H.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ledger.adapters.abi import keccak256

LONGEST: Final = 256
"""Instructions of one way."""
_WORD: Final = hex((1 << 256) - 1)
_SIGN: Final = hex(1 << 255)
_WORD_BYTES: Final = 32
_BITS: Final = 256
_PUSH0, _PUSH32, _DUP1, _DUP16, _SWAP1, _SWAP16 = 0x5F, 0x7F, 0x80, 0x8F, 0x90, 0x9F
_DIV, _ISZERO, _NOT, _SHL, _SHR, _KECCAK256 = 0x04, 0x15, 0x19, 0x1B, 0x1C, 0x20
_CALLDATALOAD, _CALLDATASIZE, _POP, _MLOAD, _MSTORE = 0x35, 0x36, 0x50, 0x51, 0x52
_JUMP, _JUMPI, _JUMPDEST = 0x56, 0x57, 0x5B
_OF_ONE: Final[Mapping[int, str]] = {
    _ISZERO: "0 if {0} else 1",
    _NOT: f"{{0}} ^ {_WORD}",
    _CALLDATALOAD: f'number(data[{{0}} : {{0}} + {_WORD_BYTES}].ljust({_WORD_BYTES}, b"\\0"))',
}
_OF_TWO: Final[Mapping[int, str]] = {
    0x01: f"{{0}} + {{1}} & {_WORD}",
    0x02: f"{{0}} * {{1}} & {_WORD}",
    0x03: f"{{0}} - {{1}} & {_WORD}",
    _DIV: "{0} // {1} if {1} else 0",
    0x10: "1 if {0} < {1} else 0",
    0x11: "1 if {0} > {1} else 0",
    0x12: f"1 if {{0}} ^ {_SIGN} < {{1}} ^ {_SIGN} else 0",
    0x14: "1 if {0} == {1} else 0",
    0x16: "{0} & {1}",
    0x17: "{0} | {1}",
    _SHL: f"{{1}} << {{0}} & {_WORD} if {{0}} < {_BITS} else 0",
    _SHR: f"{{1}} >> {{0}} if {{0}} < {_BITS} else 0",
}
_BY_A_NUMBER: Final[Mapping[int, str]] = {_SHL: f"{{1}} << {{0}} & {_WORD}", _SHR: "{1} >> {0}"}
_LEFT: Final = re.compile(r"ALL - (\d+)")
_BELOW: Final = re.compile(r"\be(\d+)\b")
_HEAD: Final = "def way(values, memory, data, gas, targets=targets, number=number, growth=growth, grow=grow, keccak256=keccak256):"

_Word = str | int
Way = Callable[[list[int], bytearray, bytes, int], tuple[int, int]]


class Trace(NamedTuple):
    """A way through the code.

    `run(stack, memory, call data, gas)` gives where to go on and the gas that is left; ~place where the
    instruction at that place is left to others. It wants at least `gas` gas, `deep` words on the stack
    and room for `grows` more.
    """

    run: Way
    gas: int
    deep: int
    grows: int


class Code(NamedTuple):
    """What traces are made from.

    `code` has STOPs behind it. `pushes`: what the PUSH before each place pushes, and where it goes on.
    `targets`: places that may be jumped to.
    """

    code: bytes
    pushes: Mapping[int, tuple[int, int]]
    targets: frozenset[int]


class Rules(NamedTuple):
    """What the slower loop does too.

    `plain`: gas of each plain instruction. `arithmetic`: what those of two words compute. `growth`: gas
    for more memory by its size and the size wanted. `grow`: makes it larger, False when it cannot now.
    """

    plain: Mapping[int, int]
    arithmetic: Mapping[int, Callable[[int, int], int]]
    growth: Callable[[int, int], int]
    grow: Callable[[bytearray, int], bool]


def write_trace(code: Code, rules: Rules, start: int) -> Trace | None:
    """The way from a place on; None when its first instruction is not plain."""
    if code.code[start] not in rules.plain:
        return None
    writer = _Writer(code, rules)
    at: int | None = start
    seen = set[int]()
    while at is not None and at not in seen and len(seen) < LONGEST and code.code[at] in rules.plain:
        seen.add(at)
        at = writer.one(at)
    if at is not None:
        writer.leave(at)
    return writer.trace()


class _Writer:
    """One way while it is written.

    `stack` has names and numbers, the top last; its lowest `taken` places were on the stack before, where
    `e1` was the top.
    """

    def __init__(self, code: Code, rules: Rules) -> None:
        self._code = code
        self._rules = rules
        self._lines: list[str] = []
        self._stack: list[_Word] = []
        self._taken = self._grows = self._gas = self._names = 0

    def trace(self) -> Trace:
        """What was written, compiled."""
        body = [_LEFT.sub(lambda found: str(self._gas - int(found[1])), line) for line in self._lines]
        below = sorted({int(found[1]) for line in body for found in _BELOW.finditer(line)})
        loads = [f"e{place} = values[-{place}]" for place in below]
        source = "\n ".join([_HEAD, *loads, f"gas -= {self._gas}", *body])
        names: dict[str, Any] = {
            "targets": self._code.targets,
            "number": int.from_bytes,
            "growth": self._rules.growth,
            "grow": self._rules.grow,
            "keccak256": keccak256,
        }
        exec(compile(source, "<contract code>", "exec"), names)  # noqa: S102  numbers in templates of ours
        return Trace(names["way"], self._gas, self._taken, self._grows)

    def one(self, at: int) -> int | None:
        """Write one instruction; where to go on, None when the way ended with it."""
        instruction = self._code.code[at]
        if instruction in (_JUMP, _JUMPI):
            return self._jump(at) if instruction == _JUMP else self._jump_if(at)
        going = at + 1
        if _PUSH0 <= instruction <= _PUSH32:
            value, going = self._code.pushes[going]
            self._push(value)
        elif _DUP1 <= instruction <= _DUP16:
            self._need(instruction - _DUP1 + 1)
            self._push(self._stack[_DUP1 - 1 - instruction])
        elif _SWAP1 <= instruction <= _SWAP16:
            place = _SWAP1 - 2 - instruction
            self._need(-place)
            self._stack[-1], self._stack[place] = self._stack[place], self._stack[-1]
        elif instruction != _JUMPDEST:
            self._work(instruction, at)
        self._spend(instruction)
        return going

    def _work(self, instruction: int, at: int) -> None:
        if instruction in _OF_TWO:
            self._compute(instruction)
        elif instruction in _OF_ONE:
            self._let(_OF_ONE[instruction].format(self._pop()))
        elif instruction == _POP:
            self._pop()
        elif instruction == _CALLDATASIZE:
            self._let("len(data)")
        else:
            {_MLOAD: self._load, _MSTORE: self._store, _KECCAK256: self._hash}[instruction](at)

    def leave(self, to: _Word, condition: str | None = None) -> None:
        """Put the stack back and go on elsewhere, with the gas of what is not run after all."""
        if condition is not None:
            self._lines.append(f"if {condition}:")
        self._lines += [line if condition is None else f" {line}" for line in self._going(to)]

    def _going(self, to: _Word) -> list[str]:
        words, taken = list(self._stack), self._taken
        while words and words[0] == f"e{taken}":
            del words[0]
            taken -= 1
        listed = "".join(f"{word}, " for word in words)
        going = [f"return {to}, gas + ALL - {self._gas}"]
        if taken and words:
            return [f"values[-{taken}:] = ({listed})", *going]
        if taken:
            return [f"del values[-{taken}:]", *going]
        return [f"values += ({listed})", *going] if words else going

    def _spend(self, instruction: int) -> None:
        self._gas += self._rules.plain[instruction]

    def _need(self, count: int) -> None:
        while len(self._stack) < count:
            self._taken += 1
            self._stack.insert(0, f"e{self._taken}")

    def _pop(self) -> _Word:
        self._need(1)
        return self._stack.pop()

    def _push(self, word: _Word) -> None:
        self._stack.append(word)
        self._grows = max(self._grows, len(self._stack) - self._taken)

    def _top(self, count: int) -> list[_Word]:
        """The words that an instruction will take, the top first; they stay."""
        self._need(count)
        return self._stack[: -count - 1 : -1]

    def _let(self, expression: str) -> None:
        self._names += 1
        self._lines.append(f"t{self._names} = {expression}")
        self._push(f"t{self._names}")

    def _compute(self, instruction: int) -> None:
        one, other = self._pop(), self._pop()
        if isinstance(one, int) and isinstance(other, int):
            self._push(self._rules.arithmetic[instruction](one, other))
        elif isinstance(one, int) and one < _BITS and instruction in _BY_A_NUMBER:
            self._let(_BY_A_NUMBER[instruction].format(one, other))
        else:
            self._let(_OF_TWO[instruction].format(one, other))

    def _jump(self, at: int) -> int | None:
        (to,) = self._top(1)
        if isinstance(to, int) and to in self._code.targets:
            self._pop()
            self._spend(_JUMP)
            return to
        if isinstance(to, int):
            self.leave(~at)
            return None
        self.leave(~at, f"{to} not in targets")
        self._pop()
        self._spend(_JUMP)
        self.leave(to)
        return None

    def _jump_if(self, at: int) -> int | None:
        to, condition = self._top(2)
        if isinstance(condition, int) and not condition:
            pass
        elif isinstance(to, int) and to not in self._code.targets:
            self.leave(~at, str(condition))
        elif isinstance(to, str):
            self.leave(~at, f"{condition} and {to} not in targets")
        self._pop()
        self._pop()
        self._spend(_JUMPI)
        self.leave(to, str(condition))
        return at + 1

    def _load(self, at: int) -> None:
        (place,) = self._top(1)
        self.leave(~at, f"{place} + {_WORD_BYTES} > len(memory)")
        self._pop()
        self._let(f"number(memory[{place} : {place} + {_WORD_BYTES}])")

    def _store(self, at: int) -> None:
        place, word = self._top(2)
        end = f"{place} + {_WORD_BYTES}"
        self._lines += [
            f"if {end} > len(memory):",
            f" fee = growth(len(memory), {end})",
            f" if fee > gas or not grow(memory, {end}):",
            *[f"  {line}" for line in self._going(~at)],
            " gas -= fee",
        ]
        self._pop()
        self._pop()
        data = (
            repr(word.to_bytes(_WORD_BYTES)) if isinstance(word, int) else f"{word}.to_bytes({_WORD_BYTES})"
        )
        self._lines.append(f"memory[{place} : {end}] = {data}")

    def _hash(self, at: int) -> None:
        place, size = self._top(2)
        self._lines.append(f"fee = 6 * ({size} + {_WORD_BYTES - 1} >> 5)")
        self.leave(~at, f"not {size} or {place} + {size} > len(memory) or fee > gas")
        self._pop()
        self._pop()
        self._lines.append("gas -= fee")
        self._let(f"number(keccak256(bytes(memory[{place} : {place} + {size}])))")
