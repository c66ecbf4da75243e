"""The recorder: turns what training code gives into records, refusing by name what cannot be recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import orjson

from tracklib.errors import BadValueError, NoRoomError, RunStateError
from tracklib.journal.writer import MAX_LINE
from tracklib.messages import Messages
from tracklib.model import scalars
from tracklib.model.codec import metric_token
from tracklib.model.devices import Kept
from tracklib.model.records import Body, Metrics, Notes, Params, Record, RunEnd, Summary, Tags
from tracklib.model.summaries import Aggregates
from tracklib.model.trees import merge, to_json, tree
from tracklib.tracking.endings import Ending
from tracklib.tracking.given import Given
from tracklib.tracking.objections import Objections
from tracklib.tracking.redaction import Redactor
from tracklib.tracking.tags import tag_values
from tracklib.typing import JSON, Number, Step

if TYPE_CHECKING:
    from tracklib.journal.blobs import BlobStore
    from tracklib.journal.writer import SegmentWriter
    from tracklib.tracking.device_values import DeviceValues
    from tracklib.tracking.media import Captured

__all__ = ["Recorder"]

_MAX_ERROR = 2000

_dumps = orjson.dumps


class Recorder:
    """Writes a run's records through one writer.

    Attributes:
        open: Whether the run still takes records.
        prefix: What every name begins with: ``"rank_3/"`` where several ranks write one run, else empty.
        next_step: The step of a ``log()`` that names none, once the earlier attempts were looked at.
        plain: Whether `log_plain` may be used now.
        params: The params so far, as a tree.
        aggregates: The summary values that were asked for.
        objections: To what was given.
    """

    def __init__(
        self, writer: SegmentWriter, blobs: BlobStore, redactor: Redactor, messages: Messages, *, strict: bool
    ) -> None:
        self.writer = writer
        self._blobs = blobs
        self.open = True
        self.prefix = ""
        self.plain = False
        self.next_step = 0
        self.params: dict[str, JSON] = {}
        self.aggregates = Aggregates()
        self._redactor = redactor
        self._messages = messages
        self._strict = strict
        self.objections = Objections(redactor, messages, self.write)
        self._forked = False
        self._on_device: DeviceValues | None = None

    def begin(self, find_step: Callable[[], int] | None) -> None:
        """Start to count steps: from 0, or from what is found at the first call that names none.

        Looking for it reads all of the earlier attempts: who names each step does not wait for that.
        """
        self._find_step = find_step
        self.plain = not self.prefix

    def write(self, body: Body) -> None:
        """Write a record as it is."""
        self._written(self.writer.append(body))

    def _written(self, stands: bool) -> None:  # noqa: FBT001  what the writer answered
        if not stands and self.writer.closed:  # by another thread, meanwhile
            self._late("log")

    def after_fork(self) -> None:
        """Remember that this is a forked child, which records in a segment of its own, if it records at all."""
        self._forked = True
        self.plain = False
        self._on_device = None  # the parent fetches its own

    # -- metrics

    def log_plain(self, values: dict[str, Any], step: int | None) -> bool:
        """Write metrics that are JSON as they stand; return False where they turn out not to be."""
        writer = self.writer
        with writer.lock:
            segment = writer.segment
            if not self.plain or writer.depth or segment.broken:  # finished meanwhile; inside another log(); torn
                return False
            if step is None and self._find_step is not None:
                return False
            writer.depth = 1
            try:
                at: Any = self.next_step if step is None else step
                try:
                    line = _dumps(
                        {
                            "kind": "metrics",
                            "seq": segment.seq + 1,
                            "time": segment.tick(),
                            "step": at,
                            "values": values,
                        }
                    )
                except TypeError:  # a name that is no text, an integer beyond 64 bits
                    return False
                if len(line) > MAX_LINE:  # which no reader takes: refused on the careful way
                    return False
                writer.write_sealed(line)
                if at >= self.next_step:
                    self.next_step = at + 1
                if self.aggregates:
                    self.aggregates.update(values)
            finally:
                writer.depth = 0
        return True

    def metrics(self, values: object, step: object, timestamp: object) -> None:
        """Write metrics of any kind, and media.

        Raises:
            BadValueError: Some value could not be recorded; all others were.
        """
        given = Given(values, self.prefix, self.objections)
        captured = self._captured(given)  # before the lock, for a picture takes its time
        if step is None and (find_step := self._find_step) is not None:
            self.next_step = max(self.next_step, find_step())
            self._find_step = None
        self.plain = not self.prefix
        with self.writer.lock:  # two threads that name no step get two
            at = self.next_step if step is None else scalars.step_number(step)
            moment = None if timestamp is None else scalars.timestamp_ns(timestamp)
            if given.kept:
                self._defer(given.kept, at, moment)
            if given.numbers:
                self._write_metrics(given.numbers, at, moment)
            for item in captured:
                self.write(item.record(at, moment))
            if given.numbers or given.kept or captured:
                self.next_step = max(self.next_step, int(at // 1) + 1)
        if given.problems:
            raise BadValueError("; ".join(given.problems))

    def _write_metrics(self, numbers: dict[str, Number], at: Step, moment: int | None) -> None:
        tokens = {key: metric_token(value) for key, value in numbers.items()}
        fields: dict[str, object] = {"step": metric_token(at)}
        if moment is not None:
            fields["timestamp"] = moment
        self._written(self.writer.append_fields("metrics", {**fields, "values": tokens}))
        if self.aggregates:
            self.aggregates.update(numbers)

    # -- what takes longer: values on a device, media

    def _defer(self, kept: dict[str, Kept], at: Step, moment: int | None) -> None:
        if self._on_device is None:
            from tracklib.tracking.device_values import DeviceValues

            self._on_device = DeviceValues(self.writer, self._write_metrics, self.objections, self._messages)
        self._on_device.put(kept, at, moment)

    def settle(self, seconds: float) -> None:
        """Write what is still on a device, where it comes in time; count what does not. Do not hold the lock."""
        if self._on_device is not None:
            self._on_device.settle(seconds)

    def _captured(self, given: Given) -> list[Captured]:
        if not given.media:
            return []
        from tracklib.tracking.media import MediaKeeper

        keeper = MediaKeeper(self._blobs, self.objections.clean_tree, self.objections.change, strict=self._strict)
        return keeper.keep(given.media, given.problems)

    def define_metric(
        self, key: object, wanted: Iterable[str], *, maximize: bool, earlier: Callable[[], Iterable[Record]]
    ) -> None:
        """Ask for aggregates of a metric, over what was logged before, too.

        Args:
            key: Its name.
            wanted: The aggregates' names.
            maximize: Whether the largest value is the best.
            earlier: Reads the run's records so far.
        """
        if not isinstance(key, str) or not key:
            raise BadValueError(f"expected a metric's name, a text that is not empty, got {scalars.describe(key)}")
        writer = self.writer
        with writer.lock:
            first = not self.aggregates
            self.aggregates.define(self.prefix + key, wanted, maximize=maximize)
            mine, behind = writer.writer, writer.seq
        if not first:  # every series has been followed since
            return
        before = Aggregates()
        for record in earlier():
            if isinstance(record.body, Metrics) and (record.writer != mine or record.seq <= behind):
                before.update(record.body.values)
        with writer.lock:
            self.aggregates.prepend(before)

    # -- everything else

    def log_params(self, params: object) -> None:
        """Write params."""
        values = self.objections.clean_tree(tree(params, self.objections.change), "params")
        if values:
            self.params = merge(self.params, values)
            self.write(Params({self.prefix.rstrip("/"): values} if self.prefix else values))

    def hold_params(self, params: object) -> None:
        """Take in params that another rank writes."""
        clean = self._redactor.tree(tree(params, lambda *_: None), lambda _: None)
        assert isinstance(clean, dict)
        self.params = merge(self.params, clean)

    def notes(self, text: object) -> None:
        """Write the run's description, which is the first rank's to write."""
        clean = self.objections.clean_text(text, "notes")
        if not self.prefix:
            self.write(Notes(clean))

    def tags(self, tags: object) -> None:
        """Write tags."""
        problems: list[str] = []
        clean = self.objections.clean_tree(tag_values(tags, problems), "tag")
        if clean:
            self.write(Tags({self.prefix + key: cast("str | None", value) for key, value in clean.items()}))
        if problems:
            raise BadValueError("; ".join(problems))

    def summary(self, key: object, value: object) -> None:
        """Write one summary value."""
        if not isinstance(key, str) or not key:
            raise BadValueError(f"expected a name, a text that is not empty, got {scalars.describe(key)}")
        clean = self.objections.clean_tree({key: to_json(value, key, self.objections.change)}, "summary")
        self.write(Summary({self.prefix + name: leaf for name, leaf in clean.items()}))

    def metadata(self, values: Mapping[str, object] | None) -> dict[str, JSON]:
        """Return an artifact's metadata, as a tree without secrets."""
        return self.objections.clean_tree(tree(values or {}, self.objections.change), "metadata")

    def left_out(self, name: str, texts: list[str]) -> None:
        """Name what was left out of an artifact."""
        for text in texts:
            self.objections.refuse(f"artifact {name!r}: left out {text}")

    # -- what goes wrong

    def guarded(self, method: str, record: Callable[[], None]) -> None:
        """Run a method's body; whatever it raises becomes a warning, or with ``strict`` a `BadValueError`."""
        if not self.open:
            self._late(method)
            return
        try:
            if self._forked:
                self.writer.reopen_in_child()
                self._forked = False
            record()
        except NoRoomError as error:  # the machine's fault, not the caller's
            self.objections.drop(f"{method}: {error}")
        except Exception as error:  # promise 1: tracking never costs a run
            text = str(error) if isinstance(error, BadValueError) else scalars.describe_error(error)
            self.objections.refuse(f"{method}: {text}")
            if self._strict:
                raise BadValueError(f"{method}: {text}") from error

    def complain(self, method: str, text: str) -> None:
        """Refuse an argument of a method that goes on all the same, unless ``strict``.

        Raises:
            BadValueError: Under ``strict``.
        """
        if self.open:
            self.objections.refuse(f"{method}: {text}")
            if self._strict:
                raise BadValueError(f"{method}: {text}")

    def _late(self, method: str) -> None:
        text = f"{method} was called after the run was finished; nothing is recorded"
        if self._strict:
            raise RunStateError(text)
        self._messages.warn(text, once=f"late {method}")

    def end(self, ending: Ending) -> None:
        """Write what is known only now, and the end; nothing comes between, or behind."""
        # Cut twice: once so that cleaning takes no time, and once where no secret can be cut in two.
        text = (ending.error or "")[: 10 * _MAX_ERROR]
        error = self.objections.clean_text(text, "error")[:_MAX_ERROR]
        with self.writer.lock:
            for notice in self.objections.rest():
                self.write(notice)
            if self.aggregates:
                self.write(Summary(self.aggregates.values()))
            self.writer.end(RunEnd(ending.status, ending.exit_code, None if ending.error is None else error))
            self.writer.close()
