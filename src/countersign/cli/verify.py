"""`countersign verify`: claims that anyone wrote against records that anyone has."""

import sys
from collections import Counter, defaultdict
from pathlib import Path

import msgspec

from countersign import wiring
from countersign.cli import files, screen
from countersign.cli.triage import read_coverage
from countersign.core.briefs import documents
from countersign.core.claims.reference import Reference, parse_reference
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.strict import MAX_DOCUMENT, parse_document
from countersign.core.claims.verify import verify as check
from countersign.core.records.evidence import Evidence, Incoming, Quarantined
from countersign.core.records.fields import Dictionary
from countersign.core.records.intake import receive
from countersign.core.render import neutralize
from countersign.errors import UsageError


def verify(
    claims: str,
    evidence: list[str],
    coverage: list[str] | None,
    references: list[str] | None,
    *,
    fmt: str,
    as_json: bool,
    mapping: list[str] | None = None,
) -> int:
    """Print one result per claim; exit code 1 when a record could not be read."""
    if claims == "-" and "-" in evidence:
        raise UsageError(
            "claims and evidence cannot both be standard input", hint="Give one of them as a file."
        )
    mapped = wiring.mappings(mapping or ())
    dictionary = wiring.dictionary(mapped)
    read = _read(evidence, fmt, dictionary, mapped)
    broken = sum(read.unreadable.values())
    pinned = [parse(path) for name in references or [] for path in reference_files(name)]
    snapshot = Snapshot(
        dictionary, read.records.values(), read_coverage(coverage or []), pinned, flags=read.flags()
    )
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
        were = "record could not be read and was" if broken == 1 else "records could not be read and were"
        screen.line(out, f"{broken} {were} not used", "yellow")
    return 1 if broken else 0


class _Records:
    """Evidence by id, the schemas of each file, and how many records of a file could not be read."""

    def __init__(self) -> None:
        self.records: dict[str, Evidence] = {}
        self.schemas: dict[str, set[str]] = defaultdict(set)
        self.unreadable: Counter[str] = Counter()

    def flags(self) -> dict[str, frozenset[str]]:
        """`parse` for each schema that lacks records: those of the file, or all where the file names none."""
        every = set().union(*self.schemas.values())
        lacking = {name for file in self.unreadable for name in self.schemas.get(file) or every}
        return {name: frozenset({"parse"}) for name in lacking}


def _read(evidence: list[str], fmt: str, dictionary: Dictionary, mapped: wiring.Mappings) -> _Records:
    read = _Records()
    for outcome in files.records(evidence, fmt, mapped):
        if isinstance(outcome, Quarantined):
            read.unreadable[outcome.file] += 1
        elif isinstance(outcome, Incoming):
            record, _ = receive(outcome, dictionary)
            copies = read.records[record.id].copies + 1 if record.id in read.records else 1
            read.records[record.id] = msgspec.structs.replace(
                read.records.get(record.id, record), copies=copies
            )
            read.schemas[outcome.file].add(record.schema)
    return read


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
        hint = "See docs/formats/coverage-and-references.md for the form."
        raise UsageError(f"{neutralize(str(path), 300)}: {error}", hint=hint) from error
