"""What one transaction works with: the connection, and what this process has already looked up."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b

from sqlalchemy import Connection, Table

from countersign.adapters.sql import bulk, tables
from countersign.errors import EvidenceNotFound

Pair = tuple[str, str]
REMEMBERED_OBSERVABLES = 200_000
INT64_MAX = 2**63 - 1


class Remembered:
    """Row numbers of rows that are committed, and the key of the observables' hash."""

    def __init__(self) -> None:
        self.key = b""
        self.numbers: dict[tuple[str, ...], int] = {}
        self.observables: dict[Pair, int] = {}
        self._erasures: int | None = None

    def after(self, erasures: int | None) -> None:
        """Forget everything when a case was erased meanwhile, by whichever process: its rows may be gone."""
        if erasures != self._erasures:
            self._erasures = erasures
            self.numbers, self.observables = {}, {}


class Session:
    """One open transaction. What it learns is remembered only if it commits."""

    def __init__(self, connection: Connection, remembered: Remembered) -> None:
        self.connection = connection
        self._remembered = remembered
        self._numbers: dict[tuple[str, ...], int] = {}
        self._observables: dict[Pair, int] = {}
        self._evidence: dict[str, int] = {}
        self._new: set[str] = set()

    def committed(self) -> None:
        """The transaction held: keep what it learnt."""
        self._remembered.numbers.update(self._numbers)
        if len(self._remembered.observables) > REMEMBERED_OBSERVABLES:
            self._remembered.observables.clear()
        self._remembered.observables.update(self._observables)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is learnt inside is forgotten when it ends with an error: those rows never were."""
        learnt = self._numbers, self._observables, self._evidence, self._new
        before = self._numbers.copy(), self._observables.copy(), self._evidence.copy(), self._new.copy()
        try:
            yield
        except BaseException:
            self._numbers, self._observables, self._evidence, self._new = before
            raise
        else:
            self._numbers, self._observables, self._evidence, self._new = learnt

    def origin(self, schema: str, source: str, parser: str) -> int:
        """Row number of an origin, made if there is none."""
        return self._number(tables.origin, schema=schema, source=source, parser=parser)

    def file(self, path: str) -> int:
        """Row number of a source file, made if there is none."""
        return self._number(tables.source_file, path=path)

    def _number(self, table: Table, **values: str) -> int:
        name = (table.name, *values.values())
        number = self._numbers.get(name) or self._remembered.numbers.get(name)
        if number is None:
            number = self._numbers[name] = bulk.numbered(self.connection, table, **values)
        return number

    def observable(self, pair: Pair) -> int:
        """The keyed 64-bit hash that stands for an observable; nobody outside can make two of them meet."""
        text = tables.to_utf8(f"{pair[0]}\x00{pair[1]}")
        hashed = blake2b(text, digest_size=8, key=self._remembered.key).digest()
        return int.from_bytes(hashed, "big", signed=True)

    def keep_observables(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        """Their numbers; those that are new are stored."""
        known = self._remembered.observables
        numbers = {pair: known.get(pair) or self._observables.get(pair) for pair in pairs}
        new = {pair: self.observable(pair) for pair, number in numbers.items() if number is None}
        self._observables.update(new)
        # Sorted: two writers on PostgreSQL take row locks in the same order, and never wait in a circle.
        rows = sorted([(number, pair[0], tables.to_utf8(pair[1])) for pair, number in new.items()])
        bulk.insert(self.connection, tables.observable, ("id", "type", "value"), rows)
        return {pair: number for pair, number in numbers.items() if number is not None} | new

    def added(self, numbers: Mapping[str, int], new: Collection[str]) -> None:
        """Row numbers of evidence that this transaction wrote or met, and which of it is new."""
        self._evidence.update(numbers)
        self._new.update(new)

    def first_told(self, evidence: str) -> bool:
        """Was this evidence first stored by this transaction? Answered with yes only once."""
        told = evidence in self._new
        self._new.discard(evidence)
        return told

    def evidence_numbers(self, ids: Sequence[str]) -> dict[str, int]:
        """Row numbers of evidence; `EvidenceNotFound` when one is not stored."""
        numbers = {eid: self._evidence[eid] for eid in ids if eid in self._evidence}
        digests = {digest_bytes(eid): eid for eid in ids if eid not in numbers}
        found = bulk.sequence_numbers(self.connection, tables.evidence, list(digests)) if digests else {}
        if missing := digests.keys() - found.keys():
            raise EvidenceNotFound(f"no evidence has the id {digests[min(missing)]}")
        return numbers | {digests[digest]: seq for digest, seq in found.items()}


def digest_bytes(text: str) -> bytes:
    """The 32 bytes of `sha256:` + hex; `EvidenceNotFound` for any other spelling."""
    try:
        raw = bytes.fromhex(text[7:]) if len(text) == 71 and text.startswith("sha256:") else b""
    except ValueError:
        raw = b""
    if not raw or text != digest_text(raw):
        raise EvidenceNotFound(f"{text[:80]!r} is not an evidence id")
    return raw


def digest_text(raw: bytes) -> str:
    """`sha256:` and the hex of 32 bytes."""
    return "sha256:" + bytes(raw).hex()


def clamped_window(from_ns: int | None, to_ns: int | None) -> tuple[int | None, int | None]:
    """[from, to) in 64 bits; an end that 64 bits do not hold is no end, for the last time that they do counts."""
    return clamped(from_ns), None if to_ns is not None and to_ns > INT64_MAX else clamped(to_ns)


def clamped(ns: int | None) -> int | None:
    """The nearest time that 64 bits hold: a record may claim the year 9999."""
    if ns is None or -INT64_MAX <= ns <= INT64_MAX:
        return ns
    return INT64_MAX if ns > 0 else -INT64_MAX
