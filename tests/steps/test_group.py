"""Alerts that wait become cases that are kept: in any order, through a kill, late, without a time, and as persons left them."""

import json
from contextlib import contextmanager
from zlib import crc32

import msgspec
import pytest

from countersign import config, wiring
from countersign.core.cases.memory import Memory
from countersign.core.cases.sighting import SUBMITTED, TIMELESS, UNCLAIMED, Sighting
from countersign.core.ids import evidence_id
from countersign.core.records.alert import Alert
from countersign.core.records.evidence import Evidence
from countersign.steps import group as grouping
from countersign.steps import regroup
from countersign.steps.group import group

START = 1_700_000_000 // 86_400 * 86_400
HOUR, HIGH = 3600, 2
NOISE = "heartbeat lost"
NOW = 40 * HOUR
"""A moment after `past()`."""
ORDER = regroup.Order("kim", "not the same thing")


class Clock:
    """A clock that stands where a test puts it."""

    def __init__(self, second):
        self.second = START + second

    def now_ns(self):
        return self.second * 10**9


class Killed(Exception):
    """The process ended here."""


class Mortal:
    """A store whose process ends before the nth transaction is kept."""

    def __init__(self, store, nth):
        self._store, self._left = store, nth

    @contextmanager
    def transaction(self):
        with self._store.transaction() as tx:
            yield tx
            self._left -= 1
            if not self._left:
                raise Killed


@pytest.fixture
def ports(tmp_path):
    yield from opened(tmp_path / "home")


@pytest.fixture
def other(tmp_path):
    yield from opened(tmp_path / "other")


def opened(folder):
    made = wiring.open_ports(folder, config.load(folder, None), "rules")
    yield msgspec.structs.replace(made, clock=Clock(400 * HOUR))
    made.store.close()


def seen(name, second, rule="odd thing", place="web", entities=(), severity=UNCLAIMED):
    start = TIMELESS if second is None else START + second
    return Sighting(name, "suricata.eve", rule, "", place, severity, start, start, tuple(sorted(entities)))


def past():
    return [
        seen(f"{place}{hour:02}", hour * HOUR, NOISE, place)
        for hour in range(40)
        for place in ("web", "mail", "dc")
    ]


def steps(second=NOW, place="web", number=6):
    """Odd things that open an incident."""
    return [seen(f"{place}-{second}-{n}", second + 30 * n, f"odd {n}", place) for n in range(number)]


def stored(one):
    """An alert and the record that it stands on."""
    raw = json.dumps({"name": one.alert}).encode()
    ns = None if one.start == TIMELESS else one.start * 10**9
    record = Evidence(evidence_id(raw), "suricata.eve", "suricata.eve/edge", "json/1", raw, ns, None)
    return record, Alert(one.alert, record.id, "suricata.eve", one.rule, "", "low", ns)


def put(ports, *sightings):
    """What ingest leaves: records, alerts, and their sightings waiting."""
    kept = [stored(one) for one in sightings]
    with ports.store.transaction() as tx:
        tx.evidence.add([(record, ()) for record, _ in kept])
        tx.alerts.add([alert for _, alert in kept])
        tx.groups.wait((record.id, one) for (record, _), one in zip(kept, sightings, strict=True))


def take(ports, *sightings):
    put(ports, *sightings)
    group(ports)


def bursts(ports, *names):
    with ports.store.reading() as tx:
        return [tx.groups.burst_of(stored(seen(name, 0))[0].id) for name in names]


def cases(ports, *names):
    return [one.case for one in bursts(ports, *names)]


def kinds(ports, *names):
    found = cases(ports, *names)
    with ports.store.reading() as tx:
        standing = tx.groups.standing(found)
    return [standing[case].kind for case in found]


def outcome(ports, sightings):
    names = [one.alert for one in sightings]
    told = [(one.case, one.because, one.count, one.late) for one in bursts(ports, *names)]
    return dict(zip(names, zip(told, kinds(ports, *names), strict=True), strict=True))


def alert(name):
    return stored(seen(name, 0))[1]


# ---- whatever the order and the end ----------------------------------------------------------------------


def test_every_alert_is_in_a_case_at_once_also_the_newest(ports):
    take(ports, *past(), *steps())
    assert kinds(ports, f"web-{NOW}-0", f"web-{NOW}-5", "web39") == ["incident", "incident", "background"]


def test_alerts_that_come_little_by_little_stand_as_they_would_at_once(ports, other):
    alerts = [*past(), *steps(), *steps(NOW + 900, "mail"), seen("last", NOW + 5000, NOISE)]
    take(ports, *alerts)
    jittered = sorted(alerts, key=lambda one: one.start + crc32(one.alert.encode()) % 100)
    for at in range(0, len(jittered), 7):
        take(other, *jittered[at : at + 7])
    assert outcome(other, alerts) == outcome(ports, alerts)


def test_a_kill_between_stretches_and_within_one_changes_nothing(ports, other, monkeypatch):
    alerts = [*past(), *steps(), *steps(NOW + 900, "mail"), seen("last", NOW + 5000, NOISE)]
    monkeypatch.setattr(grouping, "STRETCH", 20)
    monkeypatch.setattr(grouping, "STRETCHES", 1)
    take(ports, *alerts)
    put(other, *alerts)
    for nth in (1, 2, 1, 3):
        with pytest.raises(Killed):
            group(msgspec.structs.replace(other, store=Mortal(other.store, nth)))
    group(other)
    assert outcome(other, alerts) == outcome(ports, alerts)


def test_grouping_again_changes_nothing(ports):
    alerts = [*past(), *steps()]
    take(ports, *alerts)
    before = outcome(ports, alerts)
    group(ports)
    group(ports)
    assert outcome(ports, alerts) == before


# ---- late, ahead, and without a time ---------------------------------------------------------------------


def test_an_alert_later_than_the_reorder_window_joins_the_incident_of_its_time_and_is_flagged(ports):
    take(ports, *past(), *steps(), seen("after", NOW + 3 * HOUR, NOISE), seen("later", NOW + 4 * HOUR, NOISE))
    take(ports, seen("late", NOW + 200, "odd late"))
    [late, early] = bursts(ports, "late", f"web-{NOW}-0")
    assert late.case == early.case
    assert late.late
    assert not early.late
    assert late.because.startswith("same place 50 s later")


def test_a_late_alert_that_is_noise_stays_noise_and_leaves_others_where_they_are(ports):
    alerts = [*past(), *steps(), seen("after", NOW + 3 * HOUR, NOISE), seen("later", NOW + 4 * HOUR, NOISE)]
    take(ports, *alerts)
    before = outcome(ports, alerts)
    take(ports, seen("late", NOW - 5 * HOUR + 60, NOISE))
    assert kinds(ports, "late") == ["background"]
    assert {**outcome(ports, alerts)} == before


def test_what_comes_after_a_late_alert_still_joins_the_incident(ports):
    take(ports, *past(), *steps(), seen("after", NOW + 400, NOISE), seen("later", NOW + 600, NOISE))
    take(ports, seen("late", NOW + 200, "odd late"))
    take(ports, seen("next", NOW + 900, "odd next"))
    assert len(set(cases(ports, "late", "next", f"web-{NOW}-0"))) == 1


def test_a_clock_that_runs_ahead_makes_nobody_late(ports):
    ports.clock.second = START + NOW + 600
    take(ports, *past(), seen("ahead", NOW + 20 * HOUR))
    take(ports, *steps())
    assert kinds(ports, f"web-{NOW}-0", "ahead") == ["incident", "watch"]
    assert not any(one.late for one in bursts(ports, f"web-{NOW}-0", f"web-{NOW}-5"))


def test_alerts_without_a_time_stand_by_rule_and_place(ports):
    take(ports, *past(), seen("a", None), seen("b", None), seen("c", None, severity=SUBMITTED))
    take(ports, seen("d", None))
    same = cases(ports, "a", "b", "d")
    assert len(set(same)) == 1
    assert kinds(ports, "a", "c") == ["watch", "incident"]


# ---- what persons say --------------------------------------------------------------------------------------


def test_what_a_person_split_off_stays_apart_when_more_alerts_come(ports):
    take(ports, *past(), *steps())
    [case] = set(cases(ports, *(one.alert for one in steps())))
    _, made = regroup.split(case, [alert(f"web-{NOW}-0")], ORDER, ports)
    take(ports, seen("more", NOW + 20, "odd 0"), seen("again", NOW + 210, "odd 0"))
    take(ports, seen("later", NOW + 4 * HOUR, NOISE))
    assert cases(ports, f"web-{NOW}-0", f"web-{NOW}-1", "again") == [made, case, case]


def test_what_a_person_merged_stays_one_case_and_so_does_what_follows(ports):
    take(ports, *past(), *steps(), *steps(NOW + 7200, "mail"))
    first, second = cases(ports, f"web-{NOW}-0", f"mail-{NOW + 7200}-0")
    assert first != second
    regroup.merge(second, first, ORDER, ports)
    take(ports, seen("more", NOW + 7400, "odd more", "mail"), seen("later", NOW + 9 * HOUR, NOISE))
    assert set(cases(ports, f"mail-{NOW + 7200}-0", "more", f"web-{NOW}-0")) == {first}
    with ports.store.reading() as tx:
        told = tx.groups.standing([first, second])
    assert (told[first].into, told[second].into) == ("", first)


def test_an_alert_that_a_person_moved_stays_where_they_put_it(ports):
    take(ports, *past(), *steps(), *steps(NOW + 7200, "mail"))
    first, second = cases(ports, f"web-{NOW}-0", f"mail-{NOW + 7200}-0")
    regroup.move(alert(f"mail-{NOW + 7200}-3"), first, ORDER, ports)
    take(ports, seen("more", NOW + 7400, "odd more", "mail"), seen("later", NOW + 9 * HOUR, NOISE))
    assert cases(ports, f"mail-{NOW + 7200}-3", f"mail-{NOW + 7200}-2", "more") == [first, second, second]


def test_the_machine_joins_its_own_cases_to_one_that_a_person_touched(ports):
    jdoe, dropped = "user:jdoe", "sha256:" + "ab" * 32
    take(
        ports,
        seen("a", NOW, "phish", "", [jdoe], HIGH),
        seen("x", NOW + 5, "phish", "", [jdoe, "user:x"], HIGH),
    )
    [case] = set(cases(ports, "a", "x"))
    _, made = regroup.split(case, [alert("x")], ORDER, ports)
    take(ports, seen("b", NOW + 60, "file", "", [dropped], HIGH))
    take(ports, seen("c", NOW + 120, "both", "", [jdoe, dropped], HIGH), seen("later", NOW + 9 * HOUR, NOISE))
    assert cases(ports, "a", "b", "c", "x") == [case, case, case, made]


# ---- what a person found malicious --------------------------------------------------------------------------


def rule_hours(ports, rule, place="web", hour=41):
    with ports.store.reading() as tx:
        kept = Memory.load(tx.groups.memory())
    found = kept.past.rarity("suricata.eve", rule, place, START // HOUR + hour)
    return found.rule_hours, found.pair_hours


def test_what_a_person_found_malicious_teaches_nothing_about_what_is_usual(ports):
    take(ports, *past(), *steps())
    [case] = {*cases(ports, f"web-{NOW}-0")}
    with ports.store.transaction() as tx:
        tx.groups.unlearn(case)
        tx.groups.unlearn(case)
    take(ports, seen("later", NOW + 60, NOISE, "mail"))
    with ports.store.reading() as tx:
        assert (case,) == tx.groups.to_unlearn()  # what still waits has taught nothing, and will
    take(ports, seen("latest", NOW + 3 * HOUR, NOISE, "mail"))

    assert (0, 0) == rule_hours(ports, "odd 0")
    assert rule_hours(ports, NOISE) > (30, 30)  # what was usual here stays so
    with ports.store.reading() as tx:
        assert () == tx.groups.to_unlearn()


def test_a_kill_while_unlearning_leaves_it_to_be_done(ports):
    take(ports, *past(), *steps(), seen("later", NOW + 3 * HOUR, NOISE, "mail"))
    with ports.store.transaction() as tx:
        tx.groups.unlearn(cases(ports, f"web-{NOW}-0")[0])
    put(ports, seen("latest", NOW + 3 * HOUR + 60, NOISE, "mail"))
    with pytest.raises(Killed):
        group(msgspec.structs.replace(ports, store=Mortal(ports.store, 1)))
    assert (1, 1) == rule_hours(ports, "odd 0")
    group(ports)
    assert (0, 0) == rule_hours(ports, "odd 0")
