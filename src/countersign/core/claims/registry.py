"""The relations a claim may state, their roles, and the sentence each one renders to.

Which pointer fills which role is the dictionary's business, never the claim's. A sentence names only
the roles that were checked. Versioned with the verifier.
"""

from collections.abc import Mapping

VERSION = "1"

# relation → (role that leads the sentence, word when it is not named, verb phrase, [(role, words before it)])
_PHRASES: dict[str, tuple[str, str, str, tuple[tuple[str, str], ...]]] = {
    "net_alert": ("src", "a host", "set off", (("rule", "the rule"), ("dst", "against"), ("dport", "port"))),
    "net_flow": ("src", "a host", "connected", (("dst", "to"), ("dport", "port"), ("proto", "over"))),
    "dns_query": ("client", "a host", "asked DNS", (("name", "for"), ("answer", "and was told"))),
    "http_request": (
        "client",
        "a client",
        "requested",
        (("url", ""), ("host", "from"), ("status", "with status")),
    ),
    "logon": (
        "account",
        "an account",
        "logged on",
        (("host", "to"), ("from", "from"), ("method", "by"), ("outcome", ":")),
    ),
    "proc_start": ("image", "a process", "started", (("host", "on"), ("parent", "from"), ("user", "as"))),
    "file_write": ("image", "a process", "wrote", (("path", ""), ("hash", "with hash"), ("host", "on"))),
    "api_call": (
        "principal",
        "a principal",
        "called",
        (("api", ""), ("service", "of"), ("from", "from"), ("outcome", ":")),
    ),
    "mail_received": (
        "recipient",
        "a mailbox",
        "received mail",
        (("sender", "from"), ("subject", "with subject"), ("auth", "with authentication")),
    ),
    "object_access": (
        "account",
        "an account",
        "accessed",
        (("object", ""), ("property", "property"), ("host", "on")),
    ),
    "process_access": (
        "image",
        "a process",
        "opened",
        (("target", "the process"), ("host", "on"), ("account", "as")),
    ),
    "pipe_connect": ("image", "a process", "connected to the pipe", (("pipe", ""), ("host", "on"))),
    "ldap_search": (
        "account",
        "an account",
        "searched LDAP",
        (("base", "under"), ("filter", "for"), ("host", "from")),
    ),
    "replication": ("account", "an account", "replicated the directory", (("from", "from"), ("to", "to"))),
    "service_install": (
        "account",
        "someone",
        "installed the service",
        (("name", ""), ("image", "running"), ("host", "on")),
    ),
    "task_create": ("account", "someone", "created the scheduled task", (("name", ""), ("host", "on"))),
    "registry_set": (
        "image",
        "a process",
        "set the registry value",
        (("key", ""), ("value", "to"), ("host", "on")),
    ),
    "account_change": ("actor", "someone", "changed the account", (("target", ""), ("change", ":"))),
    "group_change": ("actor", "someone", "changed the group", (("group", ""), ("member", "member"))),
    "policy_change": ("actor", "someone", "changed the policy", (("target", "of"), ("change", ":"))),
    "app_change": ("actor", "someone", "changed the application", (("app", ""), ("change", ":"))),
    "log_clear": ("account", "someone", "cleared or stopped the log", (("log", ""), ("host", "on"))),
    "sensor_stop": ("account", "someone", "stopped the sensor", (("sensor", ""), ("host", "on"))),
    "mail_read": (
        "account",
        "someone",
        "read mail",
        (("mailbox", "of the mailbox"), ("app", "through the application"), ("from", "from")),
    ),
    "db_query": ("account", "an account", "ran the database action", (("action", ""), ("host", "on"))),
}

RELATIONS: dict[str, frozenset[str]] = {
    name: frozenset({lead, *(role for role, _ in rest)}) for name, (lead, _, _, rest) in _PHRASES.items()
}
"""Relation → its roles."""


def phrase(rel: str, roles: Mapping[str, str]) -> str:
    """The sentence of a relation without its full stop; `roles` holds values already fit to be shown."""
    lead, nobody, verb, rest = _PHRASES[rel]
    words = [roles.get(lead) or nobody, verb]
    for role, before in rest:
        if role not in roles:
            continue
        if before == ":":
            words[-1] += ":"
        elif before:
            words.append(before)
        words.append(roles[role])
    return " ".join(words)
