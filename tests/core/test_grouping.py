"""Alerts of one attack share a case, noise is set aside, every link says why, and no order of arrival changes any of it."""

import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.core.cases.board import OpenCase
from countersign.core.cases.bursts import Burst
from countersign.core.cases.correlate import Correlation
from countersign.core.cases.echoes import Echoes
from countersign.core.cases.memory import Memory
from countersign.core.cases.past import KEPT_H, Past
from countersign.core.cases.sighting import SUBMITTED, TIMELESS, UNCLAIMED, Sighting

START = 1_700_000_000 // 86_400 * 86_400
HOUR, DAY = 3600, 86_400
LOW, MEDIUM, HIGH, CRITICAL = range(4)
JDOE, FILE, RESOLVER = "user:jdoe", "sha256:" + "ab" * 32, "ip:192.0.2.53"
NOISE = "heartbeat lost"


def seen(name, second, rule="odd thing", place="web", entities=(), *, severity=UNCLAIMED, end=None, source="test.alert", category=""):  # fmt: skip
    """One alert; `second` counts from the start of the invented past."""
    start = START + second
    last = start if end is None else START + end
    return Sighting(name, source, rule, category, place, severity, start, last, tuple(sorted(entities)))


def past(hours=72, places=("web", "mail", "dc", "files"), source="test.alert"):
    """Hours of the same noise everywhere: what is usual here is known after it."""
    return [
        seen(f"{source}-{place}-{hour:04}", hour * HOUR + 7, NOISE, place, source=source)
        for hour in range(hours)
        for place in places
    ]


NOW = 72 * HOUR + 600
"""A moment after `past()`."""


@dataclass
class Made:
    """What became of the alerts."""

    burst: dict[str, Burst]  # by alert
    case: dict[str, OpenCase]  # by alert

    def told(self):
        return {
            alert: (
                case.id,
                case.kind,
                self.burst[alert].because,
                self.burst[alert].count,
                round(case.score, 6),
            )
            for alert, case in self.case.items()
        }

    def kind(self, alert):
        return self.case[alert].kind

    def because(self, alert):
        return self.burst[alert].because

    def together(self, *alerts):
        return len({self.case[alert].id for alert in alerts}) == 1


def in_time(sightings):
    return sorted(sightings, key=lambda one: one.start)


def chunks(sightings, cuts):
    """In stretches of whole seconds that end where the cuts say."""
    at = 0
    for cut in [*sorted(cuts), len(sightings)]:
        end = max(at, cut)
        while 0 < end < len(sightings) and sightings[end].start == sightings[end - 1].start:
            end += 1
        if end > at:
            yield sightings[at:end]
        at = max(at, end)


def grouped(*sightings, cuts=(), reload=False, echoes=None):
    """Through the correlation; with `reload`, its memory becomes bytes and back after every stretch."""
    memory, members, bursts, cases = Memory(), {}, {}, {}
    for some in chunks(in_time(sightings), cuts):
        engine = Correlation(memory, echoes=echoes)
        engine.take(some)
        changes = engine.drain()
        for alert, number in changes.members:
            assert alert not in members, "an alert is in one burst"
            members[alert] = number
        for burst in changes.bursts.values():
            case = memory.case_of(burst)
            burst.case = case.id if case is not None else changes.cases[burst.case].root.id
        bursts |= changes.bursts
        cases |= changes.cases
        if reload:
            memory = Memory.load(memory.dump())
    return Made(
        {alert: bursts[number] for alert, number in members.items()},
        {alert: _root(cases, bursts[number].case) for alert, number in members.items()},
    )


def _root(cases, name):
    case = cases[name].root
    while cases[case.id].root is not case:
        case = cases[case.id].root
    return case


# ---- whatever the order --------------------------------------------------------------------------------

ENTITIES = (JDOE, FILE, RESOLVER, "host:web", "ip:198.51.100.7")
ALERTS = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda n: n * n * 5),
        st.sampled_from([NOISE, "odd thing", "sudo to root", "web shell", "scan", "beacon"]),
        st.sampled_from(["web", "mail", "dc", ""]),
        st.lists(st.sampled_from(ENTITIES), max_size=2, unique=True),
        st.sampled_from([UNCLAIMED, UNCLAIMED, UNCLAIMED, LOW, MEDIUM, HIGH, SUBMITTED]),
        st.sampled_from(["test.alert", "test.alert", "other.alert"]),
    ),
    max_size=60,
)  # fmt: skip
REPEATS = Echoes(
    b'version = 1\n[[echo]]\nsource = "other.alert"\nof = [{ source = "test.alert", rule = "odd" }]'
)


def soup(drawn):
    """Drawn alerts after two days of noise."""
    return past(50, ("web", "mail")) + [
        seen(f"s{n:03}", 50 * HOUR + second, rule, place, named, severity=severity, source=source)
        for n, (second, rule, place, named, severity, source) in enumerate(drawn)
    ]


@given(ALERTS, st.randoms(use_true_random=False), st.lists(st.integers(0, 160), max_size=6))
@settings(max_examples=25, deadline=None)
def test_any_order_of_arrival_and_any_stretches_give_the_same_cases_and_reasons(drawn, chance, cuts):
    alerts = soup(drawn)
    expected = grouped(*alerts, echoes=REPEATS).told()
    chance.shuffle(alerts)
    assert grouped(*alerts, cuts=cuts, echoes=REPEATS).told() == expected


@given(ALERTS, st.lists(st.integers(90, 160), max_size=8))
@settings(max_examples=25, deadline=None)
def test_a_memory_that_became_bytes_and_back_changes_nothing(drawn, cuts):
    alerts = soup(drawn)
    expected = grouped(*alerts, echoes=REPEATS).told()
    assert grouped(*alerts, cuts=cuts, reload=True, echoes=REPEATS).told() == expected


@given(ALERTS)
@settings(max_examples=15, deadline=None)
def test_every_alert_is_in_one_case_and_every_burst_says_why(drawn):
    alerts = soup(drawn)
    made = grouped(*alerts, echoes=REPEATS)
    assert set(made.case) == {one.alert for one in alerts}
    of: dict[int, set[str]] = {}
    for alert, burst in made.burst.items():
        of.setdefault(burst.number, set()).add(made.case[alert].id)
        assert burst.because.strip()
        assert burst.case == made.case[alert].id
    assert all(len(cases) == 1 for cases in of.values())
    assert sum({b.number: b.count for b in made.burst.values()}.values()) == len(alerts)


def test_hash_seeds_and_repetition_change_nothing():
    alerts = soup([(n * 7, f"rule {n % 5}", "web", [JDOE], MEDIUM, "test.alert") for n in range(40)])
    assert grouped(*alerts).told() == grouped(*alerts).told()


def test_no_alerts_make_no_cases():
    assert grouped().case == {}


# ---- entities ------------------------------------------------------------------------------------------


def test_a_shared_account_within_the_hour_joins_and_the_reason_names_it():
    made = grouped(
        seen("a", NOW, "phish opened", "", [JDOE], severity=HIGH),
        seen("b", NOW + 700, "inbox rule", "", [JDOE], severity=MEDIUM),
    )
    assert made.together("a", "b")
    assert made.because("b") == "same account jdoe within 12 min"


def test_the_same_account_hours_later_is_another_case():
    made = grouped(
        seen("a", NOW, "phish opened", "", [JDOE], severity=HIGH),
        seen("b", NOW + 2 * HOUR, "inbox rule", "", [JDOE], severity=HIGH),
    )
    assert not made.together("a", "b")


def test_a_link_names_the_burst_that_holds_the_shared_entity_and_not_the_newest():
    made = grouped(
        seen("a", NOW, "phish opened", "", [JDOE], severity=HIGH),
        seen("b", NOW + 60, "file dropped", "", [JDOE, FILE], severity=HIGH),
        seen("c", NOW + 120, "mail sent", "", [JDOE], severity=HIGH),
        seen("d", NOW + 180, "file seen", "", [FILE], severity=HIGH),
    )
    assert made.together("a", "b", "c", "d")
    assert made.burst["d"].linked == made.burst["b"].number
    assert made.burst["c"].linked == made.burst["b"].number
    assert made.burst["a"].linked == 0


def test_a_link_by_place_names_the_last_burst_at_that_place():
    made = grouped(
        *past(),
        seen("a", NOW, "web shell", "web", severity=HIGH),
        seen("b", NOW + 5, "web shell", "mail"),
        seen("c", NOW + 60, "sudo to root", "web"),
    )
    assert made.together("a", "b", "c")
    assert made.because("c").startswith("same place 60 s later, rule never seen before")
    assert made.burst["c"].linked == made.burst["a"].number


def test_an_alert_that_connects_two_incidents_makes_them_one_and_the_earlier_id_stays():
    alerts = [
        seen("a", NOW, "phish opened", "", [JDOE], severity=HIGH),
        seen("b", NOW + 60, "file dropped", "", [FILE], severity=HIGH),
        seen("c", NOW + 120, "file opened", "", [JDOE, FILE], severity=MEDIUM),
    ]
    apart, made = grouped(*alerts[:2]), grouped(*alerts)
    assert not apart.together("a", "b")
    assert made.together("a", "b", "c")
    assert made.case["b"].id == apart.case["a"].id


def background_with(entity, hours):
    return [
        seen(f"n{hour}", hour * HOUR + 30, NOISE, "mail", [entity, f"user:u{hour}"]) for hour in range(hours)
    ]


def test_an_entity_that_is_usual_in_the_background_links_nobody():
    pair = [
        seen("a", NOW, "phish opened", "", [RESOLVER, "user:amy"], severity=HIGH),
        seen("b", NOW + 60, "inbox rule", "", [RESOLVER, "user:bob"], severity=HIGH),
    ]
    assert grouped(*pair).together("a", "b")
    assert not grouped(*background_with(RESOLVER, 72), *pair).together("a", "b")


def test_a_victim_of_many_alerts_is_no_usual_entity():
    attack = [
        seen(f"a{n}", NOW + n * 60, f"rule {n}", "", [JDOE, f"ip:198.51.100.{n}"], severity=MEDIUM)
        for n in range(40)
    ]
    made = grouped(*past(), *attack, seen("z", NOW + 41 * 60, "exec", "", [JDOE], severity=MEDIUM))
    assert made.together("z", *(f"a{n}" for n in range(40)))


def test_strangers_that_name_entities_are_not_joined_by_time_alone():
    made = grouped(
        *past(),
        seen("a", NOW, "phish opened", "", ["user:amy"], severity=HIGH),
        seen("b", NOW, "phish opened", "", ["user:bob"], severity=HIGH),
    )
    assert not made.together("a", "b")


def test_earlier_alerts_outside_incidents_come_along_when_a_later_one_opens():
    made = grouped(
        *past(),
        *past(source="other.alert"),
        seen("a", NOW, "odd sign-in", "", [JDOE], source="other.alert"),
        seen("b", NOW + 600, "token theft", "", [JDOE], severity=CRITICAL),
    )
    assert made.together("a", "b")
    assert made.kind("a") == "incident"


# ---- places and rarity ---------------------------------------------------------------------------------


def test_noise_is_one_background_case_for_each_rule_and_place():
    made = grouped(*past())
    late = [one for one in past() if one.start >= START + 30 * HOUR]
    assert {made.kind(one.alert) for one in late} == {"background"}
    assert len({made.case[one.alert].id for one in late}) == 4


def test_one_odd_thing_is_a_watch_case_and_its_reason_counts_hours():
    alerts = [
        *past(71),
        seen("x", 2 * HOUR, place="mail"),
        seen("y", 9 * HOUR, place="mail"),
        seen("a", 71 * HOUR + 5),
    ]
    made = grouped(*alerts)
    assert made.kind("a") == "watch"
    assert made.because("a") == "rule seen in 2 of the last 71 hours, at this place never"


def test_a_rule_that_was_never_seen_says_so():
    made = grouped(*past(71), seen("a", 71 * HOUR + 5))
    assert made.because("a") == "rule never seen before in the last 71 hours"


def test_odd_rules_together_at_one_place_open_an_incident_and_one_alone_does_not():
    steps = [seen(f"a{n}", NOW + 30 * n, f"odd {n}", "web") for n in range(6)]
    assert grouped(*past(), *steps[:1]).kind("a0") == "watch"
    made = grouped(*past(), *steps)
    assert made.together(*(one.alert for one in steps))
    assert made.kind("a0") == "incident"
    assert made.because("a0") == "together over 22 bits at this place within 10 min"


def test_one_event_that_fires_many_rules_at_once_is_no_incident():
    login = [seen(f"a{n}", NOW, f"login {n}", "web") for n in range(4)]
    made = grouped(*past(), *login)
    assert {made.kind(one.alert) for one in login} == {"watch"}


def test_the_first_day_opens_nothing_by_rarity_and_says_that_it_is_warming_up():
    steps = [seen(f"a{n}", 10 * HOUR + 30 * n, f"odd {n}", "web") for n in range(6)]
    made = grouped(*past(12), *steps)
    assert {made.kind(one.alert) for one in steps} == {"background"}
    assert made.because("a0") == "warming up: only 10 of the first 24 hours of this source are known"


def test_what_its_source_calls_high_is_an_incident_in_the_first_hour_and_says_so():
    made = grouped(seen("a", 0, severity=HIGH))
    assert (made.kind("a"), made.because("a")) == ("incident", "its source calls it high")


def test_an_incident_that_was_opened_for_severity_says_it_after_warm_up_too():
    made = grouped(*past(), seen("a", NOW, severity=CRITICAL))
    assert (made.kind("a"), made.because("a")) == ("incident", "its source calls it critical")


def test_what_is_called_high_and_fires_in_every_hour_is_noise():
    daily = [
        seen(f"h{hour}", hour * HOUR + 9, "backup agent", "web", severity=HIGH) for hour in range(24, 96)
    ]
    made = grouped(*past(100), *daily)
    assert made.kind("h24") == "incident"
    assert made.kind("h95") != "incident"


def test_a_mail_that_a_person_handed_in_is_always_an_incident_of_its_own():
    mails = [
        seen(f"m{n}", NOW + n, "submitted mail", "", [f"email:sender{n}@example.com"], severity=SUBMITTED)
        for n in range(3)
    ]
    made = grouped(*past(), *past(source="mail.eml"), *mails)
    assert {made.kind(one.alert) for one in mails} == {"incident"}
    assert made.because("m0") == "a person handed it in"
    assert not made.together("m0", "m1")


def test_a_flood_of_a_usual_rule_is_no_noise():
    flood = [seen(f"f{n:04}", NOW + n // 20, NOISE, "web") for n in range(2000)]
    rare = seen("r", NOW - 20, "odd thing", "web")
    steps = [seen(f"a{n}", NOW - 15 + n, f"odd {n}", "web") for n in range(0, 12, 3)]
    made = grouped(*past(), rare, *steps, *flood)
    assert made.kind("f1999") == "incident"
    assert grouped(*past(), seen("f", NOW, NOISE, "web")).kind("f") == "background"


def test_a_burst_ends_after_a_minute_of_silence_and_after_an_hour():
    steady = [seen(f"s{n:04}", NOW + 50 * n) for n in range(100)]
    made = grouped(*past(), *steady)
    assert len({made.burst[one.alert].number for one in steady}) == 2
    apart = grouped(*past(), seen("a", NOW), seen("b", NOW + 61))
    assert apart.burst["a"].number != apart.burst["b"].number


def shell_then(name, minutes, rule):
    opening = [seen(f"o{n}", NOW + n * 20, f"exploit {n}", "web") for n in range(12)]
    return grouped(*past(80), *opening, seen(name, NOW + 240 + minutes * 60, rule, "web"))


def test_an_expected_next_step_bridges_a_long_silence_and_says_so():
    far = 110
    bridged, plain = shell_then("z", far, "sudo to root"), shell_then("z", far, "clock drift")
    assert bridged.together("z", "o0")
    assert bridged.because("z").endswith("; privilege is an expected next step")
    assert not plain.together("z", "o0")


# ---- the past ------------------------------------------------------------------------------------------


def test_an_hour_counts_once_however_many_alerts_it_held():
    one, many = grouped(*past(71), seen("x", 2 * HOUR), seen("a", 71 * HOUR)), grouped(
        *past(71), *(seen(f"x{n}", 2 * HOUR + n) for n in range(500)), seen("a", 71 * HOUR)
    )  # fmt: skip
    assert one.because("a") == many.because("a")


def test_only_the_last_thirty_days_are_remembered():
    told = Past()
    for hour in range(500_000, 500_000 + 3 * KEPT_H):
        told.learn("s", NOISE, "web", hour)
    found = told.rarity("s", NOISE, "web", 500_000 + 3 * KEPT_H)
    assert (found.hours, found.rule_hours) == (KEPT_H, KEPT_H)
    later = told.rarity("s", NOISE, "web", 500_000 + 4 * KEPT_H + 1)
    assert later.rule_hours == 0


def test_what_a_person_judged_malicious_can_be_forgotten():
    told = Past()
    for hour in range(500_000, 500_100):
        told.learn("s", NOISE, "web", hour)
        told.learn("s", "beacon", "web", hour)
    told.forget("s", "beacon", "web", range(500_000, 500_098))
    assert told.rarity("s", "beacon", "web", 500_100).rule_hours == 2
    assert told.rarity("s", NOISE, "web", 500_100).rule_hours == 100


def test_the_number_of_entities_that_are_learnt_is_capped(monkeypatch):
    monkeypatch.setattr("countersign.core.cases.past.MAX_ENTITIES", 10)
    told = Past()
    for number in range(50):
        told.learn_entity("s", f"user:u{number}", 500_000)
    assert len(told.windows[0].entities) == 10


def test_after_months_of_silence_every_new_hour_counts_again():
    made = grouped(seen("old", -100 * DAY), *past(30), seen("a", 30 * HOUR), cuts=[1, 3, 5], reload=True)
    assert made.because("a") == "rule never seen before in the last 30 hours"


@pytest.mark.parametrize("wrong", [-1_600_000_000, -10 * 365 * DAY, 3 * 365 * DAY])
def test_a_clock_that_is_far_off_does_the_past_no_harm(wrong):
    steps = [seen(f"a{n}", NOW + 30 * n, f"odd {n}", "web") for n in range(6)]
    told = Past()
    for one in past():
        told.learn(one.source, one.rule, one.place, one.start // HOUR)
    now = (START + NOW) // HOUR
    before = told.rarity("test.alert", NOISE, "web", now)
    told.learn("test.alert", NOISE, "web", (START + wrong) // HOUR)
    told.learn_entity("test.alert", JDOE, (START + wrong) // HOUR)
    after = told.rarity("test.alert", NOISE, "web", now)
    assert (after.hours, after.rule_hours, after.pair_hours) == (
        before.hours,
        before.rule_hours,
        before.pair_hours,
    )
    if wrong < 0:
        made = grouped(*past(), seen("far", wrong, "odd 0", "web"), *steps)
        assert made.kind("a0") == "incident"


# ---- echoes --------------------------------------------------------------------------------------------

TABLE = Echoes(
    b'version = 1\n[[echo]]\nsource = "test.alert"\nrule = "copy of"\nof = [{ source = "test.alert", rule = "odd" }]'
)


def test_an_echo_is_folded_into_its_original_with_a_count_and_no_weight():
    made = grouped(
        *past(), seen("a", NOW), seen("b", NOW, "copy of it"), seen("c", NOW, "copy of it"), echoes=TABLE
    )
    assert made.together("a", "b", "c")
    assert made.because("b") == "echo of «odd thing», same place, same second"
    echo = made.burst["b"]
    assert (echo.echoes, echo.count, echo.weight, echo.bits) == (2, 2, 0.0, 0.0)
    assert echo.linked == made.burst["a"].number
    assert made.case["a"].score == grouped(*past(), seen("a", NOW), echoes=TABLE).case["a"].score


def test_an_echo_goes_where_its_original_goes():
    steps = [seen(f"a{n}", NOW + 30 * n, f"odd {n}", "web") for n in range(6)]
    copies = [seen(f"c{n}", NOW + 30 * n, "copy of it", "web") for n in range(6)]
    made = grouped(*past(), *steps, *copies, echoes=TABLE)
    assert made.kind("c0") == "incident"
    assert made.together(*(one.alert for one in (*steps, *copies)))


def test_echoes_open_and_attract_nothing():
    noise = [seen(f"o{hour}", hour * HOUR, "odd thing", "web") for hour in range(72)]
    copies = [seen(f"c{n}", NOW + n * 30, "copy of it", "web") for n in range(8)]
    originals = [seen(f"p{n}", NOW + n * 30, "odd thing", "web") for n in range(8)]
    made = grouped(*past(), *noise, *originals, *copies, echoes=TABLE)
    assert {made.kind(one.alert) for one in copies} == {"background"}


@pytest.mark.parametrize(
    "change", [{"second": NOW + 1}, {"place": "mail"}, {"severity": MEDIUM}, {"rule": "odd copy"}]
)
def test_what_comes_later_elsewhere_or_graver_is_no_echo(change):
    told = {"second": NOW, "rule": "copy of it", "place": "web"} | change
    made = grouped(*past(), seen("a", NOW), seen("b", **told), echoes=TABLE)
    assert made.burst["b"].echoes == 0


def test_two_products_that_name_the_same_ends_tell_of_one_event():
    ends = ["ip:192.0.2.9", "ip:198.51.100.7"]
    made = grouped(
        *past(),
        seen("a", NOW, "odd thing", "192.0.2.9", ends),
        seen("b", NOW, "copy of it", "sensor", ends),
        echoes=TABLE,
    )
    assert made.because("b") == "echo of «odd thing», same entities, same second"


def test_of_two_originals_an_echo_takes_the_one_that_says_less():
    made = grouped(
        *past(),
        *(seen(f"o{hour}", hour * HOUR, "odd usual", "web") for hour in range(72)),
        seen("a", NOW, "odd thing"),
        seen("u", NOW, "odd usual"),
        seen("b", NOW, "copy of it"),
        echoes=TABLE,
    )
    assert made.together("b", "u")


def test_no_echo_repeats_an_echo():
    chain = Echoes(
        b'version = 1\n[[echo]]\nsource = "test.alert"\nrule = "first"\nof = [{ source = "test.alert", rule = "second" }]'
        b'\n[[echo]]\nsource = "test.alert"\nrule = "second"\nof = [{ source = "test.alert" }]'
    )
    pair = [seen("b", NOW, "first copy"), seen("c", NOW, "second copy")]
    made = grouped(*past(), *pair, echoes=chain)
    assert sorted(made.burst[name].echoes for name in "bc") == [0, 1]
    made = grouped(*past(), seen("a", NOW, "odd thing"), *pair, echoes=chain)
    assert (made.burst["a"].echoes, made.burst["c"].echoes) == (0, 1)


def test_a_table_of_echoes_that_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match="regular expression"):
        Echoes(b'version = 1\n[[echo]]\nsource = "a"\nrule = "("\nof = [{ source = "b" }]')
    with pytest.raises(ValueError, match="unknown field"):
        Echoes(b'version = 1\n[[echo]]\nsource = "a"\nwho = "("\nof = [{ source = "b" }]')


# ---- without a time ------------------------------------------------------------------------------------


def timeless(*sightings):
    engine = Correlation(Memory())
    engine.take_timeless(sightings)
    changes = engine.drain()
    at = {alert: changes.bursts[number] for alert, number in changes.members}
    return Made(at, {alert: changes.cases[burst.case] for alert, burst in at.items()})


def none(name, rule="odd thing", place="web", *, severity=UNCLAIMED):
    return Sighting(name, "test.alert", rule, "", place, severity, TIMELESS, TIMELESS)


def test_alerts_without_a_time_stand_by_rule_and_place_and_say_so():
    made = timeless(none("a"), none("b"), none("c", place="mail"))
    assert made.together("a", "b")
    assert not made.together("a", "c")
    assert made.because("a") == "rule and place are the same; the record has no readable time"


def test_what_is_severe_or_handed_in_is_an_incident_without_a_time_too():
    made = timeless(
        none("a", severity=HIGH), none("b"), none("c", severity=SUBMITTED), none("d", severity=SUBMITTED)
    )
    assert [made.kind(name) for name in "abcd"] == ["incident", "watch", "incident", "incident"]
    assert not made.together("a", "b")
    assert not made.together("c", "d")


# ---- words and size ------------------------------------------------------------------------------------


def test_a_value_that_leaves_room_for_prose_is_quoted_and_harmless_in_a_reason():
    odd = "user:close this\u202e http://x"
    made = grouped(
        seen("a", NOW, "r1", "", [odd], severity=HIGH), seen("b", NOW, "r2", "", [odd], severity=HIGH)
    )
    assert "«close this⟦U+202E⟧ hxxp[:]//x»" in made.because("b") + made.because("a")


def test_what_no_window_reaches_any_more_is_forgotten():
    chance = random.Random(7)
    alerts = [
        seen(
            f"a{n:05}", n * 300, f"rule {chance.randrange(40)}", f"host{chance.randrange(30)}", [f"user:u{n}"]
        )
        for n in range(4000)
    ]
    memory = Memory()
    sizes = []
    for some in chunks(alerts, range(0, 4000, 400)):
        engine = Correlation(memory)
        engine.take(some)
        engine.drain()
        sizes.append(len(list(memory.held())) + len(memory.cases) + len(memory.orphans))
    assert max(sizes[5:]) < 2 * max(sizes[:5])
