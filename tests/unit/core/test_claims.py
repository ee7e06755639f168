"""Claims: what is in clear, what can be withheld, and when a credential ends."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from ledger.adapters.type_files import load_types
from ledger.core.claims import ClaimBuilder, build_claims, day_start, shanghai_day
from ledger.core.errors import InputError
from ledger.core.identifiers import make_licence_identifier
from ledger.core.rows import RowChecker
from ledger.demo_data import deposit_rows, licence_rows

SHANGHAI = timezone(timedelta(hours=8))
DAY = date(2026, 11, 22)
TYPES = load_types()
HPF = TYPES.by_ref("HPF_PERSONAL_DEPOSIT")
BIZ = TYPES.by_ref("BIZ_LICENSE")
ISSUER = "12460000XXXX00019W"
COMMON = {
    "issuer_code": ISSUER,
    "iss": "https://fund.example",
    "issued_on": DAY,
    "list_uri": "https://fund.example/status/00/7",
    "idx": 65,
    "proof_no": "P-20261122-1",
}


def fields_of(loaded, row):
    bound = RowChecker(loaded.type, loaded.row_validator, "demo", DAY).bind(list(row))
    return bound.check(2, list(row.values())).fields


def build(loaded, fields, **changes):
    identifier = make_licence_identifier(loaded.type_code, ISSUER, "A" * 32)
    return build_claims(loaded.type, fields, **{**COMMON, "identifier": identifier, **changes})


DEPOSIT = fields_of(HPF, deposit_rows(1)[0])
FIRM = fields_of(BIZ, next(r for r in licence_rows(20, today=DAY) if r["营业期限至"]))


def test_a_persons_credential_shows_only_the_data_date_and_the_envelope():
    payload, _ = build(HPF, DEPOSIT)
    assert payload == {
        "iss": "https://fund.example",
        "issuer_code": ISSUER,
        "vct": "urn:ecert:type:HPF_PERSONAL_DEPOSIT:1",
        "iat": int(datetime(2026, 11, 22, tzinfo=SHANGHAI).timestamp()),
        "exp": int(datetime(2026, 12, 23, tzinfo=SHANGHAI).timestamp()),
        "status": {"status_list": {"idx": 65, "uri": "https://fund.example/status/00/7"}},
        "as_of": "2026-10-31",
    }


def test_everything_else_of_a_person_is_disclosable_once():
    payload, disclosable = build(HPF, DEPOSIT)
    names = [name for name, _ in disclosable]
    assert len(set(names)) == len(names)
    assert not set(names) & payload.keys()
    assert set(names) == (
        {f.key for f in HPF.type.fields if f.key in DEPOSIT and f.disclosure == "consent"}
        | {"continuous_months_ge_6", "continuous_months_ge_12", "continuous_months_ge_24"}
        | {"account_normal", "paid_through_2026_10", "identifier", "proof_no"}
    )


def test_an_organisation_shows_identifier_number_and_name():
    payload, disclosable = build(BIZ, FIRM)
    assert {"uscc", "name", "identifier", "proof_no"} <= payload.keys()
    assert {name for name, _ in disclosable}.isdisjoint({"identifier", "proof_no", "uscc", "name"})


@pytest.mark.parametrize(("loaded", "fields"), [(HPF, DEPOSIT), (BIZ, FIRM)], ids=["HPF", "BIZ"])
def test_what_is_issued_is_what_a_verifier_accepts(loaded, fields):
    payload, disclosable = build(loaded, fields, proof_no="P-1")
    assert loaded.claim_errors({**payload, **dict(disclosable)}, complete=True) == []
    assert loaded.claim_errors(payload, complete=False) == []


def no_floats(value):
    if isinstance(value, dict):
        return all(map(no_floats, value.values()))
    return not isinstance(value, float)


@pytest.mark.parametrize(("loaded", "fields"), [(HPF, DEPOSIT), (BIZ, FIRM)], ids=["HPF", "BIZ"])
def test_no_float_anywhere(loaded, fields):
    payload, disclosable = build(loaded, fields)
    assert no_floats(payload)
    assert no_floats(dict(disclosable))


def test_holder_key():
    jwk = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}
    payload, _ = build(HPF, DEPOSIT, holder_jwk=jwk)
    assert payload["cnf"] == {"jwk": jwk}
    assert "cnf" not in build(HPF, DEPOSIT)[0]


def test_a_licence_ends_with_its_last_day_or_never():
    payload, _ = build(BIZ, {**FIRM, "term_to": "2030-06-30"})
    assert payload["exp"] == int(datetime(2030, 7, 1, tzinfo=SHANGHAI).timestamp())
    for_ever = {key: value for key, value in FIRM.items() if key != "term_to"}
    assert "exp" not in build(BIZ, for_ever)[0]


def test_the_last_day_itself_can_still_be_issued_the_next_cannot():
    payload, _ = build(BIZ, {**FIRM, "term_to": "2026-11-22"})
    assert payload["exp"] - payload["iat"] == 86_400
    with pytest.raises(InputError) as caught:
        build(BIZ, {**FIRM, "term_to": "2026-11-21"})
    assert caught.value.code == "TERM_ENDED"


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC), date(2026, 11, 21)),
        (datetime(2026, 11, 21, 16, 0, 0, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(1970, 1, 1, tzinfo=UTC), date(1970, 1, 1)),
    ],
)
def test_days_are_those_of_shanghai(moment, day):
    assert shanghai_day(int(moment.timestamp())) == day


def test_day_start_and_its_inverse():
    for offset in range(0, 40_000, 997):
        day = date(1990, 1, 1) + timedelta(days=offset)
        assert shanghai_day(day_start(day)) == day
        assert shanghai_day(day_start(day) - 1) == day - timedelta(days=1)
        assert day_start(day) == int(datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).timestamp())


def test_rows_of_a_batch_do_not_leak_into_each_other():
    builder = ClaimBuilder(HPF.type, issuer_code=ISSUER, iss="https://fund.example", issued_on=DAY)
    one, _ = builder.build(DEPOSIT, list_uri="u", idx=1, identifier="i", proof_no="p")
    one["extra"] = True
    two, _ = builder.build(DEPOSIT, list_uri="u", idx=2, identifier="i", proof_no="p")
    assert "extra" not in two
    assert two["status"]["status_list"]["idx"] == 2
