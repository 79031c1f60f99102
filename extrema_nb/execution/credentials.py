"""Keys of an account: from the environment or a `.env` file, in one object that hides them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from extrema_nb.errors import ConfigError
from extrema_nb.execution.redact import MARKER, mask

__all__ = ["VARIABLES", "Credentials", "load_credentials"]

VARIABLES = {"binance": ("BINANCE_API_KEY", "BINANCE_SECRET_KEY")}  # (key, secret) by venue family


class Credentials:
    """An API key and its secret; nothing that prints, formats, copies or pickles it shows them."""

    __slots__ = ("_key", "_secret")

    def __init__(self, key: str, secret: str) -> None:
        if not key or not secret:
            raise ConfigError("an empty API key or secret; expected both")
        self._key = key
        self._secret = secret

    @property
    def key(self) -> str:
        """The API key; for the request header alone."""
        return self._key

    @property
    def secret(self) -> str:
        """The secret; for signing alone."""
        return self._secret

    @property
    def secrets(self) -> tuple[str, str]:
        """Return the texts that must never be shown."""
        return self._key, self._secret

    def __repr__(self) -> str:
        return f"Credentials(key={mask(self._key)!r}, secret={MARKER!r})"

    def __reduce__(self) -> str:
        raise TypeError("credentials are not written anywhere")


def load_credentials(
    venue: str, *, env: Mapping[str, str] | None = None, dotenv: Path | None = None
) -> Credentials:
    """Return the credentials for `venue`.

    Parameters
    ----------
    venue : venue id, such as ``"binance-usdm"``
    env : variables; the process's environment by default
    dotenv : file whose lines count where `env` has nothing; ``.env`` in the working folder by
        default

    Raises
    ------
    ConfigError
        a variable is missing or empty; the message names it, never a value
    """
    names = VARIABLES.get(venue.partition("-")[0])
    if names is None:
        raise ConfigError(f"no credentials are known for venue {venue!r}; known: {[*VARIABLES]}")
    path = Path(".env") if dotenv is None else dotenv
    file = dotenv_values(path) if path.is_file() else {}
    known = {**{k: v for k, v in file.items() if v}, **(os.environ if env is None else env)}
    missing = [name for name in names if not known.get(name)]
    if missing:
        raise ConfigError(
            f"credentials for {venue}: {' and '.join(missing)} not set; "
            f"set them in the environment or in a .env file in the working folder"
        )
    return Credentials(*(known[name] for name in names))
