"""`ecert init`: a production installation. Passwords are asked or drawn here, never kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from ledger.apps.cli_ask import ask_new_password, check_uscc, is_terminal, password_asker
from ledger.apps.cli_chain import CHAIN_RULES
from ledger.apps.cli_frame import Option, Session, Text, command
from ledger.apps.cli_steps import SAY
from ledger.core.errors import InputError, RefusedError
from ledger.ports import PasswordSource

CHAIN_FACTS = ("chain_id", "ledger_id", "registry", "ledger")  # addresses of nodes may hold passwords
LEAST_PASSWORD = 12  # characters; scrypt makes each guess cost tens of milliseconds

NEEDED = Text(
    "新建正式环境需要 --uscc、--name、--name-en、--iss 和 --division(再次运行以继续时不需要)。",
    "A new installation needs --uscc, --name, --name-en, --iss and --division (continuing one does not).",
)
NEXT = Text(
    """
正式环境已建立:{home}
  根机关    {name}({uscc})
  信任文件  {trust}  —— 交给核验单位
请现在就做:
  1. 把 keys/{uscc}/ 下 admin1、admin2、maker、approver 四个目录分别交给四个人保管,从本机移走;
     用到时以 --key file:/路径/signing.key 指定。
  2. operator、credential、status、seal、checkpoint 和 keys/ledger/vault 是服务密钥,留在本机;
     无人值守启动见「ecert worker --help」。
  3. keys/ledger/ 下 governance、trust、ca 平时不用,离线保存。
  4. 每天运行 ecert backup 目录;keys/ 和口令不在备份里,另行保存。
下一步:ecert doctor,然后 ecert issue --issuer {uscc} --type 类型 文件""",
    """
The production installation stands: {home}
  root agency  {name} ({uscc})
  trust file   {trust}  — hand it to verifiers
Do this now:
  1. Give the four folders admin1, admin2, maker and approver under keys/{uscc}/ to four people and move
     them off this machine; name them with --key file:/path/signing.key when they are needed.
  2. operator, credential, status, seal, checkpoint and keys/ledger/vault are service keys and stay here;
     for unattended start see `ecert worker --help`.
  3. governance, trust and ca under keys/ledger/ are rarely needed: keep them offline.
  4. Run `ecert backup DIR` each day; keys/ and passwords are not in it, keep copies of them elsewhere.
Next: ecert doctor, then ecert issue --issuer {uscc} --type TYPE FILE""",
)


JOINED = Text(
    """
已加入他人的账本:{home}
  机关      {name}({uscc})
  信任文件  {trust}  —— 新版到达后用 ecert trust take 启用
keys/{uscc}/ 下 admin1、admin2、maker、approver 请交给四个人保管,从本机移走。
下一步:等待上级授权证照类型(ecert issuer list),然后 ecert doctor、ecert serve。""",
    """
Joined a ledger of others: {home}
  agency      {name} ({uscc})
  trust file  {trust}  — take later versions with `ecert trust take`
Give admin1, admin2, maker and approver under keys/{uscc}/ to four people and move them off this machine.
Next: wait for the grants of the agency above (ecert issuer list), then ecert doctor and ecert serve.""",
)
NEEDS_TRUST = Text(
    "加入他人的账本需要 --trust 指定其信任文件。", "Joining a ledger needs its trust file: --trust FILE."
)


class NewPasswords:
    """Passwords of keys that are about to be made, each long enough and its own (PasswordSource).

    Args:
        source: where they come from: files, drawn, or asked twice at the terminal.
        name_of: `<owner>-<who>` of a key URI.
    """

    def __init__(self, source: PasswordSource, name_of: Callable[[str], str]) -> None:
        self._source = source
        self._name_of = name_of
        self._given: dict[str, str] = {}

    def __call__(self, uri: str) -> str:
        """A password of at least twelve characters that no other key has.

        Raises:
            InputError: PASSWORD_TOO_SHORT.
            RefusedError: PASSWORD_REUSED, PASSWORD_NEEDED.
        """
        name = self._name_of(uri)
        password = self._source(uri)
        if len(password) < LEAST_PASSWORD:
            raise InputError(
                "PASSWORD_TOO_SHORT",
                f"The password of the key {name} is too short: at least {LEAST_PASSWORD} characters.",
                key=name,
                least=LEAST_PASSWORD,
            )
        other = self._given.setdefault(password, name)
        if other != name:
            raise RefusedError(
                "PASSWORD_REUSED",
                f"The keys {name} and {other} were given the same password.",
                key=name,
                other=other,
            )
        return password


def setup_passwords(
    session: Session, *, demo: bool, draw_into: Path | None = None
) -> tuple[PasswordSource, PasswordSource]:
    """Sources of passwords for set-up: of keys about to be made, and of keys that exist."""
    from ledger.bootstrap import key_name, password_chain
    from ledger.bootstrap_init import DrawnPasswords

    if demo or draw_into is not None:
        drawn = DrawnPasswords(None if draw_into is None else draw_into.absolute())
        return NewPasswords(drawn, key_name), drawn
    asked = ask_new_password if is_terminal() else None
    new = password_chain(session.settings, demo=False, ask=asked)
    old = password_chain(session.settings, demo=False, ask=password_asker())
    return NewPasswords(new, key_name), old


def _init(
    session: Session,
    uscc: str | None,
    name: str | None,
    name_en: str | None,
    iss: str | None,
    division: str | None,
    phone: str | None,
    types: tuple[str, ...],
    draw_passwords: Path | None,
    chain: str | None,
    finality: str,
    quorum: int | None,
    gas_ceiling: int,
    trust: Path | None,
    *,
    join: bool,
) -> None:
    from ledger.bootstrap_init import Home, plan_production, plan_remote, run_setup, system_tools

    home = Home(session.settings.home)
    if not home.exists() and not (uscc and name and name_en and iss and division):
        raise click.UsageError(str(NEEDED))
    wanted = None
    if uscc and name and name_en and iss and division:
        wanted = plan_production(
            uscc=uscc,
            name_zh=name,
            name_en=name_en,
            iss=iss,
            division=division,
            phone=phone,
            types=types,
            chain=None if chain is None else plan_remote(chain, finality, quorum, gas_ceiling),
        )
    new, old = setup_passwords(session, demo=False, draw_into=draw_passwords)
    tools = system_tools(
        new_password=new,
        password=old,
        say=lambda step: session.remark(SAY[step]),
        accept_clock=session.settings.accept_clock,
    )
    if join:
        if trust is None:
            raise click.UsageError(str(NEEDS_TRUST))
        from ledger.bootstrap import LARGEST_TRUST_FILE, read_bundle
        from ledger.bootstrap_join import join_setup

        record = join_setup(home, wanted, tools, read_bundle(trust, LARGEST_TRUST_FILE))
    else:
        record = run_setup(home, wanted, tools, mode="production")
    root = record.root
    session.emit(
        {
            "home": str(home.path),
            "trust": str(home.trust_file),
            "mode": record.mode,
            "chain": {name: record.chain[name] for name in CHAIN_FACTS},
            "root_issuer": {"uscc": root.uscc, "name": {"zh": root.name_zh, "en": root.name_en}},
        }
    )
    session.show(
        (JOINED if join else NEXT).format(
            home=home.path,
            name=Text(root.name_zh, root.name_en),
            uscc=root.uscc,
            trust=home.trust_file,
        )
    )


INIT = command(
    "init",
    Text(
        "建立正式环境:链、密钥、信任文件。\n\n"
        "生成自己的链和合约,登记根机关;管理员、经办、审批、操作员、签发、状态、治理、信任、保管\n"
        "各有自己的密钥、目录和口令。中断后再次运行会从中断处继续,不会重做。",
        "Set up a production installation: chain, keys, trust file.\n\n"
        "Makes a chain and contracts of your own and registers the root agency. Admins, maker, approver,\n"
        "operator, credential, status, governance, trust and vault each get a key, a folder and a password\n"
        "of their own. Interrupted? Run it again: it continues and makes nothing twice.",
    ),
    params=[
        Option(
            ["--uscc"],
            callback=check_uscc,
            metavar="USCC",
            text=Text("根机关的统一社会信用代码(18 位)。", "The root agency's USCC (18 characters)."),
        ),
        Option(["--name"], metavar="NAME", text=Text("根机关的法定名称。", "Its official Chinese name.")),
        Option(["--name-en"], metavar="NAME", text=Text("英文名称。", "Its English name.")),
        Option(
            ["--iss"],
            metavar="URL",
            text=Text("机关的 https 网址,写入每份证照。", "Its https URL, written into every credential."),
        ),
        Option(
            ["--division"], metavar="CODE", text=Text("行政区划代码(6 位)。", "Division code (6 digits).")
        ),
        Option(["--phone"], metavar="PHONE", text=Text("咨询电话。", "Telephone for questions.")),
        Option(
            ["--type", "types"],
            multiple=True,
            metavar="TYPE",
            text=Text(
                "可签发的证照类型(默认全部,可重复)。", "A type it may issue (default all; repeatable)."
            ),
        ),
        Option(
            ["--draw-passwords"],
            type=click.Path(path_type=Path, file_okay=False),
            metavar="DIR",
            text=Text(
                "不提问,随机生成口令存入此目录,每个密钥一个文件(0600)。",
                "Ask nothing: draw random passwords into this folder, one file a key (0600).",
            ),
        ),
        Option(
            ["--chain"],
            metavar="rpc:URL,URL",
            text=Text(
                "使用他人运行的链(JSON-RPC 节点,逗号分隔),而不是自己的链。",
                "Use a chain that others run (JSON-RPC nodes, commas between) instead of one of its own.",
            ),
        ),
        *CHAIN_RULES,
        Option(
            ["--trust"],
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            text=Text("要加入的账本的信任文件。", "Trust file of the ledger that is joined."),
        ),
        Option(
            ["--join"],
            is_flag=True,
            text=Text(
                "加入他人部署的合约(另一机关为根机关),由上级接纳。",
                "Join contracts that somebody else deployed; the agency above admits this one.",
            ),
        ),
    ],
    examples=(
        "ecert init --home /srv/ecert --uscc 12110000MB0000000X --name 某某市住房公积金管理中心 \\\n"
        '      --name-en "Housing Provident Fund Centre" --iss https://gjj.example.gov.cn --division 110000',
        "ecert init --home /srv/ecert          # 继续 / continue",
        "ecert init --home /srv/ecert --uscc 12110000MB0000000X --name 某某市住房公积金管理中心 \\\n"
        '      --name-en "Housing Provident Fund Centre" --iss https://gjj.example.gov.cn --division 110000 \\\n'
        "      --chain rpc:http://node1.example:8545,http://node2.example:8545,http://node3.example:8545",
    ),
)(_init)
