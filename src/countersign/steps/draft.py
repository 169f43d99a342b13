"""draft and verify: the drafter speaks from a dossier, the machine objects, and both are on record.

The request is in the audit log, committed, before the drafter is asked; its reply before it is used. A
reply that is not a brief gives way to the rules drafter's, and the case says so.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

import msgspec

from countersign.core.briefs import documents
from countersign.core.briefs.circumstances import written
from countersign.core.briefs.concluding import Around, Asked, Briefed, asked, briefed, drafted, flagged
from countersign.core.briefs.redact import Prepared
from countersign.core.briefs.suggest import RULE_TABLE
from countersign.core.briefs.verified import Drafted, Fallback
from countersign.core.canonical import NANOSECONDS
from countersign.core.cases.case import Assembled
from countersign.core.cases.decisive import Extent, Heard
from countersign.core.cases.quality import Beside, Flag, assess
from countersign.core.cases.tiers import techniques
from countersign.core.claims import verify
from countersign.core.claims.coverage import Coverage
from countersign.core.claims.reference import Reference
from countersign.core.claims.snapshot import Snapshot
from countersign.core.ids import digest
from countersign.errors import ContentErased, DraftError
from countersign.ports import BriefState, CaseState, Drafter, Ports, Transaction
from countersign.steps.audit import stage

__all__ = ["Briefed", "Inputs", "brief_case", "brief_cases", "frozen", "judged_ns"]

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
    around = Around(
        families=families,
        unheard=unheard,
        barred=barred,
        least_tier=before.tier if before else 0,
        least_severity=before.severity if before else "low",
        judged_ns=judged_ns(one, ports),
    )
    return flagged(bare, flags), flags, around


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


class Request(msgspec.Struct, frozen=True):
    """A question on its way to the drafter; `run` names the request in the log."""

    asked: Asked
    run: str


def brief_case(one: Assembled, ports: Ports, inputs: Inputs) -> Briefed:
    """Draft, verify and keep one case. A crash after the request leaves a request without a reply in the log."""
    return next(brief_cases((one,), ports, inputs))


def brief_cases(ones: Iterable[Assembled], ports: Ports, inputs: Inputs) -> Iterator[Briefed]:
    """Each case drafted, verified and kept; small cases share a commit of their requests and one of their replies."""
    with ports.store.reading() as tx:
        inputs = msgspec.structs.replace(inputs, known=tx.evidence.extents())
        erased = len(tx.erasures.all())
    for some in _together(ones):
        requests = [_prepared(one, ports, inputs) for one in some]
        with ports.store.transaction() as tx:
            _ensure_there(tx, {one.id for one in some}, erased)
            for each in requests:
                _ask(tx, ports, each)
        made = [_made(each, ports, inputs) for each in requests]
        with ports.store.transaction() as tx:
            for each, (one, reply) in zip(requests, made, strict=True):
                _ensure_asked(tx, each.run)
                _keep(tx, ports, one, reply, each.run)
                if each.asked.one.mark:
                    tx.groups.drafted(each.asked.one.id, each.asked.one.mark)
        yield from (one for one, _ in made)


def _ensure_there(tx: Transaction, cases: Collection[str], before: int) -> None:
    """Nothing is written about a case that was erased since it was read."""
    tx.erasures.hold_off()
    if gone := sorted(case for case, _ in tx.erasures.all()[before:] if case in cases):
        raise ContentErased(f"{gone[0]} was erased while it was drafted")


def _ensure_asked(tx: Transaction, run: str) -> None:
    """The same, once the request is on record."""
    tx.erasures.hold_off()
    if tx.contents.is_erased(f"ask-{run}/dossier"):
        raise ContentErased("a case was erased while it was drafted", hint="Run it again for the others.")


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


def _prepared(one: Assembled, ports: Ports, inputs: Inputs) -> Request:
    snapshot, flags, around = frozen(one, ports, inputs)
    now = str(ports.clock.now_ns())
    run = ports.sealer.pseudonym("run", f"{one.id}\n{snapshot.id}\n{ports.drafter.name}\n{now}".encode())
    return Request(asked(one, snapshot, flags, around, inputs.references, ports.signals), run)


def _made(request: Request, ports: Ports, inputs: Inputs) -> tuple[Briefed, bytes]:
    said, reply = _draft(ports, request.asked, inputs)

    def again(bare: Prepared) -> bytes:
        return _asked_masked(ports, request, bare)

    return briefed(request.asked, said, again), reply


def _asked_masked(ports: Ports, request: Request, bare: Prepared) -> bytes:
    """The drafter's reply to the dossier without outsiders' words, both on record."""
    case, run = request.asked.one.id, request.run
    ask, name = f"ask-{run}-masked", f"reply-{run}-masked"
    with ports.store.transaction() as tx:
        _ensure_asked(tx, run)
        contents = {"dossier": bare.dossier.document}
        stage(tx, ports, "draft.requested", ask, case=case, contents=contents)
    reply = ports.drafter.draft(bare.dossier)
    with ports.store.transaction() as tx:
        _ensure_asked(tx, run)
        contents = {"reply": reply}
        stage(tx, ports, "brief.drafted", name, case=case, refs={"request": ask}, contents=contents)
    return reply


def _ask(tx: Transaction, ports: Ports, request: Request) -> None:
    question = request.asked
    one, document = question.one, question.prepared.dossier.document
    manifest = msgspec.json.encode([record.id for record in one.evidence])
    digests = {"signals": ports.signals.digest, "dictionary": ports.dictionary.digest}
    # Named by the last erasure too: what was erased and read again is opened again.
    named = question.snapshot.id + tx.erasures.erased([one.id]).get(one.id, "")
    opened = f"open-{one.id}-{ports.sealer.pseudonym('snapshot', named.encode())[:16]}"
    if not tx.log.holds(opened):
        data = {"records": len(one.evidence), "alerts": len(one.alerts), "left_out": one.left_out}
        stage(tx, ports, "case.opened", opened, case=one.id, data=data, bound={"evidence": manifest})
    name, contents = f"ask-{request.run}", {"dossier": document, "circumstances": written(question)}
    stage(tx, ports, "draft.requested", name, case=one.id, digests=digests, contents=contents)


def _draft(ports: Ports, question: Asked, inputs: Inputs) -> tuple[Drafted, bytes]:
    dossier = question.prepared.dossier
    try:
        reply = ports.drafter.draft(dossier)
        return drafted(question, reply, ports.drafter.name), reply
    except DraftError as error:
        if inputs.fallback is None:
            raise
        reply = inputs.fallback.draft(dossier)
        instead = Fallback(ports.drafter.name, str(error))
        return drafted(question, reply, inputs.fallback.name, instead), reply


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
