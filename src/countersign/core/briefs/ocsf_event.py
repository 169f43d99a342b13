"""A record in the terms of OCSF: which attribute each of its values fills.

The dictionary decides: relations first, since their roles are tested, then fields by role and type, then a few
labels. What fits nowhere stays under `unmapped`, by its pointer. Secrets never leave. Values are the
record's own, not made safe to show: this is for machines, and the writer keeps to ASCII.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from countersign.core.canonical import is_address
from countersign.core.claims.roles import role_value, role_word
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.fields import MISSING, Field, Schema, walk
from countersign.core.records.observable import extractor

VERSION = "1.8.0"
MAX_UNMAPPED = 200
MAX_TEXT = 4096

# relation → (role, place). A place that ends in `user` or `endpoint` takes the part that the value is.
PLACES: dict[str, tuple[tuple[str, str], ...]] = {
    "account_change": (("actor", "actor.user"), ("target", "user"), ("change", "activity_name")),
    "group_change": (("actor", "actor.user"), ("group", "group.name"), ("member", "user")),
    "logon": (("account", "user"), ("host", "dst_endpoint"), ("from", "src_endpoint")),
    "mail_received": (
        ("recipient", "email.to.0"),
        ("sender", "email.from"),
        ("subject", "email.subject"),
    ),
    "dns_query": (("client", "src_endpoint"), ("name", "query.hostname"), ("answer", "answers.0.rdata")),
    "http_request": (
        ("client", "src_endpoint"),
        ("url", "http_request.url.url_string"),
        ("host", "http_request.url.hostname"),
        ("status", "http_response.code"),
    ),
    "proc_start": (
        ("image", "process.file.path"),
        ("parent", "process.parent_process.file.path"),
        ("host", "device.hostname"),
        ("user", "actor.user"),
    ),
    "file_write": (
        ("image", "actor.process.file.path"),
        ("path", "file.path"),
        ("hash", "file.hashes.0.value"),
        ("host", "device.hostname"),
    ),
    "net_alert": (("src", "src_endpoint"), ("dst", "dst_endpoint"), ("dport", "dst_endpoint.port")),
    "net_flow": (
        ("src", "src_endpoint"),
        ("dst", "dst_endpoint"),
        ("dport", "dst_endpoint.port"),
        ("proto", "connection_info.protocol_name"),
    ),
    "api_call": (
        ("principal", "actor.user"),
        ("api", "api.operation"),
        ("service", "api.service.name"),
        ("from", "src_endpoint"),
    ),
    "object_access": (("account", "actor.user"), ("object", "resources.0.name"), ("host", "device.hostname")),
}
# (role, types) of a field → place, where no relation has filled it
_ROLES: tuple[tuple[str, str, str], ...] = (
    ("source", "ip", "src_endpoint.ip"),
    ("source", "host", "src_endpoint.hostname"),
    ("destination", "ip", "dst_endpoint.ip"),
    ("destination", "host", "dst_endpoint.hostname"),
    ("host", "host", "device.hostname"),
    ("actor", "user", "actor.user.name"),
    ("actor", "email", "actor.user.email_addr"),
    ("actor", "arn", "actor.user.uid"),
    ("target", "user", "user.name"),
    ("process", "path", "process.file.path"),
    ("resource", "arn", "resources.0.uid"),
    ("resource", "id", "resources.0.uid"),
    ("resource", "text", "resources.0.name"),
)
_LABELS: dict[str, str] = {
    "user agent": "http_request.user_agent",
    "source port": "src_endpoint.port",
    "destination port": "dst_endpoint.port",
    "command line": "process.cmd_line",
    "region": "cloud.region",
    "cloud": "cloud.provider",
    "project": "cloud.project_uid",
    "account number": "cloud.account.uid",
    "error code": "api.response.error",
    "error message": "api.response.message",
    "request id": "api.request.uid",
    "file": "file.path",
    "record id": "metadata.uid",
    "user id": "actor.user.uid",
    "principal id": "actor.user.uid_alt",
}
_HASHES = frozenset({"md5", "sha1", "sha256"})
_HASH_LENGTHS = {32: 1, 40: 2, 64: 3}
_CLOUDS = {"aws": "AWS", "gcp": "GCP", "ms": "Azure"}
KINDS: dict[str, tuple[int, str]] = {
    "host": (1, "Hostname"),
    "domain": (1, "Hostname"),
    "ip": (2, "IP Address"),
    "user": (4, "User Name"),
    "email": (5, "Email Address"),
    "url": (6, "URL String"),
    "md5": (8, "Hash"),
    "sha1": (8, "Hash"),
    "sha256": (8, "Hash"),
    "hash": (8, "Hash"),
    "arn": (10, "Resource UID"),
    "id": (10, "Resource UID"),
    "sid": (31, "User UID"),
}
"""Type of an observable → its number and name in OCSF; whatever is not here is 99, Other."""

_CLASSES: tuple[tuple[str, int, str], ...] = (
    ("account_change", 3001, "Account Change"),
    ("group_change", 3006, "Group Management"),
    ("logon", 3002, "Authentication"),
    ("mail_received", 4009, "Email Activity"),
    ("dns_query", 4003, "DNS Activity"),
    ("http_request", 4002, "HTTP Activity"),
    ("proc_start", 1007, "Process Activity"),
    ("file_write", 1001, "File System Activity"),
    ("net_flow", 4001, "Network Activity"),
    ("api_call", 6003, "API Activity"),
)
CATEGORIES = {
    0: "Uncategorized",
    1: "System Activity",
    2: "Findings",
    3: "Identity & Access Management",
    4: "Network Activity",
    6: "Application Activity",
}
_OUTCOMES = {
    "success": (1, "Success"),
    "Success": (1, "Success"),
    "failure": (2, "Failure"),
    "refused": (2, "Failure"),
}


class Mapped(msgspec.Struct, frozen=True):
    """The values of one record: attribute → (pointer, value), the rest by pointer, and the outcome if it is told."""

    places: dict[str, tuple[str, Any]]
    rest: dict[str, Any]
    outcome: str


def mapped(snapshot: Snapshot, eid: str) -> Mapped:
    """What each value of a record is in OCSF."""
    places, outcome = _by_relation(snapshot, eid)
    rest: dict[str, Any] = {}
    schema = snapshot.schema(eid)
    taken = {pointer for pointer, _ in places.values()}
    for pointer, field, value in _leaves(schema, snapshot.view(eid)) if schema is not None else ():
        place = "" if pointer in taken else _place(field)
        if place and place not in places and (place != "src_endpoint.ip" or is_address(str(value))):
            places[place] = (pointer, value)
        elif pointer not in taken and len(rest) < MAX_UNMAPPED:
            rest[pointer] = value
    if "api.operation" not in places:  # OCSF has no API call without an operation
        rest |= {pointer: value for name, (pointer, value) in places.items() if name.startswith("api.")}
        places = {name: one for name, one in places.items() if not name.startswith("api.")}
    return Mapped(places, rest, outcome)


def _by_relation(snapshot: Snapshot, eid: str) -> tuple[dict[str, tuple[str, Any]], str]:
    places: dict[str, tuple[str, Any]] = {}
    outcome = ""
    for name, roles in PLACES.items():
        row = snapshot.relation(eid, name)
        sources = dict(row.roles) if row is not None else {}
        if "outcome" in sources:
            outcome = outcome or role_word(snapshot, eid, sources["outcome"])
        for role, place in roles:
            path, value = role_value(snapshot, eid, sources[role]) if role in sources else (None, MISSING)
            if path is None or value is MISSING or isinstance(value, dict | list) or _hidden(path.field):
                continue
            places.setdefault(_whole(place, str(value)), (path.pointer, value))
    return places, outcome


def _whole(place: str, value: str) -> str:
    """The part of a user or an endpoint that a value is."""
    if place.endswith("endpoint"):
        return f"{place}.ip" if is_address(value) else f"{place}.hostname"
    if place.endswith("user"):
        if value.startswith("arn:"):
            return f"{place}.uid"
        return f"{place}.email_addr" if "@" in value else f"{place}.name"
    return place


def _leaves(schema: Schema, view: object) -> Iterator[tuple[str, Field, Any]]:
    for pointer, field, value in walk(schema, view):
        if field is None or _hidden(field) or field.embed or value in schema.absent:
            continue
        yield pointer, field, value[:MAX_TEXT] if isinstance(value, str) else value


def _hidden(field: Field) -> bool:
    return field.sensitivity == "secret"


def _place(field: Field) -> str:
    for role, kind, place in _ROLES:
        if field.role == role and field.type == kind:
            return place
    if field.type in _HASHES:
        return "file.hashes.0.value"
    return _LABELS.get(field.label, "")


def grown(values: dict[str, Any]) -> dict[str, Any]:
    """Nested objects of dotted attributes; a number in a name is a place in a list, always 0 here."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        here: Any = made
        parts = name.split(".")
        for part, after in zip(parts, [*parts[1:], ""], strict=True):
            slot: Any = 0 if part == "0" else part
            if slot == 0 and not here:
                here.append(None)
            if not after:
                here[slot] = value
                break
            if slot == 0:
                here[0] = here[0] or {}
            else:
                here.setdefault(slot, [] if after == "0" else {})
            here = here[slot]
    return made


def complete(made: dict[str, Any], schema: str) -> dict[str, Any]:
    """The same objects with what OCSF requires beside the values that are there; what is not known is 0, Unknown."""
    for name, inner in made.items():
        for one in inner if isinstance(inner, list) else (inner,):
            if isinstance(one, dict):
                complete(one, schema)
                for key, value in _required(name, one, schema).items():
                    one.setdefault(key, value)
    return made


def _required(name: str, one: dict[str, Any], schema: str) -> dict[str, Any]:
    if name == "file":
        path = str(one.get("path", ""))
        return {"name": path.replace("\\", "/").rpartition("/")[2] or path, "type_id": 0}
    if name == "hashes":
        return {"algorithm_id": _HASH_LENGTHS.get(len(str(one.get("value", ""))), 0)}
    if name == "cloud":
        return {"provider": _CLOUDS.get(schema.partition(".")[0], "Unknown")}
    return {"device": {"type_id": 0}, "connection_info": {"direction_id": 0}}.get(name, {})


def observables(snapshot: Snapshot, eid: str, found: Mapped, under: str = "") -> list[dict[str, Any]]:
    """Observables of a record, each named by the attribute that holds it, at most 200."""
    schema = snapshot.schema(eid)
    where = {pointer: under + name.replace(".0", "[0]") for name, (pointer, _) in found.places.items()}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one, pointer in extractor(schema)(snapshot.view(eid)) if schema is not None else ():
        number, word = KINDS.get(one.type, (99, one.type))
        name = where.get(pointer, f"unmapped.{pointer}")
        rows.setdefault(
            (one.type, one.value), {"name": name, "type_id": number, "type": word, "value": one.value}
        )
    return list(rows.values())[:MAX_UNMAPPED]


def event(snapshot: Snapshot, eid: str) -> dict[str, Any]:
    """One record as an OCSF activity: the class of the first relation that it states, else the base event."""
    record, found = snapshot.evidence[eid], mapped(snapshot, eid)
    stated = (row for row in _CLASSES if _states(snapshot, eid, row[0]))
    _, number, name = next(stated, ("", 0, "Base Event"))
    values = {place: value for place, (_, value) in found.places.items()}
    status = _OUTCOMES.get(found.outcome)
    made = heading(number, name, 1 if number == 3002 else 99 if "activity_name" in values else 0)
    made |= {"severity_id": 1, "severity": "Informational", **complete(grown(values), record.schema)}
    if record.event_ns is not None:
        made["time"] = record.event_ns // 1_000_000
    if status is not None:
        made |= {"status_id": status[0], "status": status[1]}
    made["metadata"] = made.get("metadata", {}) | {"version": VERSION, "product": _product(snapshot, eid)}
    return made | {"observables": observables(snapshot, eid, found), "unmapped": found.rest}


def _states(snapshot: Snapshot, eid: str, name: str) -> bool:
    row = snapshot.relation(eid, name)
    return row is not None and bool(row.roles)


def _product(snapshot: Snapshot, eid: str) -> dict[str, str]:
    schema = snapshot.schema(eid)
    return {"name": schema.title if schema is not None else snapshot.evidence[eid].schema}


def heading(number: int, name: str, activity: int) -> dict[str, Any]:
    """What every event begins with."""
    category = number // 1000
    return {
        "class_uid": number,
        "class_name": name,
        "category_uid": category,
        "category_name": CATEGORIES[category],
        "activity_id": activity,
        "type_uid": number * 100 + activity,
    }
