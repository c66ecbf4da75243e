"""Runs: who they are, how they end, their params, tags, notes and summary; and what somebody changes of it at Comet."""

import math

import pytest
from tracklib_comet.identity import EXACT, Identity, experiment_key
from tracklib_comet.names import shown, shown_path, shown_project

from tracklib.model.query import RunQuery
from tracklib.model.records import Metrics, Notes, Params, RunEnd, RunStart, Summary, Tags
from tracklib.model.trees import same

PARAMS = {
    "lr": 1e-3, "nan": math.nan, "inf": -math.inf, "big": 2**70, "flag": True, "none": None, "text": "0.1", "": "empty",
    "m": {"depth": [1, None, {"a": math.inf}], "w|h": {"": {}}}, "m|depth": "as if nested", "long": "x" * 5000, "\ud800": "\ud800\0",
    "k" * 300: 1, "zero": -0.0, "list": [], "tree": {},
}  # fmt: skip


def params_of(bench):
    (body,) = bench.read()[Params]
    return body.values


def test_params_read_back_in_their_types(bench):
    """Trees, long texts, numbers beyond 64 bits, NaN, lone surrogates and awkward names come back as they were."""
    bench.write(Params(PARAMS))
    assert same(params_of(bench), PARAMS)


def test_params_that_change_their_shape(bench):
    """A tree that becomes a leaf, and a leaf that becomes a tree, are what they were last."""
    bench.write(Params({"a": {"b": 1}, "c": 2}), Params({"a": 3, "c": {"d": 4}}))
    assert params_of(bench) == {"a": 3, "c": {"d": 4}}


def test_comet_shows_params_as_its_own_sdk_does(online):
    """Nested names are joined by a bar; nothing is longer than Comet's SDK has it."""
    online.write(Params(PARAMS))
    shown_now = {name: held["value"] for name, held in online.raw.parameters.items()}
    assert shown_now["lr"] == "0.001"
    assert shown_now["nan"] == "NaN"
    assert shown_now["m|depth"] in ("as if nested", '[1, null, {"a": -Infinity}]', '[1, null, {"a": Infinity}]')
    assert max(map(len, shown_now)) <= 100
    assert max(map(len, shown_now.values())) <= 1000
    assert online.raw.others["hasNestedParams"]["value"] == "true"


def test_a_param_that_is_changed_at_comet_is_seen(online):
    """What Comet shows counts where it is not what was written: changed, added or removed."""
    online.write(Params({"lr": 0.1, "gone": 1, "kept": "a"}))
    held = online.raw.parameters
    held["lr"]["value"] = "0.2"
    del held["gone"]
    held["new"] = {"value": "true", "timestamp": 1}
    assert params_of(online) == {"lr": 0.2, "kept": "a", "new": True}


def test_tags_notes_and_summary(bench):
    """Tags with and without values, long ones too, notes and summary values come back exactly."""
    tags = {"dev": "", "team": "vision", "a=b": "c", "a": "b=c", "long": "y" * 3000, "": "x", "\ud800": ""}
    summary = {"best": 0.5, "nan": math.nan, "tree": {"a": [1]}, "text": "z" * 3000, "s" * 200: True}
    bench.write(Tags(tags), Notes("a note\n" * 500), Summary(summary))
    read = bench.read()
    (found,), (notes,), (whole,) = read[Tags], read[Notes], read[Summary]
    assert found.values == tags
    assert notes.text == "a note\n" * 500
    assert same(whole.values, summary)


def test_tags_that_change_and_go(bench):
    """Removed and changed tags are so at Comet too, also by another process than the one that set them."""
    bench.write(Tags({"a": "1", "b": "", "c": "2"}))
    bench.write(Tags({"a": "3", "b": None}), writer="w2")
    (found,) = bench.read()[Tags]
    assert found.values == {"a": "3", "c": "2"}
    if bench.emulator is not None:
        assert sorted(bench.raw.tags) == ["a=3", "c=2"]


def test_labels_that_are_changed_at_comet_are_seen(online):
    """A tag that is added or removed at Comet, and notes and summary values that are changed there, count."""
    online.write(Tags({"a": "1", "b": ""}), Notes("ours"), Summary({"best": 0.5}))
    raw = online.raw
    raw.tags.remove("a=1")
    raw.tags.append("theirs")
    raw.others["notes"]["value"] = "theirs"
    raw.others["summary.best"]["value"] = "0.75"
    read = online.read()
    assert read[Tags] == [Tags({"b": "", "theirs": ""})]
    assert read[Notes] == [Notes("theirs")]
    assert read[Summary] == [Summary({"best": 0.75})]


ENDS = [
    ("finished", 0, None),
    ("failed", 3, "ValueError: no"),
    ("killed", None, "SIGTERM"),
    ("crashed", None, "e" * 4000),
]


@pytest.mark.parametrize(("status", "code", "error"), ENDS)
def test_ends_are_told_truthfully(bench, status, code, error):
    """Status, exit code, error and both times come back exactly; Comet shows whether it went well."""
    start = RunStart(bench.project, "naïve ☂", "group", "job", "parent", 1, {"host": "here"})
    records, _ = bench.write(start, Metrics({"x": 1.0}, 0), RunEnd(status, code, error))
    found = bench.found()
    assert (found.status, found.name, found.group, found.job_type, found.parent) == (
        status, "naïve ☂", "group", "job", "parent",
    )  # fmt: skip
    assert (found.started, found.ended) == (bench.info.started, records[-1].time)
    read = bench.read()
    assert read[RunEnd] == [RunEnd(status, code, error)]
    assert read[RunStart][0].context == {"host": "here"}
    if bench.emulator is not None:
        raw = bench.raw
        assert (raw.running, raw.crashed, raw.name) == (False, status != "finished", "naïve ☂")
        assert (raw.start, raw.end) == (bench.info.started // 10**6, records[-1].time // 10**6)


def test_a_run_goes_on(bench):
    """A run that is resumed is running again, whoever resumes it, and a late end of the first process changes nothing."""
    first, _ = bench.write(RunStart(bench.project, "a"), Metrics({"x": 1.0}, 0), RunEnd("crashed"))
    bench.write(RunStart(bench.project, "b", attempt=2), Metrics({"x": 2.0}, 1), writer="w2")
    assert (bench.found().status, bench.found().ended, bench.found().name) == ("running", None, "b")
    sink = bench.sink()
    sink.send(first[-1:])
    sink.close()
    assert bench.found().status == "running"
    assert [value for value, _, _ in bench.points()["x"]] == [1.0, 2.0]


def test_a_name_that_is_changed_at_comet_is_seen(online):
    """Name and project at Comet count where somebody changed them there."""
    online.write(RunStart(online.project, "ours"), RunEnd("finished"))
    raw, key = online.raw, online.found().place
    raw.name = "theirs"
    assert online.found().name == "theirs"
    online.write(RunStart(online.project, "ours", attempt=2), RunEnd("finished"), writer="w2")
    assert (raw.name, online.found().name) == ("theirs", "theirs")
    raw.project = "elsewhere"
    online.emulator.world.state.project("team", "elsewhere")
    (found,) = online.source().runs(RunQuery(place=key))
    assert (found.project, found.id) == ("elsewhere", online.info.id)


def test_a_run_that_goes_on_at_comet_is_running(online):
    """Where the SDK goes on with a run that had ended, it is running."""
    online.write(RunStart(online.project, "a"), RunEnd("finished"))
    online.raw.running = True
    assert (online.found().status, online.found().ended) == ("running", None)


def test_keys_follow_from_workspace_project_and_id():
    """Another workspace, project or id gives another key, of the letters and length that Comet wants."""
    keys = {experiment_key(*names) for names in (("w", "p", "i"), ("w", "pi", ""), ("wp", "", "i"), ("", "wp", "i"))}
    assert len(keys) == 4
    assert all(key.isalnum() and 32 <= len(key) <= 50 for key in keys)


def test_an_identity_of_any_length_is_read_whole():
    """An identity that takes several of Comet's values is read whole, and not at all where half of it was written."""
    identity = Identity("p" * 2000, "id\ud800", "n" * 3000, 5, "home", error="ä" * 5000, status="failed", ended=7)
    others = identity.others()
    assert Identity.among(others) == identity
    assert all(len(value) <= 1000 for value in others.values())
    assert list(others)[-1] == EXACT
    assert Identity.among({**others, f"{EXACT}.2": "torn"}) is None
    assert Identity.among({"k": "v"}) is None


def test_what_is_shown_stays_apart():
    """Texts that are cut or cleaned are shown as different ones, within Comet's length."""
    texts = ["a" * 100, "a" * 101, "a" * 102, "", "?", "\0", "\ud800", "a~", "a"]
    for function, limit in ((shown, 100), (shown_path, 200), (shown_project, 100)):
        made = [function(text) for text in texts]
        assert len(set(made)) == len(made), function
        assert all(0 < len(text) <= limit for text in made)


def test_runs_are_listed_page_by_page(online, monkeypatch):
    """More experiments than a page holds are all found, ours and others, each once."""
    from tracklib_comet.service import Service

    original = Service.experiments
    monkeypatch.setattr(Service, "experiments", lambda self, project, **more: original(self, project, size=3, **more))
    for number in range(8):
        online.write(RunStart(online.project, f"n{number}"), info=online.run(f"run-{number}"))
    found = [run.id for run in online.source().runs(RunQuery(project=online.project))]
    assert sorted(found) == [f"run-{number}" for number in range(8)]
    assert online.emulator.count("GET experiments") == 4  # the last for those in the archive


def test_the_sdks_own_object_is_lent(bench):
    """Online, ``run.native("comet")`` is the SDK's object for the experiment; offline there is none."""
    sink = bench.sink()
    sink.send(bench.records(Metrics({"x": 0.5}, 1)))
    native = sink.native
    if bench.emulator is None:
        assert native is None
    else:
        assert native.key == bench.vendor.id
        assert [point["metricValue"] for point in native.get_metrics("x")] == ["0.5"]
    sink.close()
    assert sink.native is None
