#!/usr/bin/env python3
# The harness of the proofs held against what it must find; a checker that finds nothing is none.
# tests/proof/: run by ctest, without a broker; `python3 tests/proof/test_checker.py` by hand.
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from proof import results, web, websocket  # noqa: E402
from proof.checker import check  # noqa: E402
from proof.history import History, digest  # noqa: E402

TOPIC = "t"


def payload(producer, sequence):
    return {"p": producer, "n": sequence}


def good(events=6):
    """Two producers whose events alternate in the log, a reader who has seen all of it."""
    history = History()
    history.add("start", reader="r", topic=TOPIC, offset=0)
    for offset in range(1, events + 1):
        producer, sequence = f"p{offset % 2}", (offset - 1) // 2
        key = {"topic": TOPIC, "producer": producer, "epoch": 0, "sequence": sequence}
        what = digest(payload(producer, sequence))
        history.add("attempt", digest=what, **key)
        history.add("outcome", result="ok", offset=offset, history=1, duplicate=False, **key)
        history.add("delivery", reader="r", topic=TOPIC, offset=offset, digest=what)
        history.add("log", topic=TOPIC, offset=offset, digest=what)
    history.add("bounds", topic=TOPIC, earliest=1, head=events)
    return history


def lines(history, kind, **fields):
    return [line for line in history.lines if line["kind"] == kind
            and all(line.get(k) == v for k, v in fields.items())]


def line(history, kind, **fields):
    return lines(history, kind, **fields)[0]


def drop(history, kind, **fields):
    history.lines.remove(line(history, kind, **fields))


class Checker(unittest.TestCase):
    def finds(self, history, *kinds, **how):
        """Exactly these kinds of faults are found."""
        verdict = check(history, **how)
        self.assertEqual(set(verdict.faults), set(kinds), verdict.words)
        self.assertEqual(verdict.ok, not kinds)
        if kinds:
            with self.assertRaises(AssertionError):
                verdict.require()
        return verdict

    def test_a_correct_history_passes(self):
        figures = self.finds(good(), finished=["r"]).require()
        self.assertEqual(figures, {"acknowledged": 6, "log": 6, "deliveries": 6})

    def test_a_retry_of_what_was_unknown_passes(self):
        history = good()
        key = {"topic": TOPIC, "producer": "p1", "epoch": 0, "sequence": 0}
        first = line(history, "outcome", **key)
        history.lines.insert(history.lines.index(first), {"kind": "outcome", "result": "unknown",
                                                          **key})
        history.add("outcome", result="ok", offset=1, duplicate=True, **key)
        self.finds(history)

    def test_what_is_unknown_may_be_in_the_log_or_not(self):
        history = good()
        line(history, "outcome", offset=3).update(result="unknown", offset=None)
        self.finds(history)
        history.add("attempt", topic=TOPIC, producer="p9", epoch=0, sequence=0, digest="9")
        self.finds(history)

    def test_an_acknowledged_event_is_missing(self):
        history = good()
        for kind in ("log", "delivery"):
            drop(history, kind, offset=6)
        line(history, "bounds")["head"] = 5
        self.finds(history, "lost")

    def test_an_acknowledgement_is_not_undone_by_a_later_failure(self):
        history = good()
        for kind in ("log", "delivery"):
            drop(history, kind, offset=6)
        line(history, "bounds")["head"] = 5
        key = {k: line(history, "outcome", offset=6)[k]
               for k in ("topic", "producer", "epoch", "sequence")}
        history.add("outcome", result="unknown", **key)
        self.finds(history, "lost")

    def test_an_event_is_in_the_log_twice(self):
        history = good()
        history.add("log", topic=TOPIC, offset=7, digest=line(history, "log", offset=6)["digest"])
        line(history, "bounds")["head"] = 7
        self.finds(history, "doubled", "moved", "reordered")

    def test_the_log_gives_an_offset_twice(self):
        history = good()
        at = history.lines.index(line(history, "log", offset=3))
        history.lines.insert(at, dict(history.lines[at]))
        self.assertIn("doubled", check(history).faults)

    def test_an_event_was_acknowledged_at_another_offset(self):
        history = good()
        line(history, "outcome", offset=4)["offset"] = 5
        self.finds(history, "moved")

    def test_a_retry_is_told_another_offset(self):
        history = good()
        again = dict(line(history, "outcome", offset=4), offset=6, duplicate=True)
        history.add(**again)
        self.finds(history, "moved")

    def test_the_log_has_a_hole(self):
        history = good()
        drop(history, "log", offset=3)
        self.finds(history, "hole", "lost", "visible")

    def test_the_log_is_shorter_than_its_head(self):
        history = good()
        line(history, "bounds")["head"] = 7
        self.finds(history, "hole")

    def test_a_refused_event_is_in_the_log(self):
        history = good()
        line(history, "outcome", offset=6).update(result="refused", offset=None)
        self.finds(history, "refused")

    def test_nobody_attempted_what_is_in_the_log(self):
        history = good()
        history.add("log", topic=TOPIC, offset=7, digest=digest("nobody's"))
        line(history, "bounds")["head"] = 7
        self.finds(history, "foreign")

    def test_a_producers_events_are_in_another_order(self):
        history = good()
        for kind in ("log", "outcome", "delivery"):
            first, second = line(history, kind, offset=2), line(history, kind, offset=4)
            if kind == "outcome":
                first["offset"], second["offset"] = 4, 2
            else:
                first["digest"], second["digest"] = second["digest"], first["digest"]
        self.finds(history, "reordered")

    def test_a_producer_of_an_older_epoch_comes_behind(self):
        history = good()
        for kind in ("attempt", "outcome"):
            line(history, kind, producer="p1", sequence=0)["epoch"] = 1
        self.finds(history, "reordered")

    def test_one_sequence_has_two_payloads(self):
        history = good()
        history.add("attempt", topic=TOPIC, producer="p1", epoch=0, sequence=0, digest="other")
        self.finds(history, "harness")

    def test_a_reader_misses_an_event(self):
        history = good()
        drop(history, "delivery", offset=3)
        self.finds(history, "missed")

    def test_a_reader_misses_the_first_event(self):
        history = good()
        drop(history, "delivery", offset=1)
        self.finds(history, "missed")

    def test_a_reader_misses_the_last_event(self):
        history = good()
        drop(history, "delivery", offset=6)
        self.finds(history)
        self.finds(history, "missed", finished=["r"])

    def test_a_reader_that_must_have_finished_got_nothing(self):
        history = good()
        history.lines = [x for x in history.lines if x["kind"] != "delivery"]
        self.finds(history, "missed", finished=["r"])

    def test_a_reader_gets_an_event_again(self):
        history = good()
        at = history.lines.index(line(history, "delivery", offset=3))
        history.lines.insert(at, dict(history.lines[at]))
        self.finds(history, "repeated")

    def test_a_reader_goes_back(self):
        history = good()
        history.add(**line(history, "delivery", offset=2))
        self.assertIn("repeated", check(history).faults)

    def test_a_reader_gets_other_bytes(self):
        history = good()
        line(history, "delivery", offset=3)["digest"] = digest("altered")
        self.finds(history, "visible")

    def test_what_a_reader_saw_is_not_in_the_log_afterwards(self):
        history = good()
        history.add("delivery", reader="r", topic=TOPIC, offset=7, digest=digest("seen"))
        self.finds(history, "visible")

    def test_a_reader_may_begin_anywhere_and_then_gets_all(self):
        history = good()
        history.add("start", reader="late", topic=TOPIC, offset=4)
        for offset in (5, 6):
            history.add(**dict(line(history, "delivery", offset=offset), reader="late"))
        self.finds(history, finished=["r", "late"])

    def test_a_gap_is_told_where_none_may_be(self):
        history = good()
        history.add("gap", reader="r", topic=TOPIC, first=7, end=9, cause="trimmed")
        self.finds(history, "gap")
        self.finds(history, gaps_allowed=True)

    def test_what_a_gap_tells_of_is_all_that_may_be_missing(self):
        history = good()
        deliveries = lines(history, "delivery")
        gap = {"kind": "gap", "reader": "r", "topic": TOPIC, "first": 2, "end": 4,
               "cause": "trimmed"}
        at = history.lines.index(deliveries[1])
        history.lines[at] = gap
        history.lines.remove(deliveries[2])
        self.finds(history, gaps_allowed=True)
        history.lines.remove(deliveries[3])
        self.finds(history, "missed", gaps_allowed=True)

    def test_what_was_trimmed_is_not_lost(self):
        history = good()
        for offset in (1, 2):
            drop(history, "log", offset=offset)
        line(history, "bounds")["earliest"] = 3
        self.finds(history)

    def test_topics_are_judged_each_by_itself(self):
        history = good()
        history.lines += [dict(x, topic="u") for x in good().lines]
        self.assertEqual(self.finds(history).require()["log"], 12)
        drop(history, "delivery", topic="u", offset=2)
        self.finds(history, "missed")

    def test_it_is_a_program_of_its_own(self):
        with tempfile.TemporaryDirectory() as folder:
            for wanted, change in ((0, lambda h: None), (1, lambda h: drop(h, "log", offset=3))):
                path = Path(folder) / "history"
                written = History(path)
                history = good()
                change(history)
                for x in history.lines:
                    written.add(**x)
                written.close()
                done = subprocess.run([sys.executable, "-B", HERE / "proof/checker.py", path],
                                      stdout=subprocess.PIPE, universal_newlines=True)
                self.assertEqual(done.returncode, wanted)
                self.assertEqual(json.loads(done.stdout)["ok"], wanted == 0)


def server_frame(opcode, data, final=True):
    """As a server sends it: unmasked."""
    return websocket.frame(opcode, data, final, mask=None)


class Frames(unittest.TestCase):
    SIZES = (0, 1, 125, 126, 127, 65535, 65536, 70000)

    def test_what_is_framed_is_parsed(self):
        for size in self.SIZES:
            for opcode, final in ((websocket.TEXT, True), (websocket.BINARY, False),
                                  (websocket.PING, True)):
                data = os.urandom(size)
                found, rest = websocket.parse(server_frame(opcode, data, final) + b"next")
                self.assertEqual(found, (opcode, data, final), size)
                self.assertEqual(rest, b"next")

    def test_a_frame_that_is_cut_is_not_there_yet(self):
        for size in self.SIZES:
            whole = server_frame(websocket.TEXT, b"x" * size)
            head = len(whole) - size
            for cut in sorted({*range(head + 1), len(whole) - 1} - {len(whole)}):
                found, rest = websocket.parse(whole[:cut])
                self.assertIsNone(found, f"{size} bytes cut at {cut}")
                self.assertEqual(rest, whole[:cut])

    def test_lengths_are_written_the_shortest_way(self):
        for size, head in ((125, b"\x81\x7d"), (126, b"\x81\x7e\x00\x7e"),
                           (65535, b"\x81\x7e\xff\xff"),
                           (65536, b"\x81\x7f\0\0\0\0\0\x01\0\0")):
            whole = server_frame(websocket.TEXT, b"x" * size)
            self.assertEqual(whole[:-size], head, size)

    def test_a_client_masks(self):
        masked = websocket.frame(websocket.TEXT, b"abcde", mask=b"\x01\x02\x03\x04")
        self.assertEqual(masked, b"\x81\x85\x01\x02\x03\x04" + bytes(
            [0x61 ^ 1, 0x62 ^ 2, 0x63 ^ 3, 0x64 ^ 4, 0x65 ^ 1]))
        self.assertEqual(websocket.frame(websocket.PONG), b"\x8a\x80\0\0\0\0")

    def test_flags_are_where_they_belong(self):
        self.assertEqual(websocket.frame(0, b"", final=False, reserved=4)[0], 0x40)
        self.assertEqual(websocket.frame(websocket.CLOSE, b"")[0], 0x88)


class Places(unittest.TestCase):
    def test_a_token_is_its_position(self):
        self.assertEqual(web.token(12, 345), "0000000000000012_0000000000000345")
        for place in ((0, 0), (1, 1), (7, 10 ** 15)):
            self.assertEqual(web.position(web.token(*place)), place)


class Digests(unittest.TestCase):
    def test_the_order_of_members_does_not_matter_and_all_else_does(self):
        self.assertEqual(digest({"a": 1, "b": 2}), digest({"b": 2, "a": 1}))
        values = [{"a": 1}, {"a": 2}, {"a": "1"}, {"a": 1.5}, {"b": 1}, [1], 1, "1", None]
        self.assertEqual(len({digest(value) for value in values}), len(values))


def result(number, passed=True, why="", **figures):
    return SimpleNamespace(row=SimpleNamespace(number=number, title=f"row {number}"),
                           passed=passed, figures=figures, seconds=1.2, why=why)


class Results(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "PROOF-RESULTS.md"

    def rows(self):
        return [x for x in self.path.read_text().splitlines() if x.startswith("| ")][1:]

    def test_a_line_is_replaced_and_the_others_stay(self):
        results.write(self.path, [result(2, kills=20), result(10, kills=100)], 7)
        first = self.rows()
        results.write(self.path, [result(2, kills=21)], 8)
        second = self.rows()
        self.assertEqual(len(second), 2)
        self.assertEqual(second[1], first[1])
        self.assertIn("| kills 21 |", second[0])
        self.assertIn("| 8 |", second[0])

    def test_lines_are_in_the_order_of_their_numbers(self):
        for number in (10, 2, 1):
            results.write(self.path, [result(number)], 1)
        self.assertEqual([x.split()[1] for x in self.rows()], ["1", "2", "10"])
        self.assertEqual(self.path.read_text().count("# What the proofs came to"), 1)

    def test_what_came_to_be_is_told(self):
        results.write(self.path, [result(1, passed=False, why="a|b\nmore"),
                                  result(2, passed=None, why="needs root")], 1)
        failed, skipped = self.rows()
        self.assertIn("**FAILED**", failed)
        self.assertIn("a\\|b", failed)
        self.assertNotIn("more", failed)
        self.assertIn("| skipped | needs root |", skipped)


if __name__ == "__main__":
    unittest.main()
