"""Prints on a real installation: drawn, sealed, attached, found by code and QR, anchored, erased."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from asn1crypto import x509
from PIL import Image, ImageDraw, ImageFont
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from ledger.adapters.glyphs_fonts import fonts_folder
from ledger.adapters.system import ManualClock
from ledger.core.errors import ConflictError, InputError, LedgerError, NotFoundError, UnavailableError
from ledger.core.flow import BatchState
from ledger.core.merkle import entry_of, hash_leaf, root_from_inclusion_proof
from ledger.core.paper import (
    ATTACHMENT_NAME,
    PrintKind,
    PrintState,
    encode_page_receipt,
    parse_check_code,
    parse_page_facts,
    parse_page_receipt,
    parse_page_url,
)
from ledger.core.receipt import parse_bundle
from tests.flow_world import ISSUER, START, ListTable, World, deposit_row, deposit_table, found
from tests.off_loop import off_loop

BY = "7"
FULL = PrintKind.FULL


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    clock = ManualClock(START)
    found(folder, clock)
    opened = World(folder, clock)
    rows = [deposit_row(number) for number in range(4)]
    rows[0][0] = "张䶮㛃"
    rows[0][4] = '#set page(fill: red) $x$ \\ "引号" *强调* [块]'
    opened.issue_all(ListTable(rows))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def names(world):
    """Names of the credentials by their holder's name."""
    return {
        world.documents.read(
            replace(world.documents.order(bytes.fromhex(file[:32]), kind=FULL, language="zh", by=BY))
        )[1].claims["name"]: bytes.fromhex(file[:32])
        for file in world.bundles()
    }


@pytest.fixture(scope="module")
def rare(world, names):
    """A made full print of the credential with the strangest values."""
    ordered = world.documents.order(names["张䶮㛃"], kind=FULL, language="zh", by=BY)
    world.work()
    return world.documents.print(ordered.id)


def made(world, name, **more):
    wanted = {"kind": FULL, "language": "zh", "by": BY, **more}
    ordered = world.documents.order(name, **wanted)
    world.work()
    return world.documents.print(ordered.id)


def raster(data: bytes, scale: float = 3):
    document = pypdfium2.PdfDocument(data)
    try:
        return [page.render(scale=scale).to_pil() for page in document]
    finally:
        document.close()


def text_of(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document).replace("\r\n", "\n")
    finally:
        document.close()


def attached(data: bytes) -> tuple[str, bytes, dict]:
    reader = PdfFileReader(io.BytesIO(data))
    [name, spec] = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    spec = spec.get_object()
    return str(name), spec["/EF"]["/F"].data, spec


def check_code_of(data: bytes) -> str:
    lines = text_of(data).splitlines()
    return parse_check_code(lines[lines.index("校验码") + 1])


def secret_of(data: bytes) -> bytes:
    codes = [code for page in raster(data) for code in zxingcpp.read_barcodes(page)]
    assert len(codes) == 1
    return parse_page_url(codes[0].text)[1]


def test_a_page_says_what_the_credential_says_and_nothing_is_read_as_markup(world, rare):
    assert rare.state is PrintState.MADE
    data = world.documents.file(rare)
    text = text_of(data)
    for wanted in (
        "张䶮㛃",
        "#set page(fill: red) $x$",
        '\\ "引号" *强调* [块]',
        "完整件，勿交他人",
        "70,000.37 元",
    ):
        assert wanted in text.replace("\n", ""), wanted
    assert len(raster(data, 0.2)) == 1
    facts = parse_page_facts(str(PdfFileReader(io.BytesIO(data)).trailer["/Info"]["/Keywords"]))
    assert (facts.issuer, facts.kind, facts.document) == (ISSUER, FULL, rare.id)
    bundle = parse_bundle(attached(data)[1])
    assert facts.entry == entry_of(bundle.credential.split("~")[0].encode())
    assert (facts.root, facts.leaf_index) == (bundle.receipt.root, bundle.receipt.leaf_index)


def test_a_page_is_pdf_a3_tagged_with_the_bundle_attached(world, rare):
    data = world.documents.file(rare)
    name, bundle, spec = attached(data)
    assert name == ATTACHMENT_NAME
    assert bundle == world.documents.bundle(rare)
    assert bundle == world.bundles()[f"{rare.name.hex()}.ecert.json"]
    assert spec["/AFRelationship"] == "/Data"
    assert spec["/EF"]["/F"]["/Subtype"] == "/application/vnd.ecert+json"
    reader = PdfFileReader(io.BytesIO(data))
    metadata = reader.root["/Metadata"].data.decode()
    assert 'pdfaid:part="3"' in metadata
    assert 'pdfaid:conformance="B"' in metadata
    assert reader.root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in reader.root
    assert reader.root["/Lang"] == "zh-CN"
    report = world.verifier().verify(bundle, now=world.clock.now())
    assert report.exit_code == 0, report


RUNS_OR_ASKS = frozenset(
    {"/JavaScript", "/JS", "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/SubmitForm", "/Hide",
     "/SetOCGState", "/Rendition", "/Trans", "/GoTo3DView", "/XFA", "/AA", "/RichMedia"}
)  # fmt: skip
HIDDEN, PRINTED = 0b0010_0011, 0b0100  # flags of annotations: invisible, hidden, no view; print


def objects_of(data: bytes) -> list:
    """Every object of a file with all in it, of all revisions."""
    reader = PdfFileReader(io.BytesIO(data))
    found = []
    for revision in range(reader.total_revisions):
        found += [
            reader.get_object(one, revision) for one in reader.xrefs.explicit_refs_in_revision(revision)
        ]
    for one in found:  # grows while it is walked: references are objects of their own
        inside = (
            dict.values(one) if isinstance(one, dict) else list.__iter__(one) if isinstance(one, list) else ()
        )
        found += [part for part in inside if isinstance(part, dict | list)]
    return found


def test_sealed_or_not_a_page_has_the_form_of_pdf_a3(world, rare):
    """What ISO 19005-3 demands of every file, read with another library than the one that drew it."""
    data = world.documents.file(rare)
    assert data.startswith(b"%PDF-1.7\n%")
    assert all(byte > 127 for byte in data[10:14])  # 6.1.2
    for part in (data[: data.index(b"%%EOF") + 6], data):
        reader = PdfFileReader(io.BytesIO(part))
        catalog = reader.root
        assert not reader.encrypted
        assert "/ID" in reader.trailer  # 6.1.3
        everything = [one for one in objects_of(part) if isinstance(one, dict)]
        names = {name for one in everything for name in one} | {str(one.get("/S", "")) for one in everything}
        assert not names & RUNS_OR_ASKS  # 6.5, 6.6
        assert not {str(one.get("/Filter", "")) for one in everything} & {"/LZWDecode", "/Crypt"}  # 6.1.7
        intent = catalog["/OutputIntents"][0]  # 6.2.3
        assert len(catalog["/OutputIntents"]) == 1
        assert intent["/S"] == "/GTS_PDFA1"
        assert intent["/DestOutputProfile"].data[36:40] == b"acsp"
        assert intent["/DestOutputProfile"]["/N"] == 3
        metadata = catalog["/Metadata"]  # 6.6.2
        assert "/Filter" not in metadata
        assert b'pdfaid:part="3" pdfaid:conformance="B"' in b" ".join(metadata.data.split()) or (
            b"<pdfaid:part>3<" in metadata.data and b"<pdfaid:conformance>B<" in metadata.data
        )
        file = catalog["/AF"][0]  # 6.8
        assert len(catalog["/AF"]) == 1
        assert file["/AFRelationship"] == "/Data"
        assert {"/F", "/UF", "/EF"} <= file.keys()
        assert "/ModDate" in file["/EF"]["/F"]["/Params"]
        fonts = [one for one in everything if one.get("/Type") == "/FontDescriptor"]
        assert len(fonts) > 1
        assert all({"/FontFile2", "/FontFile3"} & font.keys() for font in fonts)  # 6.2.11.4
        drawn = [one for one in everything if one.get("/Type") == "/Font" and one.get("/Subtype") != "/Type0"]
        assert all("/FontDescriptor" in font for font in drawn)
        for note in (one for one in everything if one.get("/Type") == "/Annot"):  # 6.3.2
            assert note["/F"] & PRINTED
            assert not note["/F"] & HIDDEN
    form = catalog["/AcroForm"]  # 6.4.1
    assert not form.get("/NeedAppearances", False)
    assert len(form["/Fields"]) == 1


def test_the_same_print_is_the_same_bytes_before_it_is_sealed(world, rare):
    first = world.maker.draw(rare, "ABCDEFGHJK", bytes(16))
    assert first == world.maker.draw(rare, "ABCDEFGHJK", bytes(16))
    assert first != world.maker.draw(rare, "ABCDEFGHJM", bytes(16))


def validated(world, data):
    [seal] = PdfFileReader(io.BytesIO(data)).embedded_signatures
    root = x509.Certificate.load((world.folder / "root.ca").read_bytes())
    leaf_day = seal.signer_cert.not_valid_before
    context = ValidationContext(trust_roots=[root], moment=leaf_day.replace(year=2027))
    return seal, off_loop(validate_pdf_signature, seal, context)


def test_the_seal_covers_the_whole_file_and_allows_no_change(world, rare):
    seal, status = validated(world, world.documents.file(rare))
    assert status.intact
    assert status.valid
    assert status.trusted
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    assert status.docmdp_ok
    assert seal.docmdp_level.value == 1
    assert seal.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert seal.signer_cert.dump() == (world.folder / "seal.leaf").read_bytes()


@pytest.mark.parametrize("place", [0.1, 0.5, 0.85])
def test_one_flipped_byte_breaks_the_seal(world, rare, place):
    data = bytearray(world.documents.file(rare))
    data[int(len(data) * place)] ^= 1
    try:
        _, status = validated(world, bytes(data))
    except Exception:  # noqa: BLE001  the byte may be one that makes the file unreadable
        return
    assert not (status.intact and status.valid)


def test_the_first_seal_and_the_next_ones_are_built_alike(world, rare):
    """The second signature of a key follows the form of pyHanko's own first one."""
    for _ in range(2):
        _, status = validated(
            world,
            world.maker._sealer.seal(
                world.maker.draw(rare, "ABCDEFGHJK", bytes(16)), world.agencies.seal_signer(ISSUER), "x"
            ),
        )
        assert status.bottom_line


def test_code_and_qr_find_the_print_and_nothing_else_does(world, rare):
    data = world.documents.file(rare)
    proof_no = world.documents.printed(rare)["proof_no"]
    code, secret = check_code_of(data), secret_of(data)
    assert world.documents.by_code(proof_no, code).id == rare.id
    assert world.documents.by_secret(secret).id == rare.id
    wrong = ("2" if code[0] != "2" else "3") + code[1:]
    assert world.documents.by_code(proof_no, wrong) is None
    assert world.documents.by_code("0000-0000-0000-0000", code) is None
    assert world.documents.by_secret(bytes(16)) is None


def test_the_qr_is_read_when_printed_at_25_mm(world, rare):
    """The code is 26 mm wide on the page: here it is shrunk, blurred by a 150 dpi raster and read."""
    [page] = raster(world.documents.file(rare), 150 / 72 * 25 / 26)
    [code] = zxingcpp.read_barcodes(page)
    assert parse_page_url(code.text)[0] == "https://fund.example"


def test_two_prints_share_neither_code_nor_secret(world, names):
    one, other = (made(world, names["张䶮㛃"]) for _ in range(2))
    first, second = world.documents.file(one), world.documents.file(other)
    assert check_code_of(first) != check_code_of(second)
    assert secret_of(first) != secret_of(second)
    assert one.file_hash != other.file_hash


def test_a_copy_for_a_purpose_carries_only_what_was_chosen(world, names):
    name = names["张䶮㛃"]
    one = made(
        world,
        name,
        kind=PrintKind.PURPOSE,
        fields=["balance", "name"],
        purpose="某银行 #住房贷款 $审批$ \\",
        language="en",
    )
    data = world.documents.file(one)
    bundle = attached(data)[1]
    claims = world.documents._format.parse(parse_bundle(bundle).credential).claims
    assert {"name", "balance", "proof_no"} <= claims.keys()
    assert not claims.keys() & {"id_number", "account_no", "identifier", "deposit_base"}
    assert json.loads(bundle)["presentation"] == {"purpose": "某银行 #住房贷款 $审批$ \\"}
    assert world.documents.printed(one).keys() == {"proof_no", "name", "balance"}
    text = text_of(data).replace("\n", "")
    assert "某银行 #住房贷款 $审批$ \\" in text
    assert "Copy for one purpose" in text
    assert claims["name"] in text
    full = world.documents._format.parse(
        parse_bundle(world.documents.bundle(replace(one, kind=FULL))).credential
    )
    assert str(full.claims["id_number"]) not in text
    report = world.verifier().verify(bundle, now=world.clock.now())
    assert report.exit_code == 0


def test_a_withdrawn_print_is_found_but_says_so(world, names):
    one = made(world, names["张䶮㛃"])
    code = check_code_of(world.documents.file(one))
    world.documents.revoke(one.id, BY)
    found_print = world.documents.by_code(world.documents.printed(one)["proof_no"], code)
    assert found_print.revoked_at is not None
    assert not found_print.answers
    again = world.documents.revoke(one.id, "8")
    assert (again.revoked_at, again.revoked_by) == (found_print.revoked_at, BY)


def test_sealed_files_are_anchored_and_prove_their_time(world, names):
    one = made(world, names["张䶮㛃"])
    assert world.documents.page_receipt(one.file_hash) is None
    world.maker.collect(now=True)
    [waiting] = [
        batch for batch in world.store.batches.batches(states=(BatchState.SIGNED,)) if not batch.type_id
    ]
    assert (waiting.list, waiting.first_word) == (0, 0)
    world.finish()
    receipt = world.documents.page_receipt(one.file_hash)
    evidence = world.view.evidence(ISSUER, receipt.root, None)
    assert evidence.anchor.type_id == 0
    assert evidence.anchor.key == waiting.key
    assert evidence.anchor.size == receipt.tree_size
    digest = hashlib.sha256(world.documents.file(one)).digest()
    assert (
        root_from_inclusion_proof(hash_leaf(digest), receipt.leaf_index, receipt.tree_size, receipt.path)
        == receipt.root
    )
    assert parse_page_receipt(encode_page_receipt(digest, receipt)) == (digest, receipt)
    assert world.maker.collect(now=True) == 0


def test_documents_have_no_place_in_status_lists(world):
    assert 0 not in world.lists._lists(ISSUER)
    assert world.lists.publish_all([ISSUER]) == len(world.lists._lists(ISSUER))


def test_a_refused_document_batch_gives_its_files_to_the_next(world, names):
    one = made(world, names["张䶮㛃"])
    world.maker.collect(now=True)
    taken = world.documents.print(one.id)
    world.store.batches.refuse(taken.page_batch, "test", requeue=True)
    assert world.documents.print(one.id).page_batch is None
    assert world.maker.collect(now=True) == 1
    assert world.documents.print(one.id).page_batch > taken.page_batch
    world.finish()
    assert world.documents.page_receipt(one.file_hash) is not None


def test_files_wait_for_others_for_a_while(world, names):
    made(world, names["张䶮㛃"])
    assert world.maker.collect() == 0
    world.clock.advance(61)
    assert world.maker.collect() == 1
    world.finish()


def test_an_agency_without_its_seal_key_holds_up_no_other(world, names, monkeypatch):
    made(world, names["张䶮㛃"])
    waiting = world.documents._prints.waiting()
    # reason: a second agency, whose seal key is not here, would need an installation of its own
    monkeypatch.setattr(world.documents._prints, "waiting", lambda: (("129902000000000000", 1, 0), *waiting))
    assert world.maker.collect(now=True) == 1
    with pytest.raises(LedgerError):
        world.maker.collect(now=True)
    monkeypatch.undo()
    world.finish()


def test_a_run_makes_every_print_of_a_batch_once(world):
    run = world.documents.order_batch(1, language="zh", by=BY)
    assert world.documents.order_batch(1, language="zh", by=BY).id == run.id
    world.work()
    done = world.documents.run(run.id)
    assert (done.made, done.failed, done.total) == (4, 0, 4)
    assert [one.leaf_index for one in world.documents.files_of(run.id)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"language": "fr"}, InputError, "PRINT_LANGUAGE"),
        ({"kind": PrintKind.PURPOSE, "fields": ["name"], "purpose": " "}, InputError, "PRINT_PURPOSE"),
        ({"kind": PrintKind.PURPOSE, "fields": ["name"], "purpose": "长" * 201}, InputError, "PRINT_PURPOSE"),
        ({"kind": PrintKind.PURPOSE, "fields": ["name"], "purpose": "a\u202eb"}, InputError, "PRINT_PURPOSE"),
        ({"kind": PrintKind.PURPOSE, "fields": ["name"], "purpose": "给𠮷野"}, InputError, "GLYPH_MISSING"),
        ({"kind": PrintKind.PURPOSE, "fields": [], "purpose": "用途"}, InputError, "PRINT_FIELDS"),
        (
            {"kind": PrintKind.PURPOSE, "fields": ["name", "iss"], "purpose": "用途"},
            InputError,
            "PRINT_FIELDS",
        ),
        ({"name": bytes(16)}, NotFoundError, "CREDENTIAL_UNKNOWN"),
    ],
)
def test_wrong_orders_are_refused(world, names, change, error, code):
    wanted = {"name": names["张䶮㛃"], "kind": FULL, "language": "zh", "by": BY, **change}
    with pytest.raises(error) as caught:
        world.documents.order(wanted.pop("name"), **wanted)
    assert caught.value.code == code


def test_the_same_form_sent_twice_is_one_print(world, names):
    wanted = {"kind": FULL, "language": "zh", "by": BY, "document_id": bytes(range(16))}
    first = world.documents.order(names["张䶮㛃"], **wanted)
    assert world.documents.order(names["张䶮㛃"], **wanted).id == first.id
    world.work()
    assert world.documents.order(names["张䶮㛃"], **wanted).state is PrintState.MADE


def test_no_print_before_the_anchor_is_final(world):
    world.load(deposit_table([50]))
    [batch] = world.issue.open_batches()
    world.issue.close_batches([batch.id])
    world.work()
    [leaf] = world.store.signing.sealed_rows(batch.id, 0, 1)
    with pytest.raises(ConflictError) as caught:
        world.documents.order(leaf.name, kind=FULL, language="zh", by=BY)
    assert caught.value.code == "NOT_RELEASED"
    with pytest.raises(ConflictError):
        world.documents.order_batch(batch.id, language="zh", by=BY)
    world.finish()


def test_more_orders_than_the_worker_can_make_soon_are_refused(world, names, monkeypatch):
    # reason: five hundred real prints would take half a minute
    monkeypatch.setattr("ledger.services.documents.MAX_QUEUED", 0)
    with pytest.raises(UnavailableError) as caught:
        world.documents.order(names["张䶮㛃"], kind=FULL, language="zh", by=BY)
    assert caught.value.code == "PRINT_QUEUE_FULL"


def test_an_erased_person_has_no_prints_any_more(world):
    world.issue_all(deposit_table([60, 61]))
    [batch_id] = {batch.id for batch in world.store.batches.batches() if batch.size == 2 and batch.type_id}
    gone, kept = (leaf.name for leaf in world.store.signing.leaves(batch_id, 0, 2))
    before = made(world, gone)
    run = world.documents.order_batch(batch_id, language="bo", by=BY)
    world.vault.erase([gone], world.clock.now())
    with pytest.raises(ConflictError) as caught:
        world.documents.file(before)
    assert caught.value.code == "CREDENTIAL_ERASED"
    for refused in (world.documents.bundle, world.documents.printed):
        with pytest.raises(ConflictError):
            refused(before)
    world.work()
    done = world.documents.run(run.id)
    assert (done.made, done.failed) == (1, 1)
    assert world.documents.are_readable(world.documents.prints(gone)) == ()
    assert [one.code for one in world.documents.prints(gone) if one.state is PrintState.FAILED] == [
        "CREDENTIAL_ERASED"
    ]
    assert world.documents.prints(kept)[0].state is PrintState.MADE


def test_neither_code_nor_secret_nor_value_is_kept_or_told(world, names, caplog):
    caplog.set_level(logging.DEBUG)
    one = made(
        world, names["张䶮㛃"], kind=PrintKind.PURPOSE, fields=["name"], purpose="某银行住房贷款审批专用"
    )
    data = world.documents.file(one)
    code, secret = check_code_of(data), secret_of(data)
    told = caplog.text
    kept = b"".join(path.read_bytes() for path in Path(world.folder).rglob("*") if path.is_file())
    for word in (code, f"{code[:5]}-{code[5:]}", secret.hex(), "某银行住房贷款审批专用", "张䶮㛃"):
        assert word not in told
        if word != "张䶮㛃":  # stands in released bundles, which are handed out as files
            assert word.encode() not in kept
    assert secret not in kept
    assert b"%PDF" not in kept


def test_a_very_long_value_goes_on_on_further_pages(world, rare):
    """No type lets 10,000 characters in; the template draws them all the same, and cuts nothing."""
    bundle, credential, kind = world.documents.read(rare)
    claims = {**credential.claims, "unit_name": "长" * 9_990 + "尾部可见字样"}
    read = world.documents.read
    try:
        world.documents.read = lambda _one: (bundle, credential._replace(claims=claims), kind)
        data = world.maker.draw(rare, "ABCDEFGHJK", bytes(16))
    finally:
        del world.documents.read
    assert world.documents.read == read
    assert len(raster(data, 0.2)) > 1
    assert text_of(data).replace("\n", "").count("长") == 9_990
    assert "尾部可见字样" in text_of(data).replace("\n", "")


def test_a_row_with_a_character_of_no_font_is_refused_with_row_and_column(world):
    rows = [deposit_row(70), deposit_row(71)]
    rows[1][0] = "𠮷野"
    report = world.issue.check(ListTable(rows), world.plan())
    [issue] = report.errors
    assert (issue.row, issue.column, issue.code) == (3, "姓名", "GLYPH_MISSING")
    assert "𠮷（U+20BB7）" in issue.message["zh"]
    assert "𠮷（U+20BB7）" in issue.message["en"]
    refused = world.load(ListTable(rows))
    assert not refused.accepted
    assert [one.code for one in refused.errors] == ["GLYPH_MISSING"]
    rows[1][0] = "㛃䶮"
    assert world.issue.check(ListTable(rows), world.plan()).accepted


SHAPE = (96, 96)


def shape(picture) -> tuple[int, ...]:
    """The ink of a picture, cut to its bounds and brought to one size."""
    ink = picture.convert("L").point(lambda grey: 255 if grey < 140 else 0)
    box = ink.getbbox()
    assert box is not None
    return tuple(ink.crop(box).resize(SHAPE).tobytes())


def unlike(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Share of the ink that differs: 0 the same, 1 nothing in common."""
    different = sum(abs(a - b) for a, b in zip(one, other, strict=True))
    return different / (sum(one) + sum(other))


def drawn(data: bytes, words: str, scale: int = 12):
    """The raster of these words where they first stand on the first page."""
    document = pypdfium2.PdfDocument(data)
    try:
        page = document[0]
        text = page.get_textpage()
        whole = text.get_text_range()
        start = whole.index(words)
        boxes = [text.get_charbox(start + at, loose=len(words) > 1) for at in range(len(words))]
        left, bottom = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, top = max(box[2] for box in boxes), max(box[3] for box in boxes)
        height = page.get_height()
        picture = page.render(scale=scale).to_pil()
        return picture.crop(tuple(int(scale * x) for x in (left, height - top, right, height - bottom)))
    finally:
        document.close()


def by_freetype(words: str, font: str, layout: ImageFont.Layout):
    """The same words drawn by another program from the font file."""
    face = ImageFont.truetype(str(fonts_folder() / font), 120, layout_engine=layout)
    picture = Image.new("L", (int(face.getlength(words)) + 200, 420), 255)
    ImageDraw.Draw(picture).text((60, 90), words, font=face, fill=0)
    return picture


def test_rare_chinese_characters_are_the_right_ones(world, rare):
    """By outline, not by extracted text: a wrong glyph under the right code would pass that."""
    data = world.documents.file(rare)
    sans = "NotoSansSC_400Regular.ttf"
    for one, other in (("䶮", "龑"), ("㛃", "契")):
        seen = shape(drawn(data, one))
        assert unlike(seen, shape(by_freetype(one, sans, ImageFont.Layout.BASIC))) < 0.12
        assert unlike(seen, shape(by_freetype(other, sans, ImageFont.Layout.BASIC))) > 0.2


def test_tibetan_syllables_are_stacked(world, names):
    one = made(world, names["张䶮㛃"], language="bo")
    words = world.types["HPF_PERSONAL_DEPOSIT:1"].name.bo
    data = world.documents.file(one)
    assert len(raster(data, 0.2)) == 1
    serif = "NotoSerifTibetan_400Regular.ttf"
    seen = shape(drawn(data, words))
    assert unlike(seen, shape(by_freetype(words, serif, ImageFont.Layout.RAQM))) < 0.15
    assert unlike(seen, shape(by_freetype(words, serif, ImageFont.Layout.BASIC))) > 0.3
