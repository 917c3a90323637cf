"""One trial each: a copy that is asked for, a stranger, a forgery, a wrong pair. Rows are plain values for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.pictures.alterations import Forgery, shrunk_mask
from bench.pictures.attacks import Attack, seeded
from bench.pictures.peers import Peers, codes_of, lowest_ssim
from bench.pictures.product import Answer, Card, Gallery, Product
from bench.pictures.raster import File, fitted, read
from provenance.comparison import Difference, DifferenceKind
from provenance.evidence import Comparison, Family, Match
from provenance.examination import DECODE_SIDE_PX, PICTURE_REFERENCE, View
from provenance.fingerprint import local
from provenance.match.align import Aligner
from provenance.match.suspects import Suspect, aligned

Row = dict[str, Any]
#: Side of the grid on which forged and reported regions are compared.
_GRID: Final = 200


def asked(product: Product, peers: Peers, attack: Attack, card: Card, file: File) -> Row:
    """Return what the product and its peers make of one attacked original."""
    row = _answered(product.ask(file), card.name)
    row |= {"attack": attack.name, "group": attack.group.value, "original": card.name}
    copy = file.rgb
    distances = peers.look_up(codes_of(copy), card.name)
    row["peers"], row["peers_wrong"] = distances.right, distances.wrong
    row["ssim"] = lowest_ssim(copy, read(card.path))
    return row


def stranger(product: Product, peers: Peers, attack: Attack, path: Path, number: int) -> Row:
    """Return what the product makes of a picture that is not registered, nor anything of its photograph."""
    rgb = read(path)
    file = attack.make(rgb, seeded(attack.name, number), np.ascontiguousarray(rgb[::-1]))
    row = _answered(product.ask(file), None)
    row["peers_wrong"] = peers.look_up(codes_of(file.rgb), None).wrong
    return row | {"attack": attack.name, "group": attack.group.value, "original": path.stem}


def held_against(gallery: Gallery, file: File, strangers: Sequence[Card]) -> Row:
    """Return how many stored features of each stranger one map of the copy explains, by the product's first check.

    What the check lets pass is aligned in full, as a candidate would be; the row names what survives that.
    """
    copy = fitted(file.rgb, DECODE_SIDE_PX)
    aligner = Aligner(copy)
    counts: dict[int, int] = {}
    aligned_with = []
    for card in strangers:
        if card.features is None:
            continue
        size = (card.width, card.height)
        agreeing = aligner.agreeing(local.Features.from_bytes(card.features), size, View())
        counts[agreeing] = counts.get(agreeing, 0) + 1
        if agreeing:
            [stored] = gallery.references(card.name, PICTURE_REFERENCE)
            suspect = Suspect(stored.blob, card.features, *size, View(), None)
            geometry = aligned(aligner, suspect)
            if geometry is not None:
                aligned_with.append([card.name, geometry.inliers, round(geometry.agreement, 3)])
    return {"agreeing": counts, "aligned": aligned_with}


def _answered(answer: Answer, truth: str | None) -> Row:
    confirmed = [match for match in answer.matches if match.confirmed]
    right = next((match for match in answer.matches if match.record.asset_id == truth), None)
    row: Row = {
        "found": right is not None and right.confirmed,
        "named": right is not None,
        "first": bool(answer.matches) and answer.matches[0].record.asset_id == truth,
        "wrong": [match.record.asset_id for match in confirmed if match.record.asset_id != truth],
        "verdict": answer.verdict,
        "refused": list(answer.examination.refusals),
        "verified": answer.compared,
        "cpu": {name: round(value, 4) for name, value in answer.cpu_s.items()},
    }
    if right is not None:
        row |= _strength(right)
    wrong = [_strength(match) for match in answer.matches if match.record.asset_id != truth]
    row["wrong_inliers"] = max((one["inliers"] for one in wrong), default=0)
    return row


def _strength(match: Match) -> Row:
    local = [int(one.distance) for one in match.found if one.family is Family.LOCAL]
    whole = [int(one.distance) for one in match.found if one.family is Family.GLOBAL]
    row: Row = {"inliers": max(local, default=0), "pdq": min(whole, default=None)}
    if isinstance(match.comparison, Comparison):
        row["kinds"] = [one.kind.value for one in match.comparison.differences]
        row["strengths"] = [round(one.strength, 2) for one in match.comparison.differences]
        row["compared"] = round(match.comparison.compared, 3)
    return row


def forged(product: Product, forgery: Forgery, file: File, labels: Mapping[str, object]) -> Row:
    """Return what the product makes of a forged copy of its one registered picture."""
    answer = product.ask(file)
    [name] = product.gallery.cards
    row = _answered(answer, name) | dict(labels)
    found = _differences(answer)
    row["detected"] = bool(
        _touching([one for one in found if one.kind is not DifferenceKind.OVERLAY], forgery)
    )
    row["seen"] = bool(_touching(found, forgery))
    row["iou"] = round(_iou(found, forgery), 3)
    row["face"] = any(one.face for one in found)
    row["visible"] = round(forgery.visible, 3)
    row["ssim"] = lowest_ssim(file.rgb, forgery.base)
    return row


def _differences(answer: Answer) -> Sequence[Difference]:
    for match in answer.matches:
        if match.confirmed and isinstance(match.comparison, Comparison):
            return match.comparison.differences
    return ()


def _touching(differences: Sequence[Difference], forgery: Forgery) -> list[Difference]:
    """Return differences whose box has a tenth of the forged region, or lies by half in it."""
    mask = shrunk_mask(forgery.mask, _GRID, _GRID)
    chosen = []
    for one in differences:
        inside = _drawn([one])
        shared = int((inside & mask).sum())
        if shared >= 0.1 * max(1, int(mask.sum())) or shared >= 0.5 * max(1, int(inside.sum())):
            chosen.append(one)
    return chosen


def _iou(differences: Sequence[Difference], forgery: Forgery) -> float:
    mask, inside = shrunk_mask(forgery.mask, _GRID, _GRID), _drawn(differences)
    return float((mask & inside).sum() / max(1, (mask | inside).sum()))


def _drawn(differences: Sequence[Difference]) -> Any:
    grid = np.zeros((_GRID, _GRID), np.bool_)
    for one in differences:
        if one.box is not None:
            left, top = int(one.box.x * _GRID), int(one.box.y * _GRID)
            right = int(np.ceil((one.box.x + one.box.w) * _GRID))
            below = int(np.ceil((one.box.y + one.box.h) * _GRID))
            grid[max(0, top) : below, max(0, left) : right] = True
    return grid
