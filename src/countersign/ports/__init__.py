"""The doors between the steps and the world, and what each of them promises.

Everything a step writes goes through one `Transaction`: rows and the audit entry that tells of them are
kept together or not at all. When `with store.transaction()` ends without an error, all of it is on disk
(synced); when it ends with one, none of it ever was. Times are UTC nanoseconds since 1970. Every `add` and
`save` may be repeated: the second time changes nothing.
"""

from countersign.ports.bundle import Clock, Drafter, Entropy, Ports, Store, Transaction
from countersign.ports.cases import (
    BriefState,
    BriefStore,
    CaseState,
    CaseStore,
    CoverageStore,
    ReferenceFile,
    ReferenceStore,
)
from countersign.ports.erasure import Deleted, ErasureStore, Holdings
from countersign.ports.groups import GroupStore, Member, Waiting
from countersign.ports.log import (
    AuditLog,
    ContentStore,
    LogFiles,
    LogSigner,
    LogStage,
    Publisher,
    Sealer,
    Witness,
)
from countersign.ports.people import PeopleStore
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
from countersign.ports.review import Pending, PolicyEngine, Proposal, ReviewStore
from countersign.ports.review import Standing as CaseStanding

__all__ = [
    "AlertStore",
    "AuditLog",
    "BriefState",
    "BriefStore",
    "CaseStanding",
    "CaseState",
    "CaseStore",
    "Clock",
    "ContentStore",
    "Counts",
    "CoverageStore",
    "Deleted",
    "Drafter",
    "Entropy",
    "ErasureStore",
    "EvidenceStore",
    "FollowStore",
    "GroupStore",
    "Holdings",
    "LogFiles",
    "LogSigner",
    "LogStage",
    "Matches",
    "Member",
    "Pair",
    "Pending",
    "PeopleStore",
    "PolicyEngine",
    "Ports",
    "Position",
    "Proposal",
    "Publisher",
    "QuarantineStore",
    "ReferenceFile",
    "ReferenceStore",
    "ReviewStore",
    "Sealer",
    "Store",
    "Transaction",
    "Waiting",
    "Witness",
]
