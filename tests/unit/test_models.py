"""Cards and the models of an installation: added, chosen, demoted, refused."""

from __future__ import annotations

import json

import pytest

from provenance.detect import models as shelf
from provenance.detect.card import ModelCard
from provenance.errors import ConfigError, FormatError, NotFoundError, OutputExistsError
from provenance.trial import incompetent
from tests.fakes import models

GRAPH = models.graph()
CARD = models.card(GRAPH)


@pytest.fixture
def kept(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "brightness.onnx").write_bytes(GRAPH)
    (source / "brightness.json").write_text(CARD.to_json())
    return source / "brightness.onnx"


def test_cards_survive_their_text():
    assert ModelCard.parse(CARD.to_json()) == CARD


def test_cards_of_the_first_days_state_no_calibration_error():
    stated = json.loads(CARD.to_json())
    for one in stated["buckets"]:
        del one["calibration_error"], one["calibration_worst"]
    assert ModelCard.parse(json.dumps(stated)) == CARD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({"form": "provenance-model-card/1"}),
        CARD.to_json().replace('"brightness"', '"../../etc"'),
        CARD.to_json().replace('"side_px": 32', '"side_px": 1000000'),
        CARD.to_json().replace('"coarse"', '"other"'),
    ],
)
def test_what_is_no_card_is_refused(text):
    with pytest.raises(FormatError, match="model card"):
        ModelCard.parse(text)


def test_the_bundled_model_is_whole_and_small():
    [core] = [one for one in shelf.available(shelf.BUNDLED / "absent") if one.card.name == "core"]
    assert core.source == "bundled"
    assert shelf.Digest.of(core.weights.read_bytes()) == core.card.digest
    assert core.weights.stat().st_size <= 20_000_000


def test_models_are_added_chosen_and_never_replaced(kept, tmp_path):
    folder = tmp_path / "models"
    made = shelf.add(kept, folder)
    assert made.weights.read_bytes() == GRAPH
    assert shelf.chosen("brightness", folder).card == CARD
    assert shelf.chosen(shelf.NONE, folder) is None
    with pytest.raises(ConfigError, match="brightness"):
        shelf.chosen("absent", folder)
    with pytest.raises(OutputExistsError):
        shelf.add(kept, folder)


def test_weights_that_are_not_the_cards_are_refused(kept, tmp_path):
    kept.write_bytes(GRAPH + b" ")
    with pytest.raises(FormatError, match="digest of the card"):
        shelf.add(kept, tmp_path / "models")
    with pytest.raises(NotFoundError):
        shelf.add(tmp_path / "absent.onnx", tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_demoted_model_is_no_longer_chosen(kept, tmp_path):
    folder = tmp_path / "models"
    made = shelf.add(kept, folder)
    best = shelf.chosen(shelf.BEST, folder)
    shelf.replace_card(incompetent(made), folder)
    demoted = shelf.chosen("brightness", folder)
    assert not demoted.competent
    assert best.card.name != "brightness" or shelf.chosen(shelf.BEST, folder).card.name != "brightness"
