"""`Server`: what is asked of a W&B server beside its SDK: what it holds, and files that are to be there at once.

The SDK queues, and tells nobody what has arrived. These are the same requests that it makes itself.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import requests

from tracklib.errors import AuthError, ConfigError, RejectedError, TransientError, UnknownOutcomeError
from tracklib_wandb.border import network
from tracklib_wandb.pace import Answer, Pace
from tracklib_wandb.settings import WandbSettings

__all__ = ["Place", "Server"]

_TIMEOUT = (10.0, 30.0)
_UPLOAD_TIMEOUT = (10.0, 300.0)
_PAGE = 1000
_HIGHEST = 2**62

_VIEWER = "query TracklibViewer { viewer { id username entity } }"
_RUN = "project(name: $project, entityName: $entity) { bucket: run(name: $run) { %s } }"
_ASK = "query %s($entity: String!, $project: String!, $run: String!%s) { " + _RUN + " }"
_ROWS = _ASK % (
    "TracklibRows",
    ", $low: Int64!, $high: Int64!, $size: Int!",
    "history(minStep: $low, maxStep: $high, samples: $size)",
)
_FILES = _ASK % (
    "TracklibFiles",
    ", $names: [String], $pattern: String, $size: Int, $after: String",
    """files(names: $names, pattern: $pattern, first: $size, after: $after) {
      edges { node { name sizeBytes md5 directUrl } } pageInfo { endCursor hasNextPage }
    }""",
)
_CREATE = """
mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
    runID uploadHeaders files { name uploadUrl }
  }
}
"""
_MARK = """
mutation MarkRunFilesUploaded($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  markRunFilesUploaded(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) { success }
}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """One run's place at a server."""

    entity: str
    project: str
    run: str

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of a question about the run."""
        return {"entity": self.entity, "project": self.project, "run": self.run}


class Server:
    """A W&B server, by the settings' address and key.

    Raises, from every method: `TransientError`, `AuthError`, `RejectedError`, `ConfigError`.

    Args:
        pace: When questions may go; at once where there is none.
    """

    def __init__(self, settings: WandbSettings, *, pace: Pace | None = None) -> None:
        assert settings.base_url is not None, "settings are resolved before they are used"
        self.url = settings.base_url
        key = settings.key()
        if key is None:
            raise AuthError(f"W&B at {self.url}: no key; set WANDB_API_KEY, or run `wandb login`")
        self.key = key
        self._pace = pace
        self._session = requests.Session()
        self._session.auth = ("api", key)
        if not os.environ.get("REQUESTS_CA_BUNDLE") and (bundle := os.environ.get("SSL_CERT_FILE")):
            self._session.verify = bundle  # the name by which W&B's own program knows a private authority
        self._marks = True

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def viewer(self) -> Mapping[str, Any]:
        """Return who the key belongs to: ``username``, and ``entity``, the default team."""
        found = self.ask(_VIEWER, {}).get("viewer")
        if not isinstance(found, Mapping):
            raise AuthError(f"W&B at {self.url} does not know this key; check WANDB_API_KEY")
        return found

    def held(self, place: Place, fields: Sequence[str]) -> Mapping[str, Any] | None:
        """Return how many rows there are of a run, and some of its fields; ``None`` where there is no run."""
        query = _ASK % ("TracklibHeld", "", " ".join(("historyLineCount", *fields)))
        project = self.ask(query, place.variables).get("project")
        found = project.get("bucket") if isinstance(project, Mapping) else None
        return found if isinstance(found, Mapping) else None

    def rows(self, place: Place, low: int, *, size: int = _PAGE) -> Iterator[Mapping[str, Any]]:
        """Yield all rows from a step on, asked for by pages of a size."""
        while True:
            variables = {**place.variables, "low": low, "high": _HIGHEST, "size": size}
            lines = self._bucket(_ROWS, variables).get("history") or []
            rows = [json.loads(line) for line in lines]
            yield from rows
            if len(rows) < size:
                return
            low = max(int(row["_step"]) for row in rows) + 1

    def files(
        self, place: Place, *, names: Sequence[str] | None = None, pattern: str | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the files of a run, those of some names, or of a pattern in SQL's ``LIKE``."""
        after: str | None = None
        while True:
            variables = {**place.variables, "names": list(names or []), "pattern": pattern, "size": 500, "after": after}
            found = self._bucket(_FILES, variables).get("files") or {}
            for edge in found.get("edges") or []:
                yield edge["node"]
            page = found.get("pageInfo") or {}
            if not page.get("hasNextPage") or page.get("endCursor") == after:
                return
            after = page.get("endCursor")

    def upload(self, place: Place, name: str, content: bytes | Path) -> None:
        """Put a file into a run; on return, the store has it."""
        made = self.ask(_CREATE, {**place.variables, "files": [name]}).get("createRunFiles") or {}
        if not made.get("runID") or not made.get("files"):
            raise RejectedError(f"W&B at {self.url} gives no address for the file {name!r}")
        url = made["files"][0]["uploadUrl"]
        headers = dict(header.split(":", 1) for header in made.get("uploadHeaders") or [])
        self._put(url if "://" in url else f"{self.url}{url}", headers, content)
        self._mark(place, name)

    def download(self, url: str) -> bytes:
        """Return the content of a file; the key stays at the server, as a store has the right in the address."""
        address = url if "://" in url else f"{self.url}{url}"
        with network(self.url):
            reply = self._session.get(address, auth=self._auth(address), timeout=_UPLOAD_TIMEOUT)
        self._check(reply)
        return reply.content

    def end(self, place: Place, exit_code: int) -> None:
        """Say that a run is over, as the SDK does at its end."""
        url = f"{self.url}/files/{place.entity}/{place.project}/{place.run}/file_stream"
        with network(self.url):
            reply = self._session.post(
                url, json={"complete": True, "exitcode": exit_code}, timeout=_TIMEOUT, allow_redirects=False
            )
        self._check(reply)

    def ask(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask a question of GraphQL and return its data."""
        reply = self._posted({"query": query, "variables": dict(variables)})
        self._check(reply)
        try:
            answer = reply.json()
        except ValueError as error:
            raise ConfigError(
                f"{self.url} answers, but not as a W&B server does; check WANDB_BASE_URL, or a proxy in between"
            ) from error
        if answer.get("errors"):
            raise self._refused(answer["errors"])
        data = answer.get("data")
        return data if isinstance(data, Mapping) else {}

    def _posted(self, question: Mapping[str, Any]) -> requests.Response:
        """Send a question, when it may go."""
        if self._pace is None:
            return self._sent(question)
        turn, answer = self._pace.turn(), None
        try:
            reply = self._sent(question)
            answer = Answer(reply.status_code == 429, _wait(reply), *_quota(reply))
        finally:
            self._pace.settle(turn, answer)
        return reply

    def _sent(self, question: Mapping[str, Any]) -> requests.Response:
        with network(self.url):
            return self._session.post(f"{self.url}/graphql", json=question, timeout=_TIMEOUT, allow_redirects=False)

    def _bucket(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        project = self.ask(query, variables).get("project") or {}
        found = project.get("bucket") or {}
        return found if isinstance(found, Mapping) else {}

    def _put(self, url: str, headers: Mapping[str, str], content: bytes | Path) -> None:
        try:
            with network(self.url), _opened(content) as data:
                reply = self._session.put(
                    url, data=data, headers=headers, auth=self._auth(url), timeout=_UPLOAD_TIMEOUT
                )
        except TransientError as error:
            raise UnknownOutcomeError(str(error)) from error
        self._check(reply)

    def _auth(self, address: str) -> Any:
        """Return who asks an address: with the key only where it is this server's."""
        return ("api", self.key) if urlsplit(address)[:2] == urlsplit(self.url)[:2] else _nobody

    def _mark(self, place: Place, name: str) -> None:
        """Tell a server of one's own that a file has arrived; the service learns of it from its store."""
        if not self._marks:
            return
        try:
            self.ask(_MARK, {**place.variables, "files": [name]})
        except (RejectedError, ConfigError):  # an older server knows no such thing, and needs none
            self._marks = False

    def _check(self, reply: requests.Response) -> None:
        code, url = reply.status_code, self.url
        if code < 300:
            return
        if reply.is_redirect:  # another host would be asked, and believed, in the place of the one that was named
            leads = reply.headers["Location"][:200]
            raise ConfigError(f"W&B at {url} leads to {leads!r}; if that is where it is now, set WANDB_BASE_URL to it")
        if code == 401:
            raise AuthError(f"W&B at {url} does not know this key; check WANDB_API_KEY")
        if code == 403:
            raise AuthError(f"W&B at {url}: this key has no right to do that; check the entity, and the team's members")
        if code == 404:
            raise ConfigError(f"{url} has no such thing as a W&B server has; check WANDB_BASE_URL")
        if code == 407:
            raise ConfigError(f"W&B at {url}: the proxy wants a name and password; check HTTPS_PROXY")
        if code == 429 or code >= 500:
            raise TransientError(f"W&B at {url} answered {code}", retry_after=_wait(reply))
        raise RejectedError(f"W&B at {url} answered {code}: {reply.text[:200]}")

    def _refused(self, errors: Sequence[Mapping[str, Any]]) -> Exception:
        said = "; ".join(str(error.get("message")) for error in errors)[:300]
        if any(
            word in said.lower()
            for word in ("permission", "not authorized", "unauthorized", "access denied", "forbidden")
        ):
            return AuthError(f"W&B at {self.url}: {said}; check the entity, and that the key's user is a member")
        return RejectedError(f"W&B at {self.url}: {said}")


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authenticate as nobody, whatever ``~/.netrc`` says of a host."""
    return request


@contextmanager
def _opened(content: bytes | Path) -> Iterator[bytes | BinaryIO]:
    """Give a content as `requests` takes it, which would send an empty file in pieces."""
    if isinstance(content, bytes) or not content.stat().st_size:
        yield content if isinstance(content, bytes) else b""
        return
    with content.open("rb") as source:
        yield source


def _wait(reply: requests.Response) -> float | None:
    """Return the seconds that a server wants to pass: W&B's own says when its quota is full again."""
    found = _number(reply, "Retry-After")
    return _number(reply, "RateLimit-Reset") if found is None else found


def _quota(reply: requests.Response) -> tuple[float | None, float | None]:
    """Return what is left of the quota, which W&B gives in thousandths, and for how many seconds.

    So say docs.wandb.ai/support/models/articles/rate-limit-exceeded-on-metric-logging and the SDK's own client, which
    reads both from any answer.
    """
    return _number(reply, "RateLimit-Remaining"), _number(reply, "RateLimit-Reset")


def _number(reply: requests.Response, header: str) -> float | None:
    try:
        found = float(reply.headers.get(header, ""))
    except ValueError:
        return None
    return max(0.0, found) if math.isfinite(found) else None
