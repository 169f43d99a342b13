"""A published Merkle tree, in memory: run by the peers' own Python, never by ours.

The file named holds one entry a line. Each line on stdin asks: `root` is answered with the hex root over all of them, anything else
with the CPU seconds of appending them all to a new tree, its root asked for after every group of 64.
"""

import sys
from pathlib import Path
from time import process_time

from pymerkle import InmemoryTree

GROUP = 64


def grown(entries: list[bytes]) -> bytes:
    """The root after the last entry."""
    tree, root = InmemoryTree(algorithm="sha256"), b""
    for number, entry in enumerate(entries, 1):
        tree.append_entry(entry)
        if number % GROUP == 0:
            root = tree.get_state()
    return root if len(entries) % GROUP == 0 else tree.get_state()


def main() -> None:
    """Answer until stdin ends."""
    entries = Path(sys.argv[1]).read_bytes().splitlines()
    for line in sys.stdin:
        before = process_time()
        root = grown(entries)
        took = process_time() - before
        sys.stdout.write((root.hex() if line.strip() == "root" else repr(took)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
