"""Everything that a case was drafted under besides its evidence, as it is kept for replay.

Evidence and references are named by their digests and read again; what came from the rest of the store at that time
(flags, families, what the case was before) is written down, because the store goes on.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from countersign.core.briefs.concluding import Around, Asked, asked, flagged
from countersign.core.cases.case import Assembled, Duplicate, Link
from countersign.core.cases.flag import Flag
from countersign.core.claims.coverage import parse_coverage
from countersign.core.claims.reference import Reference
from countersign.core.claims.snapshot import Snapshot
from countersign.core.facts.signals import Signals
from countersign.core.records.alert import Alert
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import Dictionary


class Circumstances(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stood around a case when its drafter was asked."""

    case: str
    name: str
    kind: str
    score: float
    opened_because: tuple[str, ...]
    links: tuple[Link, ...]
    duplicates: tuple[Duplicate, ...]
    left_out: int
    alerts: tuple[Alert, ...]
    evidence: tuple[str, ...]  # in event order
    coverage: tuple[dict[str, Any], ...]
    references: tuple[tuple[str, str, str], ...]  # name, version, digest
    partial: tuple[str, ...]
    flags: tuple[Flag, ...]
    around: Around
    v: Literal[1] = 1


def written(question: Asked) -> bytes:
    """The circumstances as JSON."""
    one, snapshot = question.one, question.snapshot
    return msgspec.json.encode(
        Circumstances(
            case=one.id,
            name=one.name,
            kind=one.kind,
            score=one.score,
            opened_because=one.opened_because,
            links=one.links,
            duplicates=one.duplicates,
            left_out=one.left_out,
            alerts=one.alerts,
            evidence=tuple(record.id for record in one.evidence),
            coverage=tuple(row.document() for row in snapshot.coverage),
            references=tuple((r.kb, r.kb_version, r.digest) for r in question.references),
            partial=tuple(sorted(snapshot.partial)),
            flags=question.flags,
            around=question.around,
        )
    )


def read(content: bytes) -> Circumstances:
    """What `written` wrote. Raises `msgspec.MsgspecError` for anything else."""
    return msgspec.json.decode(content, type=Circumstances)


def asked_again(
    told: Circumstances,
    evidence: Mapping[str, Evidence],
    references: tuple[Reference, ...],
    dictionary: Dictionary,
    signals: Signals,
) -> Asked:
    """The same question once more. `KeyError` names a record that is gone."""
    held = tuple(evidence[eid] for eid in told.evidence)
    one = Assembled(
        told.case,
        told.alerts,
        held,
        told.links,
        told.duplicates,
        told.opened_because,
        told.left_out,
        told.name,
        told.kind,
        told.score,
    )
    coverage = parse_coverage(msgspec.json.encode(told.coverage))
    bare = Snapshot(dictionary, held, coverage, references, partial=frozenset(told.partial))
    return asked(one, flagged(bare, told.flags), told.flags, told.around, references, signals)
