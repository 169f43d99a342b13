"""What a review must know of a case: its verified brief as the stored case document says it.

The document is the one that was logged when the brief was verified: whoever hands its bytes in has held them against
the log's commitment (`steps/logged`), and names their digest. Nothing here believes a drafter: statuses, taint,
objections, panel and caps are code's own words.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

import msgspec

from countersign.core.briefs.suggest import Disposition
from countersign.core.claims.verify import Status as ClaimStatus
from countersign.core.ids import digest
from countersign.core.records.alert import Severity
from countersign.errors import DigestMismatch, ReviewError

OPEN_CAP = "C01"
"""The cap of a flag that says a decisive source cannot be trusted here."""
SURE: frozenset[str] = frozenset({"verified", "interpretation"})
"""Statuses that nothing objects to; an interpretation is a reading whose basis is verified."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One claim of the brief, as the checks left it."""

    id: str
    status: ClaimStatus
    tainted: bool
    reading: bool = False  # what somebody made of the facts
    basis: tuple[str, ...] = ()
    checks: tuple[int, ...] = ()  # the checks that objected, in order, each once

    @property
    def objections(self) -> tuple[str, ...]:
        """The names of its objections: `c3#17`."""
        return tuple(f"{self.id}#{check}" for check in self.checks)


class CaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A case as a review sees it. Only `read_case` makes one."""

    case: str
    severity: Severity
    tier: int
    snapshot: str
    brief: str
    document: str  # sha256:… of the exact bytes
    suggested: Disposition
    because: tuple[str, ...]
    capped_by: tuple[str, ...]
    claims: Mapping[str, Said]
    unnamed: int  # claims without an id, or with one that another claim has: nobody can rest on them
    parts: tuple[str, ...]  # the part of each entry of the must-show panel, in order
    caps: tuple[tuple[str, str], ...]  # (flag, cap) of data-quality flags that cap a conclusion

    @property
    def blind(self) -> bool:
        """Is a decisive source silent, gapped, truncated, sampled or badly parsed?"""
        return any(cap == OPEN_CAP for _, cap in self.caps) or OPEN_CAP in self.capped_by

    @property
    def all_sure(self) -> bool:
        """Does nothing object to anything, and does no cap hold?"""
        sure = bool(self.claims) and all(claim.status in SURE for claim in self.claims.values())
        return sure and not self.unnamed and not self.caps and not self.capped_by

    def to_answer(self, statuses: Collection[str]) -> tuple[Said, ...]:
        """Claims of these statuses, whose objections a person upholds or overrules."""
        return tuple(claim for claim in self.claims.values() if claim.status in statuses and claim.checks)

    def load_bearing(self, statuses: Collection[str]) -> tuple[str, ...]:
        """The claims of the suggestion, all they rest on, and every claim to answer; in the brief's order."""
        carried = {*self._under(self.because), *(claim.id for claim in self.to_answer(statuses))}
        return tuple(name for name in self.claims if name in carried)

    def grounds(self, names: Collection[str]) -> tuple[Said, ...]:
        """The facts under these claims: the claims themselves, or what readings among them rest on."""
        reached = [self.claims[name] for name in self._under(names) if name in self.claims]
        return tuple(claim for claim in reached if not claim.basis)

    def _under(self, names: Collection[str]) -> set[str]:
        reached: set[str] = set()
        waiting = [*names]
        while waiting:
            name = waiting.pop()
            if name not in reached and name in self.claims:
                reached.add(name)
                waiting += self.claims[name].basis
        return reached

    def positions(self, parts: Collection[str]) -> tuple[int, ...]:
        """Where entries of these parts stand in the must-show panel, from 1."""
        return tuple(number for number, part in enumerate(self.parts, 1) if part in parts)


class _Objection(msgspec.Struct):
    check: int


class _Claim(msgspec.Struct):
    status: ClaimStatus
    tainted: bool
    objections: tuple[_Objection, ...]
    kind: str = ""
    id: str | None = None
    claim: Mapping[str, object] | None = None


class _Entry(msgspec.Struct):
    part: str


class _Suggestion(msgspec.Struct):
    disposition: Disposition
    because: tuple[str, ...]
    capped_by: tuple[str, ...]


class _Brief(msgspec.Struct):
    id: str
    suggestion: _Suggestion
    claims: tuple[_Claim, ...]
    must_show: tuple[_Entry, ...]


class _Flag(msgspec.Struct):
    flag: str
    cap: str | None = None


class _Document(msgspec.Struct):
    id: str
    severity: Severity
    tier: int
    snapshot: str
    quality: tuple[_Flag, ...]
    brief: _Brief


def read_case(raw: bytes, logged: str) -> CaseFacts:
    """What the case document says. `logged` is the digest (`sha256:…`) of the bytes that the log knows.

    `DigestMismatch` for other bytes; `ReviewError` for a document without a verified brief.
    """
    if digest(raw) != logged:
        raise DigestMismatch("this is not the case document that was logged")
    try:
        read = msgspec.json.decode(raw, type=_Document)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ReviewError(
            "the case has no verified brief", hint="Draft it anew with `countersign case draft CASE`."
        ) from error
    brief = read.brief
    named = Counter(claim.id for claim in brief.claims if claim.id)
    alone = [claim for claim in brief.claims if claim.id and named[claim.id] == 1]
    return CaseFacts(
        case=read.id,
        severity=read.severity,
        tier=read.tier,
        snapshot=read.snapshot,
        brief=brief.id,
        document=logged,
        suggested=brief.suggestion.disposition,
        because=brief.suggestion.because,
        capped_by=brief.suggestion.capped_by,
        claims={claim.id: claim for claim in map(_said, alone)},
        unnamed=len(brief.claims) - len(alone),
        parts=tuple(entry.part for entry in brief.must_show),
        caps=tuple((flag.flag, flag.cap) for flag in read.quality if flag.cap),
    )


def _said(claim: _Claim) -> Said:
    basis = (claim.claim or {}).get("basis")
    return Said(
        id=claim.id or "",
        status=claim.status,
        tainted=claim.tainted,
        reading=claim.kind == "hypothesis",
        basis=tuple(_words(basis)),
        checks=tuple(dict.fromkeys(one.check for one in claim.objections)),
    )


def _words(value: object) -> Iterator[str]:
    if isinstance(value, list | tuple):
        yield from (one for one in value if isinstance(one, str))
