# A row of the table of proofs: what is done, what has to come of it, in a fast and a full form.
# tests/proof/: rows/ define them, run and CTest run them.
import importlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from proof.broker import Broker


class Skip(Exception):
    """The row can't be run here; the text says why."""


@dataclass
class Row:
    number: int
    title: str                   # what is done, in a few words
    run: Callable                # (Context) -> figures; AssertionError if the row is not kept
    passes: str = ""             # what has to come of it


class Context:
    """What a row is given. Its directory is on a real disk and gone afterwards."""

    def __init__(self, daemon, fast, seed, parent=None):
        self.daemon = Path(daemon).resolve()
        self.cli = self.daemon.parent / "tidemark"
        self.fast = fast
        self.seed = seed
        self.random = random.Random(seed)
        self.directory = Path(tempfile.mkdtemp(prefix="tidemark-proof-", dir=parent)).resolve()
        self._brokers = []
        self._began = time.monotonic()

    def broker(self, *arguments, data=None, env=None, preload=None, prefix=(), start=True):
        """A started broker, on `data` or a directory of its own; killed at the row's end."""
        data = data or self.directory / f"data{len(self._brokers)}"
        broker = Broker(self.daemon, data, *arguments, env=env, preload=preload, prefix=prefix)
        self._brokers.append(broker)
        return broker.start() if start else broker

    def pick(self, fast, full):
        return fast if self.fast else full

    def note(self, text):
        """Progress, for who waits."""
        print(f"  {time.monotonic() - self._began:6.1f} s  {text}", file=sys.stderr, flush=True)

    def close(self):
        for broker in self._brokers:
            broker.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


@dataclass
class Result:
    row: Row
    passed: Optional[bool]  # None: skipped
    figures: dict
    seconds: float
    why: str = ""


def all_rows():
    """The rows, by number."""
    folder = Path(__file__).resolve().parent.parent / "rows"
    names = sorted(path.stem for path in folder.glob("row_[0-9]*.py"))
    rows = [importlib.import_module(f"rows.{name}").ROW for name in names]
    return {row.number: row for row in rows}


def run_row(row, daemon, fast, seed, parent=None):
    """Runs it, and keeps the logs of a failure where the text says."""
    context = Context(daemon, fast, seed, parent)
    began = time.monotonic()
    try:
        figures = row.run(context)
        return Result(row, True, figures or {}, time.monotonic() - began)
    except Skip as skip:
        return Result(row, None, {}, time.monotonic() - began, str(skip))
    except Exception as error:
        logs = "".join(f"\n--- {b.log_path.name}\n{b.log()[-3000:]}" for b in context._brokers)
        why = str(error) if isinstance(error, AssertionError) else repr(error)
        print(why + logs, file=sys.stderr)
        return Result(row, False, {}, time.monotonic() - began, why)
    finally:
        context.close()


def seed_from_environment():
    said = os.environ.get("TIDEMARK_SEED")
    return int(said) if said else random.SystemRandom().randrange(1 << 32)


def figures_text(figures):
    """"acknowledged 1,234, lost 0": for the table and the terminal."""
    def value(v):
        if isinstance(v, float):
            return f"{v:,.3g}" if abs(v) < 100 else f"{v:,.0f}"
        if isinstance(v, bool) or not isinstance(v, int):
            return v if isinstance(v, str) else json.dumps(v)
        return f"{v:,}"
    return ", ".join(f"{k.replace('_', ' ')} {value(v)}" for k, v in figures.items())
