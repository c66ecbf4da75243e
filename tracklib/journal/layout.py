"""The layout: where everything lies below a journal root."""

from __future__ import annotations

import os
from pathlib import Path

from tracklib import platform
from tracklib.errors import UsageError

__all__ = ["Root", "RunFolder", "decode_name", "encode_name"]

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_. ")
_MAX_BYTES = 120
_WINDOWS_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))})


def encode_name(name: str) -> str:
    """Return a file name for any text: injective, also on disks that fold case, never ``.``, ``..`` or a device.

    Lower-case letters, digits and ``-_.`` stay; a capital is ``+`` and its small letter; every other byte of its
    UTF-8 form is ``%`` and two hexadecimal digits. What is longer than a file system takes ends in its own hash.
    """
    out = "".join(map(_encode_char, name))
    if out[:1] in (".", " ") or out.partition(".")[0] in _WINDOWS_DEVICES:
        out = f"%{ord(out[0]):02x}{out[1:]}"
    if out[-1:] in (".", " "):
        out = f"{out[:-1]}%{ord(out[-1]):02x}"
    if not out or len(out) > _MAX_BYTES:
        import hashlib  # loads OpenSSL

        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        out = f"{out[:80]}%%{digest}"
    return out


def _encode_char(char: str) -> str:
    if char in _PLAIN:
        return char
    if "A" <= char <= "Z":
        return "+" + char.lower()
    return "".join(f"%{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))


def decode_name(encoded: str) -> str | None:
    """Return the text whose `encode_name` this is; ``None`` where only its hash was kept."""
    if "%%" in encoded:
        return None
    out = bytearray()
    i = 0
    while i < len(encoded):
        char = encoded[i]
        if char == "%":
            out += bytes.fromhex(encoded[i + 1 : i + 3])
            i += 3
        elif char == "+":
            out += encoded[i + 1].upper().encode()
            i += 2
        else:
            out += char.encode()
            i += 1
    return out.decode("utf-8", "surrogatepass")


def _decoded(name: str) -> str:
    try:
        return decode_name(name) or name
    except (ValueError, IndexError):  # no name that tracklib gave
        return name


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = path / "journal"
        self.receipts = path / "receipts"
        self.staging = path / "staging"

    def names(self) -> tuple[str, str]:
        """Return the project and the run's id by the folders' names; a name that is no encoding stands for itself."""
        # A trailing % marks a project that bears the name of one of the root's own folders.
        return _decoded(self.path.parent.name.removesuffix("%")), _decoded(self.path.name)

    def segments(self) -> list[Path]:
        """Return the run's segments, oldest first."""
        try:
            names = sorted(entry.name for entry in os.scandir(self.journal) if entry.name.endswith(".jsonl"))
        except FileNotFoundError:
            return []
        return [self.journal / name for name in names]

    def exists(self) -> bool:
        """Tell whether the run was ever written."""
        return bool(self.segments())


class Root:
    """A journal root, ``.tracklib`` by default.

    Attributes:
        path: Absolute.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(path))
        self.active = self.path / "active"
        self.blobs = self.path / "blobs" / "sha256"
        self.relays = self.path / "relays"
        self.scratch = self.path / "tmp"

    _OWN = frozenset({"active", "blobs", "relays", "tmp"})

    def create(self) -> None:
        """Make the folders, private to this user whatever the umask says.

        Raises:
            OSError: The place cannot be written.
        """
        fresh = not self.path.is_dir() or not os.listdir(self.path)  # else git may know files of the user's in it
        for folder in (self.path, self.active, self.blobs, self.relays, self.scratch):
            private_folder(folder)
        if fresh:
            with os.fdopen(platform.open_private(self.path / ".gitignore", os.O_WRONLY), "w") as file:
                file.write("*\n")

    def run(self, project: str, run_id: str) -> RunFolder:
        """Return the folder of a run, which need not exist."""
        # A project may bear the name of one of the root's own folders: it is told apart by a mark no encoding makes.
        folder = encode_name(project)
        return RunFolder(self.path / (f"{folder}%" if folder in self._OWN else folder) / encode_name(run_id))

    def runs(self) -> list[RunFolder]:
        """Return the folders of all runs."""
        found = []
        for project in _folders(self.path):
            if project.name not in self._OWN:
                found += [RunFolder(run) for run in _folders(project) if (run / "journal").is_dir()]
        return found

    def may_have_staged(self) -> bool:
        """Tell whether any active run has a staging folder; that it has one is enough to look closer."""
        try:
            places = [name.partition(",") for name in os.listdir(self.active)]
        except FileNotFoundError:
            return False
        return any((self.path / project / run / "staging").is_dir() for project, _, run in places)

    def find(self, run_id: str) -> list[RunFolder]:
        """Return the folders of the runs with this id, one for each project that has it."""
        name = encode_name(run_id)
        folders = [p for p in _folders(self.path) if p.name not in self._OWN]
        return [RunFolder(p / name) for p in folders if (p / name / "journal").is_dir()]


def private_folder(path: Path) -> None:
    """Make a folder and those above it that are missing; nobody else may look in."""
    if not path.is_dir():
        if not path.parent.exists():
            private_folder(path.parent)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            if not path.is_dir():
                raise UsageError(f"expected a folder at {path}, got a file; move it away or set TRACKLIB_DIR") from None
        else:
            path.chmod(0o700)


def _folders(path: Path) -> list[Path]:
    """Return the folders in a folder, by their names."""
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
            return [path / name for name in names]
    except FileNotFoundError:
        return []
