"""Records: the facts that a run is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, Union

from tracklib.typing import JSON, Number, Status, Step
from tracklib.value import Value

__all__ = [
    "Artifact",
    "Body",
    "Console",
    "Context",
    "FileRef",
    "Input",
    "Media",
    "Metrics",
    "Notes",
    "Notice",
    "Params",
    "Position",
    "Record",
    "Reference",
    "RunEnd",
    "RunStart",
    "Summary",
    "System",
    "Tags",
    "Unknown",
]

Position: TypeAlias = Mapping[str, int]
"""A reader's place: for each writer, the sequence number up to which everything is behind it."""


class FileRef(Value):
    """One file by its content.

    Attributes:
        path: Its place inside the artifact: relative, ``/`` between parts, never ``..``.
        size: Bytes.
        sha256: 64 hexadecimal digits.
    """

    path: str
    size: int
    sha256: str


class Reference(Value):
    """One file that lies elsewhere, and is named, not fetched.

    Attributes:
        path: Its place inside the artifact, as in `FileRef`.
        url: Where it lies.
        size: Bytes, where the caller knew.
        digest: What the caller knows it by, such as an entity tag or ``"sha256:..."``.
    """

    path: str
    url: str
    size: int | None = None
    digest: str | None = None


class RunStart(Value):
    """A process began to write the run: who the run is, and where it ran.

    Attributes:
        rank: Which of a distributed job's processes wrote it; ``None`` where the job has one.
        attempt: 1 for the first start, one more at each resume.
        context: What was captured of the surroundings (host, Python, git, ...).
    """

    project: str
    name: str
    group: str | None = None
    job_type: str | None = None
    parent: str | None = None
    attempt: int = 1
    context: Mapping[str, JSON] = {}
    rank: int | None = None


class Context(Value):
    """What was learned of the surroundings after the start: git, packages, hardware, ..., each a key of the context.

    Attributes:
        values: A tree; a key that was there before, in a start's context too, takes the new value.
    """

    values: Mapping[str, JSON]


class Params(Value):
    """Params, as a tree; a key that was there before takes the new value."""

    values: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Values of metrics at one step.

    Attributes:
        timestamp: The caller's own time in nanoseconds since the epoch; the record's time holds where it is ``None``.
    """

    values: Mapping[str, Number]
    step: Step
    timestamp: int | None = None


class Tags(Value):
    """Tags that were set; ``None`` removes one, the empty string is a bare tag."""

    values: Mapping[str, str | None]


class Notes(Value):
    """The run's description; the last one holds."""

    text: str


class Summary(Value):
    """Single values that stand for the whole run; a key that was there before takes the new value."""

    values: Mapping[str, JSON]


class Artifact(Value):
    """One version of a named set of files.

    Attributes:
        folders: Directories that hold no file, which a list of files alone would lose.
        references: Files that lie elsewhere.
    """

    name: str
    type: str
    files: tuple[FileRef, ...]
    aliases: tuple[str, ...] = ()
    metadata: Mapping[str, JSON] = {}
    folders: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()


class Input(Value):
    """An artifact that the run used: what lineage is made of.

    Attributes:
        version: Which of its versions: an alias, a version, or a digest, in the words of who holds it.
        run: The id of the run that made it, where that is known.
    """

    name: str
    type: str | None = None
    version: str | None = None
    run: str | None = None


class Media(Value):
    """A picture, sound, table, ... at one step, held as a file.

    Attributes:
        media_type: ``"image"``, ``"audio"``, ``"video"``, ``"histogram"``, ``"table"``, ``"text"``, ``"html"``,
            ``"figure"``, or a newer word.
        index: Its place in the list that was logged under the key at this step; ``None`` where it was no list.
        attachments: Files that belong to it, such as the masks of an image.
        timestamp: As in `Metrics`.
    """

    key: str
    step: Step
    media_type: str
    file: FileRef
    metadata: Mapping[str, JSON] = {}
    index: int | None = None
    attachments: tuple[FileRef, ...] = ()
    timestamp: int | None = None


class System(Value):
    """What the machine was doing: load, memory, temperature, ..., sampled at the record's time.

    Attributes:
        values: By tracklib's names, which ``docs/format.md`` lists; vendors have names of their own for them.
    """

    values: Mapping[str, Number]


class Console(Value):
    """Text that the process printed."""

    stream: str
    text: str


class Notice(Value):
    """Something that tracklib itself has to say about the run: a value refused, records dropped.

    Attributes:
        code: A stable word: ``"refused"``, ``"dropped"``, ``"redacted"``, ...
        count: How many values or records it concerns.
    """

    code: str
    message: str
    count: int = 1


class RunEnd(Value):
    """A process stopped writing the run."""

    status: Status
    exit_code: int | None = None
    error: str | None = None


class Unknown(Value):
    """A record of a kind that this version does not know, kept as it stands."""

    kind: str
    fields: Mapping[str, JSON] = {}


Body: TypeAlias = Union[
    RunStart,
    Context,
    Params,
    Metrics,
    Tags,
    Notes,
    Summary,
    Artifact,
    Input,
    Media,
    System,
    Console,
    Notice,
    RunEnd,
    Unknown,
]


@dataclass(frozen=True, slots=True)
class Record:
    """One fact about a run, with its place and time.

    Attributes:
        writer: The process incarnation that wrote it.
        seq: 1, 2, 3, ... within the writer; a gap is a record that was lost, and counted.
        time: Nanoseconds since 1970-01-01 UTC, strictly rising within a writer.
    """

    writer: str
    seq: int
    time: int
    body: Body

    @property
    def when(self) -> int:
        """The time that the record is about, in nanoseconds: the caller's own where one was given."""
        body = self.body
        return body.timestamp if isinstance(body, (Metrics, Media)) and body.timestamp is not None else self.time
