# The systemd unit: how exposed it leaves the broker, and that the broker runs under its filters.
# tests/package/: the built programs, on this machine; deb_test does it with the package.
import argparse
import errno
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import skip
from service import Filters, Service, Unit

ROOT = Path(__file__).resolve().parents[2]
MOST_EXPOSED = 2.0

# SECURITY: what a broker that browsers reach must not be able to do.
MUST_HAVE = {
    "DynamicUser": "yes", "ProtectSystem": "strict", "StateDirectoryMode": "0700",
    "NoNewPrivileges": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "MemoryDenyWriteExecute": "yes",
    "CapabilityBoundingSet": "", "UMask": "0077", "Type": "notify",
}


def unit_text():
    text = (ROOT / "tools/package/tidemarkd.service.in").read_text(encoding="utf-8")
    return text.replace("@BINDIR@", "/usr/bin").replace("@SYSCONFDIR@", "/etc")


class TheUnit(unittest.TestCase):
    programs = None

    @classmethod
    def setUpClass(cls):
        if not shutil.which("systemd-analyze"):
            raise unittest.SkipTest("no systemd-analyze: install systemd")
        cls.unit = Unit(unit_text())

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="tidemark-unit-"))
        os.chmod(self.directory, 0o777)  # for the service's user, which is not ours
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def test_is_hardly_exposed(self):
        file = self.directory / "tidemarkd.service"
        file.write_text(unit_text(), encoding="utf-8")
        said = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(file)],
            capture_output=True, text=True, check=False).stdout
        level = re.search(r"exposure level for \S+: ([0-9.]+)", said)
        self.assertTrue(level, said)
        self.assertLessEqual(float(level.group(1)), MOST_EXPOSED)
        print(f"exposure level {level.group(1)}")

    def test_says_what_a_broker_for_browsers_needs(self):
        for key, value in MUST_HAVE.items():
            self.assertEqual(self.unit.one(key), value, key)
        self.assertIn("@system-service", self.unit.values["SystemCallFilter"])

    def test_holds_nothing_systemd_does_not_know(self):
        file = self.directory / "tidemarkd.service"
        file.write_text(unit_text(), encoding="utf-8")
        said = subprocess.run(["systemd-analyze", "verify", "--man=no", str(file)],
                              capture_output=True, text=True, check=False).stderr
        # Only the program itself may be missing: it is not installed.
        told = [line for line in said.split("\n")
                if str(file.name) in line and "is not executable" not in line]
        self.assertEqual(told, [])

    def test_reaches_the_same_program_for_reloads(self):
        start, reloads = self.unit.command(), self.unit.values["ExecReload"]
        self.assertEqual(reloads[0].split()[0], start[0])
        self.assertIn("--check", reloads[0])
        self.assertIn("-HUP $MAINPID", reloads[1])

    # ---- the filters ----

    def test_filters_refuse_what_they_are_there_for(self):
        filters = Filters(self.unit)
        script = """
import mmap, os, socket
def refused(act):
    try: act()
    except OSError as error: return error.errno
    return 0
both = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
print(refused(lambda: mmap.mmap(-1, 4096, prot=both)),
      refused(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
      refused(lambda: os.chroot("/")),
      refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()))
"""
        said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                              check=True, preexec_fn=filters.load).stdout.split()
        self.assertEqual([int(word) for word in said],
                         [errno.EPERM, errno.EAFNOSUPPORT, errno.EPERM, 0])

    def test_broker_serves_under_the_filters(self):
        data = self.directory / "data"
        data.mkdir()
        os.chmod(data, 0o777)
        daemon = self.programs / "tidemarkd"
        service = Service(self.unit, [str(daemon), "--data", str(data), "--listen", "127.0.0.1:0"],
                          self.directory)
        self.addCleanup(service.kill)
        for start in range(2):
            url = service.start()
            self.assertIn("READY=1", service.told)
            self.publish_and_read(url, start)
            code, log = service.stop()
            self.assertEqual(code, 0, log)

    def publish_and_read(self, url, start):
        """Enough for the store to flush and to start its own threads."""
        lines = "".join(f"{start}-{n} {'x' * 500}\n" for n in range(5000))
        cli = [str(self.programs / "tidemark")]
        subprocess.run([*cli, "pub", "under/filters", "--lines", "--server", url], input=lines,
                       text=True, check=True, capture_output=True, timeout=60)
        read = subprocess.run([*cli, "tail", "under/filters", "--no-follow", "--format", "raw",
                               "--server", url], capture_output=True, text=True, check=True,
                              timeout=60).stdout
        self.assertTrue(read.endswith(lines))
        self.assertEqual(read.count("\n"), 5000 * (start + 1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=Path, required=True)
    asked, rest = parser.parse_known_args()
    TheUnit.programs = asked.programs
    skip.main(rest)
