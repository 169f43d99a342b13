r"""The syslog/1 view: one line of syslog as a document.

    {"form": "rfc5424" | "rfc3164" | "iso" | "bare", "facility": "auth", "severity": "crit", "time": …,
     "local_time": "Oct 11 22:14:15", "host", "program", "pid", "message_id",
     "structured": {"exampleSDID@32473": {"iut": "3"}}, "message": "…", "said": {"action": "logon", …}}

- `time` is there only when the line gives year and zone (RFC 5424, or the ISO times of rsyslog and syslog-ng).
  RFC 3164 times have neither: they stand in `local_time` as written, and no time is guessed.
- `facility` and `severity` are there only when the line has a priority, `<34>`; `bare` is a line with nothing
  else. A line with neither priority nor time is not syslog.
- `said` is what a well-known program's message means (`core/records/programs`).
- Bytes that are not UTF-8 are written `\xNN`.

Sources: RFC 5424, RFC 3164.
"""

import re

from countersign.core.records.programs import said

MAX_PARAMETERS = 1000

_FACILITIES = (
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock "
    "local0 local1 local2 local3 local4 local5 local6 local7"
).split()
_SEVERITIES = "emerg alert crit err warning notice info debug".split()

_PRIORITY = re.compile(r"<(0|[1-9]\d{0,2})>", re.ASCII)
_ISO_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_RFC5424 = re.compile(
    rf"1 (?P<time>-|{_ISO_TIME}) (?P<host>\S{{1,255}}) (?P<program>\S{{1,48}}) (?P<pid>\S{{1,128}}) (?P<message_id>\S{{1,32}}) ",
    re.ASCII,
)
_LOCAL = re.compile(
    r"(?P<local_time>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?) ",
    re.ASCII,
)
_ISO = re.compile(rf"(?P<time>{_ISO_TIME}) ", re.ASCII)
_TAG = re.compile(r"(?P<program>[^\s\[\]:]{1,128})(?:\[(?P<pid>[^\s\[\]]{1,128})\])?:(?: |\Z)")
_HOST = re.compile(r"(?P<host>\S{1,255}) ")
_ELEMENT = re.compile(r"\[(?P<id>[^\s=\"\]]{1,128})")
_PARAMETER = re.compile(r" (?P<name>[^\s=\"\]]{1,128})=\"(?P<value>(?:[^\"\\\]]|\\.)*)\"", re.DOTALL)
_ESCAPED = re.compile(r"\\([\"\\\]])")
_ZONED = re.compile(r"(?:Z|[+-]\d\d:?\d\d)\Z")


def looks_like_syslog(raw: bytes) -> bool:
    """Does a line start as syslog does: a priority, or a time, a host and a program?"""
    try:
        document = syslog_view(raw[:4096])
    except ValueError:
        return False
    return document["form"] != "bare" and ("program" in document or "facility" in document)


def syslog_view(raw: bytes) -> dict[str, object]:
    """The line as a document; raises `ValueError` if it has neither a priority nor a time."""
    line = raw.decode("utf-8", "backslashreplace").removeprefix("\ufeff")
    document: dict[str, object] = {}
    start = 0
    priority = _PRIORITY.match(line)
    if priority is not None and int(priority[1]) < 8 * len(_FACILITIES):
        facility, severity = divmod(int(priority[1]), 8)
        document = {"facility": _FACILITIES[facility], "severity": _SEVERITIES[severity]}
        start = priority.end()
    new = _RFC5424.match(line, start)
    if new is not None and (document or new["time"] != "-"):  # some receivers take the priority off
        return _new(line, new, document)
    return _old(line, start, document)


def _new(line: str, head: re.Match[str], document: dict[str, object]) -> dict[str, object]:
    """RFC 5424: a header of five names, structured data, a message."""
    document |= {"form": "rfc5424"}
    for name in ("host", "program", "pid", "message_id"):
        document |= {} if head[name] == "-" else {name: head[name]}
    document |= {} if head["time"] == "-" else _timed(head["time"])
    structured, end = _structured(line, head.end())
    document |= {"structured": structured} if structured else {}
    return document | _message(line[end:].removeprefix(" ").removeprefix("\ufeff"), document)


def _timed(text: str) -> dict[str, object]:
    return {"time": text.replace(",", ".")} if _ZONED.search(text) else {"local_time": text}


def _structured(line: str, start: int) -> tuple[dict[str, dict[str, str]], int]:
    """Elements by id and where the message begins; raises `ValueError` if they are not well formed."""
    if line.startswith("-", start):
        return {}, start + 1
    found: dict[str, dict[str, str]] = {}
    at, count = start, 0
    while (element := _ELEMENT.match(line, at)) is not None:
        at = element.end()
        parameters = found.setdefault(element["id"], {})
        while (parameter := _PARAMETER.match(line, at)) is not None:
            at, count = parameter.end(), count + 1
            parameters.setdefault(parameter["name"], _ESCAPED.sub(r"\1", parameter["value"]))
        if not line.startswith("]", at) or count > MAX_PARAMETERS:
            raise ValueError("not syslog: structured data that does not end")
        at += 1
    if at == start:
        raise ValueError("not syslog: no structured data where RFC 5424 has it")
    return found, at


def _old(line: str, start: int, document: dict[str, object]) -> dict[str, object]:
    """RFC 3164 and what is written in its manner: perhaps a time, a host, a program; the rest is the message."""
    at, form = start, "bare"
    local, iso = _LOCAL.match(line, start), _ISO.match(line, start)
    if local is not None:
        at, form = local.end(), "rfc3164"
        document |= {"local_time": local["local_time"]}
    elif iso is not None:
        at, form = iso.end(), "iso"
        document |= _timed(iso["time"])
    elif not document:
        raise ValueError("not syslog: neither a priority nor a time at its start")
    if form != "bare" and _TAG.match(line, at) is None and (host := _HOST.match(line, at)) is not None:
        document |= {"host": host["host"]}
        at = host.end()
    tag = _TAG.match(line, at)
    if tag is not None:
        document |= {"program": tag["program"]} | ({"pid": tag["pid"]} if tag["pid"] else {})
        at = tag.end()
    return document | {"form": form} | _message(line[at:], document)


def _message(text: str, document: dict[str, object]) -> dict[str, object]:
    program = document.get("program")
    meaning = said(program.rpartition("/")[2], text) if isinstance(program, str) else {}
    return {"message": text} | ({"said": meaning} if meaning else {})
