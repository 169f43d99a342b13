r"""Lines a second time: syslog (RFC 5424, RFC 3164, ISO times) and the Linux audit log, from the published formats.

As with mails these readers know less than the product: of what programs say only a few messages whose words
nobody but the program could have put there. What they leave out, no claim is made of.
"""

import re
from datetime import UTC, datetime
from ipaddress import ip_address

FACILITIES = (
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock "
    "local0 local1 local2 local3 local4 local5 local6 local7"
).split()
SEVERITIES = "emerg alert crit err warning notice info debug".split()
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
NAME = r"[a-z][a-z0-9_-]*"
SSH = re.compile(rf"(Accepted|Failed) (password|publickey) for ({NAME}) from ([0-9a-f.:]+) port (\d+) ssh2")
CRON = re.compile(rf"\(({NAME})\) CMD \(([^()]*)\)")
GROUP = re.compile(rf"add '({NAME})' to group '({NAME})'")


def read_syslog(raw: bytes) -> dict[str, object] | None:
    """A line by its parts; None for one that this reader does not trust itself with."""
    if not raw.isascii():
        return None
    line, view = raw.decode("ascii"), dict[str, object]()
    if line.startswith("<"):
        number, _, line = line[1:].partition(">")
        view["facility"], view["severity"] = FACILITIES[int(number) // 8], SEVERITIES[int(number) % 8]
    return new_syslog(line, view) if line.startswith("1 ") else old_syslog(line, view)


def new_syslog(line: str, view: dict[str, object]) -> dict[str, object] | None:
    """RFC 5424."""
    _, time, *names, rest = line.split(" ", 6)
    if ISO.fullmatch(time) is None:
        return None
    view |= {"form": "rfc5424", "time": time}
    view |= {
        key: name
        for key, name in zip(("host", "program", "pid", "message_id"), names, strict=True)
        if name != "-"
    }
    if not rest.startswith("- "):
        element = re.match(r'\[(\S+)((?: \w+="[^"\\\]]*")*)\] ', rest)
        if element is None:
            return None
        view["structured"] = {element[1]: dict(re.findall(r'(\w+)="([^"]*)"', element[2]))}
        rest = rest[element.end() - 2 :]
    return view | said(str(view.get("program", "")), rest[2:])


def old_syslog(line: str, view: dict[str, object]) -> dict[str, object] | None:
    """A time, a host, a program with or without its number, a message."""
    local = line[:15] if line[:3] in MONTHS else ""
    if local:
        view |= {"form": "rfc3164", "local_time": local}
        rest = line[16:]
    else:
        time, _, rest = line.partition(" ")
        if ISO.fullmatch(time) is None:
            return None
        view |= {"form": "iso", "time": time}
    tag = re.match(r"(\S+) ([^\s\[\]:]+)(?:\[(\d+)\])?: ", rest)
    if tag is None:
        return None
    view |= {"host": tag[1], "program": tag[2]} | ({"pid": tag[3]} if tag[3] else {})
    return view | said(tag[2], rest[tag.end() :])


def said(program: str, message: str) -> dict[str, object]:
    """The message, and what it means where the whole of it is plain."""
    meant: dict[str, object] = {}
    if program == "sshd" and (m := SSH.fullmatch(message)):
        meant = {"action": "logon", "outcome": "success" if m[1] == "Accepted" else "failure", "method": m[2]}
        meant |= {"user": m[3], "source_ip": m[4], "port": int(m[5])} if is_address(m[4]) else {}
    elif program == "CRON" and (m := CRON.fullmatch(message)):
        meant = {"action": "cron command", "outcome": "success", "user": m[1], "command": m[2]}
        meant |= {"image": m[2].split(" ")[0]} if m[2].startswith("/") else {}
    elif program == "usermod" and (m := GROUP.fullmatch(message)):
        meant = {"action": "group member added", "outcome": "success", "target_user": m[1], "group": m[2]}
    return {"message": message} | ({"said": meant} if meant else {})


def is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


HEAD = re.compile(r"(?:node=(\S+) )?type=([A-Z0-9_]+) msg=audit\((\d+)\.(\d{3}):(\d+)\): ")
PAIR = re.compile(r'([\w-]+)=(?:"([^"]*)"|([^\s"\']*))(?: |$)')
TEXTS = (
    "acct cmd comm cwd data dir exe file grp key name new_name ocomm old_name path sw unit vm watch".split()
)


def read_audit(raw: bytes) -> dict[str, object] | None:
    """An audit record: its head, the kernel's fields, what a program says in msg='…', what auditd resolved."""
    line = raw.decode("utf-8")
    head = HEAD.match(line)
    if head is None:
        return None
    moment = datetime.fromtimestamp(int(head[3]), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    view: dict[str, object] = {"type": head[2], "time": f"{moment}.{head[4]}Z", "serial": int(head[5])}
    view |= {"node": head[1]} if head[1] else {}
    body, _, resolved = line[head.end() :].partition("\x1d")
    body, mark, spoken = body.partition("msg='")
    found = {
        "fields": pairs(body.strip(), head[2]),
        "message": pairs(spoken.removesuffix("'"), head[2]) if mark else {},
        "names": pairs(resolved, ""),
    }
    if None in found.values() or (mark and spoken.count("'") != 1):
        return None
    return view | {key: part for key, part in found.items() if part}


def pairs(text: str, kind: str) -> dict[str, str] | None:
    """`name=value` with nothing between them and no name twice; else None."""
    rows = PAIR.findall(text)
    names = [name for name, _, _ in rows]
    if "".join(match[0] for match in PAIR.finditer(text)) != text or len(set(names)) < len(names):
        return None
    values = {name: quoted or decoded(name, bare, kind) for name, quoted, bare in rows}
    return None if None in values.values() else {n: v for n, v in values.items() if v is not None}


def decoded(name: str, bare: str, kind: str) -> str | None:
    """The text behind hexadecimal digits, in the fields where the kernel writes chosen text so."""
    chosen = name in [*TEXTS, "proctitle"] or (kind == "EXECVE" and re.fullmatch(r"a\d+", name))
    if not chosen or len(bare) % 2 or re.fullmatch("[0-9A-Fa-f]+", bare) is None:
        return bare
    content = bytes.fromhex(bare)
    if name == "proctitle":
        content = content.rstrip(b"\0").replace(b"\0", b" ")
    return content.decode() if content.isascii() else None
