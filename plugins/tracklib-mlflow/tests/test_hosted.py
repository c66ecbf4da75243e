"""What hosted servers need: users and rights, proxies, a private certificate authority; each refusal says what to do."""

import contextlib
import datetime as dt
import http.server
import ipaddress
import json
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from tracklib_mlflow.check import check
from tracklib_mlflow.settings import MLflowSettings

from tracklib.errors import AuthError, BackendError, TransientError
from tracklib.model.records import Metrics
from tracklib.testing.forward_proxy import ForwardProxy

PASSWORD = "right horse 9 battery"
CONFIG = """
[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/users.db
admin_username = admin
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


def refused(error, **settings):
    """Return what the refusal says, which is one line."""
    with pytest.raises(error) as caught:
        check(MLflowSettings(**settings).resolved())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def proxied(monkeypatch):
    """Lead everything through a proxy of the test's own."""
    with contextlib.ExitStack() as stack:

        def start(**more):
            proxy = stack.enter_context(ForwardProxy(**more))
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            monkeypatch.delenv("NO_PROXY", raising=False)
            return proxy

        for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield start


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority of one's own, and a certificate of it for 127.0.0.1."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("authority")
    now = dt.datetime.now(dt.timezone.utc)

    def certificate(name, key, issuer, signer, *extensions):
        built = x509.CertificateBuilder(issuer, x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        built = built.public_key(key.public_key()).serial_number(x509.random_serial_number())
        built = built.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        for extension, critical in extensions:
            built = built.add_extension(extension, critical)
        return built.sign(signer, hashes.SHA256())

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an authority")])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(keys[0].public_key())
    root = certificate(
        "an authority", keys[0], issuer, keys[0],
        (x509.BasicConstraints(ca=True, path_length=None), True), (usage, True), (identifier, False),
    )  # fmt: skip
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    known = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    leaf = certificate("a server", keys[1], issuer, keys[0], (names, False), (known, False))
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "leaf.key").write_bytes(keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder


@pytest.fixture(scope="module")
def tls_server(server_store, authority):
    """The real server behind TLS, as a load balancer puts it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "leaf.pem", authority / "leaf.key")
    listener = socket.create_server(("127.0.0.1", 0))
    port = server_store.server.port
    ended = threading.Event()

    def serve(client):
        with (
            contextlib.suppress(OSError),
            context.wrap_socket(client, server_side=True) as secure,
            socket.create_connection(("127.0.0.1", port)) as upstream,
        ):
            back = threading.Thread(target=pass_on, args=(upstream, secure), daemon=True)
            back.start()
            pass_on(secure, upstream)
            back.join()

    def accept():
        while not ended.is_set():
            with contextlib.suppress(OSError):
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    ended.set()
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def pass_on(source, target):
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def test_a_private_authority(tls_server, authority, server_store, make_bench, tmp_path, monkeypatch):
    """With its certificate in a setting, or in the variable of requests, all is written and read; without, it is named."""
    told = refused(TransientError, tracking_uri=tls_server)
    assert "certificate verify failed; name the file with its authority's certificate" in told
    assert "MLFLOW_TRACKING_SERVER_CERT_PATH" in told
    place = type("Store", (), {"uri": tls_server, "root": server_store.root})
    (tmp_path / "a").mkdir()
    bench = make_bench(place, tmp_path / "a")
    bench.settings = MLflowSettings(tracking_uri=tls_server, server_cert=str(authority / "ca.pem"))
    bench.write(Metrics({"loss": 0.5}, 1))
    assert [(value, step) for value, step, _ in bench.points()["loss"]] == [(0.5, 1)]
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority / "ca.pem"))
    assert "answers" in check(MLflowSettings(tracking_uri=tls_server).resolved())


def test_through_a_proxy(proxied, server_store, tls_server, authority, make_bench, tmp_path, monkeypatch):
    """Plain and in a tunnel, with the proxy's own credentials, everything arrives; NO_PROXY goes past it."""
    proxy = proxied(user="joe", password="pr0xy-secret")
    for name, uri in (("plain", server_store.uri), ("tls", tls_server)):
        (tmp_path / name).mkdir()
        bench = make_bench(type("Store", (), {"uri": uri, "root": server_store.root}), tmp_path / name)
        bench.settings = MLflowSettings(tracking_uri=uri, server_cert=str(authority / "ca.pem"))
        told = refused(AuthError, tracking_uri=uri)
        assert "put the proxy's user and password into HTTPS_PROXY" in told
        with monkeypatch.context() as inside:
            for variable in ("HTTP_PROXY", "HTTPS_PROXY"):
                inside.setenv(variable, proxy.url.replace("//", "//joe:pr0xy-secret@"))
            bench.write(Metrics({"loss": 0.5}, 1))
            assert [(value, step) for value, step, _ in bench.points()["loss"]] == [(0.5, 1)]
    assert any(line.startswith("CONNECT 127.0.0.1:") for line in proxy.asked)
    count = len(proxy.asked)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert "answers" in check(MLflowSettings(tracking_uri=server_store.uri).resolved())
    assert len(proxy.asked) == count


def test_a_proxy_that_blocks_or_is_gone(proxied, server_store, tls_server, monkeypatch):
    """Blocked by a proxy is told from refused by MLflow, in a tunnel and without; so is a proxy that is not there."""
    proxied(allows=False)
    assert "the proxy on the way to 127.0.0.1" in (told := refused(TransientError, tracking_uri=tls_server))
    assert "refuses: 403 Forbidden; have the proxy let it through, or name the server in NO_PROXY" in told
    told = refused(TransientError, tracking_uri=server_store.uri)
    assert "a proxy answered in MLflow's place" in told
    monkeypatch.setenv("HTTPS_PROXY", "http://joe:pr0xy-secret@127.0.0.1:9")
    told = refused(TransientError, tracking_uri=tls_server)
    assert "the proxy on the way to 127.0.0.1" in told
    assert "cannot be reached; correct HTTPS_PROXY" in told
    assert "pr0xy-secret" not in told


def test_a_wrong_address(tls_server):
    """Nobody there, a name that is none, TLS where there is none, and a server that is none of MLflow's."""
    assert "see that the server is up, and that MLFLOW_TRACKING_URI names it" in refused(
        TransientError, tracking_uri="http://127.0.0.1:9"
    )
    assert "MLFLOW_TRACKING_URI" in refused(TransientError, tracking_uri="http://nowhere.invalid:5000")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_error(404)

        do_GET = do_POST  # noqa: N815  the name is the protocol's

        def log_message(self, *args):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        address = f"127.0.0.1:{other.server_port}"
        try:
            from tracklib.errors import RejectedError

            assert "what answers there is no MLflow" in refused(RejectedError, tracking_uri=f"http://{address}")
            told = refused(TransientError, tracking_uri=f"https://{address}")
            assert "begin its address with http://" in told
        finally:
            other.shutdown()
            thread.join()


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_server_that_leads_to_another_host_gets_no_key_there(code):
    """Where a server sends its clients on to another host, the token does not go with them."""
    seen = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen.setdefault(self.server.server_port, []).append(self.headers.get("Authorization"))
            self.send_response(code if self.server is home else 404)
            self.send_header("Location", f"http://localhost:{other.server_port}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  the name is the protocol's

        def log_message(self, *args):
            """Say nothing."""

    home, other = (http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2))
    threads = [threading.Thread(target=server.serve_forever) for server in (home, other)]
    for thread in threads:
        thread.start()
    try:
        with pytest.raises(BackendError):
            check(MLflowSettings(tracking_uri=f"http://127.0.0.1:{home.server_port}", token="t0ken-secret").resolved())
    finally:
        for server, thread in zip((home, other), threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
    assert set(seen[home.server_port]) == {"Bearer t0ken-secret"}
    assert set(seen.get(other.server_port, [None])) == {None}


@pytest.fixture(scope="module")
def guarded(start_server, tmp_path_factory):
    """A server with users, of whom one may only read."""
    pytest.importorskip("flask_wtf", reason="MLflow's basic-auth needs mlflow[auth]")
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "auth.ini").write_text(CONFIG.format(folder=folder))
    environ = {
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "for the test",
    }
    server = start_server("--app-name", "basic-auth", env=environ)
    manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
    manager.add_password(None, server.uri, "admin", PASSWORD, is_authenticated=True)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager), urllib.request.ProxyHandler({}))
    body = json.dumps({"username": "reader", "password": "readers-pass-word"}).encode()
    request = urllib.request.Request(
        f"{server.uri}/api/2.0/mlflow/users/create", body, {"Content-Type": "application/json"}
    )
    opener.open(request).read()
    return server


def test_a_wrong_key_is_told_from_a_right_that_lacks(guarded, make_bench, tmp_path):
    """Both are refused credentials; one is to be renewed, and the other granted something."""
    told = refused(AuthError, tracking_uri=guarded.uri, username="admin", password="wr0ng-word")
    assert "401" in told
    assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN" in told
    assert "wr0ng-word" not in told
    bench = make_bench(type("Store", (), {"uri": guarded.uri, "root": guarded.folder / "artifacts"}), tmp_path)
    bench.settings = MLflowSettings(tracking_uri=guarded.uri, username="admin", password=PASSWORD)
    bench.write(Metrics({"loss": 0.5}, 1))
    reader = MLflowSettings(tracking_uri=guarded.uri, username="reader", password="readers-pass-word")
    assert "answers" in check(reader.resolved())
    with pytest.raises(AuthError) as caught:
        bench.sink(settings=reader).send(bench.records(Metrics({"loss": 0.25}, 2)))
    assert "the credentials are valid, and lack this right" in str(caught.value)
    assert "readers-pass-word" not in str(caught.value)


TRAIN = """
import tracklib
with tracklib.init("hosted", id="r1") as run:
    run.log({"loss": 1.0})
"""


@pytest.mark.server
def test_the_doctor_and_the_receipt_say_it_in_one_line(guarded, tmp_path, monkeypatch):
    """A wrong key stands in the doctor's answer and in the receipt, with the remedy, and its text nowhere at all."""
    for name, value in {
        "TRACKLIB_DIR": str(tmp_path / "root"),
        "TRACKLIB_BACKENDS": "mlflow",
        "TRACKLIB_CAPTURE": "none",
        "TRACKLIB_FINISH_TIMEOUT": "60",
        "MLFLOW_TRACKING_URI": guarded.uri,
        "MLFLOW_TRACKING_USERNAME": "admin",
        "MLFLOW_TRACKING_PASSWORD": "wr0ng-word",
    }.items():
        monkeypatch.setenv(name, value)
    trained = subprocess.run([sys.executable, "-c", TRAIN], cwd=tmp_path, capture_output=True, text=True, check=True)
    command = [sys.executable, "-m", "tracklib.cli.main"]
    asked = subprocess.run(
        [*command, "doctor", "--json", "--timeout", "60s"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    problems = [check for check in json.loads(asked.stdout)["checks"] if check["verdict"] == "problem"]
    assert asked.returncode == 1
    assert len(problems) == 1
    remedy = (
        "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, to ones that are valid"
    )
    assert remedy in problems[0]["text"]
    assert [line for line in trained.stderr.splitlines() if remedy in line] != []
    (receipt,) = Path(tmp_path / "root").glob("*/*/receipts/*.json")
    assert remedy in json.loads(receipt.read_text())["error"]
    everything = b"".join(path.read_bytes() for path in (tmp_path / "root").rglob("*") if path.is_file())
    assert b"wr0ng-word" not in everything
    assert "wr0ng-word" not in trained.stdout + trained.stderr + asked.stdout + asked.stderr
