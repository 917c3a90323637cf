"""Clips of film and sound: found, placed, told apart, beside a bag of frames, first frames and plain Chromaprint.

Run: ``make bench-clips`` or ``python -m bench.clips [--half report] [--size full] [--folder DIR] [--write]``.
Originals are split by their file name's SHA-256 into a tuning and a reporting half. The chosen half is published
through the product into a fresh registry, clips of it go through ``verify`` as files, and clips of the other half
are the unregistered ones. Material comes from packages (:mod:`bench.clip_packages`), or from a folder of your own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import cv2

from bench import clip_packages, clip_report
from bench.clip_material import Original, from_folder, originals
from bench.clip_peers import Peers, frames_of
from bench.clip_queries import Clip, Counts, Query, make, plan
from bench.clip_score import score, shares_recording
from provenance.errors import ProvenanceError
from provenance.evidence import SourceType
from provenance.publish import PublishJob
from provenance.settings import Settings
from provenance.setup import Installation, initialise
from provenance.signing.claims import SigningRequest

COUNTS: Final = {
    "tiny": Counts(picture=1, tracks=1, sound=1, words=1, strangers=4),
    "small": Counts(picture=2, tracks=3, sound=3, words=6, strangers=200),
    "full": Counts(picture=3, tracks=15, sound=8, words=30, strangers=2000),
}
# A machine that is busy with other work must not turn into failures.
_PATIENCE_S: Final = 900.0


def main() -> None:
    """Run the bench and print, and with ``--write`` store, its report."""
    given = _options()
    cache = clip_packages.cache_folder()
    half = {"tune": 0, "report": 1}[given.half]
    if given.folder is None:
        clip_packages.fetch(cache)
        registered, strangers = (originals(cache, number, given.size) for number in (half, 1 - half))
    else:
        registered, strangers = (from_folder(given.folder, number) for number in (half, 1 - half))
    counts = COUNTS[given.size]
    if given.strangers is not None:
        counts = replace(counts, strangers=given.strangers)
    queries = list(plan(registered, strangers, counts))
    if given.groups:
        queries = [one for one in queries if one.group in given.groups]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        conditions = _register(folder, registered, given.processes)
        rows = list(_answers(folder, cache, registered, queries, given))
    conditions |= _conditions(given, registered, strangers, rows) | {"planned": len(queries)}
    given.json.write_text(json.dumps({"conditions": conditions, "rows": rows}, indent=1))
    print(clip_report.text(conditions, rows))
    if given.write:
        clip_report.write(conditions, rows, Path("docs"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--size", choices=tuple(COUNTS), default="full")
    parser.add_argument(
        "--folder", type=Path, help="films and recordings of your own instead of the packages"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--strangers", type=int, help="number of clips of unregistered material")
    parser.add_argument(
        "--minutes", type=float, help="stop after so many minutes; what was answered is reported"
    )
    parser.add_argument("--groups", nargs="*", help="only these groups of clips")
    parser.add_argument("--json", type=Path, default=Path("bench-clips.json"))
    parser.add_argument("--write", action="store_true", help="put the report into docs/measurements.md")
    return parser.parse_args()


def _register(folder: Path, registered: Sequence[Original], processes: int) -> dict[str, Any]:
    """Publish the originals; return what it took."""
    started, cpu_s = time.perf_counter(), _children_s()
    request = SigningRequest(title="original", source_type=SourceType.DIGITAL_CAPTURE)
    (folder / "published").mkdir()
    jobs = [
        PublishJob(
            one.path, folder / "published" / f"{number}{one.path.suffix}", replace(request, title=one.name)
        )
        for number, one in enumerate(registered)
    ]
    settings = initialise(folder / "home", "TEST Bench")
    limits = replace(settings.limits, workers=processes, worker_seconds=_PATIENCE_S)
    with (
        Installation.open(replace(settings, limits=limits)) as installation,
        ThreadPoolExecutor(processes) as threads,
    ):
        list(threads.map(lambda job: installation.publisher.publish([job]), jobs))
    media_s = sum(one.duration_s for one in registered)
    return {
        "registering_s": round(time.perf_counter() - started, 1),
        "registering_cpu_s": round(_children_s() - cpu_s, 1),
        "registry_bytes": (folder / "home" / "registry.db").stat().st_size,
        "registered_s": round(media_s, 1),
    }


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Worker:
    """One process: an open installation, the peers, and the originals by name."""

    def __init__(self, home: Path, cache: Path, registered: Sequence[Original], clips: Path) -> None:
        cv2.setNumThreads(1)
        settings = Settings.load({}, home / "provenance.toml")
        limits = replace(settings.limits, workers=1, worker_seconds=_PATIENCE_S)
        self._installation = Installation.open(replace(settings, limits=limits))
        self._peers, self._cache, self._clips = Peers(registered), cache, clips
        self._originals = {one.name: one for one in registered}

    def answer(self, query: Query) -> dict[str, Any]:
        """Return what the product and its peers find in one clip."""
        clip = make(query, self._cache, self._clips)
        try:
            report = self._installation.verifier.verify(clip.path)
            row = score(query, clip, report)
            matches = report.evidence.matches if isinstance(report.evidence.matches, tuple) else ()
            row["shared"] = [
                one.record.title
                for one in matches
                if one.record.title in row["false"]
                and shares_recording(clip, one, self._originals[one.record.title])
            ]
            row |= self._peer_rows(clip)
        finally:
            clip.path.unlink()
        return row

    def _peer_rows(self, clip: Clip) -> dict[str, Any]:
        wanted = {piece.name for piece in clip.pieces}
        found: dict[str, set[str]] = {}
        if clip.path.suffix == ".mp4":
            frames = frames_of(clip.path)
            found = {"bag": self._peers.bag(frames), "first": self._peers.first(frames)}
        elif clip.path.suffix == ".wav":
            found = {"chromaprint": self._peers.chromaprint(clip.path)}
        hits: dict[str, Any] = {name: bool(wanted) and wanted <= names for name, names in found.items()}
        return hits | {f"{name}_false": sorted(names - wanted) for name, names in found.items()}


_worker: _Worker | None = None


def _open(home: Path, cache: Path, registered: Sequence[Original], clips: Path) -> None:
    global _worker  # noqa: PLW0603 - one for each process of the pool
    _worker = _Worker(home, cache, registered, clips)


def _answer(query: Query) -> dict[str, Any]:
    assert _worker is not None
    started = time.process_time()
    try:
        row = _worker.answer(query)
    except ProvenanceError as cause:
        # A clip that the product refuses is an answer too, and counts as not found.
        row = {"group": query.group, "attack": query.attack, "length_s": query.length_s, "found": False}
        row |= {"genre": query.source.genre, "source": query.source.name, "error": cause.message, "false": []}
    return row | {"cpu_s": round(time.process_time() - started, 3)}


def _answers(
    folder: Path,
    cache: Path,
    registered: Sequence[Original],
    queries: Sequence[Query],
    given: argparse.Namespace,
) -> Iterator[dict[str, Any]]:
    clips = folder / "clips"
    clips.mkdir()
    state = (folder / "home", cache, registered, clips)
    started = time.perf_counter()
    with (
        # Spawned, not forked: the threads that registered may have held locks, which a fork keeps held for good.
        ProcessPoolExecutor(given.processes, get_context("spawn"), _open, state) as pool,
        given.json.with_suffix(".jsonl").open("w") as kept,
    ):
        # The order is random, so whatever was answered in the time given is a sample of the whole plan.
        waiting = [pool.submit(_answer, query) for query in queries]
        for number, done in enumerate(as_completed(waiting), start=1):
            row = done.result()
            kept.write(json.dumps(row) + "\n")
            if number % 100 == 0:
                kept.flush()
                print(f"{number} of {len(queries)} clips, {time.perf_counter() - started:.0f} s", flush=True)
            yield row
            if given.minutes is not None and time.perf_counter() - started > 60 * given.minutes:
                pool.shutdown(wait=True, cancel_futures=True)
                return


def _conditions(
    given: argparse.Namespace,
    registered: Sequence[Original],
    strangers: Sequence[Original],
    rows: Sequence[Any],
) -> dict[str, Any]:
    """Return the conditions of the run."""
    genres = sorted({one.genre for one in registered})
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": f"python -m bench.clips --half {given.half} --size {given.size}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "processes": given.processes,
        "half": given.half,
        "material": {
            name: [
                sum(one.genre == name for one in registered),
                round(sum(one.duration_s for one in registered if one.genre == name) / 60, 1),
            ]
            for name in genres
        },
        "voices": sorted({one.voice for one in registered if one.voice}),
        "strangers_s": round(sum(one.duration_s for one in strangers), 1),
        "clips": len(rows),
        "cpu_s": round(_children_s(), 1),
    }


if __name__ == "__main__":
    main()
