"""Files made to hurt: each gets a clear answer, within bounds of time and memory, and the next one is served."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.crypt import StandardSecurityHandler
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

from ledger.adapters.pdf_reader import MAX_PAGES
from ledger.adapters.pdf_reader_child import read_file
from ledger.adapters.pdf_reader_process import BoundedReader
from ledger.adapters.system import SystemClock
from ledger.core.errors import InputError, UnavailableError
from ledger.core.page import MAX_UPLOAD, Kind, PdfFacts, SealState
from ledger.services.page import recognise, secret_in
from tests.check_world import Paper, photo, picture
from tests.office_world import Office
from tests.sealed_pdf import SealKey, typst_page

MIB = 1024 * 1024
BUNDLE = b'{"version":1}'


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return SealKey().seal(typst_page(BUNDLE, keywords="ecert-page/1"))


def encrypted(pdf: bytes) -> bytes:
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(pdf)))
    writer._assign_security_handler(
        StandardSecurityHandler.build_from_pw("secret", desired_user_pass="secret")
    )
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def with_script(pdf: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    writer.root["/OpenAction"] = generic.DictionaryObject(
        {pdf_name("/S"): pdf_name("/JavaScript"), pdf_name("/JS"): pdf_string("app.alert(1)")}
    )
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def plain_pdf(objects: list[bytes], root: int = 1, extra: bytes = b"") -> bytes:
    """A small file with these objects, numbered from 1."""
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root %d 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, root, extra, start,
    )  # fmt: skip
    return out


def many_pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % number for number in range(3, count + 3))
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 10 10] >>"
    return plain_pdf(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count)]
        + [page] * count
    )


def looping_table() -> bytes:
    good = many_pages(1)
    start = good.rindex(b"xref\n0 ")
    return good.replace(b"trailer\n<<", b"trailer\n<< /Prev %d" % start)


def attached_bomb(size: int) -> bytes:
    packed = zlib.compress(bytes(size), 9)
    stream = b"<< /Type /EmbeddedFile /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (
        len(packed), packed,
    )  # fmt: skip
    return plain_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [(a) 4 0 R] >> >> >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 10 10] >>",
            b"<< /Type /Filespec /F (credential.ecert.json) /UF (credential.ecert.json) /EF << /F 5 0 R >> >>",
            stream,
        ]
    )


def nested(depth: int) -> bytes:
    return plain_pdf([b"<< /Type /Catalog /Pages 2 0 R /X %s 1 %s >>" % (b"[" * depth, b"]" * depth)])


def huge_picture(side: int) -> bytes:
    """A PNG of `side` × `side` pixels in a few bytes for each row's worth."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def tall_page() -> bytes:
    """A page of a kilometre: drawing it must not take memory for it."""
    return many_pages(1).replace(b"[0 0 10 10]", b"[0 0 9 9e6]")


FILES = {
    "nothing": (lambda _: b"", "FILE_EMPTY"),
    "spaces": (lambda _: b"  \n ", "FILE_EMPTY"),
    "words": (lambda _: "证明".encode(), "FILE_OTHER"),
    "zip": (lambda _: b"PK\x03\x04" + bytes(30) + b"xl/workbook.xml", "FILE_OTHER"),
    "ofd": (lambda _: b"PK\x03\x04" + bytes(26) + b"OFD.xml<ofd:OFD>", "OFD_NOT_SUPPORTED"),
    "gif": (lambda _: b"GIF89a" + bytes(40), "PICTURE_OTHER"),
    "heic": (lambda _: b"\x00\x00\x00\x18ftypheic" + bytes(40), "PICTURE_OTHER"),
    "program": (lambda _: b"MZ" + bytes(4000), "FILE_OTHER"),
    "pdf with a password": (encrypted, "PDF_ENCRYPTED"),
    "pdf with a script": (with_script, "PDF_ACTIVE"),
    "pdf of 10,000 pages": (lambda _: many_pages(10_000), "PDF_TOO_MANY_PAGES"),
    "pdf whose table leads to itself": (lambda _: looping_table(), None),
    "pdf with a bomb attached": (lambda _: attached_bomb(60 * MIB), "PDF_DAMAGED"),
    "pdf with a bundle of 2 MiB": (lambda _: attached_bomb(2 * MIB), "BUNDLE_TOO_LARGE"),
    "pdf nested 5,000 deep": (lambda _: nested(5_000), None),
    "pdf with a page of a kilometre": (lambda _: tall_page(), None),
    "pdf cut off": (lambda pdf: pdf[: len(pdf) // 2], None),
    "pdf of 11 MiB": (lambda pdf: pdf + bytes(MAX_UPLOAD), "FILE_TOO_LARGE"),
    "picture of 2.5 gigapixels": (lambda _: huge_picture(50_000), "PICTURE_TOO_LARGE"),
    "picture that ends early": (lambda _: huge_picture(3_000), "PICTURE_DAMAGED"),
    "picture without a code": (lambda _: photo(Image.new("L", (300, 300), 255)), "NO_CODE"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_every_hostile_file_gets_a_clear_answer(office: Office, sealed: bytes, name: str) -> None:
    make, code = FILES[name]
    data = make(sealed)
    before = time.monotonic()
    checked = office.parts.pages.check(data)
    assert time.monotonic() - before < 8
    assert checked.fault is not None
    assert checked.report is None
    assert code is None or checked.fault.code == code
    assert checked.fault.code.partition("_")[0] in {"FILE", "PDF", "PICTURE", "NO", "OFD", "BUNDLE"}


def test_the_next_file_is_served_and_memory_stays_bounded(office: Office, sealed: bytes) -> None:
    """After all of these; the peak of the reading process is read from the kernel."""
    reader = office.parts.checks.reader
    for name in ("pdf with a bomb attached", "picture of 2.5 gigapixels", "pdf of 10,000 pages"):
        office.parts.pages.check(FILES[name][0](sealed))
    assert reader.read_pdf(sealed).seal.state is SealState.WHOLE
    child = reader._child
    assert child is not None
    status = Path(f"/proc/{child.pid}/status").read_text(encoding="utf-8")
    peak_kib = int(status.split("VmHWM:")[1].split()[0])
    assert peak_kib < 400 * 1024, peak_kib


def test_a_process_that_hangs_or_dies_is_replaced(tmp_path: Path, sealed: bytes) -> None:
    hangs = tmp_path / "hangs.py"
    hangs.write_text(
        "import sys, time\nsys.stdout.buffer.write(b'\\0\\0\\0\\x02{}')\nsys.stdout.flush()\ntime.sleep(60)\n"
    )
    import sys

    reader = BoundedReader(SystemClock(), 0.4, (sys.executable, str(hangs)))
    before = time.monotonic()
    with pytest.raises(InputError) as hung:
        reader.read_pdf(sealed)
    assert hung.value.code == "FILE_TOO_COMPLEX"
    assert time.monotonic() - before < 5
    reader = BoundedReader(SystemClock(), 0.4, (sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(UnavailableError) as died:
        reader.read_pdf(sealed)
    assert died.value.code == "READER_UNAVAILABLE"


def read_or_refuse(data: bytes) -> PdfFacts | InputError:
    try:
        return read_file(data)
    except InputError as error:
        return error


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(
            st.floats(0, 1, exclude_max=True),
            st.one_of(
                st.binary(min_size=1, max_size=8),
                st.sampled_from([b" R", b"/Prev 0", b"/Length 99999999", b"<<", b"]", b"endobj", b"9 0 R"]),
            ),
            st.booleans(),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_mutations_of_a_real_file_never_crash_and_never_keep_its_seal(
    sealed: bytes, changes: list[tuple[float, bytes, bool]]
) -> None:
    data = sealed
    for place, piece, is_inserted in changes:
        at = int(place * len(data))
        data = data[:at] + piece + data[at + (0 if is_inserted else len(piece)) :]
    facts = read_or_refuse(data)
    if isinstance(facts, InputError):
        assert facts.code.startswith(("PDF_", "BUNDLE_"))
        return
    assert facts.pages <= MAX_PAGES
    assert data == sealed or facts.seal.state is not SealState.WHOLE


def test_content_decides_and_not_the_name(papers: dict[str, Paper], office: Office) -> None:
    pdf = papers["full"].pdf
    assert recognise(pdf) is Kind.PDF
    assert recognise(b"\n\n" + BUNDLE) is Kind.BUNDLE
    assert recognise(b"\xef\xbb\xbf" + BUNDLE) is Kind.BUNDLE
    assert recognise(photo(picture(pdf, 40))) is Kind.PICTURE
    assert recognise(papers["full"].secret_text.encode()) is Kind.QR
    assert recognise(b"eyJhbGciOiJFUzI1NiJ9.e30.AA~") is Kind.SD_JWT
    assert office.parts.pages.check(pdf, "foto.png").kind is Kind.PDF
    bundle = office.parts.documents.bundle(papers["full"].print)
    checked = office.parts.pages.check(bundle, "x.pdf")
    assert checked.kind is Kind.BUNDLE
    assert checked.report is not None
    assert checked.report.accepted


def test_a_secret_is_read_however_it_was_copied() -> None:
    secret = "ABCDEFGHIJKLMNOPQRSTUVWXYA"
    spaced = f"{secret[:5]} {secret[5:10]}-{secret[10:]}"
    for text in (secret, secret.lower(), f" https://fund.example/q#{secret}\r\n", spaced):
        assert secret_in(text) is not None, text
    for text in (
        "",
        "https://fund.example/q",
        f"https://fund.example/x#{secret}",
        secret + "A",
        "ABC DEF",
        "1" * 26,
    ):
        assert secret_in(text) is None, text
