"""`ecert verify-receipt`: whether a verification receipt was signed by the agency that it names."""

from __future__ import annotations

from pathlib import Path

import click

from ledger.apps.cli_frame import Option, Session, Text, command
from ledger.apps.cli_time import say_time

WORDS = {
    "VERIFICATION_RECEIPT_GOOD": Text("回执真实,出自该机构", "The receipt is the agency's own"),
    "VERIFICATION_RECEIPT_SIGNATURE": Text(
        "签名不符,内容被改动", "The signature does not hold: it was altered"
    ),
    "VERIFICATION_RECEIPT_KEY_FOREIGN": Text(
        "签名密钥不是该机构登记的印章密钥", "The key is no registered seal key of the agency"
    ),
    "VERIFICATION_RECEIPT_KEY_ENDED": Text("签名时密钥不在有效期", "The key was not good when it signed"),
    "VERIFICATION_RECEIPT_KEY_COMPROMISED": Text(
        "签名前密钥已被报告泄露", "The key had been reported compromised"
    ),
    "VERIFICATION_RECEIPT_NO_LEDGER": Text("没有账本,无法判断", "Without a ledger it cannot be told"),
}
EXIT_REFUSED = 1
EXIT_CANNOT_TELL = 3


def _verify_receipt(session: Session, file: Path, ledger: Path | None) -> None:
    from ledger.bootstrap import default_ledger, judge_verification_receipt, read_bundle

    source = ledger or default_ledger(session.settings)
    payload, code = judge_verification_receipt(read_bundle(file), source)
    verdict = payload["verdict"]
    session.show(f"{WORDS[code]} [{code}]")
    when = say_time(payload["checked_at"])
    session.show(Text(f"{payload['verifier']} 核验于 {when}", f"{payload['verifier']} checked at {when}"))
    session.show(
        Text(
            f"当时结论 [{verdict['national']}] {verdict['code']}",
            f"Verdict then [{verdict['national']}] {verdict['code']}",
        )
    )
    if code == "VERIFICATION_RECEIPT_NO_LEDGER":
        session.exit_code = EXIT_CANNOT_TELL
    elif code != "VERIFICATION_RECEIPT_GOOD":
        session.exit_code = EXIT_REFUSED
    session.emit({"code": code, "receipt": payload})


VERIFY_RECEIPT = command(
    "verify-receipt",
    Text(
        "核对一份核验回执(核验台下载的 .jwt 文件)是否出自它所写的机构。\n\n退出码:0 是,1 不是,2 无法读取,3 无法判断。",
        "Check that a verification receipt (.jwt of the checking desk) is by the agency that it names.\n\n"
        "Exit codes: 0 yes, 1 no, 2 unreadable, 3 cannot tell.",
    ),
    params=[
        click.Argument(["file"], type=click.Path(path_type=Path, dir_okay=False), metavar="FILE"),
        Option(
            ["--ledger"],
            type=click.Path(path_type=Path),
            metavar="HOME|CHAINFILE",
            text=Text(
                "账本:数据目录或链文件(默认 ECERT_HOME)。",
                "Ledger: data directory or chain file (default: ECERT_HOME).",
            ),
        ),
    ],
    examples=("ecert verify-receipt receipt-12.jwt --ledger /srv/ecert",),
)(_verify_receipt)
