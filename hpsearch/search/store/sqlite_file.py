"""SQLite files: created in one step, read without leaving a trace, never on a network disk."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import quote

from hpsearch.errors import InputError

BUSY_S = 60

_MOUNTS = Path("/proc/self/mountinfo")
# File systems that several machines share. Their locks may be late, local or missing, and each
# machine has its own shared memory for SQLite's write-ahead log (sqlite.org/wal.html,
# sqlite.org/faq.html, question 5). Not among them are overlay, 9p and virtiofs, through which
# containers, WSL and virtual machines see a disk of their own host, and the cluster file systems
# gfs2 and ocfs2, whose locks are reliable.
_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "coda", "ncpfs"),
        *("lustre", "gpfs", "beegfs", "ceph", "glusterfs", "panfs", "pvfs2", "orangefs"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.rclone"),
        *("fuse.s3fs", "fuse.gcsfuse", "fuse.davfs", "fuse.smbnetfs", "fuse.juicefs"),
    }
)


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Opens an SQLite file without changing it or its folder.

    To read a database with a write-ahead log, SQLite needs two files beside it, which it would
    create and leave there. Without a log, nobody writes and the file is complete, so it is opened
    as immutable, which also works in read-only folders.

    Raises:
        OSError, sqlite3.Error: the file cannot be opened.
    """
    # As a URI, since only a URI can ask for read-only access.
    place = f"file:{quote(str(path.absolute()))}"
    way = "immutable=1" if _rests_in_one_file(path) else "mode=ro"
    return sqlite3.connect(f"{place}?{way}", uri=True, timeout=BUSY_S, check_same_thread=False)


def _rests_in_one_file(path: Path) -> bool:
    if _log_of(path).exists():
        return False
    # Closing the file drops the locks of this process's connections (sqlite.org/howtocorrupt.html,
    # section 2.2); without a log there are none.
    return keeps_log(path)


def keeps_log(path: Path) -> bool:
    """Returns whether an SQLite file uses a write-ahead log, according to its header."""
    with path.open("rb") as file:
        return file.read(20)[18:20] == b"\x02\x02"


def connect_unsynced(path: Path) -> sqlite3.Connection:
    """Opens a file that nobody else uses, without waiting for the disk at each change."""
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def mark_version(path: Path, version: str) -> None:
    """Writes the version of Optuna's tables into a new file, as Alembic would.

    Alembic loads all earlier versions to do so, which takes three times as long as the tables.
    """
    with closing(connect_unsynced(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
            " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
        connection.execute("INSERT INTO alembic_version VALUES (?)", (version,))


def table_names(path: Path) -> set[str]:
    """Returns the names of a file's tables; none for an empty file.

    Raises:
        sqlite3.Error: the file is not an SQLite database, or cannot be read.
    """
    with closing(connect_read_only(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name for (name,) in rows if not name.startswith("sqlite_")}


def is_blank(path: Path) -> bool:
    """Returns whether a file has no tables yet, or our tables without a study.

    Raises:
        sqlite3.Error: the file is not an SQLite database, or cannot be read.
    """
    there = table_names(path)
    if "studies" not in there:
        return not there
    with closing(connect_read_only(path)) as connection:
        return connection.execute("SELECT 1 FROM studies LIMIT 1").fetchone() is None


def make_whole(path: Path, build: Callable[[Path], None]) -> None:
    """Creates a file that is complete as soon as it has its name; keeps an existing one.

    A kill at any moment leaves either no file of this name or a complete one.

    Args:
        path: the file.
        build: creates a database in the given file.
    """
    with _only_maker(path.parent):
        if path.exists():
            return
        for leftover in path.parent.glob(f".{path.name}.new*"):
            leftover.unlink()
        # The log of a deleted file: SQLite would apply its rows to the new file.
        for leftover in (_log_of(path), path.with_name(f"{path.name}-shm")):
            leftover.unlink(missing_ok=True)
        beside = path.with_name(f".{path.name}.new")
        build(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.rename(path)


@contextmanager
def _only_maker(folder: Path) -> Iterator[None]:
    """Keeps others from creating files in the folder inside the block; a kill releases it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


FileState = Literal["same", "deleted", "replaced", "emptied"]


@dataclass(frozen=True)
class FileIdentity:
    """Identifies the file that a path named when it was opened, by device and inode."""

    path: Path
    device: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> FileIdentity:
        """Returns the identity of an existing file.

        Raises:
            OSError: it does not exist.
        """
        path = path.absolute()
        facts = path.stat()
        return cls(path, facts.st_dev, facts.st_ino)

    def check(self) -> FileState:
        """Returns what has become of the file since, which a connection to it does not notice."""
        try:
            facts = self.path.stat()
        except OSError:
            return "deleted"
        if (facts.st_dev, facts.st_ino) != (self.device, self.inode):
            return "replaced"
        return "same" if facts.st_size else "emptied"


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


@dataclass(frozen=True)
class Mount:
    """A file system: its mount point, and its type, such as `ext4` or `nfs4`."""

    folder: PurePosixPath
    kind: str


def find_mount(path: PurePosixPath, mountinfo: str) -> Mount | None:
    """Returns the mount that holds a file; None if the table does not say.

    Args:
        path: the file's absolute path, with links resolved.
        mountinfo: the text of /proc/self/mountinfo; see proc(5).
    """
    mounts = [mount for line in mountinfo.splitlines() for mount in _read(line)]
    over = [mount for mount in mounts if path.is_relative_to(mount.folder)]
    # The last mount at a folder covers earlier ones.
    return max(reversed(over), key=lambda mount: len(mount.folder.parts), default=None)


def refuse_network(path: Path, mounts: Path = _MOUNTS) -> None:
    """Raises InputError if an SQLite file would lie on a network file system.

    Systems without a table of mounts are not checked.

    Args:
        path: the file; it need not exist.
        mounts: the table of mounts.
    """
    try:
        # Names in it may have any encoding, and most do not matter here.
        table = mounts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    mount = find_mount(PurePosixPath(path.resolve()), table)
    if mount is not None and mount.kind in _NETWORK:
        raise InputError(
            f"the database {path} lies on a network file system ({mount.kind}, mounted at"
            f" {mount.folder}), where SQLite's locks do not hold and a study can be lost; name a"
            " file on a disk of this machine, as --storage sqlite:////local/disk/hpsearch.db, or"
            " use PostgreSQL: --storage postgresql+psycopg://me@host/database"
        )


def _read(line: str) -> list[Mount]:
    """Returns the mount of a line; None if the line is malformed."""
    left, _, right = line.partition(" - ")
    fields, kind = left.split(" "), right.partition(" ")[0]
    if len(fields) < 5 or not kind:
        return []
    return [Mount(PurePosixPath(_unescaped(fields[4])), kind)]


def _unescaped(name: str) -> str:
    """Returns a name in which octal numbers replace blanks, line ends and backslashes."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), name)


def refuse_unwritable(path: Path, may: Callable[[Path, int], bool] = os.access) -> None:
    """Raises InputError if this user may not write an SQLite file, or beside it, as SQLite does.

    Args:
        path: the file; it need not exist.
        may: whether this user may do something with a file or folder that exists.
    """
    folder = path.absolute().parent
    for place in (folder, folder / path.name):
        if place.exists() and not may(place, os.W_OK):
            what = "folder" if place == folder else "file"
            read = "you can read it (list, status, best, report -o FILE), and search in"
            raise InputError(
                f"the database {path} cannot be written: you have no permission to write to the"
                f" {what} {place}; {read if path.exists() else 'use'} a folder of your own:"
                " --storage sqlite:////FOLDER/hpsearch.db --runs FOLDER/runs"
            )


def refuse_unreadable(path: Path, may: Callable[[Path, int], bool] = os.access) -> None:
    """Raises InputError if this user may not read an SQLite file, or what SQLite keeps beside it.

    Args:
        path: the file; it need not exist.
        may: whether this user may do something with a file that exists.
    """
    for place in (path, _log_of(path), path.with_name(f"{path.name}-shm")):
        if place.exists() and not may(place, os.R_OK):
            raise InputError(
                f"the database {path} cannot be read: you have no permission to read the file"
                f" {place}; its owner can give it: chmod a+r {path}*"
            )
