"""`ecert worker` and `ecert serve`: the processes that stay."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

import click

from ledger.apps.cli_frame import Option, Session, Text, command
from ledger.core.errors import LedgerError

STARTED = Text("后台任务已启动:{home}(Ctrl-C 停止)", "Worker started: {home} (Ctrl-C stops it)")
STOPPED = Text("已停止。", "Stopped.")
IDLE = Text("已处理完:{count} 个任务。", "All done: {count} jobs looked at.")
ADDRESS = Text("核验网页:{address} (Ctrl-C 停止)", "Verification page: {address} (Ctrl-C stops it)")
NODE_ADDRESS = Text(
    "账本节点:{address}node/v1/ledger (Ctrl-C 停止)",
    "Node of the ledger: {address}node/v1/ledger (Ctrl-C stops it)",
)
NODE_PORT = 8421
NOT_SEALING = Text("只提供核验,不出块:{reason}", "Verification only, nothing is sealed: {reason}")
PASSWORDS = Text(
    "\n\n无人值守启动:把服务密钥(operator、credential、status、checkpoint、vault)的口令各存一个文件,文件名为\n"
    "「机关代码-角色」(ledger-vault),权限 0600,用 ECERT_PASSWORD_FILE 指向该目录;\n"
    "或用 systemd 的 LoadCredential=机关代码-operator:/路径。停电重启后无需任何人输入。",
    "\n\nUnattended start: keep each service key's password (operator, credential, status, checkpoint, vault) in a file\n"
    "named `<USCC>-<role>` (ledger-vault), mode 0600, and set ECERT_PASSWORD_FILE to their folder; or use\n"
    "systemd's LoadCredential=<USCC>-operator:/path. After a power cut nobody has to type anything.",
)
HOST = Option(
    ["--host"],
    metavar="ADDRESS",
    text=Text("监听地址(默认 127.0.0.1)。", "Address to listen on (default 127.0.0.1)."),
)
PORT = Option(
    ["--port"],
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    text=Text("端口(默认 8420;0:任选空闲端口)。", "Port (default 8420; 0: any free one)."),
)


def _worker(session: Session, *, once: bool) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.working import open_work
    from ledger.bootstrap_work import log_to

    here = open_installation(session)
    log_to(here.home)
    stop = threading.Event()
    with open_work(here) as work:
        if once:
            count = work.until_idle()
            logging.getLogger("ledger.worker").info("went through the queue once")
            session.emit({"jobs": count})
            session.show(IDLE.format(count=count))
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        session.remark(STARTED.format(home=here.home.path))
        logging.getLogger("ledger.worker").info("started")
        work.forever(stop.is_set)
    logging.getLogger("ledger.worker").info("stopped")
    session.remark(STOPPED)


def warn_of_rest(session: Session, reason: LedgerError) -> None:
    """Say that pages answer while nothing is sealed, and why."""
    from ledger.apps.cli_errors import error_text

    session.remark(NOT_SEALING.format(reason=error_text(reason)))


def _serve(session: Session, host: str | None, port: int | None) -> None:
    from ledger.apps.serving import serve

    serve(
        session.settings,
        host or session.settings.host,
        session.settings.port if port is None else port,
        say=lambda address: announce(session, address),
        warn=lambda reason: warn_of_rest(session, reason),
    )
    session.remark(STOPPED)


def _node(session: Session, host: str | None, port: int | None) -> None:
    from ledger.apps.serving import serve_node

    serve_node(
        session.settings,
        host or session.settings.host,
        NODE_PORT if port is None else port,
        say=lambda address: announce(session, address, NODE_ADDRESS),
    )
    session.remark(STOPPED)


def announce(session: Session, address: str, said: Text = ADDRESS) -> None:
    """Print where the page is, for people and programs."""
    session.emit({"address": address})
    session.show(said.format(address=address))


def _params() -> list[Any]:
    return [HOST, PORT]


WORKER = command(
    "worker",
    Text(
        "运行后台任务:签名、上链、放行。\n\n"
        "同一时间只有一个进程出块;其他命令在它运行时把任务交给它。" + PASSWORDS.zh,
        "Run the background jobs: sign, anchor, release.\n\n"
        "One process at a time seals blocks; while it runs, other commands leave their work to it."
        + PASSWORDS.en,
    ),
    params=[
        Option(
            ["--once"],
            is_flag=True,
            text=Text("处理完现有任务就结束。", "Do what is there, then end."),
        )
    ],
    examples=("ecert worker", "ecert worker --once"),
)(_worker)

SERVE = command(
    "serve",
    Text(
        "启动网页服务和后台任务。\n\n"
        "网页只供核验,不需要登录。对外服务请放在 HTTPS 反向代理之后。" + PASSWORDS.zh,
        "Start the web page and the worker.\n\n"
        "The page only verifies and needs no log-in. Put an HTTPS proxy in front of it for the public."
        + PASSWORDS.en,
    ),
    params=_params(),
    examples=("ecert serve", "ecert serve --port 8080"),
)(_serve)

NODE = command(
    "node",
    Text(
        "只提供账本节点:区块、检查点、见证签名。\n\n"
        "其他机关的「ecert mirror」从这里跟随账本并共同签名。只提供公开数据,不出块,不需要口令。\n"
        "「ecert serve」在同一地址的 /node/ 下也提供这些内容。",
        "Serve the ledger's node alone: blocks, checkpoints, co-signatures.\n\n"
        "Other agencies' `ecert mirror` follows the ledger from here and co-signs. Public data only; it seals\n"
        "nothing and needs no password. `ecert serve` offers the same under /node/ of its own address.",
    ),
    params=[
        HOST,
        Option(
            ["--port"],
            type=click.IntRange(0, 65_535),
            metavar="PORT",
            text=Text("端口(默认 8421;0:任选空闲端口)。", "Port (default 8421; 0: any free one)."),
        ),
    ],
    examples=("ecert node", "ecert node --host 10.0.0.5 --port 8421"),
)(_node)
