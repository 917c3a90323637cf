"""Exit codes: complete tables, and the order in which several become one."""

from itertools import product

import pytest
from click.testing import CliRunner

from provenance.credential import Credential, CredentialState
from provenance.errors import every_error
from provenance.verdict import VerdictCode
from provenance_cli import exits
from provenance_cli.exits import ExitCode
from provenance_cli.main import main

AGAINST = {
    VerdictCode.WITHDRAWN,
    VerdictCode.CREDENTIALS_INVALID,
    VerdictCode.CREDENTIALS_CONFLICT,
    VerdictCode.ALTERED_COPY,
    VerdictCode.RE_EDITED_COPY,
    VerdictCode.DISCLOSURE_REMOVED,
}


@pytest.mark.parametrize("cls", every_error(), ids=lambda cls: cls.__name__)
def test_every_error_has_its_own_row_and_never_exits_zero(cls):
    assert exits.ERRORS[cls] is not ExitCode.DONE
    assert exits.of_error(cls("x")) is exits.ERRORS[cls]


def test_an_error_class_made_elsewhere_takes_the_code_of_its_nearest_class():
    cls = type("OddLimit", (every_error()[0],), {})
    assert exits.of_error(cls("x")) is ExitCode.FAILED


def test_every_verdict_has_a_code_and_exactly_the_findings_exit_3():
    assert set(exits.VERDICTS) == set(VerdictCode)
    assert {code for code, exit_ in exits.VERDICTS.items() if exit_ is ExitCode.FINDING} == AGAINST


def test_no_demand_ever_hides_a_finding():
    for code, state, trusted, demanded in product(AGAINST, CredentialState, (False, True), (False, True)):
        found = exits.of_verdict(
            code, Credential(state), require_trusted=trusted, require_credentials=demanded
        )
        assert found is ExitCode.FINDING


@pytest.mark.parametrize(
    ("code", "state", "trusted", "demanded", "expected"),
    [
        ("intact", "trusted", True, True, ExitCode.DONE),
        ("intact-unrecognized-issuer", "unrecognized", False, False, ExitCode.DONE),
        ("intact-unrecognized-issuer", "unrecognized", False, True, ExitCode.DONE),
        ("intact-unrecognized-issuer", "unrecognized", True, False, ExitCode.UNRECOGNIZED),
        (
            "intact-unrecognized-issuer",
            "trusted",
            True,
            False,
            ExitCode.UNRECOGNIZED,
        ),  # an ingredient's issuer
        ("disclosed-synthetic", "unrecognized", True, False, ExitCode.UNRECOGNIZED),
        ("disclosed-synthetic", "absent", False, True, ExitCode.NO_CREDENTIALS),
        ("disclosed-synthetic", "trusted", True, True, ExitCode.DONE),
        ("derived-copy", "unbound", False, True, ExitCode.NO_CREDENTIALS),
        ("derived-copy", "unbound", False, False, ExitCode.DONE),
        ("no-evidence", "absent", False, True, ExitCode.NO_CREDENTIALS),
        ("no-evidence", "absent", True, False, ExitCode.DONE),
        ("possibly-synthetic", "absent", False, True, ExitCode.NO_CREDENTIALS),
    ],
)
def test_demands(code, state, trusted, demanded, expected):
    credential = Credential(CredentialState(state))
    found = exits.of_verdict(
        VerdictCode(code), credential, require_trusted=trusted, require_credentials=demanded
    )
    assert found is expected


def test_a_batch_returns_the_gravest_and_a_finding_outranks_a_failure():
    assert set(exits.SEVERITY) == set(ExitCode)
    assert exits.worst([]) is ExitCode.DONE
    assert exits.worst([ExitCode.DONE, ExitCode.FINDING, ExitCode.FAILED]) is ExitCode.FINDING
    assert exits.worst([ExitCode.UNSUPPORTED, ExitCode.NO_CREDENTIALS]) is ExitCode.UNSUPPORTED
    assert exits.worst([ExitCode.NO_CREDENTIALS, ExitCode.UNRECOGNIZED]) is ExitCode.UNRECOGNIZED


def test_help_and_explain_print_every_code_and_every_verdict():
    lines = CliRunner().invoke(main, ["--help"]).stdout.splitlines()
    assert set(exits.MEANING) == set(ExitCode)
    for code, meaning in exits.MEANING.items():
        assert f"{code.value} {meaning}" in [" ".join(line.split()) for line in lines]
    explained = CliRunner().invoke(main, ["explain"])
    assert explained.exit_code == 0
    for verdict in VerdictCode:
        assert explained.stdout.count(f"{verdict.value} ") >= 2, "once as a rule, once with its exit code"
