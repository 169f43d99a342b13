"""The dossier: what a drafter may see of a case, and nothing that leads back to it.

Excerpts are numbered `e1`…; candidate facts `f1`… are already typed, verified and worded by code. The
mapping from numbers to evidence stays with us. It is plain data, hashed into the log, and the only thing
about a case that a drafter imports.
"""

from hashlib import sha256

import msgspec


class ExcerptField(msgspec.Struct, frozen=True):
    """One field of an excerpt."""

    pointer: str
    label: str
    type: str
    value: str
    tainted: bool


class Excerpt(msgspec.Struct, frozen=True):
    """One record as the drafter sees it."""

    number: str
    schema: str
    source: str
    time: str | None
    is_alert: bool
    fields: tuple[ExcerptField, ...]


class MenuFact(msgspec.Struct, frozen=True):
    """A candidate fact: verified and worded by code; taken over by naming its id in `use`."""

    id: str
    kind: str
    section: str
    text: str
    tainted: bool
    origin: str
    statement: str  # facts with the same number are told together
    weight: int
    suggests: tuple[str, ...]
    time: str | None


class Total(msgspec.Struct, frozen=True):
    """An aggregate computed by code over the whole snapshot."""

    schema: str
    records: int
    first: str | None
    last: str | None


class Dossier(msgspec.Struct, frozen=True):
    """Everything a drafter is given."""

    case: str
    snapshot: str
    excerpts: tuple[Excerpt, ...]
    menu: tuple[MenuFact, ...]
    totals: tuple[Total, ...]
    left_out: int  # records of the case that no excerpt shows
    note: str

    @property
    def document(self) -> bytes:
        """The exact bytes that leave, as JSON."""
        return msgspec.json.encode(self)

    @property
    def digest(self) -> str:
        """`sha256:` of the document."""
        return "sha256:" + sha256(self.document).hexdigest()
