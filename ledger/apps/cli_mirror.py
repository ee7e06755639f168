"""`ecert mirror`: follow a ledger that another agency runs, believe nothing, co-sign what holds."""

from __future__ import annotations

import signal
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.apps.cli_time import say_time

if TYPE_CHECKING:
    from ledger.bootstrap_mirror import JudgedEvidence
    from ledger.core.mirroring import MirrorState

REFUSING, WAITING = 1, 3
CONDITIONS = {
    "starting": Text("尚未开始", "not begun"),
    "following": Text("正常跟随", "following"),
    "waiting": Text("等待:{says} [{code}]", "waiting: {says} [{code}]"),
    "refusing": Text("拒绝:账本自相矛盾({code})", "refusing: the ledger contradicts itself ({code})"),
    "restored": Text("账本已恢复,将重新跟随", "the ledger was restored; it will be followed anew"),
}
LINE = Text("{condition};区块 {block},确认于 {time}", "{condition}; block {block}, confirmed {time}")
NEVER = Text("从未", "never")
PROGRESS = Text("追赶:区块 {block} / {target}", "Catching up: block {block} of {target}")
STARTED = Text("镜像已启动:{home}(Ctrl-C 停止)", "Mirror started: {home} (Ctrl-C stops it)")
LISTENING = Text("本镜像的节点:{address}", "This mirror's own node: {address}")
NO_KEY = Text(
    "没有见证密钥:只跟随,不共同签名(「ecert mirror init」生成密钥)。",
    "No witness key: it follows and does not co-sign (`ecert mirror init` makes one).",
)
READY = Text(
    "镜像目录已就绪:{home}\n见证公钥:{file}\n指纹(kid):{kid}\n请把公钥文件交给信任文件的保管人(ecert trust next --add-witness)。",
    "The mirror's directory is ready: {home}\nWitness public key: {file}\nFingerprint (kid): {kid}\n"
    "Hand the public key to the keepers of the trust file (ecert trust next --add-witness).",
)
READY_WITHOUT = Text(
    "镜像目录已就绪:{home}(没有见证密钥)", "The mirror's directory is ready: {home} (no witness key)"
)
WARNING = Text("注意:{says} [{code}]", "Note: {says} [{code}]")
REASONS = {
    "WITNESS_UNKNOWN": Text(
        "本机的见证密钥还不在信任文件里,对方不收共同签名;请把公钥交给信任文件的保管人",
        "our witness key is not in the trust file, so that co-signatures are not taken; hand the public key to its keepers",
    ),
    "NODE_SILENT": Text("节点没有应答", "the node does not answer"),
    "NODE_ANSWER": Text(
        "节点的应答不合格式,或与检查点不符",
        "the node's answers have the wrong shape, or do not fit its checkpoint",
    ),
    "LEDGER_SET_BACK": Text("账本退回到了较早的区块", "the ledger was set back to an earlier block"),
    "CHECKPOINT_NONE": Text("节点还没有检查点", "the node has no checkpoint yet"),
    "CHECKPOINT_OLD": Text("节点给出的检查点太旧", "the node answers with an old checkpoint"),
    "CHECKPOINT_KEY": Text("检查点的签署密钥未在账本登记", "the checkpoint's key is not registered for this"),
    "CHECKPOINT_SIGNATURE": Text("检查点的签名不对", "the checkpoint's signature does not hold"),
    "CHECKPOINT_LEDGER": Text("检查点属于另一个账本", "the checkpoint is of another ledger"),
    "CHECKPOINT_AHEAD": Text(
        "对方的账本比本机短:它落后了,或被退回",
        "the node's ledger is shorter than ours: it lags, or was set back",
    ),
    "CHECKPOINT_FORKED": Text("对方的账本与本机的不同", "the node's ledger is another one than ours"),
    "BLOCK_FROM_FUTURE": Text(
        "区块的时间比本机时钟晚;请核对时钟", "a block is ahead of our clock; look at the clocks"
    ),
    "WITNESS_CONTRADICTS": Text(
        "另一见证机构签署了不同的历史;请与其联系", "another witness signed another history; call that witness"
    ),
    "MIRROR_SIGNED_OTHER": Text(
        "本机的见证密钥已在该高度签过另一个区块;每个镜像须有自己的密钥",
        "our key has signed another block of that height; each mirror needs a key of its own",
    ),
    "MIRROR_WORDS_LOST": Text(
        "账本出示了不同的区块,而本机的检查点文件缺失,无法留证;请联系运营机构",
        "the ledger shows other blocks, and our file of checkpoints lost what would prove it; call the operator",
    ),
    "CHECKPOINT_FROM_FUTURE": Text(
        "检查点的时间比本机时钟晚得多;请核对时钟",
        "the checkpoint is far ahead of our clock; look at the clocks",
    ),
    "MIRROR_CONTRACTS": Text(
        "账本上的合约不是信任文件所指的合约", "the contracts there are not those of the trust file"
    ),
}
UNKNOWN_REASON = Text("见文档中的错误代码", "see the error codes in the documents")
KEPT = Text("证据:{file}", "Evidence: {file}")
NO_EVIDENCE = Text("没有证据:账本从未自相矛盾。", "No evidence: the ledger never contradicted itself.")
PROVES = Text(
    "{file}\n  {kind},区块 {block}\n  {says}\n  签署密钥:{kids}\n  签署时间:{times}\n  来源:{source},发现于 {seen},见证人:{seen_by}",
    "{file}\n  {kind}, block {block}\n  {says}\n  Signed by: {kids}\n  Signed at: {times}\n"
    "  From {source}, seen {seen}, by {seen_by}",
)
TWO_KEYS = Text(
    "  两份声明由不同密钥签署:只有在两个密钥当时都是账本运营机构的检查点密钥时,证据才成立;请在账本上核对。",
    "  Two keys signed: this is proof only if both were checkpoint keys of the ledger's operator then; look them up.",
)
INVALID_ALSO = Text(
    "  区块是否无效,须由持有此前账本副本的一方重新执行。",
    "  Whether the block is invalid, only a copy of the ledger up to it can tell, by running it.",
)

URL = click.Argument(["url"], required=False, metavar="[URL]")
TRUST = Option(
    ["--trust"],
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    text=Text(
        "账本的信任文件(首次必填;以后可给出后续版本)。",
        "The ledger's trust file (needed the first time; later a next version of it).",
    ),
)
PEER = Option(
    ["--peer", "peers"],
    multiple=True,
    metavar="URL",
    text=Text(
        "另一个镜像的地址(可多次):互相核对,账本节点不应答时从它取区块。",
        "Another mirror (may be given several times): compared with, and asked for blocks while the node is silent.",
    ),
)
KEY = Option(
    ["--key"],
    metavar="file:PATH",
    text=Text("见证密钥(默认为本目录中的)。", "The witness key (default: the one in this directory)."),
)


def _plan(url: str | None, trust: Path | None, peers: tuple[str, ...], key: str | None) -> Any:
    from ledger.apps.cli_open import key_uri
    from ledger.bootstrap_mirror import MirrorPlan

    return MirrorPlan(url, trust, peers or None, None if key is None else key_uri(key))


def _init(
    session: Session,
    url: str | None,
    trust: Path | None,
    peers: tuple[str, ...],
    key: str | None,
    *,
    without_key: bool,
) -> None:
    from ledger.apps.cli_ask import ask_new_password, is_terminal
    from ledger.bootstrap_mirror import make_witness_key, set_up_mirror

    home = set_up_mirror(session.settings, _plan(url, trust, peers, key))
    if without_key:
        session.emit({"home": str(home.path), "witness": None})
        session.show(READY_WITHOUT.format(home=home.path))
        return
    made = make_witness_key(session.settings, home, ask_new_password if is_terminal() else None)
    session.emit({"home": str(home.path), "witness": {"kid": made.kid, "file": str(made.file)}})
    session.show(READY.format(home=home.path, file=made.file, kid=made.kid))


def _follow(
    session: Session,
    url: str | None,
    trust: Path | None,
    peers: tuple[str, ...],
    key: str | None,
    listen: str | None,
    *,
    once: bool,
) -> None:
    from ledger.apps.cli_ask import password_asker
    from ledger.apps.mirroring import follow, parse_listen
    from ledger.bootstrap_mirror import log_mirror_to, set_up_mirror

    place = None if listen is None else parse_listen(listen)
    home = set_up_mirror(session.settings, _plan(url, trust, peers, key))
    log_mirror_to(home)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    teller = _Teller(session)
    session.remark(STARTED.format(home=home.path))
    state = follow(
        session.settings,
        password_asker(),
        teller.tell,
        stop.wait,
        listen=place,
        on_address=lambda address: session.remark(LISTENING.format(address=address)),
        once=once,
    )
    session.emit(state_json(state))
    session.exit_code = (
        REFUSING if state.condition == "refusing" else WAITING * (once and state.condition == "waiting")
    )


class _Teller:
    """Says what changed, not what stayed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told: tuple[Any, ...] = ()

    def tell(self, state: MirrorState) -> None:
        if state.target is not None:
            self._session.remark(PROGRESS.format(block=state.head.number, target=state.target))
            return
        told = (state.condition, state.code, state.warning, state.evidence)
        if told != self._told:
            self._told = told
            for line in state_lines(state):
                self._session.remark(line)


def state_lines(state: MirrorState) -> list[Text]:
    """The state for a person."""
    time = (
        NEVER
        if state.confirmed_at is None
        else Text(say_time(state.confirmed_at), say_time(state.confirmed_at))
    )
    reason = REASONS.get(state.code or "", UNKNOWN_REASON)
    known = CONDITIONS[state.condition]
    condition = Text(
        known.zh.format(code=state.code, says=reason.zh), known.en.format(code=state.code, says=reason.en)
    )
    lines = [
        Text(
            LINE.zh.format(condition=condition.zh, block=state.head.number, time=time.zh),
            LINE.en.format(condition=condition.en, block=state.head.number, time=time.en),
        )
    ]
    if state.warning is not None:
        says = REASONS.get(state.warning, UNKNOWN_REASON)
        lines.append(
            Text(
                WARNING.zh.format(says=says.zh, code=state.warning),
                WARNING.en.format(says=says.en, code=state.warning),
            )
        )
    return [*lines, *(KEPT.format(file=name) for name in state.evidence)]


def state_json(state: MirrorState) -> dict[str, Any]:
    """The state for a program."""
    value = asdict(state)
    value["head"]["hash"] = "0x" + state.head.hash.hex()
    value["evidence"] = list(state.evidence)
    return value


def _status(session: Session) -> None:
    from ledger.bootstrap_mirror import mirror_state

    state, trust, url = mirror_state(session.settings)
    if state is None:
        session.emit({"condition": "starting", "url": url, "trust_version": trust.version})
        session.show(CONDITIONS["starting"])
        session.exit_code = WAITING
        return
    session.emit({**state_json(state), "url": url, "trust_version": trust.version})
    for line in state_lines(state):
        session.show(line)
    session.exit_code = {"following": 0, "refusing": REFUSING}.get(state.condition, WAITING)


def _evidence(session: Session, files: tuple[Path, ...]) -> None:
    from ledger.bootstrap_mirror import evidence_names, judge_evidence

    chosen = files or tuple(evidence_names(session.settings))
    if not chosen:
        session.show(NO_EVIDENCE)
    judged = [(path, judge_evidence(path)) for path in chosen]
    session.emit({"evidence": [{"file": str(path), **_judged_json(item)} for path, item in judged]})
    for path, item in judged:
        session.show(
            PROVES.format(
                file=path,
                kind=item.kind,
                block=item.block,
                says=Text(*item.says),
                kids=", ".join(item.kids),
                times=", ".join(say_time(moment) for moment in item.signed_at),
                source=item.source,
                seen=say_time(item.seen_at),
                seen_by=item.seen_by or "–",
            )
        )
        if len(set(item.kids)) > 1:
            session.show(TWO_KEYS)
        if item.kind == "BLOCK_INVALID":
            session.show(INVALID_ALSO)


def _judged_json(item: JudgedEvidence) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "block": item.block,
        "seen_at": item.seen_at,
        "source": item.source,
        "says": {"zh": item.says[0], "en": item.says[1]},
        "kids": list(item.kids),
        "signed_at": list(item.signed_at),
        "seen_by": item.seen_by,
    }


INIT = command(
    "init",
    Text(
        "建立镜像目录并生成见证密钥。\n\n密钥口令在终端输入,或取自 ECERT_PASSWORD_FILE(名为 mirror-witness)。",
        "Set up a mirror's directory and make its witness key.\n\n"
        "The key's password is asked, or taken from ECERT_PASSWORD_FILE (named mirror-witness).",
    ),
    params=[
        URL,
        TRUST,
        PEER,
        KEY,
        Option(
            ["--without-key"],
            is_flag=True,
            text=Text(
                "不生成见证密钥:只跟随,不共同签名。", "Make no witness key: follow without co-signing."
            ),
        ),
    ],
    examples=("ecert mirror init https://ledger.example.gov.cn --trust trust.json --home /srv/mirror",),
)(_init)

FOLLOW = command(
    "follow",
    Text(
        "跟随账本节点:重新执行每个区块,核对检查点,共同签名(「ecert mirror URL」即此命令)。\n\n"
        "账本被改写、分叉、倒填或退回时,拒绝跟随并保存证据;此后本目录的核验结果为「无法判断」。\n"
        "退出码:0 正常停止,1 拒绝,3 只看一次而账本不应答,或只有旧的应答。",
        "Follow a ledger's node: run every block, check the checkpoints, co-sign (`ecert mirror URL` is this).\n\n"
        "A ledger that is rewritten, forked, backdated or set back is refused and evidence kept; from then on checks\n"
        "against this directory cannot tell. Exit codes: 0 stopped, 1 refusing, 3 looked once and got no answer, or an\n"
        "old one.",
    ),
    params=[
        URL,
        TRUST,
        PEER,
        KEY,
        Option(
            ["--listen"],
            metavar="HOST:PORT",
            text=Text(
                "同时提供本镜像的节点(供其他镜像和恢复使用;端口 0:任选)。",
                "Serve this mirror's own node as well (for other mirrors and restores; port 0: any).",
            ),
        ),
        Option(["--once"], is_flag=True, text=Text("追上一次就结束。", "Catch up once, then end.")),
    ],
    examples=(
        "ecert mirror https://ledger.example.gov.cn --trust trust.json --home /srv/mirror",
        "ecert mirror follow --home /srv/mirror --listen 127.0.0.1:8422 --peer https://witness.example",
    ),
)(_follow)

STATUS = command(
    "status",
    Text(
        "镜像目前的状况。\n\n退出码:0 正常跟随,1 拒绝,3 等待。",
        "How the mirror stands.\n\nExit codes: 0 following, 1 refusing, 3 waiting.",
    ),
    examples=("ecert mirror status --home /srv/mirror",),
)(_status)

EVIDENCE = command(
    "evidence",
    Text(
        "列出并核对证据:不需要网络,也不必相信写文件的人。",
        "List evidence and judge it: without a network, and without believing who wrote the file.",
    ),
    params=[
        click.Argument(
            ["files"], nargs=-1, type=click.Path(path_type=Path, dir_okay=False), metavar="[FILE]..."
        )
    ],
    examples=(
        "ecert mirror evidence --home /srv/mirror",
        "ecert mirror evidence 20261122T080000Z-history-rewritten-41.json",
    ),
)(_evidence)


class _MirrorGroup(BilingualGroup):
    """`ecert mirror URL` means `ecert mirror follow URL`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """An address (or the word that stands for one in documents) is no name of a command."""
        if "://" in cmd_name or cmd_name == "URL":
            return FOLLOW
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        if found is FOLLOW and args[0] != FOLLOW.name:
            return FOLLOW.name, FOLLOW, args  # the address is its argument
        return name, found, rest


MIRROR = _MirrorGroup(
    "mirror",
    text=Text(
        "镜像:跟随别家运行的账本,自行核对,共同签名。",
        "Mirror: follow a ledger that others run, check all of it, co-sign.",
    ),
    params=common_options(),
    examples=("ecert mirror https://ledger.example.gov.cn --trust trust.json --home /srv/mirror",),
    commands={"init": INIT, "follow": FOLLOW, "status": STATUS, "evidence": EVIDENCE},
)
