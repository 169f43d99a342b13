"""The bundled scenario is what its generator writes, and what its story says."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from email import message_from_bytes
from email.policy import default
from itertools import pairwise
from pathlib import Path

import pytest

from countersign.demo import COVERAGE, EVIDENCE, REGISTERS, SCENARIO, STORY
from countersign.demo.generate import scenario, write

LIMIT = 300_000  # bytes, all files together
EYE, NET = "endpoint/windows.jsonl", "network/eve.jsonl"


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def raw_lines(name: str) -> list[str]:
    return (EVIDENCE / name).read_text(encoding="utf-8").splitlines()


def records(name: str) -> list[dict[str, object]]:
    if name.endswith(".json"):
        return json.loads((EVIDENCE / name).read_bytes())["Records"]
    return [json.loads(line) for line in raw_lines(name) if line.endswith("}")]


def text(name: str) -> str:
    return (EVIDENCE / name).read_text(encoding="utf-8")


def test_the_files_checked_in_are_what_the_generator_writes(tmp_path):
    write(tmp_path)

    assert files(SCENARIO) == files(tmp_path)


def test_another_process_with_another_hash_seed_writes_the_same_bytes(tmp_path):
    """Set and dictionary order, the locale and the time zone must not show."""
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    command = [sys.executable, "-m", "countersign.demo.generate", str(tmp_path)]

    subprocess.run(command, check=True, env=environment, capture_output=True)

    assert files(SCENARIO) == files(tmp_path)


def test_the_scenario_is_small():
    assert sum(map(len, files(SCENARIO).values())) <= LIMIT


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (EYE, 62),
        ("identity/security-events.jsonl", 31),
        ("identity/directory-events.jsonl", 2),
        ("identity/audit-logs.jsonl", 4),
        ("identity/office-activity.jsonl", 3),
        ("cloud/cloudtrail.json", 56),
        ("cloud/guardduty.jsonl", 2),
        (NET, 280),
    ],
)
def test_each_file_holds_the_records_its_story_counts(name, expected):
    assert expected == len(records(name))


def test_there_are_four_mails():
    assert 4 == len(list((EVIDENCE / "mail").glob("*.eml")))


def test_exactly_one_line_is_broken_and_it_is_cut_short():
    broken = []
    for line in raw_lines(NET):
        try:
            json.loads(line)
        except ValueError:
            broken.append(line)

    [cut] = broken
    assert cut.startswith('{"timestamp"')
    assert any(line.startswith(cut) for line in raw_lines(NET) if line != cut)


@pytest.mark.parametrize(("name", "expected"), [(NET, 10), (EYE, 2), ("identity/security-events.jsonl", 0)])
def test_exact_repeats_are_repeats_of_the_bytes(name, expected):
    lines = raw_lines(name)

    assert expected == len(lines) - len(set(lines))


def test_one_cloud_call_comes_twice_byte_for_byte():
    rows = Counter(row.rstrip(",") for row in raw_lines("cloud/cloudtrail.json"))

    assert [2] == [times for times in rows.values() if times > 1]


def test_one_rule_is_noisy_and_hits_twelve_hosts():
    noisy = [
        record
        for record in map(json.loads, dict.fromkeys(raw_lines(NET)[:-1]))
        if record["event_type"] == "alert" and record["src_ip"] == "203.0.113.210"
    ]

    assert 150 == len(noisy)
    assert 1 == len({record["alert"]["signature_id"] for record in noisy})
    assert 12 == len({record["dest_ip"] for record in noisy})


def test_the_beacon_is_regular():
    starts = [
        record["flow"]["start"]
        for record in records(NET)
        if record["event_type"] == "flow" and record["dest_ip"] == "203.0.113.77"
    ]
    seconds = [
        sum(float(part) * 60**n for n, part in enumerate(reversed(t[11:23].split(":")))) for t in starts
    ]

    assert 22 == len(starts)
    assert all(296 <= later - earlier <= 304 for earlier, later in pairwise(seconds))


def test_the_mail_is_a_lure_that_fails_its_checks():
    mail = message_from_bytes((EVIDENCE / "mail/0841-travel-claim.eml").read_bytes(), policy=default)

    assert "dmarc=fail" in mail["authentication-results"]
    assert mail["from"].addresses[0].domain == "harbour1ight.example"
    assert "http://sso.harbour1ight.example/" in mail.get_body(("plain",)).get_content()


def test_the_lure_carries_real_injection_markers():
    """Role tokens and invisible tag characters, not only words."""
    mail = message_from_bytes((EVIDENCE / "mail/0841-travel-claim.eml").read_bytes(), policy=default)
    body = mail.get_body(("plain",)).get_content()

    assert "<|im_start|>" in body
    assert any(0xE0000 <= ord(letter) <= 0xE007F for letter in body)
    assert "[INST] Ignore previous instructions" in mail["x-triage-note"]


def test_a_command_line_carries_text_for_the_assistant():
    whispers = [r["CommandLine"] for r in records(EYE) if "[INST]" in str(r.get("CommandLine"))]

    [whisper] = whispers
    assert "ignore previous instructions" in whisper


def test_the_same_call_is_refused_first_and_succeeds_later():
    made = [
        (r["eventTime"], r.get("errorCode"))
        for r in records("cloud/cloudtrail.json")
        if r["eventName"] == "CreateAccessKey" and r["userIdentity"]["userName"] == "isolberg"
    ]

    assert [
        ("2025-03-18T10:05:31Z", "AccessDenied"),
        ("2025-03-18T10:06:44Z", None),
        ("2025-03-18T10:06:44Z", None),
    ] == made


def test_the_trail_is_silent_after_it_was_stopped():
    last = max(r["eventTime"] for r in records("cloud/cloudtrail.json"))
    rows = [row for row in json.loads(COVERAGE.read_bytes()) if row["schema"] == "aws.cloudtrail"]

    assert "2025-03-18T10:14:20Z" == last
    assert [True, False] == [row["complete"] for row in rows]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("isolberg", {"endpoint", "identity", "cloud", "mail"}),
        ("198.51.100.66", {"endpoint", "identity", "cloud", "network"}),
        ("203.0.113.77", {"endpoint", "network", "mail"}),
        ("harbour1ight.example", {"endpoint", "network", "mail"}),
    ],
)
def test_what_the_intruder_used_joins_the_sources(value, expected):
    seen = {name.split("/")[0] for name, data in files(EVIDENCE).items() if value in data.decode()}

    assert expected == seen


def test_one_host_is_spelled_in_more_than_one_way():
    spelled = set(re.findall(r"(?i)ws-0417[.a-z]*", text(EYE)))
    spelled |= set(re.findall(r"(?i)fs01[.a-z]*", text("identity/directory-events.jsonl")))

    assert {"WS-0417.harbourlight.example", "fs01.harbourlight.example", "FS01"} <= spelled


def test_the_register_covers_every_alert_of_the_authorised_scan():
    [entry] = [
        row
        for row in json.loads((REGISTERS / "pentest-register.json").read_bytes())["entries"]
        if row["key"] == "PT-2025-044"
    ]
    scan = [r for r in records(NET) if r["event_type"] == "alert" and r["src_ip"] == entry["actor"]]

    assert 24 == len(scan)
    assert {entry["asset"]} == {r["dest_ip"] for r in scan}
    assert all(entry["from"][:19] <= r["timestamp"][:19] < entry["to"][:19] for r in scan)


def test_the_register_covers_every_alert_of_the_planted_case_and_names_one_account():
    [entry] = [
        row
        for row in json.loads((REGISTERS / "change-register.json").read_bytes())["entries"]
        if row["key"] == "CHG-2025-0317"
    ]
    work = [r for r in records(NET) if r["event_type"] == "alert" and r["dest_ip"] == entry["asset"]]
    users = [r["User"] for r in records(EYE) if r.get("DestinationIp") == entry["asset"]]

    assert [entry["actor"]] * 3 == [r["src_ip"] for r in work]
    assert all(entry["from"][:19] <= r["timestamp"][:19] < entry["to"][:19] for r in work)
    assert "as ext-doors from" in entry["what"]
    assert ["HARBOURLIGHT\\ext-doors"] * 2 + ["HARBOURLIGHT\\kdahl"] == users


def test_every_line_that_the_story_names_exists_and_is_of_its_minute():
    told = re.findall(
        r"^\| (\d\d:\d\d):\d\d \|.*\| ([^|]+) \|$", STORY.read_text(encoding="utf-8"), re.MULTILINE
    )
    places = [(clock, place) for clock, cell in told for place in re.findall(r"`([^`]+)`", cell)]

    assert len(places) > 50
    for _, place in places:
        name, _, line = place.partition(":")
        assert not line or raw_lines(name)[int(line) - 1].startswith("{")
    firsts = {clock: re.findall(r"`([^`]+)`", cell)[0] for clock, cell in told}
    for clock, place in firsts.items():
        name, _, line = place.partition(":")
        assert clock in (raw_lines(name)[int(line) - 1] if line else text(name))


def test_only_documentation_networks_and_names_are_used():
    """Nobody's real address or domain stands in the files."""
    whole = "\n".join(scenario().values()).replace("=\n", "")  # quoted-printable folds
    reserved = ("192.0.2.", "198.51.100.", "203.0.113.", "10.")
    addresses = set(re.findall(r"(?<![\w./])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w./])", whole))
    links = set(re.findall(r"https?://([^/\"\s\\]+)", whole))

    assert addresses
    assert not {one for one in addresses if not one.startswith(reserved)}
    assert all(one.endswith(".example") for one in links)
