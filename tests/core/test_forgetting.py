"""A memory that forgot an erased case holds none of its words, and judges everything else as before."""

import random

import msgspec
import pytest

from countersign.core.cases.correlate import Correlation
from countersign.core.cases.forgetting import Forgotten, forget, words_of
from countersign.core.cases.memory import Memory
from countersign.core.cases.sighting import UNCLAIMED, Sighting

CANARY, JDOE = "canary", "user:jdoe"
START, HOUR, HIGH = 1_700_000_000 // 86_400 * 86_400, 3600, 2
NOW = 72 * HOUR + 600
"""A moment after `past()`."""


def seen(name, second, rule, place, entities=(), *, severity=UNCLAIMED):
    """One alert; `second` counts from the start of the invented past."""
    at = START + second
    return Sighting(name, "test.alert", rule, "", place, severity, at, at, tuple(sorted(entities)))


def past():
    """Hours of the same noise everywhere."""
    places = ("web", "mail", "dc", "files")
    return [seen(f"{p}-{hour}", hour * HOUR + 7, "heartbeat lost", p) for hour in range(72) for p in places]


def doomed():
    """An incident, a watch, something usual and something without a time, all of words of their own."""
    named = ("host:canary-host", "user:canary")
    return [
        seen("d1", NOW, "canary loud", "canary-host", named, severity=HIGH),
        seen("d2", NOW + 20, "canary louder", "canary-host", named, severity=HIGH),
        seen("d3", NOW + 60, "canary odd", "canary-place"),
        *(seen(f"d4-{n}", n * HOUR + 9, "canary noise", "canary-place", ("user:canary",)) for n in range(70)),
        seen("d5", NOW + 61, "canary loud", "files", ("user:canary",), severity=HIGH),
    ]


def others():
    return [
        *past(),
        seen("o1", NOW + 3, "other loud", "web", (JDOE,), severity=HIGH),
        seen("o2", NOW + 30, "other louder", "mail", (JDOE,), severity=HIGH),
        seen("o3", NOW + 31, "odd here", "dc"),
    ]


def later():
    """What comes afterwards, and is judged by what is kept in mind."""
    return [
        seen("l1", NOW + 200, "other loud", "web", (JDOE,), severity=HIGH),
        seen("l2", NOW + 230, "odd here", "dc"),
        seen("l3", NOW + 240, "heartbeat lost", "mail"),
        seen("l4", NOW + 900, "quite new", "files", ("ip:192.0.2.7",), severity=HIGH),
    ]


def grouped(memory, sightings):
    """The bursts and the case of each alert."""
    correlation = Correlation(memory)
    correlation.take(sorted(sightings, key=lambda one: (one.start, one.alert)))
    changes = correlation.drain()
    bursts = dict(changes.bursts)
    for burst in bursts.values():
        case = memory.case_of(burst)
        burst.case = case.root.id if case else burst.case
    return bursts, {alert: bursts[burst].case for alert, burst in changes.members if burst in bursts}


def after(memory, bursts, cases):
    """The memory without these cases, as `steps/erase` asks for it."""
    own = [one for one in bursts.values() if one.case in cases]
    rest = words_of(one for one in bursts.values() if one.case not in cases)
    gone = Forgotten(frozenset(cases), frozenset(one.number for one in own), words_of(own) - rest)
    return forget(Memory.load(memory.dump()), gone)


def texts(memory):
    return str(msgspec.msgpack.decode(memory.dump()))


@pytest.fixture
def judged():
    memory = Memory()
    bursts, case_of = grouped(memory, [*others(), *doomed()])
    cases = {case for alert, case in case_of.items() if alert.startswith("d")}
    return memory, bursts, cases, case_of


def test_the_world_of_these_tests_is_what_they_say(judged):
    memory, _, _, case_of = judged
    assert CANARY in texts(memory)
    assert case_of["d1"] == case_of["d2"]
    assert case_of["o1"] == case_of["o2"]


def test_no_word_that_only_the_case_spoke_is_left(judged):
    memory, bursts, cases, _ = judged
    made = after(memory, bursts, cases)

    assert made is not None
    assert CANARY not in texts(made)
    assert not any(case in texts(made) for case in cases)


def test_what_was_forgotten_can_be_kept_and_read_again(judged):
    memory, bursts, cases, _ = judged
    made = after(memory, bursts, cases)
    assert made.dump() == Memory.load(made.dump()).dump()


def test_everything_else_is_judged_as_if_it_had_never_come():
    """Its own sources and places: nothing of the others was ever weighed with it."""
    apart = [one for one in doomed() if one.place.startswith("canary")]
    apart = [msgspec.structs.replace(one, source="canary.alert") for one in apart]
    memory, never = Memory(), Memory()
    bursts, case_of = grouped(memory, [*others(), *apart])
    grouped(never, others())
    made = after(memory, bursts, {case for alert, case in case_of.items() if alert.startswith("d")})

    assert made is not None
    kept, _ = grouped(made, later())
    expected, _ = grouped(never, later())
    said = [
        sorted((one.rule, one.place, one.because, one.bits, one.peak) for one in some.values())
        for some in (expected, kept)
    ]
    assert said[0] == said[1]


def test_a_word_that_others_speak_too_is_kept_with_all_that_was_learnt_of_it(judged):
    memory, bursts, cases, _ = judged
    made = after(memory, bursts, cases)
    assert "heartbeat lost" in texts(made)
    assert "other loud" in texts(made)


@pytest.mark.parametrize("seed", range(20))
def test_any_case_can_be_forgotten(judged, seed):
    memory, bursts, _, case_of = judged
    everything = sorted(set(case_of.values()))
    chosen = set(random.Random(seed).sample(everything, k=min(len(everything), 1 + seed % 3)))
    own = words_of(one for one in bursts.values() if one.case in chosen)
    rest = words_of(one for one in bursts.values() if one.case not in chosen)

    made = after(memory, bursts, chosen)

    assert made is not None
    found = set(strings(msgspec.msgpack.decode(made.dump())))
    assert not found & (own - rest)
    grouped(made, later())


def strings(value):
    """Every text in it, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from strings([*value, *value.values()])
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)
