"""Which file system a file lies on: SQLite's locks hold on local ones alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hpsearch.errors import InputError

_MOUNTS = Path("/proc/self/mountinfo")
# File systems that several machines share, where a lock is late, local or none, and where the
# shared memory of SQLite's write-ahead log is each machine's own (sqlite.org/wal.html,
# sqlite.org/faq.html, question 5). Not among them: overlay, 9p and virtiofs, which are how
# containers, WSL and virtual machines see a disk of their own host; and the cluster file systems
# on a shared disk, gfs2 and ocfs2, whose locks hold.
_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "coda", "ncpfs"),
        *("lustre", "gpfs", "beegfs", "ceph", "glusterfs", "panfs", "pvfs2", "orangefs"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.rclone"),
        *("fuse.s3fs", "fuse.gcsfuse", "fuse.davfs", "fuse.smbnetfs", "fuse.juicefs"),
    }
)


@dataclass(frozen=True)
class Mount:
    """A file system: the folder it stands at, and its type, as `ext4` or `nfs4`."""

    folder: PurePosixPath
    kind: str


def find_mount(path: PurePosixPath, mountinfo: str) -> Mount | None:
    """Returns the mount that a file lies on; None if the table does not say.

    Args:
        path: the file's absolute path, without links.
        mountinfo: the text of /proc/self/mountinfo, as proc(5) has it.
    """
    mounts = [mount for line in mountinfo.splitlines() for mount in _read(line)]
    over = [mount for mount in mounts if path.is_relative_to(mount.folder)]
    # Of mounts at one folder the last one covers the others.
    return max(reversed(over), key=lambda mount: len(mount.folder.parts), default=None)


def refuse_network(path: Path, mounts: Path = _MOUNTS) -> None:
    """Raises InputError if an SQLite file would lie on a network file system.

    Systems without a table of mounts are not looked at.

    Args:
        path: the file, which need not exist.
        mounts: the table of mounts.
    """
    try:
        # Names in it may be of any encoding, and most of them are of no concern here.
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
    """Returns the mount of a line, where it has the form it should."""
    left, _, right = line.partition(" - ")
    fields, kind = left.split(" "), right.partition(" ")[0]
    if len(fields) < 5 or not kind:
        return []
    return [Mount(PurePosixPath(_unescaped(fields[4])), kind)]


def _unescaped(name: str) -> str:
    """Returns a name whose blanks, line ends and backslashes stand as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), name)
