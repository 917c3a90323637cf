"""Processes as the kernel sees them: CPU time and resident memory of a service and of its media workers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_TICK: Final = os.sysconf("SC_CLK_TCK")


def listener(port: int) -> int:
    """Return the process that serves ``port``: the one with this port in its command line."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"serve" in words and str(port).encode() in words:
            return int(line.parent.name)
    raise RuntimeError("the service is not there")


def children(process: int) -> list[int]:
    """Return the processes that ``process`` started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(int(stat.parent.name))
    return found


def cpu_s(process: int) -> float:
    """Return CPU seconds of a process and of those it started."""
    total = 0.0
    for one in (process, *children(process)):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / _TICK
    return total


def resident(process: int, field: str = "VmRSS") -> int:
    """Return the resident memory of a process, bytes: ``VmRSS`` now, ``VmHWM`` the most since the last reset.

    A process that has ended has 0.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    lines = (line.split() for line in status.splitlines() if line.startswith(f"{field}:"))
    return next((int(words[1]) * 1024 for words in lines), 0)


def reset_peak(process: int) -> None:
    """Let ``VmHWM`` begin anew at what is resident now. Source: proc(5), clear_refs, 5."""
    Path(f"/proc/{process}/clear_refs").write_text("5")
