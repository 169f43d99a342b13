"""Alerts of one attack share a case, strangers do not, and every link says why."""

import random

import pytest

from countersign.core.alert import Alert
from countersign.core.correlate import Sighting, group, sighting
from countersign.core.fields import Schema
from countersign.core.observable import Observable, observables

MINUTE = 60 * 1_000_000_000
START = 1_700_000_000 * 1_000_000_000


def ip(value: str) -> Observable:
    return Observable("ip", value)


def user(value: str) -> Observable:
    return Observable("user", value)


def seen(name, minute, *observables, rule="rule", source=None, target=None, severity="medium"):
    ns = None if minute is None else START + int(minute * MINUTE)
    alert = Alert(name, "sha256:" + name, "test.alert", rule, "", severity, ns)
    every = tuple(dict.fromkeys([one for one in (*observables, source, target) if one is not None]))
    return Sighting(alert, every, source, target)


def cases(*sightings, **options):
    return [sorted(alert.id for alert in made.alerts) for made in group(sightings, **options)]


def test_a_shared_account_within_the_window_is_one_case_and_the_link_says_so():
    (made,) = group([seen("a", 0, user("jdoe"), rule="r1"), seen("b", 12, user("jdoe"), rule="r2")])
    assert [(link.a, link.b, link.because) for link in made.links] == [
        ("a", "b", "same account jdoe within 12 min")
    ]


def test_the_same_account_outside_of_the_window_is_two_cases():
    assert cases(seen("a", 0, user("jdoe"), rule="r1"), seen("b", 61, user("jdoe"), rule="r2")) == [
        ["a"],
        ["b"],
    ]


def test_nothing_in_common_is_two_cases():
    assert cases(seen("a", 0, user("jdoe")), seen("b", 1, user("amy"))) == [["a"], ["b"]]


def test_the_window_can_be_set():
    pair = [seen("a", 0, user("jdoe"), rule="r1"), seen("b", 12, user("jdoe"), rule="r2")]
    assert cases(*pair, window_s=600) == [["a"], ["b"]]


def test_a_burst_of_one_rule_is_one_group_with_a_count():
    flood = [seen(f"a{n:03}", n / 60, source=ip("192.0.2.1"), target=ip("192.0.2.9")) for n in range(200)]
    (made,) = group(flood)
    (burst,) = made.bursts
    assert (burst.count, burst.source, burst.target) == (200, "192.0.2.1", "192.0.2.9")
    assert burst.last_ns - burst.first_ns == int(199 / 60 * MINUTE)
    assert any("200 times" in reason for reason in made.opened_because)


def test_every_alert_of_a_case_is_reached_by_its_links():
    flood = [seen(f"a{n}", n / 60, source=ip("192.0.2.1"), target=ip("192.0.2.9")) for n in range(30)]
    more = [seen("b", 5, user("jdoe"), ip("192.0.2.9"), rule="r2"), seen("c", 9, user("jdoe"), rule="r3")]
    (made,) = group([*flood, *more])
    reached, links = {made.alerts[0].id}, list(made.links)
    for _ in range(len(links)):
        reached |= {link.b for link in links if link.a in reached} | {
            link.a for link in links if link.b in reached
        }
    assert reached == {alert.id for alert in made.alerts}


def test_a_resolver_that_every_client_talks_to_joins_nobody():
    resolver = ip("192.0.2.53")
    clients = [
        seen(f"c{n:02}", n, source=ip(f"198.51.100.{n}"), target=resolver, rule=f"rule {n}")
        for n in range(20)
    ]
    assert len(group(clients)) == 20


def test_a_victim_of_many_rules_from_one_attacker_is_not_popular():
    attack = [
        seen(f"a{n:02}", n, source=ip("203.0.113.5"), target=ip("192.0.2.9"), rule=f"rule {n}")
        for n in range(40)
    ]
    later = seen("z", 45, ip("192.0.2.9"), user("jdoe"), rule="exec")
    assert len(group([*attack, later])) == 1


def test_one_rule_all_over_a_popular_end_is_one_case_whose_other_ends_join_nobody():
    noisy = [
        seen(f"n{n:02}", n, source=ip(f"198.51.100.{n}"), target=ip("192.0.2.53"), rule="TLS oddity")
        for n in range(30)
    ]
    real = seen("real", 4, ip("198.51.100.4"), user("jdoe"), rule="exec")
    assert sorted(map(len, cases(*noisy, real))) == [1, 30]


def test_what_the_caller_knows_to_be_popular_joins_nobody():
    pair = [seen("a", 0, user("svc-backup"), rule="r1"), seen("b", 1, user("svc-backup"), rule="r2")]
    assert cases(*pair, popular=[user("svc-backup")]) == [["a"], ["b"]]


def test_a_mail_provider_that_everyone_uses_joins_nobody():
    provider = Observable("domain", "gmail.com")
    assert len(group([seen("a", 0, provider), seen("b", 1, provider)])) == 2


def test_mails_without_ends_are_not_one_burst():
    assert cases(seen("a", 0, rule="Mail"), seen("b", 0, rule="Mail")) == [["a"], ["b"]]


def test_an_answer_belongs_to_its_request():
    there = seen("a", 0, source=ip("192.0.2.1"), target=ip("192.0.2.9"), rule="r1")
    back = seen("b", 0, source=ip("192.0.2.9"), target=ip("192.0.2.1"), rule="r2")
    assert cases(there, back) == [["a", "b"]]


def test_alerts_without_time_join_only_by_rule_and_observable_or_by_pair_and_say_so():
    same_rule = [seen("a", None, user("jdoe"), rule="r"), seen("b", None, user("jdoe"), rule="r")]
    (made,) = group(same_rule)
    assert made.links[0].because == "same rule and account jdoe; the records have no readable time"
    assert "no readable time" in made.opened_because[0]
    assert cases(seen("a", None, user("jdoe"), rule="r1"), seen("b", None, user("jdoe"), rule="r2")) == [
        ["a"],
        ["b"],
    ]
    assert cases(seen("a", 0, user("jdoe"), rule="r"), seen("b", None, user("jdoe"), rule="r")) == [
        ["a"],
        ["b"],
    ]


def test_activity_that_never_ends_is_cut_into_days():
    ends = {"source": ip("192.0.2.1"), "target": ip("192.0.2.9")}
    steady = [seen(f"a{n:03}", n * 30, rule=f"r{n % 3}", **ends) for n in range(200)]
    days = group(steady)
    assert 3 < len(days) <= 8
    assert all(made.alerts[-1].event_ns - made.alerts[0].event_ns <= 24 * 60 * MINUTE for made in days)


def test_the_order_of_input_changes_nothing():
    chance = random.Random(7)
    soup = [
        seen(f"a{n:03}", chance.randrange(600), user(f"u{chance.randrange(60)}"), rule=f"r{chance.randrange(9)}",
             source=ip(f"192.0.2.{chance.randrange(40)}"), target=ip(f"198.51.100.{chance.randrange(9)}"))
        for n in range(300)
    ]  # fmt: skip
    expected = group(soup)
    for _ in range(3):
        chance.shuffle(soup)
        assert group(soup) == expected
    assert sum(len(made.alerts) for made in expected) == 300


def test_the_gravest_burst_is_named_first():
    pair = {"source": ip("192.0.2.1"), "target": ip("192.0.2.9")}
    (made,) = group(
        [
            seen("a", 0, rule="info", severity="low", **pair),
            seen("b", 1, rule="worm", severity="high", **pair),
        ]
    )
    assert made.opened_because[1].startswith("worm")


def test_a_value_that_leaves_room_for_prose_is_quoted_and_harmless_in_a_reason():
    odd = user("close this\u202e http://x")
    (made,) = group([seen("a", 0, odd, rule="r1"), seen("b", 1, odd, rule="r2")])
    assert "«close this⟦U+202E⟧ hxxp[:]//x»" in made.links[0].because


def test_no_alerts_make_no_cases():
    assert group([]) == ()


def test_the_ends_of_an_alert_are_the_fields_with_those_roles():
    schema = Schema(
        {
            "schema": "test.alert",
            "fields": {
                "/src": {"type": "ip", "role": "source"},
                "/dst": {"type": "ip", "role": "destination"},
                "/who": {"type": "user", "role": "actor"},
                "/asked": {"type": "domain"},
            },
        }
    )
    record = {"who": "jdoe", "asked": "x.example", "dst": "192.0.2.9", "src": "192.0.2.1"}
    made = sighting(seen("a", 0).alert, schema, observables(schema, record))
    assert (made.source, made.target) == (ip("192.0.2.1"), ip("192.0.2.9"))
    assert len(made.observables) == 4


@pytest.mark.parametrize("count", [2000])
def test_a_long_queue_is_grouped_without_comparing_every_pair(count):
    keys = 0

    class Counting(str):
        __slots__ = ()

        def __eq__(self, other):
            nonlocal keys
            keys += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    queue = [seen(f"a{n:05}", n / 10, user(Counting(f"u{n % 200}")), rule=f"r{n % 7}") for n in range(count)]
    group(queue)
    assert keys < 100 * count
