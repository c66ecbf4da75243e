"""Redaction: secrets that never reach the journal."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from tracklib.typing import JSON

__all__ = ["REDACTED", "Redactor"]

REDACTED = "[redacted]"

_SECRET_WORDS = frozenset(
    [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "secrets",
        "credential",
        "credentials",
        "apikey",
        "accesskey",
        "privatekey",
        "secretkey",
        "authorization",
        "cookie",
    ]
)
_KEY_PAIRS = frozenset(
    {
        *(("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"), ("account", "key")),
        *(("signing", "key"), ("encryption", "key"), ("connection", "string"), ("auth", "header")),
    }
)
_TOKEN_COMPANY = frozenset(
    [
        "auth",
        "access",
        "api",
        "bearer",
        "refresh",
        "id",
        "session",
        "secret",
        "hub",
        "hf",
        "github",
        "gitlab",
        "slack",
        "oauth",
    ]
)
_NO_SECRETS = frozenset({"author", "authors", "tokenizer"})

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_VALUES = re.compile(
    r"""
      -----BEGIN[ A-Z]*PRIVATE\ KEY-----.*?(?:-----END[ A-Z]*PRIVATE\ KEY-----|$)
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                                   # AWS access key id
    | \bgh[pousr]_[A-Za-z0-9]{30,}\b | \bgithub_pat_[A-Za-z0-9_]{40,}\b
    | \bglpat-[A-Za-z0-9_-]{20,}
    | \bhf_[A-Za-z0-9]{30,}\b
    | \bsk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{20,}
    | \bxox[abposr]-[A-Za-z0-9-]{10,}
    | \bAIza[0-9A-Za-z_-]{35}\b
    | \bnpm_[A-Za-z0-9]{36}\b | \bpypi-[A-Za-z0-9_-]{50,}
    | \bwandb_v1_[A-Za-z0-9_]{20,}
    | \beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*       # JSON web token
    | (?<=Bearer\ )[A-Za-z0-9._~+/-]{8,}=* | (?<=Basic\ )[A-Za-z0-9+/]{8,}=*
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)                                 # user:password of a URL
    | (?<=://)[^/\s:@]{20,}(?=@)                                      # token as the user of a URL
    | (?<=[?&])(?:token|key|api_key|apikey|access_token|password|secret|sig|signature|X-Amz-Signature|X-Amz-Credential)=[^&\s#]+
    """,
    re.VERBOSE | re.DOTALL,
)
_ASSIGNED = re.compile(
    r"(?P<name>-{0,2}[A-Za-z_][A-Za-z0-9_.-]*)(?P<by>\s*[=:]\s*|\s+)(?P<value>\"[^\"]+\"|'[^']+'|[^\s,;&\"']+)"
)


class Redactor:
    """Finds secrets by the names and by the looks of values.

    Only text is redacted: a number under ``num_tokens`` or ``token`` stays what it is.

    Args:
        names: Further names whose values are secrets.
        exceptions: Names whose values are none.
    """

    def __init__(self, names: Iterable[str] = (), exceptions: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._exceptions = frozenset(name.lower() for name in exceptions) | _NO_SECRETS
        self._known: dict[str, bool] = {}

    def is_secret_name(self, name: str) -> bool:
        """Tell whether a name says that its value is a secret."""
        if name not in self._known:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[name] = self._judge(name)
        return self._known[name]

    def _judge(self, name: str) -> bool:
        lower = name.lower()
        if lower in self._exceptions:
            return False
        if lower in self._names:
            return True
        words = [word.lower() for word in _WORD.findall(name)]
        if any(word in _SECRET_WORDS for word in words) or any(
            pair in _KEY_PAIRS for pair in itertools.pairwise(words)
        ):
            return True
        return "token" in words and (len(words) == 1 or (words[-1] == "token" and bool(_TOKEN_COMPANY & set(words))))

    def tree(self, value: JSON, report: Callable[[str], None], place: str = "") -> JSON:
        """Return a tree without secrets; ``report`` is called with the place of each one."""
        if isinstance(value, str):
            clean = self.text(value)
            if clean != value:
                report(place)
            return clean
        if isinstance(value, Mapping):
            return {
                key: self._member(key, item, report, f"{place}.{key}" if place else key) for key, item in value.items()
            }
        if isinstance(value, Sequence):
            return [self.tree(item, report, f"{place}[{index}]") for index, item in enumerate(value)]
        return value

    def _member(self, key: str, item: JSON, report: Callable[[str], None], place: str) -> JSON:
        if self.is_secret_name(key) and _holds_text(item):
            report(place)
            return REDACTED
        return self.tree(item, report, place)

    def text(self, text: str) -> str:
        """Return a text without the secrets in it."""
        if len(text) < 8:
            return text
        return _ASSIGNED.sub(self._assignment, _VALUES.sub(_keep_parameter, text))

    def _assignment(self, match: re.Match[str]) -> str:
        """Redact ``--api-key abc``, ``PASSWORD=abc`` and ``token: abc``."""
        name, by, value = match["name"], match["by"], match["value"]
        bare_word = not by.strip() and not name.startswith("--")  # prose: "the password is ..." says no secret
        if bare_word or value == REDACTED or not self.is_secret_name(name.strip("-")):
            return match[0]
        return f"{name}{by}{REDACTED}"


def _keep_parameter(match: re.Match[str]) -> str:
    name, equals, _ = match[0].partition("=")
    return f"{name}={REDACTED}" if equals and name.replace("_", "").replace("-", "").isalpha() else REDACTED


def _holds_text(item: JSON) -> bool:
    if isinstance(item, str):
        return bool(item)
    if isinstance(item, Mapping):
        return any(map(_holds_text, item.values()))
    return isinstance(item, Sequence) and any(map(_holds_text, item))
