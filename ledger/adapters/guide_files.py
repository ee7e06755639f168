"""Service guides as files: examples in the package for demonstrations, an agency's own in the data directory."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from ledger.adapters.home_files import write_file
from ledger.core.errors import InputError
from ledger.core.guide import MAX_GUIDE_BYTES, Guide, parse_guide

SUFFIX = ".json"


class GuideFiles:
    """Reads and publishes guides.

    Args:
        folder: of the data directory; need not exist.
        with_examples: the package's own, for a demonstration.
    """

    def __init__(self, folder: Path, *, with_examples: bool) -> None:
        self._folder = folder
        self._with_examples = with_examples

    def all(self) -> tuple[Guide, ...]:
        """Published guides by code; one of the data directory hides an example of the same code.

        Raises:
            InputError: GUIDE_SHAPE, naming the file.
        """
        found: dict[str, Guide] = {}
        for name, data in self._read():
            try:
                guide = parse_guide(data)
            except InputError as error:
                raise InputError(error.code, f"{name}: {error.message}", file=name, **error.detail) from error
            found[guide.code] = guide
        return tuple(found[code] for code in sorted(found))

    def publish(self, data: bytes) -> Guide:
        """Keep a guide, replacing one of the same code; nothing is written when it is incomplete.

        Raises:
            InputError: GUIDE_SHAPE.
        """
        guide = parse_guide(data)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_file(self._folder / f"{guide.code}{SUFFIX}", data)
        return guide

    def _read(self) -> Iterator[tuple[str, bytes]]:
        if self._with_examples:
            for entry in sorted(files("ledger.guides").iterdir(), key=lambda one: one.name):
                if entry.name.endswith(SUFFIX):
                    yield entry.name, entry.read_bytes()
        if self._folder.is_dir():
            for path in sorted(self._folder.glob(f"*{SUFFIX}")):
                with path.open("rb") as file:
                    yield path.name, file.read(MAX_GUIDE_BYTES + 1)
