"""Listings, of which some never end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from werkzeug.wrappers import Request as HttpRequest
from werkzeug.wrappers import Response as HttpResponse

from tests.connectors.hostile import SINCE, Bench, answer
from tieout.connectors.pages import PageOfRows, walk
from tieout.errors import Misconfigured, Transient

Respond = Callable[[HttpRequest], HttpResponse]


def listed(name: str, respond: Respond, limit: int = 10_000) -> tuple[list[PageOfRows], Bench]:
    bench = Bench()
    bench.vendor.respond = respond
    stream = bench.connection.connector.stream(name)
    request = stream.request(SINCE, bench.connection.settings)
    fetch = partial(bench.transport.call, bench.connection)
    return list(walk(fetch, request, stream.pages, limit)), bench


def ids(pages: list[PageOfRows]) -> list[str]:
    return [row["id"] for page in pages for row in page.rows]


def test_one_page() -> None:
    pages, bench = listed("whole", lambda request: answer('{"rows":[{"id":"a"}],"more":true}'))
    assert ids(pages) == ["a"]
    assert pages[0].answer["more"] is True
    assert len(bench.data_calls) == 1


def _links(request: HttpRequest) -> HttpResponse:
    page = int(request.args.get("page", "1"))
    link = f'"https://api.hostile.example/v1/linked?page={page + 1}"' if page < 3 else "null"
    return answer(f'{{"rows":[{{"id":"{page}"}}],"next":{link}}}')


def test_links_to_the_last_page() -> None:
    pages, bench = listed("linked", _links)
    assert ids(pages) == ["1", "2", "3"]
    assert [call.query for call in bench.data_calls] == ["", "page=2", "page=3"]


def _offsets(request: HttpRequest) -> HttpResponse:
    start = int(request.args["start"])
    rows = ",".join(f'{{"id":"{n}"}}' for n in range(start, min(start + 2, 5)))
    return answer(f'{{"rows":[{rows}]}}')


def test_offsets_to_the_page_that_is_not_full() -> None:
    pages, bench = listed("offset", _offsets)
    assert ids(pages) == ["0", "1", "2", "3", "4"]
    assert [call.query for call in bench.data_calls] == ["start=0", "start=2", "start=4"]


def _tokens(request: HttpRequest) -> HttpResponse:
    cursor = request.args.get("cursor", "")
    return answer(f'{{"rows":[{{"id":"r{cursor}"}}],"next":"{"" if cursor else "T"}"}}')


def test_tokens_to_the_empty_one() -> None:
    pages, _ = listed("tokens", _tokens)
    assert ids(pages) == ["r", "rT"]


# -- hostile listings ---------------------------------------------------------------------
def _endless(request: HttpRequest) -> HttpResponse:
    n = int(request.args.get("cursor", "0")) + 1
    return answer(f'{{"rows":[{{"id":"{n}"}}],"next":"{n}"}}')


@pytest.mark.parametrize(
    ("name", "respond", "text", "calls"),
    [
        ("tokens", _endless, "more than 20 pages", 20),
        ("tokens", lambda r: answer('{"rows":[],"next":"T"}'), "same next page twice", 2),
        (
            "linked",
            lambda r: answer('{"rows":[],"next":"https://api.hostile.example/v1/linked?p=2"}'),
            "same next page twice",
            2,
        ),
        ("offset", lambda r: answer('{"rows":[{"id":"1"},{"id":"2"}]}'), "repeats the page", 2),
        ("whole", lambda r: answer('{"Rows":[]}'), "unknown shape", 1),
        ("whole", lambda r: answer('{"rows":null}'), "unknown shape", 1),
        ("whole", lambda r: answer("[]"), "unknown shape", 1),
    ],
)
def test_a_listing_that_cannot_be_trusted_is_an_error(
    name: str, respond: Respond, text: str, calls: int
) -> None:
    benches: list[Any] = []

    def watched(request: HttpRequest) -> HttpResponse:
        benches.append(request)
        return respond(request)

    with pytest.raises(Transient, match=text):
        listed(name, watched, limit=20)
    assert len(benches) == calls


def test_a_link_to_another_host_is_not_followed() -> None:
    evil = '{"rows":[{"id":"1"}],"next":"https://evil.example/v1/linked?page=2"}'
    with pytest.raises(Misconfigured, match=r"evil\.example"):
        listed("linked", lambda request: answer(evil))
