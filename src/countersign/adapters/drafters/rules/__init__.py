"""The rules drafter: no language model, no key, no network; deterministic. Default, fallback and baseline.

It chooses among the menu's facts by weight, puts them in order, and proposes readings over what it took.
It sees what any drafter sees, and its words count no more than theirs: everything is verified afterwards.
"""

import json
from collections import defaultdict
from collections.abc import Iterable

from countersign.core.briefs.dossier import Dossier, MenuFact
from countersign.core.vocabulary import SECTIONS

NAME = "rules/1"
MAX_STATEMENTS = 22  # of what happened
MAX_ALERTS = 6
MAX_ORDERS = 8
MAX_INDICATORS = 6
MAX_READINGS = 8
MAX_BASIS = 14
LEAST_WEIGHT = 4


class RulesDrafter:
    """Drafts by published rules over the menu."""

    name = NAME

    def draft(self, dossier: Dossier) -> bytes:
        """A `countersign.brief/1` document over the dossier's menu."""
        chosen = choose(dossier.menu)
        readings = propose(chosen)
        order = [fact.id for fact in chosen] + [str(reading["id"]) for reading in readings]
        document = {
            "schema": "countersign.brief/1",
            "claims": readings,
            "use": order[: len(chosen)],
            "order": order,
        }
        return json.dumps(document, ensure_ascii=False).encode()


def choose(menu: Iterable[MenuFact]) -> list[MenuFact]:
    """The facts to tell, by section and then by time."""
    by_statement: dict[str, list[MenuFact]] = defaultdict(list)
    for fact in menu:
        by_statement[fact.statement].append(fact)
    told = list(by_statement.values())
    events = [s for s in told if s[0].section == "what_happened" and s[0].origin not in {"order", "alert"}]
    alerts = [s for s in told if s[0].origin == "alert"]
    strong = sorted(events, key=lambda s: (-s[0].weight, s[0].time or ""))
    kept = [s for s in strong if s[0].weight >= LEAST_WEIGHT][:MAX_STATEMENTS] or strong[
        : MAX_STATEMENTS // 2
    ]
    kept += sorted(alerts, key=lambda s: (-s[0].weight, s[0].time or ""))[: MAX_ALERTS * 2]
    told_at = {s[0].time for s in kept}
    orders = [s for s in told if s[0].origin == "order" and s[0].time in told_at]
    kept += sorted(orders, key=lambda s: (-s[0].weight, s[0].time or ""))[:MAX_ORDERS]
    kept += [s for s in told if s[0].section in {"disagreement", "readings"}]
    kept += [s for s in told if s[0].section == "indicators" and s[0].origin != "matched"][:MAX_INDICATORS]
    kept += [s for s in told if s[0].origin == "matched"]
    kept += [s for s in told if s[0].section == "unusual"]
    ordered = sorted(kept, key=_place)
    return [fact for statement in ordered for fact in statement]


def _place(statement: list[MenuFact]) -> tuple[int, str, bool, bool, str]:
    """Section, then time; at one time the records before their counts, and orders last."""
    first = statement[0]
    counts = first.kind in {"count", "time"}
    return SECTIONS.index(first.section), first.time or "~", first.kind == "order", counts, first.statement


def propose(chosen: Iterable[MenuFact]) -> list[dict[str, object]]:
    """Readings that the chosen facts suggest, the heaviest first, each over the facts that suggest it."""
    basis: dict[str, list[MenuFact]] = defaultdict(list)
    for fact in chosen:
        for code in fact.suggests:
            basis[code].append(fact)
    ranked = sorted(basis.items(), key=lambda row: (-max(f.weight for f in row[1]), -len(row[1]), row[0]))
    readings: list[dict[str, object]] = []
    for code, facts in ranked[:MAX_READINGS]:
        ids = [
            fact.id for fact in sorted(facts, key=lambda f: (f.kind != "reference", -f.weight))[:MAX_BASIS]
        ]
        readings.append(
            {
                "id": f"h{len(readings) + 1}",
                "kind": "hypothesis",
                "section": "readings",
                "code": code,
                "stance": "supports",
                "basis": ids,
            }
        )
    return readings
