"""Registered pictures by which candidates for a copy are found: whole-picture codes and votes of local features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.examination import PART, WHOLE, FeatureView, PictureCode, View
from provenance.fingerprint import local
from provenance.match.candidates import Candidate
from provenance.match.column import Column
from provenance.match.descriptors import DescriptorIndex
from provenance.match.index import CodeIndex

#: A descriptor of the copy that is near descriptors of more assets than this says nothing about any of them.
#: Source: docs/measurements.md, matching.
MAX_ASSETS_HIT: Final = 50
#: Assets with most votes among which turn and scale of the voting features are compared.
SHORTLIST: Final = 256

# What the stored form of a feature keeps of its turn and scale.
_TURNS, _OCTAVES = 32, 8
_SCALES = 2 * _OCTAVES - 1


class PictureBook:
    """Codes and local features of all registered pictures, in memory: about 16 kB a picture of 200 features.

    One writer at a time; readers may work meanwhile and see what was added before they began.
    """

    def __init__(self) -> None:
        self._codes, self._descriptors = CodeIndex(), DescriptorIndex()
        self._owners: list[str] = []
        self._owner_of_descriptor = Column(np.uint32)
        self._pose_of_descriptor = Column(np.uint8)

    def __len__(self) -> int:
        return len(self._owners)

    def add(self, pictures: Sequence[tuple[str, bytes, bytes | None]]) -> None:
        """Add registered pictures; many at once are cheaper than one by one.

        Args:
            pictures: Of each the asset, its 256-bit code and the stored form of its local features.

        Raises:
            FormatError: The features of one are damaged.
        """
        known = [
            (number, local.Features.from_bytes(stored))
            for number, (_, _, stored) in enumerate(pictures, len(self._owners))
            if stored is not None
        ]
        # Owners first, descriptors last: who finds a descriptor finds its owner.
        self._owners.extend(asset_id for asset_id, _, _ in pictures)
        for number, features in known:
            self._owner_of_descriptor.extend(np.full(len(features), number, np.uint32))
            self._pose_of_descriptor.extend(_pose(features))
        if known:
            self._descriptors.add(np.concatenate([features.descriptors for _, features in known]))
        if pictures:
            codes = b"".join(code for _, code, _ in pictures)
            self._codes.add(np.frombuffer(codes, np.uint8).reshape(len(pictures), -1))

    def by_code(self, codes: Sequence[PictureCode], radius: int) -> list[Candidate]:
        """Return the assets within ``radius`` bits of any code of the copy, nearest first."""
        best: dict[str, tuple[int, int]] = {}
        for which, neighbour in self._codes.within_any([code.value for code in codes], radius):
            owner = self._owners[neighbour.position]
            best[owner] = min(best.get(owner, (neighbour.distance, which)), (neighbour.distance, which))
        found = []
        for asset_id, (bits, which) in sorted(best.items(), key=lambda item: (*item[1], item[0])):
            form = codes[which]
            name = PART if form.part != WHOLE else ""
            view = View(mirrored=form.mirrored, inverted=form.negative, part=form.part, name=name)
            found.append(Candidate(asset_id, 256.0 - bits, bits, form.form, view))
        return found

    def by_features(self, views: Sequence[FeatureView]) -> list[Candidate]:
        """Return the assets that share local features with the copy, most votes first.

        A feature of the copy gives each asset it is near to the fraction 1/(assets it is near to); an asset
        counts the votes that agree in turn and scale, which strangers' do not.

        Args:
            views: Local features of the copy in the views to look up.

        Raises:
            FormatError: The features of a view are damaged.
        """
        best: dict[int, tuple[float, View]] = {}
        for looked in views:
            for owner, votes in self._votes(local.Features.from_bytes(looked.features)):
                if owner not in best or votes > best[owner][0]:
                    best[owner] = (votes, looked.view)
        ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))
        return [
            Candidate(self._owners[owner], votes, form=view.words, view=view)
            for owner, (votes, view) in ranked
        ]

    def _votes(self, copy: local.Features) -> list[tuple[int, float]]:
        near = self._descriptors.near(copy.descriptors)
        if not len(near.which):
            return []
        owner = self._owner_of_descriptor.values()[near.position].astype(np.int64)
        # One vote of a feature for an asset, by its nearest descriptor there.
        order = np.lexsort((near.distance, owner, near.which))
        first = np.ones(len(order), np.bool_)
        first[1:] = (np.diff(owner[order]) != 0) | (np.diff(near.which[order]) != 0)
        kept = order[first]
        hit = np.bincount(near.which[kept], minlength=len(copy))
        kept = kept[hit[near.which[kept]] <= MAX_ASSETS_HIT]
        weight = 1.0 / hit[near.which[kept]]
        turn, scale = _apart(
            _pose(copy)[near.which[kept]], self._pose_of_descriptor.values()[near.position[kept]]
        )
        return _agreeing(owner[kept], weight, turn * _SCALES + scale)


def _agreeing(
    owner: NDArray[np.int64], weight: NDArray[np.float64], pose: NDArray[np.int64]
) -> list[tuple[int, float]]:
    """Return owners with the weight of their votes in the best window of three turns by three scales."""
    owners, place = np.unique(owner, return_inverse=True)
    listed = np.argsort(-np.bincount(place, weights=weight), kind="stable")[:SHORTLIST]
    rank = np.full(len(owners), -1)
    rank[listed] = np.arange(len(listed))
    voting = rank[place] >= 0
    cells = len(listed) * _TURNS * _SCALES
    cell = rank[place[voting]] * (_TURNS * _SCALES) + pose[voting]
    votes = np.bincount(cell, weights=weight[voting], minlength=cells).reshape(-1, _TURNS, _SCALES)
    votes = votes + np.roll(votes, 1, axis=1) + np.roll(votes, -1, axis=1)
    padded = np.pad(votes, ((0, 0), (0, 0), (1, 1)))
    best = (padded[:, :, :-2] + padded[:, :, 1:-1] + padded[:, :, 2:]).max(axis=(1, 2))
    return list(zip(owners[listed].tolist(), best.tolist(), strict=True))


def _pose(features: local.Features) -> NDArray[np.uint8]:
    """Return turn (32nds) and octave of each feature in one byte."""
    turn = np.rint(features.angle * (_TURNS / 360)).astype(np.int64) % _TURNS
    return np.asarray(turn * _OCTAVES + features.octave, np.uint8)


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return by how many 32nds of a turn (0..31) and octaves (0..14, 7 is none) poses differ."""
    turn = (one // _OCTAVES).astype(np.int64) - other // _OCTAVES
    octave = (one % _OCTAVES).astype(np.int64) - other % _OCTAVES
    return turn % _TURNS, octave + _OCTAVES - 1
