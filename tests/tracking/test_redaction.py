"""Redaction: no secret reaches the disk, by whatever way it comes, and nothing else is touched."""

from __future__ import annotations

import os
import random
import string
import time
from pathlib import Path

import pytest

import tracklib
from tracklib.tracking.redaction import REDACTED, Redactor

_random = random.Random(20261123)


def noise(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Return text that stands nowhere else."""
    return "".join(_random.choices(alphabet, k=length))


KEY = noise(1400)
BY_LOOKS = {
    "aws id": "AKIA" + noise(16, string.ascii_uppercase + string.digits),
    "aws session id": "ASIA" + noise(16, string.ascii_uppercase + string.digits),
    "github": "ghp_" + noise(36),
    "github server": "ghs_" + noise(36),
    "github fine": "github_pat_" + noise(60),
    "gitlab": "glpat-" + noise(20),
    "huggingface": "hf_" + noise(34),
    "openai": "sk-proj-" + noise(48),
    "openai old": "sk-" + noise(48),
    "anthropic": "sk-ant-api03-" + noise(80),
    "stripe": "sk_live_" + noise(24),
    "slack": "xoxb-" + noise(11, string.digits) + "-" + noise(24),
    "google": "AIza" + noise(35),
    "google oauth": "ya29." + noise(60),
    "npm": "npm_" + noise(36),
    "pypi": "pypi-" + noise(80),
    "databricks": "dapi" + noise(32, "0123456789abcdef"),
    "sendgrid": f"SG.{noise(22)}.{noise(43)}",
    "telegram": noise(9, "123456789") + ":" + noise(35),
    "groq": "gsk_" + noise(52),
    "wandb": "wandb_v1_" + noise(40),
    "jwt": f"eyJ{noise(30)}.eyJ{noise(60)}.{noise(43)}",
}
"""Secrets that are known by their looks, wherever they stand."""

PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n-----END RSA PRIVATE KEY-----"
PGP = f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n{KEY}\n-----END PGP PRIVATE KEY BLOCK-----"

IN_TEXT = [
    "postgres://user:{}@db.example/x",
    "postgresql+psycopg2://user:p@{}@db.example:5432/x",
    "redis://:{}@cache.example:6379/0",
    "https://user:{}@git.example/repo.git",
    "amqp://user:pass/{}@host/vhost",
    "https://example.org/x?token={}&y=1",
    "https://s3.example/b/k?X-Amz-Signature={}",
    "https://blob.example/c?sv=1&sig={}",
    "https://example.org/cb#access_token={}",
    "login password={} failed",
    "cannot connect: password: {}",
    'config was {{"user": "me", "password": "{}"}}',
    "config was {{'user': 'me', 'api_key': '{}'}}",
    'escaped {{\\"secret\\": \\"{}\\"}}',
    "train.py --verbose --api-key {} --lr 0.1",
    "train.py --api-key={}",
    "train.py -token {}",
    "export HF_TOKEN={}",
    "PGPASSWORD={} psql",
    "Authorization: Bearer {}",
    "Authorization: Token {}",
    "curl -H 'Cookie: session={}'",
    "Client(host='h', token='{}')",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={}==",
    "Server=s;Uid=u;Pwd={};",
    "x=1 y=2 dbpassword={}",
    "secret => {}",
]
"""Texts with a secret that only what stands around it tells."""

NAMES = [
    "password",
    "PASSWORD",
    "db_password",
    "userPassword",
    "smtp_pass",
    "passphrase",
    "pwd",
    "secret",
    "client_secret",
    "aws_secret_access_key",
    "api_key",
    "apiKey",
    "APIKey",
    "OPENAI_API_KEY",
    "x-api-key",
    "openai_key",
    "access_key",
    "private_key",
    "ssh_key",
    "encryption_key",
    "token",
    "HF_TOKEN",
    "hf_token",
    "auth_token",
    "access_token",
    "accessToken",
    "MLFLOW_TRACKING_TOKEN",
    "gh_token",
    "bot_token",
    "refresh_tokens",
    "credentials",
    "connection_string",
    "authorization",
    "cookie",
    "PGPASSWORD",
    "mysqlpasswd",
    "webhook_url",
]

INNOCENT = {
    "num_tokens": "a thousand of them",
    "max_tokens": "as many as fit in",
    "token_count": "twelve hundred",
    "tokens": "all of them here",
    "pad_token": "<|endoftext|> and more",
    "eos_token": "[END OF SEQUENCE]",
    "tokenizer": "bert-base-uncased",
    "tokenizer_name": "gpt2-tokenizer-x",
    "author": "Ada Lovelace herself",
    "authors": "Ada and Charles too",
    "secretary": "Miss Lemon, London",
    "lesson": "Basic training, then Bearer certificates.",
    "keyboard": "qwertz, not qwerty",
    "primary_key": "the id of the row",
    "key": "C sharp minor, slow",
    "monkey": "howler, from Brazil",
    "forward_pass": "compiled with inductor",
    "compass": "north by northwest",
    "url": "https://example.org:8080/a/b?x=1&page=2#top",
    "image": "registry.example:5000/train@sha256:" + "0" * 64,
    "note": "the password is asked at the prompt; a token of thanks",
    "time": "12:30:00, a=1, b: 2, --lr 0.1",
    "commit": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
    "path": "/home/me/token/secret.txt",
}
"""What looks a little like a secret, and is none."""


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_name_hides_its_text(name: str) -> None:
    """Whatever text stands under a name that says secret is hidden, lists and mappings of text too; numbers are not."""
    told: list[str] = []
    clean = Redactor().tree({name: "abc", "l": {name: ["a", "b"]}, "m": [{name: {"x": "y"}}]}, told.append)
    assert clean == {name: REDACTED, "l": {name: REDACTED}, "m": [{name: REDACTED}]}
    assert told == [name, f"l.{name}", f"m[0].{name}"]
    numbers = {name: 5, "l": {name: [1.5, None, True]}, "empty": {name: ""}}
    assert Redactor().tree(numbers, told.append) == numbers


@pytest.mark.parametrize("secret", BY_LOOKS.values(), ids=BY_LOOKS)
def test_a_secret_is_known_by_its_looks(secret: str) -> None:
    """A secret of a known shape goes from any text, and the words around it stay."""
    for before, behind in (("", ""), ("got ", " back"), ("(", ")"), ("a\n", "\nb"), ('{"x": "', '"}'), ("key=", "")):
        clean = Redactor().text(f"{before}{secret}{behind}")
        assert secret[-12:] not in clean
        assert clean.startswith(before) and clean.endswith(behind)


@pytest.mark.parametrize("text", IN_TEXT)
def test_a_secret_is_known_by_what_stands_around_it(text: str) -> None:
    """A secret of no known shape goes from URLs, assignments, flags, headers and reprs."""
    secret = noise(14)
    clean = Redactor().text(text.format(secret))
    assert secret not in clean
    assert REDACTED in clean


@pytest.mark.parametrize("block", [PEM, PGP, repr(PEM), PEM[:900]])
def test_a_private_key_goes_whole(block: str) -> None:
    """A private key goes from its first line to its last, or to the end of the text where that is missing."""
    assert Redactor().text(f"key:\n{block}") in (f"key:\n{REDACTED}", f"key:\n'{REDACTED}'")


@pytest.mark.parametrize("name", INNOCENT)
def test_what_is_no_secret_is_untouched(name: str) -> None:
    """Names and texts that only look a little like secrets stay as they are."""
    told: list[str] = []
    assert Redactor().tree({name: INNOCENT[name]}, told.append) == {name: INNOCENT[name]}
    assert told == []


def test_a_value_behind_its_flag_in_a_list_is_hidden() -> None:
    """A command line that is kept as a list is known by its flags."""
    words = ["train.py", "--api-key", "abc", "--lr", "0.1", "--token=abcdefgh", "--password", 7]
    expected = ["train.py", "--api-key", REDACTED, "--lr", "0.1", f"--token={REDACTED}", "--password", 7]
    assert Redactor().tree(words, lambda _: None) == expected


def test_keys_are_cleaned_and_stay_apart() -> None:
    """Secrets that are keys go too, and two of them do not become one."""
    first, second = BY_LOOKS["github"], BY_LOOKS["gitlab"]
    told: list[str] = []
    clean = Redactor().tree({"a": {first: 1, second: 2, "x": 3}}, told.append)
    assert clean == {"a": {REDACTED: 1, f"{REDACTED} 2": 2, "x": 3}}
    assert told == [f"a.{REDACTED}", f"a.{REDACTED} 2"]


def test_names_and_exceptions_of_the_user() -> None:
    """The user's own names are secrets, and their exceptions none, whatever their case."""
    redactor = Redactor(["Badge"], ["my_password"])
    clean = redactor.tree({"badge": "abc", "My_Password": "open", "password": "x"}, lambda _: None)
    assert clean == {"badge": REDACTED, "My_Password": "open", "password": REDACTED}


def test_redaction_is_idempotent() -> None:
    """What was cleaned once is clean."""
    texts = [text.format("Abcdefgh12345678") for text in IN_TEXT] + list(BY_LOOKS.values()) + [PEM]
    once = [Redactor().text(text) for text in texts]
    assert [Redactor().text(text) for text in once] == once


@pytest.mark.parametrize(
    "pattern",
    ["a", " ", "eyJ-", "://a:", "a@", "password='", "-", "1", "a=", "sk-", "-----BEGIN PRIVATE KEY-----", '"'],
)
def test_no_text_takes_long(pattern: str) -> None:
    """Time grows with the length of a text and no faster, whatever it is made of."""

    def seconds(length: int) -> float:
        text = pattern * (length // len(pattern))
        began = time.process_time()
        Redactor().text(text)
        return time.process_time() - began

    assert seconds(160_000) < 40 * max(seconds(10_000), 0.002)


def stored(folder: Path) -> bytes:
    """Return everything that stands below a folder, names too."""
    parts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return b"\n".join([*parts, *(os.fsencode(path) for path in folder.rglob("*"))])


def test_no_planted_secret_is_on_disk(isolated: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Secrets in every place that takes text, sixty and more, are nowhere in the root and nowhere on the terminal."""
    planted: list[str] = []

    def plain() -> str:
        planted.append(noise(14))
        return planted[-1]

    def text(pattern: str) -> str:
        return pattern.format(plain())

    (isolated / "f.txt").write_text("x")
    looks = list(BY_LOOKS.values())
    planted += looks
    config = {name: plain() for name in NAMES} | {f"text{i}": text(pattern) for i, pattern in enumerate(IN_TEXT)}
    config |= {
        "looks": looks,
        "pem": PEM,
        "object": type("C", (), {"__repr__": lambda _: f"C(password='{config['pwd']}')"})(),
    }
    run = tracklib.init(
        "p", config=config, name=text("run password={}"), group=looks[0], job_type=looks[1], notes=text("api_key: {}")
    )
    run.set_tags({"password": plain(), "url": text(IN_TEXT[0]), looks[2]: "x"})
    run.set_tags([looks[3], text("token={}")])
    run.summary["secret"] = plain()
    run.summary["where"] = text(IN_TEXT[3])
    run.log_artifact(
        "f.txt", name=text("password={}"), type=looks[4], aliases=[looks[5]], metadata={"api_key": plain()}
    )
    run.log({"password": plain(), "note": looks[6], "ok": 1.0})
    run.log_artifact(text("missing?token={}"))
    run.log_params({"a": {1: text("password={}"), "1": 2}, looks[7]: 1})
    with pytest.raises(RuntimeError), run:
        raise RuntimeError(text("cannot reach postgres://u:{}@h/d") + "x" * 5000 + looks[8])
    everything = stored(isolated / ".tracklib") + capfd.readouterr().err.encode()
    assert len(planted) > 60
    assert [secret for secret in planted if secret.encode() in everything] == []
    assert KEY[:40].encode() not in everything
    assert everything.count(REDACTED.encode()) > 60
    assert b'"code":"redacted"' in everything
