"""Puts the two contracts on a chain, or recognises them where they are already.

Recognised means: the deployed code is byte for byte what our compiler made, apart from the values that
a constructor fixes; and those values are asked for and compared. An address alone proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from ledger.adapters.abi import Artifact, issuer_id
from ledger.adapters.chain_rpc.chain import RpcChain
from ledger.adapters.chain_rpc.finality import Finality, parse_finality
from ledger.adapters.chain_rpc.nodes import Nodes, SleepingClock
from ledger.adapters.chain_rpc.reader import Place, RpcReader
from ledger.adapters.chain_rpc.record import RpcRecord
from ledger.adapters.founding import Founding
from ledger.adapters.transaction import contract_address, sign_transaction
from ledger.core.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from ledger.ports import ChainSigner, ContractCall, ContractName

_DEPLOY_GAS = 12_000_000  # the larger contract costs less than half of it
_PATIENCE_S = 900.0
_LOOK_EVERY_S = 0.5
CONTRACTS: tuple[ContractName, ...] = ("registry", "ledger")
"""In the order of their creation, each with the account's next nonce."""


def planned_place(chain_id: int, ledger_id: bytes, deployer: bytes, nonce: int, since: int) -> Place:
    """Where the contracts will be when this account deploys them with this nonce and the next."""
    return Place(
        chain_id, ledger_id, contract_address(deployer, nonce), contract_address(deployer, nonce + 1), since
    )


def choose_place(remote: RpcRecord, clock: SleepingClock, deployer: bytes, ledger_id: bytes) -> RpcRecord:
    """The record with the place where this account will deploy. Raises: UnavailableError(CHAIN_*)."""
    with closing(remote.nodes(clock)) as nodes:
        chain_id = nodes.agree(lambda node: node.chain_id())
        nowhere = Place(chain_id, ledger_id, bytes(20), bytes(20))
        reader = RpcReader(nodes, nowhere, parse_finality(remote.finality))
        since, nonce = reader.head().number, reader.next_nonce(deployer)
    return replace(remote, place=planned_place(chain_id, ledger_id, deployer, nonce, since))


def deploy_contracts(
    chain: RpcChain, clock: SleepingClock, deployer: ChainSigner, founding: Founding
) -> None:
    """Deploy to the chain's `place`; what is there already is left alone, so that it can run again.

    Args:
        chain: its place is what `planned_place` gave.
        clock: for waiting.
        deployer: keeps no power; needs funds where gas has a price.
        founding: goes into the registry's constructor.
    Raises: RefusedError(DEPLOY_FAILED), UnavailableError(CHAIN_SLOW, CHAIN_UNAVAILABLE).
    """
    for name in CONTRACTS:
        if not code_at(chain, chain.contract(name)):
            _wait(chain, clock, send_contract(chain, name, deployer, founding), name)


def send_contract(chain: RpcChain, name: ContractName, deployer: ChainSigner, founding: Founding) -> bytes:
    """Hand over the transaction that creates one contract at its place; its hash.

    Raises: RefusedError(DEPLOY_FAILED) when the account has used the nonce of that place.
    """
    place = chain.place
    args: tuple[object, ...] = (place.ledger_id, place.registry)
    if name == "registry":
        args = (
            place.ledger_id, founding.governance, issuer_id(founding.root_issuer),
            founding.admin1, founding.admin2, founding.directory_hash,
        )  # fmt: skip
    nonce = chain.next_nonce(deployer.address)
    if contract_address(deployer.address, nonce) != chain.contract(name):
        raise RefusedError("DEPLOY_FAILED", f"the deploying account is at nonce {nonce}, not where it began")
    prepared = sign_transaction(
        deployer,
        chain_id=place.chain_id,
        nonce=nonce,
        to=None,
        data=chain.codec.artifacts[name].bytecode + chain.codec[name].encode_constructor(args),
        gas=min(_DEPLOY_GAS, chain.most_gas()),
        gas_price=chain.price(),
    )
    chain.send(prepared.raw)
    return prepared.hash


def _wait(chain: RpcChain, clock: SleepingClock, transaction: bytes, name: str) -> None:
    end = clock.monotonic() + _PATIENCE_S
    while clock.monotonic() < end:
        chain.step()
        outcome = chain.outcome(transaction)
        if outcome.state == "final":
            return
        if outcome.state in ("reverted", "rejected"):
            raise RefusedError("DEPLOY_FAILED", f"{name}: {outcome.error}")
        clock.sleep(_LOOK_EVERY_S)
    raise UnavailableError("CHAIN_SLOW", "The chain did not take a contract within a quarter of an hour.")


def code_at(reader: RpcReader, address: bytes) -> bytes:
    """Deployed code at the final head, empty where there is none."""
    height = reader.head().number
    return reader.nodes.agree(lambda node: node.code(address, height))


def attach(nodes: Nodes, chain_id: int, registry: bytes, ledger: bytes, finality: Finality) -> Place:
    """The place of contracts that somebody deployed, once they are recognised as ours.

    Raises: NotFoundError(CONTRACT_MISSING), ConflictError(CONTRACT_FOREIGN).
    """
    reader = RpcReader(nodes, Place(chain_id, bytes(32), registry, ledger), finality)
    codec = reader.codec
    addresses: Mapping[ContractName, bytes] = {"registry": registry, "ledger": ledger}
    for name, address in addresses.items():
        code = code_at(reader, address)
        if not code:
            raise NotFoundError("CONTRACT_MISSING", f"there is no contract at the {name}'s address")
        if not is_code_of(code, codec.artifacts[name]):
            raise _foreign(f"the code at the {name}'s address is not this program's")
    ledger_id = reader.read(ContractCall("registry", "ledgerId", ()))
    if reader.read(ContractCall("ledger", "ledgerId", ())) != ledger_id:
        raise _foreign("registry and ledger are of different ledgers")
    if reader.read(ContractCall("ledger", "registry", ())) != registry:
        raise _foreign("the ledger asks another registry")
    return Place(chain_id, ledger_id, registry, ledger, _first_block(reader, registry))


def _foreign(why: str) -> ConflictError:
    return ConflictError("CONTRACT_FOREIGN", f"These are not the contracts: {why}.")


def is_code_of(code: bytes, artifact: Artifact) -> bool:
    """Whether deployed code is the compiler's, immutables aside."""
    expected = artifact.deployed_bytecode
    if len(code) != len(expected):
        return False
    masked = bytearray(code)
    for start, length in artifact.immutables:
        masked[start : start + length] = bytes(length)
    return bytes(masked) == expected


def _first_block(reader: RpcReader, address: bytes) -> int:
    """The block with the first code at an address, by halving; 0 where nodes forgot their past."""
    low, high = 0, reader.head().number

    def has_code(height: int) -> bool:
        return bool(reader.nodes.agree(lambda node: node.code(address, height)))

    try:
        while low < high:
            middle = (low + high) // 2
            if has_code(middle):
                high = middle
            else:
                low = middle + 1
    except UnavailableError:
        return 0
    return low
