"""`countersign triage --follow`: one file of lines as it grows; cases are printed when they change.

What was read and how far reading has come are stored together, so a run that is killed at any moment is
gone on with by the next, without a record lost or read twice. Ctrl-C ends it between two looks, never inside
a transaction; a second one does not wait.
"""

import os
import sys
import time
from typing import IO

import msgspec

from countersign import wiring
from countersign.cli import files, screen
from countersign.cli.interrupt import Asked
from countersign.cli.places import Places, mappings, open_ports
from countersign.cli.triage import (
    keep_coverage,
    published,
    quarantined,
    ranked,
    read_coverage,
    stored_references,
    summary,
)
from countersign.core.cases.case import Assembled
from countersign.core.claims.coverage import Coverage
from countersign.core.records.evidence import Quarantined
from countersign.core.records.intake import Read
from countersign.core.render import neutralize
from countersign.errors import UsageError
from countersign.ports import Ports
from countersign.steps import assemble, draft, group, ingest

LOOK_EVERY_S = 0.5
CASES_EVERY_S = 5.0  # at most; only when something new came
PUBLISH_EVERY_S = 1.0  # while entries wait


def follow(
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
) -> int:
    """Read until Ctrl-C. Exit code 1 when something was quarantined."""
    if len(paths) != 1 or paths[0] == "-" or title is not None:
        raise UsageError(
            "--follow takes one file, and no --as-case",
            hint="Standard input and FIFOs are followed without it.",
        )
    mapped = mappings(places, mapping)
    manifest = read_coverage(coverage or [])
    ports = open_ports(places, drafter, mapped)
    ports.publisher.publish()  # a log that cannot be written is told before the work, not after it
    tail = _opened(ports, paths[0], fmt, mapped)
    keep_coverage(ports, manifest)
    with files.sink(out) as sink:
        followed = _Followed(ports, manifest, sink, form)
        _run(tail, followed, Asked())
        followed.show()
        if form == "text":
            summary(screen.console(sink), followed.read)
    tail.close()
    ports.publisher.publish()
    ports.store.close()
    return 1 if followed.read.quarantined else 0


def _opened(ports: Ports, path: str, fmt: str, mapped: wiring.Mappings) -> wiring.Tail:
    path = os.path.abspath(path)  # noqa: PTH100 - a position is kept under it, as plain text
    shown = neutralize(path, 300)
    with ports.store.reading() as tx:
        position = tx.following.get(path)
    try:
        tail = wiring.following(path, fmt, position, mapped)
    except OSError as error:
        raise UsageError(
            f"{shown}: {error.strerror}", hint="Give a file that is there and can be read."
        ) from error
    except ValueError as error:
        raise UsageError(f"{shown}: {error}", hint="Only files of lines can be followed.") from error
    begins = f"line {position.line + 1}" if position else "its beginning"
    print(f"following {shown} from {begins}; Ctrl-C ends", file=sys.stderr, flush=True)
    return tail


def _run(tail: wiring.Tail, followed: "_Followed", asked: Asked) -> None:
    shown_s = published_s = float("-inf")
    while not asked.to_end:
        look = tail.look()
        if look is not None:
            followed.take(look)
        if followed.waiting and time.monotonic() - shown_s >= CASES_EVERY_S:
            followed.show()
            shown_s = time.monotonic()
        if followed.logged and time.monotonic() - published_s >= PUBLISH_EVERY_S:
            followed.publish()
            published_s = time.monotonic()
        if look is None:
            time.sleep(LOOK_EVERY_S)


class _Followed:
    """What a run has read so far."""

    def __init__(self, ports: Ports, manifest: Coverage, sink: IO[str], form: str) -> None:
        self._ports = ports
        self._manifest = manifest
        self._sink = sink
        self._form = form
        self._drafted: set[str] = set()  # cases that are known to have a brief
        self.read = Read()
        self.waiting = False  # records came that no case has been looked for with
        self.logged = False  # entries wait to be published

    def take(self, look: wiring.Look) -> None:
        """Keep what came, and how far reading has come, in one transaction."""
        got = ingest.ingest(look.outcomes, self._ports, position=look.position)
        self.read.add(got)
        self.waiting = self.waiting or bool(got.distinct)
        self.logged = True
        for one in got.quarantined:
            _told(one)

    def show(self) -> None:
        """Print every case that is new or has changed."""
        self.waiting = False
        groups = _changed(self.read, self._ports, self._drafted)
        if groups:
            with self._ports.store.reading() as tx:
                stored = tx.evidence.counts().schemas
            pinned = stored_references(self._ports)
            inputs = draft.Inputs(
                self._manifest, pinned, quarantined(self.read), wiring.drafter("rules"), stored
            )
            for one in ranked(published(draft.brief_cases(groups, self._ports, inputs), self._ports)):
                _print(self._sink, self._form, one)
        self.publish()

    def publish(self) -> None:
        """Put every entry so far under a signed checkpoint."""
        self._ports.publisher.publish()
        self.logged = False


def _changed(read: Read, ports: Ports, drafted: set[str]) -> list[Assembled]:
    """The cases of what was read that have no brief, or one over other alerts; `drafted` is brought up to date."""
    group.group(ports)
    cases = assemble.cases_of(read, ports)
    with ports.store.reading() as tx:
        wanted = tx.groups.stale(cases) | {
            one for one in cases if one not in drafted and tx.cases.latest(one) is None
        }
    drafted.update(cases)
    found = (assemble.assembled(case, ports) for case in cases if case in wanted)
    return [one for one in found if one is not None]


def _print(sink: IO[str], form: str, one: draft.Briefed) -> None:
    if form == "json":  # a document a line
        sink.write(" ".join(files.as_json(msgspec.json.encode(one.document)).split("\n")).strip() + "\n")
    elif form == "markdown":
        sink.write(one.brief.notes_markdown + "\n---\n\n")
    else:
        screen.case(screen.console(sink), one)
    sink.flush()


def _told(one: Quarantined) -> None:
    where = f"{one.file}:{one.line}" if one.line else one.file
    print(f"quarantined {neutralize(where, 200)}: {neutralize(one.reason, 300)}", file=sys.stderr, flush=True)
