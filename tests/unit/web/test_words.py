"""Citizens' pages speak plain words: codes, hashes and names of techniques only under technical details."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from ledger.core.checks.codes import Code
from ledger.core.report import CheckId
from tests.web_world import SCRIPT, ScriptedServices
from web import WebSettings, create_app

OWN = {"Sec-Fetch-Site": "same-origin"}
TECHNIQUES = re.compile(
    r"\b(hash|merkle|jwt|sd-jwt|jws|cose|eip-?\d+|sha-?256|json web|payload|digest|nonce|csrf|token|http \d)\b|"
    "哈希|默克尔|摘要值|令牌",
    re.IGNORECASE,
)
CODES = frozenset(code.value for code in Code if "_" in code.value) | frozenset(
    check.value for check in CheckId if "_" in check.value
)


class Plain(HTMLParser):
    """What a citizen reads: no technical details, no scripts, no attributes but labels."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.words, self._folded, self._raw = [], 0, 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "details" and (self._folded or "technical" in found.get("class", "").split()):
            self._folded += 1
        if tag in {"script", "style"}:
            self._raw += 1
        if not self._folded:
            self.words += [found[name] for name in ("aria-label", "alt", "title") if found.get(name)]

    def handle_endtag(self, tag):
        if tag == "details" and self._folded:
            self._folded -= 1
        if tag in {"script", "style"}:
            self._raw -= 1

    def handle_data(self, data):
        if not self._folded and not self._raw:
            self.words.append(data)


def jargon(text):
    words = " ".join(Plain(text).words)
    found = {match[0] for match in TECHNIQUES.finditer(words)}
    return sorted(found | {code for code in CODES if re.search(rf"\b{code}\b", words)})


@pytest.fixture(scope="module")
def client():
    return create_app(WebSettings("demo", secure_cookies=False), ScriptedServices()).test_client()


def test_jargon_is_found():
    assert jargon("<p>SIGNATURE_INVALID, see its Merkle proof</p>") == ["Merkle", "SIGNATURE_INVALID"]
    assert jargon('<details class="govuk-details technical"><p>KEY_UNKNOWN</p></details>') == []


@pytest.mark.parametrize("language", ["zh", "en", "bo"])
@pytest.mark.parametrize("path", ["/", "/accessibility", "/check/number", "/check/scan", "/q", "/nowhere"])
def test_public_pages_are_plain(client, path, language):
    assert jargon(client.get(f"{path}?lang={language}").text) == []


@pytest.mark.parametrize("language", ["zh", "en", "bo"])
@pytest.mark.parametrize("state", sorted(SCRIPT))
def test_results_are_plain(client, state, language):
    answer = client.post("/check/file", data={"text": state, "lang": language}, headers=OWN)
    assert answer.status_code in {200, 422}
    assert jargon(answer.text) == []
