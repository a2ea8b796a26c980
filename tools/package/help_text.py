# What the programs say of themselves: their --help, read into a tree of commands.
# tools/package/: manual pages and completion are made of it, so they cannot fall behind.
"""A command has options, positionals and subcommands. The shape of the text is CLI11's: sections
under a title with a colon, entries indented by two spaces, a description behind at least two
spaces or on deeper lines of its own; what follows the last section is for people."""

import re
import subprocess
from dataclasses import dataclass, field

ENTRY = re.compile(r"^  \S")
DEEPER = re.compile(r"^ {8,}\S")


@dataclass
class Entry:
    names: list
    about: str = ""
    value: str = ""  # what stands for its value; empty: it takes none
    choices: list = field(default_factory=list)
    span: str = ""  # "1 to 64"
    default: str = ""
    required: bool = False

    @property
    def longest(self):
        return max(self.names, key=len)


@dataclass
class Command:
    path: list
    about: str = ""
    usage: str = ""
    options: list = field(default_factory=list)
    positionals: list = field(default_factory=list)
    subcommands: list = field(default_factory=list)
    more: str = ""

    @property
    def name(self):
        return " ".join(self.path)

    def walk(self):
        yield self
        for command in self.subcommands:
            yield from command.walk()


def entry_of(left, about):
    """`left` is such as "-q,--quiet" or "--io-threads UINT:UINT in [1 - 64]=1 Excludes: --x"."""
    names, _, rest = left.partition(" ")
    entry = Entry(names.split(","), about)
    rest = re.sub(r"\s+(Excludes|Needs|Env):.*$", "", " " + rest)
    rest = re.sub(r"\s+\(Env:\w+\)", "", rest)
    entry.required = " REQUIRED" in rest
    rest = rest.replace(" REQUIRED", "").replace(" ...", "").strip()
    if not rest:
        return entry
    choices = re.search(r"\{([^}]*)\}", rest)
    if choices:
        entry.choices = choices.group(1).split(",")
    span = re.search(r"in \[(\S+) - (\S+)\]", rest)
    if span:
        entry.span = f"{span.group(1)} to {span.group(2)}"
    default = re.search(r"=(\S.*)$", re.sub(r"^[A-Z]+=…", "", rest))
    if default:
        entry.default = default.group(1).strip()
    # What is checked of the value follows a colon; ADDR:PORT has one of its own.
    word = re.match(r"(?:(?!:(?:UINT|INT|FLOAT|TEXT|\{))[^=\s{])+", rest)
    word = word.group(0) if word else "VALUE"
    if "|" in word:
        entry.choices, word = word.split("|"), "WORD"
    entry.value = {"UINT": "N", "INT": "N", "FLOAT": "N", "TEXT": "VALUE"}.get(word, word)
    return entry


def entries_of(lines):
    """Joins each entry's lines."""
    joined = []
    for line in lines:
        if ENTRY.match(line):
            left, _, about = re.sub(r"\s{2,}", "\0", line.strip(), count=1).partition("\0")
            joined.append([left, about])
        elif joined and DEEPER.match(line):
            joined[-1][1] = (joined[-1][1] + " " + line.strip()).strip()
    return [entry_of(left, about) for left, about in joined]


def sections_of(text):
    """(title, lines) of the sections, then ("", what is for people)."""
    lines = text.split("\n")
    out, at, after = [], 0, 0
    while at < len(lines):
        title = re.match(r"^(\S[^:]{,40}):$", lines[at])
        if title and at + 1 < len(lines) and ENTRY.match(lines[at + 1]) and (
                title.group(1) in ("Positionals", "Subcommands")
                or lines[at + 1].startswith("  -")):
            end = at + 1
            while end < len(lines) and lines[end].strip():
                end += 1
            out.append((title.group(1), lines[at + 1:end]))
            at = after = end
        at += 1
    out.append(("", lines[after:]))
    return out


def command_of(path, text):
    head = text.split("\n\n", 1)[0]
    about, _, usage = head.partition("Usage: ")
    command = Command(path, " ".join(about.split()), " ".join(usage.split()))
    for title, lines in sections_of(text):
        if title == "Positionals":
            command.positionals = entries_of(lines)
        elif title == "Subcommands":
            command.subcommands = [Command(path + e.names, e.about) for e in entries_of(lines)]
        elif title:
            command.options += entries_of(lines)
        else:
            command.more = "\n".join(lines).strip("\n")
    return command


def ask(program, path):
    """The command at `path` below the program, with everything under it."""
    asked = subprocess.run([program, *path[1:], "--help"], capture_output=True, text=True,
                           encoding="utf-8", check=True, timeout=60)
    command = command_of(path, asked.stdout)
    command.subcommands = [ask(program, below.path) for below in command.subcommands]
    return command
