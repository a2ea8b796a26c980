# The oracle: what a history has to be if the broker keeps its promises, and where it is not.
# tests/proof/: a program of its own, `checker.py HISTORY`; rows call check().
"""Of every topic:

  the log is contiguous and holds no event twice;
  what was acknowledged is in it, at the offset that was told, every time it was told;
  what was refused and not sent again is not in it; what is unknown is in it at most once;
  everything in it was attempted, and one producer's events are in the order of their sequences;
  every reader got one contiguous slice of it from where it began, but for gaps it was told of;
  what a reader saw is in the log: visible means durable.
"""
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

if __name__ == "__main__":  # run as a program, this file's folder is what is searched
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from proof.history import History  # noqa: E402

MOST_FAULTS = 20  # told of each kind; all are counted


class Verdict:
    """What was counted, and the faults: {"lost": 2, …} with the first of each in words."""

    def __init__(self):
        self.faults = Counter()
        self.words = []
        self.figures = Counter()

    def fault(self, kind, text):
        self.faults[kind] += 1
        if self.faults[kind] <= MOST_FAULTS:
            self.words.append(f"{kind}: {text}")

    @property
    def ok(self):
        return not self.faults

    def require(self):
        """Raises AssertionError with the faults."""
        if self.faults:
            raise AssertionError(f"{dict(self.faults)}\n" + "\n".join(self.words[:MOST_FAULTS]))
        return dict(self.figures)


class _Topic:
    def __init__(self):
        self.attempts = {}            # (producer, epoch, sequence) -> digest
        self.ends = {}                # the same -> the last outcome's result
        self.told = defaultdict(set)  # the same -> offsets it was acknowledged with
        self.log = {}                 # offset -> digest
        self.order = []               # offsets as the log gave them
        self.bounds = None
        self.readers = defaultdict(list)


def _read(history):
    topics = defaultdict(_Topic)
    verdict = Verdict()
    for line in history.lines:
        topic, kind = topics[line["topic"]], line["kind"]
        if kind in ("attempt", "outcome"):
            key = (line["producer"], line["epoch"], line["sequence"])
        if kind == "attempt":
            if topic.attempts.setdefault(key, line["digest"]) != line["digest"]:
                verdict.fault("harness", f"{key} was attempted with two payloads")
        elif kind == "outcome":
            # An acknowledgement stays one, whatever a later retry came to.
            if topic.ends.get(key) != "ok":
                topic.ends[key] = line["result"]
            if line["result"] == "ok" and line.get("offset") is not None:
                topic.told[key].add(line["offset"])
        elif kind == "log":
            if line["offset"] in topic.log:
                verdict.fault("doubled", f"the log gives {line['offset']} twice")
            topic.log[line["offset"]] = line["digest"]
            topic.order.append(line["offset"])
        elif kind == "bounds":
            topic.bounds = line
        else:
            topic.readers[line["reader"]].append(line)
    return topics, verdict


def _check_log(name, topic, verdict):
    bounds = topic.bounds or {"earliest": 1, "head": max(topic.log, default=0)}
    wanted = list(range(bounds["earliest"], bounds["head"] + 1))
    if topic.order != wanted:
        missing = sorted(set(wanted) - set(topic.order))[:5]
        verdict.fault("hole", f"{name}: the log is not {bounds['earliest']}…{bounds['head']} in "
                              f"order; missing {missing}")
    for what, count in Counter(topic.log.values()).items():
        if count > 1:
            verdict.fault("doubled", f"{name}: {what} is in the log {count} times")
    verdict.figures["log"] += len(topic.log)
    return bounds


def _check_producers(name, topic, bounds, verdict):
    at = {what: offset for offset, what in topic.log.items()}
    for key, what in topic.attempts.items():
        end, told = topic.ends.get(key, "unknown"), topic.told[key]
        verdict.figures[{"ok": "acknowledged"}.get(end, end)] += 1
        if len(told) > 1:
            verdict.fault("moved", f"{name}: {key} was acknowledged at {sorted(told)}")
        if end == "ok":
            trimmed = told and max(told) < bounds["earliest"]
            if what not in at and not trimmed:
                verdict.fault("lost", f"{name}: {key}, acknowledged at {sorted(told)}")
            elif told and not trimmed and at[what] not in told:
                verdict.fault("moved", f"{name}: {key} told {sorted(told)}, is at {at[what]}")
        elif end == "refused" and what in at:
            verdict.fault("refused", f"{name}: {key} was refused and is at {at[what]}")
    known = {what: key for key, what in topic.attempts.items()}
    last = {}
    for offset in topic.order:
        key = known.get(topic.log[offset])
        if key is None:
            verdict.fault("foreign", f"{name}: {offset} was never attempted")
        elif last.get(key[0], (-1, -1)) >= key[1:]:
            verdict.fault("reordered", f"{name}: {key} at {offset} after {last[key[0]]}")
        else:
            last[key[0]] = key[1:]


def _check_reader(name, reader, lines, topic, bounds, verdict):
    at = None
    for line in lines:
        if line["kind"] == "start":
            at = line["offset"] if at is None else at
        elif line["kind"] == "gap":
            verdict.figures["gaps"] += 1
            at = line["end"] - 1
        else:
            verdict.figures["deliveries"] += 1
            offset = line["offset"]
            if at is not None and offset != at + 1:
                kind = "missed" if offset > at + 1 else "repeated"
                verdict.fault(kind, f"{name}: {reader} got {offset} after {at}")
            at = offset
            if offset >= bounds["earliest"] and topic.log.get(offset) != line["digest"]:
                verdict.fault("visible", f"{name}: {reader} saw {line['digest']} at {offset}, "
                                         f"where the log has {topic.log.get(offset)}")


def check(history, gaps_allowed=False, finished=()):
    """`finished`: readers who must have got everything up to the head of their topics."""
    topics, verdict = _read(history)
    for name, topic in topics.items():
        bounds = _check_log(name, topic, verdict)
        _check_producers(name, topic, bounds, verdict)
        for reader, lines in topic.readers.items():
            _check_reader(name, reader, lines, topic, bounds, verdict)
            last = next((x["offset"] for x in reversed(lines) if x["kind"] == "delivery"), 0)
            if reader in finished and last != bounds["head"]:
                verdict.fault("missed", f"{name}: {reader} ended at {last} of {bounds['head']}")
    if verdict.figures["gaps"] and not gaps_allowed:
        verdict.fault("gap", f"{verdict.figures['gaps']} gaps were told where none may be")
    return verdict


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: checker.py HISTORY")
    verdict = check(History.read(sys.argv[1]))
    print(json.dumps({"ok": verdict.ok, "faults": verdict.faults, "figures": verdict.figures,
                      "words": verdict.words}, indent=2))
    sys.exit(0 if verdict.ok else 1)


if __name__ == "__main__":
    main()
