"""Paths and bundles of C2SP tlog-tiles: one spelling each."""

from __future__ import annotations

import pytest

from provenance.errors import FormatError, LimitError, NotFoundError
from provenance.ledger.merkle import leaf_hash
from provenance.ledger.source import FolderSource, StoreSource
from provenance.ledger.tiles import TileName, bundles_of, pack_bundle, tiles_of, unpack_bundle
from tests.ledger_made import make_log, make_store, register


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (TileName(0, 0), "tile/0/000"),
        (TileName(0, 1_234_067), "tile/0/x001/x234/067"),  # the example of the specification
        (TileName(63, 1000, 1), "tile/63/x001/000.p/1"),
        (TileName(None, 999, 255), "tile/entries/999.p/255"),
    ],
)
def test_paths_are_those_of_the_specification(name, path):
    assert name.path == path
    assert TileName.parse(path) == name


@pytest.mark.parametrize(
    "path",
    [
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000/",
        "tile/0/\u0660\u0660\u0660",
        "tile/entries/000\n",
        "tile/0/../0/000",
        "tile/0/" + "x001/" * 30 + "000",
    ],
)
def test_any_other_spelling_is_refused(path):
    with pytest.raises(FormatError):
        TileName.parse(path)


def test_the_tiles_of_a_log_of_70000_are_those_of_the_specification():
    tiles = list(tiles_of(70_000))
    assert [each for each in tiles if not each.full] == [
        TileName(0, 273, 112),
        TileName(1, 1, 17),
        TileName(2, 0, 1),
    ]
    assert sum(each.level == 0 and each.full for each in tiles) == 273
    assert sum(each.level == 1 and each.full for each in tiles) == 1
    assert list(tiles_of(256)) == [TileName(0, 0), TileName(1, 0, 1)]
    assert list(tiles_of(0)) == []
    assert len(list(tiles_of(70_000, beyond=69_900))) == 4 - 1
    assert next(iter(tiles_of(70_000, beyond=65_000))) == TileName(0, 253)


def test_the_bundles_of_a_log():
    assert list(bundles_of(600)) == [TileName(None, 0), TileName(None, 1), TileName(None, 2, 88)]
    assert list(bundles_of(600, beyond=300)) == [TileName(None, 1), TileName(None, 2, 88)]
    assert list(bundles_of(512, beyond=512)) == []


def test_bundles_survive_and_their_damage_is_noticed():
    leaves = [b"", b"a", b"b" * 65_535]
    packed = pack_bundle(leaves)
    assert packed[:3] == b"\x00\x00\x00"
    assert unpack_bundle(packed, 3) == leaves
    for wrong, width in ((packed[:-1], 3), (packed + b"\0", 3), (packed, 2), (packed, 4), (b"\0", 1)):
        with pytest.raises(FormatError):
            unpack_bundle(wrong, width)
    with pytest.raises(FormatError):
        pack_bundle([b"x" * 65_536])


def test_the_log_serves_every_tile_that_a_checkpoint_was_signed_for(tmp_path):
    store = make_store(tmp_path)
    log = make_log(store)
    register(log, *range(3))
    register(log, *range(3, 300))
    source = StoreSource(log, store)
    early = source.read("tile/0/000.p/3", 8192)
    full = source.read("tile/0/000", 8192)
    assert full.startswith(early)
    leaves = unpack_bundle(source.read("tile/entries/001.p/44", 1 << 20), 44)
    assert b"".join(map(leaf_hash, leaves)) == source.read("tile/0/001.p/44", 8192)
    for missing in (
        "tile/0/001.p/45",
        "tile/0/001",
        "tile/1/000.p/2",
        "tile/entries/001",
        "tile/2/000",
        "nothing",
    ):
        with pytest.raises(NotFoundError):
            source.read(missing, 8192)
    with pytest.raises(NotFoundError):
        source.read("tile/0/" + "x999/" * 10 + "999", 8192)
    with pytest.raises(LimitError, match="at most"):
        source.read("tile/0/000", 100)
    store.close()


def test_a_folder_is_a_source(tmp_path):
    (tmp_path / "checkpoint").write_text("words")
    assert FolderSource(tmp_path).read("checkpoint", 5) == b"words"
    with pytest.raises(LimitError, match="at most"):
        FolderSource(tmp_path).read("checkpoint", 4)
    for missing in ("tile/0/000", "checkpoint/tile"):
        with pytest.raises(NotFoundError):
            FolderSource(tmp_path).read(missing, 5)
