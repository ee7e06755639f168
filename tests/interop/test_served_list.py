"""The page itself serves the lists: a credential's own address leads a standard verifier to its status."""

from __future__ import annotations

import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from werkzeug.serving import make_server

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.apps.working import open_work
from ledger.bootstrap import Installation, load_trust, open_home
from ledger.bootstrap_web import open_web
from ledger.bootstrap_work import open_desk
from ledger.settings import load_settings
from tests.interop.test_demo_bundles import credential_in
from tests.interop.verifiers import STATUS, RefusedError, Verifiers
from web import WebSettings, create_app

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(300)]
FORMAT = SdJwtFormat()


class Visitor(Verifiers):
    """Fetches an address from loopback as if its name led there: the path and the Host are the address's own."""

    port = 0

    def fetch(self, uri: str) -> str:
        parts = urlsplit(uri)
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{parts.path}", headers={"Host": parts.netloc}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.headers["Content-Type"] == "application/statuslist+jwt"
            return str(answer.read(), "ascii")


@pytest.fixture(scope="module")
def here(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    home = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(demo_home, home)
    here = open_home(load_settings({"ECERT_HOME": str(home)}))
    with open_work(here):  # fresh tokens, whenever the demo was made
        open_desk(here).publisher.publish_all([agency.uscc for agency in here.record.agencies])
    return here


@pytest.fixture(scope="module")
def port(here: Installation) -> Iterator[int]:
    app = create_app(WebSettings("demo", secure_cookies=False), open_web(here.settings))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def visitor(here: Installation, port: int, credential: str) -> Visitor:
    payload = FORMAT.parse(credential).payload
    [root] = load_trust(here.home.trust_file).x509_anchors
    found = Visitor(root, payload["iss"], payload["vct"], str)
    found.port = port
    return found


def test_the_good_one_is_accepted_and_the_voided_one_refused(here: Installation, port: int) -> None:
    good, voided = (
        credential_in(here.home.path / "demo" / f"{name}.ecert.json") for name in ("good", "voided")
    )
    assert visitor(here, port, good).openvc(good)["vct"] == "urn:ecert:type:HPF_PERSONAL_DEPOSIT:1"
    with pytest.raises(RefusedError) as refusal:
        visitor(here, port, voided).openvc(voided)
    assert refusal.value.args[0] == STATUS


def test_every_agencys_credentials_name_an_address_that_is_served(here: Installation, port: int) -> None:
    seen = set()
    for path in sorted((here.home.released).rglob("*.ecert.json")):
        issuer = path.relative_to(here.home.released).parts[0]
        if issuer not in seen:
            credential = credential_in(path)
            assert visitor(here, port, credential).openvc(credential)
            seen.add(issuer)
    assert len(seen) == 2  # same path, told apart by their hosts


def test_files_of_the_data_directory_are_not_served(here: Installation, port: int) -> None:
    host = urlsplit(here.record.agencies[1].iss).netloc
    for path in ("/status/../trust.json", "/published/status", "/status/%2e%2e/%2e%2e/home.json"):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(request, timeout=10)
        with refusal.value as answer:
            assert answer.code == 404
