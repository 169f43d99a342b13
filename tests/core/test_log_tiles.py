"""Tiles and bundles: published vectors, every proof up to size 130 read back from files, and what is refused."""

from hashlib import sha256

import pytest

from countersign.core.log.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from countersign.core.log.tiles import (
    ENTRIES,
    Tile,
    TiledTree,
    bundle,
    grown,
    hashes_at,
    is_needed,
    parse_bundle,
    parse_path,
    parse_tile,
    tile_of,
    tiles_of,
)
from countersign.errors import AuditLogUnavailable, MalformedEntry, MalformedNote

SEVEN = [b"entry-%d" % n for n in range(7)]
DECIMALS = [b"%d" % n for n in range(70_000)]


def digest(raw):
    return sha256(raw).hexdigest()


def written(*batches):
    """The files of a log that grew by these batches, superseded ones too."""
    files, size = {}, 0
    for batch in batches:
        files.update((tile.path, raw) for tile, raw in grown(files.get, size, batch))
        size += len(batch)
    return files


@pytest.fixture(scope="module")
def large():
    return written(DECIMALS)


def test_seven_entries_give_the_published_bundle_and_tile():
    files = written(SEVEN)
    assert {"tile/entries/000.p/7", "tile/0/000.p/7"} == set(files)
    assert b"".join(b"\0\7" + entry for entry in SEVEN) == files["tile/entries/000.p/7"]
    assert "0327f91917f94f5ad8edb07c834864a3926394c6f7e12cd5dbfc646403a2847b" == digest(
        files["tile/entries/000.p/7"]
    )
    assert "e99f493b599ba703533533aef52f8c7d065829a1ab763aac3f97a11854400cc9" == digest(
        files["tile/0/000.p/7"]
    )


def test_the_first_600_decimals_give_the_published_tiles():
    files = written(DECIMALS[:600])
    assert "b9704a8bfbee2c61185ceb38904a49f3f703c81e194b5b2ccdc254c2bdaaa62b" == digest(files["tile/0/000"])
    assert "fe426762d1741d58dbd092cbfbb397752425fc36436700fb449477da7e011021" == digest(
        files["tile/0/002.p/88"]
    )
    first, second = parse_tile(files["tile/1/000.p/2"], 2)
    assert "828515d033c19d8c901f37eccb8aed919667703486f8d2fff1cf7040321c5db1" == first.hex()
    assert "7d95b32750f4c12f0db0772ae4f8947ce20d46166d985c23fa20afe94bc7940b" == second.hex()
    assert (
        "3e7332551f050738a741dfe1c55508fd9525510fbcab30ca679f35fbe9f6cc26"
        == TiledTree(files.get, 600).root().hex()
    )


def test_70000_decimals_give_the_published_root_and_the_files_of_the_specification(large):
    assert (
        "1a4cdfcb66374a0c0dcbef49acbd4976d13ee864fb3cb241fc943cad04f02f7e"
        == TiledTree(large.get, 70_000).root().hex()
    )
    at = {level: [tile for tile in tiles_of(70_000) if tile.level == level] for level in (ENTRIES, 0, 1, 2)}
    assert [274, 274, 2, 1] == [len(at[level]) for level in (ENTRIES, 0, 1, 2)]
    assert ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"] == [
        at[level][-1].path for level in (0, 1, 2)
    ]
    assert set(large) == {tile.path for tile in tiles_of(70_000)}
    assert {"tile/0/000", "tile/1/000.p/1", "tile/entries/000"} == {tile.path for tile in tiles_of(256)}


@pytest.mark.parametrize(
    ("index", "path"),
    [
        (0, "tile/0/000"),
        (999, "tile/0/999"),
        (1000, "tile/0/x001/000"),
        (1_234_067, "tile/0/x001/x234/067"),
        (10**17 + 5, "tile/0/x100/x000/x000/x000/x000/005"),
    ],
)
def test_an_index_is_written_in_groups_of_three(index, path):
    assert path == Tile(0, index).path
    assert Tile(0, index) == parse_path(path)
    assert Tile(0, index, 5) == parse_path(f"{path}.p/5")


@pytest.mark.parametrize(
    "path",
    """
    tile/0/00 tile/0/0000 tile/0/1000 tile/0/x000/000 tile/0/x001 tile/0/001/000 tile/00/000 tile/64/000 tile/-1/000
    tile/0/000.p/0 tile/0/000.p/256 tile/0/000.p/07 tile/0/000.p/ tile/0/000.p tile/entry/000 tile/0/../000 /tile/0/000
    tile/0/000/ tile/0/٠٠٠ tile/0/X001/000 checkpoint
    """.split(),
)
def test_any_other_spelling_of_a_path_is_refused(path):
    with pytest.raises(MalformedNote):
        parse_path(path)


def test_a_partial_tile_is_needed_by_the_size_that_ends_in_it_and_by_no_other():
    assert is_needed(Tile(0, 2, 88), 600)
    assert [600] == [size for size in range(2_000) if is_needed(Tile(0, 2, 88), size)]
    assert not is_needed(Tile(0, 2), 600)
    assert is_needed(Tile(0, 1), 600)
    with pytest.raises(MalformedNote):
        tile_of(0, 3, 600)
    with pytest.raises(MalformedNote):
        tile_of(1, 0, 255)


def test_a_log_that_grows_by_any_steps_has_the_same_files_and_keeps_each_earlier_one():
    whole = written(DECIMALS[:1_300])
    for step in (1, 7, 255, 256, 257, 700):
        parts = [DECIMALS[at : min(at + step, 1_300)] for at in range(0, 1_300, step)]
        files = written(*parts)
        sizes = [*range(step, 1_300, step), 1_300]
        assert {tile.path for size in sizes for tile in tiles_of(size)} == set(files)
        assert whole == {path: files[path] for path in whole}
        assert all(
            TiledTree(files.get, size).root() == root(map(leaf_hash, DECIMALS[:size])) for size in sizes[::97]
        )


def test_the_files_of_a_new_size_are_the_ones_it_did_not_have():
    for old, new in ((0, 1), (1, 1), (255, 256), (256, 257), (600, 601), (600, 70_000), (65_535, 65_537)):
        expected = {tile.path for tile in tiles_of(new)} - {tile.path for tile in tiles_of(old)}
        assert expected == {tile.path for tile in tiles_of(new, old)}


def test_every_proof_up_to_130_read_from_tiles_is_the_one_made_from_leaves():
    files = written(*([entry] for entry in DECIMALS[:130]))
    leaves = [leaf_hash(entry) for entry in DECIMALS[:130]]
    inclusions = consistencies = 0
    for size in range(1, 131):
        tree = TiledTree(files.get, size)
        for index in range(size):
            assert inclusion_proof(leaves[:size], index) == tree.inclusion(index)
            inclusions += 1
        for old in range(size + 1):
            assert consistency_proof(leaves[:size], old) == tree.consistency(old)
            consistencies += 1
    assert (8_515, 8_645) == (inclusions, consistencies)


@pytest.mark.parametrize("size", [255, 256, 257, 512, 600, 65_535, 65_536, 65_537, 70_000])
def test_proofs_across_levels_hold(large, size):
    tree = TiledTree(large.get, size) if size == 70_000 else TiledTree(written(DECIMALS[:size]).get, size)
    whole = tree.root()
    assert whole == root(map(leaf_hash, DECIMALS[:size]))
    for index in {0, 1, 254, size // 3, size // 2, size - 2, size - 1}:
        assert verify_inclusion(leaf_hash(DECIMALS[index]), index, size, tree.inclusion(index), whole)
        assert DECIMALS[index] == tree.entry(index)
        assert leaf_hash(DECIMALS[index]) == tree.leaf(index)
    for old in {1, 2, 128, 255, size // 2, size - 1, size}:
        old_root = root(map(leaf_hash, DECIMALS[:old]))
        assert verify_consistency(old, old_root, size, whole, tree.consistency(old))


def test_a_proof_reads_few_files_however_long_the_log_is(large):
    asked = []

    def read(path):
        asked.append(path)
        return large.get(path)

    TiledTree(read, 70_000).inclusion(12_345)
    assert len(asked) <= 6
    asked.clear()
    TiledTree(read, 70_000).consistency(12_345)
    assert len(asked) <= 6


def test_an_older_size_is_read_from_the_full_tile_that_took_its_place():
    files = written(DECIMALS[:100], DECIMALS[100:300])
    del files["tile/0/000.p/100"], files["tile/entries/000.p/100"]
    tree = TiledTree(files.get, 100)
    assert root(map(leaf_hash, DECIMALS[:100])) == tree.root()
    assert DECIMALS[57] == tree.entry(57)


def test_an_empty_log_has_no_files_and_the_empty_root():
    assert [] == list(tiles_of(0))
    assert EMPTY_ROOT == TiledTree({}.get, 0).root()
    assert {} == written([])


@pytest.mark.parametrize("ask", [(-1,), (7,), (8,)])
def test_no_proof_is_made_for_an_entry_that_the_tree_has_not(ask):
    tree = TiledTree(written(SEVEN).get, 7)
    with pytest.raises(IndexError):
        tree.inclusion(*ask)
    with pytest.raises(IndexError):
        tree.entry(*ask)
    with pytest.raises(IndexError):
        tree.consistency(8)


def test_a_missing_or_cut_tile_is_said_never_guessed():
    files = written(SEVEN)
    cut = {**files, "tile/0/000.p/7": files["tile/0/000.p/7"][:-1]}
    with pytest.raises(AuditLogUnavailable, match="missing"):
        TiledTree({}.get, 7).root()
    with pytest.raises(MalformedNote):
        TiledTree(cut.get, 7).root()
    with pytest.raises(MalformedNote):
        list(grown(cut.get, 7, [b"more"]))
    with pytest.raises(AuditLogUnavailable):
        list(grown({}.get, 7, [b"more"]))


@pytest.mark.parametrize(
    ("raw", "width"),
    [
        (b"", 1),
        (b"\0", 1),
        (b"\0\1", 1),
        (b"\0\1ab", 1),
        (b"\0\1a", 2),
        (b"\0\1a\0\1b", 1),
        (b"\0\1a\0", 1),
    ],
)
def test_a_bundle_with_anything_more_or_less_is_refused(raw, width):
    with pytest.raises(MalformedNote):
        parse_bundle(raw, width)


def test_a_bundle_holds_entries_of_every_length():
    entries = (b"", b"a", b"x" * 65_535)
    assert entries == parse_bundle(bundle(entries), 3)
    with pytest.raises(MalformedEntry):
        bundle([b"x" * 65_536])


@pytest.mark.parametrize("length", [0, 31, 33, 63, 96])
def test_a_tile_of_another_length_is_refused(length):
    with pytest.raises(MalformedNote):
        parse_tile(bytes(length), 2)


def test_hashes_are_counted_by_level():
    assert [70_000, 70_000, 273, 1, 0] == [hashes_at(level, 70_000) for level in (ENTRIES, 0, 1, 2, 3)]
