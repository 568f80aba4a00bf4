"""What every test is given: no network but this machine, and quiet logs."""

import pytest
import structlog
from pytest_socket import socket_allow_hosts


@pytest.fixture(autouse=True)
def only_this_machine() -> None:
    """A test that reaches for another host fails; vendors are stand-ins or recordings."""
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def quiet_logs() -> None:
    """Faults are planned by the hundred here; their warnings would bury a failure.

    What an earlier test set up in this process, such as a level, is taken back.
    """
    structlog.reset_defaults()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
