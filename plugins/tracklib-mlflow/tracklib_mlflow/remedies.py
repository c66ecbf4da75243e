"""Remedies: what to do about an answer of MLflow's, or about there being none, in a few words."""

from __future__ import annotations

import re

__all__ = ["plainly", "remedy"]

_POOL = re.compile(r"HTTPS?ConnectionPool\(host='([^']+)', port=(\d+)\)")
_TUNNEL = re.compile(r"Tunnel connection failed: (\d+ [A-Za-z ]+)")
_PROXY = re.compile(r"(?:unable|cannot) to? ?connect to proxy", re.IGNORECASE)
_REASONS = re.compile(
    r"connection refused|timed out|name or service not known|no address associated with hostname|no route to host|"
    r"network is unreachable|temporary failure in name resolution|connection reset by peer|certificate verify failed|"
    r"wrong version number|record layer failure",
    re.IGNORECASE,
)
_CREDENTIALS = (
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, to ones that are valid"
)
_PAST_IT = "or name the server in NO_PROXY"


def plainly(text: str) -> str:
    """Say in a few words what urllib3 says in many where a server cannot be reached."""
    pool = _POOL.search(text)
    if pool is None:
        return text
    if (tunnel := _TUNNEL.search(text)) is not None:
        return f"the proxy on the way to {pool[1]}:{pool[2]} refuses: {tunnel[1].strip()}"
    if "ProxyError" in text or _PROXY.search(text):
        return f"the proxy on the way to {pool[1]}:{pool[2]} cannot be reached"
    reason = _REASONS.search(text)
    return text if reason is None else f"no answer from {pool[1]}:{pool[2]}: {reason[0].lower()}"


def remedy(text: str, status: int | None, *, via_proxy: bool) -> str:
    """Return what to do; empty where nothing is known that helps.

    Args:
        text: What was said, in the form that `plainly` gives it.
        status: The HTTP status of the answer.
        via_proxy: Whether the answer bears the mark of a proxy.
    """
    if status == 407 or "refuses: 407" in text:
        return f"put the proxy's user and password into HTTPS_PROXY and HTTP_PROXY, {_PAST_IT}"
    if "the proxy on the way" in text:
        what = "have the proxy let it through" if "refuses" in text else "correct HTTPS_PROXY or HTTP_PROXY"
        return f"{what}, {_PAST_IT}"
    if via_proxy and status in (403, 502, 503, 504):
        return f"a proxy answered in MLflow's place: have it let MLflow through, {_PAST_IT}"
    if status == 401:
        return _CREDENTIALS
    if status == 403:
        return "the credentials are valid, and lack this right: have it granted to them"
    return _of_address(text, status)


def _of_address(text: str, status: int | None) -> str:
    if "certificate verify failed" in text:
        return (
            "name the file with its authority's certificate in MLFLOW_TRACKING_SERVER_CERT_PATH or REQUESTS_CA_BUNDLE"
        )
    if "wrong version number" in text or "record layer failure" in text:
        return "the server speaks no TLS there: begin its address with http://"
    if text.startswith("no answer from"):
        return "see that the server is up, and that MLFLOW_TRACKING_URI names it"
    if status in (404, 405) and "<" in text:
        return "what answers there is no MLflow: see that MLFLOW_TRACKING_URI names one"
    return ""
