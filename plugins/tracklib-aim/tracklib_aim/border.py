"""The border: the one place where the exceptions of Aim and what it stands on become tracklib's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tracklib.errors import AuthError, ConfigError, RejectedError, TracklibError, TransientError

__all__ = ["border"]

_MAX_MESSAGE = 600
_BAD_VALUE = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, AssertionError)
_TRANSIENT = (
    "requests",
    "urllib3",
    "websockets",
    "sqlalchemy",
    "sqlite3",
    "filelock",
    "aimrocks",  # a database that another process holds, or a disk that fails
)
_AUTH = ("NoCredentialsError", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403")


@contextmanager
def border(doing: str) -> Iterator[None]:
    """Translate what a call of Aim raises.

    Args:
        doing: What was asked, for the message: ``"opening the run"``.

    Raises:
        TransientError: The repository is held by another process, or cannot be reached or written now.
        AuthError: The store of artifacts refused the credentials.
        RejectedError: Aim will never take this.
        ConfigError: The settings cannot work with this installation.
    """
    try:
        yield
    except TracklibError:
        raise
    except Exception as error:  # whatever Aim and its dependencies raise ends here, translated
        raise _translated(error, doing) from error


def _translated(error: Exception, doing: str) -> TracklibError:
    message = f"Aim, {doing}: {_said(error)}"
    if isinstance(error, ImportError):
        return ConfigError(f"{message}; mend the installation of Aim: pip install 'aim>=3.29'")
    if any(word in f"{type(error).__name__} {error}" for word in _AUTH):
        return AuthError(message)
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _TRANSIENT:
        return TransientError(message)
    if type(error).__name__ in ("RunLockingError", "UnauthorizedRequestError"):
        return TransientError(message)
    # What a value makes the client stumble over is as bad the next time; what nobody can name is tried again.
    return RejectedError(message) if isinstance(error, _BAD_VALUE) else TransientError(message)


def _said(error: Exception) -> str:
    """Return an exception's message in one line, without SQLAlchemy's statements."""
    text = " ".join(str(error).partition("[SQL:")[0].split()) or type(error).__name__
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 3] + "..."
