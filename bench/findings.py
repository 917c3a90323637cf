"""What the product finds in a broad set of copies, kept to be held against another version's findings.

``python -m bench.findings --write FILE`` asks for each copy and keeps the answers; ``--against FILE`` prints where
this version answers otherwise. Copies: every attack and every alteration of the picture bench on photographs,
alterations of a portrait, smooth look-alikes, and pictures that nobody registered.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from bench import copies
from bench.pictures.alterations import REGIONS, SHARES, region_of, registered, sent
from bench.pictures.attacks import ATTACKS, seeded
from bench.pictures.product import Answer, Card, Gallery, Product, card_of
from bench.pictures.raster import File, Rgb, fitted, read, save
from provenance.evidence import Box, Match, Unavailable
from provenance.plain import to_plain

#: Registered photographs that show nothing of each other, the portrait first.
ORIGINALS: Final = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png")
#: Photographs that each attack and each alteration is tried on, and the longer side of all, pixels.
TURNS: Final = 2
SIDE_PX: Final = 1400
_FORGED: Final = (*REGIONS, "sky replaced")

Row = dict[str, Any]


def pictures(folder: Path | None) -> dict[str, Rgb]:
    """Return the photographs by name: those of a package, or a folder's, at 1400 pixels."""
    if folder is not None:
        found = {path.name: read(path) for path in sorted(folder.glob("*.jp*g"))}
    else:
        found = {name: np.asarray(copies.photograph(name)) for name in ORIGINALS}
    return {name: fitted(rgb, SIDE_PX) for name, rgb in found.items()}


def asked(shown: Mapping[str, Rgb]) -> Iterator[tuple[str, File]]:
    """Yield the name and the file of each copy, the same ones at each call."""
    names, number = list(shown), 0
    for attack in ATTACKS:
        for _ in range(TURNS):
            name, other = (names[(number + step) % len(names)] for step in (0, 1))
            rng = seeded(attack.name, number)
            yield f"{attack.name}|{name}", attack.make(shown[name], rng, shown[other])
            number += 1
    # The first is the portrait: each alteration is tried on it, and on another one.
    for kind in _FORGED:
        for share in SHARES:
            for turn in range(TURNS):
                name, other = names[0 if turn == 0 else number % len(names)], names[(number + 1) % len(names)]
                rng = seeded(kind, number)
                forgery = region_of(kind, registered(shown[name]), share, rng, shown[other])
                route, file = sent(forgery.copy, rng, number)
                yield f"{kind} {share:.0%}, {route}|{name}", file
                number += 1
    for number, data in enumerate(copies.blob_copies(copies.BLOBS)):
        yield f"look-alike {number}", File(data, "JPEG")
    for number in range(copies.BLOBS):
        yield f"unregistered {number}", File(copies.blob(100 + number, 85), "JPEG")


def row(answer: Answer) -> Row:
    """Return what is kept of an answer."""
    return {"verdict": answer.verdict, "matches": {one.record.title: _match(one) for one in answer.matches}}


def _match(match: Match) -> Row:
    comparison, geometry = match.comparison, match.alignment.geometry if match.alignment else None
    made = match.transformation
    return {
        "confirmed": match.confirmed,
        "matrix": None if geometry is None else list(geometry.matrix),
        "agreement": 0.0 if geometry is None else geometry.agreement,
        "said": None if made is None else made.sentence,
        "compared": None if isinstance(comparison, Unavailable) else comparison.compared,
        # A hundredth cropped away is said, half of one is not.
        "gaps": []
        if isinstance(comparison, Unavailable)
        else [one for one in comparison.not_compared if not re.match("picture: [12]% of the original", one)],
        "differences": [] if isinstance(comparison, Unavailable) else to_plain(comparison.differences),
    }


def _corners(matrix: list[float]) -> Any:
    lifted = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]]) @ np.reshape(matrix, (3, 3)).T
    return lifted[:, :2] / lifted[:, 2:]


def otherwise(before: Row, after: Row) -> list[str]:
    """Return in words where an answer changed, what decides first; numbers only beyond what nobody would see."""
    if before["verdict"] != after["verdict"]:
        return [f"VERDICT {before['verdict']} -> {after['verdict']}"]
    if set(before["matches"]) != set(after["matches"]):
        return [f"MATCHES {sorted(before['matches'])} -> {sorted(after['matches'])}"]
    said = []
    for title, old in before["matches"].items():
        said += _changed(old, after["matches"][title])
    return said


def _changed(old: Row, new: Row) -> list[str]:
    said = [
        f"{name.upper()} {old[name]} -> {new[name]}"
        for name in ("confirmed", "said", "gaps")
        if not _same_words(str(old[name]), str(new[name]))
    ]
    if (old["matrix"] is None) != (new["matrix"] is None):
        return [*said, "ALIGNMENT"]
    if old["matrix"] is not None:
        off = float(np.abs(_corners(old["matrix"]) - _corners(new["matrix"])).max())
        alike = new["agreement"] - old["agreement"]
        said += [f"corners {off:.4f}, agreement {alike:+.3f}"] if off > 1e-3 or abs(alike) > 0.02 else []
    words = [[(one["kind"], one["face"]) for one in each["differences"]] for each in (old, new)]
    if sorted(words[0]) != sorted(words[1]):
        return [*said, f"DIFFERENCES {words[0]} -> {words[1]}"]
    for one in old["differences"]:
        shared, other = max(
            ((_shared(one["box"], each["box"]), each) for each in new["differences"]),
            key=lambda found: found[0],
        )
        strength = other["strength"] - one["strength"]
        said += [f"box IoU {shared:.3f}"] if shared < 0.9 else []
        said += [f"strength {one['strength']:.1f} {strength:+.2f}"] if abs(strength) > 0.3 else []
    return said


def _same_words(one: str, other: str) -> bool:
    """Return whether two sentences say the same; shares and scales differ by a hundredth where they are rounded."""
    words = [re.sub(r"[0-9.]*[0-9]", "#", text) for text in (one, other)]
    numbers = [[float(each) for each in re.findall(r"[0-9.]*[0-9]", text)] for text in (one, other)]
    return words[0] == words[1] and all(abs(a - b) <= 1 for a, b in zip(*numbers, strict=True))


def _shared(one: Mapping[str, float] | None, other: Mapping[str, float] | None) -> float:
    if one is None or other is None:
        return float(one is other)
    here, there = Box(**one), Box(**other)
    width = min(here.x + here.w, there.x + there.w) - max(here.x, there.x)
    height = min(here.y + here.h, there.y + there.h) - max(here.y, there.y)
    both = max(width, 0.0) * max(height, 0.0)
    return both / max(here.area + there.area - both, 1e-9)


def main() -> None:
    """Ask for every copy; keep the answers or print what changed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", type=Path, metavar="FILE", help="where answers are kept")
    options.add_argument("--against", type=Path, metavar="FILE", help="answers of another version")
    options.add_argument(
        "--folder", type=Path, help="photographs of your own (JPEG), instead of the package's"
    )
    given = options.parse_args()
    cv2.setNumThreads(1)
    shown = pictures(given.folder)
    known = [(name, save(rgb, 92)) for name, rgb in shown.items()]
    known += [(f"look-alike {seed}", File(copies.blob(seed, 92), "JPEG")) for seed in range(copies.BLOBS)]
    cards = [card_of(name, file) for name, file in known]
    product = Product(Gallery([card for card in cards if isinstance(card, Card)]))
    rows = {name: row(product.ask(file)) for name, file in asked(shown)}
    if given.write:
        given.write.write_text(json.dumps(rows))
    if given.against:
        _print(json.loads(given.against.read_text()), rows)


def _print(before: Mapping[str, Row], after: Mapping[str, Row]) -> None:
    same = 0
    for name, old in before.items():
        said = otherwise(old, json.loads(json.dumps(after[name])))
        same += not said
        if said:
            print(f"{name}: " + "; ".join(said))
    print(f"{same} of {len(before)} copies are answered the same")


if __name__ == "__main__":
    main()
