"""``provenance verify``: one explained verdict for each copy."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.errors import ProvenanceError
from provenance_cli import exits, inputs
from provenance_cli.exits import ExitCode
from provenance_cli.inputs import Source
from provenance_cli.progress import progress_bar
from provenance_cli.render import complain, deliver, error_json, json_text, note, path_text
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.report.report import Report
    from provenance.verify import Verifier


@dataclass(frozen=True, slots=True)
class _Demands:
    trusted: bool
    credentials: bool

    def exit_code(self, report: Report) -> ExitCode:
        return exits.of_verdict(
            report.verdict.code,
            report.evidence.credential,
            require_trusted=self.trusted,
            require_credentials=self.credentials,
        )


@dataclass(slots=True)
class _Outcome:
    checked: list[tuple[Source, Report, ExitCode]] = field(default_factory=list)
    failed: list[tuple[Source, ProvenanceError]] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        codes = [code for _, _, code in self.checked]
        return exits.worst([*codes, *(exits.of_error(error) for _, error in self.failed)])


@click.command("verify")
@click.argument("files", nargs=-1, required=True)
@click.option("--recursive", "-r", is_flag=True, help="Take the media files in folders.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "jsonl", "html", "sarif"]), default="text"
)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write the result there.")
@click.option(
    "--map",
    "map_path",
    type=click.Path(path_type=Path),
    help="Write the difference picture (PNG) there; each original has one.",
)
@click.option("--require-trusted", is_flag=True, help="Exit 4 where the issuer is on no trust list.")
@click.option("--require-credentials", is_flag=True, help="Exit 5 where no credentials hold.")
@click.option("--force", is_flag=True, help="Replace outputs that exist.")
@click.option("--verbose", "-v", is_flag=True, help="Every match, segment and engine code.")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no notes.")
@click.pass_obj
def command(
    session: Session,
    *,
    files: tuple[str, ...],
    recursive: bool,
    form: str,
    output: Path | None,
    map_path: Path | None,
    require_trusted: bool,
    require_credentials: bool,
    force: bool,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Verify FILES (names, quoted globs, folders with --recursive) and explain each verdict.

    The exit code is that of the gravest verdict: 3 is a finding against a file. A file that cannot be read is
    reported and the others are checked.
    """
    sources = inputs.gather(files, recursive=recursive)
    _refuse_sources(sources, output, map_path)
    several = len(sources) > 1
    if form == "html" and several and output is None:
        raise click.UsageError("expected -o FOLDER for the HTML reports of several files, found none")
    with session.installation() as installation, progress_bar(quiet=quiet) as tell:
        demands = _Demands(require_trusted, require_credentials)
        outcome = _check(installation.verifier, sources, demands, tell)
    for source, error in outcome.failed:
        complain(error.message, error.hint, path_text(source.path))
    if form == "html":
        _write_pages(outcome, output, several=several, force=force)
    elif outcome.checked or form != "text":
        deliver(_result(outcome, form, verbose=verbose), output, force=force)
    if map_path is not None:
        _write_maps(outcome, map_path, several=several, force=force)
    if several and not quiet:
        note(_tally(outcome))
    return outcome.exit_code


def _refuse_sources(sources: Sequence[Source], *outputs: Path | None) -> None:
    resolved = {one.path.resolve() for one in sources}
    for path in outputs:
        if path is not None and path.resolve() in resolved:
            raise click.UsageError(
                f"{path} is a file to verify; a result never replaces it, choose another name"
            )


def _check(
    verifier: Verifier,
    sources: Sequence[Source],
    demands: _Demands,
    tell: Callable[[str, int, int], None],
) -> _Outcome:
    outcome = _Outcome()
    for done, source in enumerate(sources):

        def at(stage: str, done: int = done) -> None:
            tell(stage, done, len(sources))

        try:
            report = verifier.verify(source.path, name=path_text(source.path), progress=at, interim=_so_far)
        except ProvenanceError as error:
            outcome.failed.append((source, error))
        else:
            outcome.checked.append((source, report, demands.exit_code(report)))
    return outcome


def _so_far(report: Report) -> None:
    """Say what the first look at a long film came to; the answer follows."""
    gap = report.evidence.not_checked[-1] if report.evidence.not_checked else "more is being looked at"
    note(f"{report.name}: so far {report.verdict.code.value} after {report.elapsed_s:.0f} s; {gap}")


def _result(outcome: _Outcome, form: str, *, verbose: bool) -> str:
    if form == "text":
        from provenance_cli.reports import report_text  # noqa: PLC0415 - other forms do without

        return "\n\n".join(report_text(report, verbose=verbose) for _, report, _ in outcome.checked)
    if form == "sarif":
        from provenance_cli.sarif import sarif_text  # noqa: PLC0415 - other forms do without

        failed = [(source.path, error.message) for source, error in outcome.failed]
        return sarif_text([(source.path, report, code) for source, report, code in outcome.checked], failed)
    from provenance.report.report import report_json  # noqa: PLC0415 - other forms do without

    results: list[dict[str, Any]] = [report_json(report) for _, report, _ in outcome.checked]
    results += [
        {"name": path_text(source.path), "error": error_json(error)} for source, error in outcome.failed
    ]
    return json_text(results, form)


def _write_pages(outcome: _Outcome, output: Path | None, *, several: bool, force: bool) -> None:
    from provenance.report.html import report_html  # noqa: PLC0415 - other forms do without

    for source, report, _ in outcome.checked:
        href = None
        if (picture := report.map_png) is not None:
            href = "data:image/png;base64," + base64.b64encode(picture).decode("ascii")
        place = output
        if output is not None:
            place = inputs.in_output(source, output, Path(source.path.name + ".html"), several=several)
            place.parent.mkdir(parents=True, exist_ok=True)
        deliver(report_html(report, map_href=href, standalone=True), place, force=force)


def _write_maps(outcome: _Outcome, map_path: Path, *, several: bool, force: bool) -> None:
    from provenance import files  # noqa: PLC0415 - only where a picture is wanted

    for source, report, _ in outcome.checked:
        if not report.has_map:
            note(f"{path_text(source.path)}: no difference picture: {_why_no_map(report)}")
            continue
        place = inputs.in_output(source, map_path, Path(source.path.name + ".map.png"), several=several)
        place.parent.mkdir(parents=True, exist_ok=True)
        for number, (_, picture) in enumerate(report.maps, 1):
            # A collage has a picture for each original: map.png, map.2.png ...
            each = place if number == 1 else place.with_name(f"{place.stem}.{number}{place.suffix}")
            files.write_whole(each, picture, replace=force)


def _why_no_map(report: Report) -> str:
    best = report.evidence.best
    if best is None or not best.confirmed:
        return "nothing registered was compared with it"
    return "it is the registered file" if best.identical else "no region of it was found to differ"


def _tally(outcome: _Outcome) -> str:
    counts = Counter(report.verdict.code.value for _, report, _ in outcome.checked)
    if outcome.failed:
        counts["could not be checked"] = len(outcome.failed)
    total = len(outcome.checked) + len(outcome.failed)
    return f"{total} files: " + ", ".join(f"{number} {code}" for code, number in counts.most_common())
