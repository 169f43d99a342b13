r"""The auditd/1 view: one line of the Linux audit log as a document.

    {"node", "type": "SYSCALL", "time": "2013-03-28T14:36:03.243Z", "serial": 24287,
     "fields": {"arch": "c000003e", "exe": "/bin/cat", …}, "message": {"op", "acct", …}, "names": {"UID": …},
     "address": {"family", "ip", "port", "path"}, "words": "avc: denied { read } for", "again": {…}}

- The time is seconds since 1970 in the record itself, so it is exact and UTC.
- `message` is what a program says inside `msg='…'`; `names` is what auditd resolved (`log_format=ENRICHED`).
- The kernel writes a text that somebody could choose in quotes, or in hexadecimal where it holds a quote, a
  space or a control character: such texts are decoded, and only in the fields where the kernel does so. NULs
  between the arguments of `proctitle` become spaces; bytes that are not UTF-8 are written `\xNN`.
- Of a name that comes again the first value counts; the others stand under `again`.

Source: the audit record fields and types of the Linux audit documentation.
"""

import re
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

_HEAD = re.compile(
    r"(?:node=(?P<node>\S{1,255}) )?type=(?P<type>[A-Z0-9_]{1,64}|UNKNOWN\[\d{1,6}\]) "
    r"msg=audit\((?P<second>\d{1,11})\.(?P<milli>\d{3}):(?P<serial>\d{1,20})\): ?",
    re.ASCII,
)
_PAIR = re.compile(r"([A-Za-z0-9_\-\[\]]{1,64})=(?:\"([^\"]*)\"|(\S*))|(\S+)", re.ASCII)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_SPOKEN = " msg='"
_CHOSEN = frozenset(
    "acct cmd comm cwd data dir exe file grp key name new_name ocomm old_name path proctitle sw unit vm watch".split()
)
_ARGUMENT = re.compile(r"a\d{1,6}(?:\[\d{1,6}\])?", re.ASCII)
_FAMILIES = {0: "unspec", 1: "unix", 2: "inet", 10: "inet6", 16: "netlink", 17: "packet"}


def looks_like_auditd(raw: bytes) -> bool:
    """Does a line start as auditd writes it?"""
    return _HEAD.match(raw[:512].decode("ascii", "replace")) is not None


def auditd_view(raw: bytes) -> dict[str, object]:
    """The line as a document; raises `ValueError` if it does not start as auditd writes it."""
    line = raw.decode("utf-8", "backslashreplace")
    head = _HEAD.match(line)
    if head is None:
        raise ValueError("not an audit record: no type and no msg=audit(…)")
    document: dict[str, object] = {} if head["node"] is None else {"node": head["node"]}
    document |= {"type": head["type"], "time": _time(int(head["second"]), head["milli"])}
    document |= {"serial": int(head["serial"])}
    body, _, resolved = line[head.end() :].partition("\x1d")
    plain, spoken = _parted(body)
    again: dict[str, list[str]] = {}
    fields, words = _pairs(plain, head["type"], again)
    inside, _ = _pairs(spoken, head["type"], again)
    names, _ = _pairs(resolved, "", again)
    address = _address(fields.get("saddr", ""))
    parts = {
        "fields": fields,
        "message": inside,
        "names": names,
        "address": address,
        "words": words,
        "again": again,
    }
    return document | {key: part for key, part in parts.items() if part}


def _time(second: int, milli: str) -> str:
    moment = _EPOCH + timedelta(seconds=second)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milli}Z"


def _parted(body: str) -> tuple[str, str]:
    """The kernel's part and what a program says in `msg='…'`; a quote inside does not end it, the last one does."""
    before, mark, rest = f" {body}".partition(_SPOKEN)
    if not mark:
        return body, ""
    spoken, _, after = rest.rpartition("'") if "'" in rest else (rest, "", "")
    return f"{before} {after}", spoken


def _pairs(text: str, kind: str, again: dict[str, list[str]]) -> tuple[dict[str, str], str]:
    """`name=value` pairs, and the words between them."""
    found: dict[str, str] = {}
    words: list[str] = []
    for match in _PAIR.finditer(text):
        name, quoted, bare, word = match.groups()
        if name is None:
            words.append(word)
            continue
        value = quoted if quoted is not None else _decoded(name, bare, kind)
        if name in found:
            again.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found, " ".join(words)


def _decoded(name: str, bare: str, kind: str) -> str:
    """A value without quotes: hexadecimal where the kernel writes chosen text so, else as it stands."""
    chosen = name in _CHOSEN or (kind == "EXECVE" and _ARGUMENT.fullmatch(name))
    if not chosen or not _HEX.fullmatch(bare):
        return bare
    content = bytes.fromhex(bare)
    if name == "proctitle":
        content = content.rstrip(b"\x00").replace(b"\x00", b" ")
    return content.decode("utf-8", "backslashreplace")


def _address(saddr: str) -> dict[str, object]:
    """A socket address (`struct sockaddr` as the kernel holds it, either byte order); empty if there is none."""
    if len(saddr) > 512 or not _HEX.fullmatch(saddr) or len(saddr) < 4:
        return {}
    content = bytes.fromhex(saddr)
    number = content[0] or content[1]
    family = _FAMILIES.get(number)
    if family is None:
        return {}
    found: dict[str, object] = {"family": family}
    if family == "inet" and len(content) >= 8:
        found |= {"ip": str(IPv4Address(content[4:8])), "port": int.from_bytes(content[2:4], "big")}
    elif family == "inet6" and len(content) >= 24:
        found |= {"ip": str(IPv6Address(content[8:24])), "port": int.from_bytes(content[2:4], "big")}
    elif family == "unix":
        path = content[2:].lstrip(b"\x00").split(b"\x00", 1)[0]
        found |= {"path": path.decode("utf-8", "backslashreplace")} if path else {}
    return found
