"""The recorder: turns what training code gives into records, refusing by name what cannot be recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from tracklib.errors import BadValueError, RunStateError
from tracklib.messages import Messages
from tracklib.model import scalars
from tracklib.model.codec import metric_token
from tracklib.model.records import Artifact, Body, Notice, Params, Summary, Tags
from tracklib.model.summaries import Aggregates
from tracklib.model.trees import merge, to_json, tree
from tracklib.tracking.redaction import Redactor
from tracklib.tracking.tags import tag_values
from tracklib.typing import JSON, Number, Step

if TYPE_CHECKING:
    from tracklib.journal.writer import SegmentWriter

__all__ = ["Recorder"]

_dumps = orjson.dumps
_NOTICE_CHARS = 4000
_MAX_NOTICES = 1000


class Recorder:
    """Writes a run's records through one writer.

    Attributes:
        open: Whether the run still takes records.
        next_step: The step of a ``log()`` that names none; ``None`` until the earlier attempts were looked at.
        plain: Whether `log_plain` may be used now.
        params: The params so far, as a tree.
        aggregates: The summary values that were asked for.
    """

    def __init__(self, writer: SegmentWriter, redactor: Redactor, messages: Messages, *, strict: bool) -> None:
        self.writer = writer
        self.open = True
        self.plain = False
        self.next_step: int | None = None
        self.params: dict[str, JSON] = {}
        self.aggregates = Aggregates()
        self._redactor = redactor
        self._messages = messages
        self._strict = strict
        self._forked = False
        self._notices = 0

    def begin(self, next_step: int | None, find_step: Callable[[], int]) -> None:
        """Start to count steps, from the given one or, at the first call that needs it, from what is found."""
        self._find_step = find_step
        self.next_step = next_step
        self.plain = next_step is not None

    def write(self, body: Body) -> None:
        """Write a record as it is."""
        self.writer.append(body)

    def after_fork(self) -> None:
        """Remember that this is a forked child, which records in a segment of its own, if it records at all."""
        self._forked = True
        self.plain = False

    # -- metrics

    def log_plain(self, values: dict[str, Any], step: int | None) -> bool:
        """Write metrics that are JSON as they stand; return False where they turn out not to be."""
        writer = self.writer
        with writer.lock:
            at: Any = self.next_step if step is None else step
            try:
                line = _dumps(
                    {"kind": "metrics", "seq": writer.seq + 1, "time": writer.tick(), "step": at, "values": values}
                )
            except TypeError:  # a name that is no text, an integer beyond 64 bits
                return False
            writer.write_sealed(line)
            if at >= self.next_step:
                self.next_step = at + 1
            if self.aggregates:
                self.aggregates.update(values)
        return True

    def metrics(self, values: object, step: object, timestamp: object) -> None:
        """Write metrics of any kind.

        Raises:
            BadValueError: Some value could not be recorded; all others were.
        """
        if not isinstance(values, Mapping):
            raise BadValueError(f"expected a mapping of names to numbers, got {scalars.describe(values)}")
        problems: list[str] = []
        numbers = _numbers(values, problems)
        if self.next_step is None:
            self.next_step = self._find_step()
        self.plain = True
        with self.writer.lock:  # two threads that name no step get two
            at = self.next_step if step is None else scalars.step_number(step)
            moment = {} if timestamp is None else {"timestamp": scalars.timestamp_ns(timestamp)}
            if numbers:
                self._write_metrics(numbers, {"step": metric_token(at), **moment}, at)
        if problems:
            raise BadValueError("; ".join(problems))

    def _write_metrics(self, numbers: dict[str, Number], fields: dict[str, object], at: Step) -> None:
        tokens = {key: metric_token(value) for key, value in numbers.items()}
        writer = self.writer
        head = {"kind": "metrics", "seq": writer.seq + 1, "time": writer.tick()}
        writer.append_fields({**head, **fields, "values": tokens})
        self.next_step = max(self.next_step or 0, int(at // 1) + 1)
        self.aggregates.update(numbers)

    # -- everything else

    def log_params(self, params: object) -> None:
        """Write params."""
        values = self._clean_tree(tree(params, self._tell_change), "params")
        if values:
            self.params = merge(self.params, values)
            self.write(Params(values))

    def tags(self, tags: object) -> None:
        """Write tags."""
        clean: dict[str, str | None] = {}
        for key, value in tag_values(tags).items():
            held = self._clean_tree({key: value}, "tag")[key]
            clean[self.clean_text(key, "tag")] = None if held is None else str(held)
        if clean:
            self.write(Tags(clean))

    def summary(self, key: object, value: object) -> None:
        """Write one summary value."""
        if not isinstance(key, str) or not key:
            raise BadValueError(f"expected a name, a text that is not empty, got {scalars.describe(key)}")
        self.write(Summary(self._clean_tree({key: to_json(value, key, self._tell_change)}, "summary")))

    def metadata(self, values: Mapping[str, object] | None) -> dict[str, JSON]:
        """Return an artifact's metadata, as a tree without secrets."""
        return self._clean_tree(tree(values or {}, self._tell_change), "metadata")

    def artifact(self, artifact: Artifact, left_out: list[str]) -> None:
        """Write an artifact, and name what was left out of it."""
        self.write(artifact)
        for text in left_out:
            self._refuse(f"artifact {artifact.name!r}: left out {text}")

    # -- what is refused, changed or hidden, and said so

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
        except Exception as error:  # promise 1: tracking never costs a run
            text = str(error) if isinstance(error, BadValueError) else f"{type(error).__name__}: {error}"
            self._refuse(f"{method}: {text}")
            if self._strict:
                raise BadValueError(f"{method}: {text}") from error

    def _late(self, method: str) -> None:
        text = f"{method} was called after the run was finished; nothing is recorded"
        if self._strict:
            raise RunStateError(text)
        self._messages.warn(text, once=f"late {method}")

    def _refuse(self, text: str) -> None:
        clean = self._redactor.text(text)
        self._messages.warn(f"{clean} (refused; training goes on)", once=clean)
        self._note("refused", clean)

    def _tell_change(self, place: str, problem: str) -> None:
        text = f"{place} {problem}"
        self._messages.warn(text)
        self._note("changed", text)

    def _note(self, code: str, text: str, count: int = 1) -> None:
        self._notices += 1
        if self._notices <= _MAX_NOTICES:
            self.write(Notice(code, text[:_NOTICE_CHARS], count))

    def _clean_tree(self, values: Mapping[str, JSON], what: str) -> dict[str, JSON]:
        hidden: list[str] = []
        clean = self._redactor.tree(values, hidden.append)
        assert isinstance(clean, dict)
        if hidden:
            self._note("redacted", f"{what}: {', '.join(hidden)}", len(hidden))
        return clean

    def clean_text(self, text: object, what: str) -> str:
        """Return a text without secrets, and note where there were some.

        Raises:
            BadValueError: It is no text.
        """
        if not isinstance(text, str):
            raise BadValueError(f"expected text, got {scalars.describe(text)}")
        clean = self._redactor.text(text)
        if clean != text:
            self._note("redacted", what)
        return clean


def _numbers(values: Mapping[Any, Any], problems: list[str]) -> dict[str, Number]:
    numbers: dict[str, Number] = {}
    for key, value in values.items():
        if not isinstance(key, str) or not key:
            problems.append(f"expected a metric's name, a text that is not empty, got {scalars.describe(key)}")
            continue
        try:
            numbers[str(key)] = scalars.number(value)
        except BadValueError as error:
            problems.append(f"metric {key!r}: {error}")
        except Exception as error:  # a value's own code may raise anything
            problems.append(f"metric {key!r}: reading it raised {type(error).__name__}: {error}")
    return numbers
