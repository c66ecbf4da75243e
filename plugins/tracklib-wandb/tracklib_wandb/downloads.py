"""`Downloads`: files of a server, fetched to this machine, and kept as long as they are likely asked for again."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import requests

from tracklib.errors import AuthError, RejectedError, TransientError
from tracklib_wandb.border import network

__all__ = ["Downloads"]

_TIMEOUT = (10.0, 120.0)
_CHUNK = 1 << 20
_KEPT = 512 << 20
"""Bytes that are kept: a file is read once for its digest and once for who wants its content."""

_MAX_REDIRECTS = 3


class Downloads:
    """Fetches files; the key goes to the server itself and to nobody whom it names or redirects to.

    Args:
        base_url: The server.
        key: Of the user.
    """

    def __init__(self, base_url: str, key: str) -> None:
        self._base = base_url
        self._key = key
        self._session = requests.Session()
        weakref.finalize(self, self._session.close)
        self._folder: Path | None = None
        self._kept: OrderedDict[object, tuple[Path, int]] = OrderedDict()
        self._count = 0
        self._size = 0

    @property
    def folder(self) -> Path:
        """A folder of this run of the program."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="tracklib-wandb-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def kept(self, name: object) -> BinaryIO | None:
        """Open a file that is still here."""
        if name not in self._kept:
            return None
        self._kept.move_to_end(name)
        return self._kept[name][0].open("rb")

    def fetch(self, name: object, url: str, size: int) -> BinaryIO:
        """Fetch a file and open it.

        Raises:
            TransientError: It cannot be fetched now, or came short.
            RejectedError: It is not there, or is more than it should be.
        """
        path = self.new_path()
        self._load(url, path, size)
        return self.keep(name, path)

    def new_path(self) -> Path:
        """Return where a file may be put."""
        self._count += 1
        return self.folder / str(self._count)

    def keep(self, name: object, path: Path) -> BinaryIO:
        """Open a file that was put here, and keep it; the oldest ones go."""
        file = path.open("rb")
        size = os.fstat(file.fileno()).st_size
        self._kept[name] = path, size
        self._size += size
        while self._size > _KEPT and len(self._kept) > 1:
            _, (old, size) = self._kept.popitem(last=False)
            old.unlink(missing_ok=True)
            self._size -= size
        return file

    def _load(self, url: str, path: Path, size: int) -> None:
        url = urljoin(f"{self._base}/", url)
        with network(self._base), self._asked(url) as reply, path.open("wb") as out:
            got = 0
            for chunk in reply.iter_content(_CHUNK):
                got += len(chunk)
                if got > size:
                    raise RejectedError(f"W&B at {self._base} sends more than the {size} bytes that it tells of")
                out.write(chunk)
        if got < size:
            raise TransientError(f"W&B at {self._base} sent {got} of {size} bytes")

    def _asked(self, url: str) -> requests.Response:
        for _ in range(_MAX_REDIRECTS + 1):
            if urlsplit(url).scheme not in ("http", "https"):
                raise RejectedError(f"W&B at {self._base} leads to {url[:80]!r}, which is no web address")
            own = urlsplit(url)[:2] == urlsplit(self._base)[:2]
            auth = ("api", self._key) if own else _nobody
            reply = self._session.get(url, auth=auth, timeout=_TIMEOUT, stream=True, allow_redirects=False)
            if not reply.is_redirect:
                self._check(reply)
                return reply
            url = urljoin(url, reply.headers["Location"])
            reply.close()
        raise RejectedError(f"W&B at {self._base} redirects without end")

    def _check(self, reply: requests.Response) -> None:
        code = reply.status_code
        if code < 300:
            return
        reply.close()
        if code == 429 or code >= 500:
            raise TransientError(f"W&B at {self._base} answered {code} for a file", retry_after=_wait(reply))
        if code in (401, 403):
            raise AuthError(f"W&B at {self._base} does not let this key read a file ({code})")
        raise RejectedError(f"W&B at {self._base} does not hold a file that it tells of ({code})")


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authenticate as nobody, whatever ``~/.netrc`` says of a host: a store elsewhere has the right in the address."""
    return request


def _wait(reply: requests.Response) -> float | None:
    try:
        return max(0.0, float(reply.headers.get("Retry-After", "")))
    except ValueError:
        return None
