"""Bad input: ``doctor`` and the receipt say it in one line with the remedy, and no key is in anything that is written or shown."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.together.conftest import VENDORS, Desk, until
from tracklib.testing.ports import free_port

TRAIN = 'import tracklib\nwith tracklib.init("bad", id="r1") as run:\n    run.log({"a": 1.0})\nprint("trained")'
UNKNOWN = {"mlflow": "EXPERIMNT", "wandb": "ENTIY", "comet": "WORKSPCE", "aim": "REP"}
NO_ADDRESS = {
    "mlflow": ("TRACKLIB_BACKENDS", "mlflow:htp:/x", "expected a tracking URI such as http://host:5000"),
    "wandb": ("WANDB_BASE_URL", "htp:/x", "expected the address of a W&B server, such as https://api.wandb.ai"),
    "comet": ("COMET_URL_OVERRIDE", "htp:/x", "expected Comet's address to begin with http:// or https://"),
    "aim": ("TRACKLIB_BACKENDS", "aim:htp://x", "expected a directory or aim://host:port"),
}
NOBODY = {
    "mlflow": (
        "TRACKLIB_BACKENDS",
        "mlflow:http://127.0.0.1:{}",
        "see that the server is up, and that MLFLOW_TRACKING_URI",
    ),
    "wandb": ("WANDB_BASE_URL", "http://127.0.0.1:{}", "check the network, and WANDB_BASE_URL"),
    "comet": ("COMET_URL_OVERRIDE", "http://127.0.0.1:{}/clientlib/", "check the network, and COMET_URL_OVERRIDE"),
    "aim": ("TRACKLIB_BACKENDS", "aim:aim://127.0.0.1:{}", "`aim server`"),
}
NO_KEY = {
    "wandb": ("WANDB_API_KEY", "no key; set WANDB_API_KEY, or run `wandb login`"),
    "comet": ("COMET_API_KEY", "no key for Comet: set COMET_API_KEY"),
}
WRONG_KEY = {"wandb": ("WANDB_API_KEY", "check WANDB_API_KEY"), "comet": ("COMET_API_KEY", "renew COMET_API_KEY")}
OLD = {"mlflow": "mlflow-skinny", "wandb": "wandb", "comet": "comet_ml", "aim": "aim"}


def problem(desk: Desk, **environ: str) -> str:
    """Return what ``doctor`` finds wrong with the one backend that is configured: a line, and its remedy."""
    done = desk.tracklib("doctor", "--json", "--timeout", "60s", **environ)
    assert done.returncode == 1, done.stdout + done.stderr
    (found,) = [check for check in json.loads(done.stdout)["checks"] if check["verdict"] == "problem"]
    assert found["remedy"]
    assert "\n" not in found["text"] + found["remedy"]
    return str(found["text"])


def told(desk: Desk, **environ: str) -> str:
    """Return what training says of its one backend, and the receipt too, in one line; training is none the worse."""
    done = desk.run(TRAIN, TRACKLIB_FINISH_TIMEOUT="0", **environ)
    assert (done.returncode, done.stdout) == (0, "trained\n")
    until(lambda: desk.lines()[0].error)
    status = desk.tracklib("status", "--json", **environ)
    (line,) = desk.lines()
    assert line.pending == 3
    assert "\n" not in line.error
    assert json.dumps(line.error) in status.stdout
    return line.error


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_unknown_setting_names_the_nearest(desk: Desk, vendor: str) -> None:
    """A setting that there is not is refused where it stands, with the one that may be meant, before training begins."""
    wrong = {f"TRACKLIB_{vendor.upper()}__{UNKNOWN[vendor]}": "x", "TRACKLIB_BACKENDS": desk.entries[vendor]}
    said = problem(desk, **wrong)
    assert f"unknown setting {UNKNOWN[vendor].lower()!r}; did you mean" in said
    done = desk.run(TRAIN, **wrong)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.rstrip().endswith(f"ConfigError: {said}")


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_is_no_address_is_refused(desk: Desk, vendor: str) -> None:
    """What cannot be an address is refused before training begins, with what was expected."""
    variable, value, expected = NO_ADDRESS[vendor]
    wrong = {"TRACKLIB_BACKENDS": desk.entries[vendor], variable: value}
    said = problem(desk, **wrong)
    assert expected in said
    done = desk.run(TRAIN, **wrong)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.rstrip().endswith(f"ConfigError: {said}")


@pytest.mark.faults
@pytest.mark.parametrize("vendor", VENDORS)
def test_an_address_where_nobody_answers(desk: Desk, vendor: str) -> None:
    """Where nobody answers, both say so, and which setting to look at."""
    variable, value, remedy = NOBODY[vendor]
    wrong = {"TRACKLIB_BACKENDS": desk.entries[vendor], variable: value.format(free_port())}
    assert remedy in problem(desk, **wrong)
    assert remedy in told(desk, **wrong)


@pytest.mark.faults
@pytest.mark.parametrize("vendor", NO_KEY)
def test_a_missing_key(desk: Desk, vendor: str) -> None:
    """Where there is no key, both say which variable is to hold it."""
    variable, remedy = NO_KEY[vendor]
    wrong = {"TRACKLIB_BACKENDS": vendor, variable: ""}
    assert remedy in problem(desk, **wrong)
    assert remedy in told(desk, **wrong)


@pytest.mark.faults
@pytest.mark.parametrize("vendor", VENDORS)
def test_an_sdk_that_is_too_old(desk: Desk, vendor: str) -> None:
    """An SDK older than what the plugin knows is named with its version, and the command that mends it."""
    desk.spoil(vendor, "old")
    wrong = {"TRACKLIB_BACKENDS": desk.entries[vendor]}
    for said in (problem(desk, **wrong), told(desk, **wrong)):
        assert f"SDK is too old: expected {OLD[vendor]}" in said
        assert "got 0.9.0" in said
        assert "pip install" in said


@pytest.mark.faults
@pytest.mark.parametrize("vendor", WRONG_KEY)
def test_no_key_shows_anywhere(desk: Desk, vendor: str) -> None:
    """A key, refused or good, is in no message, no command line, no journal, no log and no other file that tracklib writes."""
    variable, remedy = WRONG_KEY[vendor]
    server = desk.wandb if vendor == "wandb" else desk.comet
    wrong = {"TRACKLIB_BACKENDS": vendor, variable: "wr0ng" * 8}
    said = [problem(desk, **wrong), told(desk, **wrong)]
    assert all(remedy in text for text in said)
    training = desk.start(TRAIN + '\nopen("trained", "w").close()\nrun.finish()', TRACKLIB_BACKENDS=vendor)
    commands = set()
    while training.poll() is None:
        commands |= command_lines()
    said += training.communicate()
    synced = desk.tracklib("sync")
    assert synced.returncode == 0
    said += [synced.stdout, synced.stderr, desk.tracklib("status").stdout, desk.tracklib("doctor").stdout, *commands]
    for key in ("wr0ng" * 8, server.api_key):
        assert not [text for text in said if key in text]
        kept = [path for path in desk.path.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
        assert kept == []


def command_lines() -> set[str]:
    """Return the command lines of all processes; without /proc there is nothing to look at."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.add(os.fsdecode(path.read_bytes()).replace("\0", " "))
        except OSError:
            continue
    return found
