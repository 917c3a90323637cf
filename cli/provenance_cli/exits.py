"""Exit codes: one table for errors, one for verdicts, and which of several wins."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from provenance import errors
from provenance.credential import Credential, CredentialState
from provenance.errors import ProvenanceError
from provenance.verdict import VerdictCode


class ExitCode(IntEnum):
    """What a script learns from the command; the numbers never change."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    FINDING = 3
    UNRECOGNIZED = 4
    NO_CREDENTIALS = 5
    UNSUPPORTED = 6
    NOT_AUTHORISED = 7
    UNREACHABLE = 8
    CANCELLED = 130


#: What each code means, in the order of the numbers; ``provenance --help`` prints it.
MEANING: dict[ExitCode, str] = {
    ExitCode.DONE: "done, nothing against the file",
    ExitCode.FAILED: "could not run (disk, worker, registry refused, unexpected)",
    ExitCode.USAGE: "wrong use: options, values, configuration, output exists",
    ExitCode.FINDING: "a finding against the file, or a receipt or credential that does not hold",
    ExitCode.UNRECOGNIZED: "issuer on no trust list, under --require-trusted",
    ExitCode.NO_CREDENTIALS: "no holding credentials, under --require-credentials",
    ExitCode.UNSUPPORTED: "media type not supported, unreadable, or over a limit",
    ExitCode.NOT_AUTHORISED: "not authorised, or keys missing or unfit",
    ExitCode.UNREACHABLE: "ledger or network unreachable",
    ExitCode.CANCELLED: "cancelled",
}

#: Exit code of every class of the error tree.
ERRORS: dict[type[ProvenanceError], ExitCode] = {
    errors.ProvenanceError: ExitCode.FAILED,
    errors.InputError: ExitCode.USAGE,
    errors.MediaError: ExitCode.UNSUPPORTED,
    errors.FormatError: ExitCode.USAGE,
    errors.UnsupportedError: ExitCode.UNSUPPORTED,
    errors.LimitError: ExitCode.UNSUPPORTED,
    errors.UnmatchableError: ExitCode.UNSUPPORTED,
    errors.OutputExistsError: ExitCode.USAGE,
    errors.ConfigError: ExitCode.USAGE,
    errors.VerificationError: ExitCode.FINDING,
    errors.CredentialError: ExitCode.FINDING,
    errors.ProofError: ExitCode.FINDING,
    errors.CheckpointError: ExitCode.FINDING,
    errors.ReceiptError: ExitCode.FINDING,
    errors.LedgerError: ExitCode.FAILED,
    errors.ConflictError: ExitCode.FAILED,
    errors.NotFoundError: ExitCode.FAILED,
    errors.SchemaError: ExitCode.FAILED,
    errors.KeyMaterialError: ExitCode.NOT_AUTHORISED,
    errors.AuthorisationError: ExitCode.NOT_AUTHORISED,
    errors.UnauthenticatedError: ExitCode.NOT_AUTHORISED,
    errors.UnavailableError: ExitCode.UNREACHABLE,
    errors.WorkerError: ExitCode.FAILED,
    errors.DeadlineError: ExitCode.FAILED,
    errors.BusyError: ExitCode.UNREACHABLE,
    errors.StorageError: ExitCode.FAILED,
    errors.FetchError: ExitCode.UNREACHABLE,
}

#: Exit code of every verdict where nothing is demanded. Source: docs/adr/0002-verdicts.md.
VERDICTS: dict[VerdictCode, ExitCode] = {
    VerdictCode.WITHDRAWN: ExitCode.FINDING,
    VerdictCode.CREDENTIALS_INVALID: ExitCode.FINDING,
    VerdictCode.CREDENTIALS_CONFLICT: ExitCode.FINDING,
    VerdictCode.ALTERED_COPY: ExitCode.FINDING,
    VerdictCode.RE_EDITED_COPY: ExitCode.FINDING,
    VerdictCode.DISCLOSURE_REMOVED: ExitCode.FINDING,
    VerdictCode.DISCLOSED_SYNTHETIC: ExitCode.DONE,
    VerdictCode.INTACT: ExitCode.DONE,
    VerdictCode.INTACT_UNRECOGNIZED_ISSUER: ExitCode.DONE,
    VerdictCode.DERIVED_COPY: ExitCode.DONE,
    VerdictCode.POSSIBLY_SYNTHETIC: ExitCode.DONE,
    VerdictCode.NO_EVIDENCE: ExitCode.DONE,
}

#: Gravest first. A finding outranks a failure: a batch with one tampered file says so even where another
#: file could not be read.
SEVERITY: tuple[ExitCode, ...] = (
    ExitCode.CANCELLED,
    ExitCode.FINDING,
    ExitCode.FAILED,
    ExitCode.UNREACHABLE,
    ExitCode.NOT_AUTHORISED,
    ExitCode.UNSUPPORTED,
    ExitCode.USAGE,
    ExitCode.UNRECOGNIZED,
    ExitCode.NO_CREDENTIALS,
    ExitCode.DONE,
)


def of_error(error: ProvenanceError) -> ExitCode:
    """Return the exit code of ``error``: that of its nearest class in the table."""
    return next(ERRORS[cls] for cls in type(error).__mro__ if cls in ERRORS)


def of_verdict(
    code: VerdictCode, credential: Credential, *, require_trusted: bool, require_credentials: bool
) -> ExitCode:
    """Return the exit code of a verdict under what was demanded.

    Args:
        code: The verdict.
        credential: The copy's own credential.
        require_trusted: Whether holding credentials must be by an issuer on a trust list.
        require_credentials: Whether the copy must carry credentials that hold; this also covers
            ``possibly-synthetic`` and content that is disclosed without credentials.
    """
    plain = VERDICTS[code]
    if plain is not ExitCode.DONE:
        return plain
    unlisted = (
        code is VerdictCode.INTACT_UNRECOGNIZED_ISSUER or credential.state is CredentialState.UNRECOGNIZED
    )
    if require_trusted and unlisted:
        return ExitCode.UNRECOGNIZED
    if require_credentials and not credential.holds:
        return ExitCode.NO_CREDENTIALS
    return ExitCode.DONE


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the gravest of ``codes``; of none, ``DONE``."""
    return min(codes, key=SEVERITY.index, default=ExitCode.DONE)
