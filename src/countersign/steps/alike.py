"""alike: other cases that share a case's rare observables."""

from collections import defaultdict
from collections.abc import Iterable

from countersign.core.cases.similar import Similar, by_case, similar, telling
from countersign.core.records.observable import Observable
from countersign.ports import Ports
from countersign.steps.decided import standing

MAX_HOLDERS = 2_000  # records looked at


def alike(case_id: str, observables: Iterable[Observable], ports: Ports) -> tuple[Similar, ...]:
    """Other cases that hold an alert which shares a rare observable with this case, with what was decided there."""
    pairs = {(one.type, one.value): one for one in observables}
    with ports.store.reading() as tx:
        counted = tx.evidence.popularity(list(pairs), None, None)
        wanted = telling(pairs.values(), {pairs[pair]: count for pair, count in counted.items()})
        holders: dict[Observable, list[str]] = defaultdict(list)
        for one in wanted:
            found = tx.evidence.by_observables([(one.type, one.value)], None, None, MAX_HOLDERS)
            holders[one] += found.ids
        cases = tx.groups.cases_of({eid for ids in holders.values() for eid in ids})
        shared = by_case(holders, cases, case_id)
    stands = standing(shared, ports)
    return similar(shared, {case: one.disposition for case, one in stands.items() if one.disposition})
