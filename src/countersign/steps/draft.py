"""draft and verify: the drafter speaks from a dossier, the machine objects, and both are on record.

The request is in the audit log, committed, before the drafter is asked; its reply before it is used. A
reply that is not a brief gives way to the rules drafter's, and the case says so.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from countersign.core import documents, verify
from countersign.core.brief import parse_brief, reread
from countersign.core.case import Assembled, Case
from countersign.core.coverage import Coverage
from countersign.core.ids import digest
from countersign.core.marking import marked_fields
from countersign.core.menu import menu
from countersign.core.quality import Flag, assess, by_schema, measured_skew
from countersign.core.redact import Prepared, masked, prepare
from countersign.core.reference import Reference
from countersign.core.snapshot import Snapshot
from countersign.core.suggest import CLOSING, RULE_TABLE, supported
from countersign.core.tiers import gather, severity, tier
from countersign.core.verified import Drafted, Fallback, Grounds, Rank, VerifiedBrief, check_brief, conclude
from countersign.core.verify import CheckedClaim
from countersign.errors import DraftError
from countersign.ports import BriefState, CaseState, Drafter, Ports, Transaction
from countersign.steps.audit import entry

MAX_TOGETHER = 32  # cases that share a commit
MAX_RECORDS_TOGETHER = 5_000  # records that are held parsed at once, unless one case has more


class Inputs(msgspec.Struct, frozen=True):
    """What a case is read against besides its evidence."""

    coverage: Coverage = ()
    references: tuple[Reference, ...] = ()
    quarantined: Mapping[str, int] = MappingProxyType({})  # schema → records that could not be read
    fallback: Drafter | None = None
    stored: Mapping[str, int] = MappingProxyType({})  # schema → evidence in the store, of every case


class Briefed(msgspec.Struct, frozen=True):
    """A case with its brief, and the document that every door shows."""

    case: Case
    brief: VerifiedBrief
    snapshot: Snapshot
    flags: tuple[Flag, ...]
    document: dict[str, object]


def frozen(one: Assembled, ports: Ports, inputs: Inputs) -> tuple[Snapshot, tuple[Flag, ...]]:
    """The case's snapshot with its data-quality flags."""
    mine = {record.schema for record in one.evidence}
    coverage = tuple(row for row in inputs.coverage if row.schema in mine)
    held = Counter(record.schema for record in one.evidence)
    partial = frozenset(schema for schema, number in held.items() if inputs.stored.get(schema, 0) > number)
    bare = Snapshot(ports.dictionary, one.evidence, coverage, inputs.references, partial=partial)
    flags = assess(bare, quarantined=inputs.quarantined, now_ns=judged_ns(one, ports))
    return bare.flagged(by_schema(flags), measured_skew(flags)), flags


def judged_ns(one: Assembled, ports: Ports) -> int:
    """When pinned lists are judged stale: at the end of the case's own window, which they speak of."""
    return max((r.event_ns for r in one.evidence if r.event_ns is not None), default=ports.clock.now_ns())


class Asked(msgspec.Struct, frozen=True):
    """A case whose drafter is about to be asked; `run` names the request."""

    one: Assembled
    snapshot: Snapshot
    flags: tuple[Flag, ...]
    prepared: Prepared
    run: str


def brief_case(one: Assembled, ports: Ports, inputs: Inputs) -> Briefed:
    """Draft, verify and keep one case. A crash after the request leaves a request without a reply in the log."""
    return next(brief_cases((one,), ports, inputs))


def brief_cases(ones: Sequence[Assembled], ports: Ports, inputs: Inputs) -> Iterator[Briefed]:
    """Each case drafted, verified and kept; small cases share a commit of their requests and one of their replies."""
    for some in _together(ones):
        asked = [_prepared(one, ports, inputs) for one in some]
        with ports.store.transaction() as tx:
            for each in asked:
                _ask(tx, ports, each)
        made = [_briefed(each, ports, inputs) for each in asked]
        with ports.store.transaction() as tx:
            for each, (briefed, reply) in zip(asked, made, strict=True):
                _keep(tx, ports, briefed, reply, each.run)
        yield from (briefed for briefed, _ in made)


def _together(ones: Sequence[Assembled]) -> Iterator[list[Assembled]]:
    """Cases in order, as many at a time as a commit takes and memory bears."""
    some: list[Assembled] = []
    for one in ones:
        records = sum(len(other.evidence) for other in some) + len(one.evidence)
        if some and (len(some) >= MAX_TOGETHER or records > MAX_RECORDS_TOGETHER):
            yield some
            some = []
        some.append(one)
    if some:
        yield some


def _prepared(one: Assembled, ports: Ports, inputs: Inputs) -> Asked:
    snapshot, flags = frozen(one, ports, inputs)
    facts = menu(snapshot, ports.signals, one.alerts, one.duplicates)
    asked = str(ports.clock.now_ns())
    run = digest(f"{one.id}\n{snapshot.id}\n{ports.drafter.name}\n{asked}".encode())[7:39]
    return Asked(one, snapshot, flags, prepare(one.id, snapshot, one.alerts, facts), run)


def _briefed(asked: Asked, ports: Ports, inputs: Inputs) -> tuple[Briefed, bytes]:
    one, snapshot, prepared = asked.one, asked.snapshot, asked.prepared
    drafted, reply = _draft(ports, prepared, inputs)
    stale = [r.kb for r in inputs.references if r.is_stale(judged_ns(one, ports))]
    grounds = Grounds(snapshot, one.alerts, asked.flags, marked_fields(snapshot), tuple(stale))
    checked = check_brief(drafted.brief, grounds)
    rank = _rank(checked, grounds)
    brief = conclude(one, drafted, checked, grounds, rank, prepared.facts)
    if brief.suggestion.disposition in CLOSING:
        drafted, grounds = _redrafted(one, ports, prepared, drafted, grounds, brief=brief, run=asked.run)
        brief = conclude(one, drafted, checked, grounds, rank, prepared.facts)
    case = Case(
        one.id,
        brief.title,
        rank.severity,
        rank.tier,
        rank.because,
        snapshot.id,
        one.opened_because,
        one.alerts,
        tuple(record.id for record in one.evidence),
        one.links,
        one.duplicates,
        one.left_out,
    )
    document = documents.case_document(case, brief, snapshot, grounds.flags)
    return Briefed(case, brief, snapshot, grounds.flags, document), reply


def _redrafted(
    one: Assembled,
    ports: Ports,
    prepared: Prepared,
    drafted: Drafted,
    grounds: Grounds,
    *,
    brief: VerifiedBrief,
    run: str,
) -> tuple[Drafted, Grounds]:
    """Before anything is closed: draft again with outsiders' words masked, and see whether the suggestion stands."""
    bare = masked(prepared)
    with ports.store.transaction() as tx:
        contents = {"dossier": bare.dossier.document}
        tx.log.stage(entry(ports, "draft.requested", f"ask-{run}-masked", case=one.id, contents=contents))
    try:
        reply = ports.drafter.draft(bare.dossier)
        with ports.store.transaction() as tx:
            refs, content = {"request": f"ask-{run}-masked"}, {"reply": reply}
            name = f"reply-{run}-masked"
            tx.log.stage(entry(ports, "brief.drafted", name, case=one.id, refs=refs, contents=content))
        again = parse_brief(reply, bare.cites, bare.menu)
        checked = check_brief(reread(drafted.brief, again), grounds)
        second = conclude(one, Drafted(again, drafted.drafter), checked, grounds, _rank(checked, grounds), {})
        disposition = second.suggestion.disposition
    except DraftError:
        disposition = "insufficient_data"
    if disposition != brief.suggestion.disposition:
        detail = f"with outsiders' fields masked the suggestion is {disposition}"
        grounds = msgspec.structs.replace(
            grounds, flags=(*grounds.flags, Flag("influenced", "", "", detail, "C08"))
        )
    return msgspec.structs.replace(drafted, masked=disposition), grounds


def _rank(checked: Sequence[CheckedClaim], grounds: Grounds) -> Rank:
    snapshot = grounds.snapshot
    held = supported(checked, snapshot, grounds.stale)[0]
    codes = tuple(dict.fromkeys(reading.code for reading in held if reading.code != "tool_attack"))
    partial = any(flag.cap == "C01" for flag in grounds.flags)
    weighed = gather(snapshot, grounds.alerts, codes=codes, markers=bool(grounds.marked), partial=partial)
    level, because = tier(weighed)
    return Rank(level, because, severity(weighed, level))


def _ask(tx: Transaction, ports: Ports, asked: Asked) -> None:
    one, document = asked.one, asked.prepared.dossier.document
    manifest = msgspec.json.encode([record.id for record in one.evidence])
    digests = {"signals": ports.signals.digest, "dictionary": ports.dictionary.digest}
    opened = f"open-{one.id}-{asked.snapshot.id[7:23]}"
    if not tx.log.holds(opened):
        data = {"records": len(one.evidence), "alerts": len(one.alerts), "left_out": one.left_out}
        content = {"evidence": manifest}
        tx.log.stage(entry(ports, "case.opened", opened, case=one.id, data=data, contents=content))
    name, contents = f"ask-{asked.run}", {"dossier": document}
    tx.log.stage(entry(ports, "draft.requested", name, case=one.id, digests=digests, contents=contents))


def _draft(ports: Ports, prepared: Prepared, inputs: Inputs) -> tuple[Drafted, bytes]:
    try:
        reply = ports.drafter.draft(prepared.dossier)
        return Drafted(parse_brief(reply, prepared.cites, prepared.menu), ports.drafter.name), reply
    except DraftError as error:
        if inputs.fallback is None:
            raise
        reply = inputs.fallback.draft(prepared.dossier)
        brief = parse_brief(reply, prepared.cites, prepared.menu)
        return Drafted(brief, inputs.fallback.name, Fallback(ports.drafter.name, str(error))), reply


def _keep(tx: Transaction, ports: Ports, made: Briefed, reply: bytes, run: str) -> None:
    case, brief = made.case, made.brief
    raw = msgspec.json.encode(made.document)
    drafted = msgspec.json.encode(documents.brief_document(brief))
    state = CaseState(case.id, case.snapshot, case.title, case.severity, case.tier, raw)
    verdicts = Counter(claim.status for claim in brief.claims)
    objections = Counter(str(o.check) for claim in brief.claims for o in claim.objections)
    digests = {"verifier": digest(verify.VERSION.encode()), "rules": digest(RULE_TABLE.encode())}
    digests["dictionary"] = ports.dictionary.digest
    tx.log.stage(
        entry(
            ports,
            "brief.drafted",
            f"reply-{run}",
            case=case.id,
            refs={"request": f"ask-{run}"},
            data={"drafter": brief.drafter, "fallback": brief.fallback is not None},
            contents={"reply": reply},
        )
    )
    tx.cases.save(state)
    tx.briefs.add(BriefState(brief.id, case.id, case.snapshot, brief.drafter, drafted))
    tx.log.stage(
        entry(
            ports,
            "brief.verified",
            f"verified-{run}-{digest(raw)[7:23]}",
            case=case.id,
            refs={"brief": f"reply-{run}"},
            digests=digests,
            contents={"brief": raw},
            data={
                "statuses": dict(sorted(verdicts.items())),
                "objections": dict(sorted(objections.items())),
                "disposition": brief.suggestion.disposition,
                "rule": brief.suggestion.rule,
                "tier": case.tier,
            },
        )
    )
