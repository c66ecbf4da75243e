"""Settings: places, Comet's own variables and file, keys that show nowhere, greetings that tell what is wrong."""

import os
import shutil
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tracklib_comet.config_file import configured
from tracklib_comet.greeting import greeting
from tracklib_comet.settings import CometSettings

from tracklib.backends.registry import reopen, resolve
from tracklib.errors import AuthError, ConfigError, TransientError
from tracklib.testing.emulators import Status

SECRET = "topsecret0123456789abcdef"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder and a working directory of the test's own."""
    for name in [name for name in os.environ if name.startswith("COMET_")]:
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("location", "destination"),
    [
        ("team", {"workspace": "team"}),
        ("team/project", {"workspace": "team", "project": "project"}),
        ("./folder", {"offline": "{here}/folder"}),
        ("../x", {"offline": "{up}/x"}),
        ("/abs/run.zip", {"offline": "/abs/run.zip"}),
        ("run.zip", {"offline": "{here}/run.zip"}),
        ("~/zips", {"offline": "{home}/zips"}),
    ],
)
def test_places(home, location, destination):
    """A path means files, anything else the service."""
    names = {"here": os.getcwd(), "up": os.path.dirname(os.getcwd()), "home": str(home)}
    expected = {key: value.format(**names) for key, value in destination.items()}
    found = CometSettings.from_location(location).resolved()
    assert {
        key: value for key, value in found.destination().items() if key in ("workspace", "project", "offline")
    } == expected
    assert found.resolved() == found


@pytest.mark.parametrize("location", ["a/b/c", "/", ""])
def test_places_that_are_none(home, location):
    """What is neither a workspace nor a path is refused, or is a folder."""
    if location == "/":
        assert CometSettings.from_location(location).is_offline
        return
    with pytest.raises(ConfigError, match="expected comet:workspace"):
        CometSettings.from_location(location)


def test_comets_own_variables(home, monkeypatch):
    """Key, address, workspace and project come from Comet's variables; the key is in no destination."""
    for name, value in {
        "API_KEY": SECRET, "URL_OVERRIDE": "https://comet.example.com/clientlib", "WORKSPACE": "team", "PROJECT_NAME": "p",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"COMET_{name}", value)
    found = resolve("comet", {}).settings
    address = "https://comet.example.com/clientlib/"
    assert found.destination() == {"workspace": "team", "project": "p", "url": address}
    assert found.key() == SECRET
    assert SECRET not in repr(found)
    again = reopen("comet", "comet", found.destination()).settings
    assert (again.key(), again.destination()) == (SECRET, found.destination())
    named = resolve("comet:other/q", {}).settings
    assert (named.workspace, named.project, named.url) == ("other", "q", "https://comet.example.com/clientlib/")


def test_comets_own_file_is_read_as_its_sdk_reads_it(home, monkeypatch):
    """``~/.comet.config`` gives what no variable says, in both its forms; the SDK itself finds the same."""
    (home / ".comet.config").write_text(
        f"[comet]\napi_key = {SECRET}\nworkspace=team\nproject_name = my project\n[comet_logging]\nfile=x\n"
    )
    found = CometSettings().resolved()
    assert (found.key(), found.workspace, found.project) == (SECRET, "team", "my project")
    code = "import comet_ml; c = comet_ml.get_config(); print(c['comet.api_key'], c['comet.workspace'], c['comet.project_name'])"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "COMET_DISABLE_ANNOUNCEMENT": "1"}
    ).stdout  # fmt: skip
    assert said.strip() == f"{SECRET} team my project"
    (home.parent / "here" / ".comet.config").write_text("comet_workspace=nearer\n")
    assert configured("workspace") == "nearer"
    monkeypatch.setenv("COMET_CONFIG", str(home.parent / "here"))
    assert configured("api_key") == SECRET
    monkeypatch.setenv("COMET_WORKSPACE", "nearest")
    assert configured("workspace") == "nearest"


def test_a_damaged_file_is_as_none(home):
    """A file that is none of a configuration is passed over, as the SDK passes it over."""
    (home / ".comet.config").write_bytes(b"\xff\xfe[[[")
    assert configured("api_key") is None


def test_a_missing_key_is_told_with_its_remedy(home):
    """Without a key the message says which variable to set."""
    with pytest.raises(ConfigError, match="set COMET_API_KEY"):
        greeting(CometSettings().resolved())


@pytest.mark.parametrize("url", ["comet.example.com", "ftp://x", f"https://user:{SECRET}@host/"])
def test_addresses_that_are_none(home, url):
    """An address without http, or with a password in it, is refused; the password is not repeated."""
    with pytest.raises(ConfigError) as caught:
        CometSettings(url=url).resolved()
    assert SECRET not in str(caught.value)


def test_the_greeting_says_who_and_where(online, offline):
    """``doctor`` hears whose key it is and how many projects there are, or how many offline experiments."""
    assert f"answers user, workspace team: 0 projects (comet_ml {__import__('comet_ml').__version__})" in greeting(
        online.settings.resolved()
    )
    assert "not there yet" in greeting(offline.settings.resolved())
    offline.write()
    assert greeting(offline.settings.resolved()).endswith("1 offline experiments")


def test_what_is_wrong_is_told_apart(emulator, monkeypatch):
    """Wrong key, no right, wrong address, nothing there, a proxy between, an SDK too old: one line each, and no key."""
    settings = CometSettings().resolved()
    told = {}

    def check(name, kind, changed=settings):
        with pytest.raises(kind) as caught:
            greeting(changed.resolved())
        told[name] = str(caught.value)

    check("key", AuthError, replace(settings, api_key=CometSettings(api_key=SECRET).api_key))
    emulator.faults.add("*", Status(403, body=b'{"sdk_error_code": 7000011, "msg": "view only"}'))
    check("right", AuthError)
    emulator.faults.add("*", Status(400, body=b'{"sdk_error_code": 7000008, "msg": "too old"}'))
    check("old", ConfigError)
    emulator.faults.add("*", Status(403, headers={"Content-Type": "text/html"}, body=b"<html>Forbidden by ACME</html>"))
    check("gateway", TransientError)
    emulator.faults.add("*", Status(404, headers={"Content-Type": "text/html"}, body=b"<html>"))
    check("address", ConfigError)
    emulator.faults.add("*", Status(200, headers={"Content-Type": "text/html"}, body=b"<html>"))
    check("page", ConfigError)
    with emulator.outage():
        check("away", TransientError)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    check("proxy", TransientError, replace(settings, url="http://comet.example.invalid/"))
    for name, words in {
        "key": "renew COMET_API_KEY", "right": "may only look", "old": "pip install -U comet_ml", "gateway": "proxy or gateway",
        "address": "is no Comet", "page": "no Comet", "away": "no answer from 127.0.0.1", "proxy": "HTTPS_PROXY",
    }.items():  # fmt: skip
        assert words in told[name]
        assert "\n" not in told[name]
        assert SECRET not in told[name]
        assert emulator.api_key not in told[name]


def test_an_sdk_that_is_too_old_is_told_with_its_remedy(online, monkeypatch):
    """An SDK that lacks what is used of it, or is not there, says which one to install."""
    from comet_ml.connection import connection_api

    monkeypatch.delattr(connection_api, "RestApiClient")
    with pytest.raises(ConfigError, match=r"pip install 'comet_ml>=3\.50,<3\.59'"):
        greeting(online.settings.resolved())


class _Answering(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        body = b'{"userName": "u", "defaultWorkspaceName": "w", "projects": []}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextmanager
def answering(context=None):
    """Run a server of the test's own that takes everybody for ``u``, and notes in ``asked`` what it is asked."""
    server = HTTPServer(("127.0.0.1", 0), _Answering)
    server.asked = []
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_proxy_is_used(home, monkeypatch):
    """The usual variables lead through a proxy, as they lead Comet's own SDK; it is asked for Comet's address alone."""
    with answering() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.server_port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        said = greeting(CometSettings(url="http://comet.example.invalid/clientlib/", api_key=SECRET).resolved())
    assert "answers u, workspace w: 0 projects" in said
    root = "http://comet.example.invalid/api/rest/v2"
    assert [path.partition("?")[0] for path in proxy.asked] == [f"{root}/account-details", f"{root}/projects"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_private_authority_is_trusted(home, monkeypatch, tmp_path):
    """A server of a private authority is refused with the remedy, and trusted once the SDK's variable names it."""
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=here"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "ca.pem"]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    with answering(context) as server:
        settings = CometSettings(url=f"https://127.0.0.1:{server.server_port}/clientlib/", api_key=SECRET)
        with pytest.raises(TransientError, match="COMET_INCLUDE_CUSTOM_CA_BUNDLE"):
            greeting(settings.resolved())
        monkeypatch.setenv("COMET_INCLUDE_CUSTOM_CA_BUNDLE", str(tmp_path / "ca.pem"))
        assert "answers u" in greeting(settings.resolved())


def test_the_declaration_is_light():
    """Importing the declaration loads neither pydantic nor Comet; resolving settings loads no Comet."""
    code = "import sys, tracklib_comet.spec; print([m for m in sys.modules if m.split('.')[0] in ('pydantic', 'comet_ml')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
    code = "import sys; from tracklib.backends.registry import resolve; resolve('comet:team', {}); print('comet_ml' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_nothing_is_printed_captured_or_reported(emulator, tmp_path):
    """Writing and reading a run prints nothing, starts no thread, and speaks to Comet's address alone."""
    port = int(emulator.url.rpartition(":")[2])
    code = f"""
import socket, sys, threading
calls = []
def note(name, args):
    if name == "socket.connect":
        calls.append(args[1])
sys.addaudithook(note)
from pathlib import Path
from tracklib.backends.contract import SinkContext
from tracklib.model.query import RunQuery
from tracklib.model.records import Metrics, Record
from tracklib.model.run import RunInfo
from tracklib_comet.settings import CometSettings
from tracklib_comet.sink import CometSink
from tracklib_comet.source import CometSource
settings = CometSettings()
sink = CometSink(settings, SinkContext(None, Path({str(tmp_path)!r})))
sink.open(RunInfo("p", "r", "n"))
sink.send([Record("w", 1, 1, Metrics({{"x": 1.0}}, 0))])
sink.close()
(run,) = CometSource(settings).runs(RunQuery(project="p", id="r"))
assert len(list(CometSource(settings).read(run))) == 2
assert {{call[1] for call in calls}} == {{{port}}}, calls
assert threading.active_count() == 1, threading.enumerate()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (kept,) = emulator.experiments.values()
    assert [point["metricName"] for point in kept.points] == ["x"]
    assert (kept.system_details, kept.dependencies, kept.code, kept.output) == ({}, [], "", [])
    assert set(kept.others) >= {"Name", "tracklib.run_id"}
    assert not kept.parameters
