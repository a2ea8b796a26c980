# Followers and transcripts: what they take, and every way of being sent something else.
# tests/proof/: a reader that accepts anything proves nothing.
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from proof import websocket  # noqa: E402
from proof.followers import Follower, Transcript  # noqa: E402


def frame(message):
    """As a server sends it: unmasked."""
    return websocket.frame(websocket.TEXT, json.dumps(message, separators=(",", ":")).encode(),
                           mask=None)


def event(offset, data="x" * 200):
    return frame({"type": "event", "topic": "t", "offset": offset, "time": 1, "data": data})


CAUGHT_UP = frame({"type": "caught_up", "topic": "t", "offset": 3})


class NoConnections:
    def __init__(self):
        self.closes = []


def taught(count, **kept):
    transcript = Transcript("t", **kept)
    Follower(NoConnections(), transcript).take(b"".join(event(i + 1) for i in range(count)))
    return transcript


class FollowersTest(unittest.TestCase):
    def follower(self, transcript, offset=0):
        return Follower(NoConnections(), transcript, offset)

    def test_the_first_teaches_and_the_next_agrees(self):
        transcript = taught(5)
        self.assertEqual(transcript.head, 5)
        second = self.follower(transcript, 2)
        second.take(event(3) + event(4))
        self.assertEqual(second.offset, 4)

    def test_takes_bytes_however_they_are_cut(self):
        transcript = taught(3)
        whole = event(1) + CAUGHT_UP + event(2) + event(3) + CAUGHT_UP + event(4)
        for step in (1, 2, 3, 7, 100, 250, len(whole)):
            one = self.follower(transcript)
            for at in range(0, len(whole), step):
                one.take(whole[at:at + step])
            self.assertEqual(one.offset, 4, step)
            self.assertTrue(one.caught_up)

    def test_half_an_event_is_none(self):
        one = self.follower(taught(3), 1)
        one.take(event(2) + event(3)[:50])
        self.assertEqual(one.offset, 2)

    def wrong(self, transcript, offset, *frames):
        with self.assertRaises(AssertionError):
            self.follower(transcript, offset).take(b"".join(frames))

    def test_a_hole_is_a_fault(self):
        self.wrong(taught(5), 1, event(3))
        self.wrong(taught(5), 0, event(1), event(3))
        self.wrong(taught(5), 5, event(7))

    def test_an_event_twice_is_a_fault(self):
        self.wrong(taught(5), 2, event(2))
        self.wrong(taught(5), 2, event(3), event(3))
        self.wrong(taught(5), 4, event(5), event(5))

    def test_other_bytes_are_a_fault(self):
        self.wrong(taught(5), 2, event(3, "y" * 200))
        self.wrong(taught(5), 2, event(3), event(4)[:100], event(4))

    def test_another_events_data_is_a_fault(self):
        with self.assertRaises(AssertionError):
            taught(5, expected=lambda offset: str(offset))

    def test_an_error_is_a_fault(self):
        self.wrong(taught(5), 2, frame({"type": "error", "code": "position_ahead"}))

    def test_an_answer_for_another_place_is_a_fault(self):
        self.wrong(taught(5), 2, frame({"type": "subscribed", "offset": 3, "epoch": 1}))


if __name__ == "__main__":
    unittest.main()
