"""Real data that nobody here wrote comes in whole: every record, with the schema it has."""

from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest

from countersign.adapters.sources import read
from countersign.core.records.evidence import Incoming, Skipped
from countersign.core.records.views import view
from shared_data import shared_folder

TEXTS = "not a known format"


def intake(name):
    """Counts by schema, by outcome where nothing was read, of a folder of real data."""
    return Counter(
        outcome.schema if isinstance(outcome, Incoming) else outcome.reason
        for outcome in read([shared_folder(name)])
    )


def test_suricata_alerts_come_in():
    assert intake("suricata-eve") == {"suricata.eve": 250, TEXTS: 3}


def test_the_four_sources_of_one_attack_come_in_as_seven_tables():
    """One row has lost its table name, one its marks but `Computer` and `EventID`: both are told by content."""
    assert intake("scenario-golden-saml") == {
        "ms.SecurityEvent": 36,
        "ms.Event": 2,
        "ms.AuditLogs": 4,
        "ms.OfficeActivity": 1,
        "ms.DeviceEvents": 5,
        "ms.IdentityDirectoryEvents": 2,
        "ms.CloudAppEvents": 2,
        TEXTS: 2,
    }


def test_cloudtrail_records_come_in():
    assert intake("aws-cloudtrail-invictus") == {"aws.cloudtrail": 2900, TEXTS: 1}


def test_windows_events_come_in_out_of_gzip():
    assert intake("windows-otrf-atomic") == {"windows.event": 12716, "json.unknown": 19, TEXTS: 20}


def test_mails_come_in_whole():
    assert intake("email-phishing") == {"email.rfc822": 40, "json.unknown": 40, TEXTS: 1}


@pytest.mark.parametrize("name", ["suricata-eve", "email-phishing", "aws-cloudtrail-invictus"])
def test_raw_bytes_are_those_of_the_file(name):
    outcomes = [outcome for outcome in read([shared_folder(name)]) if not isinstance(outcome, Skipped)]
    files = {outcome.file: Path(outcome.file).read_bytes() for outcome in outcomes}
    lines = {file: content.split(b"\n") for file, content in files.items()}
    for outcome in outcomes:
        mail = outcome.schema == "email.rfc822"
        content = files[outcome.file] if mail else lines[outcome.file][outcome.line - 1]
        assert sha256(content).digest() == sha256(outcome.raw).digest()


def test_every_mail_says_who_sent_it_and_when_it_arrived():
    views = [
        view(mail.raw, "eml/1")
        for mail in read([shared_folder("email-phishing")])
        if getattr(mail, "schema", "") == "email.rfc822"
    ]

    assert len(views) == 40
    assert all(mail["headers"]["from"].get("address") or mail["headers"]["from"]["name"] for mail in views)
    assert all(mail["headers"]["subject"] for mail in views)
    assert all(mail["received_time"].endswith("Z") and len(mail["received_time"]) == 20 for mail in views)
    assert sum(set(mail["auth"]) == {"spf", "dkim", "dmarc"} for mail in views) >= 38
    assert sum(bool(mail["urls"]) for mail in views) >= 36
    assert sum(bool(mail["body_text"].strip()) for mail in views) == 39, "one mail is pictures only"


def test_what_the_index_of_the_mails_says_is_what_the_view_says():
    """The folder's index was made by somebody else's parser."""
    folder = shared_folder("email-phishing")
    index = [view(entry.raw, "json/1") for entry in read([folder / "index.jsonl"])]
    for entry in index:
        mail = view((folder / entry["file"]).read_bytes(), "eml/1")
        if "@" in entry["sender"]:  # that parser lost one address beside a long encoded name
            assert mail["headers"]["from"].get("address", "") in entry["sender"].replace("\n", "")
        for method, result in mail["auth"].items():
            assert f"{method}={result}" in entry["auth"].lower()
