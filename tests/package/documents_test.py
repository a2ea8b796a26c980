# Manual pages and completion name everything the programs offer, and are well-formed.
# tests/package/: against --help, read here in another way than where the pages are made.
import argparse
import re
import shutil
import subprocess
import unittest
from pathlib import Path

import skip

PROGRAMS = {"tidemark": 1, "tidemarkd": 8}


def help_of(program, *subcommands):
    return subprocess.run([str(program), *subcommands, "--help"], capture_output=True, text=True,
                          check=True, timeout=30).stdout


def offered(text, title):
    """The first words of a section's entries."""
    found = re.search(rf"^{title}:\n((?:[ \t]+.*\n)+)", text, re.M)
    return re.findall(r"^  (\S+)", found.group(1), re.M) if found else []


def long_options(text):
    """Whatever looks like an option at the beginning of an entry, in any section."""
    return sorted({word for words in re.findall(r"^  (-\S+)", text, re.M)
                   for word in words.split(",") if re.fullmatch(r"--[a-z][a-z0-9-]*", word)})


def tree(program, *path):
    text = help_of(program, *path)
    yield path, text
    for name in offered(text, "Subcommands"):
        yield from tree(program, *path, name)


def plain(page):
    """A page's words as they are read."""
    for mark, word in (("\\-", "-"), ("\\fB", ""), ("\\fI", ""), ("\\fR", ""), ("\\&", "")):
        page = page.replace(mark, word)
    return page


class TheDocuments(unittest.TestCase):
    programs = documents = None

    def read(self, name):
        return (self.documents / name).read_text(encoding="utf-8")

    def every_command(self):
        for name, section in PROGRAMS.items():
            for path, text in tree(self.programs / name):
                yield name, section, path, text

    def test_pages_name_every_option_and_subcommand(self):
        seen = 0
        for name, section, path, text in self.every_command():
            page = plain(self.read(f"man{section}/{name}.{section}"))
            if path:  # its own part of the page
                page = page.split(f"\n.SS {' '.join([name, *path])}", 1)[1].split("\n.SS ", 1)[0]
            for option in long_options(text):
                self.assertRegex(page, rf"{option}(?![\w-])", f"{name} {path}")
                seen += 1
        self.assertGreater(seen, 100, "the help was not understood")

    def test_bash_completes_every_option_and_subcommand(self):
        for name, _, path, text in self.every_command():
            offers = self.completed(name, [name, *path, ""])
            for word in long_options(text) + offered(text, "Subcommands"):
                self.assertIn(word, offers, f"{name} {path}")

    def completed(self, name, words):
        script = (f"source {self.documents}/bash/{name}\n"
                  f"COMP_WORDS=({' '.join(repr(w) for w in words)})\n"
                  f"COMP_CWORD={len(words) - 1}\n"
                  f"_{name}\n"
                  'printf "%s\\n" "${COMPREPLY[@]}"\n')
        return subprocess.run(["bash", "--norc", "-euo", "pipefail", "-c", script],
                              capture_output=True, text=True, check=True).stdout.split()

    def test_bash_completes_beginnings_and_values(self):
        self.assertEqual(self.completed("tidemark", ["tidemark", "ta"]), ["tail"])
        self.assertEqual(self.completed("tidemark", ["tidemark", "tail", "--form"]), ["--format"])
        self.assertEqual(self.completed("tidemark", ["tidemark", "tail", "--format", ""]),
                         ["raw", "json", "table"])
        self.assertEqual(self.completed("tidemark", ["tidemark", "tail", "--format", "=", "j"]),
                         ["json"])
        self.assertEqual(self.completed("tidemark", ["tidemark", "bench", "fan"]), ["fanout"])
        # A topic is no option's value, and a value is no option.
        self.assertEqual(self.completed("tidemark", ["tidemark", "tail", "--after", "-"]), [])

    def test_zsh_and_fish_name_every_option_and_subcommand(self):
        for name, _, path, text in self.every_command():
            zsh = self.read(f"zsh/_{name}")
            body = zsh.split(f"\n_{'_'.join([name, *path])}() {{\n", 1)[1].split("\n}\n", 1)[0]
            fish = self.read(f"fish/{name}.fish")
            own = "\n".join(line for line in fish.split("\n") if all(
                f"__fish_seen_subcommand_from {word}" in line for word in path))
            for option in long_options(text):
                self.assertRegex(body, rf"\*{option}[=\[]", f"zsh, {name} {path}")
                self.assertRegex(own, rf"-l {option[2:]} ", f"fish, {name} {path}")
            for word in offered(text, "Subcommands"):
                self.assertIn(f"'{word}:", body)
                self.assertIn(f"-a {word} ", own)

    def test_configuration_page_names_every_key_of_the_example(self):
        example = (Path(__file__).resolve().parents[2] / "tools/package/tidemark.toml").read_text(
            encoding="utf-8")
        page = plain(self.read("man5/tidemark.toml.5"))
        keys = re.findall(r"^#? ?([\w-]+)\s*=", example, re.M)
        self.assertIn("listen", keys)
        for key in keys:
            self.assertTrue(f"{key} =" in page, key)
        for table in re.findall(r"^#? ?(\[\[?[\w.-]+\]\]?)\s*$", example, re.M):
            self.assertTrue(f".SS {table}\n" in page, table)

    def test_pages_have_no_warnings(self):
        if not shutil.which("man"):
            self.skipTest("no man: install man-db")
        for page in self.documents.glob("man*/*"):
            said = subprocess.run(
                ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)],
                capture_output=True, text=True, check=True,
                env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "MANROFFOPT": ""})
            self.assertEqual(said.stderr, "", page.name)

    def test_scripts_are_well_formed(self):
        for shell, files in (("bash", "bash/*"), ("zsh", "zsh/*"), ("fish", "fish/*")):
            if not shutil.which(shell):
                continue  # what they name is tested above
            for file in self.documents.glob(files):
                checked = subprocess.run([shell, "-n", str(file)], capture_output=True, text=True,
                                         check=False)
                self.assertEqual(checked.stderr, "", file.name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--documents", type=Path, required=True)
    asked, rest = parser.parse_known_args()
    TheDocuments.programs, TheDocuments.documents = asked.programs, asked.documents
    skip.main(rest)
