"""Real sheets: credentials of a small installation, printed, sealed, anchored; and what a reader sees on them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pypdfium2
from PIL import Image

from ledger.adapters.image_reader import read_drawn
from ledger.bootstrap import BoundVerifier
from ledger.bootstrap_check import CheckRoom
from ledger.core.errors import UnavailableError
from ledger.core.paper import Print, PrintKind, parse_page_url, show_secret
from ledger.core.paper_page import spell
from ledger.services.lookup import Found
from tests.flow_world import TYPE_REF, deposit_table
from tests.office_world import Office

PURPOSE_FIELDS = ("name", "balance", "paid_to", "as_of")
_CODE = re.compile(r"\b([2-9A-HJKMNP-Z]{5})-([2-9A-HJKMNP-Z]{5})\b")


@dataclass(frozen=True)
class Paper:
    """One print as its holder has it."""

    print: Print
    pdf: bytes
    number: str
    code: str
    secret: bytes

    @property
    def secret_text(self) -> str:
        return show_secret(self.secret)

    @property
    def unsealed(self) -> bytes:
        """The file as it was before it was sealed."""
        end = self.pdf.index(b"%%EOF") + len(b"%%EOF\n")
        return self.pdf[:end]


def picture(pdf: bytes, dots: int = 110) -> Image.Image:
    """The first page as a scanner would see it."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document[0].render(scale=dots / 72, grayscale=True).to_pil()
    finally:
        document.close()


def photo(image: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def words(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return str(document[0].get_textpage().get_text_bounded())
    finally:
        document.close()


def make_papers(office: Office) -> dict[str, Paper]:
    """`full`, `purpose` and `taken_back(_too)` (which tests withdraw) of the first account, `other` of the second,
    `late` of the third (not anchored)."""
    world = office.world
    world.issue_all(deposit_table([1, 2, 3]))
    batch = world.store.batches.batches()[0]
    names = [leaf.name for leaf in world.store.signing.sealed_rows(batch.id, 0, 3)]

    def order(number: int, **more: Any) -> Print:
        return world.documents.order(names[number], by="test", language="zh", **more)

    prints = {
        "full": order(0, kind=PrintKind.FULL),
        "purpose": order(0, kind=PrintKind.PURPOSE, fields=PURPOSE_FIELDS, purpose="租房"),
        "taken_back": order(0, kind=PrintKind.FULL),
        "taken_back_too": order(0, kind=PrintKind.FULL),
        "other": order(1, kind=PrintKind.FULL),
    }
    world.work()
    world.maker.collect(now=True)
    world.finish()
    prints["late"] = order(2, kind=PrintKind.FULL)
    world.work()
    return {name: read_paper(office, one) for name, one in prints.items()}


def read_paper(office: Office, one: Print) -> Paper:
    """What a person reads off the page; number, code and secret come from nowhere else."""
    made = office.world.documents.print(one.id)
    pdf = office.world.documents.file(made)
    text = words(pdf)
    code = _CODE.search(text)
    assert code is not None, text
    (url,) = read_drawn(picture(pdf, 220))
    _, credential, _ = office.world.documents.read(made)
    return Paper(made, pdf, str(credential.claims["proof_no"]), code[0], parse_page_url(url)[1])


def as_printed(found: Found, language: str = "zh") -> dict[str, str]:
    """Printed values as the page spells them."""
    kind = office_types()[TYPE_REF]
    fields = {field.key: field for field in kind.fields}
    days = {"issued_on", "valid_until"}
    spelled = {}
    for name, value in found.values.items():
        if name in days:
            year, month, day = str(value).split("-")
            spelled[name] = f"{year}年{int(month)}月{int(day)}日"
        else:
            spelled[name] = spell(value, fields.get(name), language)
    return spelled


def office_types() -> dict[str, Any]:
    from ledger.adapters.type_files import load_types

    return {loaded.type.ref: loaded.type for loaded in load_types().all()}


def altered(text: str) -> str:
    """One character another one: the last digit, else the last letter."""
    for at in range(len(text) - 1, -1, -1):
        if text[at].isdigit():
            return f"{text[:at]}{(int(text[at]) + 1) % 10}{text[at + 1 :]}"
    return text[:-1] + ("甲" if text[-1] != "甲" else "乙")


def room(office: Office, **changes: Any) -> CheckRoom:
    """The checking room of this installation, with some part taken away."""
    return replace(office.parts.checks, **changes)


def locked(*_: Any) -> Any:
    """A key store that nobody unlocked, a database that does not answer."""
    raise UnavailableError("STORE_UNAVAILABLE", "locked")


class SilentView:
    """A chain view that gives no answer."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def silent(*_args: Any, **_more: Any) -> Any:
            raise UnavailableError("CHAIN_UNAVAILABLE", name)

        return silent


def without_chain(office: Office) -> BoundVerifier:
    trust = office.parts.verifier.trust
    view: Any = SilentView()
    return BoundVerifier(office.world.verifier(view), office.clock, trust, view)


def fields(html: str) -> Mapping[str, str]:
    """Hidden fields of the forms of a page."""
    return dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', html))
