"""What the store of the grouping promises, on both databases."""

from threading import Thread

import msgspec
import pytest

from countersign.adapters.sql import open_store
from countersign.core.cases.bursts import Burst
from countersign.core.cases.grouping import Regrouping, Standing
from countersign.core.cases.past import Rarity
from countersign.core.cases.sighting import TIMELESS, Sighting
from countersign.core.ids import evidence_id
from countersign.core.records.alert import Alert
from countersign.core.records.evidence import Evidence
from databases import VAULT

SECOND = 1_000_000_000


def raw(number):
    return b'{"alert":%d}' % number


def record(number):
    return evidence_id(raw(number))


def a_sighting(number, start, **changes):
    one = Sighting(
        f"alert-{number}", "suricata.eve", "a \u202e rule", "", "web", 1, start, start, ("ip:192.0.2.9",)
    )
    return msgspec.structs.replace(one, **changes)


def a_burst(number, case="case-1", first=0, **changes):
    rarity = Rarity(9.5, 6.75, 71, 2, 0)
    made = Burst(
        number, "suricata.eve", f"rule {number}", "web", (), (), first, first, first + 5, 1, rarity, 3, 2
    )
    return msgspec.structs.replace(made, case=case, because="it was rare", weight=9.5, **changes)


def a_standing(case="case-1", kind="incident", **changes):
    return msgspec.structs.replace(Standing(case, kind, "because \x00", score=12.5), **changes)


def a_regrouping(number, *alerts):
    return Regrouping(
        f"case-{number}", "case-9", alerts, "a reason \u202e", "Ada Lovelace", "2026-03-01T00:00:00Z"
    )


@pytest.fixture
def tx(store):
    """Six alerts, the sixth without a time, in records of their own."""
    with store.transaction() as tx:
        times = {number: None if number == 6 else number * SECOND for number in range(1, 7)}
        tx.evidence.add(
            [
                (Evidence(record(n), "suricata.eve", "s", "json/1", raw(n), ns, None), ())
                for n, ns in times.items()
            ]
        )
        tx.alerts.add(
            [
                Alert(f"alert-{n}", record(n), "suricata.eve", f"rule {n}", "", "low", ns)
                for n, ns in times.items()
            ]
        )
        yield tx


@pytest.fixture
def numbers(tx):
    """Record numbers of the alerts, by the alert's own."""
    tx.groups.wait([(record(n), a_sighting(n, n)) for n in range(1, 7)])
    waiting = tx.groups.waiting(TIMELESS, 2**33, 100)
    found = {int(one.sighting.alert.removeprefix("alert-")): one.number for one in waiting}
    tx.groups.settle(list(found.values()))
    return found


@pytest.fixture
def grouped(tx, numbers):
    """case-1 of bursts 1 (alerts 1, 2, 3) and 2 (alert 4); case-2, a watch case, of burst 3 (alerts 5, 6)."""
    tx.groups.keep(
        [a_burst(1), a_burst(2, first=10), a_burst(3, "case-2", first=20)],
        [(numbers[n], burst) for n, burst in {1: 1, 2: 1, 3: 1, 4: 2, 5: 3, 6: 3}.items()],
        [a_standing(), a_standing("case-2", "watch")],
    )
    return tx.groups


# --- those that wait ------------------------------------------------------------------------------------------


def test_an_alert_waits_once_and_comes_back_as_it_was(tx):
    tx.groups.wait([(record(1), a_sighting(1, 7)), (record(2), a_sighting(2, 5))])
    tx.groups.wait([(record(1), a_sighting(1, 7))])

    waiting = tx.groups.waiting(0, 100, 10)

    assert [a_sighting(2, 5), a_sighting(1, 7)] == [one.sighting for one in waiting]
    assert 7 == tx.groups.newest_waiting()


def test_nothing_waits_in_a_new_store(tx):
    assert tx.groups.newest_waiting() is None
    assert () == tx.groups.waiting(TIMELESS, 2**33, 10)


def test_both_ends_of_a_stretch_count(tx):
    tx.groups.wait([(record(n), a_sighting(n, n)) for n in (1, 2, 3, 4)])

    assert [2, 3] == [one.sighting.start for one in tx.groups.waiting(2, 3, 10)]


def test_the_timeless_wait_at_a_time_of_their_own(tx):
    tx.groups.wait([(record(1), a_sighting(1, TIMELESS)), (record(2), a_sighting(2, 5))])

    assert ["alert-1"] == [one.sighting.alert for one in tx.groups.waiting(TIMELESS, TIMELESS, 10)]
    assert ["alert-2"] == [one.sighting.alert for one in tx.groups.waiting(-(2**32), 2**33, 10)]
    assert 5 == tx.groups.newest_waiting()


def test_a_limit_cuts_no_second(tx):
    tx.groups.wait([(record(n), a_sighting(n, start)) for n, start in {1: 1, 2: 2, 3: 2, 4: 2}.items()])

    assert [1] == [one.sighting.start for one in tx.groups.waiting(0, 9, 2)]
    assert [2, 2, 2] == [one.sighting.start for one in tx.groups.waiting(2, 9, 2)], (
        "one whole second at least"
    )


def test_what_is_settled_waits_no_longer(tx):
    tx.groups.wait([(record(1), a_sighting(1, 1)), (record(2), a_sighting(2, 2))])
    first, _ = tx.groups.waiting(0, 9, 9)

    tx.groups.settle([first.number])

    assert ["alert-2"] == [one.sighting.alert for one in tx.groups.waiting(0, 9, 9)]


def test_the_memory_is_the_one_kept_last(tx):
    before = tx.groups.memory()
    tx.groups.remember(b"one")
    tx.groups.remember(b"\x00two")

    assert (None, b"\x00two") == (before, tx.groups.memory())


def test_who_comes_second_waits_until_the_first_is_done(store, database):
    other, seen = open_store(database, VAULT), []

    def second():
        with other.transaction() as tx:
            tx.groups.lock()
            seen.append(tx.groups.memory())

    thread = Thread(target=second)
    with store.transaction() as tx:
        tx.groups.lock()
        thread.start()
        thread.join(0.3)
        early = list(seen)
        tx.groups.remember(b"first")
    thread.join(60)
    other.close()

    assert ([], [b"first"]) == (early, seen)


# --- what stands together -------------------------------------------------------------------------------------


def test_bursts_come_back_earliest_first_as_they_were_kept(grouped):
    assert (a_burst(1), a_burst(2, first=10)) == _told(grouped.bursts_of("case-1"))
    assert () == grouped.bursts_of("case-9")


def _told(bursts):
    """Bursts are compared by what they say; they are equal to themselves only."""
    return tuple(_Same(one) for one in bursts)


class _Same:
    def __init__(self, burst):
        self._burst = burst

    def __eq__(self, other):
        return msgspec.to_builtins(self._burst) == msgspec.to_builtins(other)

    __hash__ = None


def test_what_is_kept_again_replaces_what_was(grouped, numbers):
    grouped.keep([a_burst(3, "case-1", first=20, count=9)], [(numbers[6], 2)], [a_standing(score=99.0)])

    assert [1, 2, 3] == [one.number for one in grouped.bursts_of("case-1")]
    assert {1: 3, 2: 2, 3: 1} == grouped.counts_of("case-1")
    assert 99.0 == grouped.standing(["case-1"])["case-1"].score


def test_stored_bursts_are_found_by_number(grouped):
    placed = grouped.placed([1, 3, 99])

    assert {1: "case-1", 3: "case-2"} == {number: one.case for number, one in placed.items()}
    assert "rule 3" == placed[3].rule
    assert {} == grouped.placed([])


def test_alerts_are_counted_by_burst_and_by_case(grouped):
    assert {1: 3, 2: 1} == grouped.counts_of("case-1")
    assert {"case-1": 4, "case-2": 2} == grouped.sizes(["case-1", "case-2", "case-9"])


def test_members_come_in_event_order_the_timeless_first(grouped):
    assert ["alert-6", "alert-5"] == [one.alert.id for one in grouped.members("case-2", 0)]
    assert [("alert-1", 1), ("alert-2", 1), ("alert-3", 1), ("alert-4", 2)] == [
        (one.alert.id, one.burst) for one in grouped.members("case-1", 0)
    ]


def test_of_a_large_burst_the_first_and_the_last_are_enough(grouped):
    assert ["alert-1", "alert-3", "alert-4"] == [one.alert.id for one in grouped.members("case-1", 1)]


def test_a_record_leads_to_its_case_and_its_burst(grouped):
    assert {record(1): "case-1", record(5): "case-2"} == grouped.cases_of([record(1), record(5), record(99)])
    assert 2 == grouped.burst_of(record(4)).number
    assert grouped.burst_of(record(99)) is None


def test_a_standing_is_what_was_said_last(grouped):
    grouped.stand(a_standing("case-2", "watch", into="case-1"))

    assert {
        "case-1": a_standing(),
        "case-2": a_standing("case-2", "watch", into="case-1"),
    } == grouped.standing(["case-1", "case-2", "case-9"])


def test_a_case_holds_alerts_until_they_all_went(grouped, numbers):
    before = grouped.holds_any("case-2")
    grouped.keep([], [(numbers[5], 1), (numbers[6], 1)], [])

    assert (True, False, False) == (before, grouped.holds_any("case-2"), grouped.holds_any("case-9"))


def test_a_brief_is_stale_when_its_case_holds_other_alerts(grouped, numbers):
    marks = grouped.marks(["case-1", "case-2", "case-9"])
    for case, mark in marks.items():
        grouped.drafted(case, mark)
    fresh = grouped.stale(["case-1", "case-2", "case-9"])
    grouped.keep([], [(numbers[6], 1)], [])
    stale = grouped.stale(["case-1", "case-2"])
    grouped.drafted("case-1", grouped.marks(["case-1"])["case-1"])

    assert {"case-1", "case-2"} == set(marks)
    assert frozenset() == fresh
    assert {"case-1", "case-2"} == stale
    assert {"case-2"} == grouped.stale(["case-1", "case-2"])


def test_a_brief_is_stale_when_one_alert_was_exchanged_for_another(grouped, numbers):
    grouped.drafted("case-2", grouped.marks(["case-2"])["case-2"])
    before = grouped.sizes(["case-2"])
    grouped.keep([], [(numbers[1], 3), (numbers[5], 1)], [])

    assert before == grouped.sizes(["case-2"])
    assert {"case-2"} == grouped.stale(["case-2"])


def test_only_incidents_that_were_active_then_are_recalled(grouped):
    assert [1] == [one.number for one in grouped.incidents(0, 5)]
    assert [1, 2] == [one.number for one in grouped.incidents(5, 10)]
    assert [] == [one.number for one in grouped.incidents(16, 100)], "burst 3 is of a watch case"


# --- what persons changed -------------------------------------------------------------------------------------


def test_regroupings_are_kept_in_their_order(tx):
    for one in (a_regrouping(3), a_regrouping(1, "alert-1", "alert-2")):
        tx.groups.regroup(one)

    assert (a_regrouping(3), a_regrouping(1, "alert-1", "alert-2")) == tx.groups.regroupings()


def test_what_a_person_assigned_no_grouping_takes_back(grouped, numbers):
    grouped.assign(a_burst(1, "case-7"), [record(1), record(2)])
    grouped.keep([a_burst(1)], [(numbers[n], 1) for n in (1, 2, 3)], [])

    assert {record(1): "case-7", record(2): "case-7", record(3): "case-1"} == grouped.cases_of(
        [record(1), record(2), record(3)]
    )
    assert grouped.burst_of(record(1)).number < 0


def test_a_person_may_assign_the_same_alert_again(grouped):
    grouped.assign(a_burst(1, "case-7"), [record(1)])
    grouped.assign(a_burst(1, "case-8"), [record(1)])

    assert {record(1): "case-8"} == grouped.cases_of([record(1)])
    assert {"case-8": 1} == grouped.sizes(["case-7", "case-8"])


def test_a_case_that_moves_takes_all_its_bursts_with_it(grouped):
    grouped.move("case-1", "case-2")

    assert {"case-2": 6} == grouped.sizes(["case-1", "case-2"])
    assert {"case-2"} == {one.case for one in grouped.bursts_of("case-2")}
