"""What is stored held against what was logged: a row that no entry speaks for is not shown as ours."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from countersign.core.log.auditlog import Blob, Entry
from countersign.errors import TamperDetected
from countersign.ports import CaseState, Ports, Transaction
from countersign.steps import decided
from countersign.steps.audit import MEDIA_TYPE

PAGE = 500  # cases a page


def ensure_logged(state: CaseState, ports: Ports) -> None:
    """`TamperDetected` unless a `brief.verified` entry of the case binds this very document, and the row says the same."""
    entries = ports.store.log.of_case(state.case_id, "brief.verified")
    with ports.store.reading() as tx:
        told = _is_logged(state, entries, tx) and _row_agrees(state)
    if not told:
        raise TamperDetected(f"this case's document is not what was logged ({state.case_id})")


def logged_as(tx: Transaction, state: CaseState) -> Entry:
    """The `brief.verified` entry that binds this very document; `TamperDetected` when there is none, or the row differs.

    Looks at the entries of this case alone, in this very transaction.
    """
    for blob_id in tx.contents.named(state.case_id, "brief"):
        entry = tx.log.read(blob_id.rpartition("/")[0])
        if entry is None or (entry.kind, entry.case) != ("brief.verified", state.case_id):
            continue
        if _is_logged(state, [entry], tx) and _row_agrees(state):
            return entry
    raise TamperDetected(f"this case's document is not what was logged ({state.case_id})")


def forged(case_ids: Iterable[str], ports: Ports) -> frozenset[str]:
    """Those of the cases whose latest document or row is not what was logged."""
    entries: dict[str, list[Entry]] = defaultdict(list)
    for entry in ports.store.log.of_kind("brief.verified"):
        entries[entry.case].append(entry)
    wrong = set[str]()
    with ports.store.reading() as tx:
        for case_id in case_ids:
            state = tx.cases.latest(case_id)
            told = state and _is_logged(state, reversed(entries[case_id]), tx) and _row_agrees(state)
            if not told:
                wrong.add(case_id)
    return frozenset(wrong)


def objection(ports: Ports) -> tuple[str, str] | None:
    """Status and reason of the first thing stored that an intact log does not bear out; None when it bears out all."""
    with ports.store.reading() as tx:
        if changed := tx.evidence.altered():
            return "altered", f"the stored bytes of {changed} have another digest"
        stored = tx.evidence.counts().evidence
    received = sum(
        _whole(entry.data.get("records")) for entry in ports.store.log.of_kind("evidence.received")
    )
    if received < stored:
        return "incomplete", f"{stored} records are stored, the log tells of {received}"
    return (
        _erasures_objection(ports)
        or _regroupings_objection(ports)
        or _cases_objection(ports)
        or decided.objection(ports)
    )


def _erasures_objection(ports: Ports) -> tuple[str, str] | None:
    """What is gone was erased by the one procedure that says so in the log."""
    told = {entry.id: entry for entry in ports.store.log.of_kind("blob.erased")}
    with ports.store.reading() as tx:
        if unlogged := tx.erasures.unlogged(told):
            return "incomplete", f"no entry tells of {unlogged}"
        drafted = {entry.case: entry for entry in ports.store.log.of_kind("brief.verified")}
        for case, entry in drafted.items():  # the last one counts: an erased case may have been read in again
            gone = any(tx.contents.is_erased(blob.id) for blob in entry.blobs.values())
            if not gone and tx.cases.latest(case) is None:
                return "incomplete", f"the document of {case} is gone, and no entry tells of an erasure"
    return None


def _regroupings_objection(ports: Ports) -> tuple[str, str] | None:
    """Every regrouping of a person stands in the log, word for word."""
    entries = {one.id: one.blobs.get("regrouping") for one in ports.store.log.of_kind("case.regrouped")}
    with ports.store.reading() as tx:
        for one in tx.groups.regroupings():
            blob, what = entries.get(one.entry), f"the regrouping of {one.case} at {one.at}"
            if one.entry not in entries:
                return "incomplete", f"no entry tells of {what}"
            if blob is not None and not tx.contents.is_bound(blob.id):
                return _unbound(what)
            if blob is None or not tx.contents.holds(blob, MEDIA_TYPE, msgspec.json.encode(one)):
                return "altered", f"{what} is not what was logged"
    return None


def _unbound(what: str) -> tuple[str, str]:
    """Neither shown nor refuted: the secret of the commitment is not here."""
    return "unchecked", f"the secret that binds {what} to its entry is not in this store"


def _cases_objection(ports: Ports) -> tuple[str, str] | None:
    entries: dict[str, list[Entry]] = defaultdict(list)
    for entry in ports.store.log.of_kind("brief.verified"):
        entries[entry.case].append(entry)
    before: int | None = None
    while True:
        with ports.store.reading() as tx:
            page = tx.cases.recent(PAGE, before)
            for one in page:
                state = tx.cases.latest(one.case_id)
                if state and (found := _case_objection(state, entries[one.case_id], tx)):
                    return found
        if len(page) < PAGE:
            return None
        before = page[-1].seq


def _case_objection(state: CaseState, entries: Sequence[Entry], tx: Transaction) -> tuple[str, str] | None:
    if not entries:
        return "incomplete", f"no entry tells of the stored case {state.case_id}"
    if not any(tx.contents.is_bound(blob.id) for blob in _briefs(entries)):
        return _unbound(f"the document of {state.case_id}")
    if not _is_logged(state, reversed(entries), tx):
        return "altered", f"the document of {state.case_id} is not what was logged"
    if not _row_agrees(state):
        return "altered", f"the row of {state.case_id} says something else than its document"
    return None


def _is_logged(state: CaseState, newest_first: Iterable[Entry], tx: Transaction) -> bool:
    return any(tx.contents.holds(blob, MEDIA_TYPE, state.document) for blob in _briefs(newest_first))


def _briefs(entries: Iterable[Entry]) -> Iterator[Blob]:
    return (entry.blobs["brief"] for entry in entries if "brief" in entry.blobs)


def _row_agrees(state: CaseState) -> bool:
    document = json.loads(state.document)
    told = (document["id"], document["title"], document["severity"], document["tier"], document["snapshot"])
    return told == (state.case_id, state.title, state.severity, state.tier, state.snapshot)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
