# ruff: noqa: T201 - the figures are part of the result
"""The facts that a person found in four sources of one intrusion, by hand, are stated and verified by the rules drafter.

A fact is stated when verified claims cite every field it needs: file letter, line, pointer; where the fact is a number,
the claim says that number. W is WindowsEvents, D Microsoft365DefenderEvents, A AADAuditEvents, O OfficeActivityEvents.
"""

import json

import pytest

from front import run
from shared_data import shared_folder

LETTER = {"W": "W", "M": "D", "A": "A", "O": "O"}  # first letter of the file → letter of the fact
NEW = "/TargetResources!/0/modifiedProperties/{}/newValue"
OLD = "/TargetResources!/0/modifiedProperties/{}/oldValue"

FACTS = {
    "1 powershell.exe, process 5692, connected to the database pipe": [
        ("field", "W16/Image"),
        ("field", "W16/ProcessId_dynamic", "5692"),
        ("field", "W16/PipeName"),
    ],
    "2 within a second the database audited a SELECT by wardog": [
        ("field", "W13/action_id", "SL"),
        ("field", "W13/session_server_principal_name", "wardog"),
        ("order", "W16/TimeGenerated", "W13/TimeGenerated", 1),
    ],
    "3 wardog carries the SID of the built-in administrator": [("field", "W14/SubjectUserSid", "-500")],
    "4 two replications from adfs01 to dc01 by pgustavo": [
        ("field", "D7/Protocol", "Drsr"),
        ("field", "D7/IPAddress", "192.168.2.5"),
        ("field", "D7/DestinationIPAddress", "192.168.2.4"),
        ("count", {"D6", "D7"}, 2),
    ],
    "5 each was followed within 30 s by an NTLM V1 logon of pgustavo from the same address": [
        ("relation", "W7/IpAddress", "192.168.2.5"),
        ("field", "W7/LmPackageName", "NTLM V1"),
        ("count", {"W7", "W31"}, 2),
        ("order", "D7/Timestamp", "W7/TimeGenerated", 30),
        ("order", "D6/Timestamp", "W31/TimeGenerated", 30),
    ],
    "6 five object accesses by wardog on DC01, two with one list of properties, first and last seen": [
        ("field", "W14/ObjectName", "{9736f74f"),
        ("count", {"W14", "W15", "W20", "W21", "W22"}, 5),
        ("count", {"W14", "W20"}, 2),
        ("time", "W14/TimeGenerated"),
        ("time", "W22/TimeGenerated"),
    ],
    "7 five LDAP searches: four under the AD FS container, two for thumbnailphoto, the last for Domain Admins": [
        ("count", {"D1", "D2", "D3", "D4", "D5"}, 5),
        ("count", {"D1", "D2", "D3", "D4"}, 4),
        ("count", {"D2", "D4"}, 2),
        ("field", "D2/AdditionalFields_string!/AttributeList/0", "thumbnailphoto"),
        ("field", "D5/AdditionalFields_string!/SearchFilter", "Domain Admins"),
    ],
    "8 the same process id in Sysmon and in Defender": [
        ("same", "W16/ProcessId_dynamic", "D1/InitiatingProcessId"),
    ],
    "9 pgustavo changed required permissions, then the delegated scope of SimuLandApp": [
        ("field", "A3/InitiatedBy!/user/userPrincipalName", "pgustavo@simulandlabs.com"),
        ("field", "A3/TargetResources!/0/displayName", "SimuLandApp"),
        ("field", "A3/TargetResources!/0/modifiedProperties/0/displayName", "RequiredResourceAccess"),
        ("field", "A3" + NEW.format(0)),
        ("field", "A4" + OLD.format(0), "User.Read"),
        ("field", "A4" + NEW.format(0), "User.Read Mail.ReadWrite"),
        ("field", "A4" + NEW.format(1), "AllPrincipals"),
    ],
    "10 a password was added to SimuLandApp, which had none": [
        ("field", ("A1" + OLD.format(0), "A2" + OLD.format(0)), "[]"),
        ("field", ("A1" + NEW.format(0), "A2" + NEW.format(0)), "KeyType=Password"),
    ],
    "11 mail of pgustavo was read over REST from 1.2.3.4 by an application": [
        ("field", "O1/MailboxOwnerUPN", "pgustavo@simulandlabs.com"),
        ("field", "O1/Client_IPAddress", "1.2.3.4"),
        ("field", "O1/ClientInfoString", "REST"),
        ("field", "O1/ClientAppId", "5a95e683"),
        ("field", "D8/OAuthAppId", "5a95e683"),
    ],
}


@pytest.fixture(scope="module")
def claims(tmp_path_factory):
    """Verified claims of the hand-made case: kind, the places cited, the claim, its text."""
    home = tmp_path_factory.mktemp("golden")
    ran = run("--home", home, "triage", shared_folder("scenario-golden-saml"), "--as-case", "AD FS", "--json")
    assert 0 == ran.code, ran.errors
    [case] = ran.json["cases"]
    where = {
        row["id"]: f"{LETTER[row['file'].rsplit('/', 1)[-1][0]]}{row['line']}" for row in case["evidence"]
    }
    return [
        (claim["kind"], [where[c["evidence"]] + c["pointer"] for c in claim["citations"]], claim)
        for claim in case["brief"]["claims"]
        if claim["status"] == "verified"
    ]


def states(claims, kind, *needed):
    """The ids of the verified claims that state one part of a fact."""
    return [
        claim["id"] for is_kind, places, claim in claims if is_kind == kind and fits(places, claim, *needed)
    ]


def fits(places, claim, first, *rest):
    made = claim["claim"]
    if claim["kind"] == "count":
        records = {place.split("/")[0] for place in places}
        return records == first and made["op"] == "eq" and made["value"] == rest[0]
    if claim["kind"] == "order":
        return places == [first, rest[0]] and made.get("max_s", 10**9) <= rest[1]
    if claim["kind"] == "same":
        return set(places) == {first, *rest}
    wanted = {first} if isinstance(first, str) else set(first)
    shown = " ".join(
        str(c["value"]) for c, at in zip(claim["citations"], places, strict=True) if at in wanted
    )
    return bool(wanted & set(places)) and all(text in shown for text in rest)


def test_at_least_ten_of_the_eleven_facts_are_verified_claims(claims):
    missing = {}
    for fact, parts in FACTS.items():
        found = [states(claims, *part) for part in parts]
        lacking = [part for part, ids in zip(parts, found, strict=True) if not ids]
        print(
            f"{'  no' if lacking else ' yes'}  {fact}: {' '.join(ids[0] for ids in found if ids)} {lacking or ''}"
        )
        if lacking:
            missing[fact] = lacking

    assert len(missing) <= 1, json.dumps(missing, indent=1, default=str)


def test_what_the_facts_ask_for_can_be_missing(claims):
    """The ruler itself: a wrong number, line or order is not found."""
    assert [] == states(claims, "count", {"D6", "D7"}, 3)
    assert [] == states(claims, "field", "W15/Image")
    assert [] == states(claims, "order", "W13/TimeGenerated", "W16/TimeGenerated", 1)
    assert [] == states(claims, "field", "A4" + NEW.format(0), "Mail.Send")
