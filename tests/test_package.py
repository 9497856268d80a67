"""What is installed: the whole package, MNIST with its checksums, the command, the licenses."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MNIST = "hpsearch/data/mnist"
BUILD = "import sys; from setuptools import build_meta; build_meta.build_{}(sys.argv[1])"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a package is built from: a build leaves folders beside it."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, folder)
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "hpsearch", folder / "hpsearch", ignore=unwanted)
    return folder


def build(project: Path, kind: str) -> Path:
    out = project / kind
    out.mkdir()
    command = [sys.executable, "-c", BUILD.format(kind), str(out)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (package,) = out.iterdir()
    return package


@pytest.fixture(scope="module")
def wheel(project: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(build(project, "wheel")) as file:
        yield file


def files_of(project: Path) -> set[str]:
    files = (file for file in (project / "hpsearch").rglob("*") if file.is_file())
    return {file.relative_to(project).as_posix() for file in files}


def test_wheel_holds_every_file_of_the_package_and_nothing_else(
    project: Path, wheel: zipfile.ZipFile
) -> None:
    installed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert installed == files_of(project)
    assert "hpsearch/py.typed" in installed


def test_source_package_holds_every_file_of_the_package(project: Path) -> None:
    with tarfile.open(build(project, "sdist")) as file:
        packed = {name.partition("/")[2] for name in file.getnames()}
    assert packed > files_of(project) | {"pyproject.toml", "README.md", "LICENSE", "NOTICE"}


def test_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    entry_points = ConfigParser()
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    entry_points.read_string(wheel.read(name).decode())
    assert dict(entry_points["console_scripts"]) == {"hpsearch": "hpsearch.__main__:main"}


def test_wheel_brings_mnist_with_the_checksums_of_its_note(wheel: zipfile.ZipFile) -> None:
    note = wheel.read(f"{MNIST}/README.md").decode()
    rows = re.findall(r"\| (\S+-ubyte) \| ([\d,]+) \| (\w{32}) \|", note)
    assert len(rows) == 4
    for name, size, checksum in rows:
        content = gzip.decompress(wheel.read(f"{MNIST}/{name}.gz"))
        assert len(content) == int(size.replace(",", ""))
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() == checksum


def test_wheel_names_both_licenses_and_brings_their_texts(wheel: zipfile.ZipFile) -> None:
    info = next(name for name in wheel.namelist() if name.endswith("/METADATA")).rpartition("/")[0]
    metadata = message_from_string(wheel.read(f"{info}/METADATA").decode())
    assert metadata["License-Expression"] == "Apache-2.0 AND CC-BY-SA-3.0"
    for name in metadata.get_all("License-File", []):
        assert wheel.read(f"{info}/licenses/{name}") == (ROOT / name).read_bytes()
    assert "CC BY-SA 3.0" in (ROOT / "NOTICE").read_text()


def test_wheel_says_of_itself_what_an_index_shows(wheel: zipfile.ZipFile) -> None:
    info = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
    metadata = message_from_string(wheel.read(info).decode())
    assert metadata["Summary"].startswith("Hyperparameter search for PyTorch Lightning")
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).startswith("# hpsearch\n")
    assert metadata["Requires-Python"] == ">=3.11"
    extras = set(metadata.get_all("Provides-Extra", []))
    assert extras >= {"export", "loggers", "notebook", "postgresql", "mysql", "ray", "docs"}


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    """Before a release its newest section is "Unreleased", and the version is a `.dev` one."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest, *older = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest == ("Unreleased" if ".dev" in version else version)
    assert version.partition(".dev")[0] not in older
