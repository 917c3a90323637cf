"""Clocks that step while a log is written: libfaketime moves the wall clock, the steady clock runs on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.torture.ground import Ground, Tally, check
from provenance.ledger.receipt import Receipt

#: Debian's package ``faketime``.
LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
#: Steps, and whether the ledger must go on: up to five minutes it does. Source: security.md SR-32.
STEPS = (("-10d", False), ("+3650d", False), ("-400", False), ("+400", False), ("-60", True), ("+60", True))


def steps(ground: Ground, tally: Tally) -> None:
    """Step the clock of a running writer by each of :data:`STEPS`; it must stop, or go on, and nothing breaks."""
    held: list[Receipt] = []
    for step, goes_on in STEPS:
        clock = ground.folder / "clock"
        clock.write_text("+0\n")
        fake = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
        fake |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        command = [sys.executable, "-m", "bench.torture.victim", ground.url, str(ground.folder), "12", "0.1"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | fake,
        ) as child:  # fmt: skip
            if child.stdin is None or child.stdout is None:
                raise AssertionError("the pipes were asked for")
            child.stdin.write(ground.key.private_bytes_raw().hex() + ground.log_key.private_bytes_raw().hex())
            child.stdin.write("\n")
            child.stdin.flush()
            first = [child.stdout.readline() for _ in range(3)]
            clock.write_text(f"{step}\n")
            rest, words = child.communicate(timeout=60)
        held += [Receipt.parse(bytes.fromhex(line).decode()) for line in ("".join(first) + rest).split()]
        tally.blows += 1
        if child.returncode != (0 if goes_on else 3):
            tally.broken += 1
            tally.note(f"clock stepped by {step}: exit {child.returncode}, {words[-200:]}")
        check(ground, held, tally)
