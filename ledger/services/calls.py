"""Contract calls as the outbox carries them: JSON and back, and the two calls about batches.

In JSON, bytes are lower-case hex with 0x, tuples are arrays, integers have any size. Our contracts
take no text, so a string is always bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from ledger.core.errors import InputError
from ledger.core.flow import BatchRecord, JobKind, NewJob, PlannedChange
from ledger.core.model import Batch, ReasonClass
from ledger.ports import ContractCall, Store

NO_STANDING = bytes(32)


def encode_call(call: ContractCall) -> dict[str, Any]:
    """JSON form of a call."""
    return {
        "contract": call.contract,
        "function": call.function,
        "args": [_plain(argument) for argument in call.args],
    }


def parse_call(value: Mapping[str, Any]) -> ContractCall:
    """The call of a JSON form. Raises InputError(CALL_SHAPE)."""
    contract, function, args = value.get("contract"), value.get("function"), value.get("args")
    if contract not in ("registry", "ledger") or not isinstance(function, str):
        raise InputError("CALL_SHAPE", "A queued call names no contract or function.")
    if not isinstance(args, list):
        raise InputError("CALL_SHAPE", "A queued call has no arguments.")
    return ContractCall(
        cast("Literal['registry', 'ledger']", contract), function, tuple(_rich(each) for each in args)
    )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, (bool, int)):
        return value
    message = f"{type(value).__name__} is no argument of our contracts"
    raise TypeError(message)


def _rich(value: Any) -> Any:
    if isinstance(value, str):
        if not value.startswith("0x"):
            raise InputError("CALL_SHAPE", "A queued call holds text that is not hex.")
        try:
            return bytes.fromhex(value[2:])
        except ValueError as error:
            raise InputError("CALL_SHAPE", "A queued call holds broken hex.") from error
    if isinstance(value, list):
        return tuple(_rich(each) for each in value)
    return value


def signed_struct(batch: BatchRecord) -> Batch:
    """What maker and approver sign (EIP-712 Batch). The batch has been made."""
    if batch.root is None or batch.maker is None or batch.approver is None:
        message = f"batch {batch.id} is not made yet"
        raise RuntimeError(message)
    return Batch(
        issuer=batch.issuer,
        type_id=batch.type_id,
        key=batch.key,
        root=batch.root,
        size=batch.size,
        list=batch.list,
        first_word=batch.first_word,
        pending=batch.pending,
        maker=batch.maker,
        approver=batch.approver,
        deadline=batch.deadline,
    )


def anchor_call(batch: BatchRecord) -> ContractCall:
    """`anchor(Batch, Approvals)` of an approved batch."""
    wanted = signed_struct(batch)
    struct = (
        wanted.issuer.encode("ascii"),
        wanted.type_id,
        wanted.key,
        wanted.root,
        wanted.size,
        wanted.list,
        wanted.first_word,
        wanted.pending,
        wanted.maker,
        wanted.approver,
        wanted.deadline,
    )
    approvals = (
        batch.maker_signature or b"",
        batch.approver_signature or b"",
        batch.standing_id or NO_STANDING,
    )
    return ContractCall("ledger", "anchor", (struct, approvals))


def change_call(batch: BatchRecord, change: PlannedChange, changes_hash: bytes) -> ContractCall:
    """`changeStatus` of credentials that rows of `batch` replace."""
    issuer = batch.issuer.encode("ascii")
    struct = (
        issuer,
        change.root,
        changes_hash,
        int(ReasonClass.ADMINISTRATIVE),
        issuer,
        batch.maker,
        batch.approver,
        change.nonce,
        change.deadline,
    )
    approvals = (change.maker_signature, change.approver_signature, batch.standing_id or NO_STANDING)
    return ContractCall("ledger", "changeStatus", (struct, change.changes, approvals))


def call_job(
    issuer: str,
    call: ContractCall,
    *,
    subject: str,
    not_after: int = 0,
    publish: Sequence[int] = (),
    lists_of: str | None = None,
) -> NewJob:
    """A job that carries one call of the issuer's operator.

    Args:
        issuer: whose operator sends it.
        call: what it sends.
        subject: unique among calls, for instance the hash of what was signed: the same subject is
            sent once, however often it is asked for.
        not_after: seconds since 1970 UTC after which it is not sent any more; 0: no end.
        publish: lists to publish anew once it is final.
        lists_of: whose lists; None: the issuer's own. A successor writes its predecessor's.
    """
    payload = {
        "issuer": issuer,
        "call": encode_call(call),
        "not_after": not_after,
        "publish": list(publish),
        "lists_of": lists_of or issuer,
    }
    return NewJob(JobKind.CALL, subject, payload)


def enqueue_call(
    store: Store,
    issuer: str,
    call: ContractCall,
    *,
    subject: str,
    not_after: int = 0,
    publish: Sequence[int] = (),
    lists_of: str | None = None,
) -> int:
    """Put one call into the outbox (see call_job); returns the job's id."""
    job = call_job(issuer, call, subject=subject, not_after=not_after, publish=publish, lists_of=lists_of)
    return store.outbox.enqueue(job)


def publish_job(issuer: str, list_number: int, occasion: str) -> NewJob:
    """A job that publishes one list anew; once per occasion."""
    payload = {"issuer": issuer, "list": list_number}
    return NewJob(JobKind.PUBLISH, f"publish:{issuer}:{list_number}:{occasion}", payload)
