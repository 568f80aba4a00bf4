"""The database: opening it, and units of work.

`with store.begin() as tx:` is one writing transaction, `with store.read() as tx:`
a consistent view that cannot write. A transaction is never repeated by itself:
what fails is rolled back whole and reported as a StoreError.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import (
    URL,
    Connection,
    CursorResult,
    Engine,
    Result,
    RootTransaction,
    Row,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DBAPIError

from tieout.clock import AgreedClock, Clock
from tieout.errors import Misconfigured
from tieout.store import migrate
from tieout.store.cipher import Cipher
from tieout.store.failures import store_error

#: Rows fetched at a time by `Tx.stream`.
_PAGE = 1000


class Tx:
    """One transaction: what every role of the store takes as its first argument."""

    __slots__ = ("_streams", "sql", "store", "writing")

    def __init__(self, store: Store, sql: Connection, writing: bool) -> None:
        self.store = store
        self.sql = sql  # the SQLAlchemy connection, inside its transaction
        self.writing = writing
        self._streams: set[Result[Any]] = set()

    @property
    def clock(self) -> Clock:
        return self.store.clock

    def now(self) -> datetime:
        """The current instant, in UTC."""
        return self.store.clock.now()

    @property
    def is_postgres(self) -> bool:
        return self.sql.dialect.name == "postgresql"

    def execute(
        self,
        statement: sa.Executable,
        rows: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None,
    ) -> CursorResult[Any]:
        """Run a statement, once or for every row of parameters."""
        result = self.sql.execute(statement, rows)
        assert isinstance(result, CursorResult)
        return result

    def first(self, statement: sa.Executable, **values: Any) -> Row[Any] | None:
        """The first row of a query, None when there is none; `values` fill its parameters.

        A query that is asked at every call is built once, with parameters: building it
        takes longer than answering it.
        """
        return self.sql.execute(statement, values).first()

    def stream(self, statement: sa.Executable) -> Iterator[Row[Any]]:
        """The rows of a query, a page at a time; read them inside the transaction."""
        result = self.sql.execute(statement, execution_options={"yield_per": _PAGE})
        self._streams.add(result)
        try:
            yield from result
        finally:
            result.close()
            self._streams.discard(result)

    def close(self) -> None:
        """End the streams that nobody read to their end."""
        for result in tuple(self._streams):
            result.close()

    def insert(self, table: sa.Table) -> sqlite.Insert:
        """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
        return insert_into(table, self.is_postgres)


def insert_into(table: sa.Table, is_postgres: bool) -> sqlite.Insert:
    """An INSERT of the one engine or the other, as `Tx.insert` gives it."""
    if is_postgres:
        # Both dialects' statements offer the same methods; only their class differs.
        return postgresql.insert(table)  # type: ignore[return-value]
    return sqlite.insert(table)


class Store:
    """An open database. Safe to share between threads; each transaction has its own connection."""

    def __init__(self, engine: Engine, clock: Clock, cipher: Cipher) -> None:
        self.engine = engine
        self.clock = clock
        self.cipher = cipher

    @classmethod
    def open(
        cls,
        url: str,
        clock: Clock,
        *,
        busy_s: float = 10.0,
        key: str | None = None,
        key_file: Path | None = None,
    ) -> Store:
        """Open a database; nothing is read or created yet.

        `url` is `sqlite:///path/tieout.db` or `postgresql+psycopg://user@host/name`;
        `busy_s` is how long to wait for another writer, in seconds; `key` overrides the
        environment's TIEOUT_KEY, `key_file` is read instead of the file beside the database.
        Raises Misconfigured when the address cannot be used.
        """
        address = _address(url)
        if address.get_backend_name() == "sqlite":
            engine = _sqlite(address, busy_s)
            file: Path | None = Path(f"{address.database}.key")
        else:
            engine, file = _postgres(address, busy_s), None
        return cls(engine, clock, Cipher(key, key_file or file, named=key_file is not None))

    @property
    def is_file(self) -> bool:
        """Whether it is a file of this machine, and not a server's."""
        return self.engine.dialect.name == "sqlite"

    @property
    def where(self) -> str:
        """The database as a person would name it, without its password."""
        if self.engine.dialect.name == "sqlite":
            return str(self.engine.url.database)
        return self.engine.url.render_as_string(hide_password=True)

    def migrate(self) -> None:
        """Create the tables, or bring them to this version, in one transaction.

        Only reads when there is nothing to do. Raises StoreError when the database was
        written by a newer version.
        """
        with self.read() as tx:
            if migrate.version(tx.sql) == migrate.HEAD:
                return
        with self.begin() as tx:
            migrate.upgrade(tx.sql, self.where)

    def check_version(self) -> None:
        """Raise StoreError, saying what to do, unless the tables are of this version."""
        with self.read() as tx:
            migrate.check(tx.sql, self.where)

    def close(self) -> None:
        """Give all connections back. The store can still be used afterwards."""
        self.engine.dispose()

    @contextmanager
    def begin(self, *, durable: bool = True) -> Iterator[Tx]:
        """One writing transaction: all of it, or nothing when anything is raised inside.

        `durable=False` does not wait for the disk: a crash of the process loses nothing of
        it, a crash of the machine may. For counters, which are worth nothing by then.
        """
        with self._transaction(writing=True, durable=durable) as tx:
            if tx.is_postgres and not durable:
                tx.execute(sa.text("SET LOCAL synchronous_commit = off"))
            yield tx

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """One consistent view of everything; writing in it fails."""
        with self._transaction(writing=False) as tx:
            yield tx

    @contextmanager
    def _transaction(self, writing: bool, durable: bool = True) -> Iterator[Tx]:
        try:
            with (
                self.engine.connect() as sql,
                _begun(sql, writing, durable),
                closing(Tx(self, sql, writing)) as tx,
            ):
                if isinstance(self.clock, AgreedClock) and self.clock.is_due():
                    self.clock.agree(lambda: server_time(sql))
                yield tx
        except DBAPIError as error:
            raise store_error(error, self.where) from error


def server_time(sql: Connection) -> datetime | None:
    """What time it is at the server, in UTC; None for a file, which is of this machine."""
    if sql.dialect.name == "sqlite":
        return None
    told: datetime = sql.execute(_SERVER_TIME).scalar_one()
    return told.astimezone(UTC)


#: Now, and not when the transaction began.
_SERVER_TIME = sa.text("SELECT clock_timestamp()")

#: PostgreSQL's transactions.
_WRITES = {"isolation_level": "READ COMMITTED", "postgresql_readonly": False}
_READS = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def _begun(sql: Connection, writing: bool, durable: bool) -> RootTransaction:
    """A transaction of either engine, begun."""
    if sql.dialect.name != "sqlite":
        sql.execution_options(**_WRITES if writing else _READS)
        return sql.begin()
    begun = sql.begin()
    driver = sql.connection.driver_connection
    assert driver is not None  # it was checked out to begin on it
    # Straight to the driver: these two touch no file, so they meet no error to explain.
    driver.execute(f"PRAGMA query_only = {'OFF' if writing else 'ON'}")
    if writing:
        driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    # A writer takes its turn at once: a reader that becomes a writer half way could
    # find that others wrote in between, and would have to fail.
    sql.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
    return begun


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise Misconfigured(
            "The database address cannot be understood. Write sqlite:///path/tieout.db or "
            "postgresql+psycopg://user@host/name."
        ) from error
    if address.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return address.set(drivername="postgresql+psycopg")
    if address.drivername != "sqlite":
        raise Misconfigured(
            f"Databases of the kind {address.drivername} are not supported. "
            "Use SQLite (sqlite:///path/tieout.db) or PostgreSQL (postgresql+psycopg://...)."
        )
    if address.database in (None, "", ":memory:"):
        raise Misconfigured("The database needs a file: sqlite:///path/tieout.db.")
    return address


def _sqlite(address: URL, busy_s: float) -> Engine:
    engine = sa.create_engine(address, connect_args={"timeout": busy_s})

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: object) -> None:
        # The driver must not open transactions of its own: `_begun` does.
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _postgres(address: URL, busy_s: float) -> Engine:
    options = f"-c lock_timeout={int(busy_s * 1000)} -c timezone=UTC"
    return sa.create_engine(address, pool_pre_ping=True, connect_args={"options": options})
