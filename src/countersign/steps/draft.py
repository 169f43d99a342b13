"""draft and verify: the drafter speaks from a dossier, the machine objects, and both are on record.

The request is in the audit log, committed, before the drafter is asked; its reply before it is used. A
reply that is not a brief gives way to the rules drafter's, and the case says so.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from countersign.core.briefs import documents
from countersign.core.briefs.brief import parse_brief, reread
from countersign.core.briefs.redact import Prepared, masked, prepare
from countersign.core.briefs.suggest import CLOSING, RULE_TABLE, supported
from countersign.core.briefs.verified import (
    Drafted,
    Fallback,
    Grounds,
    Rank,
    VerifiedBrief,
    check_brief,
    conclude,
)
from countersign.core.canonical import NANOSECONDS
from countersign.core.cases.case import Assembled, Case
from countersign.core.cases.decisive import Extent, Heard
from countersign.core.cases.quality import Beside, Flag, assess, by_schema, measured_skew
from countersign.core.cases.tiers import gather, severity, techniques, tier
from countersign.core.claims import verify
from countersign.core.claims.coverage import Coverage
from countersign.core.claims.reference import Reference
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.facts.menu import menu
from countersign.core.ids import digest
from countersign.core.panel.marking import aimed, marked_fields
from countersign.errors import DraftError
from countersign.ports import BriefState, CaseState, Drafter, Ports, Transaction
from countersign.steps.audit import stage

MAX_TOGETHER = 32  # cases that share a commit
BESIDE_NS = 600 * NANOSECONDS  # a source that decides should have spoken this near to the case's records
MAX_RECORDS_TOGETHER = 5_000  # records that are held parsed at once, unless one case has more


class Inputs(msgspec.Struct, frozen=True):
    """What a case is read against besides its evidence."""

    coverage: Coverage = ()
    references: tuple[Reference, ...] = ()
    quarantined: Mapping[str, int] = MappingProxyType({})  # schema → records that could not be read
    fallback: Drafter | None = None
    stored: Mapping[str, int] = MappingProxyType({})  # schema → evidence in the store, of every case
    known: Mapping[str, Extent] = MappingProxyType(
        {}
    )  # schema → what the store holds of it; read when cases are drafted


class Briefed(msgspec.Struct, frozen=True):
    """A case with its brief, and the document that every door shows."""

    case: Case
    brief: VerifiedBrief
    snapshot: Snapshot
    flags: tuple[Flag, ...]
    document: dict[str, object]


class Around(msgspec.Struct, frozen=True):
    """What is known of a case besides its records: its rules' families, what sources lack, what it was before."""

    families: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    before: CaseState | None = None


def frozen(one: Assembled, ports: Ports, inputs: Inputs) -> tuple[Snapshot, tuple[Flag, ...], Around]:
    """The case's snapshot with its data-quality flags."""
    mine = {record.schema for record in one.evidence}
    coverage = tuple(row for row in inputs.coverage if row.schema in mine)
    held = Counter(record.schema for record in one.evidence)
    partial = frozenset(schema for schema, number in held.items() if inputs.stored.get(schema, 0) > number)
    bare = Snapshot(ports.dictionary, one.evidence, coverage, inputs.references, partial=partial)
    families = ports.decisive.families_of(one.alerts, techniques(bare, one.alerts))
    missing, unheard = _missing(one, bare, families, ports, inputs)
    deciding = ports.decisive.deciding(families)
    before, drafted = _before(one, bare, ports)
    beside = Beside(
        quarantined=inputs.quarantined,
        now_ns=judged_ns(one, ports),
        deciding=None if deciding is None else deciding | {alert.schema for alert in one.alerts},
        needed=ports.decisive.needed,
        missing=missing,
        drafted=drafted,
        pairs=[pair.evidence for pair in one.duplicates],
    )
    flags = assess(bare, beside=beside)
    barred = ports.decisive.barred(families, inputs.references)
    around = Around(families, unheard, barred, before)
    return bare.flagged(by_schema(flags), measured_skew(flags)), flags, around


def _missing(
    one: Assembled, bare: Snapshot, families: tuple[str, ...], ports: Ports, inputs: Inputs
) -> tuple[tuple[Flag, ...], tuple[str, ...]]:
    """Deciding sources that have nothing in the case's window, or never had anything here.

    Where alerts fit no family, only what a manifest names is missed: any source may be quiet for a while.
    """
    times = [record.event_ns for record in bare.evidence.values() if record.event_ns is not None]
    if not times:
        return (), ()
    start, end = min(times) - BESIDE_NS, max(times) + BESIDE_NS
    known = inputs.known if families or not one.alerts else {}
    here = frozenset(bare.by_schema)
    named = {row.schema for row in inputs.coverage} | known.keys()
    wanted = ports.decisive.unanswered(families, here) if families else named - here
    spoke: frozenset[str] = frozenset()
    if wanted & named:
        with ports.store.reading() as tx:
            spoke = tx.evidence.spoke(start, end + 1)
    heard = Heard(start_ns=start, end_ns=end, here=here, spoke=spoke, known=known, coverage=inputs.coverage)
    return ports.decisive.missing(families, heard)


def _before(one: Assembled, bare: Snapshot, ports: Ports) -> tuple[CaseState | None, frozenset[str]]:
    """The case as it stands, and the evidence of its first brief if that was drafted over another snapshot."""
    with ports.store.reading() as tx:
        before = tx.cases.latest(one.id)
        first = next(iter(tx.briefs.of_case(one.id)), None) if before else None
        if first is None or first.snapshot == bare.id:
            return before, frozenset()
        state = tx.cases.at(one.id, first.snapshot)
    rows = msgspec.json.decode(state.document)["evidence"] if state else ()
    return before, frozenset(row["id"] for row in rows)


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
    around: Around = Around()


def brief_case(one: Assembled, ports: Ports, inputs: Inputs) -> Briefed:
    """Draft, verify and keep one case. A crash after the request leaves a request without a reply in the log."""
    return next(brief_cases((one,), ports, inputs))


def brief_cases(ones: Iterable[Assembled], ports: Ports, inputs: Inputs) -> Iterator[Briefed]:
    """Each case drafted, verified and kept; small cases share a commit of their requests and one of their replies."""
    with ports.store.reading() as tx:
        inputs = msgspec.structs.replace(inputs, known=tx.evidence.extents())
    for some in _together(ones):
        asked = [_prepared(one, ports, inputs) for one in some]
        with ports.store.transaction() as tx:
            for each in asked:
                _ask(tx, ports, each)
        made = [_briefed(each, ports, inputs) for each in asked]
        with ports.store.transaction() as tx:
            for each, (briefed, reply) in zip(asked, made, strict=True):
                _keep(tx, ports, briefed, reply, each.run)
                if each.one.mark:
                    tx.groups.drafted(each.one.id, each.one.mark)
        yield from (briefed for briefed, _ in made)


def _together(ones: Iterable[Assembled]) -> Iterator[list[Assembled]]:
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
    snapshot, flags, around = frozen(one, ports, inputs)
    facts = menu(snapshot, ports.signals, one.alerts, one.duplicates)
    asked = str(ports.clock.now_ns())
    run = ports.sealer.pseudonym("run", f"{one.id}\n{snapshot.id}\n{ports.drafter.name}\n{asked}".encode())
    return Asked(one, snapshot, flags, prepare(one.id, snapshot, one.alerts, facts), run, around)


def _briefed(asked: Asked, ports: Ports, inputs: Inputs) -> tuple[Briefed, bytes]:
    one, snapshot, prepared = asked.one, asked.snapshot, asked.prepared
    drafted, reply = _draft(ports, prepared, inputs)
    stale = [r.kb for r in inputs.references if r.is_stale(judged_ns(one, ports))]
    around, marked = asked.around, marked_fields(snapshot)
    grounds = Grounds(snapshot, one.alerts, asked.flags, marked, tuple(stale), around.unheard, around.barred)
    checked = check_brief(drafted.brief, grounds)
    rank = _rank(checked, grounds, around)
    brief = conclude(one, drafted, checked, grounds, rank, prepared.facts)
    if brief.suggestion.disposition in CLOSING:
        drafted, grounds = _redrafted(one, ports, prepared, drafted, grounds, brief=brief, asked=asked)
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
        one.kind,
        one.score,
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
    asked: Asked,
) -> tuple[Drafted, Grounds]:
    """Before anything is closed: draft again with outsiders' words masked, and see whether the suggestion stands."""
    bare, run = masked(prepared), asked.run
    with ports.store.transaction() as tx:
        contents = {"dossier": bare.dossier.document}
        stage(tx, ports, "draft.requested", f"ask-{run}-masked", case=one.id, contents=contents)
    try:
        reply = ports.drafter.draft(bare.dossier)
        with ports.store.transaction() as tx:
            refs, content = {"request": f"ask-{run}-masked"}, {"reply": reply}
            name = f"reply-{run}-masked"
            stage(tx, ports, "brief.drafted", name, case=one.id, refs=refs, contents=content)
        again = parse_brief(reply, bare.cites, bare.menu)
        checked = check_brief(reread(drafted.brief, again), grounds)
        second = conclude(
            one, Drafted(again, drafted.drafter), checked, grounds, _rank(checked, grounds, asked.around), {}
        )
        disposition = second.suggestion.disposition
    except DraftError:
        disposition = "insufficient_data"
    if disposition != brief.suggestion.disposition:
        detail = f"with outsiders' fields masked the suggestion is {disposition}"
        grounds = msgspec.structs.replace(
            grounds, flags=(*grounds.flags, Flag("influenced", "", "", detail, "C08"))
        )
    return msgspec.structs.replace(drafted, masked=disposition), grounds


def _rank(checked: Sequence[CheckedClaim], grounds: Grounds, around: Around) -> Rank:
    """The tier and severity now; neither falls below what the case had."""
    snapshot, before = grounds.snapshot, around.before
    held = supported(checked, snapshot, grounds.stale)[0]
    weighed = gather(
        snapshot,
        grounds.alerts,
        families=around.families,
        codes=tuple(dict.fromkeys(reading.code for reading in held if reading.code != "tool_attack")),
        markers=aimed(snapshot, grounds.marked),
        partial=any(flag.partial for flag in grounds.flags),
    )
    level, because = tier(weighed, least=before.tier if before else 0)
    return Rank(level, because, severity(weighed, level, least=before.severity if before else "low"))


def _ask(tx: Transaction, ports: Ports, asked: Asked) -> None:
    one, document = asked.one, asked.prepared.dossier.document
    manifest = msgspec.json.encode([record.id for record in one.evidence])
    digests = {"signals": ports.signals.digest, "dictionary": ports.dictionary.digest}
    opened = f"open-{one.id}-{ports.sealer.pseudonym('snapshot', asked.snapshot.id.encode())[:16]}"
    if not tx.log.holds(opened):
        data = {"records": len(one.evidence), "alerts": len(one.alerts), "left_out": one.left_out}
        stage(tx, ports, "case.opened", opened, case=one.id, data=data, bound={"evidence": manifest})
    name, contents = f"ask-{asked.run}", {"dossier": document}
    stage(tx, ports, "draft.requested", name, case=one.id, digests=digests, contents=contents)


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
    digests |= {"dictionary": ports.dictionary.digest, "decisive": ports.decisive.digest}
    stage(
        tx,
        ports,
        "brief.drafted",
        f"reply-{run}",
        case=case.id,
        refs={"request": f"ask-{run}"},
        data={"drafter": brief.drafter, "fallback": brief.fallback is not None},
        contents={"reply": reply},
    )
    tx.cases.save(state)
    tx.briefs.add(BriefState(brief.id, case.id, case.snapshot, brief.drafter, drafted))
    stage(
        tx,
        ports,
        "brief.verified",
        f"verified-{run}",
        case=case.id,
        refs={"brief": f"reply-{run}"},
        digests=digests,
        bound={"brief": raw},
        data={
            "statuses": dict(sorted(verdicts.items())),
            "objections": dict(sorted(objections.items())),
            "disposition": brief.suggestion.disposition,
            "rule": brief.suggestion.rule,
            "tier": case.tier,
        },
    )
