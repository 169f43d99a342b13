"""Who writes records to mislead the grouping, or to wear it down, gains little: no strangers joined, no past lost, no time spent."""

import time

import pytest
from tests.core.test_grouping import (
    CRITICAL,
    DAY,
    HIGH,
    HOUR,
    JDOE,
    LOW,
    MEDIUM,
    NOISE,
    NOW,
    RESOLVER,
    START,
    chunks,
    grouped,
    in_time,
    past,
    seen,
    timeless,
)

from countersign.core.cases import memory as memory_room
from countersign.core.cases import past as past_room
from countersign.core.cases.correlate import Correlation
from countersign.core.cases.echoes import Echoes
from countersign.core.cases.memory import Memory
from countersign.core.cases.past import Past
from countersign.core.cases.sighting import (
    MAX_ENTITIES,
    OF_ONE_TYPE,
    SUBMITTED,
    TIMELESS,
    UNCLAIMED,
    Sighting,
    sighting,
)
from countersign.core.ids import derived_id
from countersign.core.records.alert import Alert
from countersign.core.records.fields import Schema
from countersign.core.records.observable import observables

SECOND = 10**9


def taken(*sightings, echoes=None):
    """The engine after these, and the CPU seconds that they cost."""
    engine = Correlation(Memory(), echoes=echoes)
    engine.take(in_time(past()))
    engine.drain()
    begun = time.process_time()
    engine.take(in_time(sightings))
    return engine, time.process_time() - begun


# ---- one alert that names many -------------------------------------------------------------------------


def strangers(number):
    return [
        seen(f"v{n}", NOW + 60 * n, f"mal {n}", "", [f"user:u{n}", f"domain:d{n}.example"], severity=HIGH)
        for n in range(number)
    ]


def names(number, kind="user:u{}"):
    return [kind.format(n) for n in range(number)]


def test_an_alert_that_names_many_victims_joins_one_incident_and_merges_none():
    made = grouped(*past(), *strangers(8), seen("glue", NOW + 600, "phish", "", names(8), severity=MEDIUM))
    assert len({made.case[f"v{n}"].id for n in range(8)}) == 8
    assert made.together("glue", "v0")


def test_what_it_says_of_strangers_leads_their_later_alerts_nowhere():
    made = grouped(
        *past(),
        *strangers(8),
        seen("glue", NOW + 600, "phish", "", names(8), severity=MEDIUM),
        seen("more", NOW + 700, "exec", "", ["user:u5"], severity=MEDIUM),
    )
    assert made.together("more", "v5")
    assert not made.together("more", "glue")


def test_it_joins_the_incident_that_it_shares_most_with_and_merges_those_it_shares_two_entities_with():
    both = ["user:u3", "domain:d3.example", "user:u5", "domain:d5.example"]
    made = grouped(
        *past(), *strangers(8), seen("glue", NOW + 600, "phish", "", ["user:u0", *both], severity=MEDIUM)
    )
    assert made.together("glue", "v3", "v5")
    assert len({made.case[f"v{n}"].id for n in range(8)}) == 7


def test_what_a_person_handed_in_joins_an_incident_and_merges_none():
    two = seen("mail", NOW + 600, "submitted mail", "", names(2, "domain:d{}.example"), severity=SUBMITTED)
    made = grouped(*past(), *strangers(2), two)
    assert made.together("mail", "v0")
    assert not made.together("v0", "v1")


# ---- entities of one alert -----------------------------------------------------------------------------

FIELDS = {
    "/host": {"type": "host", "role": "host", "taint": "system"},
    "/user": {"type": "user", "role": "actor"},
    "/ip": {"type": "ip", "role": "source"},
    "/hash": {"type": "sha256"},
    "/url": {"type": "url"},
    "/names/*": {"type": "domain"},
    "/end": {"type": "time"},
}
SCHEMA = Schema({"schema": "test.alert", "product": "Test", "fields": FIELDS, "alert": {"end": "/end"}})
WHO = {
    "host": "ws-7",
    "user": "jdoe",
    "ip": "198.51.100.7",
    "hash": "ab" * 32,
    "url": "https://example.net/x",
}


def as_seen(view, *, arrival=NOW + DAY):
    made = Alert(derived_id("alert", "x"), "test.alert", "odd", "", "high", "x", (START + NOW) * SECOND)
    return sighting(made, SCHEMA, view, observables(SCHEMA, view), (START + arrival) * SECOND)


def test_many_domains_do_not_push_the_other_entities_out():
    view = WHO | {"names": [f"a{n:02}.example.org" for n in range(40)]}
    told = as_seen(view).entities
    kinds = [name.partition(":")[0] for name in told]
    assert len(told) == MAX_ENTITIES
    assert {"host", "user", "ip", "sha256", "url", "domain"} <= set(kinds)
    assert set(as_seen(WHO).entities) <= set(told)
    assert told == as_seen(view | {"names": view["names"][::-1]}).entities


def test_of_one_type_more_than_six_stand_only_behind_all_other_types():
    fields = {f"/{kind}/*": {"type": kind} for kind in ("domain", "ip", "sha256", "email", "user", "host")}
    schema = Schema({"schema": "test.alert", "product": "Test", "fields": fields, "alert": {}})
    view = {
        "domain": [f"a{n:02}.example.org" for n in range(40)],
        "ip": [f"198.51.100.{n}" for n in range(40)],
        "sha256": [f"{n:02x}" * 32 for n in range(1, 40)],
        "user": ["amy", "bob"],
    }
    made = Alert(derived_id("alert", "x"), "test.alert", "odd", "", "high", "x", START * SECOND)
    kinds = [
        name.partition(":")[0]
        for name in sighting(made, schema, view, observables(schema, view), START * SECOND).entities
    ]
    assert kinds.count("user") == 2
    assert min(kinds.count(kind) for kind in ("domain", "ip", "sha256")) >= OF_ONE_TYPE


# ---- the end that a record claims ----------------------------------------------------------------------


def test_an_end_lies_a_day_after_the_start_at_most_and_never_after_the_arrival():
    far = WHO | {"end": "2030-01-01T00:00:00Z"}
    assert as_seen(far, arrival=NOW + 9 * DAY).end - (START + NOW) == DAY
    assert as_seen(far, arrival=NOW + 600).end - (START + NOW) == 600
    assert as_seen(far, arrival=NOW - 600).end == START + NOW


def test_a_reason_counts_the_idle_time_from_the_last_alert_and_not_from_a_claimed_end():
    long = seen("a", NOW, "web shell", "web", [JDOE], severity=CRITICAL, end=NOW + 5 * HOUR)
    made = grouped(
        *past(100),
        long,
        seen("b", NOW + 2 * HOUR, "sudo to root", "web", severity=HIGH),
        seen("c", NOW + 3 * HOUR, "exec", "", [JDOE], severity=HIGH),
    )
    assert made.together("a", "b", "c")
    assert made.because("b").startswith("same place 2.0 h later")
    assert made.because("c") == "same account jdoe within 60 min"


# ---- what is usual -------------------------------------------------------------------------------------


def told_of(entity, hours, source="test.alert", known=100):
    made = Past()
    for hour in range(500_000, 500_000 + known):
        made.learn(source, NOISE, "web", hour)
    for hour in range(500_000, 500_000 + hours):
        made.learn_entity(source, entity, hour)
    return made


def test_an_entity_is_usual_for_the_source_that_told_of_it_and_for_no_other():
    made = told_of(RESOLVER, 40)
    for hour in range(500_070, 500_100):
        made.learn("young.alert", NOISE, "web", hour)
    assert made.is_usual("test.alert", RESOLVER, 500_100)
    assert not made.is_usual("young.alert", RESOLVER, 500_100)


def test_nothing_is_usual_for_a_source_that_is_not_known_for_a_day():
    assert not told_of(RESOLVER, 20, known=20).is_usual("test.alert", RESOLVER, 500_020)
    assert told_of(RESOLVER, 24, known=24).is_usual("test.alert", RESOLVER, 500_024)


def test_late_alerts_make_no_entity_usual():
    pair = [
        seen("a", NOW, "beacon", "web", [JDOE], severity=HIGH),
        seen("b", NOW + 60, "exfil", "mail", [JDOE], severity=HIGH),
    ]
    memory = Memory()
    Correlation(memory).take(in_time(past()))
    late = Correlation(memory.rewound(), late=True)
    late.take([seen(f"l{h}", h * HOUR + 60, "old news", "web", [JDOE], severity=LOW) for h in range(1, 70)])
    memory.adopt(late.memory)
    assert not memory.past.is_usual("test.alert", JDOE, (START + NOW) // HOUR)
    engine = Correlation(memory)
    engine.take(pair)
    numbers = dict(engine.changes.members)
    assert len({memory.cases[numbers[name]].root.id for name in "ab"}) == 1


# ---- what it costs -------------------------------------------------------------------------------------


def a_scan(alerts):
    return [
        seen(f"s{n}", NOW + n * 3000 // alerts, "scan", "web", ["ip:203.0.113.9", f"ip:10.0.{n // 250}.{n % 250}"])
        for n in range(alerts)
    ]  # fmt: skip


def mails(number):
    return [
        seen(f"m{n}", NOW + n // 4, "mail", "", [f"domain:d{n}.example"], severity=SUBMITTED)
        for n in range(number)
    ]


@pytest.mark.parametrize(("made", "most"), [(a_scan, 5000), (mails, 4000)])
def test_twice_as_much_costs_about_twice_as_much(made, most):
    half = min(taken(*made(most // 2))[1] for _ in range(3))
    whole = min(taken(*made(most))[1] for _ in range(3))

    assert whole < 3 * half


def test_five_thousand_alerts_of_one_scanner_in_an_hour_take_little_time():
    engine, spent = taken(*a_scan(5000))
    assert spent < 20  # about 1.4 on an idle machine without coverage; it was minutes
    assert max(map(len, engine.memory.orphans.values())) <= memory_room.MAX_NEAR
    assert max(map(len, engine.memory.recent.values())) <= memory_room.MAX_NEAR


def test_thousands_of_mails_handed_in_take_little_time():
    engine, spent = taken(*mails(4000))
    assert spent < 5  # about 0.15 on an idle machine without coverage
    assert sum(1 for _ in engine.memory.board.incidents()) == 4000


def test_blind_incidents_of_one_minute_still_become_one():
    made = grouped(
        *past(),
        seen("a", NOW, "wiper", "web", severity=CRITICAL),
        seen("b", NOW + 30, "wiper two", "dc", severity=CRITICAL),
        seen("c", NOW + 200, "wiper three", "files", severity=CRITICAL),
        reload=True,
        cuts=[288, 289, 290],
    )
    assert made.together("a", "b")
    assert not made.together("a", "c")


def test_a_second_full_of_echoes_and_originals_elsewhere_takes_little_time():
    table = Echoes(
        b'version = 1\n[[echo]]\nsource = "test.alert"\nrule = "copy of"\n'
        b'of = [{ source = "test.alert", rule = "odd" }]'
    )
    originals = [seen(f"o{n}", NOW, f"odd {n}", f"p{n}") for n in range(2000)]
    copies = [seen(f"e{n}", NOW, f"copy of {n}", f"q{n}" if n else "p0") for n in range(2000)]
    engine, spent = taken(*originals, *copies, echoes=table)
    assert spent < 3  # about 0.3 on an idle machine; it was 40
    assert [burst.place for burst in engine.changes.bursts.values() if burst.echoes] == ["p0"]


# ---- what it keeps -------------------------------------------------------------------------------------


@pytest.mark.parametrize("cap", ["MAX_RULES", "MAX_PAIRS", "MAX_ENTITIES", "MAX_PLACES"])
def test_one_off_names_neither_grow_the_past_nor_drive_out_what_comes_back(cap, monkeypatch):
    monkeypatch.setattr(past_room, cap, 40)
    made = told_of(RESOLVER, 100)
    for n in range(500):
        made.learn("test.alert", f"rule {n}", f"place {n}", 500_099)
        made.learn_entity("test.alert", f"user:u{n}", 500_099)
        made.at_place("test.alert", f"place {n}", 500_099)
    (window,) = made.windows
    tables = {
        "MAX_RULES": window.rules,
        "MAX_PAIRS": window.pairs,
        "MAX_ENTITIES": window.entities,
        "MAX_PLACES": window.sources["test.alert"].places,
    }
    assert len(tables[cap]) <= 40
    assert made.is_usual("test.alert", RESOLVER, 500_100)
    assert made.rarity("test.alert", NOISE, "web", 500_100).pair_hours == 100


def test_a_full_past_makes_room_for_what_is_new(monkeypatch):
    monkeypatch.setattr(past_room, "MAX_ENTITIES", 40)
    made = told_of("user:old", 3)
    for n in range(200):
        for hour in (500_010, 500_011):
            made.learn_entity("test.alert", f"user:u{n}", hour)
    for hour in range(500_012, 500_100):
        made.learn_entity("test.alert", RESOLVER, hour)
    assert made.is_usual("test.alert", RESOLVER, 500_100)


def test_one_off_rules_places_and_ends_do_not_grow_the_memory(monkeypatch):
    for cap in ("MAX_PAIRS", "MAX_BACKGROUND"):
        monkeypatch.setattr(memory_room, cap, 50)
    alerts = [
        seen(f"a{n}", 2 * HOUR + n * 90, f"rule {n}", f"place {n}", [f"user:u{n}"], source="young.alert")
        for n in range(300)
    ]
    memory = Memory()
    for some in chunks(alerts, range(0, 300, 60)):
        Correlation(memory).take(some)
        memory = Memory.load(memory.dump())
    assert len(memory.pairs) <= 51
    assert len(memory.background) <= 50


# ---- clocks that are far off ---------------------------------------------------------------------------


def test_a_few_alerts_dated_now_do_not_wipe_the_past_of_a_home_that_is_fed_with_older_data():
    memory, far = Memory(), 200 * DAY
    Correlation(memory).take(in_time(past()))
    Correlation(memory).take([seen(f"n{n}", far + n * HOUR, "x", "zz") for n in range(30)])
    memory = Memory.load(memory.dump())
    late = Correlation(memory.rewound(), late=True)
    steps = [seen(f"a{n}", NOW + 30 * n, f"odd {n}", "web") for n in range(6)]
    late.take(steps)
    kinds = {late.memory.cases[number].root.kind for _, number in late.changes.members}
    assert kinds == {"incident"}
    assert memory.past.rarity("test.alert", "x", "zz", (START + far) // HOUR + 30).hours == 30


def test_clocks_all_over_the_years_leave_the_window_that_knows_most():
    made = told_of(RESOLVER, 100)
    for year in range(1, 30):
        made.learn("test.alert", "x", "zz", 500_000 + year * 8766)
    assert len(made.windows) == past_room.MAX_WINDOWS
    assert made.rarity("test.alert", NOISE, "web", 500_100).hours == 100


# ---- without a time ------------------------------------------------------------------------------------


def test_alerts_without_a_time_are_one_burst_of_a_rule_and_place_whatever_they_name():
    alerts = [
        Sighting(f"t{n}", "test.alert", "odd", "", "web", UNCLAIMED, TIMELESS, TIMELESS, (f"user:u{n}",))
        for n in range(50)
    ]
    made = timeless(*alerts)
    (burst,) = {one.number: one for one in made.burst.values()}.values()
    assert burst.count == 50


def test_more_of_them_in_a_later_run_are_the_same_burst():
    memory = Memory()
    for name in "ab":
        engine = Correlation(memory)
        engine.take_timeless([Sighting(name, "test.alert", "odd", "", "web", UNCLAIMED, TIMELESS, TIMELESS)])
        ((_, number),) = engine.changes.members
        memory = Memory.load(memory.dump())
        assert number == 1
    assert engine.changes.bursts[1].count == 2


def test_the_number_of_timeless_bursts_that_are_kept_in_mind_is_capped(monkeypatch):
    monkeypatch.setattr(memory_room, "MAX_TIMELESS", 8)
    engine = Correlation(Memory())
    engine.take_timeless(
        [Sighting(f"t{n}", "test.alert", f"rule {n}", "", "", HIGH, TIMELESS, TIMELESS) for n in range(40)]
    )
    assert len(engine.memory.timeless) <= 8
    assert len(engine.changes.members) == 40
