"""Check an exported Countersign audit log, with a key that you got from somewhere else.

    python verify_log.py DIR --key VKEY [--from CHECKPOINT]      needs Python 3.11 and `cryptography`

 (1) The checkpoint is signed with your key and names its log.
 (2) Every entry is one canonical JSON object (RFC 8785, integers only) with an id that no other entry has.
 (3) Every entry gives its leaf hash, every tile follows from the tiles below it, and the root over all of
     them is the signed one (RFC 6962: leaf = SHA-256(00 || entry), node = SHA-256(01 || left || right)).
 (4) Every superseded partial file is the beginning of the file that replaced it; no other file is there.
 (5) The first entries are the ones under the checkpoint that you kept (--from). Without one, nobody can
     tell a new history, signed with the same key, from the one that you saw before.

What failed is said first, then what was checked. Exit code 0: everything holds; 1: not; 2: could not check.
It does not say that an entry was true when it was written, nor who else cosigned the checkpoint.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import pairwise

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HASH = 32  # bytes
WIDTH = 256  # hashes in a full tile, entries in a full bundle
TILE = WIDTH * HASH
OLDER = "entries under the older checkpoint"
LARGEST_FILE = WIDTH * (2 + 65_535)  # bytes
PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
Read = Callable[[str], bytes]


def verifier_key(text: str) -> tuple[str, bytes, bytes]:
    """Name, key ID and public key of an Ed25519 log key, spelled `<name>+<key ID>+<base64(01 || public key)>`."""
    name, key_id, encoded = [*text.split("+", 2), "", ""][:3]
    raw = decode(encoded, "the key")
    own_id = hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8]
    if len(raw) != 1 + HASH or raw[0] != 1 or not name or re.search(r"\s", name) or key_id != own_id:
        raise ValueError(f"this is not the verifier key of a log, NAME+ID+KEY: {text!a}")
    return name, bytes.fromhex(key_id), raw[1:]


def decode(text: str, what: str) -> bytes:
    """The bytes of standard base64 with padding, in its only spelling."""
    with suppress(ValueError):
        raw = base64.b64decode(text, validate=True)
        if base64.b64encode(raw).decode() == text:
            return raw
    raise ValueError(f"{what} is not base64 in its only spelling")


def read_checkpoint(raw: bytes, key: str, what: str) -> tuple[int, bytes]:
    """(1) Size and root, if the key signed them and no line of it is bad. Lines of other keys are read over.

    Three lines (origin, size, root), an empty line, and lines "— <name> <base64(key ID || signature)>".
    """
    name, key_id, public = verifier_key(key)
    whole = raw.decode("utf-8", "replace")
    text, between, rest = whole.rpartition("\n\n")
    if not between or not rest.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ufffd]", whole):
        raise ValueError(f"{what} is not a signed note")
    signed = False
    for line in rest.split("\n")[:-1]:
        mark, who, encoded = [*line.split(" ", 2), "", ""][:3]
        field = decode(encoded, f"a signature of {what}")
        if mark != "—" or not who or len(field) < 5:
            raise ValueError(f"a signature line of {what} cannot be read")
        if (who, field[:4]) == (name, key_id):
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(field[4:], (text + "\n").encode())
            except (InvalidSignature, ValueError):
                raise ValueError(f"the signature of {what} does not hold") from None
            signed = True
    if not signed:
        raise ValueError(f"{what} is not signed with the key that you gave for {name!a}")
    lines = text.split("\n")
    if len(lines) != 3 or not re.fullmatch(r"0|[1-9][0-9]{0,17}", lines[1]):
        raise ValueError(f"{what} is not three lines: origin, size, root")
    root = decode(lines[2], "the root")
    if lines[0] != name or len(root) != HASH:
        raise ValueError(f"{what} is of another log, {lines[0]!a}, or its root has not {HASH} bytes")
    return int(lines[1]), root


def read_bundle(raw: bytes, width: int, *, judged: bool = True) -> tuple[bytes, list[str]]:
    """(2) Leaf hashes and ids of exactly this many entries, each after its length in 16 bits, big-endian."""
    leaves, ids, at = list[bytes](), list[str](), 0
    while at + 2 <= len(raw):
        end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
        entry, at = raw[at + 2 : end], end
        leaves.append(hashlib.sha256(b"\x00" + entry).digest())
        if judged:
            ids.append(entry_id(entry))
    if len(leaves) != width or at != len(raw):
        raise ValueError(f"it does not hold {width} entries and nothing else")
    return b"".join(leaves), ids


def entry_id(raw: bytes) -> str:
    """The id of an entry whose bytes are their own canonical form; `ValueError` says what is wrong with them."""
    value = json.loads(
        text := raw.decode(), object_pairs_hook=in_order, parse_int=integer, parse_float=integer
    )
    # Its keys are in order, so writing it again gives the same bytes exactly if they were canonical.
    canonical = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if canonical != text or not isinstance(value, dict) or not isinstance(value.get("id"), str):
        raise ValueError(f"an entry is not canonical JSON, or no object with an id: {text[:80]!a}")
    return str(value["id"])


def in_order(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys are in the order of their UTF-16 code units, none twice."""
    if any(one >= other for one, other in pairwise(name.encode("utf-16-be") for name, _ in pairs)):
        raise ValueError("its keys are not in order, or one stands twice")
    return dict(pairs)


def integer(text: str) -> int:
    """A number is whole, and within what every reader of JSON can hold."""
    if len(text) > 17 or abs(int(text)) >= 2**53:
        raise ValueError(f"{text[:20]} is beyond 2^53-1")
    return int(text)


def root_of(raw: bytes) -> bytes:
    """The root over hashes; an odd one at the end of a level moves up as it is."""
    parts = [raw[at : at + HASH] for at in range(0, len(raw), HASH)]
    while len(parts) > 1:
        pairs, odd = zip(parts[::2], parts[1::2], strict=False), parts[len(parts) & ~1 :]
        parts = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return parts[0]


def path_of(level: str, number: int, width: int) -> str:
    """`tile/0/x001/234.p/17`: the number in groups of three digits, the width only of a partial file."""
    digits = f"{number:03d}"
    groups = re.findall("...", digits.zfill(-(-len(digits) // 3) * 3))
    index = "".join(f"x{group}/" for group in groups[:-1]) + groups[-1]
    return f"tile/{level}/{index}" + (f".p/{width}" if width < WIDTH else "")


class Export:
    """Its paths, how one is read, and what was found so far: faults, counts, and the rows of the tree.

    `rows[level]` are the hashes of a level, one after another, as they follow from the entries.
    """

    def __init__(self, names: Iterable[str], read: Read) -> None:
        self.names, self.read, self.rows, self.faults = set(names), read, [bytearray()], list[str]()
        self.counts = {"entries": 0, "tiles of hashes": 0, "superseded partial files": 0}

    def needed(self, level: str, number: int, width: int) -> bytes:
        """A file that the checkpoint asks for; nothing, and a fault, when it is missing."""
        path = path_of(level, number, width)
        if path not in self.names:
            self.faults.append(f"{path} is missing: something was taken out, or the log was shortened")
        return self.read(path) if path in self.names else b""

    def check_bundles(self, size: int) -> None:
        """(2, 3) Every entry, and the tile with its leaf hash."""
        first_with: dict[str, int] = {}
        for number in range(-(-size // WIDTH)):
            start, width = number * WIDTH, min(WIDTH, size - number * WIDTH)
            tile, bundle = self.needed("0", number, width), self.needed("entries", number, width)
            try:
                leaves, ids = read_bundle(bundle, width)
            except (ValueError, RecursionError) as error:
                self.faults.append(f"{path_of('entries', number, width)}: {error}")
                leaves, ids = tile, []  # the hashes stand in for the entries: the rest can be looked at
            if leaves != tile:
                apart = (at for at in range(0, len(leaves), HASH) if leaves[at:][:HASH] != tile[at:][:HASH])
                at = start + next(apart, 0) // HASH
                self.faults.append(f"entry {at} does not give its hash in {path_of('0', number, width)}")
            if len(leaves) != width * HASH:
                raise ValueError(f"entries from {start} on: neither they nor their hashes can be read")
            for at, name in enumerate(ids, start):
                if first_with.setdefault(name, at) != at:
                    self.faults.append(f"entry {at} has the id of entry {first_with[name]}, {name[:99]!a}")
            self.rows[0] += leaves
            self.counts["entries"] += len(ids)
            self.counts["tiles of hashes"] += 1

    def check_upper_tiles(self) -> None:
        """(3) Level by level, the roots of full tiles are the hashes of the level above."""
        while len(below := self.rows[-1]) >= TILE:
            full = range(0, len(below) // TILE * TILE, TILE)
            row = bytearray().join(root_of(bytes(below[at : at + TILE])) for at in full)
            for number in range(-(-len(row) // TILE)):
                tile, level = row[number * TILE : (number + 1) * TILE], str(len(self.rows))
                if self.needed(level, number, len(tile) // HASH) != tile:
                    path = path_of(level, number, len(tile) // HASH)
                    self.faults.append(f"{path} does not follow from the tiles below it")
                self.counts["tiles of hashes"] += 1
            self.rows.append(row)

    def root_at(self, size: int) -> bytes:
        """The root over the first entries: on each level what no full tile covers, then the root from below."""
        found = b""
        for level, row in enumerate(self.rows):
            count = size >> 8 * level
            rest = bytes(row[count // WIDTH * TILE : count * HASH]) + found
            found = root_of(rest) if rest else b""
        return found or hashlib.sha256(b"").digest()

    def check_other_files(self, size: int) -> None:
        """(4) A file that the size does not ask for is the beginning of one that it does, or does not belong here."""
        for path in sorted(self.names - {"checkpoint"}):
            level, index, width = found.groups() if (found := PATH.fullmatch(path)) else ("", "0", None)
            number, held = int(re.sub("[x/]", "", index)), int(width or WIDTH)
            row = 0 if level == "entries" else int(level or len(self.rows))
            tile = self.rows[row][number * TILE : (number + 1) * TILE] if row < len(self.rows) else b""
            if path_of(level, number, held) != path or held > len(tile) // HASH:
                self.faults.append(f"{path!a} does not belong to a log of {size} entries")
            elif held < len(tile) // HASH:
                self.counts["superseded partial files"] += 1
                try:
                    raw = self.read(path)
                    there = read_bundle(raw, held, judged=False)[0] if level == "entries" else raw
                except ValueError:
                    there = b""
                if there != tile[: held * HASH]:
                    self.faults.append(f"{path} is not the beginning of the file that replaced it")


def check(names: Iterable[str], read: Read, key: str, older: bytes | None = None) -> Export:
    """The export with its faults and counts. `older` is a checkpoint that was kept elsewhere."""
    export = Export(names, read)
    wrong = export.faults.append
    try:
        if "checkpoint" not in export.names:
            raise ValueError("the export has no checkpoint" if export.names else "the export is empty")
        size, root = read_checkpoint(read("checkpoint"), key, "the checkpoint")
        if size == 0:
            wrong("the log is empty: it is signed, but it has no entry to check")
        export.check_bundles(size)
        export.check_upper_tiles()
        if export.root_at(size) != root:
            wrong(f"the root over the {size} entries is not the signed one")
        export.check_other_files(size)
        if older is not None:  # (5)
            before, old_root = read_checkpoint(older, key, "the older checkpoint")
            export.counts[OLDER] = before
            if before > size:
                wrong(f"the log was shortened: {before} entries were signed before, {size} are here")
            elif export.root_at(before) != old_root:
                wrong(f"the first {before} entries are not the ones that were signed before")
    except (ValueError, OSError) as error:
        wrong(str(error))
    return export


def files_below(folder: str, above: str = "") -> Iterator[str]:
    """Every path below the folder, with `/`. A link is a file, whatever it leads to."""
    for found in os.scandir(folder):
        path = above + found.name
        yield from files_below(found.path, f"{path}/") if found.is_dir(follow_symlinks=False) else [path]


def read_file(path: str) -> bytes:
    """The bytes of a plain file that is not larger than any file of a log."""
    if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > LARGEST_FILE:
        raise ValueError(f"{path!a} is a link, no plain file, or larger than any file of a log")
    with open(path, "rb") as file:
        return file.read()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", metavar="DIR", help="the export")
    parser.add_argument("--key", required=True, metavar="VKEY", help="verifier key; never from the export")
    parser.add_argument("--from", dest="older", metavar="CHECKPOINT", help="a checkpoint that you kept")
    given = parser.parse_args(arguments)
    try:
        verifier_key(given.key)
        older = read_file(given.older) if given.older else None
        names = list(files_below(given.folder))
    except (ValueError, OSError) as error:
        print(f"COULD NOT CHECK: {error}")
        return 2
    export = check(names, lambda path: read_file(os.path.join(given.folder, path)), given.key, older)
    faults, counts = export.faults, export.counts
    for fault in faults[:20] + ([f"and {len(faults) - 20} more faults"] if faults[20:] else []):
        print(f"FAILED: {fault}")
    print("checked:", ", ".join(f"{count} {what}" for what, count in counts.items()))
    if not faults:
        print("INTACT" if counts.get(OLDER) else "INTACT, compared with no older checkpoint")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
