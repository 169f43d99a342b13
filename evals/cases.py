"""Cases to measure: a fresh home, a brief without the store, and claims to verify again."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from countersign import config, wiring
from countersign.core.claims.claims import Claim, CountClaim, Filter
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.fields import MISSING
from countersign.ports import Ports
from countersign.steps import assemble, draft, ingest

INPUTS = draft.Inputs(fallback=wiring.drafter("rules"))
HOMES = tempfile.TemporaryDirectory(prefix="countersign-bench-")


def scratch() -> Path:
    """An empty folder that goes when the run ends."""
    return Path(tempfile.mkdtemp(dir=HOMES.name))


def home() -> tuple[Path, Ports]:
    """A fresh home with its ports."""
    folder = scratch()
    return folder, wiring.open_ports(folder, config.load(folder, None), "rules")


def opened(paths: list[Path]) -> tuple[Ports, list[assemble.Assembled]]:
    """Everything below the paths as one case by hand."""
    _, ports = home()
    read = ingest.ingest(wiring.incoming(map(str, paths), "auto", None), ports)
    return ports, assemble.by_hand(read, ports, "bench")


class Nowhere:
    """A store that keeps nothing."""

    log = cases = briefs = property(lambda self: self)

    @contextmanager
    def transaction(self) -> Iterator["Nowhere"]:
        """A transaction that does nothing."""
        yield self

    def holds(self, *_: object) -> bool:
        """Nothing is held, nothing is kept."""
        return False

    stage = save = add = holds


def brief(one: assemble.Assembled, ports: Ports) -> draft.Briefed:
    """A brief without the store: freeze, menu, prepare, draft, verify, panel, suggest, note."""
    return draft.brief_case(one, msgspec.structs.replace(ports, store=Nowhere()), INPUTS)


def stated(made: draft.Briefed) -> list[Claim]:
    """The drafter's claims of a brief, to be verified again; readings that code added rest on no claims."""
    claims = [checked.claim for checked in made.brief.claims]
    return [c for c in claims if c is not None and getattr(c, "basis", True)]


def counts(snapshot: Snapshot, wanted: int) -> list[Claim]:
    """Count claims over every record: one and two clauses, over each of the most frequent values of each field."""
    made: list[Claim] = []
    for name in sorted(snapshot.by_schema):
        schema = snapshot.dictionary.schema(name)
        fields = [f for f in schema.fields if "*" not in f.pointer and f.type != "time"] if schema else []
        before: tuple[str, str, object] | None = None
        for field in fields:
            for raw in _values(snapshot, name, field.pointer):
                clause = (field.pointer, "eq", raw)
                for where in filter(None, [(clause,), (before, clause) if before else None]):
                    total = len(snapshot.matching(Filter(name, where), None, None))
                    claim = CountClaim(
                        id=f"c{len(made)}", section="x", filter=Filter(name, where), op="eq", value=total
                    )
                    made.append(claim)
                before = clause
    return made[:: max(1, len(made) // wanted)][:wanted]


def _values(snapshot: Snapshot, schema: str, pointer: str) -> list[object]:
    path = snapshot.path(schema, pointer)
    index = snapshot.index(schema, pointer)
    frequent = sorted(index.values(), key=lambda held: -len(held))[:6]
    records = snapshot.by_schema[schema]
    values = [MISSING if path is None else snapshot.value(records[held[0]].id, path) for held in frequent]
    return [v for v in values if isinstance(v, str | int) and 0 < len(str(v)) <= 256]
