"""What a third party imports: few names, loaded when used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ledger


def test_every_public_name_is_there() -> None:
    assert len(ledger.__all__) <= 10
    for name in ledger.__all__:
        assert getattr(ledger, name) is not None
    assert dir(ledger) == sorted(ledger.__all__)


def test_other_names_are_private() -> None:
    with pytest.raises(AttributeError):
        _ = ledger.services_of_nobody


def test_importing_the_package_loads_nothing() -> None:
    code = "import sys, ledger; print([name for name in sys.modules if name.startswith('ledger.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
