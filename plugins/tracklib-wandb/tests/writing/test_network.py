"""What stands between: certificates of a private authority, and proxies, for W&B's own program and for our requests."""

import contextlib
import datetime as dt
import ipaddress
import os
import socket
import ssl
import subprocess
import sys
import threading

import pytest

WRITE = """
import sys
sys.path[:] = {path!r}
from pathlib import Path
from tracklib.backends.contract import SinkContext
from tracklib.model.records import Metrics, Notice, Record, RunEnd
from tracklib.model.run import RunInfo
from tracklib_wandb.check import check
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.sink import WandbSink
settings = WandbSettings(base_url={url!r}, api_key={key!r}, entity="team")
check(settings.resolved())
sink = WandbSink(settings, SinkContext(None, Path({scratch!r})))
sink.open(RunInfo({project!r}, {id!r}, "n"))
bodies = [Notice("x", "m"), *(Metrics({{"x": float(i)}}, i) for i in range(5)), RunEnd("finished", 0)]
sink.send([Record("w1", i + 1, i + 1, body) for i, body in enumerate(bodies)])
sink.close()
"""


class Between:
    """A port of 127.0.0.1 that passes on what comes, after TLS or as a proxy does; it counts who asked."""

    def __init__(self, target, context=None):
        self._target, self._context = target, context
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            if self._context is not None:
                client = self._context.wrap_socket(client, server_side=True)
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
        self._pump(client, server)

    def _pump(self, source, target):
        with source, target, contextlib.suppress(OSError):  # whichever side closes first ends both
            while data := source.recv(1 << 16):
                # To a proxy, the whole address is the target of a request.
                target.sendall(data.replace(b" http://wandb.test/", b" /"))

    def close(self):
        self._listener.close()


@pytest.fixture
def between():
    """Put something between."""
    made = []

    def put(*arguments):
        made.append(Between(*arguments))
        return made[-1]

    yield put
    for each in made:
        each.close()


@pytest.fixture
def authority(tmp_path):
    """A private authority that nobody trusts, with a server's certificate for 127.0.0.1; return its file and the context."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = dt.datetime.now(dt.timezone.utc)

    def certificate(name, key, issuer, signer, *, is_authority):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(signer, hashes.SHA256())

    def named(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    own = certificate(named("a private authority"), root, named("a private authority"), root, is_authority=True)
    server = certificate(named("127.0.0.1"), leaf, named("a private authority"), root, is_authority=False)
    (tmp_path / "authority.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "server.pem").write_bytes(
        server.public_bytes(serialization.Encoding.PEM)
        + leaf.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return tmp_path / "authority.pem", context


NAMES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NO_PROXY", "no_proxy")


def write(online, url, **variables):
    """Write a run in a process of its own."""
    script = WRITE.format(
        path=sys.path,
        url=url,
        key=online.server.api_key,
        scratch=str(online.folder),
        project=online.project,
        id=online.id,
    )
    clean = {name: value for name, value in os.environ.items() if name not in NAMES and not name.startswith("WANDB_S")}
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**clean, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_private_authority_is_trusted_where_it_is_named(online, between, authority, variable):
    """One variable, either of the two that people know, is enough for W&B's program and for our own requests."""
    file, context = authority
    front = between(int(online.server.url.rpartition(":")[2]), context)
    url = f"https://127.0.0.1:{front.port}"
    done = write(online, url, **{variable: str(file)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [row["x"] for row in online.raw.history] == [float(i) for i in range(5)]
    assert online.raw.state == "finished"


def test_a_private_authority_that_nobody_named(online, between, authority):
    """A certificate that is not trusted says so, and what to set."""
    front = between(int(online.server.url.rpartition(":")[2]), authority[1])
    done = write(online, f"https://127.0.0.1:{front.port}")
    assert "its certificate is not trusted" in done.stderr
    assert "set REQUESTS_CA_BUNDLE to its file" in done.stderr
    assert online.server.runs == {}


def test_a_proxy_is_used_by_both(online, between):
    """``HTTP_PROXY`` holds for W&B's program and for our own requests."""
    proxy = between(int(online.server.url.rpartition(":")[2]))
    address = f"http://127.0.0.1:{proxy.port}"
    done = write(online, "http://wandb.test", HTTP_PROXY=address, http_proxy=address)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [row["x"] for row in online.raw.history] == [float(i) for i in range(5)]
    assert online.raw.state == "finished"
    assert proxy.connections >= 2
