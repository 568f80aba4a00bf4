"""The HTTP door: what is sent, what is repeated, what is never repeated."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import structlog
from werkzeug.wrappers import Request as HttpRequest
from werkzeug.wrappers import Response as HttpResponse

from tests.connectors.hostile import CANARIES, NOON, Bench, HostileSettings, answer, read, write
from tieout.connectors.base import Request
from tieout.connectors.connection import MemoryKeeper
from tieout.connectors.transport import Transport
from tieout.errors import (
    AuthExpired,
    Misconfigured,
    RateLimited,
    Rejected,
    RemoteError,
    Transient,
    Unknown,
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# -- what is sent -----------------------------------------------------------------------
def test_exact_bytes_and_query_arrive(bench: Bench) -> None:
    body = '{"amount":10.10,"name":"Zoë & Søn"}'.encode()
    bench.call(write(body))
    bench.call(read("/query", query="select * from X where n = 'a&b+c'", at="10:00+02:00"))
    assert bench.vendor.made == [body]
    query = bench.vendor.calls[-1].query
    assert query == "query=select+%2A+from+X+where+n+%3D+%27a%26b%2Bc%27&at=10%3A00%2B02%3A00"


def test_a_compressed_answer_is_read(bench: Bench) -> None:
    packed = gzip.compress(b'{"price": 0.1}')
    bench.vendor.respond = lambda request: answer(packed, content_encoding="gzip")
    assert str(bench.call(read()).json()["price"]) == "0.1"


def test_a_credential_is_not_sent_to_another_host(bench: Bench) -> None:
    with pytest.raises(Misconfigured, match=r"not on the host"):
        bench.call(read("https://evil.example/v1/things"))
    with pytest.raises(Misconfigured, match=r"not on the host"):
        bench.call(read("http://api.hostile.example/v1/things"))
    assert not bench.data_calls


def test_a_redirect_is_not_followed(bench: Bench) -> None:
    bench.vendor.respond = lambda request: answer("", 302, location="https://evil.example/")
    with pytest.raises(Rejected, match="redirect"):
        bench.call(read())
    assert len(bench.data_calls) == 1


def test_a_secret_that_cannot_be_a_header_is_not_quoted() -> None:
    bench = Bench(keeper=MemoryKeeper({"access": "canary-\nline", "refresh": "r"}))
    with pytest.raises(Misconfigured) as caught:
        bench.call(read())
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# -- reads are repeated for seconds, writes never ------------------------------------------
def test_a_read_survives_two_bad_moments(bench: Bench) -> None:
    bench.vendor.faults.add("cut_before", path="/things")
    bench.vendor.faults.add("error_before", path="/things", status=503)
    assert bench.call(read()).json() == {"ok": True}
    assert len(bench.data_calls) == 3
    assert 0 < (bench.clock.now() - NOON).total_seconds() < 10


def test_a_read_gives_up_after_three_tries(bench: Bench) -> None:
    bench.vendor.faults.add("error_before", path="/things", status=502, times=9)
    with pytest.raises(Transient):
        bench.call(read())
    assert len(bench.data_calls) == 3


@pytest.mark.parametrize("kind", ["lost_answer", "cut_before", "error_after", "truncated"])
def test_a_write_in_doubt_is_sent_once(bench: Bench, kind: str) -> None:
    bench.vendor.faults.add(kind, method="POST", path="/things")  # type: ignore[arg-type]
    with pytest.raises(Unknown):
        bench.call(write())
    assert len(bench.data_calls) == 1


@pytest.mark.parametrize(
    "reply",
    [
        answer("<html>Welcome to the gateway</html>", kind="text/html"),
        answer(""),
        answer('{"ok":tr'),
        answer('{"total": NaN}'),
        answer("[" * 100_000),
    ],
)
def test_a_success_that_cannot_be_read_is_a_doubt(bench: Bench, reply: HttpResponse) -> None:
    bench.vendor.respond = lambda request: reply
    with pytest.raises(Unknown):
        bench.call(write())
    assert len(bench.data_calls) == 1
    with pytest.raises(Transient):
        bench.call(read())


def test_an_empty_answer_that_says_so_is_fine(bench: Bench) -> None:
    bench.vendor.respond = lambda request: answer("", 204)
    assert bench.call(write()).body == b""


def test_slow_reads_time_out_sooner_than_slow_writes(bench: Bench) -> None:
    bench.vendor.faults.add("slow", method="POST", path="/things", seconds=110)
    bench.call(write())
    bench.vendor.faults.add("slow", method="POST", path="/things", seconds=131)
    with pytest.raises(Unknown, match="no answer in time"):
        bench.call(write())
    bench.vendor.faults.add("slow", method="GET", path="/things", seconds=61, times=3)
    with pytest.raises(Transient, match="no answer in time"):
        bench.call(read())


def _refused_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def _over_the_wire(base_url: str) -> tuple[Transport, Bench]:
    bench = Bench(
        settings=HostileSettings(base_url=base_url), keeper=MemoryKeeper({"access": "token-1"})
    )
    return Transport(bench.clock), bench


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_nothing_sent_is_no_doubt_even_for_a_write(host: str) -> None:
    transport, bench = _over_the_wire(f"http://{host}:{_refused_port()}")
    with pytest.raises(Transient, match="nothing was sent") as caught:
        transport.call(bench.connection, write())
    assert caught.value.__suppress_context__


@pytest.fixture
def rude_server() -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads one request, answers the first half and hangs up."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                heard.append(line.recv(65536))
                if b"/half" in heard[-1]:
                    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
                    line.sendall(head + b'Content-Type: application/json\r\n\r\n{"ok":')

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@pytest.mark.parametrize("path", ["/silent", "/half"])
def test_a_cut_on_a_real_socket(rude_server: tuple[str, list[bytes]], path: str) -> None:
    base_url, heard = rude_server
    transport, bench = _over_the_wire(base_url)
    with pytest.raises(Unknown):
        transport.call(bench.connection, write(path=path))
    assert len(heard) == 1
    with pytest.raises(Transient):
        transport.call(bench.connection, read(path))
    assert len(heard) == 4


# -- wait -------------------------------------------------------------------------------
def test_a_wait_header_parks_the_company_for_everybody(bench: Bench) -> None:
    bench.vendor.faults.add(
        "reply", path="/things", status=429, headers={"Retry-After": "45"}, content=b"slow"
    )
    with pytest.raises(RateLimited) as caught:
        bench.call(write())
    assert caught.value.wait_s == 45
    with pytest.raises(RateLimited, match="must not be called") as parked:
        bench.call(read())
    assert parked.value.wait_s == 45
    assert len(bench.data_calls) == 1
    bench.clock.advance(40)
    bench.call(read())  # five seconds more are waited here
    assert (bench.clock.now() - NOON).total_seconds() == 45


def test_a_wait_for_our_own_pace_ends_when_there_is_room(bench: Bench) -> None:
    for _ in range(90):  # of the hundred a minute, ten are kept for people
        bench.call(read())
    began = bench.clock.now()
    with pytest.raises(RateLimited, match=r"must not be called .*: 100 minute of"):
        bench.call(read())
    assert bench.clock.now() == began, "a wait too long for here is not begun"
    people = replace(bench.connection, attended=True)
    bench.transport.call(people, read())
    bench.clock.advance(55)
    bench.call(read())
    waited = (bench.clock.now() - began).total_seconds()
    assert 60 <= waited <= 61.2


# -- what is told --------------------------------------------------------------------------
def test_every_call_is_told_with_its_outcome(bench: Bench) -> None:
    bench.vendor.respond = lambda request: answer(
        '{"errors":[{"code":"7","text":"no such client"}]}', 404, x_trace="t-77"
    )
    with pytest.raises(Rejected, match="no such client") as caught:
        bench.call(write())
    assert caught.value.trace_id == "t-77"
    token, event = bench.events
    assert (token.purpose, token.writes, token.error) == ("refresh token", False, "")
    assert (event.method, event.url) == ("POST", "https://api.hostile.example/v1/things")
    assert (event.writes, event.status, event.trace_id) == (True, 404, "t-77")
    assert (event.error, event.text) == ("Rejected", "no such client")


def _echo(request: HttpRequest) -> HttpResponse:
    told = f"bad call: {dict(request.headers)} {request.query_string!r} from jo@client-firm.com"
    return answer(told, 400, kind="text/plain")


def test_no_secret_is_ever_seen(bench: Bench) -> None:
    bench.vendor.respond = _echo
    seen: list[object] = []
    with structlog.testing.capture_logs() as logs:
        for request in (read(api_key="canary-query-key"), write()):
            with pytest.raises(RemoteError) as caught:
                bench.call(request)
            seen += [caught.value.text, caught.value.args, repr(bench.connection)]
        bench.vendor.refuse_refresh = bench.vendor.refuse_tokens = True
        with pytest.raises(AuthExpired) as expired:
            bench.call(read())
        seen += [expired.value.text, expired.value.args]
    everything = repr((seen, logs, bench.events))
    assert logs
    assert "canary" not in everything
    assert not any(secret in everything for secret in CANARIES.values() if "canary" in secret)
    assert "jo@client-firm.com" not in repr((logs, bench.events))


def test_environment_credentials_are_not_used(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.hostile.example login x password y\n")
    monkeypatch.setenv("NETRC", str(netrc))
    heard: list[str] = []

    def listen(request: HttpRequest) -> HttpResponse | None:
        heard.append(request.headers.get("Authorization", ""))
        return None

    bench.vendor.respond = listen
    bench.call(read())
    assert heard == ["Bearer canary-access-1"]


def test_the_session_given_is_the_session_used() -> None:
    bench = Bench()
    session = requests.Session()
    session.mount("https://", bench.transport._session.get_adapter("https://x"))
    with session:
        transport = Transport(bench.clock, session=session)
        assert transport.call(bench.connection, Request(method="GET", path="/x")).status == 200
