"""`ecert show` of an agency, a key, a standing approval or a batch: what it is now, and its whole life."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from ledger.apps.cli_deeds import CAUSES, REASONS, Names, act_json, act_text, deed_json, deed_text
from ledger.apps.cli_frame import Session, Text
from ledger.apps.cli_govern import proposal_json
from ledger.apps.cli_role import NO_END
from ledger.apps.cli_shapes import PURPOSE_WORDS, ROLE_WORDS
from ledger.apps.cli_time import say_time
from ledger.core.eip712 import signer_text
from ledger.core.errors import NotFoundError
from ledger.services.registry import FOREVER

if TYPE_CHECKING:
    from ledger.bootstrap import Installation
    from ledger.bootstrap_work import Desk
    from ledger.core.governed import Deed
    from ledger.core.model import AnchorRecord, GrantRecord, IssuerRecord, KeyRecord, StandingRecord
    from ledger.services.governed import GovernedBook

ISSUER: Final = re.compile(r"[0-9A-Z]{18}")
KEY: Final = re.compile(r"([0-9A-Z]{18})/([0-9]{1,9})")
BATCH: Final = re.compile(r"[0-9]{1,12}")
HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}")
BATCH_OF: Final = re.compile(r"([0-9A-Z]{18})/(0x[0-9a-fA-F]{64})")
KID: Final = re.compile(r"[A-Za-z0-9_-]{43}")

LINE = Text("{label}:{value}", "{label}: {value}")
LABELS = {
    "issuer": Text("机关", "Agency"),
    "parent": Text("上级", "Parent"),
    "level": Text("层级", "Level"),
    "admitted_at": Text("登记", "Admitted"),
    "dissolved_at": Text("撤销", "Dissolved"),
    "successor": Text("承继机关", "Successor"),
    "acts_for_it": Text("现由谁办理", "Who acts for it"),
    "number": Text("密钥编号", "Key"),
    "purpose": Text("用途", "Purpose"),
    "thumbprint": Text("指纹", "Thumbprint"),
    "valid_from": Text("起", "From"),
    "valid_until": Text("止", "Until"),
    "compromised_since": Text("失密自", "Compromised since"),
    "anchored_batches": Text("用它上链的批次", "Batches anchored with it"),
    "id": Text("常设审批", "Standing approval"),
    "type": Text("类型", "Type"),
    "anchor_limit": Text("每天最多", "A day at most"),
    "approver": Text("审批人", "Approver"),
    "revoked_at": Text("撤销", "Revoked"),
    "root": Text("默克尔根", "Merkle root"),
    "size": Text("份数", "Size"),
    "batch": Text("本安装的批次", "Batch of this installation"),
    "anchored_at": Text("上链", "Anchored"),
    "operator": Text("操作员", "Operator"),
    "maker": Text("经办人", "Maker"),
    "withdrawn_at": Text("撤回", "Withdrawn"),
    "withdrawn_reason": Text("撤回原因", "Why withdrawn"),
}
TIMES = frozenset(
    {"admitted_at", "dissolved_at", "valid_from", "valid_until", "compromised_since", "revoked_at",
     "anchored_at", "withdrawn_at"}
)  # fmt: skip
UNKNOWN_LEAVES = Text("不明(本安装没有这一批次)", "unknown: this installation has no such batch")
GRANTS = Text("授权:", "Grants:")
KEYS = Text("密钥:", "Keys:")
ROLES = Text("角色:", "Roles:")
WAITING = Text("等待接受的提议:", "Proposals that wait:")
RESET = Text(
    "已公布角色重置,{ready} 起可执行。",
    "A reset of its roles is announced and can be carried out from {ready} on.",
)
TIMELINE = Text("经过(北京时间):", "What happened (Asia/Shanghai):")
NOTHING = Text("  (链上没有记录)", "  (nothing on chain)")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a person named: an agency, a key of it, a batch of this installation, or something by its hash.

    With an issuer, a hash is the root of that agency's batch.
    """

    kind: Literal["issuer", "key", "batch", "hash"]
    issuer: str = ""
    number: int = 0
    hash: bytes = b""


def parse_subject(text: str) -> Subject | None:
    """None: it is a credential, or nothing known."""
    if ISSUER.fullmatch(text):
        return Subject("issuer", text)
    if found := KEY.fullmatch(text):
        return Subject("key", found[1], int(found[2]))
    if found := BATCH_OF.fullmatch(text):
        return Subject("hash", found[1], hash=bytes.fromhex(found[2][2:]))
    if BATCH.fullmatch(text):
        return Subject("batch", number=int(text))
    if HASH.fullmatch(text):
        return Subject("hash", hash=bytes.fromhex(text[2:]))
    if KID.fullmatch(text):
        from ledger.core.jose import b64url_decode

        return Subject("hash", hash=b64url_decode(text))
    return None


class Shown:
    """Shows one subject.

    Args:
        session: where it is shown.
        here: the installation.
    """

    def __init__(self, session: Session, here: Installation) -> None:
        from ledger.bootstrap_work import open_desk
        from ledger.services.governed import GovernedBook

        self._session = session
        self._here = here
        self._desk: Desk = open_desk(here)
        self._book: GovernedBook = GovernedBook(self._desk.reader)
        self._names = Names(here)

    def show(self, subject: Subject) -> None:
        """Facts and timeline.

        Raises:
            NotFoundError: ISSUER_UNKNOWN, KEY_UNKNOWN, BATCH_UNKNOWN, BATCH_NOT_ON_CHAIN, SUBJECT_UNKNOWN.
            ConflictError: BATCH_AMBIGUOUS.
        """
        if subject.kind == "issuer":
            self._issuer(self._record(subject.issuer))
        elif subject.kind == "key":
            self._key(self._key_record(subject.issuer, subject.number))
        elif subject.kind == "batch":
            batch = self._here.store.batches.batch(subject.number)
            self._batch(self._anchor(batch.root or b"", batch.issuer))
        elif subject.issuer:
            self._batch(self._anchor(subject.hash, subject.issuer))
        else:
            self._hash(subject.hash)

    def _hash(self, value: bytes) -> None:
        for record in self._here.view.issuers():
            for key in self._here.view.keys(record.issuer):
                if key.thumbprint == value:
                    self._key(key)
                    return
        for standing in self._here.view.standings():
            if standing.id == value:
                self._standing(standing)
                return
        self._batch(self._anchor(value, None))

    # One kind each.

    def _issuer(self, record: IssuerRecord) -> None:
        from ledger.services.governed import heir_of

        view, now = self._here.view, self._here.clock.now()
        facts = {
            "issuer": record.issuer,
            "parent": record.parent,
            "level": record.level,
            "admitted_at": record.admitted_at,
            "dissolved_at": record.dissolved_at,
            "successor": record.successor,
            "acts_for_it": heir_of(view.issuers(), record.issuer),
        }
        grants = [
            self._grant_json(grant)
            for kind in view.types()
            for grant in view.grants(record.issuer, kind.type_id)
        ]
        keys = [self._key_json(key) for key in view.keys(record.issuer)]
        held = [one for one in self._book.roles.roles(record.issuer) if one.valid_until]
        roles = [
            {
                "role": one.role.name.lower(),
                "signer": signer_text(one.signer_id),
                "name": self._names.person(one.signer_id),
                "valid_from": one.valid_from,
                "valid_until": _end(one.valid_until),
                "good": one.is_good(now),
            }
            for one in held
        ]
        waiting = [(one, self._book.act_of(one)) for one in self._book.waiting(now, record.issuer)]
        reset = next((one for one in self._book.resets() if one.issuer == record.issuer), None)
        self._facts(facts)
        self._session.show(GRANTS)
        for grant in grants:
            self._session.show("  " + str(_grant_line(grant)))
        self._session.show(KEYS)
        for key in view.keys(record.issuer):
            self._session.show("  " + str(_key_line(key)))
        self._session.show(ROLES)
        for one in held:
            span = _span(one.valid_from, _end(one.valid_until))
            who = self._names.signer(one.signer_id)
            self._session.show(f"  {ROLE_WORDS[one.role.name.lower()]} {who}  {span}")
        if waiting:
            self._session.show(WAITING)
        for proposal, act in waiting:
            self._session.show(
                f"  {proposal.number}: {'?' if act is None else act_text(act[0], self._names)}"
            )
        if reset is not None:
            self._session.show(RESET.format(ready=say_time(reset.ready_at)))
        value = {
            "subject": "issuer",
            **facts,
            "grants": grants,
            "keys": keys,
            "roles": roles,
            "proposals": [
                {**proposal_json(one, now), "act": None if act is None else act_json(act[0])}
                for one, act in waiting
            ],
            "reset_ready_at": None if reset is None else reset.ready_at,
        }
        self._timeline(value, self._book.timeline(record.issuer))

    def _key(self, key: KeyRecord) -> None:
        signed = sum(1 for one in self._here.view.anchors(key.issuer) if one.key == key.number)
        facts = {"issuer": key.issuer, **self._key_json(key), "anchored_batches": signed}
        self._facts(facts)
        self._timeline({"subject": "key", **facts}, self._book.key(key.issuer, key.number))

    def _standing(self, found: StandingRecord) -> None:
        facts = {
            "id": "0x" + found.id.hex(),
            "issuer": found.issuer,
            "type": self._names.type(found.type_id),
            "anchor_limit": found.anchor_limit,
            "valid_from": found.valid_from,
            "valid_until": found.valid_until,
            "approver": self._names.signer(found.approver),
            "revoked_at": found.revoked_at,
            "anchored_batches": sum(
                1 for one in self._here.view.anchors(found.issuer) if one.standing_id == found.id
            ),
        }
        self._facts(facts)
        self._timeline({"subject": "standing", **facts}, self._book.standing(found.id))

    def _batch(self, anchor: AnchorRecord) -> None:
        here = self._here
        number = next(
            (one.id for one in here.store.batches.batches(anchor.issuer) if one.root == anchor.root), None
        )
        facts = {
            "issuer": anchor.issuer,
            "root": "0x" + anchor.root.hex(),
            "batch": number,
            "type": self._names.type(anchor.type_id),
            "size": anchor.size,
            "number": anchor.key,
            "anchored_at": anchor.anchored_at,
            "operator": self._signer(anchor.operator),
            "maker": self._signer(anchor.maker),
            "approver": self._signer(anchor.approver),
            "withdrawn_at": anchor.withdrawn_at,
            "withdrawn_reason": anchor.withdrawn_reason,
        }
        self._facts(facts)
        if number is None:
            self._session.show(LINE.format(label=LABELS["batch"], value=UNKNOWN_LEAVES))
        deeds = self._book.batch(anchor.issuer, anchor.root, anchor.block.number)
        self._timeline({"subject": "batch", **facts}, deeds)

    # What they share.

    def _facts(self, facts: dict[str, Any]) -> None:
        for name, value in facts.items():
            if value is None:
                continue
            if name in TIMES:
                said: object = say_time(value)
            elif name in ("issuer", "parent", "successor", "acts_for_it"):
                said = self._names.agency(value)
            elif name == "purpose":
                said = PURPOSE_WORDS[_purpose_number(value)]
            elif name == "withdrawn_reason":
                said = REASONS.get(value, value)
            else:
                said = value
            self._session.show(LINE.format(label=LABELS[name], value=said))

    def _timeline(self, value: dict[str, Any], deeds: tuple[Deed, ...]) -> None:
        names, session = self._names, self._session
        session.emit({**value, "timeline": [deed_json(deed, names) for deed in deeds]})
        session.show(TIMELINE)
        if not deeds:
            session.show(NOTHING)
        for deed in self._worth_a_line(deeds):
            who = ", ".join(self._who(deed.by or deed.issuer, one) for one in deed.signers)
            by = "" if deed.by is None else names.agency(deed.by)
            session.show(f"  {say_time(deed.block.time)}  {deed_text(deed, names)}")
            session.show(f"      {by} {who}".rstrip())
            session.show(f"      0x{deed.tx_hash.hex()}")

    def _worth_a_line(self, deeds: tuple[Deed, ...]) -> list[Deed]:
        """For people: an act that was accepted stands for its proposal and acceptance, and names both admins."""
        accepted = {one.number for one in self._book.proposals() if one.state == "accepted"}
        return [
            deed
            for deed in deeds
            if deed.name not in ("ActProposed", "ActAccepted") or deed.args["proposalId"] not in accepted
        ]

    def _signer(self, signer_id: bytes) -> str | None:
        """None: not known any more, for a batch that was carried over from an earlier ledger."""
        return self._names.signer(signer_id) if any(signer_id) else None

    def _who(self, issuer: str, signer_id: bytes) -> str:
        """A signer by name, else by role and address."""
        name = self._names.person(signer_id)
        if name is not None:
            return self._names.signer(signer_id)
        roles = [held.role for held in self._book.roles.roles(issuer) if held.signer_id == signer_id]
        word = str(ROLE_WORDS[roles[-1].name.lower()]) + " " if roles else ""
        return word + signer_text(signer_id)

    def _record(self, issuer: str) -> IssuerRecord:
        for record in self._here.view.issuers():
            if record.issuer == issuer:
                return record
        raise NotFoundError("ISSUER_UNKNOWN", f"{issuer} is not on this ledger.", issuer=issuer)

    def _key_record(self, issuer: str, number: int) -> KeyRecord:
        for key in self._here.view.keys(issuer):
            if key.number == number:
                return key
        raise NotFoundError("KEY_UNKNOWN", f"{issuer} has no key {number}.", issuer=issuer, number=number)

    def _anchor(self, root: bytes, issuer: str | None) -> AnchorRecord:
        from ledger.apps.onchain import anchored_as

        try:
            return anchored_as(self._here.view, root, issuer)
        except NotFoundError as error:
            if issuer is not None:
                raise
            raise NotFoundError(
                "SUBJECT_UNKNOWN",
                "The ledger knows no key, no standing approval and no batch by this number.",
                hash="0x" + root.hex(),
            ) from error

    def _key_json(self, key: KeyRecord) -> dict[str, Any]:
        return {
            "number": key.number,
            "purpose": PURPOSE_WORDS[key.purpose].en,
            "thumbprint": "0x" + key.thumbprint.hex(),
            "valid_from": key.valid_from,
            "valid_until": key.valid_until,
            "compromised_since": key.compromised_since,
        }

    def _grant_json(self, grant: GrantRecord) -> dict[str, Any]:
        return {
            "type": self._names.type(grant.type_id),
            "valid_from": grant.valid_from,
            "valid_until": _end(grant.valid_until),
            "withdrawn_at": grant.withdrawn_at,
            "withdrawn_since": grant.withdrawn_since,
            "cause": grant.cause,
        }


def _end(seconds: int) -> int | None:
    return None if seconds >= FOREVER else seconds


def _span(first: int, end: int | None) -> str:
    return f"{say_time(first)} – {NO_END if end is None else say_time(end)}"


def _grant_line(grant: dict[str, Any]) -> str:
    line = f"{grant['type']}  {_span(grant['valid_from'], grant['valid_until'])}"
    if grant["withdrawn_at"] is None:
        return line
    since = say_time(grant["withdrawn_since"] or grant["withdrawn_at"])
    said = Text("收回,自 {since} 起,{cause}", "withdrawn since {since}, {cause}")
    return f"{line}  {said.format(since=since, cause=CAUSES.get(grant['cause'], grant['cause']))}"


def _key_line(key: KeyRecord) -> str:
    line = f"{key.number} {PURPOSE_WORDS[key.purpose]}  {_span(key.valid_from, key.valid_until)}"
    if key.compromised_since is None:
        return line
    said = Text("失密自 {since}", "compromised since {since}")
    return f"{line}  {said.format(since=say_time(key.compromised_since))}"


def _purpose_number(word: str) -> int:
    return next(number for number, text in PURPOSE_WORDS.items() if text.en == word)
