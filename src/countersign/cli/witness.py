"""`countersign log witness`: ask others to cosign the log, and be the one who is asked, on a second host."""

import sys
from pathlib import Path

from countersign import wiring
from countersign.cli import screen
from countersign.cli.places import Places, open_ports
from countersign.core.canonical import format_time
from countersign.core.log.note import LOG_KEY, VerifierKey, verifier_key
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


def _key(text: str) -> VerifierKey:
    try:
        return verifier_key(text)
    except MalformedNote as error:
        raise UsageError(f"the key cannot be used: {error}", hint="It is one line, NAME+ID+KEY.") from error
