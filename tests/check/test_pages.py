"""Sealed and unsealed files, each with its lies: what check 32 says of them and what the verdict is."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from ledger.core.checks.codes import Code
from ledger.core.page import Kind
from ledger.core.report import CheckId, CheckResult, Outcome
from ledger.services.page import Checked
from tests.check_world import Paper
from tests.office_world import Office
from tests.sealed_pdf import SealKey

Lie = Callable[[bytes, bytes], bytes]
LIES: dict[str, Lie] = {}


def lie(change: Callable[[IncrementalPdfFileWriter, bytes], None]) -> Callable[..., None]:
    """A change of a file in a revision of its own; the second argument is another credential's bundle."""

    def alter(pdf: bytes, bundle: bytes) -> bytes:
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        change(writer, bundle)
        out = io.BytesIO()
        writer.write(out)
        return out.getvalue()

    LIES[change.__name__] = alter
    return change


def page_of(writer: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    page = writer.root["/Pages"]["/Kids"][0]
    writer.update_container(page)
    return page


def drawing(text: bytes = b"BT /F1 20 Tf 100 600 Td (369,249.00) Tj ET") -> generic.StreamObject:
    return generic.StreamObject(stream_data=text)


def numbers(*values: int) -> generic.ArrayObject:
    return generic.ArrayObject([generic.NumberObject(value) for value in values])


@lie
def overlay_annotation(writer: IncrementalPdfFileWriter, _bundle: bytes) -> None:
    form = drawing()
    form["/Subtype"], form["/BBox"] = pdf_name("/Form"), numbers(0, 0, 200, 40)
    note = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/FreeText"),
            pdf_name("/Rect"): numbers(100, 600, 300, 640),
            pdf_name("/AP"): generic.DictionaryObject({pdf_name("/N"): writer.add_object(form)}),
        }
    )
    page_of(writer)["/Annots"] = generic.ArrayObject([writer.add_object(note)])


@lie
def optional_content_layer(writer: IncrementalPdfFileWriter, _bundle: bytes) -> None:
    group = writer.add_object(
        generic.DictionaryObject(
            {pdf_name("/Type"): pdf_name("/OCG"), pdf_name("/Name"): pdf_string("balance")}
        )
    )
    writer.root["/OCProperties"] = generic.DictionaryObject(
        {
            pdf_name("/OCGs"): generic.ArrayObject([group]),
            pdf_name("/D"): generic.DictionaryObject({pdf_name("/ON"): generic.ArrayObject([group])}),
        }
    )
    writer.update_root()
    add_content(writer, drawing(b"/OC /L BDC 1 0 0 rg 90 590 200 30 re f EMC"))


@lie
def later_revision(writer: IncrementalPdfFileWriter, _bundle: bytes) -> None:
    writer.root["/Lang"] = pdf_string("en")
    writer.update_root()


@lie
def glyph_remap(writer: IncrementalPdfFileWriter, _bundle: bytes) -> None:
    fonts = page_of(writer)["/Resources"]["/Font"]
    font = fonts[next(iter(fonts))]["/DescendantFonts"][0]
    font["/CIDToGIDMap"] = writer.add_object(generic.StreamObject(stream_data=bytes(range(256)) * 8))
    writer.update_container(font)


@lie
def swapped_attachment(writer: IncrementalPdfFileWriter, bundle: bytes) -> None:
    names = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    description = names[1]
    description["/EF"]["/F"] = writer.add_object(generic.StreamObject(stream_data=bundle))
    writer.update_container(description)


@lie
def form_field_appearance(writer: IncrementalPdfFileWriter, _bundle: bytes) -> None:
    field = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/Widget"),
            pdf_name("/FT"): pdf_name("/Tx"),
            pdf_name("/T"): pdf_string("balance"),
            pdf_name("/V"): pdf_string("369,249.00"),
            pdf_name("/Rect"): numbers(100, 600, 300, 640),
        }
    )
    added = writer.add_object(field)
    page_of(writer)["/Annots"] = generic.ArrayObject([added])
    form = writer.root["/AcroForm"] if "/AcroForm" in writer.root else generic.DictionaryObject()
    kept = list(form.get("/Fields", ()))
    form["/Fields"] = generic.ArrayObject([*kept, added])
    writer.root["/AcroForm"] = form
    writer.update_root()


@lie
def replaced_page(writer: IncrementalPdfFileWriter, _bundle: bytes) -> None:
    page_of(writer)["/Contents"] = writer.add_object(drawing())


def add_content(writer: IncrementalPdfFileWriter, stream: generic.StreamObject) -> None:
    page = page_of(writer)
    old = page.raw_get("/Contents")
    page["/Contents"] = generic.ArrayObject([old, writer.add_object(stream)])


def page(checked: Checked) -> CheckResult:
    assert checked.fault is None, checked.fault
    assert checked.report is not None
    return checked.report.check(CheckId.PAGE)


def test_a_sealed_and_anchored_file_is_trusted(office: Office, papers: dict[str, Paper]) -> None:
    for name in ("full", "purpose"):
        checked = office.parts.pages.check(papers[name].pdf, "whatever.docx")
        assert checked.kind is Kind.PDF
        assert page(checked)[:3] == (CheckId.PAGE, Outcome.PASSED, Code.PAGE_SEALED)
        assert checked.report is not None
        assert (checked.report.accepted, checked.report.verdict.national) == (True, 0)


def test_until_its_own_anchor_is_final_the_page_is_open(office: Office, papers: dict[str, Paper]) -> None:
    checked = office.parts.pages.check(papers["late"].pdf)
    assert page(checked)[1:3] == (Outcome.UNKNOWN, Code.PAGE_NOT_ANCHORED)
    assert checked.report is not None
    assert checked.report.accepted


def test_a_file_without_seal_is_judged_by_its_bundle(office: Office, papers: dict[str, Paper]) -> None:
    checked = office.parts.pages.check(papers["full"].unsealed)
    assert page(checked)[1:3] == (Outcome.UNKNOWN, Code.PAGE_NOT_SEALED)
    assert checked.report is not None
    assert checked.report.accepted


@pytest.mark.parametrize("name", sorted(LIES))
def test_a_lie_on_a_sealed_file_is_verdict_6(office: Office, papers: dict[str, Paper], name: str) -> None:
    altered = LIES[name](papers["full"].pdf, office.parts.documents.bundle(papers["other"].print))
    checked = office.parts.pages.check(altered)
    assert page(checked)[1:3] == (Outcome.FAILED, Code.PAGE_CHANGED_LATER)
    assert checked.report is not None
    assert (checked.report.accepted, checked.report.verdict.national) == (False, 6)


@pytest.mark.parametrize("name", sorted(LIES))
def test_a_lie_on_an_unsealed_file_leaves_the_page_unchecked(
    office: Office, papers: dict[str, Paper], name: str
) -> None:
    """The values shown come from the bundle inside, whatever the page says; a swapped one shows its own."""
    other = office.parts.documents.bundle(papers["other"].print)
    checked = office.parts.pages.check(LIES[name](papers["full"].unsealed, other))
    assert page(checked)[1:3] == (Outcome.UNKNOWN, Code.PAGE_NOT_SEALED)
    assert checked.report is not None
    assert checked.report.accepted
    mine = "other" if name == "swapped_attachment" else "full"
    shown = checked.report.credential
    assert shown is not None
    assert shown.claims["proof_no"] == papers[mine].number


def test_the_seal_of_somebody_else_is_foreign(office: Office, papers: dict[str, Paper]) -> None:
    sealed = SealKey(1234).seal(papers["full"].unsealed)
    checked = office.parts.pages.check(sealed)
    assert page(checked)[1:3] == (Outcome.FAILED, Code.PAGE_SEAL_FOREIGN)
    assert checked.report is not None
    assert checked.report.verdict.national == 6


def test_a_seal_that_was_unhooked_counts_as_broken(office: Office, papers: dict[str, Paper]) -> None:
    """Otherwise whoever alters a sealed file would only have to hide that it had a seal."""
    writer = IncrementalPdfFileWriter(io.BytesIO(papers["full"].pdf))
    writer.root["/AcroForm"] = generic.DictionaryObject({pdf_name("/Fields"): generic.ArrayObject()})
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    assert page(office.parts.pages.check(out.getvalue()))[1:3] == (Outcome.FAILED, Code.PAGE_SEAL_BROKEN)


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_flipped_byte_anywhere_is_never_trusted(
    office: Office, papers: dict[str, Paper], *, is_sealed: bool
) -> None:
    pdf = papers["full"].pdf if is_sealed else papers["full"].unsealed
    for part in range(1, 20):
        at = len(pdf) * part // 20
        flipped = pdf[:at] + bytes([pdf[at] ^ 0x10]) + pdf[at + 1 :]
        checked = office.parts.pages.check(flipped)
        if checked.fault is None:
            assert page(checked).outcome is (Outcome.FAILED if is_sealed else Outcome.UNKNOWN)
        else:
            assert checked.fault.code in {"PDF_DAMAGED", "NO_CODE", "PDF_TOO_COMPLEX"}, checked.fault
