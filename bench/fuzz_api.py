"""Throw generated requests at a real service: ``python -m bench.fuzz_api --examples 120``.

Every operation of the OpenAPI document is asked with examples, edge cases and random data, valid and not. A
response of 5xx, a status or type that is not documented, or a body of another shape fails the run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from provenance.service.access import Access, Scope
from provenance.service.schema import open_database
from provenance.settings import CONFIG_NAME, Settings
from provenance.setup import initialise

#: What must hold of every response.
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
#: Budgets and quotas that do not end the run.
_UNLIMITED: Final = {
    "PROVENANCE_REQUESTS_PER_MINUTE": "1e9",
    "PROVENANCE_REQUEST_BURST": "1000000000",
    "PROVENANCE_KEY_REQUESTS_PER_MINUTE": "1e9",
    "PROVENANCE_KEY_REQUEST_BURST": "1000000000",
    "PROVENANCE_SIGNATURES_PER_HOUR": "1000000000",
}


@contextmanager
def service(folder: Path, port: int, *, again: bool = False) -> Iterator[tuple[str, str]]:
    """Give address and full API key of a service that runs in a process of its own until the block ends.

    Args:
        folder: Where the installation is made, or lies already.
        port: Where it listens.
        again: Whether the installation is there from an earlier block.
    """
    settings = Settings.load({}, folder / CONFIG_NAME) if again else initialise(folder, "TEST Bench")
    database = open_database(settings.database)
    _, key = Access(database).create("default", "bench", frozenset(Scope), None)
    database.dispose()
    environ = os.environ | _UNLIMITED
    program = [str(Path(sys.executable).with_name("provenance")), "--config", str(folder / "provenance.toml")]
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [*program, "serve", "--port", str(port)], env=environ, stdout=log, stderr=log
        )
        try:
            _await(f"http://127.0.0.1:{port}/healthz", process)
            yield f"http://127.0.0.1:{port}", key
        finally:
            process.terminate()
            process.wait(60)


def _await(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the service did not start; see service.log")


def fuzz(address: str, key: str, phases: str, examples: int, seed: int | None = None) -> int:
    """Run schemathesis against a service; return its exit code, 0 where every check held."""
    program = [str(Path(sys.executable).with_name("schemathesis"))]
    if not Path(program[0]).exists():
        program = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
    command = [
        *program,
        "run",
        f"{address}/openapi.json",
        "-H",
        f"Authorization: Bearer {key}",
        "--phases",
        phases,
        "-c",
        ",".join(CHECKS),
        "-n",
        str(examples),
        "--continue-on-failure",
        "--exclude-path-regex",
        "/events$",  # a stream that stays open
        "--request-timeout",
        "60",
        "--warnings",
        "off",
        *(("--seed", str(seed)) if seed is not None else ()),
    ]
    hooks = {"SCHEMATHESIS_HOOKS": "bench.fuzz_hooks", "PYTHONPATH": str(Path(__file__).parents[1])}
    with tempfile.TemporaryDirectory() as scratch:  # it keeps a cache where it stands
        return subprocess.run(command, env=os.environ | hooks, cwd=scratch, check=False).returncode


def main() -> int:
    """Run the fuzzer with a service of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=120, help="random cases of each operation")
    parser.add_argument("--port", type=int, default=8791)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as scratch,
        service(Path(scratch) / "installation", given.port) as (address, key),
    ):
        return fuzz(address, key, "examples,coverage,fuzzing", given.examples, given.seed)


if __name__ == "__main__":
    sys.exit(main())
