"""The stores of cases, briefs, references and coverage."""

from collections.abc import Iterator
from typing import Protocol

import msgspec

from countersign.core.records.alert import Severity


class CaseState(msgspec.Struct, frozen=True):
    """A case over one snapshot. `document` is its full JSON; the rest is what a list shows."""

    case_id: str
    snapshot: str
    title: str
    severity: Severity
    tier: int
    document: bytes = b""  # empty in lists
    seq: int = 0  # given by the store; grows with every state that is appended


class BriefState(msgspec.Struct, frozen=True):
    """A brief as JSON bytes, and what it was drafted over."""

    id: str
    case_id: str
    snapshot: str
    drafter: str
    document: bytes


class ReferenceFile(msgspec.Struct, frozen=True):
    """One version of a register, baseline or list, byte for byte."""

    kb: str
    kb_version: str
    kind: str
    digest: str  # sha256:… of raw
    raw: bytes


class CaseStore(Protocol):
    """Every state a case ever had."""

    def save(self, state: CaseState) -> bool:
        """Append the state unless it is the case's latest already; whether it was appended."""
        ...

    def latest(self, case_id: str) -> CaseState | None:
        """The case as it stands, with its document."""
        ...

    def at(self, case_id: str, snapshot: str) -> CaseState | None:
        """The latest state of the case over this snapshot, with its document."""
        ...

    def states(self, case_id: str) -> Iterator[CaseState]:
        """Every state of the case with its document, newest first, read as it is asked for."""
        ...

    def recent(self, limit: int, before: int | None = None) -> tuple[CaseState, ...]:
        """Cases as they stand, newest first, without documents; `before` is the `seq` of the last one seen."""
        ...


class BriefStore(Protocol):
    """Every brief, append-only."""

    def add(self, brief: BriefState) -> bool:
        """Keep it; False when it was known. `AlreadyStored` when the id has other bytes."""
        ...

    def get(self, brief_id: str) -> BriefState | None:
        """The brief of this id."""
        ...

    def of_case(self, case_id: str) -> tuple[BriefState, ...]:
        """The case's briefs, oldest first."""
        ...


class ReferenceStore(Protocol):
    """Pinned registers, baselines and lists; a version is never reused."""

    def add(self, reference: ReferenceFile) -> bool:
        """Keep it; False when it was known. `AlreadyStored` when this version has other bytes."""
        ...

    def get(self, kb: str, kb_version: str | None = None) -> ReferenceFile | None:
        """This version, or the one added last. `DigestMismatch` when the bytes changed."""
        ...

    def all(self) -> tuple[ReferenceFile, ...]:
        """Every version, oldest first."""
        ...


class CoverageStore(Protocol):
    """Coverage manifests: what was asked of a source, and whether it answered in full."""

    def add(self, document: bytes) -> str:
        """Keep a manifest (canonical JSON bytes); its digest."""
        ...

    def get(self, digest: str) -> bytes | None:
        """The manifest of this digest. `DigestMismatch` when the bytes changed."""
        ...

    def all(self) -> tuple[bytes, ...]:
        """Every manifest, oldest first."""
        ...
