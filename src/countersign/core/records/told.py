"""What the free text of a record names, kept apart from what its typed fields say.

It is read when a case is looked at, not at intake, and joins no records: whoever writes into a command line
could otherwise tie cases together at will, and a search of every message would cost the intake a third of its speed or more.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from countersign.core.records.fields import Field, Schema
from countersign.core.records.observable import Extractor, Observable, spell
from countersign.core.records.texts import mentions


class Told(Observable, frozen=True, gc=False):
    """An observable named in free text: where in it, in code points, and whether an outsider could have written it."""

    start: int
    end: int
    tainted: bool

    @property
    def bare(self) -> Observable:
        """The same as a typed field would give it."""
        return Observable(self.type, self.value)


def free_text(field: Field, schema: str) -> str:  # noqa: ARG001 (a sibling of `kind_of`)
    """Is a field's text worth a search: who could have written it; empty where it is not.

    Command lines and URL paths are. A `text` is, unless the product itself writes it.
    """
    if field.embed or not (field.type in {"cmdline", "url_path"} or (field.type == "text" and field.tainted)):
        return ""
    return "outsider" if field.tainted else "system"


MAX_CHARACTERS = 65_536
"""Of a longer text only the first part is searched."""

_TOLD = frozenset("url domain ip email md5 sha1 sha256".split())
_TOLD_PLAIN = {"sha512": "hash", "cve": "cve"}


@lru_cache(maxsize=512)
def _named(taint: str, text: str) -> tuple[Told, ...]:
    """The observables that a text names; paths and registry keys are many and join nothing."""
    made: list[Told] = []
    tainted = taint != "system"
    for one in mentions(text[:MAX_CHARACTERS], paths=False):
        if one.type in _TOLD:
            kept: Sequence[Observable] = spell(one.type, one.value)
        else:
            kept = (Observable(_TOLD_PLAIN[one.type], one.value),) if one.type in _TOLD_PLAIN else ()
        for o in kept:
            made.append(Told(o.type, o.value, one.start, one.end, tainted))  # noqa: PERF401 (most often one)
    return tuple(made)


_TELLERS: dict[int, Extractor] = {}


def told(schema: Schema, view: object) -> tuple[tuple[Told, str], ...]:
    """What the free text of a record names, each with its pointer; typed fields are `observables`."""
    made = _TELLERS.get(id(schema))
    if made is None or made.schema is not schema:
        made = _TELLERS[id(schema)] = Extractor(schema, free_text, _named)
    return cast("tuple[tuple[Told, str], ...]", made(view))  # all come from `_named`
