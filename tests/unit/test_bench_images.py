from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest

from bench.pictures import alterations, stages
from bench.pictures.attacks import ATTACKS, Group, seeded
from bench.pictures.faces import Face
from bench.pictures.failures import draw
from bench.pictures.material import Photograph, regions
from bench.pictures.peers import Peers
from bench.pictures.product import Card, Gallery, Product, card_of
from bench.pictures.raster import File, fitted, read, save
from bench.pictures.report import Run, section, write

TINY = stages.Size(distractors=0, originals=1, strangers=2, forgeries=1, swaps=1, pairs=2)


def photograph(name):
    [path] = [one for one in files("scikit-image") if one.as_posix().endswith(f"data/{name}")]
    return Path(str(path.locate()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("originals")
    for name in ("coffee.png", "chelsea.png", "astronaut.png"):
        (made / f"{name[:-4]}@00.jpg").write_bytes(save(fitted(read(photograph(name)), 480), 92).data)
    return made


@pytest.fixture(scope="module")
def bench(folder):
    cards = []
    for path in sorted(folder.glob("*.jpg"))[:2]:
        card = card_of(path.stem, File(path.read_bytes(), "JPEG"), path)
        assert isinstance(card, Card)
        cards.append(card)
    portrait = Face(read(photograph("astronaut.png")), np.array([[203, 102], [245, 103], [224, 145]], float))
    cat = Face(read(photograph("chelsea.png")), np.array([[173, 100], [260, 105], [215, 165]], float))
    faces = [("scikit-image/astronaut", portrait)]
    donors = [*faces, ("scikit-image/chelsea", cat)]
    stranger = [folder / "coffee@00.jpg"]
    return stages.Bench(
        Product(Gallery(cards[:2])), Peers.of(cards[:2]), cards[:2], stranger, faces, donors, TINY
    )


def test_there_are_enough_attacks_of_every_group():
    assert len(ATTACKS) >= 50
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert {attack.group for attack in ATTACKS} == set(Group)


def test_the_same_attack_on_the_same_picture_makes_the_same_file():
    picture = fitted(read(photograph("chelsea.png")), 300)
    for attack in (
        one for one in ATTACKS if one.name in ("stickers", "photo of a screen", "collage of four")
    ):
        one, other = (attack.make(picture, seeded(attack.name, 4), picture[::-1]) for _ in range(2))
        assert one.data == other.data


def test_regions_are_disjoint_and_cover_the_photograph():
    photograph_of = np.arange(1000 * 1600 * 3, dtype=np.uint32).reshape(1000, 1600, 3)
    parts = regions(photograph_of)
    assert len(parts) == 4
    assert sum(part.shape[0] * part.shape[1] for part in parts) == 1000 * 1600
    assert len({int(part[0, 0, 0]) for part in parts}) == 4


def test_all_regions_of_a_photograph_are_in_the_half_its_name_decides():
    assert (
        Photograph("scikit-image/coffee", Path("a")).half == Photograph("scikit-image/coffee", Path("b")).half
    )


@pytest.mark.parametrize("share", alterations.SHARES)
def test_a_forgery_changes_its_region_and_nothing_else(share):
    picture = fitted(read(photograph("chelsea.png")), 400)
    other = fitted(read(photograph("coffee.png")), 400)
    for kind in alterations.REGIONS:
        made = alterations.region_of(kind, picture, share, np.random.default_rng(2), other)
        assert made.copy.shape == made.base.shape
        changed = np.abs(made.copy.astype(int) - made.base).max(axis=2) > 0
        assert changed[made.mask].any(), kind
        # Soft edges and the smoothness of a warp reach a little beyond the region.
        assert changed[~made.mask].mean() < 0.12, kind


def test_a_run_finds_copies_sees_forgeries_and_writes_its_section(bench, tmp_path, monkeypatch):
    chosen = ("JPEG q70", "mirrored", "messenger", "white border")
    monkeypatch.setattr(stages, "ATTACKS", tuple(one for one in ATTACKS if one.name in chosen))
    monkeypatch.setattr(stages, "REGIONS", {"pasted patch": alterations.pasted})
    rows = {name: stages.run(name, tmp_path / f"{name}.jsonl", bench, 1) for name in stages.STAGES}
    assert all(row["found"] and not row["wrong"] for row in rows["queries"])
    assert len(rows["queries"]) == len(chosen)
    again = stages.run("queries", tmp_path / "queries.jsonl", bench, 1)
    assert sorted(row["trial"] for row in again) == sorted(row["trial"] for row in rows["queries"])
    assert {row["kind"] for row in rows["forgeries"]} >= {"pasted patch", "face swapped"}
    docs = tmp_path / "docs"
    (docs / "figures").mkdir(parents=True)
    (docs / "measurements.md").write_text("# Measurements\n")
    draw(bench, [{**row, "found": False} for row in rows["queries"]], docs / "figures" / "failures.jpg")
    assert (docs / "figures" / "failures.jpg").stat().st_size > 1000
    made = write(Run({"Date": "today"}, rows, 2), docs)
    assert made["groups"]["benign"]["product"]["value"] == 1.0
    assert section(made) in (docs / "measurements.md").read_text()
    assert (docs / "figures" / "images-attacks.png").stat().st_size > 1000
