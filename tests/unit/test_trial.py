"""Trials: groups, bounds and competence from scored pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from provenance.errors import NotFoundError
from provenance.evidence import Score
from provenance.trial import Scored, result_of


def scored(group, generated, raws, silent=()):
    return [
        Scored(
            Path(f"{group}-{i}.png"),
            group,
            generated,
            Score(
                "d 1",
                None if i in silent else float(raw),
                0.5,
                "" if i not in silent else "unlike",
                raw=float(raw),
            ),
        )
        for i, raw in enumerate(raws)
    ]


def test_a_good_model_is_competent_and_groups_are_told_apart():
    dice = np.random.default_rng(1)
    rows = [
        *scored("stock", False, dice.normal(-1, 0.5, 60), silent={0, 1}),
        *scored("easy", True, dice.normal(1.5, 0.5, 40)),
        *scored("hard", True, dice.normal(-0.9, 0.5, 40)),
    ]
    found = result_of("d 1", rows)
    assert found.competent
    assert found.false_positives[0] == 0
    assert found.false_positives[2] < 0.1
    groups = {one.group: one for one in found.groups}
    assert groups["stock"].abstained == 2
    assert groups["easy"].auc[0] > 0.95
    assert groups["hard"].auc[0] < 0.7
    assert groups["easy"].beyond[0] > groups["hard"].beyond[0]
    for one in groups.values():
        for value, low, high in (one.auc, one.beyond):
            assert low <= value <= high
            assert low < high
    error, chance = found.calibration_error
    assert 0 < chance < 0.2
    assert error >= 0


def test_a_model_at_chance_is_not():
    dice = np.random.default_rng(2)
    rows = [*scored("real", False, dice.normal(0, 1, 80)), *scored("generated", True, dice.normal(0, 1, 80))]
    assert not result_of("d 1", rows).competent


def test_too_few_pictures_say_nothing():
    rows = [*scored("real", False, np.zeros(19)), *scored("generated", True, np.ones(80))]
    with pytest.raises(NotFoundError, match="19 real"):
        result_of("d 1", rows)
