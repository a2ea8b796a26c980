# The list of dependencies against what the programs link, what is installed to build, the README.
# tests/package/: and the container's file against the same packages.
import argparse
import http.server
import importlib.machinery
import importlib.util
import json
import re
import subprocess
import threading
import unittest
from pathlib import Path

import skip

ROOT = Path(__file__).resolve().parents[2]


def load_sbom():
    loader = importlib.machinery.SourceFileLoader("sbom", str(ROOT / "tools/sbom"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("sbom", loader))
    loader.exec_module(module)
    return module


def listed_packages(text, name):
    """The words of a list in tools/deps, as in packages=( … ) or packages+=( … )."""
    return {word for block in re.findall(rf"{name}\+?=\(([^)]*)\)", text)
            for word in block.split()}


class TheDependencies(unittest.TestCase):
    programs = None

    @classmethod
    def setUpClass(cls):
        cls.sbom = load_sbom()
        cls.deps = (ROOT / "tools/deps").read_text(encoding="utf-8")

    def asked_for(self, form):
        out = subprocess.run([str(ROOT / "tools/sbom"), form, "--programs", str(self.programs)],
                             capture_output=True, text=True, check=True,
                             env={"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": "1700000000"})
        return out.stdout

    def test_cover_what_the_programs_link(self):
        linked = self.sbom.linked_packages(
            [self.programs / name for name in self.sbom.PROGRAMS])
        direct = {package for package, named in linked.items() if named}
        self.assertIn("librocksdb7.8", direct)
        covered = {package for row in self.sbom.DEPENDENCIES for package in row[1]}
        self.assertEqual(direct - covered - set(self.sbom.SYSTEM), set())

    def test_are_those_that_are_installed_to_build(self):
        needed = {word for word in listed_packages(self.deps, "packages")
                  if word.endswith("-dev") and word != "dpkg-dev"}
        tests_only = {"libgtest-dev", "libgmock-dev", "libbenchmark-dev", "libsqlite3-dev",
                      "libclang-rt-14-dev"}
        self.assertEqual(needed - tests_only, {row[2] for row in self.sbom.DEPENDENCIES})

    def test_series_are_those_of_the_installed_packages(self):
        versions = self.sbom.versions_of([row[2] for row in self.sbom.DEPENDENCIES])
        for name, _, built_with, series, _, _ in self.sbom.DEPENDENCIES:
            self.assertIn(built_with, versions, name)
            version = versions[built_with][0].split(":")[-1]
            self.assertRegex(version, rf"^{re.escape(series)}(\D|$)", name)

    def test_readme_has_the_table(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        self.assertTrue(self.sbom.table() in readme, "tools/sbom --table prints what it lacks")

    def test_spdx_names_every_package_once(self):
        document = json.loads(self.asked_for("--spdx"))
        names = [package["name"] for package in document["packages"]]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual({"tidemark", "librocksdb7.8", "libcereal-dev", "libc6"}, set(names))
        ids = {package["SPDXID"] for package in document["packages"]}
        for relation in document["relationships"]:
            self.assertIn(relation["relatedSpdxElement"], ids)
        for package in document["packages"]:
            self.assertTrue(package["versionInfo"], package)
        self.assertEqual(document["creationInfo"]["created"], "2023-11-14T22:13:20Z")

    def test_cyclonedx_says_the_same(self):
        document = json.loads(self.asked_for("--cyclonedx"))
        components = {c["bom-ref"] for c in document["components"]}
        spdx = json.loads(self.asked_for("--spdx"))
        self.assertEqual(len(components), len(spdx["packages"]) - 1)
        for reference in document["dependencies"][0]["dependsOn"]:
            self.assertIn(reference, components)
        self.assertEqual(self.asked_for("--cyclonedx"), self.asked_for("--cyclonedx"))


class TheContainer(unittest.TestCase):
    """Not built here: a container's engine may not be there. Held against what it relies on."""

    programs = None

    @classmethod
    def setUpClass(cls):
        text = (ROOT / "tools/package/Containerfile").read_text(encoding="utf-8")
        cls.lines = [line.strip() for line in text.replace("\\\n", " ").split("\n")
                     if line.strip() and not line.startswith("#")]
        cls.text = "\n".join(cls.lines)

    def said(self, instruction):
        return [line.split(None, 1)[1] for line in self.lines if line.startswith(instruction + " ")]

    def test_installs_only_what_is_listed_elsewhere(self):
        installed = [word for line in re.findall(r"apt-get install ([^&]*)", self.text)
                     for word in line.split() if not word.startswith("-")]
        # The package, which names what it needs; the rest is tools/deps'.
        self.assertEqual(installed, ["/tidemark.deb"])
        self.assertIn("tools/deps --package", self.said("RUN")[0])
        self.assertIn("--package", (ROOT / "tools/deps").read_text(encoding="utf-8"))

    def test_runs_without_root_keeps_its_data_and_can_be_asked(self):
        self.assertEqual([line.split()[0] for line in self.said("FROM")], ["debian:12-slim"] * 2)
        user = self.said("USER")[-1].split(":")[0]
        self.assertRegex(user, r"^[1-9]\d+$")
        self.assertEqual(self.said("STOPSIGNAL"), ["SIGTERM"])
        volume = self.said("VOLUME")[0]
        self.assertIn(f"install -d -o {user} -g {user} -m 0700 {volume}", self.text)
        entry = json.loads(self.said("ENTRYPOINT")[0])
        self.assertEqual(entry[0], "/usr/bin/tidemarkd")
        self.assertEqual(entry[entry.index("--data") + 1], volume)
        self.assertIn("/healthz", self.said("HEALTHCHECK")[0])

    def test_names_options_the_daemon_has(self):
        known = subprocess.run([str(self.programs / "tidemarkd"), "--help"], capture_output=True,
                               text=True, check=True).stdout
        entry = json.loads(self.said("ENTRYPOINT")[0])
        flags = [word for word in entry if word.startswith("--")]
        flags += ["--" + name.lower().replace("_", "-")
                  for name in re.findall(r"\bTIDEMARK_(\w+)=", self.text)]
        for flag in flags:
            self.assertTrue(re.search(rf"(?<![\w-]){flag}(?![\w-])", known), flag)

    def test_health_check_is_a_program_that_tells(self):
        command = json.loads(self.said("HEALTHCHECK")[0].split("CMD ", 1)[1])
        self.assertEqual(command[0], "/bin/bash")
        checked = subprocess.run(["bash", "-n", "-c", command[2]], capture_output=True, text=True,
                                 check=False)
        self.assertEqual(checked.stderr, "")
        for status, healthy in ((200, True), (503, False)):
            self.assertEqual(self.health(command, status), healthy, status)

    def health(self, command, status):
        """What the check says of a broker that answers so."""
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status if self.path == "/healthz" else 404)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            text = command[2].replace("4438", str(server.server_port))
            asked = subprocess.run([*command[:2], text], capture_output=True, check=False,
                                   timeout=20)
            thread.join()
        return asked.returncode == 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=Path, required=True)
    asked, rest = parser.parse_known_args()
    TheDependencies.programs = TheContainer.programs = asked.programs
    skip.main(rest)
