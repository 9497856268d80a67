"""Who may talk to a dashboard: its own pages, and nobody else's.

Neither optuna-dashboard nor TensorBoard asks who is there. Bound to loopback they are still within
reach of every page open in a browser on this machine: a page may send requests to 127.0.0.1, and
it may be served under a name that later resolves to 127.0.0.1 (DNS rebinding). So the name a
request was sent to (Host) and the page it was sent by (Origin, Referer) are looked at.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable
from typing import Any, final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "hpsearch_token"
_SAFE = ("GET", "HEAD")
_HEADERS = (
    ("Referrer-Policy", "same-origin"),  # a token in an address must not travel on
    ("X-Frame-Options", "SAMEORIGIN"),
)


@final
class Guard:
    """A WSGI app before another one, which lets pass what its own pages ask.

    Args:
        app: what is guarded.
        methods: the HTTP methods that may pass at all; those that may change something, POST
            for one, only from a page of the same origin.
        token: must be shown, as `?token=` or as the cookie that is then set. Without a token,
            only requests to a loopback name pass, on any port, so that an ssh tunnel works.
    """

    def __init__(self, app: App, methods: Iterable[str] = _SAFE, token: str | None = None) -> None:
        self._app = app
        self._methods = frozenset(methods)
        self._token = token

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answers 403 to what may not pass; hands the rest on."""
        reason = self._refusal(environ)
        if reason:
            return _refuse(start_response, reason)
        if self._token is not None and not self._has(_cookie(environ)):
            if not self._has(_query(environ).get("token")):
                return _refuse(start_response, "open the address with its ?token=, as printed")
            return _welcome(environ, start_response, self._token)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, *_HEADERS], *more)

        return self._app(environ, start)

    def _refusal(self, environ: Environ) -> str:
        host = environ.get("HTTP_HOST", "")
        if self._token is None and _hostname(host) not in LOOPBACK:
            return f"the request was sent to {host!r}, which is not this machine's loopback"
        method = environ["REQUEST_METHOD"]
        if method not in self._methods:
            return f"this page only shows; {method} would change something"
        page = environ.get("HTTP_ORIGIN") or environ.get("HTTP_REFERER")
        if page is None:
            return "" if method in _SAFE else f"{method} needs the Origin of this page"
        return "" if _netloc(page) == host.lower() else f"the request comes from {page!r}"

    def _has(self, shown: str | None) -> bool:
        return hmac.compare_digest((shown or "").encode(), (self._token or "").encode())


def _welcome(environ: Environ, start_response: StartResponse, token: str) -> Iterable[bytes]:
    """Moves the token from the address into a cookie, where it is neither seen nor copied."""
    rest = urlencode([pair for pair in _query(environ).items() if pair[0] != "token"])
    # One slash: two would name another host.
    path = "/" + quote(environ.get("PATH_INFO", "").lstrip("/"), encoding="latin-1")
    place = f"{path}?{rest}" if rest else path
    cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/"
    start_response("303 See Other", [("Location", place), ("Set-Cookie", cookie), *_HEADERS])
    return [b""]


def _refuse(start_response: StartResponse, reason: str) -> Iterable[bytes]:
    # optuna-dashboard shows its user what stands under `reason`.
    body = json.dumps({"reason": f"refused by hpsearch: {reason}"}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("403 Forbidden", [*headers, *_HEADERS])
    return [body]


def _query(environ: Environ) -> dict[str, str]:
    return dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))


def _cookie(environ: Environ) -> str | None:
    # Parsed by hand: one bad cookie of another program would make SimpleCookie drop them all.
    for part in environ.get("HTTP_COOKIE", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return str(value)
    return None


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _netloc(page: str) -> str:
    try:
        return urlsplit(page).netloc.lower()
    except ValueError:
        return ""
