from hpsearch.spec.document import Document, FaultLog, Place
from hpsearch.spec.faults import Fault, StudyFileError, did_you_mean, mask
from hpsearch.spec.yaml_text import parse


def test_faults_are_rendered_with_a_frame_of_three_lines():
    document = parse("model:\n  init_args:\n    chanels: 3\n    hidden: 4\n", "s/x.yaml")
    fault = document.fault(("model", "init_args", "chanels"), "no such argument")
    assert str(StudyFileError([fault])) == (
        "s/x.yaml:3: error: model.chanels: no such argument\n"
        "     2 |   init_args:\n"
        ">    3 |     chanels: 3\n"
        "     4 |     hidden: 4\n"
        "s/x.yaml has 1 error"
    )


def test_the_error_counts_the_faults_of_the_file():
    document = parse("a: 1\nb: 2\n", "x.yaml")
    faults = [document.fault(("a",), "is odd"), document.fault(("b",), "is even")]
    assert str(StudyFileError(faults)).startswith("x.yaml:1: error: a: is odd\n")
    assert str(StudyFileError(faults)).endswith("\nx.yaml has 2 errors")


def test_the_error_counts_faults_that_are_shown_already_and_leaves_them_out():
    faults = [Fault("x.yaml", 1, "a", "is odd"), Fault("x.yaml", 2, "b", "is even")]
    error = StudyFileError(faults, shown=faults[:1])
    assert str(error) == "x.yaml:2: error: b: is even\nx.yaml has 2 errors"
    assert error.faults == tuple(faults)


def test_faults_of_overrides_alone_are_faults_of_the_command_line():
    fault = Document({}, Place("--set a=1")).fault(("a",), "is odd")
    error = StudyFileError([fault])
    assert str(error) == "--set a=1: error: a: is odd\nthe command line has 1 error"


def test_a_password_is_masked_in_frames():
    document = parse("storage: postgresql://me:secret@host/db\n", "x.yaml")
    fault = document.fault(("storage",), "holds a password")
    assert "me:***@host" in str(fault)
    assert mask("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"


def test_only_the_first_fault_of_a_value_is_kept_and_lines_are_in_order():
    log = FaultLog(parse("a: 1\nb: 2\n", "x.yaml"))
    for name, message in [("b", "first"), ("b", "second"), ("a", "third")]:
        log.add((name,), message)
    assert [(fault.line, fault.message) for fault in log.faults] == [(1, "third"), (2, "first")]


def test_the_nearest_word_is_proposed_or_the_few_known_are_named():
    assert did_you_mean("chanels", ["channels", "hidden"]) == "; did you mean 'channels'?"
    assert did_you_mean("xyz", ["channels", "hidden"]) == "; known here: channels, hidden"
    assert did_you_mean("xyz", [f"word{n}" for n in range(40)]) == ""
