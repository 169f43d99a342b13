"""`countersign triage` and `case open`: files in, cases with verified briefs out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from countersign import wiring
from countersign.cli import files, screen
from countersign.cli.places import Places, open_ports
from countersign.core import documents
from countersign.core.case import Assembled
from countersign.core.coverage import Coverage, parse_coverage
from countersign.core.intake import Read
from countersign.core.reference import Reference, parse_reference
from countersign.core.render import neutralize
from countersign.errors import UsageError
from countersign.ports import Ports
from countersign.steps import assemble, draft, ingest


def triage(
    places: Places,
    paths: list[str],
    *,
    fmt: str = "auto",
    form: str = "text",
    out: str | None = None,
    drafter: str | None = None,
    title: str | None = None,
    coverage: list[str] | None = None,
) -> int:
    """The whole line, from files to printed cases. Exit code 1 when something was quarantined."""
    ports = open_ports(places, drafter)
    manifest = read_coverage(coverage or [])
    read = _read(ports, paths, fmt)
    keep_coverage(ports, manifest)
    manual = title is not None or not read.alerts
    groups = assemble.by_hand(read, ports, title or "") if manual else assemble.from_alerts(read, ports)
    with ports.store.reading() as tx:
        stored = tx.evidence.counts().schemas
    pinned = stored_references(ports)
    inputs = draft.Inputs(manifest, pinned, quarantined(read), wiring.drafter("rules"), stored)
    with files.sink(out) as sink:
        _print(sink, form, read, briefs(groups, ports, inputs))
    ports.store.log.sequence()
    ports.store.close()
    return 1 if read.quarantined else 0


def _read(ports: Ports, paths: list[str], fmt: str) -> Read:
    records = files.records(paths, fmt)
    with screen.progress("reading") as bar:
        task = bar.add_task("reading", total=None) if bar else None

        def noted(number: int) -> None:
            if bar and task is not None:
                bar.update(task, completed=number)

        return ingest.ingest(records, ports, noted)


def briefs(groups: Sequence[Assembled], ports: Ports, inputs: draft.Inputs) -> Iterator[draft.Briefed]:
    """Each case drafted and verified, with a bar when there are many."""
    with screen.progress("drafting") as bar:
        task = bar.add_task("drafting", total=len(groups)) if bar else None
        for one in draft.brief_cases(groups, ports, inputs):
            yield one
            if bar and task is not None:
                bar.advance(task)


def _print(sink: Any, form: str, read: Read, cases: Iterable[draft.Briefed]) -> None:
    if form == "json":
        made = [one.document for one in cases]
        made.sort(key=lambda case: (-int(case["tier"]), str(case["id"])))  # type: ignore[call-overload]
        sink.write(files.as_json(msgspec.json.encode(documents.triage(intake(read), made))))
        return
    if form == "markdown":
        sink.write("\n---\n\n".join(one.brief.notes_markdown for one in ranked(cases)))
        return
    out = screen.console(sink)
    summary(out, read)
    for one in ranked(cases):
        screen.case(out, one)
    out.print()


def ranked(cases: Iterable[draft.Briefed]) -> list[draft.Briefed]:
    """Most urgent first."""
    order = {"critical": 0, "high": 1, "medium": 2, "low": 3}
    return sorted(cases, key=lambda c: (-c.case.tier, order[c.case.severity], -len(c.case.alerts), c.case.id))


def summary(out: Any, read: Read) -> None:
    """What was read, and what could not be."""
    formats = ", ".join(f"{n} {name}" for name, n in sorted(read.formats.items()))
    doubled = read.records - len(read.quarantined) - len(read.ids)
    screen.line(
        out,
        f"{read.records} records read: {len(read.ids)} evidence, {doubled} exact duplicates, "
        f"{len(read.quarantined)} quarantined, {len(read.alerts)} alerts ({formats or 'no records'})",
    )
    if read.untyped:
        screen.line(out, f"{read.untyped} fields are not in the dictionary: kept, shown, not citable", "dim")
    for refused in read.quarantined[:5]:
        where = f"{refused.file}:{refused.line}" if refused.line else refused.file
        screen.line(out, f"quarantined {neutralize(where, 200)}: {refused.reason}", "yellow")
    if len(read.quarantined) > 5:
        screen.line(out, f"{len(read.quarantined) - 5} more in quarantine", "yellow")
    for skipped in read.skipped[:5]:
        screen.line(out, f"skipped {neutralize(skipped.file, 200)}: {skipped.reason}", "dim")
    if len(read.skipped) > 5:
        screen.line(out, f"{len(read.skipped) - 5} more files skipped", "dim")


def intake(read: Read) -> dict[str, Any]:
    """The intake part of the triage document."""
    return {
        "records": read.records,
        "evidence": len(read.ids),
        "alerts": len(read.alerts),
        "quarantined": len(read.quarantined),
        "skipped": [{"file": neutralize(s.file, 1000), "reason": s.reason} for s in read.skipped],
        "formats": dict(sorted(read.formats.items())),
        "quarantine": [
            {"file": neutralize(q.file, 1000), "line": q.line, "reason": neutralize(q.reason)}
            for q in read.quarantined
        ],
        "untyped_fields": read.untyped,
    }


def quarantined(read: Read) -> dict[str, int]:
    """Records that could not be read, by the schema of their file, where they are more than 2 % of it."""
    counts = Counter(read.by_file[q.file] for q in read.quarantined if q.file in read.by_file)
    return {schema: bad for schema, bad in counts.items() if bad > 0.02 * (read.formats[schema] + bad)}


def read_coverage(files: list[str]) -> Coverage:
    """Coverage manifests from files."""
    rows: list[Any] = []
    for name in files:
        try:
            rows += parse_coverage(Path(name).read_bytes())
        except OSError as error:
            raise UsageError(
                f"{name}: {error.strerror}", hint="Give the path of a coverage manifest."
            ) from error
        except ValueError as error:
            raise UsageError(
                f"{name}: {error}", hint="See docs/formats/coverage-and-references.md for the form."
            ) from error
    return tuple(rows)


def keep_coverage(ports: Ports, manifest: Coverage) -> None:
    """Keep a manifest with the evidence it speaks of."""
    if manifest:
        with ports.store.transaction() as tx:
            tx.coverage.add(msgspec.json.encode([row.document() for row in manifest]))


def stored_references(ports: Ports) -> tuple[Reference, ...]:
    """The newest version of every pinned reference."""
    with ports.store.reading() as tx:
        newest = {kept.kb: kept for kept in tx.references.all()}
    return tuple(parse_reference(kept.raw) for kept in newest.values())
