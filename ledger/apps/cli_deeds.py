"""Deeds and acts of governance in words: who did what, when; names where they are known here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ledger.apps.cli_frame import Text
from ledger.apps.cli_shapes import PURPOSE_WORDS, ROLE_WORDS
from ledger.apps.cli_time import say_time
from ledger.core.eip712 import signer_text
from ledger.core.errors import LedgerError
from ledger.core.governed import Deed
from ledger.services.refusals import ROLE_NAMES
from ledger.services.registry import FOREVER, Act

if TYPE_CHECKING:
    from ledger.bootstrap import Installation

NO_END = Text("不限期", "without an end")
NOBODY = Text("—", "-")
ROLES = {number: ROLE_WORDS[name] for number, name in ROLE_NAMES.items()}
CAUSES = {1: Text("行政", "administrative"), 2: Text("机构改革", "reorganisation"),
          129: Text("违规(追溯)", "misconduct (reaches back)"),
          130: Text("失密(追溯)", "compromise (reaches back)")}  # fmt: skip
REASONS = {1: Text("持证人申请", "holder's request"), 2: Text("签发错误", "issuer's error"),
           3: Text("机关决定", "decision of authority"), 4: Text("安全", "security"),
           5: Text("行政", "administrative")}  # fmt: skip
DEEDS = {
    "IssuerAdmitted": Text("机关登记,上级 {parent},第 {level} 级", "admitted under {parent}, level {level}"),
    "IssuerDissolved": Text("机关撤销,由 {successor} 承继", "dissolved; {successor} takes over"),
    "IssuerDissolvedAlone": Text("机关撤销,无承继机关", "dissolved without a successor"),
    "DirectorySet": Text("名录条目更新 {directoryHash}", "directory entry set {directoryHash}"),
    "TypeGranted": Text(
        "授权 {type}:自 {validFrom} 至 {validUntil}", "granted {type} from {validFrom} until {validUntil}"
    ),
    "GrantWithdrawn": Text(
        "收回授权 {type},自 {since} 起,原因:{cause}", "grant of {type} withdrawn since {since}: {cause}"
    ),
    "KeyRegistered": Text(
        "登记密钥 {key}({purpose}),自 {validFrom} 至 {validUntil}",
        "key {key} ({purpose}) registered from {validFrom} until {validUntil}",
    ),
    "KeyRetired": Text("密钥 {key} 自 {validUntil} 停用", "key {key} retired from {validUntil} on"),
    "KeyCompromised": Text("密钥 {key} 自 {since} 起失密", "key {key} compromised since {since}"),
    "RoleSet": Text(
        "任命{role} {signer}:自 {validFrom} 至 {validUntil}",
        "{signer} appointed {role} from {validFrom} until {validUntil}",
    ),
    "RoleRemoved": Text("免去{role} {signer}", "{signer} is {role} no more"),
    "ActProposed": Text("提议 {proposalId},期限 {expiresAt}", "proposal {proposalId} made, ends {expiresAt}"),
    "ActAccepted": Text("提议 {proposalId} 被接受", "proposal {proposalId} accepted"),
    "ActCancelled": Text("提议 {proposalId} 被取消", "proposal {proposalId} cancelled"),
    "ResetScheduled": Text(
        "公布角色重置:新管理员 {admin1}、{admin2},{readyAt} 起可执行",
        "reset of roles announced: new admins {admin1}, {admin2}, from {readyAt} on",
    ),
    "ResetCancelled": Text("角色重置被收回", "reset of roles taken back"),
    "RolesReset": Text(
        "角色已重置:新管理员 {admin1}、{admin2},其余角色作废",
        "roles reset: new admins {admin1}, {admin2}; all other roles are void",
    ),
    "StandingRegistered": Text(
        "登记常设审批 {standingId}:{type},每天最多 {anchorLimit} 份,至 {validUntil}",
        "standing approval {standingId} for {type}: {anchorLimit} a day until {validUntil}",
    ),
    "StandingRevoked": Text("撤销常设审批 {standingId}", "standing approval {standingId} revoked"),
    "BatchAnchored": Text("批次上链:{type},{size} 份", "batch anchored: {type}, {size}"),
    "BatchImported": Text(
        "批次从原账本迁入,保留原上链时间", "batch carried over from the earlier ledger, with its own time"
    ),
    "BatchWithdrawn": Text("撤回整个批次 {root},原因:{reasonClass}", "batch {root} withdrawn: {reasonClass}"),
    "StatusChanged": Text("状态变更,原因:{reasonClass}", "statuses changed: {reasonClass}"),
    "LedgerHandedOver": Text("移交到新合约 {successor}", "handed over to {successor}"),
}
ACTS = {
    "admitIssuer": Text(
        "接纳 {issuer},管理员 {admin1}、{admin2}", "admit {issuer}, admins {admin1}, {admin2}"
    ),
    "setDirectory": Text("更新 {issuer} 的名录条目", "set the directory entry of {issuer}"),
    "grantType": Text(
        "授权 {issuer} 签发 {type}:自 {validFrom} 至 {validUntil}",
        "grant {issuer} {type} from {validFrom} until {validUntil}",
    ),
    "withdrawGrant": Text(
        "收回 {issuer} 的 {type},自 {since} 起,原因:{cause}",
        "withdraw {type} of {issuer} since {since}: {cause}",
    ),
    "registerKey": Text(
        "登记 {issuer} 的密钥({purpose})自 {validFrom} 至 {validUntil}",
        "register a key of {issuer} ({purpose}) from {validFrom} until {validUntil}",
    ),
    "retireKey": Text(
        "自 {validUntil} 停用 {issuer} 的密钥 {key}", "retire key {key} of {issuer} at {validUntil}"
    ),
    "compromiseKey": Text(
        "报告 {issuer} 的密钥 {key} 自 {since} 起失密",
        "report key {key} of {issuer} compromised since {since}",
    ),
    "setRole": Text(
        "任命 {signer} 为 {issuer} 的{role}:自 {validFrom} 至 {validUntil}",
        "appoint {signer} {role} of {issuer} from {validFrom} until {validUntil}",
    ),
    "removeRole": Text("免去 {signer} 的{role}({issuer})", "remove {signer} as {role} of {issuer}"),
    "dissolveIssuer": Text("撤销 {issuer},由 {successor} 承继", "dissolve {issuer}; {successor} takes over"),
    "dissolveAlone": Text("撤销 {issuer},无承继机关", "dissolve {issuer} without a successor"),
    "scheduleReset": Text(
        "公布重置 {issuer} 的角色:新管理员 {admin1}、{admin2}",
        "announce a reset of {issuer}: new admins {admin1}, {admin2}",
    ),
    "cancelReset": Text("收回 {issuer} 的角色重置", "take the reset of {issuer} back"),
}
_ISSUERS = frozenset({"by", "issuer", "parent", "successor"})
_SIGNERS = frozenset(
    {"signer", "admin1", "admin2", "proposer", "accepter", "canceller", "maker", "approver", "operator"}
)
_TIMES = frozenset(
    {"validFrom", "validUntil", "since", "expiresAt", "readyAt", "anchoredAt", "dissolvedAt", "admittedAt"}
)
_SHORT = 16


class Names:
    """Names of agencies and people as this installation knows them.

    Args:
        here: the installation.
    """

    def __init__(self, here: Installation) -> None:
        self._here = here

    def agency(self, uscc: str) -> str:
        """Its name with its USCC; the USCC alone where no directory entry is here."""
        return self._agencies.get(uscc, uscc)

    def person(self, signer_id: bytes) -> str | None:
        """Whose key this is, None where nobody here knows."""
        return self._people.get(signer_id)

    def signer(self, signer_id: bytes) -> str:
        """Name and address, or the address alone."""
        name, text = self.person(signer_id), signer_text(signer_id)
        return text if name is None else f"{name}({text[:10]}…)"

    def type(self, type_id: int) -> str:
        """Reference of a registered type; documents are type 0."""
        return self._types.get(type_id, str(type_id))

    @cached_property
    def _agencies(self) -> dict[str, str]:
        from ledger.bootstrap_work import issuer_facts

        return {
            facts.uscc: f"{Text(facts.name_zh, facts.name_en)}({facts.uscc})"
            for facts in issuer_facts(self._here)
            if facts.name_zh
        }

    @cached_property
    def _types(self) -> dict[int, str]:
        known = {(one.type_code, one.version): one.type.ref for one in self._here.types.all()}
        found = {
            record.type_id: known.get((record.code, record.version), record.code)
            for record in self._here.view.types()
        }
        return {0: "DOCUMENT:0", **found}

    @cached_property
    def _people(self) -> dict[bytes, str]:
        """Signing keys that people of this installation enrolled; a key file names nobody."""
        from ledger.bootstrap_people import open_people_alone
        from ledger.bootstrap_signing import signing_book

        book = signing_book(self._here)
        keys = [key for agency in self._here.record.agencies for key in book.keys(agency.uscc)]
        if not keys:
            return {}
        try:
            names = open_people_alone(self._here).people.names({key.person for key in keys})
        except LedgerError:
            return {}  # names of people lie encrypted: without the password their addresses remain
        return {key.signer_id: names[key.person] for key in keys if key.person in names}


def deed_text(deed: Deed, names: Names) -> Text:
    """One line: what happened."""
    name = deed.name
    if name == "RoleSet" and not int(str(deed.args["validUntil"])):
        name = "RoleRemoved"
    if name == "IssuerDissolved" and not _is_set(deed.args["successor"]):
        name = "IssuerDissolvedAlone"
    return _filled(DEEDS[name], deed.args, names)


def act_text(act: Act, names: Names) -> Text:
    """One line: what is proposed."""
    args = act.named
    name = act.function
    if name == "setRole" and not args["validUntil"]:
        name = "removeRole"
    if name == "dissolveIssuer" and not _is_set(args["successor"]):
        name = "dissolveAlone"
    return _filled(ACTS[name], args, names)


def act_json(act: Act) -> dict[str, Any]:
    """Documented shape of an act."""
    return {"function": act.function, "args": args_json(act.named)}


def deed_json(deed: Deed, names: Names) -> dict[str, Any]:
    """Documented shape of one line of a timeline."""
    said = deed_text(deed, names)
    return {
        "what": deed.name,
        "text": said.to_json(),
        "issuer": deed.issuer,
        "by": deed.by,
        "signers": [{"signer": signer_text(one), "name": names.person(one)} for one in deed.signers],
        "time": deed.block.time,
        "block": deed.block.number,
        "transaction": "0x" + deed.tx_hash.hex(),
        "args": args_json(deed.args),
    }


def args_json(args: Mapping[str, object]) -> dict[str, Any]:
    """Values as JSON: an issuer as its USCC, signers and hashes as 0x-hex, words as decimal text."""
    return {name: _json(name, value) for name, value in args.items()}


def _json(name: str, value: object) -> Any:
    if isinstance(value, bytes):
        if name in _ISSUERS:
            return value.decode("ascii") if any(value) and len(value) == 18 else "0x" + value.hex()
        return signer_text(value) if name in _SIGNERS else "0x" + value.hex()
    if isinstance(value, tuple | list):
        return [_json(name, one) for one in value]
    if name == "role" and value in ROLE_NAMES:
        return ROLE_NAMES[int(str(value))]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 2**53:
        return str(value)  # more than a JSON number holds exactly everywhere
    return value


def _filled(text: Text, args: Mapping[str, object], names: Names) -> Text:
    zh = {name: _said(name, value, names, is_chinese=True) for name, value in args.items()}
    en = {name: _said(name, value, names, is_chinese=False) for name, value in args.items()}
    if "typeId" in args:
        zh["type"] = en["type"] = names.type(int(str(args["typeId"])))
    return Text(text.zh.format(**zh), text.en.format(**en))


def _said(name: str, value: object, names: Names, *, is_chinese: bool) -> str:
    words = {"role": ROLES, "purpose": PURPOSE_WORDS, "cause": CAUSES, "reasonClass": REASONS}.get(name)
    if words is not None:
        found = words.get(int(str(value)))
        return str(value) if found is None else found.zh if is_chinese else found.en
    if isinstance(value, bytes):
        if name in _ISSUERS and len(value) == 18:
            return names.agency(value.decode("ascii")) if any(value) else ""
        if name in _SIGNERS:
            return names.signer(value)
        return "0x" + value.hex()[:_SHORT] + "…"
    if name in _TIMES and isinstance(value, int):
        if value >= FOREVER:
            return NO_END.zh if is_chinese else NO_END.en
        return say_time(value)
    return str(value)


def _is_set(value: object) -> bool:
    return isinstance(value, bytes) and any(value)
