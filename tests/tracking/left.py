"""What this process holds of tracklib's: what a run may not leave behind.

Other tests of the same process may have threads of servers that still answer a late client, so neither all threads nor
their sockets are counted: tracklib's threads go by their name, and it opens no socket in a training process.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter


def own_threads() -> set[threading.Thread]:
    """Return the threads that tracklib started."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("tracklib-")}


def settles_to(files: Counter[str]) -> bool:
    """Tell whether no more files are open than these, once the flusher has let go of what it brings to the disk.

    It holds a second descriptor of a journal for as long as that takes, also of a run that has ended meanwhile.
    """
    deadline = time.monotonic() + 60
    while not (settled := open_files() <= files) and time.monotonic() < deadline:
        time.sleep(0.01)
    return settled


def open_files() -> Counter[str]:
    """Return the files and pipes that this process has open; none where the system keeps no list of them."""
    if not os.path.isdir("/proc/self/fd"):
        return Counter()
    targets = (_target(number) for number in os.listdir("/proc/self/fd"))
    return Counter(target for target in targets if target and not target.startswith("socket:"))


def _target(number: str) -> str:
    """Return what the descriptor refers to; nothing where it was closed in between."""
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except FileNotFoundError:  # the one by which the folder was listed
        return ""
