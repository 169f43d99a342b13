"""How a step words its audit entry: digests and small enumerated values, never content."""

from collections.abc import Mapping

from countersign.core.canonical import format_time
from countersign.core.log.auditlog import Actor, Blob, Entry
from countersign.ports import Ports

SERVICE = Actor(type="service", id="svc/triage")


def entry(
    ports: Ports,
    kind: str,
    name: str,
    *,
    case: str = "",
    data: Mapping[str, object] | None = None,
    digests: Mapping[str, str] | None = None,
    contents: Mapping[str, bytes] | None = None,
    refs: Mapping[str, str] | None = None,
) -> Entry:
    """An entry by the triage service; each content is bound by a keyed commitment under its role."""
    blobs = {
        role: Blob(
            id=f"{name}/{role}", commit=ports.sealer.commit(f"{name}/{role}", "application/json", content)
        )
        for role, content in (contents or {}).items()
    }
    return Entry(
        kind=kind,
        id=name,
        ts=_stamp(ports.clock.now_ns()),
        actor=SERVICE,
        case=case,
        refs=refs or {},
        digests=digests or {},
        blobs=blobs,
        data=data or {},
    )


def _stamp(ns: int) -> str:
    return f"{format_time(ns)[:19]}.{ns // 1_000_000 % 1000:03d}Z"
