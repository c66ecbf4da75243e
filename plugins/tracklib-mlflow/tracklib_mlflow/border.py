"""The border: the one place where the exceptions of MLflow, requests and SQLAlchemy become tracklib's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from tracklib.errors import AuthError, ConfigError, RejectedError, TracklibError, TransientError
from tracklib_mlflow.remedies import plainly, remedy

__all__ = ["ExistsError", "MissingError", "border"]


class MissingError(RejectedError):
    """MLflow has no such thing."""


class ExistsError(RejectedError):
    """MLflow has such a thing already."""


_AUTH_WORDS = re.compile(
    r"password authentication failed|no password supplied|no pg_hba\.conf entry|access denied for user|login failed|"
    r"role \S+ does not exist|permission denied",
    re.IGNORECASE,
)
_CONFIG_WORDS = re.compile(
    r"MLFLOW_ALLOW_FILE_STORE|db upgrade|unsupported URI|Could not find a registered|Unity Catalog|Can't load plugin",
    re.IGNORECASE,
)
_EXISTS_WORDS = re.compile(
    r"UNIQUE constraint failed|duplicate key value|Duplicate entry|Violation of PRIMARY KEY", re.IGNORECASE
)
_STATUS = re.compile(r"(?:too many|failed with error code) (\d{3}) (?:error responses|!=)")
_BAD_VALUE = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
_MAX_MESSAGE = 600


@contextmanager
def border(doing: str, secrets: Sequence[str] = ()) -> Iterator[None]:
    """Translate what a call of MLflow raises.

    Args:
        doing: What was asked, for the message: ``"creating the run"``.
        secrets: Credentials, which MLflow's messages may repeat, and ours never.

    Raises:
        TransientError: MLflow cannot be reached, is overloaded or failed inside.
        AuthError: It refused the credentials.
        RejectedError: It will never take this.
        ConfigError: The settings cannot work with this installation.
    """
    try:
        yield
    except TracklibError:
        raise
    except Exception as error:  # whatever MLflow and its dependencies raise ends here, translated
        raise _translated(error, doing, secrets) from error


def _translated(error: Exception, doing: str, secrets: Sequence[str]) -> TracklibError:
    chain = list(_chain(error))
    said, status = _said(error, secrets), _status(chain)
    via_proxy = _via_proxy(chain)
    advice = remedy(said, status, via_proxy=via_proxy)
    message = f"MLflow, {doing}: {said}{'; ' if advice else ''}{advice}"
    if any(isinstance(item, ImportError) for item in chain):
        return ConfigError(f"{message}; install what this kind of tracking URI needs")
    if _CONFIG_WORDS.search(str(error)) or any(type(item).__name__ == "InvalidUrlException" for item in chain):
        return ConfigError(message)
    is_refused = status in (401, 407) or (status == 403 and not via_proxy) or "refuses: 407" in said
    if is_refused or (_is_of(chain, "sqlalchemy") and _AUTH_WORDS.search(str(error))):
        return AuthError(message)
    if via_proxy or _is_transient(chain, status):
        return TransientError(message, retry_after=_retry_after(chain))
    return _rejected(chain)(message)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what it was raised from or during; MLflow often names no cause.

    It ends at an exception of ours: that one belongs to an earlier call.
    """
    while error is not None and not isinstance(error, TracklibError):
        yield error
        error = error.__cause__ or error.__context__


def _status(chain: list[BaseException]) -> int | None:
    """Return the HTTP status that an exception stands for, by itself or by MLflow's error code."""
    for error in chain:
        if (found := _STATUS.search(str(error))) is not None:
            return int(found[1])
        if (response := getattr(error, "response", None)) is not None:
            return _status_of(response)
        # INTERNAL_ERROR is also what MLflow's client says of everything it cannot name: look at what is behind it.
        if hasattr(error, "error_code") and error.error_code != "INTERNAL_ERROR":
            return int(error.get_http_status_code())  # type: ignore[attr-defined]
    return None


def _status_of(response: Any) -> int | None:
    """Return the status of a reply: of requests' and the Azure client's kind, or of botocore's."""
    if isinstance(response, Mapping):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None


def _via_proxy(chain: list[BaseException]) -> bool:
    """Tell whether a proxy gave an answer of its own, a page; MLflow drops the answer, and its frame still holds it."""
    for error in chain:
        response = getattr(error, "response", None) or _local(error.__traceback__, "response")
        headers, text = getattr(response, "headers", None) or {}, getattr(response, "text", "")
        if "Via" in headers and isinstance(text, str) and text.lstrip().startswith("<"):
            return True
    return False


def _is_transient(chain: list[BaseException], status: int | None) -> bool:
    if _is_of(chain, "sqlalchemy"):
        return not any(type(error).__name__ in ("DataError", "IntegrityError", "StatementError") for error in chain)
    if status is not None:
        return status >= 500 or status in (408, 425, 429)
    # A connection that was refused, broke or timed out, a disk that failed. What nobody can name is tried again too, as
    # nothing may be lost for it; but a value that the client stumbles over is as bad the next time.
    return isinstance(chain[-1], OSError) or not isinstance(chain[-1], _BAD_VALUE)


def _is_of(chain: list[BaseException], package: str) -> bool:
    return any(type(error).__module__.partition(".")[0] == package for error in chain)


def _rejected(chain: list[BaseException]) -> type[RejectedError]:
    codes = {getattr(error, "error_code", None) for error in chain}
    statuses = {_status([error]) for error in chain}
    if codes & {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"} or 404 in statuses:
        return MissingError
    exists = codes & {"RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"} or _EXISTS_WORDS.search(str(chain[0]))
    return ExistsError if exists else RejectedError


def _retry_after(chain: list[BaseException]) -> float | None:
    """Return the seconds that the server asked to wait.

    urllib3 drops the response when retries are used up; it is still the argument of the frame that raised.
    """
    for error in chain:
        response: Any = getattr(error, "response", None)
        if response is None and type(error).__name__ == "MaxRetryError":
            response = _local(error.__traceback__, "response")
        value = getattr(response, "headers", {}).get("Retry-After", "")
        if value.strip().isdecimal():
            return float(value)
    return None


def _local(traceback: TracebackType | None, name: str) -> Any:
    """Return a local of the innermost frame of a traceback."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback.tb_frame.f_locals.get(name) if traceback is not None else None


def _said(error: Exception, secrets: Sequence[str]) -> str:
    """Return an exception's message in one line, without credentials and SQLAlchemy's parameters."""
    text = plainly(" ".join(str(error).partition("[SQL:")[0].split())) or type(error).__name__
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"(://[^/\s:@]*):[^/\s@]*@", r"\1:***@", text)
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 3] + "..."
