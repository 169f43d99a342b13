"""The directory's files: Windows logons, directory activity, cloud audit and mailbox access.

The shapes are those of the tables SecurityEvent, AuditLogs, IdentityDirectoryEvents and OfficeActivity.
The stolen account comes in from a new address; the stolen administrator account copies the directory;
an application gets a new secret and a wider scope and reads mail.
"""

from datetime import datetime

from countersign.demo.world import (
    ADMIN,
    ADMIN_ACCOUNT,
    DESKS,
    DOMAIN,
    INTRUDER,
    NETBIOS,
    OFFICE,
    VICTIM,
    VICTIM_HOST,
    VICTIM_IP,
    Line,
    Record,
    after,
    at,
    chooser,
    compact,
    fqdn,
    guid,
    iso,
    number,
    sid,
)

TENANT = guid("tenant")
APPLICATION, APPLICATION_ID = "Reporting Bridge", guid("Reporting Bridge")
LOGONS = {2: "2 - Interactive", 3: "3 - Network", 7: "7 - Unlock", 10: "10 - RemoteInteractive"}
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0"


def security(kind: int, when: datetime, host: str, activity: str, **fields: object) -> Record:
    """A row of SecurityEvent; `fields` are those of its kind."""
    return {
        "TenantId": TENANT,
        "SourceSystem": "OpsManager",
        "TimeGenerated": iso(when),
        "Computer": fqdn(host),
        "EventID": kind,
        "Type": "SecurityEvent",
        "EventSourceName": "Microsoft-Windows-Security-Auditing",
        "Channel": "Security",
        "Level": "8",
        "Activity": f"{kind} - {activity}",
        **fields,
        "EventOriginId": guid(str(kind), host, iso(when)),
        "TimeCollected": iso(after(when, 1.4)),
    }


def logon(
    when: datetime, host: str, account: str, address: str, kind: int, *, failed: bool = False
) -> Record:
    """4624, or 4625 (wrong password) when it failed."""
    workstation = next((desk for desk, ip in DESKS.items() if ip == address), "-")
    outcome: Record = (
        {"Status": "0xc000006d", "SubStatus": "0xc000006a"} if failed else {"ElevatedToken": "%%1843"}
    )
    return security(
        4625 if failed else 4624,
        when,
        host,
        "An account failed to log on." if failed else "An account was successfully logged on.",
        Account=f"{NETBIOS}\\{account}",
        AccountType="User",
        AuthenticationPackageName="Kerberos" if kind == 3 else "Negotiate",
        IpAddress=address,
        IpPort=str(49152 + number(16000, address, iso(when))),
        LogonProcessName="Kerberos" if kind == 3 else "User32",
        LogonType=kind,
        LogonTypeName=LOGONS[kind],
        TargetAccount=f"{NETBIOS}\\{account}",
        TargetDomainName=NETBIOS,
        TargetLogonId=hex(0x5B0000 + number(0xFFFFF, account, host, iso(when))),
        TargetUserName=account,
        TargetUserSid=sid(account),
        WorkstationName=workstation,
        **outcome,
    )


def object_access(when: datetime, account: str, right: str) -> Record:
    """4662 on the domain object, naming an extended right."""
    return security(
        4662,
        when,
        "DC01",
        "An operation was performed on an object.",
        Account=f"{NETBIOS}\\{account}",
        AccountType="User",
        AccessMask="0x100",
        ObjectName=f"%{{{guid('domain object')}}}",
        ObjectServer="DS",
        ObjectType="%{19195a5b-6da0-11d0-afd3-00c04fd930c9}",
        OperationType="Object Access",
        Properties=f"%%7688 {{{right}}}",
        SubjectAccount=f"{NETBIOS}\\{account}",
        SubjectDomainName=NETBIOS,
        SubjectLogonId="0x5c90a1",
        SubjectUserName=account,
        SubjectUserSid=sid(account),
    )


def replication(when: datetime, account: str, host: str, address: str) -> Record:
    """A row of IdentityDirectoryEvents: somebody copied the directory."""
    return {
        "Timestamp": iso(when),
        "Type": "IdentityDirectoryEvents",
        "ActionType": "Directory Services replication",
        "Application": "Active Directory",
        "AccountObjectId": guid("object", account),
        "AccountDisplayName": "Henrik Nilsen (admin)",
        "AccountName": account,
        "AccountDomain": DOMAIN,
        "AccountUpn": f"{account}@{DOMAIN}",
        "AccountSid": sid(account),
        "IPAddress": address,
        "Port": 49152 + number(16000, iso(when)),
        "Protocol": "Drsr",
        "DeviceName": fqdn(host).lower(),
        "DestinationDeviceName": fqdn("dc01"),
        "DestinationIPAddress": "10.20.1.10",
        "DestinationPort": 49668,
        "AdditionalFields": {"FROM.DEVICE": host, "TO.DEVICE": "DC01", "Count": "1"},
        "ReportId": guid("report", iso(when)),
    }


def audit(when: datetime, actor: str, address: str, operation: str, target: Record) -> Record:
    """A row of AuditLogs; actor and target are JSON inside strings, as in the product."""
    user = {"id": guid("object", actor), "displayName": None, "userPrincipalName": f"{actor}@{DOMAIN}"}
    correlation = guid("correlation", operation, iso(when))
    return {
        "TenantId": TENANT,
        "SourceSystem": "Azure AD",
        "TimeGenerated": iso(when),
        "OperationName": operation,
        "OperationVersion": "1.0",
        "Category": "ApplicationManagement",
        "CorrelationId": correlation,
        "Resource": "Microsoft.aadiam",
        "Level": "4",
        "AdditionalDetails": compact([{"key": "User-Agent", "value": AGENT}]),
        "Id": f"Directory_{correlation}",
        "InitiatedBy": compact({"user": {**user, "ipAddress": address, "roles": []}}),
        "LoggedByService": "Core Directory",
        "Result": "success",
        "TargetResources": compact([target]),
        "AADTenantId": TENANT,
        "ActivityDisplayName": operation,
        "ActivityDateTime": iso(when),
        "AADOperationType": "Update",
        "Type": "AuditLogs",
    }


def changed(name: str, kind: str, properties: dict[str, tuple[str, str]]) -> Record:
    """An entry of TargetResources: property to old and new value."""
    return {
        "id": guid(name),
        "displayName": name,
        "type": kind,
        "modifiedProperties": [
            {"displayName": key, "oldValue": old, "newValue": new} for key, (old, new) in properties.items()
        ],
        "administrativeUnits": [],
    }


def mailbox(when: datetime, owner: str, address: str, path: str) -> Record:
    """A row of OfficeActivity: the application read mail over REST."""
    read = [
        {
            "FolderItems": [{"InternetMessageId": f"<{guid(path, str(n))}@{DOMAIN}>"} for n in range(3)],
            "Path": path,
        }
    ]
    return {
        "TenantId": TENANT,
        "RecordType": "50",
        "TimeGenerated": iso(when, 0),
        "Operation": "MailItemsAccessed",
        "OrganizationId": TENANT,
        "UserType": "Regular",
        "OfficeWorkload": "Exchange",
        "ResultStatus": "Succeeded",
        "UserId": f"{owner}@{DOMAIN}",
        "Logon_Type": "Owner",
        "MailboxGuid": guid("mailbox", owner),
        "MailboxOwnerUPN": f"{owner}@{DOMAIN}",
        "MailboxOwnerSid": sid(owner),
        "ClientInfoString": "Client=REST;;",
        "Client_IPAddress": address,
        "Folders": compact(read),
        "SourceSystem": "OfficeActivityManager",
        "OfficeId": guid("office", owner, iso(when)),
        "OperationProperties": compact([{"Name": "MailAccessType", "Value": "Bind"}]),
        "ClientAppId": APPLICATION_ID,
        "Type": "OfficeActivity",
    }


def logons() -> list[Line]:
    """SecurityEvent: the way in, the way on, and who was at work."""
    choice = chooser("logons")
    t = [
        at(c)
        for c in (
            "09:33:12.100",
            "09:33:31.480",
            "09:33:52.733",
            "09:36:20.515",
            "09:41:07.222",
            "09:41:07.310",
        )
    ]
    rights = ("1131f6aa-9c07-11d1-f79f-00c04fc2dcd2", "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2")
    found = [
        Line(t[0], logon(t[0], "RDG01", VICTIM, INTRUDER, 10, failed=True), "logon-failed"),
        Line(t[1], logon(t[1], "RDG01", VICTIM, INTRUDER, 10, failed=True), "logon-failed-2"),
        Line(t[2], logon(t[2], "RDG01", VICTIM, INTRUDER, 10), "logon-stolen"),
        Line(t[3], logon(t[3], "FS01", ADMIN_ACCOUNT, VICTIM_IP, 3), "logon-lateral"),
        Line(t[4], object_access(t[4], ADMIN_ACCOUNT, rights[0]), "object-1"),
        Line(t[5], object_access(t[5], ADMIN_ACCOUNT, rights[1]), "object-2"),
    ]
    people = [(VICTIM, VICTIM_HOST), ("tbakke", "WS-0502"), ("kdahl", "WS-0311"), (ADMIN_ACCOUNT, "PAW-02")]
    for turn in range(24):
        account, desk = people[turn % 4]
        when = after(at("06:58:00"), turn * 520 + choice.randrange(200_000) / 1000)
        host, kind = (("DC01", 3), ("FS01", 3))[turn % 2] if account != ADMIN_ACCOUNT else ("DC01", 3)
        found.append(Line(when, logon(when, host, account, DESKS[desk], kind)))
    when = at("07:31:15.004")
    found.append(Line(when, logon(when, "FS01", "kdahl", DESKS["WS-0311"], 3, failed=True)))
    return found


def directory() -> list[Line]:
    """IdentityDirectoryEvents: two copies of the directory from a file server."""
    first, second = at("09:41:07.480"), at("09:41:52.951")
    return [
        Line(first, replication(first, ADMIN_ACCOUNT, "FS01", "10.20.1.11"), "replication-1"),
        Line(second, replication(second, ADMIN_ACCOUNT, "FS01", "10.20.1.11"), "replication-2"),
    ]


def audits() -> list[Line]:
    """AuditLogs: the secret, the scope, and two ordinary changes of the morning."""
    described = (
        f'["[KeyIdentifier={guid("key")},KeyType=Password,KeyUsage=Verify,DisplayName=bridge-sync-2]"]'
    )
    secret = changed(APPLICATION, "Application", {"KeyDescription": ("[]", described)})
    scope = {"DelegatedPermissionGrant.Scope": ('"User.Read"', '"User.Read Mail.Read"')}
    consent = {"DelegatedPermissionGrant.ConsentType": ('"AllPrincipals"', '"AllPrincipals"')}
    grant = changed("Microsoft Graph", "ServicePrincipal", {**scope, **consent})
    group = changed("Canteen news", "Group", {"DisplayName": ('"Canteen"', '"Canteen news"')})
    homepage = {"AppAddress": ('"https://old.example"', '"https://intranet.harbourlight.example"')}
    app = changed("Intranet", "Application", homepage)
    title = "Update application – Certificates and secrets management "
    t = [at(c) for c in ("07:48:20.110", "08:52:41.908", "09:52:06.371", "09:53:40.055")]
    return [
        Line(t[0], audit(t[0], "tbakke", OFFICE, "Update group", group)),
        Line(t[1], audit(t[1], ADMIN, OFFICE, "Update application", app), "audit-ordinary"),
        Line(t[2], audit(t[2], VICTIM, INTRUDER, title, secret), "app-secret"),
        Line(t[3], audit(t[3], VICTIM, INTRUDER, "Add delegated permission grant", grant), "app-grant"),
    ]


def mailboxes() -> list[Line]:
    """OfficeActivity: three folders of the victim, read by the application."""
    found = []
    for turn, path in enumerate(("\\Inbox", "\\Sent Items", "\\Inbox\\Contracts")):
        when = after(at("09:58:14"), turn * 41)
        found.append(Line(when, mailbox(when, VICTIM, INTRUDER, path), f"mail-read-{turn}"))
    return found
