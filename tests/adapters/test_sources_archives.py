"""Archives and packed files: every member is read by the rules of a file, none touches the disk, limits hold."""

import gzip
import io
import json
import struct
import tarfile
import tracemalloc
import zipfile

import pytest
from backports import zstd

from countersign.adapters.sources import limits, read
from countersign.adapters.sources.archives import BLOCK, shown
from countersign.core.records.evidence import Incoming, Quarantined, Skipped

EVE = b'{"timestamp":"2025-03-11T13:05:10.1+0000","event_type":"alert","src_ip":"203.0.113.5","alert":{}}'
TRAIL = b'{"eventVersion":"1.10","eventTime":"2025-03-11T08:41:07Z","eventSource":"iam.amazonaws.com","eventName":"X"}'
MAIL = b"Received: from a by b; Tue, 1 Jan 2030 00:00:00 +0000\r\nFrom: a@a.example\r\nSubject: x\r\n\r\nbody\r\n"


class Pipe(io.BytesIO):
    """A stream that cannot be read out of order."""

    def seekable(self):
        return False


def intake(content, opened=io.BytesIO):
    return list(read(["-"], stdin=opened(content)))


def raws(outcomes):
    return [one.raw for one in outcomes if isinstance(one, Incoming)]


def told(outcomes):
    return [(one.file, one.reason) for one in outcomes if not isinstance(one, Incoming)]


def zipped(*members, packing=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return made.getvalue()


def tarred(*members, form=tarfile.PAX_FORMAT):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


MEMBERS = (("a.jsonl", EVE + b"\n" + TRAIL), ("mails/1", MAIL), ("README.md", b"# words\n"))
PACKED = {
    "zip": zipped(*MEMBERS),
    "zip, stored": zipped(*MEMBERS, packing=zipfile.ZIP_STORED),
    "tar": tarred(*MEMBERS),
    "tar of GNU": tarred(*MEMBERS, form=tarfile.GNU_FORMAT),
    "tar of POSIX 1988": tarred(*MEMBERS, form=tarfile.USTAR_FORMAT),
    "tar.gz": gzip.compress(tarred(*MEMBERS)),
    "tar.zst": zstd.compress(tarred(*MEMBERS)),
    "zip in gzip": gzip.compress(zipped(*MEMBERS)),
}


@pytest.mark.parametrize("opened", [io.BytesIO, Pipe])
@pytest.mark.parametrize("content", PACKED.values(), ids=PACKED)
def test_members_are_read_as_files_are(content, opened):
    outcomes = intake(content, opened)

    assert [EVE, TRAIL, MAIL] == raws(outcomes)
    assert ["-!a.jsonl", "-!a.jsonl", "-!mails/1"] == [
        one.file for one in outcomes if isinstance(one, Incoming)
    ]
    assert [("-!README.md", "not a known format")] == told(outcomes)


def test_a_member_may_be_packed_and_an_archive_itself():
    inner = tarred(("x.jsonl.gz", gzip.compress(EVE)), ("y", b"[" + TRAIL + b"]"))

    outcomes = intake(zipped(("day.tar.gz", gzip.compress(inner))))

    assert [EVE, TRAIL] == raws(outcomes)
    assert ["-!day.tar.gz!x.jsonl.gz", "-!day.tar.gz!y"] == [one.file for one in outcomes]


def test_zstd_frames_after_each_other_are_one_content():
    skippable = b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"meta"

    assert [EVE, TRAIL] == raws(
        intake(skippable + zstd.compress(EVE + b"\n") + zstd.compress(TRAIL) + b"\x00" * 9)
    )


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
@pytest.mark.parametrize("cut", [1, 5, 9, 300, 2000])
def test_a_stream_that_is_cut_gives_what_came_before_and_says_so(pack, cut):
    lines = [json.dumps({"n": n, "noise": hex(hash(str(n)))}).encode() for n in range(20_000)]

    outcomes = intake(pack(b"\n".join(lines) + b"\n")[:-cut])

    assert "stream is cut off" in outcomes[-1].reason
    assert lines[: len(outcomes) - 1] == raws(outcomes)
    assert len(outcomes) > 5_000


def test_damage_in_a_tar_ends_it_with_a_message_after_what_came_before():
    content = bytearray(tarred(("a", EVE), ("b", TRAIL), ("c", EVE), form=tarfile.USTAR_FORMAT))
    content[2 * BLOCK + 10] ^= 1  # in the header of b

    outcomes = intake(bytes(content))

    assert [EVE] == raws(outcomes)
    assert [("-", "the tar archive is damaged")] == told(outcomes)


@pytest.mark.parametrize("at", [600, 1024, 1300, 1024 + BLOCK + 60])
def test_a_tar_that_is_cut_says_so_wherever_that_was(at):
    outcomes = intake(tarred(("a", EVE), ("b", TRAIL), form=tarfile.USTAR_FORMAT)[:at])

    assert any("cut off" in reason for _, reason in told(outcomes))


def test_long_names_and_large_sizes_are_read_in_every_spelling():
    name = "folder/" * 30 + "x.jsonl"
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        [outcome] = intake(tarred((name, EVE), form=form))
        assert outcome.file == f"-!{name}"
    binary = bytearray(tarred(("a", EVE), form=tarfile.USTAR_FORMAT))
    binary[124:136] = b"\x80" + len(EVE).to_bytes(11, "big")
    binary[148:156] = b"%06o\x00 " % (sum(binary[:148]) + sum(binary[156:BLOCK]) + 8 * 32)
    assert [EVE] == raws(intake(bytes(binary)))


def test_what_is_no_file_in_a_tar_is_named():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, kind in (
            ("link", tarfile.SYMTYPE),
            ("hard", tarfile.LNKTYPE),
            ("pipe", tarfile.FIFOTYPE),
            ("d", tarfile.DIRTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        sparse = tarfile.TarInfo("sparse")
        sparse.pax_headers = {"GNU.sparse.major": "1"}
        sparse.size = 3
        archive.addfile(sparse, io.BytesIO(b"abc"))

    outcomes = intake(made.getvalue())

    assert [f"-!{name}" for name in ("link", "hard", "pipe")] == [
        o.file for o in outcomes if isinstance(o, Skipped)
    ]
    assert [("-!sparse", "a sparse file in a tar: unpack it first")] == told(outcomes)[3:]


def test_two_members_of_one_name_stay_two():
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped(("a.jsonl", EVE), ("a.jsonl", TRAIL))

    assert ["-!a.jsonl", "-!a.jsonl#2"] == [one.file for one in intake(content)]


def test_what_a_zip_holds_that_cannot_be_read_is_named():
    content = bytearray(zipped(("a.jsonl", EVE), ("b.jsonl", TRAIL)))
    central = content.index(b"PK\x01\x02")
    content[central + 8] |= 1  # encrypted
    content[content.index(b"PK\x01\x02", central + 1) + 10] = 12  # bzip2

    reasons = [reason for _, reason in told(intake(bytes(content)))]

    assert [
        "encrypted: unpack it first",
        "packed with zip method 12, which is not read: unpack it first",
    ] == reasons


def test_a_member_whose_checksum_is_wrong_is_told():
    content = bytearray(zipped(("a.jsonl", EVE), packing=zipfile.ZIP_STORED))
    content[content.index(EVE) + 20] ^= 1

    assert [("-!a.jsonl", "the zip archive is damaged or cut off")] == told(intake(bytes(content)))


@pytest.mark.parametrize("content", [zipped(), tarred()], ids=["zip", "tar"])
def test_an_empty_archive_is_named(content):
    assert all(isinstance(one, Skipped) for one in intake(content))


@pytest.mark.parametrize(
    ("name", "value", "content", "reason"),
    [
        ("MAX_MEMBERS", 2, zipped(*MEMBERS), "more than 2 members"),
        ("MAX_MEMBERS", 2, tarred(*MEMBERS, form=tarfile.USTAR_FORMAT), "more than 2 members"),
        ("MAX_LAYERS", 1, gzip.compress(zipped(*MEMBERS)), "more than 1 times"),
        ("FREE_UNPACKED_BYTES", 1000, gzip.compress(b"\n" * 10_000_000), "more than 300 times"),
        ("MAX_UNPACKED_BYTES", 10, gzip.compress(EVE), "it unpacks to more than"),
    ],
)
def test_limits_end_the_reading_with_their_name(monkeypatch, name, value, content, reason):
    monkeypatch.setattr(limits, name, value)

    [(_, told_)] = [one for one in told(intake(content)) if reason in one[1]]

    assert told_


@pytest.mark.parametrize(
    "content",
    [
        zipped(("a.json", b" " * 20_000_000)),
        gzip.compress(b"\x00" * 20_000_000),
        zstd.compress(b"x" * 20_000_000),
        gzip.compress(zipped(("a", b"\n" * 20_000_000))),
    ],
    ids=["zip", "gzip", "zstd", "zip in gzip"],
)
def test_a_bomb_fills_no_memory(content, monkeypatch):
    monkeypatch.setattr(limits, "FREE_UNPACKED_BYTES", 2 * limits.MIB)
    monkeypatch.setattr(limits, "MAX_RATIO", 50)
    tracemalloc.start()

    outcomes = intake(content)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert any(isinstance(one, Quarantined) and "like a decompression bomb" in one.reason for one in outcomes)
    assert peak < 20 * limits.MIB


@pytest.mark.parametrize(
    ("name", "harmless"),
    [
        ("a/b.json", "a/b.json"),
        ("../../a", "(..)/(..)/a"),
        ("..\\a", "(..)/a"),
        ("/etc/a", "(root)/etc/a"),
        ("\\\\server\\share", "(root)/server/share"),
        ("C:\\a", "(C:)/a"),
        ("./a//b/.", "a/b"),
        ("a\x00b\u202e\n", "a⟦U+0000⟧b⟦U+202E⟧⟦U+000A⟧"),
        ("in!ner", "in(!)ner"),
        ("", "(no name)"),
        ("..", "(..)"),
        ("x" * 9999, "x" * limits.MAX_NAME_CHARS),
    ],
)
def test_names_are_shown_without_their_tricks(name, harmless):
    assert harmless == shown(name)
