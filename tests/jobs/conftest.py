"""One installation with a published photograph, film and recording, shared by the tests of the jobs."""

from __future__ import annotations

import pytest

from tests.newsroom import opened


@pytest.fixture(scope="session")
def newsroom(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("newsroom")) as made:
        yield made
