"""The stages of a run: lists of trials shared among processes; each row is kept as soon as it is known."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from bench.pictures import trials
from bench.pictures.alterations import REGIONS, SHARES, Forgery, region_of, registered, sent
from bench.pictures.attacks import ATTACKS, seeded
from bench.pictures.faces import Face, framed, marked, swapped, warped
from bench.pictures.material import photographs
from bench.pictures.peers import Peers
from bench.pictures.product import Card, Gallery, Product, card_of
from bench.pictures.raster import File, fitted, read, save

Row = trials.Row
#: Shortest long side of a face picture, pixels: below, the publisher's file itself shows no face to speak of.
FACE_PX: Final = 380

#: Strangers that one copy is held against in the pair loop.
PAIRS_A_COPY: Final = 400


@dataclass(frozen=True, slots=True)
class Size:
    """How many trials a run makes.

    Attributes:
        distractors: Registered pictures beside the originals.
        originals: Originals per attack.
        strangers: Queries of pictures that are not registered.
        forgeries: Originals per alteration and share.
        swaps: Donors per face and share.
        pairs: Wrong pairs that are verified by the pair loop.
    """

    distractors: int
    originals: int
    strangers: int
    forgeries: int
    swaps: int
    pairs: int


SIZES: Final = {
    "tiny": Size(20, 1, 4, 1, 1, 40),
    "small": Size(500, 3, 60, 2, 2, 4000),
    "full": Size(20_000, 16, 3000, 12, 3, 300_000),
}


@dataclass(frozen=True, slots=True)
class Bench:
    """What every trial needs; made once, before the processes divide.

    Attributes:
        product: The product over originals and distractors.
        peers: The peers over the same.
        originals: Registered originals of the half.
        strangers: Files of the other half, of which nothing is registered.
        faces: Marked faces of the half's photographs, by photograph.
        donors: All marked faces.
        size: How many trials.
    """

    product: Product
    peers: Peers
    originals: Sequence[Card]
    strangers: Sequence[Path]
    faces: Sequence[tuple[str, Face]]
    donors: Sequence[tuple[str, Face]]
    size: Size


def made(cache: Path, half: str, originals: Sequence[Card], distractors: Sequence[Card], size: Size) -> Bench:
    """Return the bench of a half."""
    cards = [*originals, *distractors]
    other = "tune" if half == "report" else "report"
    known, _ = photographs(cache, None)
    faces = [(one, face) for one in known for face in marked(one.name, one.path)]
    return Bench(
        Product(Gallery(cards)),
        Peers.of(cards),
        originals,
        sorted((cache / "originals" / other).iterdir()),
        [(one.name, face) for one, face in faces if one.half == half],
        [(one.name, face) for one, face in faces],
        size,
    )


Trial = tuple[str, int, int]  # what, number of the original, number within
_STATE: dict[str, Bench] = {}


def queries(bench: Bench) -> list[Trial]:
    """Return the trials of attacked originals: for each attack, originals drawn by its name."""
    chosen: list[Trial] = []
    for attack in ATTACKS:
        numbers = random.Random(attack.name).sample(
            range(len(bench.originals)), min(bench.size.originals, len(bench.originals))
        )
        chosen += [(attack.name, number, 0) for number in numbers]
    return chosen


def copy_of(bench: Bench, trial: Trial) -> tuple[Card, File]:
    """Return an original and the copy that a trial of :func:`queries` makes of it."""
    name, number, _ = trial
    attack = next(one for one in ATTACKS if one.name == name)
    card = bench.originals[number]
    other = read(bench.strangers[(number * 7 + len(name)) % len(bench.strangers)])
    return card, attack.make(read(card.path), seeded(name, number), other)


def query(trial: Trial) -> Row:
    """Return the row of an attacked original."""
    bench = _STATE["bench"]
    attack = next(one for one in ATTACKS if one.name == trial[0])
    card, file = copy_of(bench, trial)
    return trials.asked(bench.product, bench.peers, attack, card, file)


def strangers(bench: Bench) -> list[Trial]:
    """Return the trials of unregistered pictures: every picture in turn under the next attack."""
    return [
        (ATTACKS[(i * 31 + i // len(bench.strangers)) % len(ATTACKS)].name, i % len(bench.strangers), i)
        for i in range(bench.size.strangers)
    ]


def stranger(trial: Trial) -> Row:
    """Return the row of an unregistered picture."""
    bench, (name, number, _) = _STATE["bench"], trial
    attack = next(one for one in ATTACKS if one.name == name)
    return trials.stranger(bench.product, bench.peers, attack, bench.strangers[number], number)


def forgeries(bench: Bench) -> list[Trial]:
    """Return the trials of forged pictures: regions of originals, and faces."""
    chosen: list[Trial] = []
    for kind in (*REGIONS, "sky replaced"):
        numbers = random.Random(kind).sample(
            range(len(bench.originals)), min(bench.size.forgeries, len(bench.originals))
        )
        chosen += [(f"{kind}|{share}", number, 0) for share in SHARES for number in numbers]
    for kind in ("face swapped", "face warped"):
        for share in SHARES:
            several = range(bench.size.swaps)
            chosen += [(f"{kind}|{share}", i, n) for i in range(len(bench.faces)) for n in several]
    return chosen


def forgery(trial: Trial) -> Row | None:
    """Return the row of a forged picture; None where the face would be too small to be one."""
    bench, (what, number, variant) = _STATE["bench"], trial
    kind, _, share = what.partition("|")
    rng = np.random.default_rng([number, variant, *what.encode()])
    if kind.startswith("face"):
        made_of = _face(bench, kind, float(share), number, variant, rng)
        if made_of is None:
            return None
        forged = made_of
        original = bench.faces[number][0]
    else:
        card = bench.originals[number]
        other = read(bench.strangers[(number * 5 + 1) % len(bench.strangers)])
        forged = region_of(kind, registered(fitted(read(card.path), 1280)), float(share), rng, other)
        original = card.name
    route, file = sent(forged.copy, rng, number + variant)
    card_or_reason = card_of("forged", save(forged.base, 95))
    if isinstance(card_or_reason, str):
        return None
    labels = {"kind": kind, "share": float(share), "route": route, "original": original, "variant": variant}
    return trials.forged(Product(Gallery([card_or_reason])), forged, file, labels)


def _face(
    bench: Bench, kind: str, share: float, number: int, variant: int, rng: np.random.Generator
) -> Forgery | None:
    name, face = bench.faces[number]
    beside = [read(bench.originals[(number + i) % len(bench.originals)].path) for i in (1, 2)]
    target = framed(face, share, beside)
    if max(target.rgb.shape) < FACE_PX:
        return None
    base = registered(target.rgb)
    target = Face(base, target.points)
    if kind == "face warped":
        return Forgery(base, warped(base, target.mask, rng), target.mask)
    others = [
        donor for origin, donor in bench.donors if donor is not face and _person(origin) != _person(name)
    ]
    if not others:
        return None
    copy, mask = swapped(target, others[(variant * 5 + number) % len(others)])
    return Forgery(base, copy, mask)


def _person(name: str) -> str:
    """Return who a marked portrait shows; the group photograph shows many."""
    return name if "Solvay" in name else name.rstrip("0123456789")


def pairs(bench: Bench) -> list[Trial]:
    """Return the trials of wrong pairs: attacked originals, each against :data:`PAIRS_A_COPY` strangers."""
    copies = -(-bench.size.pairs // PAIRS_A_COPY)
    return [(ATTACKS[i * 17 % len(ATTACKS)].name, i % len(bench.originals), i) for i in range(copies)]


def pair(trial: Trial) -> Row:
    """Return how often stored features of strangers seem to agree with an attacked original."""
    bench, (name, number, variant) = _STATE["bench"], trial
    attack = next(one for one in ATTACKS if one.name == name)
    card = bench.originals[number]
    other = read(bench.strangers[(number * 3 + variant) % len(bench.strangers)])
    file = attack.make(read(card.path), seeded(name, variant), other)
    photograph = card.name.partition("@")[0]
    known = [one for one in bench.product.gallery.cards.values() if not one.name.startswith(photograph)]
    chosen = random.Random(variant).sample(known, min(PAIRS_A_COPY, len(known)))
    return trials.held_against(bench.product.gallery, file, chosen) | {"attack": name, "original": card.name}


#: The stages by name: what to try, and how one trial is made.
STAGES: Final[dict[str, tuple[Callable[[Bench], list[Trial]], Callable[[Trial], Row | None]]]] = {
    "queries": (queries, query),
    "strangers": (strangers, stranger),
    "forgeries": (forgeries, forgery),
    "pairs": (pairs, pair),
}


def run(stage: str, kept: Path, bench: Bench, processes: int) -> list[Row]:
    """Return the rows of a stage; those kept by an earlier run are not made again.

    Args:
        stage: A name of :data:`STAGES`.
        kept: JSON lines, one a trial.
        bench: What trials need.
        processes: Processes to share them.
    """
    kept.parent.mkdir(parents=True, exist_ok=True)
    plan, rows = STAGES[stage][0](bench), _kept_rows(kept)
    missing = [trial for trial in plan if trial not in rows]
    # Shuffled, so that an interrupted run has a part of everything.
    random.Random(5).shuffle(missing)
    _STATE["bench"] = bench
    cv2.setNumThreads(1)
    with get_context("fork").Pool(processes) as pool, kept.open("a", encoding="utf-8") as out:
        for trial, row in pool.imap_unordered(partial(_worked, stage), missing, chunksize=2):
            out.write(json.dumps({"trial": list(trial), **(row or {"skipped": True})}) + "\n")
            out.flush()
    return known(stage, kept, bench)


def known(stage: str, kept: Path, bench: Bench) -> list[Row]:
    """Return the rows of a stage that are kept and belong to this bench's plan; trials that were skipped give none."""
    wanted = set(STAGES[stage][0](bench))
    return [row for trial, row in _kept_rows(kept).items() if trial in wanted and "skipped" not in row]


def _worked(stage: str, trial: Trial) -> tuple[Trial, Row | None]:
    return trial, STAGES[stage][1](trial)


def _kept_rows(kept: Path) -> dict[Trial, Row]:
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    rows: list[Row] = [json.loads(line) for line in lines]
    return {(str(row["trial"][0]), int(row["trial"][1]), int(row["trial"][2])): row for row in rows}
