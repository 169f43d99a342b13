"""The tier: how much care a case needs, by rules over what is in it; never by a drafter.

0 nothing to decide, 1 low, 2 elevated, 3 critical (`reference/controls.md` section 1). Every rule that
fires says why. At run time a tier only rises: text an attacker wrote can raise it, nothing here lowers it;
only a person with the role does, and that is logged elsewhere. Severity follows the sources' own claims
and the tier, whichever is graver.
"""

import re
from collections.abc import Iterable

import msgspec

from countersign.core.claims.claims import Filter
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.alert import SEVERITIES, Alert, Severity
from countersign.core.records.fields import walk
from countersign.core.records.observable import extractor
from countersign.core.render import neutralize

TOP = 3


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules look at. Names are observables: short host names, account names without domain."""

    alerts: tuple[Alert, ...] = ()
    families: tuple[str, ...] = ()  # of the alerts' rules, as `decisive.toml` names them
    records: int = 0
    codes: tuple[str, ...] = ()  # hypotheses supported on verified claims
    techniques: tuple[str, ...] = ()  # ATT&CK ids, where a source or rule gives them
    relations: tuple[str, ...] = ()  # relations that records of the case state
    actions: tuple[str, ...] = ()  # calls and operations, in the products' words
    accounts: tuple[str, ...] = ()
    sids: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    markers: bool = False
    partial: bool = False  # a source is silent, gapped, truncated, sampled or badly parsed


class Rule(msgspec.Struct, frozen=True):
    """One row of the table: what is looked at, what it must match, the tier it asks for and why."""

    part: str
    pattern: str
    tier: int
    because: str


CODE_TIERS = {
    "credential_theft": 3, "cloud_exposure": 3, "impact": 3, "exfiltration": 3, "impair_defence": 3,
    "lateral_move": 3, "priv_gain": 2, "account_misuse": 2, "exploit": 2, "command_control": 2, "persistence": 2,
    "suspicious_exec": 2, "tool_attack": 2, "policy_breach": 2,
}  # fmt: skip

RULES: tuple[Rule, ...] = (
    Rule("family", r"phishing|scan|password guessing", 1, "category"),
    Rule("family", r"web attack|malware execution|command and control|account misuse|lateral movement|cloud control plane|exfiltration", 2, "category"),
    Rule("family", r"credential access|privileged access|impact", 3, "category"),
    Rule("category", r"exploit|administrator privilege|UnauthorizedAccess|PrivilegeEscalation|DefenseEvasion", 2, "category"),
    Rule("category", r"domain controller|CredentialAccess|Impact:", 3, "category"),
    Rule("technique", r"T1003|T1558|T1606|T1552|T1555|T1098|T1484|T1486|T1490|T1485|T1207|T1556|T1537", 3, "technique"),
    Rule("technique", r"T1(021|053|055|059|068|078|134|136|190|203|218|543|546|547|548|550|562|070|071|572|573|567)", 2, "technique"),
    Rule("relation", r"replication", 3, "directory access"),
    Rule("relation", r"app_change", 3, "change of an application's permissions or credentials"),
    Rule("relation", r"service_install|group_change|policy_change|log_clear|sensor_stop|task_create", 2, "records of"),
    Rule("action", r"(Attach|Put)(User|Role|Group)Policy|AssignRole|Add member to role|Add app role|delegated permission grant|Consent to application|"
         r"Certificates and secrets management|Create(AccessKey|LoginProfile|PolicyVersion)|UpdateLoginProfile|UpdateAssumeRolePolicy|SetDefaultPolicyVersion|"
         r"AddUserToGroup|PutBucketPolicy|PutBucketAcl|Modify(Snapshot|Image)Attribute|AddPermission\d*", 3, "cloud permission change"),
    Rule("action", r"StopLogging|DeleteTrail|UpdateTrail|PutEventSelectors|DeleteDetector|DeleteFlowLogs|DeleteVpcFlowLogs|LeaveOrganization|"
         r"DisableKey|ScheduleKeyDeletion|Set-AdminAuditLogConfig|Remove-MailboxAuditBypass\w*", 3, "audit or protection switched off"),
    Rule("action", r"GetPasswordData|GetSecretValue|BatchGetSecretValue|GetFederationToken|New-InboxRule|Set-InboxRule|ConsoleLogin|MailItemsAccessed", 2, "sensitive operation"),
    Rule("account", r"administrator|admin|root|krbtgt|sa|domain ?admins?|adm[-_.].+|.+[-_.](adm|admin|da)|breakglass.*|msol_.*|aad_.*", 2, "privileged account"),
    Rule("sid", r"S-1-5-21(-\d+){3}-(500|502|512|516|518|519|520)", 2, "privileged SID"),
    Rule("group", r"(domain|enterprise|schema) admins|administrators|account operators|backup operators|dnsadmins|global administrators?", 3, "privileged group"),
    Rule("host", r"(.*[-_])?(adfs|idp|sso|okta|keycloak|aadconnect|entra|azureadconnect)([-_]?[0-9a-z]{0,3})?", 3, "identity provider"),
    Rule("host", r"(.*[-_])?(dc|pdc|bdc|rodc|adcs|pki|krb|vcenter|backup|hsm|vault)[-_]?\d{0,3}|.{2,12}dc\d{0,2}", 3, "critical asset"),
)  # fmt: skip
"""Matched in full, in any case; `category` and `action` also inside. A family is told by words of rules (`decisive.toml`)."""

_COMPILED = tuple((rule, re.compile(rule.pattern, re.IGNORECASE)) for rule in RULES)
_INSIDE = frozenset({"category", "action"})
_CLAIMED = frozenset({"category", "severity", "technique"})
"""What alerts say of themselves, which counts as one reason."""
_TECHNIQUE = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")
_SEVERITY_TIER: dict[str, int] = {"low": 1, "medium": 1, "high": 2, "critical": 3}


def tier(facts: Facts, *, least: int = 0, critical_assets: Iterable[str] = ()) -> tuple[int, tuple[str, ...]]:
    """The tier and why, gravest reason first; `least` is the tier the case has already: it never falls."""
    if not facts.alerts and not facts.records:
        return least, ("nothing to decide",) if not least else ("tier kept",)
    reasons = {(1, "a case to decide"): None} | dict.fromkeys(_by_table(facts))
    assets = {name.lower() for name in critical_assets}
    for host in facts.hosts:
        if host.lower() in assets:
            reasons[TOP, f"critical asset: {neutralize(host, 60)}"] = None
    reached = max(level for level, _ in reasons)
    for holds, because in ((facts.markers, "injection marker"), (facts.partial, "partial evidence")):
        if holds:
            reached = min(reached + 1, TOP)
            reasons[reached, f"{because}: one tier up"] = None
    if least > reached:
        return least, ("tier kept", *_told(reasons))
    return reached, _told(reasons)


def _told(reasons: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    ordered = sorted(set(reasons), key=lambda reason: (-reason[0], reason[1]))
    grave = [words for level, words in ordered if level > 1]
    return tuple(grave[:12]) or tuple(words for _, words in ordered)


def _by_table(facts: Facts) -> Iterable[tuple[int, str]]:
    for alert in facts.alerts:
        if _SEVERITY_TIER[alert.severity] > 1:
            yield _SEVERITY_TIER[alert.severity], f"severity of the alert: {alert.severity}"
    for code in facts.codes:
        if code in CODE_TIERS:
            yield CODE_TIERS[code], f"reading {code}"
    values = {
        "category": tuple(dict.fromkeys(text for a in facts.alerts for text in (a.category, a.rule))),
        "family": facts.families,
        "technique": tuple(technique.split(".")[0] for technique in facts.techniques),
        "relation": facts.relations,
        "action": facts.actions,
        "account": facts.accounts,
        "sid": facts.sids,
        "group": facts.groups,
        "host": facts.hosts,
    }
    for rule, pattern in _COMPILED:
        match = pattern.search if rule.part in _INSIDE else pattern.fullmatch
        for value in values[rule.part]:
            if match(value):
                shown = neutralize(value.strip(" ."), 60)
                yield (
                    rule.tier,
                    f"{rule.because}: {shown.replace('_', ' ') if rule.part == 'relation' else shown}",
                )


def severity(facts: Facts, reached: int, *, least: Severity = "low") -> Severity:
    """The gravest of what the sources claim and what the tier says; two grave reasons make a critical case.

    `least` is the severity the case has already: it never falls by itself either.
    """
    claimed = max((SEVERITIES.index(alert.severity) for alert in facts.alerts), default=0)
    kinds = (words.partition(":")[0] for level, words in _by_table(facts) if level == TOP)
    grave = {"claimed" if kind.partition(" ")[0] in _CLAIMED else kind for kind in kinds}
    own = 3 if reached == TOP and len(grave) > 1 else max(reached - 1, 0)
    return SEVERITIES[max(claimed, own, SEVERITIES.index(least))]


def techniques(snapshot: Snapshot, alerts: Iterable[Alert]) -> tuple[str, ...]:
    """The ATT&CK techniques that the alerts' own records name, in fields that no outsider writes."""
    found: set[str] = set()
    for eid in {alert.evidence for alert in alerts} & snapshot.evidence.keys():
        schema = snapshot.schema(eid)
        for _, field, value in walk(schema, snapshot.view(eid)) if schema else ():
            told = field is not None and not field.tainted and "technique" in field.label.lower()
            if told and isinstance(value, str):
                found.update(_TECHNIQUE.findall(value))
    return tuple(sorted(found))


def gather(
    snapshot: Snapshot,
    alerts: tuple[Alert, ...] = (),
    *,
    families: tuple[str, ...] = (),
    codes: tuple[str, ...] = (),
    markers: bool = False,
    partial: bool = False,
) -> Facts:
    """The facts of a case, read from every record of it: more records can only make it heavier."""
    relations, actions = _stated(snapshot)
    named: dict[str, set[str]] = {"user": set(), "sid": set(), "host": set()}
    for record in snapshot.evidence.values():
        schema = snapshot.dictionary.schema(record.schema)
        # Whoever a mail names, its sender chose.
        if schema is None or record.schema == "email.rfc822":
            continue
        for one, _ in extractor(schema)(snapshot.view(record.id)):
            if one.type in named:
                named[one.type].add(one.value)
    return Facts(
        alerts=alerts,
        families=families,
        records=len(snapshot.evidence),
        codes=codes,
        techniques=techniques(snapshot, alerts),
        relations=relations,
        actions=actions,
        accounts=tuple(sorted(named["user"])),
        sids=tuple(sorted(named["sid"])),
        hosts=tuple(sorted(named["host"])),
        markers=markers,
        partial=partial,
    )


def _stated(snapshot: Snapshot) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Relations that some record states, and the actions that records name."""
    relations: set[str] = set()
    actions: set[str] = set()
    for name in snapshot.by_schema:
        schema = snapshot.dictionary.schema(name)
        for row in schema.relations if schema else ():
            if (
                row.roles
                and row.name not in relations
                and snapshot.matching(Filter(name, row.when), None, None)
            ):
                relations.add(row.name)
        for field in schema.fields if schema else ():
            if field.role == "action" and "*" not in field.pointer:
                forms = snapshot.index(name, field.pointer)
                actions |= {str(form[1])[:200] for form in forms if form[0] == "s"}
    return tuple(sorted(relations)), tuple(sorted(actions))
