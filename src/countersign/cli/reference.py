"""`countersign reference add|list`: what benign readings must rest on."""

import json
import sys

from countersign.cli import screen
from countersign.cli.places import Places, open_ports
from countersign.cli.verify import parse, reference_files
from countersign.core.claims.keys import NAMEABLE
from countersign.core.claims.reference import Reference, parse_reference
from countersign.core.render import neutralize
from countersign.errors import AlreadyStored, UsageError
from countersign.ports import ReferenceFile, Transaction
from countersign.steps.audit import stage

MAX_IDLE = 5  # keys of one list that are named


def add(places: Places, files: list[str]) -> int:
    """Pin each file; a version is never replaced."""
    ports = open_ports(places)
    out = screen.console()
    for path in (path for name in files for path in reference_files(name)):
        pinned = parse(path)
        kept = ReferenceFile(pinned.kb, pinned.kb_version, pinned.kind, pinned.digest, path.read_bytes())
        with ports.store.transaction() as tx:
            fresh = _pin(tx, kept)
            if fresh:
                name = f"reference-{pinned.digest[7:39]}"
                data = {"kind": pinned.kind, "entries": len(pinned.entries)}
                stage(tx, ports, "registry.changed", name, data=data, digests={"new": pinned.digest})
        said = "pinned" if fresh else "was pinned already"
        screen.line(
            out, f"{pinned.kb} {pinned.kb_version} ({pinned.kind}, {len(pinned.entries)} entries): {said}"
        )
        if unusable := _idle(pinned):
            screen.line(out, unusable, indent=2)
    ports.publisher.publish()
    return 0


def _idle(pinned: Reference) -> str:
    """What to say of keys that cover nothing; empty when every key of the list covers something."""
    if not pinned.idle:
        return ""
    first = ", ".join(neutralize(key, 60) for key in pinned.idle[:MAX_IDLE])
    more = f" and {len(pinned.idle) - MAX_IDLE} more" if len(pinned.idle) > MAX_IDLE else ""
    return f"nothing is closed on {first}{more}: a key of such a list is {NAMEABLE}, and what the entry's `type` says"


def _pin(tx: Transaction, kept: ReferenceFile) -> bool:
    try:
        return tx.references.add(kept)
    except AlreadyStored as error:
        raise UsageError(str(error), hint=error.hint) from error


def listing(places: Places, as_json: bool) -> int:
    """Every pinned version."""
    ports = open_ports(places)
    with ports.store.reading() as tx:
        kept = [parse_reference(one.raw) for one in tx.references.all()]
    now = ports.clock.now_ns()
    rows = [
        {
            "kb": r.kb,
            "kb_version": r.kb_version,
            "kind": r.kind,
            "entries": len(r.entries),
            "stale": r.is_stale(now),
            "digest": r.digest,
            "covers_nothing": list(r.idle),
        }
        for r in kept
    ]
    if as_json:
        sys.stdout.write(
            json.dumps({"schema": "countersign.references/1", "references": rows}, indent=1) + "\n"
        )
        return 0
    out = screen.console()
    for row, r in zip(rows, kept, strict=True):
        stale = " · past its time to live" if row["stale"] else ""
        screen.line(out, f"{row['kb']} {row['kb_version']} · {row['kind']} · {row['entries']} entries{stale}")
        if unusable := _idle(r):
            screen.line(out, unusable, indent=2)
    if not rows:
        screen.line(out, "nothing is pinned; `countersign reference add FILE` does it")
    return 0
