"""From rows to figures: recall, false matches, false alarms, localisation and cost, each with its interval."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median
from typing import Any, Final

from bench.pictures.peers import CODES, PDQ_THRESHOLD

Row = Mapping[str, Any]
#: False-match rates per pair at which recall is told.
RATES: Final = (1e-4, 1e-5, 1e-6)
#: Chains whose pixels agree with the original but for what copying does: everything that lays nothing over it.
CLEAN: Final = ("benign", "hard")
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many.

    Attributes:
        hits: Those that count.
        n: All.
    """

    hits: int
    n: int

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> Share:
        """Return the share of true outcomes."""
        told = list(outcomes)
        return cls(sum(told), len(told))

    @property
    def value(self) -> float:
        """The share, 0..1; 0 of nothing."""
        return self.hits / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval. Source: Wilson 1927; sound at 0 and 1, where the normal one is not."""
        if not self.n:
            return 0.0, 1.0
        z2, p = _Z**2, self.value
        middle = (p + z2 / (2 * self.n)) / (1 + z2 / self.n)
        half = _Z * sqrt(p * (1 - p) / self.n + z2 / (4 * self.n**2)) / (1 + z2 / self.n)
        return max(0.0, middle - half), min(1.0, middle + half)

    @property
    def plain(self) -> dict[str, float]:
        """The share for JSON."""
        low, high = self.interval
        return {"hits": self.hits, "n": self.n, "value": round(self.value, 5), "low": low, "high": high}


def upper(hits: int, n: int) -> float:
    """Return the upper end of the one-sided 95 % interval of a rate: 3 / n where nothing was hit."""
    return 3.0 / n if not hits and n else Share(hits, n).interval[1]


def by(rows: Sequence[Row], *keys: str) -> dict[tuple[Any, ...], list[Row]]:
    """Return the rows grouped by the values of ``keys``, in order of first appearance."""
    groups: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return dict(groups)


def wrong_counts(rows: Sequence[Row], code: str) -> Counter[int]:
    """Return how many wrong pairs lie at each distance of a code."""
    counts: Counter[int] = Counter()
    for row in rows:
        for bits, n in row["peers_wrong"].get(code, {}).items():
            counts[int(bits)] += n
    return counts


def thresholds(rows: Sequence[Row], code: str, pairs: int) -> dict[float, int]:
    """Return, for each rate of :data:`RATES`, the widest distance at which wrong pairs keep within it, or -1."""
    counts, found = wrong_counts(rows, code), {}
    for rate in RATES:
        total, widest = 0, -1
        for bits in range(CODES[code] // 2):
            total += counts[bits]
            if total > rate * pairs:
                break
            widest = bits
        found[rate] = widest
    return found


def peer_recall(rows: Sequence[Row], code: str, threshold: int) -> Share:
    """Return how many copies lie within a threshold of their original; a copy without a code is missed."""
    return Share.of(row["peers"].get(code, 1 << 20) <= threshold for row in rows)


def recalls(rows: Sequence[Row]) -> dict[str, Share]:
    """Return the recall of the product and of PDQ at its published threshold."""
    return {
        "product": Share.of(row["found"] for row in rows),
        "first": Share.of(row["found"] and row["first"] for row in rows),
        "named": Share.of(row["named"] for row in rows),
        "pdq31": peer_recall(rows, "pdq256-v1", PDQ_THRESHOLD),
    }


def operating_points(queries: Sequence[Row], pairs: Sequence[Row]) -> list[dict[str, Any]]:
    """Return, for each number of agreeing features, the rate of wrong pairs and the copies that reach it."""
    counts: Counter[int] = Counter()
    for row in pairs:
        for agreeing, n in row["agreeing"].items():
            counts[int(agreeing)] += n
    total = sum(counts.values())
    confirmed = Counter(int(one[1]) for row in pairs for one in row["aligned"] if one[2] >= 0.5)
    points = []
    for least in (5, 6, 7, 8, 9, 10, 12, 15, 20, 30):
        reached = sum(n for agreeing, n in counts.items() if agreeing >= least)
        kept = sum(n for inliers, n in confirmed.items() if inliers >= least)
        points.append(
            {
                "features": least,
                "wrong_pairs": reached,
                "wrong_confirmed": kept,
                "pairs": total,
                "rate_upper": upper(reached, total),
                "confirmed_upper": upper(kept, total),
                "recall": Share.of(row.get("inliers", 0) >= least for row in queries).plain,
            }
        )
    return points


def false_alarms(queries: Sequence[Row]) -> dict[str, Share]:
    """Return, for each clean chain, how many found copies were called altered."""
    clean = [row for row in queries if row["group"] in CLEAN and row["found"]]
    return {
        str(name): Share.of(row["verdict"] == "altered-copy" for row in rows)
        for (name,), rows in by(clean, "attack").items()
    }


def ssim_threshold(queries: Sequence[Row]) -> float:
    """Return the lowest block SSIM under which one in a hundred benign copies lies: the peer's alarm.

    Only copies within PDQ's threshold are compared, as the peer would; this is the peer at its best, since its
    threshold is set on the very copies it is judged by.
    """
    near = sorted(row["ssim"] for row in queries if row["group"] == "benign" and _near(row))
    return float(near[len(near) // 100]) if near else -1.0


def _near(row: Row) -> bool:
    return int(row["peers"].get("pdq256-v1", 999)) <= PDQ_THRESHOLD


def detections(rows: Sequence[Row], alarm: float) -> list[dict[str, Any]]:
    """Return detection by kind and share: the product's, by any kind of difference, and the peer's."""
    table = []
    for (kind, share), group in sorted(by(rows, "kind", "share").items()):
        table.append(
            {
                "kind": kind,
                "share": share,
                "detected": Share.of(row["detected"] for row in group).plain,
                "seen": Share.of(row["seen"] for row in group).plain,
                "ssim": Share.of(row["ssim"] < alarm for row in group).plain,
                "iou": round(median(row["iou"] for row in group), 3),
            }
        )
    return table


def costs(rows: Sequence[Row]) -> dict[str, float]:
    """Return the median CPU milliseconds of each step over the queries that took it."""
    steps: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        for step, seconds in row["cpu"].items():
            steps[step].append(seconds * 1000)
        steps["whole query"].append(sum(row["cpu"].values()) * 1000)
    return {step: round(median(taken), 1) for step, taken in steps.items()}
