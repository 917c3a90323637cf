"""Places, sizes and limits; nothing here may change a hash, a proof or a rule.

Settings come from ``provenance.toml`` (found in the working folder or named) and from ``PROVENANCE_*``
environment variables, which win. An unknown name in either is an error, never ignored.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self, TypeVar, get_type_hints

from provenance.errors import ConfigError

#: Name of the configuration file that ``provenance init`` writes.
CONFIG_NAME = "provenance.toml"
_PREFIX = "PROVENANCE_"
_T = TypeVar("_T")
#: Settings that are one word of a few; the first is the default.
_CHOICES = {"fetch_urls": ("off", "on"), "webhooks": ("off", "on"), "jobs": ("here", "elsewhere")}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one media file may cost. Source: security.md SR-12, service.md section 7.

    Attributes:
        picture_bytes: Largest picture file, bytes.
        media_bytes: Largest film or recording, bytes.
        signing_bytes: Largest file that is signed; the C2PA engine holds it in memory, docs/formats.md.
        pixels: Most pixels of one picture or frame.
        side_px: Longest side of a picture or frame, pixels.
        animation_frames: Most frames of an animated picture.
        duration_s: Longest film or recording, seconds of media time.
        worker_memory_bytes: Address space of one media worker, bytes.
        worker_seconds: Wall time for one task on a picture; film and sound get more by their duration.
        workers: Media workers kept warm.
        manifest_bytes: Largest C2PA manifest store on its own, bytes.
        upload_space_bytes: Disk that files on their way and files of waiting jobs may take together, bytes.
        waiting_jobs: Jobs that may wait; more are refused.
        job_lease_s: Time a worker may be silent before another one takes its job, seconds.
        signatures_per_hour: Signatures that one API key or subject may ask for in an hour.
        requests_per_minute: Requests a minute that one address without credentials is given back.
        request_burst: Requests it may make at once.
        key_requests_per_minute: Requests a minute that one API key or subject is given back.
        key_request_burst: Requests it may make at once.
    """

    picture_bytes: int = 64 << 20
    media_bytes: int = 2 << 30
    pixels: int = 100_000_000
    side_px: int = 16_384
    animation_frames: int = 256
    signing_bytes: int = 500 << 20
    duration_s: float = 4 * 3600.0
    worker_memory_bytes: int = 2 << 30
    worker_seconds: float = 30.0
    workers: int = 2
    manifest_bytes: int = 32 << 20
    upload_space_bytes: int = 8 << 30
    waiting_jobs: int = 256
    job_lease_s: float = 60.0
    signatures_per_hour: int = 1_000
    requests_per_minute: float = 120.0
    request_burst: int = 60
    key_requests_per_minute: float = 120_000.0
    key_request_burst: int = 4_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the entry points need to know about this installation.

    Attributes:
        root: Folder that relative paths are relative to (where ``provenance.toml`` lies).
        environment: ``development`` or ``production``; production refuses TEST certificates.
        database_url: SQLAlchemy URL of registry and ledger.
        origin: Name of the log, first line of every checkpoint.
        keys: Folder with keys and certificates.
        organisation: Publisher name used for development certificates and shown beside entries.
        host: Address the service listens on.
        port: Port the service listens on.
        public_url: Address under which clients reach the service; empty takes it from each request.
        spool: Folder for files on their way and files of waiting jobs; private to the service.
        jobs: ``here`` has the service do jobs itself; ``elsewhere`` leaves them to ``provenance worker``.
        fetch_urls: ``on`` lets callers name addresses that this service fetches; needs a way to the Internet.
        webhooks: ``on`` sends sightings to the targets of watches; the feeds work without.
        anonymous: Scopes of callers without credentials, between spaces; empty demands a key for everything.
        oidc_issuer: Issuer of access tokens that are accepted beside API keys; empty accepts none.
        oidc_audience: Audience that those tokens must be made for.
        oidc_jwks: File with the issuer's keys (JWKS), or its https address.
        oidc_tenant_claim: Claim of those tokens that names the tenant.
        detector: Model of the detector: a name, ``best`` of those installed, or ``none``.
        models: Folder with added models.
        limits: Limits on one media file.
    """

    root: Path = field(default_factory=Path.cwd)
    environment: str = "development"
    database_url: str = "sqlite:///registry.db"
    origin: str = "localhost/provenance"
    keys: Path = Path("keys")
    organisation: str = "TEST Publisher"
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = ""
    spool: Path = Path("spool")
    jobs: str = "here"
    fetch_urls: str = "off"
    webhooks: str = "off"
    anonymous: str = "verify lookup fetch:manifests"
    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_jwks: str = ""
    oidc_tenant_claim: str = "tenant"
    detector: str = "best"
    models: Path = Path("models")
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.environment not in ("development", "production"):
            raise ConfigError(
                f"environment must be development or production, not {self.environment!r}",
                hint="set environment in provenance.toml or PROVENANCE_ENVIRONMENT",
            )

        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(
                    f"{name} must be {' or '.join(allowed)}, not {getattr(self, name)!r}",
                    hint=f"the default is {allowed[0]}",
                )

    @property
    def keys_folder(self) -> Path:
        """Absolute folder of keys and certificates."""
        return self.root / self.keys

    @property
    def spool_folder(self) -> Path:
        """Absolute folder of files on their way."""
        return self.root / self.spool

    @property
    def models_folder(self) -> Path:
        """Absolute folder of added models."""
        return self.root / self.models

    @property
    def database(self) -> str:
        """Database URL with a relative SQLite path made absolute against ``root``."""
        prefix = "sqlite:///"
        if self.database_url.startswith(prefix) and not self.database_url.startswith("sqlite:////"):
            return prefix + str((self.root / self.database_url.removeprefix(prefix)).resolve())
        return self.database_url

    @classmethod
    def load(cls, environ: Mapping[str, str], config: Path | None = None) -> Self:
        """Return the settings of ``config`` (default: ``provenance.toml`` here) and the environment.

        Raises:
            ConfigError: The file is missing, cannot be parsed, or a name or value is unknown.
        """
        path = config if config is not None else Path.cwd() / CONFIG_NAME
        values: dict[str, Any] = _read_config(path)
        limits: dict[str, Any] = values.pop("limits", {})
        for name, text in environ.items():
            if not name.startswith(_PREFIX) or name in (f"{_PREFIX}CONFIG", f"{_PREFIX}ENV"):
                continue
            key = name.removeprefix(_PREFIX).lower()
            target = limits if key in _names(Limits) else values
            target[key] = text
        if f"{_PREFIX}ENV" in environ:
            values["environment"] = environ[f"{_PREFIX}ENV"]
        made = _build(cls, values, path)
        return replace(made, root=path.resolve().parent, limits=_build(Limits, limits, path))


def _read_config(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as cause:
        raise ConfigError(
            f"no configuration: {path} does not exist",
            hint="run `provenance init --dev` here, or name a file with --config",
        ) from cause
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
        raise ConfigError(f"{path} cannot be read as TOML: {cause}", hint="see docs/formats.md") from cause


def _names(cls: type) -> set[str]:
    return {f.name for f in fields(cls)}


def _build(cls: type[_T], values: Mapping[str, Any], path: Path) -> _T:
    known = _names(cls) - {"root", "limits"}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(
            f"unknown setting {unknown[0]!r} in {path} or the environment",
            hint=f"known settings: {', '.join(sorted(known))}",
        )
    hints = get_type_hints(cls)
    made: dict[str, Any] = {}
    for name, value in values.items():
        try:
            made[name] = hints[name](value)
        except (TypeError, ValueError) as cause:
            raise ConfigError(
                f"setting {name} needs a {hints[name].__name__}, found {value!r}",
                hint=f"see {path} and the PROVENANCE_ environment variables",
            ) from cause
    return cls(**made)
