"""The doors between the steps and the world, and what each of them promises.

Everything a step writes goes through one `Transaction`: rows and the audit entry that tells of them are
kept together or not at all. When `with store.transaction()` ends without an error, all of it is on disk
(synced); when it ends with one, none of it ever was. Times are UTC nanoseconds since 1970. Every `add` and
`save` may be repeated: the second time changes nothing.
"""

from countersign.ports.bundle import Clock, Drafter, Ports, Store, Transaction
from countersign.ports.cases import (
    BriefState,
    BriefStore,
    CaseState,
    CaseStore,
    CoverageStore,
    ReferenceFile,
    ReferenceStore,
)
from countersign.ports.groups import GroupStore, Member, Waiting
from countersign.ports.log import AuditLog, LogStage, Sealer
from countersign.ports.records import (
    AlertStore,
    Counts,
    EvidenceStore,
    FollowStore,
    Matches,
    Pair,
    Position,
    QuarantineStore,
)

__all__ = [
    "AlertStore",
    "AuditLog",
    "BriefState",
    "BriefStore",
    "CaseState",
    "CaseStore",
    "Clock",
    "Counts",
    "CoverageStore",
    "Drafter",
    "EvidenceStore",
    "FollowStore",
    "GroupStore",
    "LogStage",
    "Matches",
    "Member",
    "Pair",
    "Ports",
    "Position",
    "QuarantineStore",
    "ReferenceFile",
    "ReferenceStore",
    "Sealer",
    "Store",
    "Transaction",
    "Waiting",
]
