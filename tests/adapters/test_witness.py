"""A log and a witness that talk over a real socket: what is signed, what is refused, and who can hold up whom."""

import socket
import sqlite3
import threading
import time
from contextlib import contextmanager
from hashlib import sha256
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign.adapters import witness_server
from countersign.adapters.witness_client import MAX_ANSWER_BYTES, HttpWitness
from countersign.adapters.witness_server import Witness, WitnessServer
from countersign.core.log.checkpoint import Checkpoint
from countersign.core.log.cosign import cosignature, cosignatures, message
from countersign.core.log.merkle import consistency_proof, leaf_hash, root
from countersign.core.log.note import Note, Signature, VerifierKey, parse_note
from countersign.core.log.witnessing import submission
from countersign.errors import (
    ConfigError,
    NoteNotVerified,
    TamperDetected,
    WitnessRefused,
    WitnessUnavailable,
)

LOG = "soc.example/log"
SEED = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
KEY = VerifierKey(LOG, 1, SEED.public_key().public_bytes_raw())
LEAVES = [leaf_hash(b"entry-%d" % n) for n in range(40)]
FORGED = [leaf_hash(b"forged"), *LEAVES[1:]]
NOW_S = 1_790_000_000


def head(size, leaves=LEAVES):
    return Checkpoint(LOG, size, root(leaves[:size]))


def note(checkpoint, seed=SEED):
    text = checkpoint.text()
    return Note(text, (Signature(KEY.name, KEY.id, seed.sign(text)),)).raw()


def asked(client, size, leaves=LEAVES):
    found = head(size, leaves)
    return client.cosign(found, note(found), lambda old: consistency_proof(leaves[:size], old))


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def folder(tmp_path):
    Witness.make(tmp_path / "witness", "witness.example/w1")
    return tmp_path / "witness"


@pytest.fixture
def witness(folder):
    return Witness(folder, {LOG: (KEY,)}, lambda: NOW_S)


@pytest.fixture
def url(witness):
    with serving(WitnessServer(witness, "127.0.0.1", 0, deadline_s=1)) as found:
        yield found


def client(url, key, **options):
    return HttpWitness(url, key, lambda: NOW_S, **options)


def answered(url, method, path, body=None, headers=None):
    connection = HTTPConnection(url.removeprefix("http://"), timeout=5)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response.status, response.read(), response.headers.get_content_type()


def test_a_witness_cosigns_a_log_as_it_grows_and_again_when_it_stands_still(url, witness):
    for size in (0, 7, 7, 8, 40):
        found = asked(client(url, witness.key), size)
        assert NOW_S == found.time_s
        assert (found,) == cosignatures(head(size).text(), [found.signature], [witness.key], NOW_S)
    path = f"/{sha256(LOG.encode()).hexdigest()}/checkpoint"
    status, body, _ = answered(url, "GET", path)
    assert (200, head(40).text()) == (status, parse_note(body).text)
    assert cosignatures(head(40).text(), parse_note(body).signatures, [witness.key], NOW_S)
    assert 404 == answered(url, "GET", path.replace("0", "1"))[0]
    assert 404 == answered(url, "GET", "/")[0]


def test_a_log_that_was_put_back_is_told_so_and_gets_no_signature(url, witness):
    asked(client(url, witness.key), 40)
    with pytest.raises(TamperDetected, match="has seen 40 entries of this log, and there are 7"):
        asked(client(url, witness.key), 7)


def test_a_second_history_gets_no_signature_and_is_kept_as_evidence(url, witness, folder):
    asked(client(url, witness.key), 7)
    for size in (7, 8, 40):
        with pytest.raises(TamperDetected, match="another history"):
            asked(client(url, witness.key), size, FORGED)
    with sqlite3.connect(folder / "witness.db") as memory:
        kept = memory.execute("SELECT origin, body FROM evidence").fetchall()
        assert [7] == [size for (size,) in memory.execute("SELECT size FROM seen")]
    assert [LOG] * 3 == [origin for origin, _ in kept]
    assert note(head(40, FORGED)) in kept[2][1]


def test_a_log_that_is_not_known_or_not_signed_is_refused(url, witness):
    stranger = Checkpoint("elsewhere.example", 7, head(7).root)
    with pytest.raises(WitnessRefused, match="404"):
        client(url, witness.key).cosign(stranger, note(stranger), lambda _: ())
    other = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
    with pytest.raises(WitnessRefused, match="403"):
        client(url, witness.key).cosign(head(7), note(head(7), other), lambda _: ())


def test_nobody_takes_the_signature_of_another_witness(url):
    other = VerifierKey("witness.example/w1", 4, bytes(32))
    with pytest.raises(WitnessUnavailable, match="no line by its key"):
        asked(client(url, other), 7)
    with pytest.raises(ConfigError, match="not a witness's"):
        client(url, KEY)


def test_what_is_recorded_survives_the_process_and_is_never_made_anew(folder, witness):
    assert 200 == witness.add_checkpoint(submission(0, (), note(head(7)))).status
    again = Witness(folder, {LOG: (KEY,)}, lambda: NOW_S)
    assert (409, b"7\n") == (
        (said := again.add_checkpoint(submission(0, (), note(head(7))))).status,
        said.body,
    )
    (folder / "witness.db").rename(folder / "elsewhere.db")
    with pytest.raises(ConfigError, match="cannot be used"):
        again.add_checkpoint(submission(0, (), note(head(7))))
    with pytest.raises(ConfigError):
        Witness(folder, {LOG: (KEY,)}, lambda: NOW_S)
    assert not (folder / "witness.db").exists()


def test_key_and_memory_belong_together_and_neither_is_replaced(folder, tmp_path):
    with pytest.raises(ConfigError, match="no witness can be made"):
        Witness.make(folder, "witness.example/w1")
    Witness.make(tmp_path / "other", "witness.example/w1")
    (tmp_path / "other" / "witness.key").rename(folder / "witness.key")
    with pytest.raises(ConfigError, match="not of one witness"):
        Witness(folder, {}, lambda: NOW_S)
    (folder / "witness.key").chmod(0o644)
    with pytest.raises(ConfigError, match="others can read"):
        Witness(folder, {}, lambda: NOW_S)
    with pytest.raises(ConfigError, match="name"):
        Witness.make(tmp_path / "third", "a name")


def test_a_witness_that_cannot_record_does_not_sign(url, witness, folder):
    (folder / "witness.db").rename(folder / "elsewhere.db")
    with pytest.raises(WitnessUnavailable, match="503"):
        asked(client(url, witness.key), 7)


def test_of_many_submissions_at_once_each_answer_continues_the_one_before(witness, folder):
    """Two histories from size 7 on race each other; only one of them is ever signed."""
    assert 200 == witness.add_checkpoint(submission(0, (), note(head(7)))).status
    other = [*LEAVES[:7], *(leaf_hash(b"other-%d" % n) for n in range(33))]
    granted, barrier = [], threading.Barrier(8)

    def submit(leaves, size):
        body = submission(7, consistency_proof(leaves[:size], 7), note(head(size, leaves)))
        barrier.wait()
        if witness.add_checkpoint(body).status == 200:
            granted.append((size, leaves is other))

    threads = [
        threading.Thread(target=submit, args=(rows, 10 + n)) for n in range(4) for rows in (LEAVES, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == len(granted)
    with sqlite3.connect(folder / "witness.db") as memory:
        assert [7, granted[0][0]] == [
            size for (size,) in memory.execute("SELECT size FROM seen ORDER BY size")
        ]


@pytest.mark.parametrize(
    ("status", "path", "body", "headers"),
    [
        (404, "/elsewhere", b"", {}),
        (411, "/add-checkpoint", None, {"Transfer-Encoding": "chunked"}),
        (411, "/add-checkpoint", b"", {"Content-Length": "-1"}),
        (413, "/add-checkpoint", b"", {"Content-Length": "999999999"}),
        (400, "/add-checkpoint", b"hello\n", {}),
    ],
)
def test_requests_of_another_kind_are_answered_and_not_read(url, status, path, body, headers):
    assert status == answered(url, "POST", path, body, headers)[0]


def test_the_size_of_a_conflict_is_told_in_its_own_media_type(url, witness):
    asked(client(url, witness.key), 7)
    found = answered(url, "POST", "/add-checkpoint", submission(3, (LEAVES[0],), note(head(8))))
    assert (409, b"7\n", "text/x.tlog.size") == found


def test_whoever_sends_slowly_or_nothing_loses_the_connection_and_holds_nobody_up(url, witness):
    host, port = url.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port)), timeout=5) for _ in range(3)]
    slow[0].sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 100\r\n\r\nold")
    slow[1].sendall(b"GET /")
    began = time.monotonic()
    assert NOW_S == asked(client(url, witness.key), 7).time_s
    assert time.monotonic() - began < 1
    for each in slow:
        while each.recv(1000):  # until the other side ends it
            pass
        each.close()
    assert time.monotonic() - began < 4


def test_more_connections_than_the_limit_are_closed_at_once(witness, monkeypatch):
    monkeypatch.setattr(witness_server, "CONNECTIONS", 2)
    with serving(WitnessServer(witness, "127.0.0.1", 0, deadline_s=1)) as url:
        host, port = url.removeprefix("http://").split(":")
        held = [socket.create_connection((host, int(port)), timeout=5) for _ in range(2)]
        time.sleep(0.1)
        with pytest.raises(WitnessUnavailable, match="cannot be reached"):
            asked(client(url, witness.key), 7)
        for each in held:
            each.close()


@contextmanager
def answering(answers, delay_s=0):
    """A witness of somebody else's making: it says these things, one a request."""
    left = list(answers)

    class Scripted(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = left.pop(0)
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/add-checkpoint")
            self.end_headers()
            for at in range(0, len(body), 64 * 1024) if not delay_s else range(len(body)):
                self.wfile.write(body[at : at + (1 if delay_s else 64 * 1024)])
                time.sleep(delay_s)

        def log_message(self, *_):
            pass

    class Quiet(HTTPServer):
        def handle_error(self, *_):
            pass

    with serving(Quiet(("127.0.0.1", 0), Scripted)) as url:
        yield url, left


W_SEED = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32)
W_KEY = VerifierKey("witness.example/w2", 4, W_SEED.public_key().public_bytes_raw())


def line(time_s=NOW_S, size=7):
    return cosignature(W_KEY, time_s, W_SEED.sign(message(time_s, head(size).text()))).line()


STRANGER = Signature("elsewhere.example", b"abcd", bytes(72)).line()


def test_the_lines_of_others_are_left_out():
    with answering([(200, STRANGER + line() + STRANGER)]) as (url, _):
        assert line() == asked(client(url, W_KEY), 7).signature.line()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, STRANGER),
        (200, b"fine\n"),
        (200, line()[:-1]),
        (200, b"x" * (MAX_ANSWER_BYTES + 10)),
        (409, b"many\n"),
        (409, b"07\n"),
        (409, b""),
        (301, b""),
        (500, b"\x1b[2J"),
    ],
)
def test_an_answer_that_cannot_be_used_is_no_signature(status, body):
    with answering([(status, body)]) as (url, _), pytest.raises(WitnessUnavailable) as found:
        asked(client(url, W_KEY), 7)
    assert "\x1b" not in str(found.value)


@pytest.mark.parametrize("body", [line(size=8), line(NOW_S + 301), line(0)], ids=["size", "future", "zero"])
def test_a_signature_that_does_not_hold_is_refused(body):
    with answering([(200, body)]) as (url, _), pytest.raises(NoteNotVerified):
        asked(client(url, W_KEY), 7)


def test_a_witness_that_names_another_size_each_time_is_not_asked_for_ever():
    with answering([(409, b"%d\n" % n) for n in range(7)]) as (url, left), pytest.raises(WitnessUnavailable):
        asked(client(url, W_KEY), 7)
    assert 4 == len(left)


def test_an_answer_that_drips_ends_with_the_deadline():
    began = time.monotonic()
    with answering([(200, line())], delay_s=0.05) as (url, _):
        with pytest.raises(WitnessUnavailable):
            asked(client(url, W_KEY, deadline_s=0.3), 7)
        assert time.monotonic() - began < 3


def test_nobody_listening_is_said():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(WitnessUnavailable, match="cannot be reached"):
            asked(client(f"http://127.0.0.1:{free.getsockname()[1]}", W_KEY), 7)


@pytest.mark.parametrize(
    "url", ["", "ftp://w.example", "https://", "https://a@w.example", "https://w.example/?a=1"]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ConfigError):
        client(url, W_KEY)
