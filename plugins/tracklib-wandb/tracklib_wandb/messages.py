"""wandb's own messages, of which its logs are made."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import Error, MessageToDict  # type: ignore[import-untyped]  # protobuf has no types
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # as above

__all__ = ["KIND", "DecodeError", "as_mapping", "load_messages", "seconds"]


class KIND:
    """Numbers of the kinds in ``Record``, which wandb has never changed."""

    HISTORY, SUMMARY, OUTPUT, CONFIG, FILES, STATS, ARTIFACT = 2, 3, 4, 5, 6, 7, 8
    AUTO_SUMMARY = -3
    """A summary that the SDK's program made of the row behind it."""

    ALERT, METRIC, OUTPUT_RAW, RUN, EXIT, PREEMPTING, USED, ENVIRONMENT = 10, 12, 13, 17, 18, 23, 25, 26


def load_messages() -> Any:
    """Return wandb's module of messages; it costs half a second to import."""
    from wandb.proto import wandb_internal_pb2

    return wandb_internal_pb2


def as_mapping(message: Any) -> dict[str, Any]:
    """Return a message as JSON has it, without the SDK's own members.

    Raises:
        ValueError: It holds what is none, such as a time beyond all calendars.
    """
    try:
        told = MessageToDict(message)
    except Error as error:
        raise ValueError(str(error)) from error
    return {key: value for key, value in told.items() if not key.startswith("_")}


def seconds(time: Any) -> float | None:
    """Return a message's time in seconds since the epoch; ``None`` where it was left out."""
    return time.seconds + time.nanos / 1e9 if time.seconds or time.nanos else None
