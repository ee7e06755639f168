"""Explorer, directory, figures and guides for everybody: what they lead to, and that nobody is in them."""

from __future__ import annotations

import html
import io
import json
import re

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from ledger.adapters.abi import word_change_tuples
from ledger.core.proof import check_proof, parse_proof
from ledger.core.status import Status, word_changes
from ledger.ports import ContractCall
from ledger.services.calls import enqueue_call
from ledger.services.statistics import count_statuses
from tests.flow_world import ISSUER, ListTable, deposit_row
from tests.office_world import HOST, Office

LANGUAGES = ("zh", "en", "bo")


@pytest.fixture(scope="module")
def anchored(office: Office) -> Office:
    """The office with one released batch of three."""
    office.world.issue_all(ListTable([deposit_row(number) for number in range(3)]))
    return office


def anchor_of(office: Office):
    return next(anchor for anchor in office.parts.explorer.anchors() if anchor.type_id)


def find(office: Office, **fields):
    return office.nobody().post_form("/ledger", fields)


def test_each_kind_of_question_leads_to_its_page(anchored: Office):
    anchor = anchor_of(anchored)
    entry = f"/ledger/entry/{ISSUER}/{anchor.root.hex()}/0"
    proof = parse_proof(anchored.nobody().get(entry + "/proof").data)
    places = {
        str(anchor.block.number): f"/ledger/block/{anchor.block.number}",
        "0x" + anchor.block.hash.hex(): f"/ledger/block/{anchor.block.number}",
        anchor.tx_hash.hex(): f"/ledger/transaction/{anchor.tx_hash.hex()}",
        "0x" + anchor.root.hex().upper(): f"/ledger/batch/{ISSUER}/{anchor.root.hex()}",
        proof.entry.hex(): entry,
    }
    for question, address in places.items():
        answer = find(anchored, question=question)
        assert (answer.status_code, answer.location) == (303, address)
        assert anchored.nobody().get(address).status_code == 200


def test_every_block_and_every_transaction_has_its_page(anchored: Office):
    """Events carry numbers of 256 bits: words of statuses, masks, nonces."""
    world, issuer = anchored.world, ISSUER.encode()
    world.issue_all(ListTable([deposit_row(number) for number in range(50, 67)]))
    anchor = next(found for found in anchored.parts.explorer.anchors() if found.size == 17)
    words = word_change_tuples(word_changes([16], Status.SUSPENDED))  # its mask is above 2^64
    call = ContractCall("ledger", "suspend", (issuer, anchor.root, issuer, 4, words))
    enqueue_call(world.store, ISSUER, call, subject="suspend:page")
    world.work()
    head = world.chain.head().number
    seen = set()
    for number in range(head + 1):
        page = anchored.nobody().get(f"/ledger/block/{number}")
        assert page.status_code == 200
        seen.update(re.findall(r'"(/ledger/transaction/[0-9a-f]{64})"', page.text))
    assert len(seen) > 5
    for address in seen:
        assert anchored.nobody().get(address).status_code == 200, address


def test_a_bundle_and_its_number_lead_to_the_entry(anchored: Office):
    name, data = next(iter(anchored.world.bundles().items()))
    answer = anchored.nobody().post_form("/ledger", {"file": (io.BytesIO(data), "proof.ecert.json")})
    assert answer.status_code == 303
    assert answer.location.startswith("/ledger/entry/")
    digits = name.removesuffix(".ecert.json").upper()
    number = "-".join(digits[at : at + 4] for at in range(0, 16, 4))
    assert find(anchored, question=number).location == answer.location
    assert find(anchored, question=digits).location == answer.location


@pytest.mark.parametrize(
    ("question", "status"), [("", 422), ("hello", 422), ("9" * 301, 422), ("99999999", 404), ("ab" * 32, 404)]
)
def test_what_cannot_be_found_is_said_on_the_page(anchored: Office, question: str, status: int):
    answer = find(anchored, question=question)
    assert answer.status_code == status
    assert "govuk-error-summary" in answer.text


def test_the_downloaded_proof_holds_on_its_own(anchored: Office):
    anchor = anchor_of(anchored)
    answer = anchored.nobody().get(f"/ledger/entry/{ISSUER}/{anchor.root.hex()}/1/proof")
    assert re.fullmatch(
        r'attachment; filename="[0-9a-f]{16}\.proof\.json"', answer.headers["Content-Disposition"]
    )
    proof = parse_proof(answer.data)
    view = anchored.parts.desk.view
    evidence = view.evidence(ISSUER, anchor.root, 1, block_number=anchor.block.number)
    info = anchored.parts.desk.info
    found = check_proof(proof, (info.ledger_id, info.chain_id, info.ledger), evidence)
    assert [one.outcome for one in found] == ["passed"] * 4


@pytest.mark.parametrize(
    "path",
    [
        "/ledger/block/99999999",
        f"/ledger/transaction/{'0' * 64}",
        "/ledger/transaction/xyz",
        f"/ledger/batch/{ISSUER}/{'0' * 64}",
        f"/ledger/batch/{ISSUER}/{'AB' * 32}",
        f"/ledger/entry/{ISSUER}/{'0' * 64}/0",
        "/directory/issuers/12990100MAXXXX023F",
        "/guides/NOTHING",
    ],
)
def test_addresses_of_nothing_are_404(anchored: Office, path: str):
    assert anchored.nobody().get(path).status_code == 404


def test_a_leaf_beyond_the_batch_is_404(anchored: Office):
    anchor = anchor_of(anchored)
    assert (
        anchored.nobody().get(f"/ledger/entry/{ISSUER}/{anchor.root.hex()}/{anchor.size}").status_code == 404
    )


def test_every_public_page_in_every_language_names_nobody(anchored: Office):
    anchor = anchor_of(anchored)
    paths = (
        "/ledger",
        f"/ledger/block/{anchor.block.number}",
        f"/ledger/transaction/{anchor.tx_hash.hex()}",
        f"/ledger/batch/{ISSUER}/{anchor.root.hex()}",
        f"/ledger/entry/{ISSUER}/{anchor.root.hex()}/2",
        "/directory/issuers",
        f"/directory/issuers/{ISSUER}",
        "/directory/types",
        "/statistics",
        "/guides",
        "/guides/OFFCITY_LOAN",
    )
    personal = [cell for number in range(3) for cell in (*deposit_row(number)[:1], *deposit_row(number)[2:4])]
    client = anchored.nobody()
    for path in paths:
        for language in LANGUAGES:
            answer = client.get(f"{path}?lang={language}")
            assert answer.status_code == 200, path
            assert not [value for value in personal if value in answer.text], path


def test_figures_are_a_direct_count(anchored: Office):
    figures = anchored.parts.statistics.count(anchored.clock.now())
    view = anchored.parts.desk.view
    anchors = [anchor for anchor in view.anchors() if anchor.type_id]
    assert figures.credentials == sum(anchor.size for anchor in anchors) == sum(figures.statuses.values())
    assert figures.today == figures.credentials
    assert sum(figures.by_issuer.values()) == sum(figures.by_type.values()) == figures.credentials
    assert str(figures.credentials) in anchored.nobody().get("/statistics").text


def test_statuses_of_a_batch_are_counted_lane_by_lane():
    words = {1: Status.REVOKED | Status.SUSPENDED << 4}
    assert count_statuses(66, words) == {Status.VALID: 64, Status.REVOKED: 1, Status.SUSPENDED: 1}
    assert count_statuses(3, {}) == {Status.VALID: 3}
    assert count_statuses(2, {0: 0}) == {Status.VALID: 2}


def test_a_check_is_counted_on_its_day(anchored: Office):
    before = anchored.parts.statistics.count(anchored.clock.now()).checked_today
    data = next(iter(anchored.world.bundles().values()))
    answer = anchored.nobody().post("/verify", data=data, content_type="application/vnd.ecert+json")
    assert answer.status_code == 200
    assert anchored.parts.statistics.count(anchored.clock.now()).checked_today == before + 1


def test_guides_are_published_or_refused_whole(anchored: Office):
    guides = anchored.parts.guides
    example = guides.all()[0]
    folder = anchored.folder / "guides"
    document = json.loads(json.dumps({"code": "HALF"}))
    with pytest.raises(Exception, match="GUIDE_SHAPE"):
        guides.publish(json.dumps(document).encode())
    assert not (folder / "HALF.json").exists()
    page = anchored.nobody().get("/guides?q=开饭店").text
    assert page.index("RESTAURANT_OPENING") > 0
    assert example.code in anchored.nobody().get("/guides").text


def test_the_start_page_leads_everybody_to_their_page(anchored: Office):
    visitor = anchored.nobody()
    for language in LANGUAGES:
        page = visitor.get(f"/?lang={language}").text
        main = page.split("<main")[1].split("</main>")[0]
        targets = {html.unescape(found).split("?")[0] for found in re.findall(r'href="([^"#]+)"', main)}
        assert {"/check/scan", "/guides", "/directory/types", "/directory/issuers", "/ledger"} <= targets
        assert {"/statistics", "/account/log-in"} <= targets
        wanted = {html.unescape(found) for found in re.findall(r'href="(/account/log-in\?[^"]+)"', main)}
        assert wanted == {"/account/log-in?next=/desk/verify", "/account/log-in?next=/desk"}
        for target in targets - {"/account/log-in"}:
            assert visitor.get(target).status_code == 200, target


def test_a_file_of_some_megabytes_is_looked_up_by_its_hash_and_a_huge_one_is_refused(anchored: Office):
    nobody = anchored.nobody()

    def look_up(data: bytes) -> int:
        fields = {"token": nobody.token(), "file": FileStorage(io.BytesIO(data), "scan.pdf")}
        boundary, body = encode_multipart(fields)  # the client itself would leave a temporary file open
        kind, origin = f"multipart/form-data; boundary={boundary}", {"Origin": f"https://{HOST}"}
        return nobody.post("/ledger", data=body, content_type=kind, headers=origin).status_code

    assert look_up(b"%PDF-1.7" + bytes(3 << 20)) == 404, "it was hashed, and is not on the ledger"
    assert look_up(bytes(11 << 20)) == 413
    anchored.calm()  # both count as questions of the address that all tests come from


def test_files_are_compressed_and_pages_with_a_token_never(anchored: Office):
    visitor = anchored.nobody()
    page = visitor.get("/?q=guess", headers={"Accept-Encoding": "gzip"})
    assert 'name="token"' in page.text
    assert "Content-Encoding" not in page.headers  # BREACH: docs/deploy.md, Compression
    sheet = re.search(r'href="(/static/[0-9a-f]+/ledger\.css)"', page.text)
    assert sheet is not None
    answer = visitor.get(sheet[1], headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
