"""Which of several registrations of one content is told first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.digest import Digest
from provenance.evidence import Box, Comparison, RecordStatus
from provenance.precedence import earliest_first
from tests.fakes import reports

OTHER = Digest.of(b"another certificate")


def match(index, *, differences=(), **record):
    [made] = reports.examples()["derived-copy"].matches
    said = replace(made.record, index=index, asset_id=f"sha256:{index:064x}", **record)
    return replace(made, record=said, comparison=Comparison(differences=differences, compared=0.9))


def order(*matches, credential=reports.ABSENT):
    return [one.record.index for one in earliest_first(matches, credential)]


def test_the_earliest_comes_first_however_strong_the_later_ones_are():
    assert order(match(32), match(6), match(0, status=RecordStatus.DISPUTED)) == [0, 6, 32]


def test_one_that_the_copy_differs_from_more_does_not():
    assert order(match(32), match(0, differences=(reports.FACE,))) == [32, 0]
    small, large = reports.FACE, replace(reports.FACE, box=Box(0.1, 0.1, 0.6, 0.6))
    assert order(match(32, differences=(small,)), match(0, differences=(large,))) == [32, 0]
    assert order(match(32, differences=(small,)), match(0, differences=(small,))) == [0, 32]


def test_a_version_that_its_publisher_replaced_comes_after_the_new_one():
    new = match(7)
    old = match(3, status=RecordStatus.SUPERSEDED, replaced_by=new.record.asset_id)
    assert order(old, new) == [7, 3]


@pytest.mark.parametrize("anew", [{}, {"certificate_sha256": OTHER}, {"account": "5f1d09aa"}])
def test_only_its_own_publisher_registers_anew_what_was_withdrawn(anew):
    withdrawn = match(3, status=RecordStatus.WITHDRAWN)
    assert order(match(7, **anew), withdrawn) == ([3, 7] if anew else [7, 3])


def test_look_alikes_and_other_media_keep_their_place():
    likely = match(32)
    alike = replace(match(0), found=match(0).found[:1])
    assert order(likely, alike) == [32, 0]


def test_the_signer_of_a_copy_that_holds_stays_with_its_own_registration():
    own = replace(reports.TRUSTED, certificate_sha256=OTHER)
    assert order(match(9, certificate_sha256=OTHER), match(2), credential=own) == [9, 2]
