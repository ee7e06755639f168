"""A scripted verify service for the page: four kinds of report, by what the file says.

The page decides nothing, so its tests need reports, not credentials. The end-to-end tests with real
bundles are in tests/browser/test_demo.py and tests/integration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import date

from ledger.adapters.answers_sql import Answers
from ledger.adapters.limits_memory import MemoryLimits
from ledger.adapters.system import ManualClock, SeededEntropy
from ledger.adapters.type_files import load_types
from ledger.bootstrap_health import Health
from ledger.core.credential_type import CredentialType
from ledger.core.errors import UnavailableError
from ledger.core.health import Expiry, Vitals, missing, warnings
from ledger.core.limits import RULES, LimitKind, flowing
from ledger.core.page import Kind
from ledger.core.report import (
    CheckId,
    CheckResult,
    CredentialSummary,
    Outcome,
    Presenter,
    Report,
    Verdict,
)
from ledger.services.directory import AgencyFacts
from ledger.services.page import Checked
from ledger.services.statistics import Figures

NOW = 1_795_305_600  # 2026-11-22 08:00 in Beijing
PASSING = {
    CheckId.PARSE: "READ",
    CheckId.CANONICAL: "CANONICAL",
    CheckId.PAYLOAD: "PAYLOAD_COMPLETE",
    CheckId.DISCLOSURES: "DISCLOSURES_MATCH",
    CheckId.DUPLICATES: "NO_DUPLICATES",
    CheckId.ALGORITHM: "ALGORITHM_ALLOWED",
    CheckId.SIGNATURE: "SIGNATURE_GOOD",
    CheckId.KEY_VALID_AT_ANCHOR: "KEY_VALID",
    CheckId.KEY_COMPROMISE: "KEY_HONEST",
    CheckId.GRANT_AT_ANCHOR: "GRANT_GOOD",
    CheckId.GRANT_CHAIN: "GRANT_CHAIN_GOOD",
    CheckId.ISSUER_NOW: "ISSUER_ACTIVE",
    CheckId.SCHEMA: "SCHEMA_GOOD",
    CheckId.INCLUSION: "INCLUDED",
    CheckId.ANCHOR: "ANCHORED",
    CheckId.FINALITY: "SINGLE_OPERATOR",
    CheckId.CONTRACT: "CONTRACT_GOOD",
    CheckId.ANCHOR_FACTS: "FACTS_AGREE",
    CheckId.ISSUED_BEFORE_ANCHOR: "ISSUED_IN_TIME",
    CheckId.NOT_BEFORE: "IN_FORCE",
    CheckId.EXPIRY: "NOT_EXPIRED",
    CheckId.REVOCATION: "NOT_REVOKED",
    CheckId.SUSPENSION: "NOT_SUSPENDED",
    CheckId.SUPERSESSION: "NOT_SUPERSEDED",
    CheckId.STATUS_LIST: "LIST_AGREES",
    CheckId.STATUS_OWNER: "INDEX_OWNED",
    CheckId.STATUS_AGE: "VIEW_FRESH",
    CheckId.HOLDER_BINDING: "NOT_PRESENTED",
    CheckId.AUDIENCE: "NOT_PRESENTED",
    CheckId.DELEGATION: "NO_DELEGATION",
    CheckId.ISSUER_BINDING: "BINDING_GOOD",
    CheckId.PAGE: "NO_PAGE",
}
SKIPPED = frozenset({CheckId.HOLDER_BINDING, CheckId.AUDIENCE, CheckId.DELEGATION, CheckId.PAGE})
ON_CHAIN = (
    CheckId.ANCHOR,
    CheckId.INCLUSION,
    CheckId.FINALITY,
    CheckId.REVOCATION,
    CheckId.SUSPENSION,
    CheckId.STATUS_AGE,
)
CLAIMS = {
    "name": "顾欣妍",
    "id_type": "01",
    "id_number": "990101199001011232",
    "account_no": "990100012345",
    "unit_name": "岚州市澄心软件有限公司",
    "account_status": "01",
    "deposit_base": "12500.00",
    "unit_ratio": "0.12",
    "person_ratio": "0.05",
    "monthly_total": "2125.00",
    "balance": "69249.00",
    "paid_to": "202610",
    "continuous_months": 46,
    "as_of": "2026-11-01",
    "continuous_months_ge_12": True,
    "account_normal": True,
    "paid_through_2026_10": True,
    "proof_no": "9901-20261122-000123",
}
IDENTIFIER = "1.2.156.3005.2.11100000000013338W901.12990100MB0X000018.7A5C0F3E9B1D48826FE0A1C3D5B79E21.001.K"
SUMMARY = CredentialSummary(
    "HPF_PERSONAL_DEPOSIT",
    IDENTIFIER,
    "12990100MB0X000018",
    {"zh": "岚州市住房公积金管理中心", "en": "Lanzhou Housing Provident Fund Centre"},
    CLAIMS,
)
# what the file says -> (changed checks, national, code, text, exit code)
SCRIPT: dict[str, tuple[dict[CheckId, tuple[Outcome, str]], int, str, tuple[str, str], int]] = {
    "good": ({}, 0, "ACCEPTED", ("真实有效。", "Genuine and in force."), 0),
    "bad": (
        {CheckId.REVOCATION: (Outcome.FAILED, "REVOKED")},
        3,
        "REVOKED",
        ("已被吊销或撤销。", "It has been revoked."),
        1,
    ),
    "paused": (
        {CheckId.EXPIRY: (Outcome.FAILED, "EXPIRED")},
        3,
        "EXPIRED",
        ("已过有效期。", "It has expired."),
        1,
    ),
    "unknown": (
        dict.fromkeys(ON_CHAIN, (Outcome.UNKNOWN, "VIEW_STALE")),
        4,
        "VIEW_STALE",
        ("账本数据已陈旧，不能据此判断。", "The copy of the ledger is too old to tell."),
        3,
    ),
    "altered": (
        {
            CheckId.SIGNATURE: (Outcome.FAILED, "SIGNATURE_INVALID"),
            CheckId.EXPIRY: (Outcome.FAILED, "EXPIRED"),
        },
        6,
        "SIGNATURE_INVALID",
        ("签名不符。", "The signature does not hold."),
        1,
    ),
    "unreadable": (
        {CheckId.PARSE: (Outcome.FAILED, "BUNDLE_NOT_JSON")},
        4,
        "BUNDLE_NOT_JSON",
        ("文件不完整或已损坏，无法读取。", "The file is incomplete or damaged and cannot be read."),
        2,
    ),
}


def scripted_report(kind: str) -> Report:
    """The report of one kind, complete with 32 checks."""
    changed, national, code, (zh, en), exit_code = SCRIPT[kind]
    checks = []
    for check in CheckId:
        outcome, check_code = changed.get(
            check, (Outcome.SKIPPED if check in SKIPPED else Outcome.PASSED, PASSING[check])
        )
        as_of = NOW - 12 if check in ON_CHAIN else None
        checks.append(CheckResult(check, outcome, check_code, as_of))
    trusted = exit_code in {0, 1} and kind != "altered"
    return Report(
        Verdict(national, code, {"zh": zh, "en": en}),
        exit_code == 0,
        Presenter.NOT_CHECKED,
        tuple(checks),
        SUMMARY if trusted else None,
        kind != "unknown",
        exit_code,
    )


class ScriptedHealth:
    """As well as the test says."""

    buckets_s = (0.1, 1.0)

    def __init__(self) -> None:
        self.vitals = Vitals(
            NOW,
            has_database=True,
            has_counters=True,
            has_vault=True,
            view_age_s=1,
            view_block=7,
            chain_block=9,
            beat_age_s=3,
            list_left_s=40,
            lists=2,
            queue={"sign": 4},
            batches={"released": 2},
            expiries=(Expiry("12990100MAXXXX023E", "credential", 90 * 86_400),),
            backup_age_s=60,
        )
        self.counted: dict[tuple[str, int], Answers] = {}

    def look(self) -> Health:
        return Health(self.vitals, missing(self.vitals), warnings(self.vitals))

    def totals(self) -> dict[tuple[str, int], Answers]:
        return self.counted


class NoCounts:
    """Counts of checks that nobody reads."""

    def count(self, day: date) -> None:
        del day


class NoLedger:
    """Figures and directory of an installation whose ledger cannot be read just now."""

    def figures(self) -> Figures:
        raise UnavailableError("CHAIN_VIEW_MISSING", "There is no ledger in this test.")

    def agencies(self) -> list[AgencyFacts]:
        raise UnavailableError("CHAIN_VIEW_MISSING", "There is no ledger in this test.")


class ScriptedPages:
    """Every file is a bundle here."""

    def __init__(self, verify: Callable[[bytes], Report]) -> None:
        self._verify = verify

    def check(self, data: bytes) -> Checked:
        return Checked(Kind.BUNDLE, hashlib.sha256(data).digest(), self._verify(data), data)


class ScriptedServices:
    """Answers by the first word of the file; anything unknown is unreadable. Keeps what it was given."""

    def __init__(self, checks_per_minute: int = 60) -> None:
        self.clock = ManualClock(NOW)
        rules = {**RULES, LimitKind.CHECK: flowing(checks_per_minute)}
        self.limits = MemoryLimits(self.clock, rules)
        self.entropy = SeededEntropy(1)
        self.seen: list[bytes] = []
        self.lists: dict[str, tuple[str, int]] = {}
        self.asked: list[str] = []
        self.answers: list[tuple[str, int]] = []
        self.health = ScriptedHealth()
        self.statistics = self.directory = NoLedger()
        self.day_counts = NoCounts()
        self.pages = ScriptedPages(self.verify)
        self._types = tuple(loaded.type for loaded in load_types().all())

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        self.answers.append((endpoint, status))

    @property
    def types(self) -> Sequence[CredentialType]:
        return self._types

    def status_list(self, uri: str) -> tuple[str, int] | None:
        self.asked.append(uri)
        return self.lists.get(uri)

    def verify(self, data: bytes) -> Report:
        self.seen.append(data)
        word = data[:32].decode(errors="replace").strip().split(" ")[0]
        return scripted_report(word if word in SCRIPT else "unreadable")
