"""The form of a mapping file: which keys there are, and what each may hold.

Every finding is a `Wrong` with the key, what is wrong there, and what to do. The pages that tell the keys
(docs/formats/mapping.md, docs/formats/dictionary.md) are held against the classes here.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any, Literal, TypeVar

import msgspec

from countersign.core.claims.registry import RELATIONS
from countersign.core.records.csv_rows import DELIMITERS
from countersign.core.records.fields import INSIDE, Schema, tokens

Clauses = list[tuple[str, Literal["eq", "prefix", "contains", "lt", "le", "gt", "ge", "in_cidr"], Any]]
Severity = Literal["low", "medium", "high", "critical"]
T = TypeVar("T")

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SAID = re.compile(r"(.*?)(?: - at (?:key in )?`\$?\.?(.*)`)?", re.DOTALL)


class Wrong(ValueError):
    """A key of a mapping that cannot be used."""

    def __init__(self, key: str, what: str, do: str) -> None:
        super().__init__(f"{key}: {what}")
        self.do = do


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table whose keys are all known."""


class Csv(Form, frozen=True):
    """`[records]` of a table."""

    when: Clauses = []
    delimiter: str = ","
    quote: Literal['"', ""] = '"'
    header: list[str] = []  # the columns, where the file does not name them
    columns: list[str] = []  # what the header of a file must name for the mapping to be for it


class Json(Form, frozen=True):
    """`[records]` of JSON."""

    when: Clauses
    unwrap: list[str] = []
    outer: bool = True


class Field(Form, frozen=True):
    """One row of `[fields]`."""

    type: Literal[
        "ip", "port", "pid", "int", "number", "bool", "time", "host", "domain", "user", "sid", "email", "url",
        "url_path", "path", "cmdline", "sha256", "sha1", "md5", "hash", "guid", "id", "enum", "text", "mac", "arn",
        "country", "severity", "registry_key", "service_name",
    ]  # fmt: skip
    label: str = ""
    role: Literal[
        "", "actor", "target", "source", "destination", "host", "process", "parent", "object", "rule", "outcome",
        "action", "time", "principal", "resource", "app",
    ] = ""  # fmt: skip
    taint: Literal["system", "outsider"] = "outsider"
    sensitivity: Literal["none", "personal", "secret"] = "none"
    presence: Literal["always", "sometimes"] = "sometimes"
    vocabulary: list[str] = []
    embed: Literal["", "json/1", "xml/1", "colon-pairs/1", "equals-pairs/1", "python/1"] = ""
    format: Literal["iso", "utc", "epoch_s", "epoch_ms", "rfc5322"] = "iso"
    cut: int = 0
    observable: bool = True
    watch: bool = False


class Const(Form, frozen=True):
    """A rule's name that the source does not give."""

    const: str


class Level(Form, frozen=True):
    """How a severity is read."""

    ptr: str = ""
    map: dict[str, Severity] = {}
    bands: list[tuple[float, Severity]] = []
    const: Severity | None = None


class Alert(Form, frozen=True):
    """`[alert]`."""

    when: Clauses = []
    any_of: list[Clauses] = []
    rule: str | Const = ""
    id: str = ""
    category: str = ""
    severity: str | Level = ""
    trigger: list[str] = []
    place: list[str] = []
    end: str = ""
    submitted: bool = False


class Role(Form, frozen=True):
    """A role that is not simply a pointer."""

    ptr: str | list[str]
    map: dict[str, str] = {}
    present: str = ""
    absent: str = ""


class Relation(Form, frozen=True):
    """One `[[relation]]`."""

    name: str
    roles: dict[str, str | list[str] | Role]
    when: Clauses = []


class Document(Form, frozen=True):
    """A mapping file."""

    kind: Literal["csv", "json"]
    name: str
    version: int | str
    records: dict[str, Any]
    title: str = ""
    product: str = ""
    base: str = ""
    time: list[str] = []
    ingest_time: list[str] = []
    source: list[str] = []
    absent: list[str] = []
    ignored: list[str] = []
    fields: dict[str, dict[str, Any]] = {}
    alert: dict[str, Any] | None = None
    relation: list[dict[str, Any]] = []


def checked(document: dict[str, Any], shared: Collection[str]) -> Csv | Json:
    """`[records]` of a mapping whose every key is well formed; raises `Wrong` for the first that is not."""
    for key in ("schema", "parser"):
        if key in document:
            raise Wrong(
                key, "it follows from the mapping itself", "Leave it out: kind and name make the schema."
            )
    whole = _as(Document, document, "")
    if not _NAME.fullmatch(whole.name):
        raise Wrong("name", f"{whole.name!r} is no name", "Use up to 64 of a–z, 0–9 and `-`.")
    if not str(whole.version).isdecimal() or int(whole.version) < 1:
        raise Wrong(
            "version",
            f"{whole.version!r} is no version",
            "Use a whole number, and raise it when you change the file.",
        )
    if whole.base and whole.base not in shared:
        raise Wrong(
            "base", f"there is no {whole.base!r}", "Name a dictionary file that comes with the program."
        )
    for pointer, spec in whole.fields.items():
        _field(pointer, _as(Field, spec, f"fields.{pointer}"))
    if whole.alert is not None:
        _as(Alert, whole.alert, "alert")
    for number, row in enumerate(whole.relation, 1):
        _relation(_as(Relation, row, f"relation {number}"), f"relation {number}")
    return _csv(whole) if whole.kind == "csv" else _json(whole)


def _as(form: type[T], table: object, key: str) -> T:
    try:
        return msgspec.convert(table, form)
    except msgspec.ValidationError as exc:
        found = _SAID.fullmatch(str(exc))
        what, inner = found.groups() if found else (str(exc), "")
        where = ".".join(filter(None, (key, inner))) or "the file"
        raise Wrong(
            where,
            what.replace("Object", "it"),
            "Every key and what it may hold is told in docs/formats/mapping.md.",
        ) from exc


def _field(pointer: str, spec: Field) -> None:
    key = f"fields.{pointer}"
    if not pointer.startswith("/"):
        raise Wrong(key, "it is no pointer", 'Write the pointer with a slash in front, such as "/time".')
    if spec.sensitivity == "secret" and spec.type != "text":
        raise Wrong(
            key,
            f"a secret of type {spec.type}",
            "A secret is never something to join on: give it the type text.",
        )


def _relation(row: Relation, key: str) -> None:
    if row.name not in RELATIONS:
        raise Wrong(
            f"{key}.name", f"there is no relation {row.name!r}", f"There are: {' '.join(sorted(RELATIONS))}."
        )
    for role in row.roles:
        if role not in RELATIONS[row.name]:
            known = " ".join(sorted(RELATIONS[row.name]))
            raise Wrong(f"{key}.roles", f"{row.name} has no role {role!r}", f"It has: {known}.")


def _csv(whole: Document) -> Csv:
    spec = _as(Csv, whole.records, "records")
    if spec.delimiter not in DELIMITERS:
        known = " ".join(map(repr, DELIMITERS))
        raise Wrong("records.delimiter", f"{spec.delimiter!r} cannot separate cells", f"Use one of {known}.")
    if spec.header and spec.columns:
        raise Wrong(
            "records.columns",
            "it stands beside header",
            "Keep header where the file names no columns, columns where it does.",
        )
    if len(set(spec.header)) < len(spec.header) or not all(map(str.strip, spec.header)):
        raise Wrong(
            "records.header",
            "two columns have the same name, or one has none",
            "Give every column a name of its own.",
        )
    if any(mark in name for name in spec.header for mark in (spec.delimiter, '"', "\r", "\n")):
        raise Wrong(
            "records.header",
            "a name holds a delimiter, a quote or a line break",
            "Call the column something else.",
        )
    for pointer in whole.fields:
        column = tokens(pointer)[0]
        if spec.header and column not in spec.header:
            raise Wrong(
                f"fields.{pointer}",
                f"the header has no column {column!r}",
                "Take the names from records.header.",
            )
    if not (spec.header or spec.columns or whole.fields):
        raise Wrong(
            "records.columns",
            "nothing tells which files the mapping is for",
            "Name the columns, or list [fields].",
        )
    return spec


def _json(whole: Document) -> Json:
    spec = _as(Json, whole.records, "records")
    for pointer in spec.unwrap:
        if not pointer.startswith("/") or INSIDE in tokens(pointer):
            raise Wrong(
                "records.unwrap",
                f"{pointer!r} is no pointer",
                'Write it with a slash in front, such as "/events/*"; `!` cannot stand in it.',
            )
    if not spec.outer and not spec.unwrap:
        raise Wrong(
            "records.outer",
            "false, and nothing is unwrapped: no record would be left",
            "Give unwrap, or leave outer out.",
        )
    return spec


def check_pointers(schema: Schema, spec: Csv | Json) -> None:
    """Every pointer that is used is one of the fields; raises `Wrong` for the first that is not."""
    for key, pointer in _used(schema, spec):
        if schema.path(pointer) is None and pointer not in {known.pointer for known in schema.fields}:
            raise Wrong(key, f"{pointer!r} is not listed under [fields]", "List it there with its type.")
    for key, pointers in (("time", schema.time), ("ingest_time", schema.ingest_time)):
        for pointer in pointers:
            known = schema.field(pointer)
            if known is None or known.type != "time":
                raise Wrong(
                    key, f"{pointer!r} is not of type time", 'Give the field type = "time" and its format.'
                )
    embeds = {known.pointer for known in schema.fields if known.embed}
    for known in schema.fields:
        before, inside, _ = known.pointer.rpartition("!")
        if inside and before not in embeds:
            raise Wrong(
                f"fields.{known.pointer}",
                f"{before!r} has no embed",
                "List it with the parser of the text in it.",
            )


def _used(schema: Schema, spec: Csv | Json) -> Iterator[tuple[str, str]]:
    for pointer, _, _ in spec.when:
        yield "records.when", pointer
    yield from (("time", pointer) for pointer in schema.time)
    yield from (("ingest_time", pointer) for pointer in schema.ingest_time)
    yield from (("source", pointer) for pointer in schema.source)
    for row in schema.relations:
        yield from ((f"relation {row.name}", pointer) for pointer, _, _ in row.when)
        yield from ((f"relation {row.name}", pointer) for _, place in row.roles for pointer in place.pointers)
    if (alert := schema.alert) is not None:
        clauses = (clause for group in (alert.when, *alert.any_of) for clause in group)
        yield from (("alert.when", pointer) for pointer, _, _ in clauses)
        single = (alert.id, alert.rule, alert.category, alert.end)
        used = (*alert.trigger, *alert.place, *alert.severity.pointers, *single)
        yield from (("alert", pointer) for pointer in used if pointer)
