# tests/PROOF-RESULTS.md: what the full runs came to, a line for each row.
# tests/proof/: a run replaces the lines of the rows it has run and leaves the others.
import platform
import re
from datetime import date
from pathlib import Path

from proof.row import figures_text

HEAD = """# What the proofs came to

Written by `tests/proof/run`; a run replaces the lines of the rows it has run. What is done and what has to come of it stands in [proof/rows](proof/rows), one file for each row.

| # | what is done | came to | figures | took | date | seed | machine |
|---|---|---|---|---|---|---|---|
"""


def machine():
    """Processor, cores, memory, system."""
    cpu, memory = platform.machine(), 0
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal"):
            memory = round(int(line.split()[1]) / (1 << 20))
    cores = len([x for x in Path("/proc/cpuinfo").read_text().splitlines()
                 if x.startswith("processor")])
    return f"{cpu}, {cores} cores, {memory} GiB, Linux {platform.release().split('-')[0]}"


def line_of(result, seed):
    came_to = {True: "passed", False: "**FAILED**", None: "skipped"}[result.passed]
    what = figures_text(result.figures) if result.passed else result.why.split("\n")[0]
    cells = [result.row.number, result.row.title, came_to, what, f"{result.seconds:.0f} s",
             date.today().isoformat(), seed, machine()]
    return "| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |"


def write(path, results, seed):
    path = Path(path)
    lines = {}
    if path.exists():
        for line in path.read_text().splitlines():
            if found := re.match(r"\| (\d+) \|", line):
                lines[int(found.group(1))] = line
    for result in results:
        lines[result.row.number] = line_of(result, seed)
    path.write_text(HEAD + "".join(lines[n] + "\n" for n in sorted(lines)))
