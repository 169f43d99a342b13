"""Which sources decide a case: families of detection rules, and what each source would have told of one.

A family is recognised by the words of a rule, its category or its ATT&CK techniques, never by what a record
holds. A source that decides, that this installation knows and that has nothing at all in the case's window is
`silent`; one that was never read here is a line among what could not be seen. Data: `decisive.toml`.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

import msgspec

from countersign.core.canonical import NANOSECONDS, format_time
from countersign.core.cases.flag import Flag, raised
from countersign.core.claims.coverage import Coverage, CoverageRow, spans
from countersign.core.claims.reference import Reference
from countersign.core.ids import digest
from countersign.core.records.alert import Alert
from countersign.core.records.fields import Clause
from countersign.core.render import neutralize

FIGURES = "detector-families"
"""The pinned reference (kind `baseline`) that holds the figures of the families."""
OTHER = "other"
"""The family of rules that fit none."""

EXPECTED = 3  # records a source would have written at its usual rate, before none of them is a silence
STOPPED = re.compile(r"\b(silent|silence|no records|stopped|outage|offline|heartbeat|down)\b", re.IGNORECASE)
"""How the reason of a coverage row says that a source was not there."""
LIFE_NS = (
    7 * 86_400 * NANOSECONDS
)  # a source that was quiet for longer before the window is no source any more


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to know something: any of its record schemas will do."""

    title: str
    schemas: tuple[str, ...]


class Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A family of detection rules, and what its sources decide (source → what it would have told)."""

    name: str
    words: str
    asks: dict[str, str]
    techniques: tuple[str, ...] = ()


class Needed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that stand in every record of a schema that `when` selects."""

    schema: str
    pointers: tuple[str, ...]
    when: tuple[Clause, ...] = ()


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a family's figures must reach before anything of it may be suggested closed."""

    catch_rate: float = 0.9
    false_clear_rate: float = 0.02


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    limits: Limits
    source: dict[str, Source]
    family: tuple[Family, ...]
    field: tuple[Needed, ...]


class Extent(msgspec.Struct, frozen=True):
    """What the store holds of a record schema: how many records, first and last event time."""

    records: int
    first_ns: int | None = None
    last_ns: int | None = None

    def with_more(self, records: int, first_ns: int | None, last_ns: int | None) -> "Extent":
        """This and the records of another source of the schema."""
        firsts = [ns for ns in (self.first_ns, first_ns) if ns is not None]
        lasts = [ns for ns in (self.last_ns, last_ns) if ns is not None]
        return Extent(self.records + records, min(firsts, default=None), max(lasts, default=None))

    def expected(self, length_ns: int) -> float:
        """How many records its average rate gives for a stretch of time."""
        if self.first_ns is None or self.last_ns is None:
            return 0.0
        return self.records * length_ns / max(self.last_ns - self.first_ns, 3600 * NANOSECONDS)


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the sources of an installation around one window: [start_ns, end_ns]."""

    start_ns: int
    end_ns: int
    here: frozenset[str] = frozenset()  # schemas with a record in the case
    spoke: frozenset[str] = frozenset()  # schemas with a record in the store within the window
    known: Mapping[str, Extent] = {}  # schema → what the store holds of it
    coverage: Coverage = ()

    @property
    def sources(self) -> list[Source]:
        """Everything that is known or named here, each as a source of its own."""
        named = {row.schema for row in self.coverage}
        return [Source(schema, (schema,)) for schema in sorted(named | set(self.known))]


class Decisive:
    """The compiled data; `digest` names its version. Without data no source decides more than another."""

    def __init__(self, data: bytes = b"") -> None:
        read = msgspec.convert(tomllib.loads(data.decode()), _Document) if data else None
        self.limits = read.limits if read else Limits()
        self.sources = read.source if read else {}
        self.families = read.family if read else ()
        self.needed = read.field if read else ()
        self.digest = digest(data)
        self._words = [(family, re.compile(family.words, re.IGNORECASE)) for family in self.families]
        for family in self.families:
            if unknown := set(family.asks) - set(self.sources):
                raise ValueError(f"family {family.name} asks an unknown source: {min(unknown)}")

    def families_of(self, alerts: Iterable[Alert], techniques: Iterable[str] = ()) -> tuple[str, ...]:
        """The families that the alerts' rules, categories and techniques belong to, in the data's order."""
        texts = {text for alert in alerts for text in (alert.rule, alert.category) if text}
        named = {technique.split(".")[0].upper() for technique in techniques}
        return tuple(
            family.name
            for family, words in self._words
            if named.intersection(family.techniques) or any(words.search(text) for text in texts)
        )

    def deciding(self, families: Collection[str]) -> frozenset[str] | None:
        """The record schemas that decide a case of these families; None when every source does."""
        if not families:
            return None
        return frozenset(schema for source, _ in self._asked(families) for schema in source.schemas)

    def _asked(self, families: Collection[str]) -> list[tuple[Source, str]]:
        """Each source that decides for these families, once, with all that it would have told."""
        asks: dict[str, dict[str, None]] = {}
        for family in self.families:
            for name, told in family.asks.items() if family.name in families else ():
                asks.setdefault(name, {})[told] = None
        return [(self.sources[name], "; ".join(told)) for name, told in asks.items()]

    def unanswered(self, families: Collection[str], here: Collection[str]) -> frozenset[str]:
        """The schemas of the sources that decide and have no record in the case, by any of their schemas."""
        asked = (source for source, _ in self._asked(families) if not set(source.schemas) & set(here))
        return frozenset(schema for source in asked for schema in source.schemas)

    def missing(self, families: Collection[str], heard: Heard) -> tuple[tuple[Flag, ...], tuple[str, ...]]:
        """`silent` flags of deciding sources without a record in the window, and what was never read here.

        Without a family every source that is known or named decides, and nothing is said of others.
        """
        flags: dict[str, Flag] = {}
        never: list[str] = []
        quiet: list[str] = []
        asked = self._asked(families) if families else [(one, "") for one in heard.sources]
        for source, told in asked:
            spoke = heard.here | {name for name in heard.spoke if not (told and _stopped(name, heard))}
            if spoke.intersection(source.schemas) or _covered(source, heard):
                continue
            silences = [one for name in source.schemas if (one := _silence(name, told, heard))]
            for one in silences:
                flags.setdefault(one.schema, one)
            if not silences and told and set(source.schemas) & set(heard.known):
                quiet.append(f"{source.title} ({told})")
            elif not silences and told:
                never.append(f"{source.title} ({told})")
        lines = [f"never read here: {', '.join(never)}"] if never else []
        lines += (
            [f"read here at other times, and nothing in this window: {', '.join(quiet)}"] if quiet else []
        )
        return tuple(flags.values()), tuple(lines)

    def barred(self, families: Collection[str], references: Iterable[Reference]) -> tuple[str, ...]:
        """Families of a case whose pinned figures are below the limits, or cannot be read as figures (cap C10)."""
        figures = [reference.entries for reference in references if reference.kb == FIGURES]
        return tuple(
            family
            for family in (families or (OTHER,))
            if any(family in entries and self._below(entries[family]) for entries in figures)
        )

    def _below(self, figures: Mapping[str, object]) -> bool:
        caught, cleared = _share(figures.get("catch_rate")), _share(figures.get("false_clear_rate"))
        if caught is None or cleared is None:
            return True
        return caught < self.limits.catch_rate or cleared > self.limits.false_clear_rate


def _share(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= 1:
        return None
    return float(value)


def _covered(source: Source, heard: Heard) -> bool:
    """Was one of its schemas read completely over the window, for every expected source of it?"""
    return any(
        spans(heard.coverage, schema, (), heard.start_ns, heard.end_ns + 1) for schema in source.schemas
    )


def _named(schema: str, heard: Heard) -> list[CoverageRow]:
    """What a manifest says of a schema at the time."""
    rows = (row for row in heard.coverage if row.schema == schema)
    return [row for row in rows if row.start_ns <= heard.end_ns and row.end_ns > heard.start_ns]


def _stopped(schema: str, heard: Heard) -> CoverageRow | None:
    """The row of a manifest that says the source had stopped."""
    return next((row for row in _named(schema, heard) if STOPPED.search(row.reason)), None)


def _silence(schema: str, told: str, heard: Heard) -> Flag | None:
    """`silent`, when the manifest names the source for this window, or its own rate promised records in it."""
    stopped, extent = _stopped(schema, heard), heard.known.get(schema)
    if stopped is not None:
        detail = f"{neutralize(stopped.reason)} ({stopped.start} to {stopped.end})"
    else:
        expected = extent.expected(heard.end_ns - heard.start_ns) if extent and _alive(extent, heard) else 0.0
        if expected < EXPECTED and not _named(schema, heard):
            return None
        usual = f", where about {expected:.0f} are usual" if expected >= EXPECTED else ""
        detail = f"no record between {format_time(heard.start_ns)} and {format_time(heard.end_ns)}{usual}"
    detail += f"; it would have told {told}" if told else ""
    return raised("silent", schema, schema, detail, heard.start_ns, heard.end_ns)


def _alive(extent: Extent, heard: Heard) -> bool:
    """Did the source exist at the time: begun before the window, and not quiet for a week already?"""
    if extent.first_ns is None or extent.last_ns is None:
        return False
    return extent.first_ns <= heard.end_ns and heard.start_ns - extent.last_ns <= LIFE_NS
