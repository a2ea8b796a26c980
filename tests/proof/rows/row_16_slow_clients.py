# Row 16: thousands of clients who say nothing, or a byte now and then, beside live readers.
# tests/proof/: see run. The crowd is a process of its own on the clients' core, in full of low
# priority: it may look late, so when something came it asks the kernel.
import json
import multiprocessing
import os
import random
import subprocess
import time

from proof import sockets, websocket
from proof.masses import Masses, allow_descriptors
from proof.row import Row

MOST_SECONDS = 10.0       # the handshake's timeout
MOST_RATIO = 2.0          # p99 of live readers beside the crowd, against that alone
CLOSE_SECONDS = 3.0       # the broker waits so long for a close frame, after it has sent its own
LOOK_SECONDS = 1.0        # between two looks at a connection, at most
SUBSCRIBERS, RATE = 100, 200
BROKER_CORE, CLIENT_CORE = 0, 1

HEAD = b"GET /v1/topics HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY = (b"POST /v1/topics/proof/slow/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
UPGRADE = websocket.handshake("127.0.0.1", 0)[:-2] + b"X-Slow: "
# Of a message in fragments, the first: 100 bytes are told of, one comes.
FRAGMENT = websocket.frame(websocket.TEXT, b'"' * 100, final=False)[:-99]
KINDS = {"silent": b"", "head": HEAD, "upgrade": UPGRADE, "body": BODY, "message": None}


class Crowd:
    """Keeps `count` slow clients connected, of each kind as many: one that is closed is replaced.
    Every `pause` seconds each sends a byte, the first at random."""

    def __init__(self, port, count, pause, seed):
        self.count, self.pause = count, pause
        self.random = random.Random(seed)
        self.lasted = {kind: [] for kind in KINDS}   # seconds from connecting to being told to go
        self.gone = {kind: [] for kind in KINDS}     # to the end of the connection
        self.masses = {
            False: Masses(port, on_close=self._closed, on_frame=None, upgrade=False),
            True: Masses(port, on_close=self._closed, on_frame=self._frame, on_open=self._open)}
        self.waiting = []
        self.made = 0
        self.ending = False

    def _connect(self, kind):
        began = time.monotonic()
        if kind == "message":
            peer = self.masses[True].open_websocket()
        else:
            peer = self.masses[False].open(KINDS[kind])
        if peer is None:
            raise AssertionError("a connection was not even begun")
        self.made += 1
        peer.data = {"kind": kind, "began": began, "told": False,
                     "next": began + self.random.uniform(0, self.pause)}

    def _open(self, peer):
        peer.data["began"] = time.monotonic()  # of the message: an idle WebSocket may stay
        self.masses[True].send(peer, FRAGMENT)

    def _frame(self, peer, opcode, _):
        if opcode == websocket.CLOSE and not peer.data["told"]:
            peer.data["told"] = True
            told = time.monotonic() - sockets.since_heard(peer.socket)
            self.lasted["message"].append(told - peer.data["began"])

    def _closed(self, peer):
        kind, lasted = peer.data["kind"], peer.closed - peer.data["began"]
        self.gone[kind].append(lasted)
        if not peer.data["told"]:
            self.lasted[kind].append(lasted)
        if not self.ending:
            self.waiting.append(kind)

    def _trickle(self, now):
        for masses in self.masses.values():
            for peer in list(masses.peers.values()):
                told = peer.data["told"] or peer.state not in ("head", "frames")
                if told or now < peer.data["next"] or peer.data["kind"] == "silent":
                    continue
                peer.data["next"] += self.pause
                masses.send(peer, b"a")

    def run_for(self, seconds):
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            self._trickle(now)
            while self.waiting:
                self._connect(self.waiting.pop())
            for masses in self.masses.values():
                masses.run(lambda: False, 0.01)

    def fill(self, seconds):
        """Spread over so long: who came at once would be closed, and come again, at once."""
        kinds, at_a_time = list(KINDS), 10
        for i in range(self.count):
            self._connect(kinds[i % len(kinds)])
            if i % at_a_time == at_a_time - 1:
                self.run_for(seconds * at_a_time / self.count)

    def end(self, seconds):
        """Waits until the last has been closed by the broker; how many have not."""
        self.ending = True
        until = time.monotonic() + seconds
        while self.left() and time.monotonic() < until:
            self._trickle(time.monotonic())
            for masses in self.masses.values():
                masses.run(lambda: False, 0.01)
        return self.left()

    def left(self):
        return sum(len(masses.peers) for masses in self.masses.values())


def crowd(port, count, pause, seed, fill, stay, nice, pipe):
    """The process: fills, says so, stays for so long, waits for the end, hands over what it saw."""
    os.sched_setaffinity(0, {CLIENT_CORE} & os.sched_getaffinity(0) or os.sched_getaffinity(0))
    os.nice(nice)
    own = Crowd(port, count, pause, seed)
    own.fill(fill)
    pipe.send("there")
    own.run_for(stay)
    left = own.end(2 * pause + CLOSE_SECONDS + 2)
    pipe.send({"made": own.made, "left": left, "lasted": own.lasted, "gone": own.gone,
               "failed": sum(masses.failed for masses in own.masses.values())})


def live(context, broker, seconds):
    """p99 of what live readers get, ms; every delivery is checked by the measuring program."""
    done = subprocess.run(
        [context.cli, "bench", "fanout", "--json", "--server", f"{broker.host}:{broker.port}",
         "--server-pid", str(broker.pid), "--server-cores", str(BROKER_CORE), "--client-cores",
         str(CLIENT_CORE), "--subscribers", str(SUBSCRIBERS), "--rate", str(RATE), "--duration",
         str(seconds)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=120)
    assert done.returncode == 0, f"live readers: {done.returncode} {done.stderr[-500:]}"
    measured = json.loads(done.stdout)
    assert measured["faults"] == [], measured["faults"]
    return measured["rows"][0]["latency_p99_ms"]


def closed_within(seen, most):
    """The longest of each kind, having checked that there is none beyond."""
    for kind, lasted in seen["lasted"].items():
        assert lasted, f"no {kind} client was closed"
        assert max(lasted) <= most, f"a {kind} client stayed for {max(lasted):.3f} s of {most} s"
        allowed = most + (CLOSE_SECONDS + LOOK_SECONDS if kind == "message" else 0)
        gone = max(seen["gone"][kind])
        assert gone <= allowed, f"a {kind} client's connection lasted {gone:.3f} s of {allowed} s"
    return {kind: max(lasted) for kind, lasted in seen["lasted"].items()}


def run(context):
    count, most, seconds, stay = context.pick((200, 2.0, 1, 3), (2000, MOST_SECONDS, 10, 24))
    fill, nice = context.pick((1, 0), (MOST_SECONDS, 19))
    allow_descriptors(count)
    broker = context.broker("--timeout-handshake", f"{int(most * 1000)}ms")
    base = broker.descriptors()
    before = live(context, broker, seconds)
    ours, theirs = multiprocessing.get_context("fork").Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=crowd, daemon=True,
        args=(broker.port, count, most, context.seed, fill, stay, nice, theirs))
    process.start()
    theirs.close()
    assert ours.poll(60) and ours.recv() == "there", "the slow clients did not connect"
    beside = live(context, broker, 2 * seconds)
    assert ours.poll(90), "the slow clients did not come to an end"
    seen = ours.recv()
    process.join(10)
    after = live(context, broker, seconds)
    assert seen["failed"] == 0, f"{seen['failed']} connections failed"
    assert seen["left"] == 0, f"{seen['left']} slow clients were let be"
    longest = closed_within(seen, most)
    descriptors = broker.wait_until_all_are_gone()
    assert descriptors <= base + 2, f"{descriptors} descriptors, {base} before"
    alone = (before + after) / 2
    # A second's events are too few for a 99th percentile: fast, only that nothing stands still.
    allowed = max(MOST_RATIO * alone, context.pick(1000, 0))
    assert beside <= allowed, f"p99 {beside:.2f} ms, {before:.2f} before and {after:.2f} after"
    return {"slow_clients": count, "connections": seen["made"],
            **{f"{kind}_closed_within_s": round(s, 3) for kind, s in longest.items()},
            "p99_ms": beside, "p99_alone_ms": alone, "p99_ratio": beside / alone}


ROW = Row(16, "2,000 slow clients: silent, or a byte in 10 s of head, upgrade, body, message", run,
          "closed within 10 s; live p99 within 2×")
