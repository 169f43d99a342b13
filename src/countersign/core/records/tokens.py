"""What can be said of one piece of a text by itself, whatever stands beside it: remembered, for values come again.

Bytes are UTF-8, without the disguises that `refang.py` undoes.
"""

import re
from functools import lru_cache
from ipaddress import ip_address, ip_network

import msgspec

from countersign.core.records.names import is_domain

REMEMBERED = 16_384
"""Of each kind of piece; those seen last."""

Row = tuple[str, str, int, int, str]
"""Type, value, first and last place in the piece, and what it stands within."""

_HASH_NAMES = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
_FILE_SUFFIXES = frozenset("zip mov sh py pl md rs ps so cc cpp do app name id".split())
"""Suffixes that are more often a file's or a field's; with two labels and nothing else to say so, no domain."""
_PRODUCTS = frozenset({"ASP.NET", "VB.NET", "ADO.NET"})
_TRAILING = frozenset(bytes((mark,)) for mark in b".,;:!?'*\x01")
_CLOSING = tuple(mark.encode() for mark in "»«”“’‘„…—–。，、；！？）】」』›‹")
_ENDING = _TRAILING | {b")", b"]"}
AUTHORITY_END = re.compile(rb"[/?#\x01]")
HOST = re.compile(rb"(?:[\w.\x80-\xff-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?")
HOLDS = re.compile(rb"[:@]|(?:[=,;&?\x01]|//)[\w\x80-\xff][\w\x80-\xff-]*+\.|[0-9A-Fa-f]{32}")
"""Whether the path or query of a URL can hold anything that counts there; most do not, and need no automaton."""
FOUR = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)")
"""An IPv4 address."""


@lru_cache(maxsize=REMEMBERED)
def is_address(text: str) -> bool:
    """Is it an address, of either family?"""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=REMEMBERED)
def simple_url(token: bytes) -> tuple[Row, ...]:
    """A URL and its host, when its path and query hold nothing that needs a search; else nothing."""
    token = trimmed(token)
    scheme, mark, rest = token.partition(b"://")
    ends = AUTHORITY_END.search(rest)
    host = rest if ends is None else rest[: ends.start()]
    simple = mark and scheme.isalpha() and HOST.fullmatch(host)
    if not simple or (ends is not None and HOLDS.search(rest, ends.start())):
        return ()
    url: Row = ("url", token.decode(), 0, len(token), "")
    name, kind, value = led_to(host)
    at = len(scheme) + 3 + host.index(name)
    return (url, (kind, value, at, at + len(name), "url")) if kind else (url,)


@lru_cache(maxsize=REMEMBERED)
def led_to(host: bytes) -> tuple[bytes, str, str]:
    """Of the host in a URL: its name without brackets and port, the type of it or nothing, and its value."""
    name = host.partition(b"]")[0].strip(b"[") if host[:1] == b"[" else host.partition(b":")[0]
    text = name.decode().lower()
    if FOUR.fullmatch(text) or (":" in text and is_address(text)):
        return name, "ip", text
    return name, "domain" if is_domain(text) else "", text


class Name(msgspec.Struct, frozen=True, gc=False):
    """What can be said of a dotted name alone: is it a domain, is it written like one, and like a file."""

    value: str
    is_numbers: bool
    is_four: bool
    is_domain: bool
    is_typed: bool
    is_filed: bool
    may_hold: bool
    """Could a hash, two addresses or a name in another script stand inside it?"""


@lru_cache(maxsize=REMEMBERED)
def name_of(name: bytes) -> Name:
    """What a dotted name is by itself."""
    written = name.decode()
    lowered = written.lower()
    suffix = written.rpartition(".")[2]
    return Name(
        lowered,
        not name.strip(b"0123456789."),
        FOUR.fullmatch(written) is not None,
        is_domain(lowered),
        suffix == suffix.lower() or (written == written.upper() and written not in _PRODUCTS),
        suffix.lower() in _FILE_SUFFIXES and written.count(".") == 1,
        len(name) > 32 or name.find(b"-") >= 0 or not name.isascii(),
    )


@lru_cache(maxsize=REMEMBERED)
def six_of(token: bytes) -> tuple[str, str, int]:
    """Of digits with colons: their type, value and length, if they are an IPv6 address or a network of such."""
    text = token.decode().lower()
    address, mark, _ = text.partition("/")
    groups = address.split(":")
    plain_hex = "::" not in address and (len(groups) != 8 or all(len(group) == 2 for group in groups))
    wordy = not any(map(str.isdigit, address)) and len(groups) < 5
    if plain_hex or wordy or not is_address(address):
        return "", "", 0
    return ("cidr", text, len(text)) if mark and is_network(text) else ("ip", address, len(address))


@lru_cache(maxsize=REMEMBERED)
def hash_of(token: bytes) -> tuple[str, str]:
    """The kind of hash that the digits are, or none, and their value."""
    kind = _HASH_NAMES.get(len(token), "")
    mixed = token != token.lower() and token != token.upper()
    odd = not kind or mixed or token.isdigit() or len(set(token)) < 5
    return "" if odd else kind, "" if odd else token.decode().lower()


def trimmed(token: bytes) -> bytes:
    """Without the marks that end a sentence or close a bracket that the token did not open."""
    last = token[-1:]
    if last >= b"\x80" and token.endswith(_CLOSING):
        end = len(token)
        while token.endswith(_CLOSING, 0, end):
            end -= 2 if token[end - 2] == 0xC2 else 3
        token = token[:end]
        last = token[-1:]
    if last not in _ENDING:
        return token
    closing = {b")": token.count(b")") - token.count(b"("), b"]": token.count(b"]") - token.count(b"[")}
    end = len(token)
    while end:
        last = token[end - 1 : end]
        if last in closing:
            if closing[last] <= 0:
                break
            closing[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return token[:end]


def is_network(text: str) -> bool:
    """Is it an address, alone or with the length of a prefix?"""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
