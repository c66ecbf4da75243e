"""The border: the one place where the exceptions of W&B's SDK and of the network become tracklib's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from tracklib.errors import AuthError, ConfigError, RejectedError, TracklibError, TransientError

__all__ = ["border", "network"]

_MAX_MESSAGE = 400
_IN_USE = "is in use"
_DELETED = "was previously created and deleted"
"""What a server says for as long as it knows of the deleted run (github.com/wandb/wandb/issues/4948)."""

_BAD_VALUE = (TypeError, ValueError, ArithmeticError, LookupError, AssertionError)
_AUTH = re.compile(r"\b(401|403)\b|permission|unauthori[sz]ed|api.?key|authenticat|not logged in", re.IGNORECASE)
_KEY = re.compile(r"[A-Za-z0-9_-]{36,}")
"""What may be a key; nothing else in a message of W&B's is that long and so plain."""


@contextmanager
def border(doing: str) -> Iterator[None]:
    """Translate what a call of W&B's SDK raises.

    Args:
        doing: What was asked, for the message: ``"opening the run"``.

    Raises:
        TransientError: W&B cannot be reached or does not answer now.
        AuthError: It refuses the key, or the key has no right to this.
        RejectedError: W&B will never take this.
        ConfigError: The settings cannot work with this installation.
    """
    try:
        yield
    except TracklibError:
        raise
    except Exception as error:  # whatever the SDK and what it stands on raise ends here, translated
        raise _translated(error, doing) from error


def _translated(error: Exception, doing: str) -> TracklibError:
    name, message = type(error).__name__, f"W&B, {doing}: {_said(error)}"
    if _IN_USE in str(error):
        return TransientError(
            f"{message}: another run of this id, of another project, is open here; this one waits for its end"
        )
    if _DELETED in str(error):
        return TransientError(
            f"W&B, {doing}: a run of this id was deleted there, and its id is given to no other; undelete it on the project's page"
        )
    if isinstance(error, ImportError):
        return ConfigError(f"{message}; install it: pip install 'wandb>=0.30'")
    if name == "AuthenticationError" or _AUTH.search(str(error)):
        return AuthError(f"{message}; check WANDB_API_KEY and the entity")
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in ("requests", "urllib3", "wandb"):
        return TransientError(message)
    # What a value makes the client stumble over is as bad the next time; what nobody can name is tried again.
    return RejectedError(message) if isinstance(error, _BAD_VALUE) else TransientError(message)


@contextmanager
def network(url: str) -> Iterator[None]:
    """Translate what a request of our own raises: each fault in one line with its remedy.

    Raises:
        TransientError: The server cannot be reached now.
    """
    import requests

    try:
        yield
    except requests.exceptions.ProxyError as error:
        raise TransientError(
            f"W&B at {url}: the proxy did not let the request through: {_said(error)}; check HTTPS_PROXY and NO_PROXY"
        ) from error
    except requests.exceptions.SSLError as error:
        raise TransientError(
            f"W&B at {url}: its certificate is not trusted: {_said(error)}; "
            "for a private authority, set REQUESTS_CA_BUNDLE to its file"
        ) from error
    except requests.exceptions.Timeout as error:
        raise TransientError(f"W&B at {url} did not answer in time: {_said(error)}") from error
    except (requests.exceptions.RequestException, OSError) as error:
        raise TransientError(
            f"W&B at {url} cannot be reached: {_said(error)}; check the network, and WANDB_BASE_URL"
        ) from error


def _said(error: Exception) -> str:
    """Return an exception's message in one line, without what may be a key."""
    text = _KEY.sub("...", " ".join(str(_cause(error)).split())) or type(error).__name__
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 3] + "..."


def _cause(error: BaseException) -> object:
    """Return what stands behind the layers of a client of HTTP."""
    inner = getattr(error.args[0], "reason", None) if error.args else None
    return _cause(inner) if isinstance(inner, BaseException) else error
