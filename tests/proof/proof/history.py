# What was attempted, what came of it, and what was delivered: one JSON object a line.
# tests/proof/: producers and readers write it, the checker reads it.
"""The lines, each with a "kind":

  attempt   topic producer epoch sequence digest          before a publish is sent, every time
  outcome   topic producer epoch sequence result          "ok", "refused" or "unknown"
            [offset history duplicate code]               history: the epoch the event is in
  start     reader topic offset                           a reader's first position: it has up to here
  delivery  reader topic offset digest
  gap       reader topic first end cause                  the broker said that these are gone
  log       topic offset digest                           what the log holds at the end, in order
  bounds    topic earliest head                           of the log at the end
"""
import hashlib
import json
import threading


def digest(payload):
    """Stands for a payload, whatever way its JSON has taken."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class History:
    """Threads: any. Kept in memory, and in a file if a path is given."""

    def __init__(self, path=None):
        self.lines = []
        self._lock = threading.Lock()
        self._file = open(path, "w", encoding="utf-8") if path else None

    def add(self, kind, **fields):
        line = {"kind": kind, **fields}
        with self._lock:
            self.lines.append(line)
            if self._file:
                self._file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def of(self, kind):
        with self._lock:
            return [line for line in self.lines if line["kind"] == kind]

    def count(self, kind, **fields):
        return sum(1 for line in self.of(kind)
                   if all(line.get(k) == v for k, v in fields.items()))

    def close(self):
        if self._file:
            self._file.close()

    @staticmethod
    def read(path):
        history = History()
        with open(path, encoding="utf-8") as file:
            history.lines = [json.loads(line) for line in file]
        return history
