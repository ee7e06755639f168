"""`ecert guide`: service guides that the web shows to everybody."""

from __future__ import annotations

from pathlib import Path

import click

from ledger.apps.cli_frame import BilingualGroup, Session, Text, command, common_options

HEADER = (Text("事项", "Item"), Text("机构", "Agency"), Text("名称", "Name"))
PUBLISHED = Text("已发布:{name}({code})", "Published: {name} ({code})")


def _publish(session: Session, file: Path) -> None:
    from ledger.bootstrap import open_home, read_bundle

    guide = open_home(session.settings).guides.publish(read_bundle(file))
    session.emit({"code": guide.code, "agency": guide.agency})
    session.show(PUBLISHED.format(name=guide.name["zh"], code=guide.code))


def _list(session: Session) -> None:
    from ledger.bootstrap import open_home

    guides = open_home(session.settings).guides.all()
    session.emit({"guides": [{"code": guide.code, "agency": guide.agency} for guide in guides]})
    session.table(HEADER, [(guide.code, guide.agency, guide.name["zh"]) for guide in guides])


PUBLISH = command(
    "publish",
    Text(
        "发布一份办事指南(JSON)。五要素缺一、三种语言缺一都会被拒绝,并指出缺什么。",
        "Publish a service guide (JSON). One missing element or language and it is refused, with its name.",
    ),
    params=[click.Argument(["file"], type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")],
    examples=("ecert guide publish rent.json",),
)(_publish)

LIST = command(
    "list",
    Text("列出已发布的办事指南。", "List the published service guides."),
    params=[],
    examples=("ecert guide list",),
)(_list)

GUIDE = BilingualGroup(
    "guide",
    text=Text("办事指南:发布、列出。", "Service guides: publish, list."),
    params=common_options(),
    examples=("ecert guide list",),
    commands={"publish": PUBLISH, "list": LIST},
)
