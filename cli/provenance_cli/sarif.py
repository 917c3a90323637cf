"""Reports as SARIF 2.1.0, so that a publishing pipeline shows findings where it shows lint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.evidence import VerdictCode
from provenance_cli.exits import ExitCode

if TYPE_CHECKING:
    from provenance.report.report import Report

#: Source: OASIS SARIF 2.1.0, section 3.13.3.
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: Rule of files that could not be checked.
_UNCHECKED = "not-checked"


def sarif_text(checked: Sequence[tuple[Path, Report, ExitCode]], failed: Sequence[tuple[Path, str]]) -> str:
    """Return one SARIF log.

    Args:
        checked: Files with their report and exit code; 3 is an ``error``, another code but 0 a ``warning``.
        failed: Files that could not be checked, with the reason; an ``error`` each.
    """
    results = [_result(path, report, code) for path, report, code in checked]
    results += [_entry(_UNCHECKED, "error", message, path) for path, message in failed]
    driver = {
        "name": "content-provenance",
        "version": version("content-provenance"),
        "rules": [{"id": code.value} for code in VerdictCode] + [{"id": _UNCHECKED}],
    }
    run = {"tool": {"driver": driver}, "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(path: Path, report: Report, code: ExitCode) -> dict[str, Any]:
    level = {ExitCode.DONE: "none", ExitCode.FINDING: "error"}.get(code, "warning")
    verdict = report.verdict
    made = _entry(verdict.code.value, level, f"{verdict.summary} {verdict.next_step}", path)
    made["kind"] = "fail" if level != "none" else "informational"
    made["properties"] = {"confidence": verdict.confidence.value, "sha256": str(report.evidence.digest)}
    return made


def _entry(rule: str, level: str, message: str, path: Path) -> dict[str, Any]:
    place = path.as_posix() if not path.is_absolute() else path.as_uri()
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": message},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": place}}}],
    }
