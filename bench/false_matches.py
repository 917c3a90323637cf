"""How often unrelated pictures match, by strength: the table of provenance.match.rates.

Run: ``python -m bench.false_matches FOLDER [--others FOLDER] [--copies 60] [--pairs 30000]``. Every picture of the
folders is registered; copies of the first folder's (as they are, cropped, mirrored and recompressed) are held against
the others as the product does it: stored features first, alignment only where they make it likely. Pairs within 75
bits of each other's codes in any form are left out as related, and so are regions of one photograph, whose names are
alike up to ``@`` (as :mod:`bench.pictures.material` cuts them). Pictures that share content without being related by
code stay in and must be looked at: they are printed.

Rates are given with the upper end of their 95 % interval: 3/n where nothing was seen, Clopper and Pearson
otherwise.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from scipy.stats import beta  # type: ignore[import-untyped]

from provenance.errors import UnmatchableError
from provenance.examination import DECODE_SIDE_PX, View
from provenance.fingerprint import image, local
from provenance.match import rates, warp
from provenance.match.align import INLIERS, Aligner
from provenance.match.reference import make_reference, open_reference, shrunk
from provenance.match.refine import refined
from provenance.match.suspects import Suspect, shared_part

RELATED_BITS = 75
#: One pair in this many is laid onto each other whole and refined, features or not, to see how much detail agrees.
FORCED_EACH = 40


def opened(folder: Path) -> Iterator[tuple[str, image.Rgb]]:
    """Yield name and pixels of the pictures in a folder that can be registered, in order of names."""
    for path in sorted(folder.iterdir()):
        found = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if found is not None and min(found.shape[:2]) >= image.MIN_SIDE_PX:
            yield path.name, shrunk(np.ascontiguousarray(found[:, :, ::-1]), DECODE_SIDE_PX)


def registered(rgb: image.Rgb) -> tuple[Suspect, list[bytes]]:
    """Return a picture as it is stored, and its codes in all forms."""
    features = local.features(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8))
    height, width = rgb.shape[:2]
    stored = Suspect(make_reference(rgb), features.to_bytes(), width, height, View(), None)
    return stored, [form.fingerprint.value for form in image.pdq_forms(rgb)]


def copies(rgb: image.Rgb) -> Iterator[tuple[View, image.Rgb]]:
    """Yield copies of a picture with the view they would be found in."""
    height, width = rgb.shape[:2]
    part = rgb[height // 8 : height * 3 // 4, width // 6 : width * 5 // 6]
    stored = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    yield View(), rgb
    yield View(), np.ascontiguousarray(part)
    yield View(mirrored=True), np.ascontiguousarray(part)
    yield View(side_px=256), np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)


def upper(events: int, pairs: int) -> float:
    """Return the upper end of the 95 % interval of a rate."""
    return 3 / pairs if events == 0 else float(beta.ppf(0.975, events + 1, pairs - events))


def related(one: list[bytes], other: list[bytes]) -> bool:
    """Return whether two pictures are near by code in any form."""
    ours, theirs = (np.frombuffer(b"".join(codes), np.uint64).reshape(-1, 4) for codes in (one, other))
    return bool(np.bitwise_count(ours[:, None] ^ theirs[None]).sum(axis=2).min() <= RELATED_BITS)


@dataclass
class Tally:
    """What was seen so far.

    Attributes:
        pairs: Unrelated pairs held against each other.
        likely: Agreeing stored features of those with five and more.
        strong: Of those aligned: agreeing features, share of agreeing blocks, bits of the shared part, names.
        forced: Share of agreeing blocks of pairs laid onto each other whole.
    """

    pairs: int = 0
    likely: list[int] = field(default_factory=list)
    strong: list[tuple[int, float, int | None, str]] = field(default_factory=list)
    forced: list[float] = field(default_factory=list)

    def hold(self, aligner: Aligner, view: View, suspect: Suspect, names: str) -> None:
        """Hold a copy against a picture it does not come from."""
        self.pairs += 1
        copy = aligner.copy_rgb
        if self.pairs % FORCED_EACH == 0:
            laid = refined(copy, open_reference(suspect.picture), np.eye(3), inverted=False)
            self.forced.append(laid[1])
        features = local.Features.from_bytes(suspect.features or b"")
        agreeing = aligner.agreeing(features, (suspect.width, suspect.height), view)
        if not agreeing:
            return
        self.likely.append(agreeing)
        stored = open_reference(suspect.picture)
        found = aligner.strongest(stored, (view, *{View(), View(mirrored=True)} - {view}))
        if found is not None:
            shared = shared_part(warp.lay(copy, stored, found), stored, negative=found.negative)
            self.strong.append((found.inliers, found.agreement, shared.distance, names))


Known = tuple[str, image.Rgb, Suspect, list[bytes]]


def known(folder: Path, most: int | None = None) -> list[Known]:
    """Return the first pictures of a folder that can be registered: name, pixels, as stored, codes."""
    pictures: list[Known] = []
    for name, rgb in opened(folder):
        if len(pictures) == most:
            break
        try:
            pictures.append((name, rgb, *registered(rgb)))
        except UnmatchableError:
            continue
    return pictures


def main() -> None:
    """Print counts and rates by agreeing stored features, aligned features and agreeing blocks."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--others", type=Path, help="pictures that are registered only")
    options.add_argument("--most", type=int, default=2000, help="most of them")
    options.add_argument("--copies", type=int, default=60)
    options.add_argument("--pairs", type=int, default=30_000)
    given = options.parse_args()
    cv2.setNumThreads(1)
    started = time.process_time()
    pictures = known(given.folder)
    strangers = [*pictures, *(known(given.others, given.most) if given.others else [])]
    tally = Tally()
    chosen = np.random.default_rng(1).permutation(len(pictures))[: given.copies]
    for name, rgb, _, codes in (pictures[number] for number in chosen):
        own = name.partition("@")[0]
        others = [one for one in strangers if one[0].partition("@")[0] != own and not related(codes, one[3])]
        for view, copy in copies(rgb) if tally.pairs < given.pairs else ():
            aligner = Aligner(copy)
            for other, _, suspect, _ in others:
                tally.hold(aligner, view, suspect, f"{name} {other}")
    report(tally)
    print(f"{time.process_time() - started:.0f} s CPU")


def report(tally: Tally) -> None:
    """Print the tables."""
    print(f"{tally.pairs} unrelated pairs")
    for least in range(5, 12):
        events = sum(one >= least for one in tally.likely)
        print(
            f"stored features agreeing >= {least:2d}: {events:5d}  rate <= {upper(events, tally.pairs):.1e}"
        )
    for least in (5, 6, 7, 8, INLIERS, 10, 12, 15, 20, 30):
        events = sum(inliers >= least for inliers, *_ in tally.strong)
        print(
            f"aligned features agreeing >= {least:2d}: {events:5d}  rate <= {upper(events, tally.pairs):.1e}"
        )
    laid = len(tally.forced)
    for share in (0.05, 0.1, 0.2, 0.3, 0.4, rates.DETAIL_AGREEING) if laid else ():
        events = sum(one >= share for one in tally.forced)
        print(
            f"blocks agreeing >= {share:.2f} of {laid} pairs laid whole: {events}  rate <= {upper(events, laid):.1e}"
        )
    confirmed = sum(
        inliers >= INLIERS and agreement >= rates.DETAIL_AGREEING for inliers, agreement, *_ in tally.strong
    )
    print(f"confirmed: {confirmed}  rate <= {upper(confirmed, tally.pairs):.1e}")
    for inliers, agreement, distance, names in sorted(tally.strong, reverse=True)[:12]:
        print(f"  {inliers:3d} features, {agreement:.2f} of blocks, {distance} bits: {names}")


if __name__ == "__main__":
    main()
