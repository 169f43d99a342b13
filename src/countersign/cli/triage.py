"""`countersign triage` and `case open`: files in, cases with verified briefs out."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from countersign import wiring
from countersign.cli import files, screen
from countersign.cli.places import Places, mappings, open_ports
from countersign.core.briefs import documents
from countersign.core.cases.board import KINDS
from countersign.core.cases.case import Assembled
from countersign.core.claims.coverage import Coverage, parse_coverage
from countersign.core.claims.reference import Reference, parse_reference
from countersign.core.records.intake import Read
from countersign.core.records.shapes import UntypedFields
from countersign.core.render import neutralize
from countersign.errors import UsageError
from countersign.ports import Ports
from countersign.steps import assemble, draft, group, ingest


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
    mapping: list[str] | None = None,
    jobs: int = 1,
) -> int:
    """The whole line, from files to printed cases. Exit code 1 when something was quarantined, or unknown, or nothing was read."""
    mapped = mappings(places, mapping)
    ports = open_ports(places, drafter, mapped)
    ports.publisher.publish()  # a log that cannot be written is told before the work, not after it
    manifest = read_coverage(coverage or [])
    read = _read(ports, paths, fmt, mapped, jobs)
    keep_coverage(ports, manifest)
    groups, number = _cases(read, ports, title)
    with ports.store.reading() as tx:
        stored = tx.evidence.counts().schemas
    pinned = stored_references(ports)
    inputs = draft.Inputs(manifest, pinned, quarantined(read), wiring.drafter("rules"), stored)
    with files.sink(out) as sink:
        _print(sink, form, read, published(briefs(groups, number, ports, inputs), ports))
    ports.store.close()
    return 1 if read.quarantined or read.still_unknown or not read.records else 0


def _cases(read: Read, ports: Ports, title: str | None) -> tuple[Iterable[Assembled], int]:
    """The cases of what was read, and how many: by hand if a person asked or nothing alerted, else as grouped."""
    if title is not None or not read.alerts:
        made = assemble.by_hand(read, ports, title or "")
        return made, len(made)
    group.group(ports)
    ids = assemble.cases_of(read, ports)
    return (one for case in ids if (one := assemble.assembled(case, ports)) is not None), len(ids)


def _read(ports: Ports, paths: list[str], fmt: str, mapped: wiring.Mappings, jobs: int) -> Read:
    untyped = UntypedFields()
    records = files.arrivals(paths, fmt, mapped, jobs, untyped)
    with screen.progress("reading") as bar:
        task = bar.add_task("reading", total=None) if bar else None

        def noted(number: int) -> None:
            if bar and task is not None:
                bar.update(task, completed=number)

        return ingest.ingest(records, ports, noted, untyped=untyped)


def briefs(
    groups: Iterable[Assembled], number: int, ports: Ports, inputs: draft.Inputs
) -> Iterator[draft.Briefed]:
    """Each case drafted and verified, with a bar when there are many."""
    with screen.progress("drafting") as bar:
        task = bar.add_task("drafting", total=number) if bar else None
        for one in draft.brief_cases(groups, ports, inputs):
            yield one
            if bar and task is not None:
                bar.advance(task)


def published(cases: Iterable[draft.Briefed], ports: Ports) -> Iterator[draft.Briefed]:
    """The cases; whoever has taken the last of them knows that a signed checkpoint covers them all.

    Take them all before the first is shown: an error at the end means that none may be.
    """
    yield from cases
    ports.publisher.publish()


def _print(sink: Any, form: str, read: Read, cases: Iterable[draft.Briefed]) -> None:
    if read.still_unknown and form != "text":  # what these forms hold is fixed
        print(_still_unknown(read), file=sys.stderr)
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
    by_kind: dict[str, list[draft.Briefed]] = {kind: [] for kind in KINDS}
    for one in ranked(cases):
        by_kind[one.case.kind].append(one)
    for one in by_kind["incident"]:
        screen.case(out, one)
    screen.aside(out, by_kind["watch"], "Watch: odd by itself, not an incident")
    screen.aside(out, by_kind["background"], "Background: recurring, one line for each rule and place")
    out.print()


def ranked(cases: Iterable[draft.Briefed]) -> list[draft.Briefed]:
    """Incidents, watch cases, background; of each the most urgent first."""
    order = {"critical": 0, "high": 1, "medium": 2, "low": 3}

    def urgency(one: draft.Briefed) -> tuple[int, int, int, float, str]:
        case = one.case
        return KINDS.index(case.kind), -case.tier, order[case.severity], -case.score, case.id

    return sorted(cases, key=urgency)


def summary(out: Any, read: Read) -> None:
    """What was read, and what could not be."""
    formats = ", ".join(f"{n} {name}" for name, n in sorted(read.formats.items()))
    doubled = read.records - len(read.quarantined) - read.distinct
    screen.line(
        out,
        f"{read.records} records read: {read.distinct} evidence, {doubled} exact duplicates, "
        f"{len(read.quarantined)} quarantined, {read.alerts} alerts ({formats or 'no records'})",
    )
    if read.untyped:
        screen.line(out, f"{read.untyped} fields are not in the dictionary: kept, shown, not citable", "dim")
    if read.still_unknown:
        screen.line(out, _still_unknown(read), "yellow")
    for refused in read.quarantined[:5]:
        where = f"{refused.file}:{refused.line}" if refused.line else refused.file
        screen.line(out, f"quarantined {neutralize(where, 200)}: {refused.reason}", "yellow")
    if len(read.quarantined) > 5:
        screen.line(out, f"{len(read.quarantined) - 5} more in quarantine", "yellow")
    for skipped in read.skipped[:5]:
        screen.line(out, f"skipped {neutralize(skipped.file, 200)}: {skipped.reason}", "dim")
    if len(read.skipped) > 5:
        screen.line(out, f"{len(read.skipped) - 5} more files skipped", "dim")


def _still_unknown(read: Read) -> str:
    return (
        f"{read.still_unknown} records were read here before without this mapping and stay json.unknown; "
        "use a new home (--home) to read them with it"
    )


def intake(read: Read) -> dict[str, Any]:
    """The intake part of the triage document."""
    return {
        "records": read.records,
        "evidence": read.distinct,
        "alerts": read.alerts,
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
