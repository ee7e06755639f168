"""Type files: the two of the product, and a bad twin for every rule."""

import copy
import hashlib
import json

import pytest

from ledger.adapters.type_files import TypeFiles, builtin_type_bytes, load_types
from ledger.core.credential_type import derive, domain_claims, parse_credential_type
from ledger.core.errors import ConflictError, InputError
from ledger.core.row_messages import ROW_MESSAGES
from ledger.core.status import TRANSITIONS, Status

FILES = builtin_type_bytes()
HPF_BYTES = FILES["HPF_PERSONAL_DEPOSIT.json"]
HPF = parse_credential_type(HPF_BYTES)
BIZ = parse_credential_type(FILES["BIZ_LICENSE.json"])
LONG_AGO_DROPPED = {Status.PENDING: {Status.CANCELLED, Status.REVOKED}, Status.SUSPENDED: {Status.VOID}}


def test_the_product_brings_exactly_two_types():
    assert sorted(FILES) == ["BIZ_LICENSE.json", "HPF_PERSONAL_DEPOSIT.json"]


@pytest.mark.parametrize("name", sorted(FILES))
def test_file_name_is_the_code_and_the_hash_is_of_the_bytes(name):
    found = parse_credential_type(FILES[name])
    assert f"{found.code}.json" == name
    assert found.file_hash == hashlib.sha256(FILES[name]).digest()
    assert found.vct == f"urn:ecert:type:{found.code}:1"
    assert len(found.type_code) == 21


def test_deposit_proof_can_be_suspended_and_superseded():
    assert {Status.SUSPENDED, Status.SUPERSEDED} <= set(HPF.statuses)
    assert HPF.allows(Status.VALID, Status.SUPERSEDED)
    assert HPF.allows(Status.SUSPENDED, Status.VALID)
    assert not HPF.allows(Status.VALID, Status.USED)
    assert not HPF.single_use


def test_licence_has_the_three_transitions_that_were_missing():
    for before, targets in LONG_AGO_DROPPED.items():
        for after in targets:
            assert BIZ.allows(before, after), (before, after)
    assert BIZ.open_verification
    assert not HPF.open_verification


@pytest.mark.parametrize("found", [HPF, BIZ], ids=lambda t: t.code)
def test_transitions_are_the_contracts(found):
    for before, targets in found.transitions.items():
        assert targets <= TRANSITIONS[before]
        assert not before.is_final


@pytest.mark.parametrize("found", [HPF, BIZ], ids=lambda t: t.code)
def test_every_key_is_labelled_in_three_languages(found):
    labels = [found.name, found.defined_by, *(f.labels for f in found.fields)]
    labels += [p.labels for p in found.predicates]
    labels += [value for f in found.fields for value in f.values.values()]
    for label in labels:
        assert label.zh != label.en
        assert label.bo not in {label.zh, label.en}
    bo = [f.labels.bo for f in found.fields]
    assert len(set(bo)) == len(bo)


def test_always_shown_fields():
    assert [f.key for f in HPF.fields if f.disclosure == "always"] == ["as_of"]
    assert [f.key for f in BIZ.fields if f.disclosure == "always"] == ["uscc", "name"]


def test_business_keys():
    assert (HPF.business_key.number, HPF.business_key.as_of) == ("account_no", "as_of")
    assert (BIZ.business_key.number, BIZ.business_key.as_of) == ("uscc", None)


def test_predicates_say_their_kind():
    kinds = {p.id: p.kind for p in HPF.predicates}
    assert kinds == {
        "continuous_months_ge": "fixed",
        "account_normal": "fixed",
        "paid_through": "as_of",
        "balance_at_least": "value",
        "paid_through_last_month": "re_issue",
    }
    assert {p.kind for p in BIZ.predicates} == {"value"}


def test_derived_claims_of_a_row():
    fields = {"continuous_months": 12, "account_status": "02", "paid_to": "202609", "as_of": "2026-10-31"}
    assert derive(HPF, fields) == {
        "continuous_months_ge_6": True,
        "continuous_months_ge_12": True,
        "continuous_months_ge_24": False,
        "account_normal": False,
        "paid_through_2026_10": False,
    }
    assert derive(BIZ, {"scope": "餐饮"}) == {}


def test_domain_claims_leave_the_envelope_aside():
    assert domain_claims({"iss": "x", "exp": 1, "cnf": {}, "as_of": "2026-10-31"}) == {"as_of": "2026-10-31"}


def path_set(document, path, value):
    *front, last = path
    for step in front:
        document = document[step]
    if value is DELETE:
        del document[last]
    else:
        document[last] = value


DELETE = object()
LIES = [
    ("unknown member", ["extra"], 1),
    ("member missing", ["holder"], DELETE),
    ("format of the future", ["format"], 2),
    ("version zero", ["version"], 0),
    ("version as text", ["version"], "1"),
    ("version true", ["version"], True),
    ("version beyond uint16", ["version"], 65_536),
    ("lower-case code", ["code"], "hpf"),
    ("type code with a wrong check", ["type_code"], "11100000000013339W901"),
    ("type code too short", ["type_code"], "11100000000013338W"),
    ("no Tibetan name", ["name", "bo"], "Tibetan"),
    ("empty English name", ["name", "en"], " "),
    ("label missing", ["fields", 3, "labels", "bo"], DELETE),
    ("label not Tibetan", ["fields", 3, "labels", "bo"], "个人账号"),
    ("value label missing", ["fields", 1, "values", "02", "bo"], DELETE),
    ("no such holder", ["holder"], "animal"),
    ("flag as a number", ["open_verification"], 0),
    ("validity in months", ["validity"], "P1M"),
    ("validity of no days", ["validity"], "P0D"),
    ("validity by a field that is no date", ["validity"], "FIELD:name or LONG"),
    ("unknown status", ["statuses"], ["VALID", "EXPIRED"]),
    ("no VALID", ["statuses"], ["SUSPENDED"]),
    ("status twice", ["statuses"], ["VALID", "VALID"]),
    (
        "USED without single use",
        ["statuses"],
        ["VALID", "SUSPENDED", "SUPERSEDED", "CANCELLED", "VOID", "USED"],
    ),
    ("single use without USED", ["single_use"], True),
    ("transition of no status", ["transitions", "PENDING"], ["VALID"]),
    ("transition the contract lacks", ["transitions", "SUSPENDED"], ["VALID", "SUSPENDED"]),
    ("way out of a final status", ["transitions", "VOID"], ["VALID"]),
    ("status that nothing leads to", ["transitions"], {"VALID": ["SUSPENDED"], "SUSPENDED": ["VALID"]}),
    ("business key of no field", ["business_key", "number"], "nobody"),
    ("business key of a text", ["business_key", "number"], "name"),
    ("business key of an optional field", ["business_key", "number"], "unit_account_no"),
    ("business date of no date", ["business_key", "as_of"], "paid_to"),
    ("field twice", ["fields", 3, "key"], "name"),
    ("field with the name of an envelope claim", ["fields", 3, "key"], "exp"),
    ("field with the name of the identifier", ["fields", 3, "key"], "identifier"),
    ("header that names two fields", ["fields", 3, "headers"], ["姓名"]),
    ("no header", ["fields", 3, "headers"], []),
    ("unknown kind", ["fields", 3, "kind"], "float"),
    ("codes on a text", ["fields", 0, "values"], {"1": {"zh": "甲", "en": "a", "bo": "ཀ"}}),
    ("code without codes", ["fields", 1, "values"], DELETE),
    ("unknown sensitivity", ["fields", 3, "sensitivity"], "SECRET"),
    ("unknown disclosure", ["fields", 3, "disclosure"], "never"),
    ("rule of unknown operation", ["rules", 1, "op"], "python"),
    ("rule on an unknown field", ["rules", 1, "left"], "nobody"),
    ("rule that compares a text", ["rules", 1, "left"], "name"),
    ("rule against itself", ["rules", 2, "right"], "opened_on"),
    ("rule that blames a bystander", ["rules", 2, "blame"], "paid_to"),
    ("rule without a sentence", ["rules", 2, "message"], DELETE),
    ("rule with one language", ["rules", 2, "message", "en"], DELETE),
    ("rule with a soft code", ["rules", 2, "code"], "opened after"),
    ("tolerance as a number", ["rules", 8, "tolerance"], 2),
    ("tolerance with one decimal", ["rules", 8, "tolerance"], "2.0"),
    ("product of a date", ["rules", 8, "ratios"], ["opened_on"]),
    ("months of a date", ["rules", 7, "from"], "opened_on"),
    ("resident ID by a text", ["rules", 0, "when", "field"], "name"),
    ("predicate without a kind", ["predicates", 0, "kind"], DELETE),
    ("predicate of unknown kind", ["predicates", 0, "kind"], "sometimes"),
    ("threshold missing", ["predicates", 0, "thresholds"], DELETE),
    ("thresholds that do not ascend", ["predicates", 0, "thresholds"], [6, 24, 12]),
    ("ge on a code", ["predicates", 0, "field"], "account_status"),
    ("as-of claim without a month", ["predicates", 2, "claim"], "paid_through"),
    ("as-of of no date", ["predicates", 2, "of"], "paid_to"),
    ("value predicate that makes a claim", ["predicates", 3, "claim"], "balance_ge_100"),
    ("value predicate without a question", ["predicates", 3, "question"], DELETE),
    ("predicate named like a field", ["predicates", 1, "claim"], "account_status"),
    ("predicate twice", ["predicates", 1, "id"], "paid_through"),
    ("claim twice", ["predicates", 1, "claim"], "continuous_months_ge_6"),
    ("schema open", ["schema", "additionalProperties"], True),
    ("schema of another draft", ["schema", "$schema"], "http://json-schema.org/draft-07/schema#"),
    ("schema without a field", ["schema", "properties", "name"], DELETE),
    ("schema with a field too much", ["schema", "properties", "extra"], {"type": "string"}),
    ("schema requires less", ["schema", "required"], ["name"]),
    ("schema of another kind", ["schema", "properties", "continuous_months", "type"], "number"),
    ("schema with other codes", ["schema", "properties", "id_type", "enum"], ["01"]),
    ("text of any length", ["schema", "properties", "name", "maxLength"], DELETE),
    ("date without a pattern", ["schema", "properties", "as_of", "pattern"], DELETE),
    ("count without a bound", ["schema", "properties", "continuous_months", "maximum"], DELETE),
]


@pytest.mark.parametrize(("path", "value"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
def test_a_bad_twin_is_refused(path, value):
    document = copy.deepcopy(json.loads(HPF_BYTES))
    path_set(document, path, value)
    with pytest.raises(InputError) as caught:
        parse_credential_type(json.dumps(document).encode())
    assert caught.value.code == "TYPE_FILE_INVALID"
    assert caught.value.detail["where"].startswith("$")


def test_the_unchanged_twin_is_accepted():
    assert parse_credential_type(json.dumps(json.loads(HPF_BYTES)).encode()).code == HPF.code


def test_duplicate_members_are_refused():
    with pytest.raises(InputError) as caught:
        parse_credential_type(HPF_BYTES.replace(b'"version": 1,', b'"version": 1, "version": 1,', 1))
    assert caught.value.code == "JSON_DUPLICATE_KEY"


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff\xfe", b"null", b'{"format": 1}'])
def test_anything_else_is_an_input_error(data):
    with pytest.raises(InputError):
        parse_credential_type(data)


@pytest.mark.parametrize("found", [HPF, BIZ], ids=lambda t: t.code)
def test_rules_bring_a_sentence_in_both_languages_and_no_code_of_the_table(found):
    for rule in found.rules:
        if rule.code is not None:
            assert set(rule.message) == {"zh", "en"}
            assert rule.code not in ROW_MESSAGES


def test_types_are_found_by_vct_and_by_code(tmp_path):
    document = json.loads(HPF_BYTES)
    document["version"] = 2
    (tmp_path / "second.json").write_text(json.dumps(document), encoding="utf-8")
    types = load_types(tmp_path)
    assert types.find("urn:ecert:type:HPF_PERSONAL_DEPOSIT:1").file_hash == HPF.file_hash
    assert types.by_ref("HPF_PERSONAL_DEPOSIT").version == 2
    assert types.by_ref("HPF_PERSONAL_DEPOSIT:1").version == 1
    assert types.by_ref("HPF_PERSONAL_DEPOSIT:3") is None
    assert types.find("urn:ecert:type:NOBODY:1") is None
    assert [(t.code, t.version) for t in types.all()] == [
        ("BIZ_LICENSE", 1),
        ("HPF_PERSONAL_DEPOSIT", 1),
        ("HPF_PERSONAL_DEPOSIT", 2),
    ]


def test_two_files_of_one_type_are_a_conflict():
    with pytest.raises(ConflictError) as caught:
        TypeFiles([HPF, HPF])
    assert caught.value.code == "TYPE_TWICE"


SHOWN = {"iss": "https://a.example", "as_of": "2026-10-31", "continuous_months_ge_6": True}


@pytest.mark.parametrize(
    ("added", "errors"),
    [
        ({}, []),
        ({"paid_through_2026_10": False, "identifier": "nonsense"}, ["identifier: PATTERN"]),
        ({"paid_through_2026_13": False}, ["$: ADDITIONALPROPERTIES"]),
        ({"continuous_months_ge_6": "yes"}, ["continuous_months_ge_6: TYPE"]),
        ({"account_status": "77"}, ["account_status: ENUM"]),
        ({"opened_on": "2021-02-30"}, ["opened_on: FORMAT"]),
        ({"balance": 1}, ["balance: TYPE"]),
        ({"id_type": "99", "id_number": "E12345678"}, []),
        ({"id_type": "01", "id_number": "E12345678"}, ["id_number: PATTERN"]),
        ({"id_number": "E12345678"}, []),
    ],
)
def test_what_a_holder_shows_is_checked(added, errors):
    loaded = load_types().by_ref("HPF_PERSONAL_DEPOSIT")
    found = loaded.claim_errors({**SHOWN, **added}, complete=False)
    assert found == errors


def test_always_fields_may_not_be_withheld():
    loaded = load_types().by_ref("HPF_PERSONAL_DEPOSIT")
    assert loaded.claim_errors({"iss": "x"}, complete=False) == ["$: REQUIRED"]
    missing = loaded.claim_errors({"as_of": "2026-10-31"}, complete=True)
    assert "name: REQUIRED" in missing
    assert "unit_account_no: REQUIRED" not in missing


def test_claim_names():
    names = load_types().by_ref("HPF_PERSONAL_DEPOSIT").claim_names
    assert {"as_of", "continuous_months_ge_24", "account_normal", "identifier", "proof_no"} <= names
