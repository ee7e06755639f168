"""Several nodes asked as one: failover, quorum, and patience of our own.

An answer counts when `quorum` nodes give the same one and no other answer has as many. All are asked
at once, so that one that hangs costs nothing where the others are enough; one that fails rests for a
while (1 s, doubling up to 30 s). Who rests, or owes several answers already, is asked only when the
others do not suffice. Nothing is made up: too few answers are CHAIN_UNAVAILABLE, answers that contradict
each other CHAIN_DISAGREES.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, cast

from ledger.adapters.chain_rpc.node import Node, NodeSilentError
from ledger.core.errors import InputError, UnavailableError
from ledger.ports import Clock

Answer = TypeVar("Answer", bound=Hashable)
_log = logging.getLogger("ledger.chain")
_FIRST_REST_S = 1.0
_LONGEST_REST_S = 30.0
_MOST_NODES = 16
_GRACE_S = 1.0
_AT_ONCE = 4
"""Answers that a node may owe before it counts as one that rests. So many threads it can hold up, no more."""


class SleepingClock(Clock, Protocol):
    """A clock that one can also wait with."""

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How often the nodes are asked, and how long to wait in between, in seconds, doubling."""

    rounds: int = 3
    first_pause_s: float = 0.1


@dataclass
class _State:
    """What is remembered of a node."""

    node: Node
    is_known: bool = False
    failures: int = 0
    rests_until: float = 0.0
    reason: str = ""
    owed: int = 0


@dataclass
class _Tally:
    """Answers to one question so far."""

    groups: dict[Hashable, int] = field(default_factory=dict)
    failed: int = 0

    def winner(self, quorum: int, outstanding: int) -> tuple[Hashable] | None:
        """The answer that no further one can overtake, in a tuple; None while there is none."""
        ranked = sorted(self.groups.items(), key=lambda item: -item[1])
        if not ranked or ranked[0][1] < quorum:
            return None
        runner_up = ranked[1][1] if len(ranked) > 1 else 0
        return (ranked[0][0],) if ranked[0][1] > runner_up + outstanding else None


class Nodes:
    """See the module.

    Args:
        nodes: at least one.
        clock: for resting and waiting.
        quorum: equal answers that make one; None: more than half of the nodes. Fewer than that gives
            up protection against lying nodes for being answered at all.
        patience: see Patience.
        chain_id: a node of another chain counts as silent; None: whoever answers is believed to be of ours.
    Raises: InputError(CHAIN_QUORUM).
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        clock: SleepingClock,
        quorum: int | None = None,
        patience: Patience | None = None,
        chain_id: int | None = None,
    ) -> None:
        wanted = len(nodes) // 2 + 1 if quorum is None else quorum
        if not 1 <= wanted <= len(nodes) <= _MOST_NODES:
            raise InputError("CHAIN_QUORUM", "The quorum must lie between 1 and the number of nodes (16).")
        self.quorum = wanted
        self._states = [_State(node) for node in nodes]
        self._clock = clock
        self._chain_id = chain_id
        self._patience = patience or Patience()
        self._guard = threading.Lock()
        self._pool = ThreadPoolExecutor(len(nodes) * _AT_ONCE, "node") if len(nodes) > 1 else None

    def close(self) -> None:
        """Threads that still wait for a node end when it answers or its time is over."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def all(self) -> tuple[Node, ...]:
        return tuple(state.node for state in self._states)

    def troubles(self) -> dict[str, str]:
        """Nodes that did not answer last time, with what they did instead."""
        return {state.node.name: state.reason for state in self._states if state.reason}

    def agree(self, question: Callable[[Node], Answer]) -> Answer:
        """The answer that a quorum gives.

        Raises: UnavailableError(CHAIN_UNAVAILABLE, CHAIN_DISAGREES).
        """
        pause = self._patience.first_pause_s
        tally = _Tally()
        for round_number in range(self._patience.rounds):
            if round_number:
                self._clock.sleep(pause)
                pause *= 2
            tally = _Tally()
            for states in self._turns():
                found = self._ask(states, question, tally)
                if found is not None:
                    return cast("Answer", found[0])
        if len(tally.groups) > 1:
            raise UnavailableError(
                "CHAIN_DISAGREES",
                "The nodes contradict each other; nothing is believed until they agree: run `ecert doctor`.",
                answers=sum(tally.groups.values()),
                different=len(tally.groups),
            )
        raise self._unavailable()

    def each(self, question: Callable[[Node], Answer]) -> list[tuple[Node, Answer]]:
        """What every node says that answers; who should rest is asked only when all should."""
        states = next(self._turns())
        asked = [(state, self._submit(state, question)) for state in states]
        answers = []
        for state, result in asked:
            with suppress(NodeSilentError):
                answers.append((state.node, result()))
        return answers

    def _submit(self, state: _State, question: Callable[[Node], Answer]) -> Callable[[], Answer]:
        if self._pool is None:
            return lambda: self._heard(state, question)
        return self._later(self._pool, state, question).result

    def _later(
        self, pool: ThreadPoolExecutor, state: _State, question: Callable[[Node], Answer]
    ) -> Future[Answer]:
        with self._guard:
            state.owed += 1
        future = pool.submit(self._heard, state, question)
        future.add_done_callback(lambda _: self._came(state))
        return future

    def _came(self, state: _State) -> None:
        with self._guard:
            state.owed -= 1

    def gather(self, question: Callable[[Node], Answer]) -> list[Answer]:
        """What at least a quorum of nodes say, and whoever else answers within a second after them.

        For questions whose answers differ rightly, as "how high are you".
        Raises: UnavailableError(CHAIN_UNAVAILABLE).
        """
        pause = self._patience.first_pause_s
        for round_number in range(self._patience.rounds):
            if round_number:
                self._clock.sleep(pause)
                pause *= 2
            answers: list[Answer] = []
            for states in self._turns():
                if len(answers) < self.quorum:
                    answers += self._heard_of(states, question)
            if len(answers) >= self.quorum:
                return answers
        raise self._unavailable()

    def _heard_of(self, states: list[_State], question: Callable[[Node], Answer]) -> list[Answer]:
        answers: list[Answer] = []
        if self._pool is None or len(states) == 1:
            for state in states:
                with suppress(NodeSilentError):
                    answers.append(self._heard(state, question))
            return answers
        waiting: set[Future[Answer]] = {self._later(self._pool, state, question) for state in states}
        while waiting:
            enough = len(answers) >= self.quorum
            done, waiting = wait(waiting, _GRACE_S if enough else None, FIRST_COMPLETED)
            for future in done:
                with suppress(NodeSilentError):
                    answers.append(future.result())
            if enough and not done:
                break
        return answers

    def _unavailable(self) -> UnavailableError:
        return UnavailableError(
            "CHAIN_UNAVAILABLE",
            "Too few nodes of the chain answer; try again.",
            needed=self.quorum,
            troubles=self.troubles(),
        )

    def _turns(self) -> Iterator[list[_State]]:
        """First who is well; then, where that does not suffice, who should rest or has not answered for long."""
        now = self._clock.monotonic()
        well = [state for state in self._states if state.rests_until <= now and state.owed < _AT_ONCE]
        resting = [state for state in self._states if state not in well]
        if well:
            yield well
        if resting:
            yield resting

    def _ask(
        self, states: list[_State], question: Callable[[Node], Answer], tally: _Tally
    ) -> tuple[Hashable] | None:
        if self._pool is None or len(states) == 1:
            for state in states:
                self._count(lambda state=state: self._heard(state, question), tally)  # type: ignore[misc]
            return tally.winner(self.quorum, 0)
        waiting: set[Future[Answer]] = {self._later(self._pool, state, question) for state in states}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                self._count(future.result, tally)
            found = tally.winner(self.quorum, len(waiting))
            if found is not None:
                return found
        return None

    def _count(self, result: Callable[[], Hashable], tally: _Tally) -> None:
        try:
            answer = result()
        except NodeSilentError:
            tally.failed += 1
        else:
            tally.groups[answer] = tally.groups.get(answer, 0) + 1

    def _heard(self, state: _State, question: Callable[[Node], Answer]) -> Answer:
        """One node's answer; remembers how it behaved."""
        try:
            if not state.is_known and self._chain_id is not None:
                _require_chain(state.node, self._chain_id)
            state.is_known = True
            answer = question(state.node)
        except NodeSilentError as error:
            if error.is_down:
                state.is_known = False  # it may come back as another one
                state.failures += 1
                rest = min(_LONGEST_REST_S, _FIRST_REST_S * 2 ** min(state.failures - 1, 8))
                state.rests_until = self._clock.monotonic() + rest
                if not state.reason:
                    _log.warning(
                        "a node does not answer", extra={"node": state.node.name, "why": error.reason}
                    )
            state.reason = error.reason
            raise
        if state.reason:
            _log.info("a node answers again", extra={"node": state.node.name})
        state.failures, state.rests_until, state.reason = 0, 0.0, ""
        return answer


def _require_chain(node: Node, chain_id: int) -> None:
    given = node.chain_id()
    if given != chain_id:
        raise NodeSilentError(f"a node of chain {given}, not {chain_id}")
