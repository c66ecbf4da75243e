"""A W&B server as far as the ``wandb`` SDK can tell: GraphQL, the file stream, and a store of files."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tracklib.testing.emulators.blobs import Blobs
from tracklib.testing.emulators.emulator import Emulator
from tracklib.testing.emulators.exchange import Reply, Request, json_reply
from tracklib.testing.emulators.wandb import persistence, roots, stream
from tracklib.testing.emulators.wandb.graphql import GraphQLProblem, answer, operation_name
from tracklib.testing.emulators.wandb.state import Run
from tracklib.testing.emulators.wandb.world import World

__all__ = ["WandbEmulator"]


class WandbEmulator(Emulator):
    """A W&B server on 127.0.0.1, for `wandb` 0.31.

    What it does was learnt from what the SDK sends and parses, so it proves a client, not what W&B's cloud does.

    Operations, for faults and in `calls`: the name of the GraphQL operation (``UpsertBucket``, ``CreateArtifact``, ...),
    ``file_stream``, ``PUT storage`` and ``GET storage``.

    >>> import wandb  # doctest: +SKIP
    >>> with WandbEmulator() as server:  # doctest: +SKIP
    ...     os.environ.update(server.environment())
    ...     with wandb.init(project="digits", id="first") as run:
    ...         run.log({"loss": 0.5})
    ...     assert server.run("digits", "first").history[0]["loss"] == 0.5

    Attributes:
        api_key: The only key that is let in.
        world: What the server knows.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        folder: Path | None = None,
        entity: str = "team",
        username: str = "user",
        features: frozenset[str] = frozenset(),
        parquet: bool = False,
    ) -> None:
        super().__init__(port=port, folder=folder)
        self.api_key = "0123456789" * 4
        state = persistence.load(folder)
        blobs = Blobs(None if folder is None else folder / "blobs")
        self.world = World(state, blobs, "", entity, username, features, parquet)

    @property
    def runs(self) -> dict[str, Run]:
        """The runs by ``entity/project/id``."""
        return self.world.state.runs

    def run(self, project: str, name: str) -> Run:
        """Return a run of the default entity."""
        return self.runs[f"{self.world.entity}/{project}/{name}"]

    def files(self, run: Run) -> dict[str, bytes]:
        """Return the files of a run with their contents."""
        return {
            name: self.world.blobs.get(self.world.file_key(run, name)) or b"" for name in self.world.file_names(run)
        }

    def environment(self) -> dict[str, str]:
        """Return the variables that point `wandb` here and keep it from reporting elsewhere."""
        return {
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": self.api_key,
            "WANDB_ENTITY": self.world.entity,
            "WANDB_ERROR_REPORTING": "false",
        }

    def operation(self, request: Request) -> str:
        """Return the GraphQL operation's name, or the route's."""
        if request.path == "/graphql":
            return operation_name(request.json()["query"]) or "graphql"
        if request.path.endswith("/file_stream"):
            return "file_stream"
        return f"{request.method} storage" if request.path.startswith("/storage/") else super().operation(request)

    def respond(self, request: Request) -> Reply:
        """Serve one of the three routes."""
        self.world.url = self.url
        if request.path.startswith("/storage/"):
            return self._store(request, request.path.removeprefix("/storage/"))
        if not self._let_in(request):
            return json_reply({"error": "invalid API key"}, status=401)
        if request.path == "/graphql" and request.method == "POST":
            return self._graphql(request.json())
        if request.path.endswith("/file_stream") and request.method == "POST":
            return self._stream(request)
        return self.unknown(request)

    def first(self, request: Request, keep: int) -> Request:
        """Return a request of the file stream with the first lines of each file alone."""
        if self.operation(request) != "file_stream":
            return super().first(request, keep)
        return replace(request, body=json.dumps(stream.first_lines(request.json(), keep)).encode())

    def save(self) -> None:
        """Keep the state in the folder, where there is one."""
        persistence.save(self.folder, self.world.state)

    def _let_in(self, request: Request) -> bool:
        expected = base64.b64encode(f"api:{self.api_key}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {expected}"

    def _graphql(self, asked: dict[str, Any]) -> Reply:
        query, mutation = roots.query(self.world), roots.mutation(self.world)
        try:
            data = answer(asked["query"], asked.get("variables") or {}, query=query, mutation=mutation)
        except GraphQLProblem as problem:
            if problem.unknown:
                self.complain(f"{operation_name(asked['query'])}: {problem}")
            return json_reply({"data": None, "errors": [{"message": str(problem), "path": []}]}, status=problem.status)
        return json_reply({"data": data})

    def _stream(self, request: Request) -> Reply:
        _, _, entity, project, name, _ = request.path.split("/")
        run = self.runs.get(f"{entity}/{project}/{name}")
        if run is None:
            return json_reply({"error": f"run {entity}/{project}/{name} not found"}, status=404)
        return json_reply(stream.apply(run, request.json()))

    def _store(self, request: Request, key: str) -> Reply:
        if request.method == "PUT":
            self.world.blobs.put(key, request.body)
            return Reply()
        content = self.world.blobs.get(key)
        if content is None:
            return json_reply({"error": f"nothing is stored under {key}"}, status=404)
        return Reply(200, content, {"Content-Type": "application/octet-stream"})
