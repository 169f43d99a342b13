"""What somebody may do to an exported log, and whether a stranger with the key notices.

`tools/verify_log.py` is given the export, the log's key and, where an attack needs it, a checkpoint that was
kept elsewhere. An ordinary run looks at 600 entries, a full one at 10,000.
"""

import ast
import importlib.util
import os
import random
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign.core.log.auditlog import Actor, Entry, entry_bytes
from countersign.core.log.checkpoint import Checkpoint
from countersign.core.log.cosign import cosignature, message
from countersign.core.log.merkle import EMPTY_ROOT
from countersign.core.log.note import Note, Signature, VerifierKey
from countersign.core.log.tiles import TiledTree, grown

TOOL = Path(__file__).resolve().parents[2] / "tools" / "verify_log.py"
FULL = os.environ.get("COUNTERSIGN_FULL") == "1"
SIZE, FLIPS = (10_000, 10_000) if FULL else (600, 300)
LOG = "soc.example/log"
SEED, OTHER, WITNESS = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (11, 12, 13))


def key_of(seed, name=LOG, kind=1):
    return VerifierKey(name, kind, seed.public_key().public_bytes_raw())


def vkey(seed=SEED, name=LOG):
    return str(key_of(seed, name))


def entry(number, mark="first"):
    actor = Actor(type="analyst", id=f"p_{number % 7}", session=f"s_{number}")
    said = {"disposition": "true_positive", "note": f"{mark} größer → {number}", "tier": number % 4}
    return entry_bytes(
        Entry(
            kind="decision.countersigned",
            id=f"e_{number}",
            ts=f"2026-09-21T13:{number // 60 % 60:02d}:{number % 60:02d}.123Z",
            actor=actor,
            case=f"c_{number // 3}",
            digests={"decision": f"sha256:{number:064x}"},
            data=said,
        )
    )


def signed(size, root, seed=SEED, *, cosigned=False):
    text = Checkpoint(LOG, size, root).text()
    key = key_of(seed)
    lines = [Signature(key.name, key.id, seed.sign(text))]
    if cosigned:
        witness = key_of(WITNESS, "witness.example/w", 4)
        lines.append(cosignature(witness, 1_790_000_000, WITNESS.sign(message(1_790_000_000, text))))
    return Note(text, tuple(lines)).raw()


def exported(entries, seed=SEED, *, steps=None, cosigned=False):
    """(files, checkpoints by size) of a log that grew in steps; superseded partial files are still there."""
    files, checkpoints, size = {}, {}, 0
    for end in steps or [len(entries)]:
        files.update((tile.path, raw) for tile, raw in grown(files.get, size, entries[size:end]))
        size = end
        checkpoints[size] = signed(size, TiledTree(files.get, size).root(), seed, cosigned=cosigned)
    files["checkpoint"] = checkpoints[size]
    return files, checkpoints


def grown_in(size, seed=3):
    """Sizes at which a checkpoint was signed: some close together, some far apart."""
    chance, sizes = random.Random(seed), []
    while (last := sizes[-1] if sizes else 0) < size:
        sizes.append(min(size, last + chance.choice((1, 17, 100, 256, 391))))
    return sizes


ENTRIES = [entry(number) for number in range(SIZE)]
STEPS = grown_in(SIZE)


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("verify_log", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # Pure functions of bytes: what was worked out for the same bytes before need not be again.
    module.read_bundle, module.root_of = cache(module.read_bundle), cache(module.root_of)
    return module


@pytest.fixture(scope="module")
def log():
    return exported(ENTRIES, steps=STEPS, cosigned=True)


def faults(tool, files, *, key=None, older=None):
    return tool.check(files, files.__getitem__, key or vkey(), older).faults


def test_an_untouched_export_holds_with_every_checkpoint_that_was_ever_signed(tool, log):
    files, checkpoints = log
    assert len(STEPS) == len(checkpoints)
    for older in checkpoints.values():
        assert [] == faults(tool, files, older=older)
    counts = tool.check(files, files.__getitem__, vkey()).counts
    assert SIZE == counts["entries"]
    assert len(files) == 1 + sum(counts.values()) - SIZE + -(-SIZE // 256)


def test_every_flipped_bit_is_reported_or_lies_in_a_line_that_the_log_did_not_sign(tool, log):
    files, _ = log
    chance, outside = random.Random(20260921), 0
    names = sorted(files)
    weights = [len(files[name]) for name in names]
    for turn in range(FLIPS):
        # Every other flip falls anywhere in the bytes, the rest on any file however small.
        name = chance.choices(names, weights)[0] if turn % 2 else chance.choice(names)
        at = chance.randrange(len(files[name]) * 8)
        raw = bytearray(files[name])
        raw[at // 8] ^= 1 << at % 8
        found = faults(tool, files | {name: bytes(raw)})
        if not found:
            # Only a witness's line may change unseen: the tool was given no key for it, and says so.
            own = files["checkpoint"].index("— witness".encode())
            assert ("checkpoint", True) == (name, at // 8 >= own)
            outside += 1
    assert outside <= FLIPS // 10


def test_an_edited_entry_is_named(tool, log):
    files, _ = log
    spoiled = files["tile/entries/001"].replace(b"e_300", b"e_3OO", 1)
    found = faults(tool, files | {"tile/entries/001": spoiled})
    assert found[0] == "entry 300 does not give its hash in tile/0/001"


def rewritten(entries, files, log_seed=None):
    """All files anew over these entries; the checkpoint stays, unless the attacker has the key."""
    forged, _ = exported(
        entries, log_seed or SEED, steps=[step for step in STEPS if step < len(entries)] + [len(entries)]
    )
    return forged if log_seed else forged | {"checkpoint": files["checkpoint"]}


REWRITES = {
    "edited": [*ENTRIES[:77], entry(77, "second"), *ENTRIES[78:]],
    "deleted": [*ENTRIES[:77], *ENTRIES[78:]],
    "deleted and filled up": [*ENTRIES[:77], *ENTRIES[78:], entry(SIZE)],
    "reordered": [*ENTRIES[:77], ENTRIES[78], ENTRIES[77], *ENTRIES[79:]],
    "first one edited": [entry(0, "second"), *ENTRIES[1:]],
    "last one edited": [*ENTRIES[:-1], entry(SIZE - 1, "second")],
    "shortened": ENTRIES[:-1],
    "lengthened": [*ENTRIES, entry(SIZE)],
}


@pytest.mark.parametrize("entries", REWRITES.values(), ids=REWRITES)
def test_whoever_lacks_the_key_cannot_rewrite_the_log_however_thoroughly(tool, log, entries):
    assert faults(tool, rewritten(entries, log[0]))


@pytest.mark.parametrize("entries", [rows for name, rows in REWRITES.items() if name != "lengthened"])
def test_whoever_has_the_key_cannot_rewrite_what_a_kept_checkpoint_covers(tool, log, entries):
    _, checkpoints = log
    forged = rewritten(entries, {}, SEED)
    assert [] == faults(tool, forged)  # nobody can tell without a checkpoint from elsewhere
    found = faults(tool, forged, older=checkpoints[SIZE])
    assert "signed before" in found[0]


def test_a_fork_after_the_kept_checkpoint_shows_as_soon_as_a_later_one_is_kept(tool, log):
    _, checkpoints = log
    fork, later = STEPS[len(STEPS) // 2], STEPS[len(STEPS) // 2 + 1]
    other = [*ENTRIES[:fork], *(entry(number, "second") for number in range(fork, SIZE))]
    forged = rewritten(other, {}, SEED)
    assert [] == faults(tool, forged, older=checkpoints[fork])
    assert [f"the first {later} entries are not the ones that were signed before"] == faults(
        tool, forged, older=checkpoints[later]
    )


def test_a_log_rolled_back_to_an_earlier_checkpoint_is_shortened(tool, log):
    files, checkpoints = log
    earlier = STEPS[-2]
    rolled_back = exported(ENTRIES[:earlier], steps=STEPS[:-1])[0]
    assert [f"the log was shortened: {SIZE} entries were signed before, {earlier} are here"] == faults(
        tool, rolled_back, older=checkpoints[SIZE]
    )
    # The old checkpoint over the files of the new one: what lies beyond it does not belong to it.
    assert any(
        "does not belong" in text for text in faults(tool, files | {"checkpoint": checkpoints[earlier]})
    )


def test_every_single_file_is_missed_when_it_is_needed(tool, log):
    files, _ = log
    needed = exported(ENTRIES)[0]
    for name in needed:
        found = faults(tool, {path: raw for path, raw in files.items() if path != name})
        assert found, name


def test_every_file_is_noticed_when_it_is_cut_or_longer_or_another(tool, log):
    files, _ = log
    for name, raw in files.items():
        for spoiled in (b"", raw[:-1], raw + b"\0", raw[:-32], raw[::-1]):
            assert faults(tool, files | {name: spoiled}), name


STRANGE = (
    "README.md tile/0/000.p/999 tile/0/000.p/256 tile/0/999 tile/3/000.p/1 tile/entries/000.p/0 tile/0/0 checkpoint2 "
    "tile/0/000.p/07 tile/0/x000/000 tile/00/000 .hidden tile/64/000 tile/entries/x001/000"
).split()


@pytest.mark.parametrize("name", STRANGE)
def test_a_file_that_does_not_belong_is_reported(tool, log, name):
    files, _ = log
    assert [f"{name!r} does not belong to a log of {SIZE} entries"] == faults(tool, files | {name: b"x" * 32})


def test_a_swapped_key_is_reported(tool, log):
    files, checkpoints = log
    forged = rewritten(ENTRIES, {}, OTHER)
    assert "not signed with the key" in faults(tool, forged)[0]
    assert [] == faults(tool, forged, key=vkey(OTHER))
    assert (
        "the older checkpoint is not signed"
        in faults(tool, forged, key=vkey(OTHER), older=checkpoints[SIZE])[0]
    )
    assert "not signed with the key" in faults(tool, files, key=vkey(name="soc.example/other"))[0]


BAD_KEYS = {
    "a witness's": str(key_of(SEED, LOG, 4)),
    "another key ID": vkey().replace(key_of(SEED).id.hex(), "00000000"),
    "no key": "",
    "a space": str(key_of(SEED, "a log")),
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_key_that_is_no_log_key_checks_nothing(tool, log, key):
    assert "not the verifier key" in " ".join(faults(tool, log[0], key=key or "+")) or not key


def test_a_second_signature_of_the_log_that_does_not_hold_rejects_the_checkpoint(tool, log):
    files, _ = log
    bad = files["checkpoint"] + Signature(LOG, key_of(SEED).id, bytes(64)).line()
    assert ["the signature of the checkpoint does not hold"] == faults(tool, files | {"checkpoint": bad})


NOT_CANONICAL = {
    "a space": b'{"id": "e"}',
    "keys out of order": b'{"id":"e","a":1}',
    "a key twice": b'{"id":"e","id":"e"}',
    "a key twice inside": b'{"a":{"b":1,"b":2},"id":"e"}',
    "a float": b'{"a":1.5,"id":"e"}',
    "an exponent": b'{"a":1e2,"id":"e"}',
    "minus zero": b'{"a":-0,"id":"e"}',
    "no number": b'{"a":NaN,"id":"e"}',
    "infinity": b'{"a":-Infinity,"id":"e"}',
    "a large number": b'{"a":9007199254740992,"id":"e"}',
    "an endless number": b'{"a":' + b"9" * 5000 + b',"id":"e"}',
    "an escape that is not needed": b'{"id":"\\u0065"}',
    "a slash escaped": b'{"a":"\\/","id":"e"}',
    "a control character not escaped": b'{"a":"\x01","id":"e"}',
    "capitals in an escape": b'{"a":"\\u001F","id":"e"}',
    "half a surrogate pair": b'{"a":"\\ud800","id":"e"}',
    "not UTF-8": b'{"a":"\xff","id":"e"}',
    "a byte order mark": b'\xef\xbb\xbf{"id":"e"}',
    "code point order where UTF-16 order differs": '{"\uffee":1,"\U0001f600":2,"id":"e"}'.encode(),
    "deep nesting": b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b',"id":"e"}',
    "something after it": b'{"id":"e"} ',
    "two objects": b'{"id":"e"}{"id":"f"}',
    "no object": b'["id"]',
    "no id": b'{"a":1}',
    "an id that is no text": b'{"id":1}',
    "nothing": b"",
}


@pytest.mark.parametrize("raw", NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_an_entry_that_is_not_its_own_canonical_form_is_reported_though_the_log_signed_it(tool, raw):
    found = faults(tool, exported([entry(0), raw, entry(2)])[0])
    assert found[0].startswith("tile/entries/000.p/3: ")


def test_every_canonical_spelling_is_taken(tool):
    fine = (
        rb'{"":{},"a":[null,true,false,0,-1,9007199254740991],"b":"\b\t\n\f\r\u0000\u001f\"\\/","id":"e"}',
        '{"id":"f","ö":"→","😀":1,"\uffee":2}'.encode(),
    )
    assert [] == faults(tool, exported(fine)[0])


def test_an_id_that_stands_twice_is_reported_though_the_log_signed_it(tool):
    found = faults(tool, exported([entry(0), entry(1), entry(1, "second")])[0])
    assert ["entry 2 has the id of entry 1, 'e_1'"] == found


def test_nothing_is_never_reported_as_intact(tool, log):
    files, checkpoints = log
    assert ["the export is empty"] == faults(tool, {})
    assert ["the export has no checkpoint"] == faults(
        tool, {n: raw for n, raw in files.items() if n != "checkpoint"}
    )
    empty = {"checkpoint": signed(0, EMPTY_ROOT)}
    assert ["the log is empty: it is signed, but it has no entry to check"] == faults(tool, empty)
    assert "shortened" in faults(tool, empty, older=checkpoints[SIZE])[-1]
    assert faults(tool, {"checkpoint": signed(0, bytes(32))})
    assert faults(tool, {"checkpoint": files["checkpoint"]})


def stored(folder, files):
    for name, raw in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    return folder


def run(*arguments, at):
    """The tool as a stranger runs it: alone in a folder of its own, and with nothing else to import."""
    alone = at / "alone"
    alone.mkdir(exist_ok=True)
    shutil.copy(TOOL, alone)
    command = [sys.executable, "-I", "verify_log.py", *map(str, arguments)]
    return subprocess.run(command, cwd=alone, capture_output=True, text=True, check=False)


def test_the_command_says_what_failed_first_and_exits_with_0_only_when_all_holds(tmp_path, log):
    files, checkpoints = log
    kept = tmp_path / "kept"
    kept.write_bytes(checkpoints[STEPS[0]])
    folder = stored(tmp_path / "export", files)
    good = run(folder, "--key", vkey(), "--from", kept, at=tmp_path)
    assert (0, "") == (good.returncode, good.stderr)
    assert f"checked: {SIZE} entries" in good.stdout
    assert good.stdout.endswith("INTACT\n")
    assert "no older checkpoint" in run(folder, "--key", vkey(), at=tmp_path).stdout

    kept.write_bytes(signed(0, EMPTY_ROOT))
    assert "no older checkpoint" in run(folder, "--key", vkey(), "--from", kept, at=tmp_path).stdout

    (folder / "tile/0/000").unlink()
    (folder / "tile/0/000").symlink_to(folder / "tile/0/001")
    bad = run(folder, "--key", vkey(), at=tmp_path)
    assert (1, True) == (bad.returncode, bad.stdout.startswith("FAILED: "))
    assert "INTACT" not in bad.stdout


def test_the_command_never_takes_a_missing_folder_or_key_for_success(tmp_path, log):
    (tmp_path / "empty").mkdir()
    folder = stored(tmp_path / "export", {"checkpoint": log[0]["checkpoint"]})
    (folder / "there").symlink_to(tmp_path)
    assert 1 == run(tmp_path / "empty", "--key", vkey(), at=tmp_path).returncode
    assert 1 == run(folder, "--key", vkey(), at=tmp_path).returncode
    for arguments in (
        (tmp_path / "nowhere", "--key", vkey()),
        (folder, "--key", "nobody"),
        (folder, "--key", vkey(), "--from", tmp_path / "nowhere"),
        (folder,),
    ):
        found = run(*arguments, at=tmp_path)
        assert (2, False) == (found.returncode, "INTACT" in found.stdout)


def test_the_tool_is_one_short_file_of_the_standard_library_and_cryptography():
    text = TOOL.read_text("utf-8")
    assert len(text.splitlines()) < 300
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    assert {"cryptography"} == names - sys.stdlib_module_names
