"""Reads a study from a path and overrides."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from hpsearch.studyfile.diagnostics import Diagnostic, StudyFileError, nearest
from hpsearch.studyfile.document import Document
from hpsearch.studyfile.lightning_cli import adopt
from hpsearch.studyfile.overrides import apply_override
from hpsearch.studyfile.parse import ParsedStudy, parse_study
from hpsearch.studyfile.study import StudySpec
from hpsearch.studyfile.yaml_text import MAX_BYTES, parse


def read_study(path: str | Path, overrides: Sequence[str] = ()) -> StudySpec:
    """Returns the study of a file, with some values replaced.

    Args:
        path: the study file.
        overrides: as in `read_parsed`.

    Raises:
        StudyFileError: the file cannot be read, or its text or an override has errors; all of
            them are named.
    """
    return StudySpec.from_parsed(read_parsed(path, overrides))


def read_parsed(path: str | Path, overrides: Sequence[str] = ()) -> ParsedStudy:
    """Returns the contents of a file, with some values replaced, and every error of its text.

    Args:
        path: the study file.
        overrides: `key=value` each, in the file's own language: `trainer.max_epochs=1`,
            `model.dropout=~float(0, 0.2)`.

    Raises:
        StudyFileError: the file cannot be read.
    """
    document = adopt(parse(_read_text(Path(path)), str(path)))
    for override in overrides:
        document = apply_override(document, override)
    folders = (str(Path(path).resolve().parent), str(Path.cwd()))
    return parse_study(document, tuple(dict.fromkeys(folders)), stored=False)


def read_sections(path: Path) -> Document:
    """Returns a configuration of LightningCLI or Hydra; the former as a study file has it.

    Raises:
        StudyFileError: the file cannot be read, or it is a study file already.
    """
    document = adopt(parse(_read_text(path), str(path)))
    if not (isinstance(document.tree, dict) or document.diagnostics):
        message = "is not a LightningCLI configuration: it has no sections"
        raise StudyFileError([Diagnostic(str(path), None, "", message)])
    if "study" in (document.tree or {}):
        message = f"is a study file already; hpsearch check {path}"
        raise StudyFileError([document.diagnostic(("study",), message)])
    return document


def _read_text(path: Path) -> str:
    line = None
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            message = f"the file is over the limit of {MAX_BYTES} bytes"
        elif path.suffix == ".py":
            message = (
                f"this is a Python file, and a study file is YAML; `hpsearch init {path}` writes"
                " one for its model"
            )
        else:
            return content.decode("utf-8-sig")
    except FileNotFoundError:
        message = f"there is no such file{_file_beside(path)}"
    except IsADirectoryError:
        message = "this is a folder; name a study file in it"
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"the file is not UTF-8 text (byte {error.start}); save it as UTF-8"
    raise StudyFileError([Diagnostic(str(path), line, "", message)])


def _file_beside(missing: Path) -> str:
    """Returns the end of a message: the study file meant by one that is missing, or an example."""
    if missing.parent.parts and Path(missing.name).is_file():
        return f"; did you mean {missing.name}?"
    names = [file.name for file in missing.parent.glob("*.y*ml")]
    near = nearest(missing.name, [name for name in names if name != missing.name], likeness=0.7)
    if near:
        return f"; did you mean {missing.parent / near}?"
    packaged = (files("hpsearch") / folder for folder in ("studies", "examples"))
    is_example = any((folder / f"{missing.stem}.yaml").is_file() for folder in packaged)
    return f"; `hpsearch init {missing.stem}` writes that example" if is_example else ""
