# The rows that run in the process of the store: GoogleTests of proof_tests, run with all figures.
# tests/proof/: rows 3, 6 and 26; ctest runs their fast forms by themselves.
import json
import os
import subprocess

from proof.row import Skip


def run(context, number, suite):
    """Runs the tests of `suite`; the figures of row `number`."""
    program = context.daemon.parent / "proof_tests"
    if not program.exists():
        raise Skip(f"needs {program.name} beside the broker: build it first")
    path = context.directory / "figures"
    environment = {**os.environ, "TIDEMARK_SEED": str(context.seed),
                   "TIDEMARK_PROOF_FIGURES": str(path), "TMPDIR": str(context.directory)}
    environment.pop("TIDEMARK_PROOF", None)
    if not context.fast:
        environment["TIDEMARK_PROOF"] = "full"
    done = subprocess.run([program, f"--gtest_filter={suite}.*"], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    said = done.stdout[-3000:]
    assert done.returncode == 0, f"{program.name} ended with {done.returncode}\n{said}"
    told = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    figures = {}
    for line in told:
        if line["row"] == number:
            assert line["passed"], line
            figures.update(line["figures"])
    assert figures, f"no test of {suite} told figures:\n{said}"
    return figures
