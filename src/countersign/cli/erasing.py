"""`countersign case erase`: what would go and what stays; it is done once two persons have signed it."""

from rich.console import Console

from countersign.cli import screen
from countersign.cli.places import Places, open_ports
from countersign.core.cases.grouping import many
from countersign.core.identity.people import Person
from countersign.errors import NotPermitted, StoreUnavailable
from countersign.ports import Ports
from countersign.steps.erase import Erased, Erasing, ensure_ground, erase, looked_at, subject

SHOWN = 20  # records that stay, by name


def erase_case(places: Places, case: str, ground: str) -> int:
    """Say what would be erased, collect two signatures, erase. `NotPermitted` without them: nothing has changed then."""
    ensure_ground(ground)
    ports = open_ports(places)
    out = screen.console()
    _say(out, looked_at(case, ports))
    done = erase(case, signed(ports, case, ground), ground, ports)
    ports.publisher.publish()
    _done(out, done)
    if not done.clean:
        raise StoreUnavailable(
            "the case is erased, but its bytes may be in free parts of the store's file still",
            hint="Something else uses the store, or the disk is full. Any next command tries to clean it again.",
        )
    return 0


def signed(ports: Ports, case: str, ground: str) -> tuple[Person, ...]:  # noqa: ARG001 (what signing will need)
    """The persons who signed this erasure. This version cannot ask them, so it is nobody, and nothing is erased."""
    raise NotPermitted(
        f"two persons must sign the erasure of {case} ({subject(case, ground).hex()[:16]}), and nobody has",
        hint="This version cannot take their signatures yet; nothing was erased.",
    )


def _say(out: Console, what: Erasing) -> None:
    own, shared = what.holdings.own, what.holdings.shared
    screen.line(out, f"erasing {', '.join(what.cases)} destroys for ever:", "bold")
    screen.line(
        out, f"{many(len(own), 'record')} with their alerts, {many(len(what.blobs), 'content')}", "", 2
    )
    screen.line(out, "every document, brief, review and decision of it; the proofs in the log stay", "", 2)
    for evidence, cases in list(shared.items())[:SHOWN]:
        screen.line(out, f"stays, because {', '.join(cases)} holds it too", "", 2, lead=f"{evidence}  ")
    if len(shared) > SHOWN:
        screen.line(out, f"and {many(len(shared) - SHOWN, 'record')} more that other cases hold", "", 2)


def _done(out: Console, done: Erased) -> None:
    gone = done.deleted
    screen.line(out, f"erased: {many(gone.records, 'record')}, {many(gone.alerts, 'alert')}, ", "bold")
    screen.line(out, f"{many(gone.documents, 'document')}, {many(gone.decisions, 'decision')}", "", 2)
    screen.line(out, f"the log tells of it in {done.entry}", "", 2)
