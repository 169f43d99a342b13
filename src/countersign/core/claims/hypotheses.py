"""The least basis that each word of the vocabulary of readings demands.

A hypothesis never becomes a fact. It is shown as an interpretation when every claim it rests on is
verified and together they have the shape its code asks for. Shapes speak of what is *stated*
(`core/claims/basis.py`), never of what merely stands in a cited record.
Source: `reference/verification.md` section 8.
"""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from countersign.core.canonical import NANOSECONDS, parse_time, skeleton
from countersign.core.claims.basis import Basis
from countersign.core.claims.claims import (
    FieldClaim,
    OrderClaim,
    ReferenceClaim,
    SameClaim,
)
from countersign.core.claims.keys import NAMEABLE
from countersign.core.claims.listed import covers
from countersign.core.claims.reference import KINDS, LISTS
from countersign.core.claims.roles import role_word
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.fields import walk
from countersign.core.render import neutralize, value_text

HOUR_NS = 3600 * NANOSECONDS


SCAN_COUNT, FAILURE_COUNT, LISTING_COUNT, BEACON_COUNT, IMPACT_COUNT = 10, 10, 5, 10, 10


AGES = frozenset({"age_days", "first_seen", "last_seen", "published", "shared"})
"""Fields of an indicator list that say how old an indicator is, or that many share it."""

Shape = Callable[[Basis], str]
"""What is missing from a basis, in words; empty when nothing is."""


def _recon(b: Basis) -> str:
    return (
        ""
        if b.counted(SCAN_COUNT, distinct=True)
        else f"needs a count of {SCAN_COUNT} distinct targets, ports or paths"
    )


def _brute_force(b: Basis) -> str:
    for claim in b.counted(FAILURE_COUNT):
        matches = b.snapshot.matching(claim.filter, parse_time(claim.start), parse_time(claim.end))
        if matches and all(_outcome(b.snapshot, record.id, "logon") == "failure" for record in matches):
            return ""
    return f"needs a count of {FAILURE_COUNT} failed logons"


def _outcome(snapshot: Snapshot, eid: str, rel: str) -> str:
    row = snapshot.relation(eid, rel)
    place = dict(row.roles).get("outcome") if row else None
    return role_word(snapshot, eid, place) if place else ""


def _phish(b: Basis) -> str:
    if not b.relations("mail_received"):
        return "needs a received mail"
    failed = any("fail" in s.roles.get("auth", "") for s in b.relations("mail_received"))
    failed = failed or any(
        isinstance(c, FieldClaim) and "fail" in value_text(c.value) and "/auth/" in c.ptr for c in b.told()
    )
    if failed or b.references("indicator_list") or _look_alike(b):
        return ""
    return "needs a list hit, failed mail authentication or a look-alike sender"


def _look_alike(b: Basis) -> bool:
    """Two cited domains or addresses that print alike and are not the same."""
    names = {
        value_text(getattr(c, "value", "")).rsplit("@", 1)[-1].lower() for c in b.told("domain", "email")
    }
    return any(one != two and skeleton(one) == skeleton(two) for one in names for two in names)


def _exec(b: Basis) -> str:
    if not b.relations("proc_start"):
        return "needs a process start"
    return "" if b.told("cmdline") else "needs a field or quote of its command line"


def _persistence(b: Basis) -> str:
    names = ("service_install", "task_create", "registry_set", "account_change", "file_write")
    return (
        ""
        if b.relations(*names)
        else "needs a service, task, registry value, account or file that was set up"
    )


def _priv(b: Basis) -> str:
    rows = b.relations("group_change", "policy_change", "app_change", "account_change", "api_call")
    return (
        ""
        if any({"actor", "principal"} & set(s.roles) for s in rows)
        else "needs a rights change and its actor"
    )


def _discovery(b: Basis) -> str:
    for claim in b.counted(LISTING_COUNT, distinct=True):
        for pointer, op, _ in claim.filter.where:
            path = b.snapshot.path(claim.filter.schema, pointer)
            if (
                op == "eq"
                and path
                and (path.field.type in {"user", "pid", "arn"} or path.field.role in {"actor", "principal"})
            ):
                return ""
    return f"needs a count of {LISTING_COUNT} distinct listings by one actor"


def _exposure(b: Basis) -> str:
    rows = b.relations("api_call", "app_change", "policy_change")
    rows = [s for s in rows if s.rel != "api_call" or s.roles.get("outcome") == "success"]
    told = {claim.cite for claim in b.told()}
    return (
        "" if any(s.eid in told for s in rows) else "needs a successful call and a field of the grant it made"
    )


def _misuse(b: Basis) -> str:
    good = [s for s in b.relations("logon", "api_call") if s.roles.get("outcome") == "success"]
    if not good:
        return "needs a successful logon or call"
    if b.references("baseline"):
        return ""
    for one in good:
        for two in good:
            apart = None if one.event_ns is None or two.event_ns is None else two.event_ns - one.event_ns
            who = {
                one.roles.get("account", one.roles.get("principal")),
                two.roles.get("account", two.roles.get("principal")),
            }
            origins = {one.roles.get("from"), two.roles.get("from")} - {None}
            if len(who) == 1 and len(origins) == 2 and apart is not None and 0 <= apart <= HOUR_NS:
                return ""
    return "needs a baseline, or a second success from another origin within 60 minutes"


def _exploit(b: Basis) -> str:
    starts = {s.eid for s in b.relations("http_request", "net_alert")}
    for claim in b.of(OrderClaim):
        row = next((n for n in ("proc_start", "net_flow") if b.snapshot.relation(claim.after, n)), None)
        if claim.before in starts and row is not None:
            return ""
    return "needs a request or alert, and an order from it to a process start or outbound flow"


def _credentials(b: Basis) -> str:
    rows = b.relations(
        "object_access", "process_access", "db_query", "replication", "ldap_search", "api_call", "file_write"
    )
    actor = {"account", "image", "principal"}
    return (
        "" if any(actor & set(s.roles) for s in rows) else "needs access to a store of secrets, and its actor"
    )


def _impair(b: Basis) -> str:
    rows = b.relations("sensor_stop", "log_clear", "api_call", "service_install")
    actor = {"account", "principal"}
    return (
        ""
        if any(actor & set(s.roles) for s in rows)
        else "needs a stopped sensor or cleared log, and its actor"
    )


def _lateral(b: Basis) -> str:
    logons = {s.eid for s in b.relations("logon") if {"from", "host"} <= set(s.roles)}
    orders: list[OrderClaim] = b.of(OrderClaim)
    if any(c.after in logons and c.before in b.suspect for c in orders):
        return ""
    return "needs a logon from the source host after a record of another malicious reading"


def _control(b: Basis) -> str:
    if not b.relations("net_flow", "dns_query", "net_alert"):
        return "needs a flow or a DNS query"
    if b.references("indicator_list") or (b.counted(BEACON_COUNT) and b.references("baseline")):
        return ""
    return f"needs a bad-list hit, or {BEACON_COUNT} contacts and a baseline"


def _exfiltration(b: Basis) -> str:
    if not b.relations("net_flow", "api_call", "mail_read"):
        return "needs a flow, a read or a mail access"
    if not b.references("baseline"):
        return "needs a baseline"
    return "" if b.counted(1) or b.told("int", "number") else "needs a count or a number of bytes"


def _impact(b: Basis) -> str:
    destroyed = any(
        "delet" in value_text(getattr(c, "value", getattr(c, "text", ""))).lower() for c in b.told("cmdline")
    )
    return (
        ""
        if b.counted(IMPACT_COUNT) or destroyed
        else f"needs {IMPACT_COUNT} changed, deleted or encrypted objects"
    )


def _breach(b: Basis) -> str:
    return "" if b.stated and b.references("rule_text") else "needs what was done, and the written rule"


def _register(kind: str) -> Shape:
    def shape(b: Basis) -> str:
        entries = [b.snapshot.references[c.kb, c.kb_version].entries[c.key] for c in b.references(kind)]
        if not entries:
            return f"needs an entry of the {kind.replace('_', ' ')}"
        trigger = b.alerts or tuple(b.snapshot.evidence)
        bare = [eid for eid in trigger if not any(_spans(entry, eid, b.snapshot) for entry in entries)]
        return (
            f"the entry does not cover actor, asset and time of {len(bare)} of {len(trigger)} records"
            if bare
            else ""
        )

    return shape


def _spans(entry: Mapping[str, object], eid: str, snapshot: Snapshot) -> bool:
    start, end = parse_time(str(entry.get("from", ""))), parse_time(str(entry.get("to", "")))
    ns, schema = snapshot.evidence[eid].event_ns, snapshot.schema(eid)
    if start is None or end is None or ns is None or schema is None or not start <= ns < end:
        return False
    return all(
        who in entry and _names(str(entry[who]), told(snapshot, eid, who)) for who in ("actor", "asset")
    )


SIDES = {
    "actor": frozenset({"actor", "source", "principal", "process"}),
    "asset": frozenset({"target", "destination", "host", "resource", "object", "app"}),
}


def told(snapshot: Snapshot, eid: str, side: str = "") -> frozenset[str]:
    """What a record says that no outsider could have written, in lower case: of its actor, its asset, or at all."""
    schema = snapshot.schema(eid)
    if schema is None:
        return frozenset()
    roles = SIDES.get(side)
    values = (
        value_text(value).lower()
        for _, field, value in walk(schema, snapshot.view(eid))
        if field is not None and not field.tainted and (roles is None or field.role in roles)
    )
    return frozenset(v for value in values for v in (value, value.rsplit("\\", 1)[-1]))


def _names(named: str, values: frozenset[str]) -> bool:
    if "/" not in named:
        return named.lower() in values
    try:
        net = ip_network(named, strict=False)
    except ValueError:
        return named.lower() in values
    return any(_inside(value, net) for value in values)


def _inside(value: str, net: Any) -> bool:
    try:
        return ip_address(value) in net
    except ValueError:
        return False


def _runs(entry: Mapping[str, object], b: Basis) -> bool:
    sides = [side for side in SIDES if side in entry]
    return bool(sides) and all(
        _names(str(entry[side]), told(b.snapshot, eid, side)) for side in sides for eid in _alerted(b)
    )


def _automation(b: Basis) -> str:
    entries = [
        b.snapshot.references[c.kb, c.kb_version].entries[c.key] for c in b.references("job_inventory")
    ]
    if not any(_runs(entry, b) for entry in entries):
        return "needs an entry of the job inventory that names actor and asset of every alert record"
    return "" if b.counted(0) and b.references("baseline") else "needs a count beside a stored baseline"


def _alerted(b: Basis) -> tuple[str, ...]:
    return b.alerts or tuple(b.snapshot.evidence)


def _keyed(b: Basis, claims: Sequence[ReferenceClaim]) -> bool:
    """Do pinned entries name the rule or the indicator of every alert record, in a field no outsider writes?"""
    entries = [(b.snapshot.references[c.kb, c.kb_version], c.key) for c in claims]
    return bool(entries) and all(
        any(covers(pinned, key, eid, b.snapshot) for pinned, key in entries) for eid in _alerted(b)
    )


def _defect(b: Basis) -> str:
    if not _keyed(b, b.references("rule_text")):
        return "needs the text of the rule that fired"
    matched = [c for c in b.told() if not b.alerts or c.cite in b.alerts]
    return "" if matched else "needs a field of the matched condition"


def _intel(b: Basis) -> str:
    aged = [claim for claim in b.references("indicator_list") if claim.field in AGES]
    if _keyed(b, b.references("allow_list")) or _keyed(b, aged):
        return ""
    pinned = b.snapshot.references
    idle = [c.key for c in b.references(*LISTS) if not pinned[c.kb, c.kb_version].names(c.key)]
    why = f"; {neutralize(idle[0])} is not {NAMEABLE}" if idle else ""
    return "needs the age of the triggering indicator, or that an allow-list names it" + why


def _blocked(b: Basis) -> str:
    if not any(b.field_role(c) in {"outcome", "action"} for c in b.told()):
        return "needs the action the control took"
    return "" if b.absences() else "needs a covered absence of success"


def _quiet(b: Basis) -> str:
    return "" if b.absences(HOUR_NS) else "needs a covered absence over at least 60 minutes"


def _duplicate(b: Basis) -> str:
    same: list[SameClaim] = b.of(SameClaim)
    kinds = {b.type_of(c.a.cite, c.a.ptr) for c in same}
    if len(kinds) < 2:
        return "needs two observables of different types that are the same"
    return "" if b.references(*KINDS) else "needs the other case"


SHAPES: dict[str, Shape] = {
    "recon": _recon,
    "brute_force": _brute_force,
    "phish_delivery": _phish,
    "suspicious_exec": _exec,
    "persistence": _persistence,
    "priv_gain": _priv,
    "discovery": _discovery,
    "cloud_exposure": _exposure,
    "account_misuse": _misuse,
    "exploit": _exploit,
    "credential_theft": _credentials,
    "impair_defence": _impair,
    "lateral_move": _lateral,
    "command_control": _control,
    "exfiltration": _exfiltration,
    "impact": _impact,
    "policy_breach": _breach,
    "authorised_test": _register("test_register"),
    "approved_change": _register("change_register"),
    "known_automation": _automation,
    "owner_confirmed": _register("callback"),
    "rule_defect": _defect,
    "stale_intel": _intel,
    "blocked": _blocked,
    "no_follow_on": _quiet,
    "duplicate": _duplicate,
}
