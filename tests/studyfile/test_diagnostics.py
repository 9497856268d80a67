import pytest

from hpsearch.studyfile.diagnostics import Diagnostic, StudyFileError, did_you_mean, mask
from hpsearch.studyfile.document import Diagnostics, Document, Location
from hpsearch.studyfile.yaml_text import parse


def test_errors_are_shown_with_an_excerpt_of_three_lines():
    document = parse("model:\n  init_args:\n    chanels: 3\n    hidden: 4\n", "s/x.yaml")
    diagnostic = document.diagnostic(("model", "init_args", "chanels"), "no such argument")
    assert str(StudyFileError([diagnostic])) == (
        "s/x.yaml:3: error: model.chanels: no such argument\n"
        "     2 |   init_args:\n"
        ">    3 |     chanels: 3\n"
        "     4 |     hidden: 4\n"
        "s/x.yaml has 1 error"
    )


def test_the_error_counts_the_errors_of_the_file():
    document = parse("a: 1\nb: 2\n", "x.yaml")
    diagnostics = [document.diagnostic(("a",), "is odd"), document.diagnostic(("b",), "is even")]
    assert str(StudyFileError(diagnostics)).startswith("x.yaml:1: error: a: is odd\n")
    assert str(StudyFileError(diagnostics)).endswith("\nx.yaml has 2 errors")


def test_the_error_has_them_all_and_knows_which_were_not_seen_yet():
    diagnostics = [Diagnostic("x.yaml", 1, "a", "is odd"), Diagnostic("x.yaml", 2, "b", "is even")]
    error = StudyFileError(diagnostics, shown=diagnostics[:1])
    assert str(error).startswith("x.yaml:1: error: a: is odd\nx.yaml:2: error: b: is even\n")
    assert error.unseen == "x.yaml:2: error: b: is even\nx.yaml has 2 errors"
    assert error.diagnostics == tuple(diagnostics)


def test_errors_of_overrides_alone_are_errors_of_the_command_line():
    diagnostic = Document({}, Location("--set a=1")).diagnostic(("a",), "is odd")
    error = StudyFileError([diagnostic])
    assert str(error) == "--set a=1: error: a: is odd\nthe command line has 1 error"


def test_a_password_is_masked_in_excerpts():
    document = parse("storage: postgresql://me:secret@host/db\n", "x.yaml")
    diagnostic = document.diagnostic(("storage",), "holds a password")
    assert "me:***@host" in str(diagnostic)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me:***@host/db"),
        ("storage: 'mysql://me:sec@ret@host/db'", "storage: 'mysql://me:***@host/db'"),
        ("postgresql://me:/secret@host", "postgresql://me:***@host"),
        ("postgresql://me:sec ret/x@host", "postgresql://me:***@host"),
        ("postgresql://me@home:secret@host", "postgresql://me@home:***@host"),
        ("postgresql://me:secret%40host/db", "postgresql://me:***%40host/db"),
        ("postgresql://host:secret/db", "postgresql://host:***/db"),
        ("postgresql://host/db?passwd=secret&a=1", "postgresql://host/db?passwd=***&a=1"),
        ("x://h/d?a=1&sslPassword=secret", "x://h/d?a=1&sslPassword=***"),
        ("postgresql://me@host:5432/db", "postgresql://me@host:5432/db"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("sqlite:///some/file@home.db", "sqlite:///some/file@home.db"),
    ],
)
def test_a_password_is_masked_whatever_it_holds(url, shown):
    assert mask(url) == shown
    assert "secret" not in shown


def test_only_the_first_error_of_a_value_is_kept_and_lines_are_in_order():
    log = Diagnostics(parse("a: 1\nb: 2\n", "x.yaml"))
    for name, message in [("b", "first"), ("b", "second"), ("a", "third")]:
        log.add((name,), message)
    assert [(diagnostic.line, diagnostic.message) for diagnostic in log.diagnostics] == [
        (1, "third"),
        (2, "first"),
    ]


def test_the_nearest_word_is_proposed_or_the_few_known_are_named():
    assert did_you_mean("chanels", ["channels", "hidden"]) == "; did you mean 'channels'?"
    assert did_you_mean("xyz", ["channels", "hidden"]) == "; known here: channels, hidden"
    assert did_you_mean("xyz", [f"word{n}" for n in range(40)]) == ""
