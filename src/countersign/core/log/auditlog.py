"""The audit log: entries, their canonical bytes, and what a stranger may conclude from them.

Entry schema v1: one JSON object in RFC 8785 form; integers only, within 2^53-1; unknown kinds and keys are
refused; at most 65,535 bytes. The log holds digests and small metadata, never case content. The tree over
the entries is in `core/log/merkle`. Storing, sequencing and publishing happen elsewhere.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
import rfc8785

from countersign.core.log.merkle import CompactRange, leaf_hash
from countersign.errors import MalformedEntry

MAX_ENTRY_BYTES = 65_535  # the length prefix of an entry bundle has 16 bits
MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 4  # of `data`

# One tuple per station of the line, then what concerns the log and its keepers.
KINDS = frozenset(
    (
        *("evidence.received", "case.opened", "case.regrouped"),
        *("draft.requested", "draft.failed", "brief.drafted", "brief.verified"),
        *("review.opened", "review.answered", "decision.countersigned", "decision.refused"),
        *("tier.lowered", "evidence.unmasked", "person.enrolled", "person.revoked"),
        *("authorization.issued", "authorization.refused"),
        *("action.intended", "action.done", "action.failed"),
        *("policy.loaded", "registry.changed", "key.rotated", "override", "flag.raised", "incident"),
        *("plant.committed", "plant.revealed", "control.run", "blob.erased", "log.recovered", "log.note"),
    )
)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_COMMIT = re.compile(r"hmac-sha256:[0-9a-f]{64}")


class Actor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who did it; `id` is a pseudonym whose name is kept outside the log."""

    type: Literal["analyst", "service", "system"]
    id: str
    session: str = ""


class Blob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content that lives beside the log: its id, and the keyed commitment to it."""

    id: str
    commit: str  # hmac-sha256:…


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of the log. `id` is unique, and makes appending twice the same as appending once."""

    kind: str
    id: str
    ts: str  # writer's clock, YYYY-MM-DDTHH:MM:SS.sssZ; informational
    actor: Actor
    case: str = ""
    txn: str = ""  # groups one drafting run or one decision
    refs: Mapping[str, str] = {}  # role -> id of an earlier entry
    digests: Mapping[str, str] = {}  # role -> sha256:… of something that is not case content
    blobs: Mapping[str, Blob] = {}
    data: Mapping[str, object] = {}  # small, enumerated values
    v: Literal[1] = 1  # always written, though it is the default


def entry_bytes(entry: Entry) -> bytes:
    """The canonical bytes that are hashed, or `MalformedEntry` with the reason."""
    _ensure_well_formed(entry)
    document = msgspec.to_builtins(entry)
    document["v"] = 1
    try:
        raw = rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeError) as exc:
        raise MalformedEntry("the entry has no canonical form") from exc
    if len(raw) > MAX_ENTRY_BYTES:
        raise MalformedEntry(f"the entry has {len(raw)} bytes; at most {MAX_ENTRY_BYTES} fit")
    return raw


def read_entry(raw: bytes) -> Entry:
    """The entry that these bytes spell, or `MalformedEntry`; bytes that are not their own JCS form are refused."""
    try:
        entry = msgspec.json.decode(raw, type=Entry)
    except (msgspec.MsgspecError, UnicodeError) as exc:
        raise MalformedEntry("the bytes are not an entry of schema v1") from exc
    # A duplicated key, a space or another spelling of a number would give other bytes.
    if entry_bytes(entry) != raw:
        raise MalformedEntry("the bytes are not the canonical form of what they say")
    return entry


def _ensure_well_formed(entry: Entry) -> None:
    """Types are checked here because constructing a Struct checks none."""
    try:
        msgspec.convert(msgspec.to_builtins(entry), Entry, strict=True)
    except (msgspec.MsgspecError, TypeError) as exc:
        raise MalformedEntry(f"the entry breaks its schema: {exc}") from exc
    if entry.kind not in KINDS:
        raise MalformedEntry(f"entry kind {entry.kind!r} is not known")
    _ensure_matches(_ID, "id", (entry.id, entry.actor.id, *entry.refs.values()))
    _ensure_matches(_ID, "id", (text for text in (entry.case, entry.txn, entry.actor.session) if text))
    _ensure_matches(_ID, "blob id", (blob.id for blob in entry.blobs.values()))
    _ensure_matches(_TIME, "time", (entry.ts,))
    _ensure_matches(_DIGEST, "digest", entry.digests.values())
    _ensure_matches(_COMMIT, "commitment", (blob.commit for blob in entry.blobs.values()))
    _ensure_matches(_KEY, "key", (*entry.refs, *entry.digests, *entry.blobs))
    _ensure_small(entry.data, depth=1)


def _ensure_matches(pattern: re.Pattern[str], what: str, texts: Iterable[str]) -> None:
    for text in texts:
        if pattern.fullmatch(text) is None:
            raise MalformedEntry(f"{text[:80]!r} is not a {what}")


def _ensure_small(value: object, *, depth: int) -> None:
    """Text, whole numbers, true, false, null, and shallow lists and objects of them."""
    match value:
        case None | bool() | str():
            pass
        case int():
            if abs(value) > MAX_INTEGER:
                raise MalformedEntry(f"{value} is beyond 2^53-1; write it as text")
        case Mapping() | list() | tuple():
            if depth > MAX_DEPTH:
                raise MalformedEntry(f"data is nested deeper than {MAX_DEPTH}")
            for part in _parts(value):
                _ensure_small(part, depth=depth + 1)
        case _:
            raise MalformedEntry(
                f"data holds a {type(value).__name__}; only text, integers, true, false, null"
            )


def _parts(value: Mapping[object, object] | Sequence[object]) -> Iterable[object]:
    if not isinstance(value, Mapping):
        return value
    if not all(isinstance(key, str) for key in value):
        raise MalformedEntry("data has a key that is not text")
    return value.values()


class Head(msgspec.Struct, frozen=True):
    """How many entries the log has, and the root over them (32 bytes)."""

    size: int
    root: bytes


class Stored(msgspec.Struct, frozen=True):
    """An entry as the log's storage holds it: index from 0, the entry's bytes, its leaf hash."""

    index: int
    raw: bytes
    leaf: bytes


class LogCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying a stored log came to: exactly one of four."""

    status: Literal["intact", "incomplete", "altered", "unchecked"]
    size: int = 0
    root: bytes = b""
    missing: tuple[int, ...] = ()  # indexes, at most 100 of them; for "incomplete"
    index: int | None = None  # for "altered"
    reason: str = ""

    def __str__(self) -> str:
        match self.status:
            case "intact":
                return f"intact: {self.size} entries, root {self.root.hex()}"
            case "incomplete":
                reason = f"no entry at index {', '.join(map(str, self.missing))}"
                return f"incomplete: {self.reason or reason}"
            case "altered":
                return f"altered at index {self.index}: {self.reason}"
            case "unchecked":
                return f"could not check: {self.reason}"


def check_log(stored: Iterable[Stored], heads: Iterable[Head]) -> LogCheck:
    """Recompute everything from the stored bytes.

    `stored` comes in index order; `heads` are all heads that the log ever had, and any that the reader kept
    elsewhere. Without a head from elsewhere, someone who rewrites entries *and* heads is not noticed.
    """
    expected: dict[int, bytes] = {}
    for head in heads:
        # (1) One size has one root.
        if expected.setdefault(head.size, head.root) != head.root:
            return _altered(max(head.size - 1, 0), f"two roots for size {head.size}")
    size = max(expected, default=0)
    tree, good, missing = CompactRange(), 0, list[int]()
    for record in stored:
        # (2) Indexes follow one another.
        at = tree.size + len(missing)
        missing.extend(range(at, min(record.index, at + 100)))
        if missing:
            break
        if record.index != tree.size:
            return _altered(record.index, "the index is used twice")
        # (3) The bytes are an entry, and give the leaf hash that was stored.
        if reason := _objection(record):
            return _altered(record.index, reason)
        tree = tree.append(record.leaf)
        # (4) Every head holds at its size. All leaves since the last good head are suspect.
        if tree.size in expected:
            if expected[tree.size] != tree.root():
                return _altered(good, f"the root of the first {tree.size} entries is not the recorded one")
            good = tree.size
    # (5) Nothing is missing at the end.
    if not missing and tree.size < size:
        missing.extend(range(tree.size, min(size, tree.size + 100)))
    if missing:
        return LogCheck(status="incomplete", size=size, missing=tuple(missing))
    if tree.size > size:
        return _altered(size, "entries have indexes that no head covers")
    return LogCheck(status="intact", size=tree.size, root=tree.root())


def _altered(index: int, reason: str) -> LogCheck:
    return LogCheck(status="altered", index=index, reason=reason)


def _objection(record: Stored) -> str:
    if leaf_hash(record.raw) != record.leaf:
        return "the entry's bytes do not give its leaf hash"
    try:
        read_entry(record.raw)
    except MalformedEntry as exc:
        return str(exc)
    return ""
