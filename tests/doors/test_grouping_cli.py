"""Cases through the command line: their kinds, why an alert stands where it does, and what a person may change."""

import csv
import io
import json
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from front import run

T0 = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = 3600
DAY2 = 30 * HOUR  # six hours after every warm-up
INTRUDER, VICTIM, OTHER = "203.0.113.7", "10.0.0.9", "10.0.0.50"


def eve(at, rule, source, target, severity, port=4444):
    """A line of Suricata's EVE, `at` seconds after the beginning."""
    return json.dumps(
        {
            "timestamp": (T0 + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%f+0000"),
            "event_type": "alert",
            "host": "sensor-1",
            "src_ip": source,
            "src_port": port,
            "dest_ip": target,
            "dest_port": 443,
            "proto": "TCP",
            "alert": {
                "signature": rule,
                "signature_id": 1 + len(rule),
                "category": "Misc activity",
                "severity": severity,
                "action": "allowed",
            },
        }
    )


NOISE = [
    eve(HOUR * h + 600 * n, "LOCAL update check", "10.0.0.20", "198.51.100.20", 3, 1024 + h)
    for h in range(30)
    for n in range(2)
]
ODD = eve(DAY2 - 900, "LOCAL odd certificate", "10.0.0.66", "198.51.100.66", 3)
EXPLOITS = [eve(DAY2 + 5 * n, "LOCAL exploit attempt", INTRUDER, VICTIM, 1, 5000 + n) for n in range(4)]
SHELL = eve(DAY2 + 30, "LOCAL remote shell", VICTIM, INTRUDER, 2)
GUESSING = eve(
    DAY2 + 50, "LOCAL password guessing", "203.0.113.99", OTHER, 1
)  # the newest: it is not settled
LINES = [*NOISE, ODD, *EXPLOITS, SHELL, GUESSING]
COLUMNS = ["time", "name", "ip", "host", "short", "time_label", "event_label"]


def row(at, rule, host):
    """A row of the shipped mapping `ait-ads`, whose alerts name a place and nobody else."""
    return [str(int((T0 + timedelta(seconds=at)).timestamp())), rule, "", host, rule[:8], "", ""]


def table(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    return text.getvalue()


def held(case):
    return [alert["id"] for alert in case["alerts"]]


class Home:
    """A home, and the cases in it by a word of their title."""

    def __init__(self, path):
        self.path = path

    def run(self, *words, stdin=b""):
        return run("--home", self.path, *words, stdin=stdin)

    def triage(self, folder, lines, *words):
        file = folder / f"{len(list(folder.iterdir()))}.jsonl"
        file.write_text("\n".join(lines) + "\n")
        ran = self.run("triage", file, *words)
        assert (0, "") == (ran.code, ran.errors)
        return ran

    def rows(self):
        return self.run("case", "list", "--json").json["cases"]

    def documents(self):
        """The latest document of each case, as it is stored: quicker than asking for one after the other."""
        query = "SELECT document FROM case_snapshot WHERE seq IN (SELECT MAX(seq) FROM case_snapshot GROUP BY case_id)"
        return [json.loads(raw) for raw in self.stored(query)]

    def stored(self, query):
        """One column of the database."""
        with sqlite3.connect(self.path / "countersign.db") as db:
            found = [value for (value,) in db.execute(query)]
        db.close()
        return found

    def case(self, word):
        """The document of the case whose alerts' rules hold the word; the largest of them."""
        found = [one for one in self.documents() if any(word in alert["rule"] for alert in one["alerts"])]
        return max(found, key=lambda one: len(one["alerts"]))

    def alert(self, word):
        """The id of an alert whose rule holds the word."""
        return next(a["id"] for one in self.documents() for a in one["alerts"] if word in a["rule"])

    def state(self, case_id):
        [found] = [one for one in self.rows() if one["id"] == case_id]
        return found


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    """A home after one triage of the lines above; tests of this file only read it."""
    folder = tmp_path_factory.mktemp("grouped")
    home = Home(folder / "home")
    (folder / "in").mkdir()
    home.printed = home.triage(folder / "in", LINES).out
    return home


@pytest.fixture
def home(grouped, tmp_path):
    """A copy to change."""
    shutil.copytree(grouped.path, tmp_path / "home")
    return Home(tmp_path / "home")


# --- what triage, list and show print -------------------------------------------------------------------------


def test_triage_prints_incidents_with_their_briefs_then_watch_then_background(grouped):
    told = grouped.printed
    places = [told.index(words) for words in ("LOCAL exploit attempt", "Watch: odd", "Background: recurring")]

    assert sorted(places) == places
    assert 2 == told.count("nothing is decided")
    assert "score " in told
    watch, background = told[places[1] :].split("Background: recurring")
    assert "never seen before in the last 29 hours" in " ".join(watch.split())
    assert "60 alerts of 1 rule" in " ".join(background.split())
    assert "usually 10 min apart" in " ".join(background.split())


def test_the_list_names_what_is_no_incident_and_puts_incidents_first(grouped):
    kinds = [
        "watch" if "[watch]" in line else "background" if "[background]" in line else "incident"
        for line in grouped.run("case", "list").out.splitlines()
        if line.startswith("case-")
    ]

    assert ["incident", "incident", "watch", "background"] == kinds


def test_the_list_as_json_says_kind_score_staleness_and_what_a_case_is_part_of(grouped):
    rows = grouped.rows()

    assert {"incident": 2, "watch": 1, "background": 1} == {
        kind: sum(1 for one in rows if one["kind"] == kind) for kind in ("incident", "watch", "background")
    }
    assert all((False, "") == (one["stale"], one["into"]) for one in rows)
    assert all(isinstance(one["score"], float) for one in rows)


def test_show_says_why_the_case_stands_and_what_its_links_weigh(grouped):
    shown = grouped.run("case", "show", grouped.case("exploit")["id"]).out
    told = " ".join(shown.split())

    assert "incident: its source calls it high" in told
    assert "5 alerts of 2 rules" in told
    assert "«LOCAL exploit attempt», 4 times at 10.0.0.9 in 15 s" in told
    assert "same address 10.0.0.9 and 1 more within 15 s" in told
    assert " bits)" in told
    assert [] == [line for line in shown.splitlines() if cell_len(line) > 80]


def test_the_same_files_in_another_home_make_the_same_cases(grouped, tmp_path):
    """In another order of arrival, too, and in two files."""
    (tmp_path / "in").mkdir()
    other = Home(tmp_path / "home")
    mixed = LINES[::-1]
    (tmp_path / "in" / "a.jsonl").write_text("\n".join(mixed[:20]))
    (tmp_path / "in" / "b.jsonl").write_text("\n".join(mixed[20:]))
    assert 0 == other.run("triage", tmp_path / "in").code

    def told(home):
        return sorted((one["id"], one["kind"], one["title"], one["score"]) for one in home.rows())

    assert told(grouped) == told(other)


def test_the_same_file_again_changes_no_case(home, tmp_path):
    (tmp_path / "in").mkdir()
    before = home.rows()

    assert 0 == home.triage(tmp_path / "in", LINES).code
    assert before == home.rows()


# --- case why -------------------------------------------------------------------------------------------------


def why(home, alert):
    ran = home.run("case", "why", alert)
    assert (0, "") == (ran.code, ran.errors)
    return " ".join(ran.out.split())


def test_why_says_by_which_rule_an_alert_joined_and_what_past_hours_say(grouped):
    told = why(grouped, grouped.alert("shell"))

    assert f"part of incident {grouped.case('exploit')['id']}: same address" in told
    assert "rule never seen before in the last 30 hours" in told
    assert "it may join by address 10.0.0.9, address 203.0.113.7" in told


def test_why_tells_of_warm_up_and_later_of_what_is_usual(grouped):
    alerts = grouped.case("update check")["alerts"]
    first, last = alerts[0]["id"], alerts[-1]["id"]

    assert "warming up: only 0 of the first 24 hours of this source are known" in why(grouped, first)
    assert "rule seen in 29 of the last 29 hours, at this place in 29" in why(grouped, last)
    assert "usual in the background here, or another incident's, so joining nobody: address 10.0.0.20" in why(
        grouped, last
    )


@pytest.mark.parametrize("shorten", [lambda e: e, lambda e: e[:30], lambda e: e[7:19]])
def test_an_alert_may_be_named_by_its_record_as_every_screen_shows_it(grouped, shorten):
    [alert] = grouped.case("password")["alerts"]

    assert f"{alert['id']}: «LOCAL password guessing»" in why(grouped, shorten(alert["evidence"]))


# --- what a person changes ------------------------------------------------------------------------------------


def regroup(home, *words):
    ran = home.run("case", *words, "--reason", "two teams share the address", "--by", "Ada Lovelace")
    assert (0, "") == (ran.code, ran.errors)
    return ran


def entries(home):
    """Every entry of the log, as it was staged."""
    return [json.loads(raw) for raw in home.stored("SELECT raw FROM log_entry ORDER BY seq")]


def test_a_split_makes_a_case_of_its_own_and_drafts_both_anew(home):
    case, shell = home.case("exploit"), home.alert("shell")

    ran = regroup(home, "split", case["id"], "--alert", shell)

    assert 2 == ran.out.count("drafted anew")
    assert [shell] == held(home.case("remote shell"))
    assert shell not in held(home.case("exploit"))
    assert not any(one["stale"] for one in home.rows())


def test_a_reason_is_kept_and_shown_and_logged_without_a_name(home):
    case, shell = home.case("exploit"), home.alert("shell")
    regroup(home, "split", case["id"], "--alert", shell)

    told = why(home, shell)
    [entry] = [one for one in entries(home) if one["kind"] == "case.regrouped"]
    verified = home.run("log", "verify")

    assert f"split from {case['id']} by Ada Lovelace: two teams share the address" in told
    assert f"Ada Lovelace: 1 alert of {case['id']} into" in told
    assert "analyst" == entry["actor"]["type"]
    assert entry["actor"]["id"].startswith("p_")
    assert "lovelace" not in json.dumps(entry).lower()
    assert "two teams" not in json.dumps(entry)
    assert (case["id"], 1, False) == (entry["case"], entry["data"]["alerts"], entry["data"]["all"])
    assert (0, "intact") == (verified.code, verified.out[:6])


def test_a_merged_case_is_part_of_the_other_and_says_so_everywhere(home):
    first, second = home.case("password"), home.case("exploit")

    regroup(home, "merge", first["id"], "--into", second["id"])
    listed = " ".join(home.run("case", "list").out.split())
    shown = home.run("case", "show", first["id"]).out
    again = home.run("case", "merge", first["id"], "--into", second["id"], "--reason", "x")

    assert second["id"] == home.state(first["id"])["into"]
    assert f"(part of {second['id']} now)" in listed
    assert f"part of {second['id']} now: this is how it was before" in shown
    assert 6 == len(home.case("exploit")["alerts"])
    assert 2 == again.code
    assert f"part of {second['id']} now" in again.errors


def test_an_alert_moves_and_the_case_that_it_leaves_empty_points_to_where_it_went(home):
    guessing, into = home.case("password"), home.case("exploit")
    [alert] = held(guessing)

    regroup(home, "move", alert, "--into", into["id"])

    assert alert in held(home.case("exploit"))
    assert into["id"] == home.state(guessing["id"])["into"]
    assert f"moved from {guessing['id']} by Ada Lovelace" in why(home, alert)


def test_whoever_runs_the_command_says_so_unless_told_otherwise(home):
    ran = home.run(
        "case", "split", home.case("exploit")["id"], "--alert", home.alert("shell"), "--reason", "x"
    )

    assert 0 == ran.code
    assert " by : " not in why(home, home.alert("shell"))


# --- what a person changed stands -----------------------------------------------------------------------------


def test_more_of_a_merged_case_goes_where_the_person_put_it(home, tmp_path):
    first, second = home.case("password"), home.case("exploit")
    regroup(home, "merge", first["id"], "--into", second["id"])
    (tmp_path / "in").mkdir()

    more = eve(DAY2 + 70, "LOCAL password guessing", "203.0.113.99", OTHER, 1, 9)
    home.triage(tmp_path / "in", [more])

    assert 7 == len(home.case("exploit")["alerts"])
    assert second["id"] == home.state(first["id"])["into"]


def test_more_of_a_split_burst_leaves_what_was_split_off_alone(home, tmp_path):
    case = home.case("exploit")
    one = next(a["id"] for a in case["alerts"] if "exploit" in a["rule"])
    regroup(home, "split", case["id"], "--alert", one)
    [made] = [row["id"] for row in home.rows() if row["id"] != case["id"] and "exploit" in row["title"]]
    (tmp_path / "in").mkdir()

    home.triage(tmp_path / "in", [eve(DAY2 + 40, "LOCAL exploit attempt", INTRUDER, VICTIM, 1, 77)])

    assert [one] == held(home.run("case", "show", made, "--json").json)
    assert one not in held(home.run("case", "show", case["id"], "--json").json)
    assert 0 == home.run("log", "verify").code


def test_more_of_a_case_that_was_moved_away_whole_makes_the_case_stand_again(home, tmp_path):
    """One alert was moved, not the burst: what comes later is the machine's to place."""
    guessing, into = home.case("password"), home.case("exploit")
    [alert] = held(guessing)
    regroup(home, "move", alert, "--into", into["id"])
    (tmp_path / "in").mkdir()

    home.triage(tmp_path / "in", [eve(DAY2 + 70, "LOCAL password guessing", "203.0.113.99", OTHER, 1, 9)])

    assert "" == home.state(guessing["id"])["into"]
    assert alert in held(home.run("case", "show", into["id"], "--json").json)
    assert 1 == len(home.run("case", "show", guessing["id"], "--json").json["alerts"])


def test_the_machine_merges_no_case_away_that_a_person_split(home, tmp_path):
    """An alert that names both intruders connects the incidents; one of them was split by a person and stays."""
    first, second = home.case("exploit"), home.case("password")
    regroup(home, "split", first["id"], "--alert", home.alert("shell"))
    before = held(home.case("exploit"))
    (tmp_path / "in").mkdir()

    home.triage(tmp_path / "in", [eve(DAY2 + 90, "LOCAL tunnel", INTRUDER, OTHER, 1)])
    rows = {one["id"]: one for one in home.rows()}

    assert "" == rows[first["id"]]["into"]
    assert set(before) <= set(held(home.run("case", "show", first["id"], "--json").json))
    assert rows[second["id"]]["into"] in {"", first["id"]}


def test_an_unrelated_alert_that_shifts_the_numbers_joins_nobody(home, tmp_path):
    """Bursts that are not settled are numbered anew when an earlier alert comes."""
    first, second = home.case("password"), home.case("exploit")
    regroup(home, "merge", first["id"], "--into", second["id"])
    (tmp_path / "in").mkdir()

    home.triage(tmp_path / "in", [eve(DAY2 - 30, "LOCAL ransom note", "10.0.0.88", "198.51.100.88", 1)])

    assert 6 == len(home.case("exploit")["alerts"])
    assert 1 == len(home.case("ransom")["alerts"])
    assert "" == home.state(home.case("ransom")["id"])["into"]


# --- stale briefs ---------------------------------------------------------------------------------------------


def quiet(hours=27):
    """Rows of two hosts, one an hour: what past hours are made of."""
    return [row(HOUR * h + 60, "Local: session opened", host) for h in range(hours) for host in ("web", "db")]


def tabled(home, tmp_path, rows):
    home.path.parent.mkdir(exist_ok=True)
    file = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
    file.write_text(table(rows))
    ran = home.run("triage", file, "--mapping", "ait-ads", "--format", "csv.ait-ads")
    assert (0, "") == (ran.code, ran.errors)
    return ran


def test_a_watch_case_that_became_part_of_an_incident_says_so(tmp_path):
    """One odd thing is a watch case; what follows at its place makes an incident of both."""
    home = Home(tmp_path / "home")
    tabled(home, tmp_path, [*quiet(), row(27 * HOUR, "Local: new certificate", "web")])
    [watch] = [one["id"] for one in home.rows() if one["kind"] == "watch"]

    more = [row(27 * HOUR + 60 + 20 * n, f"Local: odd thing {n}", "web") for n in range(4)]
    tabled(home, tmp_path, more)
    [incident] = [one["id"] for one in home.rows() if one["kind"] == "incident"]

    assert 5 == len(home.run("case", "show", incident, "--json").json["alerts"])
    assert incident == home.state(watch)["into"]
    assert not home.state(watch)["stale"]


def test_a_brief_over_other_alerts_is_stale_until_it_is_drafted_again(home):
    """A run that was killed between grouping and drafting leaves it so."""
    case = home.case("exploit")["id"]
    with sqlite3.connect(home.path / "countersign.db") as db:
        db.execute("UPDATE drafted SET mark = '0:0' WHERE case_id = ?", (case,))
    db.close()
    stale = home.state(case)["stale"]
    listed, shown = home.run("case", "list"), home.run("case", "show", case)
    drafted = home.run("case", "draft", case)

    assert stale
    assert "(stale: its alerts changed" in " ".join(listed.out.split())
    assert "stale: its alerts changed since" in shown.out
    assert (0, "") == (drafted.code, drafted.errors)
    assert "nothing is decided" in drafted.out
    assert not home.state(case)["stale"]
    assert "stale" not in home.run("case", "list").out


# --- duplicates and similar cases -----------------------------------------------------------------------------


def test_show_tells_of_duplicates_and_of_similar_cases(home, tmp_path):
    """The intruder's link comes back days later, at another place, by another rule; and one line twice."""
    (tmp_path / "in").mkdir()
    again = eve(DAY2 + 200_000, "LOCAL data upload", "10.0.0.77", INTRUDER, 1)
    ran = home.triage(tmp_path / "in", [again, again, *EXPLOITS])

    shown = " ".join(home.run("case", "show", home.case("data upload")["id"]).out.split())
    before = " ".join(home.run("case", "show", home.case("exploit")["id"]).out.split())

    assert "1 exact duplicates" in ran.out
    assert "duplicates (one record read more than once): " in shown
    assert f"similar: {home.case('exploit')['id']} shares the address {INTRUDER}; not decided" in shown
    assert f"similar: {home.case('data upload')['id']} shares the address {INTRUDER}" in before


# --- refusals -------------------------------------------------------------------------------------------------

REFUSED = {
    "an alert that is not there": "why alert-none",
    "an id that fits several": "why alert-",
    "no record": "why sha256:zz",
    "a case that is not there": "draft case-none",
    "cases that begin alike": "draft case-",
    "a split without an alert": "split EXPLOIT --reason x",
    "a split without a reason": "split EXPLOIT --alert SHELL",
    "a reason that is blank": "split EXPLOIT --alert SHELL --reason ␣",
    "a split of what another case holds": "split GUESSING --alert SHELL --reason x",
    "a split that leaves nothing": "split GUESSING --alert GUESS --reason x",
    "a split of an alert that is not there": "split EXPLOIT --alert none --reason x",
    "a merge into itself": "merge EXPLOIT --into EXPLOIT --reason x",
    "a merge into nothing": "merge EXPLOIT --into case-none --reason x",
    "a merge without a reason": "merge EXPLOIT --into GUESSING",
    "a move to where it is": "move SHELL --into EXPLOIT --reason x",
    "a move to nowhere": "move SHELL --into case-none --reason x",
}


@pytest.mark.parametrize("words", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_changes_nothing_and_says_what_to_do(grouped, words):
    known = {
        "EXPLOIT": grouped.case("exploit")["id"],
        "GUESSING": grouped.case("password")["id"],
        "SHELL": grouped.alert("shell"),
        "GUESS": grouped.alert("password"),
        "␣": " ",
    }
    ran = grouped.run("case", *[known.get(word, word) for word in words.split(" ")])

    assert (2, "") == (ran.code, ran.out), ran.errors
    assert "Traceback" not in ran.errors
    assert len(ran.errors.strip().splitlines()) >= 2, "what is wrong, and what to do"
    assert "case.regrouped" not in {entry["kind"] for entry in entries(grouped)}


def test_a_case_opened_by_hand_is_not_regrouped(home, tmp_path):
    (tmp_path / "in.jsonl").write_text(ODD + "\n")
    made = home.run("case", "open", "--from", tmp_path / "in.jsonl", "--title", "By hand", "--json").json[
        "cases"
    ]
    by_hand, exploit = made[0]["id"], home.case("exploit")["id"]

    for words in (["merge", by_hand, "--into", exploit], ["merge", exploit, "--into", by_hand]):
        ran = home.run("case", *words, "--reason", "x")
        assert (2, "") == (ran.code, ran.out)
        assert "is not a case of alerts" in ran.errors
        assert "countersign case list" in ran.errors
