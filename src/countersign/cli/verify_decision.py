"""`countersign verify-decision FILE`: one signed decision, checked offline. No store, no network."""

import json
import sys
from pathlib import Path

from countersign.cli import screen
from countersign.core.canonical import format_time
from countersign.core.identity.signed import Relying
from countersign.core.review.offline import Checked, OfflineCheck, check_export
from countersign.errors import UsageError


def verify_decision(
    file: str, keys: list[str] | None, rp_id: str | None, origins: list[str] | None, as_json: bool
) -> int:
    """0: every signature holds, by keys that were named. 1: they hold, by keys nobody named; or they do not hold."""
    raw = _bytes(file)
    found = check_export(raw, frozenset(keys or ()), _relying(rp_id, origins))
    if as_json:
        sys.stdout.write(json.dumps(_document(found), indent=1) + "\n")
    else:
        _tell(found)
    return 0 if found.trusted else 1


def _bytes(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error


def _relying(rp_id: str | None, origins: list[str] | None) -> Relying | None:
    if rp_id is None and not origins:
        return None
    try:
        return Relying(rp_id=rp_id or "", origins=tuple(origins or ()))
    except ValueError as error:
        raise UsageError(str(error), hint="--rp-id is the domain, --origin a page on it.") from error


def _tell(found: OfflineCheck) -> None:
    """What failed before what holds."""
    out = screen.console()
    for one in sorted(found.signatures, key=lambda one: not one.objection):
        style = "red" if one.objection else ""
        screen.line(out, _in_words(one), style, lead="x " if one.objection else "✓ ")
    if not found.signatures:
        screen.line(out, "nobody has signed it: this is no decision", "red", lead="x ")
    acts = ", ".join(found.document.acts) or "no act"
    screen.line(
        out, f"{found.document.case}: {found.document.disposition}, {acts}, tier {found.document.tier}"
    )
    screen.line(out, f"D {found.digest}")
    if found.holds and not found.trusted:
        text = "whose these keys are the file cannot say: name the ones you trust with --key"
        screen.line(out, text, "yellow")
    if found.holds:
        screen.line(out, "that the log holds it is another proof: `countersign log prove`")


def _in_words(one: Checked) -> str:
    if one.objection:
        return f"{one.person}, key {one.key}: {one.objection}"
    named = "a key you named" if one.trusted else "a key nobody named"
    return f"{one.person} signed {format_time(one.at_ns)}, {one.assurance}, {named}: {one.key}"


def _document(found: OfflineCheck) -> dict[str, object]:
    signatures = [
        {
            "person": one.person,
            "key": one.key,
            "at": format_time(one.at_ns),
            "assurance": one.assurance,
            "objection": one.objection,
            "trusted": one.trusted,
        }
        for one in found.signatures
    ]
    return {
        "schema": "countersign.decision-check/1",
        "decision": found.digest,
        "case": found.document.case,
        "disposition": found.document.disposition,
        "acts": [*found.document.acts],
        "holds": found.holds,
        "trusted": found.trusted,
        "signatures": signatures,
    }
