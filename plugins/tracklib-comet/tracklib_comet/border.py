"""The border: the one place where the exceptions of comet_ml and requests become tracklib's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tracklib.errors import AuthError, ConfigError, RejectedError, TracklibError, TransientError
from tracklib_comet.surroundings import PACKAGE

__all__ = ["ExistsError", "FullError", "MissingError", "border"]


class MissingError(RejectedError):
    """Comet has no such thing."""


class ExistsError(RejectedError):
    """Comet has such a thing already."""


class FullError(RejectedError):
    """Comet takes no more files of this kind in this experiment."""


# comet_ml 3.58, exceptions.py: what Comet's `sdk_error_code` stands for
_AUTH = {
    90212: "the API key is not registered: renew COMET_API_KEY",
    90210: "the key may not write this experiment: use another workspace, or ask its owner for the right",
    90219: "no such workspace, or the key may not use it: set COMET_WORKSPACE",
    7000011: "the key may only look: ask the workspace's owner for the right to write",
    7000023: "the service account may not use this workspace: set COMET_WORKSPACE",
}
_CONFIG = {
    7000008: "Comet takes no SDK that old any more: pip install -U comet_ml",
    7000020: "the workspace is full: delete experiments, or use another COMET_WORKSPACE",
    34323: "the Comet project is one for language models (Opik): set COMET_PROJECT_NAME to another",
    1341241: "the project's name is too long for Comet: set COMET_PROJECT_NAME",
    98219: "Comet wants a project's name: set COMET_PROJECT_NAME",
}
_EXISTS = {90999, 90399, 7000005, 7000006}
_MISSING = {90204, 624522, 624523}
_FULL = {7000001, *range(7000012, 7000019)}
"""So many images, text samples, histograms, ... and no more."""

_MAX_MESSAGE = 600
_BAD_VALUE = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
_REASONS = re.compile(
    r"connection refused|timed out|name or service not known|no route to host|network is unreachable|"
    r"temporary failure in name resolution|connection reset by peer|certificate verify failed|"
    r"remote end closed connection|nodename nor servname|tunnel connection failed: [^'\"()]+",
    re.IGNORECASE,
)
_HOST = re.compile(r"host='([^']+)', port=(\d+)")


@contextmanager
def border(doing: str, secrets: Sequence[str] = ()) -> Iterator[None]:
    """Translate what a call of comet_ml raises.

    Args:
        doing: What was asked, for the message: ``"creating the experiment"``.
        secrets: Keys, which Comet's messages may repeat, and ours never.

    Raises:
        TransientError: Comet cannot be reached, is overloaded or failed inside.
        AuthError: It refused the key, or the key lacks a right.
        RejectedError: It will never take this.
        ConfigError: The settings cannot work with this installation.
    """
    try:
        yield
    except TracklibError:
        raise
    except Exception as error:  # whatever the SDK and requests raise ends here, translated
        # Not ``from error``: the SDK's exceptions hold the key and whole replies, which a traceback would print.
        raise _translated(error, doing, secrets) from None


def _translated(error: Exception, doing: str, secrets: Sequence[str]) -> TracklibError:
    if isinstance(error, ImportError):
        return ConfigError(f"Comet, {doing}: {_clean(str(error), secrets)}; pip install {PACKAGE!r}")
    response: Any = getattr(error, "response", None)
    if response is not None:
        return _of_response(response, doing, secrets)
    return _of_failure(error, doing, secrets)


def _of_response(response: Any, doing: str, secrets: Sequence[str]) -> TracklibError:
    status, told = int(response.status_code), _told(response)
    if status < 400:  # the SDK expected JSON
        return ConfigError(f"Comet, {doing}: what answers is no Comet: set COMET_URL_OVERRIDE to its address")
    code = told.get("sdk_error_code") if told is not None else None
    said = _clean(str((told or {}).get("msg") or response.reason or ""), secrets)
    message = f"Comet, {doing}: {status} {said}".rstrip()
    if code in _AUTH:
        return AuthError(f"Comet, {doing}: {_AUTH[code]} ({said})")
    if code in _CONFIG:
        return ConfigError(f"Comet, {doing}: {_CONFIG[code]} ({said})")
    if status == 402:
        return ConfigError(f"{message}: the plan's limit is reached; make room, or ask Comet for more")
    if code in _FULL:
        return FullError(message)
    if code in _EXISTS:
        return ExistsError(message)
    if code in _MISSING:
        return MissingError(message)
    if told is None and status in (401, 403, 404, 405, 407):
        return _of_stranger(status, response, doing)
    if status in (401, 403):
        return AuthError(f"{message}: renew COMET_API_KEY, or ask for the right")
    if status in (408, 425, 429) or status >= 500:
        return TransientError(message, retry_after=_retry_after(response))
    return MissingError(message) if status == 404 else RejectedError(message)


def _told(response: Any) -> dict[str, Any] | None:
    """Return what Comet says in an error; ``None`` where it is not Comet who answers."""
    try:
        told = response.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _of_stranger(status: int, response: Any, doing: str) -> TracklibError:
    """Return the error for an answer that is none of Comet's own."""
    host = re.sub(r"\A\w+://([^/]+).*", r"\1", str(response.url), flags=re.DOTALL)
    if status == 404:
        return ConfigError(f"Comet, {doing}: {host} answers, but is no Comet: set COMET_URL_OVERRIDE to its address")
    return TransientError(
        f"Comet, {doing}: {status} from something between here and {host}, not from Comet: "
        "a proxy or gateway blocks it; see HTTPS_PROXY and NO_PROXY"
    )


def _of_failure(error: Exception, doing: str, secrets: Sequence[str]) -> TracklibError:
    names = {kind.__name__ for kind in type(error).__mro__}
    text = str(error)
    if "JSONDecodeError" in names:
        return ConfigError(f"Comet, {doing}: what answers is no Comet: set COMET_URL_OVERRIDE to its address")
    if "ProxyError" in names:
        return TransientError(f"Comet, {doing}: the proxy does not let it through ({_short(text)}); see HTTPS_PROXY")
    if "SSLError" in names:
        return TransientError(
            f"Comet, {doing}: the certificate is not trusted ({_short(text)}); "
            "name your authority's in COMET_INCLUDE_CUSTOM_CA_BUNDLE or REQUESTS_CA_BUNDLE"
        )
    if names & {"InvalidURL", "InvalidSchema", "MissingSchema"}:
        return ConfigError(f"Comet, {doing}: {_clean(text, secrets)}: set COMET_URL_OVERRIDE")
    if isinstance(error, OSError):
        return TransientError(
            f"Comet, {doing}: {_plainly(text, secrets)}; check the network, and COMET_URL_OVERRIDE if it is set"
        )
    message = f"Comet, {doing}: {_clean(text, secrets) or type(error).__name__}"
    # What a value makes the client stumble over is as bad the next time; what nobody can name is tried again.
    return RejectedError(message) if isinstance(error, _BAD_VALUE) else TransientError(message)


def _plainly(text: str, secrets: Sequence[str]) -> str:
    """Say in a few words what urllib3 says in many where a server cannot be reached."""
    host = _HOST.search(text)
    reason = _short(text)
    return f"no answer from {host[1]}:{host[2]}: {reason}" if host and reason else _clean(text, secrets)


def _short(text: str) -> str:
    found = _REASONS.search(text)
    return found[0].strip().lower() if found else "no reason given"


def _retry_after(response: Any) -> float | None:
    """Return the seconds that Comet asks to wait.

    Its limits are each experiment's own, so a 429 without them names a time too, none: it holds up this run alone.
    """
    value = str(response.headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    return 0.0 if response.status_code == 429 else None


def _clean(text: str, secrets: Sequence[str]) -> str:
    """Return a text in one line, without keys."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    text = " ".join(re.sub(r"(apiKey=)[^&\s]+", r"\1***", text).split())
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 3] + "..."
