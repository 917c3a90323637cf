"""Every error the product raises, as one tree.

::

    ProvenanceError
      InputError                 what the caller gave cannot be used
        MediaError                 the media bytes cannot be read as what they are
        FormatError                a value is not spelled as its format demands
        UnsupportedError           a media type or operation outside the documented list
        LimitError                 over a documented limit
        UnmatchableError           too flat, too small or too quiet to be fingerprinted
        OutputExistsError          a file stands where the result should go
        ConfigError                provenance.toml or a setting is missing or wrong
      VerificationError          a check was made and failed
        CredentialError            a C2PA manifest
        ProofError                 an inclusion or consistency proof
        CheckpointError            a signed tree head
        ReceiptError               a receipt, or a receipt for another file
      LedgerError                the log or the registry
        ConflictError              the same thing was written differently before
        NotFoundError              no such entry or asset
        SchemaError                a database of another schema version
      KeyMaterialError           a key or certificate is missing, unreadable or unfit
      AuthorisationError         the caller may not do this
        UnauthenticatedError       the caller gave no credentials, or none that are accepted
      UnavailableError           could not be done now; nothing was lost
        WorkerError                a media worker died on this input
        DeadlineError              a media worker ran out of its time
        BusyError                  too much is waiting, or another writer was faster too often
        StorageError               the disk is full or the database cannot be written
        FetchError                 an address that a caller named gave no usable answer

Texts are lower case, say what was expected and what was found, and end without a full stop.
``hint`` says what to do next. Exit status and HTTP status are tables in the two entry points.
"""

from __future__ import annotations


class ProvenanceError(Exception):
    """Root of all errors raised on purpose.

    Args:
        message: What was expected and what was found.
        hint: What the reader can do about it; may be empty.
    """

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.hint)


def _rebuild(cls: type[ProvenanceError], message: str, hint: str) -> ProvenanceError:
    return cls(message, hint=hint)


class InputError(ProvenanceError):
    """What the caller gave cannot be used."""

    code = "input-invalid"


class MediaError(InputError):
    """The media bytes cannot be read as what they are."""

    code = "media-unreadable"


class FormatError(InputError):
    """A value is not spelled as its format demands."""

    code = "format-invalid"


class UnsupportedError(InputError):
    """A media type or operation outside the documented list."""

    code = "media-unsupported"


class LimitError(InputError):
    """Over a documented limit."""

    code = "limit-exceeded"


class UnmatchableError(InputError):
    """Content too flat, too small or too quiet to be fingerprinted."""

    code = "content-unmatchable"


class OutputExistsError(InputError):
    """A file stands where the result should go."""

    code = "output-exists"


class ConfigError(InputError):
    """``provenance.toml`` or a setting is missing or wrong."""

    code = "config-invalid"


class VerificationError(ProvenanceError):
    """A check was made and failed."""

    code = "verification-failed"


class CredentialError(VerificationError):
    """A C2PA manifest could not be read or made."""

    code = "credential-invalid"


class ProofError(VerificationError):
    """An inclusion or consistency proof does not hold."""

    code = "proof-invalid"


class CheckpointError(VerificationError):
    """A signed tree head is malformed or not signed by the expected key."""

    code = "checkpoint-invalid"


class ReceiptError(VerificationError):
    """A receipt is malformed or belongs to another file."""

    code = "receipt-invalid"


class LedgerError(ProvenanceError):
    """The log or the registry refused."""

    code = "ledger-refused"


class ConflictError(LedgerError):
    """The same thing was written differently before."""

    code = "conflict"


class NotFoundError(LedgerError):
    """No such entry or asset."""

    code = "not-found"


class SchemaError(LedgerError):
    """The database has another schema version."""

    code = "schema-version"


class KeyMaterialError(ProvenanceError):
    """A key or certificate is missing, unreadable or unfit."""

    code = "key-material"


class AuthorisationError(ProvenanceError):
    """The caller may not do this."""

    code = "not-authorised"


class UnauthenticatedError(AuthorisationError):
    """The caller gave no credentials, or none that are accepted."""

    code = "not-authenticated"


class UnavailableError(ProvenanceError):
    """Could not be done now; nothing was lost."""

    code = "unavailable"


class WorkerError(UnavailableError):
    """A media worker died on this input."""

    code = "worker-died"


class DeadlineError(UnavailableError):
    """A media worker ran out of its time."""

    code = "deadline"


class BusyError(UnavailableError):
    """Too much is waiting, or another writer was faster too often; trying again later helps."""

    code = "busy"


class StorageError(UnavailableError):
    """The disk is full or the database cannot be written."""

    code = "storage"


class FetchError(UnavailableError):
    """An address that a caller named gave no usable answer."""

    code = "fetch-failed"


def every_error() -> list[type[ProvenanceError]]:
    """Return each class of the tree, root first; the entry points' tables are tested against it."""
    found: list[type[ProvenanceError]] = [ProvenanceError]
    for cls in found:
        found.extend(sub for sub in cls.__subclasses__() if sub.__module__ == __name__)
    return found
