"""An alert: what a source raised, in its own words. Its severity is the source's claim, not ours."""

from typing import Literal

import msgspec

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


class Alert(msgspec.Struct, frozen=True):
    """One alert, carried by one evidence record."""

    id: str
    evidence: str
    schema: str
    rule: str
    category: str
    severity: Severity
    event_ns: int | None
