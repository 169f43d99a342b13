"""`countersign log witness` and `log check-proof`: have others cosign, be one who does, ask who did."""

import sys
from pathlib import Path

from countersign import wiring
from countersign.cli import screen
from countersign.cli.places import Places, open_ports
from countersign.core.canonical import format_time
from countersign.core.log.note import LOG_KEY, VerifierKey, verifier_key
from countersign.core.log.proofs import MAX_PROOF_BYTES, check_proof, parse_proof
from countersign.core.log.quorum import Policy, log_alone, parse_policy
from countersign.core.log.tiles import MAX_ENTRY_BYTES
from countersign.errors import MalformedNote, UsageError

SECOND_NS = 1_000_000_000


def ask(places: Places, url: str, key: str) -> int:
    """Have the newest checkpoint cosigned, keep the line, and say when the witness signed; exit code 3 if it did not."""
    witness = wiring.witness(url, _key(key))
    found = open_ports(places).publisher.cosigned(witness)
    screen.line(screen.console(), f"{witness.name} cosigned at {format_time(found.time_s * SECOND_NS)}")
    return 0


def init(folder: str, name: str) -> int:
    """Make a witness, and print the verifier key that readers of the log need."""
    key = wiring.new_witness(Path(folder), name)
    sys.stdout.write(f"{key}\n")  # never wrapped: it is copied
    return 0


def serve(folder: str, logs: list[str], host: str, port: int) -> int:
    """Serve until Ctrl-C. `logs` are the verifier keys of the logs that are known, named by their origins."""
    known: dict[str, list[VerifierKey]] = {}
    for text in logs:
        key = _key(text)
        if key.kind != LOG_KEY:
            raise UsageError(f"{key.name} is no log's key", hint="`countersign log key` prints the log's.")
        known.setdefault(key.name, []).append(key)
    try:
        server = wiring.witness_server(Path(folder), known, host, port)
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be served: {error.strerror}") from error
    with server:
        sys.stderr.write(f"witness {server.witness.key.name} on http://{host}:{server.server_port}/\n")
        sys.stdout.write(f"{server.witness.key}\n")
        sys.stdout.flush()
        server.serve_forever()
    return 0


def check(proof: str, entry: str, key: str | None, policy: str | None) -> int:
    """Say under which checkpoint the log holds the entry, and who signed it; exit code 3 when that is not shown."""
    rules = _policy(key, policy)
    given = parse_proof(_read(proof, MAX_PROOF_BYTES))
    found = check_proof(given, _read(entry, MAX_ENTRY_BYTES), rules, wiring.now_s())
    head, out = found.checkpoint, screen.console()
    screen.line(out, f"entry {given.index} of {head.origin}, under the checkpoint of {head.size} entries")
    for each in found.cosignatures:
        screen.line(out, f"cosigned by {each.key.name} at {format_time(each.time_s * SECOND_NS)}")
    return 0


def _policy(key: str | None, policy: str | None) -> Policy:
    if policy and not key:
        return parse_policy(_read(policy, MAX_PROOF_BYTES))
    if key and not policy:
        return log_alone(_key(key))
    raise UsageError(
        "who must have signed is not said", hint="Give either --key or --policy; never out of the proof."
    )


def _read(path: str, limit: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > limit:
        raise UsageError(f"{path} is larger than such a file can be")
    return raw


def _key(text: str) -> VerifierKey:
    try:
        return verifier_key(text)
    except MalformedNote as error:
        raise UsageError(f"the key cannot be used: {error}", hint="It is one line, NAME+ID+KEY.") from error
