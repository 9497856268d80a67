"""The mount tables here are real ones, shortened: of a cluster, a container and WSL."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest

from hpsearch.errors import InputError
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.sqlite_file import (
    find_mount,
    refuse_network,
    refuse_unreadable,
    refuse_unwritable,
)

CLUSTER = r"""
21 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
22 21 0:21 / /proc rw,nosuid - proc proc rw
40 21 0:44 / /home rw,relatime shared:20 - nfs4 server:/export/home rw,vers=4.2
41 40 8:3 / /home/me/local rw - xfs /dev/sdb1 rw
42 21 0:45 / /mnt/my\040share rw master:3 propagate_from:2 - cifs //nas/share rw
43 21 0:46 / /scratch rw - lustre 10.0.0.1@tcp:/scratch rw
44 21 0:47 / /homes rw - btrfs /dev/sdc rw
45 21 0:48 / /twice rw - nfs server:/twice rw
46 45 0:49 / /twice rw - tmpfs tmpfs rw
47 21 0:50 / /mnt/ssh rw - fuse.sshfs me@host: rw
a line of no use
"""
CONTAINER = """
500 400 0:99 / / rw - overlay overlay rw,lowerdir=/a:/b
501 500 0:98 / /job rw - 9p share rw,trans=virtio
502 500 0:97 / /data rw - virtiofs data rw
"""


@pytest.mark.parametrize(
    ("path", "folder", "kind"),
    [
        ("/srv/a.db", "/", "ext4"),
        ("/home/me/a.db", "/home", "nfs4"),
        ("/home/me/local/a.db", "/home/me/local", "xfs"),
        ("/homes/me/a.db", "/homes", "btrfs"),
        ("/mnt/my share/a.db", "/mnt/my share", "cifs"),
        ("/twice/a.db", "/twice", "tmpfs"),
    ],
)
def test_a_file_lies_on_the_nearest_mount_above_it(path: str, folder: str, kind: str) -> None:
    mount = find_mount(PurePosixPath(path), CLUSTER)
    assert mount is not None
    assert (str(mount.folder), mount.kind) == (folder, kind)


def test_a_table_that_does_not_say_gives_no_mount() -> None:
    assert find_mount(PurePosixPath("/a.db"), "nothing\nof use - ") is None


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/home/me/a.db", "nfs4, mounted at /home"),
        ("/mnt/my share/a.db", "cifs, mounted at /mnt/my share"),
        ("/scratch/a.db", "lustre, mounted at /scratch"),
        ("/mnt/ssh/a.db", "fuse.sshfs, mounted at /mnt/ssh"),
    ],
)
def test_a_database_on_a_network_file_system_is_refused_with_advice(
    tmp_path: Path, path: str, where: str
) -> None:
    (tmp_path / "mounts").write_text(CLUSTER)
    with pytest.raises(InputError) as refused:
        refuse_network(Path(path), tmp_path / "mounts")
    assert f"the database {path} lies on a network file system ({where})" in str(refused.value)
    assert "name a file on a disk of this machine" in str(refused.value)
    assert "or use PostgreSQL: --storage postgresql+psycopg://" in str(refused.value)


@pytest.mark.parametrize("path", ["/a.db", "/job/a.db", "/data/a.db"])
def test_file_systems_of_containers_and_virtual_machines_are_local(
    tmp_path: Path, path: str
) -> None:
    (tmp_path / "mounts").write_text(CONTAINER)
    refuse_network(Path(path), tmp_path / "mounts")


def test_systems_without_a_table_of_mounts_are_not_looked_at(tmp_path: Path) -> None:
    refuse_network(tmp_path / "a.db", tmp_path / "there is none")


def test_a_link_to_a_network_file_system_does_not_hide_it(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "shared")
    place = str((tmp_path / "shared").resolve()).replace(" ", r"\040")
    (tmp_path / "mounts").write_text(f"1 0 0:1 / {place} rw - nfs server:/ rw\n")
    with pytest.raises(InputError, match=r"link/a\.db lies on a network file system \(nfs, "):
        refuse_network(tmp_path / "link" / "a.db", tmp_path / "mounts")


def test_a_database_is_looked_at_before_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mounts").write_text("1 0 0:1 / / rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(
        "hpsearch.search.store.database.refuse_network",
        lambda path: refuse_network(path, tmp_path / "mounts"),
    )
    for create in (True, False):
        (tmp_path / "a.db").unlink(missing_ok=True)
        if not create:
            (tmp_path / "a.db").touch()
        with pytest.raises(InputError, match=re.escape("(nfs4, mounted at /)")):
            open_storage(f"sqlite:///{tmp_path}/a.db", create=create)
    assert (tmp_path / "a.db").stat().st_size == 0


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_database_that_may_only_be_read_is_refused_before_anything_is_written(
    tmp_path: Path, what: str
) -> None:
    (tmp_path / "a.db").touch()
    place = tmp_path / "a.db" if what == "file" else tmp_path
    with pytest.raises(InputError) as refused:
        refuse_unwritable(tmp_path / "a.db", lambda path, _: path != place)
    assert str(refused.value) == (
        f"the database {tmp_path}/a.db cannot be written: you have no permission to write to the"
        f" {what} {place}; you can read it (list, status, best, report -o FILE), and search in a"
        " folder of your own: --storage sqlite:////FOLDER/hpsearch.db --runs FOLDER/runs"
    )
    with pytest.raises(InputError, match=r"; use a folder of your own: --storage"):
        refuse_unwritable(tmp_path / "new.db", lambda *_: False)
    refuse_unwritable(tmp_path / "a.db")
    refuse_unwritable(tmp_path / "none" / "a.db")


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_a_database_that_may_not_be_read_says_which_file_and_who_can_change_it(
    tmp_path: Path, ending: str
) -> None:
    place = tmp_path / f"a.db{ending}"
    refuse_unreadable(tmp_path / "a.db", lambda *_: False)
    place.touch()
    with pytest.raises(InputError) as refused:
        refuse_unreadable(tmp_path / "a.db", lambda *_: False)
    assert str(refused.value) == (
        f"the database {tmp_path}/a.db cannot be read: you have no permission to read the file"
        f" {place}; its owner can give it: chmod a+r {tmp_path}/a.db*"
    )
