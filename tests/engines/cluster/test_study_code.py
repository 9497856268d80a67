"""The modules that a study takes along to its nodes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch.engines.cluster.study_code import StudyCode


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    (folder / "nets" / "__pycache__").mkdir(parents=True)
    (folder / "model.py").write_text("import torch\nimport helper\nfrom nets.small import Net\n")
    (folder / "helper.py").write_text("import json\n")
    (folder / "unrelated.py").write_text("")
    (folder / "nets" / "__init__.py").write_text("")
    (folder / "nets" / "small.py").write_text("import lists\n")
    (folder / "nets" / "classes.json").write_text("[]")
    (folder / "nets" / "__pycache__" / "small.pyc").write_text("")
    (folder / "lists.py").write_text("")
    return folder


def test_modules_go_with_all_that_they_import_from_beside_them(study: Path) -> None:
    code = StudyCode.of(["model", "hpsearch.data"], [str(study), str(study.parent)])

    assert sorted(code.files) == [
        *("helper.py", "lists.py", "model.py"),
        *("nets/__init__.py", "nets/classes.json", "nets/small.py"),
    ]


def test_they_arrive_as_they_were_when_the_search_began(study: Path, tmp_path: Path) -> None:
    code = StudyCode.of(["model"], [str(study)])
    before = (study / "model.py").read_text()
    (study / "model.py").write_text("changed")

    code.write(tmp_path / "node")

    assert (tmp_path / "node/model.py").read_text() == before
    assert (tmp_path / "node/nets/classes.json").read_text() == "[]"


def test_what_did_not_arrive_whole_is_refused(study: Path, tmp_path: Path) -> None:
    code = StudyCode.of(["model"], [str(study)])
    damaged = replace(code, files={**code.files, "model.py": ""})

    with pytest.raises(ValueError, match="did not arrive as they were sent"):
        damaged.write(tmp_path / "node")


def test_other_code_under_the_same_name_is_found(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = StudyCode.of(["model"], [str(study)])
    installed = tmp_path / "site"
    code.write(installed)
    monkeypatch.syspath_prepend(str(installed))
    assert code.others() == []

    (installed / "model.py").write_text("other")
    (installed / "nets" / "small.py").write_text("other")

    assert code.others() == [str(installed / "model.py"), str(installed / "nets/small.py")]
