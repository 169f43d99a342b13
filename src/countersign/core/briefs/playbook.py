"""The closed playbook of next-step questions: for which codes, answered by what, with which slots.

A question has one or more wordings; the first whose slots the evidence can fill is asked. Nothing here
is text from a drafter or from a record. Source: `verification.md` section 10.
"""

import msgspec


class Ask(msgspec.Struct, frozen=True):
    """One question of the playbook."""

    id: str
    codes: tuple[str, ...]
    answered_by: str
    wordings: tuple[str, ...]


class Slot(msgspec.Struct, frozen=True):
    """Where a slot is read: roles of the relations a record states, else fields of these types and roles."""

    relation_roles: tuple[str, ...]
    types: frozenset[str]
    field_roles: frozenset[str] = frozenset()  # any, when empty


def _slot(relation_roles: str, types: str, field_roles: str = "") -> Slot:
    return Slot(tuple(relation_roles.split()), frozenset(types.split()), frozenset(field_roles.split()))


RELATIONS_ONLY = "no-field"
"""A role that no field has: the destination of a DNS query is the resolver, not who is talked to."""

SLOTS: dict[str, Slot] = {
    "account": _slot(
        "account principal user actor recipient", "user email arn sid", "actor target principal"
    ),
    "ip": _slot("from client src", "ip", "source"),
    "to_ip": _slot("dst answer", "ip", RELATIONS_ONLY),
    "port": _slot("dport", "port int", "destination"),
    "host": _slot("host client src", "host ip", "host source"),
    "machine": _slot("host", "host", "host"),
    "target": _slot("dst", "ip host", "destination host"),
    "owned": _slot(
        "principal account mailbox recipient user host dst", "user email arn host ip", "actor host target"
    ),
    "host2": _slot("from", "ip host", "source"),
    "process": _slot("image", "path", "process"),
    "hash": _slot("hash", "sha256 sha1 md5 hash"),
    "domain": _slot("name host", "domain host", ""),
    "principal": _slot("principal actor account user", "user email arn sid text", "actor principal"),
    "store": _slot("mailbox object", "text path arn id email guid", "resource object"),
    "actor": _slot(
        "account principal user actor src sender image",
        "user email arn sid ip path",
        "actor principal source",
    ),
    "asset": _slot(
        "host dst target object recipient mailbox service",
        "host ip user email arn text id service_name",
        "host target resource",
    ),
    "indicator": _slot("dst answer name hash", "ip domain sha256 sha1 md5 hash url", ""),
}
"""Slots read from records; {time}, {source}, {t1}, {t2} and {field} have sources of their own."""


def _ask(number: str, codes: str, answered_by: str, *wordings: str) -> Ask:
    return Ask(number, tuple(codes.split()), answered_by, wordings)


PLAYBOOK: tuple[Ask, ...] = (
    _ask(
        "Q01",
        "brute_force account_misuse",
        "identity provider, OS logon log",
        "Did {account} log on successfully from {ip} after the failures?",
    ),
    _ask(
        "Q02",
        "account_misuse",
        "sign-in history, baseline",
        "Has {account} used {ip}, its network or its device in the last 30 days?",
    ),
    _ask(
        "Q03",
        "account_misuse brute_force",
        "identity provider",
        "Was MFA satisfied in this session, and by which method?",
    ),
    _ask(
        "Q04",
        "command_control exfiltration",
        "EDR network events",
        "Which process on {host} opened the connection to {to_ip}:{port}?",
    ),
    _ask(
        "Q05",
        "suspicious_exec exploit",
        "EDR process events",
        "What started {process}: parent, grandparent, user, time?",
    ),
    _ask(
        "Q06",
        "suspicious_exec persistence",
        "EDR inventory, pinned lists",
        "Is {hash} signed, known, and on how many hosts?",
    ),
    _ask(
        "Q07",
        "suspicious_exec no_follow_on",
        "EDR process, file, network events",
        "What did {process} do in the next 30 minutes?",
    ),
    _ask(
        "Q08",
        "command_control phish_delivery",
        "DNS, proxy, firewall",
        "Which other hosts contacted {domain} or {to_ip} in 7 days?",
        "Which other hosts contacted {domain} in 7 days?",
        "Which other hosts contacted {to_ip} in 7 days?",
    ),
    _ask(
        "Q09",
        "exfiltration",
        "flow or proxy logs",
        "How much left {host} for {to_ip}, against its baseline?",
    ),
    _ask("Q10", "lateral_move", "OS logon log", "Did {machine} accept logons from {host2} after {time}?"),
    _ask(
        "Q11",
        "persistence priv_gain",
        "OS audit log, EDR",
        "Were services, tasks, run keys or accounts created on {machine} near {time}?",
    ),
    _ask(
        "Q12",
        "impair_defence visibility_gap",
        "sensor heartbeat, audit log",
        "Was logging or the sensor stopped on {machine} or in {account}?",
        "Was logging or the sensor stopped on {machine}?",
        "Was logging or the sensor stopped in {account}?",
    ),
    _ask(
        "Q13",
        "phish_delivery",
        "mail gateway, click log",
        "Who else received the message, and who clicked?",
    ),
    _ask(
        "Q14",
        "priv_gain cloud_exposure",
        "cloud or directory audit log",
        "Which rights did {principal} change or receive near {time}?",
    ),
    _ask(
        "Q15",
        "exfiltration cloud_exposure",
        "data-access log",
        "How many objects were read from {store}, by whom?",
    ),
    _ask(
        "Q16",
        "exploit recon",
        "web log, EDR",
        "Did {target} start a process or connect out within 10 minutes of the request?",
    ),
    _ask(
        "Q17",
        "authorised_test approved_change",
        "test and change registers",
        "Does an approved test or change cover {actor}, {asset}, {time}?",
    ),
    _ask(
        "Q18",
        "known_automation",
        "job inventory, baseline",
        "Is this a scheduled job, who owns it, same pattern in 30 days?",
    ),
    _ask(
        "Q19",
        "owner_confirmed account_misuse",
        "call-back record",
        "Does the owner of {owned} confirm, over a channel that is not in the alert?",
    ),
    _ask(
        "Q20",
        "rule_defect",
        "rule text, case history",
        "Which condition matched, and how were its last 30 days closed?",
    ),
    _ask(
        "Q21",
        "stale_intel",
        "intel platform, passive DNS, allow-lists",
        "How old is {indicator}, who published it, is it shared infrastructure?",
    ),
    _ask("Q22", "blocked", "sensor action, endpoint, proxy", "Did anything succeed after the block?"),
    _ask("Q23", "duplicate", "case store", "Is there a case with the same observables in 14 days?"),
    _ask(
        "Q24",
        "visibility_gap impair_defence",
        "collector health, sequence numbers",
        "Why is {source} silent or partial between {t1} and {t2}?",
    ),
    _ask(
        "Q25",
        "tool_attack",
        "full-text search over evidence",
        "Where else does the text in {field} occur, and who can write it?",
    ),
)

BENIGN_SIDE: tuple[tuple[str, frozenset[str]], ...] = (
    ("Q17", frozenset({"test_register", "change_register"})),
    ("Q18", frozenset({"job_inventory"})),
    ("Q19", frozenset({"callback"})),
)
"""Questions whose answers could weaken any malicious reading, and the registers that would answer them."""
