"""How a step writes its audit entry: digests and small enumerated values, and commitments to contents."""

from collections.abc import Mapping

from countersign.core.canonical import format_time
from countersign.core.log.auditlog import Actor, Blob, Entry
from countersign.ports import Ports, Transaction

SERVICE = Actor(type="service", id="svc/triage")
MEDIA_TYPE = "application/json"


def stage(
    tx: Transaction,
    ports: Ports,
    kind: str,
    name: str,
    *,
    case: str = "",
    actor: Actor = SERVICE,
    data: Mapping[str, object] | None = None,
    digests: Mapping[str, str] | None = None,
    contents: Mapping[str, bytes] | None = None,
    bound: Mapping[str, bytes] | None = None,
    refs: Mapping[str, str] | None = None,
    txn: str = "",
) -> Entry:
    """Write an entry with this transaction; by the triage service unless told otherwise.

    `contents` are kept encrypted beside the log; what is `bound` stands in rows already. The entry commits to both
    alike, under their roles. A name that is taken by an entry which says something else is an `AuditLogConflict`.
    """
    blobs = {
        role: _sealed(tx, f"{name}/{role}", case, raw, kept=True) for role, raw in (contents or {}).items()
    }
    blobs |= {
        role: _sealed(tx, f"{name}/{role}", case, raw, kept=False) for role, raw in (bound or {}).items()
    }
    made = Entry(
        kind=kind,
        id=name,
        ts=_stamp(ports.clock.now_ns()),
        actor=actor,
        case=case,
        txn=txn,
        refs=refs or {},
        digests=digests or {},
        blobs=blobs,
        data=data or {},
    )
    tx.log.stage(made)
    return made


def _sealed(tx: Transaction, blob_id: str, case: str, content: bytes, *, kept: bool) -> Blob:
    return tx.contents.seal(blob_id, case, MEDIA_TYPE, content, kept=kept)


def _stamp(ns: int) -> str:
    return f"{format_time(ns)[:19]}.{ns // 1_000_000 % 1000:03d}Z"
