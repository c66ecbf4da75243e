"""`OnlineAccess`: what reading needs of a W&B server."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from tracklib_wandb.border import border
from tracklib_wandb.downloads import Downloads
from tracklib_wandb.pace import pace_of
from tracklib_wandb.server import Server
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.surroundings import sdk

__all__ = ["OnlineAccess"]

_environment = threading.Lock()


class OnlineAccess:
    """What reading needs of a server: questions, files, and the SDK's own reader of history and artifacts."""

    def __init__(self, settings: WandbSettings) -> None:
        assert settings.base_url is not None, "settings are resolved before they are used"
        self.server = Server(settings, pace=pace_of(settings.base_url))
        weakref.finalize(self, self.server.close)
        self.downloads = Downloads(self.server.url, self.server.key)
        self._entity = settings.entity

    @cached_property
    def api(self) -> Any:
        """W&B's public API; making it asks the server whether the key is good."""
        with border("connecting"), self.elsewhere():
            overrides = {"base_url": self.server.url, **({"entity": self._entity} if self._entity else {})}
            return sdk().Api(overrides=overrides, api_key=self.server.key, timeout=60)

    def renew(self) -> None:
        """Make the API anew at the next call: the SDK's program may have been ended, by whoever writes beside this."""
        self.__dict__.pop("api", None)

    def run(self, entity: str, project: str, run_id: str) -> Any:
        """Return the SDK's object for a run."""
        api = self.api
        with border(f"opening the run {run_id}"), self.elsewhere():
            return api.run(f"{entity}/{project}/{run_id}")

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Let the SDK make its folder for each run that it reads in a folder of ours, and not where this is called."""
        with _environment:
            before = os.environ.get("WANDB_DIR")
            os.environ["WANDB_DIR"] = str(self.downloads.folder)
            try:
                yield
            finally:
                if before is None:
                    del os.environ["WANDB_DIR"]
                else:
                    os.environ["WANDB_DIR"] = before
