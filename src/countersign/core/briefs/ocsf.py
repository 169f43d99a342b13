"""A case in OCSF 1.8: one Incident Finding, and a Detection Finding for each alert.

No verdict, no resolution, no assignee: nobody has decided, and what a drafter suggests is not a verdict.
Specification: https://schema.ocsf.io/1.8.0/classes/detection_finding and …/incident_finding.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from countersign import __version__
from countersign.core.briefs.ocsf_event import (
    KINDS,
    MAX_UNMAPPED,
    VERSION,
    Mapped,
    complete,
    grown,
    heading,
    mapped,
    observables,
)
from countersign.core.canonical import parse_time
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.alert import Alert
from countersign.core.records.alerting import alert_of
from countersign.core.records.observable import Observable, extractor

SEVERITIES = {"low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical")}
_NEW = {"status_id": 1, "status": "New"}
_CREATE = {"activity_name": "Create"}
# Objects that the evidence of a finding may hold; others are set down as unmapped.
_EVIDENCE = frozenset(
    "actor api connection_info container device dst_endpoint email file http_request http_response process "
    "query src_endpoint url user".split()
)


def case_events(document: Mapping[str, Any], snapshot: Snapshot) -> list[dict[str, Any]]:
    """A stored case (`triage/1`) as OCSF events, the incident first. `snapshot` holds the records of the case."""
    alerts = [a for a in document["alerts"] if a["evidence"] in snapshot.evidence]
    return [incident(document, snapshot), *(finding(a, document, snapshot) for a in alerts)]


def incident(document: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    """The case itself."""
    times = sorted(t for t in (_ms(e["time"]) for e in document["evidence"]) if t is not None)
    made = heading(2005, "Incident Finding", 1) | _CREATE | _NEW | _severity(document["severity"])
    if times:
        made |= {"time": times[-1], "start_time": times[0], "end_time": times[-1]}
    seen = _seen(snapshot)
    named: dict[str, list[str]] = {}
    for one in seen:
        named.setdefault(one.type, []).append(one.value)
    return made | {
        "desc": document["title"],
        "finding_info_list": [_info(alert, snapshot) for alert in document["alerts"]]
        or [{"uid": document["id"], "title": document["title"]}],
        "metadata": _metadata(document["id"]),
        "observables": [_observable(one) for one in seen],
        "unmapped": {
            "tier": document["tier"],
            "snapshot": document["snapshot"],
            "brief": document["brief"]["id"],
            "opened_because": document["opened_because"],
            "evidence": [row["id"] for row in document["evidence"]],
            "observables": named,
        },
    }


def finding(alert: Mapping[str, Any], document: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    """One alert of the case, with what its record says as evidence."""
    eid = alert["evidence"]
    record, found = snapshot.evidence[eid], mapped(snapshot, eid)
    held = {name: value for name, (_, value) in found.places.items() if name.split(".")[0] in _EVIDENCE}
    made = heading(2004, "Detection Finding", 1) | _CREATE | _NEW | {"is_alert": True}
    raised = _raised(snapshot, eid)
    made |= _severity(raised.severity if raised is not None else document["severity"])
    if record.event_ns is not None:
        made["time"] = record.event_ns // 1_000_000
    evidence = {"uid": eid, "name": record.schema, **complete(grown(held), record.schema)}
    return made | {
        "finding_info": _info(alert, snapshot)
        | {"data_sources": [record.schema], "types": [raised.category] if raised and raised.category else []},
        "metadata": _metadata(alert["id"], _profiles(found)) | {"correlation_uid": document["id"]},
        **complete(_beside(found), record.schema),
        "evidences": [evidence if held else evidence | {"data": {"pointers": sorted(found.rest)}}],
        "observables": observables(snapshot, eid, found, "evidences[0]."),
        "unmapped": found.rest | _unfit(found),
    }


def _raised(snapshot: Snapshot, eid: str) -> Alert | None:
    schema = snapshot.schema(eid)
    return None if schema is None else alert_of(schema, snapshot.evidence[eid], snapshot.view(eid))


def _beside(found: Mapped) -> dict[str, Any]:
    """What stands beside the evidence: the host, the actor, the cloud and the resource, where roles say so."""
    heads = ("cloud", "device", "resources") + (("actor",) if _has(found, "device") else ())
    return grown({name: value for name, (_, value) in found.places.items() if name.split(".")[0] in heads})


def _unfit(found: Mapped) -> dict[str, Any]:
    kept = _EVIDENCE | {"cloud", "resources"}
    return {
        pointer: value for name, (pointer, value) in found.places.items() if name.split(".")[0] not in kept
    }


def _has(found: Mapped, head: str) -> bool:
    return any(name.startswith(head + ".") for name in found.places)


def _profiles(found: Mapped) -> list[str]:
    return [profile for profile, head in (("cloud", "cloud"), ("host", "device")) if _has(found, head)]


def _info(alert: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    """The rule in the record's own words where the record is here; the stored words are made safe to show."""
    raised = _raised(snapshot, alert["evidence"]) if alert["evidence"] in snapshot.evidence else None
    title = raised.rule if raised is not None else alert["rule"]
    made = {"uid": alert["id"], "title": title, "analytic": {"name": title, "type_id": 1, "type": "Rule"}}
    created = _ms(alert["time"])
    return made if created is None else made | {"created_time": created}


def _seen(snapshot: Snapshot) -> list[Observable]:
    """Observables of the records, those of most records first, at most 200."""
    held: Counter[Observable] = Counter()
    for eid in snapshot.evidence:
        schema = snapshot.schema(eid)
        if schema is not None:
            held.update({one for one, _ in extractor(schema)(snapshot.view(eid))})
    ranked = sorted(held.items(), key=lambda row: (-row[1], row[0].type, row[0].value))
    return [one for one, _ in ranked[:MAX_UNMAPPED]]


def _observable(one: Observable) -> dict[str, Any]:
    number, word = KINDS.get(one.type, (99, one.type))
    return {"name": f"unmapped.observables.{one.type}", "type_id": number, "type": word, "value": one.value}


def _metadata(uid: str, profiles: list[str] | None = None) -> dict[str, Any]:
    product = {"name": "Countersign", "vendor_name": "Countersign", "version": __version__}
    return {"version": VERSION, "uid": uid, "product": product, "profiles": profiles or []}


def _severity(word: str) -> dict[str, Any]:
    number, name = SEVERITIES[word]
    return {"severity_id": number, "severity": name}


def _ms(time: str | None) -> int | None:
    ns = parse_time(time) if time else None
    return None if ns is None else ns // 1_000_000
