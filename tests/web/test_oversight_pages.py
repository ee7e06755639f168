"""Witnesses, what changed, and the auditor's proof: pages over a real installation with a checkpoint and a witness."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest

from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.adapters.mirror_files import save_state
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.checkpoint import Checkpoint, sign_checkpoint
from ledger.core.mirroring import MirrorState
from ledger.core.people import Role
from ledger.core.proof import Witnessing, check_proof, parse_proof
from ledger.core.trust import KeySet, RestoreNotice, Trust
from ledger.services.changes import TrustStep
from ledger.services.proving import known_blocks
from tests.desk_world import words
from tests.flow_world import ISSUER, ListTable, deposit_row
from tests.office_world import Office
from web import create_app

LANGUAGES = ("bo", "en", "zh")  # a person keeps the last one
WITNESS, OPERATOR = (MemoryCredentialSigner.from_private_number(number) for number in (0x5151, 0x5252))
SILENT = MemoryCredentialSigner.from_private_number(0x5353)


class Watched:
    """The office with one released batch, a checkpoint of the operator and a witness's word about the head."""

    def __init__(self, office: Office) -> None:
        self.office = office
        office.world.issue_all(ListTable([deposit_row(number) for number in range(5)]))
        self.book = CheckpointFile(office.parts.home.checkpoints_file)
        self.service = office.parts.witnesses
        self.real: Trust = office.parts.verifier.trust
        self.say(OPERATOR, "operator")
        self.say(WITNESS, "witness")
        self.service._view = SqlView(office.folder / "view.db", read_only=True, book=self.book)

    @property
    def root(self) -> bytes:
        return next(one for one in self.office.world.view.anchors() if one.type_id).root

    def say(self, signer: MemoryCredentialSigner, office: str, **changes: object) -> None:
        chain, info = self.office.world.chain, self.office.world.chain.info()
        block = replace(chain.head(), **changes)
        told = Checkpoint(info.ledger_id, info.chain_id, block, bytes(32), self.office.clock.now())
        self.book.keep(sign_checkpoint(told, signer), office)  # type: ignore[arg-type]  # one of the two offices

    def trust(self, threshold: int, *signers: MemoryCredentialSigner, **changes: object) -> None:
        """From now on this trust file: those witnesses, so many of them wanted."""
        keys = {signer.thumbprint: dict(signer.public_jwk) for signer in signers}
        names = {WITNESS.thumbprint: "省审计厅"}
        trust = replace(self.real, witnesses=KeySet(threshold, keys, names), **changes)  # type: ignore[arg-type]  # a Trust's own
        self.service.trust_of = lambda: trust
        self.office.parts.proving._trust_of = lambda: trust


@pytest.fixture(scope="module")
def watched(office: Office) -> Watched:
    return Watched(office)


def test_a_single_operators_ledger_says_so(watched: Watched) -> None:
    watched.trust(0)
    for language in LANGUAGES:
        page = watched.office.nobody().get(f"/witnesses?lang={language}")
        assert page.status_code == 200
    assert "单方账本" in words(watched.office.nobody().get("/witnesses?lang=zh"))


def test_each_witness_is_told_with_how_far_it_came(watched: Watched) -> None:
    watched.trust(1, WITNESS, SILENT)
    page = words(watched.office.nobody().get("/witnesses"))
    assert "省审计厅" in page
    assert "没有签名" in page
    assert f"已见证至区块 {watched.office.world.chain.head().number}" in page
    assert "正常" in page
    watched.office.clock.advance(3_600)
    assert "超过 5 分钟没有消息" in words(watched.office.nobody().get("/witnesses"))
    watched.trust(2, WITNESS, SILENT)
    page = words(watched.office.nobody().get("/witnesses"))
    assert "见证方签名不足" in page
    assert "至少需要 2 个" in page


def test_a_threshold_that_is_raised_takes_back_what_too_few_signed(watched: Watched) -> None:
    operator = watched.office.client(Role.OPERATOR)
    watched.trust(1, WITNESS, SILENT)
    head = watched.office.world.chain.head().number
    assert f"已见证至区块 {head}" in words(watched.office.nobody().get("/witnesses?lang=zh"))
    live = words(operator.get("/operate/live?lang=zh"))
    assert f"已见证至区块 {head}" in live
    assert "见证方签名不足" not in live
    watched.trust(2, WITNESS, SILENT)
    page = words(watched.office.nobody().get("/witnesses"))
    assert "见证方签名不足" in page
    assert f"已见证至区块 {head}" not in page
    live = words(operator.get("/operate/live"))
    assert "见证方签名不足" in live
    assert "一切正常" not in live
    assert 'href="/witnesses"' in live
    auditor = watched.office.client(Role.AUDITOR)
    proof = words(auditor.get(f"/audit/prove/{ISSUER}/{watched.root.hex()}/0?lang=zh"))
    assert "暂时不能完全证明" in proof
    step = TrustStep(3, watched.office.clock.now(), (), (), 1, 2, {})
    changes = watched.office.parts.changes
    changes._trusts = lambda: (step,)
    assert "所需见证由 1 个提高到 2 个" in words(auditor.get("/changes"))
    changes._trusts = lambda: (replace(step, threshold_before=2, threshold=1),)
    assert "请核实是否有意为之" in words(auditor.get("/changes"))
    changes._trusts = lambda: ()


def test_a_witness_that_contradicts_is_told(watched: Watched) -> None:
    watched.trust(1, WITNESS)
    assert "说法不一" not in words(watched.office.nobody().get("/witnesses"))
    number = watched.office.world.chain.head().number
    watched.say(SILENT, "witness", number=number + 40, hash=b"\x77" * 32)
    page = words(watched.office.nobody().get("/witnesses"))
    assert "说法不一" in page
    assert f"区块 {number + 40}" in page
    assert watched.office.nobody().get("/witnesses/evidence/none.json").status_code == 404
    assert watched.office.nobody().get("/witnesses/evidence/..%2Fhome.json").status_code == 404


def test_a_mirror_says_how_it_follows_and_why_it_waits(watched: Watched) -> None:
    watched.trust(0)
    head, folder = watched.office.world.chain.head(), watched.office.folder
    now = watched.office.clock.now()
    nobody = watched.office.nobody()
    nobody.get("/witnesses?lang=zh")
    for condition, code, warning, said in (
        ("following", None, "WITNESS_UNKNOWN", "见证"),
        ("waiting", "NODE_SILENT", None, "没有可信的回答"),
        ("waiting", "CHECKPOINT_OLD", None, "检查点"),
        ("refusing", "HISTORY_REWRITTEN", None, "已拒绝账本给出的历史"),
    ):
        save_state(folder, MirrorState(condition, head, code, now, now, warning=warning))  # type: ignore[arg-type]  # one of the conditions
        page = words(nobody.get("/witnesses"))
        assert said in page, (condition, code)
        for raw in filter(None, (code, warning)):
            assert raw not in page, "words, not codes"
    old = now - 3_600  # nobody follows any more: what was written last stays
    save_state(folder, MirrorState("following", head, None, old, old))
    page = words(nobody.get("/witnesses"))
    assert "跟随程序没有动静" in page
    assert "正在跟随账本" not in page
    (folder / "mirror.json").unlink()
    assert "本站是镜像" not in words(nobody.get("/witnesses"))


def test_where_no_agency_is_run_nobody_is_asked_to_log_in(watched: Watched) -> None:
    office = watched.office
    mirror = create_app(replace(office.settings, has_people=False), office.parts)
    for path in ("/", "/witnesses", "/directory/issuers", "/no-such-page"):
        assert "/account/log-in" in words(office.nobody().get(path)), path
        assert "/account/log-in" not in words(office.nobody(mirror).get(path)), path


def test_what_changed_is_told_for_the_days_that_are_chosen(watched: Watched) -> None:
    notice = RestoreNotice(3, 9, watched.office.clock.now())
    watched.trust(0, restore_notices=(notice,))
    changes = watched.office.parts.changes
    changes._notices = lambda: watched.service.trust_of().restore_notices
    step = TrustStep(2, notice.restored_at, (WITNESS.thumbprint,), (), 0, 1, {WITNESS.thumbprint: "省审计厅"})
    changes._trusts = lambda: (step,)
    for role in (Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR):
        client = watched.office.client(role)
        for language in LANGUAGES:
            page = client.get(f"/changes?lang={language}")
            assert page.status_code == 200
        told = words(page)
        assert "共 5 份" in told
        assert "登记 1 号密钥" in told
        assert "从备份恢复" in told
        assert "新增见证方 省审计厅" in told
        assert f"/ledger/batch/{ISSUER}/{watched.root.hex()}" in told
    client = watched.office.client(Role.AUDITOR)
    long_ago = words(client.get("/changes?since=2020-01-01&until=2020-01-05"))
    assert "没有批次上链" in long_ago
    assert "没有管理操作" in long_ago
    assert "从备份恢复" not in long_ago
    for query in ("since=soon", "since=2026-11-22&until=2026-01-01", "since=2020-01-01&until=2026-01-01"):
        refused = client.get(f"/changes?{query}")
        assert refused.status_code == 422
        assert "govuk-error-summary" in words(refused)
    stranger = words(watched.office.client(Role.AUDITOR, "foreign").get("/changes"))
    assert "没有批次上链" in stranger
    assert watched.office.client(Role.CLERK).get("/changes").status_code == 403


def test_the_page_says_when_it_did_not_look_at_everything(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor = watched.office.client(Role.AUDITOR)
    assert "只看了最近" not in words(auditor.get("/changes?lang=zh"))
    # reason: two thousand batches would take minutes to anchor
    monkeypatch.setattr("ledger.services.changes.MOST_BATCHES", 0)
    page = words(auditor.get("/changes"))
    assert "只看了最近 2,000 个" in page
    assert "至少" in page


def test_the_range_of_days_is_found_without_reading_the_whole_ledger(watched: Watched) -> None:
    view, chain = watched.office.world.view, watched.office.world.chain
    everything = list(view.anchors())
    count, newest = view.anchors_between(0, 1 << 40, 1)
    assert count == len(everything)
    assert newest == (everything[-1],)
    assert view.newest_anchors(99) == tuple(reversed(everything))
    first = everything[0].block.time
    assert view.anchors_between(0, first, 9) == (0, ())
    assert view.anchors_between(first, first + 1, 9)[0] >= 1
    names = frozenset({"RoleSet", "BatchAnchored"})
    events = list(chain.events(0, chain.head().number))
    assert list(chain.events(0, chain.head().number, names)) == [one for one in events if one.name in names]
    assert list(chain.events(0, chain.head().number, frozenset({"NoSuchEvent"}))) == []


def take(watched: Watched, page: str) -> bytes:
    found = re.search(r'<textarea name="proof" hidden>(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    text = found[1].replace("&#34;", '"')
    answer = watched.office.client(Role.AUDITOR).post_form("/audit/prove/file", {"proof": text})
    assert answer.status_code == 200, words(answer)
    assert "attachment" in answer.headers["Content-Disposition"]
    return answer.data


def test_a_batch_is_proved_and_the_proof_is_good_elsewhere(watched: Watched) -> None:
    watched.trust(1, WITNESS)
    auditor = watched.office.client(Role.AUDITOR)
    place = f"/audit/prove/{ISSUER}/{watched.root.hex()}/0"
    assert place in words(auditor.get("/audit/prove"))
    answer = auditor.post_form("/audit/prove", {"batch": f"{ISSUER}/{watched.root.hex()}"})
    assert answer.location == place
    for language in LANGUAGES:
        page = words(auditor.get(f"{place}?lang={language}"))
    assert "已证实" in page
    assert "全部 5 个条目重新计算，得到同一个根" in page
    assert "省审计厅" in page
    assert "tree__picture" in page
    proof = parse_proof(take(watched, page))
    assert {one.thumbprint for one in proof.statements} == {OPERATOR.thumbprint, WITNESS.thumbprint}
    view, info = watched.office.world.view, watched.office.world.chain.info()
    evidence = view.evidence(ISSUER, watched.root, 0, block_number=proof.receipt.block.number)
    rule = Witnessing(1, frozenset({WITNESS.thumbprint}), known_blocks(view, proof))
    found = check_proof(proof, (info.ledger_id, info.chain_id, info.ledger), evidence, rule)
    assert {one.outcome for one in found} == {"passed"}
    assert found[-1].code == "PROOF_WITNESSED"


def test_a_bundle_in_hand_is_proved_by_its_own_receipt(watched: Watched) -> None:
    watched.trust(1, SILENT)
    auditor = watched.office.client(Role.AUDITOR)
    auditor.get("/audit/prove?lang=zh")
    data = next(iter(watched.office.world.bundles().values()))
    page = words(auditor.post_form("/audit/prove", {"file": (io.BytesIO(data), "proof.ecert.json")}))
    assert "暂时不能完全证明" in page
    assert "见证方签名还不够" in page
    assert "欧阳" not in page, "no value of the certificate"
    proving = watched.office.parts.proving
    kept, proving._statements = proving._statements, lambda _block: (None, ())
    page = words(auditor.post_form("/audit/prove", {"file": (io.BytesIO(data), "proof.ecert.json")}))
    proving._statements = kept
    assert "暂时不能完全证明" in page, "nobody has signed at all"
    bundle = json.loads(data)
    bundle["receipt"]["root"] = "0x" + "ab" * 32
    forged = json.dumps(bundle).encode()
    page = words(auditor.post_form("/audit/prove", {"file": (io.BytesIO(forged), "proof.ecert.json")}))
    assert "不符：不能证明" in page
    assert "tree__picture" not in page


def test_what_is_no_bundle_and_no_batch_is_refused(watched: Watched) -> None:
    watched.trust(0)
    auditor = watched.office.client(Role.AUDITOR)
    assert auditor.post_form("/audit/prove", {}).status_code == 422
    assert auditor.post_form("/audit/prove", {"file": (io.BytesIO(b"{}"), "x.json")}).status_code == 422
    assert auditor.post_form("/audit/prove", {"batch": f"{ISSUER}/zz"}).status_code == 404
    assert auditor.post_form("/audit/prove/file", {"proof": "{}"}).status_code == 422
    assert auditor.get(f"/audit/prove/{ISSUER}/{'0' * 64}/0").status_code == 404
    assert auditor.get(f"/audit/prove/{ISSUER}/{watched.root.hex()}/999").status_code == 404
