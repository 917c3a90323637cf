"""The program: global options, the list of commands, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from provenance.errors import ProvenanceError
from provenance_cli import exits
from provenance_cli.exits import MEANING, ExitCode
from provenance_cli.render import Messages, complain, say
from provenance_cli.session import Session

#: Command -> module and one line of help; a module is loaded only when its command runs.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "make TEST keys, a registry and provenance.toml"),
    "sign": ("sign", "sign media, register it and write receipts"),
    "supersede": ("supersede", "sign a new version in place of a registered one"),
    "withdraw": ("withdraw", "withdraw a registered asset, with the reason"),
    "dispute": ("dispute", "dispute another publisher's registration"),
    "verify": ("verify", "check copies: credentials, registered original, differences"),
    "hash": ("hashes", "print the hashes of media; the media stays here"),
    "search": ("search", "look up registered assets by file or hash"),
    "lookup": ("lookup", "ask a service elsewhere by hashes; its receipts are checked here"),
    "receipt": ("receipt", "check, show or renew a receipt, offline"),
    "ledger": ("ledger", "state, full check, proofs, mirror and monitor of the log"),
    "detect": ("detect", "list, explain, add and measure the detector's models"),
    "model-report": ("model_report", "what is known of a generator's registered assets"),
    "serve": ("serve", "run the HTTP service and its page"),
    "api-keys": ("api_keys", "make, list and revoke API keys of the service"),
    "worker": ("worker", "do jobs of the service in a process of its own"),
    "backup": ("backup", "copy the registry while the service runs"),
    "restore": ("restore", "put a backup in place and check all of it"),
    "explain": ("explain", "print the rules behind the verdicts and their exit codes"),
    "demo": ("demonstrate", "sign, copy, damage and verify real media"),
    "migrate": ("migrate", "move the registry to PostgreSQL"),
    "db": ("db", "bring the registry's tables to this version"),
    "doctor": ("doctor", "show versions, isolation, keys and registry; run the self-test"),
}
_EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code.value:>3}  {text}" for code, text in MEANING.items())


class Program(click.Group):
    """The command group: loads commands late and turns every error into a message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Return a command, loading its module; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"provenance_cli.{COMMANDS[cmd_name][0]}")
        command = module.command
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.command is a {type(command).__name__}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; return its exit code. The only place where every exception is caught."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except ProvenanceError as error:
            complain(error.message, error.hint)
            return exits.of_error(error)
        except OSError as error:
            complain(str(error), "check the path and its permissions")
            return ExitCode.FAILED
        except Exception as error:  # noqa: BLE001 - the edge of the process: a bug becomes a message
            if ctx.find_object(Session) is not None and ctx.ensure_object(Session).traceback:
                say(traceback.format_exc())
            complain(
                f"unexpected {type(error).__name__}: {error}",
                "this is a bug, please report it with the output of provenance --traceback …",
            )
            return ExitCode.FAILED

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Run the program; with ``standalone_mode`` the process ends with the exit code."""
        try:
            code = super().main(
                args,
                prog_name or "provenance",
                complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = ExitCode.USAGE
        except click.ClickException as error:
            code = _wrong_use(error)
        except click.Abort:
            complain("cancelled")
            code = ExitCode.CANCELLED
        if not standalone_mode:
            return code
        return sys.exit(int(code or ExitCode.DONE))


def _wrong_use(error: click.ClickException) -> ExitCode:
    text = " ".join(error.format_message().split()).rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else "provenance"
    complain(text[:1].lower() + text[1:], f"{path} --help")
    return ExitCode.USAGE


@click.group(
    "provenance", cls=Program, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(version("content-provenance"), "--version", message="content-provenance %(version)s")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration instead of ./provenance.toml.")
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR in the environment does the same.")
@click.option("--traceback", is_flag=True, help="Show where an unexpected error came from.")
@click.pass_context
def main(ctx: click.Context, *, config: Path | None, no_color: bool, traceback: bool) -> None:
    """Sign media when you publish it, verify any copy later, and see where the copy differs.

    Results go to stdout, messages to stderr. Findings are about files, never about truth.
    """
    ctx.obj = Session(config, traceback)
    if no_color or os.environ.get("NO_COLOR"):
        ctx.color = False
    logger = logging.getLogger("provenance")
    logger.handlers = [Messages(logging.WARNING)]
    logger.propagate = False
