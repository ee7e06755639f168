"""What is kept of one credential never changes what is said of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.core.model import ChainEvidence
from ledger.services.verify import Verifier
from tests.matrix.all_cases import ALL_CASES
from tests.matrix.test_rare import ChangedView, mutations
from tests.matrix.world import World

GOOD = World()
DATA = GOOD.bundle()


def test_a_second_look_says_the_same() -> None:
    for case in ALL_CASES:
        world = World()
        case.change(world)
        data, verifier = world.bundle(), world.verifier()
        reports = [
            each.verify(data, now=world.now, list_token=world.list_token).as_json()
            for each in (verifier, verifier, world.verifier())
        ]
        assert reports[0] == reports[1] == reports[2], case.name


@given(mutations())
def test_a_changed_bundle_after_a_good_one(change: Callable[[bytes], bytes]) -> None:
    verifier = GOOD.verifier()
    assert verifier.verify(DATA, now=GOOD.now).accepted
    changed = change(DATA)
    kept, fresh = (each.verify(changed, now=GOOD.now) for each in (verifier, GOOD.verifier()))
    assert kept.as_json() == fresh.as_json()


def test_time_and_chain_move_on() -> None:
    changes: list[Callable[[ChainEvidence], ChainEvidence]] = [
        lambda found: found,
        lambda found: replace(found, status=1),
        lambda found: replace(found, key=None),
        lambda found: replace(found, issuer=None),
        lambda found: replace(found, head=replace(found.head, forked=True)),
        lambda found: replace(found, receipt_block_hash=None),
        lambda found: replace(found, credential_key=None),
    ]
    chosen = [changes[0]]

    def change(found: ChainEvidence) -> ChainEvidence:
        return chosen[0](found)

    verifier = Verifier(GOOD.trust, SdJwtFormat(), GOOD.types, ChangedView(GOOD, change))
    for now in (GOOD.now, GOOD.now + 10**9):
        for current in (*changes, changes[0]):
            chosen[0] = current
            fresh = Verifier(GOOD.trust, SdJwtFormat(), GOOD.types, ChangedView(GOOD, current))
            report = verifier.verify(DATA, now=now)
            assert report.as_json() == fresh.verify(DATA, now=now).as_json()
            assert report.accepted == (current is changes[0] and now == GOOD.now)
