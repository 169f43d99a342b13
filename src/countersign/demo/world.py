"""Who and where: the invented company, its addresses, and the small tools every source shares.

The scenario is one morning, 2025-03-18, in UTC. Nothing is drawn from the machine: identifiers follow
from words by SHA-256, and choices come from a generator with a fixed seed, so that two runs give the
same bytes.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha1, sha256
from random import Random

DAY = "2025-03-18"
DOMAIN = "harbourlight.example"
NETBIOS = "HARBOURLIGHT"
LOOKALIKE = "harbour1ight.example"  # the digit 1 for the letter l
LURE_HOST = f"sso.{LOOKALIKE}"
CONTROLLER = "203.0.113.77"  # lure and controller
INTRUDER = "198.51.100.66"  # takes the stolen data, later signs in with the stolen account
OFFICE = "192.0.2.24"  # the office's one address on the outside
OUTSIDE_SCANNER = "203.0.113.210"
INSIDE_SCANNER = "10.20.9.50"
STAGING = "10.20.8.20"
RESOLVER = "10.20.0.53"
VICTIM, VICTIM_HOST, VICTIM_IP = "isolberg", "WS-0417", "10.20.4.117"
ADMIN, ADMIN_ACCOUNT = "hnilsen", "adm-hnilsen"
REPORTING = "svc-reporting"
SID = "S-1-5-21-2070913355-3310441129-1859923047"
RIDS = {VICTIM: 1417, ADMIN: 1102, ADMIN_ACCOUNT: 1103, "tbakke": 1502, "kdahl": 1311, "svc-inventory": 1190}
DESKS = {"WS-0417": VICTIM_IP, "WS-0502": "10.20.4.202", "WS-0311": "10.20.4.61", "PAW-02": "10.20.5.12"}
JUMP_HOST, JUMP = "JUMP01", "10.20.5.30"  # suppliers work from here
DOORS_HOST, DOORS = "doors.harbourlight.example", "10.20.6.20"
SUPPLIER, STRANGER = "ext-doors", "kdahl"  # whom the change names, and who came under it

Record = dict[str, object]


@dataclass(frozen=True)
class Line:
    """One record with its time; `mark` names it for the story, `copies` repeats it byte for byte."""

    at: datetime
    record: Record
    mark: str = ""
    copies: int = 1


def at(clock: str) -> datetime:
    """`09:04:18` or `09:04:18.120` on the day of the scenario, in UTC."""
    return datetime.fromisoformat(f"{DAY}T{clock}").replace(tzinfo=UTC)


def after(start: datetime, seconds: float) -> datetime:
    """The time `seconds` later."""
    return start + timedelta(seconds=seconds)


def iso(when: datetime, digits: int = 3) -> str:
    """RFC 3339 with `Z` and `digits` decimals (0, 3 or 6)."""
    text = when.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{when.microsecond:06d}"[:digits]
    return f"{text}.{fraction}Z" if digits else f"{text}Z"


def fingerprint(*words: str) -> str:
    """64 hex digits that follow from the words."""
    return sha256("/".join(words).encode()).hexdigest()


def guid(*words: str) -> str:
    """A GUID in form, that follows from the words."""
    hexed = fingerprint(*words)
    return f"{hexed[:8]}-{hexed[8:12]}-4{hexed[13:16]}-8{hexed[17:20]}-{hexed[20:32]}"


def number(limit: int, *words: str) -> int:
    """A number in 0…limit-1 that follows from the words."""
    return int(fingerprint(*words)[:15], 16) % limit


def hashes(path: str) -> str:
    """The `Hashes` text of a process record, for an invented file with this path."""
    seed = path.lower().encode()
    marks = sha1(seed).hexdigest(), md5(seed).hexdigest(), sha256(seed).hexdigest()  # noqa: S324 (a format, not a safeguard)
    return "SHA1={},MD5={},SHA256={}".format(*(mark.upper() for mark in marks))


def chooser(name: str) -> Random:
    """A generator of choices with a fixed seed, one per source."""
    return Random(f"countersign demo {name}")


def fqdn(host: str) -> str:
    """The full name of a host."""
    return f"{host}.{DOMAIN}"


def sid(account: str) -> str:
    """The SID of an account of the company."""
    return f"{SID}-{RIDS.get(account, 1900 + number(90, account))}"


def compact(record: object) -> str:
    """JSON on one line, without blanks, Unicode kept."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
