# A disk of a few MiB of one's own, that a test can fill and free: ext4 in a file, seen by this process alone.
# tests/proof/: for rows about full disks; needs root.
import ctypes
import os
import subprocess

from proof.row import Skip

CLONE_NEWNS = 0x00020000
MIB = 1 << 20
PIECE = b"\xa5" * MIB


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip(f"{' '.join(command)}: {done.stderr.strip()}")


def of_ones_own_mounts():
    """Mounts made from now on are seen by this process and those it starts. Raises Skip."""
    if os.geteuid() != 0:
        raise Skip("a disk of its own is mounted: needs root")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise Skip(f"unshare: {os.strerror(ctypes.get_errno())}")
    _run("mount", "--make-rprivate", "/")


class SmallDisk:
    """Mounted at `path` as long as the scope lasts. Pre: of_ones_own_mounts()."""

    def __init__(self, path, mib):
        self.path = path
        self._image = path.with_suffix(".ext4")
        self._filling = path / "somebody else's file"
        with open(self._image, "wb") as file:
            file.truncate(mib * MIB)
        _run("mkfs.ext4", "-q", "-m", "0", str(self._image))
        path.mkdir()
        _run("mount", "-o", "loop", str(self._image), str(path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _run("umount", str(self.path))
        self._image.unlink()

    def free_bytes(self):
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self, leave=0):
        """Somebody else takes what there is, but for so many bytes."""
        with open(self._filling, "ab", buffering=0) as file:
            while self.free_bytes() > leave:
                try:
                    file.write(PIECE[:max(min(self.free_bytes() - leave, MIB), 1)])
                except OSError:
                    break
            os.fsync(file.fileno())

    def free(self):
        self._filling.unlink()
