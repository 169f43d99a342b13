"""Publishing: every committed entry under a signed checkpoint, as files that a stranger can read.

staged      in the transaction of the change that it records
sequenced   it has an index and a leaf hash
published   files and a signed checkpoint cover it; only now may anything rest on it

1. Files before the signature: what is signed can be had.
2. The root over the files is the root over the stored hashes, and the last signed tree is the start of it.
3. The signed note is a row before it leaves this process, and a size has one row: no two roots for one size.
4. What was signed before is looked at first. A checkpoint in public that the store does not know means that the
   store was put back, and nothing is signed any more.

Recovery and ordinary work are one path: each publication takes up whatever a crash has left.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from countersign.core.canonical import format_time
from countersign.core.ids import derived_id
from countersign.core.log.auditlog import Actor, Entry, Head, SignedHead, Stored
from countersign.core.log.checkpoint import Checkpoint, open_checkpoint
from countersign.core.log.cosign import Cosignature
from countersign.core.log.merkle import EMPTY_ROOT, leaf_hashes, verify_consistency, verify_inclusion
from countersign.core.log.note import Note, Signature, VerifierKey, verifier_key
from countersign.core.log.proofs import LogProof
from countersign.core.log.tiles import (
    ENTRIES,
    HASH_BYTES,
    WIDTH,
    Tile,
    TiledTree,
    bundle,
    grown,
    hashes_at,
    is_needed,
    parse_bundle,
)
from countersign.errors import (
    AuditLogUnavailable,
    ConfigError,
    MalformedNote,
    NoteNotVerified,
    TamperDetected,
    UsageError,
)
from countersign.ports import Clock, LogFiles, LogSigner, Store, Witness

CHECKPOINT = "checkpoint"
REBUILD = "`countersign log checkpoint --rebuild` makes the files anew from the entries"
AT_ONCE = WIDTH * WIDTH  # entries whose files are worked out at a time: whole tiles of two levels
SYSTEM = Actor(type="system", id="svc/log")


class LogPublisher:
    """`ports.Publisher`: the one who holds the signing key."""

    def __init__(self, store: Store, clock: Clock, signer: LogSigner, files: LogFiles) -> None:
        self._store = store
        self._log = store.log
        self._clock = clock
        self._signer = signer
        self._files = files
        self._mended: tuple[str, ...] = ()
        self._filled: list[Tile] = []  # full tiles whose partial files are still there
        self._trusted: SignedHead | None = None  # what this process has looked at, or signed, itself

    @property
    def verifier(self) -> str:
        """`ports.Publisher.verifier`."""
        return self._signer.verifier

    def publish(self, sequenced: Head | None = None) -> Head:
        """`ports.Publisher.publish`."""
        if sequenced is not None:
            with self._files.holding():
                return self._published(sequenced)
        signed = self._log.settled()
        if signed is not None and self._is_shown(signed):
            return Head(signed.size, signed.root)
        with self._files.holding():
            head = self._published()
        self.tidy()
        return head

    def tidy(self) -> None:
        """`ports.Publisher.tidy`."""
        while self._filled:
            self._files.drop_partials(self._filled.pop().path)

    def rebuild(self) -> tuple[str, ...]:
        """`ports.Publisher.rebuild`."""
        with self._files.holding():
            head = self._published()
            self._mend(head, head.size)
            mended = self._mended
            if mended:
                self._published()
        return mended

    def served(self) -> Iterator[tuple[str, bytes]]:
        """`ports.Publisher.served`."""
        head = self.publish()
        for tile, content in self._worked_out(head):
            yield tile.path, content
        yield CHECKPOINT, self._files.read(CHECKPOINT) or b""

    def shown(self) -> bytes:
        """`ports.Publisher.shown`."""
        self.publish()
        return self._files.read(CHECKPOINT) or b""

    def prove(self, index: int) -> LogProof:
        """`ports.Publisher.prove`."""
        note = self.shown()
        head = open_checkpoint(note, verifier_key(self._signer.verifier))
        if not 0 <= index < head.size:
            raise UsageError(
                f"the log has no entry {index}", hint=f"It has {head.size} entries, counted from 0."
            )
        [stored] = self._entries(index, 1)
        try:
            hashes = TiledTree(self._reader({}), head.size).inclusion(index)
            holds = verify_inclusion(stored.leaf, index, head.size, hashes, head.root)
        except MalformedNote:
            hashes, holds = (), False
        if not holds:
            raise TamperDetected("the log's files do not prove the entry", hint=REBUILD)
        return LogProof(index, hashes, note)

    def cosigned(self, witness: Witness) -> Cosignature:
        """`ports.Publisher.cosigned`."""
        self.publish()
        signed = self._log.checkpoint()
        if signed is None:
            raise AuditLogUnavailable("no checkpoint of this log is stored, though one was published")
        head = open_checkpoint(signed.note, verifier_key(self._signer.verifier))
        # Asked while nothing is held: the log goes on meanwhile.
        found = witness.cosign(head, signed.note, TiledTree(self._reader({}), head.size).consistency)
        self._log.add_cosignature(head.size, witness.name, found.signature.line())
        # A crash here leaves the line in the store: asking again shows it.
        with self._files.holding():
            newest = self._log.checkpoint()
            if newest is not None and newest.size == head.size:
                self._show(newest, self._log.cosignatures(newest.size))
        return found

    def objection(self, verifier: str = "") -> tuple[str, str] | None:
        """`ports.Publisher.objection`."""
        try:
            return self._file_objection(verifier)
        except TamperDetected as exc:
            return "altered", str(exc)
        except (ConfigError, AuditLogUnavailable) as exc:
            return "unchecked", f"{exc} {exc.hint}".strip()

    def _file_objection(self, verifier: str) -> tuple[str, str] | None:
        signed = self._log.checkpoint()
        if signed is None:
            there = self._files.read(CHECKPOINT) is not None
            return ("incomplete", "a checkpoint was published, and the store has none") if there else None
        key = verifier_key(verifier or self._signer.verifier)
        _ensure_ours(signed, key)
        public = self._public(key)
        if public is None and signed.size:
            return "incomplete", f"the published log has no checkpoint; {REBUILD}"
        if isinstance(public, bytes):
            return "altered", f"the published checkpoint is not signed with the log's key; {REBUILD}"
        if public is not None:
            self._ensure_known(public, signed)
            if not self._gives(public.size, public.root):
                return "altered", f"the published files do not give the root that was signed; {REBUILD}"
        return None

    def _gives(self, size: int, root: bytes) -> bool:
        """Do the files in place give this root?"""
        try:
            return TiledTree(self._reader({}), size).root() == root
        except MalformedNote:
            return False

    def _published(self, sequenced: Head | None = None) -> Head:
        self._tell_mended()
        last = self._last()
        head = sequenced if sequenced is not None and sequenced.size > last.size else self._log.sequence()
        # A crash here leaves entries with an index and no checkpoint: the next publication takes them up.
        _ensure_kept(head, last)
        if head.size > last.size:
            filled = self._write(last, head)
            # A crash here leaves files that nobody asks for. They are written again, byte for byte.
            last = self._sign(head, last)
            self._filled += filled
        return self._published() if self._mended else Head(last.size, last.root)

    def _last(self) -> SignedHead:
        """The last signed head, after asking whether anything contradicts it."""
        last = self._log.checkpoint()
        if last is not None and last == self._trusted and self._is_shown(last):
            return last
        if last is None:
            self._signer.make()
        key = verifier_key(self._signer.verifier)
        public = self._public(key)
        if last is None:
            if public is not None and (isinstance(public, bytes) or public.size):
                raise TamperDetected(
                    "the folder of the log holds a checkpoint, and the store has none",
                    hint="The store was put back, or is of another log. Restore its newest copy; nothing is signed until then.",
                )
            return self._sign(Head(0, EMPTY_ROOT), None)
        _ensure_ours(last, key)
        if isinstance(public, Checkpoint):
            self._ensure_known(public, last)
        if not isinstance(public, Checkpoint) or public.size < last.size:
            # A crash came between the row and the file, or somebody took the file away, and others with it.
            if not self._gives(last.size, last.root):
                self._mend(Head(last.size, last.root), last.size)
            self._show(last, self._log.cosignatures(last.size))
        self._trusted = last
        return last

    def _is_shown(self, signed: SignedHead) -> bool:
        """Is this the public checkpoint, with whatever cosignatures below it?"""
        return (self._files.read(CHECKPOINT) or b"").startswith(signed.note)

    def _public(self, key: VerifierKey) -> Checkpoint | bytes | None:
        """The checkpoint that the folder shows; its bytes, when they are none of ours."""
        raw = self._files.read(CHECKPOINT)
        try:
            return None if raw is None else open_checkpoint(raw, key)
        except (MalformedNote, NoteNotVerified):
            return raw

    def _ensure_known(self, public: Checkpoint, last: SignedHead) -> None:
        """What we signed and gave out is a row here, with the same root."""
        if public.size > last.size:
            raise TamperDetected(
                f"a checkpoint over {public.size} entries was given out, and the store knows of {last.size}",
                hint="The store was put back. Restore its newest copy; nothing is signed until then, so that there is one history.",
            )
        known = last if public.size == last.size else self._log.checkpoint(public.size)
        if known is None or known.root != public.root:
            raise TamperDetected(
                f"the checkpoint given out over {public.size} entries is not the one that the store holds",
                hint="Two histories were signed, or the store is of another log. Keep both notes as evidence.",
            )

    def _write(self, last: SignedHead, head: Head) -> tuple[Tile, ...]:
        """The files that the new size needs; the full ones among them."""
        fresh: dict[str, bytes] = {}
        try:
            full = tuple(self._grow(last.size, head.size, fresh))
            held = _is_held(TiledTree(self._reader(fresh), head.size), last, head)
        except MalformedNote:  # a file of the last size is missing or torn
            full, held = (), False
        if held:
            self._files.sync()
        else:
            full = self._mend(head, last.size)
        # Asked of the files themselves, now that they are in place.
        if not _is_held(TiledTree(self._files.read, head.size), last, head):
            raise TamperDetected(
                "the files of the log do not give the root of its entries, and nothing is signed"
            )
        return full

    def _grow(self, start: int, size: int, fresh: dict[str, bytes]) -> Iterator[Tile]:
        """Write what the entries from `start` on add; the full tiles. `fresh` comes to hold all hashes."""
        for tile, content in self._grown(start, size, fresh):
            if is_needed(tile, size):
                self._files.write(tile.path, content)
                if tile.width == WIDTH:
                    yield tile

    def _grown(self, start: int, size: int, fresh: dict[str, bytes]) -> Iterator[tuple[Tile, bytes]]:
        """Every tile and bundle that grows, worked out from stored entries and the hashes above them."""
        held = start % WIDTH
        for at in range(start - held, size, AT_ONCE):
            stored = self._entries(at, min(AT_ONCE, size - at))
            raws, leaves = [one.raw for one in stored], [one.leaf for one in stored]
            if held:  # the part that stands in the last partial files is taken from the store, not from them
                part = at // WIDTH
                fresh[Tile(ENTRIES, part, held).path] = bundle(raws[:held])
                fresh[Tile(0, part, held).path] = b"".join(leaves[:held])
            for tile, content in grown(self._reader(fresh), at + held, raws[held:], leaves[held:]):
                if tile.level != ENTRIES or tile.width < WIDTH:
                    fresh[tile.path] = content
                yield tile, content
            held = 0

    def _reader(self, fresh: Mapping[str, bytes]) -> Callable[[str], bytes]:
        """Files as they will be: what was just worked out, else what is in place."""

        def read(path: str) -> bytes:
            raw = fresh.get(path) or self._files.read(path)
            if raw is None:
                raise MalformedNote(f"the file {path} is missing")
            return raw

        return read

    def _entries(self, start: int, count: int) -> Sequence[Stored]:
        """Stored entries whose bytes give their leaf hashes, every one of them."""
        stored = self._log.entries(start, count)
        if [one.index for one in stored] != list(range(start, start + count)):
            raise TamperDetected(f"entries from index {start} on are missing from the store")
        if [one.leaf for one in stored] != leaf_hashes(one.raw for one in stored):
            raise TamperDetected(f"an entry from index {start} on does not give its leaf hash")
        return stored

    def _mend(self, head: Head, signed: int) -> tuple[Tile, ...]:
        """Write every file anew that differs from what the entries give; the full ones among all.

        Only over entries that give every root that was ever signed. Remembers which of those that a log of
        `signed` entries had were damaged or gone.
        """
        full, mended = list[Tile](), list[str]()
        for tile, content in self._worked_out(head):
            if self._files.read(tile.path) != content:
                self._files.set_aside(tile.path)
                self._files.write(tile.path, content)
                if tile.index * WIDTH + tile.width <= hashes_at(tile.level, signed):
                    mended.append(tile.path)
            if tile.width == WIDTH:
                full.append(tile)
        self._files.sync()
        self._mended = tuple(mended)
        return tuple(full)

    def _worked_out(self, head: Head) -> Iterator[tuple[Tile, bytes]]:
        """Every file of the log up to here, from the entries alone: those that a checkpoint asks for, old ones too."""
        found = self._log.verify([head])
        if found.status != "intact":
            raise TamperDetected(f"the log's files cannot be made from its entries: {found}")
        for tile, content in self._grown(0, head.size, {}):
            if is_needed(tile, head.size):
                yield tile, content
                if tile.width < WIDTH:
                    yield from self._narrower(tile, content)

    def _narrower(self, tile: Tile, content: bytes) -> Iterator[tuple[Tile, bytes]]:
        """What earlier checkpoints ask for in place of a partial file: its beginnings."""
        shift = 8 * max(tile.level, 0)
        sizes = self._log.checkpoint_sizes(tile.index * WIDTH << shift)
        for width in sorted({(size >> shift) - tile.index * WIDTH for size in sizes}):
            if 0 < width < tile.width:
                part = Tile(tile.level, tile.index, width)
                if tile.level == ENTRIES:
                    yield part, bundle(parse_bundle(content, tile.width)[:width])
                else:
                    yield part, content[: width * HASH_BYTES]

    def _tell_mended(self) -> None:
        """Files below a signed size were damaged or gone: that is worth an entry."""
        if not self._mended:
            return
        now = self._clock.now_ns()
        name = derived_id("recovered", str(now), *self._mended)
        data = {"case": "files_rebuilt", "files": len(self._mended)}
        stamp = f"{format_time(now)[:19]}.{now // 1_000_000 % 1000:03d}Z"
        with self._store.transaction() as tx:
            tx.log.stage(Entry(kind="log.recovered", id=name, ts=stamp, actor=SYSTEM, data=data))
        self._mended = ()

    def _sign(self, head: Head, last: SignedHead | None) -> SignedHead:
        key = verifier_key(self._signer.verifier)
        text = Checkpoint(key.name, head.size, head.root).text()
        note = Note(text, (Signature(key.name, key.id, self._signer.sign(text)),)).raw()
        signed = SignedHead(head.size, head.root, note)
        _ensure_ours(signed, key)  # a signature that does not hold is noticed here and not by a stranger
        self._log.keep_checkpoint(signed, last)
        # A crash here leaves the row, and an older checkpoint in public: the next publication shows this one.
        self._show(signed, ())
        self._trusted = signed
        return signed

    def _show(self, signed: SignedHead, cosignatures: Iterable[bytes]) -> None:
        self._files.replace(CHECKPOINT, signed.note + b"".join(cosignatures))


def _ensure_kept(head: Head, last: SignedHead) -> None:
    """The store still holds as much as was signed."""
    if head.size < last.size or (head.size == last.size and head.root != last.root):
        raise TamperDetected(f"{last.size} entries were signed, and the store does not hold them any more")


def _is_held(tree: TiledTree, last: SignedHead, head: Head) -> bool:
    """Do these files give the root of the entries, and start with the tree that was signed last?"""
    proof = tree.consistency(last.size)
    return tree.root() == head.root and verify_consistency(last.size, last.root, head.size, head.root, proof)


def _ensure_ours(signed: SignedHead, key: VerifierKey) -> None:
    """The stored note says what its row says, under the key that would sign the next one."""
    try:
        found = open_checkpoint(signed.note, key)
    except (MalformedNote, NoteNotVerified) as exc:
        raise TamperDetected(
            f"the stored checkpoint over {signed.size} entries was not signed with the key of this home",
            hint="Restore log.key and the setting log_origin as they were; a log does not change its key or its name.",
        ) from exc
    if (found.size, found.root) != (signed.size, signed.root):
        raise TamperDetected(
            f"the stored checkpoint over {signed.size} entries says something else than its row"
        )
