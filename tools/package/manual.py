# Manual pages in roff: prose that is kept by hand around what the programs say of themselves.
# tools/package/: see documents.py.
import re

from help_text import Command, Entry


def escaped(text):
    """Text as roff prints it; a line may begin with anything."""
    out = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", out, flags=re.M)


def bold(text):
    return f"\\fB{escaped(text)}\\fR"


def italic(text):
    return f"\\fI{escaped(text)}\\fR"


def notes_of(entry: Entry):
    notes = []
    if entry.choices and not all(choice in entry.about for choice in entry.choices):
        notes.append("One of " + ", ".join(entry.choices) + ".")
    if entry.span and not entry.span.endswith("9007199254740991"):
        notes.append(entry.span.capitalize() + ".")
    if entry.default:
        notes.append(f"Default: {entry.default}.")
    return notes


def sentence(text):
    return text if not text or text.endswith((".", "…")) else text + "."


def entry_lines(entry: Entry, option=True):
    names = ", ".join(bold(n) if option else italic(n) for n in entry.names)
    head = names + (" " + italic(entry.value) if entry.value and option else "")
    body = " ".join([sentence(entry.about), *notes_of(entry)]).strip()
    return [".TP", head, escaped(body) or "\\&"]


def prose(text):
    """Paragraphs; indented lines stay as they are."""
    out = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.split("\n")
        at = 0
        out.append(".PP")
        while at < len(lines):
            if not lines[at].startswith("  "):
                out.append(escaped(lines[at].strip()))
                at += 1
                continue
            out += [".RS 4", ".nf"]
            while at < len(lines) and lines[at].startswith("  "):
                out.append(escaped(lines[at][2:]))
                at += 1
            out += [".fi", ".RE"]
    return out


def usage_lines(command: Command):
    words = command.usage.removeprefix(command.name).strip()
    return [".B " + escaped(command.name), escaped(words) or "\\&"]


def options_of(command: Command):
    out = []
    for entry in command.positionals:
        out += entry_lines(entry, option=False)
    for entry in command.options:
        out += entry_lines(entry)
    return out


def subcommand_section(command: Command):
    words = " ".join([command.name, command.usage.removeprefix(command.name).strip()])
    out = [f".SS {escaped(words)}", escaped(sentence(command.about))]
    out += options_of(command)
    if command.more:
        out += prose(command.more)
    return out


def filled(template, fields):
    """Replaces the lines that are "@NAME@" and the words that are "@NAME@" within others."""
    out = []
    for line in template.split("\n"):
        whole = re.fullmatch(r"@(\w+)@", line)
        if whole:
            out += fields[whole.group(1)]
        else:
            out.append(re.sub(r"@(\w+)@", lambda m: "\n".join(fields[m.group(1)]), line))
    return "\n".join(out)


def page(template, command: Command, version, date):
    below = [c for c in command.walk() if c is not command]
    return filled(template, {
        "VERSION": [version],
        "DATE": [date],
        "SYNOPSIS": usage_lines(command),
        "OPTIONS": options_of(command),
        "SUBCOMMANDS": [line for c in below for line in subcommand_section(c)],
        "NOTES": prose(command.more),
    })


# ---- the configuration ----

TABLE = re.compile(r"^#? ?(\[\[?[\w.-]+\]\]?)\s*$")
KEY = re.compile(r"^#? ?([\w-]+)\s*=\s*(.*)$")


def blocks_of(example):
    """The example's paragraphs: each a list of lines."""
    block = []
    for line in example.split("\n") + [""]:
        if line.strip() and line.strip() != "#":
            block.append(line)
        elif block:
            yield block
            block = []


INDENTED = re.compile(r"^#( {3,}\S.*)$")


class Configuration:
    """Tables and keys as they stand in the commented example; what is said above them beside them."""

    def __init__(self):
        self.out, self.said, self.keys = [], [], []

    def flush(self):
        """What is collected: keys with their text, or a text alone."""
        text = [escaped(" ".join(self.said))] if self.said else []
        for index, key in enumerate(self.keys):
            self.out += [".TQ" if index else ".TP", key]
        if self.keys:
            self.out += text or ["\\&"]
        elif text:
            self.out += [".PP", *text]
        self.said, self.keys = [], []

    def take(self, line):
        table, key, indented = TABLE.match(line), KEY.match(line), INDENTED.match(line)
        if table:
            said, self.said = self.said, []
            self.out.append(".SS " + escaped(table.group(1)))
            self.said = said
            self.flush()
        elif indented:
            self.flush()
            self.out.append(escaped(indented.group(1).strip()))
        elif key:
            self.keys.append(bold(key.group(1)) + " = " + escaped(key.group(2).strip()))
        elif line.startswith("#"):
            if self.keys:
                self.flush()
            self.said.append(line.lstrip("#").strip())


def configuration_lines(example):
    page = Configuration()
    for block in blocks_of(example):
        shown = all(INDENTED.match(line) for line in block)  # lines of a file, as they are
        page.out += [".RS 4", ".nf"] if shown else []
        for line in block:
            page.take(line)
        page.flush()
        page.out += [".fi", ".RE"] if shown else []
    return page.out


def configuration_page(template, example, version, date):
    return filled(template, {"VERSION": [version], "DATE": [date],
                             "KEYS": configuration_lines(example)})
