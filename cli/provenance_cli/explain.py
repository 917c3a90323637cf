"""``provenance explain``: the rules behind the verdicts, as the judge applies them."""

from __future__ import annotations

import inspect

import click

from provenance import judge
from provenance.verdict import VerdictCode
from provenance_cli.exits import MEANING, VERDICTS, ExitCode
from provenance_cli.render import out, table

_DEMANDED = {
    VerdictCode.INTACT_UNRECOGNIZED_ISSUER: "4 under --require-trusted",
    VerdictCode.DERIVED_COPY: "5 under --require-credentials",
    VerdictCode.POSSIBLY_SYNTHETIC: "5 under --require-credentials",
    VerdictCode.NO_EVIDENCE: "5 under --require-credentials",
    VerdictCode.DISCLOSED_SYNTHETIC: "4 or 5 likewise, by its credentials",
}


@click.command("explain")
def command() -> ExitCode:
    """Print how evidence becomes a verdict: twelve rules, the first that applies wins."""
    out(inspect.cleandoc(judge.__doc__ or "").replace("::\n\n", "").rstrip())
    out()
    rows = [("verdict", "exit", "and")]
    rows += [(code.value, str(VERDICTS[code].value), _DEMANDED.get(code, "")) for code in VerdictCode]
    out(table(rows))
    out()
    out(table([("exit", "meaning"), *((str(code.value), text) for code, text in MEANING.items())]))
    return ExitCode.DONE
