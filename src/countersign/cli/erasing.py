"""`countersign case erase`: what would go and what stays; it is done once two persons have signed exactly that."""

import sys
from pathlib import Path

from rich.console import Console

from countersign.cli import badge, screen
from countersign.cli.places import Places, open_ports
from countersign.core.cases.grouping import many
from countersign.core.identity.signatures import Signature
from countersign.core.identity.signed import read_signature, signature_json
from countersign.errors import NotPermitted, StoreUnavailable, UsageError
from countersign.ports import Ports
from countersign.steps.erase import Erased, Erasing, ensure_ground, erase, looked_at, subject

SHOWN = 20  # records that stay, by name
LARGEST = 65_536  # bytes of a consent

Consent = tuple[str | None, str | None]
"""The file that a first person's consent is written to, and the one that it is read from."""


def erase_case(
    places: Places,
    case: str,
    ground: str,
    consent: Consent,
    *,
    confirm: str | None = None,
    passphrase_file: str | None = None,
) -> int:
    """Say what would be erased; the first person's signature goes to a file, the second's erases. Else `NotPermitted`."""
    ensure_ground(ground)
    ports = open_ports(places)
    out = screen.console()
    what = looked_at(case, ports)
    _say(out, what)
    write_to, read_from = consent
    if (write_to is None) == (read_from is None):
        raise NotPermitted(
            "two different persons must sign this erasure, and nobody has; nothing was erased",
            hint="The first signs with --consent-out FILE, the second with --consent FILE, within five minutes.",
        )
    first = None if read_from is None else _read(Path(read_from))
    _confirm(case, confirm)
    mine = _signed(places, ports, what, ground, passphrase_file)
    if first is None:
        _write(Path(str(write_to)), mine)
        screen.line(out, f"signed; within five minutes a second person signs with --consent {write_to}")
        return 0
    done = erase(case, (first, mine), ground, ports)
    ports.publisher.publish()
    _done(out, done)
    if not done.clean:
        raise StoreUnavailable(
            "the case is erased, but its bytes may be in free parts of the store's file still",
            hint="Something else uses the store, or the disk is full. Every next start tries again to clean it.",
        )
    return 0


def _signed(
    places: Places, ports: Ports, what: Erasing, ground: str, passphrase_file: str | None
) -> Signature:
    """The signature of whoever is signed in here, over exactly what was just shown."""
    mine = badge.read(places)
    key = badge.own_key(mine, passphrase_file)
    return badge.signature(ports, mine.person, key, subject(what, ground))


def _confirm(case: str, given: str | None) -> None:
    """The case's id, typed: nothing is destroyed by one keystroke."""
    if given is None and sys.stdin.isatty():
        given = input(f"This cannot be undone. To sign it, type {case}: ")
    if given != case:
        raise UsageError(
            "it was not confirmed; nothing was signed or erased", hint=f"Confirm it with --confirm {case}."
        )


def _read(path: Path) -> Signature:
    try:
        with path.open("rb") as file:
            return read_signature(file.read(LARGEST))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _write(path: Path, signature: Signature) -> None:
    try:
        with path.open("xb") as file:
            file.write(signature_json(signature))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="Name a new file.") from error


def _say(out: Console, what: Erasing) -> None:
    own, shared = what.holdings.own, what.holdings.shared
    screen.line(out, f"erasing {', '.join(what.cases)} destroys for ever:", "bold")
    screen.line(
        out, f"{many(len(own), 'record')} with their alerts, {many(len(what.blobs), 'content')}", "", 2
    )
    screen.line(out, "every document, brief, review and decision of it; the proofs in the log stay", "", 2)
    for evidence, cases in list(shared.items())[:SHOWN]:
        screen.line(out, f"{evidence} stays: {', '.join(cases)} holds it too", "", 2)
    if len(shared) > SHOWN:
        screen.line(out, f"and {many(len(shared) - SHOWN, 'record')} more that other cases hold", "", 2)


def _done(out: Console, done: Erased) -> None:
    gone = done.deleted
    told = [many(gone.records, "record"), many(gone.alerts, "alert"), many(gone.documents, "document")]
    screen.line(out, f"erased: {', '.join(told)}, {many(gone.decisions, 'decision')}", "bold")
    screen.line(out, f"the log tells of it in {done.entry}", "", 2)
