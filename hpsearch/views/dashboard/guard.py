"""Who may use a dashboard: only requests with its token, from its own pages.

Neither optuna-dashboard nor TensorBoard authenticates anybody. Even bound to loopback, every user
of this machine and every page open in a browser on it can reach them: a page may send requests to
127.0.0.1, and it may be served under a name that later resolves to 127.0.0.1 (DNS rebinding). So a
token is required, and the name a request was sent to (Host) and the page it came from
(Sec-Fetch-Site, Origin, Referer) are checked.
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
    """A WSGI app in front of another one, which passes on requests from its own pages.

    Args:
        app: the guarded app.
        token: required, as `?token=` or as the cookie that is then set.
        methods: the HTTP methods that may pass at all; those that may change something, POST
            for one, only from a page of the same origin.
        local: whether it listens on loopback only: then only requests to a loopback name pass, on
            any port, so that an ssh tunnel works.
    """

    def __init__(
        self, app: App, token: str, methods: Iterable[str] = _SAFE, *, local: bool = True
    ) -> None:
        self._app = app
        self._token = token
        self._methods = frozenset(methods)
        self._local = local

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answers 403 to requests that may not pass, and passes on the others."""
        reason = self._why_forbidden(environ)
        if reason:
            return _answer(start_response, "403 Forbidden", f"refused by hpsearch: {reason}")
        if not self._has(_cookie(environ)):
            if not self._has(_query(environ).get("token")):
                reason = "refused by hpsearch: open the address with its ?token=, as printed"
                return _answer(start_response, "403 Forbidden", reason)
            return _welcome(environ, start_response, self._token)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, *_HEADERS], *more)

        try:
            return self._app(environ, start)
        except Exception as error:  # an odd request may raise anything in the program behind
            reason = f"the dashboard cannot answer this ({type(error).__name__})"
            return _answer(start_response, "400 Bad Request", reason)

    def _why_forbidden(self, environ: Environ) -> str:
        host = environ.get("HTTP_HOST", "")
        if self._local and _hostname(host) not in LOOPBACK:
            return f"the request was sent to {host!r}, which is not this machine's loopback"
        method = environ["REQUEST_METHOD"]
        if method not in self._methods:
            return f"this page is read-only; {method} would change something"
        # Browsers say which page caused a request, and no page can change that.
        site = environ.get("HTTP_SEC_FETCH_SITE", "none")
        if site not in ("same-origin", "none"):
            return f"the request comes from another page ({site}); paste the address instead"
        page = environ.get("HTTP_ORIGIN") or environ.get("HTTP_REFERER")
        if page is None:
            return "" if method in _SAFE else f"{method} needs the Origin of this page"
        return "" if _netloc(page) == host.lower() else f"the request comes from {page!r}"

    def _has(self, shown: str | None) -> bool:
        given = (shown or "").encode(errors="surrogatepass")
        return hmac.compare_digest(given, self._token.encode())


def _welcome(environ: Environ, start_response: StartResponse, token: str) -> Iterable[bytes]:
    """Moves the token from the address into a cookie, where it is not visible."""
    rest = urlencode([pair for pair in _query(environ).items() if pair[0] != "token"])
    # One slash: two would name another host.
    path = "/" + quote(environ.get("PATH_INFO", "").lstrip("/"), encoding="latin-1")
    place = f"{path}?{rest}" if rest else path
    cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/"
    start_response("303 See Other", [("Location", place), ("Set-Cookie", cookie), *_HEADERS])
    return [b""]


def _answer(start_response: StartResponse, status: str, reason: str) -> Iterable[bytes]:
    # optuna-dashboard shows the user the text under `reason`.
    body = json.dumps({"reason": reason}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, [*headers, *_HEADERS])
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
