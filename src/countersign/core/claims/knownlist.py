"""Lists of well-known values as their keepers publish them: MISP warninglists and the Public Suffix List.

What matches one is shared, reserved, popular or a scanner's: context for the reader, never a verdict. No reading
and no suggestion rests on such a list; that is what an `allow_list` of one's own is for.
Source: the MISP warninglist format (types cidr, hostname, string, substring, regex); publicsuffix.org/list.
"""

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from ipaddress import ip_address, ip_network

import msgspec
import re2

from countersign.core.claims.manifest import is_text
from countersign.core.ids import digest

KNOWN = "known_list"
FIELD = "description"
"""The field of every entry, and what a claim on it quotes."""

SUFFIX_TITLE = "Public Suffix List"
_SUFFIX_MARK = b"===BEGIN ICANN DOMAINS==="
_SUFFIX_SAYS = "a suffix under which many parties register names; nobody's own domain"
_TYPES = frozenset("cidr hostname string substring regex".split())
_PARTLY = frozenset({"substring", "regex"})
_ATTRIBUTES = {
    "ip": frozenset("ip-src ip-dst ip-src|port ip-dst|port domain|ip".split()),
    "domain": frozenset("domain hostname domain|ip hostname|port".split()),
    "url": frozenset("url uri link".split()),
    "email": frozenset("email email-src email-dst whois-registrant-email dns-soa-email target-email".split()),
    **{kind: frozenset({kind, f"filename|{kind}"}) for kind in ("md5", "sha1", "sha256", "sha512")},
}
_ATTRIBUTES["hash"] = _ATTRIBUTES["sha512"] | frozenset({"sha224", "sha384", "filename|sha224"})
MAX_SAYS = 1000
_MAX_MEMORY = 256 << 20
_FOUR = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:/(\d{1,2}))?")


class KnownList(msgspec.Struct, frozen=True, dict=True):
    """One such list: its entries as they are written, and how a value is held against them."""

    title: str
    version: str
    type: str  # one of MISP's, or `suffix`
    says: str
    attributes: frozenset[str]  # empty: any kind of value that such lists are made for
    entries: tuple[str, ...]

    def hit(self, kind: str, value: str) -> str:
        """The entry that a value of this semantic type matches; empty when there is none.

        Lists speak of addresses, names, URLs, mail addresses and hashes: `allowed` never meets an account, nor
        a part of a name an address.
        """
        meant = _ATTRIBUTES.get(kind, frozenset())
        if not meant or (self.attributes and not self.attributes & meant):
            return ""
        if kind == "ip" and not self.attributes and self.type in _PARTLY:
            return ""
        return self._match(kind, value.lower())

    @cached_property
    def _match(self) -> Callable[[str, str], str]:
        return {
            "cidr": self._in_network,
            "hostname": self._below,
            "string": self._equal,
            "suffix": self._equal,
            "substring": self._expression,
            "regex": self._expression,
        }[self.type]

    @cached_property
    def _plain(self) -> dict[str, str]:
        return {entry.lower().strip("."): entry for entry in self.entries}

    @cached_property
    def _networks(self) -> dict[tuple[int, int], dict[int, str]]:
        """(version, prefix length) → network number → entry."""
        found: dict[tuple[int, int], dict[int, str]] = {}
        for entry in self.entries:
            version, length, number = _network(entry)
            found.setdefault((version, length), {})[number] = entry
        return {key: found[key] for key in sorted(found, reverse=True)}  # the narrowest first

    @cached_property
    def _automaton(self) -> tuple["re2.Set", bool]:
        """A set of all expressions, and whether it holds any."""
        options = re2.Options()
        options.case_sensitive, options.log_errors, options.max_mem = False, False, _MAX_MEMORY
        made = re2.Set.SearchSet(options)
        for entry in self.entries:
            made.Add(re2.escape(entry) if self.type == "substring" else _expression(entry))
        made.Compile()
        return made, bool(self.entries)

    def _in_network(self, kind: str, value: str) -> str:
        if kind != "ip":
            return ""
        address = ip_address(value)
        for (version, length), networks in self._networks.items():
            if version == address.version:
                spare = address.max_prefixlen - length
                entry = networks.get(int(address) >> spare << spare)
                if entry is not None:
                    return entry
        return ""

    def _equal(self, kind: str, value: str) -> str:
        found = self._plain.get(value.strip("."), "")
        return found if found or kind != "url" else self._plain.get(_host(value), "")

    def _below(self, kind: str, value: str) -> str:
        """The host itself, or a zone above it; an address has no zones."""
        if kind == "ip":
            return self._equal(kind, value)
        labels = (_host(value) if kind == "url" else value).strip(".").split(".")
        zones = (".".join(labels[n:]) for n in range(len(labels)))
        return next((self._plain[zone] for zone in zones if zone in self._plain), "")

    def _expression(self, kind: str, value: str) -> str:  # noqa: ARG002
        made, any_at_all = self._automaton
        found = made.Match(value) if any_at_all else None
        return self.entries[min(found)] if found else ""


def _network(entry: str) -> tuple[int, int, int]:
    """Version, prefix length and number; lists of 60,000 plain addresses are common. ValueError if it is none."""
    plain = _FOUR.fullmatch(entry)
    if plain is not None and all(len(part) == 1 or part[0] != "0" for part in plain.groups()[:4]):
        one, two, three, four = map(int, plain.groups()[:4])
        length = int(plain[5] or 32)
        if max(one, two, three, four) < 256 and length <= 32:
            number = one << 24 | two << 16 | three << 8 | four
            return 4, length, number >> 32 - length << 32 - length
    network = ip_network(entry, strict=False)
    return network.version, network.prefixlen, int(network.network_address)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]


def _expression(entry: str) -> str:
    """`/expression/flags` as PHP writes it; only the flags `g` and `i` change nothing here."""
    if not entry.startswith("/"):
        return entry
    body, mark, flags = entry[1:].rpartition("/")
    if not mark or set(flags) - set("gi"):
        raise ValueError(f"the expression {entry[:80]} cannot be read")
    return body


def is_known_list(document: object) -> bool:
    """Does a JSON document have the marks of a MISP warninglist?"""
    return isinstance(document, dict) and {"name", "type", "version", "list"} <= set(document)


def read_warninglist(document: dict[str, object]) -> KnownList:
    """A MISP warninglist, as it is published; raises ValueError that says what is wrong."""
    title, version, kind, says = (document.get(key, "") for key in ("name", "version", "type", "description"))
    if not isinstance(title, str) or not is_text(title) or isinstance(version, bool):
        raise ValueError("a warninglist has a name and a version")
    if not isinstance(version, int | str) or not str(version):
        raise ValueError("a warninglist's version is a number or a text")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ValueError(f"a warninglist's type is one of {', '.join(sorted(_TYPES))}")
    attributes = _texts(document.get("matching_attributes", []), "matching_attributes")
    entries = _texts(document["list"], "list")
    made = KnownList(
        title,
        str(version),
        kind,
        says[:MAX_SAYS] if isinstance(says, str) and is_text(says) else title,
        frozenset(attributes),
        tuple(dict.fromkeys(entries)),
    )
    _check(made)
    return made


def _texts(rows: object, name: str) -> list[str]:
    texts = [row for row in rows if isinstance(row, str) and row] if isinstance(rows, list) else []
    if not isinstance(rows, list) or len(texts) != len(rows) or not _is_unicode("".join(texts)):
        raise ValueError(f"{name} is an array of strings that are not empty")
    return texts


def _is_unicode(text: str) -> bool:
    """No half of a surrogate pair; quicker than `is_text` over a list of megabytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check(made: KnownList) -> None:
    """Every entry can be used: what would fail later fails now, by name."""
    for entry in made.entries if made.type in {"cidr", "regex"} else ():
        try:
            _network(entry) if made.type == "cidr" else re2.compile(_expression(entry))
        except (ValueError, re2.error) as error:
            raise ValueError(f"the entry {entry[:80]} cannot be read as {made.type}") from error


def is_suffix_list(data: bytes) -> bool:
    """Has the file the heading of the Public Suffix List?"""
    return _SUFFIX_MARK in data[:8192]


def read_suffix_list(data: bytes) -> KnownList:
    """The Public Suffix List as published; its version is in its comments, else it is told by its digest."""
    text = data.decode("utf-8-sig")
    entries = tuple(dict.fromkeys(_rules(text)))
    version = next(
        (line.partition("VERSION:")[2].strip() for line in text.splitlines()[:40] if "VERSION:" in line), ""
    )
    return KnownList(
        SUFFIX_TITLE,
        version or digest(data)[:19],
        "suffix",
        _SUFFIX_SAYS,
        _ATTRIBUTES["domain"],
        entries,
    )


def _rules(text: str) -> Iterator[str]:
    """Rules with a wildcard or an exception name no suffix by themselves."""
    for line in text.splitlines():
        rule = line.partition(" ")[0].strip()
        if rule and not rule.startswith(("//", "*", "!")):
            yield rule
