"""`OnlineRun`: a run as a W&B server holds it."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, BinaryIO

from tracklib.errors import AuthError, RejectedError, TransientError
from tracklib_wandb.online_access import OnlineAccess
from tracklib_wandb.online_artifacts import OnlineArtifacts
from tracklib_wandb.online_history import OnlineHistory
from tracklib_wandb.patience import patiently
from tracklib_wandb.server import Place
from tracklib_wandb.times import seconds_of
from tracklib_wandb.tokens import special_floats
from tracklib_wandb.view import StoredArtifact, StoredFile, Vitals

__all__ = ["RUN_FIELDS", "OnlineRun"]

RUN_FIELDS = (
    *("id", "tags", "name", "displayName", "sweepName", "state", "config", "group", "jobType", "createdAt"),
    *("heartbeatAt", "notes", "summaryMetrics", "historyLineCount", "eventsLineCount", "user { name username }"),
)
_COUNTS = (
    *("historyKeys", "logLineCount", "fileCount"),
    *("outputArtifacts(first: 1) { totalCount }", "inputArtifacts(first: 1) { totalCount }"),
)
"""What need not be asked for, because there is none; of one run alone, as a server counts it each time."""

_EXPORTED = 'parquetHistory(liveKeys: ["_step"]) { parquetUrls }'
"""Whether the history comes as Parquet, which an older server does not know."""

_RUN = """
query Run($project: String!, $entity: String!, $run: String!) {
  project(name: $project, entityName: $entity) { run(name: $run) { FIELDS } }
}
"""
_OLDER_RUN = _RUN.replace("FIELDS", " ".join((*RUN_FIELDS, *_COUNTS)))
_RUN = _RUN.replace("FIELDS", " ".join((*RUN_FIELDS, *_COUNTS, _EXPORTED)))
_EVENTS = """
query RunFullHistory($project: String!, $entity: String!, $run: String!, $samples: Int) {
  project(name: $project, entityName: $entity) { run(name: $run) { events(samples: $samples) } }
}
"""
_LINES = """
query RunConsole($project: String!, $entity: String!, $run: String!, $after: String, $size: Int) {
  project(name: $project, entityName: $entity) { run(name: $run) {
    logLines(first: $size, after: $after, useImprovedPagination: true) {
    edges { node { timestamp level line } } pageInfo { endCursor hasNextPage }
  } } }
}
"""

_LINES_PAGE = 10_000
_SYNCED_LATER = 60.0
"""Seconds between a training's start and the service's first word of it, beyond which nobody waited."""

_FRESH = 240.0
"""Seconds for which an address of a file is good; stores sign them for minutes."""


class _GoneError(RejectedError):
    """The run was there when it was listed."""

    def __init__(self, place: Place) -> None:
        super().__init__(f"W&B holds no run {place.run} any more: it was deleted while it was read")


class OnlineRun:
    """Reads a run from a server: facts by one question, rows by the SDK's scan, page by page.

    Args:
        node: The run's `RUN_FIELDS`.
    """

    def __init__(self, access: OnlineAccess, entity: str, project: str, node: Mapping[str, Any]) -> None:
        self._access = access
        self._node = node
        self._place = Place(entity, project, str(node["name"]))
        self._lost: Counter[str] = Counter()
        self._addresses: dict[str, tuple[float, Mapping[str, Any] | None]] = {}
        self._listed_at: float | None = None

    @classmethod
    def asked(cls, access: OnlineAccess, entity: str, project: str, run_id: str) -> OnlineRun | None:
        """Return a run as it is now; ``None`` where there is none."""
        found = _told(access, Place(entity, project, run_id))
        return None if found is None else cls(access, entity, project, found)

    @property
    def storage_id(self) -> str:
        """The id by which W&B's mutations mean the run."""
        return str(self._node["id"])

    @cached_property
    def vitals(self) -> Vitals:
        """Who the run is; W&B tells no exit code."""
        node = self._node
        state = str(node.get("state") or "running")
        is_over = state not in ("running", "pending", "preempting")
        user = node.get("user") or {}
        place = self._place
        created, ended = self._times()
        return Vitals(
            entity=place.entity,
            project=place.project,
            id=place.run,
            name=str(node.get("displayName") or ""),
            state=state,
            created=created,
            ended=ended if is_over else None,
            group=node.get("group") or None,
            job_type=node.get("jobType") or None,
            tags=tuple(node.get("tags") or ()),
            notes=str(node.get("notes") or ""),
            sweep=node.get("sweepName") or None,
            user=user.get("username") or user.get("name"),
            host=self._host,
            url=f"{_pages(self._access.server.url)}/{place.entity}/{place.project}/runs/{place.run}",
        )

    def config(self) -> Mapping[str, Any]:
        """Return the config, without ``_wandb``."""
        return {key: value for key, value in self._config.items() if key != "_wandb"}

    def internals(self) -> Mapping[str, Any]:
        """Return what the SDK keeps in the config under ``_wandb``."""
        own = self._config.get("_wandb")
        return own if isinstance(own, Mapping) else {}

    def summary(self) -> Mapping[str, Any]:
        """Return the summary."""
        found = special_floats(_json(self._node.get("summaryMetrics")))
        return found if isinstance(found, dict) else {}

    def own_summary(self) -> Mapping[str, Any]:
        """Return the summary, which does not say what of it is W&B's own."""
        return self.summary()

    def history(self) -> Iterator[Mapping[str, Any]]:
        """Yield the rows, none of them sampled away."""
        history = OnlineHistory(self._asked, lambda: self._sdk_run, self._renew, self._lost)
        yield from history.rows(self._counted)

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Yield the samples of the machine's load, as many as there are."""
        if count := int(self._counted.get("eventsLineCount") or 0):
            found = self._asked(_EVENTS, samples=count + 1000).get("events") or []
            yield from (special_floats(_json(line)) for line in found)

    def console(self) -> Iterator[tuple[str, str, float | None]]:
        """Yield the lines that were printed; nothing where the server is too old to tell."""
        after: str | None = None
        while self._counted.get("logLineCount") != 0:
            try:
                found = self._asked(_LINES, after=after, size=_LINES_PAGE).get("logLines") or {}
            except _GoneError:
                raise
            except RejectedError:  # the run's file output.log stays what it is
                return
            for edge in found.get("edges") or []:
                line = edge["node"]
                stream = "stderr" if line.get("level") == "error" else "stdout"
                yield stream, f"{line.get('line') or ''}\n", seconds_of(line.get("timestamp"))
            page = found.get("pageInfo") or {}
            if not page.get("hasNextPage") or page.get("endCursor") in (None, after):
                return
            after = page["endCursor"]

    def metadata(self) -> Mapping[str, Any]:
        """Return what the SDK noted of machine and code."""
        return self._metadata

    def files(self) -> Iterator[StoredFile]:
        """Yield the files of the run."""
        for node in self._listed():
            yield StoredFile(str(node["name"]), int(node.get("sizeBytes") or 0), node.get("md5"))

    def open_file(self, path: str, /) -> BinaryIO:
        """Open a file of the run."""
        kept = self._access.downloads.kept((self._place, path))
        return kept if kept is not None else patiently(lambda: self._fetched(path))

    def logged(self) -> Iterator[StoredArtifact]:
        """Yield the artifacts that the run made."""
        if _total(self._counted, "outputArtifacts"):
            yield from self._artifacts.logged()

    def used(self) -> Iterator[StoredArtifact]:
        """Yield the artifacts that the run used."""
        if _total(self._counted, "inputArtifacts"):
            yield from self._artifacts.used()

    def find_artifact(self, uri: str, /) -> StoredArtifact | None:
        """Return the artifact that a row of history means."""
        return self._artifacts.find(uri) if _total(self._counted, "outputArtifacts") else None

    def open_artifact_file(self, artifact: StoredArtifact, path: str, /) -> BinaryIO:
        """Open a file of an artifact."""
        return self._artifacts.open(artifact, path)

    def losses(self) -> Mapping[str, int]:
        """Return what could not be read."""
        return self._lost

    # -- questions

    def _asked(self, question: str, **more: Any) -> Mapping[str, Any]:
        run = _ask(self._access, question, {**self._place.variables, **more})
        if run is None:
            raise _GoneError(self._place)
        return run

    @cached_property
    def _counted(self) -> Mapping[str, Any]:
        """What there is of each thing, told with the run where it was asked for by itself."""
        if "historyKeys" in self._node:
            return self._node
        if (told := _told(self._access, self._place)) is None:
            raise _GoneError(self._place)
        return told

    @cached_property
    def _config(self) -> dict[str, Any]:
        wrapped = special_floats(_json(self._node.get("config")))
        items = wrapped.items() if isinstance(wrapped, dict) else ()
        return {key: item["value"] for key, item in items if isinstance(item, dict) and "value" in item}

    def _times(self) -> tuple[float, float]:
        """Return when the run began and ended.

        The service tells when it was told of the run; of one that was synced later, what the SDK noted of the training.
        """
        created = seconds_of(self._node.get("createdAt")) or 0.0
        ended = seconds_of(self._node.get("heartbeatAt")) or created
        began = min(filter(None, (seconds_of(each.get("startedAt")) for each in self._machines)), default=created)
        if began < created - _SYNCED_LATER:
            last = self.summary().get("_timestamp")
            created, ended = began, last if isinstance(last, (int, float)) and began <= last <= ended else ended
        return created, max(created, ended)

    @property
    def _machines(self) -> list[Mapping[str, Any]]:
        """What the SDK noted in the config of each process that wrote the run."""
        told = self.internals().get("e")
        return [each for each in told.values() if isinstance(each, Mapping)] if isinstance(told, Mapping) else []

    @property
    def _host(self) -> str | None:
        return next((host for each in self._machines if isinstance(host := each.get("host"), str)), None)

    @cached_property
    def _metadata(self) -> Mapping[str, Any]:
        try:
            with self.open_file("wandb-metadata.json") as file:
                told = json.loads(file.read())
        except (RejectedError, ValueError):
            return {}
        return told if isinstance(told, Mapping) else {}

    @cached_property
    def _sdk_run(self) -> Any:
        return patiently(self._opened)

    def _opened(self) -> Any:
        """Return the SDK's object for the run; the SDK tells one that is gone as it tells a server that is."""
        place = self._place
        try:
            return self._access.run(place.entity, place.project, place.run)
        except TransientError:
            if _told(self._access, place) is None:
                raise _GoneError(place) from None
            raise

    def _renew(self) -> None:
        self._access.renew()
        for name in ("_sdk_run", "_artifacts"):
            self.__dict__.pop(name, None)

    @cached_property
    def _artifacts(self) -> OnlineArtifacts:
        return OnlineArtifacts(self._access.server, self._access.downloads, lambda: self._sdk_run)

    # -- files

    def _listed(self) -> Iterator[Mapping[str, Any]]:
        has_any = self._counted.get("fileCount") != 0
        found = patiently(lambda: list(self._access.server.files(self._place))) if has_any else []
        self._listed_at = now = time.monotonic()
        self._addresses.update({str(node["name"]): (now, node) for node in found})
        return iter(found)

    def _fetched(self, path: str) -> BinaryIO:
        node = self._address(path)
        if node is None or not (node.get("md5") or int(node.get("sizeBytes") or 0)):
            raise RejectedError(f"W&B's run {self._place.run} holds no file {path!r}")
        try:
            return self._access.downloads.fetch(
                (self._place, path), str(node["directUrl"]), int(node.get("sizeBytes") or 0)
            )
        except AuthError as error:
            at, _ = self._addresses.get(path, (0.0, None))
            self._addresses[path] = -math.inf, None
            if time.monotonic() - at > 1:  # the address was signed for a while that is over
                raise TransientError(str(error)) from error
            raise

    def _address(self, path: str) -> Mapping[str, Any] | None:
        """Return where a file is now; all are asked for at once, as those of one run are read one after the other."""
        if self._listed_at is None:
            self._listed()
        at, node = self._addresses.get(path, (self._listed_at or 0.0, None))
        if time.monotonic() - at > _FRESH:
            node = next(iter(self._access.server.files(self._place, names=[path])), None)
            if node is not None:
                self._addresses[path] = time.monotonic(), node
        return node


def _ask(access: OnlineAccess, question: str, variables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what is told of a run; ``None`` where there is none."""
    found = (patiently(lambda: access.server.ask(question, variables)).get("project") or {}).get("run")
    return found if isinstance(found, Mapping) else None


def _told(access: OnlineAccess, place: Place) -> Mapping[str, Any] | None:
    """Return everything that one question tells of a run; ``None`` where there is none."""
    try:
        return _ask(access, _RUN, place.variables)
    except RejectedError:
        return _ask(access, _OLDER_RUN, place.variables)


def _total(counted: Mapping[str, Any], name: str) -> int:
    """Return how many a list has; where nobody tells, there may be some."""
    found = counted.get(name)
    return int(found.get("totalCount") or 0) if isinstance(found, Mapping) else 1


def _json(text: object) -> Any:
    """Return the value of a ``JSONString`` of the service."""
    return json.loads(text) if isinstance(text, str) and text else text


def _pages(url: str) -> str:
    """Return where the pages of a server are."""
    return "https://wandb.ai" if url == "https://api.wandb.ai" else url
