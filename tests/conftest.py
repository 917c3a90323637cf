"""``--cases 70-115`` runs the tests of these abuse cases and says of every number how it went; ``--long`` forms."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.cases import asked, named

_CASES: pytest.StashKey[set[int]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cases", metavar="NUMBERS", help="run the tests of these abuse cases, like 70-115 or 76,81"
    )
    parser.addoption("--long", action="store_true", help="give the tests that have one their long form")


@pytest.fixture
def long_form(request: pytest.FixtureRequest) -> bool:
    """Whether this is no short run for every change."""
    return bool(request.config.option.long)


def _of(item: pytest.Item) -> set[int]:
    return named(item.name.partition("[")[0]) | named(getattr(item, "obj", None).__doc__ or "")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.cases is None:
        return
    config.stash[_CASES] = asked(config.option.cases)
    for item in items:
        item.user_properties += [("case", number) for number in _of(item) & config.stash[_CASES]]
    others = [item for item in items if not item.user_properties]
    items[:] = [item for item in items if item.user_properties]
    config.hook.pytest_deselected(items=others)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.option.cases is None:
        return
    went: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, number in report.user_properties:
                if name == "case":
                    went[number][outcome] += 1
    terminalreporter.section("abuse cases")
    for number in sorted(config.stash[_CASES]):
        said = ", ".join(f"{count} {outcome}" for outcome, count in went[number].items())
        terminalreporter.write_line(f"case {number:3}: {said or 'no test'}")
