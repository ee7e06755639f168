"""No page offers a link that leads its reader to a closed door: each role follows what it is shown."""

from __future__ import annotations

import re
from collections import Counter, deque
from urllib.parse import urljoin, urlsplit

import pytest

from ledger.core.people import Role
from tests.flow_world import deposit_table
from tests.office_world import HOST, Client, Office

OF_A_KIND = 3  # pages of the same view that are looked at
HREF = re.compile(r'<a [^>]*?href="([^"]+)"')
REST = "api"


@pytest.fixture(scope="module")
def working(office: Office) -> Office:
    """The office with a released batch and one that waits for its approver."""
    office.world.issue_all(deposit_table(range(3)))
    office.world.load(deposit_table(range(10, 12)))
    office.world.work()
    return office


def links_of(client: Client, start: str, office: Office) -> dict[str, int]:
    """Addresses and how they answered; no more than some of each view."""
    rules = office.app.url_map.bind(HOST, url_scheme="https")
    answers: dict[str, int] = {}
    seen: Counter[str] = Counter()
    todo = deque([(start, "")])
    while todo:
        address, origin = todo.popleft()
        place = urlsplit(address)
        if place.netloc != HOST or address in answers:
            continue
        kind = place.path.split("/")[1]
        if kind != REST:  # an application of its own
            kind, _ = rules.match(place.path, "GET")
        seen[kind] += 1
        if seen[kind] > OF_A_KIND:
            continue
        answer = client.get(address.split("#")[0], buffered=True)
        answers[address] = answer.status_code
        assert answer.status_code < 400, f"{origin} leads to {address}: {answer.status_code}"
        if answer.mimetype == "text/html" and answer.status_code == 200:
            found = (urljoin(address, href.replace("&amp;", "&")) for href in HREF.findall(answer.text))
            todo.extend((href, address) for href in found)
    return answers


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role.value if role else "nobody")
def test_every_link_opens(working: Office, role: Role | None):
    client = working.nobody() if role is None else working.client(role)
    answers = links_of(client, f"https://{HOST}/", working)
    if role is not None:
        answers |= links_of(client, f"https://{HOST}{client.get('/account/log-in').location}", working)
    assert len(answers) > 10
