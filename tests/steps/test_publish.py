"""Publishing: what is signed, what a crash leaves, and when nothing is signed any more."""

import os
import stat

import pytest
from sqlalchemy import text

from countersign.adapters.log_files import FolderFiles
from countersign.adapters.log_signer import HomeSigner
from countersign.adapters.sql import open_store
from countersign.core.log.auditlog import Actor, Entry, Head, SignedHead
from countersign.core.log.checkpoint import open_checkpoint
from countersign.core.log.merkle import EMPTY_ROOT
from countersign.core.log.note import verifier_key
from countersign.core.log.proofs import check_proof
from countersign.core.log.quorum import log_alone
from countersign.core.log.tiles import TiledTree, tiles_of
from countersign.errors import (
    AuditLogConflict,
    AuditLogUnavailable,
    ConfigError,
    TamperDetected,
    UsageError,
)
from countersign.steps.publish import LogPublisher
from countersign.wiring import SystemClock
from databases import VAULT, database, postgres_database, sqlite_database  # noqa: F401 - fixtures

ACTOR = Actor(type="system", id="countersign")


def an_entry(number):
    return Entry(kind="log.note", id=f"e_{number:05}", ts="2026-09-21T13:15:30.123Z", actor=ACTOR)


class Log:
    """A store, a home with a key, and the folder that is served."""

    def __init__(self, url, home):
        self.url, self.home = url, home
        self.store = open_store(url, VAULT)
        self.folder = home / "log"
        self.restart()
        self.staged = 0

    def restart(self):
        """A new process: nothing is remembered but what is stored."""
        self.publisher = LogPublisher(
            self.store, SystemClock(), HomeSigner(self.home), FolderFiles(self.folder)
        )

    def grow(self, count):
        """Stage so many entries, and publish."""
        self.stage(count)
        return self.publisher.publish()

    def stage(self, count):
        with self.store.transaction() as tx:
            for number in range(self.staged, self.staged + count):
                tx.log.stage(an_entry(number))
        self.staged += count

    @property
    def key(self):
        return verifier_key(self.publisher.verifier)

    def public(self):
        return open_checkpoint((self.folder / "checkpoint").read_bytes(), self.key)

    def files(self):
        return {path: (self.folder / path).read_bytes() for path in FolderFiles(self.folder).paths()}

    def ensure_whole(self):
        """The files give the signed root, every one of them is there, and the store says intact."""
        public = self.public()
        head = self.store.log.head()
        assert (head.size, head.root) == (public.size, public.root)
        assert public.root == TiledTree(lambda path: self.files().get(path), public.size).root()
        assert {tile.path for tile in tiles_of(public.size)} <= self.files().keys()
        assert "intact" == self.store.log.verify().status
        assert self.publisher.objection() is None

    def by_hand(self, *statements):
        """What someone who owns the database can do."""
        with self.store._engine.begin() as connection:
            on = "" if connection.dialect.name == "sqlite" else " ON {}"
            for table in ("log_entry", "log_sequence", "log_head", "log_checkpoint"):
                for verb in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER {table}_no_{verb}{on.format(table)}"))
            for statement in statements:
                connection.execute(text(statement))


@pytest.fixture
def log(sqlite_database, tmp_path):  # noqa: F811 - the fixture of that name
    made = Log(sqlite_database, tmp_path)
    yield made
    made.store.close()


def test_a_new_log_is_signed_at_size_0_with_a_key_for_its_owner_only(log):
    assert Head(0, EMPTY_ROOT) == log.publisher.publish()
    assert (0, EMPTY_ROOT) == (log.public().size, log.public().root)
    assert log.public().origin == f"countersign.local/{log.key.public[:4].hex()}"
    assert 0o600 == stat.S_IMODE((log.home / "log.key").stat().st_mode)
    assert 32 == (log.home / "log.key").stat().st_size


def test_every_size_is_published_under_the_root_of_its_entries_on_both_databases(database, tmp_path):  # noqa: F811
    log = Log(database, tmp_path)
    for count in (1, 1, 5, 248, 1, 1, 254, 1, 300, 3):
        head = log.grow(count)
        assert log.store.log.head() == head
        log.ensure_whole()
    assert (0, 1, 2, 7, 255, 256, 257, 511, 512, 812, 815) == log.store.log.checkpoint_sizes(0)
    log.store.close()


@pytest.mark.skipif(not os.environ.get("COUNTERSIGN_FULL"), reason="half a minute")
def test_a_long_log_has_tiles_of_three_levels(log):
    log.grow(65_536 + 300)
    log.grow(1)

    log.ensure_whole()
    assert {"tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1", "tile/entries/256"} <= log.files().keys()


def test_partial_files_stay_until_the_full_one_is_there(log):
    log.grow(3)
    log.grow(4)
    assert {"tile/0/000.p/3", "tile/0/000.p/7", "tile/entries/000.p/3"} <= log.files().keys()

    log.grow(260)
    assert not any(path.startswith(("tile/0/000.p/", "tile/entries/000.p/")) for path in log.files())
    assert {"tile/0/000", "tile/entries/000"} <= log.files().keys()


def test_publishing_again_changes_nothing(log):
    log.grow(7)
    before = {path: (log.folder / path).stat().st_mtime_ns for path in log.files()}
    log.publisher.publish()
    log.restart()
    log.publisher.publish()

    assert before == {path: (log.folder / path).stat().st_mtime_ns for path in log.files()}


def test_entries_staged_when_a_process_died_are_published_by_the_next(log):
    log.grow(3)
    log.stage(4)
    log.restart()
    assert 7 == log.publisher.publish().size
    log.ensure_whole()


def test_entries_sequenced_when_a_process_died_keep_their_indexes(log):
    log.grow(3)
    log.stage(4)
    sequenced = log.store.log.sequence()
    indexes = [one.raw for one in log.store.log.entries(0, 10)]
    log.restart()

    assert sequenced == log.publisher.publish()
    assert indexes == [one.raw for one in log.store.log.entries(0, 10)]
    log.ensure_whole()


@pytest.mark.parametrize("left", [b"", b"torn", bytes(7 * 32)])
def test_what_was_torn_above_the_last_size_is_written_anew(log, left):
    log.grow(3)
    log.stage(4)
    for path in ("tile/0/000.p/7", "tile/entries/000.p/7"):
        (log.folder / path).write_bytes(left)
    (log.folder / ".new" / "tile+0+000.p+7").write_bytes(left)

    log.publisher.publish()
    log.ensure_whole()
    assert [] == list((log.folder / ".new").iterdir())
    assert () == tuple(log.store.log.of_kind("log.recovered"))


def test_a_crash_between_the_row_and_the_public_file_is_made_good(log):
    log.grow(3)
    older = (log.folder / "checkpoint").read_bytes()
    log.grow(4)
    (log.folder / "checkpoint").write_bytes(older)

    assert 7 == log.publisher.publish().size
    assert 7 == log.public().size
    log.ensure_whole()


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(bytes(32))])
def test_a_damaged_tile_is_made_anew_from_entries_that_give_the_signed_root(log, damage):
    log.grow(600)
    damage(log.folder / "tile/1/000.p/2")
    assert "altered" == log.publisher.objection()[0]

    log.grow(1)
    log.ensure_whole()
    assert ["log.recovered"] == [one.kind for one in log.store.log.of_kind("log.recovered")]
    assert 602 == log.public().size


def test_a_damaged_full_tile_is_kept_aside_and_made_anew_when_asked(log):
    log.grow(600)
    (log.folder / "tile/0/001").write_bytes(bytes(8192))
    (log.folder / "tile/entries/000").unlink()

    assert ("tile/0/001", "tile/entries/000") == tuple(sorted(log.publisher.rebuild()))
    log.ensure_whole()
    assert bytes(8192) == (log.folder / ".aside" / "tile+0+001").read_bytes()
    assert () == log.publisher.rebuild()


def test_a_damaged_tile_over_entries_that_were_changed_is_not_made_good(log):
    log.grow(600)
    (log.folder / "tile/1/000.p/2").unlink()
    log.by_hand("UPDATE log_sequence SET leaf = (SELECT root FROM log_head LIMIT 1) WHERE position = 7")
    log.stage(1)

    with pytest.raises(TamperDetected):
        log.publisher.publish()
    assert 600 == log.public().size


def test_a_whole_folder_that_is_gone_is_made_anew(log):
    log.grow(300)
    before = log.files()
    log.folder.rename(log.home / "gone")
    assert "incomplete" == log.publisher.objection()[0]

    log.publisher.publish()
    log.ensure_whole()
    assert before["tile/0/000"] == log.files()["tile/0/000"]


def test_a_store_that_was_put_back_signs_nothing_any_more(log):
    log.grow(3)
    log.grow(4)
    log.by_hand(
        "DELETE FROM log_checkpoint WHERE size = 7",
        "DELETE FROM log_head WHERE size = 7",
        "DELETE FROM log_sequence WHERE position >= 3",
        "DELETE FROM log_entry WHERE id >= 'e_00003'",
    )
    assert "intact" == log.store.log.verify().status
    assert "altered" == log.publisher.objection()[0]

    log.stage(1)
    with pytest.raises(TamperDetected, match=r"put back|given out"):
        log.publisher.publish()
    assert 7 == log.public().size


def test_an_empty_store_beside_an_old_folder_signs_nothing(log, tmp_path):
    log.grow(3)
    other = Log(f"sqlite:///{tmp_path / 'other.db'}", log.home)
    with pytest.raises(TamperDetected):
        other.grow(1)
    other.store.close()


def test_another_history_of_the_same_size_signs_nothing(log, tmp_path):
    log.grow(3)
    other = Log(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "elsewhere")
    other.home.mkdir()
    (other.home / "log.key").write_bytes((log.home / "log.key").read_bytes())
    (other.home / "log.key").chmod(0o600)
    other.staged = 100
    other.grow(3)
    other.folder.rename(other.home / "unused")
    log.folder.rename(other.folder)

    other.stage(1)
    with pytest.raises(TamperDetected):
        other.publisher.publish()
    other.store.close()


def test_entries_that_vanished_below_a_checkpoint_stop_the_signing(log):
    log.grow(7)
    log.by_hand("DELETE FROM log_head", "DELETE FROM log_sequence WHERE position >= 3")
    log.stage(1)

    before = log.store.log.entries(0, 100)
    with pytest.raises(TamperDetected, match="does not hold them"):
        log.publisher.publish()
    assert before == log.store.log.entries(0, 100)  # no index was given out anew


def test_a_size_has_one_signed_root(log):
    log.grow(3)
    last = log.store.log.checkpoint()
    with pytest.raises(AuditLogConflict):
        log.store.log.keep_checkpoint(SignedHead(3, bytes(32), b"note"), last)
    with pytest.raises(AuditLogConflict):
        log.store.log.keep_checkpoint(SignedHead(9, bytes(32), b"note"), None)


def test_a_key_that_is_missing_is_not_replaced(log):
    log.grow(3)
    (log.home / "log.key").rename(log.home / "kept")
    log.restart()
    log.stage(1)

    with pytest.raises(ConfigError, match="missing"):
        log.publisher.publish()
    assert not (log.home / "log.key").exists()
    (log.home / "kept").rename(log.home / "log.key")
    assert 4 == log.publisher.publish().size


def test_another_key_signs_nothing(log):
    log.grow(3)
    (log.home / "log.key").write_bytes(bytes(range(32)))
    log.restart()
    log.stage(1)

    with pytest.raises(TamperDetected, match="key of this home"):
        log.publisher.publish()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_that_others_can_read_is_refused(log, mode):
    log.grow(1)
    (log.home / "log.key").chmod(mode)
    log.restart()
    log.stage(1)

    with pytest.raises(ConfigError, match="others"):
        log.publisher.publish()


@pytest.mark.parametrize("origin", ["a b", "a+b", "\x00", "ü" * 400])
def test_a_name_that_no_log_can_have_is_refused(log, origin):
    with pytest.raises(ConfigError, match="log_origin"):
        HomeSigner(log.home, origin)


def test_the_name_of_the_log_is_the_setting_if_there_is_one(log):
    signer = HomeSigner(log.home, "soc.example/log")
    signer.make()

    assert "soc.example/log" == signer.origin == verifier_key(signer.verifier).name


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_publishes_nothing(log):
    log.grow(1)
    log.folder.chmod(0o500)
    log.stage(1)
    with pytest.raises(AuditLogUnavailable, match="nothing is shown or decided"):
        log.publisher.publish()
    log.folder.chmod(0o700)
    assert 2 == log.publisher.publish().size


def test_each_entry_is_proved_under_the_public_checkpoint(log):
    log.grow(600)
    log.grow(7)
    for index in (0, 1, 255, 256, 599, 600, 606):
        proof = log.publisher.prove(index)
        [stored] = log.store.log.entries(index, 1)
        assert 607 == check_proof(proof, stored.raw, log_alone(log.key)).checkpoint.size

    with pytest.raises(UsageError):
        log.publisher.prove(607)


def test_what_is_served_is_the_folder(log):
    log.grow(3)
    log.grow(700)
    log.grow(1)

    assert log.files() == dict(log.publisher.served())


def test_cosignatures_stand_below_the_public_checkpoint(log):
    log.grow(3)
    line = "— witness.example/w1 AAAAAAAA\n".encode()
    log.store.log.add_cosignature(3, "witness.example/w1", line)
    log.store.log.add_cosignature(3, "witness.example/w1", b"another")
    (log.folder / "checkpoint").unlink()
    log.publisher.publish()

    assert (log.folder / "checkpoint").read_bytes().endswith(line)
    log.ensure_whole()
