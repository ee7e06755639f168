"""Imports point one way, there are no cycles, and importing does nothing."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.house.tree import ROOT, fail_with, imported_names, modules

STDLIB = sys.stdlib_module_names
OWN = ("ledger", "web")

# room -> what of our own it may import, and what of others ("*": any locked package)
ALLOWED_OWN = {
    "ledger.core": ("ledger.core",),
    "ledger.types": (),
    "ledger.ports": ("ledger.core", "ledger.ports"),
    "ledger.services": ("ledger.core", "ledger.ports", "ledger.services"),
    "ledger.adapters": ("ledger.core", "ledger.ports", "ledger.adapters", "ledger.types"),
    "ledger.settings": ("ledger.core", "ledger.settings"),
    "ledger.demo_data": ("ledger.core", "ledger.demo_data"),
    "ledger.bootstrap": ("ledger", "web"),
    "ledger.apps": (
        "ledger.core",
        "ledger.ports",
        "ledger.services",
        "ledger.apps",
        "ledger.bootstrap",
        "ledger.settings",
        "ledger.demo_data",
        "web",
    ),
    "ledger": ("ledger.core", "ledger.ports", "ledger.services", "ledger.bootstrap"),
    "web": ("web", "ledger.core", "ledger.ports", "ledger.services", "ledger.bootstrap"),
}
OTHERS_IN_CORE = {"cryptography": "ledger.core", "sha3": "ledger.core.eip712"}
# Nothing that talks to the world is for core and services, even though the standard library has it.
WORLD = frozenset(
    {
        "os",
        "socket",
        "time",
        "random",
        "secrets",
        "uuid",
        "subprocess",
        "sqlite3",
        "urllib.request",
        "http",
        "tempfile",
        "shutil",
        "logging",
        "pathlib",
        "threading",
        "multiprocessing",
    }
)
WORLD_ALLOWED = {
    ("ledger.services", "threading"): "a lock or a stop event is no contact with the world",
}


def room_of(name: str) -> str:
    if name.startswith("ledger.bootstrap"):
        return "ledger.bootstrap"  # one wiring place, in files of readable size
    parts = name.split(".")
    for length in (2, 1):
        room = ".".join(parts[:length])
        if room in ALLOWED_OWN:
            return room
    return parts[0]


def is_below(name: str, tops: tuple[str, ...]) -> bool:
    if name.startswith("ledger.bootstrap_"):
        name = "ledger.bootstrap"  # room_of says why
    return any(name == top or name.startswith(f"{top}.") for top in tops)


def own_modules():
    return {module.name: module for module in modules(*OWN)}


def test_each_room_imports_only_what_it_may():
    problems = []
    known = own_modules()
    for module in known.values():
        room = room_of(module.name)
        for line, name in imported_names(module):
            # `from ledger.core import status` names the module in its second form
            unknown = name in OWN or name not in known
            if unknown and (not is_below(name, OWN) or name.rpartition(".")[0] in known):
                continue
            if name in {"ledger", "ledger.adapters", "ledger.apps"} and name not in ALLOWED_OWN[room]:
                continue  # the package around a module; the module itself is judged
            allowed = ALLOWED_OWN[room]
            exact_only = room == "ledger"
            if not is_below(name, allowed) and not (exact_only and name == "ledger"):
                problems.append(f"{module.where}:{line}: {room} may not import {name}")
    fail_with(problems)


def test_core_takes_only_the_standard_library_and_cryptography():
    problems = []
    for module in modules("ledger"):
        if room_of(module.name) not in {"ledger.core", "ledger.ports"}:
            continue
        for line, name in imported_names(module):
            top = name.split(".")[0]
            if top in STDLIB or top in OWN or is_below(module.name, (OTHERS_IN_CORE.get(top, "-"),)):
                continue
            problems.append(f"{module.where}:{line}: {name} belongs behind a port")
    fail_with(problems)


def test_services_take_no_other_packages():
    problems = [
        f"{module.where}:{line}: {name} belongs in an adapter"
        for module in modules("ledger")
        if room_of(module.name) == "ledger.services"
        for line, name in imported_names(module)
        if (top := name.split(".")[0]) not in STDLIB and top not in OWN and top != "cryptography"
    ]
    fail_with(problems)


def test_core_and_services_do_not_touch_the_world():
    problems = [
        f"{module.where}:{line}: {name} in {room}; ask a port"
        for module in modules("ledger")
        if (room := room_of(module.name)) in {"ledger.core", "ledger.services", "ledger.ports"}
        for line, name in imported_names(module)
        if is_below(name, tuple(WORLD))
        and not any(is_below(name, (allowed,)) and room == at for at, allowed in WORLD_ALLOWED)
    ]
    fail_with(sorted(set(problems)))


def test_no_import_cycles_even_for_types():
    known = own_modules()
    graph = {
        name: {target for _, target in imported_names(module) if target in known and target != name}
        for name, module in known.items()
    }
    # a package's __init__ is run before its modules, but that is no wish of theirs
    graph = {name: {t for t in targets if not name.startswith(f"{t}.")} for name, targets in graph.items()}
    done: set[str] = set()
    cycles: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            cycles.append(" -> ".join((*path[path.index(name) :], name)))
            return
        if name in done:
            return
        for target in sorted(graph[name]):
            visit(target, (*path, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())
    fail_with(cycles)


def test_few_names_are_exported():
    tree = next(module for module in modules("ledger") if module.name == "ledger")
    names = next(
        ast.literal_eval(node.value)
        for node in tree.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and node.value is not None
        and any(
            isinstance(target, ast.Name) and target.id == "__all__"
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        )
    )
    assert isinstance(names, list | tuple)
    assert 1 <= len(names) <= 10
    assert len(set(names)) == len(names)


IMPORT_ALL = """
import importlib, os, sys, threading, warnings
warnings.simplefilter("ignore")
names = sys.argv[1:]
third_party_done = False
OURS = sys.argv[0]
events = []
def hook(event, args):
    if event == "socket.bind" and args[1][:2] == ("::1", 0):
        return  # urllib3 asks the kernel whether there is IPv6, and closes the socket at once
    if event in {"socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.mkdir", "os.remove", "os.rename", "sqlite3.connect"}:
        events.append((event, str(args)[:80]))
    elif event == "open" and len(args) > 1 and isinstance(args[1], str) and set(args[1]) & set("wax+") :
        if not str(args[0]).endswith((".pyc",)) and ".pyc." not in str(args[0]):
            events.append((event, str(args[:2])))
sys.dont_write_bytecode = True
sys.addaudithook(hook)
before = dict(os.environ)
for name in names:
    threads = threading.active_count()
    events.clear()
    importlib.import_module(name)
    if events:
        print(name, events)
    if threading.active_count() != threads:
        print(name, "starts a thread")
    changed = {k for k in {*before, *os.environ} if before.get(k) != os.environ.get(k)}
    if changed:
        print(name, "changes the environment", sorted(changed))
        before = dict(os.environ)
"""


@pytest.mark.timeout(180)
def test_importing_any_module_does_nothing():
    names = [
        module.name
        for module in modules(*OWN)
        if "migrations.versions" not in module.name
        and not module.name.endswith(("__main__", "migrations.env"))
    ]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == ""
