"""`countersign log …`: the audit log checked, proved, handed out and followed."""

import json
import re
import sys
import time
from pathlib import Path

import msgspec

from countersign.cli import files, screen
from countersign.cli.interrupt import Asked
from countersign.cli.places import Places, open_ports
from countersign.core.cases.grouping import many
from countersign.core.log.auditlog import Head, LogCheck, Stored
from countersign.core.log.checkpoint import open_checkpoint
from countersign.core.log.note import verifier_key
from countersign.core.log.proofs import check_proof
from countersign.core.log.quorum import log_alone
from countersign.core.render import neutralize
from countersign.errors import AuditLogError, MalformedNote, TamperDetected, UsageError
from countersign.ports import Ports
from countersign.steps.logged import objection

LOOK_EVERY_S = 0.5
AT_ONCE = 1_000  # entries
CHECKPOINT = "checkpoint"

_ROOT = re.compile(r"[0-9a-f]{64}")


def verify(
    places: Places,
    as_json: bool,
    heads: list[str] | None = None,
    since: str | None = None,
    key: str | None = None,
) -> int:
    """Print exactly one of intact, incomplete, altered, could not check, and the head; exit code 3 unless intact."""
    kept = [_head(text) for text in heads or []]
    _ensure_key(key)
    if since is not None:
        kept.append(_kept_checkpoint(since, key))
    ports = open_ports(places)
    found = ports.store.log.verify(kept)
    status, says = _told(found, ports, key or "")
    head = f"{found.size}:{found.root.hex()}" if status == "intact" else ""
    erased = _erased(ports) if status == "intact" else 0
    if as_json:
        document = {"schema": "countersign.log-check/1", "status": status, "size": found.size, "says": says}
        document |= {"erased": erased} if erased else {}
        sys.stdout.write(json.dumps(document | ({"head": head} if head else {}), indent=1) + "\n")
    else:
        screen.line(screen.console(), says)
        if erased:
            told = f"{many(erased, 'case')} erased: their proofs hold, and what they held cannot be shown any more"
            screen.line(screen.console(), told)
        if head:
            sys.stdout.write(head + "\n")  # never wrapped: it is copied
    return 0 if status == "intact" else 3


def _erased(ports: Ports) -> int:
    with ports.store.reading() as tx:
        return len({case for case, _ in tx.erasures.all()})


def _told(found: LogCheck, ports: Ports, key: str) -> tuple[str, str]:
    """Status and words: the entries first, then the signed files, then what else is stored."""
    if found.status != "intact":
        return found.status, str(found)
    if wrong := ports.publisher.objection(key) or objection(ports):
        status, reason = wrong
        return status, f"{'could not check' if status == 'unchecked' else status}: {reason}"
    if not found.size:
        return "unchecked", "could not check: the log is empty, so nothing was checked"
    return "intact", str(found)


def _head(text: str) -> Head:
    size, _, root = text.partition(":")
    if not (size.isascii() and size.isdigit() and len(size) < 16 and _ROOT.fullmatch(root)):
        hint = "It is SIZE:ROOT as `countersign log verify` printed it."
        raise UsageError("a kept head cannot be read", hint=hint)
    return Head(int(size), bytes.fromhex(root))


def _ensure_key(text: str | None) -> None:
    try:
        if text is not None:
            verifier_key(text)
    except MalformedNote as error:
        raise UsageError(str(error), hint="It is one line, as `countersign log key` printed it.") from error


def _kept_checkpoint(path: str, key: str | None) -> Head:
    """The head of a checkpoint that the reader kept, under the key that the reader kept."""
    if key is None:
        raise UsageError(
            "--from needs --key: a checkpoint proves nothing without the key that signed it",
            hint="Give the verifier key as you kept it; `countersign log key` of an untouched home prints it.",
        )
    try:
        kept = open_checkpoint(_read(path), verifier_key(key))
    except AuditLogError as error:
        raise UsageError(f"{neutralize(path, 300)}: {error}", hint=error.hint) from error
    return Head(kept.size, kept.root)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{neutralize(path, 300)} cannot be read", hint="Give the path of a file."
        ) from error


def key(places: Places) -> int:
    """Print the verifier key: what a stranger needs to check this log, handed over by another way than the log."""
    ports = open_ports(places)
    ports.publisher.publish()
    sys.stdout.write(ports.publisher.verifier + "\n")
    return 0


def checkpoint(places: Places, rebuild: bool) -> int:
    """Print the public checkpoint; with `rebuild`, check every published file against the entries first."""
    ports = open_ports(places)
    if rebuild:
        mended = ports.publisher.rebuild()
        for path in mended:
            print(f"written anew: {path}", file=sys.stderr)
        print(f"{len(mended)} files were missing or damaged", file=sys.stderr)
    sys.stdout.flush()
    sys.stdout.buffer.write(ports.publisher.shown())
    return 0


def prove(places: Places, named: str, out: str | None) -> int:
    """Write the proof that an entry is in the log, and the entry's bytes, as two files."""
    ports = open_ports(places)
    ports.publisher.publish()
    stored = _entry(ports, named)
    proof = ports.publisher.prove(stored.index)
    check_proof(proof, stored.raw, log_alone(verifier_key(ports.publisher.verifier)))
    stem = out or f"entry-{stored.index}"
    written = (f"{stem}.entry", stored.raw), (f"{stem}.tlog-proof", proof.raw())
    for path, content in written:
        try:
            Path(path).write_bytes(content)
        except OSError as error:
            raise UsageError(
                f"{neutralize(path, 300)}: {error.strerror}", hint="Choose with --out."
            ) from error
    out_ = screen.console()
    screen.line(
        out_, f"entry {stored.index} is under the checkpoint; written: {stem}.entry, {stem}.tlog-proof"
    )
    return 0


def _entry(ports: Ports, named: str) -> Stored:
    """The entry of this index or id."""
    if named.isascii() and named.isdigit() and len(named) < 16:
        found = next(iter(ports.store.log.entries(int(named), 1)), None)
        found = found if found and found.index == int(named) else None
    else:
        found = ports.store.log.find(named)
    if found is None:
        raise UsageError(
            f"the log has no entry {neutralize(named, 200)}",
            hint="Give its index or its id; `countersign log follow --once` prints them all.",
        )
    return found


def export(places: Places, folder: str) -> int:
    """Write the published log as files that any web server can host. A later export into the same folder adds to it."""
    ports = open_ports(places)
    ports.publisher.publish()
    target, number = Path(folder), 0
    _ensure_same_log(ports, target)
    for path, content in ports.publisher.served():
        _place(target, path, content)
        number += 1
    head = open_checkpoint(_read(str(target / CHECKPOINT)), verifier_key(ports.publisher.verifier))
    out = screen.console()
    screen.line(
        out, f"{number} files of a log of {head.size} entries" + ("" if head.size else ": it is empty")
    )
    screen.line(out, "whoever checks it needs the verifier key, and gets it by another way:")
    sys.stdout.write(ports.publisher.verifier + "\n")
    return 0


def _ensure_same_log(ports: Ports, target: Path) -> None:
    """The folder is new or empty, or holds an earlier state of this very log."""
    try:
        if not target.exists() or not any(target.iterdir()):
            return
        there = open_checkpoint((target / CHECKPOINT).read_bytes(), verifier_key(ports.publisher.verifier))
    except (OSError, AuditLogError) as error:
        raise UsageError(
            f"{neutralize(str(target), 300)} holds something else than this log", hint="Give a new folder."
        ) from error
    known = ports.store.log.checkpoint(there.size)
    if known is None or known.root != there.root:
        raise TamperDetected(
            f"the export holds a checkpoint over {there.size} entries that this log never had"
        )


def _place(target: Path, path: str, content: bytes) -> None:
    """A file of the export, whole or not at all; what is immutable is never replaced by other bytes."""
    place = target / path
    try:
        if place.exists() and path != CHECKPOINT:
            if place.read_bytes() != content:
                raise TamperDetected(f"the export's file {path} is not what this log's entries give")
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_name(f".{place.name}.new")
        aside.write_bytes(content)
        aside.replace(place)
    except OSError as error:
        raise UsageError(
            f"{neutralize(str(place), 300)}: {error.strerror}", hint="Give a folder that can be written."
        ) from error


def follow(places: Places, after: int | None, once: bool) -> int:
    """Print every published entry as a line of JSON, each once, as they come; until Ctrl-C, or to the end of now."""
    ports = open_ports(places)
    at, asked = 0 if after is None else after + 1, Asked()
    while not asked.to_end:
        signed = ports.store.log.checkpoint()
        size = signed.size if signed else 0
        if after is not None and at > size:
            raise UsageError(f"the log has {size} entries, none after {after}", hint="Indexes count from 0.")
        while at < size and not asked.to_end:
            stored = ports.store.log.entries(at, min(AT_ONCE, size - at))
            if not stored or stored[0].index != at:
                raise TamperDetected(f"entry {at} is missing from the log")
            sys.stdout.write("".join(map(_line, stored)))
            sys.stdout.flush()
            at = stored[-1].index + 1
        if once:
            break
        if not asked.to_end:
            time.sleep(LOOK_EVERY_S)
    return 0


def _line(stored: Stored) -> str:
    """`{"index":7,"entry":{…}}` in ASCII, on one line."""
    document = {"schema": "countersign.log-entry/1", "index": stored.index, "entry": msgspec.Raw(stored.raw)}
    return files.as_json_line(msgspec.json.encode(document))
