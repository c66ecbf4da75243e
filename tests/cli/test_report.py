"""The page of ``tracklib verify A B --html``: what it says, in a real browser, whatever runs are called."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tests.cli.conftest import Bench

HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "</style></title></script><h1>100 % identical",
    "\u202egnp.exe \x1b[31m\x00 \ud800",
    "&lt;b&gt; {{ 7*7 }} ${7*7}",
    "long" * 60,
)
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}


@pytest.fixture
def page_file(bench: Bench) -> Path:
    """The page of six hostile runs, one of them spoiled, and one that B lacks."""
    for number, name in enumerate(HOSTILE):
        bench.run(f"run{number}", name=name, project="digits<b>", points=20, tags=[name])
    (bench.path / "b").mkdir()
    shutil.copytree(bench.root.path, bench.path / "b", dirs_exist_ok=True)
    for root, value in ((bench.root.path, 0.5), (bench.path / "b", 0.75)):
        with tracklib.init("digits", id="spoiled", name="spoiled", dir=root) as run:
            for step in range(400):
                key = "<i>loss</i>"
                run.log({key: value if step >= 200 else 1 / (step + 1)}, step=step, timestamp=1.0 + step)
    bench.run("alone")
    file = bench.path / "report.html"
    done = bench("verify", f"local:{bench.root.path}", f"local:{bench.path / 'b'}", "--html", str(file), at_root=False)
    assert done.code == 1, done
    return file


def test_the_page_is_whole_and_its_names_are_text(page_file: Path) -> None:
    """The page fetches nothing, and no name of a run, project or metric has become markup."""
    html = page_file.read_text(encoding="utf-8")
    assert html.count("<script>") == 1
    assert "<img" not in html
    assert "<i>" not in html
    assert "&lt;i&gt;loss&lt;/i&gt;" in html
    assert "http://" not in html
    assert "https://" not in html
    assert "\u202e" not in html


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("expected chromium, as of apt-get install chromium; none is installed")
    with playwright.sync_playwright() as player:
        chromium = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_in_a_browser(browser: Any, page_file: Path, size: str, scheme: str) -> None:
    """At any width and in any light: nothing runs, fails or overflows; filters work; the first difference is marked."""
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text))
    page.on("request", lambda request: None if request.url.startswith("file:") else faults.append(request.url))
    page.goto(page_file.as_uri())
    assert page.title() == "tracklib verify"
    assert page.locator("h1").all_inner_texts() == ["75 % of 8 runs identical"]
    assert page.locator("#shown").inner_text() == "8 of 8 shown"
    page.locator("#state").select_option("different")
    assert page.locator("#shown").inner_text() == "1 of 8 shown"
    page.locator("details:visible summary").click()
    assert page.locator("svg .mark").is_visible()
    assert "first difference at step 200: A 0.5, B 0.75; 199 more" in page.locator("figcaption").inner_text()
    assert page.locator("svg .line").count() == 2
    page.screenshot(path=page_file.with_name(f"{size}-{scheme}.png"), full_page=True)
    page.locator("#state").select_option("")
    page.locator("#words").fill("<script>")
    assert page.locator("#shown").inner_text() == "1 of 8 shown"
    page.locator("#words").fill("")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    assert paper != ink
    page.screenshot(path=page_file.with_name(f"{size}-{scheme}-all.png"), full_page=True)
    assert faults == []
    page.close()
