"""A Comet server as far as the ``comet_ml`` SDK can tell."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from tracklib.testing.emulators import snapshot
from tracklib.testing.emulators.blobs import Blobs
from tracklib.testing.emulators.comet import artifacts, assets, handshake, projects, reads, registry, writes
from tracklib.testing.emulators.comet.state import ArtifactVersion, Asset, Experiment, Project, RegistryModel, State
from tracklib.testing.emulators.comet.world import Refused, Route, World
from tracklib.testing.emulators.emulator import Emulator
from tracklib.testing.emulators.exchange import Reply, Request, json_reply

__all__ = ["CometEmulator"]

_PREFIX = re.compile(r"^(/+(clientlib|api/rest/v2|rest/v2))*/+")
_OPEN = {"GET isAlive/ver": {"version": "5.10.10"}, "GET health/ping": {"status": "ok"}, "POST notify/event": {}}
_API_KEY_NOT_REGISTERED = 90212
_FILE = "comet.json"


class CometEmulator(Emulator):
    """A Comet server on 127.0.0.1, for `comet_ml` 3.58.

    What it does was learnt from what the SDK sends and parses, so it proves a client, not what Comet's cloud does.

    Operations, for faults and in `calls`: method and route without the prefix, as ``POST batch/logger/experiment/metric``
    or ``GET experiment/metrics/get-metric``.

    Attributes:
        api_key: The only key that is let in.
        world: What the server knows.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        folder: Path | None = None,
        workspace: str = "team",
        username: str = "user",
        sampled_above: int = 15_000,
    ) -> None:
        super().__init__(port=port, folder=folder)
        self.api_key = "0123456789" * 2 + "01234"
        blobs = Blobs(None if folder is None else folder / "blobs")
        self.world = World(_loaded(folder), blobs, "", workspace, username, sampled_above)
        self._routes: dict[str, Route] = {
            **handshake.ROUTES,
            **writes.ROUTES,
            **assets.ROUTES,
            **artifacts.ROUTES,
            **reads.ROUTES,
            **projects.ROUTES,
            **registry.ROUTES,
        }

    @property
    def experiments(self) -> dict[str, Experiment]:
        """The experiments by key."""
        return self.world.state.experiments

    def assets(self, experiment: str) -> dict[str, bytes]:
        """Return the files of an experiment with their contents; of those of one name, the last."""
        found = self.world.state.assets_of(experiment)
        return {asset.name: self.world.blobs.get(asset.key) or b"" for asset in found}

    def environment(self) -> dict[str, str]:
        """Return the variables that point `comet_ml` here and keep it from reporting elsewhere."""
        return {
            "COMET_URL_OVERRIDE": f"{self.url}/clientlib/",
            "COMET_API_KEY": self.api_key,
            "COMET_WORKSPACE": self.world.workspace,
            "COMET_INTERNAL_REPORTING": "false",
            "COMET_ERROR_TRACKING_ENABLE": "false",
            "COMET_INTERNAL_SENTRY_DSN": "",
            "COMET_DISABLE_ANNOUNCEMENT": "1",
        }

    def operation(self, request: Request) -> str:
        """Return the method and the route, whichever of the three prefixes it came with."""
        return f"{request.method} {_PREFIX.sub('', request.path).rstrip('/')}"

    def respond(self, request: Request) -> Reply:
        """Serve one route."""
        self.world.url = self.url
        operation = self.operation(request)
        if operation in _OPEN:
            return json_reply(_OPEN[operation])
        if not self._let_in(request):
            return _refusal(
                Refused("the API key is not registered", _API_KEY_NOT_REGISTERED, status=_status(operation))
            )
        route = self._routes.get(operation)
        if route is None:
            return self.unknown(request)
        try:
            answer = route(self.world, request)
        except Refused as refused:
            return _refusal(refused)
        return answer if isinstance(answer, Reply) else json_reply(answer)

    def first(self, request: Request, keep: int) -> Request:
        """Return a batch with its first values alone."""
        asked = request.json()
        if not isinstance(asked, dict) or "values" not in asked:
            return super().first(request, keep)
        return replace(request, body=json.dumps({**asked, "values": asked["values"][:keep]}).encode())

    def save(self) -> None:
        """Keep the state in the folder, where there is one."""
        snapshot.save(self.folder, _FILE, self.world.state)

    def _let_in(self, request: Request) -> bool:
        given = request.headers.get("authorization") or request.headers.get("comet-sdk-api")
        return (given or _key_in(request)) == self.api_key


def _key_in(request: Request) -> Any:
    if not request.headers.get("content-type", "").startswith("application/json"):
        return request.query.get("apiKey")
    asked = request.json()
    return asked.get("apiKey", asked.get("api_key")) if isinstance(asked, dict) else None


def _status(operation: str) -> int:
    """Return with what Comet refuses a key: 400 where an experiment begins, which the SDK reads; else 401."""
    return 400 if operation.startswith("POST logger/") else 401


def _refusal(refused: Refused) -> Reply:
    body = {"msg": str(refused), "code": refused.status, "sdk_error_code": refused.code}
    return json_reply(body, status=refused.status)


def _loaded(folder: Path | None) -> State:
    kept = snapshot.load(folder, _FILE)
    return State(
        experiments={key: Experiment(**held) for key, held in kept.get("experiments", {}).items()},
        assets={key: Asset(**held) for key, held in kept.get("assets", {}).items()},
        versions={key: ArtifactVersion(**held) for key, held in kept.get("versions", {}).items()},
        projects={key: Project(**held) for key, held in kept.get("projects", {}).items()},
        registry={key: RegistryModel(**held) for key, held in kept.get("registry", {}).items()},
    )
