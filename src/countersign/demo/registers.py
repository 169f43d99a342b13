"""What the company knew beforehand: registers, lists and the coverage of the export.

Each register is a pinned reference for `countersign reference add`; the coverage manifest says which
source was read for which interval, and which was not.
"""

from countersign.demo.cloud import ACCOUNT, STOPPED
from countersign.demo.world import (
    ADMIN,
    CONTROLLER,
    DAY,
    DESKS,
    DOORS,
    INSIDE_SCANNER,
    JUMP,
    JUMP_HOST,
    LOOKALIKE,
    OFFICE,
    STAGING,
    SUPPLIER,
    VICTIM,
    VICTIM_IP,
    Record,
    fqdn,
)

LOADED = f"{DAY}T06:00:00Z"
FROM, TO = f"{DAY}T06:30:00Z", f"{DAY}T12:00:00Z"


def reference(kb: str, kind: str, days: int, *entries: Record) -> Record:
    """A pinned reference: name, kind, days until it is stale, entries."""
    return {
        "kb": kb,
        "kb_version": DAY,
        "kind": kind,
        "loaded_at": LOADED,
        "ttl_days": days,
        "entries": list(entries),
    }


def tests() -> Record:
    """Approved tests: the scan of the staging server, and one that is over."""
    scan: Record = {
        "key": "PT-2025-044",
        "actor": INSIDE_SCANNER,
        "asset": STAGING,
        "owner": "security-testing@harbourlight.example",
    }
    past: Record = {
        "key": "PT-2025-031",
        "actor": INSIDE_SCANNER,
        "asset": "10.20.8.31",
        "owner": "security-testing@harbourlight.example",
    }
    return reference(
        "pentest-register",
        "test_register",
        1,
        {**scan, "from": f"{DAY}T10:00:00Z", "to": f"{DAY}T12:00:00Z"},
        {**past, "from": "2025-02-11T08:00:00Z", "to": "2025-02-11T17:00:00Z"},
    )


def changes() -> Record:
    """Approved changes: the rotation of the backup key, and the supplier's work on the doors."""
    rotation: Record = {
        "key": "CHG-2025-0312",
        "actor": ADMIN,
        "asset": "svc-backup",
        "owner": "platform@harbourlight.example",
    }
    doors: Record = {
        "key": "CHG-2025-0317",
        "actor": JUMP,
        "asset": DOORS,
        "owner": "facilities@harbourlight.example",
    }
    work = f"door controllers: firmware 4.2, installed by the supplier as {SUPPLIER} from {JUMP_HOST}"
    return reference(
        "change-register",
        "change_register",
        1,
        {**rotation, "from": f"{DAY}T08:00:00Z", "to": f"{DAY}T09:00:00Z", "what": "rotate access key"},
        {**doors, "from": f"{DAY}T07:00:00Z", "to": f"{DAY}T08:00:00Z", "what": work},
    )


def jobs() -> Record:
    """Scheduled jobs: the daily inventory, one entry a desk."""
    daily: Record = {
        "actor": "NT AUTHORITY\\SYSTEM",
        "image": "invagent.exe",
        "schedule": "daily 08:20 UTC",
        "per_day": 1,
    }
    desks = ("WS-0502", "WS-0311", "PAW-02")
    entries = [
        {"key": f"JOB-017-{desk}", "asset": fqdn(desk), **daily, "owner": "workplace@harbourlight.example"}
        for desk in desks
    ]
    return reference("job-inventory", "job_inventory", 30, *entries)


def baseline() -> Record:
    """Thirty days of ordinary behaviour, counted by the company."""
    return reference(
        "sign-in-baseline",
        "baseline",
        7,
        {"key": VICTIM, "usual_from": OFFICE, "distinct_from_30d": 1, "cloud_calls_per_day": 6},
        {"key": VICTIM_IP, "distinct_outside_addresses_per_day": 14, "outside_bytes_per_day": 2_400_000},
    )


def indicators() -> Record:
    """Addresses and domains that somebody judged bad before the morning."""
    source = "sector-sharing-group"
    return reference(
        "indicator-list",
        "indicator_list",
        7,
        {
            "key": CONTROLLER,
            "type": "ip",
            "judged": "controller",
            "published": "2025-03-17T15:20:00Z",
            "by": source,
        },
        {
            "key": LOOKALIKE,
            "type": "domain",
            "judged": "phishing",
            "published": "2025-03-17T15:20:00Z",
            "by": source,
        },
    )


def registers() -> dict[str, Record]:
    """File name to document."""
    return {
        "pentest-register.json": tests(),
        "change-register.json": changes(),
        "job-inventory.json": jobs(),
        "sign-in-baseline.json": baseline(),
        "indicator-list.json": indicators(),
    }


def row(source: str, schema: str, to: str = TO, start: str = FROM, reason: str = "") -> Record:
    """One coverage row; a reason makes it incomplete."""
    base: Record = {"source": source, "schema": schema, "from": start, "to": to}
    ended: Record = {"complete": not reason, "limit_hit": False}
    return {**base, **ended, **({"reason": reason} if reason else {})}


def coverage() -> list[Record]:
    """Every source was read from 06:30 to 12:00, CloudTrail only until the trail was stopped.

    A source is named as intake names it: schema, then the instance in lower case.
    """
    stopped = f"{DAY}T{STOPPED}Z"
    trail = f"aws.cloudtrail/{ACCOUNT}"
    return [
        row("email.rfc822", "email.rfc822"),
        *(row(f"windows.event/{fqdn(host).lower()}", "windows.event") for host in (*DESKS, JUMP_HOST)),
        *(
            row(f"ms.SecurityEvent/{fqdn(host).lower()}", "ms.SecurityEvent")
            for host in ("DC01", "FS01", "RDG01")
        ),
        row("ms.IdentityDirectoryEvents", "ms.IdentityDirectoryEvents"),
        row("ms.AuditLogs", "ms.AuditLogs"),
        row("ms.OfficeActivity", "ms.OfficeActivity"),
        row(trail, "aws.cloudtrail", to=f"{DAY}T10:14:21Z"),
        row(trail, "aws.cloudtrail", start=f"{DAY}T10:14:21Z", reason=f"the trail was stopped at {stopped}"),
        row(f"aws.guardduty/{ACCOUNT}", "aws.guardduty"),
        row("suricata.eve/edge-1", "suricata.eve"),
    ]
