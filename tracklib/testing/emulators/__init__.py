"""Local servers that vendors' real SDKs write to and read from: tests of training code without the cloud."""

from tracklib.testing.emulators.emulator import Call, Emulator
from tracklib.testing.emulators.faults import (
    Disconnect,
    DropReply,
    Fault,
    Faults,
    Hang,
    Latency,
    Partial,
    RateLimit,
    Rule,
    Status,
)

__all__ = [
    "Call",
    "Disconnect",
    "DropReply",
    "Emulator",
    "Fault",
    "Faults",
    "Hang",
    "Latency",
    "Partial",
    "RateLimit",
    "Rule",
    "Status",
]
