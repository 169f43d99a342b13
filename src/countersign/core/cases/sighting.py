"""An alert as the grouping sees it: its rule, where it was seen, when, and the entities it names.

The *place* is where the activity was seen: the sensor's own host for a source that names nobody else, else
the machine the record speaks of. Rarity is counted for a rule at its place. *Entities* are what alerts are
joined by: observables, in their one spelling, that are neither the sensor's own nor shared by everyone.
"""

from functools import lru_cache
from ipaddress import ip_address

import msgspec

from countersign.core.canonical import NANOSECONDS, read_time
from countersign.core.records.alert import SEVERITIES, Alert
from countersign.core.records.alerting import claims_severity
from countersign.core.records.fields import MISSING, AlertRule, Schema
from countersign.core.records.observable import Found, Observable, spell

MAX_ENTITIES, OF_ONE_TYPE = 32, 6
"""An alert joins by so many entities at most; by more than so many of one type only after all other types."""
UNCLAIMED, SUBMITTED = -1, 9
"""Severities beside 0 to 3: the source gives none; a person handed the record in."""
TIMELESS = -(2**33)
"""The start of an alert whose record has no readable time, or one that lies in the future."""
FUTURE_S = 86_400
LONGEST_S = 86_400
"""An alert goes on for a day at most, whatever its record says of its end, and never beyond its arrival."""

COMMON_DOMAINS = frozenset(
    "gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com icloud.com aol.com gmx.de gmx.net web.de "
    "proton.me protonmail.com mail.ru qq.com fonts.googleapis.com www.google.com www.w3.org schemas.microsoft.com "
    "windowsupdate.com www.microsoft.com login.microsoftonline.com ec2.amazonaws.com iam.amazonaws.com".split()
)
"""Domains that everyone uses, in any deployment."""

_MACHINES = frozenset({"ip", "host"})
_OWN_ROLES = frozenset({"target", "destination"})


class Sighting(msgspec.Struct, frozen=True, array_like=True):
    """One alert. Times are UTC seconds; `severity` is 0 to 3 (low to critical), UNCLAIMED or SUBMITTED."""

    alert: str
    source: str  # record schema
    rule: str
    category: str
    place: str  # empty when the record names none
    severity: int
    start: int
    end: int
    entities: tuple[str, ...] = ()  # `type:value`, sorted


def sighting(alert: Alert, schema: Schema, view: object, found: Found, now_ns: int) -> Sighting:
    """What the grouping needs of an alert; a clock that runs more than a day ahead of `now_ns` is not believed."""
    rule = schema.alert or AlertRule()
    severity = SEVERITIES.index(alert.severity) if claims_severity(schema, rule, view) else UNCLAIMED
    return Sighting(
        alert.id,
        alert.schema,
        alert.rule,
        alert.category,
        "" if rule.submitted else _place(schema, rule, view, found),
        SUBMITTED if rule.submitted else severity,
        *span(alert.event_ns, schema, view, now_ns),
        _entities(schema, rule, found),
    )


def span(event_ns: int | None, schema: Schema, view: object, now_ns: int) -> tuple[int, int]:
    """First and last second of an alert's activity; TIMELESS twice when the first is not known or not believed."""
    now = now_ns // NANOSECONDS
    start = TIMELESS if event_ns is None else event_ns // NANOSECONDS
    if start == TIMELESS or start > now + FUTURE_S:
        return TIMELESS, TIMELESS
    rule = schema.alert
    end = _end(schema, rule, view) if rule is not None and rule.end else 0
    return start, max(start, min(end, start + LONGEST_S, now))


def entity(one: Observable) -> str:
    """An observable as a key."""
    return f"{one.type}:{one.value}"


@lru_cache(maxsize=65_536)
def observable(key: str) -> Observable:
    """The observable behind a key."""
    kind, _, value = key.partition(":")
    return Observable(kind, value)


def _end(schema: Schema, rule: AlertRule, view: object) -> int:
    path = schema.path(rule.end) if rule.end else None
    ns = read_time(path.resolve(view), path.field.format) if path else None
    return 0 if ns is None else ns // NANOSECONDS


def _entities(schema: Schema, rule: AlertRule, found: Found) -> tuple[str, ...]:
    """Of too many: what the product itself wrote or gave a role first; a type's seventh after all other types' sixth."""
    kept: dict[Observable, bool] = {}  # whether an outsider chose it freely
    for one, pointer in found:
        if speaks_of(schema, rule, one, pointer):
            field = schema.field(pointer)
            loose = field is None or (field.tainted and not field.role)
            kept[one] = loose and kept.get(one, True)
    if len(kept) <= MAX_ENTITIES:
        return tuple(sorted(map(entity, kept)))
    nth: dict[str, int] = {}
    ranked = []
    for one in sorted(kept, key=lambda one: (kept[one], one.value)):
        nth[one.type] = at = nth.get(one.type, -1) + 1
        ranked.append((at // OF_ONE_TYPE, kept[one], at, entity(one)))
    return tuple(sorted(name for *_, name in sorted(ranked)[:MAX_ENTITIES]))


def speaks_of(schema: Schema, rule: AlertRule, one: Observable, pointer: str) -> bool:
    """Is this a party to what the alert is about? Not where its sensor stands, nor what everyone shares."""
    field = schema.field(pointer)
    role = field.role if field else ""
    ours = rule.submitted and role in _OWN_ROLES  # whom a mail was sent to says little of who sent it
    shared = role == "app" or (one.type == "domain" and one.value in COMMON_DOMAINS)
    return not (ours or shared or pointer in rule.place)


def _place(schema: Schema, rule: AlertRule, view: object, found: Found) -> str:
    """The sensor's host; else the one host that is named; else the end inside, or the target; else the instance."""
    for pointer in rule.place:
        path = schema.path(pointer)
        value = MISSING if path is None else path.resolve(view)
        if isinstance(value, str) and value not in schema.absent:
            known = spell("host", value) if path is not None and path.field.type == "host" else ()
            return known[0].value if known else value.lower()[:200]
    ends: dict[str, str] = {}
    hosts: set[str] = set()
    for one, pointer in found:
        if one.type in _MACHINES and (field := schema.field(pointer)) is not None:
            ends.setdefault(field.role, one.value)
            if field.role == "host" and one.type == "host":
                hosts.add(one.value)
    if hosts:
        return hosts.pop() if len(hosts) == 1 else ""
    inside = [ends[role] for role in ("source", "destination") if role in ends and _is_inside(ends[role])]
    if len(inside) == 1:
        return inside[0]
    named = next((ends[role] for role in ("destination", "target", "source") if role in ends), "")
    return named or schema.instance(view)


@lru_cache(maxsize=65_536)
def _is_inside(value: str) -> bool:
    try:
        return ip_address(value).is_private
    except ValueError:
        return True
