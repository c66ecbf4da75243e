"""``tracklib cutover``: what is measured is what is so, the rest has a name to it, and the record forgets nothing."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tests.cli.conftest import Bench, Outcome
from tests.cli.test_report import HOSTILE, SIZES, browser

__all__ = ["browser"]


class Switch:
    """Two journal roots that hold the same runs, and the record of leaving one for the other."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        (bench.path / "w.bin").write_bytes(b"weights")
        for number in range(3):
            with tracklib.init("digits", id=f"r{number}", dir=bench.root.path) as run:
                run.log({"loss": number / 7}, step=0)
                run.log_artifact(bench.path / "w.bin", name="model", copy="now")
        self.b = bench.path / "b"
        shutil.copytree(bench.root.path, self.b)
        self.places = f"local:{bench.root.path}", f"local:{self.b}"
        self.record = bench.path / "cutover.jsonl"

    def __call__(self, *words: str) -> Outcome:
        return self.bench("cutover", *words, "--record", str(self.record), at_root=False)

    def standing(self, *words: str) -> dict[str, Any]:
        done = self(*words, "--json")
        document = done.json
        assert done.code == (0 if document["met"] else 1)
        return {each["criterion"]: each for each in document["criteria"]}

    def met(self, *words: str) -> set[str]:
        return {name for name, each in self.standing(*words).items() if each["met"]}


MEASURED = {"runs", "metrics", "artifacts"}


@pytest.fixture
def switch(bench: Bench) -> Switch:
    return Switch(bench)


def test_nothing_is_met_before_it_is_shown(switch: Switch) -> None:
    """At first all is open, and each criterion says what to do; then what was measured is met, and the rest ticked."""
    opened = switch()
    assert opened.code == 1
    assert opened.out.splitlines()[-1] == "5 criteria open"
    assert "tracklib cutover A B measures it" in opened.out
    assert "tracklib cutover tick people --by NAME" in opened.out
    assert not switch.record.exists()
    assert switch.met(*switch.places) == MEASURED
    assert switch.met("tick", "consumers", "--by", "ana", "--note", "Grafana moved") == MEASURED | {"consumers"}
    done = switch("tick", "people", "--by", "bo")
    assert (done.code, done.out.splitlines()[-1]) == (0, "all is met: the old place can be left")
    standing = switch.standing()
    assert standing["runs"]["told"].startswith("3 of 3 runs on ")
    assert (standing["consumers"]["by"], standing["consumers"]["note"]) == ("ana", "Grafana moved")


def lose_a_run(switch: Switch) -> None:
    shutil.rmtree(switch.b / "digits" / "r1")


def change_a_point(switch: Switch) -> None:
    shutil.rmtree(switch.b / "digits" / "r1")
    with tracklib.init("digits", id="r1", dir=switch.b) as run:
        run.log({"loss": 0.5}, step=0)
        run.log_artifact(switch.bench.path / "w.bin", name="model", copy="now")


def spoil_a_file(switch: Switch) -> None:
    for path in (path for path in (switch.b / "blobs").rglob("*") if path.is_file()):
        path.chmod(0o600)
        path.write_bytes(b"wEights")


@pytest.mark.parametrize(
    ("sabotage", "open_ones", "wrong"),
    [(lose_a_run, {"runs"}, 1), (change_a_point, {"metrics"}, 1), (spoil_a_file, {"artifacts"}, 3)],
)
def test_what_is_not_so_is_open(switch: Switch, sabotage: Any, open_ones: set[str], wrong: int) -> None:
    """A run that is missing, a value that differs and a file that was changed each fail their own criterion, by name."""
    sabotage(switch)
    standing = switch.standing(*switch.places)
    assert {name for name in MEASURED if not standing[name]["met"]} == open_ones
    (name,) = open_ones
    assert standing[name]["wrong"] == wrong
    assert "digits/r1" in standing[name]["told"]
    assert switch.met(*switch.places, "--fail-under", "60") == (MEASURED if wrong == 1 else MEASURED - open_ones)


def test_a_later_word_counts_and_no_earlier_one_is_lost(switch: Switch) -> None:
    """A tick can be withdrawn, a measurement can turn out worse; the record keeps every line as it was written."""
    switch(*switch.places)
    switch("tick", "people", "--by", "bo")
    before = switch.record.read_bytes()
    lose_a_run(switch)
    assert switch.met(*switch.places) == {"metrics", "artifacts", "people"}
    assert switch.met("untick", "people", "--by", "ana", "--note", "not yet") == {"metrics", "artifacts"}
    assert switch.record.read_bytes().startswith(before)
    kinds = [json.loads(line)["kind"] for line in switch.record.read_text().splitlines()]
    assert kinds == ["measured", "tick", "measured", "untick"]
    assert "withdrawn by ana" in switch.standing()["people"]["told"]


def test_a_torn_line_costs_itself_alone(switch: Switch) -> None:
    """What a crash left of a line is told and passed over, and the next line stands by itself."""
    switch(*switch.places)
    with switch.record.open("ab") as file:
        file.write(b'{"kind": "tick", "criterion": "peop')
    done = switch("tick", "consumers", "--by", "ana")
    assert done.code == 1
    assert "1 line of" in done.err
    assert switch.met() == MEASURED | {"consumers"}


def test_the_window_and_an_empty_place(switch: Switch) -> None:
    """Only runs of the window are judged; where there are none, nothing is met."""
    assert switch.met(*switch.places, "--since", "2999-01-01") == set()
    assert switch.standing()["runs"]["told"].startswith("no run to compare")


def test_wrong_calls_are_told(switch: Switch) -> None:
    """A criterion that is measured or unknown, a tick without a name, other places, and options that do not belong."""
    switch(*switch.places)
    for words, expected in {
        ("tick", "metrics", "--by", "ana"): "'metrics', which is measured: tracklib cutover A B",
        ("tick", "peple", "--by", "ana"): "did you mean 'people'",
        ("tick", "people"): "--by: expected the name of who answers for it, got none",
        (switch.places[0], switch.places[0]): "is the record of",
        ("--note", "x"): "--note is an option of tick",
        ("--since", "1d"): "--since is an option of a comparison",
        ("one",): "expected two places, or tick and a criterion, got 'one'",
    }.items():
        done = switch(*words)
        assert (done.code, expected in done.err) == (2, True), done


def test_the_record_lies_in_the_journal_root_and_becomes_markdown(switch: Switch) -> None:
    """Without ``--record`` it is in the root; in Markdown, no name or note has become markup."""
    bench = switch.bench
    name = "ana | <b>\x1b[31m`x`"
    assert bench("cutover", "tick", "people", "--by", name, "--note", "![x](http://y)\n# z").code == 1
    file = bench.path / "record.md"
    assert bench("cutover", *switch.places, "--md", str(file)).code == 1
    assert Path(bench.root.path, "cutover.jsonl").stat().st_mode & 0o777 == 0o600
    text = file.read_text(encoding="utf-8")
    assert "<b>" not in text
    assert "![x]" not in text
    assert "\x1b" not in text
    assert all(line.count("|") == 5 for line in text.splitlines() if line.startswith("|"))
    assert "3 identical" in text
    assert "ana &#124; &#60;b&#62;" in text


def test_a_file_that_is_no_record_is_left_alone(switch: Switch) -> None:
    """A wrong ``--record`` adds nothing to what it names, and a page that cannot be written is told before measuring."""
    switch.record.write_text("import tracklib\n")
    wrong = switch("tick", "people", "--by", "ana")
    assert (wrong.code, wrong.out) == (2, "")
    assert (
        f"expected the record of a cut-over at {switch.record}, got another file; nothing was added to it" in wrong.err
    )
    assert switch.record.read_text() == "import tracklib\n"
    switch.record.unlink()
    for option in ("--md", "--html"):
        late = switch(*switch.places, option, str(switch.bench.path / "none" / "page"))
        assert (late.code, late.out, switch.record.exists()) == (2, "", False)


@pytest.fixture
def page_file(switch: Switch) -> Path:
    """Return the page of a record with a measurement that fails, and ticks of hostile names."""
    file = switch.bench.path / "cutover.html"
    lose_a_run(switch)
    switch(*switch.places)
    switch("tick", "people", "--by", HOSTILE[0], "--note", " ".join((*HOSTILE, "x" * 300)))
    assert switch("--html", str(file)).code == 1
    return file


def test_the_page_is_whole_and_its_names_are_text(page_file: Path) -> None:
    """The page fetches nothing, and no name or note has become markup."""
    html = page_file.read_text(encoding="utf-8")
    for word in ("<script", "<img", "http://", "https://"):
        assert word not in html
    assert "2 criteria open" in html
    assert html.count("&lt;") >= 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed")
def test_the_page_in_a_browser(browser: Any, page_file: Path, size: str, scheme: str) -> None:
    """At any width and in any light: nothing runs, fails or overflows; the verdict stands on top, each criterion below."""
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text))
    page.on("request", lambda request: None if request.url.startswith("file:") else faults.append(request.url))
    page.goto(page_file.as_uri())
    assert page.title() == "tracklib cutover"
    assert page.locator("h1").inner_text() == "2 criteria open"
    assert page.locator(".state").all_inner_texts() == ["open", "met", "met", "open", "met"]
    assert page.locator("tr").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) > 384) is (scheme == "light")
    assert paper != ink
    page.screenshot(path=page_file.with_name(f"{size}-{scheme}.png"), full_page=True)
    assert faults == []
    page.close()
