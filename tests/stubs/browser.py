"""Pages as headless Chromium sees them: what they show, say, ask for, and how keys move in them."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome")
# From npm, at the version that its lock file pins: see the Makefile.
AXE = Path(__file__).parents[1] / "axe" / "node_modules" / "axe-core" / "axe.min.js"
# No GPU, no sandbox (CI runs as root), and nothing that Chromium asks for on its own account.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--disable-default-apps", "--hide-scrollbars"),
    # Requests stay on this machine, but they are recorded.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--remote-debugging-pipe",
)
_PATIENCE_S = 60.0
_REACHABLE = (
    "[...document.querySelectorAll('a[href], button, select, input, summary, [tabindex=\"0\"]')]"
    ".filter((one) => one.checkVisibility())"
)
_A4_IN = {"paperWidth": 8.27, "paperHeight": 11.69}
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowUp": 38, "ArrowDown": 40}


def find_browser() -> str:
    """Returns the browser's path, or says how to install it."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(
        "these tests open pages in Chromium, and there is none: apt-get install -y chromium"
        " (or leave them out: pytest -m 'not browser')"
    )


class Browser:
    """A Chromium that is asked, and answers, over a pipe in its DevTools protocol.

    Args:
        folder: for its profile.
    """

    def __init__(self, folder: Path) -> None:
        asked, self._asks = _pipe()
        self._answers, answers = _pipe()
        options = [*FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        # It reads requests at 3 and writes answers to 4.
        words = f'exec "$@" 3<&{asked} 4>&{answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", words, "bash", find_browser(), *options],
            pass_fds=(asked, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(asked)
        os.close(answers)
        self._unread = b""
        self._count = 0
        self.is_closed = False
        self._listeners: dict[str, Callable[[str, dict[str, Any]], None]] = {}

    def page(self) -> Page:
        """Returns a new empty page."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        self._listeners[session] = page.receive
        page.begin()
        return page

    def open(self, url: str, **how: Any) -> Page:
        """Opens an address in a new page, see `Page.open`."""
        page = self.page()
        page.open(url, **how)
        return page

    def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Sends a request and returns its answer."""
        self._count += 1
        request = {"id": self._count, "method": method, "params": params}
        request |= {"sessionId": session} if session else {}
        os.write(self._asks, json.dumps(request).encode() + b"\0")
        answer: dict[str, Any] = {}
        number = self._count

        def answered(message: dict[str, Any]) -> bool:
            answer.update(message)
            return message.get("id") == number

        self.listen(answered, method)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def listen(self, until: Callable[[dict[str, Any]], bool], what: str) -> None:
        """Takes in messages until one of them is what was waited for."""
        end = time.monotonic() + _PATIENCE_S
        while True:
            text, found, self._unread = self._unread.partition(b"\0")
            if found:
                message = json.loads(text)
                if listener := self._listeners.get(message.get("sessionId", "")):
                    listener(message.get("method", ""), message.get("params", {}))
                if until(message):
                    return
                continue
            self._unread = text
            ready, _, _ = select.select([self._answers], [], [], end - time.monotonic())
            block = os.read(self._answers, 1 << 20) if ready else b""
            if not block:
                raise TimeoutError(f"Chromium did not answer: {what}")
            self._unread += block

    def close(self) -> None:
        """Ends it."""
        with suppress(OSError, TimeoutError):
            self.ask("Browser.close")
        self._process.wait(_PATIENCE_S)
        os.close(self._asks)
        os.close(self._answers)
        self.is_closed = True


class Page:
    """One page of a browser.

    Attributes:
        console: errors and warnings that were written to its console, one line each.
        requests: every URL that it asked for over a network.
    """

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser, self._session, self._target = browser, session, target
        self.console: list[str] = []
        self.requests: list[str] = []
        self._is_idle = False
        self._dom = ""

    def begin(self) -> None:
        """Turns on what `receive` takes in."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.ask("Page.setLifecycleEventsEnabled", enabled=True)

    def receive(self, method: str, params: dict[str, Any]) -> None:
        """Takes in what the browser tells of the page."""
        if method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if urlsplit(url).scheme in ("http", "https", "ws", "wss"):
                self.requests.append(url)
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            words = details.get("exception", {}).get("description", "")
            self.console.append(f"{details['text']} {words}")
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            said = [str(arg.get("value", arg.get("description"))) for arg in params["args"]]
            self.console.append(" ".join(said))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.console.append(params["entry"]["text"])
        elif method == "Page.lifecycleEvent":
            self._is_idle = params["name"] == "networkIdle" or (
                self._is_idle and params["name"] not in ("init", "commit")
            )

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a request of the DevTools protocol and returns its answer."""
        return self._browser.ask(method, self._session, **params)

    def open(
        self, url: str, *, width: int = 1250, height: int = 1000, scheme: str = "light"
    ) -> None:
        """Opens an address, and waits until its scripts have run and it asks for nothing more."""
        self.resize(width, height)
        self.prefer(scheme)
        self._is_idle = False
        self.ask("Page.navigate", url=url)
        if not self._is_idle:
            self._browser.listen(lambda _: self._is_idle, f"open {url}")

    def resize(self, width: int, height: int) -> None:
        """Gives the page a window of so many pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)

    def prefer(self, scheme: str, media: str = "") -> None:
        """Shows the page to a reader who prefers `light` or `dark`, on `screen` or in `print`."""
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            # Nothing glides: what a test sees is at its place.
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.ask("Emulation.setEmulatedMedia", media=media, features=features)

    def run(self, script: str) -> Any:
        """Returns what a JavaScript expression becomes in the page."""
        options = {"awaitPromise": True, "returnByValue": True}
        answer = self.ask("Runtime.evaluate", expression=script, **options)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description"))
        return answer["result"].get("value")

    @property
    def dom(self) -> str:
        """The document as its scripts have made it."""
        if not self._browser.is_closed:
            self._dom = str(self.run("document.documentElement.outerHTML"))
        return self._dom

    def press(self, key: str, *, shift: bool = False) -> None:
        """Presses a key, as a person would."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        known = {"key": key, "windowsVirtualKeyCode": _KEYS[key], "modifiers": 8 * shift}
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.ask("Input.dispatchKeyEvent", type=kind, **known, **more)

    def click(self, x: float, y: float) -> None:
        """Moves the pointer to a place in the window, and clicks."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            where = {"x": x, "y": y, "button": "left", "clickCount": 1}
            self.ask("Input.dispatchMouseEvent", type=kind, **where)

    def tab_through(self) -> list[int]:
        """Presses Tab until the focus leaves the page; returns the places of what it met."""
        self.run("document.activeElement.blur()")
        met: list[int] = []
        while True:
            self.press("Tab")
            place = self.run(f"{_REACHABLE}.indexOf(document.activeElement)")
            if place < 0 or place in met:
                return met
            met.append(place)

    def reachable(self) -> int:
        """Returns how many elements a keyboard should reach: what one can press, or scroll."""
        return int(self.run(f"{_REACHABLE}.length"))

    def audit(self) -> list[str]:
        """Returns what axe-core finds wrong: the rule, where, and why."""
        self.run(AXE.read_text(encoding="utf-8") + "; undefined")
        found = self.run("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{rule['id']}: {node['target'][0]}: {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    def screenshot(self, png: Path, *, whole: bool = False) -> None:
        """Writes what the window shows as a PNG, or the whole page."""
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        png.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self, path: Path) -> None:
        """Writes what a printer would put on A4 paper."""
        made = self.ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True, **_A4_IN)
        path.write_bytes(base64.b64decode(made["data"]))

    def close(self) -> None:
        """Closes the page."""
        self._browser.ask("Target.closeTarget", targetId=self._target)


@contextmanager
def browsing() -> Iterator[Browser]:
    """Yields a browser with a profile of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(Path(folder))
        try:
            yield browser
        finally:
            browser.close()


def visit(url: str, folder: Path) -> Page:
    """Returns the result of opening a page in a separate browser, closed by now.

    Args:
        url: its address.
        folder: for the browser's profile.
    """
    browser = Browser(folder)
    page = browser.open(url)
    page.dom  # noqa: B018
    browser.close()
    return page


def _pipe() -> tuple[int, int]:
    """Returns the ends of a pipe, to read and to write, beyond the numbers that Chromium uses."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]
