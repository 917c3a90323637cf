"""Setup: make an installation, and open one: keys, trust lists, registry, workers and the three jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from provenance import files
from provenance.appraisal import Appraiser
from provenance.checking import VERIFY, Checking
from provenance.custody import Custody
from provenance.detect import models
from provenance.earlier import Earlier
from provenance.errors import ConfigError
from provenance.ledger.checkpoint import Cosigner, LogKeys, LogSigner, NoteSigner
from provenance.ledger.cosign import Cosigning
from provenance.ledger.database import conninfo_of
from provenance.ledger.highwater import HighWater
from provenance.ledger.intake import Intake
from provenance.ledger.log import Log
from provenance.ledger.policy import Policy
from provenance.ledger.sequencer import Sequencer
from provenance.ledger.source import StoreSource
from provenance.ledger.store import Store
from provenance.match.find import Finder
from provenance.match.near import CodesInMemory, NearCodes
from provenance.media.fetch import Fetcher
from provenance.media.sandbox import WorkerPool
from provenance.publish import Publisher
from provenance.resolve import Resolver
from provenance.search import Searcher
from provenance.service.access import Access, Scope, parse_scopes
from provenance.service.deposits import Deposits
from provenance.service.doer import Engine
from provenance.service.jobs import Jobs
from provenance.service.ownership import Ownership, account_secret
from provenance.service.replies import Replies
from provenance.service.reports import Reports
from provenance.service.runner import Runner
from provenance.service.schema import open_database
from provenance.service.tables import Database
from provenance.service.tokens import Tokens
from provenance.service.watches import Watches
from provenance.settings import CONFIG_NAME, Settings
from provenance.signing.keys import KeyRing, create_development_keys
from provenance.signing.manifest import check_engine
from provenance.signing.trust import TrustList, load_trust_lists
from provenance.statement import Statements
from provenance.verify import Verifier
from provenance.web import Web

#: Most bytes of an issuer's key document.
MAX_JWKS_BYTES = 1 << 20
#: File outside the database that remembers the largest checkpoint, so that a restored backup is noticed.
HIGH_WATER_NAME = "ledger.highwater"
#: Witnesses of this log and how many of them it takes, in the keys folder; a log without it asks nobody.
WITNESS_POLICY_NAME = "witnesses.policy"
#: Public halves of the ledger keys, in the keys folder, the current one first: what offline receipt checks
#: need. Former keys stay in it, so that what they signed can be checked.
VERIFIER_KEY_NAME = "ledger-key.vkey"

_CONFIG = """# Content provenance. Every name can also be set as PROVENANCE_<NAME>; unknown names are errors.
environment = "development"   # production refuses TEST certificates
database_url = "{database_url}"
origin = "{origin}"           # name of the log, first line of every checkpoint
keys = "keys"
organisation = "{organisation}"
"""


def initialise(
    folder: Path, organisation: str, now: datetime | None = None, database_url: str | None = None
) -> Settings:
    """Make TEST keys and ``provenance.toml`` in ``folder``, and an empty registry.

    Args:
        folder: Where; made if it is missing.
        organisation: Publisher's name.
        now: Present time, aware UTC.
        database_url: Where the registry goes instead of a SQLite file in ``folder``.

    Raises:
        OutputExistsError: Something of that stands there already; nothing was changed.
    """
    config = folder / CONFIG_NAME
    settings = Settings(root=folder.resolve(), organisation=organisation)
    if database_url is not None:
        settings = replace(settings, database_url=database_url)
    for path in (config, settings.keys_folder / "signing-key.pem", folder / "registry.db"):
        if path.exists():
            raise files.exists(path)
    folder.mkdir(parents=True, exist_ok=True)
    keys = create_development_keys(settings.keys_folder, organisation, now or datetime.now(UTC))
    text = _CONFIG.format(
        origin=settings.origin,
        organisation=organisation.replace('"', "'"),
        database_url=settings.database_url,
    )
    files.write_whole(config, text.encode(), replace=False)
    write_verifier_keys(settings, log_signer(settings.origin, keys, _now).verifier)
    make_registry(settings, keys)
    return settings


def _now() -> datetime:
    return datetime.now(UTC)


def log_signer(origin: str, keys: KeyRing, clock: Callable[[], datetime]) -> LogSigner:
    """Return everything that the log ``origin`` signs its checkpoints with."""
    also: list[NoteSigner | Cosigner] = []
    if keys.ledger_next is not None:
        also.append(NoteSigner(origin, keys.ledger_next))
    if keys.ledger_mldsa is not None:
        also.append(Cosigner(origin, keys.ledger_mldsa, clock))
    return LogSigner(NoteSigner(origin, keys.ledger), tuple(also))


def write_verifier_keys(settings: Settings, keys: LogKeys) -> None:
    """Write the public keys of the log, one a line, the current one first."""
    text = "".join(f"{each.vkey}\n" for each in keys.keys)
    files.write_whole(settings.keys_folder / VERIFIER_KEY_NAME, text.encode(), replace=True)


def make_registry(settings: Settings, keys: KeyRing) -> None:
    """Make all tables, empty but for the publisher's key, unless they are there."""
    store = Store.create(settings.database)
    try:
        store.admit(keys.publisher.public_key(), settings.organisation)
    finally:
        store.close()
    open_database(settings.database).dispose()


class Installation:
    """An open installation; a context manager that ends its workers.

    Args:
        settings: Places and limits.
        clock: Current time, aware UTC.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = _now) -> None:
        check_engine()
        self.settings, self._clock = settings, clock
        self.store = Store.open(settings.database)
        self.pool = WorkerPool(limits=settings.limits, size=settings.limits.workers)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return the installation of ``settings``; cheap: workers, keys and books are made when first needed."""
        return cls(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Answer what waits for the ledger, end the workers and close the registry."""
        if "intake" in self.__dict__:  # made when it is first needed
            self.intake.close()
        if "sequencer" in self.__dict__:
            self.sequencer.close()
        self.pool.close()
        self.store.close()
        if "memory" in self.__dict__:
            self.memory.dispose()

    @cached_property
    def keys(self) -> KeyRing:
        """Signing, publisher and ledger keys; raises KeyMaterialError where they are missing or unfit."""
        return KeyRing.load(
            self.settings.keys_folder, now=self._clock(), environment=self.settings.environment
        )

    @cached_property
    def trust(self) -> tuple[TrustList, ...]:
        """The trust lists of this installation."""
        folder = self.settings.keys_folder / "trust"
        return load_trust_lists(folder, environment=self.settings.environment)

    @cached_property
    def log(self) -> Log:
        """The ledger, able to append."""
        signer = self.note_signer
        mark = HighWater(self.settings.root / HIGH_WATER_NAME, signer.verifier)
        return Log(self.store, self.settings.origin, signer, self._clock, high_water=mark)

    @cached_property
    def intake(self) -> Intake:
        """The way into the ledger: submissions of all threads are committed together."""
        return Intake(self.sequencer if self.store.shared else self.log)

    @cached_property
    def sequencer(self) -> Sequencer:
        """Appends here, or through the process that does it for all over a shared database."""
        return Sequencer(self.log, self.store.mailbox())

    @cached_property
    def cosigning(self) -> Cosigning | None:
        """How witnesses are asked; None where no policy names any.

        Raises:
            ConfigError: The policy is spelled wrong.
        """
        path = self.settings.keys_folder / WITNESS_POLICY_NAME
        if not path.is_file():
            return None
        return Cosigning(self.log, self.store, Policy.parse(path.read_text("utf-8", errors="replace")))

    @cached_property
    def published(self) -> StoreSource:
        """The log as everybody may see it: tiles, entries, and the newest checkpoint that may be shown."""
        return StoreSource(self.log, self.store, witnessed=self.cosigning is not None)

    @cached_property
    def note_signer(self) -> LogSigner:
        """The ledger keys as signer of checkpoints; former keys are those that only the public file names.

        Raises:
            KeyMaterialError: Keys are missing or unfit.
            CheckpointError: The public file holds something else, or keys of another log.
        """
        made = log_signer(self.settings.origin, self.keys, self._clock)
        public = self.settings.keys_folder / VERIFIER_KEY_NAME
        if not public.is_file():
            return made
        listed = LogKeys.parse(public.read_text("utf-8", errors="replace")).keys
        signing = made.verifier.keys
        return replace(made, former=tuple(key for key in listed if key not in signing))

    @cached_property
    def publisher(self) -> Publisher:
        """The publish job."""
        organisation = self.settings.organisation
        return Publisher(
            self.pool, self.store, self.intake, self.keys, organisation, self.settings.limits, self._clock
        )

    @cached_property
    def verifier(self) -> Verifier:
        """The verify job."""
        model = models.chosen(self.settings.detector, self.settings.models_folder)
        appraiser = Appraiser(self.pool, model)
        limits = self.settings.limits
        return Verifier(
            self.pool, self.store, self.finder, self.trust, limits, self._clock, appraiser, self.earlier
        )

    @cached_property
    def finder(self) -> Finder:
        """Finds registered assets by similarity."""
        return Finder(self.pool, self.store, self.settings.limits)

    @cached_property
    def earlier(self) -> Earlier:
        """Tells what was registered before something registered."""
        return Earlier(self.store, self.codes, self.finder)

    @cached_property
    def searcher(self) -> Searcher:
        """The search job."""
        return Searcher(self.pool, self.store, self.codes, self.log, self.settings.limits)

    @cached_property
    def codes(self) -> NearCodes:
        """The registered codes: in the memory of this process, or in the database that several share."""
        return self.store.banded() if self.store.shared else CodesInMemory(self.store)

    @cached_property
    def memory(self) -> Database:
        """The service's own tables, made when they are not there."""
        return open_database(self.settings.database)

    @cached_property
    def access(self) -> Access:
        """API keys and the audit trail."""
        return Access(self.memory)

    @cached_property
    def anonymous(self) -> frozenset[Scope]:
        """What callers without credentials may do; raises FormatError for an unknown scope."""
        return parse_scopes(self.settings.anonymous)

    @cached_property
    def tokens(self) -> Tokens | None:
        """The issuer whose access tokens are accepted, or None; raises ConfigError for half a setting."""
        used = self.settings
        if not used.oidc_issuer:
            return None
        if not used.oidc_audience or not used.oidc_jwks:
            raise ConfigError(
                "expected oidc_audience and oidc_jwks beside oidc_issuer, found one missing",
                hint="tokens without a pinned audience could be meant for anybody",
            )
        return Tokens(used.oidc_issuer, used.oidc_audience, used.oidc_tenant_claim, self._issuer_keys)

    def _issuer_keys(self) -> bytes:
        """Return the issuer's JWKS; its address is the operator's own, so it may lie in a private network."""
        said = self.settings.oidc_jwks
        if said.startswith("https://"):
            with Web() as web:
                return web.get(said, MAX_JWKS_BYTES)
        return (self.settings.root / said).read_bytes()

    @cached_property
    def ownership(self) -> Ownership:
        """Which tenant registered what."""
        return Ownership(self.memory, lambda: account_secret(self.keys.publisher))

    @cached_property
    def deposits(self) -> Deposits:
        """Deposited manifest stores and soft bindings."""
        return Deposits(self.memory)

    @cached_property
    def resolver(self) -> Resolver:
        """The resolve job."""
        limits = self.settings.limits
        return Resolver(self.pool, self.store, self.codes, self.deposits, self.verifier, limits)

    @cached_property
    def jobs(self) -> Jobs:
        """The queue of jobs."""
        limits, queue = self.settings.limits, None
        if self.store.shared:
            from provenance.service.queue import Queue  # noqa: PLC0415 - installed with PostgreSQL only

            queue = Queue()
        return Jobs(self.memory, limits.waiting_jobs, queue, limits.job_lease_s)

    def engine(self, threads: int) -> Engine:
        """Return what takes jobs and does ``threads`` of them at once; it is still to be started."""
        work, clear = {VERIFY: self.checking.work}, self.checking.clear
        if not self.store.shared:
            return Runner(self.jobs, work, threads, clear)
        from provenance.service.queue import QueueRunner  # noqa: PLC0415 - installed with PostgreSQL only

        return QueueRunner(self.jobs, work, threads, clear, conninfo=conninfo_of(self.memory))

    @cached_property
    def checking(self) -> Checking:
        """Verification at once or as jobs; makes the private spool folder where there is none."""
        spool = self.settings.spool_folder / "jobs"
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Checking(self.verifier, self.store, self.jobs, self.ownership, self.trust, spool)

    @cached_property
    def fetcher(self) -> Fetcher | None:
        """Fetches what callers name, or None where that is off."""
        return Fetcher() if self.settings.fetch_urls == "on" else None

    @cached_property
    def watches(self) -> Watches:
        """Watches on assets and what they saw."""
        return Watches(self.memory)

    @cached_property
    def statements(self) -> Statements:
        """Withdrawals, disputes and other statements in the name of this publisher."""
        organisation = self.settings.organisation
        return Statements(self.store, self.intake, self.keys.publisher, organisation, self._clock)

    @cached_property
    def replies(self) -> Replies:
        """Answers kept for requests with an Idempotency-Key."""
        return Replies(self.memory)

    @cached_property
    def reports(self) -> Reports:
        """Reports kept for all processes of this service."""
        return Reports(self.memory)

    @cached_property
    def custody(self) -> Custody:
        """The custody job."""
        key = self.keys.publisher
        return Custody(self.pool, self.store, self.log, self.deposits, self.ownership, key, self._clock)
