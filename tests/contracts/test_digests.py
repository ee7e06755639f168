"""Typed digests: the contracts, ledger.core.eip712 and eth-account agree on every one."""

from __future__ import annotations

from typing import Any

import pytest
from eth.vm.chain_context import ChainContext
from eth.vm.spoof import SpoofTransaction
from eth_account.messages import encode_typed_data

from ledger.core import eip712
from ledger.core.model import Batch, WordChange
from scripts.contracts.lab import LEDGER_ID, batch_tuple, change_tuple, root_of
from tests.contracts.test_standing import standing, terms
from tests.contracts.world import BUREAU, CITY, World, issuer_id

BATCH = Batch(BUREAU, 7, 8, root_of("r"), 9, 10, 11, True, root_of("m"), root_of("a"), 2**63)
CHANGE = eip712.StatusChange(
    BUREAU, root_of("r"), root_of("c"), 3, CITY, root_of("m"), root_of("a"), 2**255, 5
)
WITHDRAWAL = eip712.BatchWithdrawal(BUREAU, root_of("r"), 3, CITY, root_of("m"), root_of("a"), 5)
CONSENT = eip712.Authorisation(BUREAU, root_of("call"), root_of("s"), 2**200, 9)


def by_account(world: World, contract: Any, primary: str, types: str, values: tuple[Any, ...]) -> bytes:
    """The digest as eth-account computes it from the type's own text."""
    name = "ecert CredentialLedger" if contract is world.lab.ledger else "ecert IssuerRegistry"
    members = [dict(zip(("type", "name"), member.split(), strict=True)) for member in types.split(",")]
    domain_types = "string name,string version,uint256 chainId,address verifyingContract,bytes32 salt"
    domain = [dict(zip(("type", "name"), member.split(), strict=True)) for member in domain_types.split(",")]
    message = encode_typed_data(
        full_message={
            "types": {"EIP712Domain": domain, primary: members},
            "primaryType": primary,
            "domain": {
                "name": name,
                "version": "1",
                "chainId": world.lab.chain_id,
                "verifyingContract": contract.address,
                "salt": LEDGER_ID,
            },
            "message": dict(zip((member["name"] for member in members), values, strict=True)),
        }
    )
    return eip712.keccak(b"\x19" + message.version + message.header + message.body)


def test_the_domains_agree(world: World) -> None:
    assert world.ledger.domainSeparator().call() == world.lab.ledger_domain.separator()
    assert world.registry.domainSeparator().call() == world.lab.registry_domain.separator()
    assert world.ledger.ledgerId().call() == world.registry.ledgerId().call() == LEDGER_ID
    assert world.ledger.registry().call() == world.lab.registry.address


def test_batches_agree(world: World) -> None:
    types = (
        "bytes18 issuer,uint32 typeId,uint32 key,bytes32 root,uint32 size,uint32 list,uint32 firstWord,"
        "bool pending,bytes32 maker,bytes32 approver,uint64 deadline"
    )
    ours = eip712.batch_digest(world.lab.ledger_domain, BATCH)
    assert world.ledger.batchDigest(batch_tuple(BATCH)).call() == ours
    assert by_account(world, world.lab.ledger, "Batch", types, batch_tuple(BATCH)) == ours


def test_status_changes_agree(world: World) -> None:
    types = (
        "bytes18 issuer,bytes32 root,bytes32 changesHash,uint8 reasonClass,bytes18 by,bytes32 maker,"
        "bytes32 approver,uint256 nonce,uint64 deadline"
    )
    ours = eip712.status_change_digest(world.lab.ledger_domain, CHANGE)
    assert world.ledger.statusChangeDigest(change_tuple(CHANGE)).call() == ours
    assert by_account(world, world.lab.ledger, "StatusChange", types, change_tuple(CHANGE)) == ours


def test_withdrawals_agree(world: World) -> None:
    types = "bytes18 issuer,bytes32 root,uint8 reasonClass,bytes18 by,bytes32 maker,bytes32 approver,uint64 deadline"
    struct = (issuer_id(BUREAU), root_of("r"), 3, issuer_id(CITY), root_of("m"), root_of("a"), 5)
    ours = eip712.withdrawal_digest(world.lab.ledger_domain, WITHDRAWAL)
    assert world.ledger.withdrawalDigest(struct).call() == ours
    assert by_account(world, world.lab.ledger, "BatchWithdrawal", types, struct) == ours


def test_standing_approvals_agree(world: World) -> None:
    types = (
        "bytes18 issuer,uint32 typeId,uint8 acts,uint32 anchorLimit,uint32 supersedeLimit,uint32 useLimit,"
        "uint64 validFrom,uint64 validUntil,bytes32 approver,uint256 nonce"
    )
    wanted = standing(world, nonce=2**256 - 1)
    ours = eip712.standing_digest(world.lab.ledger_domain, wanted)
    assert world.ledger.standingDigest(terms(wanted)).call() == ours
    assert by_account(world, world.lab.ledger, "StandingApproval", types, terms(wanted)) == ours


def test_authorisations_agree(world: World) -> None:
    types = "bytes18 issuer,bytes32 callHash,bytes32 signer,uint256 nonce,uint64 deadline"
    values = (issuer_id(BUREAU), CONSENT.call_hash, CONSENT.signer, CONSENT.nonce, CONSENT.deadline)
    ours = eip712.authorisation_digest(world.lab.registry_domain, CONSENT)
    assert world.registry.authorisationDigest(*values).call() == ours
    assert by_account(world, world.lab.registry, "Authorisation", types, values) == ours


def test_a_hash_of_changes_is_that_of_their_abi_encoding(world: World) -> None:
    changes = [WordChange(1, 0xF, 0x2), WordChange(2**32 - 1, 2**256 - 1, 2**255)]
    encoded = world.lab.w3.codec.encode(
        ["(uint32,uint256,uint256)[]"], [[(change.word, change.mask, change.value) for change in changes]]
    )
    assert eip712.changes_hash(changes) == eip712.keccak(encoded)
    assert eip712.changes_hash([]) == eip712.keccak(
        world.lab.w3.codec.encode(["(uint32,uint256,uint256)[]"], [[]])
    )


def test_a_passkeys_id_is_that_of_its_abi_encoding(world: World) -> None:
    encoded = world.lab.w3.codec.encode(["string", "uint256", "uint256"], ["P256", 5, 2**255])
    assert eip712.passkey_signer(5, 2**255) == eip712.keccak(encoded)


def test_a_separator_follows_the_chain_id_of_a_fork(world: World) -> None:
    chain = world.lab.tester.backend.chain
    head = chain.get_canonical_head().copy(base_fee_per_gas=0)
    vm_class = chain.get_vm_class(head)
    contract = bytes.fromhex(world.lab.ledger.address[2:])
    call = vm_class.create_unsigned_transaction(
        nonce=0,
        gas_price=0,
        gas=1_000_000,
        to=contract,
        value=0,
        data=bytes.fromhex(world.lab.ledger.encode_abi("domainSeparator")[2:]),
    )
    for chain_id in (world.lab.chain_id, world.lab.chain_id + 1):
        state = vm_class.build_state(chain.chaindb.db, head, ChainContext(chain_id))
        computation = state.costless_execute_transaction(SpoofTransaction(call, from_=b"\1" * 20))
        assert computation.output == eip712.ledger_domain(chain_id, contract, LEDGER_ID).separator()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: eip712.address_signer(b"\1" * 19),
        lambda: eip712.ecdsa_signature(b"\1" * 64),
        lambda: eip712.accept_hash(-1, b""),
        lambda: eip712.revoke_standing_hash(b"", BUREAU),
        lambda: eip712.propose_hash("12345", b""),
    ],
)
def test_misuse_is_loud(wrong: Any) -> None:
    with pytest.raises((ValueError, OverflowError)):
        wrong()
