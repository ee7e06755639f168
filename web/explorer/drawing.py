"""Where the boxes of a Merkle path stand on a page: numbers only, the template draws."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.core.proof import Proof, way_up

WIDTH = 360
BOX_WIDTH = 160
BOX_HEIGHT = 34
STEP = 62  # from one level to the next
MARGIN = 8


@dataclass(frozen=True, slots=True)
class Box:
    """One hash. `kind`: leaf, node, sibling or root; `label`: its first and last digits."""

    x: int
    y: int
    kind: str
    label: str
    full: str


@dataclass(frozen=True, slots=True)
class Line:
    """From a box up to what it is hashed into."""

    x1: int
    y1: int
    x2: int
    y2: int
    kind: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A path from the leaf (bottom) to the root (top), in units of the picture."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(proof: Proof) -> Drawing:
    """The picture of an entry's way to the root."""
    nodes = way_up(proof)
    levels = len(nodes) - 1
    height = levels * STEP + BOX_HEIGHT + 2 * MARGIN
    columns = (MARGIN, WIDTH - MARGIN - BOX_WIDTH)
    middle = (WIDTH - BOX_WIDTH) // 2
    boxes: list[Box] = []
    lines: list[Line] = []
    places = []
    for node in nodes:
        y = MARGIN + (levels - node.level) * STEP
        x = middle if node.sibling is None else columns[1 if node.sibling_is_left else 0]
        places.append((x, y))
    for node, (x, y) in zip(nodes, places, strict=True):
        kind = "root" if node.level == levels else "leaf" if node.level == 0 else "node"
        boxes.append(_box(x, y, kind, node.hash))
        if node.sibling is None:
            continue
        other = columns[0 if node.sibling_is_left else 1]
        boxes.append(_box(other, y, "sibling", node.sibling))
        above_x, above_y = places[node.level + 1]
        target = (above_x + BOX_WIDTH // 2, above_y + BOX_HEIGHT)
        lines.append(Line(x + BOX_WIDTH // 2, y, *target, "path"))
        lines.append(Line(other + BOX_WIDTH // 2, y, *target, "sibling"))
    return Drawing(WIDTH, height, tuple(boxes), tuple(lines))


def _box(x: int, y: int, kind: str, value: bytes) -> Box:
    digits = value.hex()
    return Box(x, y, kind, f"{digits[:6]}…{digits[-6:]}", "0x" + digits)
