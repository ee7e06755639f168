"""Every page that a person may open is walked by a browser (tests/browser), or stands here with the reason why not."""

from __future__ import annotations

import re
from typing import Final

from tests.browser.pages import PAGES
from tests.web_world import ScriptedServices
from web import WebSettings, create_app

ELSEWHERE: Final = {
    "governance.proposal": "test_governing",
    "issue.draft": "test_import; the same page as issue.single",
    "issue.draft_check": "test_import, without script",
    "issue.intake": "test_import",
    "accounts.second": "test_accounts; one field, as accounts.confirm",
    "accounts.totp": "test_accounts; one field, as accounts.confirm",
    "accounts.invitation": "two fields, as accounts.password",
    "approve.replaced": "the table of approve.compare",
    "ledger.batch": "the parts of ledger.entry",
    "ledger.transaction": "the parts of ledger.block",
    "paper.print_page": "the parts of paper.document",
    "status.case": "test_signing",
    "status.change": "the form of status.new",
    "status.predecessor": "the form of status.new",
    "verifier.list": "the parts of verifier.lists",
}
"""Pages that test_look does not open: who does, or which page is built of the same parts."""
NO_PAGES: Final = frozenset(
    [
        "accounts.oidc_back",
        "accounts.start",
        "approve.sample",
        "approve.state",
        "audit.evidence",
        "audit.export",
        "healthz",
        "issue.batch_progress",
        "issue.batch_results",
        "issue.intake_failed",
        "issue.intake_progress",
        "issue.intake_results",
        "issue.template",
        "ledger.proof",
        "metrics",
        "operate.live",
        "paper.print_file",
        "paper.print_receipt",
        "paper.zip_part",
        "readyz",
        "static",
        "status.case_state",
        "status_list",
        "verifier.list_live",
        "verifier.list_result",
        "verifier.list_template",
        "verifier.receipt",
        "witnesses.evidence",
    ]
)
"""Files, parts that a page asks for, addresses that lead on, words for programs."""


def test_every_page_is_walked() -> None:
    app = create_app(WebSettings("demo", secure_cookies=False), ScriptedServices())
    rules = app.url_map.bind("localhost")
    number = {"person": "1", "checked": "1"}
    paths = [
        re.sub(r"\{(\w+)\}", lambda found: number.get(found[1], "a" * 32), visit.path).partition("?")[0]
        for visit in PAGES
        if visit.status == 200
    ]
    walked = {rules.match(path, "GET")[0] for path in paths}
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.endpoint.startswith("node.")
    }
    left_out = ELSEWHERE.keys() | NO_PAGES
    assert walked | left_out == pages, (pages - walked - left_out, left_out - pages)
    assert not walked & left_out
