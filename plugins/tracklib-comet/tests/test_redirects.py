"""A server that leads elsewhere: files may come from there, and the key stays at home."""

from __future__ import annotations

import http.server
import threading

import pytest
from tracklib_comet.service import Service
from tracklib_comet.settings import CometSettings

from tracklib.errors import ConfigError

KEY = "k3y" * 12


class _Host(http.server.ThreadingHTTPServer):
    """A host that notes what it is asked, and leads to another one where there is one."""

    def __init__(self, leads="", code=302):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.leads, self.code, self.seen = leads, code, []


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(f"{self.path}\n{self.headers}\n{body!r}")
        content = b"" if self.server.leads else b"stored"
        self.send_response(self.server.code if self.server.leads else 200)
        if self.server.leads:
            self.send_header("Location", self.server.leads + self.path)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815  the name is the protocol's

    def log_message(self, *arguments):
        """Print nothing."""


@pytest.fixture
def hosts():
    """Return a Comet that answers with a redirect of this code to another host, and that one."""
    started = []

    def start(code):
        other = _Host()
        home = _Host(f"http://localhost:{other.server_port}", code)
        for server in (home, other):
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            started.append((server, thread))
        settings = CometSettings(workspace="team", url=f"http://127.0.0.1:{home.server_port}", api_key=KEY)
        return Service(settings.resolved()), home, other

    yield start
    for server, thread in started:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_file_that_lies_elsewhere(hosts):
    """A file comes from the store that the server leads to, which is not shown the key."""
    service, home, other = hosts(302)
    with service.download("experiment", "asset") as file:
        assert file.read() == b"stored"
    assert KEY in home.seen[0]
    assert len(other.seen) == 1
    assert KEY not in other.seen[0]


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_the_key_stays_at_home(hosts, code, tmp_path):
    """Nothing is asked or written elsewhere: it would be believed, and a body may hold the key; where it leads is said."""
    service, home, other = hosts(code)
    (tmp_path / "file").write_bytes(b"content")
    calls = (
        service.account,
        lambda: service.begin("experiment", "project"),
        lambda: service.batch("metric", "experiment", [{"metricName": "x"}]),
        lambda: service.upload("experiment", tmp_path / "file", {"fileName": "file"}, {}),
    )
    for call in calls:
        with pytest.raises(ConfigError, match=f"leads to 'http://localhost:{other.server_port}'"):
            call()
    assert len(home.seen) == 4
    assert other.seen == []
