"""anvil, a real node that tests start, drive and kill: blocks only when told, time from the test's clock."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ledger.adapters.chain_rpc.node import Node, NodeSilentError
from ledger.adapters.system import free_port
from tests import needs

CHAIN_ID = 20_261_122
_START_S = 60.0  # a busy machine: it says only when to give up
_TRIES = 5  # a free port may be somebody else's a moment later


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
        path = needs.anvil_path()
        assert path is not None, "mark the test with needs('anvil')"
        fees = (
            []
            if priced
            else ["--gas-price", "0", "--block-base-fee-per-gas", "0", "--disable-min-priority-fee"]
        )
        pace = ["--no-mining"] if every_s is None else ["--block-time", str(every_s)]
        command = [
            path, "--chain-id", str(chain_id), "--timestamp", str(time), *pace, "--no-request-size-limit",
            "--hardfork", rules, "--accounts", "1", "--quiet", "--threads", "1", "--gas-limit", "120000000",
            "--slots-in-an-epoch", "1", *fees,
        ]  # fmt: skip
        for _ in range(_TRIES):
            self._start(command, port or free_port("127.0.0.1"), chain_id)
            if self.process.poll() is None:
                return
        raise AssertionError("anvil ended")

    def _start(self, command: Sequence[str], port: int, chain_id: int) -> None:
        """Until it answers, or ends: then somebody else has the port."""
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.node = Node(self.url)
        end = time.monotonic() + _START_S
        while self.process.poll() is None:
            with contextlib.suppress(NodeSilentError):
                if self.node.chain_id() == chain_id:
                    return
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
                with contextlib.suppress(NodeSilentError):  # busy: the next look is as good
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
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


@contextlib.contextmanager
def running(time: int, **options: Any) -> Iterator[Anvil]:
    """A node for as long as the block lasts."""
    anvil = Anvil(time, **options)
    try:
        yield anvil
    finally:
        anvil.stop()
