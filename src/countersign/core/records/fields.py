"""The field dictionary: per record schema, what each pointer means and who could have chosen its value.

It is data (`dictionary/*.toml`), compiled here. A pointer is RFC 6901 and may go on inside an embedded
document after `!`; a literal `!` in a key is `~2`. The verifier knows only pointers that are in the
dictionary: everything else is kept and shown, and cannot be cited as a typed fact. A field that the
dictionary does not call `system` is taken to be chosen by an outsider.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from countersign.core.canonical import read_time
from countersign.core.ids import canonical, digest
from countersign.core.records.views import embedded
from countersign.core.render import shown

INSIDE = "\0!"
"""The token that stands for stepping into an embedded document."""

SHARED = "_"
"""Files whose names start so hold what several schemas share; they are no schema themselves."""

ANY = "*"
MISSING: Any = object()
"""What a pointer resolves to when the record does not hold it."""

Clause = tuple[str, str, object]


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One pointer of one schema (`*` stands for any key or index)."""

    pointer: str
    type: str
    label: str = ""
    role: str = ""
    taint: str = "outsider"
    sensitivity: str = "none"
    presence: str = "sometimes"
    vocabulary: tuple[str, ...] = ()
    embed: str = ""
    format: str = "iso"
    cut: int = 0
    observable: bool = True
    watch: bool = False

    @property
    def tainted(self) -> bool:
        """Could the party under investigation, or any outsider, have chosen this value?"""
        return self.taint != "system"


class RoleSource(msgspec.Struct, frozen=True):
    """Where a role of a relation is read: the first pointer present, mapped or judged by presence."""

    pointers: tuple[str, ...]
    mapping: tuple[tuple[str, str], ...] = ()
    present: str = ""
    absent: str = ""


class RelationRow(msgspec.Struct, frozen=True):
    """How one relation is read from records of one schema for which every `when` clause holds."""

    name: str
    when: tuple[Clause, ...]
    roles: tuple[tuple[str, RoleSource], ...]


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a record is an alert, and which of its fields say what fired."""

    when: tuple[Clause, ...] = ()
    any_of: tuple[tuple[Clause, ...], ...] = ()  # besides `when`, all of one of these; none asks for nothing
    id: str = ""
    rule: str = ""
    rule_const: str = ""
    category: str = ""
    severity: RoleSource = RoleSource(())
    severity_const: str = ""
    severity_bands: tuple[tuple[float, str], ...] = ()
    trigger: tuple[str, ...] = ()
    place: tuple[str, ...] = ()  # where the reporting sensor stands; it names no party to what happened
    end: str = ""  # when the activity ended
    submitted: bool = False  # somebody handed it in and waits for an answer


Node = dict[str, Any]
"""A trie of pointer tokens; the key `""` holds the field that ends there."""

_END = "\0end"
_SLOT = re.compile(r"(\{[0-9]\})")


class Schema:
    """The compiled dictionary of one record schema."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.name: str = document["schema"]
        self.version: str = str(document.get("version", "1"))
        self.title: str = document.get("title", self.name)
        self.product: str = document.get("product", self.title)
        self.parser: str = document.get("parser", "json/1")
        self.time: tuple[str, ...] = tuple(document.get("time", ()))
        self.ingest_time: tuple[str, ...] = tuple(document.get("ingest_time", ()))
        self.source: tuple[str, ...] = tuple(document.get("source", ()))
        self.absent: frozenset[str] = frozenset(document.get("absent", ("",)))
        self.ignored: frozenset[str] = frozenset(document.get("ignored", ()))
        self.fields: tuple[Field, ...] = tuple(
            msgspec.convert({"pointer": pointer, **spec}, Field)
            for pointer, spec in document.get("fields", {}).items()
        )
        self.relations: tuple[RelationRow, ...] = tuple(map(_relation, document.get("relation", ())))
        self.alert: AlertRule | None = _alert(document["alert"]) if "alert" in document else None
        self.root: Node = {}
        for known in self.fields:
            _plant(self.root, known)
        self._paths: dict[str, Path | None] = {}
        self._time = tuple(filter(None, map(self.path, self.time)))
        self._ingest = tuple(filter(None, map(self.path, self.ingest_time)))
        self._source = tuple(filter(None, map(self.path, self.source)))

    def path(self, pointer: str) -> "Path | None":
        """The way to a pointer that the dictionary knows; None for any other pointer."""
        found: Path | None = self._paths.get(pointer, MISSING)
        if found is MISSING:
            found = _trace(self.root, pointer)
            if len(self._paths) < 20_000:
                self._paths[pointer] = found
        return found

    def field(self, pointer: str) -> Field | None:
        """What the dictionary says of a concrete pointer."""
        path = self.path(pointer)
        return path.field if path else None

    def event_ns(self, view: object) -> int | None:
        """Event time in UTC nanoseconds: the first time pointer that is present and readable."""
        return _first_time(self._time, view)

    def ingest_ns(self, view: object) -> int | None:
        """When the product received the record, if it says so."""
        return _first_time(self._ingest, view)

    def time_pointer(self, view: object) -> str | None:
        """The pointer that event time is read from in this record."""
        for path in self._time:
            if read_time(path.resolve(view), path.field.format) is not None:
                return path.pointer
        return None

    def instance(self, view: object) -> str:
        """The source instance a record came from, `schema/name` or the bare schema."""
        for path in self._source:
            value = path.resolve(view)
            if isinstance(value, str | int) and value not in self.absent:
                return f"{self.name}/{str(value)[:120].lower()}"
        return self.name


class Path(msgspec.Struct, frozen=True):
    """A pointer, split into tokens, with the parser of each embedded document on the way."""

    pointer: str
    tokens: tuple[str, ...]
    parsers: tuple[str, ...]
    field: Field

    def resolve(self, view: object) -> Any:
        """The value at the pointer, or MISSING. Null counts as missing."""
        if self.parsers:
            return self._resolve_inside(view)
        here: Any = view
        for token in self.tokens:
            if type(here) is dict:
                here = here.get(token)
            elif type(here) is list and _is_index(token) and int(token) < len(here):
                here = here[int(token)]
            else:
                return MISSING
            if here is None:
                return MISSING
        return here

    def _resolve_inside(self, view: object) -> Any:
        parsers = iter(self.parsers)
        here: Any = view
        for token in self.tokens:
            if token == INSIDE:
                here = _inside(here, next(parsers)) if isinstance(here, str) else MISSING
            elif type(here) is dict:
                here = here.get(token, MISSING)
            elif type(here) is list:
                here = here[int(token)] if _is_index(token) and int(token) < len(here) else MISSING
            else:
                return MISSING
            if here is MISSING or here is None:
                return MISSING
        return here

    @property
    def label(self) -> str:
        """The field's name in a sentence, with `{1}` filled by the first wildcard's key (or index + 1)."""
        wild = [str(int(t) + 1) if _is_index(t) else shown(t, tainted=True) for t in self._wild()]
        slots = [f"{{{number}}}" for number in range(1, len(wild) + 1)]
        label = self.field.label or self.pointer.rsplit("/", 1)[-1]
        parts = _SLOT.split(label)
        filled = "".join(wild[slots.index(part)] if part in slots else part for part in parts)
        bare = [t for t, slot in zip(wild, slots, strict=True) if slot not in parts and not t.isdecimal()]
        return filled + (f" ({', '.join(bare)})" if bare else "")

    def _wild(self) -> list[str]:
        patterns = tokens(self.field.pointer)
        return [t for t, pattern in zip(self.tokens, patterns, strict=True) if pattern == ANY]

    @property
    def names_keys(self) -> bool:
        """Does the pointer choose a key where the dictionary has any?"""
        return any(not _is_index(token) for token in self._wild())


class Schemas(Mapping[str, Schema]):
    """Schemas by name, each compiled when it is first asked for."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)
        self._names = sorted(n.removesuffix(".toml") for n in files if not n.startswith(SHARED))
        self._compiled: dict[str, Schema] = {}

    def __getitem__(self, name: str) -> Schema:
        found = self._compiled.get(name)
        if found is None:
            if name.startswith(SHARED):
                raise KeyError(name)
            found = self._compiled[name] = Schema(merged(f"{name}.toml", self._files))
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Dictionary:
    """All record schemas; its digest goes into every proof."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.schemas: Mapping[str, Schema] = Schemas(files)
        self.digest: str = digest(canonical({name: digest(files[name]) for name in sorted(files)}))

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> "Dictionary":
        """The dictionary of its files: `SCHEMA.toml`, and `_NAME.toml` for what several of them share."""
        return cls(files)

    def schema(self, name: str) -> Schema | None:
        """The compiled schema, or None if the dictionary does not know it."""
        return self.schemas.get(name)


def merged(name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """A schema's document. What it says goes before the file that `base` names: key by key, field by field, rows first.

    Raises `KeyError` when a file is not there, `ValueError` when it is not TOML.
    """
    document = tomllib.loads(files[name].decode())
    if "base" not in document:
        return document
    base = merged(document["base"], files)
    both = {**base, **document}
    both["fields"] = {**base.get("fields", {}), **document.get("fields", {})}
    both["relation"] = [*document.get("relation", ()), *base.get("relation", ())]
    return both


def tokens(pointer: str) -> tuple[str, ...]:
    """RFC 6901 tokens, with INSIDE where the pointer steps into an embedded document."""
    found: list[str] = []
    for number, part in enumerate(pointer.split("!")):
        if number:
            found.append(INSIDE)
        found += [t.replace("~2", "!").replace("~1", "/").replace("~0", "~") for t in part.split("/")[1:]]
    return tuple(found)


def escape(token: str | int) -> str:
    """One key or index as a pointer token."""
    return (
        token.replace("~", "~0").replace("/", "~1").replace("!", "~2")
        if isinstance(token, str)
        else str(token)
    )


def walk(schema: Schema, view: object) -> Iterator[tuple[str, Field | None, Any]]:
    """Every leaf of a record: pointer, its field (None when the dictionary does not know it), value."""
    for pointer, known, value in _walk(schema.root, view, ""):
        yield pointer, known or schema.field(pointer), value


def _walk(node: Node | None, here: Any, pointer: str) -> Iterator[tuple[str, Field | None, Any]]:
    if type(here) is dict or type(here) is list:
        pairs = here.items() if type(here) is dict else enumerate(here)
        for key, value in pairs:
            child = None if node is None else node.get(str(key), node.get(ANY))
            yield from _walk(child, value, f"{pointer}/{escape(key)}")
        return
    if here is None:
        return
    known: Field | None = None if node is None else node.get(_END)
    yield pointer, known, here
    if known is not None and known.embed and node is not None and INSIDE in node and isinstance(here, str):
        inner = _inside(here, known.embed)
        if type(inner) is dict or type(inner) is list:
            yield from _walk(node[INSIDE], inner, pointer + "!")


def _plant(root: Node, known: Field) -> None:
    node = root
    for token in tokens(known.pointer):
        node = node.setdefault(token, {})
    node[_END] = known


def _trace(root: Node, pointer: str) -> Path | None:
    way = tokens(pointer)
    if not way or not pointer.startswith("/") or ANY in way:  # `*` is the dictionary's word, never a claim's
        return None
    return _follow(root, pointer, way, 0, ())


def _follow(node: Node, pointer: str, way: tuple[str, ...], at: int, parsers: tuple[str, ...]) -> Path | None:
    if at == len(way):
        known = node.get(_END)
        return Path(pointer, way, parsers, known) if known is not None else None
    if way[at] == INSIDE:
        known = node.get(_END)
        if known is None or not known.embed or INSIDE not in node:
            return None
        return _follow(node[INSIDE], pointer, way, at + 1, (*parsers, known.embed))
    for key in (way[at], ANY):
        if key in node and key != _END:
            found = _follow(node[key], pointer, way, at + 1, parsers)
            if found is not None:
                return found
    return None


def _first_time(paths: tuple[Path, ...], view: object) -> int | None:
    for path in paths:
        ns = read_time(path.resolve(view), path.field.format)
        if ns is not None:
            return ns
    return None


@lru_cache(maxsize=1024)
def _inside(text: str, parser: str) -> object:
    """An embedded document, parsed once for all the pointers that go into it."""
    found = embedded(text, parser)
    return MISSING if found is None else found


def _is_index(token: str) -> bool:
    return token.isdecimal() and token.isascii() and (token == "0" or token[0] != "0") and len(token) < 10  # noqa: S105 - a path token, not a password


def _source(spec: object) -> RoleSource:
    if isinstance(spec, str):
        return RoleSource((spec,))
    if isinstance(spec, list):
        return RoleSource(tuple(spec))
    if not isinstance(spec, dict):
        why = f"a role is read from a pointer, a list of pointers or a table, not {spec!r}"
        raise ValueError(why)  # noqa: TRY004 - a dictionary that cannot be compiled, whatever the reason
    pointer = spec["ptr"]
    return RoleSource(
        (pointer,) if isinstance(pointer, str) else tuple(pointer),
        tuple(spec.get("map", {}).items()),
        spec.get("present", ""),
        spec.get("absent", ""),
    )


def _clauses(rows: list[list[Any]]) -> tuple[Clause, ...]:
    return tuple(
        (pointer, op, Decimal(str(value)) if isinstance(value, float) else value)
        for pointer, op, value in rows
    )


def _relation(row: dict[str, Any]) -> RelationRow:
    roles = tuple((role, _source(spec)) for role, spec in row["roles"].items())
    return RelationRow(row["name"], _clauses(row.get("when", [])), roles)


def _alert(table: dict[str, Any]) -> AlertRule:
    rule, severity = table.get("rule", ""), table.get("severity", "")
    constant = isinstance(severity, dict) and "const" in severity
    bands = severity.get("bands", ()) if isinstance(severity, dict) else ()
    return AlertRule(
        when=_clauses(table.get("when", [])),
        any_of=tuple(map(_clauses, table.get("any_of", ()))),
        id=table.get("id", ""),
        rule="" if isinstance(rule, dict) else rule,
        rule_const=rule["const"] if isinstance(rule, dict) else "",
        category=table.get("category", ""),
        severity=_source(severity) if severity and not constant else RoleSource(()),
        severity_const=severity["const"] if constant and isinstance(severity, dict) else "",
        severity_bands=tuple((float(low), name) for low, name in bands),
        trigger=tuple(table.get("trigger", ())),
        place=tuple(table.get("place", ())),
        end=table.get("end", ""),
        submitted=table.get("submitted", False),
    )
