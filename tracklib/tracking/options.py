"""`RunOptions`: what a run is made with, besides its identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tracklib.messages import Messages
from tracklib.tracking.redaction import Redactor

__all__ = ["RunOptions"]


class RunOptions:
    """What a run is made with, besides its identity.

    Attributes:
        strict: Raise `BadValueError` where a value cannot be recorded.
        reserve: What stays free on the disk.
        finish_timeout: Seconds to wait, at the process's end, for artifacts that are being stored.
        delivers: Whether somebody waits for delivery then, which includes them.
        on_finish: Called once after the run's end is recorded, with whether to wait for delivery.
        urls: Returns the vendors' addresses, by backend.
        native: Returns the vendor's own object for a backend's name, waiting so many seconds for it at most.
        prefix: What every name begins with that this process records: ``"rank_3/"``; empty for the first rank.
        params: What the first rank records of params, which this one knows.
    """

    def __init__(
        self,
        *,
        redactor: Redactor,
        messages: Messages,
        strict: bool = False,
        reserve: str = "auto",
        finish_timeout: float = 30.0,
        on_finish: Callable[[bool], None] = lambda _: None,
        urls: Callable[[], dict[str, str]] = dict,
        native: Callable[[str, float], object] | None = None,
    ) -> None:
        self.redactor = redactor
        self.messages = messages
        self.strict = strict
        self.reserve = reserve
        self.finish_timeout = finish_timeout
        self.delivers = False
        self.prefix = ""
        self.params: Mapping[str, object] | None = None
        self.on_finish = on_finish
        self.urls = urls
        self.native = native
