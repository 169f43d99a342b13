"""Similar cases: others that speak of the same rare observables, with what was decided there.

A similar case is neither a duplicate (the same record) nor an echo (the same event by two products): it is another
event, perhaps by the same hand. What holds for it is not evidence here; it is a pointer for a person.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from countersign.core.cases.words import kind_word, strength, value_words
from countersign.core.records.observable import Observable

RARE_RECORDS = 50
"""An observable that more records hold than this says nothing about who did it."""
MAX_OBSERVABLES, MAX_SIMILAR = 200, 5
_SAYS_LITTLE = frozenset({"host"})  # our own machines are in many cases for many reasons


class Similar(msgspec.Struct, frozen=True):
    """Another case, what it shares, and what was decided there (empty: nothing yet)."""

    case: str
    shared: tuple[Observable, ...]
    disposition: str = ""

    def words(self) -> str:
        """`case-1 shares the link … and 2 more; true positive`"""
        first, *rest = sorted(self.shared, key=strength)
        more = f" and {len(rest)} more" if rest else ""
        told = self.disposition.replace("_", " ") or "not decided"
        return f"{self.case} shares the {kind_word(first)} {value_words(first)}{more}; {told}"


def telling(held: Iterable[Observable], records: Mapping[Observable, int]) -> list[Observable]:
    """The observables of a case that are worth looking for elsewhere; `records` counts who holds each, here or there."""
    rare = [o for o in held if o.type not in _SAYS_LITTLE and 1 < records.get(o, 0) <= RARE_RECORDS]
    return sorted(rare, key=lambda o: (records[o], strength(o)))[:MAX_OBSERVABLES]


def similar(
    shared: Mapping[str, Sequence[Observable]], dispositions: Mapping[str, str] | None = None
) -> tuple[Similar, ...]:
    """Other cases by what they share, the decided first, then those that share most."""
    told = dispositions or {}
    found = [
        Similar(case, tuple(sorted(set(o), key=strength)), told.get(case, "")) for case, o in shared.items()
    ]
    found.sort(key=lambda one: (not one.disposition, -len(one.shared), one.case))
    return tuple(found[:MAX_SIMILAR])


def by_case(
    holders: Mapping[Observable, Iterable[str]], cases: Mapping[str, str], own: str
) -> dict[str, list[Observable]]:
    """Other case → the observables it shares; `holders` are records by observable, `cases` the case of each."""
    shared: dict[str, list[Observable]] = defaultdict(list)
    for observable, records in holders.items():
        for case in {cases[eid] for eid in records if eid in cases} - {own}:
            shared[case].append(observable)
    return shared
