"""`countersign log verify`: the whole log recomputed from its stored bytes, and what is stored held against it."""

import json
import re
import sys

from countersign.cli import screen
from countersign.cli.places import Places, open_ports
from countersign.core.log.auditlog import Head
from countersign.errors import UsageError
from countersign.steps.logged import objection

_ROOT = re.compile(r"[0-9a-f]{64}")


def verify(places: Places, as_json: bool, heads: list[str] | None = None) -> int:
    """Print exactly one of intact, incomplete, altered, could not check, and the head; exit code 3 unless intact."""
    kept = [_head(text) for text in heads or []]
    ports = open_ports(places)
    found = ports.store.log.verify(kept)
    status: str = found.status
    says = str(found)
    if status == "intact" and (wrong := objection(ports)):
        status, says = wrong[0], ": ".join(wrong)
    head = f"{found.size}:{found.root.hex()}" if status == "intact" else ""
    if as_json:
        document = {"schema": "countersign.log-check/1", "status": status, "size": found.size, "says": says}
        sys.stdout.write(json.dumps(document | ({"head": head} if head else {}), indent=1) + "\n")
    else:
        out = screen.console()
        screen.line(out, says)
        if head:
            sys.stdout.write(head + "\n")  # never wrapped: it is copied
    return 0 if status == "intact" else 3


def _head(text: str) -> Head:
    size, _, root = text.partition(":")
    if not (size.isascii() and size.isdigit() and len(size) < 16 and _ROOT.fullmatch(root)):
        hint = "It is SIZE:ROOT as `countersign log verify` printed it."
        raise UsageError("a kept head cannot be read", hint=hint)
    return Head(int(size), bytes.fromhex(root))
