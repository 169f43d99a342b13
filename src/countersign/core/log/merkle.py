"""The Merkle tree of RFC 6962, section 2.1: roots, inclusion proofs, consistency proofs.

    empty root = SHA-256("")    leaf = SHA-256(0x00 || entry)    node = SHA-256(0x01 || left || right)

Proofs are checked as in RFC 9162, sections 2.1.3.2 and 2.1.4.2. Hashes are 32 bytes; leaves are given as
leaf hashes; indexes count from 0.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The hash of each entry."""
    digest = sha256  # bound here: the loop is what verifying a long log costs
    return [digest(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


class CompactRange(msgspec.Struct, frozen=True):
    """A tree of `size` leaves, remembered by the roots of its full subtrees, largest first: O(log n)."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "CompactRange":
        """The tree with one leaf more."""
        return self.extend((leaf,))

    def extend(self, more: Iterable[bytes]) -> "CompactRange":
        """The tree with these leaves more."""
        leaves = tuple(more)
        size, peaks, at = self.size, list(self.peaks), 0
        while at < len(leaves):
            # The widest full subtree that begins here: as the old size is aligned, and as far as leaves last.
            width = 1 << (len(leaves) - at).bit_length() - 1
            width = min(width, size & -size) if size else width
            peaks.append(_full(leaves[at : at + width]))
            # Every trailing one-bit of the old size is a full subtree that the new one completes.
            merges = size // width
            while merges & 1:
                right = peaks.pop()
                peaks[-1] = node_hash(peaks[-1], right)
                merges >>= 1
            size, at = size + width, at + width
        return CompactRange(size, tuple(peaks))

    def root(self) -> bytes:
        """The root over all leaves."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    return CompactRange().extend(leaves).root()


def _full(leaves: Sequence[bytes]) -> bytes:
    """The root over 2^k leaf hashes, a level at a time; this loop is what verifying a long log costs."""
    level, digest = leaves, sha256
    while len(level) > 1:
        level = [
            digest(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=True)
        ]
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """PATH(index, leaves), leaf sibling first; `IndexError` when the tree has no such leaf."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    if len(leaves) == 1:
        return ()
    k = _split(len(leaves))
    if index < k:
        return (*inclusion_proof(leaves[:k], index), root(leaves[k:]))
    return (*inclusion_proof(leaves[k:], index - k), root(leaves[:k]))


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """PROOF(old_size, leaves): the first `old_size` leaves are the start of all of them."""
    if not 0 <= old_size <= len(leaves):
        raise IndexError(old_size)
    return () if old_size == 0 else _subproof(leaves, old_size, whole=True)


def _subproof(leaves: Sequence[bytes], old_size: int, *, whole: bool) -> tuple[bytes, ...]:
    """SUB of RFC 6962: `whole` while the old root itself is known to the reader."""
    if old_size == len(leaves):
        return () if whole else (root(leaves),)
    k = _split(len(leaves))
    if old_size <= k:
        return (*_subproof(leaves[:k], old_size, whole=whole), root(leaves[k:]))
    return (*_subproof(leaves[k:], old_size - k, whole=False), root(leaves[:k]))


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether the proof leads from this leaf at this index to the root `expected` of `size` leaves."""
    if not 0 <= index < size:
        return False
    fn, sn, found = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            found = node_hash(step, found)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = node_hash(found, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and found == expected


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the tree (`new_size`, `new_root`) starts with the tree (`old_size`, `old_root`)."""
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT and new_size >= 0
    if old_size == new_size:
        return not proof and old_root == new_root
    if not 0 < old_size < new_size or not proof:
        return False
    if old_size & (old_size - 1) == 0:
        proof = (old_root, *proof)
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = proof[0]
    for step in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            old, new = node_hash(step, old), node_hash(step, new)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and old == old_root and new == new_root
