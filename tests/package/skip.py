# How a test of packaging says that it could not run here.
# tests/package/: CTest knows the exit code, and a person reads why.
import sys
import unittest

SKIPPED = 77


def main(arguments):
    """Runs the tests of the calling module; a run in which one was skipped is not called passed."""
    program = unittest.main(module="__main__", argv=[sys.argv[0], *arguments], exit=False,
                            verbosity=2)
    for test, why in program.result.skipped:
        print(f"NOT TESTED: {test.id()}: {why}", file=sys.stderr)
    if not program.result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if program.result.skipped else 0)
