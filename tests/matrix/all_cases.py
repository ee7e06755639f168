"""All bad inputs, in the order of the document."""

from __future__ import annotations

from tests.matrix import cases_bytes, cases_chain, cases_issuer, cases_page, cases_state
from tests.matrix.cases import CASES

FILES = (cases_bytes, cases_issuer, cases_chain, cases_state, cases_page)  # importing them fills the table
ORDER = {module.__name__: place for place, module in enumerate(FILES)}
ALL_CASES = sorted(CASES, key=lambda case: ORDER[case.change.__module__])
