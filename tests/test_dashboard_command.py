"""`dashboard` in its own process, for a finished study and for a running one."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psutil
import pytest
import tiny
from browser import visit

from hpsearch.cli import main
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.load import load_record

STUDY = """
study:
  name: tiny
  objective: {{val_accuracy: maximize}}
  sampler: random
  pruner: {pruner}
  trials: {trials}
  seed: 1
model:
  class_path: tiny.TinyModel
  init_args:
    width: ~int(2, 8)
    dropout: ~float(0, 0.5)
data:
  class_path: tiny.TinyData
trainer: {{max_epochs: {epochs}}}
"""
HPSEARCH = [sys.executable, "-m", "hpsearch"]

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("warm")]


class Running:
    """A dashboard that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.words = ""
        assert process.stdout is not None
        while "Ctrl-C" not in self.words:
            line = process.stdout.readline()
            assert line, "the dashboard ended before it began"
            self.words += line
        self.optuna, self.tensorboard = re.findall(r"http://\S+", self.words)

    @property
    def root(self) -> str:
        return re.sub(r"/dashboard.*", "", self.optuna)

    @property
    def board(self) -> str:
        return self.tensorboard.partition("?")[0]

    @property
    def cookie(self) -> str:
        return "hpsearch_token=" + self.optuna.partition("?token=")[2]

    def fetch(
        self, url: str, method: str = "GET", data: bytes | None = None, **headers: str
    ) -> Any:
        return fetch(url, method, data, Cookie=self.cookie, **headers)


@contextmanager
def dashboard(folder: Path, *arguments: str) -> Iterator[Running]:
    command = [*HPSEARCH, "dashboard", *arguments, "--port", "0", "--tensorboard-port", "0"]
    errors = folder / f"stderr-{len(arguments)}.txt"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as process,
    ):
        try:
            yield Running(process)
        finally:
            process.send_signal(signal.SIGINT)
    assert errors.read_text() == ""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that is done: some of its trials were pruned."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("HPSEARCH_STORAGE", raising=False)
        Path("tiny.yaml").write_text(STUDY.format(trials=8, epochs=3, pruner="median"))
        assert main(["run", "tiny.yaml", "--inline"]) == 0
    return folder


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[Running]:
    with dashboard(home, "tiny") as found:
        yield found


def fetch(url: str, method: str = "GET", data: bytes | None = None, **headers: str) -> Any:
    asked = Request(url, method=method, data=data, headers=headers)
    with urlopen(asked, timeout=30) as answer:
        body = answer.read()
    return json.loads(body) if answer.headers.get_content_subtype() == "json" else body.decode()


def status_of(url: str, method: str, **headers: str) -> int:
    try:
        fetch(url, method, **headers)
    except HTTPError as error:
        return error.code
    return 200


def test_both_addresses_and_the_tunnel_are_reported(running: Running) -> None:
    assert re.search(
        r"optuna-dashboard  http://127.0.0.1:\d+/dashboard/studies/1\?token=\w{32}\n", running.words
    )
    assert re.search(r"ssh -L (\d+):127.0.0.1:\1 -L (\d+):127.0.0.1:\2 ", running.words)


def test_each_trial_has_a_note_and_its_curves(running: Running) -> None:
    trials = running.fetch(f"{running.root}/api/studies/1")["trials"]
    assert len(trials) == 8
    states = {trial["state"]: trial["note"]["body"] for trial in trials}
    assert states["Complete"].startswith("**Complete**: `val_accuracy`")
    assert states["Pruned"].startswith("**Pruned** after epoch")
    table, picture = trials[3]["artifacts"]
    at = f"{running.root}/artifacts/1/{trials[3]['trial_id']}"
    assert running.fetch(f"{at}/{table['artifact_id']}").startswith("epoch,val_loss,val_accuracy")
    assert (
        f"({at.removeprefix(running.root)}/{picture['artifact_id']})" in trials[3]["note"]["body"]
    )
    assert "<svg" in running.fetch(f"{at}/{picture['artifact_id']}")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}, {}]
)
def test_a_foreign_page_can_change_nothing(
    running: Running, method: str, headers: dict[str, str]
) -> None:
    headers = {"Cookie": running.cookie, **headers}
    assert status_of(f"{running.root}/api/studies/1", method, **headers) == 403
    assert status_of(f"{running.board}data/plugin/hparams/x", method, **headers) == 403
    assert running.fetch(f"{running.root}/api/studies/1")["name"] == "tiny"


def test_tensorboard_finds_the_runs_of_the_study(running: Running) -> None:
    assert running.fetch(f"{running.board}data/runs")[:1] == ["trial-0000/tensorboard"]


def needs_token(opened: Running) -> None:
    address, token = opened.optuna.split("?token=")
    assert len(token) == 32
    assert status_of(address, "GET") == 403
    assert status_of(f"{address}?token=guess", "GET") == 403
    assert "<html" in opened.fetch(address)
    assert status_of(opened.board, "GET") == 403


def test_loopback_needs_the_token_that_was_printed(running: Running) -> None:
    needs_token(running)


def test_another_address_needs_it_too_and_ctrl_c_stops_both_and_leaves_nothing(home: Path) -> None:
    with dashboard(home, "tiny", "--host", "127.0.0.2") as opened:
        needs_token(opened)
        opened.fetch(opened.board)
        children = psutil.Process(opened.process.pid).children(recursive=True)
    assert opened.process.returncode == 0
    assert children == []
    for url in (opened.optuna, opened.tensorboard):
        with pytest.raises(URLError):
            fetch(url)


def test_a_token_of_ones_own_comes_from_a_file_and_is_not_printed(
    home: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text("0123456789abcdef\n")
    secret.chmod(0o600)
    with dashboard(home, "--token-file", str(secret)) as opened:
        assert "0123" not in opened.words
        assert "Add ?token= and the token you gave to each address." in opened.words
        assert "<html" in fetch(opened.optuna, Cookie="hpsearch_token=0123456789abcdef")


def test_odd_requests_are_refused_without_a_traceback(running: Running, home: Path) -> None:
    place = running.root.removeprefix("http://")
    host, port = place.split(":")
    odd = (
        *("GET [ HTTP/1.1", "GET //[ HTTP/1.1", "GET http://[::1 HTTP/1.1", "\0", "GET", "X Y Z"),
        *("GET /?token=%ff HTTP/1.1", "GET /\xff HTTP/1.1", "BREW / HTTP/1.1", "GET / HTTP/9.9"),
        *("GET /api/studies/x HTTP/1.1", "GET /artifacts/1/2/3 HTTP/1.1", f"GET /{'a' * 70000}"),
    )
    for line in odd:
        head = f"{line}\r\nHost: {place}\r\nCookie: {running.cookie}\r\nConnection: close\r\n\r\n"
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode("latin-1"))
            with contextlib.suppress(ConnectionError):
                answer = connection.recv(100_000)
        assert b"Traceback" not in answer
    assert running.fetch(f"{running.root}/api/studies/1")["name"] == "tiny"
    assert (home / "stderr-1.txt").read_text() == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dashboard", "tinny"], "did you mean tiny?"),
        (["dashboard", "--storage", "sqlite:///gone.db"], "there is no database"),
        (["dashboard", "--host", "192.0.2.1"], "--host 192.0.2.1: cannot listen there"),
        (["dashboard", "--token-file", "gone"], "--token-file gone: No such file"),
        (["dashboard", "--token-file", "tiny.yaml"], "others can read it; chmod 600 tiny.yaml"),
    ],
)
def test_wrong_input_is_one_clear_line(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(home)
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def results(folder: Path) -> list[tuple[Any, ...]]:
    study = load_record(open_storage(f"sqlite:///{folder / 'hpsearch.db'}"), "tiny")
    return [(t.number, t.state, t.params, t.values, t.values_by_epoch) for t in study.trials]


def test_a_study_that_is_watched_ends_as_one_that_is_not(tmp_path: Path) -> None:
    """Two slots; what each trial gives depends on its number only, so runs can be compared.

    Trials wait for a file named gate, which the watched ones are given after five reloads.
    """
    alone, watched = tmp_path / "alone", tmp_path / "watched"
    for folder in (alone, watched):
        folder.mkdir()
        (folder / "tiny.yaml").write_text(STUDY.format(trials=6, epochs=5, pruner="none"))
        shutil.copy(tiny.__file__, folder)
    run = [*HPSEARCH, "run", "tiny.yaml", "--devices", "cpu:2", "--set", "model.gate=gate"]
    (alone / "gate").touch()
    subprocess.run(run, cwd=alone, check=True, capture_output=True)

    with subprocess.Popen(run, cwd=watched, stdout=subprocess.PIPE, text=True) as search:
        while not (watched / "runs" / "tiny" / "trial-0001").exists():
            assert search.poll() is None
            time.sleep(0.05)
        with dashboard(watched, "tiny") as opened:
            for reload in itertools.count(1):
                states = [
                    t["state"] for t in opened.fetch(f"{opened.root}/api/studies/1")["trials"]
                ]
                opened.fetch(f"{opened.board}data/runs")
                if reload == 5:
                    assert states == ["Running", "Running"]
                    (watched / "gate").touch()
                if search.poll() is not None:
                    break
                time.sleep(0.3)
    assert search.returncode == 0
    assert results(watched) == results(alone)


@pytest.mark.browser
def test_the_pages_show_the_study_and_ask_nobody_else(running: Running, tmp_path: Path) -> None:
    trial = visit(running.optuna.replace("?", "/trials?numbers=0&"), tmp_path)
    for words in ("Trial 0", "learning curves", "best checkpoint", "curves.csv"):
        assert words in trial.dom
    board = visit(f"{running.tensorboard}#hparams", tmp_path)
    # HPARAMS is in shadow trees, which are not in the DOM; so the request for its rows is checked.
    assert any("hparams/session_groups" in url for url in board.requests)
    for page in (trial, board):
        assert not [line for line in page.console if "error" in line.lower()]
        assert {url.split("/")[2].split(":")[0] for url in page.requests} == {"127.0.0.1"}


def test_hparams_has_a_row_for_each_trial_pruned_ones_too(running: Running) -> None:
    statuses = [f"STATUS_{name}" for name in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]
    asked = json.dumps({"startIndex": 0, "sliceSize": 100, "allowedStatuses": statuses})
    url = f"{running.board}data/plugin/hparams/session_groups"
    origin = running.board.rstrip("/")
    headers = {"Origin": origin, "Content-Type": "application/json"}
    rows = running.fetch(url, "POST", asked.encode(), **headers)["sessionGroups"]
    assert len(rows) == 8
    assert set(rows[0]["hparams"]) == {"model.width", "model.dropout"}
