"""Logs that no SDK wrote: what one may hold that this machine's SDK does not write, and what a hostile one may."""

import math
import struct
import zlib
from pathlib import Path

from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.source import WandbSource
from wandb.proto import wandb_internal_pb2 as pb

from tracklib.model.media import read_table
from tracklib.model.query import RunQuery
from tracklib.model.records import (
    Artifact,
    Console,
    Context,
    Input,
    Media,
    Metrics,
    Notice,
    Params,
    RunEnd,
    Summary,
    Tags,
)

from .conftest import by_kind

START = pb.RunRecord(run_id="made", project="theirs", display_name="made", tags=["a"])
START.start_time.seconds = 1_790_000_000


def write(folder, *bodies):
    """Write records as the SDK frames them; each is given as its member of ``Record`` and its message."""
    content = struct.pack("<4sHB", b":W&B", 0xBEE1, 0)
    for member, message in bodies:
        record = pb.Record(**{member: message})
        record._info.stream_id = "made"
        body = record.SerializeToString()
        assert len(body) < 5000 and len(content) < 25_000  # one block
        content += struct.pack("<IHB", zlib.crc32(b"\1" + body), len(body), 1) + body
    place = folder / "offline-run-20260101_000000-made"
    place.mkdir(parents=True)
    (place / "run-made.wandb").write_bytes(content)
    return place


def row(step=None, **values):
    """Return a row; values are JSON, a key with ``__`` is nested."""
    made = pb.HistoryRecord()
    for key, text in values.items():
        item = made.item.add(value_json=text)
        item.nested_key.extend(key.split("__"))
    if step is not None:
        made.step.num = step
    return ("history", made)


def read(folder):
    source = WandbSource(WandbSettings(directory=str(folder)))
    (info,) = source.runs(RunQuery())
    return source, info, by_kind(source.read(info))


def config(**values):
    return ("config", pb.ConfigRecord(update=[pb.ConfigItem(key=k, value_json=v) for k, v in values.items()]))


def test_changes_of_config_tags_and_summary(tmp_path):
    """The last word counts: keys changed, nested and removed, tags replaced, a rounded integer kept as it was."""
    again = pb.RunRecord()
    again.CopyFrom(START)
    again.ClearField("tags")
    again.tags.append("b")
    nested = pb.ConfigRecord(update=[pb.ConfigItem(nested_key=["n", "y"], value_json="2")])
    nested.remove.add(key="gone")
    told = [pb.SummaryItem(key="s", value_json='{"x": 1, "y": 2}'), pb.SummaryItem(key="t", value_json="1")]
    later = pb.SummaryRecord(update=[pb.SummaryItem(nested_key=["s", "x"], value_json="-0")])
    later.remove.add(key="t")
    write(
        tmp_path,
        ("run", START),
        config(big=str(2**70), gone="1", n='{"x": 1}'),
        ("summary", pb.SummaryRecord(update=told)),
        config(big="1.1805916207174113e+21", late="NaN"),
        ("config", nested),
        ("run", again),
        ("summary", later),
        ("exit", pb.RunExitRecord(exit_code=0)),
    )
    _, info, bodies = read(tmp_path)
    params = dict(bodies[Params][0].values)
    assert math.isnan(params.pop("late"))
    assert params == {"big": 2**70, "n": {"x": 1, "y": 2}} and type(params["big"]) is int
    assert bodies[Tags] == [Tags({"b": ""})]
    (summary,) = bodies[Summary]
    assert summary == Summary({"s": {"x": 0.0, "y": 2}}) and math.copysign(1, summary.values["s"]["x"]) == -1
    assert (info.status, info.started, info.ended) == ("finished", 1_790_000_000 * 10**9, 1_790_000_000 * 10**9)


def test_what_other_records_say(tmp_path):
    """Artifacts used, alerts, an older form of output, steps that only the record itself has."""
    output = pb.OutputRecord(output_type=pb.OutputRecord.STDOUT, line="old\n")
    write(
        tmp_path,
        ("run", START),
        ("use_artifact", pb.UseArtifactRecord(id="1", type="dataset", name="ds:v3")),
        ("alert", pb.AlertRecord(title="t", text="x", level="WARN")),
        ("output", output),
        row(4, v="1", _timestamp="1790000001.5"),
        row(9, v="2", _runtime="2.5"),
    )
    _, _, bodies = read(tmp_path)
    assert bodies[Input] == [Input("ds", "dataset", "v3")]
    assert bodies[Context][0].values["wandb"]["config"]["alerts"] == [{"title": "t", "text": "x", "level": "WARN"}]
    assert bodies[Console] == [Console("stdout", "old\n")]
    assert [(m.step, m.timestamp) for m in bodies[Metrics]] == [
        *[(4, 1_790_000_001_500_000_000), (9, 1_790_000_002_500_000_000)]
    ]


def test_rows_that_make_no_sense(tmp_path):
    """Steps and times that are none, JSON that is none, nesting without end, media without files: told, and the rest read."""
    deep = "[" * 2000 + "]" * 2000
    write(
        tmp_path,
        ("run", START),
        row(0, v="1", _step='"seven"', _timestamp='"noon"'),
        row(0, v="2", _step="NaN", _timestamp="1e300"),
        row(0, v="3", _step="5", bad="not json"),
        row(0, v="4", _step="6", bad=deep),
        row(0, v="5", _step="7", img__path='"media/images/none.png"', img___type='"image-file"'),
        row(0, v="6", _step="8", odd___type="[1]", odd__path="3", hist___type='"histogram"', hist__values='"x"'),
        row(0, v="7", _step="9", table___type='"table-file"', table__path='"../../../etc/passwd"'),
    )
    source, info, bodies = read(tmp_path)
    assert [(m.step, m.values) for m in bodies[Metrics]] == [
        *[(0, {"v": 1}), (1, {"v": 2}), (7, {"v": 5}), (8, {"v": 6}), (9, {"v": 7})]
    ]
    assert {m.timestamp for m in bodies[Metrics]} == {info.started}
    assert {(n.code, n.count) for n in bodies[Notice]} == {("damaged", 2), ("refused", 2)}
    kept = {}
    for body in bodies[Media]:
        with source.open_file(info, body.file) as file:
            kept[body.key] = [value for _, _, value in read_table(file.read()).rows]
    assert kept["img"] == [{"path": "media/images/none.png", "_type": "image-file"}]
    assert kept["odd"] == [{"_type": [1], "path": 3}] and kept["hist"] == [{"_type": "histogram", "values": "x"}]
    assert kept["table"] == [{"_type": "table-file", "path": "../../../etc/passwd"}]
    assert bodies[RunEnd] == []  # the log was just written, and has no end


def test_an_artifact_whose_names_lead_elsewhere(tmp_path):
    """Entries that climb out are refused, a file that only its path names is not opened, references stay names."""
    made = pb.ArtifactRecord(name="bad", type="t", digest="d", metadata="[1]", aliases=["latest"])
    for path in ("../up", "/abs", "a/../b", "a//b", ""):
        made.manifest.contents.add(path=path, digest="x", size=1, local_path="/etc/hostname")
    size = Path("/etc/passwd").stat().st_size
    made.manifest.contents.add(path="passwords", digest="AAAAAAAAAAAAAAAAAAAAAA==", size=size, local_path="/etc/passwd")
    made.manifest.contents.add(path="far", digest="e", ref="file:///etc/passwd")
    write(tmp_path, ("run", START), ("artifact", made))
    _, _, bodies = read(tmp_path)
    (artifact,) = bodies[Artifact]
    assert (artifact.files, artifact.metadata) == ((), {"metadata": [1]})
    assert [(ref.path, ref.url) for ref in artifact.references] == [("far", "file:///etc/passwd")]
    assert {(n.code, n.count) for n in bodies[Notice]} == {("damaged", 1), ("refused", 5)}


def test_a_run_of_no_known_time(tmp_path):
    """A start beyond all calendars costs the time and not the listing."""
    start = pb.RunRecord()
    start.CopyFrom(START)
    start.start_time.seconds = 2**62
    surroundings = pb.EnvironmentRecord(host="h")
    surroundings.started_at.nanos = -5
    write(tmp_path, ("run", start), ("environment", surroundings), row(0, v="1"))
    _, info, bodies = read(tmp_path)
    assert (info.id, info.started) == ("made", 0)
    assert len(bodies[Metrics]) == 1
    assert bodies[Notice] == [Notice("damaged", "records of the log that cannot be read", 1)]
