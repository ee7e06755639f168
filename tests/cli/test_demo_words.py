"""What the demo says about its people: whoever tries it must know whom to be."""

from __future__ import annotations

from ledger.apps.cli_demo import ROLES, login_line
from ledger.apps.cli_frame import Text
from ledger.apps.demo_office import Login
from ledger.bootstrap_demo import DEMO_AGENCIES, DEMO_PEOPLE
from ledger.core.people import Role


def test_each_log_in_says_organisation_and_roles() -> None:
    places = {agency.uscc: Text(agency.name_zh, agency.name_en) for agency in DEMO_AGENCIES}
    for login, name, organisation, roles in DEMO_PEOPLE:
        line = login_line(Login(login, "secret-word", name, organisation, roles), places)
        for words, place in ((line.zh, places[organisation].zh), (line.en, places[organisation].en)):
            assert f"{login} " in words
            assert "secret-word" in words
            assert place in words
        assert line.zh.endswith("、".join(ROLES[role].zh for role in roles))
        assert line.en.endswith(", ".join(roles))
    assert set(ROLES) == {role.value for role in Role}
