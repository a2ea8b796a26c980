# The Debian packages: made twice, looked at by lintian, installed in a fresh Debian 12, and run.
# tests/package/: the whole way of an administrator, in namespaces of its own.
"""The fresh Debian is made by debootstrap from the mirrors this machine itself uses, once, and kept
in the build tree. Where that is not possible what it would have shown is said not to be tested."""

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import skip
from service import NOBODYS_USER, Service, Unit

NAMESPACES = "unshare --net --mount --pid --fork --kill-child --propagation private --".split()


def output_of(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def make_packages(build, directory):
    shutil.rmtree(directory, ignore_errors=True)
    output_of("cpack", "--config", str(build / "CPackConfig.cmake"), "-B", str(directory),
              cwd=build, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
    found = {file.name.split("_")[0]: file for file in directory.glob("*.deb")}
    if set(found) != {"tidemark", "libtidemark-dev"}:
        raise AssertionError(f"made were {sorted(found)}")
    return found


def field(package, name):
    return output_of("dpkg-deb", "-f", str(package), name).strip()


def files_of(package):
    """Mode, owner and path of every file; not its size and time."""
    lines = output_of("dpkg-deb", "-c", str(package)).splitlines()
    return [re.sub(r"\s+\d+ \d{4}-\d\d-\d\d \d\d:\d\d ", " ", line) for line in lines]


# ---- a fresh Debian ----

def mirror():
    """The first this machine gets Debian 12's packages from."""
    if not shutil.which("apt-get"):
        return None
    said = output_of("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
                     "Codename: bookworm")
    return said.split("\n")[0] or None


def dependencies_of(package):
    """Names of the packages it depends on."""
    wanted = field(package, "Depends")
    return sorted({re.split(r"[ (|]", one.strip())[0] for one in wanted.split(",")})


def real_packages(names):
    """Names that only stand for a package are replaced by the one that is installed here."""
    installed, provided = set(), {}
    listed = output_of("dpkg-query", "-W", "-f", "${Package}\t${Provides}\n")
    for package, provides in (line.split("\t") for line in listed.splitlines()):
        installed.add(package)
        for one in provides.split(","):
            provided[one.strip().split(" ")[0]] = package
    return sorted({name if name in installed else provided.get(name, name) for name in names})


def fresh_debian(package, cache):
    """A root with everything the package depends on, and not the package. Throws SkipTest."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("not root, so no Debian to install the package in can be made")
    source = mirror()
    if not shutil.which("debootstrap") or source is None:
        raise unittest.SkipTest("no debootstrap, or no mirror of Debian 12")
    names = real_packages(dependencies_of(package))
    root = cache / ("debian-" + hashlib.sha256(" ".join(names).encode()).hexdigest()[:12])
    if root.exists():
        return root
    shutil.rmtree(cache, ignore_errors=True)  # those of other dependencies
    cache.mkdir(parents=True)
    making = cache / "making"
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(names)}", "bookworm",
         str(making), source], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        why = (made.stdout + made.stderr).strip().split("\n")[-1]
        raise unittest.SkipTest(f"debootstrap could not make a Debian 12: {why}")
    shutil.rmtree(making / "var/cache/apt/archives", ignore_errors=True)
    (making / "var/cache/apt/archives/partial").mkdir(parents=True)
    making.rename(root)
    return root


class ThePackages(unittest.TestCase):
    build = work = None

    @classmethod
    def setUpClass(cls):
        for program in ("cpack", "dpkg-deb", "dpkg-shlibdeps"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"no {program}: tools/deps --package installs it")
        cls.packages = make_packages(cls.build, cls.work / "first")

    def test_say_what_debian_wants_to_know(self):
        package = self.packages["tidemark"]
        self.assertEqual(field(package, "Section"), "net")
        self.assertEqual(field(package, "Priority"), "optional")
        self.assertRegex(field(package, "Maintainer"), r"^Tidemark maintainers <\S+@tidemark.invalid>$")
        self.assertRegex(field(package, "Description"), r"^persistent log broker")
        self.assertEqual(field(self.packages["libtidemark-dev"], "Section"), "libdevel")

    def test_depend_on_what_the_programs_link(self):
        wanted = dependencies_of(self.packages["tidemark"])
        for name in ("libc6", "librocksdb7.8", "libstdc++6", "libjemalloc2"):
            self.assertIn(name, wanted)

    def test_hold_the_configuration_as_such_and_the_rest_in_its_places(self):
        package = self.packages["tidemark"]
        held = output_of("dpkg-deb", "--ctrl-tarfile", str(package), errors="replace")
        self.assertIn("./conffiles", held)
        files = " ".join(files_of(package))
        for path in ("/usr/bin/tidemarkd", "/usr/bin/tidemark", "/etc/tidemark/tidemark.toml",
                     "/usr/lib/systemd/system/tidemarkd.service",
                     "/usr/share/man/man8/tidemarkd.8.gz", "/usr/share/man/man1/tidemark.1.gz",
                     "/usr/share/man/man5/tidemark.toml.5.gz",
                     "/usr/share/bash-completion/completions/tidemark",
                     "/usr/share/zsh/vendor-completions/_tidemarkd",
                     "/usr/share/fish/vendor_completions.d/tidemark.fish",
                     "/usr/share/doc/tidemark/copyright"):
            self.assertIn(f" .{path}", files)
        self.assertNotIn("/usr/include", files)
        self.assertIn(" ./usr/include/tidemark/protocol/client/client.hpp",
                      " ".join(files_of(self.packages["libtidemark-dev"])))

    def test_are_the_same_when_made_again(self):
        again = make_packages(self.build, self.work / "second")
        for name, package in self.packages.items():
            self.assertEqual(files_of(package), files_of(again[name]))

    def test_have_nothing_lintian_warns_of(self):
        if not shutil.which("lintian"):
            self.skipTest("no lintian")
        said = subprocess.run(
            ["lintian", "--allow-root", "--fail-on", "error,warning",
             "--tag-display-limit", "0",
             *map(str, self.packages.values())], capture_output=True, text=True, check=False)
        print(said.stdout + said.stderr)
        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_install_and_serve_in_a_fresh_debian(self):
        package = self.packages["tidemark"]
        pristine = fresh_debian(package, self.work / "root")
        root = Path(tempfile.mkdtemp(prefix="installed-", dir=self.work))
        self.addCleanup(shutil.rmtree, root, ignore_errors=True)
        output_of("cp", "-a", "--reflink=auto", f"{pristine}/.", str(root))
        shutil.copy(package, root / "tidemark.deb")
        said = subprocess.run([*NAMESPACES, sys.executable, __file__, "--inside", str(root)],
                              capture_output=True, text=True, check=False, timeout=300)
        print(said.stdout + said.stderr)
        self.assertEqual(said.returncode, 0)
        self.assertIn("all of it", said.stdout)


# ---- inside: namespaces of its own for network, mounts and processes ----

def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = struct.pack("16sh14x", b"lo", 1)
        fcntl.ioctl(any_socket, 0x8914, up)  # SIOCSIFFLAGS, IFF_UP


class Inside:
    """An administrator's steps; each says what it has seen."""

    def __init__(self, root):
        self.root = root
        self.quiet = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive",
                      "LC_ALL": "C"}

    def run(self, *command, **more):
        return output_of("chroot", str(self.root), *command, env=self.quiet, **more)

    def path(self, path):
        return self.root / path.lstrip("/")

    def all_of_it(self):
        loopback_up()
        output_of("mount", "-t", "proc", "proc", str(self.path("/proc")))
        self.installs()
        self.serves()
        self.keeps_what_is_changed()
        self.goes_but_keeps_the_log()
        print("all of it")

    def installs(self):
        self.run("dpkg", "-i", "/tidemark.deb")
        wanted_by = self.path("/etc/systemd/system/multi-user.target.wants/tidemarkd.service")
        assert wanted_by.is_symlink(), "the service is not enabled"
        mode = stat.S_IMODE(self.path("/etc/tidemark/tidemark.toml").stat().st_mode)
        assert mode == 0o644, oct(mode)
        assert "tidemarkd" in self.run("/usr/bin/tidemarkd", "--help")
        print("installed and enabled:", self.run("tidemark", "--version").strip())

    def serves(self):
        unit = Unit(self.path("/usr/lib/systemd/system/tidemarkd.service").read_text("utf-8"))
        # What StateDirectory= does: a directory of the service's user.
        state = self.path("/var/lib/tidemark")
        state.mkdir(mode=0o700)
        os.chown(state, NOBODYS_USER, NOBODYS_USER)
        self.run(*unit.command("ExecReload"))  # the configuration as it comes is right
        service = Service(unit, unit.command(), self.path("/run"), self.root)
        try:
            for start in range(2):
                url = service.start()
                assert "READY=1" in service.told, service.told
                self.publish_and_read(start)
                code, log = service.stop()
                assert code == 0, log
                print(f"start {start + 1}: {url}, ready, served, stopped with 0")
        finally:
            service.kill()
        for file in self.path("/var/lib/tidemark").rglob("*"):
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, f"others may read {file}"

    def publish_and_read(self, start):
        """With nothing said of where the broker is: both go by the defaults."""
        self.run("tidemark", "pub", "orders", f'{{"order":{start}}}')
        read = self.run("tidemark", "tail", "orders", "--no-follow", "--format", "raw")
        assert read.split() == [f'{{"order":{n}}}' for n in range(start + 1)], read

    def keeps_what_is_changed(self):
        configuration = self.path("/etc/tidemark/tidemark.toml")
        configuration.write_text(configuration.read_text("utf-8") + "# ours\n", "utf-8")
        self.run("dpkg", "-i", "--force-confold", "/tidemark.deb")
        assert configuration.read_text("utf-8").endswith("# ours\n")
        print("reinstalled: the changed configuration is kept")

    def goes_but_keeps_the_log(self):
        log = self.path("/var/lib/private/tidemark")  # where systemd has it
        log.parent.mkdir(mode=0o700, exist_ok=True)
        self.path("/var/lib/tidemark").rename(log)
        self.run("dpkg", "--purge", "tidemark")
        assert not self.path("/etc/tidemark").exists(), "configuration is left"
        assert not self.path("/etc/systemd/system/multi-user.target.wants/tidemarkd.service"
                             ).is_symlink(), "the service is still enabled"
        assert any(log.iterdir()), "the log is gone"
        print("purged: the log is kept")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--inside", type=Path)
    asked, rest = parser.parse_known_args()
    if asked.inside:
        Inside(asked.inside).all_of_it()
        sys.exit(0)
    ThePackages.build, ThePackages.work = asked.build, asked.work
    asked.work.mkdir(parents=True, exist_ok=True)
    skip.main(rest)
