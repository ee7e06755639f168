"""Puts the two contracts on a fresh embedded chain and remembers where they are.

Can run again after a crash: what the chain file already names is not deployed twice.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger.adapters.abi import issuer_id
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.founding import Founding
from ledger.adapters.transaction import contract_address, sign_transaction
from ledger.core.errors import RefusedError
from ledger.core.model import ChainInfo
from ledger.ports import ChainSigner, ContractName

_DEPLOY_GAS = 12_000_000  # the larger contract costs less than half of it


def deploy_contracts(
    chain: EmbeddedChain,
    deployer: ChainSigner,
    founding: Founding,
    wait: Callable[[], None],
) -> ChainInfo:
    """Deploy IssuerRegistry and CredentialLedger, then tell the facts as `chain.info()` will.

    Args:
        chain: fresh, open for sealing.
        founding: goes into the registry's constructor.
        deployer: any key; it needs no funds and keeps no power.
        wait: called when a block cannot be sealed yet because the clock is in the head's second.
    Raises: RefusedError(DEPLOY_FAILED).
    """
    ledger_id = chain.info().ledger_id
    registry = _deploy(
        chain, deployer, "registry", wait,
        (
            ledger_id, founding.governance, issuer_id(founding.root_issuer),
            founding.admin1, founding.admin2, founding.directory_hash,
        ),
    )  # fmt: skip
    _deploy(chain, deployer, "ledger", wait, (ledger_id, registry))
    return chain.info()


def _deploy(
    chain: EmbeddedChain,
    deployer: ChainSigner,
    name: ContractName,
    wait: Callable[[], None],
    args: tuple[object, ...],
) -> bytes:
    info = chain.info()
    known = info.registry if name == "registry" else info.ledger
    if any(known):
        return known
    nonce = chain.next_nonce(deployer.address)
    artifact = chain.codec.artifacts[name]
    prepared = sign_transaction(
        deployer,
        chain_id=info.chain_id,
        nonce=nonce,
        to=None,
        data=artifact.bytecode + chain.codec[name].encode_constructor(args),
        gas=_DEPLOY_GAS,
    )
    chain.send(prepared.raw)
    while chain.outcome(prepared.hash).state == "pending":
        if chain.seal() is None:
            wait()
    outcome = chain.outcome(prepared.hash)
    if outcome.state != "final":
        raise RefusedError("DEPLOY_FAILED", f"{artifact.name}: {outcome.error}")
    address = contract_address(deployer.address, nonce)
    chain.save_contracts({name: address})
    return address
