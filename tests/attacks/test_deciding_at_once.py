"""Decisions at the same moment, and decisions in the middle of which the process dies: each is one, with its entry, or none."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from builders import eve
from countersign.core.review.decision import Decision
from countersign.errors import AlreadyDecided, CountersignError, NotPermitted, SignatureRefused
from countersign.steps import decide, decided
from databases import database, postgres_database, sqlite_database
from reviewing import open_office

__all__ = ["database", "postgres_database", "sqlite_database"]

KILLS = 100 if os.environ.get("COUNTERSIGN_FULL") else 4
AT_ONCE = 8
CASES = [f"case-{n}" for n in range(AT_ONCE)]


@pytest.fixture
def office(tmp_path, database):
    made = open_office(tmp_path / "home", database)
    made.staff()
    for case in CASES[:2]:
        made.drafted(case, 1)
    yield made
    made.close()


def at_once(*works):
    """Every work in a thread of its own, started together: what each returned, or the error that it ended with."""
    found, start = [None] * len(works), threading.Barrier(len(works))

    def run(number, work):
        start.wait()
        try:
            found[number] = work()
        except CountersignError as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def signing(office, name, prepared):
    one = office.people[name]
    given = office.signed(one, one.key(prepared.tier), prepared.subject)
    return lambda: decide.sign(prepared.digest, given, one.token, office.ports)


def each_decision_has_its_entry(office):
    """As many entries as rows, by case, none twice; and all of it holds against the log."""
    told = Counter(entry.case for entry in office.entries("decision.countersigned"))
    with office.ports.store.reading() as tx:
        kept = {case: [one.number for one in tx.reviews.decisions(case)] for case in tx.reviews.decided()}
    assert {case: len(numbers) for case, numbers in kept.items()} == dict(told)
    assert all([*range(1, len(numbers) + 1)] == numbers for numbers in kept.values())
    assert decided.objection(office.ports) is None
    return kept


def test_of_eight_who_decide_one_case_at_once_one_does(office):
    names = [("Anna", "Carl", "Ben")[n % 3] for n in range(AT_ONCE)]
    drawn = [(name, office.prepared(name, CASES[0])) for name in names]
    found = at_once(*(signing(office, name, prepared) for name, prepared in drawn))
    assert 1 == sum(isinstance(one, Decision) for one in found)
    refused = [one for one in found if not isinstance(one, Decision)]
    assert all(isinstance(one, NotPermitted | AlreadyDecided) for one in refused)
    assert {CASES[0]: [1]} == each_decision_has_its_entry(office)


def test_of_eight_that_hand_in_the_same_signature_at_once_one_counts(office):
    sign = signing(office, "Anna", office.prepared("Anna", CASES[0]))
    found = at_once(*[sign] * AT_ONCE)
    assert 1 == sum(isinstance(one, Decision) for one in found)
    assert all(isinstance(one, Decision | AlreadyDecided | SignatureRefused) for one in found)
    assert {CASES[0]: [1]} == each_decision_has_its_entry(office)


def test_eight_cases_are_decided_at_once_and_each_is(office):
    for case in CASES[2:]:
        office.drafted(case, 1)
    names = [("Anna", "Carl", "Ben")[n % 3] for n in range(AT_ONCE)]
    works = [
        signing(office, name, office.prepared(name, case)) for name, case in zip(names, CASES, strict=True)
    ]
    assert all(isinstance(one, Decision) for one in at_once(*works))
    assert {case: [1] for case in CASES} == each_decision_has_its_entry(office)


def test_two_who_countersign_one_document_at_once_make_one_decision(office):
    assert 3 == office.drafted("critical", 3).case.tier
    prepared = office.prepared("Anna", "critical")
    for name in ("Ben", "Carl"):
        office.looked(name, "critical")
    assert isinstance(office.signs("Anna", prepared), decide.Waiting)
    found = at_once(*(signing(office, name, prepared) for name in ("Ben", "Carl")))
    assert ["AlreadyDecided", "Decision"] == sorted(type(one).__name__ for one in found)
    assert {"critical": [1]} == each_decision_has_its_entry(office)


def test_evidence_that_comes_while_somebody_signs_comes_before_or_after(office):
    """Never in between: a decision is over the evidence that the case had when it was made."""
    for number in range(4):
        case = f"race-{number}"
        office.drafted(case, 1)
        sign = signing(office, "Anna", office.prepared("Anna", case))
        signed, _ = at_once(sign, lambda case=case: office.drafted(case, 1, more=(eve("dns", 5),)))
        assert isinstance(signed, Decision | NotPermitted), signed
        if isinstance(signed, NotPermitted):
            assert "RV-01" in signed.rules
    each_decision_has_its_entry(office)


# --- kill -9 -------------------------------------------------------------------------------------------------------

DECIDER = """
import json, sys, threading
sys.path.insert(0, {tests!r})
from pathlib import Path
from countersign.errors import CountersignError
from reviewing import rejoined

told = json.loads(sys.argv[1])
people = {{name: (person, bytes.fromhex(token)) for name, (person, token) in told["people"].items()}}
office = rejoined(Path(told["folder"]), told["second"], people, told["cases"])

def go_on(name, cases):
    while True:
        for case in cases:
            acts, says = (("reopen",), "suspicious") if office.standing(case).status == "closed" else (("close",), "true_positive")
            try:
                made = office.decided(name, case, disposition=says, acts=acts)
            except CountersignError as error:
                print("refused", repr(error), flush=True)
            else:
                print("decided", case, made.number, flush=True)

cases = told["cases"]
print("ready", flush=True)
for n, name in enumerate(people):
    threading.Thread(target=go_on, args=(name, cases[n::len(people)]), daemon=True).start()
threading.Event().wait()
"""


def test_a_process_that_is_killed_while_it_decides_leaves_whole_decisions_only(tmp_path):
    """What it said was decided is decided; what it did not say is decided with its entry, or not at all."""
    office = open_office(tmp_path / "home")
    office.staff()
    cases = [f"case-{n}" for n in range(6)]
    for case in cases:
        office.drafted(case, 1)
    office.ports.publisher.publish()
    people = {
        name: (one.id, one.token.hex())
        for name, one in office.people.items()
        if name in {"Anna", "Carl", "Ben"}
    }
    told = {"folder": str(tmp_path / "home"), "people": people, "cases": cases}
    office.close()
    chance, said = random.Random(9), Counter()
    for number in range(KILLS):
        told["second"] = office.clock.now // 10**9 + 60 * (number + 1)
        for case, decisions in killed(told, chance).items():
            assert said[case] < min(decisions)
            said[case] = max(decisions)
    again = open_office(tmp_path / "home")
    again.ports.publisher.publish()
    kept = each_decision_has_its_entry(again)
    assert all(said[case] <= len(kept.get(case, ())) for case in cases)
    assert "intact" == again.ports.store.log.verify().status
    assert sum(map(len, kept.values())) >= KILLS
    sys.stderr.write(
        f"{KILLS} kills: {sum(map(len, kept.values()))} decisions, {sum(said.values())} of them told of\n"
    )
    again.close()


def killed(told, chance):
    """One life of a process that decides, ended in the middle: what it said it had decided, by case."""
    program = DECIDER.format(tests=str(Path(__file__).parents[1]))
    process = subprocess.Popen([sys.executable, "-c", program, json.dumps(told)], stdout=subprocess.PIPE)
    try:
        assert b"ready\n" == process.stdout.readline()
        time.sleep(chance.uniform(0.05, 1.5))
    finally:
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().decode().splitlines()
        process.wait()
        process.stdout.close()
    found = {}
    for line in lines:
        word, _, rest = line.partition(" ")
        assert word == "decided", line
        case, number = rest.split()
        found.setdefault(case, []).append(int(number))
    return found
