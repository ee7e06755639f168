"""The organisation's audit log, for its auditors' programs."""

from __future__ import annotations

from apiflask import APIBlueprint

from web.access import actor, token_allowed
from web.api.answers import hexed
from web.api.frame import services
from web.api.models import AuditOut, AuditQuery, AuditRowOut
from web.api.paging import following, parse_cursor

API = APIBlueprint("audit", __name__, tag="Audit")


@API.get("/audit")
@API.input(AuditQuery, location="query")
@API.output(AuditOut)
@token_allowed("audit")
def rows(query_data: AuditQuery) -> AuditOut:
    """Who did what in the organisation, newest first; each row's link is the next one's past."""
    found = services().audit.rows(
        {actor().uscc},
        before=parse_cursor(query_data.cursor),
        count=query_data.limit,
        action=query_data.action,
    )
    return AuditOut(
        items=[
            AuditRowOut(
                number=row.number,
                at=row.at,
                uscc=row.uscc,
                person=row.person,
                action=row.action,
                subject=row.subject,
                facts=row.facts,
                link=hexed(row.link),
            )
            for row in found
        ],
        next=following(found, query_data.limit, lambda row: row.number),
    )
