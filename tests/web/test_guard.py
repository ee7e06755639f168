"""The guard: who gets in, who is sent where, whose forms are taken."""

from __future__ import annotations

from ledger.core.people import Role


def test_a_right_password_opens_the_account(office):
    client = office.client(Role.CLERK)
    assert client.get("/account/confirm").status_code == 200
    assert office.nobody().get("/account/confirm").status_code == 303
