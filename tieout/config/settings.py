"""Settings of the process, from its environment; secrets of connections, by variable name."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tieout.config.located import nearest
from tieout.config.root import Connection
from tieout.errors import Misconfigured, Problem

DATA_FOLDER = ".tieout"  # below the workspace
BROKER = "redis://127.0.0.1:6379/0"

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
LogFormat = Literal["text", "json"]


class Settings(BaseModel):
    """Where this process works and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workspace: Path  # TIEOUT_WORKSPACE: the folder with tieout.yaml
    # TIEOUT_DATABASE: an SQLAlchemy URL, which may hold a password
    database: str = Field(repr=False)
    key: SecretStr | None  # TIEOUT_KEY: encrypts stored tokens; several with commas, newest first
    key_file: Path | None = None  # TIEOUT_KEY_FILE: a file with the key, when TIEOUT_KEY is not set
    # TIEOUT_BROKER: the URL of the workers' Redis, which may hold a password
    broker: str = Field(default=BROKER, repr=False)
    log_level: LogLevel  # TIEOUT_LOG_LEVEL: DEBUG, INFO, WARNING or ERROR
    log_format: LogFormat = "text"  # TIEOUT_LOG_FORMAT: `text`, or `json` for machines

    @property
    def data_folder(self) -> Path:
        """Where the embedded database and what goes with it live."""
        return self.workspace / DATA_FOLDER


def settings_from(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the process settings, from `os.environ` when no environment is given.

    Every one has a default but the key.

    The database defaults to SQLite in `.tieout/` of the workspace; the folder is made
    by whoever opens the database. Raises Misconfigured.
    """
    environment = os.environ if environment is None else environment
    workspace = Path(environment.get("TIEOUT_WORKSPACE") or ".")
    default = f"sqlite:///{(workspace / DATA_FOLDER / 'tieout.db').as_posix()}"
    database = environment.get("TIEOUT_DATABASE") or default
    level = (environment.get("TIEOUT_LOG_LEVEL") or "INFO").upper()
    problems: list[Problem] = []
    levels: tuple[LogLevel, ...] = get_args(LogLevel)
    chosen = next((known for known in levels if known == level), None)
    if chosen is None:
        hint = nearest(level, levels) or f"; use {', '.join(levels)}"
        problems.append(Problem("TIEOUT_LOG_LEVEL", 0, f"'{level}' is not a log level{hint}"))
    shape = (environment.get("TIEOUT_LOG_FORMAT") or "text").lower()
    shapes: tuple[LogFormat, ...] = get_args(LogFormat)
    written = next((known for known in shapes if known == shape), None)
    if written is None:
        hint = nearest(shape, shapes) or f"; use {' or '.join(shapes)}"
        problems.append(Problem("TIEOUT_LOG_FORMAT", 0, f"'{shape}' is not a format{hint}"))
    if not database.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        text = "must start with sqlite:/// or postgresql:// (the value is not shown)"
        problems.append(Problem("TIEOUT_DATABASE", 0, text))
    if problems or chosen is None or written is None:
        raise Misconfigured("the environment has problems", tuple(problems))
    key, key_file = environment.get("TIEOUT_KEY"), environment.get("TIEOUT_KEY_FILE")
    return Settings(
        workspace=workspace,
        database=database,
        key=SecretStr(key) if key else None,
        key_file=Path(key_file) if key_file else None,
        broker=environment.get("TIEOUT_BROKER") or BROKER,
        log_level=chosen,
        log_format=written,
    )


def secrets_of(
    name: str,
    connection: Connection,
    environment: Mapping[str, str] | None = None,
    *,
    spared: Collection[str] = (),
) -> dict[str, SecretStr]:
    """The secrets of a connection, read from the variables it names, `os.environ` by default.

    The keys are the connector's names; one that is `spared` is left out when it is not set.
    Raises Misconfigured naming every other variable that is not set.
    """
    environment = os.environ if environment is None else environment
    missing = tuple(
        Problem(
            connection.file or "tieout.yaml",
            connection.line_of("secrets", secret),
            f"connection '{name}' needs the environment variable {variable} for its {secret}",
        )
        for secret, variable in connection.secrets.items()
        if not environment.get(variable) and secret not in spared
    )
    if missing:
        raise Misconfigured(f"secrets of connection '{name}' are not set", missing)
    named = connection.secrets.items()
    return {secret: SecretStr(environment[v]) for secret, v in named if environment.get(v)}
