"""Mirror and monitor: every byte bound to a signed checkpoint, and whatever is wrong is named."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from provenance.errors import CheckpointError, ConflictError, NotFoundError, ProofError
from provenance.ledger.checkpoint import Checkpoint, NoteSigner, open_checkpoint, sign_checkpoint
from provenance.ledger.cose import key_thumbprint
from provenance.ledger.merkle import check_inclusion, leaf_hash, node_hash
from provenance.ledger.mirror import mirror
from provenance.ledger.monitor import AlarmKind, Monitor
from provenance.ledger.policy import Policy
from provenance.ledger.source import FolderSource, StoreSource, read_note
from provenance.ledger.store import Store
from provenance.ledger.tiles import pack_bundle, unpack_bundle
from provenance.ledger.verified import VerifiedTiles
from tests.ledger_made import (
    ORIGIN,
    PUBLISHER_KEY,
    RIVAL_KEY,
    SIGNER,
    make_log,
    make_store,
    register,
    registration,
    url_of,
)

KEYS = SIGNER.verifier


class Published:
    """A log and the folder that shows it."""

    def __init__(self, folder):
        self.store = Store.open(url_of(folder)) if (folder / "registry.db").exists() else make_store(folder)
        self.log = make_log(self.store)
        self.folder = folder / "mirror"
        self.source = FolderSource(self.folder)
        self.state = folder / "state"

    def add(self, *numbers):
        register(self.log, *numbers)
        return mirror(StoreSource(self.log, self.store), self.folder, KEYS)

    def monitor(self, **options):
        return Monitor(self.source, KEYS, self.state, **options)

    def look(self, **options):
        return self.monitor().look(**options)


@pytest.fixture(scope="module")
def of_300(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    made = Published(folder)
    made.add(*range(300))
    made.store.close()
    return folder


@pytest.fixture
def published(tmp_path, of_300):
    shutil.copytree(of_300, tmp_path, dirs_exist_ok=True)
    made = Published(tmp_path)
    yield made
    made.store.close()


def kinds(found):
    return [each.kind for each in found.alarms]


def tamper(folder, index: int, *, tile: bool = False):
    """Replace an entry in the served files; with ``tile`` its hash as well."""
    (path,) = (folder / "tile/entries").glob(f"{index // 256:03d}*")
    path = next(path.iterdir()) if path.is_dir() else path
    width = int(path.name) if path.parent.name.endswith(".p") else 256
    leaves = unpack_bundle(path.read_bytes(), width)
    leaves[index % 256] = registration(9_999).leaf
    path.write_bytes(pack_bundle(leaves))
    if tile:
        path = folder / str(path.relative_to(folder)).replace("entries", "0")
        hashes = bytearray(path.read_bytes())
        hashes[index % 256 * 32 : index % 256 * 32 + 32] = leaf_hash(leaves[index % 256])
        path.write_bytes(hashes)


# --- mirror ---


def test_a_mirror_is_a_log(published):
    source = StoreSource(published.log, published.store)
    names = sorted(str(p.relative_to(published.folder)) for p in published.folder.rglob("*") if p.is_file())
    assert names == [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ]
    for name in names:
        assert (published.folder / name).read_bytes() == source.read(name, 1 << 24)


def test_a_mirror_grows_and_writes_only_what_is_new(published):
    assert published.add(300).written == 3, "the longer tile, the longer bundle, the checkpoint"
    again = mirror(StoreSource(published.log, published.store), published.folder, KEYS)
    assert again.written == 1


def test_a_mirror_refuses_a_log_that_does_not_continue_it(published, tmp_path):
    (tmp_path / "other").mkdir()
    other = Published(tmp_path / "other")
    other.add(*range(1000, 1400))
    before = (published.folder / "checkpoint").read_text()
    with pytest.raises(ConflictError, match="continues"):
        mirror(other.source, published.folder, KEYS)
    assert (published.folder / "checkpoint").read_text() == before
    other.store.close()


def test_a_mirror_copies_no_entry_that_was_not_signed(published, tmp_path):
    tamper(published.folder, 17)
    with pytest.raises(ProofError, match="entry 17"):
        mirror(published.source, tmp_path / "second", KEYS)
    assert not (tmp_path / "second/checkpoint").exists()


def test_an_interrupted_mirror_is_completed(published, tmp_path):
    target = tmp_path / "second"
    mirror(published.source, target, KEYS)
    (target / "checkpoint").unlink()
    (target / "tile/0/000").unlink()
    assert mirror(published.source, target, KEYS).written == 2
    assert Monitor(FolderSource(target), KEYS, tmp_path / "s").look().alarms == ()


# --- reading what is bound to a checkpoint ---


def test_proofs_come_from_anybodys_tiles(published):
    point = open_checkpoint(read_note(published.source), KEYS)
    tiles = VerifiedTiles(published.source, point)
    for index in (0, 255, 256, 299):
        [(_, _, leaf)] = published.store.leaves(index, index + 1)
        check_inclusion(leaf_hash(leaf), index, point.size, tiles.inclusion(index), point.root)
    for beyond in (-1, 300):
        with pytest.raises(NotFoundError):
            tiles.inclusion(beyond)
    with pytest.raises(NotFoundError):
        tiles.tile(0, 2)
    with pytest.raises(ProofError):
        tiles.check_continues(Checkpoint(ORIGIN, 301, bytes(32)))


def test_a_partial_tile_that_was_dropped_is_taken_from_the_full_one(published):
    early = read_note(published.source)
    published.add(*range(300, 600))
    shutil.rmtree(published.folder / "tile/0/001.p")
    shutil.rmtree(published.folder / "tile/entries/001.p")
    (published.folder / "checkpoint").write_text(early)
    assert published.look().alarms == ()


# --- monitor ---


def test_a_monitor_follows_and_remembers(published):
    first = published.look()
    assert (first.checkpoint.size, first.first, first.alarms) == (300, 0, ())
    published.add(*range(300, 310))
    second = published.look()
    assert (second.checkpoint.size, second.first, second.alarms) == (310, 300, ())
    assert published.monitor().last() == second.checkpoint
    assert published.look(recheck=True).first == 0


@pytest.mark.parametrize("index", [0, 17, 255, 256, 299])
def test_a_changed_entry_is_named(published, index):
    """Case 107."""
    tamper(published.folder, index)
    found = published.look()
    assert [(each.kind, each.index) for each in found.alarms] == [(AlarmKind.ENTRY, index)]
    assert f"entry {index}:" in found.alarms[0].text
    assert published.monitor().last() is None, "what is wrong is not remembered as checked"


def test_an_entry_changed_after_it_was_checked_is_named_by_a_recheck(published):
    published.look()
    tamper(published.folder, 5)
    assert published.look().alarms == ()
    assert [each.index for each in published.look(recheck=True).alarms] == [5]


def test_a_changed_entry_with_its_hash_changed_too_breaks_the_tree(published):
    tamper(published.folder, 17, tile=True)
    assert kinds(published.look()) == [AlarmKind.ENTRY]
    tamper(published.folder, 299, tile=True)
    assert kinds(published.look()) == [AlarmKind.TREE]


def test_a_rolled_back_log_is_noticed(published):
    """Case 105."""
    early = (published.folder / "checkpoint").read_text()
    published.add(300)
    published.look()
    (published.folder / "checkpoint").write_text(early)
    assert kinds(published.look()) == [AlarmKind.ROLLBACK]
    assert len(list((published.state / "evidence").iterdir())) == 2


@pytest.mark.parametrize("size", [300, 320])
def test_a_second_history_is_noticed(published, tmp_path, size):
    """Case 106: the same key signs another log, of the same size or a larger one."""
    published.look()
    (tmp_path / "other").mkdir()
    other = Published(tmp_path / "other")
    other.add(*range(1, 1 + size))
    shutil.rmtree(published.folder)
    shutil.copytree(other.folder, published.folder)
    assert kinds(published.look()) == [AlarmKind.FORK]
    other.store.close()


def test_what_is_no_checkpoint_of_this_log_is_an_alarm(published):
    point = open_checkpoint(read_note(published.source), KEYS)
    for note in (b"words", b"\xff", sign_checkpoint(point, NoteSigner(ORIGIN, RIVAL_KEY)).encode()):
        (published.folder / "checkpoint").write_bytes(note)
        assert kinds(published.look()) == [AlarmKind.CHECKPOINT]
    (published.folder / "checkpoint").unlink()
    with pytest.raises(NotFoundError):
        published.look()


def test_a_log_that_hides_what_it_has_shown_is_an_alarm(published):
    published.look()
    (published.folder / "checkpoint").unlink()
    assert kinds(published.look()) == [AlarmKind.CHECKPOINT]


@pytest.mark.parametrize("name", ["tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/44"])
@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"\0", lambda b: b"", None])
def test_missing_and_misshapen_files_are_alarms(published, name, damage):
    path = published.folder / name
    content = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage(content))
    assert kinds(published.look()), "one alarm at least"


def test_entries_of_another_format_are_named_unless_any_is_expected(tmp_path):
    leaves = [registration(1).leaf, b"words"]
    folder = tmp_path / "log"
    (folder / "tile/0/000.p").mkdir(parents=True)
    (folder / "tile/entries/000.p").mkdir(parents=True)
    hashes = [leaf_hash(each) for each in leaves]
    (folder / "tile/0/000.p/2").write_bytes(b"".join(hashes))
    (folder / "tile/entries/000.p/2").write_bytes(pack_bundle(leaves))
    (folder / "checkpoint").write_text(sign_checkpoint(Checkpoint(ORIGIN, 2, node_hash(*hashes)), SIGNER))
    strict = Monitor(FolderSource(folder), KEYS, tmp_path / "state")
    assert [(each.kind, each.index) for each in strict.look().alarms] == [(AlarmKind.FORM, 1)]
    assert replace(strict, entries=False).look().alarms == ()


def test_entries_by_a_watched_key_are_told_and_do_not_stop_the_monitor(published):
    mine = key_thumbprint(RIVAL_KEY.public_key())
    published.log.append([registration(1, key=RIVAL_KEY, organisation="TEST Herald")])
    published.add(700)
    found = published.monitor(watched={mine}).look()
    assert [(each.kind, each.index) for each in found.alarms] == [(AlarmKind.WATCHED, 300)]
    assert published.monitor().last() == found.checkpoint
    assert key_thumbprint(PUBLISHER_KEY.public_key()) != mine


def test_a_policy_asks_for_witnesses(published):
    nobody = Policy.parse(f"log {SIGNER.vkey}\nquorum none\n")
    assert published.monitor(policy=nobody).look().alarms == ()


def test_a_state_of_another_log_is_refused(published):
    published.state.mkdir()
    (published.state / "checkpoint").write_text("words")
    with pytest.raises(CheckpointError):
        published.look()
