"""The camera, a hand scanner, a QR opened by a phone and a dropped file, in a real chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, expect
from werkzeug.serving import make_server

from tests.check_world import Paper, picture
from tests.needs import chromium_path
from tests.office_world import Office
from web import WebSettings, create_app

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120)]
WIDTH, HEIGHT = 640, 480


def write_film(path: Path, pdf: bytes) -> None:
    """A few frames of an empty desk, then the QR of this page, as the camera's film (YUV4MPEG2)."""
    page = picture(pdf, 200)
    (code,) = zxingcpp.read_barcodes(page)
    left, top = code.position.top_left.x, code.position.top_left.y
    side = code.position.bottom_right.y - top
    cut = page.crop((left - side, top - side // 4, left + side, top + side * 5 // 4)).resize((WIDTH, HEIGHT))
    frames = [Image.new("L", (WIDTH, HEIGHT), 200)] * 5 + [cut] * 10
    chroma = bytes([128]) * (WIDTH * HEIGHT // 2)
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode())
        for frame in frames:
            film.write(b"FRAME\n" + frame.tobytes() + chroma)


@pytest.fixture(scope="module")
def address(office: Office) -> Iterator[str]:
    app = create_app(WebSettings("demo", secure_cookies=False), office.parts)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chromium(
    playwright: Playwright, papers: dict[str, Paper], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    film = tmp_path_factory.mktemp("camera") / "desk.y4m"
    write_film(film, papers["purpose"].pdf)
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]  # fmt: skip
    path = chromium_path()
    assert path is not None
    browser = playwright.chromium.launch(executable_path=path, args=flags)
    yield browser
    browser.close()


@pytest.fixture
def page(chromium: Browser, office: Office, address: str) -> Iterator[Page]:
    office.calm()
    context = chromium.new_context(base_url=address, viewport={"width": 390, "height": 844})
    context.grant_permissions(["camera"], origin=address)
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert not said


def test_the_camera_finds_the_code_and_shows_what_is_printed(page: Page, papers: dict[str, Paper]) -> None:
    page.goto("/check/scan")
    page.get_by_role("button", name="打开摄像头").click()
    expect(page.locator("h1")).to_have_text("请先与纸面比对", timeout=20_000)
    assert page.locator("fieldset.sheet__row").count() == 8
    for row in page.locator("fieldset.sheet__row").all():
        row.get_by_label(
            "不一致" if row.get_attribute("data-name") == "balance" else "一致", exact=True
        ).check()
    page.get_by_role("button", name="比对").click()
    expect(page.locator("h1")).to_have_text("证照无效")
    assert papers["purpose"].secret_text not in page.url


def test_without_permission_the_page_says_what_to_do(chromium: Browser, address: str) -> None:
    context = chromium.new_context(base_url=address)
    page = context.new_page()
    page.goto("/check/scan")
    page.get_by_role("button", name="打开摄像头").click()
    expect(page.locator(".scanner__frame")).to_be_hidden()  # no black box where no camera is on
    expect(page.locator(".scanner__denied, .scanner__missing").locator("visible=true")).to_be_visible()
    assert page.get_by_label("照片、扫描件或 PDF").is_visible()
    context.close()


def test_a_hand_scanner_types_into_the_focused_field(page: Page, papers: dict[str, Paper]) -> None:
    page.goto("/check/scan")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type(f"https://fund.example/q#{papers['purpose'].secret_text}")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("请先与纸面比对")


def test_a_phone_opens_the_code_and_the_secret_leaves_the_address(
    page: Page, papers: dict[str, Paper]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/q#{papers['full'].secret_text}")
    expect(page.locator("h1")).to_have_text("请先与纸面比对")
    assert not [url for url in asked if papers["full"].secret_text in url.partition("#")[0]]
    assert papers["full"].secret_text not in page.url
    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_have_text("Compare with the sheet first")
    page.get_by_role("button", name="中文").click()


def test_a_file_on_the_start_page_and_its_result_in_three_languages(
    page: Page, papers: dict[str, Paper], tmp_path: Path
) -> None:
    file = tmp_path / "proof.pdf"
    file.write_bytes(papers["full"].pdf)
    page.goto("/?lang=zh")
    page.locator("#file").set_input_files(file)
    page.locator("form[action='/check/file'] button[type=submit]").first.click()
    expect(page.locator("h1")).to_have_text("证照真实有效")
    expect(page.get_by_label("纸面")).to_contain_text("纸面可信")
    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_have_text("Genuine and in force")
    page.get_by_role("button", name="བོད་ཡིག").click()
    expect(page.locator("html")).to_have_attribute("lang", "bo")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("h1")).to_have_text("证照真实有效")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
