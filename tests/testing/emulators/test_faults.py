"""Faults of an emulator, each seen from the other side of the wire; no SDK, so that each does what it says alone."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import threading

import pytest

from tracklib.testing.emulators import Disconnect, DropReply, Hang, Latency, Partial, RateLimit, Status
from tracklib.testing.emulators.wandb import Run, WandbEmulator


@pytest.fixture
def server():
    """Return a W&B server with one run."""
    with WandbEmulator() as emulator:
        emulator.world.state.project("team", "p")
        emulator.runs["team/p/r"] = Run("team", "p", "r", 0.0)
        yield emulator


def ask(server, path="/files/team/p/r/file_stream", body=None, **headers):
    """Send one request as an SDK would, and return the status and the reply."""
    key = base64.b64encode(f"api:{server.api_key}".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=20)
    try:
        content = body if isinstance(body, bytes) else json.dumps(body or lines(1)).encode()
        connection.request("POST", path, content, {"Authorization": f"Basic {key}", **headers})
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())
    finally:
        connection.close()


def lines(count, offset=0):
    """Return a request of the file stream with some rows."""
    rows = [json.dumps({"_step": n}) for n in range(offset, offset + count)]
    return {"files": {"wandb-history.jsonl": {"offset": offset, "content": rows}}}


def steps(server):
    """Return the steps that the server holds."""
    return [row["_step"] for row in server.run("p", "r").history]


def test_a_status_is_answered_with_nothing_done(server):
    """A status with its headers comes as often as was said, then the service is healthy."""
    rule = server.faults.add("file_stream", Status(429, headers={"Retry-After": "7"}), times=2)
    answers = [ask(server) for _ in range(3)]
    assert [status for status, _, _ in answers] == [429, 429, 200]
    assert answers[0][2]["Retry-After"] == "7"
    assert (rule.hits, steps(server)) == (2, [0])


def test_a_dropped_reply_follows_the_effect(server):
    """The client sees a broken connection; the rows are there, and sent again they are there once."""
    server.faults.add("file_stream", DropReply())
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(server, body=lines(3))
    assert steps(server) == [0, 1, 2]
    assert ask(server, body=lines(3))[0] == 200
    assert steps(server) == [0, 1, 2]


def test_a_disconnect_has_no_effect(server):
    """The client sees a broken connection, and nothing is there."""
    server.faults.add("*", Disconnect())
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(server)
    assert steps(server) == []
    assert [call.status for call in server.calls] == [0]


def test_a_part_is_taken(server):
    """The first rows are there, and the status says that something went wrong."""
    server.faults.add("file_stream", Partial(2, code=502))
    assert ask(server, body=lines(5))[0] == 502
    assert steps(server) == [0, 1]


@pytest.mark.parametrize("fault", [Hang(), Hang(60.0), Latency(60.0)])
def test_what_hangs_goes_on_when_it_is_released(server, fault):
    """A request that hangs gets no answer and has no effect until the release; others are served meanwhile."""
    server.faults.add("file_stream", fault)
    statuses = []
    waiting = threading.Thread(target=lambda: statuses.append(ask(server, body=lines(1))[0]))
    waiting.start()
    while not server.faults.rules[0].hits:
        waiting.join(0.01)
    assert ask(server, body=lines(1, offset=1))[0] == 200
    assert statuses == []
    server.faults.release()
    waiting.join(20)
    assert (statuses, steps(server)) == ([200], [0, 1])


def test_a_limit_counts_requests(server):
    """So many requests are served in the time, the rest told when to come again."""
    server.faults.add("file_stream", RateLimit(2, seconds=3600, retry_after=5))
    answers = [ask(server) for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 200, 429, 429]
    assert answers[-1][2]["Retry-After"] == "5"


def test_a_limit_can_say_what_is_left(server):
    """With `units`, any answer says how many of them are left, for how many whole seconds; others say nothing."""
    server.faults.add("file_stream", RateLimit(4, seconds=3600, units=1000))
    answers = [ask(server) for _ in range(5)]
    assert [status for status, _, _ in answers] == [200, 200, 200, 200, 429]
    assert [headers["RateLimit-Remaining"] for *_, headers in answers] == ["750", "500", "250", "0", "0"]
    assert {headers["RateLimit-Reset"] for *_, headers in answers} == {"3600"}
    server.faults.clear()
    assert "RateLimit-Reset" not in ask(server)[2]


def test_a_rule_can_wait_for_its_turn(server):
    """With `skip` the first requests pass; other operations are not touched."""
    server.faults.add("file_stream", Status(500), skip=2)
    assert [ask(server)[0] for _ in range(4)] == [200, 200, 500, 200]
    server.faults.add("UpsertBucket", Status(500))
    assert ask(server)[0] == 200


def test_an_outage_keeps_the_port_and_the_state(server):
    """During an outage nobody listens; after it the same address serves what was there before."""
    ask(server, body=lines(2))
    with server.outage(), pytest.raises(ConnectionRefusedError):
        ask(server)
    assert ask(server, body=lines(1, offset=2))[0] == 200
    assert steps(server) == [0, 1, 2]


def test_a_wrong_key_is_refused(server):
    """Without the right key the answer is 401, and nothing is done."""
    good, server.api_key = server.api_key, "x" * 40
    status = ask(server)[0]
    server.api_key = "revoked" + good
    assert (status, ask(server, Authorization="Basic eA==")[0]) == (200, 401)


def test_what_is_not_known_is_complained_of(server):
    """A route, a field, an argument and a mutation that the emulator lacks are refused by name, and remembered."""
    assert ask(server, "/api/v2/none")[0] == 404
    for query in (
        'query A { project(name: "p") { run(name: "r") { colour } } }',
        "query B { viewer(since: 3) { id } }",
        "mutation C { paint(input: {}) { id } }",
        'mutation D { stopRun(input: {id: "x", colour: 1}) { success } }',
    ):
        answer = json.loads(ask(server, "/graphql", {"query": query})[1])
        assert answer["data"] is None
    assert [text.partition(":")[0] for text in server.complaints] == ["unknown route", "A", "B", "C", "D"]
    assert 'Cannot query field "colour" on type "Run".' in server.complaints[1]


def test_what_is_not_understood_is_complained_of(server):
    """A body that is no JSON, and a part of what has no parts, get a 400 and a complaint, not silence."""
    assert ask(server, "/graphql", b"no json")[0] == 400
    server.faults.add("graphql", Partial(1))
    assert ask(server, "/graphql", {"query": "{ viewer { id } }"})[0] == 500
    assert len(server.complaints) == 2
    assert "cannot take a part of graphql" in server.complaints[1]


def test_what_hangs_at_a_stop_is_never_done(server):
    """A request that hangs when the server goes away has no effect, then or later."""
    server.faults.add("file_stream", Hang())
    failures = []

    def send():
        try:
            ask(server, body=lines(1))
        except (http.client.HTTPException, ConnectionError) as error:
            failures.append(error)

    waiting = threading.Thread(target=send)
    waiting.start()
    while not server.faults.rules[0].hits:
        waiting.join(0.01)
    server.stop()
    waiting.join(20)
    server.start()
    assert len(failures) == 1
    assert steps(server) == []


def test_bodies_may_be_compressed(server):
    """A body in gzip is what it is without."""
    body = gzip.compress(json.dumps(lines(2)).encode())
    assert ask(server, body=body, **{"Content-Encoding": "gzip"})[0] == 200
    assert steps(server) == [0, 1]


def test_fragments_aliases_directives_and_defaults(server):
    """A document is answered as the specification of GraphQL says, whatever its operation is called."""
    query = """
    query Q($name: String = "r", $more: Boolean!) {
      project(name: "p", entityName: "team") { one: run(name: $name) { ...F, state @include(if: $more), user { id } } }
    }
    fragment F on Run { name, also: name, notes @skip(if: true), user { username } }
    """
    answer = json.loads(ask(server, "/graphql", {"query": query, "variables": {"more": False}})[1])
    run = answer["data"]["project"]["one"]
    assert run["user"].pop("id")
    assert run == {"name": "r", "also": "r", "user": {"username": "user"}}


def test_a_folder_outlives_the_server(tmp_path):
    """What was written is there for the next server on the folder: runs, rows and files."""
    with WandbEmulator(folder=tmp_path) as first:
        first.world.state.project("team", "p")
        first.runs["team/p/r"] = Run("team", "p", "r", 0.0)
        ask(first, body=lines(2))
        first.world.blobs.put("runs/team/p/r/ä b.txt", b"kept")
    with WandbEmulator(folder=tmp_path) as second:
        assert steps(second) == [0, 1]
        assert second.files(second.run("p", "r")) == {"ä b.txt": b"kept"}
