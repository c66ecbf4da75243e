"""`OnlineHolder`: a run at a W&B server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tracklib.errors import BadValueError
from tracklib.model.records import Position
from tracklib_wandb.companions import FOLDER, chunk_end
from tracklib_wandb.holder import Held, Known
from tracklib_wandb.identity import KEY
from tracklib_wandb.rows import mark_of
from tracklib_wandb.server import Place, Server
from tracklib_wandb.settings import WandbSettings

__all__ = ["OnlineHolder"]

_WINDOW = 1000


class OnlineHolder:
    """Asks and feeds a server.

    Args:
        folder: Where the SDK may keep its files.
    """

    def __init__(self, settings: WandbSettings, project: str, run_id: str, folder: Path) -> None:
        self._settings = settings
        self._server = Server(settings)
        entity = settings.entity or str(self._server.viewer().get("entity") or "")
        self._place = Place(entity, project, run_id)
        self._folder = folder
        self._url: str | None = None
        self._base = 0

    @property
    def key(self) -> str:
        """The address."""
        return f"{self._server.url} {self.id}"

    @property
    def id(self) -> str:
        """How W&B names the run: ``entity/project/id``."""
        return f"{self._place.entity}/{self._place.project}/{self._place.run}"

    @property
    def url(self) -> str | None:
        """The page that shows it."""
        return self._url

    @property
    def staging(self) -> Path:
        """Where the SDK's files are."""
        return self._folder

    def known(self) -> Known | None:
        """Return the run as the server has it."""
        found = self._server.held(self._place, ("config", "historyTail", "summaryMetrics"))
        if found is None:
            return None
        self._base = int(found.get("historyLineCount") or 0)
        return Known(_last_step(found.get("historyTail")), _config(found), _tree(found.get("summaryMetrics")))

    def begin(self) -> Mapping[str, Any]:
        """Return the SDK's settings for a run at this server."""
        return {
            "entity": self._place.entity,
            "project": self._place.project,
            "id": self._place.run,
            "dir": str(self._folder),
            "resume": "allow",
            "settings": {
                "base_url": self._server.url,
                "api_key": self._server.key,
                "mode": "online",
                # The journal is what outlives a crash; W&B's own log of the run would be a second one.
                "x_skip_transaction_log": True,
            },
        }

    def began(self, sdk_run: Any) -> None:
        """Take note of the run's page."""
        self._url = sdk_run.url

    def rows(self, position: Position) -> Iterator[Mapping[str, Any]]:
        """Yield the rows from a place on before which all are confirmed."""
        found = self._server.held(self._place, ("historyTail",))
        last = _last_step(found.get("historyTail")) if found else -1
        if last < 0:
            return iter(())
        low, window = last + 1, _WINDOW
        while low > 0 and not self._is_settled(low, position):
            low, window = max(0, low - window), window * 2
        return self._server.rows(self._place, low)

    def _is_settled(self, low: int, position: Position) -> bool:
        """Tell whether the first row from a step on holds only what is confirmed."""
        row = next(self._server.rows(self._place, low, size=1), None)
        if row is None or not position:
            return False
        try:
            mark = mark_of(row)
        except BadValueError:
            return False
        return mark is not None and all(point.seq <= position.get(point.writer, 0) for point in mark.points)

    def chunks(self, position: Position) -> Iterator[bytes]:
        """Yield the chunks that may hold what is not confirmed."""
        for node in self._server.files(self._place, pattern=f"{FOLDER}%"):
            end = chunk_end(str(node["name"]))
            if end is not None and end[1] > position.get(end[0], 0):
                yield self._server.download(str(node["directUrl"]))

    def keep(self, name: str, content: bytes | Path) -> None:
        """Upload a file."""
        self._server.upload(self._place, name, content)

    def has(self, name: str, size: int) -> bool:
        """Ask for a file."""
        return any(
            node["name"] == name and node.get("md5") and int(node.get("sizeBytes") or 0) == size
            for node in self._server.files(self._place, names=[name])
        )

    def held(self, *, with_config: bool, at_once: bool) -> Held:
        """Ask how many rows there are, and for the config."""
        _ = at_once
        found = self._server.held(self._place, ("config",) if with_config else ()) or {}
        own = _config(found).get(KEY)
        revision = own.get("revision") if isinstance(own, Mapping) else 0
        return Held(int(found.get("historyLineCount") or 0) - self._base, int(revision or 0))

    def end(self, exit_code: int | None) -> None:
        """Say so as the SDK does."""
        if exit_code is not None:
            self._server.end(self._place, exit_code)


def _last_step(tail: object) -> int:
    """Return the step of the last row, from a text of a list of texts."""
    lines = json.loads(tail) if isinstance(tail, str) and tail else []
    rows = [json.loads(line) for line in lines if line]
    return max((int(row.get("_step", -1)) for row in rows), default=-1)


def _tree(text: object) -> dict[str, Any]:
    found = json.loads(text) if isinstance(text, str) and text else {}
    return found if isinstance(found, dict) else {}


def _config(found: Mapping[str, Any]) -> dict[str, Any]:
    wrapped = _tree(found.get("config"))
    return {key: item["value"] for key, item in wrapped.items() if isinstance(item, dict) and "value" in item}
