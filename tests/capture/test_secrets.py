"""Fifty planted secrets: none is on this disk, or at a vendor, after a run of which everything is captured."""

from __future__ import annotations

import gzip
import json
import string
from itertools import count
from pathlib import Path

import pytest

from tests.capture.conftest import Bench, git
from tracklib.model.records import Console

_numbers = count(1)
AWS_KEY = "AKIAABCDEFGHIJKLMNOP"
SECRETS = [AWS_KEY]


def secret(shape: str = "S3cr3t{}xYz") -> str:
    """Return a new secret of a shape; its middle is found nowhere else."""
    number = next(_numbers)
    made = shape.format(f"{number:02d}" + "".join(string.ascii_letters[(number * 7 + i * 3) % 52] for i in range(34)))
    SECRETS.append(made)
    return made


ENVIRON = {
    name: secret()
    for name in (
        "AWS_SECRET_ACCESS_KEY",
        "WANDB_API_KEY",
        "HF_TOKEN",
        "SLURM_JWT",
        "SLURM_DB_PASSWORD",
        "OPENAI_API_KEY",
        "PGPASSWORD",
    )
}
ENVIRON["MASTER_ADDR"] = f"http://me:{secret()}@host"
ENVIRON["SLURM_JOB_COMMENT"] = f"--token {secret()}"

ARGV = [
    "--api-key",
    secret(),
    f"--password={secret()}",
    secret("ghp_{}"),
    f"DB_PASSWORD={secret()}",
    f"https://u:{secret()}@h/x",
]

PLAN = {
    "config": {
        "api_key": secret(),
        "password": secret(),
        "nested": {"aws": {"secret_access_key": secret()}, "list": [{"auth_token": secret()}]},
        "headers": {"Authorization": f"Bearer {secret()}"},
        "command": ["train", "--api-key", secret()],
        "text": f"connect with password={secret()} please",
        "url": f"postgres://user:{secret()}@db:5432/x",
        "signed": f"https://bucket/x?X-Amz-Signature={secret()}&a=1",
        "github": secret("ghp_{}"),
        "hub": secret("hf_{}"),
        "openai": secret("sk-proj-{}"),
        "aws": AWS_KEY,
        secret("ghp_{}"): "a key of a mapping",
        f"https://u:{secret()}@h": 1,
        "num_tokens": 4096,
        "tokenizer": "bert-base",
        "author": "Ada",
    },
    "tags": {"api_token": secret(), "link": f"https://x:{secret()}@h"},
    "notes": f"my wandb key: api_key={secret()}\nand Authorization: Basic {secret()}",
    "name": f"run with --password {secret()}",
    "group": f"token={secret()}",
    "metadata": {"license_url": f"https://me:{secret()}@h", "client_secret": secret()},
    "summary": {"access_token": secret()},
    "console": [
        f"export API_KEY={secret()}",
        f"Authorization: Bearer {secret()}",
        f"cloning https://bot:{secret()}@git.example/x",
        f'{{"password": "{secret()}"}}',
        f"using key {secret('sk-ant-{}')}",
        f"\r1%\r50% token={secret()}\r100%",
        "num_tokens: 4096, tokenizer: bert-base, author: Ada",
    ],
    "errors": [f"Traceback: PASSWORD={secret()}", f"login with --token {secret()}"],
}
REMOTE = secret()
IN_SCRIPT, IN_DIFF = [secret(), secret()], [secret(), secret("ghp_{}"), secret()]

SCRIPT = f"""
import json, os, subprocess, sys, tracklib
API_KEY = "{IN_SCRIPT[0]}"
URL = "https://me:{IN_SCRIPT[1]}@host/x"
plan = json.load(open(os.environ["PLAN"]))
more = {{key: plan[key] for key in ("config", "tags", "notes", "name", "group")}}
with tracklib.init("p", **more) as run:
    for line in plan["console"]:
        print(line, flush=True)
    for line in plan["errors"]:
        subprocess.run(["sh", "-c", "cat >&2"], input=line + chr(10), text=True)
    run.log({{"loss": 0.5, "num_tokens": 4096}})
    run.summary["result"] = plan["summary"]
    run.log_artifact("weights.bin", metadata=plan["metadata"])
"""


def everything_below(folder: Path) -> bytes:
    """Return all names and contents below a folder, unpacked."""
    parts = []
    for path in folder.rglob("*"):
        parts.append(str(path).encode())
        if path.is_file():
            content = path.read_bytes()
            parts += [content, gzip.decompress(content) if path.suffix == ".gz" else b""]
    return b"\0".join(parts)


def test_fifty_secrets_are_nowhere(bench: Bench, tmp_path: Path):
    """Argv, environment, config, git, console, URLs, code: none of fifty is kept, and what is no secret is untouched."""
    pytest.importorskip("tracklib_mlflow")
    plan = tmp_path.parent / f"{tmp_path.name}-plan.json"
    plan.write_text(json.dumps(PLAN), encoding="utf-8")
    (bench.path / "weights.bin").write_bytes(b"w")
    git(bench.path, "init", "-q")
    git(bench.path, "remote", "add", "origin", f"https://bot:{REMOTE}@git.example/team/code.git")
    (bench.path / "settings.py").write_text("A = 1\n")
    git(bench.path, "add", "settings.py")
    git(bench.path, "commit", "-qm", "first")
    (bench.path / "settings.py").write_text(
        f'A = 1\nDB_PASSWORD = "{IN_DIFF[0]}"\ntoken = "{IN_DIFF[1]}"\nLINK = "https://x:{IN_DIFF[2]}@h"\n'
    )
    store = tmp_path.parent / f"{tmp_path.name}-store"
    store.mkdir()
    environ = {
        **ENVIRON,
        "PLAN": str(plan),
        "TRACKLIB_CAPTURE": "all",
        "TRACKLIB_BACKENDS": "mlflow",
        "MLFLOW_TRACKING_URI": f"sqlite:///{store}/mlflow.db",
        "TRACKLIB_MLFLOW__ARTIFACT_ROOT": str(store / "files"),
        "TRACKLIB_FINISH_TIMEOUT": "110",
    }
    _, err = bench.run(SCRIPT, *ARGV, **environ)
    assert "0 pending" in err, err
    assert len(set(SECRETS)) >= 50

    kept = {"disk": everything_below(bench.root.path), "mlflow": everything_below(store)}
    found = [(where, one) for where, content in kept.items() for one in SECRETS if one.encode() in content]
    assert found == []
    for content in kept.values():  # or nothing was looked at
        assert all(word in content for word in (b"bert-base", b"git.example/team/code.git", b"A = 1"))

    state = bench.state()
    config = state.params
    assert (config["num_tokens"], config["tokenizer"], config["author"]) == (4096, "bert-base", "Ada")
    assert state.points["num_tokens"] == 1
    printed = "".join(body.text for body in bench.bodies(Console))
    assert "num_tokens: 4096, tokenizer: bert-base, author: Ada\n" in printed
    assert {"git", "packages", "hardware", "launcher"} <= state.context.keys()
    assert {artifact.name for artifact in state.artifacts} == {"weights.bin", "script", "git-diff"}


def test_what_is_hidden_is_told(bench: Bench):
    """A run says that its script was changed on the way, so that nobody takes it for the script that ran."""
    bench.run(SCRIPT.split("plan =", maxsplit=1)[0] + "tracklib.init('p')\n", TRACKLIB_CAPTURE="script")
    (script,) = bench.state().artifacts
    assert script.metadata == {"complete": True, "redacted": True}
    assert [notice.code for notice in bench.state().notices] == ["redacted"]
    assert "API_KEY = [redacted]" in bench.blob("script")
