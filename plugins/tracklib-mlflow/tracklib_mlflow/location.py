"""Locations: tracking URIs taken apart, made absolute, and put together again with their credentials."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote_plus, unquote_plus, urlencode, urlsplit, urlunsplit

from tracklib.errors import ConfigError

__all__ = ["DATABASES", "Parted", "absolute", "default_uri", "folder", "is_database", "parted", "with_password"]

DATABASES = ("postgresql", "mysql", "mssql", "sqlite")
"""The kinds of database that MLflow knows (``mlflow.store.db.db_types``)."""

_SECRET_WORD = re.compile(r"passw|secret|token|(^|_)key$|^pwd$", re.IGNORECASE)
_MISSPELT = re.compile(r"(?!file:|sqlite:|arn:|dbfs:)[A-Za-z][A-Za-z0-9+.-]+:/(?!/)")
"""What begins like a URI and is none: MLflow would take it for a folder."""

_PASSWORD_FIELDS = ("password", "passwd", "pwd")


@dataclass(frozen=True, slots=True)
class Parted:
    """A URI without its credentials, and these."""

    uri: str
    username: str | None = None
    password: str | None = None


def parted(uri: str) -> Parted:
    """Take the credentials out of a URI; the user of a database stays in it, as it is part of the place.

    Raises:
        ConfigError: There is a credential in it that has no field of its own.
    """
    if "://" not in uri or uri.startswith(("sqlite:", "file:")):
        return Parted(uri)
    parts = urlsplit(uri)
    userinfo, _, host = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    query, query_password = _query_without_password(parts.query)
    keeps_user = is_database(uri)
    netloc = f"{user}@{host}" if keeps_user and user else host
    return Parted(
        urlunsplit(parts._replace(netloc=netloc, query=query)),
        unquote_plus(user) if user and not keeps_user else None,
        unquote_plus(password) if password else query_password,
    )


def _query_without_password(query: str) -> tuple[str, str | None]:
    items = parse_qsl(query, keep_blank_values=True)
    kept = [(name, value) for name, value in items if name.lower() not in _PASSWORD_FIELDS]
    if wrong := [name for name, _ in kept if _SECRET_WORD.search(name)]:
        raise ConfigError(
            f"mlflow: expected no credential in the query of a tracking URI, got {wrong[0]}; use the setting `password`"
            " or the database driver's own environment variables and files"
        )
    passwords = [value for name, value in items if name.lower() in _PASSWORD_FIELDS]
    return (urlencode(kept) if passwords else query), (passwords[0] if passwords else None)


def with_password(uri: str, password: str | None) -> str:
    """Put the password of a database's user back into its URI."""
    parts = urlsplit(uri)
    user, at, host = parts.netloc.rpartition("@")
    if password is None or not at or not is_database(uri):
        return uri
    return urlunsplit(parts._replace(netloc=f"{user}:{quote_plus(password)}@{host}"))


def is_database(uri: str) -> bool:
    """Tell whether MLflow opens a database for this URI, with no server between."""
    return uri.partition(":")[0].partition("+")[0] in DATABASES and "://" in uri


def absolute(uri: str) -> str:
    """Return a URI whose local path does not depend on the working directory.

    Raises:
        ConfigError: It names a database in memory, which no other process could see; or it is neither a URI nor a path.
    """
    if _MISSPELT.match(uri):
        raise ConfigError(
            f"mlflow: expected a tracking URI such as http://host:5000 or sqlite:///mlflow.db, or a folder, got {uri!r}"
        )
    if uri.startswith("sqlite:"):
        return _absolute_sqlite(uri)
    if uri.startswith("file:"):
        path = urlsplit(uri).path or uri[len("file:") :]
        return uri if os.path.isabs(path) else f"file://{os.path.abspath(path)}"
    return uri if "://" in uri or uri in ("databricks", "databricks-uc", "uc") or _is_arn(uri) else os.path.abspath(uri)


def _is_arn(uri: str) -> bool:
    """Tell whether it is an Amazon resource name, which a plugin of MLflow's opens."""
    return uri.startswith("arn:")


def folder(uri: str) -> str | None:
    """Return the path of the folder that an absolute URI names; ``None`` where it names a service or a database."""
    if uri.startswith("file:"):
        from urllib.request import url2pathname  # with it come HTTP, TLS and e-mail

        parts = urlsplit(uri)
        path = url2pathname(parts.path)
        return f"//{parts.netloc}{path}" if parts.netloc not in ("", "localhost") else path
    return uri if os.path.isabs(uri) else None


def _absolute_sqlite(uri: str) -> str:
    path, question, query = uri.partition("///")[2].partition("?")
    if not path or ":memory:" in path or "mode=memory" in query:
        raise ConfigError(f"mlflow: expected a database in a file, as sqlite:///mlflow.db, got {uri}")
    return f"{uri.partition('///')[0]}///{os.path.abspath(path)}{question}{query}"


def default_uri() -> str:
    """Return where MLflow goes by itself.

    That is a database in the working directory, or a ``mlruns`` in use there; before 3.7 always ``mlruns``.
    """
    if _version() < (3, 7):
        return "./mlruns"
    try:
        with os.scandir("mlruns") as entries:
            used = any(entry.name.isdigit() and os.path.lexists(f"{entry.path}/meta.yaml") for entry in entries)
    except OSError:  # no such folder, or one that cannot be read: MLflow takes its database then
        used = False
    return "./mlruns" if used else "sqlite:///mlflow.db"


def _version() -> tuple[float, ...]:
    """Return the numbers of MLflow's version, without importing it; beyond all where there is none."""
    from importlib.metadata import PackageNotFoundError, version  # costly, and needed only here

    for name in ("mlflow-skinny", "mlflow"):
        try:
            found = version(name)
        except PackageNotFoundError:
            continue
        return tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    return (math.inf,)
