"""The life of a token."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.connectors.hostile import Bench, read, write
from tieout.connectors.auth import LEAVES_WITHIN_S, from_stored, to_stored, token_for
from tieout.connectors.base import Auth, Request
from tieout.connectors.connection import MemoryKeeper
from tieout.errors import AuthExpired, Misconfigured, Transient


def test_a_token_is_had_once_and_used_again() -> None:
    bench = Bench()
    bench.call(read())
    bench.call(write())
    assert bench.vendor.token_calls == 1
    assert bench.keeper.load() == {
        "access": "canary-access-1",
        "refresh": "canary-refresh-1",
        "expires_at": "2026-03-02T13:00:00+00:00",
        "refresh_expires_at": "",
        "base_url": "",
        "company": "",
        "origin": "",
    }


def test_what_is_stored_comes_back_the_same() -> None:
    bench = Bench()
    token = token_for(bench.connection, bench.transport)
    assert token is not None
    assert from_stored(to_stored(token)) == token
    assert from_stored(None).access == ""


def test_it_is_refreshed_a_minute_before_it_ends() -> None:
    bench = Bench()
    bench.call(read())
    bench.clock.advance(3600 - 61)
    bench.call(read())
    assert bench.vendor.token_calls == 1
    bench.clock.advance(1)
    bench.call(read())
    assert bench.vendor.token_calls == 2
    assert all(call.status == 200 for call in bench.vendor.calls)


def test_a_refused_token_is_refreshed_and_the_same_bytes_sent_again() -> None:
    bench = Bench()
    bench.call(read())
    bench.vendor.generation = 5  # somebody else's refresh ended our token
    bench.keeper.save({"access": "canary-access-1", "refresh": "canary-refresh-5"})
    bench.call(write(b'{"n":1}'))
    assert [call.status for call in bench.data_calls] == [200, 401, 200]
    assert bench.vendor.made == [b'{"n":1}']


def test_a_refresh_token_that_a_person_gives_anew_replaces_the_stored_one() -> None:
    bench = Bench()
    was = bench.connection.connector.auth
    assert was.grant is not None
    vendors_way = was.grant

    def grant(settings: Any, secrets: Mapping[str, str], refresh: str, now: datetime) -> Request:
        return vendors_way(settings, secrets, refresh or secrets["first"], now)

    auth = replace(was, grant=grant, starts_with="first")
    connector = replace(bench.connection.connector, auth=auth)
    for generation, calls in ((0, 1), (0, 1), (7, 2)):
        if generation:
            bench.vendor.generation = generation  # what was stored is revoked over there
        secrets = {**bench.connection.secrets, "first": f"canary-refresh-{generation}"}
        connection = replace(bench.connection, connector=connector, secrets=secrets)
        bench.transport.call(connection, read())
        assert bench.vendor.token_calls == calls


def test_eight_threads_refresh_once() -> None:
    bench = Bench()
    bench.call(read())
    bench.vendor.generation = 1
    bench.keeper.save({"access": "canary-access-0", "refresh": "canary-refresh-1"})
    before = bench.vendor.token_calls
    barrier = threading.Barrier(8)

    def one(_: int) -> int:
        barrier.wait()
        return bench.call(read()).status

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(8))) == [200] * 8
    assert bench.vendor.token_calls - before == 1


def test_the_one_who_waited_takes_what_the_other_stored() -> None:
    class Meanwhile(MemoryKeeper):
        @contextmanager
        def lock(self, name: str) -> Iterator[None]:
            assert name == "books"
            self.save({"access": "canary-access-0"})
            with super().lock(name):
                yield

    bench = Bench(keeper=Meanwhile())
    assert bench.call(read()).status == 200
    assert bench.vendor.token_calls == 0


def test_one_who_slept_through_the_lock_sends_no_refresh() -> None:
    bench = Bench()
    grant = bench.connection.connector.auth.grant
    assert grant is not None

    def sleepy(*given: Any) -> Request:
        request = grant(*given)
        bench.clock.advance(LEAVES_WITHIN_S)
        return request

    asleep = replace(bench.connection.connector.auth, grant=sleepy)
    connector = replace(bench.connection.connector, auth=asleep)
    with pytest.raises(Transient, match="too late to send it; nothing left"):
        token_for(replace(bench.connection, connector=connector), bench.transport)
    assert bench.vendor.token_calls == 0


def test_one_who_slept_with_the_answer_in_hand_keeps_what_another_stored_since() -> None:
    younger = {"access": "canary-access-0", "refresh": "canary-refresh-9"}

    class Overtaken(MemoryKeeper):
        def swap(self, old: Mapping[str, str] | None, token: dict[str, str]) -> bool:
            self.save(younger)
            return super().swap(old, token)

    bench = Bench(keeper=Overtaken({"refresh": "canary-refresh-0"}))
    token = token_for(bench.connection, bench.transport)
    assert token is not None
    assert token.refresh == younger["refresh"]
    assert bench.vendor.token_calls == 1
    assert bench.keeper.load() == younger


# -- crashes ------------------------------------------------------------------------------
def test_the_refresh_token_is_stored_before_the_access_token_is_used() -> None:
    class Crashes(MemoryKeeper):
        def swap(self, old: Mapping[str, str] | None, token: dict[str, str]) -> bool:
            raise RuntimeError("power cut")

    bench = Bench(keeper=Crashes({"refresh": "canary-refresh-0"}))
    with pytest.raises(RuntimeError, match="power cut"):
        bench.call(write())
    assert bench.vendor.token_calls == 1
    assert not bench.data_calls


def test_a_lost_answer_of_the_token_call_is_not_repeated_at_once() -> None:
    bench = Bench()
    bench.vendor.faults.add("lost_answer", path="/token")
    with pytest.raises(Transient):
        bench.call(write())
    assert bench.vendor.token_calls == 1


def test_an_answer_without_a_token_is_no_token() -> None:
    bench = Bench()
    bench.vendor.faults.add("reply", path="/token", status=200, content=b'{"scope":"canary"}')
    with pytest.raises(Transient, match="without a token") as caught:
        bench.call(write())
    assert "canary" not in str(caught.value)


def test_a_refresh_token_that_is_not_returned_is_kept() -> None:
    bench = Bench()
    bench.vendor.faults.add(
        "reply",
        path="/token",
        status=200,
        content=b'{"access_token":"canary-access-0","expires_in":3600}',
    )
    bench.call(read())
    assert (bench.keeper.load() or {})["refresh"] == "canary-refresh-0"


# -- the end of a connection -----------------------------------------------------------------
def test_a_dead_refresh_token_tells_a_person_what_to_do() -> None:
    bench = Bench()
    bench.vendor.refuse_refresh = True
    with pytest.raises(AuthExpired, match="tieout connect books"):
        bench.call(read())
    assert bench.vendor.token_calls == 1
    assert not bench.data_calls


def test_a_second_refusal_stops_the_connection() -> None:
    bench = Bench()
    bench.vendor.refuse_tokens = True
    with pytest.raises(AuthExpired, match=r"books: token is dead\. .*tieout connect books"):
        bench.call(write())
    assert bench.vendor.token_calls == 2
    assert [call.status for call in bench.data_calls] == [401, 401]


def test_a_key_that_is_refused_is_not_refreshed() -> None:
    bench = Bench()
    auth = bench.connection.connector.auth
    keyed = replace(
        bench.connection.connector, auth=Auth(headers=auth.headers, secrets=auth.secrets)
    )
    bench.connection = replace(bench.connection, connector=keyed)
    with pytest.raises(AuthExpired, match="tieout connect books"):
        bench.call(read())
    assert bench.vendor.token_calls == 0
    assert len(bench.data_calls) == 1


def test_a_token_of_another_company_is_not_used_and_not_lost() -> None:
    bench = Bench(company="C-1")
    bench.vendor.company = "C-2"
    for _ in range(2):
        with pytest.raises(Misconfigured, match=r"company C-1.*company C-2"):
            bench.call(write())
    assert bench.vendor.token_calls == 1
    assert not bench.data_calls
    assert (bench.keeper.load() or {})["refresh"] == "canary-refresh-1"


def test_a_missing_secret_is_named_before_any_call() -> None:
    bench = Bench()
    bench.connection = replace(bench.connection, secrets={"client_id": "x"})
    with pytest.raises(Misconfigured, match="books has no client_secret"):
        bench.call(read())
    assert not bench.vendor.calls


def test_one_of_several_secrets_is_enough() -> None:
    bench = Bench()
    connector = bench.connection.connector
    either = replace(connector.auth, secrets=(), one_of=("private_key", "client_secret"))
    bench.connection = replace(bench.connection, connector=replace(connector, auth=either))
    bench.call(read())
    bench.connection = replace(bench.connection, secrets={"client_id": "x"})
    with pytest.raises(Misconfigured, match="books has no private_key or client_secret"):
        bench.call(read())


def test_force_asks_for_a_new_one() -> None:
    bench = Bench()
    bench.call(read())
    token = token_for(bench.connection, bench.transport, force=True)
    assert token is not None
    assert token.access == "canary-access-2"


def test_sign_in_service_that_is_busy_is_waited_for() -> None:
    bench = Bench()
    bench.vendor.faults.add("error_before", path="/token", status=503)
    assert bench.call(read()).status == 200
    assert bench.vendor.token_calls == 2
