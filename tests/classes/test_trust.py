"""Others are played by permissions, and by files that belong to nobody this process is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hpsearch.classes import permissions
from hpsearch.classes.permissions import untrusted_reason
from hpsearch.classes.trust import Code, OwnModules, find_code, require_trust
from hpsearch.errors import InputError

GiveAway = Callable[[Path], None]
BOOM = "raise SystemExit('imported')\n"
TREE = {
    "study": {"name": "small"},
    "model": {"class_path": "trustnet.Net"},
    "data": {"class_path": "trustnet.Data"},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A module of the user's own, which nobody may import."""
    (tmp_path / "trustnet.py").write_text(BOOM)
    (tmp_path / "trustnet.py").chmod(0o644)
    return tmp_path / "trustnet.py"


@pytest.fixture
def give_away(monkeypatch: pytest.MonkeyPatch) -> GiveAway:
    """Makes a file another user's; where that is not allowed, makes it look so."""

    def give(path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, 54321, -1)
            return
        given, original = path.stat().st_ino, permissions._others_may_write

        def of_another(found: os.stat_result, what: str, **more: bool) -> str:
            if found.st_ino == given:
                found = os.stat_result([*found[:4], 54321, *found[5:10]])
            return original(found, what, **more)

        monkeypatch.setattr(permissions, "_others_may_write", of_another)

    return give


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o400])
def test_a_file_that_only_its_owner_may_write_to_is_trusted(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert untrusted_reason(file) == ""


def test_a_file_of_another_user_is_not(file: Path, give_away: GiveAway) -> None:
    give_away(file)
    assert untrusted_reason(file).startswith("the file belongs to ")


def test_a_file_that_everybody_may_write_to_is_not(file: Path) -> None:
    file.chmod(0o666)
    assert untrusted_reason(file) == "everybody may write to the file, mode 666"


@pytest.mark.parametrize(
    ("name", "members", "reason"),
    [
        ("ada", [], ""),
        ("ada", ["ada"], ""),
        ("ada", ["bob"], "its group may write to the file, mode 664"),
        ("users", [], "its group may write to the file, mode 664"),
    ],
)
def test_a_group_is_others_unless_it_is_the_owners_private_one(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, members: list[str], reason: str
) -> None:
    group = SimpleNamespace(gr_name=name, gr_mem=members)
    monkeypatch.setattr("grp.getgrgid", lambda gid: group)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: SimpleNamespace(pw_name="ada"))
    file.chmod(0o664)
    assert untrusted_reason(file) == reason


def test_a_group_without_a_name_is_others(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grp.getgrgid", {}.__getitem__)
    file.chmod(0o664)
    assert untrusted_reason(file) == "its group may write to the file, mode 664"


@pytest.mark.parametrize(
    ("mode", "reason"),
    [(0o1777, ""), (0o777, "everybody may write to its folder, mode 777"), (0o755, "")],
)
def test_in_a_folder_of_all_only_the_sticky_bit_protects_a_file(
    file: Path, mode: int, reason: str
) -> None:
    file.parent.chmod(mode)
    assert untrusted_reason(file) == reason


def test_a_link_is_as_good_as_its_folder_and_as_what_it_leads_to(file: Path) -> None:
    folder = file.parent / "links"
    folder.mkdir()
    link = folder / "link.py"
    link.symlink_to(file)
    assert untrusted_reason(link) == ""
    file.chmod(0o666)
    assert untrusted_reason(link) == "everybody may write to the file, mode 666"
    file.chmod(0o644)
    folder.chmod(0o777)
    assert untrusted_reason(link) == "everybody may write to its folder, mode 777"


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs pipes with a name")
def test_a_pipe_has_no_doubts() -> None:
    reading, writing = os.pipe()
    try:
        assert untrusted_reason(Path(f"/dev/fd/{reading}")) == ""
    finally:
        os.close(reading)
        os.close(writing)


def test_classes_are_found_without_being_imported(file: Path) -> None:
    (file.parent / "trustlib").mkdir()
    for name in ("__init__", "deep"):
        (file.parent / "trustlib" / f"{name}.py").write_text(BOOM)
    tree = {
        "study": {"sampler": "trustnet.Sampler", "pruner": "median"},
        "model": {"class_path": "~choice(trustnet.A, trustlib.deep.B)"},
        "optimizer": {"~choice": {"a": {"class_path": "trustnet.A"}, "b": {"class_path": "no.C"}}},
        "trainer": {"callbacks": [{"class_path": "trustlib.lost.D"}, {"class_path": "../up.E"}]},
    }
    assert find_code(tree, [str(file.parent)]) == (
        Code("trustnet.Sampler", file),
        Code("trustnet.A", file),
        Code("trustlib.deep.B", file.parent / "trustlib" / "deep.py"),
        Code("no.C", None),
        # Its package is imported, though the module in it is not there.
        Code("trustlib.lost.D", file.parent / "trustlib" / "__init__.py"),
        Code("../up.E", None),
    )


def test_a_package_that_others_may_write_to_puts_its_modules_in_doubt(file: Path) -> None:
    package = file.parent / "trustlib"
    package.mkdir()
    (package / "__init__.py").touch(0o666)
    (package / "__init__.py").chmod(0o666)
    (package / "deep.py").write_text(BOOM)
    tree = {"model": {"class_path": "trustlib.deep.B"}}
    reason = "everybody may write to the file, mode 666"
    assert find_code(tree, [str(file.parent)]) == (
        Code("trustlib.deep.B", package / "__init__.py", reason),
    )


def test_what_is_installed_and_hpsearch_itself_are_trusted_whoever_owns_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "hpsearch.classes.trust.untrusted_reason", lambda path: pytest.fail(f"{path} was doubted")
    )
    tree = [{"class_path": path} for path in ("torch.optim.Adam", "hpsearch.models.CNN")]
    adam, cnn = find_code(tree, [])
    assert adam.file is not None
    assert adam.file.parts[-3:] == ("torch", "optim", "__init__.py")
    assert cnn.file is not None


def test_a_study_of_the_users_own_needs_no_word(file: Path) -> None:
    study = file.with_name("small.yaml")
    study.touch()
    assert require_trust(study, TREE, [str(file.parent)], trusted=False) == ()
    assert require_trust(None, TREE, [str(file.parent)], trusted=False) == ()


def test_a_study_file_of_others_is_refused_with_all_it_would_import(file: Path) -> None:
    study = file.with_name("small.yaml")
    study.touch()
    study.chmod(0o666)
    expected = (
        f"{study}: everybody may write to the file, mode 666; this would be imported:",
        f"  trustnet.Net: {file}",
        f"  trustnet.Data: {file}",
    )
    with pytest.raises(InputError) as refused:
        require_trust(study, TREE, [str(file.parent)], trusted=False)
    advice = "Nothing was imported. Read it, and if you trust it add --trust to the command"
    assert str(refused.value) == "\n".join([*expected, advice])
    assert require_trust(study, TREE, [str(file.parent)], trusted=True) == expected


def test_of_an_own_study_file_only_the_code_of_others_is_reported(file: Path) -> None:
    file.with_name("trustown.py").write_text(BOOM)
    file.chmod(0o666)
    tree: dict[str, Any] = {**TREE, "data": {"class_path": "trustown.Data"}}
    expected = (
        "others could have written code of this study; this would be imported:\n"
        f"  trustnet.Net: {file} (everybody may write to the file, mode 666)\n"
        "Nothing was imported."
    )
    with pytest.raises(InputError, match=f"^{re.escape(expected)}"):
        require_trust(None, tree, [str(file.parent)], trusted=False)


@pytest.mark.parametrize("name", ["numpy.py", "numpy/__init__.py"])
def test_a_module_of_others_beside_a_study_is_refused_though_nothing_names_it(
    file: Path, give_away: GiveAway, name: str
) -> None:
    shadowing = file.parent / name
    shadowing.parent.mkdir(exist_ok=True)
    shadowing.write_text(BOOM)
    give_away(shadowing)
    file.parent.chmod(0o1777)
    tree = {"model": {"class_path": "hpsearch.models.CNN"}}
    with pytest.raises(InputError, match=re.escape(f"  numpy: {shadowing} (the file belongs to ")):
        require_trust(None, tree, [str(file.parent)], trusted=False)


def test_a_module_of_others_within_the_package_of_a_class_is_refused(file: Path) -> None:
    package = file.parent / "trustlib"
    package.mkdir()
    for name in ("__init__", "net", "parts"):
        (package / f"{name}.py").write_text(BOOM)
    (package / "parts.py").chmod(0o666)
    tree = {"model": {"class_path": "trustlib.net.Net"}}
    with pytest.raises(
        InputError, match=re.escape(f"  trustlib.parts: {package / 'parts.py'} (everybody")
    ):
        require_trust(None, tree, [str(file.parent)], trusted=False)


def test_a_hostile_name_cannot_steer_the_terminal(file: Path) -> None:
    study = file.with_name("small.yaml")
    study.touch()
    study.chmod(0o666)
    tree = {"model": {"class_path": f"\x1b[2Jtrust.{'x' * 1000}"}}
    expected = require_trust(study, tree, [], trusted=True)
    assert expected[1].startswith(r"  '\x1b[2Jtrust.xxx")
    assert len(expected[1]) < 250


def test_folders_that_are_not_there_are_no_error(file: Path) -> None:
    folders = [str(file.parent / "gone"), str(file)]
    assert require_trust(None, {"model": {"class_path": "gone.Net"}}, folders, trusted=False) == ()


def refused_words(tree: dict[str, Any], folder: Path) -> str:
    with pytest.raises(InputError) as refused:
        require_trust(None, tree, [str(folder)], trusted=False)
    return str(refused.value)


def test_a_folder_above_that_others_may_write_to_puts_a_file_in_doubt(tmp_path: Path) -> None:
    deep = tmp_path / "shared" / "ada" / "study"
    deep.mkdir(parents=True)
    (deep / "net.py").touch()
    assert untrusted_reason(deep / "net.py") == ""
    (tmp_path / "shared").chmod(0o777)
    reason = f"everybody may write to the folder {tmp_path / 'shared'}, mode 777"
    assert untrusted_reason(deep / "net.py") == reason
    (tmp_path / "shared").chmod(0o1777)
    assert untrusted_reason(deep / "net.py") == ""


def test_bytecode_that_others_could_have_written_is_refused(
    file: Path, give_away: GiveAway
) -> None:
    cache = file.parent / "__pycache__"
    cache.mkdir(mode=0o755)
    bytecode = cache / f"trustnet.{sys.implementation.cache_tag}.pyc"
    bytecode.touch(0o644)
    bytecode.chmod(0o644)
    assert require_trust(None, TREE, [str(file.parent)], trusted=False) == ()
    bytecode.chmod(0o666)
    expected = (
        f"trustnet.Net: {file} (everybody may write to its bytecode {bytecode.name}, mode 666)"
    )
    assert expected in refused_words(TREE, file.parent)
    bytecode.unlink()
    cache.chmod(0o1777)
    expected = f"trustnet.Net: {file} (everybody may write to its __pycache__, mode 1777)"
    assert expected in refused_words(TREE, file.parent)


@pytest.mark.parametrize("package", [True, False], ids=["package", "namespace folder"])
def test_a_module_of_others_deep_within_a_folder_is_refused(file: Path, package: bool) -> None:
    deep = file.parent / "parts" / "inner"
    deep.mkdir(parents=True)
    if package:
        (deep.parent / "__init__.py").touch(0o644)
        (deep / "__init__.py").touch(0o644)
    (deep / "layers.py").write_text(BOOM)
    (deep / "layers.py").chmod(0o666)
    expected = (
        f"  parts.inner.layers: {deep / 'layers.py'} (everybody may write to the file, mode 666)"
    )
    assert expected in refused_words(TREE, file.parent)


def test_a_folder_of_modules_that_others_may_add_to_is_refused_though_it_is_empty(
    tmp_path: Path,
) -> None:
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    tree = {"model": {"class_path": "hpsearch.models.CNN"}}
    expected = f"  every module here: {tmp_path / 'open'} (everybody may write to the folder"
    assert expected in refused_words(tree, tmp_path / "open")


def test_data_and_virtual_environments_are_not_modules(file: Path) -> None:
    for name in ("venv/pyvenv.cfg", "venv/lib.py", "pictures/cat.jpg", "run-1/mine.py"):
        other = file.parent / name
        other.parent.mkdir(exist_ok=True)
        other.touch()
        other.chmod(0o666)
    assert require_trust(None, TREE, [str(file.parent)], trusted=False) == ()


def test_own_modules_are_those_found_but_not_installed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(file.parent)
    (file.parent / "trustfolder").mkdir()
    own = OwnModules()
    assert "trustnet" in own
    assert "trustfolder" in own
    assert "__main__" in own
    others = ("torch", "hpsearch", "subprocess", "numpy", "missing", "not a name")
    assert not [name for name in others if name in own]


def test_packages_of_another_environment_on_pythons_path_are_installed(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "theirs.py").touch()
    (tmp_path / "mine.py").touch()
    path = os.pathsep.join(filter(None, (*map(str, (packages, tmp_path)), os.getenv("PYTHONPATH"))))
    asked = "from hpsearch.classes.trust import OwnModules; own = OwnModules()"
    answer = subprocess.run(
        [sys.executable, "-c", f"{asked}; print('theirs' in own, 'mine' in own)"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "False True\n"
