"""The auditor's walk-through: its program is run as it stands in the document, on true and on changed receipts."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from provenance.ledger.checkpoint import Cosigner, LogSigner
from provenance.ledger.log import Log
from tests.ledger_made import NOW, ORIGIN, SIGNER, Clock, make_store, registration

TEXT = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")
PROGRAM = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL).group(1)
SIZES = (1, 2, 3, 7, 8, 20)


def test_the_program_is_short_and_imports_nothing_of_ours():
    assert len([line for line in PROGRAM.splitlines() if line.strip()]) <= 60
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(PROGRAM))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A log of two keys grown to several sizes; each file with its receipt as of each size."""
    folder = tmp_path_factory.mktemp("audit")
    (folder / "check.py").write_text(PROGRAM)
    store = make_store(folder)
    quantum = Cosigner(ORIGIN, MLDSA44PrivateKey.from_seed_bytes(bytes(32)), lambda: NOW)
    clock = Clock()
    log = Log(store, ORIGIN, LogSigner(SIGNER, (quantum,)), clock, monotonic=clock.monotonic)
    receipts, at = [], 0
    for size in SIZES:
        log.append([registration(n) for n in range(at, size)])
        at = size
        receipts += [(index, log.prove(index).format()) for index in {0, size // 2, size - 1}]
    store.close()
    return folder, receipts


def check(folder: Path, content: bytes, receipt: str, vkey: str = SIGNER.vkey) -> str | None:
    """What the program prints; None where it ends with an error."""
    (folder / "file").write_bytes(content)
    (folder / "receipt").write_text(receipt)
    found = subprocess.run(
        [sys.executable, "-I", "check.py", "file", "receipt", vkey],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout if found.returncode == 0 else None


def content_of(number: int) -> bytes:
    """The file whose SHA-256 the made registrations name; see tests.ledger_made.seed."""
    return repr(("file", number)).encode()


def test_it_agrees_with_every_receipt(made):
    folder, receipts = made
    for index, receipt in receipts:
        said = check(folder, content_of(index), receipt)
        assert said is not None
        assert said.startswith(f"entry {index} of {ORIGIN}, by publisher key sha256:")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("index 10", "index 11"),
        lambda text: text.replace("\n20\n", "\n21\n"),
        lambda text: text.replace(text.split("\n")[3] + "\n", "", 1),
        lambda text: text.replace(text.split("\n")[3], text.split("\n")[4], 1),
        lambda text: text.replace("extra ogFZAYTS", "extra ogFZAYTT"),
        lambda text: text[: text.index("\u2014")] + text[text.rindex("\u2014") :],
    ],
)
def test_it_refuses_what_is_changed(made, change):
    folder, receipts = made
    [receipt] = [text for index, text in receipts if index == 10]
    assert check(folder, content_of(10), receipt)
    assert change(receipt) != receipt
    assert check(folder, content_of(10), change(receipt)) is None


def test_it_refuses_another_file_and_another_key(made):
    folder, receipts = made
    [receipt] = [text for index, text in receipts if index == 10]
    assert check(folder, content_of(11), receipt) is None
    other = SIGNER.vkey[:-5] + "A" + SIGNER.vkey[-4:]
    assert check(folder, content_of(10), receipt, other) is None
