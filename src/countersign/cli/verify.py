"""`countersign verify`: claims that anyone wrote against records that anyone has."""

import sys
from pathlib import Path

import msgspec

from countersign import wiring
from countersign.cli import files, screen
from countersign.cli.triage import read_coverage
from countersign.core import documents
from countersign.core.evidence import Evidence, Incoming
from countersign.core.intake import receive
from countersign.core.reference import Reference, parse_reference
from countersign.core.render import neutralize
from countersign.core.snapshot import Snapshot
from countersign.core.strict import MAX_DOCUMENT, parse_document
from countersign.core.verify import verify as check
from countersign.errors import UsageError


def verify(
    claims: str,
    evidence: list[str],
    coverage: list[str] | None,
    references: list[str] | None,
    fmt: str,
    as_json: bool,
) -> int:
    """Print one result per claim; exit code 1 when a record could not be read."""
    dictionary = wiring.dictionary()
    records: dict[str, Evidence] = {}
    broken = 0
    if claims == "-" and "-" in evidence:
        raise UsageError(
            "claims and evidence cannot both be standard input", hint="Give one of them as a file."
        )
    for outcome in files.records(evidence, fmt):
        if isinstance(outcome, Incoming):
            record, _ = receive(outcome, dictionary)
            known = records.get(record.id)
            records[record.id] = (
                record if known is None else msgspec.structs.replace(known, copies=known.copies + 1)
            )
        elif hasattr(outcome, "raw"):
            broken += 1
    pinned = [parse(path) for name in references or [] for path in reference_files(name)]
    snapshot = Snapshot(dictionary, records.values(), read_coverage(coverage or []), pinned)
    try:
        parsed = parse_document(_bytes(claims))
    except ValueError as error:
        raise UsageError(
            f"{claims}: {error}", hint='It is {"claims": […]}; see docs/formats/claims.md.'
        ) from error
    checked = check(parsed, snapshot)
    if as_json:
        sys.stdout.write(files.as_json(msgspec.json.encode(documents.verification(checked))))
        return 1 if broken else 0
    out = screen.console()
    for claim in checked:
        reasons = "; ".join(f"({o.check}) {o.reason}" for o in claim.objections)
        scope = f" [{claim.scope.replace('_', ' ')}]" if claim.scope else ""
        text = (claim.text or "") + (f" — {reasons}" if reasons else "")
        screen.line(
            out, f"{claim.id or '?'} {claim.status}{scope}: {text}", lead=screen.MARK[claim.status] + " "
        )
    if broken:
        screen.line(out, f"{broken} records could not be read and were not used", "yellow")
    return 1 if broken else 0


def _bytes(name: str) -> bytes:
    try:
        data = sys.stdin.buffer.read(MAX_DOCUMENT + 1) if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{name}: {error.strerror}", hint="Give the path of a claims document, or -."
        ) from error
    return data


def reference_files(name: str) -> list[Path]:
    """A file, or every .json file of a folder, in sorted order."""
    path = Path(name)
    if path.is_dir():
        return sorted(path.glob("*.json"))
    if not path.exists():
        raise UsageError(f"{name} does not exist", hint="Give a reference file or a folder of them.")
    return [path]


def parse(path: Path) -> Reference:
    """One reference file."""
    try:
        return parse_reference(path.read_bytes())
    except (OSError, ValueError) as error:
        hint = "See docs/formats/claims.md, references."
        raise UsageError(f"{neutralize(str(path), 300)}: {error}", hint=hint) from error
