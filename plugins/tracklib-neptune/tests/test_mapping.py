"""What becomes of each kind of attribute: nothing is lost, and what it was can be told again."""

import json
import math

import pytest

from tracklib.model.media import read_histogram, read_table
from tracklib.model.query import RunQuery
from tracklib.model.records import (
    Artifact,
    Console,
    Context,
    Media,
    Metrics,
    Notes,
    Notice,
    Params,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)

MS = 1_000_000


def content(export, file):
    with export.source().open_file(export.info(), file) as opened:
        return opened.read()


def test_who_a_run_is(export):
    """Identity, times, status, tags, notes, parent and surroundings come from sys/, and all of it stays in the context."""
    about = {
        "id": ("string", "RUN-1"),
        "owner": ("string", "ada"),
        "hostname": ("string", "gpu-7"),
        "tags": ("string_set", ["dev", "best"]),
        "group_tags": ("string_set", ["sweep"]),
        "description": ("string", "words\n"),
        "failed": ("bool", True),
        "running_time": ("float", 59.5),
        "forking/parent": ("string", "RUN-0"),
        "size": ("int", 2**53 + 1),
        "modification_time": ("datetime", export.moment(export.BASE + 90_000)),
    }
    export.write(export.sys_rows("base line", **about))
    info = export.info()
    assert (info.project, info.id, info.name, info.status) == ("team/digits", "RUN-1", "base line", "failed")
    assert (info.started, info.ended) == (export.BASE * MS, (export.BASE + 60_000) * MS)
    assert (info.parent, info.job_type, info.group) == ("RUN-0", None, None)
    found = export.read()
    (start,) = found[RunStart]
    context = start.context
    assert (context["user"], context["host"]) == ("ada", "gpu-7")
    assert context["sys/size"] == 2**53 + 1
    assert context["sys/tags"] == ["best", "dev"]
    assert context["sys/creation_time"] == {"datetime": "2023-11-14T22:13:20.000Z"}
    assert {path.removeprefix("sys/") for path in context if path.startswith("sys/")} == {
        *about, "name", "creation_time", "ping_time",
    }  # fmt: skip
    assert found[Tags] == [Tags({"best": "", "dev": "", "sys/group_tags/sweep": ""})]
    assert found[Notes] == [Notes("words\n")]
    assert found[RunEnd] == [RunEnd("failed")]
    assert not found[Params]


@pytest.mark.parametrize(
    ("about", "status", "seconds"),
    [
        ({}, "finished", 60),
        ({"state": ("string", "Inactive"), "failed": ("bool", False)}, "finished", 60),
        ({"state": ("string", "Active")}, "crashed", 60),
        ({"ping_time": None, "modification_time": 90}, "finished", 90),
        ({"ping_time": None, "running_time": ("float", 1.5)}, "finished", 1.5),
        ({"ping_time": None, "running_time": ("float", math.inf)}, "finished", 0),
        ({"ping_time": None}, "finished", 0),
    ],
)
def test_status_and_end(export, about, status, seconds):
    """The end is the last sign of life that there is; a run that was active at the export has none of its own."""
    given = {}
    for key, value in about.items():
        given[key] = ("datetime", export.moment(export.BASE + 1000 * value)) if isinstance(value, int) else value
    rows = [line for line in export.sys_rows() if line["attribute_path"].removeprefix("sys/") not in given]
    rows += [export.row(f"sys/{key}", *typed) for key, typed in given.items() if typed is not None]
    export.write(rows)
    info = export.info()
    assert info.status == status
    assert info.ended - info.started == round(seconds * 1000) * MS


def test_single_values(export):
    """Params keep their types, results are a summary, and what Neptune captured is context; names are whole paths."""
    row = export.row
    rows = [
        row("parameters/lr", "float", 1e-3),
        row("parameters/epochs", "int", 5),
        row("train/config/wide", "float", math.inf),
        row("a", "string", "text"),
        row("a/b", "bool", False),
        row("data/when", "datetime", export.moment(export.BASE + 1)),
        row("data/names", "string_set", ["b", "a"]),
        row("data/none", "string_set", []),
        row("big", "int", 2**63 - 1),
        row("empty", "string", ""),
        row("test/acc", "float", 0.1),
        row("loss", "float", -0.0),
        row("monitoring/abc/pid", "string", "17"),
        row("source_code/entrypoint", "string", "train.py"),
        row("of another run", "float", None),
        row("parameters/of another run", "int", None),
    ]
    export.write([*export.sys_rows(), *rows])
    found = export.read()
    (params,) = found[Params]
    assert params.values == {
        "parameters/lr": 1e-3, "parameters/epochs": 5, "train/config/wide": math.inf, "a": "text", "a/b": False,
        "data/when": {"datetime": "2023-11-14T22:13:20.001Z"}, "data/names": ["a", "b"], "data/none": [],
        "big": 2**63 - 1, "empty": "",
    }  # fmt: skip
    assert type(params.values["parameters/epochs"]) is int
    assert repr(found[Summary]) == repr([Summary({"test/acc": 0.1, "loss": -0.0})])
    assert found[Context] == [Context({"monitoring/abc/pid": "17", "source_code/entrypoint": "train.py"})]
    assert not found[Notice]


def test_metrics(export):
    """Each point has its exact value, its step, whole or not, and its time; NaN is what pandas made null."""
    row, base = export.row, export.BASE
    values = [0.5, None, math.inf, -math.inf, -0.0, 5e-324, 0.1]
    rows = [row("train/loss", "float_series", value, step, base + step) for step, value in enumerate(values)]
    steps = ["0.1", "0.333333", "-2.5", "1e9", "8388608.000001"]
    rows += [row("odd", "float_series", 1.0, step, base) for step in steps]
    rows += [row("odd", "float_series", 2.0, "0.1", base)]
    rows += [row("timeless", "float_series", 2.0, 3)]
    export.write([*export.sys_rows(), *rows])
    found = export.read()
    points = [(*body.values, *body.values.values(), body.step, body.timestamp) for body in found[Metrics]]
    floats = [math.nan if value is None else value for value in values]
    expected = [("train/loss", value, step, (base + step) * MS) for step, value in enumerate(floats)]
    expected += [("odd", 1.0, step, base * MS) for step in (0.1, 0.333333, -2.5, 10**9, 8388608.000001)]
    expected += [("odd", 2.0, 0.1, base * MS), ("timeless", 2.0, 3, None)]
    assert repr(points) == repr(expected)
    assert not found[Notice]


def test_steps_that_no_float_is(export):
    """A step between two floats, which Neptune itself never had, and one that is missing are told."""
    row = export.row
    rows = [row("a", "float_series", 1.0, "123456789012.123457", 0), row("b", "float_series", 1.0, None, 0)]
    rows += [row("b", "float_series", 2.0, None, 1)]
    export.write([*export.sys_rows(), *rows])
    found = export.read()
    assert [body.step for body in found[Metrics]] == [123456789012.123457, 0, 1]
    assert {(notice.message, notice.count) for notice in found[Notice]} == {
        ("steps of 'a' that no 64-bit float is are the nearest one", 1),
        ("values of 'b' without a step are numbered", 2),
    }


def test_what_the_machine_did_and_printed(export):
    """Monitoring is system metrics with their times; printed lines are console output, other processes' by their names."""
    row, base = export.row, export.BASE
    rows = [
        row("monitoring/abc/cpu", "float_series", 12.5, 0, base),
        row("runtime/gpu/0", "float_series", 1.0, 0, base + 1),
    ]
    rows += [
        row("monitoring/abc/stdout", "string_series", text, i, base + i) for i, text in enumerate(["a", "", "b\n"])
    ]
    rows += [row("monitoring/xyz/stdout", "string_series", "c", 0, base)]
    rows += [row("runtime/stderr", "string_series", "oops", 0, base + 9)]
    export.write([*export.sys_rows(), *rows])
    source = export.source()
    records = [(record.time, record.body) for record in source.read(export.info())]
    assert [item for item in records if isinstance(item[1], System)] == [
        (base * MS, System({"monitoring/abc/cpu": 12.5})),
        ((base + 1) * MS, System({"runtime/gpu/0": 1.0})),
    ]
    assert [item for item in records if isinstance(item[1], Console)] == [
        (base * MS, Console("stdout", "a\n")),
        ((base + 1) * MS, Console("stdout", "\n")),
        ((base + 2) * MS, Console("stdout", "b\n\n")),
        (base * MS, Console("xyz/stdout", "c\n")),
        ((base + 9) * MS, Console("stderr", "oops\n")),
    ]


def test_texts(export):
    """A series of texts is media, each with its content, step and time."""
    texts = ["hello", "", "gr\u00fc\u00df dich\r\n", "x" * 100_000]
    rows = [export.row("log/notes", "string_series", text, step, export.BASE) for step, text in enumerate(texts)]
    export.write([*export.sys_rows(), *rows])
    media = export.read()[Media]
    assert [(item.key, item.step, item.media_type, item.timestamp) for item in media] == [
        ("log/notes", step, "text", export.BASE * MS) for step in range(4)
    ]
    assert [content(export, item.file).decode() for item in media] == texts


def test_histograms(export):
    """Edges are exact, counts are integers, densities stay floats and say so; what is no histogram is kept as a table."""
    histograms = [
        {"type": "COUNTING", "edges": [0.0, 0.1, 1.0], "values": [3.0, 1.0]},
        {"type": "DENSITY", "edges": [-1.0, 1.0], "values": [0.1]},
        {"type": "COUNTING", "edges": [0.0, math.inf], "values": [2.0]},
        {"type": None, "edges": [], "values": [1.0]},
    ]
    rows = [export.row("w", "histogram_series", item, step, export.BASE) for step, item in enumerate(histograms)]
    export.write([*export.sys_rows(), *rows])
    found = export.read()
    first, second, third, fourth = found[Media]
    assert [item.media_type for item in found[Media]] == ["histogram", "histogram", "table", "table"]
    assert json.loads(content(export, first.file)) == {"edges": [0.0, 0.1, 1.0], "counts": [3, 1]}
    assert all(type(count) is int for count in read_histogram(content(export, first.file)).counts)
    assert read_histogram(content(export, second.file)).counts == (0.1,)
    assert [item.metadata for item in found[Media]] == [
        {"type": "COUNTING"},
        {"type": "DENSITY"},
        {"type": "COUNTING"},
        {},
    ]
    assert read_table(content(export, third.file)).rows == ((0.0, 2.0), (math.inf, None))
    assert read_table(content(export, fourth.file)).rows == ((None, 1.0),)
    assert found[Notice] == [Notice("damaged", "histograms of 'w' that are none are kept as tables", 2)]


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30


def test_files(export):
    """Files, sets and lists of artifacts are artifacts under their paths; series are media where their content is."""
    row, base = export.row, export.BASE
    export.file("RUN-1/data/set/a.txt", b"a")
    export.file("RUN-1/data/set/sub/b.txt", b"b")
    rows = [
        row("data/desc.json", "file", export.file("RUN-1/data/desc.json", b"{}")),
        row("data/set", "file_set", {"path": "RUN-1/data/set"}),
        row("data/zip", "file_set", export.file("RUN-1/data/zip.zip", b"PK")),
        row("data/list", "artifact", export.file("RUN-1/data/list/files_list.json", b"[]")),
        row("windows", "file", {"path": "RUN-1\\data\\desc.json"}),
        row("plots", "file_series", export.file("RUN-1/plots/0.000000", PNG), 0, base),
        row("plots", "file_series", export.file("RUN-1/plots/0.500000", b"raw"), "0.5", base + 1),
        row("pages", "file_series", export.file("RUN-1/pages/1", b" <!DOCTYPE html><p>"), 1),
    ]
    export.write([*export.sys_rows(), *rows])
    found = export.read()
    artifacts = {item.name: item for item in found[Artifact]}
    assert {name: (item.type, [file.path for file in item.files]) for name, item in artifacts.items()} == {
        "data/desc.json": ("file", ["desc.json"]),
        "data/set": ("file_set", ["a.txt", "sub/b.txt"]),
        "data/zip": ("file_set", ["zip.zip"]),
        "data/list": ("artifact", ["files_list.json"]),
        "windows": ("file", ["desc.json"]),
        "plots": ("file_series", ["0.500000"]),
    }
    assert artifacts["plots"].metadata == {"step": 0.5, "time": (base + 1) * MS}
    assert content(export, artifacts["data/set"].files[1]) == b"b"
    picture, page = found[Media]
    assert (picture.media_type, picture.metadata, picture.step, picture.timestamp) == (
        "image",
        {"format": "png"},
        0,
        base * MS,
    )
    assert (page.media_type, page.metadata, page.step, page.timestamp) == ("html", {}, 1, None)
    assert content(export, picture.file) == PNG
    assert not found[Notice]


def test_models_of_the_registry(export):
    """What export-models wrote are runs of a job type of their own, with the files of their scope."""
    for scope, run_id in (("models", "DIG-M"), ("model_versions", "DIG-M-1")):
        weights = export.row("weights", "file", export.file(f"{scope}/{run_id}/weights", b"w"))
        export.write([*export.sys_rows(run_id), weights], run_id=run_id, scope=scope)
    export.write(export.sys_rows())
    kinds = {info.id: info.job_type for info in export.source().runs(RunQuery())}
    assert kinds == {"RUN-1": None, "DIG-M": "model", "DIG-M-1": "model version"}
    assert [item.name for item in export.read("DIG-M-1")[Artifact]] == ["weights"]


def test_parents_come_first(export):
    """Runs are listed in the order in which they began, whatever their ids are, so that a copy finds its parent."""
    for number, later in ((10, 0), (2, 1000), (1, 2000)):
        rows = [line for line in export.sys_rows() if line["attribute_path"] != "sys/creation_time"]
        begun = export.row("sys/creation_time", "datetime", export.moment(export.BASE + later))
        export.write([*rows, begun], run_id=f"RUN-{number}")
    assert [info.id for info in export.source().runs(RunQuery())] == ["RUN-10", "RUN-2", "RUN-1"]


@pytest.mark.parametrize(
    ("begin", "found"),
    [
        (PNG, ("image", "png")),
        (b"\xff\xd8\xff\xe0", ("image", "jpeg")),
        (b"GIF89a", ("image", "gif")),
        (b"RIFF\0\0\0\0WEBP", ("image", "webp")),
        (b"BM\x10\0\0\0\0\0\0\0", ("image", "bmp")),
        (b"RIFF\0\0\0\0WAVE", ("audio", "wav")),
        (b"fLaC", ("audio", "flac")),
        (b"\0\0\0\x20ftypisom", ("video", "mp4")),
        (b"<html><body>", ("html", None)),
        (b"BMW is a make of cars", None),
        (b"", None),
    ],
)
def test_a_series_of_files_is_what_its_content_is(export, begin, found):
    """The first bytes tell a medium; everything else is an artifact of its step."""
    export.write([*export.sys_rows(), export.row("s", "file_series", export.file("RUN-1/s/0", begin), 0, export.BASE)])
    bodies = export.read()
    media = [(item.media_type, item.metadata.get("format")) for item in bodies[Media]]
    assert media == ([] if found is None else [found])
    assert len(bodies[Artifact]) == (found is None)
