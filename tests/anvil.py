"""anvil, a real node that tests start, drive and kill: blocks only when told, time from the test's clock."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

from ledger.adapters.chain_rpc.node import Node, NodeSilentError
from ledger.adapters.system import free_port
from tests import needs

CHAIN_ID = 20_261_122
_START_S = 20.0


class Anvil:
    """One node process.

    Args:
        time: of its genesis block, seconds.
        port: to start again on the same one.
        priced: gas costs something, as on public chains.
        every_s: seconds between blocks; None: only when told.
        rules: name of a hard fork.
    """

    def __init__(
        self,
        time: int,
        *,
        port: int | None = None,
        priced: bool = False,
        chain_id: int = CHAIN_ID,
        every_s: int | None = None,
        rules: str = "prague",
    ) -> None:
        self.port = port or free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"
        path = needs.anvil_path()
        assert path is not None, "mark the test with needs('anvil')"
        fees = (
            []
            if priced
            else ["--gas-price", "0", "--block-base-fee-per-gas", "0", "--disable-min-priority-fee"]
        )
        self.process = subprocess.Popen(
            [
                path, "--port", str(self.port), "--chain-id", str(chain_id), "--timestamp", str(time),
                *(["--no-mining"] if every_s is None else ["--block-time", str(every_s)]), "--no-request-size-limit", "--hardfork", rules, "--accounts", "1", "--quiet", "--threads", "1", "--gas-limit", "120000000",
                "--slots-in-an-epoch", "1", *fees,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.node = Node(self.url)
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + _START_S
        while True:
            with contextlib.suppress(NodeSilentError):
                self.node.chain_id()
                return
            assert self.process.poll() is None, "anvil ended"
            assert time.monotonic() < end, "anvil does not answer"
            time.sleep(0.02)

    def rpc(self, method: str, *params: Any) -> Any:
        """Any call, anvil's own ones too."""
        return self.node.ask(method, *params)

    def mine(self, at: int | None = None) -> None:
        """One block with everything that waits, at this time."""
        if at is not None:
            self.rpc("evm_setNextBlockTimestamp", at)
        self.rpc("evm_mine")

    @contextlib.contextmanager
    def mining(self) -> Iterator[None]:
        """A block whenever something waits, for as long as this lasts; its time is a second after the last."""
        done = threading.Event()

        def mine() -> None:
            while not done.wait(0.02):
                if self.waiting():
                    self.mine()

        miner = threading.Thread(target=mine, daemon=True)
        miner.start()
        try:
            yield
        finally:
            done.set()
            miner.join()

    def reorganise(self, depth: int) -> None:
        """Replace the newest blocks by empty ones: what was in them is gone."""
        self.rpc("anvil_reorg", depth, [])

    def waiting(self) -> int:
        """Transactions that wait for a block, with the next nonce or a later one."""
        status = self.rpc("txpool_status")
        return int(status["pending"], 16) + int(status["queued"], 16)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


@contextlib.contextmanager
def running(time: int, **options: Any) -> Iterator[Anvil]:
    """A node for as long as the block lasts."""
    anvil = Anvil(time, **options)
    try:
        yield anvil
    finally:
        anvil.stop()
