"""Small worlds to test in: invented records of the dictionaries' schemas, as intake, checks and rules see them.

A record is a `Rec`: schema and exact bytes. `world` makes a snapshot of records; `judge` takes claims
(plain dictionaries, citing by `record.id`) through parsing, verification and everything code adds.
Addresses are from the documentation ranges, names from reserved zones.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from countersign.adapters.dictionaries import bundled
from countersign.core.briefs.questions import Question, questions
from countersign.core.briefs.readings import own_readings
from countersign.core.briefs.suggest import Suggestion, suggest
from countersign.core.claims.coverage import parse_coverage
from countersign.core.claims.reference import parse_reference
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.strict import parse_document
from countersign.core.claims.verify import CheckedClaim, verify
from countersign.core.ids import evidence_id
from countersign.core.panel.markers import marked
from countersign.core.panel.panel import PanelEntry, panel
from countersign.core.records.alert import Alert
from countersign.core.records.alerting import alert_of
from countersign.core.records.evidence import Evidence, Incoming
from countersign.core.records.intake import receive

DAY = datetime(2025, 3, 11, 12, 0, tzinfo=UTC)
FROM, TO = "2025-03-11T10:00:00Z", "2025-03-11T16:00:00Z"
ATTACKER, WEB, CLIENT = "203.0.113.50", "192.0.2.20", "192.0.2.31"
SYSMON = "Microsoft-Windows-Sysmon/Operational"


@dataclass(frozen=True)
class Rec:
    """One record: its schema and its exact bytes."""

    schema: str
    raw: bytes

    @property
    def id(self) -> str:
        """The evidence id its bytes give it."""
        return evidence_id(self.raw)


def at(minutes: float = 0) -> str:
    """A time, `minutes` after noon of the invented day."""
    return (DAY + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def record(schema: str, document: Mapping[str, Any]) -> Rec:
    """Any JSON record."""
    return Rec(schema, json.dumps(document, ensure_ascii=False).encode())


# --- records -----------------------------------------------------------------------------------------------


def eve(kind: str, minutes: float = 0, **fields: Any) -> Rec:
    """A Suricata record of a type, from the attacker to the web server unless told otherwise."""
    flow = {"src_ip": ATTACKER, "src_port": 40112, "dest_ip": WEB, "dest_port": 80, "proto": "TCP"}
    return record(
        "suricata.eve", {"timestamp": at(minutes), "event_type": kind, "host": "edge-1", **flow, **fields}
    )


def alert(minutes: float = 0, action: str = "allowed", severity: int = 2, **fields: Any) -> Rec:
    """A Suricata alert; severity 1 is high, 2 medium, 3 low."""
    told = {
        "action": action,
        "gid": 1,
        "signature_id": 2002677,
        "signature": "SCAN Nikto",
        "category": "Scan",
    }
    return eve("alert", minutes, **{"alert": {**told, "severity": severity}, **fields})


def http(minutes: float = 0, status: int = 200, url: str = "/index.php", **fields: Any) -> Rec:
    """A Suricata HTTP record."""
    told = {"hostname": "web.example", "url": url, "http_user_agent": "probe/1.0", "status": status}
    return eve("http", minutes, **{"http": told, **fields})


def flow(
    minutes: float = 0, src: str = CLIENT, dst: str = "198.51.100.9", port: int = 443, **fields: Any
) -> Rec:
    """A Suricata flow."""
    told = {"bytes_toserver": 52_000_000, "bytes_toclient": 9000, "state": "closed"}
    return eve("flow", minutes, **{"src_ip": src, "dest_ip": dst, "dest_port": port, "flow": told, **fields})


def dns(minutes: float = 0, name: str = "c2.example", client: str = CLIENT) -> Rec:
    """A Suricata DNS query."""
    told = {"type": "query", "rrname": name, "rrtype": "A"}
    return eve("dns", minutes, src_ip=client, dest_ip="192.0.2.53", dest_port=53, proto="UDP", dns=told)


def call(
    name: str,
    minutes: float = 0,
    *,
    user: str = "mlind",
    source: str = ATTACKER,
    error: str = "",
    **more: Any,
) -> Rec:
    """A CloudTrail call; `error` makes it a failed one."""
    who = {
        "type": "IAMUser",
        "userName": user,
        "accountId": "111122223333",
        "arn": f"arn:aws:iam::111122223333:user/{user}",
    }
    told = {
        "eventVersion": "1.08",
        "eventTime": at(minutes),
        "eventSource": "iam.amazonaws.com",
        "eventName": name,
        "eventType": "AwsApiCall",
        "eventID": f"{name}-{minutes}-{user}-{source}",
        "awsRegion": "eu-north-1",
        "sourceIPAddress": source,
        "recipientAccountId": "111122223333",
        "userIdentity": who,
        **({"errorCode": error} if error else {}),
    }
    return record("aws.cloudtrail", {**told, **more})


def windows(
    event_id: int,
    minutes: float = 0,
    channel: str = "Security",
    host: str = "ws-1.corp.example",
    **fields: Any,
) -> Rec:
    """A flat Windows event."""
    told = {"TimeCreated": at(minutes), "EventID": event_id, "Channel": channel, "Hostname": host}
    return record("windows.event", {**told, **fields})


def logon(
    minutes: float = 0,
    *,
    good: bool = True,
    user: str = "jdoe",
    source: str = CLIENT,
    host: str = "ws-1.corp.example",
) -> Rec:
    """A Windows logon, 4624 or 4625."""
    fields = {"TargetUserName": user, "IpAddress": source, "LogonType": 3, "RecordNumber": int(minutes * 100)}
    return windows(4624 if good else 4625, minutes, host=host, **fields)


def process(
    minutes: float = 0,
    *,
    image: str = "C:\\Windows\\System32\\cmd.exe",
    line: str = "cmd /c whoami",
    host: str = "ws-1.corp.example",
    **more: Any,
) -> Rec:
    """A Sysmon process start."""
    told = {
        "Image": image,
        "CommandLine": line,
        "ParentImage": "C:\\Office\\winword.exe",
        "User": "CORP\\jdoe",
        "Hashes": "SHA256=" + "ab" * 32,
    }
    return windows(1, minutes, channel=SYSMON, host=host, **{**told, **more})


def mail(
    minutes: float = 0,
    *,
    auth: str = "fail",
    subject: str = "Invoice",
    sender: str = "billing@examp1e.example",
) -> Rec:
    """A mail as the receiving server kept it."""
    when = (DAY + timedelta(minutes=minutes)).strftime("%a, %d %b %Y %H:%M:%S +0000")
    lines = [
        f"Received: from out.example (203.0.113.9) by mx.corp.example with ESMTP id 1; {when}",
        f"Authentication-Results: mx.corp.example; spf={auth} smtp.mailfrom=examp1e.example; dmarc={auth}",
        f"From: Billing <{sender}>",
        "To: jdoe@corp.example",
        f"Subject: {subject}",
        f"Date: {when}",
        "Message-ID: <1@out.example>",
        "",
        "See http://pay.examp1e.example/now",
        "",
    ]
    return Rec("email.rfc822", "\r\n".join(lines).encode())


# --- references and coverage ---------------------------------------------------------------------------------


def reference(
    kind: str, *entries: Mapping[str, Any], kb: str = "", ttl_days: int | None = None
) -> dict[str, Any]:
    """A pinned list as its file holds it; its name follows from its kind, its version is always `v1`."""
    made: dict[str, Any] = {
        "kb": kb or kind.replace("_", "-"),
        "kb_version": "v1",
        "kind": kind,
        "loaded_at": "2025-03-11T06:00:00Z",
        "entries": list(entries),
    }
    return made | ({"ttl_days": ttl_days} if ttl_days else {})


def covered(records: Iterable[Rec], start: str = FROM, end: str = TO) -> list[dict[str, Any]]:
    """A manifest that says every source of these records was read completely."""
    sources = sorted({(e.schema, e.source) for e in map(evidence, records)})
    return [
        {"source": source, "schema": schema, "from": start, "to": end, "complete": True, "limit_hit": False}
        for schema, source in sources
    ]


def evidence(rec: Rec) -> Evidence:
    """A record as intake keeps it."""
    schema = bundled().schema(rec.schema)
    parser = schema.parser if schema else "json/1"
    return receive(Incoming(rec.schema, parser, rec.raw, "invented.jsonl", 1), bundled())[0]


def world(
    records: Sequence[Rec],
    references: Sequence[Mapping[str, Any]] = (),
    coverage: Sequence[Mapping[str, Any]] = (),
    flags: Mapping[str, frozenset[str]] | None = None,
    skew_ns: int = 0,
) -> Snapshot:
    """The snapshot of these records under these pinned lists, this manifest and these flags."""
    return Snapshot(
        bundled(),
        map(evidence, records),
        parse_coverage(json.dumps(list(coverage)).encode()),
        [parse_reference(json.dumps(row).encode()) for row in references],
        flags,
        skew_ns,
    )


def alerts_of(snapshot: Snapshot) -> tuple[Alert, ...]:
    """The alerts that the snapshot's records carry."""
    found = ((snapshot.schema(eid), record, snapshot.view(eid)) for eid, record in snapshot.evidence.items())
    made = (alert_of(schema, record, view) for schema, record, view in found if schema is not None)
    return tuple(alert for alert in made if alert is not None)


def marked_in(snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    """Every field with an injection marker other than a keyword."""
    return tuple(
        (eid, pointer)
        for eid in snapshot.evidence
        for pointer, _ in marked(snapshot.schema(eid), snapshot.view(eid))
    )


# --- claims ----------------------------------------------------------------------------------------------------


def says(
    name: str, rec: Rec, ptr: str, value: Any, *, section: str = "what_happened", op: str = "eq"
) -> dict[str, Any]:
    """A field claim."""
    return {
        "id": name,
        "kind": "field",
        "section": section,
        "cite": rec.id,
        "ptr": ptr,
        "op": op,
        "value": value,
    }


def rel(
    name: str, rec: Rec, relation: str, /, section: str = "what_happened", **roles: Any
) -> dict[str, Any]:
    """A relation claim; the role `from` is written `from_`."""
    named = {role.rstrip("_"): value for role, value in roles.items()}
    return {
        "id": name,
        "kind": "relation",
        "section": section,
        "rel": relation,
        "cite": rec.id,
        "roles": named,
    }


def count(name: str, schema: str, where: list[list[Any]], op: str, value: int, **more: Any) -> dict[str, Any]:
    """A count claim."""
    wanted = {"schema": schema, "where": where}
    return {
        "id": name,
        "kind": "count",
        "section": "what_happened",
        "filter": wanted,
        "op": op,
        "value": value,
        **more,
    }


def absent(
    name: str, schema: str, where: list[list[Any]], start: str = FROM, end: str = TO
) -> dict[str, Any]:
    """An absence claim."""
    wanted = {"schema": schema, "where": where}
    return {
        "id": name,
        "kind": "absence",
        "section": "indicators",
        "filter": wanted,
        "from": start,
        "to": end,
    }


def ordered(name: str, before: Rec, after: Rec) -> dict[str, Any]:
    """An order claim."""
    return {"id": name, "kind": "order", "section": "what_happened", "before": before.id, "after": after.id}


def same(name: str, one: Rec, ptr: str, other: Rec, other_ptr: str) -> dict[str, Any]:
    """A claim that two fields are equal."""
    a, b = {"cite": one.id, "ptr": ptr}, {"cite": other.id, "ptr": other_ptr}
    return {"id": name, "kind": "same", "section": "indicators", "a": a, "b": b}


def pinned(name: str, kb: str, key: str, entry_field: str, value: Any) -> dict[str, Any]:
    """A reference claim."""
    told = {"kb": kb, "kb_version": "v1", "key": key, "field": entry_field, "value": value}
    return {"id": name, "kind": "reference", "section": "indicators", **told}


def reads(name: str, code: str, *basis: str, stance: str = "supports") -> dict[str, Any]:
    """A hypothesis claim."""
    return {
        "id": name,
        "kind": "hypothesis",
        "section": "readings",
        "code": code,
        "stance": stance,
        "basis": list(basis),
    }


# --- judgement ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """Everything code makes of a brief."""

    checked: tuple[CheckedClaim, ...]
    panel: tuple[PanelEntry, ...]
    suggestion: Suggestion
    questions: tuple[Question, ...]
    by_id: dict[str | None, CheckedClaim] = field(default_factory=dict)


def check(
    snapshot: Snapshot, claims: Sequence[Mapping[str, Any]], stale: Collection[str] = ()
) -> tuple[CheckedClaim, ...]:
    """Claims as JSON, parsed and verified as the product does."""
    document = json.dumps({"claims": list(claims)}).encode()
    return verify(parse_document(document), snapshot, [a.evidence for a in alerts_of(snapshot)], stale)


def judge(
    snapshot: Snapshot,
    claims: Sequence[Mapping[str, Any]],
    *,
    flags: Sequence[Any] = (),
    stale: Collection[str] = (),
    tier: int = 1,
    severity: str = "medium",
    ranked: Sequence[str] = (),
    **more: Any,
) -> Judged:
    """Claims verified, own readings added, panel, suggestion and questions computed."""
    marked = marked_in(snapshot)
    checked = check(snapshot, claims, stale)
    checked = (*checked, *own_readings(checked, marked, flags, snapshot))
    shown = panel(snapshot, alerts_of(snapshot), checked, flags, marked=marked)
    made = suggest(
        checked,
        snapshot,
        flags=flags,
        panel=shown,
        marked=marked,
        stale=stale,
        tier=tier,
        severity=severity,
        **more,
    )
    asked = questions(checked, made, snapshot, flags, ranked)
    return Judged(checked, shown, made, asked, {claim.id: claim for claim in checked})
