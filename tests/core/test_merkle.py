"""RFC 6962 trees: published vectors, and every proof for every size up to 130."""

from hashlib import sha256

import pytest

from countersign.core.log.merkle import (
    EMPTY_ROOT,
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

CT_LEAVES = [
    leaf_hash(bytes.fromhex(text))
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
SEVEN = [leaf_hash(b"entry-%d" % n) for n in range(7)]
SEVEN_LEAVES = """
40766b2033429026f53d54502679a839706b4741f8dcaf3a8bba5f41b5ffe075
e868811a482c27d50b6d45dde79c465d6adb9b06645100477a90cf3d8518898b
049d7dcdb56bcfebd313304c9839f196a3d4b6ef3bdc0b08298f93ac8191f0a8
27479b6ab321d2ee477452f68ba527748e863cafe8fbd1df2bf89d1570d1b697
194bb5a2d5bd10e5d1aa6fd5d42980b356caf1da623cd9987c4bfa2f81771ed7
514158527515064c7bbd35b44c9f11addcfc38b439554fc9bb0d8b7c661c3e8f
0cfda576ff4b29ea33c3afdaeed1bd637eb654b28a04302fcab5fd7db07801cc
""".split()
SEVEN_ROOTS = """
40766b2033429026f53d54502679a839706b4741f8dcaf3a8bba5f41b5ffe075
2f27a5082c1d42afa488ac350a9fc4390c084f54f71ecdff859e98db8429b479
a64bf26e09128f6fe2fe6f8b2d8c801e166b57c047a7cd9b2b809e7a96a2f1cb
256b9e8825e5d370a4ae005d0901ea291977e2927f5cf8e3e72660dd09519edb
1aa68d3074905a581f84cbbd0f753794904fd80451bc4c13e69d9a53bc59502c
08783a523d260480de2ccf0976d7411ed8adaf06f75d5a5de2254c58f968eca9
9139601cc1ca8ab2a7a0c2c134c04845f2b1ba549a83d6c845cfcda439cc585d
""".split()
N01 = node_hash(SEVEN[0], SEVEN[1])
N23 = node_hash(SEVEN[2], SEVEN[3])
N45 = node_hash(SEVEN[4], SEVEN[5])
N46 = node_hash(N45, SEVEN[6])
ROOT4 = node_hash(N01, N23)

LEAVES = [leaf_hash(str(n).encode()) for n in range(130)]
ROOTS = [root(LEAVES[:n]) for n in range(131)]
WRONG = sha256(b"no such hash").digest()


@pytest.mark.parametrize(("size", "expected"), CT_ROOTS.items())
def test_the_certificate_transparency_leaves_give_their_known_roots(size, expected):
    assert expected == root(CT_LEAVES[:size]).hex()


def test_seven_entries_give_their_published_leaves_and_roots():
    assert SEVEN_LEAVES == [leaf.hex() for leaf in SEVEN]
    assert SEVEN_ROOTS == [root(SEVEN[:size]).hex() for size in range(1, 8)]
    assert "e429c5b5ccaa9523c37297f1846766f903137e82195c5199e6be57130d1006c8" == N46.hex()


@pytest.mark.parametrize(
    ("index", "proof"),
    [(0, (SEVEN[1], N23, N46)), (3, (SEVEN[2], N01, N46)), (6, (N45, ROOT4))],
)
def test_inclusion_proofs_of_seven_are_the_published_ones(index, proof):
    assert proof == inclusion_proof(SEVEN, index)


@pytest.mark.parametrize(
    ("old_size", "proof"),
    [
        (1, (SEVEN[1], N23, N46)),
        (3, (SEVEN[2], SEVEN[3], N01, N46)),
        (4, (N46,)),
        (6, (N45, SEVEN[6], ROOT4)),
        (7, ()),
    ],
)
def test_consistency_proofs_of_seven_are_the_published_ones(old_size, proof):
    assert proof == consistency_proof(SEVEN, old_size)


def test_the_first_600_of_70000_decimal_entries_give_the_published_roots():
    tree = CompactRange().extend(leaf_hash(b"%d" % n) for n in range(600))
    assert "3e7332551f050738a741dfe1c55508fd9525510fbcab30ca679f35fbe9f6cc26" == tree.root().hex()

    whole = tree.extend(leaf_hash(b"%d" % n) for n in range(600, 70_000))
    assert "1a4cdfcb66374a0c0dcbef49acbd4976d13ee864fb3cb241fc943cad04f02f7e" == whole.root().hex()


def test_a_compact_range_remembers_one_hash_per_full_subtree():
    tree = CompactRange()
    for size, leaf in enumerate(LEAVES, start=1):
        tree = tree.append(leaf)
        assert ROOTS[size] == tree.root()
        assert size.bit_count() == len(tree.peaks)


def _spoiled(proof: tuple[bytes, ...], seed: int) -> tuple[bytes, ...]:
    at = seed % len(proof)
    return (*proof[:at], WRONG, *proof[at + 1 :])


def test_every_inclusion_proof_up_to_130_holds_and_none_with_a_wrong_hash():
    checked = 0
    for size in range(1, 131):
        for index in range(size):
            leaf, proof = LEAVES[index], inclusion_proof(LEAVES[:size], index)
            assert verify_inclusion(leaf, index, size, proof, ROOTS[size])
            if proof:
                assert not verify_inclusion(leaf, index, size, _spoiled(proof, index), ROOTS[size])
                assert not verify_inclusion(leaf, index, size, proof[:-1], ROOTS[size])
            assert not verify_inclusion(leaf, index, size, (*proof, WRONG), ROOTS[size])
            assert not verify_inclusion(WRONG, index, size, proof, ROOTS[size])
            checked += 1
    assert 8_515 == checked


def test_every_consistency_proof_up_to_130_holds_and_none_with_a_wrong_hash():
    checked = 0
    for size in range(1, 131):
        for old in range(size + 1):
            proof = consistency_proof(LEAVES[:size], old)
            assert verify_consistency(old, ROOTS[old], size, ROOTS[size], proof)
            if proof:
                spoiled = _spoiled(proof, old)
                assert not verify_consistency(old, ROOTS[old], size, ROOTS[size], spoiled)
                assert not verify_consistency(old, ROOTS[old], size, ROOTS[size], proof[:-1])
            assert not verify_consistency(old, ROOTS[old], size, ROOTS[size], (*proof, WRONG))
            assert not verify_consistency(old, WRONG, size, ROOTS[size], proof)
            checked += 1
    assert 8_645 == checked


@pytest.mark.parametrize(("index", "size"), [(0, 0), (7, 7), (8, 7), (-1, 7)])
def test_an_index_outside_the_tree_is_never_included(index, size):
    assert not verify_inclusion(SEVEN[0], index, size, (), SEVEN[0])
    with pytest.raises(IndexError):
        inclusion_proof(SEVEN[:size], index)


def test_a_tree_cannot_be_consistent_with_a_smaller_one():
    assert not verify_consistency(5, ROOTS[5], 4, ROOTS[4], (WRONG,))
    with pytest.raises(IndexError):
        consistency_proof(LEAVES[:4], 5)


def test_the_empty_tree_starts_every_tree_but_only_with_its_own_root():
    assert verify_consistency(0, EMPTY_ROOT, 7, root(SEVEN), ())
    assert not verify_consistency(0, WRONG, 7, root(SEVEN), ())
