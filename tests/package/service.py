# The packaged service without systemd: what its unit says is done to a process by hand.
# tests/package/: shared by the tests of the unit and of the Debian package.
"""Applied are the command, UMask, LimitNOFILE, NoNewPrivileges, a user that is nobody's, and as
seccomp filters SystemCallFilter, MemoryDenyWriteExecute and RestrictAddressFamilies, as systemd makes
them. Not applied are namespaces: the tests bring their own."""

import ctypes
import errno
import os
import resource
import select
import socket
import subprocess
import time
from pathlib import Path

NOBODYS_USER = 61184  # the first of those systemd gives out
PATIENCE = 60


class Unit:
    """A unit file's [Service] section: every value of every key, in order; empty ones reset."""

    def __init__(self, text):
        self.values = {}
        section = ""
        for line in text.split("\n"):
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith("#"):
                key, value = line.split("=", 1)
                self.values.setdefault(key, []).append(value.strip())

    def one(self, key):
        return self.values[key][-1]

    def command(self, key="ExecStart"):
        return [word.replace("%S", "/var/lib") for word in self.values[key][0].split()]


# ---- the filters ----

def calls_of(name):
    """The system calls of a set such as @system-service."""
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name],
                            capture_output=True, text=True, check=True).stdout.split("\n")[1:]
    out = set()
    for word in (line.split("#")[0].strip() for line in listed):
        if word:
            out |= calls_of(word)
    return out


def allowed_calls(unit):
    out = set()
    for line in unit.values["SystemCallFilter"]:
        names = set().union(*(calls_of(word) for word in line.lstrip("~").split()))
        out = out - names if line.startswith("~") else out | names
    # What no filter of systemd's takes away: the process has to come to life and to end.
    return out | {"execve", "exit", "exit_group"}


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64)]


ALLOW = 0x7FFF0000
EQUAL, MASKED_EQUAL = 4, 7
WRITE, EXECUTE, EXECUTABLE_SHM = 2, 4, 0o100000


def refuse(error):
    return 0x00050000 | error


class Filters:
    """Made before the fork, loaded in the child."""

    def __init__(self, unit):
        self.library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self.library.seccomp_init.restype = ctypes.c_void_p
        self.loaded = [self.of_families(unit.one("RestrictAddressFamilies").split())]
        if unit.one("MemoryDenyWriteExecute") == "yes":
            self.loaded.append(self.of_memory())
        self.loaded.append(self.of_calls(unit))  # last: it takes away the loading of filters

    def new(self, otherwise):
        return ctypes.c_void_p(self.library.seccomp_init(ctypes.c_uint32(otherwise)))

    def rule(self, made, action, call, *compares):
        number = self.library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return  # not on this machine
        array = (Compare * max(1, len(compares)))(*compares)
        failed = self.library.seccomp_rule_add_array(
            made, ctypes.c_uint32(action), number, ctypes.c_uint(len(compares)), array)
        if failed:
            raise OSError(-failed, f"no filter for {call}")

    def of_calls(self, unit):
        made = self.new(refuse(getattr(errno, unit.one("SystemCallErrorNumber"))))
        for call in allowed_calls(unit):
            self.rule(made, ALLOW, call)
        return made

    def of_memory(self):
        made = self.new(ALLOW)
        both = WRITE | EXECUTE
        self.rule(made, refuse(errno.EPERM), "mmap", Compare(2, MASKED_EQUAL, both, both))
        for call in ("mprotect", "pkey_mprotect"):
            self.rule(made, refuse(errno.EPERM), call, Compare(2, MASKED_EQUAL, EXECUTE, EXECUTE))
        self.rule(made, refuse(errno.EPERM), "shmat",
                  Compare(2, MASKED_EQUAL, EXECUTABLE_SHM, EXECUTABLE_SHM))
        return made

    def of_families(self, allowed):
        made = self.new(ALLOW)
        numbers = {int(getattr(socket, name)) for name in allowed}
        for family in range(64):
            if family not in numbers:
                self.rule(made, refuse(errno.EAFNOSUPPORT), "socket",
                          Compare(0, EQUAL, family, 0))
        return made

    def load(self):
        for made in self.loaded:
            if self.library.seccomp_load(made) != 0:
                os._exit(126)


# ---- the process ----

class Service:
    """The daemon as the unit starts it; systemd's end of its notifications is ours."""

    def __init__(self, unit, command, notify_directory, root=None, environment=None):
        self.unit, self.command, self.root = unit, command, root
        self.filters = Filters(unit)
        self.address = Path(notify_directory) / "notify"
        self.environment = {"PATH": "/usr/bin:/bin", **(environment or {})}
        self.process = None
        self.told = []

    def become(self):
        """In the child: everything the unit takes away."""
        files = int(self.unit.one("LimitNOFILE"))
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, most), min(files, most)))
        os.umask(int(self.unit.one("UMask"), 8))
        if self.root:
            os.chroot(self.root)
            os.chdir("/")
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(NOBODYS_USER)
            os.setuid(NOBODYS_USER)
        self.filters.load()  # libseccomp sets no_new_privs itself

    def start(self):
        """Returns where it listens, once it is ready."""
        self.told = []
        self.address.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
            ours.bind(str(self.address))
            os.chmod(self.address, 0o777)
            seen = "/" + str(self.address.relative_to(self.root)) if self.root else self.address
            self.process = subprocess.Popen(
                self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                preexec_fn=self.become, env={**self.environment, "NOTIFY_SOCKET": str(seen)})
            line = self.line_before(time.monotonic() + PATIENCE)
            self.hear_ready(ours)
        if "listening on " not in line:
            self.process.kill()
            raise AssertionError(f"it did not start: {line}{self.process.communicate()[1]}")
        return line.split("listening on ", 1)[1].strip()

    def line_before(self, deadline):
        ready, _, _ = select.select([self.process.stdout], [], [],
                                    max(0, deadline - time.monotonic()))
        return self.process.stdout.readline() if ready else ""

    def hear_ready(self, ours):
        """systemd calls the service started when it is told READY=1, and not before."""
        ours.settimeout(PATIENCE)
        while self.process.poll() is None and "READY=1" not in self.told:
            try:
                self.told += ours.recv(4096).decode().split("\n")
            except TimeoutError:
                return

    def stop(self):
        """Its exit code and its log."""
        self.process.terminate()
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
