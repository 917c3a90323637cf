"""How well registered pictures are found again under attacks, and how well forgeries are seen: ``make bench-images``.

The report half is what is published; thresholds are set on the tune half only (``--half tune``).
"""

from __future__ import annotations

import argparse
import os
import statistics
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.pictures import material, stages
from bench.pictures.failures import draw
from bench.pictures.registering import DISTRACTORS, cards, version
from bench.pictures.report import Run, section, summary, write


def arguments() -> argparse.Namespace:
    """Return what the caller asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--size", choices=tuple(stages.SIZES), default="full")
    parser.add_argument("--distractors", type=int, help="registered pictures beside the originals")
    parser.add_argument("--folder", type=Path, help="further photographs")
    default = os.environ.get("PROVENANCE_BENCH_CACHE", "~/.cache/content-provenance-bench")
    parser.add_argument("--cache", type=Path, default=Path(default), help="material and rows of earlier runs")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--run", default=version(), help="name of the run; rows of a run of this name are kept"
    )
    parser.add_argument("--docs", type=Path, help="folder that gets section, JSON and plots")
    parser.add_argument("--stages", nargs="*", choices=tuple(stages.STAGES), default=tuple(stages.STAGES))
    return parser.parse_args()


def prepared(cache: Path, half: str, folder: Path | None, size: stages.Size, processes: int) -> stages.Bench:
    """Return the bench of a half, its material fetched, cut and registered where that is not done yet."""
    material.fetch(cache)
    others = material.make_originals(cache, folder)
    material.make_distractors(cache, others, material.tiles_for(size.distractors))
    known = sorted((cache / "originals" / half).iterdir())
    originals, refused = cards(cache, half, known, processes)
    tiles = sorted((cache / DISTRACTORS).iterdir())[: material.tiles_for(size.distractors)]
    distractors, flat = cards(cache, DISTRACTORS, tiles, processes)
    print(
        f"{half}: {len(originals)} originals ({len(refused)} refused), {len(distractors)} distractors ({len(flat)})"
    )
    return stages.made(cache, half, originals, distractors[: size.distractors], size)


def main() -> None:
    """Run the stages and write the report."""
    given = arguments()
    cache, size = given.cache.expanduser(), stages.SIZES[given.size]
    if given.distractors is not None:
        size = replace(size, distractors=given.distractors)
    bench = prepared(cache, given.half, given.folder, size, given.processes)
    folder = cache / "runs" / f"{given.half}-{given.size}-{given.run}"
    for stage in given.stages:
        found = stages.run(stage, folder / f"{stage}.jsonl", bench, given.processes)
        print(f"{stage}: {len(found)} rows", flush=True)
    rows = {stage: stages.known(stage, folder / f"{stage}.jsonl", bench) for stage in stages.STAGES}
    if not all(rows.values()):
        print("some stages have no rows yet: no report")
        return
    told = conditions(given, bench)
    told["Trials made"] = ", ".join(
        f"{len(rows[name]):,} of {len(plan(bench)):,} {name}" for name, (plan, _) in stages.STAGES.items()
    )
    run = Run(told, rows, len(bench.product.gallery.cards))
    if given.docs:
        (given.docs / "figures").mkdir(exist_ok=True)
        draw(bench, rows["queries"], given.docs / "figures" / "images-failures.jpg")
    print(section(write(run, given.docs) if given.docs else summary(run)))


def conditions(given: argparse.Namespace, bench: stages.Bench) -> dict[str, object]:
    """Return when, where and on what the figures were measured."""
    photographs = {card.name.partition("@")[0] for card in bench.originals}
    kept = [card.stored_bytes for card in bench.originals]
    return {
        "Date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "Command": f"`python -m bench.images --half {given.half} --size {given.size}`",
        "Machine": f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}, so only CPU times are told",
        "Originals": f"{len(bench.originals)} disjoint regions of {len(photographs)} photographs, {given.half} half",
        "Distractors": f"{len(bench.product.gallery.cards) - len(bench.originals):,}",
        "Kept of a picture": f"{statistics.median(kept) / 1000:.1f} kB (median), at most {max(kept) / 1000:.1f} kB",
    }


if __name__ == "__main__":
    main()
