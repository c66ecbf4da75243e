"""Redaction: secrets that never reach the journal."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from tracklib.typing import JSON

__all__ = ["REDACTED", "Redactor"]

REDACTED = "[redacted]"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SECRET_WORDS = _words("pwd secret secrets credential credentials authorization cookie cookies passwords")
_SECRET_ENDS = (
    *("password", "passwd", "passphrase", "passcode", "apikey", "accesskey", "privatekey", "secretkey"),
    *("accesstoken", "authtoken", "apitoken"),
)
"""Ends of words, for those who write ``PGPASSWORD`` or ``dbpassword``."""

_PAIRS = frozenset(
    {("connection", "string"), ("conn", "str"), ("auth", "header"), ("basic", "auth"), ("webhook", "url")}
)
_VENDORS = _words(
    "anthropic aws azure clearml cohere comet databricks docker gcp github gitlab google groq hf huggingface mistral "
    "mlflow neptune npm openai openrouter pypi replicate slack swanlab telegram together wandb"
)
_COMPANY = {
    "key": _VENDORS | _words("access account api encryption master private secret shared signing ssh storage"),
    "token": _VENDORS
    | _words("access api auth bearer bot client csrf deploy gh hub id jwt login oauth pat personal refresh sas secret")
    | _words("security service session sso tracking user vault"),
    "pass": _words("admin db ftp mysql pg postgres redis root smtp sudo user"),
}
"""What stands before ``key``, ``token`` and ``pass`` where they name a secret, and not a primary key or padding token."""

_HEADERS = _words("authorization proxy-authorization cookie set-cookie")
_NO_SECRETS = _words("author authors tokenizer")

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_VALUES = re.compile(
    r"""
      -----BEGIN[ A-Z]*PRIVATE\ KEY[ A-Z]*-----.*?(?:-----END[ A-Z]*PRIVATE\ KEY[ A-Z]*-----|$)
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                                   # AWS access key id
    | \bgh[pousr]_[A-Za-z0-9]{30,}\b | \bgithub_pat_[A-Za-z0-9_]{40,}\b
    | \bglpat-[A-Za-z0-9_-]{20,}
    | \bhf_[A-Za-z0-9]{30,}\b | \bgsk_[A-Za-z0-9]{40,}\b | \br8_[A-Za-z0-9]{30,}\b
    | \bsk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{20,}
    | \b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}
    | \bxox[abposr]-[A-Za-z0-9-]{10,} | (?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,}
    | \bAIza[0-9A-Za-z_-]{35}\b | \bya29\.[0-9A-Za-z_-]{20,}
    | \bnpm_[A-Za-z0-9]{36}\b | \bpypi-[A-Za-z0-9_-]{50,} | \bdapi[0-9a-f]{32}\b
    | \bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,} | \b\d{8,10}:[A-Za-z0-9_-]{35}\b
    | \bwandb_v1_[A-Za-z0-9_]{20,}
    | \beyJ[A-Za-z0-9_-]{10,1000}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*  # JSON web token
    | (?:(?<=Bearer\ )|(?<=Basic\ ))(?![a-z]+(?:[\s.,;:!?)]|$))[A-Za-z0-9._~+/-]{8,}=*  # "Basic training" is none
    | (?<=://)[^/\s:@]{0,200}:(?!\d{1,5}/)[^\s"'<>]{1,500}(?=@)       # user:password of a URL
    | (?<=://)[^/\s:@]{20,500}(?=@)                                   # token as the user of a URL
    | (?<=[?&\#])(?:token|key|sig|signature|auth|X-Amz-Signature|X-Amz-Credential|X-Goog-Signature)=[^&\s\#"']+
    """,
    re.VERBOSE | re.DOTALL,
)
_NAMED = re.compile(
    r"""(?<![A-Za-z0-9_.-])
        (?: --?(?P<flag>[A-Za-z_][A-Za-z0-9_.-]{0,99})(?:\s+|\s*=\s*)
          | (?P<name>[A-Za-z_][A-Za-z0-9_.-]{0,99})\\?["']?\s*[=:]+>?\s* )""",
    re.VERBOSE,
)
_VALUE = re.compile(r"""\\?"[^"]*"|\\?'[^']*'|[^\s,;&"']+""")
_REST = re.compile(r"""["']?[^\r\n"']+""")


def _company(word: str) -> frozenset[str]:
    return _COMPANY.get(word) or _COMPANY.get(word.removesuffix("s"), frozenset())


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
        if any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDS) for word in words):
            return True
        pairs = list(itertools.pairwise(words))
        if any(pair in _PAIRS or pair[0] in _company(pair[1]) for pair in pairs):
            return True
        return words == ["token"] or ("token" in words[-1:] and bool(_COMPANY["token"] & set(words)))

    def tree(self, value: JSON, report: Callable[[str], None], place: str = "") -> JSON:
        """Return a tree without secrets; ``report`` is called with the place of each one."""
        if isinstance(value, str):
            clean = self.text(value)
            if clean != value:
                report(place)
            return clean
        if isinstance(value, Mapping):
            return self._mapping(value, report, place)
        if isinstance(value, Sequence):
            flags = [None, *map(_flag_of, value)]
            return [
                self._member(flag, item, report, f"{place}[{index}]")  # ["--api-key", "abc"]
                for index, (flag, item) in enumerate(zip(flags, value, strict=False))
            ]
        return value

    def _mapping(self, value: Mapping[str, JSON], report: Callable[[str], None], place: str) -> dict[str, JSON]:
        out: dict[str, JSON] = {}
        for key, item in value.items():
            name = self.text(key)
            if name != key:
                name = next(n for n in (name, *(f"{name} {i}" for i in range(2, len(value) + 2))) if n not in out)
                report(f"{place}.{name}" if place else name)
            out[name] = self._member(key, item, report, f"{place}.{name}" if place else name)
        return out

    def _member(self, key: str | None, item: JSON, report: Callable[[str], None], place: str) -> JSON:
        if key is not None and self.is_secret_name(key) and _holds_text(item):
            report(place)
            return REDACTED
        return self.tree(item, report, place)

    def text(self, text: str) -> str:
        """Return a text without the secrets in it."""
        return text if len(text) < 8 else self._assignments(_VALUES.sub(_keep_parameter, text))

    def _assignments(self, text: str) -> str:
        """Redact ``--api-key abc``, ``PASSWORD=abc``, ``"token": "abc"`` and ``Authorization: abc``."""
        out: list[str] = []
        done = at = 0
        while (named := _NAMED.search(text, at)) is not None:
            at = named.end()
            name = named["flag"] or named["name"]
            if not self.is_secret_name(name):
                continue
            value = (_REST if name.lower() in _HEADERS else _VALUE).match(text, at)
            if value is not None and not value[0].startswith(REDACTED[:-1]):
                out += [text[done:at], REDACTED]
                done = at = value.end()
        return "".join([*out, text[done:]]) if out else text


def _flag_of(item: JSON) -> str | None:
    return item.lstrip("-") if isinstance(item, str) and item.startswith("--") and "=" not in item else None


def _keep_parameter(match: re.Match[str]) -> str:
    name, equals, _ = match[0].partition("=")
    return f"{name}={REDACTED}" if equals and name.replace("_", "").replace("-", "").isalpha() else REDACTED


def _holds_text(item: JSON) -> bool:
    if isinstance(item, str):
        return bool(item)
    if isinstance(item, Mapping):
        return any(map(_holds_text, item.values()))
    return isinstance(item, Sequence) and any(map(_holds_text, item))
