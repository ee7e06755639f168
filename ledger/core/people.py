"""Who may do what: roles of people in organisations, and how far each role sees.

A person holds roles in one or more organisations (USCC) and acts for one of them at a time. Whoever
changes something acts for that organisation alone; whoever only looks sees its subtree, as the chain
has it (province, city, county). One thing reaches down: an administrator manages the people of the
subtree, or the first administrator of a new county would have to come from a command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

FRESH_S = 300
"""How long after proving who they are a person may approve, revoke, erase and handle keys."""


class Role(StrEnum):
    """What a person does in an organisation."""

    CLERK = "clerk"  # 经办
    APPROVER = "approver"  # 复核
    VERIFIER = "verifier"  # 核验
    AUDITOR = "auditor"  # 审计
    OPERATOR = "operator"  # 运维
    ADMINISTRATOR = "administrator"  # 管理员


SEES_SUBTREE = frozenset({Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR})
"""Roles that see the organisations below their own; the others see their own only."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who is logged in, in the organisation for which they act now.

    Args:
        person: number of the person in the store.
        name: for the page's header.
        uscc: the organisation acted for.
        roles: what the person is there.
        subtree: USCCs that this actor may look at; always holds `uscc`.
        language: kept per person: zh, en or bo.
        fresh_until: until when (seconds) the person counts as having just proved who they are.
        session: number of the server-side session, for the audit log.
    """

    person: int
    name: str
    uscc: str
    roles: frozenset[Role]
    subtree: frozenset[str]
    language: str = "zh"
    fresh_until: int = 0
    session: int = 0

    def is_fresh(self, now: int) -> bool:
        """Whether a step-up is not needed."""
        return now < self.fresh_until


def subtree_of(uscc: str, parents: Mapping[str, str | None]) -> frozenset[str]:
    """The organisation and everything below it; `parents` maps each USCC to its parent."""
    found = {uscc}
    grew = True
    while grew:
        below = {child for child, parent in parents.items() if parent in found} - found
        found |= below
        grew = bool(below)
    return frozenset(found)


def sight(uscc: str, roles: frozenset[Role], parents: Mapping[str, str | None]) -> frozenset[str]:
    """What somebody with these roles may look at."""
    return subtree_of(uscc, parents) if roles & SEES_SUBTREE else frozenset({uscc})
