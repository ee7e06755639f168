"""Accounts as values: passwords, log-in names, addresses to go to, one-time codes, who sees what."""

from __future__ import annotations

import base64

import pytest

from ledger.core.accounts import (
    IDLE_S,
    Membership,
    SessionRow,
    check_new_password,
    device_label,
    local_address,
    normal_login,
)
from ledger.core.errors import InputError
from ledger.core.one_time import (
    base32,
    matching_step,
    normal_recovery_code,
    recovery_code,
    totp_code,
    totp_uri,
)
from ledger.core.people import Role, sight, subtree_of

RFC6238 = b"12345678901234567890"  # RFC 6238, appendix B: seconds, eight digits; we use the last six


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [(59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"),
     (2000000000, "69279037"), (20000000000, "65353130")],
)  # fmt: skip
def test_totp_is_that_of_the_standard(seconds, digits):
    assert totp_code(RFC6238, seconds // 30) == digits[2:]
    assert matching_step(RFC6238, f" {digits[2:5]} {digits[5:]} ", seconds, 0) == seconds // 30


def test_a_code_counts_one_step_around_now_and_once():
    now = 1_795_305_615
    step = now // 30
    assert [matching_step(RFC6238, totp_code(RFC6238, step + off), now, 0) for off in (-2, -1, 0, 1, 2)] == [
        None, step - 1, step, step + 1, None,
    ]  # fmt: skip
    assert matching_step(RFC6238, totp_code(RFC6238, step), now, step) is None
    assert matching_step(RFC6238, totp_code(RFC6238, step - 1), now, step) is None
    for typed in ("", "12345", "1234567", "12345a", "١٢٣٤٥٦"):
        assert matching_step(RFC6238, typed, now, 0) is None


def test_what_an_app_is_told():
    secret = bytes(range(20))
    assert base64.b32decode(base32(secret)) == secret
    assert totp_uri(secret, "li.ming", "电子证照账本").startswith("otpauth://totp/%E7%94%B5")
    code = recovery_code(bytes(range(10)))
    assert code == "aaaq-eaye-auda-ocaj"
    assert normal_recovery_code(" AAAQ eaye-auda OCAJ ") == code.replace("-", "")


@pytest.mark.parametrize(
    ("typed", "login"), [("Li.Ming ", "li.ming"), ("ＡＢＣ1", "abc1"), ("a-b_c", "a-b_c")]
)
def test_login_names_are_one_however_they_are_typed(typed, login):
    assert normal_login(typed) == login


@pytest.mark.parametrize("typed", ["", "ab", "a" * 41, ".ab", "ab.", "张三丰", "a b c", "a@b.c", "a\nb"])
def test_login_names_that_cannot_be(typed):
    with pytest.raises(InputError) as error:
        normal_login(typed)
    assert error.value.code == "LOGIN_INVALID"


@pytest.mark.parametrize(
    ("password", "code"),
    [("short", "LOGIN_PASSWORD_SHORT"), ("x" * 129, "LOGIN_PASSWORD_LONG"), ("aaaaaaaaaaaaaaaa", "LOGIN_PASSWORD_EASY"),
     ("abcdefghijklmnop", "LOGIN_PASSWORD_EASY"), ("987654321098", "LOGIN_PASSWORD_EASY"), ("my li.ming pass", "LOGIN_PASSWORD_EASY")],
)  # fmt: skip
def test_passwords_that_are_refused(password, code):
    with pytest.raises(InputError) as error:
        check_new_password(password, "li.ming")
    assert error.value.code == code


def test_a_password_is_the_same_from_every_keyboard():
    assert check_new_password("ｃｏｒｒｅｃｔ horse 9!", "li.ming") == "correct horse 9!"
    assert check_new_password("四匹马 正确 电池 订书钉 九", "li.ming")


@pytest.mark.parametrize("good", ["/", "/a", "/a/b?c=d&e=//f", "/a#b"])
def test_addresses_of_our_own(good):
    assert local_address(good) == good


@pytest.mark.parametrize(
    "bad",
    [None, "", "a", "//a", "///a", "/\\a", "\\a", "https://a", "https:a", "/ a", "/\ta", "/a\n", "/\x00", "/a\u2028b",
     "javascript:alert(1)", "/" + "a" * 2000],
)  # fmt: skip
def test_addresses_that_might_lead_elsewhere(bad):
    assert local_address(bad) is None


def test_a_browser_is_told_by_family_and_system_only():
    told = device_label(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/86.0.4240.75 Safari/537.36"
    )
    assert told == "Chrome · Windows"
    assert device_label("<script>") == "? · ?"


def test_roles_and_sessions_run_from_then_till_then():
    role = Membership(1, 1, "u", Role.CLERK, 100, 200)
    assert [role.is_running(now) for now in (99, 100, 199, 200)] == [False, True, True, False]
    assert not Membership(1, 1, "u", Role.CLERK, 100, None, ended_at=150).is_running(160)
    session = SessionRow(1, 1, "u", "full", "password", "d", 0, 0, 10_000, 0)
    assert session.is_running(IDLE_S - 1)
    assert not session.is_running(IDLE_S)


TREE = {
    "province": None,
    "city": "province",
    "county": "city",
    "town": "city",
    "other": None,
    "branch": "other",
}


def test_a_subtree_is_what_lies_below_and_nothing_beside():
    assert subtree_of("city", TREE) == {"city", "county", "town"}
    assert subtree_of("county", TREE) == {"county"}
    assert subtree_of("province", TREE) == {"province", "city", "county", "town"}
    assert subtree_of("unknown", TREE) == {"unknown"}
    assert subtree_of("a", {"a": "b", "b": "a"}) == {"a", "b"}  # a circle ends


@pytest.mark.parametrize("role", list(Role))
def test_only_those_who_oversee_see_below(role):
    sees = sight("city", frozenset({role}), TREE)
    assert sees == (
        {"city", "county", "town"} if role in {Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR} else {"city"}
    )
