"""One suite for both evaluators, and a differential test: fast equals slow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.schema_reference import ReferenceSchemaValidator
from ledger.adapters.schema_rust import RustSchemaValidator
from ledger.adapters.type_files import load_types
from ledger.core.errors import InputError
from ledger.core.schema import SchemaFinding

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["day"],
    "properties": {
        "day": {"type": "string", "format": "date", "pattern": "^[0-9-]+$"},
        "count": {"type": "integer", "minimum": 0},
    },
    "patternProperties": {"^month_[0-9]{2}$": {"type": "boolean"}},
}
TYPES = load_types()


@pytest.fixture(params=[RustSchemaValidator, ReferenceSchemaValidator], ids=["rust", "reference"])
def validator(request):
    return request.param(SCHEMA)


@pytest.mark.parametrize(
    ("value", "findings"),
    [
        ({"day": "2026-10-31"}, []),
        ({"day": "2026-10-31", "count": 0, "month_10": True}, []),
        ({}, [((), "required")]),
        ({"day": "2026-02-30"}, [(("day",), "format")]),
        ({"day": "2026-10-31\n"}, [(("day",), "format"), (("day",), "pattern")]),
        ({"day": "2026-10-31", "month_10\n": True}, [((), "additionalProperties")]),
        ({"day": "2026-10-31", "month_10": 1}, [(("month_10",), "type")]),
        ({"day": "2026-10-31", "count": -1}, [(("count",), "minimum")]),
        ({"day": 5}, [(("day",), "type")]),
        ([], [((), "type")]),
        (None, [((), "type")]),
    ],
)
def test_findings(validator, value, findings):
    assert validator.findings(value) == tuple(SchemaFinding(*f) for f in findings)
    assert validator.is_valid(value) is not bool(findings)


def test_a_schema_that_is_none_is_our_mistake_or_an_input_error():
    with pytest.raises(InputError) as caught:
        RustSchemaValidator({"type": "thing"})
    assert caught.value.code == "SCHEMA_INVALID"


PAIRS = {
    (loaded.code, part): (RustSchemaValidator(schema), ReferenceSchemaValidator(schema), schema)
    for loaded in TYPES.all()
    for part, schema in (("row", loaded.type.schema), ("shown", loaded.type.presentation_schema))
}
GOOD = ["2026-10-31", "202610", "12.50", "0.12", "01", "王伟", "990101199003070015", "91990101MAURUFFB64"]
VALUES = st.one_of(
    st.sampled_from([*GOOD, "0.00", "2021-02-30", "202613", "12.5", "１", "2026-10-31\n", "x" * 300, ""]),
    st.text(max_size=20),
    st.integers(-5, 1500),
    st.booleans(),
    st.none(),
)


@pytest.mark.parametrize("pair", sorted(PAIRS), ids="-".join)
@given(data=st.data())
def test_the_fast_evaluator_finds_what_the_slow_one_finds(pair, data):
    fast, slow, schema = PAIRS[pair]
    names = [*schema["properties"], "paid_through_2026_10", "paid_through_2026_13", "else"]
    value = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=len(names)))
    assert fast.is_valid(value) == slow.is_valid(value)
    assert fast.findings(value) == slow.findings(value)
    assert fast.is_valid(value) == (fast.findings(value) == ())
