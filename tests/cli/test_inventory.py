"""``tracklib inventory``: the assessment on the terminal, as JSON, and as a page in a real browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Bench, plain
from tests.cli.test_report import HOSTILE, SIZES, browser

__all__ = ["browser"]


@pytest.fixture
def stocked(bench: Bench) -> Bench:
    """Three runs with hostile names of projects, runs and metrics, and a folder of code that uses a vendor."""
    pytest.importorskip("tracklib_mlflow")
    for number, name in enumerate(HOSTILE[:3]):
        with tracklib_run(bench, f"run{number}", name) as run:
            for step in range(5):
                run.log({name: step / 7, "loss": float("nan")}, step=step)
    code = bench.path / "code"
    code.mkdir()
    (code / "train.py").write_text("import mlflow\nmlflow.log_metric('a', 1)\nmlflow.sklearn.autolog()\n")
    (code / "<img src=x onerror=alert(1)>.py").write_text("import mlflow\n")
    (code / "broken.py").write_text("def f(:\n")
    return bench


def tracklib_run(bench: Bench, id: str, name: str) -> Any:
    import tracklib

    return tracklib.init("<b>digits</b>", id=id, name=name, dir=bench.root.path, config={"lr": 0.1})


def test_a_place_and_its_code(stocked: Bench) -> None:
    """The terminal has the headline, what the destination changes, the waves with their command, and each use; JSON all of it."""
    words = ["inventory", f"local:{stocked.root.path}", "--to", "mlflow", "--code", str(stocked.path / "code")]
    done = stocked(*words, at_root=False)
    assert done.code == 1, done  # broken.py
    text = plain(done.out)
    assert text.startswith("3 runs in 1 project, 30 points")
    assert "MLflow's times of points are milliseconds" in text
    assert f"tracklib migrate local:{stocked.root.path} mlflow --wave 500" in text
    assert "train.py:2 mlflow.log_metric run.log({name: value}, step=...)" in text
    assert "train.py:3 mlflow.sklearn.autolog (by hand)" in text
    assert "broken.py could not be read: SyntaxError" in done.err
    document = stocked(*words, "--json", at_root=False).json
    assert (document["source"], document["destination"]) == (f"local:{stocked.root.path}", "mlflow")
    found = document["inventory"]
    assert (found["runs"], found["read"], found["total"]["points"], found["metrics"]) == (3, 3, 30, 4)
    assert found["projects"][0]["project"] == "<b>digits</b>"
    assert found["values"] == {"finite": 15, "NaN": 15}
    assert found["limits"][0]["what"] == "names of metrics or params with characters that are written otherwise"
    assert (found["wave_size"], [wave["runs"] for wave in found["waves"]]) == (500, [3])
    assert found["estimate"]["records_per_second"] > 0
    uses = document["code"]["uses"]
    assert {use["call"] for use in uses} == {"import mlflow", "mlflow.log_metric", "mlflow.sklearn.autolog"}
    assert document["code"]["unread"].keys() == {"broken.py"}


def test_a_sample_says_that_it_is_one(stocked: Bench) -> None:
    """What is extrapolated is called so, and a filter is obeyed."""
    place = f"local:{stocked.root.path}"
    done = stocked("inventory", place, "--sample", "3", at_root=False)
    assert done.code == 0
    assert "3 runs in 1 project, about 30 points" in done.out
    assert "1 of 3 runs were looked into" in done.out
    assert stocked("inventory", place, "--since", "2999-01-01", "--json", at_root=False).json["inventory"]["runs"] == 0


def test_wrong_calls_are_told(stocked: Bench) -> None:
    """Nothing to look at, a destination without a source, and a folder that is none."""
    for words, expected in {
        ("inventory",): "expected a place, --code DIR, or both, got neither",
        ("inventory", "--to", "mlflow", "--code", "code"): "--to asks what a destination makes of a place",
        ("inventory", "--code", "nowhere"): "--code: expected a folder at nowhere, got nothing",
        ("inventory", "local:x", "--to", "mlfow"): "unknown backend 'mlfow'; did you mean 'mlflow'",
    }.items():
        done = stocked(*words, at_root=False)
        assert (done.code, expected in done.err) == (2, True), done


@pytest.fixture
def page_file(stocked: Bench) -> Path:
    file = stocked.path / "inventory.html"
    late = stocked("inventory", "local:.tracklib", "--html", str(stocked.path / "none" / "page.html"), at_root=False)
    assert (late.code, late.out) == (2, "")
    place = f"local:{stocked.root.path}"
    done = stocked("inventory", place, "--to", "mlflow", "--code", "code", "--html", str(file), at_root=False)
    assert done.code == 1, done
    return file


def test_the_page_is_whole_and_its_names_are_text(page_file: Path) -> None:
    """The page fetches nothing, and no name of a run, project, metric or file has become markup."""
    html = page_file.read_text(encoding="utf-8")
    assert html.count("<script>") == 1
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;b&gt;digits&lt;/b&gt;" in html
    assert "http://" not in html
    assert "https://" not in html


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed")
def test_the_page_in_a_browser(browser: Any, page_file: Path, size: str, scheme: str) -> None:
    """At any width and in any light: nothing runs, fails or overflows, and the uses in the code can be filtered."""
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text))
    page.on("request", lambda request: None if request.url.startswith("file:") else faults.append(request.url))
    page.goto(page_file.as_uri())
    assert page.title() == "tracklib inventory"
    assert page.locator("h1").all_inner_texts()[0].startswith("3 runs in 1 project, 30 points")
    assert page.locator("#shown").inner_text() == "4 of 4 shown"
    page.locator("#words").fill("autolog")
    assert page.locator("#shown").inner_text() == "1 of 4 shown"
    assert page.locator(".run:visible .bad").inner_text() == "by hand"
    page.locator("#words").fill("")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    assert paper != ink
    page.screenshot(path=page_file.with_name(f"{size}-{scheme}.png"), full_page=True)
    assert faults == []
    page.close()
