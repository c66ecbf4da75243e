"""Redaction: secrets that never reach the journal."""

from __future__ import annotations

import functools
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
_LOOKS: tuple[tuple[str, str], ...] = (
    ("PRIVATE", r"-----BEGIN[ A-Z]*PRIVATE KEY[ A-Z]*-----.*?(?:-----END[ A-Z]*PRIVATE KEY[ A-Z]*-----|$)"),
    ("AKIA ASIA", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),  # AWS access key id
    ("ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_[A-Za-z0-9]{30,}\b"),
    ("github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{40,}\b"),
    ("glpat-", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("hf_", r"\bhf_[A-Za-z0-9]{30,}\b"),
    ("gsk_", r"\bgsk_[A-Za-z0-9]{40,}\b"),
    ("r8_", r"\br8_[A-Za-z0-9]{30,}\b"),
    ("sk-", r"\bsk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{20,}"),
    ("_live_ _test_", r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("xox", r"\bxox[abposr]-[A-Za-z0-9-]{10,}"),
    ("hooks.slack.com", r"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,}"),
    ("AIza", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("ya29.", r"\bya29\.[0-9A-Za-z_-]{20,}"),
    ("npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("pypi-", r"\bpypi-[A-Za-z0-9_-]{50,}"),
    ("dapi", r"\bdapi[0-9a-f]{32}\b"),
    ("SG.", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    (":", r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b"),
    ("wandb_v1_", r"\bwandb_v1_[A-Za-z0-9_]{20,}"),
    ("eyJ", r"\beyJ[A-Za-z0-9_-]{10,1000}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"),  # JSON web token
    # "Basic training" is no credential
    ("Bearer Basic", r"(?:(?<=Bearer )|(?<=Basic ))(?![a-z]+(?:[\s.,;:!?)]|$))[A-Za-z0-9._~+/-]{8,}=*"),
    ("://", r"""(?<=://)[^/\s:@]{0,200}:(?!\d{1,5}/)[^\s"'<>]{1,500}(?=@)"""),  # user:password of a URL
    ("://", r"(?<=://)[^/\s:@]{20,500}(?=@)"),  # token as the user of a URL
    (
        "=",
        r"""(?<=[?&\#])(?:token|key|sig|signature|auth|X-Amz-Signature|X-Amz-Credential|X-Goog-Signature)=[^&\s\#"']+""",
    ),
)
"""What secrets look like: words of which one is in each, and the pattern. Looking for the words first takes no time."""

_TRIGGERS = tuple((tuple(words.split()), look) for words, look in _LOOKS)


@functools.cache
def _pattern(look: str) -> re.Pattern[str]:
    return re.compile(look, re.DOTALL)


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
        if item is None or isinstance(item, (int, float)):  # no secret, whatever its name: there may be many of them
            return item
        if key is not None and self.is_secret_name(key) and _holds_text(item):
            report(place)
            return REDACTED
        return self.tree(item, report, place)

    def text(self, text: str) -> str:
        """Return a text without the secrets in it."""
        if len(text) < 8:
            return text
        for words, look in _TRIGGERS:
            if any(word in text for word in words):
                text = _pattern(look).sub(_keep_parameter, text)
        return self._assignments(text) if any(mark in text for mark in "=:-") else text

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
