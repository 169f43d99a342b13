"""Next-step questions: which of the playbook are raised by a brief, with their slots filled from evidence.

A question is raised for a code that leads the suggestion (its answer could weaken it), that is supported
but contested, or that is short of the shape it needs; on the benign side, whenever a malicious code leads
and no register is loaded that would answer. One whose slots the evidence cannot fill is not raised.
The drafter may rank what was raised, never add to it. Source: `verification.md` section 10.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from countersign.core.briefs.playbook import BENIGN_SIDE, PLAYBOOK, SLOTS, Ask, Slot
from countersign.core.briefs.suggest import Suggestion, supported
from countersign.core.cases.quality import Flag
from countersign.core.claims.claims import HypothesisClaim, ReferenceClaim
from countersign.core.claims.roles import role_value
from countersign.core.claims.sentences import moment
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.records.fields import MISSING, Path, Schema, walk
from countersign.core.render import neutralize, shown
from countersign.core.vocabulary import VOCABULARY

MOST = 5
MAX_RECORDS = 40  # records of a reading that slots are looked for in, by event time
_SLOT = re.compile(r"\{(\w+)\}")


class Question(msgspec.Struct, frozen=True):
    """One question with its slots filled, and the readings it is asked for."""

    id: str
    text: str
    answered_by: str
    because: tuple[str, ...]


class Cause(msgspec.Struct, frozen=True):
    """A code that raises questions, and the readings of that code."""

    code: str
    readings: tuple[CheckedClaim, ...]


def questions(
    checked: Sequence[CheckedClaim],
    suggestion: Suggestion,
    snapshot: Snapshot,
    flags: Sequence[Flag],
    ranked: Sequence[str] = (),
) -> tuple[Question, ...]:
    """At most five questions, the leading code's first, then one of each code in turn.

    `ranked` are question ids in the drafter's order; they may move the others, not the first.
    """
    groups = [
        list(_asked(cause, asks, checked, snapshot, flags))
        for cause, asks in _raised(checked, suggestion, snapshot)
    ]
    turns = _in_turn(groups)
    place = {name: number for number, name in enumerate(ranked)}
    ordered = sorted(turns[1:], key=lambda question: place.get(question.id, len(place)))
    return tuple([*turns[:1], *ordered][:MOST])


def _in_turn(groups: Sequence[Sequence[Question]]) -> list[Question]:
    """The first of every group, then the second of every group, …; a question once, for all its reasons."""
    found: dict[str, Question] = {}
    for turn in range(max(map(len, groups), default=0)):
        for group in groups:
            if turn < len(group):
                one, known = group[turn], found.get(group[turn].id)
                because = dict.fromkeys((*(known.because if known else ()), *one.because))
                found[one.id] = msgspec.structs.replace(known or one, because=tuple(because))
    return list(found.values())


def _raised(
    checked: Sequence[CheckedClaim], suggestion: Suggestion, snapshot: Snapshot
) -> Iterator[tuple[Cause, list[Ask]]]:
    """Causes in order of weight, each with the playbook's questions for it, those made for its code first."""
    by_id = {claim.id: claim for claim in checked}
    leading = [by_id[name] for name in suggestion.because if name in by_id]
    causes = list(_by_code(leading))
    own = [c for c in checked if _code(c) in {"tool_attack", "visibility_gap"} and c not in leading]
    open_ones = [c for c in checked if _is_open(c, checked, snapshot) and c not in leading]
    for number, cause in enumerate([*causes, *_by_code([*own, *open_ones])]):
        yield (
            cause,
            sorted((a for a in PLAYBOOK if cause.code in a.codes), key=lambda a: a.codes.index(cause.code)),
        )
        if number == 0 and (accused := [c for c in leading if VOCABULARY[_code(c)].polarity == "malicious"]):
            held = {reference.kind for reference in snapshot.references.values()}
            named = {name for name, kinds in BENIGN_SIDE if not kinds & held}
            yield Cause(_code(accused[0]), tuple(accused)), [ask for ask in PLAYBOOK if ask.id in named]


def _code(claim: CheckedClaim) -> str:
    return claim.claim.code if isinstance(claim.claim, HypothesisClaim) else ""


def _by_code(claims: Iterable[CheckedClaim]) -> Iterator[Cause]:
    found: dict[str, list[CheckedClaim]] = {}
    for claim in claims:
        found.setdefault(_code(claim), []).append(claim)
    return (Cause(code, tuple(readings)) for code, readings in found.items() if code)


def _is_open(claim: CheckedClaim, checked: Sequence[CheckedClaim], snapshot: Snapshot) -> bool:
    """Is it supported but contested, or short of the shape its code needs (objection 18)?"""
    if not isinstance(claim.claim, HypothesisClaim) or claim.claim.stance != "supports":
        return False
    if claim.status == "unsupported":
        return any(objection.check == 18 for objection in claim.objections)
    return any(reading.id == claim.id and reading.contested for reading in supported(checked, snapshot)[0])


def _asked(
    cause: Cause,
    asks: Iterable[Ask],
    checked: Sequence[CheckedClaim],
    snapshot: Snapshot,
    flags: Sequence[Flag],
) -> Iterator[Question]:
    filler = _Filler(cause, checked, snapshot, flags)
    because = tuple(claim.id for claim in cause.readings if claim.id is not None)
    for ask in asks:
        text = next(filter(None, map(filler.fill, ask.wordings)), "")
        if text:
            yield Question(ask.id, text, ask.answered_by, because)


class _Filler:
    """Fills slots from the records under the readings of one cause."""

    def __init__(
        self, cause: Cause, checked: Sequence[CheckedClaim], snapshot: Snapshot, flags: Sequence[Flag]
    ) -> None:
        self.cause = cause
        self.snapshot = snapshot
        blind = [flag for flag in flags if flag.cap == "C01"]
        self.blind = sorted(blind, key=lambda flag: flag.start_ns is None or flag.end_ns is None)
        by_id = {claim.id: claim for claim in checked}
        named = [b for c in cause.readings if isinstance(c.claim, HypothesisClaim) for b in c.claim.basis]
        self.basis = [by_id[name] for name in named if name in by_id]
        held = {eid for c in (*cause.readings, *self.basis) for eid in c.records if eid in snapshot.evidence}
        if not held and cause.code == "visibility_gap":
            held = {
                r.id for flag in self.blind for r in snapshot.by_schema.get(flag.schema, [])[:MAX_RECORDS]
            }
        records = sorted((snapshot.evidence[eid].event_ns or 0, eid) for eid in held)
        self.records = [eid for _, eid in records[:MAX_RECORDS]]
        self.found: dict[tuple[str, str], str] = {}

    def fill(self, wording: str) -> str:
        """The wording with every slot filled, from one record if one can; empty when a slot stays open."""
        slots = _SLOT.findall(wording)
        fixed = {name: text for name in slots if (text := self._fixed(name))}
        open_slots = [name for name in slots if name not in fixed]
        rows = [{name: text for name in open_slots if (text := self._at(name, eid))} for eid in self.records]
        whole = next((row for row in rows if len(row) == len(open_slots)), None)
        values: Mapping[str, str] = (
            whole if whole is not None else {k: v for row in reversed(rows) for k, v in row.items()}
        )
        values = {**values, **fixed}
        return (
            _SLOT.sub(lambda slot: values[slot[1]], wording) if all(name in values for name in slots) else ""
        )

    def _fixed(self, name: str) -> str:
        if name == "indicator":
            keys = (c.claim.key for c in self.basis if isinstance(c.claim, ReferenceClaim))
            return next((neutralize(key) for key in keys), "")
        if name == "field":
            return self._marked()
        if name in {"source", "t1", "t2"} and self.blind:
            return self._gap(name)
        return ""

    def _marked(self) -> str:
        for claim in self.cause.readings:
            for cited in claim.citations:
                path = self.snapshot.path(self.snapshot.evidence[cited.evidence].schema, cited.pointer)
                if path is not None:
                    return f"the {neutralize(path.label, 60)} ({neutralize(cited.pointer, 80)})"
        return ""

    def _gap(self, name: str) -> str:
        flag = self.blind[0]
        if name == "source":
            return neutralize(flag.source or flag.schema, 80)
        records = self.snapshot.by_schema.get(flag.schema, [])
        times = [
            r.event_ns for r in records if r.event_ns is not None and flag.source in {r.source, r.schema, ""}
        ]
        start = flag.start_ns if flag.start_ns is not None else min(times, default=None)
        end = flag.end_ns if flag.end_ns is not None else max(times, default=None)
        # A moment is no interval: nothing could be missing between a time and itself.
        if start is None or end is None or start >= end:
            return ""
        return moment(start if name == "t1" else end)

    def _at(self, name: str, eid: str) -> str:
        if (name, eid) not in self.found:
            self.found[name, eid] = self._read(name, eid)
        return self.found[name, eid]

    def _read(self, name: str, eid: str) -> str:
        if name == "time":
            ns = self.snapshot.evidence[eid].event_ns
            return "" if ns is None else moment(ns)
        schema, slot = self.snapshot.schema(eid), SLOTS.get(name)
        if schema is None or slot is None:
            return ""
        return self._of_relation(schema, slot, eid) or self._of_field(schema, slot, eid)

    def _of_relation(self, schema: Schema, slot: Slot, eid: str) -> str:
        rows = [dict(r.roles) for r in schema.relations if self.snapshot.relation(eid, r.name) is r]
        for role in slot.relation_roles:
            for row in rows:
                if role in row and not row[role].mapping and not row[role].present:
                    path, value = role_value(self.snapshot, eid, row[role])
                    if path is not None and path.field.type in slot.types and _names(schema, value):
                        return _shown(path, value)
        return ""

    def _of_field(self, schema: Schema, slot: Slot, eid: str) -> str:
        for pointer, field, value in walk(schema, self.snapshot.view(eid)):
            if field is None or field.type not in slot.types or not _names(schema, value):
                continue
            if slot.field_roles and field.role not in slot.field_roles:
                continue
            path = schema.path(pointer)
            if path is not None:
                return _shown(path, value)
        return ""


def _names(schema: Schema, value: object) -> bool:
    """Does it name something, rather than say that there is nothing?"""
    if value is MISSING or isinstance(value, bool | dict | list):
        return False
    return not isinstance(value, str) or value not in schema.absent


def _shown(path: Path, value: object) -> str:
    return shown(value, tainted=path.field.tainted, limit=80)
