"""The clip bench's rows as a table, as figures, and as its section of docs/measurements.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.section import replace_section

Row = Mapping[str, Any]

#: Figures asked for: name, which clips, what counts, least share.
ASKED: Final[tuple[tuple[str, Callable[[Row], bool], str, float], ...]] = (
    (
        "film 10 s: re-encode, overlay, mirror, letterbox, speed",
        lambda r: _plain(r) and r["length_s"] == 10,
        "found",
        0.98,
    ),
    ("film 10 s: crop 10 %, 20 %, 9:16", lambda r: _crop(r) and r["length_s"] == 10, "found", 0.95),
    (
        "film 5 s: re-encode, overlay, mirror, letterbox",
        lambda r: _plain(r) and r["length_s"] == 5,
        "found",
        0.95,
    ),
    ("film 5 s: crop 10 %, 20 %, 9:16", lambda r: _crop(r) and r["length_s"] == 5, "found", 0.88),
    (
        "sound 5 s: all but the telephone",
        lambda r: _heard(r, 5) and r["attack"] != "telephone",
        "found",
        0.95,
    ),
    ("sound 10 s: telephone", lambda r: _heard(r, 10) and r["attack"] == "telephone", "found", 0.85),
    (
        "film re-edited: seam within 0.5 s and named",
        lambda r: r["group"] == "edit" and r["attack"] != "two films",
        "told",
        0.90,
    ),
    ("recording: word cut, within 0.5 s and named", lambda r: r["attack"] == "word cut", "told", 0.90),
    (
        "dubbed or cloned voice under genuine picture",
        lambda r: r["attack"] in ("dubbed", "voice cloned"),
        "told",
        0.98,
    ),
    ("word of 0.6 to 1.2 s replaced", lambda r: r["attack"] == "word replaced", "told", 0.80),
    ("film reversed or frozen: named so", lambda r: r["attack"] in ("reversed", "freeze"), "told", 0.90),
    ("still picture of a film: film found", lambda r: r["group"] == "still", "found", 0.90),
    ("region of 5 % replaced for 4 s", lambda r: r["attack"] == "region replaced", "told", 0.85),
)
_PEERS: Final = {"bag": "bag of frames", "first": "first eight frames", "chromaprint": "plain Chromaprint"}


def _plain(row: Row) -> bool:
    return row["attack"] in (
        "re-encode",
        "overlay",
        "mirror",
        "letterbox",
        "speed 1.25",
        "speed 0.8",
        "speed 1.05",
    )


def _crop(row: Row) -> bool:
    return row["attack"] in ("crop 10 %", "crop 20 %", "9:16")


def _heard(row: Row, length_s: float) -> bool:
    return bool(row["group"] == "sound" and row["length_s"] == length_s)


def interval(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share. Source: Wilson 1927."""
    if not count:
        return 0.0, 1.0
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * float(np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)))
    return max(0.0, middle - half), min(1.0, middle + half)


def _share(hits: int, count: int) -> str:
    low, high = interval(hits, count)
    return f"{hits / count:.3f} ({hits}/{count}; {low:.2f} to {high:.2f})" if count else "not run"


def text(conditions: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """Return the report as Markdown."""
    parts = [_heading(conditions), _asked(rows), _false(rows), _table(rows)]
    return "\n\n".join(parts)


def _heading(conditions: Mapping[str, Any]) -> str:
    material = "; ".join(
        f"{name} {count} ({minutes:.0f} min)" for name, (count, minutes) in conditions["material"].items()
    )
    hours = conditions["registered_s"] / 3600
    size = conditions["registry_bytes"] / 1e6 / hours
    return (
        "## Clips: `make bench-clips`\n\n"
        f"{conditions['date']}, `{conditions['command']}`, {conditions['machine']}, "
        f"{conditions['processes']} processes; "
        f"{conditions['cpu_s'] / 60:.0f} minutes of CPU for {conditions['clips']} of "
        f"{conditions['planned']} clips planned, in random order. Half of the originals: "
        f"{conditions['half']}. Registered {hours:.2f} h: {material}. Voices: {', '.join(conditions['voices'])}.\n"
        f"Registering took {conditions['registering_cpu_s']:.0f} s of CPU, "
        f"{conditions['registered_s'] / max(conditions['registering_cpu_s'], 1e-6):.0f} x real time at these sizes; "
        f"the registry holds {size:.1f} MB an hour of this mixture."
    )


def _asked(rows: Sequence[Row]) -> str:
    lines = ["| asked | at least | measured (n; 95 % interval) | |", "|---|---|---|---|"]
    for name, which, key, least in ASKED:
        told = [bool(row.get(key)) for row in rows if which(row)]
        if told:
            verdict = "reached" if sum(told) / len(told) >= least else "**missed**"
            lines.append(f"| {name} | {least:.2f} | {_share(sum(told), len(told))} | {verdict} |")
    panned = "panned photograph"
    for group, genres, name in (
        ("picture", "film, composed scenes", "film 5 and 10 s: place within 0.25 s"),
        ("picture", panned, f"{panned} 5 and 10 s: place within 0.25 s"),
        ("sound", "", "sound 5 and 10 s: place within 0.25 s"),
    ):
        found = [
            row
            for row in rows
            if row["group"] == group
            and row["found"]
            and row["length_s"] in (5, 10)
            and (not genres or row["genre"] in genres)
        ]
        off = [row.get("offset_s") for row in found if not row.get("unsure")]
        hits = sum(one is not None and one <= 0.25 for one in off)
        if off:
            verdict = "reached" if hits / len(off) >= 0.95 else "**missed**"
            words = f"{name}, of those not said to be uncertain ({len(found) - len(off)} were)"
            lines.append(f"| {words} | 0.95 | {_share(hits, len(off))} | {verdict} |")
    return "\n".join(lines)


def _false(rows: Sequence[Row]) -> str:
    strange = [row for row in rows if row["group"] == "stranger"]
    own = [row for row in rows if row["group"] != "stranger"]
    wrong = [row for row in strange if set(row["false"]) - set(row.get("shared", []))]
    shared = sum(bool(row.get("shared")) for row in strange)
    more = sum(bool(set(row["false"]) - set(row.get("shared", []))) for row in own)
    lines = [
        (
            f"Unregistered clips confirmed as a registered asset: {_share(len(wrong), len(strange))}, "
            "asked at most .001; "
            f"{shared} more hold the very samples of a registered recording (their waveforms correlate) and are right. "
            f"Registered clips confirmed as a further, wrong asset: {_share(more, len(own))}."
        )
    ]
    for key, name in _PEERS.items():
        asked = [row for row in strange if f"{key}_false" in row]
        if asked:
            lines.append(f"{name}: {_share(sum(bool(row[f'{key}_false']) for row in asked), len(asked))}.")
    clean = [
        row for row in rows if row["group"] in ("sound", "words") and row["attack"] not in _WORDS_ALTERED
    ]
    minutes = sum(row["length_s"] for row in clean if row["found"]) / 60
    alarms = sum(bool(row.get("alarm")) for row in clean)
    if minutes:
        lines.append(
            f"Words called different in sound that was only copied: {alarms} in {minutes:.0f} minutes "
            f"({alarms / minutes:.3f} a minute, asked .01)."
        )
    return "\n".join(lines)


_WORDS_ALTERED: Final = ("word replaced", "word cut", "word inserted")


def _table(rows: Sequence[Row]) -> str:
    lines = [
        "| what | s | n | found | said | place, 95 % within | peers: bag / first 8 / Chromaprint |",
        "|---|---|---|---|---|---|---|",
    ]
    keys = dict.fromkeys(
        (row["group"], row["attack"], row["length_s"]) for row in rows if row["group"] != "stranger"
    )
    for group, attack, length_s in sorted(keys):
        own = [
            row for row in rows if (row["group"], row["attack"], row["length_s"]) == (group, attack, length_s)
        ]
        lines.append(_line(f"{group}: {attack}", length_s, own))
    return "\n".join(lines)


def _line(name: str, length_s: float, own: Sequence[Row]) -> str:
    places = [row["offset_s"] for row in own if row.get("offset_s") is not None]
    place = f"{float(np.quantile(places, 0.95)):.2f} s" if places else ""
    told = [bool(row["told"]) for row in own if row.get("told") is not None]
    said = f"{sum(told) / len(own):.2f}" if told else ""
    peers = [_mean(row[key] for row in own if key in row) for key in _PEERS]
    found = _mean(row["found"] for row in own)
    return f"| {name} | {length_s:g} | {len(own)} | {found} | {said} | {place} | {' / '.join(peers)} |"


def _mean(values: Iterable[bool]) -> str:
    held = [bool(one) for one in values]
    return f"{sum(held) / len(held):.2f}" if held else "-"


def write(conditions: Mapping[str, Any], rows: Sequence[Row], docs: Path) -> None:
    """Put the report into ``docs/measurements.md`` and its picture into ``docs/figures``."""
    figure = docs / "figures" / "clips.svg"
    figure.parent.mkdir(exist_ok=True)
    draw(rows, figure)
    report = f"{text(conditions, rows)}\n\n![Share of clips found, beside peers](figures/clips.svg)"
    replace_section(docs / "measurements.md", "bench.clips", report)


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the share found by attack, ours beside the peers', as SVG."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only who draws needs it

    attacks = list(
        dict.fromkeys(row["attack"] for row in rows if row["group"] in ("picture", "time", "sound"))
    )
    ours, peers = [], []
    for attack in attacks:
        own = [row for row in rows if row["attack"] == attack and row["length_s"] >= 5]
        ours.append(np.mean([bool(row["found"]) for row in own] or [False]))
        best = [any(bool(row.get(key)) for key in _PEERS) for row in own]
        peers.append(np.mean(best or [False]))
    places = np.arange(len(attacks))
    figure, axes = plt.subplots(figsize=(8, 0.28 * len(attacks) + 1))
    axes.barh(places - 0.2, ours, 0.4, label="this project", color="#1d4e89")
    axes.barh(places + 0.2, peers, 0.4, label="any of the three peers", color="#b9b6ae", hatch="//")
    axes.set_yticks(places, attacks)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of clips of 5 s and more found")
    axes.legend(loc="lower left", fontsize=8)
    figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
