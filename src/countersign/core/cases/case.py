"""A case: alerts and evidence under one question, with a reason for every link.

The snapshot is the frozen evidence set (and coverage manifest) that everything about the case was
computed over. New evidence makes a new snapshot; what was said over the old one is stale.
"""

import msgspec

from countersign.core.records.alert import Alert, Severity
from countersign.core.records.evidence import Evidence


class Link(msgspec.Struct, frozen=True):
    """Why two alerts share a case, in words; `weight` in bits, 0 where the reason has none."""

    a: str  # alert id
    b: str
    because: str
    weight: float = 0.0


class Duplicate(msgspec.Struct, frozen=True):
    """Records that tell of one event."""

    evidence: tuple[str, ...]
    because: str


class Assembled(msgspec.Struct, frozen=True):
    """A case before anything is said of it: its evidence, and why it stands together."""

    id: str
    alerts: tuple[Alert, ...]
    evidence: tuple[Evidence, ...]
    links: tuple[Link, ...]
    duplicates: tuple[Duplicate, ...]
    opened_because: tuple[str, ...]
    left_out: int = 0
    name: str = ""  # given by a person
    kind: str = "incident"  # incident, watch or background
    score: float = 0.0  # bits; ranks cases of one kind
    mark: str = ""  # of the alerts that the grouping put here


class Case(msgspec.Struct, frozen=True):
    """Alerts and evidence under one question."""

    id: str
    title: str
    severity: Severity
    tier: int
    tier_because: tuple[str, ...]
    snapshot: str
    opened_because: tuple[str, ...]
    alerts: tuple[Alert, ...]
    evidence: tuple[str, ...]  # ids, in event order
    links: tuple[Link, ...]
    duplicates: tuple[Duplicate, ...] = ()
    left_out: int = 0  # records that shared an observable but did not fit the case's limit
    kind: str = "incident"
    score: float = 0.0
