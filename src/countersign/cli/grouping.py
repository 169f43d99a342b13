"""`countersign case why|draft|split|merge|move`: why alerts stand together, and a person's word on it."""

import getpass
import re
from collections.abc import Iterable, Sequence

from countersign import wiring
from countersign.cli import screen
from countersign.cli.case import find
from countersign.cli.places import Places, open_ports
from countersign.cli.triage import stored_references
from countersign.core.canonical import NANOSECONDS, format_time
from countersign.core.cases.grouping import burst_words, many
from countersign.core.cases.sighting import observable
from countersign.core.cases.words import kind_word, strength, value_words
from countersign.core.claims.coverage import parse_coverage
from countersign.core.records.alert import Alert
from countersign.core.render import shown
from countersign.errors import UsageError
from countersign.ports import Ports
from countersign.steps import assemble, draft, regroup
from countersign.steps.regroup import Order


def why(places: Places, named: str) -> int:
    """Where an alert stands, by which rule it got there, and what past hours say of it."""
    ports = open_ports(places)
    alert = _alert(ports, named)
    with ports.store.reading() as tx:
        burst = tx.groups.burst_of(alert.evidence)
        kept = tx.groups.standing([burst.case]).get(burst.case) if burst else None
        told = [one for one in tx.groups.regroupings() if alert.id in one.alerts or (burst and burst.case in (one.case, one.into))]  # fmt: skip
    out = screen.console()
    when = "no readable time" if alert.event_ns is None else format_time(alert.event_ns)
    screen.line(out, f"{alert.id}: {shown(alert.rule, tainted=True, limit=200)}, {when}", "bold")
    if burst is None or kept is None:
        screen.line(out, "it waits to be grouped; `countersign triage` does so")
        return 0
    screen.line(out, f"part of {kept.kind} {kept.case}: {burst.because} ({burst.weight:.1f} bits)")
    screen.line(
        out, f"its burst: {burst_words(burst)}, from {format_time(max(burst.first, 0) * NANOSECONDS)}"
    )
    rarity = burst.rarity
    screen.line(out, f"{rarity.words()} ({rarity.bits:.1f} bits; the rule anywhere {rarity.rule_bits:.1f})")
    if burst.named:
        usual = sorted(set(burst.named) - set(burst.entities))
        screen.line(out, "it may join by " + (_entities(burst.entities) or "no entity"))
        if usual:
            words = (
                f"usual in the background here, or another incident's, so joining nobody: {_entities(usual)}"
            )
            screen.line(out, words, "dim")
    if burst.late:
        screen.line(out, "it came later than the reorder window allows, and was attached", "yellow")
    for one in told:
        what = many(len(one.alerts), "alert") if one.alerts else "everything"
        screen.line(out, f"{one.at[:19]}Z {one.by}: {what} of {one.case} into {one.into}: {one.because}")
    return 0


def _entities(keys: Iterable[str]) -> str:
    named = map(observable, keys)
    return ", ".join(f"{kind_word(one)} {value_words(one)}" for one in sorted(named, key=strength))


def redraft(places: Places, named: str) -> int:
    """Draft a case anew over what it holds now."""
    ports = open_ports(places)
    with ports.store.reading() as tx:
        grouped = tx.groups.standing([named])
    case = named if grouped else find(ports, named).case_id
    made = _drafted(ports, [case])
    out = screen.console()
    if not made:
        raise UsageError(
            f"{case} was opened by hand or is empty: only cases of alerts can be drafted anew",
            hint="`countersign case open` makes a case over files.",
        )
    ports.publisher.publish()  # before anything is shown
    for one in made:
        screen.case(out, one)
    return _done(ports)


def split(places: Places, named: str, alerts: Sequence[str], reason: str, by: str | None) -> int:
    """Make a case of some of a case's alerts."""
    ports = open_ports(places)
    case = find(ports, named).case_id
    chosen = [_alert(ports, name) for name in alerts]
    return _regrouped(ports, regroup.split(case, chosen, _order(reason, by), ports))


def merge(places: Places, named: str, into: str, reason: str, by: str | None) -> int:
    """Put a case into another."""
    ports = open_ports(places)
    case, other = find(ports, named).case_id, find(ports, into).case_id
    return _regrouped(ports, regroup.merge(case, other, _order(reason, by), ports))


def move(places: Places, named: str, into: str, reason: str, by: str | None) -> int:
    """Put one alert into another case."""
    ports = open_ports(places)
    alert, case = _alert(ports, named), find(ports, into).case_id
    return _regrouped(ports, regroup.move(alert, case, _order(reason, by), ports))


def _order(reason: str, by: str | None) -> Order:
    if not reason.strip():
        raise UsageError("a regrouping needs a reason", hint="Say why with --reason.")
    return Order(by or getpass.getuser(), reason.strip())


def _alert(ports: Ports, named: str) -> Alert:
    if re.fullmatch(r"[0-9a-f]{8,64}", named):
        named = f"sha256:{named}"  # as screens show a record's id
    with ports.store.reading() as tx:
        found = tx.alerts.starting(named)
    if len(found) != 1:
        why = f"{named} fits more than one alert" if found else f"there is no alert {named}"
        raise UsageError(
            why, hint="Give an alert's id or its record's, or enough of either; `case show --json` has both."
        )
    return found[0]


def _regrouped(ports: Ports, changed: Sequence[str]) -> int:
    out = screen.console()
    made = _drafted(ports, changed)
    ports.publisher.publish()  # before anything is shown
    for one in made:
        lead = f"{one.case.id}  {one.case.severity:<8} tier {one.case.tier}  "
        screen.line(out, f"{one.case.kind}, drafted anew: {one.brief.title}", lead=lead)
    return _done(ports)


def _drafted(ports: Ports, cases: Iterable[str]) -> list[draft.Briefed]:
    with ports.store.reading() as tx:
        stored = tx.evidence.counts().schemas
        rows = tuple(row for raw in tx.coverage.all() for row in parse_coverage(raw))
    inputs = draft.Inputs(rows, stored_references(ports), {}, wiring.drafter("rules"), stored)
    found = (assemble.assembled(case, ports) for case in cases)
    return list(draft.brief_cases((one for one in found if one is not None), ports, inputs))


def _done(ports: Ports) -> int:
    ports.store.close()
    return 0
