"""How much a file may ask of us: every limit of the intake, with its unit, in one place.

What reaches a limit is quarantined with a reason that names the limit; everything before it is read.
`docs/formats/evidence.md` lists them.
"""

from typing import NoReturn

KIB, MIB, GIB = 1024, 1024**2, 1024**3

CHUNK_BYTES = 128 * KIB  # a piece of a stream; larger pieces leave the processor cache, and were slower
HEAD_BYTES = 64 * KIB  # what is looked at to tell what a stream is
MAX_LINE_BYTES = 128 * MIB  # a line; one that is no envelope is refused from 32 MiB on, as a record
MAX_DOCUMENT_BYTES = 256 * MIB  # a JSON document of many lines, held in memory
TRIED_LINES = 64  # lines of a document too large to hold, to see whether it is JSON Lines after all

MAX_LAYERS = 4  # gzip, zstd, tar and zip around a record, each counted: a zip of tar.gz of .gz is 4
MAX_UNPACKED_BYTES = 128 * GIB  # out of one file, over all its layers
MAX_RATIO = 300  # unpacked bytes for each packed one, …
FREE_UNPACKED_BYTES = 64 * MIB  # … once that much was unpacked: small files may be packed as well as they can
MAX_MEMBERS = 100_000  # of all archives in one file
MAX_HELD_ARCHIVE_BYTES = 64 * MIB  # a zip that comes as a stream, or lies in another archive, held in memory
MAX_ZIP_DIRECTORY_BYTES = 16 * MIB  # the list of members at the end of a zip
MAX_MEMBER_HEADER_BYTES = 1 * MIB  # a long name or other extended header in a tar
MAX_ZSTD_WINDOW_LOG = 27  # 128 MiB of memory, what zstd itself allows unless told otherwise
MAX_NAME_CHARS = 500  # of a member's name, as it is shown


class Broken(Exception):
    """A stream ends before its end, for the reason given."""


class Budget:
    """What one file may still ask for: bytes that came in packed, bytes that came out, members."""

    def __init__(self, packed: int = 0) -> None:
        self.packed = packed
        self.unpacked = 0
        self.members = 0
        self._exceeded = ""

    def spend(self, size: int) -> None:
        """Count bytes that came out of a layer; `Broken` past a limit."""
        self.unpacked += size
        if self.unpacked > MAX_UNPACKED_BYTES:
            self._exceed(f"it unpacks to more than {MAX_UNPACKED_BYTES // GIB} GiB: unpack it first")
        if self.unpacked > FREE_UNPACKED_BYTES and self.unpacked > MAX_RATIO * self.packed:
            self._exceed(
                f"it unpacks to more than {MAX_RATIO} times its size and {FREE_UNPACKED_BYTES // MIB} MiB, "
                "like a decompression bomb: unpack it first if it is none"
            )

    def member(self) -> None:
        """Count a member of an archive; `Broken` past the limit, or when a member before it went past one."""
        self.members += 1
        if self._exceeded:
            raise Broken(self._exceeded)
        if self.members > MAX_MEMBERS:
            self._exceed(f"it holds more than {MAX_MEMBERS} members: unpack it first")

    def _exceed(self, reason: str) -> NoReturn:
        self._exceeded = reason
        raise Broken(reason)
