"""``tracklib verify A B``: what it prints, and by which code it ends."""

from __future__ import annotations

import shutil

import pytest

import tracklib
from tests.cli.conftest import Bench


def verify(bench: Bench, *words: str):
    return bench("verify", f"local:{bench.root.path}", f"local:{bench.path / 'b'}", *words, at_root=False)


def test_two_places_are_compared_run_by_run(bench: Bench) -> None:
    """Equal places give 0; a run on one side gives 1, unless the share that is asked for is reached."""
    for name in ("one", "two", "three"):
        bench.run(name)
    shutil.copytree(bench.root.path, bench.path / "b")
    equal = verify(bench)
    assert equal.code == 0, equal
    assert "100 % of 3 runs identical; 3 identical" in equal.out
    bench.run("four")
    missing = verify(bench)
    assert missing.code == 1
    assert f"digits/four: only in local:{bench.root.path}" in missing.out
    assert "75 % of 4 runs identical" in missing.out
    assert verify(bench, "--fail-under", "75").code == 0
    document = verify(bench, "--json", "--fail-under", "75.1")
    assert document.code == 1
    assert document.json["passed"] is False
    assert document.json["states"] == {"identical": 3, "only_a": 1}
    assert document.json["percent_identical"] == 75.0
    assert document.json["one_sided"][0]["project"] == "digits"
    assert sorted(found["state"] for found in document.json["comparisons"]) == ["identical"] * 3 + ["only_a"]


def test_differences_are_named(bench: Bench) -> None:
    """Each difference is one line with the run, the thing, and both sides."""
    bench.run("one", points=2)
    with tracklib.init("digits", id="one", dir=bench.path / "b") as run:
        run.log({"loss": 1.0}, step=0)
        run.log({"loss": 0.25}, step=1)
    done = verify(bench)
    assert done.code == 1
    assert "digits/one: point loss step 1: 0.5 != 0.25" in done.out


def test_a_run_that_differs_throughout_does_not_bury_the_others(bench: Bench) -> None:
    """Of one run twenty differences are printed and the rest are counted; the document lists them."""
    for root, value in ((bench.root.path, 1.0), (bench.path / "b", 2.0)):
        with tracklib.init("digits", id="one", dir=root) as run:
            for step in range(50):
                run.log({"loss": value}, step=step)
    done = verify(bench)
    lines = [line for line in done.out.splitlines() if line.startswith("digits/one: ")]
    found = verify(bench, "--json").json["found"]
    assert found["point"] == 50
    assert len(lines) == 21
    assert lines[-1] == f"digits/one: and {sum(found.values()) - 20} more; --json tells further ones"


def test_options_that_do_not_fit_are_refused(bench: Bench) -> None:
    """An option of two places is refused for runs, and the other way round; so is a match that is none."""
    bench.run("one")
    (bench.path / "b").mkdir()
    assert "--fail-under is an option of two places" in bench("verify", "one", "--fail-under", "99").err
    assert "--backend is an option of runs" in verify(bench, "--backend", "mlflow").err
    assert "--match: expected id, name or tag:KEY, got 'colour'" in verify(bench, "--match", "colour").err
    late = verify(bench, "--html", str(bench.path / "none" / "page.html"))
    assert (late.code, late.out) == (2, "")
    assert "--html: expected a file in a folder that is there and can be written, got" in late.err
    empty = verify(bench, "--project", "nothing")
    assert empty.code == 2
    assert "expected runs in at least one of the places, got none" in empty.err


@pytest.mark.parametrize(
    ("others", "words"),
    [
        (["boxvendr:x"], "unknown backend 'boxvendr'; did you mean 'boxvendor'?"),
        (
            ["./b"],
            "expected a backend or a place, such as mlflow:http://host:5000 or local:FOLDER, got './b' (installed ",
        ),
        (["zzz:x"], "backend 'zzz' is not installed: pip install tracklib-zzz"),
        ([], "expected two places, as in tracklib verify local:.tracklib mlflow:http://host:5000; got 1"),
        (
            ["local:b", "local:c"],
            "expected two places, as in tracklib verify local:.tracklib mlflow:http://host:5000; got 3",
        ),
    ],
)
def test_half_a_pair_of_places_is_taken_for_one(bench: Bench, others: list[str], words: str) -> None:
    """Beside a place stands another one: what is wrong with that is told, and no run is looked for."""
    bench.run("one")
    wrong = bench("verify", f"local:{bench.root.path}", *others, at_root=False)
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith(f"tracklib: error: {words}"), wrong
