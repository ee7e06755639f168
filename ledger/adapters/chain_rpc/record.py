"""How an installation remembers its chain of others: the `chain` member of home.json.

Written with the plan (nodes, finality, quorum, fees) and completed by set-up (ids, addresses, code
hashes), before anything is sent that depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ledger.adapters.chain_rpc.finality import parse_finality
from ledger.adapters.chain_rpc.node import ANSWER_S, Node
from ledger.adapters.chain_rpc.nodes import Nodes, Patience, SleepingClock
from ledger.adapters.chain_rpc.reader import Place
from ledger.core.errors import InputError
from ledger.core.model import ChainInfo

KIND = "rpc"
PREFIX = "rpc:"
_GWEI = 10**9
_HASTY_S = 3.0


@dataclass(frozen=True, slots=True)
class RpcRecord:
    """See the module. `place` and the code hashes are None and empty until set-up came so far."""

    urls: tuple[str, ...]
    finality: str
    quorum: int | None = None
    ceiling_wei: int = 0
    place: Place | None = None
    registry_code_hash: bytes = b""
    ledger_code_hash: bytes = b""

    def nodes(self, clock: SleepingClock, *, for_people: bool = False) -> Nodes:
        """Connections to all of them; nothing is asked yet. `for_people`: rather no answer than a late one."""
        chain_id = None if self.place is None else self.place.chain_id
        answer_s, patience = (_HASTY_S, Patience(rounds=1)) if for_people else (ANSWER_S, Patience())
        nodes = [Node(url, answer_s) for url in self.urls]
        return Nodes(nodes, clock, self.quorum, patience, chain_id=chain_id)

    def need_place(self) -> Place:
        """Where the contracts are. Raises: RuntimeError before set-up came so far."""
        if self.place is None:
            raise RuntimeError("set-up has not chosen a place yet")
        return self.place

    def info(self) -> ChainInfo:
        """As set-up found it; asks nobody."""
        place = self.need_place()
        return ChainInfo(
            chain_id=place.chain_id,
            ledger_id=place.ledger_id,
            registry=place.registry,
            ledger=place.ledger,
            registry_code_hash=self.registry_code_hash,
            ledger_code_hash=self.ledger_code_hash,
        )

    def with_info(self, info: ChainInfo) -> RpcRecord:
        """With the code that is there."""
        return replace(
            self, registry_code_hash=info.registry_code_hash, ledger_code_hash=info.ledger_code_hash
        )

    def to_json(self) -> dict[str, Any]:
        """As home.json holds it."""
        value: dict[str, Any] = {
            "kind": KIND,
            "nodes": list(self.urls),
            "finality": self.finality,
            "quorum": self.quorum,
            "ceiling_wei": self.ceiling_wei,
        }
        if self.place is not None:
            value |= {
                "chain_id": self.place.chain_id,
                "ledger_id": "0x" + self.place.ledger_id.hex(),
                "registry": "0x" + self.place.registry.hex(),
                "ledger": "0x" + self.place.ledger.hex(),
                "since": self.place.since,
                "registry_code_hash": "0x" + self.registry_code_hash.hex(),
                "ledger_code_hash": "0x" + self.ledger_code_hash.hex(),
            }
        return value


def plan_chain(chain: str, finality: str, quorum: int | None, ceiling_gwei: int) -> RpcRecord:
    """What `--chain rpc:URL,URL` means.

    Raises: InputError(CHAIN_URL, CHAIN_FINALITY, CHAIN_QUORUM).
    """
    if not chain.startswith(PREFIX):
        raise InputError("CHAIN_URL", "A chain of others is named rpc:URL or rpc:URL,URL,…")
    urls = tuple(url.strip() for url in chain.removeprefix(PREFIX).split(","))
    for url in urls:
        Node(url)
    if len(set(urls)) < len(urls):  # its word would count twice
        raise InputError("CHAIN_URL", "A node's address is named twice.")
    parse_finality(finality)
    if quorum is not None and not 1 <= quorum <= len(urls):
        raise InputError("CHAIN_QUORUM", "The quorum must lie between 1 and the number of nodes (16).")
    return RpcRecord(urls, finality, quorum, ceiling_gwei * _GWEI)


def parse_record(value: Mapping[str, Any]) -> RpcRecord | None:
    """The record in home.json; None for an installation with a chain of its own.

    Raises: InputError(HOME_BROKEN).
    """
    if value.get("kind") != KIND:
        return None
    try:
        place = None
        if "registry" in value:
            place = Place(
                chain_id=int(value["chain_id"]),
                ledger_id=_bytes(value["ledger_id"]),
                registry=_bytes(value["registry"]),
                ledger=_bytes(value["ledger"]),
                since=int(value["since"]),
            )
        return RpcRecord(
            urls=tuple(map(str, value["nodes"])),
            finality=str(value["finality"]),
            quorum=None if value["quorum"] is None else int(value["quorum"]),
            ceiling_wei=int(value["ceiling_wei"]),
            place=place,
            registry_code_hash=_bytes(value.get("registry_code_hash", "0x")),
            ledger_code_hash=_bytes(value.get("ledger_code_hash", "0x")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "HOME_BROKEN", f"the chain in home.json has not the expected shape: {error!r}"
        ) from error


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
