"""`MLflowSettings`: where MLflow is, and how to get there."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote_plus

from tracklib.backends.settings import BackendSettings, Secret
from tracklib.errors import ConfigError
from tracklib_mlflow import location

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MLflowSettings"]

_DELETED = "?deleted"
_PATIENCE = 300
_LONGEST = 3600


class MLflowSettings(BackendSettings):
    """Where MLflow is, and how to get there.

    A user name in an ``http`` URI moves to ``username`` and a password in any URI to ``password``, before anything
    else sees them, so that no destination and no message can hold them.

    Attributes:
        tracking_uri: A server, a database or a folder; MLflow's own default where omitted.
        experiment: Every run goes there; where omitted, each goes to the experiment named as its project.
        registry_uri: The model registry; the tracking URI where omitted.
        artifact_root: Where new experiments keep their files, for a database without a server; ``./mlruns`` where
            omitted, as MLflow has it.
        password: Of ``username`` at a server, or of the user that a database's URI names.
        auth: The name of an MLflow authentication plugin.
        deleted: Whether runs that were deleted, but not purged, are read too.
        timeout: Seconds that a request may take; five minutes where files move.
    """

    VARIABLES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "tracking_uri": ("MLFLOW_TRACKING_URI",),
        "experiment": ("MLFLOW_EXPERIMENT_NAME",),
        "registry_uri": ("MLFLOW_REGISTRY_URI",),
        "username": ("MLFLOW_TRACKING_USERNAME",),
        "password": ("MLFLOW_TRACKING_PASSWORD",),
        "token": ("MLFLOW_TRACKING_TOKEN",),
        "auth": ("MLFLOW_TRACKING_AUTH",),
        "insecure_tls": ("MLFLOW_TRACKING_INSECURE_TLS",),
        "server_cert": ("MLFLOW_TRACKING_SERVER_CERT_PATH",),
        "client_cert": ("MLFLOW_TRACKING_CLIENT_CERT_PATH",),
        "workspace": ("MLFLOW_WORKSPACE",),
    }

    tracking_uri: str | None = None
    experiment: str | None = None
    registry_uri: str | None = None
    artifact_root: str | None = None
    username: str | None = None
    password: Secret | None = None
    registry_password: Secret | None = None
    token: Secret | None = None
    auth: str | None = None
    insecure_tls: bool = False
    server_cert: str | None = None
    client_cert: str | None = None
    workspace: str | None = None
    deleted: bool = False
    timeout: float = 20.0

    def __post_init__(self) -> None:
        """Move credentials out of the URIs.

        Raises:
            ConfigError: No request can take so long.
        """
        super().__post_init__()
        if not 0 < self.timeout <= _LONGEST:
            raise ConfigError(
                f"mlflow: timeout: expected more than 0 and at most {_LONGEST} seconds, got {self.timeout}"
            )
        moved: dict[str, Any] = {}
        shell = location.parted(os.environ.get("MLFLOW_TRACKING_URI", ""))
        if shell.password and shell.uri == self.tracking_uri:  # a recorded place; its password is the shell's
            moved["password"] = self.password or Secret(shell.password)
        for uri_field, password_field in (("tracking_uri", "password"), ("registry_uri", "registry_password")):
            if (uri := getattr(self, uri_field)) is None:
                continue
            place = location.parted(os.fspath(uri))
            moved[uri_field] = place.uri
            if place.password and not (moved.get(password_field) or getattr(self, password_field)):
                moved[password_field] = Secret(place.password)
            if place.username and not (moved.get("username") or self.username):
                moved["username"] = place.username
        for name, value in moved.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_location(cls, location: str, /) -> Self:
        """Return the settings for ``http://host:5000#experiment``, ``sqlite:///mlflow.db``, ``./mlruns?deleted``, ..."""
        uri, hash_, experiment = location.rpartition("#")
        if not hash_:
            uri, experiment = location, ""
        if not uri:
            raise ConfigError(f"expected mlflow:<tracking URI>[#<experiment>], got mlflow:{location}")
        deleted, uri = uri.endswith(_DELETED), uri.removesuffix(_DELETED)
        uri = uri.rstrip("/") if "://" in uri else uri
        return cls(tracking_uri=uri, experiment=experiment or None, deleted=deleted)

    def resolved(self) -> Self:
        """Return the settings with absolute paths, and MLflow's own defaults as values."""
        values = self.given()
        if self.tracking_uri is None:
            values["tracking_uri"] = os.environ.get("MLFLOW_TRACKING_URI") or location.default_uri()
            return type(self)(**values).resolved()
        values["tracking_uri"] = location.absolute(self.tracking_uri)
        if self.registry_uri is not None:
            values["registry_uri"] = location.absolute(self.registry_uri)
        if location.is_database(self.tracking_uri):
            values["artifact_root"] = location.absolute(self.artifact_root or "mlruns")
        return type(self)(**values)

    def is_database(self) -> bool:
        """Tell whether MLflow opens a database itself, with no server between."""
        return location.is_database(self.tracking_uri or "")

    def page(self, experiment_id: str, run_id: str) -> str | None:
        """Return the address of a run's page, where a server shows one."""
        uri = self.tracking_uri or ""
        is_server = uri.startswith(("http://", "https://"))
        return f"{uri.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}" if is_server else None

    def connection(self) -> str:
        """Return the tracking URI to connect with, a database's password in it: never for a message."""
        assert self.tracking_uri is not None, "settings are resolved before they are used"
        return location.with_password(self.tracking_uri, _clear(self.password))

    def registry_connection(self) -> str | None:
        """Return the registry's URI to connect with: never for a message."""
        if self.registry_uri is None:
            return None
        return location.with_password(self.registry_uri, _clear(self.registry_password))

    def secrets(self) -> tuple[str, ...]:
        """Return what must not stand in a message, in each form that it may have there."""
        return tuple(form for value in self.credentials().values() for form in (value, quote_plus(value)))

    def variables(self) -> dict[str, str]:
        """Return what MLflow's client is to find in its environment."""
        named = {
            "MLFLOW_TRACKING_URI": self.connection(),
            "MLFLOW_TRACKING_USERNAME": self.username,
            "MLFLOW_TRACKING_PASSWORD": _clear(self.password),
            "MLFLOW_TRACKING_TOKEN": _clear(self.token),
            "MLFLOW_TRACKING_AUTH": self.auth,
            "MLFLOW_TRACKING_INSECURE_TLS": "true" if self.insecure_tls else None,
            "MLFLOW_TRACKING_SERVER_CERT_PATH": self.server_cert,
            "MLFLOW_TRACKING_CLIENT_CERT_PATH": self.client_cert,
            "MLFLOW_WORKSPACE": self.workspace,
            "MLFLOW_HTTP_REQUEST_TIMEOUT": str(math.ceil(self.timeout)),
            "PGCONNECT_TIMEOUT": str(math.ceil(self.timeout)),
        }
        return {name: value for name, value in named.items() if value is not None}

    def patience(self) -> dict[str, str]:
        """Return the environment for calls in which files move."""
        return {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(_PATIENCE, math.ceil(self.timeout)))}


def _clear(secret: Secret | None) -> str | None:
    return secret.reveal() if secret is not None else None
