"""What differs between operating systems, in one place.

Linux has everything. macOS has no ``fdatasync`` and no ``/proc``: syncing falls back to ``fsync``, and two boots are
told apart by the host's name alone. Windows has no POSIX record locks: liveness rests on heartbeats there. Nor can it
wait for a pipe and a clock together, so no helper process is started there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

__all__ = [
    "be_modest",
    "boot_id",
    "clone_file",
    "drop_cached",
    "end_session",
    "file_system",
    "has_ended",
    "host_name",
    "interpreter",
    "is_main_process",
    "is_private",
    "move_up",
    "network_file_system",
    "never_wait",
    "open_private",
    "pid_namespace",
    "pipe",
    "pipe_like",
    "process_start",
    "readable",
    "spawn",
    "sync_data",
    "try_lock",
    "user_word",
    "wait_for_end",
]

if TYPE_CHECKING:
    import subprocess

if sys.platform == "linux":
    import fcntl

    _FICLONE = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int)

    def clone_file(source: int, target: int) -> bool:
        """Make an open, empty file share the content of another one; return False where the file system cannot.

        Btrfs, XFS, bcachefs, OCFS2, ZFS 2.2 and NFS 4.2 can; ext4 cannot.
        """
        try:
            fcntl.ioctl(target, _FICLONE, source)
        except OSError:
            return False
        return True

    def drop_cached(fd: int) -> None:
        """Give back the memory in which the system keeps a file's content that is on the disk already."""
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)

else:

    def clone_file(source: int, target: int) -> bool:  # noqa: ARG001  the signature of the other systems
        """Return False: macOS clones by paths alone, Windows on ReFS alone."""
        return False

    def drop_cached(fd: int) -> None:
        """Do nothing."""


if sys.platform != "win32":
    import fcntl

    def try_lock(fd: int) -> bool | None:
        """Take the record lock of an open file without waiting.

        Returns:
            True where this process holds it now, False where another does, None where the file system has no locks.
        """
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return False if error.errno in (errno.EACCES, errno.EAGAIN) else None
        return True

else:

    def try_lock(fd: int) -> bool | None:  # noqa: ARG001  the signature of the other systems
        """Return None: there are no POSIX record locks here."""
        return None


def open_private(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file, which is made where it is missing, for this user alone, whatever the umask says.

    Raises:
        OSError: It cannot be opened.
    """
    fd = os.open(path, flags | os.O_CREAT, 0o600)
    if sys.platform != "win32" and os.fstat(fd).st_mode & 0o777 != 0o600:
        try:
            os.fchmod(fd, 0o600)
        except OSError:  # somebody else's, or a file system without modes
            return fd
    return fd


def sync_data(fd: int) -> None:
    """Bring a file's content to the disk, its times not necessarily."""
    if sys.platform == "linux":
        os.fdatasync(fd)
    else:
        os.fsync(fd)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except OSError:
        return ""


if sys.platform != "win32":

    def host_name() -> str:
        """Return this machine's name."""
        return os.uname().nodename

    def user_word() -> str:
        """Return a word for this user, fit for a file name."""
        return str(os.getuid())

    def is_private(path: str | os.PathLike[str]) -> bool:
        """Tell whether nobody else laid out, or can look into, a folder; one that does not exist is private."""
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return True
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077

else:

    def host_name() -> str:
        """Return this machine's name."""
        return os.environ.get("COMPUTERNAME", "")

    def user_word() -> str:
        """Return a word for this user, fit for a file name."""
        return "user"

    def is_private(path: str | os.PathLike[str]) -> bool:  # noqa: ARG001  the signature of the other systems
        """Return True: a user's temporary folder is the user's own here."""
        return True


def interpreter() -> str:
    """Return the Python interpreter that helper processes are started with; empty where there is none.

    In a program that was frozen into one file (PyInstaller, cx_Freeze, py2exe), ``sys.executable`` is the program: it
    would start itself, which would start itself again, and so on.
    """
    return "" if getattr(sys, "frozen", False) else sys.executable or ""


def boot_id() -> str:
    """Return a word that is another one after each start of the machine; empty where nobody tells."""
    return _read("/proc/sys/kernel/random/boot_id")


def pid_namespace() -> str:
    """Return a word for the table in which process ids are unique; empty where nobody tells."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def be_modest() -> None:
    """Leave the processor and the memory to training."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.nice(10)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def end_session(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session of its own, and what it started; Windows knows of the process alone."""
    try:
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        return
    finally:
        process.wait()


def process_start(pid: int) -> str:
    """Return when a process started, in ticks since boot; empty where it is no more, or nobody tells.

    With the boot id and the namespace it names a process for good, where a process id alone is used again.
    """
    # The command's name may hold spaces and parentheses, so count behind its last parenthesis: proc(5), field 22.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (
        fields[19] if len(fields) > 19 and fields[0] not in ("Z", "X") else ""
    )  # dead, though its parent has not looked


_INITS = frozenset({"systemd", "init", "launchd", "runit", "openrc-init", "s6-svscan", "dinit"})


def is_main_process() -> bool:
    """Tell whether all other processes end with this one: it is a process table's first, or what that one was started for.

    The first process of a machine, or of a container that is run like one, lives on: it is an init system.
    """
    if os.getpid() == 1:
        return True
    return sys.platform == "linux" and os.getppid() == 1 and _read("/proc/1/comm") not in _INITS


def file_system(path: str) -> str:
    """Return the type of the file system that holds a path, such as ``ext4`` or ``nfs4``; empty where nobody tells."""
    best, kind = "", ""
    place = os.path.realpath(path)
    for line in _read("/proc/self/mountinfo").split("\n"):  # names may hold other line ends
        # proc(5): the mount point is field 5, with octal escapes; the type is the first field behind the lone dash.
        fields, type_ = line.partition(" - ")[0].split(" "), line.partition(" - ")[2].split(" ")
        if len(fields) < 5 or not type_[0]:
            continue
        raw = fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        point = os.fsdecode(raw.encode("latin-1"))
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # of two on one point, the later one covers the earlier
            best, kind = point, type_[0]
    return kind


_NETWORK = frozenset(
    [
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "pvfs2", "orangefs"),
        *("panfs", "wekafs", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.ceph"),
        "fuse.juicefs",
    ]
)


def network_file_system(path: str) -> str:
    """Return the type of the file system that holds a path where it is one of the network; empty where it is not."""
    kind = file_system(path)
    return kind if kind in _NETWORK else ""


_HIGH = 64
"""Where file descriptors are kept that a child process gets under low numbers, so that none is overwritten."""

_SELECTABLE = 1024
"""What ``FD_SETSIZE`` is where Python is built."""

if sys.platform != "win32":

    def pipe() -> tuple[int, int]:
        """Return a pipe's two ends, which no other program inherits."""
        low = os.pipe()
        try:
            return move_up(low[0]), move_up(low[1])
        finally:
            os.close(low[0])
            os.close(low[1])

    def never_wait(fd: int) -> None:
        """Make reading from a pipe, and writing to it, raise `BlockingIOError` where it would have to wait."""
        os.set_blocking(fd, False)

    def move_up(fd: int) -> int:
        """Return another descriptor of an open file, a high one that no other program inherits."""
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)

    def readable(files: Sequence[int], seconds: float | None) -> list[int]:
        """Wait until some of these files can be read, or have ended; return them, or none once the time is over.

        `select.select` takes no descriptor from 1024 on, which a program has that keeps many files open.
        """
        import select

        if max(files, default=0) < _SELECTABLE:
            return select.select(files, [], [], seconds)[0]
        poll = select.poll()
        for fd in files:
            poll.register(fd, select.POLLIN)
        return [fd for fd, _ in poll.poll(None if seconds is None else 1000 * seconds)]

    def pipe_like(fd: int) -> tuple[int, int]:
        """Return the ends, to read from and to write to, of a terminal as large as the given one, or of a pipe."""
        if not os.isatty(fd):
            return pipe()
        import termios
        import tty

        ends = os.openpty()
        try:
            # What is written is passed on as it is: the real terminal turns line feeds into new lines.
            tty.setraw(ends[1])
            fcntl.ioctl(ends[1], termios.TIOCSWINSZ, fcntl.ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8))
            return move_up(ends[0]), move_up(ends[1])
        finally:
            os.close(ends[0])
            os.close(ends[1])

    def spawn(command: list[str], files: Sequence[int], log: str | os.PathLike[str]) -> int:
        """Start a program in a session of its own and return its process id.

        Nothing of this process's memory is copied, and no module loaded, as `subprocess` would.

        Args:
            command: The program's path and arguments.
            files: What it gets as descriptors 0, 1, 3, 4, ...; high ones, as `pipe` and `move_up` return.
            log: Takes what it prints as errors.

        Raises:
            OSError: It cannot be started.
        """
        numbers = (0, 1, *range(3, len(files) + 1))
        actions = [
            (os.POSIX_SPAWN_OPEN, 2, os.fspath(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            *((os.POSIX_SPAWN_DUP2, fd, number) for number, fd in zip(numbers, files, strict=True)),
        ]
        try:
            return os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsid=True, setsigmask=[])
        except NotImplementedError:  # an older C library: the program makes a session of its own
            return os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsigmask=[])

    def has_ended(pid: int) -> bool:
        """Tell whether a child process has ended; one that has leaves no trace."""
        try:
            return os.waitpid(pid, os.WNOHANG)[0] != 0
        except OSError:  # somebody else has waited for it
            return True

    def wait_for_end(pid: int) -> None:
        """Wait until a child process has ended."""
        with contextlib.suppress(OSError):  # somebody else has waited for it
            os.waitpid(pid, 0)

else:

    def pipe() -> tuple[int, int]:
        """Return a pipe's two ends."""
        return os.pipe()

    def never_wait(fd: int) -> None:
        """Do nothing: pipes always wait here."""

    def move_up(fd: int) -> int:
        """Return another descriptor of an open file."""
        return os.dup(fd)

    def readable(files: Sequence[int], seconds: float | None) -> list[int]:  # noqa: ARG001
        """Return none: no pipe to a helper process is ever waited for."""
        return []

    def pipe_like(fd: int) -> tuple[int, int]:  # noqa: ARG001
        """Return a pipe's two ends."""
        return os.pipe()

    def spawn(command: list[str], files: Sequence[int], log: str | os.PathLike[str]) -> int:  # noqa: ARG001
        """Refuse: it could not wait for a pipe and a clock together."""
        raise OSError("a helper process is not available on Windows")

    def has_ended(pid: int) -> bool:  # noqa: ARG001
        """Return True: none is ever started."""
        return True

    def wait_for_end(pid: int) -> None:
        """Return at once: none is ever started."""
