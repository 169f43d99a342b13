"""The policy of whoever reads a log: which logs count, which witnesses, and how many of them (C2SP tlog-policy).

    log <verifier key> [<url>]
    witness <name> <verifier key> [<url>]
    group <name> <k|any|all> <member>…
    quorum <name|none>

Names are defined before they are used, a name is a member once, and no key stands twice, so every witness
counts in one way only. There is exactly one quorum line. A file that breaks a rule is refused whole.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from countersign.core.log.checkpoint import Checkpoint, parse_checkpoint, read_checkpoint
from countersign.core.log.cosign import SIGNATURE_BYTES, Cosignature, cosignatures
from countersign.core.log.note import (
    LOG_KEY,
    Note,
    VerifierKey,
    good_signatures,
    is_log_signature,
    parse_note,
    verifier_key,
)
from countersign.errors import ConfigError, MalformedNote, NoteNotVerified

NONE: Final = "none"
MAX_LINES: Final = 1000
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")


class Listed(msgspec.Struct, frozen=True):
    """A key of the policy, and where its owner is reached; empty where the policy does not say."""

    key: VerifierKey
    url: str = ""


class Group(msgspec.Struct, frozen=True):
    """Members (witnesses or earlier groups), of which `need` must have cosigned."""

    need: int
    members: tuple[str, ...]


class Policy(msgspec.Struct, frozen=True):
    """Who must have signed a checkpoint before it is believed."""

    logs: tuple[Listed, ...]
    witnesses: Mapping[str, Listed] = {}
    groups: Mapping[str, Group] = {}
    quorum: str = NONE


class Believed(msgspec.Struct, frozen=True):
    """A checkpoint that meets a policy: who signed it, and who cosigned it, when."""

    checkpoint: Checkpoint
    note: Note
    cosignatures: tuple[Cosignature, ...]


def log_alone(key: VerifierKey) -> Policy:
    """The policy of a reader who asks for the log's own signature only."""
    return Policy((Listed(key),))


def is_met(policy: Policy, cosigned: Collection[str]) -> bool:
    """Do these witnesses (by their names in the policy) make the quorum?"""
    return policy.quorum == NONE or _has_witnessed(policy, policy.quorum, cosigned)


def believed(raw: bytes, policy: Policy, now_s: int | None = None) -> Believed:
    """The checkpoint of a note that meets the policy, in the order the rules are written.

    `MalformedNote`, or `NoteNotVerified` that says which rule was not met. `now_s` is the reader's clock.
    """
    note = parse_note(raw)
    claimed = parse_checkpoint(note.text)
    # (1) The origin is one of the policy's logs.
    keys = [listed.key for listed in policy.logs if listed.key.name == claimed.origin]
    if not keys:
        raise NoteNotVerified(f"the log {claimed.origin} is not one that you named")
    # (2) That log signed it.
    if not good_signatures(note.text, note.signatures, keys, is_log_signature):
        raise NoteNotVerified(f"the checkpoint is not signed with the key of {claimed.origin} that you named")
    # (3) Enough witnesses cosigned it.
    found = cosignatures(note.text, note.signatures, (w.key for w in policy.witnesses.values()), now_s)
    signed = {each.key for each in found}
    names = [name for name, witness in policy.witnesses.items() if witness.key in signed]
    if not is_met(policy, names):
        raise NoteNotVerified(
            f"the quorum {policy.quorum!a} is not met: {', '.join(map(ascii, names)) or 'no witness'} cosigned",
            hint="Wait for a checkpoint that more witnesses cosigned, or ask them with `countersign log witness ask`.",
        )
    return Believed(read_checkpoint(note, claimed.origin), note, found)


def parse_policy(raw: bytes) -> Policy:
    """The policy that a file spells, or `ConfigError` with the line that breaks a rule."""
    if _FORBIDDEN.search(raw) or (raw and not raw.endswith(b"\n")):
        raise ConfigError("the policy file holds control characters, or does not end with a newline")
    lines = raw.decode("utf-8", "surrogateescape").split("\n")[:-1]
    if len(lines) > MAX_LINES:
        raise ConfigError(f"the policy file has more than {MAX_LINES} lines")
    reading = _Reading()
    for number, line in enumerate(lines, start=1):
        words = re.split(r"[ \t]+", line.strip(" \t"))
        if words == [""] or words[0].startswith("#"):
            continue
        try:
            reading.take(words)
        except (ConfigError, MalformedNote) as exc:
            raise ConfigError(f"line {number} of the policy file: {exc}") from exc
    if not reading.quorum:
        raise ConfigError(
            "the policy file has no quorum line", hint="Write `quorum none` to ask for no witness."
        )
    return Policy(tuple(reading.logs), reading.witnesses, reading.groups, reading.quorum)


class _Reading:
    """What the lines so far have defined."""

    def __init__(self) -> None:
        self.logs: list[Listed] = []
        self.witnesses: dict[str, Listed] = {}
        self.groups: dict[str, Group] = {}
        self.quorum = ""
        self._members: set[str] = set()
        self._keys: set[bytes] = set()

    def take(self, words: Sequence[str]) -> None:
        match words:
            case ["log", key, *url] if len(url) < 2:
                self.logs.append(self._listed(key, url, {LOG_KEY}))
            case ["witness", name, key, *url] if len(url) < 2:
                self._ensure_new(name)
                self.witnesses[name] = self._listed(key, url, SIGNATURE_BYTES)
            case ["group", name, need, *members] if members:
                self._ensure_new(name)
                self.groups[name] = self._group(need, members)
            case ["quorum", name]:
                self._take_quorum(name)
            case _:
                raise ConfigError(f"a line of {len(words)} words that starts with {words[0]!r} is not known")

    def _listed(self, text: str, url: Sequence[str], kinds: Collection[int]) -> Listed:
        key = verifier_key(text)
        if key.kind not in kinds:
            raise ConfigError(f"a key of type {key.kind:#04x} cannot sign there")
        # The same public key under another name or type would let one signer count twice.
        if key.public in self._keys:
            raise ConfigError("this public key stands in the policy already")
        self._keys.add(key.public)
        return Listed(key, *url)

    def _group(self, need: str, members: Sequence[str]) -> Group:
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise ConfigError(f"{member!r} is not defined above")
            if member in self._members:
                raise ConfigError(f"{member!r} is a member already")
            self._members.add(member)
        wanted = {"any": 1, "all": len(members)}.get(need) or (int(need) if _COUNT.fullmatch(need) else 0)
        if not 1 <= wanted <= len(members):
            raise ConfigError(f"{need!r} is not any, all, or a number from 1 to {len(members)}")
        return Group(wanted, tuple(members))

    def _take_quorum(self, name: str) -> None:
        if self.quorum:
            raise ConfigError("there is a quorum line already")
        if name not in {NONE, *self.witnesses, *self.groups}:
            raise ConfigError(f"{name!r} is not defined above")
        self.quorum = name

    def _ensure_new(self, name: str) -> None:
        if name in {NONE, *self.witnesses, *self.groups}:
            raise ConfigError(f"the name {name!r} is taken")


def _has_witnessed(policy: Policy, name: str, cosigned: Collection[str]) -> bool:
    if (group := policy.groups.get(name)) is None:
        return name in policy.witnesses and name in cosigned
    return sum(_has_witnessed(policy, member, cosigned) for member in group.members) >= group.need
