"""Every exception that tracklib raises; the branch names the remedy.

TracklibError
├── UsageError                 the call is wrong: change the code
│   ├── BadValueError          a value cannot be recorded (also a ``ValueError``)
│   └── RunStateError          the run is in no state for this (finished, missing, exists already)
├── ConfigError                a setting is wrong: change the configuration
│   └── MissingPluginError     a backend is named whose plugin is not installed: install it
├── CorruptJournalError        the file is not a journal that this version can read
├── NoRoomError                the disk has no more free than its reserve: free space
└── BackendError               a vendor did not do what was asked
    ├── TransientError         the same call may work later: wait
    ├── AuthError              the credentials were refused: renew them
    ├── RejectedError          the vendor will never take this record: change the record
    └── UnknownOutcomeError    nobody knows whether the vendor took it: send again, it is idempotent

Training code never meets a ``BackendError``: relays do, in their own process.
"""

from __future__ import annotations

__all__ = [
    "AuthError",
    "BackendError",
    "BadValueError",
    "ConfigError",
    "CorruptJournalError",
    "MissingPluginError",
    "NoRoomError",
    "RejectedError",
    "RunStateError",
    "TracklibError",
    "TransientError",
    "UnknownOutcomeError",
    "UsageError",
]


class TracklibError(Exception):
    """Base of everything that tracklib raises on purpose."""


class UsageError(TracklibError):
    """The call is wrong; the message says what was expected and what came."""


class BadValueError(UsageError, ValueError):
    """A value cannot be recorded.

    Raised from ``log()`` and its siblings under ``strict=True`` only; otherwise the value is refused by name,
    counted and warned of, and training goes on.
    """


class RunStateError(UsageError):
    """The run is in no state for this call."""


class ConfigError(TracklibError):
    """A setting is wrong; the message names its place and the nearest right one."""


class MissingPluginError(ConfigError):
    """A backend is named whose plugin is not installed."""


class CorruptJournalError(TracklibError):
    """A file is no journal, or one of a major version that this tracklib cannot read."""


class NoRoomError(TracklibError):
    """A file is not kept, because less than the reserve would stay free on the disk; metrics go on."""


class BackendError(TracklibError):
    """A vendor did not do what was asked."""


class TransientError(BackendError):
    """The same call may work later.

    Attributes:
        retry_after: Seconds that the vendor asked to wait, which holds up this run and no other; ``None`` where it named
            no time, as one that is down does: that holds up all runs that go there.
    """

    def __init__(self, message: str, /, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AuthError(BackendError):
    """The vendor refused the credentials, or they lack a right."""


class RejectedError(BackendError):
    """The vendor will never take this record as it is."""


class UnknownOutcomeError(BackendError):
    """The call broke off after the vendor may have acted on it."""
