"""Readings that only code may set, because nobody who gains from them may choose their words.

- `tool_attack`: a field of the case's evidence carries an injection marker other than a keyword.
- `visibility_gap`: a decisive source cannot be trusted here (a data-quality flag under cap C01).

A drafter that claims either is refused when its claims are parsed. Source: `verification.md` section 8.
"""

from collections.abc import Collection, Sequence

from countersign.core.cases.quality import Flag
from countersign.core.claims.checks import Citation
from countersign.core.claims.claims import HypothesisClaim
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.records.fields import MISSING
from countersign.core.render import neutralize, shown

MAX_NAMED = 3  # fields or sources that a sentence names
MAX_CITED = 20


def own_readings(
    checked: Sequence[CheckedClaim],
    marked: Collection[tuple[str, str]],
    flags: Sequence[Flag],
    snapshot: Snapshot,
) -> tuple[CheckedClaim, ...]:
    """The readings that code adds to a brief's claims; `marked` are (evidence id, pointer) of marked fields."""
    held = sorted((eid, pointer) for eid, pointer in marked if eid in snapshot.evidence)
    blind = [flag for flag in flags if flag.cap == "C01"]
    found: list[CheckedClaim] = []
    if held:
        found.append(_tool_attack(checked, held, snapshot))
    if blind:
        found.append(_visibility_gap(checked, blind))
    return tuple(found)


def _tool_attack(
    checked: Sequence[CheckedClaim], held: Sequence[tuple[str, str]], snapshot: Snapshot
) -> CheckedClaim:
    places = frozenset(held)
    basis = tuple(
        claim.id
        for claim in checked
        if claim.id is not None
        and claim.status == "verified"
        and any((c.evidence, c.pointer) in places for c in claim.citations)
    )
    citations: list[Citation] = []
    names: dict[str, None] = {}
    tainted = False
    for eid, pointer in held:
        path = snapshot.path(snapshot.evidence[eid].schema, pointer)
        names[neutralize(path.label if path else pointer, 60)] = None
        # A field that the dictionary does not know is an outsider's; it cannot be cited.
        tainted = tainted or path is None or path.field.tainted
        value = snapshot.value(eid, path) if path else MISSING
        if path is not None and value is not MISSING and len(citations) < MAX_CITED:
            citations.append(Citation(eid, pointer, shown(value, tainted=path.field.tainted)))
    records = tuple(dict.fromkeys(eid for eid, _ in held))
    number = f"{len(records)} record{'s' if len(records) > 1 else ''}"
    why = f"marks of text aimed at a reader or a tool stand in {_list(names)} of {number}"
    return _reading(
        _free("t", checked),
        "tool_attack",
        why,
        basis=basis,
        citations=tuple(citations),
        records=records,
        tainted=tainted,
    )


def _visibility_gap(checked: Sequence[CheckedClaim], blind: Sequence[Flag]) -> CheckedClaim:
    names = dict.fromkeys(
        f"{neutralize(flag.source or flag.schema, 80)} is flagged {flag.flag}" for flag in blind
    )
    flags = tuple(sorted({flag.flag for flag in blind}))
    return _reading(_free("v", checked), "visibility_gap", _list(names), flags=flags)


def _reading(
    name: str,
    code: str,
    why: str,
    *,
    basis: tuple[str, ...] = (),
    flags: tuple[str, ...] = (),
    citations: tuple[Citation, ...] = (),
    records: tuple[str, ...] = (),
    tainted: bool = False,
) -> CheckedClaim:
    return CheckedClaim(
        name,
        "hypothesis",
        "readings",
        "interpretation",
        None,
        tainted,
        flags,
        f"Reading: {code}, set by code: {why}.",
        citations,
        (),
        HypothesisClaim(id=name, section="readings", code=code, stance="supports", basis=basis),
        records=records,
    )


def _free(letter: str, checked: Sequence[CheckedClaim]) -> str:
    """`t1`, or the next number that no claim has taken."""
    taken = {claim.id for claim in checked}
    return next(name for name in (f"{letter}{n}" for n in range(1, len(taken) + 2)) if name not in taken)


def _list(names: Collection[str]) -> str:
    told = list(names)[:MAX_NAMED]
    rest = len(names) - len(told)
    return ", ".join(told) + (f" and {rest} more" if rest else "")
