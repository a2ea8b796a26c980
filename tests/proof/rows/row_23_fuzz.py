# Row 23: libFuzzer with ASan and UBSan over everything that reads others' bytes.
# tests/proof/: tests/fuzz/run does it; the fast form runs the kept inputs, which needs no clang.
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from proof.row import Row, Skip

ROOT = Path(__file__).resolve().parents[3]
FUZZ = ROOT / "tests" / "fuzz"
BUILD = ROOT / "build" / "fuzz"


def targets():
    return sorted(path.name for path in (FUZZ / "corpus").iterdir() if path.is_dir())


def replay(programs):
    """The kept inputs of every target, through the programs of the ordinary build."""
    missing = [t for t in targets() if not (programs / f"fuzz_{t}").exists()]
    if missing:
        raise Skip(f"fuzz_{missing[0]} is not built in {programs}")
    figures = {"findings": 0, "targets": 0, "inputs": 0}
    for target in targets():
        kept = [str(FUZZ / place / target) for place in ("corpus", "regressions")]
        done = subprocess.run([str(programs / f"fuzz_{target}"), *kept], capture_output=True,
                              text=True, errors="replace", check=False, timeout=120)
        if done.returncode != 0:
            raise AssertionError(f"{target}: {(done.stdout + done.stderr)[-2000:]}")
        figures["targets"] += 1
        figures["inputs"] += int(re.findall(r"^(\d+) inputs$", done.stdout, re.M)[-1])
    return figures


def search(seconds, note):
    """Every target for so long; the seed is libFuzzer's own, a finding is a file and needs none."""
    missing = [t for t in targets() if not (BUILD / "bin" / f"fuzz_{t}").exists()]
    if missing:
        raise Skip("the preset fuzz is not built: cmake --preset fuzz && "
                   "cmake --build --preset fuzz")
    figures = {"findings": 0, "seconds_per_target": seconds}
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        for target in targets():
            done = subprocess.run(
                [sys.executable, str(FUZZ / "run"), "--build", str(BUILD), "--seconds",
                 str(seconds), "--report", str(report), target],
                capture_output=True, text=True, errors="replace", check=False)
            note(done.stdout.strip())
            if done.returncode != 0:
                raise AssertionError(f"{target}: {(done.stdout + done.stderr)[-4000:]}")
            found = json.loads(report.read_text(encoding="utf-8"))[0]
            figures["findings"] += len(found["findings"])
            for name in ("seconds", "executions", "edges"):
                figures[f"{target}_{name}"] = found[name]
    return figures


def run(context):
    if context.fast:
        return replay(context.daemon.parent)
    return search(int(os.environ.get("TIDEMARK_FUZZ_SECONDS", "60")), context.note)


ROW = Row(number=23, title="libFuzzer with ASan and UBSan over what reads others' bytes", run=run,
          passes="no findings; each finding stays as a regression input")
