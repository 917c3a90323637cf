"""What the global options say, and the installation they name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.settings import Settings
    from provenance.setup import Installation

#: Where ``provenance serve --dev`` puts its installation.
DEV_FOLDER = Path("provenance-dev")
_DEV_CONFIG = DEV_FOLDER / "provenance.toml"


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the program.

    Attributes:
        config: Configuration file; None means ``provenance.toml`` in the working folder.
        traceback: Whether an unexpected error shows where it came from.
    """

    config: Path | None = None
    traceback: bool = False

    def settings(self) -> Settings:
        """Return the settings of the configuration and the environment.

        Raises:
            ConfigError: There is no configuration, or it holds something unknown.
        """
        from provenance.errors import ConfigError  # noqa: PLC0415 - `provenance --help` stays fast
        from provenance.settings import CONFIG_NAME, Settings  # noqa: PLC0415 - `provenance --help` stays fast

        try:
            return Settings.load(os.environ, self.config)
        except ConfigError as error:
            if self.config is None and not Path(CONFIG_NAME).exists() and _DEV_CONFIG.exists():
                error.hint = (
                    f"`provenance serve --dev` keeps its own here: provenance --config {_DEV_CONFIG} ..."
                )
            raise

    @contextmanager
    def installation(self) -> Iterator[Installation]:
        """Open the installation; its workers end with the block.

        Raises:
            ConfigError: There is no configuration.
        """
        settings = self.settings()
        from provenance.setup import Installation  # noqa: PLC0415 - loads codecs and the database

        with Installation.open(settings) as opened:
            yield opened
