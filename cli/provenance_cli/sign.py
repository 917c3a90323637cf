"""``provenance sign``: sign media, register it, write receipts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.errors import DeadlineError, InputError, ProvenanceError, VerificationError, WorkerError
from provenance.media.asset import Kind
from provenance.record import SourceType
from provenance_cli import exits, inputs
from provenance_cli.exits import ExitCode
from provenance_cli.inputs import Source
from provenance_cli.progress import progress_bar
from provenance_cli.render import complain, error_json, json_text, note, out, path_text, record_json, table
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.publish import Published, Publisher, PublishJob
    from provenance.setup import Installation

#: Files handed over at a time; the ledger registers them in one transaction.
BATCH = 256
#: Says nothing about training in the manifest.
_SILENT = "unstated"
#: Errors that speak of one file: the others of its batch are tried without it.
_ABOUT_A_FILE = (InputError, VerificationError, WorkerError, DeadlineError)


@dataclass(frozen=True, slots=True)
class Said:
    """What the options say about every file."""

    origin: SourceType
    model: str | None
    no_model_reason: str | None
    title: str | None
    author: str | None
    training: str


@dataclass(slots=True)
class _Outcome:
    published: list[Published] = field(default_factory=list)
    failed: list[tuple[Path, ProvenanceError]] = field(default_factory=list)


def said_options(function: Callable[..., ExitCode]) -> Callable[..., ExitCode]:
    """Give a command the options for what the manifest says: origin, model, title, author, training."""
    options = (
        click.option(
            "--source",
            "origin",
            type=click.Choice([kind.value for kind in SourceType]),
            default=SourceType.DIGITAL_CAPTURE.value,
            show_default=True,
            metavar="TYPE",
            help="How the content came to be: an IPTC digital source type, for example trainedAlgorithmicMedia.",
        ),
        click.option("--model", help="Generating model; demanded for generated content."),
        click.option(
            "--no-model-reason",
            "--no-model-disclosure",
            "no_model_reason",
            help="Why the model is not named.",
        ),
        click.option("--title", help="Title of one file; default its name."),
        click.option("--author", help="Author, stated as a claim."),
        click.option(
            "--training",
            type=click.Choice(["allowed", "notAllowed", _SILENT]),
            default="notAllowed",
            show_default=True,
            help="Permission for AI training and data mining.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command("sign")
@click.argument("files", nargs=-1, required=True)
@click.option("--recursive", "-r", is_flag=True, help="Take the media files in folders.")
@said_options
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File, or folder for several files.")
@click.option("--in-place", is_flag=True, help="Replace each file by its signed form.")
@click.option("--force", is_flag=True, help="Replace outputs that exist; sources are never replaced by it.")
@click.option("--format", "form", type=click.Choice(["text", "json", "jsonl"]), default="text")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no notes.")
@click.pass_obj
def command(
    session: Session,
    /,
    *,
    files: tuple[str, ...],
    recursive: bool,
    output: Path | None,
    in_place: bool,
    force: bool,
    form: str,
    quiet: bool,
    origin: str,
    model: str | None,
    no_model_reason: str | None,
    title: str | None,
    author: str | None,
    training: str,
) -> ExitCode:
    """Sign FILES (names, quoted globs, folders with --recursive) and register them.

    photo.jpg becomes photo.signed.jpg with photo.signed.jpg.tlog-proof beside it. A file that cannot be signed
    is reported and the others are signed.
    """
    sources = inputs.gather(files, recursive=recursive)
    if not in_place:
        sources = _unsigned(sources, named=set(files), quiet=quiet)
    if title is not None and len(sources) != 1:
        raise click.UsageError("expected one file with --title, found several; each takes its name as title")
    places = _places(sources, output, in_place=in_place)
    said = Said(SourceType(origin), model, no_model_reason, title, author, training)
    jobs = [job_of(one, place, said) for one, place in zip(sources, places, strict=True)]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
    with session.installation() as installation, progress_bar(quiet=quiet) as tell:
        outcome = _publish(installation.publisher, jobs, replace=force or in_place, tell=tell)
        outcome.published = [_with_earlier(installation, one) for one in outcome.published]
    _show(outcome, form, quiet=quiet)
    return exits.worst(exits.of_error(error) for _, error in outcome.failed)


def _unsigned(sources: Sequence[Source], *, named: set[str], quiet: bool) -> list[Source]:
    """Return the sources without earlier outputs in a folder, so that repeating signs nothing twice."""
    kept = [one for one in sources if str(one.path) in named or not inputs.is_signed(one.path)]
    if len(kept) < len(sources) and not quiet:
        note(f"{len(sources) - len(kept)} files named {inputs.SIGNED_MARK} were left out")
    if not kept:
        raise click.UsageError("every file found is signed already; name it to sign it again")
    return kept


def _places(sources: Sequence[Source], output: Path | None, *, in_place: bool) -> list[Path]:
    """Return where each signed file goes; refuse places that two share or that are a source."""
    if in_place:
        if output is not None:
            raise click.UsageError("expected --in-place or -o, found both")
        return [one.path for one in sources]
    several = len(sources) > 1
    if output is None:
        places = [inputs.signed_beside(one.path) for one in sources]
    else:
        places = [inputs.in_output(one, output, Path(one.path.name), several=several) for one in sources]
    resolved = {one.path.resolve() for one in sources}
    for place in places:
        if place.resolve() in resolved:
            raise click.UsageError(
                f"{place} is a source; a source is only replaced with --in-place, choose another -o"
            )
    twice = {place for place in places if places.count(place) > 1}
    if twice:
        raise click.UsageError(f"two files would become {min(twice)}; sign them into different folders")
    return places


def job_of(source: Source, place: Path, said: Said) -> PublishJob:
    """Return the job of signing ``source`` into ``place`` with what was said."""
    from provenance.publish import PublishJob  # noqa: PLC0415 - loads the ledger
    from provenance.signing.claims import SigningRequest, TrainingPolicy  # noqa: PLC0415 - only here

    request = SigningRequest(
        title=said.title or path_text(Path(source.path.stem)) or source.path.name,
        source_type=said.origin,
        author=said.author,
        model=said.model,
        no_model_reason=said.no_model_reason,
        training=None if said.training == _SILENT else TrainingPolicy(said.training),
    )
    return PublishJob(source.path, place, request)


def _publish(
    publisher: Publisher,
    jobs: Sequence[PublishJob],
    *,
    replace: bool,
    tell: Callable[[str, int, int], None],
) -> _Outcome:
    """Publish batch by batch; where a file spoils its batch, which then left nothing, go on one by one."""
    outcome = _Outcome()
    for start in range(0, len(jobs), BATCH):
        batch = jobs[start : start + BATCH]

        def at(stage: str, done: int, _total: int, start: int = start) -> None:
            tell(stage, start + done, len(jobs))

        try:
            outcome.published += publisher.publish(batch, replace=replace, progress=at)
        except _ABOUT_A_FILE as error:
            if len(batch) == 1:
                outcome.failed.append((batch[0].source, error))
                continue
            for done, job in enumerate(batch):
                tell("signing one by one", start + done, len(jobs))
                try:
                    outcome.published += publisher.publish([job], replace=replace)
                except _ABOUT_A_FILE as cause:
                    outcome.failed.append((job.source, cause))
    return outcome


def _with_earlier(installation: Installation, one: Published) -> Published:
    """Return what was published, with a note where others registered the picture before.

    Films and recordings are left to verification: their codes would all have to be read first.
    """
    from provenance.earlier import note_on  # noqa: PLC0415 - loads the ledger

    if one.record.media_type.kind is not Kind.IMAGE:
        return one
    before = installation.earlier.before(one.record)
    others = [each for each in before if each.certificate_sha256 != one.record.certificate_sha256]
    return replace(one, notes=(*one.notes, *note_on(others)))


def _show(outcome: _Outcome, form: str, *, quiet: bool) -> None:
    if form == "text":
        if outcome.published:
            out(table([("file", "credential", "ledger", "receipt"), *map(_row, outcome.published)]))
    else:
        failed = [{"source": path_text(path), "error": error_json(error)} for path, error in outcome.failed]
        out(json_text([*map(published_json, outcome.published), *failed], form))
    for path, error in outcome.failed:
        complain(error.message, error.hint, path_text(path))
    if quiet:
        return
    for one in outcome.published:
        for text in one.notes:
            note(f"{path_text(one.output)}: {text}")
    note(f"{len(outcome.published)} signed and registered, {len(outcome.failed)} failed")


def _row(one: Published) -> tuple[str, str, str, str]:
    record = one.record
    said = f"{record.source_type.value}, {record.model}" if record.model else record.source_type.value
    return (
        path_text(one.output),
        f"issued by {record.publisher} ({said})",
        f"entry {record.index}",
        path_text(one.receipt_path),
    )


def published_json(one: Published) -> dict[str, Any]:
    """Return what was published as it is shown to programs."""
    return {
        "schema": "provenance-signed/1",
        "source": path_text(one.source),
        "output": path_text(one.output),
        "receipt_path": path_text(one.receipt_path),
        "record": record_json(one.record),
        "notes": list(one.notes),
    }
