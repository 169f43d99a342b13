"""What joins alerts of Microsoft's products, and what joins none."""

import json

import pytest

from countersign.adapters.dictionaries import bundled
from countersign.core.canonical import format_time
from countersign.core.claims.roles import role_word
from countersign.core.claims.snapshot import Snapshot
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Evidence
from countersign.core.records.observable import observables

DICTIONARY = bundled()
SHA1 = "9155e630e921ad209c902b6d30d5b76f45b78900"
ACCOUNT = {
    "Type": "account",
    "Name": "A. Person",
    "UserPrincipalName": "Kim@Example.com",
    "Sid": "S-1-5-21-1-2-3-1104",
    "AadUserId": "aaaaaaaa-2222-4333-8444-555555555555",
}


def seen(schema, record):
    return {(one.type, one.value) for one, _ in observables(DICTIONARY.schemas[schema], record)}


def joined_by(*entities):
    """What an alert with these entities can be joined by: the same for a list and for its text."""
    spellings = [list(entities), json.dumps(entities)]
    found = [seen("ms.SecurityAlert", {"Entities": spelling}) for spelling in spellings]
    assert found[0] == found[1]
    return found[0]


def test_an_account_has_one_spelling_whatever_names_it():
    assert joined_by(ACCOUNT) == {
        ("user", "kim"),
        ("email", "kim@example.com"),
        ("sid", "S-1-5-21-1-2-3-1104"),
        ("guid", "aaaaaaaa-2222-4333-8444-555555555555"),
    }
    assert joined_by({"Type": "account", "AccountName": "KIM", "Name": "A. Person"}) == {("user", "kim")}
    assert joined_by({"Type": "mailbox", "Upn": "kim@example.com"}) == {
        ("user", "kim"),
        ("email", "kim@example.com"),
    }


def test_a_host_is_named_and_its_last_address_and_users_join_nothing():
    host = {"Type": "host", "HostName": "WS-1", "FQDN": "ws-1.corp.example.com", "LastIpAddress": "192.0.2.4"}
    host["LoggedOnUsers"] = [{"AccountName": "lee"}]
    assert joined_by(host) == {("host", "ws-1")}


def test_a_process_joins_nothing_and_a_file_that_is_an_entity_does():
    image = {"Name": "tool.exe", "FileHashes": [{"Algorithm": "SHA1", "Value": SHA1}]}
    assert joined_by({"Type": "process", "ProcessId": "4711", "ImageFile": image}) == set()
    assert joined_by({"Type": "file", **image}) == {("hash", SHA1)}


def test_an_application_of_the_catalogue_is_everyones_and_one_of_a_tenant_is_not():
    catalogue = {"Type": "cloud-application", "AppId": 20893, "SaasId": "20893"}
    own = {"Type": "oauth-application", "OAuthAppId": "cccccccc-2222-4333-8444-555555555555"}
    assert joined_by(catalogue) == set()
    assert joined_by(own) == {("guid", "cccccccc-2222-4333-8444-555555555555")}


@pytest.mark.parametrize("session", ["0x3e7", "0x3e4", "0x3e5"])
def test_the_sessions_of_services_join_nothing(session):
    assert joined_by({"Type": "host-logon-session", "SessionId": session}) == set()


def test_an_alert_is_where_its_activity_began_and_not_where_it_was_stored():
    schema = DICTIONARY.schemas["ms.SecurityAlert"]
    row = {"StartTime": "2025-05-06T07:08:09Z", "TimeGenerated": "2025-05-14T00:00:00Z"}
    assert format_time(schema.event_ns(row)) == "2025-05-06T07:08:09Z"
    assert format_time(schema.ingest_ns(row)) == "2025-05-14T00:00:00Z"


def test_an_alert_and_its_evidence_share_the_alerts_id():
    info = seen("ms.AlertInfo", {"AlertId": "da1_1", "Title": "Odd"})
    evidence = seen("ms.AlertEvidence", {"AlertId": "da1_1", "AccountUpn": "kim@example.com"})
    assert info & evidence == {("id", "da1_1")}


def test_a_mail_its_links_its_attachments_and_a_click_share_the_messages_id():
    row = {"NetworkMessageId": "bbbbbbbb-2222-4333-8444-555555555555"}
    tables = ("ms.EmailEvents", "ms.EmailUrlInfo", "ms.EmailAttachmentInfo", "ms.UrlClickEvents")
    assert {frozenset(seen(table, row)) for table in tables} == {
        frozenset({("guid", "bbbbbbbb-2222-4333-8444-555555555555")})
    }


def outcome(schema, relation, record):
    """What a record says of the outcome of a relation, in one word."""
    raw = json.dumps(record).encode()
    one = Evidence(evidence_id(raw), schema, schema, "json/1", raw, None, None)
    snapshot = Snapshot(DICTIONARY, [one])
    row = snapshot.relation(one.id, relation)
    place = dict(row.roles).get("outcome") if row else None
    return role_word(snapshot, one.id, place) if place else ""


@pytest.mark.parametrize(("status", "word"), [("Success", "success"), ("Failure", "failure"), ("Start", "")])
def test_a_call_that_only_began_has_no_outcome(status, word):
    row = {"CategoryValue": "Administrative", "Caller": "kim", "ActivityStatusValue": status}
    assert outcome("ms.AzureActivity", "api_call", row) == word


@pytest.mark.parametrize(
    ("action", "word"), [("LogonSuccess", "success"), ("LogonFailed", "failure"), ("LogonAttempted", "")]
)
def test_a_logon_that_was_only_attempted_has_no_outcome(action, word):
    assert outcome("ms.DeviceLogonEvents", "logon", {"ActionType": action, "AccountName": "kim"}) == word


@pytest.mark.parametrize(("code", "word"), [("0", "success"), ("50126", "failure"), ("50074", "")])
def test_a_sign_in_that_was_asked_for_more_has_no_outcome(code, word):
    row = {"ResultType": code, "UserPrincipalName": "kim@example.com"}
    assert outcome("ms.SigninLogs", "logon", row) == word
