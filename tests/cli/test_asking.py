"""Questions at a terminal: what is typed decides, and where nobody sits nothing is agreed to."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest

from ledger.apps.cli_ask import is_agreed
from ledger.apps.cli_frame import Text
from ledger.apps.cli_govern import require_agreed, require_final
from ledger.core.errors import RefusedError

QUESTION, WHAT = Text("接受吗", "Accept"), Text("全部失效,", "All of it breaks.")


@contextmanager
def somebody_types(monkeypatch: pytest.MonkeyPatch, line: str) -> Iterator[None]:
    """A terminal at which this line is typed."""
    typist, terminal = pty.openpty()
    with os.fdopen(os.dup(terminal), "r") as reading, os.fdopen(terminal, "w") as writing:
        # reason: the process under test has no terminal; this one is real
        monkeypatch.setattr(sys, "stdin", reading)
        # reason: as above
        monkeypatch.setattr(sys, "stderr", writing)
        os.write(typist, line.encode() + b"\n")
        yield
    os.close(typist)


@pytest.mark.parametrize(("line", "agreed"), [("12", True), (" 12 ", True), ("yes", False), ("1", False)])
def test_the_word_must_be_typed(monkeypatch: pytest.MonkeyPatch, line: str, *, agreed: bool) -> None:
    with somebody_types(monkeypatch, line):
        assert is_agreed(QUESTION, "12") is agreed


def test_nobody_at_a_terminal_agrees_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # reason: tests may be started at a terminal
    monkeypatch.setattr(sys, "stdin", StringIO("12\n"))
    assert not is_agreed(QUESTION, "12")
    with pytest.raises(RefusedError) as refused:
        require_agreed(QUESTION, "12", yes=False)
    assert refused.value.code == "NOT_CONFIRMED"
    require_agreed(QUESTION, "12", yes=True)


def test_an_act_that_is_only_proposed_is_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    # reason: as above
    monkeypatch.setattr(sys, "stdin", StringIO())
    require_final(WHAT, "7", ("file:one",), yes=False)
    with pytest.raises(RefusedError):
        require_final(WHAT, "7", ("file:one", "file:two"), yes=False)
