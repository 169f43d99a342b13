"""When two values are the same value: one comparison for each semantic type.

Addresses compare as packed bytes, times as UTC nanoseconds, numbers and numeric ids as exact decimals, host
names and hashes in lower case, everything else by its words, code point by code point, whatever JSON type
they were written in. A value that does not parse as
its type keeps its code points; if only one side parses, the two differ. A boolean is never a number.
"""

import re
import unicodedata
from calendar import timegm
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network

Canon = tuple[str, object]
"""A tag (`ip time n b s`) and a hashable value; equal exactly when the two values are the same."""

INTEGER_TYPES = frozenset({"port", "pid", "int", "severity"})
NUMBER_TYPES = INTEGER_TYPES | {"number"}
LOWER_TYPES = frozenset({"host", "domain", "sha256", "sha1", "md5", "hash", "guid", "mac"})
_EXACT = NUMBER_TYPES | {"bool", "time", "ip", "id"}
HASH_LENGTH = {"sha256": 64, "sha1": 40, "md5": 32}
NANOSECONDS = 1_000_000_000

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d):(\d\d)(?:\.(\d{1,9})\d*)?\s?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII
)
_INTEGER = re.compile(r"-?\d{1,40}", re.ASCII)
_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,40})?", re.ASCII)
_EPOCHS = {"epoch_s": NANOSECONDS, "epoch_ms": NANOSECONDS // 1000}


def parse_time(text: str, *, zone_required: bool = True) -> int | None:
    """UTC nanoseconds of an RFC 3339 time (also `+0000`); None if unreadable or, when required, zoneless."""
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    minute, second, fraction, zone = found.groups()
    if zone is None and zone_required:
        return None
    start = _minute_s(minute)
    offset = _offset_s(zone)
    if start is None or offset is None or int(second) > 60:
        return None
    whole = start + int(second) - offset
    return whole * NANOSECONDS + int((fraction or "0").ljust(9, "0"))


@lru_cache(maxsize=4096)
def _minute_s(text: str) -> int | None:
    """Seconds since 1970 at which `YYYY-MM-DDThh:mm` begins; records of one file share few of them."""
    parts = tuple(int(text[start:end]) for start, end in ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16)))
    try:
        datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]
    except ValueError:
        return None
    return timegm((*parts, 0))


def _offset_s(zone: str | None) -> int | None:
    if zone is None or zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        return None
    return (1 if zone[0] == "+" else -1) * (hours * 3600 + minutes * 60)


def read_time(value: object, how: str = "iso") -> int | None:
    """UTC nanoseconds of a field of type time; `how` is the dictionary's `format`. Digits in a text count as a number."""
    scale = _EPOCHS.get(how)
    if isinstance(value, str):
        if scale is None or not _NUMBER.fullmatch(value):
            return _mail_time(value) if how == "rfc5322" else parse_time(value, zone_required=how != "utc")
        value = Decimal(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return int(value * scale) if scale and -(10**15) < value < 10**15 else None
    return None


def _mail_time(text: str) -> int | None:
    try:
        moment = parsedate_to_datetime(text)
        return None if moment.tzinfo is None else int(moment.timestamp()) * NANOSECONDS
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def format_time(ns: int) -> str:
    """RFC 3339 in UTC, with as many decimals as the time has (0, 3, 6 or 9)."""
    seconds, rest = divmod(ns, NANOSECONDS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    if not rest:
        return text + "Z"
    digits = f"{rest:09d}"
    for width in (3, 6):
        if not digits[width:].strip("0"):
            return f"{text}.{digits[:width]}Z"
    return f"{text}.{digits}Z"


@lru_cache(maxsize=65536)
def clock(ns: int) -> str:
    """Time of day in UTC, `13:05:32.770`."""
    return format_time(ns)[11:].rstrip("Z")


def _text(kind: str, how: str, value: str) -> Canon:
    if kind == "ip":
        if "%" in value:  # a zone id is free text, so it is no address
            return ("s", value)
        try:
            return ("ip", ip_address(value).packed)
        except ValueError:
            return ("s", value)
    if kind == "time":
        ns = read_time(value, how)
        return ("s", value) if ns is None else ("time", ns)
    if kind in NUMBER_TYPES or kind == "id":
        return _numeric(kind, value)
    if kind == "bool" and value.lower() in {"true", "false"}:
        return ("b", value.lower() == "true")
    return ("s", value.lower() if kind in LOWER_TYPES else value)


def _numeric(kind: str, value: str) -> Canon:
    if kind == "id" and value != "0" and value.startswith(("0", "-")):
        return ("s", value)  # an id that only looks like a number keeps its zeros
    if _INTEGER.fullmatch(value):
        return ("n", int(value))
    if kind in INTEGER_TYPES and _HEX.fullmatch(value):
        return ("n", int(value, 16))
    if kind == "number" and _NUMBER.fullmatch(value):
        return _number(Decimal(value))
    return ("s", value)


def _number(value: Decimal) -> Canon:
    return ("n", int(value)) if value == value.to_integral_value() else ("n", value.normalize())


def canon(kind: str, value: object, how: str = "iso") -> Canon | None:
    """The canonical form of a scalar under a semantic type; None for null, arrays and objects."""
    if isinstance(value, str):
        return _text(kind, how, value)
    if isinstance(value, bool):
        return ("b", value) if kind in _EXACT else ("s", "true" if value else "false")
    if not isinstance(value, int | Decimal):
        return None
    if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) > 400):
        return None
    if kind == "time" and (ns := read_time(value, how)) is not None:
        return ("time", ns)
    if kind not in _EXACT:  # the same words in another JSON type are the same words
        return ("s", str(value) if isinstance(value, int) else format(value, "f"))
    return ("n", value) if isinstance(value, int) else _number(value)


def is_typed(kind: str, value: object) -> bool:
    """Does the value parse as a type that leaves no room for prose (number, time, address, hash)?"""
    form = canon(kind, value)
    if form is None:
        return False
    if kind in HASH_LENGTH:
        return (
            isinstance(value, str) and re.fullmatch(f"[0-9a-fA-F]{{{HASH_LENGTH[kind]}}}", value) is not None
        )
    return form[0] != "s"


def compatible(one: str, other: str) -> bool:
    """May two fields of these types be compared with each other?"""
    return family(one) == family(other)


def family(kind: str) -> str:
    """The group of types within which values mean the same kind of thing."""
    if kind in INTEGER_TYPES:
        return kind if kind in {"port", "pid"} else "int"
    return {"host": "domain", "url_path": "text", "cmdline": "text", "enum": "text"}.get(kind, kind)


_INSIDE = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"))
) + tuple(map(ip_network, ("fc00::/7", "fe80::/10", "::1/128")))


def is_address(text: str) -> bool:
    """Is this an IP address, and not, say, a service's name in its place?"""
    return _text("ip", "iso", text)[0] == "ip"


def is_inside(text: str) -> bool:
    """Is this an address that never crosses the internet (RFC 1918, RFC 4193, loopback, link-local)?"""
    try:
        address = ip_address(text.split("%", 1)[0])
    except ValueError:
        return False
    return any(address.version == net.version and address in net for net in _INSIDE)


# Look-alikes: Cyrillic and Greek letters that print like Latin ones (Unicode TR 39, the common cases).
_CONFUSABLE = str.maketrans(
    "аеорсухіјѕһԁԛԝАВЕКМНОРСТХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧαονρτυχιк０１２３４５６７８９",
    "aeopcyxijshdqwABEKMHOPCTXIJSABEZHIKMNOPTYXaovptuxik0123456789",
)


def skeleton(text: str) -> str:
    """What a hurried reader would see: confusables folded, invisible characters dropped, case ignored."""
    folded = unicodedata.normalize("NFKC", text.translate(_CONFUSABLE)).translate(_CONFUSABLE)
    kept = (c for c in folded if unicodedata.category(c) not in {"Cf", "Cc", "Cn", "Mn", "Co"})
    return "".join(kept).casefold().replace("0", "o").replace("1", "l").strip()
