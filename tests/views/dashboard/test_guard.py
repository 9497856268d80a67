"""What the guard lets pass, one request at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from hpsearch.views.dashboard.guard import Guard

HERE = "127.0.0.1:8080"
COOKIE = "hpsearch_token=abc123"


class Answer:
    """What a guarded app answers to one request."""

    def __init__(self, guard: Guard, method: str = "GET", path: str = "/", **headers: str) -> None:
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "HTTP_HOST": HERE,
            "HTTP_COOKIE": COOKIE,
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }
        self.body = b"".join(guard(environ, self._start)).decode()

    def _start(self, status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        self.status = int(status.split()[0])
        self.headers = dict(headers)


def page(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the page"]


def broken(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    raise KeyError("study_id")


SHOWING = Guard(page, "abc123")
POSTING = Guard(page, "abc123", ("GET", "POST"))
OUTSIDE = Guard(page, "abc123", local=False)


@pytest.mark.parametrize("host", [HERE, "localhost:8080", "[::1]:8080", "localhost", "LOCALHOST:1"])
def test_a_request_to_loopback_passes(host: str) -> None:
    answer = Answer(SHOWING, host=host)
    assert (answer.status, answer.body) == (200, "the page")
    assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "host",
    ["evil.example:8080", "127.0.0.1.evil.example", "evil.example@x", "192.168.0.9:8080", "[", " "],
)
def test_a_request_to_another_name_is_refused(host: str) -> None:
    answer = Answer(SHOWING, host=host)
    assert answer.status == 403
    assert "not this machine's loopback" in answer.body


@pytest.mark.parametrize("sender", ["origin", "referer"])
@pytest.mark.parametrize(
    "place", ["http://evil.example", "http://127.0.0.1:3000", "http://[", "null", "file:///x.html"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_request_from_another_page_is_refused(sender: str, place: str, method: str) -> None:
    assert Answer(POSTING, method, **{sender: place}).status == 403


def test_a_request_of_the_page_s_own_passes() -> None:
    assert Answer(SHOWING, referer=f"http://{HERE}/dashboard").status == 200
    assert Answer(POSTING, "POST", origin=f"http://{HERE}").status == 200


def test_a_change_needs_to_say_where_it_comes_from() -> None:
    assert Answer(POSTING, "POST").status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_page_that_only_shows_refuses_changes_from_anywhere(method: str) -> None:
    answer = Answer(SHOWING, method, origin=f"http://{HERE}")
    assert answer.status == 403
    assert f"read-only; {method} would change something" in answer.body


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something new"])
@pytest.mark.parametrize("guard", [SHOWING, OUTSIDE])
def test_a_request_that_the_browser_says_another_page_caused_is_refused(
    guard: Guard, site: str
) -> None:
    answer = Answer(guard, sec_fetch_site=site)
    assert answer.status == 403
    assert f"another page ({site}); paste the address instead" in answer.body


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_request_of_this_page_or_of_the_address_bar_passes(site: str) -> None:
    assert Answer(SHOWING, sec_fetch_site=site).status == 200


@pytest.mark.parametrize("guard", [SHOWING, OUTSIDE], ids=["loopback", "elsewhere"])
def test_nothing_is_shown_without_the_token(guard: Guard) -> None:
    for path in ("/", "/?token=", "/?token=wrong", "/?token=%ff%fe", "/?token=\udce4"):
        assert Answer(guard, path=path, cookie="").status == 403
    for cookie in ("hpsearch_token=wrong", "hpsearch_token=\xe4", "hpsearch_token", ";;="):
        assert Answer(guard, cookie=cookie).status == 403


def test_a_token_in_the_address_becomes_a_cookie() -> None:
    there = {"host": "gpu:8080", "cookie": ""}
    answer = Answer(OUTSIDE, path="/dashboard/studies/1?token=abc123&a=b", **there)
    assert answer.status == 303
    assert answer.headers["Location"] == "/dashboard/studies/1?a=b"
    assert answer.headers["Set-Cookie"].startswith("hpsearch_token=abc123; HttpOnly; SameSite")
    assert Answer(OUTSIDE, host="gpu:8080", cookie=f"x; a=b; {COOKIE}").status == 200


@pytest.mark.parametrize(
    ("path", "place"), [("//evil.example/", "/evil.example/"), ("/a\r\nX: 1", "/a%0D%0AX%3A%201")]
)
def test_the_way_back_stays_on_this_host(path: str, place: str) -> None:
    answer = Answer(OUTSIDE, path=f"{path}?token=abc123", cookie="")
    assert answer.headers["Location"] == place


def test_a_token_does_not_open_the_door_to_other_pages() -> None:
    assert Answer(OUTSIDE, origin="http://evil.example").status == 403


def test_what_the_program_behind_cannot_answer_is_reported_without_its_traceback() -> None:
    answer = Answer(Guard(broken, "abc123"))
    assert (answer.status, answer.body) == (
        400,
        '{"reason": "the dashboard cannot answer this (KeyError)"}',
    )
