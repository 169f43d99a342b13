"""Erasing a case: what it holds, what others hold too, and the one procedure that deletes."""

from collections.abc import Collection, Mapping
from typing import Protocol

import msgspec


class Holdings(msgspec.Struct, frozen=True):
    """The evidence of a case: what nobody else holds, and what other cases hold too (evidence id → their ids)."""

    own: tuple[str, ...]
    shared: Mapping[str, tuple[str, ...]]


class Deleted(msgspec.Struct, frozen=True):
    """How many rows went."""

    records: int
    alerts: int
    documents: int  # of cases and of their briefs
    decisions: int


class ErasureStore(Protocol):
    """Deletes what nothing else in the store can delete. Whoever calls it has two persons' signatures."""

    def hold_off(self) -> None:
        """Until this transaction ends nothing is erased: for what reads now and writes later."""
        ...

    def lock(self) -> None:
        """Until this transaction ends nobody else erases, groups, or keeps evidence and drafts."""
        ...

    def whole(self, case: str) -> tuple[str, ...]:
        """The case and those that became part of it; nothing for a case that is not known."""
        ...

    def holdings(self, cases: Collection[str]) -> Holdings:
        """Every record that a document of these cases names or that raised an alert of theirs. Reads every document."""
        ...

    def blobs(self, cases: Collection[str]) -> tuple[str, ...]:
        """The ids of their contents that are not erased yet; what an erasure itself put down is none of them."""
        ...

    def spoken(self, terms: Collection[str], cases: Collection[str]) -> frozenset[str]:
        """Those of the terms (rules, places, sources, entities) that other cases, or alerts that wait, speak of too."""
        ...

    def erase(
        self, cases: Collection[str], evidence: Collection[str], blobs: Mapping[str, str], entry: str
    ) -> Deleted:
        """Delete the cases' rows, this evidence, and the secrets and ciphertexts of the blobs.

        `entry` is the id of the log entry that tells of it; `blobs` says so for each blob. Everything is overwritten
        where the database can (SQLite); `Store.scrub` then cleans what no row shows.
        """
        ...

    def erased(self, cases: Collection[str]) -> Mapping[str, str]:
        """Of these cases, those that were erased, and the entry that tells of it the last time."""
        ...

    def all(self) -> tuple[tuple[str, str], ...]:
        """(case, entry) of every erasure, oldest first."""
        ...

    def unlogged(self, entry_ids: Collection[str]) -> str | None:
        """An erasure that none of these entries tells of; None when they tell of all."""
        ...
