"""Ports for servers of tests: free, and not to be given to anybody else meanwhile."""

from __future__ import annotations

import random
import socket
from pathlib import Path

__all__ = ["free_port"]

_USUAL = 32_768
"""Where Linux begins with the ports that connections get, which is below those of other systems."""

_MANY = 20_000


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on.

    It lies below those that the system gives to connections. One of these, which is what asking for port 0 returns, may
    be some client's before the server has begun to listen on it, or while a server is down that is to come back on it.
    """
    highest = _first_given()
    while True:
        port = random.SystemRandom().randrange(max(1024, highest - _MANY), highest)
        with socket.socket() as found:
            try:
                found.bind(("127.0.0.1", port))
            except OSError:  # somebody has it
                continue
            return port


def _first_given() -> int:
    """Return the first port that the system may give to a connection."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _USUAL
