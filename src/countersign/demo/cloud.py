"""The cloud account's files: CloudTrail calls (one envelope) and GuardDuty alerts (one a line).

The stolen account is refused once, gives itself all rights, makes a key for a service account, reads a
bucket with it and stops the trail. From then on the trail is silent: an absence that proves nothing.
"""

from datetime import datetime

from countersign.demo.world import (
    ADMIN,
    INTRUDER,
    OFFICE,
    REPORTING,
    VICTIM,
    Line,
    Record,
    after,
    at,
    chooser,
    compact,
    fingerprint,
    guid,
    iso,
    number,
)

ACCOUNT, REGION = "444455556666", "eu-north-1"
TRAIL = "hl-org-trail"
BUCKET = "hl-customer-exports"
STOPPED = "10:14:20"
READS = 24
KEYS = {VICTIM: "AKIAHLDEMO417EXAMPLE", ADMIN: "AKIAHLDEMO102EXAMPLE", REPORTING: "AKIAHLDEMO731EXAMPLE"}
NEW_KEY = "AKIAHLDEMO999EXAMPLE"
TOOL = "aws-cli/2.15.30 Python/3.11.8 Linux/6.1.0 exe/x86_64"
CONSOLE = "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0"


def person(user: str, key: str = "") -> Record:
    """The identity of a user, with the key it used if any."""
    return {
        "type": "IAMUser",
        "principalId": f"AIDA{fingerprint(user)[:12].upper()}",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/{user}",
        "accountId": ACCOUNT,
        **({"accessKeyId": key} if key else {}),
        "userName": user,
    }


def pipeline() -> Record:
    """The identity of the deployment role, as a session."""
    role = "hl-deploy-pipeline"
    issuer = {
        "type": "Role",
        "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
        "accountId": ACCOUNT,
        "userName": role,
    }
    return {
        "type": "AssumedRole",
        "principalId": f"AROA{fingerprint(role)[:12].upper()}:run",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/run",
        "accountId": ACCOUNT,
        "sessionContext": {"sessionIssuer": issuer},
    }


def call(when: datetime, who: Record, api: str, service: str, address: str, **more: object) -> Record:
    """One CloudTrail record; `more` overrides or adds (requestParameters, errorCode, …)."""
    name = api.split(maxsplit=1)[0]
    return {
        "eventVersion": "1.10",
        "userIdentity": who,
        "eventTime": iso(when, 0),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": address,
        "userAgent": TOOL,
        "requestParameters": None,
        "responseElements": None,
        "eventID": guid(name, address, iso(when), str(more)),
        "readOnly": name.startswith(("Get", "List", "Describe")),
        "eventType": "AwsApiCall",
        "managementEvent": name != "GetObject",
        "recipientAccountId": ACCOUNT,
        **more,
    }


def sign_in(when: datetime, user: str, address: str, second_factor: str) -> Record:
    """A sign-in to the console; `second_factor` is `Yes` or `No`."""
    return call(
        when,
        person(user),
        "ConsoleLogin",
        "signin",
        address,
        userAgent=CONSOLE,
        responseElements={"ConsoleLogin": "Success"},
        additionalEventData={"MobileVersion": "No", "MFAUsed": second_factor},
        eventType="AwsConsoleSignIn",
    )


def new_key(when: datetime, who: Record, owner: str, key: str, address: str) -> Record:
    """A CreateAccessKey that succeeded: `owner` now holds `key`."""
    made = {"accessKey": {"userName": owner, "accessKeyId": key, "status": "Active"}}
    asked = {"userName": owner}
    return call(when, who, "CreateAccessKey", "iam", address, requestParameters=asked, responseElements=made)


def takeover() -> list[Line]:
    """Sign-in, refusal, all rights, a key, and the end of the trail."""
    who = person(VICTIM, KEYS[VICTIM])
    policy = compact(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    )
    put = {"userName": VICTIM, "policyName": "tmp-support", "policyDocument": policy}
    t = [at(c) for c in ("10:04:02", "10:05:31", "10:06:10", "10:06:44", "10:08:05", STOPPED)]
    why = f"User: arn:aws:iam::{ACCOUNT}:user/{VICTIM} is not authorized to perform: iam:CreateAccessKey"
    refused = call(
        t[1],
        who,
        "CreateAccessKey",
        "iam",
        INTRUDER,
        requestParameters={"userName": REPORTING},
        errorCode="AccessDenied",
        errorMessage=why,
    )
    trail = {"name": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}"}
    return [
        Line(t[0], sign_in(t[0], VICTIM, INTRUDER, "No"), "console"),
        Line(t[1], refused, "denied"),
        Line(t[2], call(t[2], who, "PutUserPolicy", "iam", INTRUDER, requestParameters=put), "all-rights"),
        Line(t[3], new_key(t[3], who, REPORTING, NEW_KEY, INTRUDER), "new-key", copies=2),
        Line(t[4], call(t[4], person(REPORTING, NEW_KEY), "ListBuckets", "s3", INTRUDER), "buckets"),
        Line(
            t[5],
            call(t[5], who, "StopLogging", "cloudtrail", INTRUDER, requestParameters=trail),
            "trail-stopped",
        ),
    ]


def burst() -> list[Line]:
    """24 objects read in four minutes with the new key."""
    choice, found = chooser("burst"), []
    for turn in range(READS):
        when = after(at("10:08:30"), turn * 10 + choice.randrange(4))
        asked = {"bucketName": BUCKET, "key": f"2025/customers-{turn + 1:03d}.csv.gz"}
        moved = {"bytesTransferredIn": 0, "bytesTransferredOut": 1_800_000 + choice.randrange(900_000)}
        who = person(REPORTING, NEW_KEY)
        record = call(
            when, who, "GetObject", "s3", INTRUDER, requestParameters=asked, additionalEventData=moved
        )
        found.append(Line(when, record, {0: "read-first", READS - 1: "read-last"}.get(turn, "")))
    return found


def rotation() -> list[Line]:
    """The look-alike: an administrator changes the backup key under an approved change."""
    who = person(ADMIN, KEYS[ADMIN])
    first, second = at("08:33:10"), at("08:34:02")
    gone = {"userName": "svc-backup", "accessKeyId": "AKIAHLDEMO500EXAMPLE"}
    return [
        Line(first, new_key(first, who, "svc-backup", "AKIAHLDEMO501EXAMPLE", OFFICE), "rotation-new"),
        Line(
            second,
            call(second, who, "DeleteAccessKey", "iam", OFFICE, requestParameters=gone),
            "rotation-old",
        ),
    ]


def morning() -> list[Line]:
    """Ordinary calls, all before the trail stopped; the victim herself among them."""
    choice = chooser("cloud morning")
    t = [at(c) for c in ("08:12:33", "09:38:05", "09:47:51")]
    own, calls = (
        person(VICTIM, KEYS[VICTIM]),
        [("DescribeInstances", "ec2"), ("GetObject", "s3"), ("ListUsers", "iam")],
    )
    found = [
        Line(t[0], sign_in(t[0], VICTIM, OFFICE, "Yes"), "own-console"),
        Line(t[1], call(t[1], own, "DescribeInstances", "ec2", OFFICE), "own-call-1"),
        Line(t[2], call(t[2], own, "ListBuckets", "s3", OFFICE), "own-call-2"),
    ]
    for turn in range(20):
        when = after(at("07:02:00"), turn * 560 + choice.randrange(300))
        api, service = calls[number(3, "call", str(turn))]
        who, address = (pipeline(), "10.20.2.40") if turn % 2 else (person(ADMIN, KEYS[ADMIN]), OFFICE)
        if turn % 5 == 4:
            who, address, api, service = person(REPORTING, KEYS[REPORTING]), "10.20.2.44", "GetObject", "s3"
        asked = {"bucketName": "hl-reports", "key": f"daily/{turn:02d}.json"} if api == "GetObject" else None
        found.append(Line(when, call(when, who, api, service, address, requestParameters=asked)))
    return found


def guard(kind: str, severity: float, api: str, service: str, times: tuple[str, str]) -> Record:
    """One GuardDuty alert about a call of the victim's account."""
    seen, made = at(times[0]), at(times[1])
    action = {
        "api": api,
        "serviceName": f"{service}.amazonaws.com",
        "callerType": "Remote IP",
        "remoteIpDetails": {"ipAddressV4": INTRUDER},
    }
    name = guid("guard", kind).replace("-", "")
    return {
        "schemaVersion": "2.0",
        "accountId": ACCOUNT,
        "region": REGION,
        "id": name,
        "type": kind,
        "resource": {
            "resourceType": "AccessKey",
            "accessKeyDetails": {"accessKeyId": KEYS[VICTIM], "userName": VICTIM, "userType": "IAMUser"},
        },
        "service": {
            "serviceName": "guardduty",
            "action": {"actionType": "AWS_API_CALL", "awsApiCallAction": action},
            "eventFirstSeen": iso(seen, 0),
            "eventLastSeen": iso(seen, 0),
            "count": 1,
        },
        "severity": severity,
        "title": f"Unusual call {api} by {VICTIM}.",
        "createdAt": iso(made, 0),
        "updatedAt": iso(made, 0),
    }


def guards() -> list[Line]:
    """The two GuardDuty alerts of the morning."""
    rights = guard(
        "PrivilegeEscalation:IAMUser/AnomalousBehavior", 8, "PutUserPolicy", "iam", ("10:06:10", "10:12:40")
    )
    trail = guard(
        "Stealth:IAMUser/CloudTrailLoggingDisabled", 5, "StopLogging", "cloudtrail", (STOPPED, "10:21:05")
    )
    return [Line(at("10:12:40"), rights, "guard-rights"), Line(at("10:21:05"), trail, "guard-trail")]


def calls() -> list[Line]:
    """Every CloudTrail record, in no order."""
    return takeover() + burst() + rotation() + morning()
