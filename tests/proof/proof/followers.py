# Thousands of subscribers whose bytes are checked as fast as they come.
# tests/proof/: every subscriber of a topic is sent the same frames, so one transcript judges all.
import json
import threading
from bisect import bisect_left, bisect_right
from contextlib import contextmanager

from proof import websocket
from proof.masses import Masses

EVENT = b'{"type":"event","topic":'


class Transcript:
    """The frames of a topic's events, one after another. Whoever is first beyond its end teaches
    it, all others are held against it. `expected(offset)`: the event's data, if known."""

    def __init__(self, topic, expected=None):
        self.topic = topic
        self.epoch = None
        self.frames = bytearray()
        self.ends = [0]  # ends[n]: where the frame of offset n ends
        self._expected = expected

    @property
    def head(self):
        return len(self.ends) - 1

    def teach(self, frame, payload):
        event = json.loads(payload)
        if event["topic"] != self.topic or event["offset"] != self.head + 1:
            raise AssertionError(f"{self.topic}: {payload[:120]!r} after offset {self.head}")
        if self._expected and event["data"] != self._expected(event["offset"]):
            raise AssertionError(f"{self.topic}: {event['offset']} holds another event's data: "
                                 f"{payload[:120]!r}")
        self.frames += frame
        self.ends.append(len(self.frames))


class Follower:
    """One subscriber, over as many connections as it takes. Raises AssertionError as soon as it
    gets anything but the next event of its topic."""

    def __init__(self, followers, transcript, offset=0, host=None):
        self._followers, self.transcript, self._host = followers, transcript, host
        self._at = transcript.ends[offset]  # of the transcript's bytes
        self._rest = b""
        self.peer = None
        self.subscribed = self.caught_up = False
        self.connects = 0

    @property
    def offset(self):
        """Of the last event it has as a whole."""
        return bisect_right(self.transcript.ends, self._at) - 1

    def open(self, **start):
        """Connects and subscribes: after what it has, or as `start` says."""
        self.subscribed = self.caught_up = False
        self._rest = b""
        self._at = self.transcript.ends[self.offset]  # of half an event nothing is kept
        self.connects += 1
        start = start or {"after": {"epoch": self.transcript.epoch, "offset": self.offset}}
        self.peer = self._followers.masses.open_websocket(
            {"type": "subscribe", "id": 1, "topic": self.transcript.topic, **start},
            host=self._host)
        if self.peer:
            self.peer.data = self

    @property
    def connected(self):
        return self.peer is not None and self.peer.state != "closed"

    def take(self, piece):
        rest = self._rest + piece if self._rest else piece
        while rest:
            rest = rest[self._known(rest):]
            begins = self.transcript.ends[self.offset]
            if rest and begins != self._at:
                # What looked like the beginning of an event was that of another frame.
                rest = bytes(self.transcript.frames[begins:self._at]) + rest
                self._at = begins
            step = self._frame(rest)
            if step == 0:
                break
            rest = rest[step:]
        self._rest = rest

    def _known(self, rest):
        """How much of it is what the transcript goes on with; ends between frames if not all is."""
        known, at = self.transcript.frames, self._at
        if rest == known[at:at + len(rest)]:
            self._at += len(rest)
            return len(rest)
        ends = self.transcript.ends
        low = bisect_left(ends, at)                    # the first end that may be reached
        high = bisect_right(ends, at + len(rest)) - 1  # and the last

        def agrees(first, end):
            return rest[ends[first] - at:ends[end] - at] == known[ends[first]:ends[end]]
        if low > high or rest[:ends[low] - at] != known[at:ends[low]]:
            return 0
        # Steps that double until one goes too far, then half of it, and half: what differs soon is
        # found soon, whatever comes behind.
        step = 1
        while step:
            if low + step <= high and agrees(low, low + step):
                low += step
                step *= 2
            else:
                high = min(high, low + step - 1)
                step = (high - low + 1) // 2
        self._at = ends[low]
        return ends[low] - at

    def _frame(self, rest):
        """Takes the one frame that comes now, if it is whole; how long it was."""
        found, left = websocket.parse(rest)
        if not found:
            return 0
        opcode, payload, _ = found
        used = len(rest) - len(left)
        if opcode == websocket.PING:
            self._followers.masses.send(self.peer, websocket.frame(websocket.PONG, payload))
        elif opcode == websocket.CLOSE:
            self._followers.closes.append(payload)
        elif payload.startswith(EVENT):
            if self._at != len(self.transcript.frames):
                raise AssertionError(f"{self.transcript.topic}: {payload[:120]!r} after offset "
                                     f"{self.offset}")
            self.transcript.teach(rest[:used], payload)
            self._at = len(self.transcript.frames)
        else:
            self._message(json.loads(payload))
        return used

    def _message(self, message):
        kind = message["type"]
        if kind == "subscribed":
            if message["offset"] != self.offset:
                raise AssertionError(f"{self.transcript.topic}: at {self.offset}, answered by "
                                     f"{message}")
            self.transcript.epoch = message["epoch"]
            self.subscribed = True
        elif kind == "caught_up":
            self.caught_up = True
        elif kind == "goodbye":
            self._followers.goodbyes += 1
        else:
            raise AssertionError(f"{self.transcript.topic}: {message}")


class Followers:
    """Many of them in one thread; nothing happens but within masses.run()."""

    def __init__(self, port, receive_buffer=None, host="127.0.0.1"):
        self.closes = []  # what the broker said before it closed
        self.lost = 0     # connections that ended
        self.goodbyes = 0
        self.all = []
        self.masses = Masses(port, host, on_bytes=self._bytes, on_close=self._closed,
                             receive_buffer=receive_buffer)

    def add(self, transcript, offset=0, host=None):
        follower = Follower(self, transcript, offset, host)
        self.all.append(follower)
        return follower

    def _bytes(self, peer, piece):
        peer.data.take(piece)

    def _closed(self, _):
        self.lost += 1

    def run(self, until, seconds):
        return self.masses.run(until, seconds)

    @contextmanager
    def meanwhile(self):
        """They go on in a thread of their own, whatever else is done."""
        stop, failures = threading.Event(), []

        def go_on():
            try:
                self.run(stop.is_set, float("inf"))
            except AssertionError as error:  # raised at the end
                failures.append(error)
        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if failures:
            raise failures[0]

    def each(self, done, seconds, what):
        """Until `done` is true of each. AssertionError with how many are missing."""
        waiting = list(self.all)

        def all_done():
            while waiting and done(waiting[-1]):
                waiting.pop()
            return not waiting
        if not self.run(all_done, seconds):
            left = [follower for follower in self.all if not done(follower)] or waiting
            raise AssertionError(
                f"{what}: {len(left)} of {len(self.all)} are not after {seconds} s, "
                f"{sum(not f.connected for f in left)} of them without a connection, "
                f"{sum(f.connected and not f.subscribed for f in left)} without an answer, "
                f"{sum(f.caught_up for f in left)} who have caught up; the first is at "
                f"{left[0].offset} of {left[0].transcript.head}, holds {left[0]._rest[:80]!r}")
