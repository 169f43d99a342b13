"""What well-known programs say in syslog: a table of message patterns, each with the meaning of its parts.

A row: programs, pattern, and what it means (`action`, `outcome`). The named groups of the pattern become
fields. A pattern must match the whole message. What an outsider chose may imitate the program's words (a user
name may hold ` from 192.0.2.1 port 22`): where the program's own come last, the last ones count; where that
cannot be told (a folder or a command that holds ` ; USER=`), the message has no reading at all.

Sources: the message texts of OpenSSH, sudo, shadow, util-linux, Linux-PAM, cron, Dovecot, systemd-logind.
"""

import re
from ipaddress import ip_address

MAX_MESSAGE_CHARS = (
    4096  # longer ones have no reading: a pattern is tried in time that grows faster than the text
)

_FROM = r" from (?P<source>\S{1,255}) port (?P<port>\d{1,5})"
_SSH2 = r"(?: ssh2)?(?:: (?P<key>[A-Z0-9-]{1,40} \S{1,200}))?"
_PAM = r"pam_\w{1,40}\([\w@.:-]{1,80}\): "
_BY = r"(?: by (?P<user>[^\s()]*)(?:\(uid=(?P<uid>\d{1,10})\))?)?"
_ONE_RIP = r"(?!.*, rip=.*, rip=)"
_SUDO = r" *(?P<user>\S{1,256}) : "
_SUDO_END = r"(?:TTY=(?P<tty>\S{1,64}) ; )?PWD=(?P<directory>(?:(?! ; USER=).)+) ; USER=(?P<target_user>\S{1,256}) ; (?:GROUP=\S{1,64} ; )?(?:ENV=(?:(?! ; COMMAND=).)* ; )?COMMAND=(?P<command>(?!.* ; (?:USER|COMMAND)=).*)"

_TABLE: tuple[tuple[str, str, str, str], ...] = (
    # programs, pattern, action, outcome
    ("sshd sshd-session", r"Accepted (?P<method>\S{1,64}) for (?P<user>.*)" + _FROM + _SSH2, "logon", "success"),
    ("sshd sshd-session", r"Failed (?P<method>\S{1,64}) for invalid user (?P<user>.*)" + _FROM + _SSH2, "logon unknown user", "failure"),
    ("sshd sshd-session", r"Failed (?P<method>\S{1,64}) for (?P<user>.*)" + _FROM + _SSH2, "logon", "failure"),
    ("sshd sshd-session", r"Invalid user (?P<user>.*)" + _FROM, "unknown user", "failure"),
    ("sshd sshd-session", r"Invalid user (?P<user>.*) from (?P<source>\S{1,255})", "unknown user", "failure"),
    ("sshd sshd-session", r"User (?P<user>.*) from (?P<source>\S{1,255}) not allowed because (?P<reason>.*)", "logon refused", "failure"),
    ("sshd sshd-session", r"(?:error: )?maximum authentication attempts exceeded for (?:invalid user )?(?P<user>.*)" + _FROM + r" ssh2 \[preauth\]", "too many attempts", "failure"),
    ("sudo", _SUDO + r"(?P<attempts>\d{1,4}) incorrect password attempts? ; " + _SUDO_END, "sudo password", "failure"),
    ("sudo", _SUDO + r"(?P<reason>user NOT in sudoers|command not allowed|user NOT authorized on host|a password is required) ; " + _SUDO_END, "sudo refused", "failure"),
    ("sudo", _SUDO + _SUDO_END, "sudo", "success"),
    ("su", r"\(to (?P<target_user>\S{1,256})\) (?P<user>\S{1,256}) on (?P<tty>\S{1,64})", "su", "success"),
    ("su", r"Successful su for (?P<target_user>\S{1,256}) by (?P<user>\S{1,256})", "su", "success"),
    ("su", r"FAILED (?:SU|su) (?:\(to (?P<target_user>\S{1,256})\)|for (?P<for>\S{1,256}) by) (?P<user>\S{1,256})(?: on (?P<tty>\S{1,64}))?", "su", "failure"),
    ("useradd adduser", r"new user: name=(?P<target_user>[^,]{1,256}), UID=(?P<uid>\d{1,10}), GID=(?P<gid>\d{1,10}), home=(?P<directory>[^,]{0,4096}), shell=(?P<shell>[^,]{0,4096})(?:, from=(?P<tty>.{0,256}))?", "user added", "success"),
    ("useradd groupadd adduser", r"new group: name=(?P<group>[^,]{1,256}), GID=(?P<gid>\d{1,10})", "group added", "success"),
    ("useradd usermod gpasswd", r"add '(?P<target_user>[^']{1,256})' to (?:shadow )?group '(?P<group>[^']{1,256})'", "group member added", "success"),
    ("gpasswd", r"user (?P<target_user>\S{1,256}) added by (?P<user>\S{1,256}) to group (?P<group>\S{1,256})", "group member added", "success"),
    ("usermod", r"change user '(?P<target_user>[^']{1,256})' (?P<change>.*)", "user changed", "success"),
    ("userdel", r"delete user '(?P<target_user>[^']{1,256})'", "user deleted", "success"),
    ("passwd chpasswd", _PAM + r"password changed for (?P<target_user>\S{1,256})", "password changed", "success"),
    ("CRON cron crond", r"\((?P<user>[^\s()]{1,256})\) CMD \((?P<command>.*)\)", "cron command", "success"),
    ("crontab", r"\((?P<user>[^\s()]{1,256})\) (?P<change>REPLACE|DELETE|BEGIN EDIT|END EDIT) \((?P<target_user>[^\s()]{1,256})\)", "crontab changed", "success"),
    ("dovecot", _ONE_RIP + r"(?P<method>imap|pop3|managesieve|submission)-login: Login: user=<(?P<user>[^>]*)>, .*?rip=(?P<source>[0-9A-Fa-f.:]{2,45}),.*", "logon", "success"),
    ("dovecot", _ONE_RIP + r"(?P<method>imap|pop3|managesieve|submission)-login: (?:Disconnected|Aborted login)[^(]{0,80}\(auth failed, (?P<attempts>\d{1,4}) attempts.*?user=<(?P<user>[^>]*)>, .*?rip=(?P<source>[0-9A-Fa-f.:]{2,45}),.*", "logon", "failure"),
    ("systemd-logind", r"New session (?P<session>\S{1,64}) of user (?P<user>.*)\.", "session opened", "success"),
    ("auditd", r"The audit daemon is exiting\.", "sensor stopped", "success"),
    ("rsyslogd", r"\[origin .*\] exiting on signal \d{1,3}\.", "sensor stopped", "success"),
    ("*", _PAM + r"session opened for user (?P<target_user>[^\s()]*)(?:\(uid=\d{1,10}\))?" + _BY, "session opened", "success"),
    ("*", _PAM + r"session closed for user (?P<target_user>\S*)", "session closed", "success"),
    ("*", _PAM + r"authentication failure; logname=(?P<user>\S*) uid=(?P<uid>\d{0,10}) euid=\d{0,10} tty=(?P<tty>\S*) ruser=(?P<remote_user>\S*) rhost=(?P<source>\S*)(?:  user=(?P<target_user>(?:(?! rhost=).)*))?", "authentication", "failure"),
)  # fmt: skip

_ROWS = tuple(
    (frozenset(names.split()), re.compile(text, re.ASCII), action, outcome)
    for names, text, action, outcome in _TABLE
)
_NUMBERS = frozenset({"port", "uid", "gid", "attempts"})


def said(program: str, message: str) -> dict[str, object]:
    """What a message of a program means, as fields; empty if no row of the table knows it.

    `{"action", "outcome", "user", "target_user", "source_ip" or "source_host", "port", "command", "image", …}`
    """
    if len(message) > MAX_MESSAGE_CHARS or "\n" in message:
        return {}
    for names, pattern, action, outcome in _ROWS:
        if program not in names and "*" not in names:
            continue
        match = pattern.fullmatch(message)
        if match is not None:
            return {"action": action, "outcome": outcome, **_parts(match.groupdict())}
    return {}


def _parts(groups: dict[str, str | None]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, text in groups.items():
        if not text:
            continue
        key = "target_user" if name == "for" else name
        if name == "source":
            key = "source_ip" if _is_address(text) else "source_host"
        found[key] = int(text) if name in _NUMBERS else text
    command = found.get("command")
    if isinstance(command, str) and command.startswith("/"):
        found["image"] = command.split(" ", 1)[0]
    return found


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
