"""The report of a run: JSON, a section of docs/measurements.md, and plots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

from bench.pictures import figures
from bench.pictures.figures import Row, Share
from bench.pictures.peers import CODES
from bench.section import replace_section

mpl.use("Agg")
from matplotlib import pyplot as plt

_NAMES = {"pdq256-v1": "PDQ", "phash64-v1": "phash64", "iscc-image-v0": "ISCC image"}

_NOTES = """Read with care: originals are disjoint regions of far fewer photographs, so that neighbours share a
style and the intervals, which count every trial as independent, are somewhat too narrow; nature and
objects are many, people are few (three portraits and a group photograph in the report half; faces
are swapped by alignment and Poisson blending, not by a network). Distractors are tiles of drawings,
astrophotographs and other pictures of the same packages. A crop of 10 % keeps nine tenths of each
side, anywhere in the picture. `generated patch` is a texture with the surroundings' spectrum and
random phases, not a diffusion model's output. `benign` changes nothing but size, tone, noise and
file form; `hard` changes geometry or much of the detail; `overlaid` lays something over the picture
or puts it into something else. A copy counts as found when the right asset is confirmed (two
families and an alignment), as named when it is listed at all. A forgery counts as detected when a
difference other than `overlay` lies on it, as seen when any does. Forged pictures are sent on
through four routes (JPEG, messenger, network, small WebP). The peers use the codes the registry
stores; the naive comparison is PDQ at 31 and then the lowest block of SSIM after resizing both to
256 x 256, at the threshold that one in a hundred benign copies falls under in this same run."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run and its conditions.

    Attributes:
        conditions: Date, machine, command, numbers of pictures.
        rows: Rows by stage.
        registered: Registered pictures.
    """

    conditions: Mapping[str, Any]
    rows: Mapping[str, Sequence[Row]]
    registered: int


def summary(run: Run) -> dict[str, Any]:
    """Return all figures of a run as plain values."""
    queries, strangers = run.rows["queries"], run.rows["strangers"]
    compared_codes = (len(queries) + len(strangers)) * run.registered - len(queries)
    everything = [*queries, *strangers]
    verified = sum(row["verified"] for row in everything) - sum(bool(row["named"]) for row in queries)
    wrong = sum(len(row["wrong"]) for row in everything)
    alarm = figures.ssim_threshold(queries)
    return {
        "conditions": dict(run.conditions),
        "groups": {
            str(name): {key: share.plain for key, share in figures.recalls(rows).items()}
            for (name,), rows in figures.by(queries, "group").items()
        },
        "attacks": {
            str(name): {"group": rows[0]["group"]}
            | {key: share.plain for key, share in figures.recalls(rows).items()}
            for (name,), rows in figures.by(queries, "attack").items()
        },
        "peers": _peers(queries, everything, compared_codes),
        "verified_pairs": {"wrong": wrong, "pairs": verified, "upper": figures.upper(wrong, verified)},
        "features": figures.operating_points(queries, run.rows["pairs"]),
        "strangers": Share.of(bool(row["wrong"]) for row in strangers).plain
        | {"upper": figures.upper(sum(bool(row["wrong"]) for row in strangers), len(strangers))},
        "false_alarms": {name: share.plain for name, share in figures.false_alarms(queries).items()},
        "detections": figures.detections(run.rows["forgeries"], alarm),
        "routes": {
            str(name): Share.of(row["detected"] for row in rows).plain
            for (name,), rows in figures.by(run.rows["forgeries"], "route").items()
        },
        "cpu_ms": {"registered": figures.costs(queries), "unregistered": figures.costs(strangers)},
    }


def _peers(queries: Sequence[Row], everything: Sequence[Row], pairs: int) -> dict[str, Any]:
    found: dict[str, Any] = {"pairs": pairs}
    for code, name in _NAMES.items():
        limits = figures.thresholds(everything, code, pairs)
        found[name] = {
            f"{rate:g}": {
                "threshold": limit,
                "bits": CODES[code],
                **{
                    str(group): figures.peer_recall(rows, code, limit).plain
                    for (group,), rows in figures.by(queries, "group").items()
                },
            }
            for rate, limit in limits.items()
        }
    return found


def write(run: Run, docs: Path) -> dict[str, Any]:
    """Write JSON, section and plots into ``docs``; return the figures."""
    made = summary(run)
    folder = docs / "figures"
    folder.mkdir(exist_ok=True)
    (folder / "images.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    _plot_attacks(made, folder / "images-attacks.png")
    _plot_detections(made, folder / "images-forgeries.png")
    replace_section(docs / "measurements.md", "bench.images", section(made))
    return made


# --- the section -----------------------------------------------------------------------------------------


def section(made: Mapping[str, Any]) -> str:
    """Return the Markdown of the figures."""
    told = made["conditions"]
    return "\n\n".join(
        [
            "## Pictures under attack, and forgeries: `make bench-images`",
            " ".join(f"{key}: {value}." for key, value in told.items()),
            _NOTES,
            _groups(made),
            _weak(made),
            _false(made),
            "![Recall by attack](figures/images-attacks.png)",
            _alarms(made),
            "![Copies that failed](figures/images-failures.jpg)",
            _forgeries(made),
            "![Detected forgeries](figures/images-forgeries.png)",
            _cost(made),
        ]
    )


def _percent(share: Mapping[str, float]) -> str:
    return f"{share['value']:.3f} ({share['low']:.3f}-{share['high']:.3f}), n = {share['n']:.0f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _groups(made: Mapping[str, Any]) -> str:
    groups = list(made["groups"])
    rows: list[list[object]] = [
        ["product, confirmed", *(_percent(made["groups"][g]["product"]) for g in groups)],
        ["PDQ at its published 31", *(f"{made['groups'][g]['pdq31']['value']:.3f}" for g in groups)],
    ]
    for name in _NAMES.values():
        for rate, told in made["peers"][name].items():
            cells = [f"{told[g]['value']:.3f}" for g in groups]
            rows.append([f"{name} at {rate} a pair (≤ {told['threshold']} of {told['bits']})", *cells])
    text = _table(["recall (95 % interval)", *groups], rows)
    return f"{text}\n\nThe peers' thresholds are set on the {made['peers']['pairs']:,} wrong pairs of this same run."


def _weak(made: Mapping[str, Any]) -> str:
    weak = {n: a for n, a in made["attacks"].items() if a["product"]["value"] < 0.95}
    ordered = sorted(weak.items(), key=lambda item: item[1]["product"]["value"])
    rows = [
        [n, f"{a['product']['value']:.2f}", f"{a['named']['value']:.2f}", f"{a['pdq31']['value']:.2f}"]
        for n, a in ordered
    ]
    return "Attacks under .95, all others above:\n\n" + _table(
        ["attack", "confirmed", "named at all", "PDQ 31"], rows
    )


def _false(made: Mapping[str, Any]) -> str:
    pairs, strangers = made["verified_pairs"], made["strangers"]
    rows = [
        [
            f"≥ {p['features']}",
            p["wrong_pairs"],
            p["wrong_confirmed"],
            f"{p['pairs']:,}",
            f"{p['confirmed_upper']:.1e}",
            f"{p['recall']['value']:.3f}",
        ]
        for p in made["features"]
    ]
    head = [
        *("agreeing features", "wrong pairs with as many", "of them confirmed by detail", "wrong pairs"),
        *("confirmed, 95 % upper bound", "copies reaching it"),
    ]
    return (
        f"Wrong matches: of {strangers['n']:.0f} queries of unregistered pictures {strangers['hits']:.0f} were "
        f"confirmed (95 % upper bound {strangers['upper']:.1e}); of {pairs['pairs']:,} wrong candidates that "
        f"queries led to, {pairs['wrong']} (95 % upper bound {pairs['upper']:.1e}). "
        "Random wrong pairs, by the first check of stored features:\n\n" + _table(head, rows)
    )


def _alarms(made: Mapping[str, Any]) -> str:
    alarms = made["false_alarms"]
    hits, n = (sum(int(one[key]) for one in alarms.values()) for key in ("hits", "n"))
    loud = [f"{name} {one['hits']:.0f}/{one['n']:.0f}" for name, one in alarms.items() if one["hits"]]
    return (
        f"False alarms: {hits} of {n} clean copies that were found read `altered-copy` ({hits / max(1, n):.2%}), "
        f"in {len(loud)} of {len(alarms)} chains: {', '.join(loud) or 'none'}."
    )


def _forgeries(made: Mapping[str, Any]) -> str:
    shares = sorted({one["share"] for one in made["detections"]}, reverse=True)
    kinds = sorted({one["kind"] for one in made["detections"]})
    cells = {(one["kind"], one["share"]): one for one in made["detections"]}
    rows = []
    for kind in kinds:
        row: list[object] = [kind]
        for share in shares:
            one = cells.get((kind, share))
            row.append("" if one is None else _detection(one))
        rows.append(row)
    total: list[object] = ["**all kinds**"]
    for share in shares:
        these = [one for one in made["detections"] if one["share"] == share]
        sums = [sum(int(o[k]["hits"]) for o in these) for k in ("detected", "seen", "ssim")]
        n = sum(int(o["detected"]["n"]) for o in these)
        total.append(f"**{sums[0] / n:.2f}** / {sums[1] / n:.2f} / {sums[2] / n:.2f} (n {n})")
    head = ["detected / seen with overlays / naive SSIM; IoU", *(f"{share:.0%}" for share in shares)]
    return _table(head, [*rows, total])


def _detection(one: Mapping[str, Any]) -> str:
    told = " / ".join(f"{one[key]['value']:.2f}" for key in ("detected", "seen", "ssim"))
    return f"{told}; {one['iou']:.2f} (n {one['detected']['n']:.0f})"


def _cost(made: Mapping[str, Any]) -> str:
    known, unknown = made["cpu_ms"]["registered"], made["cpu_ms"]["unregistered"]
    steps = sorted(set(known) | set(unknown))
    return "CPU, ms, medians over the queries that take the step:\n\n" + _table(
        ["step", "copy of a registered picture", "unregistered picture"],
        [[step, known.get(step, ""), unknown.get(step, "")] for step in steps],
    )


# --- plots -----------------------------------------------------------------------------------------------


def _plot_attacks(made: Mapping[str, Any], target: Path) -> None:
    attacks = sorted(made["attacks"].items(), key=lambda item: (item[1]["group"], item[0]), reverse=True)
    figure, axes = plt.subplots(figsize=(7, len(attacks) * 0.17 + 1))
    places = range(len(attacks))
    axes.barh(
        places, [a["product"]["value"] for _, a in attacks], color="#2b6cb0", label="product, confirmed"
    )
    axes.plot([a["pdq31"]["value"] for _, a in attacks], places, "x", color="#c05621", label="PDQ at 31")
    axes.set_yticks(list(places), [name for name, _ in attacks], fontsize=6)
    axes.set_xlabel("recall")
    axes.set_xlim(0, 1.02)
    axes.margins(y=0.005)
    axes.legend(loc="lower left", fontsize=7)
    figure.tight_layout()
    figure.savefig(target, dpi=110)
    plt.close(figure)


def _plot_detections(made: Mapping[str, Any], target: Path) -> None:
    kinds = sorted({one["kind"] for one in made["detections"]})
    figure, axes = plt.subplots(figsize=(7, 3.6))
    for share, marker in ((0.1, "o"), (0.03, "s"), (0.01, "^")):
        told = {one["kind"]: one for one in made["detections"] if one["share"] == share}
        here = [kind for kind in kinds if kind in told]
        for key, name, colour in (("detected", "product", "#2b6cb0"), ("ssim", "naive SSIM", "#c05621")):
            heights = [told[kind][key]["value"] for kind in here]
            axes.plot(here, heights, marker, color=colour, alpha=0.7, label=f"{name}, {share:.0%}")
    axes.set_ylabel("detected")
    axes.set_ylim(-0.03, 1.03)
    axes.tick_params(axis="x", labelrotation=35, labelsize=7)
    plt.setp(axes.get_xticklabels(), ha="right")
    axes.legend(fontsize=6, ncols=2)
    figure.tight_layout()
    figure.savefig(target, dpi=110)
    plt.close(figure)
