"""What a grouping is worth: steps, ranks and purity against the labels; pairs for the four incidents.

`Grouped` is any grouping: which case each alert is in, and for each case its kind and its score. The baselines are two.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from countersign.core.cases.board import KINDS
from countersign.core.cases.sighting import Sighting
from labelled import BENIGN, Labelled

PURE = 0.9
DAY_S, HOUR_S = 86_400, 3600


class Grouped(msgspec.Struct, frozen=True):
    """Alert id to case; case to (kind, score)."""

    case: Mapping[str, str]
    told: Mapping[str, tuple[str, float]]


class Scores(msgspec.Struct, frozen=True):
    """Against the attack's labels. Shares are 0 to 1."""

    cases: int
    a_day: float
    kinds: Mapping[str, int]
    false: int
    false_a_day: float  # after 24 h of warm-up
    pure: float  # attack alerts in cases that are ≥ 90 % attack
    steps_pure: float  # the same, averaged over steps
    rank: int  # of the case that holds most of the attack, among incidents; 0 when it is none
    score: float
    next_score: float
    main: int
    main_attack: float
    main_share: float
    reach_incident: int
    reach_watch: int
    steps: int
    largest_false: float
    homogeneity: float
    benign_in_incidents: float
    holding: int


def scores(data: Labelled, rows: Sequence[tuple[str, str]], made: Grouped) -> Scores:
    """`rows` are (alert, label): every row of the file, or each distinct record once."""
    size, attack = Counter[str](), Counter[str]()
    steps: dict[str, Counter[str]] = defaultdict(Counter)
    for alert, label in rows:
        case = made.case[alert]
        size[case] += 1
        if label != BENIGN:
            attack[case] += 1
            steps[label][case] += 1
    total, attacked = len(rows), sum(attack.values())
    pure = {case for case in attack if attack[case] >= PURE * size[case]}
    incidents = sorted(
        (case for case in size if made.told[case][0] == "incident"),
        key=lambda case: (-made.told[case][1], case),
    )
    false = [case for case in incidents if not attack[case]]
    main = max(incidents, key=lambda case: attack[case], default="")
    others = [made.told[case][1] for case in incidents if case != main]
    shares = [
        sum(count for case, count in held.items() if case in pure) / sum(held.values())
        for held in steps.values()
    ]
    return Scores(
        cases=len(size),
        a_day=len(size) / data.days,
        kinds={kind: sum(made.told[case][0] == kind for case in size) for kind in KINDS},
        false=len(false),
        false_a_day=len(false) / (data.days - 1),
        pure=sum(attack[case] for case in pure) / attacked,
        steps_pure=sum(shares) / len(shares),
        rank=incidents.index(main) + 1 if main else 0,
        score=made.told[main][1] if main else 0.0,
        next_score=max(others, default=0.0),
        main=size[main],
        main_attack=attack[main] / size[main] if main else 0.0,
        main_share=attack[main] / attacked,
        reach_incident=sum(any(made.told[c][0] == "incident" for c in held) for held in steps.values()),
        reach_watch=sum(any(made.told[c][0] in {"incident", "watch"} for c in held) for held in steps.values()),
        steps=len(steps),
        largest_false=max((size[case] for case in false), default=0) / total,
        homogeneity=_homogeneity(size, attack, total),
        benign_in_incidents=sum(size[c] - attack[c] for c in incidents) / (total - attacked),
        holding=len(attack),
    )  # fmt: skip


def _homogeneity(size: Counter[str], attack: Counter[str], total: int) -> float:
    """1 − H(attack or benign, given the case) / H(attack or benign)."""
    attacked = sum(attack.values())
    within = sum(
        count / total * _entropy((attack[case], count - attack[case])) for case, count in size.items()
    )
    return 1 - within / _entropy((attacked, total - attacked))


def _entropy(counts: Iterable[int]) -> float:
    held = [count for count in counts if count]
    return -sum(count / sum(held) * math.log(count / sum(held)) for count in held)


class Pairs(msgspec.Struct, frozen=True):
    """Pairs of alerts that stand together, against pairs that belong together."""

    precision: float
    recall: float
    f1: float
    cases: int


def pairs(rows: Sequence[tuple[str, str]], made: Grouped) -> Pairs:
    """Pairwise precision and recall."""
    right = _pairs(Counter((label, made.case[alert]) for alert, label in rows))
    found = _pairs(Counter(made.case[alert] for alert, _ in rows))
    wanted = _pairs(Counter(label for _, label in rows))
    cases = len({made.case[alert] for alert, _ in rows})
    return Pairs(right / max(1, found), right / wanted, 2 * right / max(1, found + wanted), cases)


def _pairs(counts: Mapping[object, int]) -> int:
    return sum(count * (count - 1) // 2 for count in counts.values())


# ---- baselines ----------------------------------------------------------------------------------------------


def host_and_day(sightings: Iterable[Sighting]) -> Grouped:
    """One case for each host and day."""
    return _ranked(sightings, {one.alert: f"{one.place} {one.start // DAY_S}" for one in sightings})


def host_within_the_hour(sightings: Iterable[Sighting]) -> Grouped:
    """A host's alerts are one case until an hour passes without any."""
    running: dict[str, tuple[int, str]] = {}
    case = {}
    for one in sightings:
        last, name = running.get(one.place, (-math.inf, ""))
        if one.start - last > HOUR_S:
            name = f"{one.place} {one.start}"
        running[one.place] = (one.start, name)
        case[one.alert] = name
    return _ranked(sightings, case)


def _ranked(sightings: Iterable[Sighting], case: Mapping[str, str]) -> Grouped:
    """A baseline tells no noise from incidents: each case is one, ranked by its number of distinct rules."""
    rules: dict[str, set[str]] = defaultdict(set)
    for one in sightings:
        rules[case[one.alert]].add(one.rule)
    return Grouped(case, {name: ("incident", float(len(held))) for name, held in rules.items()})
