"""Millions of spoilt files: no reader raises or hangs, whatever it is given, and every record is accounted for.

Valid files of every format, packed in every way, are spoilt in one to four places. An ordinary run reads
6,000 of them, `COUNTERSIGN_FULL=1` 1,000,000; `COUNTERSIGN_FUZZ=SEED` is where the numbering begins. A failure
names its number: `spoilt(NUMBER)` makes the same bytes again.
"""

import gzip
import io
import json
import os
import random
import shutil
import signal
import tarfile
import time
import zipfile
from collections import Counter
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
from backports import zstd

from countersign import wiring
from countersign.adapters.sources import limits
from countersign.cli.places import open_ports
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.views import MAX_RECORD_BYTES, view
from countersign.steps.ingest import ingest
from shared_data import shared_folder

FULL = os.environ.get("COUNTERSIGN_FULL") == "1"
INPUTS = 1_000_000 if FULL else 6_000
FIRST = int(os.environ.get("COUNTERSIGN_FUZZ", "0"))
TOGETHER = 500  # inputs that are stored in one store
STORED_OF = 20  # one group in so many is stored too
PATIENCE_S = 10  # for one input; the slowest honest one takes a hundredth

GOLDEN = Path(__file__).parents[1] / "core" / "golden"
ZEEK = b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\n#types\ttime\tstring\taddr\tport\n"
TABLE = b"time,name,ip,host,short\n"
TOKENS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\n", b"\r\n", b"\x1e", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"{}", b"[]", b"[[[[[[[[",
    b'{"a":' * 80, b"NaN", b"-Infinity", b"1e999999999", b"9" * 70, b"0" * 30, b'"\\ud800"', b"\\u003a", b'"a":1,"a":2', b"null",
    b'{"Records":[', b'{"value":[', b"]}", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06",
    b"ElfFile\x00", b"ElfChnk\x00", b"\x2a\x2a\x00\x00", b"From: a@example.com\n", b"Received: x\n", b"Content-Type: multipart/mixed; boundary=x\n",
    b"#fields\tts\tts\n", b"#separator \\x00\n", b"#close\n", b"type=SYSCALL msg=audit(1.1:1): ", b"<34>1 ", b"../../", b"C:\\", b"\xf0\x9f\x92\xa9",
    b"7777777", b"\x80" + b"\xff" * 11, b"99999999 path=x\n", b" " * 300, b"\t" * 40, b"=?utf-8?B?AAAA?=",
)  # fmt: skip


@cache
def seeds():
    """Small valid files by kind, none packed."""
    found = {"lines": [], "mail": [], "text": [], "evtx": []}
    for file in sorted(GOLDEN.glob("*.json")):
        for case in json.loads(file.read_bytes()):
            record = case["record"]
            if isinstance(record, dict):
                found["lines"].append(json.dumps(record).encode())
            else:
                found["mail" if case["schema"] == "email.rfc822" else "text"].append(record.encode())
    found["zeek"] = [ZEEK + b"1546300800.1\tC1\t192.0.2.1\t%d\n" % n * 3 for n in range(4)]
    found["table"] = [TABLE + b'1546300800,"Suricata: x",192.0.2.1,host-%d,S1\n' % n * 3 for n in range(4)]
    try:
        whole = next(iter(sorted((shared_folder("windows-sigma-regression") / "evtx").glob("*.evtx"))))
        found["evtx"] = [whole.read_bytes()]
    except pytest.skip.Exception:
        del found["evtx"]
    return found


def plain(chance):
    """One valid file that is not packed."""
    kind = chance.choices(
        ("lines", "mail", "text", "zeek", "table", "evtx"),
        (60, 12, 12, 7, 7, 0.3 if "evtx" in seeds() else 0),
    )[0]
    if kind not in {"lines", "text"}:
        return chance.choice(seeds()[kind])
    some = chance.choices(seeds()[kind], k=chance.randrange(1, 6))
    if kind == "text":
        return b"\n".join(some)
    layout = chance.randrange(6)
    if layout < 3:
        return b"\n".join(some) + b"\n"
    if layout == 3:
        return b"[" + b", ".join(some) + b"]"
    if layout == 4:
        return b'{"Records": [' + b",".join(some) + b"]}"
    return chance.choice([b"", b" ", b"\n\n"]).join(
        json.dumps(json.loads(one), indent=1).encode() for one in some
    )


def packed(chance, content, depth=0):
    """The same, packed in one of the ways that are read, or in several."""
    way = chance.choices(("", "gzip", "zstd", "zip", "tar"), (10, 2, 2, 2, 2) if depth else (12, 2, 2, 2, 2))[
        0
    ]
    if not way or depth > 4:
        return content
    if way == "gzip":
        content = gzip.compress(content, 1, mtime=0)
    elif way == "zstd":
        content = zstd.compress(content, 1)
    else:
        content = (_zipped if way == "zip" else _tarred)(chance, content)
    return packed(chance, content, depth + 1)


def _members(chance, content):
    names = chance.choices(
        ["a.jsonl", "d/b", "../c", "/e", "C:\\f", "é" * 60, "g" * 120, ""], k=chance.randrange(1, 4)
    )
    return [(name, content if n == 0 else plain(chance)) for n, name in enumerate(names)]


def _zipped(chance, content):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name, inner in _members(chance, content):
            archive.writestr(zipfile.ZipInfo(name or "x"), inner)
    return made.getvalue()


def _tarred(chance, content):
    made = io.BytesIO()
    form = chance.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name, inner in _members(chance, content):
            member = tarfile.TarInfo(
                name.encode("ascii", "ignore").decode()[:90] if form == tarfile.USTAR_FORMAT else name
            )
            member.size = len(inner)
            archive.addfile(member, io.BytesIO(inner))
    return made.getvalue()


def spoilt(number):
    """The bytes of input `number`."""
    chance = random.Random(number)
    content = plain(chance)
    if chance.random() < 0.5:
        content = _spoil(chance, content)
    content = packed(chance, content)
    if chance.random() < 0.8:
        content = _spoil(chance, content)
    return content


def _spoil(chance, content):
    changed = bytearray(content)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(changed) + 1)
        end = min(len(changed), at + chance.choice([1, 1, 2, 8, 60, 600]))
        way = chance.randrange(8)
        if way == 0:
            changed[at:end] = chance.choice(TOKENS)
        elif way == 1:
            changed[at:at] = chance.choice(TOKENS)
        elif way == 2:
            del changed[at:end]
        elif way == 3:
            del changed[at:]
        elif way == 4 and at < end:
            changed[at] ^= 1 << chance.randrange(8)
        elif way == 5 and at < end:
            changed[at] = chance.randrange(256)
        elif way == 6:
            changed[at:at] = changed[at:end] * chance.choice([1, 2, 40])
        else:
            other = plain(chance)
            changed[at:at] = other[: chance.randrange(1, 400)]
    return bytes(changed[:200_000])


class Hung(BaseException):
    """One input took longer than it may."""


def _hung(*_):
    raise Hung


@pytest.fixture
def limited(monkeypatch):
    """Limits so low that small files reach them, and an alarm for what does not end."""
    for name, value in {
        "FREE_UNPACKED_BYTES": 300_000, "MAX_RATIO": 20, "MAX_MEMBERS": 4, "MAX_LINE_BYTES": 20_000, "MAX_DOCUMENT_BYTES": 30_000,
        "MAX_HELD_ARCHIVE_BYTES": 20_000,
    }.items():  # fmt: skip
        monkeypatch.setattr(limits, name, value)
    before = signal.signal(signal.SIGALRM, _hung)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


class Stream(io.RawIOBase):
    """Bytes as a pipe gives them: in pieces, and in order only."""

    def __init__(self, content, piece):
        super().__init__()
        self._content, self._at, self._piece = content, 0, piece

    def read(self, size=-1):
        size = min(self._piece, size if size >= 0 else self._piece)
        part = self._content[self._at : self._at + size]
        self._at += len(part)
        return part


def opened(content, number):
    """As a file that can be read out of order, or as a pipe."""
    return io.BytesIO(content) if number % 3 else Stream(content, 1 + number % 7000)


def outcomes_of(number, mapped):
    """What comes out of one input; fails on an exception, on a hang, and on a record that is none."""
    content = spoilt(number)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    try:
        found = list(wiring.incoming(["-"], "auto", opened(content, number), mapped))
    except (Exception, Hung) as exc:
        raise AssertionError(f"input {number} ({len(content)} bytes): {type(exc).__name__} {exc}") from exc
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    for one in found:
        assert isinstance(one, Incoming | Quarantined | Skipped), number
        assert one.file.startswith("-"), number
        if isinstance(one, Incoming):
            assert 0 < len(one.raw) <= MAX_RECORD_BYTES, number
            assert one.line > 0, number
            assert one.schema, number
        else:
            assert one.reason, number
    return found


def sampled(found, number):
    """Now and then: the bytes of every record give the view that came with them."""
    for one in found if number % 10 == 0 else ():
        if isinstance(one, Incoming):
            assert view(one.raw, one.parser) is not None, number


@pytest.mark.usefixtures("limited")
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_spoilt_file_stops_the_reading_and_every_record_is_accounted_for(tmp_path):
    mapped, begun, counted = (
        wiring.mappings(["ait-ads", "panther-tests"], tmp_path),
        time.monotonic(),
        Counter(),
    )
    for start in range(FIRST, FIRST + INPUTS, TOGETHER):
        group = []
        for number in range(start, start + TOGETHER):
            found = outcomes_of(number, mapped if number % 2 else ())
            sampled(found, number)
            counted.update(type(one).__name__ for one in found)
            group += found
        if start // TOGETHER % STORED_OF == 0:
            accounted_for(group, tmp_path / f"home-{start}", mapped)
        if FULL and start // TOGETHER % 20 == 0:
            told = f"{start - FIRST + TOGETHER:,} inputs, {time.monotonic() - begun:.0f} s, {dict(counted)}"
            print(told, flush=True)  # noqa: T201 - a long run says how far it is
    assert min(counted[name] for name in ("Incoming", "Quarantined", "Skipped")) > INPUTS / 50


def accounted_for(found, home, mapped):
    """Records = evidence + doubles + quarantined, in what intake says and in what the store holds."""
    records = [one for one in found if not isinstance(one, Skipped)]
    refused = [one for one in records if isinstance(one, Quarantined)]
    taken = [one for one in records if isinstance(one, Incoming)]
    distinct = {sha256(one.raw).digest() for one in taken}
    ports = open_ports((str(home), None), None, mapped)
    read = ingest(found, ports)

    assert (len(records), len(refused), len(distinct)) == (read.records, len(read.quarantined), read.distinct)
    with ports.store.reading() as tx:
        counts = tx.evidence.counts()
        assert len(distinct) == counts.evidence
        assert len({(one.file, one.line, one.raw) for one in refused}) == counts.quarantined
        assert len({(one.file, one.line, one.raw) for one in taken}) == counts.provenances
        assert tx.evidence.altered() is None
    ports.store.close()
    shutil.rmtree(home)
