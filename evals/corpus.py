"""What the benchmark reads: real records by path where they are present, else the bundled scenario repeated.

The choice is seeded and the corpus has one digest, so that two runs can be told to be about the same bytes.
"""

import gzip
import os
import random
from collections.abc import Iterator
from hashlib import sha256
from itertools import cycle
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[1]
REAL = Path(os.environ.get("COUNTERSIGN_SHARED") or ROOT.parent / "shared") / "data"
SCENARIO = ROOT / "src" / "countersign" / "demo" / "scenario" / "evidence"
SEED = 20_260_701
FOLDERS = ("windows-otrf-atomic", "aws-cloudtrail-invictus")
CASES = ("scenario-golden-saml", *FOLDERS)


class Corpus(msgspec.Struct, frozen=True):
    """Records, one JSON object each without its line ending, and where they are from."""

    lines: tuple[bytes, ...]
    origin: str

    @property
    def digest(self) -> str:
        """SHA-256 of the lines, each with a line ending."""
        return sha256(b"".join(line + b"\n" for line in self.lines)).hexdigest()

    def write(self, path: Path) -> Path:
        """The corpus as JSON Lines."""
        path.write_bytes(b"".join(line + b"\n" for line in self.lines))
        return path


def corpus(size: int) -> Corpus:
    """`size` distinct records in the order of their files; beyond what there is, copies with another id."""
    found = [line for name in FOLDERS for line in _lines(REAL / name)]
    origin = " + ".join(name for name in FOLDERS if (REAL / name).is_dir())
    if not found:
        found, origin = list(_lines(SCENARIO)), "the bundled scenario, repeated with varied ids"
    distinct = list(dict.fromkeys(found))
    kept = sorted(random.Random(SEED).sample(range(len(distinct)), min(size, len(distinct))))
    first = [distinct[position] for position in kept]
    return Corpus((*first, *_copies(distinct, size - len(first))), origin)


def alerts(size: int) -> Corpus:
    """`size` alerts: Suricata's."""
    real = [line for line in _lines(REAL / "suricata-eve") if b'"alert"' in line]
    origin = "suricata-eve" if real else "the bundled scenario, repeated with varied ids"
    found = real or [
        line for line in _lines(SCENARIO) if b'"event_type":"alert"' in line.replace(b": ", b":")
    ]
    return Corpus((*found[:size], *_copies(found, size - len(found))), origin)


def folders() -> list[Path]:
    """Folders that each make a case."""
    real = [REAL / name for name in CASES if (REAL / name).is_dir()]
    return real or [SCENARIO]


def _copies(lines: list[bytes], wanted: int) -> list[bytes]:
    made: list[bytes] = []
    for number, line in enumerate(cycle(lines)):
        if number >= wanted:
            break
        made.append(line.rstrip()[:-1] + b',"bench_copy":%d}' % number)
    return made


def _lines(folder: Path) -> Iterator[bytes]:
    """JSON objects, one a line, of the evidence files below a folder."""
    for path in sorted(folder.rglob("*.jsonl*")) if folder.is_dir() else ():
        if path.name == "index.jsonl":
            continue
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            for line in stream:
                raw = line.rstrip(b"\r\n")
                if raw.startswith(b"{") and raw.endswith(b"}"):
                    yield raw
