r"""Observables: the data points by which records are joined, each in its one spelling.

- Only fields the dictionary types are read, and never one it marks `observable = false`.
- One entity has one value however products write it: `ADFS01.corp.example` and `adfs01` are the host
  `adfs01`; `CORP\jdoe`, `jdoe@corp.example` and `jdoe` are the user `jdoe`.
- What everyone shares joins nobody: loopback and multicast addresses, system accounts, empty hashes.

The spelling is for joining only; a citation always shows the record's own. `Extractor` runs for every
record at intake, so it compiles a schema once and follows only the parts of a record that can hold one.
What free text names is read elsewhere (`told.py`), and joins nothing.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

import msgspec

from countersign.core.records.fields import _END, ANY, INSIDE, Field, Node, Schema, escape
from countersign.core.records.views import embedded


class Observable(msgspec.Struct, frozen=True, gc=False):
    """A data point: its semantic type and its one spelling."""

    type: str
    value: str


Found = tuple[tuple[Observable, str], ...]
"""Observables of a record, each with the pointer it stands at."""

ACCOUNT_ROLES = frozenset({"actor", "target", "principal"})
"""An address in a field of these roles also names an account."""

_PLAIN = frozenset({"ip", "domain", "user", "sid", "url", "sha256", "sha1", "md5", "hash"})
_HASHES = {"sha256": (64,), "sha1": (40,), "md5": (32,), "hash": (32, 40, 56, 64, 96, 128)}
_NO_HASH = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
)
_NOBODY = frozenset(
    "system|local system|localsystem|local service|localservice|network service|networkservice|"
    "anonymous logon|anonymous|nobody|-|n/a|none|null|unknown|everyone|authenticated users".split("|")
)
_NO_AUTHORITY = ("nt authority\\", "nt service\\", "font driver host\\", "window manager\\", "iis apppool\\")
_NO_HOST = frozenset({"-", "localhost", "localhost.localdomain", "localhost6", "unknown", "null", "none"})
_INSIDE_ZONES = (".local", ".lan", ".corp", ".internal", ".intra", ".intranet", ".home", ".localdomain")
FOUR = (
    r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
)
_FOUR = re.compile(FOUR)
_SHARED_FOUR = ("127.", "169.254.", *(f"{first}." for first in range(224, 240)))
_SHARED_FOURS = frozenset({"0.0.0.0", "255.255.255.255"})  # noqa: S104 (an address to leave out, not to bind)
_GROUP = "[1-9a-f][0-9a-f]{0,3}"
_SIX = re.compile(rf"[23][0-9a-f]{{3}}(?::{_GROUP}){{0,5}}::(?:{_GROUP}(?::{_GROUP}){{0,4}})?")
"""A global address in its one spelling, if it has six groups at the most; everything else is parsed."""
_SERVICE_SESSION = re.compile(r"(dwm|umfd)-\d+")
_NAME = re.compile(r"[^\s/\\@:,;=<>\"'|*?]{1,253}")
_AWS_ID = re.compile(r"(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{16}(?::[\w.@=,-]{1,64})?", re.ASCII)
_GUID = re.compile(r"\{?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?", re.ASCII)
_FIRST_PARTY = "-0000-0000-c000-000000000000"  # Microsoft's own applications, the same in every tenant
_ID = re.compile(r"[\w.:/@+=,-]{4,200}", re.ASCII)
_USER_ARN = re.compile(r"arn:aws[\w-]*:iam::\d*:user/(?:[^\s]*/)?([^\s/]+)")


def account(text: str) -> tuple[str, str]:
    r"""Name and domain, in lower case, of `DOMAIN\name`, `name@domain`, Kerberos' `name/REALM.ZONE` or `name`."""
    lowered = text.strip().lower()
    name, slash, realm = text.strip().partition("/")
    if slash and "." in realm and realm == realm.upper() and _NAME.fullmatch(name) and _NAME.fullmatch(realm):
        return name.lower(), realm.lower()
    if "\\" in lowered:
        domain, _, name = lowered.rpartition("\\")
        return name, domain
    name, _, domain = lowered.partition("@")
    return name, domain


def _ip(text: str) -> tuple[Observable, ...]:
    if _FOUR.fullmatch(text):
        return () if text.startswith(_SHARED_FOUR) or text in _SHARED_FOURS else (Observable("ip", text),)
    if _SIX.fullmatch(text) and text.count(":") <= 6:
        return (Observable("ip", text),)
    try:
        address = ip_address(text.partition("%")[0].strip("[] "))
    except ValueError:
        return ()
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    shared = address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local
    if shared or str(address) == "255.255.255.255":
        return ()
    return (Observable("ip", str(address)),)


def _host(text: str) -> tuple[Observable, ...]:
    """A machine of ours: the first label names it."""
    name = text.strip().strip("\\").rstrip(".").lower()
    if _looks_like_address(name):
        return _ip(name)
    name, _, port = name.partition(":")
    short = name.split(".", 1)[0].removesuffix("$")
    if name in _NO_HOST or not short or (port and not port.isdecimal()) or not _NAME.fullmatch(short):
        return ()
    return (Observable("host", short),)


def _site(text: str) -> tuple[Observable, ...]:
    """A host name that an outsider could choose: with a zone it is a name in DNS, without one a machine."""
    name = text.strip().strip("\\").rstrip(".").lower()
    if name.rpartition(":")[2].isdecimal() and name.count(":") == 1:
        name = name.rpartition(":")[0]
    return _host(name) if "." not in name or name.endswith(_INSIDE_ZONES) else _domain(name)


def _domain(text: str) -> tuple[Observable, ...]:
    name = text.strip().strip(".").lower()
    if _looks_like_address(name):
        return _ip(name)
    if name in _NO_HOST or name.endswith(".arpa") or not _NAME.fullmatch(name):
        return ()
    return (Observable("domain", name),) if "." in name else _host(name)


def _looks_like_address(name: str) -> bool:
    return name.count(":") > 1 or name.replace(".", "").isdecimal()


def _user(text: str) -> tuple[Observable, ...]:
    if text.startswith("S-1-"):
        return _sid(text)
    if text.startswith("arn:"):
        return _arn(text)
    name, domain = account(text)
    if name.endswith("$"):
        return _host(name)
    whole = text.strip().lower()
    if name in _NOBODY or not name or len(name) > 256 or _SERVICE_SESSION.fullmatch(name):
        return ()
    if whole.startswith(_NO_AUTHORITY):
        return ()
    user = Observable("user", name)
    return (user, *_email(whole)) if "\\" not in whole and "." in domain else (user,)


def _sid(text: str) -> tuple[Observable, ...]:
    """Only accounts and groups of a domain, a machine or a cloud directory; the rest is the same everywhere."""
    sid = text.strip().upper()
    return (Observable("sid", sid),) if sid.startswith(("S-1-5-21-", "S-1-12-1-")) and len(sid) < 100 else ()


def _email(text: str) -> tuple[Observable, ...]:
    address = text.strip().strip("<>").lower()
    name, _, domain = address.partition("@")
    good = (
        name and domain and "@" not in domain and not any(c.isspace() for c in address) and len(address) < 321
    )
    return (Observable("email", address),) if good else ()


def _mailbox(text: str) -> tuple[Observable, ...]:
    """An address that is also an account: a user principal name, the recipient of a mail."""
    return _user(text) if "@" in text else _email(text)


def _url(text: str) -> tuple[Observable, ...]:
    address = text.strip().partition("#")[0]
    scheme, mark, rest = address.partition("://")
    if not mark or len(address) > 2048 or not scheme.isalpha():
        return ()
    host, slash, path = rest.partition("/")
    return (Observable("url", f"{scheme.lower()}://{host.lower()}{slash}{path}"),)


def _guid(text: str) -> tuple[Observable, ...]:
    """In lower case, without braces."""
    found = _GUID.fullmatch(text.strip())
    if found is None or not found[1].strip("0-") or found[1].lower().endswith(_FIRST_PARTY):
        return ()
    return (Observable("guid", found[1].lower()),)


def _named_id(text: str) -> tuple[Observable, ...]:
    """An id of an application, a principal or a resource."""
    if _GUID.fullmatch(text.strip()):
        return _guid(text)
    return (Observable("id", text),) if _ID.fullmatch(text) and text.strip("0-") else ()


def _aws_id(text: str) -> tuple[Observable, ...]:
    """A key or principal id, known by its prefix; a session name after `:` is not part of it."""
    return (Observable("id", text.partition(":")[0]),) if _AWS_ID.fullmatch(text) else ()


def _arn(text: str) -> tuple[Observable, ...]:
    """A user's ARN is that user; any other ARN is itself."""
    found = _USER_ARN.fullmatch(text.strip())
    if found:
        return _user(found[1])
    return (Observable("arn", text.strip()),) if text.startswith("arn:") and len(text) < 2048 else ()


def _hash(kind: str, text: str) -> tuple[Observable, ...]:
    value = text.strip().lower()
    odd = len(value) not in _HASHES[kind] or value in _NO_HASH or not value.strip("0")
    return () if odd or value.strip("0123456789abcdef") else (Observable(kind, value),)


_SPELL = {
    "ip": _ip,
    "host": _host,
    "site": _site,
    "domain": _domain,
    "user": _user,
    "sid": _sid,
    "email": _email,
    "mailbox": _mailbox,
    "url": _url,
    "guid": _guid,
    "id": _named_id,
    "aws": _aws_id,
    "arn": _arn,
}


@lru_cache(maxsize=65_536)
def spell(kind: str, text: str) -> tuple[Observable, ...]:
    """The observables a value names, under a kind that `kind_of` gave; empty when it joins nobody."""
    if len(text) > 2048:
        return ()
    return _hash(kind, text) if kind in _HASHES else _SPELL[kind](text)


def kind_of(field: Field, schema: str) -> str:
    """How a field's values are spelled as observables; empty when they are none."""
    if not field.observable:
        return ""
    if field.type in _PLAIN:
        return field.type
    if field.type == "host":
        return "site" if field.tainted and field.role not in {"host", "source"} else "host"
    if field.type == "email":
        return "mailbox" if field.role in ACCOUNT_ROLES else "email"
    if field.type == "arn":
        return "arn" if field.role in ACCOUNT_ROLES | {"resource"} else ""
    if field.type in {"guid", "id"} and field.role in {"app", "principal", "resource"}:
        return "id"
    return "aws" if field.type == "id" and schema.startswith("aws.") else ""


class _Way:
    """One place in a record that may hold observables, or leads to some."""

    __slots__ = ("inside", "kind", "named", "other", "parser")

    def __init__(self) -> None:
        self.kind = ""
        self.named: dict[str, tuple[str, _Way]] = {}  # key → escaped token, way
        self.other: _Way | None = None
        self.inside: _Way | None = None
        self.parser = ""


_KindOf = Callable[[Field, str], str]
_Spell = Callable[[str, str], Sequence[Observable]]


def _way(nodes: tuple[Node, ...], schema: str, kind: _KindOf) -> _Way | None:
    """Several nodes of the dictionary at once, the more literal one first: the same field wins as in a pointer."""
    made = _Way()
    field: Field | None = next((node[_END] for node in nodes if _END in node), None)
    made.kind = kind(field, schema) if field else ""
    wild = tuple(node[ANY] for node in nodes if ANY in node)
    made.other = _way(wild, schema, kind) if wild else None
    for key in dict.fromkeys(key for node in nodes for key in node if key not in {_END, ANY, INSIDE}):
        below = tuple(node[name] for node in nodes for name in (key, ANY) if name in node)
        child = _way(below, schema, kind)
        # A literal key without observables still shadows the wildcard beside it.
        if child is not None or made.other is not None:
            made.named[key] = ("/" + escape(key), child or _Way())
    deeper = next((node for node in nodes if INSIDE in node and _END in node and node[_END].embed), None)
    if deeper is not None:
        made.inside, made.parser = _way((deeper[INSIDE],), schema, kind), deeper[_END].embed
    live = made.kind or made.other or made.inside or any(_leads(child) for _, child in made.named.values())
    return made if live else None


def _leads(way: _Way) -> bool:
    return bool(way.kind or way.named or way.other or way.inside)


class Extractor:
    """Reads the observables of one schema's records: by default those of typed fields."""

    def __init__(self, schema: Schema, kind: _KindOf = kind_of, spelled: _Spell = spell) -> None:
        self.schema = schema
        self._absent = schema.absent
        self._spell = spelled
        self._root = _way((schema.root,), schema.name, kind)

    def __call__(self, view: object) -> Found:
        """Observables and the pointers they stand at, in the order of the record."""
        found: list[tuple[Observable, str]] = []
        if self._root is not None:
            self._read(self._root, view, "", found)
        return tuple(found)

    def _read(self, way: _Way, here: Any, pointer: str, found: list[tuple[Observable, str]]) -> None:
        if type(here) is str:
            self._leaf(way, here, pointer, found)
        elif type(here) is dict:
            named, other = way.named, way.other
            if other is None:
                for key in [key for key in here if key in named]:
                    token, below = named[key]
                    value = here[key]
                    if type(value) is str and below.inside is None:
                        if below.kind and value not in self._absent:
                            for one in self._spell(below.kind, value):
                                found.append((one, pointer + token))  # noqa: PERF401 (see `_leaf`)
                    else:
                        self._read(below, value, pointer + token, found)
                return
            for key, value in here.items():
                known = named.get(key)
                if known is not None:
                    self._read(known[1], value, pointer + known[0], found)
                else:
                    self._read(other, value, f"{pointer}/{escape(key)}", found)
        elif type(here) is list and (way.named or way.other):
            for index, value in enumerate(here):
                child = way.named[str(index)][1] if str(index) in way.named else way.other
                if child is not None:
                    self._read(child, value, f"{pointer}/{index}", found)

    def _leaf(self, way: _Way, text: str, pointer: str, found: list[tuple[Observable, str]]) -> None:
        if way.kind and text not in self._absent:
            for one in self._spell(way.kind, text):
                found.append((one, pointer))  # noqa: PERF401 (a generator costs more than it saves here)
        if way.inside is not None:
            inner = embedded(text, way.parser)
            if inner is not None:
                self._read(way.inside, inner, pointer + "!", found)


_EXTRACTORS: dict[int, Extractor] = {}


def extractor(schema: Schema) -> Extractor:
    """The compiled extractor of a schema, made once."""
    made = _EXTRACTORS.get(id(schema))
    if made is None or made.schema is not schema:
        made = _EXTRACTORS[id(schema)] = Extractor(schema)
    return made


def observables(schema: Schema, view: object) -> Found:
    """Every observable of a record with the pointer it stands at."""
    return extractor(schema)(view)
