"""Alerts to cases: what belongs together, and why.

- A burst is one rule on one pair of ends, repeated; it is one thing with a count.
- Bursts share a case when they share a *rare* observable, or the same pair of ends, within the window on
  event time. What is usually present joins nobody: an observable is popular when it was seen with more
  counterparts, hour by hour, than an eighth of a screen or one burst in twenty. A victim that twenty rules
  of one attacker hit in an hour is therefore not popular; a resolver, a scanner or a relay is.
- One rule that fires all over a popular end is one fan, a group of its own kind: its other ends join nobody.
- Alerts without a readable time join only by rule and observable, or by pair, and the reason says so.
- Every link has a reason in words, and the result does not depend on the order of input.

Links go to the most recent holder of an observable, so the work grows with the records, not with their
pairs. Which telemetry joins a case, and which records tell of one event: `core/joining`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from countersign.core.alert import SEVERITIES, Alert
from countersign.core.canonical import NANOSECONDS, format_time
from countersign.core.case import Link
from countersign.core.fields import Schema
from countersign.core.observable import Found, Observable
from countersign.core.render import neutralize

WINDOW_S = 3600
BURST_GAP_S = 600
CASE_SPAN_S = 24 * 3600
FEW, SHARE = 8, 0.05
COMMON_DOMAINS = frozenset(
    "gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com icloud.com aol.com gmx.de gmx.net web.de "
    "proton.me protonmail.com mail.ru qq.com fonts.googleapis.com www.google.com www.w3.org schemas.microsoft.com "
    "windowsupdate.com www.microsoft.com login.microsoftonline.com ec2.amazonaws.com iam.amazonaws.com".split()
)
"""Domains that everyone uses, in any deployment."""

KIND_WORDS = {"ip": "address", "user": "account", "sid": "account", "email": "mail address", "url": "link", "id": "id",
          "guid": "application", "arn": "resource", "hash": "hash", "sha256": "hash", "sha1": "hash", "md5": "hash"}  # fmt: skip
STRENGTH = (
    "sha256",
    "sha1",
    "md5",
    "hash",
    "url",
    "email",
    "guid",
    "id",
    "arn",
    "user",
    "sid",
    "domain",
    "host",
    "ip",
)
_PLACES = {"source": 0, "actor": 1, "destination": 0, "target": 1, "resource": 2, "host": 3}


class Sighting(msgspec.Struct, frozen=True):
    """An alert, what it can be joined by, and its two ends where it has them."""

    alert: Alert
    observables: tuple[Observable, ...]
    source: Observable | None = None
    target: Observable | None = None


class Burst(msgspec.Struct, frozen=True):
    """One rule on one pair of ends, `count` times."""

    rule: str
    source: str
    target: str
    count: int
    first_ns: int | None
    last_ns: int | None


class Group(msgspec.Struct, frozen=True):
    """Alerts of one case, in event order, with the reason for every link."""

    alerts: tuple[Alert, ...]
    bursts: tuple[Burst, ...]
    links: tuple[Link, ...]
    observables: tuple[Observable, ...]
    opened_because: tuple[str, ...]


def sighting(alert: Alert, schema: Schema, found: Found) -> Sighting:
    """An alert with its observables; its ends are the fields with the roles of source and target."""
    ends: dict[bool, tuple[int, Observable]] = {}
    for one, pointer in found:
        field = schema.field(pointer)
        role = field.role if field else ""
        if role in _PLACES:
            side, place = role in {"source", "actor"}, _PLACES[role]
            if side not in ends or place < ends[side][0]:
                ends[side] = (place, one)
    source, target = ends.get(True), ends.get(False)
    unique = tuple(dict.fromkeys(one for one, _ in found))
    return Sighting(alert, unique, source[1] if source else None, target[1] if target else None)


class _Run:
    """A burst while it grows."""

    def __init__(self, first: Sighting) -> None:
        self.source, self.target, self.rule = first.source, first.target, first.alert.rule
        self.alerts = [first.alert]
        self.observables = dict.fromkeys(first.observables)

    def add(self, more: Sighting) -> None:
        self.alerts.append(more.alert)
        self.observables.update(dict.fromkeys(more.observables))

    @property
    def first_ns(self) -> int:
        return self.alerts[0].event_ns or 0

    @property
    def last_ns(self) -> int:
        return self.alerts[-1].event_ns or 0

    @property
    def timeless(self) -> bool:
        return self.alerts[0].event_ns is None

    @property
    def ends(self) -> frozenset[Observable]:
        return frozenset(end for end in (self.source, self.target) if end is not None)

    @property
    def place(self) -> object:
        """What tells this burst's surroundings from another's: its ends, or itself if it has none."""
        return self.ends or self.alerts[0].id

    def words(self) -> str:
        """`RULE, 6 times from A to B within 33 s`"""
        said = neutralize(self.rule, 120)
        if len(self.alerts) > 1:
            said += f", {len(self.alerts)} times"
        said += f" from {value_words(self.source)}" if self.source else ""
        said += f" to {value_words(self.target)}" if self.target and self.target != self.source else ""
        return said + (
            f" {apart_words(self.last_ns - self.first_ns)}" if self.last_ns > self.first_ns else ""
        )


def group(
    sightings: Sequence[Sighting], window_s: int = WINDOW_S, popular: Iterable[Observable] = ()
) -> tuple[Group, ...]:
    """Cases out of alerts, first seen first; `popular` names observables known to join nobody."""
    window = window_s * NANOSECONDS
    ordered = sorted(
        sightings, key=lambda one: (one.alert.event_ns is None, one.alert.event_ns or 0, one.alert.id)
    )
    runs = _runs(ordered, window)
    everyone = _everyone(runs, window) | set(popular)
    joined = _Joined(runs)
    _join_runs(joined, _fans(runs, everyone), everyone, window)
    return tuple(_group(members, joined.links) for members in joined.components())


def _runs(ordered: Iterable[Sighting], window: int) -> list[_Run]:
    """Repetitions of one rule on one pair of ends, at most ten minutes apart and an hour long."""
    runs: list[_Run] = []
    open_runs: dict[object, _Run] = {}
    for one in ordered:
        alone = one.source is None and one.target is None
        key = one.alert.id if alone else (one.alert.rule, one.source, one.target, one.alert.event_ns is None)
        run, ns = open_runs.get(key), one.alert.event_ns or 0
        if run and ns - run.last_ns <= BURST_GAP_S * NANOSECONDS and ns - run.first_ns <= window:
            run.add(one)
        else:
            open_runs[key] = _Run(one)
            runs.append(open_runs[key])
    return runs


def _everyone(runs: list[_Run], window: int) -> set[Observable]:
    """Observables that are usually present: seen in too many distinct surroundings and windows."""
    places: dict[Observable, set[object]] = defaultdict(set)
    for run in runs:
        for one in run.observables:
            other = run.ends - {one} if one in run.ends else run.place
            places[one].add((other or run.place, run.first_ns // window))
    limit = max(FEW, SHARE * len(runs))
    common = {one for one in places if one.type == "domain" and one.value in COMMON_DOMAINS}
    return common | {one for one, seen in places.items() if len(seen) > limit}


def _fans(runs: list[_Run], everyone: set[Observable]) -> set[tuple[str, Observable]]:
    """(rule, popular end) pairs that fired on more than a few other ends."""
    others: dict[tuple[str, Observable], set[object]] = defaultdict(set)
    for run in runs:
        for end in run.ends & everyone:
            others[run.rule, end].add(run.place)
    return {key for key, places in others.items() if len(places) > FEW}


class _Joined:
    """Bursts joined into cases, with one link for every join."""

    def __init__(self, runs: list[_Run]) -> None:
        self.runs = runs
        self.parent = list(range(len(runs)))
        self.first = [run.first_ns for run in runs]
        self.links: dict[int, list[Link]] = defaultdict(list)

    def root(self, at: int) -> int:
        while self.parent[at] != at:
            self.parent[at] = self.parent[self.parent[at]]
            at = self.parent[at]
        return at

    def join(self, earlier: int, later: int, because: str) -> None:
        one, two = self.root(earlier), self.root(later)
        start = min(self.first[one], self.first[two])
        # A case is a day at most: activity that never ends would otherwise be one case for ever.
        if one == two or self.runs[later].last_ns - start > CASE_SPAN_S * NANOSECONDS:
            return
        self.parent[max(one, two)] = min(one, two)
        self.first[min(one, two)] = start
        self.links[later].append(
            Link(self.runs[earlier].alerts[-1].id, self.runs[later].alerts[0].id, because)
        )

    def components(self) -> list[list[tuple[int, _Run]]]:
        found: dict[int, list[tuple[int, _Run]]] = defaultdict(list)
        for at, run in enumerate(self.runs):
            found[self.root(at)].append((at, run))
        return list(found.values())


def _join_runs(
    joined: _Joined, fans: set[tuple[str, Observable]], everyone: set[Observable], window: int
) -> None:
    holder: dict[object, int] = {}
    for at, run in enumerate(joined.runs):
        for key, words in _keys(run, fans, everyone):
            earlier = holder.get(key)
            if earlier is not None:
                apart = run.first_ns - joined.runs[earlier].last_ns
                if run.timeless:
                    joined.join(earlier, at, f"{words}; the records have no readable time")
                elif apart <= window:
                    joined.join(earlier, at, f"{words} {apart_words(max(apart, 0))}")
            if earlier is None or run.last_ns >= joined.runs[earlier].last_ns:
                holder[key] = at


def _keys(
    run: _Run, fans: set[tuple[str, Observable]], everyone: set[Observable]
) -> Iterable[tuple[object, str]]:
    """What a burst may be joined by, the strongest first, each with its words."""
    ends = sorted(run.ends, key=strength)
    if len(ends) == 2:
        yield ("pair", run.ends, run.timeless), f"same pair {value_words(ends[0])} and {value_words(ends[1])}"
    fanned = [end for end in ends if (run.rule, end) in fans]
    for one in sorted(run.observables, key=strength):
        if one in everyone or (fanned and one in run.ends):
            continue
        rule = (run.rule, True) if run.timeless else ("", False)
        yield (
            (one, *rule),
            f"same {'rule and ' if run.timeless else ''}{KIND_WORDS.get(one.type, one.type)} {value_words(one)}",
        )
    for end in ends:
        if end in everyone:
            word = KIND_WORDS.get(end.type, end.type)
            yield ("fan", run.rule, end, run.timeless), f"same rule on the common {word} {value_words(end)}"


def strength(one: Observable) -> tuple[int, str, str]:
    """Sorts observables, those that say most first."""
    return (STRENGTH.index(one.type) if one.type in STRENGTH else len(STRENGTH), one.type, one.value)


def _group(members: list[tuple[int, _Run]], links: Mapping[int, list[Link]]) -> Group:
    runs = [run for _, run in members]
    alerts = sorted((alert for run in runs for alert in run.alerts), key=lambda a: (a.event_ns or 0, a.id))
    inner = [
        Link(run.alerts[0].id, alert.id, "same rule and ends in one burst")
        for run in runs
        for alert in run.alerts[1:]
    ]
    return Group(
        tuple(alerts),
        tuple(_burst(run) for run in runs),
        (*(link for at, _ in members for link in links.get(at, ())), *inner),
        tuple(sorted({one for run in runs for one in run.observables}, key=strength)),
        _reasons(runs, alerts),
    )


def _burst(run: _Run) -> Burst:
    times = (None, None) if run.timeless else (run.first_ns, run.last_ns)
    ends = (run.source.value if run.source else "", run.target.value if run.target else "")
    return Burst(run.rule, *ends, len(run.alerts), *times)


def _reasons(runs: list[_Run], alerts: list[Alert]) -> tuple[str, ...]:
    """Why the case was opened: how much fired when, then the gravest bursts."""
    rules = len({run.rule for run in runs})
    said = [f"{_many(len(alerts), 'alert')} of {_many(rules, 'rule')}"]
    if runs[0].timeless:
        said[0] += "; the records have no readable time, so only rule and observables could join them"
    else:
        first, last = alerts[0].event_ns or 0, alerts[-1].event_ns or 0
        said[0] += f", {format_time(first)}" + (f" to {format_time(last)}" if last > first else "")
    gravest = sorted(runs, key=lambda run: -max(SEVERITIES.index(alert.severity) for alert in run.alerts))
    said += [run.words() for run in gravest[:5]]
    return (*said, f"and {_many(len(runs) - 5, 'further burst')}") if len(runs) > 5 else tuple(said)


def _many(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def value_words(one: Observable | None) -> str:
    """A value in a reason; one that leaves room for prose stands in our quotation marks."""
    if one is None:
        return ""
    shown = neutralize(one.value, 80)
    return (
        f"«{shown}»"
        if any(not (c.isascii() and (c.isalnum() or c in "._-:@/\\+=")) for c in one.value)
        else shown
    )


def apart_words(ns: int) -> str:
    """A distance in time as a reason says it: `within 12 min`."""
    seconds = ns / NANOSECONDS
    if seconds < 1:
        return "within a second"
    if seconds < 90:
        return f"within {round(seconds)} s"
    return f"within {round(seconds / 60)} min" if seconds < 5400 else f"within {seconds / 3600:.1f} h"
