"""The log's entries, and what verifying a stored log may conclude."""

import msgspec
import pytest
import rfc8785

from countersign.core.log.auditlog import (
    KINDS,
    MAX_ENTRY_BYTES,
    MAX_INTEGER,
    Actor,
    Blob,
    Entry,
    Head,
    LogCheck,
    Stored,
    check_log,
    entry_bytes,
    read_entry,
)
from countersign.core.log.merkle import leaf_hash, root
from countersign.errors import MalformedEntry

DIGEST = "sha256:" + "3" * 64


def an_entry(number: int = 0, **changes) -> Entry:
    wanted = {
        "kind": "log.note",
        "id": f"e_{number:04}",
        "ts": "2026-09-21T13:15:30.123Z",
        "actor": Actor(type="system", id="countersign"),
    }
    return Entry(**(wanted | changes))


def a_log(size: int) -> tuple[list[Stored], list[Head]]:
    """A log of `size` entries with a head after every third, and one at the end."""
    raws = [entry_bytes(an_entry(n)) for n in range(size)]
    leaves = [leaf_hash(raw) for raw in raws]
    stored = [Stored(n, raw, leaf) for n, (raw, leaf) in enumerate(zip(raws, leaves, strict=True))]
    return stored, [Head(n, root(leaves[:n])) for n in sorted({*range(0, size, 3), size})]


def test_the_example_entry_of_the_format_has_its_published_bytes():
    entry = an_entry(
        kind="decision.countersigned",
        id="e_0007",
        actor=Actor(type="analyst", id="p_5f2c", session="s_91"),
        case="c_0001",
        txn="c_0001/run-7",
        refs={"brief": "e_0005", "review": "e_0006"},
        digests={
            "decision": "sha256:4825db314e1bcd1b28b70c4fa1b27dc87fe8133454acfc867c1b5ffe2f4f62cd",
            "policy": DIGEST,
        },
        blobs={
            "decision": Blob(
                id="b_77",
                commit="hmac-sha256:898ead9a20879926fae7ee6eb00f6eb9772a9dfae7ab8a10527c0251bd52a957",
            )
        },
        data={
            "assurance": "webauthn-uv",
            "disposition": "true_positive",
            "reason": "evidence_confirms",
            "tier": 1,
            "verdict_id": 2,
        },
    )

    raw = entry_bytes(entry)

    assert 645 == len(raw)
    assert "36d63b85037816010312ca98e6306ab4ce3e4084af352463c74611684c511420" == leaf_hash(raw).hex()
    assert read_entry(raw) == entry


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_the_format_is_taken(kind):
    assert kind == read_entry(entry_bytes(an_entry(kind=kind))).kind


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "decision.guessed"}, "not known"),
        ({"v": 2}, "schema"),
        ({"id": ""}, "not a id"),
        ({"id": "e 1"}, "not a id"),
        ({"id": 7}, "schema"),
        ({"ts": "2026-09-21T13:15:30Z"}, "not a time"),
        ({"actor": Actor(type="robot", id="x")}, "schema"),
        ({"actor": Actor(type="analyst", id="Jane Doe")}, "not a id"),
        ({"digests": {"policy": "3" * 64}}, "not a digest"),
        ({"digests": {"policy": DIGEST.upper()}}, "not a digest"),
        ({"digests": {"a policy": DIGEST}}, "not a key"),
        ({"blobs": {"x": Blob(id="b_1", commit=DIGEST)}}, "not a commitment"),
        ({"data": {"share": 0.5}}, "float"),
        ({"data": {"nan": float("nan")}}, "float"),
        ({"data": {"big": MAX_INTEGER + 1}}, "2^53"),
        ({"data": {"small": -MAX_INTEGER - 1}}, "2^53"),
        ({"data": {"raw": b"bytes"}}, ""),
        ({"data": {"a": {"b": {"c": {"d": {}}}}}}, "deeper"),
        ({"data": {"text": "\ud800"}}, "canonical"),
    ],
)
def test_what_the_schema_does_not_know_is_refused(changes, reason):
    with pytest.raises(MalformedEntry) as refusal:
        entry_bytes(an_entry(**changes))

    assert reason in str(refusal.value)


CHARACTERS = [*map(chr, range(0x80)), "é", "\u0080", "\u2028", "\ufffd", "\U0001f600"]


def test_the_quick_way_to_canonical_bytes_gives_those_of_rfc_8785():
    for one in CHARACTERS:
        data = {
            one: one,
            f"{one}a": [one, {"z": 1, one: -1}],
            "a": MAX_INTEGER,
            "\ufffd": 1,
            "\U0001f600": None,
        }
        entry = an_entry(data=data, refs={"brief": "e_1"}, case="c_1")
        expected = rfc8785.dumps(msgspec.to_builtins(entry) | {"v": 1})

        assert expected == entry_bytes(entry)
        assert entry == read_entry(expected)


def test_integers_up_to_the_limit_are_exact():
    data = {"most": MAX_INTEGER, "least": -MAX_INTEGER, "none": None, "yes": True}

    assert data == read_entry(entry_bytes(an_entry(data=data))).data


def test_an_entry_may_have_as_many_bytes_as_a_bundle_can_hold_and_no_more():
    room = MAX_ENTRY_BYTES - len(entry_bytes(an_entry(data={"text": ""})))

    assert MAX_ENTRY_BYTES == len(entry_bytes(an_entry(data={"text": "x" * room})))
    with pytest.raises(MalformedEntry):
        entry_bytes(an_entry(data={"text": "x" * (room + 1)}))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw + b"\n",
        lambda raw: raw.replace(b'"v":1', b'"v": 1'),
        lambda raw: raw.replace(b'"v":1', b'"v":1.0'),
        lambda raw: raw.replace(b',"v":1', b""),
        lambda raw: raw.replace(b'"v":1', b'"v":1,"v":1'),
        lambda raw: raw.replace(b'"v":1', b'"v":1,"w":1'),
        lambda raw: raw.replace(b"log.note", b"log\\u002enote"),
        lambda _raw: b"null",
        lambda _raw: b"\xff",
    ],
)
def test_bytes_that_are_not_their_own_canonical_form_are_refused(spoil):
    with pytest.raises(MalformedEntry):
        read_entry(spoil(entry_bytes(an_entry())))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 20])
def test_an_untouched_log_is_intact(size):
    stored, heads = a_log(size)

    assert LogCheck(status="intact", size=size, root=heads[-1].root) == check_log(stored, heads)


@pytest.mark.parametrize("index", range(20))
def test_a_changed_entry_is_named(index):
    stored, heads = a_log(20)
    stored[index] = Stored(index, entry_bytes(an_entry(99)), stored[index].leaf)

    result = check_log(stored, heads)

    assert ("altered", index) == (result.status, result.index)


@pytest.mark.parametrize("index", range(20))
def test_a_changed_entry_with_its_leaf_is_placed_after_the_last_good_head(index):
    stored, heads = a_log(20)
    raw = entry_bytes(an_entry(99))
    stored[index] = Stored(index, raw, leaf_hash(raw))

    result = check_log(stored, heads)

    assert ("altered", index - index % 3) == (result.status, result.index)


@pytest.mark.parametrize("index", range(20))
def test_a_removed_entry_is_missing(index):
    stored, heads = a_log(20)
    del stored[index]

    assert ("incomplete", (index,)) == (check_log(stored, heads).status, check_log(stored, heads).missing)


def test_two_entries_that_changed_places_are_noticed():
    stored, heads = a_log(20)
    stored[4], stored[5] = (
        Stored(4, stored[5].raw, stored[5].leaf),
        Stored(5, stored[4].raw, stored[4].leaf),
    )

    assert "altered" == check_log(stored, heads).status


def test_an_index_used_twice_is_noticed():
    stored, heads = a_log(5)

    assert "altered" == check_log([*stored[:3], stored[2], *stored[3:]], heads).status


def test_entries_beyond_the_last_head_are_noticed():
    stored, _ = a_log(5)
    _, heads = a_log(4)

    assert ("altered", 4) == (check_log(stored, heads).status, check_log(stored, heads).index)


def test_a_whole_new_history_is_noticed_by_whoever_kept_a_head():
    _, kept = a_log(6)
    raws = [entry_bytes(an_entry(100 + n)) for n in range(6)]
    forged = [Stored(n, raw, leaf_hash(raw)) for n, raw in enumerate(raws)]
    heads = [Head(6, root([record.leaf for record in forged]))]

    assert "intact" == check_log(forged, heads).status
    assert "altered" == check_log(forged, [*heads, kept[-1]]).status


def test_a_shortened_log_is_incomplete_to_whoever_kept_a_head():
    stored, heads = a_log(6)

    result = check_log(stored[:3], [*heads[:2], heads[-1]])

    assert ("incomplete", (3, 4, 5)) == (result.status, result.missing)
    assert "incomplete: no entry at index 3, 4, 5" == str(result)


def test_leaves_that_hold_no_entry_are_altered():
    raw = b'{"kind":"log.note"}'

    assert ("altered", 0) == (
        check_log([Stored(0, raw, leaf_hash(raw))], []).status,
        check_log([Stored(0, raw, leaf_hash(raw))], []).index,
    )
