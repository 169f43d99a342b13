"""The store of which alerts stand together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from countersign.core.cases.bursts import Burst
from countersign.core.cases.grouping import Regrouping, Standing
from countersign.core.cases.sighting import Sighting
from countersign.core.records.alert import Alert


class Waiting(msgspec.Struct, frozen=True):
    """An alert that waits to be grouped; `number` is the store's own name of its record."""

    number: int
    sighting: Sighting


class Member(msgspec.Struct, frozen=True):
    """An alert of a case, and the burst it is part of."""

    alert: Alert
    burst: int


class GroupStore(Protocol):
    """Which alerts stand together: those that wait, bursts, what is said of each case, what persons changed."""

    def lock(self) -> None:
        """Until the transaction ends, nobody else groups."""
        ...

    def wait(self, sightings: Iterable[tuple[str, Sighting]]) -> None:
        """Let alerts wait, each with the id of its stored record. One that waits already waits once."""
        ...

    def newest_waiting(self) -> int | None:
        """The latest start among those that wait, in UTC seconds."""
        ...

    def waiting(self, from_s: int, until_s: int, limit: int) -> tuple[Waiting, ...]:
        """Those that start in [from, until], earliest first, whole seconds; at least one second, else up to `limit`."""
        ...

    def settle(self, numbers: Sequence[int]) -> None:
        """These wait no longer."""
        ...

    def memory(self) -> bytes | None:
        """What the grouping keeps in mind, if it ever did."""
        ...

    def remember(self, memory: bytes) -> None:
        """Keep the grouping's memory, instead of the last."""
        ...

    def unlearn(self, case_id: str) -> None:
        """A person found the case malicious: what it holds shall teach nobody what is usual here."""
        ...

    def to_unlearn(self) -> tuple[str, ...]:
        """Cases that wait to be unlearnt."""
        ...

    def unlearnt(self, case_ids: Collection[str]) -> None:
        """They wait no more."""
        ...

    def keep(
        self, bursts: Iterable[Burst], members: Iterable[tuple[int, int]], cases: Iterable[Standing]
    ) -> None:
        """Keep bursts, (record number, burst) pairs and standings as they are now. What a person placed stays."""
        ...

    def last_number(self) -> int:
        """The highest burst number in use; 0 when there is none."""
        ...

    def placed(self, numbers: Collection[int]) -> Mapping[int, Burst]:
        """Bursts by number, of those that are stored, as they were kept."""
        ...

    def bursts_of(self, case_id: str) -> tuple[Burst, ...]:
        """The bursts of a case, earliest first."""
        ...

    def counts_of(self, case_id: str) -> Mapping[int, int]:
        """Burst number to alerts, of a case."""
        ...

    def members(self, case_id: str, ends: int) -> tuple[Member, ...]:
        """The alerts of a case in event order; with `ends`, of each burst only so many first and last."""
        ...

    def cases_of(self, evidence: Collection[str]) -> Mapping[str, str]:
        """Record id to the case that its alert is in."""
        ...

    def burst_of(self, evidence: str) -> Burst | None:
        """The burst that a record's alert is part of."""
        ...

    def standing(self, case_ids: Collection[str]) -> Mapping[str, Standing]:
        """What is kept of cases."""
        ...

    def stand(self, standing: Standing) -> None:
        """Keep this of a case."""
        ...

    def sizes(self, case_ids: Collection[str]) -> Mapping[str, int]:
        """How many alerts each case holds now; none for a case that is not grouped."""
        ...

    def holds_any(self, case_id: str) -> bool:
        """Is any alert in the case?"""
        ...

    def marks(self, case_ids: Collection[str]) -> Mapping[str, str]:
        """A mark of which alerts each case holds now; none for a case that holds none."""
        ...

    def drafted(self, case_id: str, mark: str) -> None:
        """A brief was made of the case when its alerts had this mark."""
        ...

    def stale(self, case_ids: Collection[str]) -> frozenset[str]:
        """Those of the cases whose alerts are others than when a brief was last made of them."""
        ...

    def unsettled(self, case_id: str) -> tuple[str, ...]:
        """Records of the case whose alerts still wait, and are judged again with what comes next."""
        ...

    def incidents(self, from_s: int, until_s: int) -> tuple[Burst, ...]:
        """The bursts of incidents that were active in [from, until]."""
        ...

    def regroup(self, regrouping: Regrouping) -> None:
        """Append what a person changed."""
        ...

    def regroupings(self) -> tuple[Regrouping, ...]:
        """What persons changed, oldest first."""
        ...

    def assign(self, burst: Burst, evidence: Collection[str]) -> None:
        """A person's burst: these records' alerts are part of it from now on."""
        ...

    def move(self, case_id: str, into: str) -> None:
        """Every burst of the case is part of the other from now on."""
        ...
