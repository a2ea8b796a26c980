#!/usr/bin/env python3
# Checks the rules of the house over the whole tree: layering, heads of files, leftovers, the README.
# tests/tidy/: run by ctest; `tidy_test.py --root .` does the same by hand.
"""Every rule is a function from a tree to a list of complaints; the tests at the end hold each rule
against a tree that breaks it, so that a rule that has gone blind is noticed."""

import argparse
import re
import shlex
import subprocess
import sys
import unittest
from pathlib import Path

CPP = {".hpp", ".cpp"}
JAVASCRIPT = {".js", ".mjs", ".ts"}
TEXT = CPP | JAVASCRIPT | {".md", ".py", ".txt", ".json", ".yml", ".html", ".css", ""}

# Which rooms a room may include, from the bottom of the house to its top.
MAY_INCLUDE = {
    "protocol": {"protocol"},
    "protocol/client": {"protocol", "protocol/client"},
    "storage": {"protocol", "storage"},
    "broker/access": {"protocol", "broker/access"},  # the command line has it without the broker
    "broker/shapes": {"protocol", "storage", "broker/shapes"},  # likewise
    "broker/pages": {"broker/pages"},  # files, and a table of them
    "broker": {"protocol", "storage", "broker/access", "broker/shapes", "broker/pages", "broker"},
    "tools": {"protocol", "protocol/client", "storage", "broker/access", "broker/shapes", "broker",
              "tools"},
    "bench": {"protocol", "storage", "broker/access", "broker", "bench"},
    "tests": {"protocol", "protocol/client", "storage", "broker/access", "broker/shapes",
              "broker/pages", "broker", "tools", "tests"},
}
# Third parties a room must not know.
MUST_NOT_KNOW = {
    "protocol": r"boost/(asio|beast)|rocksdb/|spdlog/|CLI/",
    "protocol/client": r"rocksdb/|cereal/|CLI/",
    "storage": r"boost/(asio|beast)|CLI/",
    "broker/access": r"boost/(asio|beast)|rocksdb/|curl/|CLI/",
    "broker/shapes": r"boost/(asio|beast)|rocksdb/|curl/|CLI/",
    "broker/pages": r"boost/|rocksdb/|curl/|CLI/",
    "broker": r"rocksdb/|CLI/",
}


class Tree:
    """Paths and contents of the project's files, relative to its root."""

    def __init__(self, files, executables=()):
        self.files = files
        self.executables = set(executables)

    @staticmethod
    def read(root):
        root = Path(root)
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, text=True, check=False)
        if listed.returncode == 0:
            names = [n for n in listed.stdout.split("\0") if n]
        else:  # an unpacked archive
            names = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()]
            names = [n for n in names if not n.startswith(("build/", "data/", ".git/"))]
        files, executables = {}, set()
        for name in names:
            path = root / name
            if not path.is_file() or path.suffix not in TEXT:
                continue
            try:
                files[name] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                files[name] = "\ufffd"
            if path.stat().st_mode & 0o100:
                executables.add(name)
        return Tree(files, executables)

    def sources(self, suffixes=frozenset(CPP)):
        return {n: t for n, t in self.files.items() if Path(n).suffix in suffixes}


def room_of(name):
    for inner in ("protocol/client", "broker/access", "broker/shapes", "broker/pages"):
        if name.startswith(inner + "/"):
            return inner
    return name.split("/", 1)[0]


def layering(tree):
    for name, text in tree.sources().items():
        room = room_of(name)
        for line in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M):
            if "/" in line and room_of(line) not in MAY_INCLUDE.get(room, set()):
                yield f"{name}: {room} must not include {line}"
            # A header beside its own source in tests may go by its bare name, nowhere else.
            if "/" not in line and room != "tests":
                yield f"{name}: include {line} by its path from the root"
        known = MUST_NOT_KNOW.get(room)
        for line in re.findall(r"^\s*#\s*include\s+<([^>]+)>", text, re.M):
            if known and re.match(known, line):
                yield f"{name}: {room} must not know <{line}>"
            if line.startswith("rocksdb/") and room == "storage" \
                    and not Path(name).name.startswith("rocks_"):
                yield f"{name}: only storage/rocks_* speaks to RocksDB"


def typescript(tree):
    """The package's sources: nothing from npm or of the platform, no way around the types."""
    room = "protocol/js/src/"
    for name, text in tree.sources({".ts"}).items():
        if not name.startswith(room):
            continue
        for line in re.findall(r"""\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]""", text):
            if not line.startswith("./") or f"{room}{line[2:-3]}.ts" not in tree.files:
                yield f"{name}: imports {line}, which is no module beside it"
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(r"\bas any\b|: any\b|@ts-(ignore|nocheck)", line):
                yield f"{name}:{number}: a type that is not said"


def heads(tree):
    for name, text in tree.sources(CPP | JAVASCRIPT).items():
        comment = []
        lines = text.split("\n")
        for line in lines[1:] if text.startswith("#!") else lines:  # a program's interpreter first
            if not line.startswith("// "):
                break
            comment.append(line)
        place = name.split("/", 1)[0] + "/"
        said = " ".join(line[3:] for line in comment)
        if len(comment) < 2 or not re.search(rf"\s{place}[\w/]*(: |\s|$)", said):
            yield f'{name}: begins with what it is, then its place in the house ("{place}: …")'
        if name.endswith(".hpp") and "#pragma once" not in text:
            yield f"{name}: no #pragma once"


def leftovers(tree):
    words = "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "WI" + "P"])
    for name, text in tree.files.items():
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(rf"\b({words})\b", line):
                yield f"{name}:{number}: a leftover marker"
            if re.search(r"(?<![\w.:/])/(work|home|root|Users)/\w", line):
                yield f"{name}:{number}: a path of somebody's machine"
            # Where packages come from is for whoever installs them to say.
            if name.endswith("package-lock.json") and '"resolved"' in line:
                yield f"{name}:{number}: a registry's address"


def looks(tree):
    for name, text in tree.files.items():
        if "\ufffd" in text and Path(name).suffix in CPP | {".md", ".py"} and "tests/" not in name:
            yield f"{name}: not UTF-8"
        if text and not text.endswith("\n"):
            yield f"{name}: no newline at its end"
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip() and not name.endswith(".md"):
                yield f"{name}:{number}: space at the end of the line"
            if "\t" in line:
                yield f"{name}:{number}: a tab"


def listed(tree):
    lists = {n: t for n, t in tree.files.items() if n.endswith("CMakeLists.txt")}
    for name in tree.sources():
        if not name.endswith(".cpp"):
            continue
        folder = Path(name).parent
        near = [lists.get(str(p / "CMakeLists.txt"), "") for p in [folder, *folder.parents]]
        # Sources shared by test programs are listed by their users, beside their folder.
        beside = [t for n, t in lists.items() if n.startswith(str(folder.parent) + "/")]
        stem = re.escape(Path(name).name)
        if not any(re.search(rf"(^|[\s(/]){stem}($|[\s)])", t, re.M) for t in near + beside):
            yield f"{name}: no CMakeLists.txt builds it"


def scripts(tree):
    for name, text in tree.files.items():
        if text.startswith("#!") != (name in tree.executables):
            yield f"{name}: a script begins with #! and is executable, nothing else is"
        if text.startswith("#!/bin/bash") and "set -euo pipefail" not in text:
            yield f"{name}: no set -euo pipefail"


def commands_in(text):
    """The commands of a document's code blocks, continued lines joined, comments cut."""
    for block in re.findall(r"^```(?:sh|bash|console|)\n(.*?)^```", text, re.M | re.S):
        for line in block.replace("\\\n", " ").split("\n"):
            try:
                words = shlex.split(line, comments=True)
            except ValueError:
                continue
            if words:
                yield words


def documents(tree, help_of):
    """`help_of(program, subcommands)` is the help text, or None if there is no such program."""
    for name in ("README.md", "bench/README.md", "tests/README.md"):
        for words in commands_in(tree.files.get(name, "")):
            command = words[0]
            if command.startswith("./") and "/" in command[2:]:
                if command[2:] not in tree.executables:
                    yield f"{name}: there is no {command}"
            if not command.startswith("build/release/bin/"):
                continue
            program = Path(command).name
            subcommands = []
            for word in words[1:]:
                if word.startswith("-") or help_of(program, subcommands + [word]) is None:
                    break
                subcommands.append(word)
            text = help_of(program, subcommands)
            if text is None:
                yield f"{name}: there is no {program}"
                continue
            for word in words[1:]:
                if word in ("|", ">", "<", "&", "&&", ";"):
                    break
                option = word.split("=", 1)[0]
                if re.match(r"--?[a-z]", option) and not re.search(
                        rf"(?<![\w-]){re.escape(option)}(?![\w-])", text):
                    shown = " ".join([program, *subcommands])
                    yield f"{name}: {shown} has no {option}"


def help_from(programs):
    """Asks the built programs; unknown subcommands are told by the exit code."""
    seen = {}

    def help_of(program, subcommands):
        key = (program, *subcommands)
        if key not in seen:
            path = Path(programs) / program
            if not path.exists():
                seen[key] = None
            else:
                asked = subprocess.run([str(path), *subcommands, "--help"], capture_output=True,
                                       text=True, check=False, timeout=20)
                # CLI11 shows the help of the parent for what is no subcommand.
                deeper = not subcommands or f" {subcommands[-1]} " in asked.stdout.split("\n\n")[0] \
                    or re.search(rf"^Usage:.*\b{re.escape(subcommands[-1])}\b", asked.stdout, re.M)
                seen[key] = asked.stdout if asked.returncode == 0 and deeper else None
        return seen[key]

    return help_of


RULES = [layering, typescript, heads, leftovers, looks, listed, scripts]


class TheRulesSee(unittest.TestCase):
    GOOD_HEAD = "// What it is.\n// storage/: where it stands.\n"

    def complaints(self, rule, files, executables=()):
        return list(rule(Tree(files, executables)))

    def test_an_include_upwards(self):
        self.assertTrue(self.complaints(layering, {"storage/a.cpp": '#include "broker/hub.hpp"\n'}))
        self.assertTrue(self.complaints(layering, {"protocol/a.cpp": '#include "storage/b.hpp"\n'}))
        self.assertTrue(self.complaints(
            layering, {"protocol/client/a.cpp": '#include "storage/b.hpp"\n'}))
        self.assertTrue(self.complaints(layering, {"broker/a.cpp": '#include "tests/b.hpp"\n'}))
        self.assertTrue(self.complaints(
            layering, {"broker/access/a.cpp": '#include "broker/hub.hpp"\n'}))
        self.assertTrue(self.complaints(
            layering, {"broker/pages/a.cpp": '#include "protocol/types.hpp"\n'}))
        self.assertFalse(self.complaints(layering, {"broker/a.cpp": '#include "storage/b.hpp"\n'}))

    def test_a_third_party_where_it_does_not_belong(self):
        self.assertTrue(self.complaints(layering, {"storage/a.cpp": "#include <boost/asio.hpp>\n"}))
        self.assertTrue(self.complaints(layering, {"broker/a.cpp": "#include <rocksdb/db.h>\n"}))
        self.assertTrue(self.complaints(layering, {"storage/ring.cpp": "#include <rocksdb/db.h>\n"}))
        self.assertFalse(self.complaints(
            layering, {"storage/rocks_store.cpp": "#include <rocksdb/db.h>\n"}))

    def test_a_file_without_a_head(self):
        self.assertTrue(self.complaints(heads, {"storage/a.cpp": "#include <vector>\n"}))
        self.assertTrue(self.complaints(heads, {"storage/a.hpp": self.GOOD_HEAD}))
        self.assertTrue(self.complaints(heads, {"storage/a.mjs": "import x from 'x';\n"}))
        self.assertTrue(self.complaints(heads, {"protocol/js/src/a.ts": "export {};\n"}))
        self.assertFalse(self.complaints(heads, {"storage/a.cpp": self.GOOD_HEAD}))

    def test_typescript_that_leans_on_others_or_hides_types(self):
        def said(text):
            return self.complaints(typescript, {"protocol/js/src/a.ts": text,
                                                "protocol/js/src/link.ts": ""})

        self.assertTrue(said("import { v4 } from 'uuid';\n"))
        self.assertTrue(said("import {\n  readFile,\n} from 'node:fs';\n"))
        self.assertTrue(said("export * from '../test/fakes.js';\n"))
        self.assertTrue(said("import './nowhere.js';\n"))
        self.assertTrue(said("const x = y as any;\n"))
        self.assertTrue(said("// @ts-ignore\n"))
        self.assertTrue(said("const fs = await import('node:fs');\n"))
        self.assertFalse(said("import type {\n  Link,\n} from './link.js';\n"))

    def test_leftovers(self):
        self.assertTrue(self.complaints(leftovers, {"README.md": "TO" + "DO: write\n"}))
        self.assertTrue(self.complaints(leftovers, {"README.md": "see /ho" + "me/me/notes\n"}))
        self.assertFalse(self.complaints(leftovers, {"README.md": "https://example.org/home/x\n"}))
        self.assertTrue(self.complaints(
            leftovers, {"tests/package-lock.json": '"resolved": "https://example.org/x.tgz"\n'}))

    def test_looks(self):
        for text in ("a \n", "a\tb\n", "a"):
            self.assertTrue(self.complaints(looks, {"storage/a.cpp": text}), repr(text))

    def test_a_source_nobody_builds(self):
        tree = {"storage/a.cpp": "", "storage/CMakeLists.txt": "add_library(x data.cpp)\n"}
        self.assertTrue(self.complaints(listed, tree))
        tree["storage/CMakeLists.txt"] = "add_library(x\n    a.cpp b.cpp)\n"
        self.assertFalse(self.complaints(listed, tree))

    def test_a_script_that_cannot_run(self):
        good = "#!/bin/bash\nset -euo pipefail\n"
        self.assertTrue(self.complaints(scripts, {"tools/run": good}))
        self.assertTrue(self.complaints(scripts, {"tools/run": "#!/bin/bash\n"}, ["tools/run"]))
        self.assertFalse(self.complaints(scripts, {"tools/run": good}, ["tools/run"]))

    def test_a_document_with_a_command_that_is_not_there(self):
        def help_of(program, subcommands):
            known = {("tidemark",): "  tail  Follow", ("tidemark", "tail"): "  --after N  Start"}
            return known.get((program, *subcommands))

        def said(text):
            files = {"README.md": f"```sh\n{text}\n```\n", "tools/run": "#!/bin/bash\n"}
            return list(documents(Tree(files, ["tools/run"]), help_of))

        self.assertFalse(said("./tools/run   # starts"))
        self.assertTrue(said("./tools/walk"))
        self.assertFalse(said("build/release/bin/tidemark tail syslog --after 42 | head -3"))
        self.assertTrue(said("build/release/bin/tidemark tail syslog --before 42"))
        self.assertTrue(said("build/release/bin/tidemarkx"))


class TheTree(unittest.TestCase):
    root = "."
    programs = None

    def test_keeps_its_rules(self):
        tree = Tree.read(self.root)
        self.assertGreater(len(tree.sources()), 20, "the tree was not found")
        complaints = [c for rule in RULES for c in rule(tree)]
        if self.programs and (Path(self.programs) / "tidemark").exists():
            complaints += documents(tree, help_from(self.programs))
        self.assertFalse(complaints, "\n" + "\n".join(complaints))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=".")
    parser.add_argument("--programs")
    asked, rest = parser.parse_known_args()
    TheTree.root, TheTree.programs = asked.root, asked.programs
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
