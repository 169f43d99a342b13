"""An erased case: nothing of it is shown or found in the files, every proof holds, and what others hold stays."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import create_engine, inspect, text

from builders import alert, flow, http, mail
from countersign import config, wiring
from countersign.core.identity.people import Person
from countersign.core.ids import evidence_id
from countersign.errors import ContentErased, NotPermitted, SignatureRefused, UsageError
from countersign.steps import people, regroup
from countersign.steps.assemble import assembled, cases_of
from countersign.steps.draft import Inputs, brief_case, brief_cases
from countersign.steps.erase import ensure_ground, erase, looked_at, subject
from countersign.steps.group import group
from countersign.steps.ingest import ingest
from countersign.steps.logged import objection
from countersign.testing import SoftwareSigner
from databases import database, postgres_database, sqlite_database  # noqa: F401 - fixtures
from front import environment, run

CANARY = b"canary"
"""In every value of the erased cases' own records that somebody chose."""
THEM, OTHERS = "203.0.113.77", "203.0.113.50"
GROUND = "gdpr-art-17"
KILLS = 25 if os.environ.get("COUNTERSIGN_FULL") == "1" else 3


def rule(name):
    return {
        "action": "allowed",
        "gid": 1,
        "signature_id": 7,
        "signature": name,
        "category": "x",
        "severity": 1,
    }


def own_records():
    """Of the cases to be erased alone: an alert, telemetry that joins it, a mail."""
    return [
        alert(0, host="canary-sensor", src_ip=THEM, dest_ip="192.0.2.40", alert=rule("SCAN canary-tool")),
        http(1, url="/canary-path", host="canary-sensor", src_ip=THEM, dest_ip="192.0.2.40"),
        mail(3, subject="canary-subject", sender="canary@canary.example"),
    ]


SHARED = flow(2, src=THEM, dst=OTHERS)
"""It speaks of both, so that it joins both cases."""
OTHER = [alert(4, src_ip=OTHERS, alert=rule("EXPLOIT other")), http(5, url="/only-the-other", src_ip=OTHERS)]


def written(folder):
    """A folder of both; what belongs to the erased cases alone comes from files of a name of its own."""
    for name, records in (("canary", own_records()), ("records", [SHARED, *OTHER])):
        (folder / name).mkdir(parents=True)
        lines = [one.raw for one in records if one.schema != "email.rfc822"]
        (folder / name / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    (folder / "canary" / "canary.eml").write_bytes(own_records()[2].raw)
    return folder


def triaged(home, *paths):
    """Read, grouped, drafted and published, as the command does."""
    ports = wiring.open_ports(home, config.load(home))
    read = ingest(wiring.incoming(map(str, paths), "auto", None), ports)
    group(ports)
    wanted = (assembled(case, ports) for case in cases_of(read, ports))
    made = list(brief_cases((one for one in wanted if one is not None), ports, Inputs()))
    ports.publisher.publish()
    ports.store.close()
    return made


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A home over SQLite, triaged once."""
    home = tmp_path_factory.mktemp("template") / "home"
    home.mkdir()
    triaged(home, written(home.parent / "in"))
    return home


@pytest.fixture
def home(request, tmp_path, database):  # noqa: F811
    made = tmp_path / "home"
    if not database.startswith("postgresql"):
        return shutil.copytree(request.getfixturevalue("template"), made)
    made.mkdir()
    (made / "config.toml").write_text(f"database_url = '{database}'\n")
    triaged(made, written(tmp_path / "in"))
    return made


@pytest.fixture
def ports(home):
    opened = wiring.open_ports(home, config.load(home))
    yield opened
    opened.store.close()


@pytest.fixture
def embedded(template, tmp_path):
    """The same over SQLite, for what no database decides."""
    opened = wiring.open_ports(shutil.copytree(template, tmp_path / "embedded"), config.Settings())
    yield opened
    opened.store.close()


SIGNERS = {
    "kim": SoftwareSigner(b"k" * 32),
    "lee": SoftwareSigner(b"l" * 32),
    "ann": SoftwareSigner(b"a" * 32),
}


def here(ports, name, roles=("lead",)):
    """A person who is there and has a key; the id."""
    with ports.store.transaction() as tx:
        if tx.people.get(f"p_{name}") is None:
            tx.people.add(Person(id=f"p_{name}", name=name, roles=roles), "p_kim", 1)
            tx.people.enrol(SIGNERS[name].key(f"p_{name}", enrolled_by="p_kim"))
    return f"p_{name}"


def signed(ports, name, what, ground=GROUND):
    """One person's signature over what they were shown."""
    person, wanted = here(ports, name), subject(what, ground)
    return SIGNERS[name].sign(person, wanted, people.challenge(ports, person, wanted))


def two(ports, case):
    """Both sign what there is now."""
    what = looked_at(case, ports)
    return [signed(ports, name, what) for name in ("kim", "lee")]


def cases(ports):
    """Case id → its document, of those that stand."""
    with ports.store.reading() as tx:
        found = [tx.cases.latest(one.case_id) for one in tx.cases.recent(100)]
    return {one.case_id: one.document for one in found}


def doomed(ports):
    return [name for name, document in cases(ports).items() if CANARY in document.lower()]


def erase_all(ports):
    return [erase(name, two(ports, name), GROUND, ports) for name in doomed(ports)]


def in_rows(url):
    """Every table with a row that holds the canary in clear, read past the product."""
    engine = create_engine(url)
    found = set()
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                cells = (bytes(c) if isinstance(c, memoryview | bytes) else str(c).encode() for c in row)
                found |= {table} if any(CANARY in cell.lower() for cell in cells) else set()
    engine.dispose()
    return found


def in_files(home):
    files = [path for path in home.rglob("*") if path.is_file()]
    return {path.name for path in files if CANARY in path.read_bytes().lower()}


def url_of(home, database):  # noqa: F811
    return database if database.startswith("postgresql") else f"sqlite:///{home / 'countersign.db'}"


def test_the_world_of_these_tests_is_what_they_say(home, ports, database):  # noqa: F811
    """Else nothing below would show anything."""
    held = {name for name, document in cases(ports).items() if evidence_id(SHARED.raw).encode() in document}
    assert 2 == len(held)
    assert len(held & set(doomed(ports))) == 1
    assert {"evidence", "alert", "case_snapshot", "brief", "burst", "source_file"} <= in_rows(
        url_of(home, database)
    )


def test_nothing_of_an_erased_case_is_left_in_rows_or_files(home, ports, database):  # noqa: F811
    done = erase_all(ports)

    assert len(done) >= 1
    assert all(one.clean for one in done)
    assert set() == in_rows(url_of(home, database))
    ports.store.close()
    assert set() == in_files(home)


def test_every_proof_still_holds_and_the_log_says_who_and_why(home, ports):
    names = doomed(ports)
    erase_all(ports)
    ports.store.log.sequence()

    assert "intact" == ports.store.log.verify().status
    assert objection(ports) is None
    told = list(ports.store.log.of_kind("blob.erased"))
    assert set(names) == {entry.case for entry in told}
    assert all(entry.data["ground"] == "gdpr-art-17" for entry in told)
    assert all(entry.data["approved_by"] == ["p_kim", "p_lee"] for entry in told)
    blobs = {
        blob.id
        for kind in ("draft.requested", "brief.drafted", "brief.verified", "case.opened")
        for entry in ports.store.log.of_kind(kind)
        if entry.case in names
        for blob in entry.blobs.values()
    }
    assert blobs == {blob for entry in told for blob in entry.data["blobs"]}
    ran = run("--home", home, "log", "verify")
    assert ran.code == 0, ran.out + ran.errors
    assert f"{len(names)} cases erased: their proofs hold" in ran.out


def test_its_contents_are_gone_for_good(ports):
    names = doomed(ports)
    with ports.store.reading() as tx:
        blobs = [blob for name in names for blob in tx.erasures.blobs([name])]
    assert blobs
    erase_all(ports)

    with ports.store.reading() as tx:
        for blob in blobs:
            assert tx.contents.is_erased(blob)
            with pytest.raises(ContentErased):
                tx.contents.open(blob)


def test_what_another_case_holds_stays_and_is_named(ports):
    (name,) = [one for one in doomed(ports) if evidence_id(SHARED.raw).encode() in cases(ports)[one]]
    (other,) = cases(ports).keys() - set(doomed(ports))
    before = cases(ports)[other]

    done = erase(name, two(ports, name), GROUND, ports)

    assert {evidence_id(SHARED.raw): (other,)} == done.what.holdings.shared
    assert before == cases(ports)[other]
    with ports.store.reading() as tx:
        kept = [evidence_id(one.raw) for one in (SHARED, *OTHER)]
        assert set(kept) == tx.evidence.get(kept).keys()
        assert not tx.evidence.get([evidence_id(one.raw) for one in own_records()[:2]])
        assert tx.groups.standing([other])
        found = tx.evidence.by_observables([("ip", OTHERS)], None, None, 10)
        assert evidence_id(SHARED.raw) in found.ids


def test_no_command_shows_it_and_each_says_that_it_was_erased(home, ports):
    names = doomed(ports)
    erase_all(ports)
    ports.publisher.publish()

    listed = run("--home", home, "case", "list")
    assert 0 == listed.code
    assert CANARY not in listed.raw.lower()
    assert all(f"{name}  erased" in listed.out for name in names)
    assert set(names) == set(run("--home", home, "case", "list", "--json").json["erased"])
    for words in (("case", "show", names[0]), ("case", "export", names[0]), ("case", "draft", names[0])):
        ran = run("--home", home, *words)
        assert ran.code != 0
        assert "erased" in ran.errors
        assert CANARY not in (ran.raw + ran.raw_errors).lower()


def test_read_again_it_is_a_new_case_with_proofs_of_its_own(home, ports, tmp_path):
    names = doomed(ports)
    erase_all(ports)

    triaged(home, written(tmp_path / "again"))
    assert doomed(ports)
    verified = run("--home", home, "log", "verify")
    assert verified.code == 0, verified.out
    assert set(names) <= cases(ports).keys()
    erase_all(ports)
    assert not doomed(ports)


def test_a_process_that_was_there_before_reads_on(ports, home, tmp_path):
    """It remembers row numbers of sources and observables that are gone now."""
    other = wiring.open_ports(home, config.load(home))
    file = tmp_path / "later.jsonl"
    file.write_bytes(
        alert(30, host="canary-sensor", src_ip=THEM, dest_ip="192.0.2.40", alert=rule("SCAN canary-tool")).raw
        + b"\n"
    )
    ingest(wiring.incoming([str(written(tmp_path / "again"))], "auto", None), other)
    erase_all(ports)
    ingest(wiring.incoming([str(file)], "auto", None), other)

    with other.store.reading() as tx:
        found = tx.evidence.by_observables([("ip", THEM)], None, None, 10)
    other.store.close()
    assert evidence_id(file.read_bytes().rstrip()) in found.ids


def refused(ports, case, signatures, error, ground=GROUND):
    before = cases(ports)
    with pytest.raises(error) as refusal:
        erase(case, signatures, ground, ports)
    assert before == cases(ports)
    assert [] == list(ports.store.log.of_kind("blob.erased"))
    return refusal.value


@pytest.mark.parametrize("names", [(), ("kim",), ("kim", "kim")], ids=["nobody", "one", "one twice"])
def test_two_different_persons_sign_or_nothing_happens(embedded, names):
    (case, *_) = doomed(embedded)
    what = looked_at(case, embedded)
    said = refused(embedded, case, [signed(embedded, name, what) for name in names], NotPermitted)
    assert "2 different persons" in str(said)
    assert said.hint


@pytest.mark.parametrize("role", ["auditor", "analyst"])
def test_who_may_not_erase_is_no_second_person(embedded, role):
    (case, *_) = doomed(embedded)
    here(embedded, "ann", (role,))
    what = looked_at(case, embedded)
    refused(embedded, case, [signed(embedded, name, what) for name in ("kim", "ann")], NotPermitted)


def test_a_role_that_was_taken_away_meanwhile_counts_no_more(embedded):
    (case, *_) = doomed(embedded)
    signatures = two(embedded, case)
    with embedded.store.transaction() as tx:
        tx.people.roles("p_lee", ("analyst",), "p_kim", 2)
    refused(embedded, case, signatures, NotPermitted)


def test_a_signature_that_does_not_hold_is_none(embedded):
    (case, *_) = doomed(embedded)
    good, other = two(embedded, case)
    forged = msgspec.structs.replace(other, signature=bytes(64))
    refused(embedded, case, [good, forged], SignatureRefused)


def test_nobody_signs_with_a_key_that_is_not_enrolled(embedded):
    (case, *_) = doomed(embedded)
    what, nobody = looked_at(case, embedded), SoftwareSigner(b"n" * 32)
    wanted = subject(what, GROUND)
    stranger = nobody.sign("p_kim", wanted, people.challenge(embedded, "p_kim", wanted))
    refused(embedded, case, [signed(embedded, "lee", what), stranger], SignatureRefused)


def test_nobody_signs_for_another(embedded):
    (case, *_) = doomed(embedded)
    here(embedded, "lee")
    what = looked_at(case, embedded)
    mine, wanted = signed(embedded, "kim", what), subject(what, GROUND)
    theirs = SIGNERS["kim"].sign("p_lee", wanted, people.challenge(embedded, "p_lee", wanted))
    refused(embedded, case, [mine, theirs], SignatureRefused)


def test_what_was_signed_for_another_ground_or_case_erases_nothing(embedded):
    (case, other, *_) = doomed(embedded)
    refused(embedded, case, two(embedded, case), SignatureRefused, ground="court-order")
    refused(embedded, other, two(embedded, case), SignatureRefused)


def test_what_was_signed_before_the_case_changed_erases_nothing(embedded):
    """They signed what they were shown."""
    (case, *_) = [one for one in doomed(embedded) if evidence_id(SHARED.raw).encode() in cases(embedded)[one]]
    signatures = two(embedded, case)
    brief_case(assembled(case, embedded), embedded, Inputs())
    refused(embedded, case, signatures, SignatureRefused)


def test_a_signature_is_used_once(embedded, tmp_path):
    (case, *_) = doomed(embedded)
    signatures = two(embedded, case)
    erase(case, signatures, GROUND, embedded)
    triaged(tmp_path / "embedded", written(tmp_path / "again"))
    assert case in cases(embedded)
    with pytest.raises(SignatureRefused):
        erase(case, signatures, GROUND, embedded)
    assert case in cases(embedded)


@pytest.mark.parametrize("ground", ["", "He asked us to", "GDPR", "x" * 80, "a\nb"])
def test_the_ground_is_a_short_code(ground):
    with pytest.raises(UsageError):
        ensure_ground(ground)


def test_a_case_that_is_not_there_or_gone_cannot_be_erased(embedded):
    with pytest.raises(UsageError):
        looked_at("case-nobody", embedded)
    (first, *_) = doomed(embedded)
    signatures = two(embedded, first)
    erase(first, signatures, GROUND, embedded)
    with pytest.raises(ContentErased):
        erase(first, signatures, GROUND, embedded)


def test_a_case_that_went_into_it_goes_with_it(ports):
    (other,) = cases(ports).keys() - set(doomed(ports))
    (name,) = [one for one in doomed(ports) if evidence_id(SHARED.raw).encode() in cases(ports)[one]]
    regroup.merge(other, name, regroup.Order("kim", "one canary"), ports)

    done = erase(name, two(ports, name), GROUND, ports)

    assert (name, other) == done.what.cases
    assert {} == done.what.holdings.shared
    assert objection(ports) is None
    assert not any(
        CANARY in document.lower() for document in cases(ports).values() if b"mail" not in document
    )


def test_rows_that_vanished_without_an_entry_are_found_out(embedded):
    (first, *_) = doomed(embedded)
    with embedded.store._engine.begin() as connection:
        on = "" if connection.dialect.name == "sqlite" else " ON case_snapshot"
        connection.execute(text(f"DROP TRIGGER case_snapshot_no_delete{on}"))
        connection.execute(text("DELETE FROM case_snapshot WHERE case_id = :case"), {"case": first})

    status, says = objection(embedded)
    assert "incomplete" == status
    assert first in says


def test_an_erasure_that_the_log_does_not_tell_of_is_found_out(ports):
    with ports.store._engine.begin() as connection:
        connection.execute(text("INSERT INTO erasure (case_id, entry_id) VALUES ('case-x', 'erase-x')"))

    assert "incomplete" == objection(ports)[0]


def test_a_draft_of_a_case_that_was_erased_meanwhile_is_not_kept(ports):
    """Its request stands in the log; its contents do not come back."""
    (name,) = [one for one in doomed(ports) if evidence_id(SHARED.raw).encode() in cases(ports)[one]]
    one = assembled(name, ports)

    class Slow:
        """A drafter during whose answer the case is erased."""

        name = ports.drafter.name

        def draft(self, dossier):
            erase(one.id, two(ports, one.id), GROUND, ports)
            return ports.drafter.draft(dossier)

    with pytest.raises(ContentErased):
        brief_case(one, msgspec.structs.replace(ports, drafter=Slow()), Inputs())
    assert name not in cases(ports)
    with ports.store.reading() as tx:
        assert () == tx.erasures.blobs([name])


ERASER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1].split(":")
from countersign import config, wiring
from countersign.steps.erase import erase
from test_erase import GROUND, two

home = Path(sys.argv[2])
ports = wiring.open_ports(home, config.load(home))
print("ready", flush=True)
for name in sys.argv[3:]:
    erase(name, two(ports, name), GROUND, ports)
"""
FOLDERS = f"{Path(__file__).parent}:{Path(__file__).parents[1]}"


def test_a_kill_in_the_middle_leaves_all_or_nothing(home, ports, database, tmp_path):  # noqa: F811
    """And what a killed clean-up left in the file goes with the next start."""
    folder = written(tmp_path / "again")
    for attempt in range(KILLS):
        if not (names := doomed(ports)):
            triaged(home, folder)
            names = doomed(ports)
        before = Counter(entry.case for entry in ports.store.log.of_kind("blob.erased"))
        eraser = subprocess.Popen(
            [sys.executable, "-c", ERASER, FOLDERS, str(home), *names],
            stdout=subprocess.PIPE,
            env=environment(),
        )
        eraser.stdout.readline()
        time.sleep(random.Random(attempt).uniform(0.0, 0.06))
        eraser.send_signal(signal.SIGKILL)
        eraser.wait()
        eraser.stdout.close()

        ports.store.log.sequence()
        assert "intact" == ports.store.log.verify().status
        assert objection(ports) is None
        told = Counter(entry.case for entry in ports.store.log.of_kind("blob.erased"))
        assert {case for case in names if told[case] > before[case]} == set(names) - cases(ports).keys()
    erase_all(ports)
    ports.store.close()
    wiring.open_ports(home, config.load(home)).store.close()
    assert set() == in_rows(url_of(home, database))
    assert set() == in_files(home)
