"""A page as headless Chromium sees it: its DOM, what its console says, what it asks for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome")
# No GPU, no sandbox (CI runs as root), and nothing that Chromium asks for on its own account.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--disable-default-apps", "--hide-scrollbars"),
    # Whatever is asked for stays on this machine; that it was asked for is on record all the same.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
# What Chromium asks for on its own account, whatever page it shows.
_ITS_OWN = {
    *("clients2.google.com", "update.googleapis.com", "accounts.google.com"),
    *("content-autofill.googleapis.com", "optimizationguide-pa.googleapis.com"),
    *("edgedl.me.gvt1.com", "redirector.gvt1.com"),
}
_CONSOLE = re.compile(r":CONSOLE[:(]\d+\)?\] (.*)")


@dataclass(frozen=True)
class Visit:
    """What came of opening a page.

    Attributes:
        dom: the document after its scripts have run.
        console: what was written to the console, one line each.
        requests: every URL that was asked for over a network.
    """

    dom: str
    console: list[str]
    requests: list[str]


def find_browser() -> str:
    """Returns the browser's path, or says how to install it."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(
        "these tests open pages in Chromium, and there is none: apt-get install -y chromium"
        " (or leave them out: pytest -m 'not browser')"
    )


def visit(url: str, folder: Path, *, width: int = 1250, height: int = 1000) -> Visit:
    """Opens a page, lets its scripts run for up to 20 s of the page's own time, and looks."""
    log = folder / "net.json"
    done = _run(
        folder,
        f"--window-size={width},{height}",
        "--virtual-time-budget=20000",
        "--enable-logging=stderr",
        f"--log-net-log={log}",
        "--dump-dom",
        url,
    )
    console = [match[1] for line in done.stderr.splitlines() if (match := _CONSOLE.search(line))]
    return Visit(done.stdout, console, _requests(log))


def screenshot(url: str, folder: Path, png: Path, *, width: int = 1250, height: int = 1000) -> None:
    """Opens a page and writes what it looks like as a PNG."""
    size = f"--window-size={width},{height}"
    _run(folder, size, "--virtual-time-budget=20000", f"--screenshot={png}", url)


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [find_browser(), *FLAGS, profile, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def _requests(log: Path) -> list[str]:
    """Returns the URLs that a NetLog says the page asked for over a network."""
    text = log.read_text(encoding="utf-8", errors="replace")
    urls = {
        url
        for event in json.loads(text)["events"]
        if isinstance(url := event.get("params", {}).get("url"), str)
    }
    asked = {url: urlsplit(url) for url in urls}
    return sorted(
        url
        for url, parts in asked.items()
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in _ITS_OWN
    )
