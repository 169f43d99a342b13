"""What the command line prints as JSON, exactly as the contract has it (`triage/1`, `verification/1`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from countersign.core.briefs.verified import VerifiedBrief
from countersign.core.canonical import format_time
from countersign.core.cases.case import Case
from countersign.core.cases.quality import Flag
from countersign.core.claims.claims import document
from countersign.core.claims.coverage import CoverageRow
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.facts.indicators import sightings
from countersign.core.render import neutralize

MAX_OBSERVABLES = 200


def verification(claims: Sequence[CheckedClaim]) -> dict[str, Any]:
    """The output of `countersign verify --json`."""
    return {"schema": "countersign.verification/1", "claims": [_result(claim) for claim in claims]}


def _result(claim: CheckedClaim) -> dict[str, Any]:
    return {
        "id": claim.id,
        "status": claim.status,
        "scope": claim.scope,
        "tainted": claim.tainted,
        "flags": list(claim.flags),
        "text": claim.text,
        "citations": [
            {"evidence": c.evidence, "pointer": c.pointer, "value": c.value} for c in claim.citations
        ],
        "objections": [{"check": o.check, "reason": o.reason} for o in claim.objections],
    }


def _claim(claim: CheckedClaim) -> dict[str, Any]:
    made = None if claim.claim is None or claim.status == "invalid" else document(claim.claim)
    return {"kind": claim.kind, "section": claim.section or None, "claim": made, **_result(claim)}


def _time(ns: int | None) -> str | None:
    return None if ns is None else format_time(ns)


def case_document(
    case: Case, brief: VerifiedBrief, snapshot: Snapshot, flags: Sequence[Flag]
) -> dict[str, Any]:
    """One case of the triage document."""
    return {
        "id": case.id,
        "title": brief.title,
        "severity": case.severity,
        "tier": case.tier,
        "snapshot": snapshot.id,
        "opened_because": list(case.opened_because),
        "links": [{"a": link.a, "b": link.b, "because": link.because} for link in case.links],
        "alerts": [
            {"id": a.id, "rule": neutralize(a.rule), "time": _time(a.event_ns), "evidence": a.evidence}
            for a in case.alerts
        ],
        "evidence": [_evidence(snapshot, eid) for eid in case.evidence],
        "duplicates": [{"evidence": list(d.evidence), "because": d.because} for d in case.duplicates],
        "observables": observables(snapshot),
        "coverage": [_row(row) for row in snapshot.coverage if row.schema in snapshot.by_schema],
        "quality": [{"flag": f.flag, "detail": f.detail, "cap": f.cap} for f in flags],
        "brief": brief_document(brief),
    }


def _row(row: CoverageRow) -> dict[str, Any]:
    told = row.document()
    return told | {
        key: neutralize(str(told[key]), 400) for key in ("source", "reason", "query_id") if key in told
    }


def _evidence(snapshot: Snapshot, eid: str) -> dict[str, Any]:
    record = snapshot.evidence[eid]
    where = record.provenance[0] if record.provenance else None
    return {
        "id": eid,
        "schema": record.schema,
        "file": neutralize(where.file, 1000) if where else "",
        "line": where.line if where else 1,
        "time": _time(record.event_ns),
    }


def observables(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Observables of the case, those of most sources first, at most 200."""
    rows = []
    for observable, by_schema in sightings(snapshot).items():
        records = {eid for seen in by_schema.values() for eid, _ in seen}
        rows.append(
            (
                -len(by_schema),
                -len(records),
                observable.type,
                observable.value,
                len(records),
                sorted(by_schema),
            )
        )
    return [
        {"type": kind, "value": neutralize(value), "count": number, "sources": sources}
        for _, _, kind, value, number, sources in sorted(rows)[:MAX_OBSERVABLES]
    ]


def brief_document(brief: VerifiedBrief) -> dict[str, Any]:
    """The brief of a case, with every claim and objection."""
    fallback = brief.fallback
    return {
        "id": brief.id,
        "drafter": brief.drafter,
        "fallback": None if fallback is None else {"from": fallback.drafter, "reason": fallback.reason},
        "suggestion": {
            "disposition": brief.suggestion.disposition,
            "rule": brief.suggestion.rule,
            "because": list(brief.suggestion.because),
            "capped_by": list(brief.suggestion.capped_by),
        },
        "claims": [_claim(claim) for claim in brief.claims],
        "must_show": [
            {
                "part": e.part,
                "reason": e.reason,
                "count": e.count,
                "evidence": e.evidence,
                "pointer": e.pointer,
                "value": e.value,
            }
            for e in brief.must_show
        ],
        "questions": [
            {"id": q.id, "text": q.text, "answered_by": q.answered_by, "because": list(q.because)}
            for q in brief.questions
        ],
        "notes_markdown": brief.notes_markdown,
    }


def triage(intake: Mapping[str, Any], cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The output of `countersign triage --json`."""
    return {"schema": "countersign.triage/1", "intake": dict(intake), "cases": list(cases)}
