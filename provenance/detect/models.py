"""The detector models of an installation: the bundled one, those added to its folder, those of plug-ins.

A model is two files of one name: ``NAME.onnx`` and ``NAME.json``, its card. Plug-ins hand over the folder that
holds such files; none of their code runs here, and models run in the media workers only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from provenance import files
from provenance.detect.card import ModelCard
from provenance.digest import Digest
from provenance.errors import ConfigError, FormatError, NotFoundError

#: Entry points of plug-ins: each names a function without arguments that returns the folder of its models.
GROUP: Final = "provenance.detectors"
#: Folder of the bundled model.
BUNDLED: Final = Path(__file__).parent / "weights"
#: Largest model that is added, bytes: a ViT-L in single precision is 1.2 GB and no longer runs in a worker.
MAX_BYTES: Final = 400 << 20
#: Settings that name no model: the best one, or none at all.
BEST, NONE = "best", "none"


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be used.

    Attributes:
        card: Its card.
        weights: Its ONNX file.
        source: ``bundled``, ``added`` or ``plug-in``.
    """

    card: ModelCard
    weights: Path
    source: str

    @property
    def competent(self) -> bool:
        """Whether it carries weight for any compression history."""
        return any(bucket.competent for bucket in self.card.buckets)

    @property
    def standing(self) -> float:
        """The lowest of its lower bounds: what it is at least worth, for choosing among models."""
        return min(bucket.auc_low for bucket in self.card.buckets)


def available(folder: Path) -> tuple[Model, ...]:
    """Return every model, the best first; of one name the added one counts, then the plug-in's.

    Args:
        folder: Where this installation keeps added models; need not exist.

    Raises:
        FormatError: A card cannot be read.
    """
    found: dict[str, Model] = {}
    for source, place in (("added", folder), *_plugged(), ("bundled", BUNDLED)):
        for path in sorted(place.glob("*.onnx")) if place.is_dir() else ():
            made = Model(read_card(path.with_suffix(".json")), path, source)
            found.setdefault(made.card.name, made)
    return tuple(sorted(found.values(), key=lambda one: (-one.standing, one.card.name)))


def _plugged() -> Iterator[tuple[str, Path]]:
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda one: one.name):
        yield "plug-in", Path(point.load()())


def chosen(setting: str, folder: Path) -> Model | None:
    """Return the model that ``setting`` means: a name, ``best`` or ``none``; None where there is none.

    Raises:
        ConfigError: No model has that name.
        FormatError: A card cannot be read.
    """
    if setting == NONE:
        return None
    models = available(folder)
    if setting == BEST:
        return next((one for one in models if one.competent), None)
    for one in models:
        if one.card.name == setting:
            return one
    names = ", ".join(one.card.name for one in models) or "none"
    raise ConfigError(
        f"expected a detector of {names}, found {setting!r}", hint="see `provenance detect list`"
    )


def read_card(path: Path) -> ModelCard:
    """Return the card at ``path``.

    Raises:
        FormatError: It is missing or no card.
    """
    try:
        return ModelCard.parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as cause:
        raise FormatError(f"expected a model card at {path}, found none that can be read") from cause


def add(weights: Path, folder: Path) -> Model:
    """Copy a model and its card into ``folder`` and return it there.

    Raises:
        NotFoundError: There is no such file.
        FormatError: The weights are larger than allowed or not those the card names.
        OutputExistsError: A model of that name is there already.
    """
    if not weights.is_file():
        raise NotFoundError(f"expected an ONNX file at {weights}, found none", hint="name NAME.onnx")
    card = read_card(weights.with_suffix(".json"))
    if weights.stat().st_size > MAX_BYTES:
        raise FormatError(f"expected a model of at most {MAX_BYTES >> 20} MiB, found a larger one")
    return put(card, weights.read_bytes(), folder)


def put(card: ModelCard, content: bytes, folder: Path) -> Model:
    """Write a model and its card into ``folder`` and return it there; the card comes last.

    Raises:
        FormatError: ``content`` is not what the card names.
        OutputExistsError: A model of that name is there already.
    """
    if Digest.of(content) != card.digest:
        raise FormatError(
            f"expected weights with the digest of the card, {card.digest}, found {Digest.of(content)}",
            hint="card and weights belong to different versions",
        )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{card.name}.onnx"
    files.write_whole(target.with_suffix(".json"), card.to_json().encode(), replace=False)
    files.write_whole(target, content, replace=False)
    return Model(card, target, "added")


def replace_card(model: Model, folder: Path) -> None:
    """Keep ``model`` in ``folder`` under a changed card; its weights are copied there if they are elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{model.card.name}.onnx"
    if not target.exists():
        files.write_whole(target, model.weights.read_bytes(), replace=False)
    files.write_whole(target.with_suffix(".json"), model.card.to_json().encode(), replace=True)
