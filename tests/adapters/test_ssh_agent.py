"""Keys held by an ssh-agent: a real one where there is one, and a small server that answers as it is told."""

import os
import shutil
import socket
import struct
import subprocess
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from countersign.adapters import keyfiles, ssh_agent
from countersign.errors import KeyUnusable

KEY = Ed25519PrivateKey.from_private_bytes(bytes([3]) * 32)
PUBLIC = KEY.public_key().public_bytes_raw()


def string(raw):
    return struct.pack(">I", len(raw)) + raw


def blob(public=PUBLIC, kind=b"ssh-ed25519"):
    return string(kind) + string(public)


def listing(*keys):
    return bytes([12]) + struct.pack(">I", len(keys)) + b"".join(string(b) + string(c) for b, c in keys)


def answering(request):
    """What a well-behaved agent of one key answers."""
    if request[0] == 11:
        return string(listing((blob(b"\1" * 51, b"ssh-rsa"), b"old"), (blob(), "Ada’s".encode()), (b"", b"")))
    length = struct.unpack(">I", request[1:5])[0]
    data_at = 5 + length + 4
    data = request[data_at:-4]
    assert blob() == request[5 : 5 + length]
    assert bytes(4) == request[-4:]
    return string(bytes([14]) + string(string(b"ssh-ed25519") + string(KEY.sign(data))))


@pytest.fixture
def agent(tmp_path):
    """Starts a server that answers each request with what `answer(request)` gives; its socket's path."""
    servers = []

    def start(answer):
        path = str(tmp_path / f"agent{len(servers)}")
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(path)
        server.listen()
        servers.append(server)
        Thread(target=serve, args=(server, answer), daemon=True).start()
        return path

    yield start
    for server in servers:
        server.close()


def serve(server, answer):
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            header = connection.recv(4, socket.MSG_WAITALL)
            request = connection.recv(struct.unpack(">I", header)[0], socket.MSG_WAITALL)
            if (said := answer(request)) is not None:
                connection.sendall(said)
            else:
                connection.recv(1)  # never answers


def test_only_ed25519_keys_are_listed(agent):
    assert (ssh_agent.Identity(PUBLIC, "Ada’s"),) == ssh_agent.identities(agent(answering))


def test_a_key_that_the_agent_holds_signs(agent):
    signature = ssh_agent.held(agent(answering), PUBLIC).sign(b"c" * 32)
    Ed25519PublicKey.from_public_bytes(PUBLIC).verify(signature, b"c" * 32)


def test_a_key_that_it_does_not_hold_is_refused(agent):
    with pytest.raises(KeyUnusable, match="does not hold this key"):
        ssh_agent.held(agent(answering), bytes(32))


REFUSING = {
    "a failure": string(b"\x05"),
    "another answer": string(bytes([6]) + bytes(8)),
    "an empty answer": string(b""),
    "a huge answer": struct.pack(">I", 2**31) + b"x",
    "half an answer": string(listing((blob(), b"")))[:-3],
    "more keys than it sends": string(bytes([12]) + struct.pack(">I", 5)),
    "a billion keys": string(bytes([12]) + struct.pack(">I", 2**30)),
    "more bytes than it says": string(listing((blob(), b"")) + b"x"),
    "a string beyond the end": string(bytes([12]) + struct.pack(">II", 1, 2**20)),
    "nothing": b"",
}


@pytest.mark.parametrize("said", REFUSING.values(), ids=REFUSING)
def test_an_agent_that_refuses_or_babbles_is_no_key(agent, said):
    with pytest.raises(KeyUnusable, match="agent"):
        ssh_agent.identities(agent(lambda _: said))


SIGNATURES = {
    "another algorithm": string(b"ssh-rsa") + string(bytes(64)),
    "a short signature": string(b"ssh-ed25519") + string(bytes(63)),
    "leftover bytes": string(b"ssh-ed25519") + string(bytes(64)) + b"x",
    "nothing": b"",
}


@pytest.mark.parametrize("said", SIGNATURES.values(), ids=SIGNATURES)
def test_what_is_no_ed25519_signature_is_refused(agent, said):
    path = agent(lambda _: string(bytes([14]) + string(said)))
    with pytest.raises(KeyUnusable, match="agent"):
        ssh_agent.AgentKey(PUBLIC, path).sign(b"c" * 32)


def test_an_agent_that_never_answers_is_given_up(agent, monkeypatch):
    monkeypatch.setattr(ssh_agent, "LIST_TIMEOUT_S", 0.1)
    monkeypatch.setattr(ssh_agent, "SIGN_TIMEOUT_S", 0.1)
    path = agent(lambda _: None)
    with pytest.raises(KeyUnusable, match="does not answer"):
        ssh_agent.identities(path)
    with pytest.raises(KeyUnusable, match="does not answer"):
        ssh_agent.AgentKey(PUBLIC, path).sign(b"c" * 32)


@pytest.mark.parametrize("path", ["/nowhere/agent", "x" * 300, "a\0b"])
def test_where_no_agent_listens_there_is_none(path):
    with pytest.raises(KeyUnusable, match="cannot be reached"):
        ssh_agent.identities(path)


def test_without_the_variable_there_is_no_agent(monkeypatch):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(KeyUnusable, match="no ssh-agent"):
        ssh_agent.socket_path()


@pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="no ssh-agent here")
def test_a_real_agent_takes_our_key_file_and_signs_with_it(tmp_path):
    path = tmp_path / "ada.key"
    key = keyfiles.make(path, "correct horse")
    asks = tmp_path / "ask"
    asks.write_text("#!/bin/sh\necho correct horse\n")
    asks.chmod(0o700)
    listens = str(tmp_path / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", listens], stdout=subprocess.PIPE)
    try:
        agent.stdout.readline()
        variables = os.environ | {
            "SSH_AUTH_SOCK": listens,
            "SSH_ASKPASS": str(asks),
            "SSH_ASKPASS_REQUIRE": "force",
        }
        subprocess.run(["ssh-add", path], env=variables, check=True, capture_output=True, timeout=30)
        signature = ssh_agent.held(listens, key.public).sign(b"c" * 32)
    finally:
        agent.terminate()
        agent.wait(10)
        agent.stdout.close()
    Ed25519PublicKey.from_public_bytes(key.public).verify(signature, b"c" * 32)
