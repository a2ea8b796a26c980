# A disk whose power can be cut: ext4 in a file, mounted where only its own processes see it.
# tests/proof/: rows of power loss put a broker's data on one.
import fcntl
import os
import shutil
import struct
import subprocess
import uuid
from pathlib import Path

from proof.row import Skip

SHUTDOWN = 0x8004587D                      # EXT4_IOC_SHUTDOWN
NO_LOG_FLUSH = struct.pack("I", 2)         # what is not in the journal on disk is gone
BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Disk:
    """The file, its mount and a boot id of its own live in a mount namespace that ends with the
    process: whatever becomes of a test, nothing stays mounted and no loop device taken.
    Skips the row where that can't be had."""

    def __init__(self, directory, name="disk", megabytes=1024):
        if os.geteuid() != 0:
            raise Skip("needs root: a file system of its own is mounted and shut down")
        for program in ("unshare", "nsenter", "mount", "umount", "mkfs.ext4"):
            if not shutil.which(program):
                raise Skip(f"needs {program}")
        self.path = Path(directory) / name
        self.path.mkdir()
        self._image = Path(directory) / f"{name}.ext4"
        self._boot = Path(directory) / f"{name}.boot_id"
        self._new_boot()
        with open(self._image, "wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,nodiscard",
                        str(self._image)], check=True)
        # It holds the namespace until its input ends, which it does with us at the latest.
        self._holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "cat"],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            self._wait_for_namespace()
            self._mount()
            self._inside("mount", "--bind", str(self._boot), BOOT_ID)
        except (OSError, subprocess.CalledProcessError) as error:
            said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
            self.close()
            raise Skip(f"needs root and loop devices: {said or error}") from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def prefix(self):
        """What a program is run behind to see the disk."""
        return ("nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--")

    @property
    def outside(self):
        """Where the disk is for those who don't see it."""
        return Path(f"/proc/{self._holder.pid}/root{self.path}")

    def cut(self):
        """From now on nothing reaches the disk. Pre: who uses it is stopped or dead, since a sync
        that this overtakes may come back as done (a loop of write and fdatasync on Linux 6.18:
        5 of 33 times the last record said to be on disk was not)."""
        directory = os.open(self.outside, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(directory, SHUTDOWN, NO_LOG_FLUSH)
        finally:
            os.close(directory)

    def restore(self):
        """The machine is on again, and it is another boot. Pre: nobody has files open on it."""
        self._inside("umount", str(self.path))
        self._mount()
        self._new_boot()

    def close(self):
        """Pre: nobody has files open on it; else they keep it until they end."""
        if self._holder.poll() is None:
            # The namespace's end does it too.
            subprocess.run([*self.prefix, "umount", "--lazy", str(self.path)],
                           stderr=subprocess.DEVNULL, check=False)
        self._holder.stdin.close()
        self._holder.wait()

    def _new_boot(self):
        # In place: what is bound over the system's is this very file.
        with open(self._boot, "w", encoding="ascii") as file:
            file.write(f"{uuid.uuid4()}\n")

    def _mount(self):
        self._inside("mount", "-o", "loop,noatime", "-t", "ext4", str(self._image), str(self.path))

    def _inside(self, *command):
        subprocess.run([*self.prefix, *command], check=True, stderr=subprocess.PIPE)

    def _wait_for_namespace(self):
        ours = os.readlink("/proc/self/ns/mnt")
        name = f"/proc/{self._holder.pid}/comm"
        while True:
            if self._holder.poll() is not None:
                raise OSError("no mount namespace can be made")
            # It becomes cat when the namespace is there and private.
            if os.readlink(f"/proc/{self._holder.pid}/ns/mnt") != ours and \
                    Path(name).read_text() == "cat\n":
                return
            os.sched_yield()


def compile_shim(context, name):
    """A library for LD_PRELOAD out of tests/proof/shim."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or \
        shutil.which("clang")
    if not compiler:
        raise Skip("needs a C compiler")
    source = Path(__file__).resolve().parent.parent / "shim" / f"{name}.c"
    library = context.directory / f"{name}.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)],
                   check=True)
    return library
