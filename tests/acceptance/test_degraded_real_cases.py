"""One source of a real case dropped, delayed or contradicted: the flag is raised, the tier never falls, the cap holds."""

import json
import shutil

import pytest

from front import run
from shared_data import shared_folder

GOLDEN, LSASS, EVE = "scenario-golden-saml", "scenario-lsass-procdump", "suricata-eve"
WHOLE = ("2021-08-02T12:00:00Z", "2021-08-02T14:00:00Z")


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def golden(tmp_path, change=list):
    """The four files of the intrusion, changed as told."""
    made = tmp_path / "golden"
    made.mkdir()
    for path in sorted(shared_folder(GOLDEN).glob("*.jsonl")):
        write(made / path.name, change(rows_of(path)))
    return made


def triaged(home, *args):
    ran = run("--home", home, "triage", *args, "--json")
    assert 0 == ran.code, ran.errors
    return ran.json["cases"]


def flags(case, name):
    return [row for row in case["quality"] if row["flag"] == name]


def outcome(case):
    made = case["brief"]["suggestion"]
    return made["disposition"], set(made["capped_by"])


def coverage(tmp_path, schema, reason, start=WHOLE[0], end=WHOLE[1], limit_hit=False):
    row = {
        "source": schema,
        "schema": schema,
        "from": start,
        "to": end,
        "complete": False,
        "limit_hit": limit_hit,
    }
    path = tmp_path / "coverage.json"
    path.write_text(json.dumps([row | ({"reason": reason} if reason else {})]), encoding="utf-8")
    return path


# --- Golden SAML --------------------------------------------------------------------------------------------------


def directory_dropped(rows):
    return [row for row in rows if row.get("Protocol") != "Drsr"]


def test_a_directory_log_that_a_manifest_expects_and_that_was_dropped_is_silent(tmp_path):
    manifest = coverage(tmp_path, "ms.IdentityDirectoryEvents", "")
    folder = golden(tmp_path, directory_dropped)
    [case] = triaged(tmp_path / "home", folder, "--as-case", "AD FS", "--coverage", manifest)
    [flag] = flags(case, "silent")

    assert flag["cap"] == "C01"
    assert flag["detail"].startswith("no record between 2021-08-02T12:55:32")
    assert 3 == case["tier"]
    assert any(c["claim"] and c["claim"].get("code") == "visibility_gap" for c in case["brief"]["claims"])
    assert any("silent: ms.IdentityDirectoryEvents" in p["reason"] for p in case["brief"]["must_show"])


def test_a_source_that_spoke_the_day_before_and_is_gone_today_is_silent(tmp_path):
    home = tmp_path / "home"
    day_before = tmp_path / "before.jsonl"
    text = (shared_folder(GOLDEN) / "WindowsEvents.jsonl").read_text(encoding="utf-8")
    day_before.write_text(text.replace("2021-08-02T", "2021-08-01T"), encoding="utf-8")
    triaged(home, day_before, "--as-case", "the day before")
    folder = golden(
        tmp_path, lambda rows: [r for r in rows if "EventID" not in r or r.get("Type") == "Event"]
    )
    [case] = triaged(home, folder, "--as-case", "AD FS")

    assert ["C01"] == [row["cap"] for row in flags(case, "silent")]
    assert "are usual" in flags(case, "silent")[0]["detail"]
    assert 3 == case["tier"]


def test_a_source_that_is_whole_is_not_silent_because_it_was_quiet_on_another_day(tmp_path):
    home = tmp_path / "home"
    folder = golden(tmp_path)
    triaged(home, folder, "--as-case", "AD FS")
    [case] = triaged(home, folder, "--as-case", "AD FS")

    assert [] == flags(case, "silent")


def test_records_that_came_late_cap_the_confidence_and_take_nothing_from_the_escalation(tmp_path):
    def delayed(rows):
        return [
            row | {"TimeCollected": row["TimeCollected"].replace("T13:", "T15:")}
            if row.get("TimeCollected")
            else row
            for row in rows
        ]

    [case] = triaged(tmp_path / "home", golden(tmp_path, delayed), "--as-case", "AD FS")

    assert any("came 2.0 h after its event" in row["detail"] for row in flags(case, "late"))
    assert ("true_positive", {"C11"}) == outcome(case)
    assert 3 == case["tier"]


def test_a_contradicted_source_softens_the_true_positive_that_rests_on_it_and_the_tier_stays(tmp_path):
    def torn(rows):
        return rows + [row | {"AccountName": "jdoe"} for row in rows if row.get("Protocol") == "Drsr"]

    [case] = triaged(tmp_path / "home", golden(tmp_path, torn), "--as-case", "AD FS")
    [flag] = flags(case, "conflict")

    assert "C02" == flag["cap"]
    assert "/ReportId with two values of /AccountName" in flag["detail"]
    disposition, caps = outcome(case)
    assert "suspicious" == disposition
    assert "C02" in caps
    assert 3 == case["tier"]


# --- LSASS memory read with procdump ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lsass(tmp_path_factory):
    home = tmp_path_factory.mktemp("lsass")
    return triaged(home, shared_folder(LSASS), "--as-case", "LSASS")[0]


def test_the_whole_lsass_case_says_what_its_own_clocks_contradict(lsass):
    assert any("/TimeCreated and /UtcTime differ" in row["detail"] for row in flags(lsass, "conflict"))
    assert 3 == lsass["tier"]


def test_dropping_the_network_log_of_the_lsass_case_is_named_and_lowers_nothing(lsass, tmp_path):
    folder = tmp_path / "host-only"
    folder.mkdir()
    for path in shared_folder(LSASS).glob("*.jsonl.gz"):
        shutil.copy(path, folder)
    start, end = "2023-08-15T05:00:00Z", "2023-08-16T02:00:00Z"
    manifest = coverage(tmp_path, "zeek.conn", "sensor outage", start, end)
    [case] = triaged(tmp_path / "home", folder, "--as-case", "LSASS", "--coverage", manifest)

    assert any(
        "zeek.conn" in p["reason"] and p["reason"].startswith("silent") for p in case["brief"]["must_show"]
    )
    assert "C01" in {row["cap"] for row in flags(case, "silent")}
    assert case["tier"] >= lsass["tier"]
    assert outcome(case)[0] in {"suspicious", "true_positive"}


# --- a real scan that a register explains: the one thing of these that may be closed --------------------------------

TEST = {
    "kb": "test-register",
    "kb_version": "1",
    "kind": "test_register",
    "loaded_at": "2018-03-24T06:00:00Z",
    "entries": [
        {"key": "PT-1", "actor": "0.0.0.0", "asset": "10.47.8.150", "from": "2018-03-24T00:00:00Z", "to": "2018-03-25T00:00:00Z"}  # noqa: S104
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    """A home in which the register is pinned."""
    made = tmp_path_factory.mktemp("registered")
    (made / "register.json").write_text(json.dumps(TEST), encoding="utf-8")
    assert 0 == run("--home", made / "home", "reference", "add", made / "register.json").code
    return made / "home"


@pytest.fixture
def scanned(tmp_path, registered):
    """The real scan, changed as told, triaged in a home of its own."""

    def make(*more, change=lambda row: [row], manifest=None):
        home = shutil.copytree(registered, tmp_path / "home")
        write(tmp_path / "eve.json", change(rows_of(shared_folder(EVE) / "wrccdc-2018.alerts.jsonl")[0]))
        for document in more:
            (tmp_path / "more.json").write_text(json.dumps(document), encoding="utf-8")
            assert 0 == run("--home", home, "reference", "add", tmp_path / "more.json").code
        given = ("--coverage", manifest) if manifest else ()
        [case] = triaged(home, tmp_path / "eve.json", *given)
        return case

    return make


def test_a_real_scan_that_a_register_covers_is_suggested_as_a_test_at_tier_one(scanned):
    case = scanned()

    assert ("test", set()) == outcome(case)
    assert 1 == case["tier"]


@pytest.mark.parametrize(
    ("reason", "limit_hit", "flag"), [("sensor outage", False, "silent"), ("", True, "truncated")]
)
def test_the_scan_is_not_closed_and_its_tier_rises_while_its_sensor_is_partial(
    scanned, tmp_path, reason, limit_hit, flag
):
    manifest = coverage(
        tmp_path, "suricata.eve", reason, "2018-03-24T00:00:00Z", "2018-03-25T00:00:00Z", limit_hit
    )
    case = scanned(manifest=manifest)

    assert ["C01"] == [row["cap"] for row in flags(case, flag)]
    assert ("insufficient_data", {"C01"}) == outcome(case)
    assert 2 == case["tier"]


def test_the_scan_is_not_closed_when_a_second_record_of_its_flow_says_it_was_blocked(scanned):
    case = scanned(change=lambda row: [row, row | {"alert": row["alert"] | {"action": "blocked"}}])

    assert ["C02"] == [row["cap"] for row in flags(case, "conflict")]
    disposition, caps = outcome(case)
    assert "insufficient_data" == disposition
    assert "C02" in caps


def test_the_scan_is_not_closed_without_the_field_that_decides_it(scanned):
    def cut(row):
        return [{key: value for key, value in row.items() if key != "dest_ip"}]

    case = scanned(change=cut)

    assert any(
        "/dest_ip cannot be read" in row["detail"] and row["cap"] == "C01" for row in flags(case, "parse")
    )
    assert 2 == case["tier"]


def test_a_family_below_its_limits_is_not_closed(scanned):
    figures = {
        "kb": "detector-families",
        "kb_version": "1",
        "kind": "baseline",
        "loaded_at": "2018-03-24T06:00:00Z",
        "entries": [{"key": "scan", "catch_rate": 0.7, "false_clear_rate": 0.0}],
    }
    case = scanned(figures)

    assert ("insufficient_data", {"C10"}) == outcome(case)


def test_a_field_nobody_knows_is_drift_and_caps_nothing(scanned):
    case = scanned(change=lambda row: [row | {"colour": "red"}])

    assert [None] == [row["cap"] for row in flags(case, "drift")]
    assert "test" == outcome(case)[0]
