"""The exact shapes of claims, a second time: which keys, which forms, which words."""

import re
from decimal import Decimal

from oracle_values import Broken, claim_time, is_number, is_scalar

OPS = {"eq", "contains", "prefix", "lt", "le", "gt", "ge", "in_cidr"}
SECTIONS = {"what_happened", "disagreement", "indicators", "unusual", "readings"}
KEYS: dict[str, tuple[set[str], set[str]]] = {
    "field": ({"cite", "ptr", "op", "value"}, set()),
    "quote": ({"cite", "ptr", "text"}, {"start", "end"}),
    "relation": ({"rel", "cite", "roles"}, set()),
    "same": ({"a", "b"}, set()),
    "count": ({"filter", "op", "value"}, {"distinct", "from", "to"}),
    "time": ({"what", "filter", "value"}, {"from", "to"}),
    "order": ({"before", "after"}, {"max_s"}),
    "absence": ({"filter", "from", "to"}, set()),
    "reference": ({"kb", "kb_version", "key", "field", "value"}, set()),
    "hypothesis": ({"code", "stance", "basis"}, set()),
}
ROLES = {
    "net_alert": "src dst dport rule",
    "net_flow": "src dst dport proto",
    "dns_query": "client name answer",
    "http_request": "client host url status",
    "logon": "account host from method outcome",
    "proc_start": "host image parent user",
    "file_write": "host path hash image",
    "api_call": "principal api service from outcome",
    "mail_received": "sender recipient subject auth",
    "object_access": "account host object property",
    "process_access": "host image target account",
    "pipe_connect": "host image pipe",
    "ldap_search": "account host base filter",
    "replication": "account from to",
    "service_install": "host name image account",
    "task_create": "host name account",
    "registry_set": "host key value image",
    "account_change": "actor target change",
    "group_change": "actor group member",
    "policy_change": "actor target change",
    "app_change": "actor app change",
    "log_clear": "host log account",
    "sensor_stop": "host sensor account",
    "mail_read": "account mailbox app from",
    "db_query": "account host action",
}
ID = re.compile(r"[a-z][a-z0-9_]{0,15}\Z")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
POINTER = re.compile(r"(/([^/~!]|~[012])*)+(!(/([^/~!]|~[012])*)+)*\Z")
SCHEMA = re.compile(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)+\Z")


def well_formed(claim: object) -> bool:
    """Whether a claim has exactly the keys and forms of its kind (duplicate keys, sizes and depth included)."""
    if not isinstance(claim, dict) or not tidy(claim, 7):
        return False
    kind = claim.get("kind")
    if not isinstance(kind, str) or kind not in KEYS:
        return False
    needed, allowed = KEYS[kind]
    keys = set(claim)
    if not needed | {"id", "kind"} <= keys or not keys <= needed | allowed | {"id", "kind", "section"}:
        return False
    if "section" in claim and not word(claim["section"], SECTIONS):
        return False
    return matches(ID, claim["id"]) and all(
        FORMS[kind, key](claim[key]) for key in keys - {"id", "kind", "section"}
    )


def tidy(value: object, depth: int) -> bool:
    """No repeated key, no null, no string over 4,096 code points or with a lone surrogate, not too deep."""
    if isinstance(value, Broken) or depth < 0 or value is None:
        return False
    if isinstance(value, dict):
        return all(tidy(key, depth) and tidy(inner, depth - 1) for key, inner in value.items())
    if isinstance(value, list):
        return all(tidy(inner, depth - 1) for inner in value)
    if isinstance(value, str):
        return len(value) <= 4096 and not any("\ud800" <= sign <= "\udfff" for sign in value)
    return True


def matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None


def word(value: object, words: set[str]) -> bool:
    return isinstance(value, str) and value in words


def pointer(value: object) -> bool:
    return matches(POINTER, value)


def cite(value: object) -> bool:
    return matches(DIGEST, value)


def name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def time(value: object) -> bool:
    return claim_time(value) is not None


def whole(value: object) -> bool:
    if not is_number(value):
        return False
    number = Decimal(str(value))
    return number.is_finite() and number >= 0 and number == number.to_integral_value()


def place(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"cite", "ptr"}
        and cite(value["cite"])
        and pointer(value["ptr"])
    )


def clause(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and pointer(value[0])
        and word(value[1], OPS)
        and is_scalar(value[2])
    )


def filter_(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"schema", "where"}
        and matches(SCHEMA, value["schema"])
        and len(value["schema"]) <= 128
        and isinstance(value["where"], list)
        and len(value["where"]) <= 6
        and all(clause(each) for each in value["where"])
    )


def roles(value: object) -> bool:
    return isinstance(value, dict) and len(value) >= 2 and all(is_scalar(each) for each in value.values())


def basis(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(matches(ID, each) for each in value)


FORMS = {
    **dict.fromkeys([("field", "cite"), ("quote", "cite"), ("relation", "cite")], cite),
    **dict.fromkeys([("order", "before"), ("order", "after")], cite),
    **dict.fromkeys([("field", "ptr"), ("quote", "ptr"), ("count", "distinct")], pointer),
    **dict.fromkeys([("field", "value"), ("reference", "value")], is_scalar),
    **dict.fromkeys([("same", "a"), ("same", "b")], place),
    **dict.fromkeys([("count", "filter"), ("time", "filter"), ("absence", "filter")], filter_),
    **dict.fromkeys([(kind, end) for kind in ("count", "time", "absence") for end in ("from", "to")], time),
    **dict.fromkeys([("reference", key) for key in ("kb", "kb_version", "key", "field")], name),
    **dict.fromkeys([("count", "value"), ("quote", "start"), ("quote", "end")], whole),
    ("field", "op"): lambda value: word(value, OPS),
    ("count", "op"): lambda value: word(value, {"eq", "ge", "le"}),
    ("time", "what"): lambda value: word(value, {"first_seen", "last_seen", "duration_s"}),
    ("time", "value"): lambda value: time(value) or is_number(value),
    ("quote", "text"): name,
    ("relation", "rel"): lambda value: word(value, set(ROLES)),
    ("relation", "roles"): roles,
    ("order", "max_s"): lambda value: is_number(value) and value > 0,
    ("hypothesis", "code"): name,
    ("hypothesis", "stance"): lambda value: word(value, {"supports", "weakens"}),
    ("hypothesis", "basis"): basis,
}
