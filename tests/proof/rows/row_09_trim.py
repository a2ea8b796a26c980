# Row 9: the log is trimmed and grows while thousands of clients resume somewhere in its past.
# tests/proof/: see run.
import json
import resource
import threading
import time
from collections import Counter

from proof import web
from proof.known_log import gap_of
from proof.masses import Masses
from proof.row import Row, Skip
from proof.websocket import text

TOPIC = "proof/trim"
RUN = 60          # events after which a client has seen enough
CODES = {"position_trimmed", "trimmed", "count", "bytes", "age"}


class Churn:
    """Publishes and trims, in turn, until stopped: the log grows by what it loses."""

    def __init__(self, broker, keep):
        self.broker, self.keep = broker, keep
        self.head = 0
        self.earliest = 1
        self.trims = 0
        self.slowest = 0.0  # publish, seconds
        self.failure = None
        self._connection = web.Connection(broker.host, broker.port, 60.0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def publish(self, count):
        body = {"events": [{"data": {"n": self.head + 1 + i, "pad": "x" * 400}}
                           for i in range(count)], "expected_last": self.head}
        reply = self._connection.request("POST", f"/v1/topics/{TOPIC}/events", body)
        assert reply.status == 200, f"{reply.status} {reply.body!r}"
        self.head = reply.json()["last"]
        return reply.json()["epoch"]

    def trim(self):
        keep = self.head - self.keep + 1
        reply = self._connection.request("POST", f"/v1/topics/{TOPIC}/trim", {"keep": keep})
        assert reply.status == 200, f"{reply.status} {reply.body!r}"
        self.earliest = keep
        self.trims += 1

    def start(self):
        self._thread.start()
        return self

    def _run(self):
        try:
            while not self._stop.is_set():
                began = time.monotonic()
                self.publish(200)
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.trim()
                self._stop.wait(0.02)
        except Exception as error:  # told by stop()
            self.failure = repr(error)

    def stop(self):
        self._stop.set()
        self._thread.join(10)
        self.require()

    def require(self):
        assert self.failure is None, self.failure


class Client:
    """One WebSocket that was at `at`: every event is the next one, or a gap leads to it."""

    __slots__ = ("at", "fails", "wants", "seen", "told", "overtaken", "done", "fault")

    def __init__(self, at, fails, wants):
        self.at, self.fails, self.wants = at, fails, wants
        self.seen = 0
        self.told = 0
        self.overtaken = False  # told in band, after events it was served
        self.done = False
        self.fault = None

    def take(self, message):
        kind = message["type"]
        self.overtaken = self.overtaken or (kind in ("gap", "error") and self.seen > 0)
        if kind == "event":
            if message["offset"] != self.at + 1 or message["data"]["n"] != message["offset"]:
                self.fault = f"{message['offset']} follows {self.at}"
            self.at = message["offset"]
            self.seen += 1
        elif kind == "gap":
            self.fault = wrong_gap(message, self.at, message["cause"])
            self.told += 1
            self.at = message["end"] - 1
        elif kind == "error":
            self.fault = wrong_gap(message.get("gap", {}), self.at, message["code"])
            self.told += 1
            self.done = True
        elif kind == "unsubscribed":
            if not self.told:
                self.fault = f"ended by {message} without a gap"
            self.done = True
        elif kind not in ("subscribed", "caught_up", "epoch"):
            self.fault = f"an unexpected {message}"
        self.done = self.done or self.seen >= self.wants or self.fault is not None or \
            self.overtaken


def wrong_gap(gap, at, code):
    """What is wrong with what a client at `at` is told; None: nothing."""
    right = code in CODES and gap.get("first") == at + 1 and \
        gap.get("end", 0) > at + 1 and gap.get("earliest") == gap.get("end")
    return None if right else f"behind {at}: {code} {gap}"


class Resuming:
    """So many clients, connected first; then all resume at once, each somewhere in the past."""

    def __init__(self, context, churn, epoch, count):
        self.context, self.churn, self.epoch, self.count = context, churn, epoch, count
        self.clients = []
        self.asleep = []
        self.lost = 0
        # Little is on its way to a client, so that trims overtake some of them.
        self.masses = Masses(churn.broker.port, on_frame=self._frame, on_close=self._closed,
                             receive_buffer=4096)

    def connect(self, seconds):
        peers = []
        deadline = time.monotonic() + seconds
        while len(peers) < self.count:
            for _ in range(min(200, self.count - len(peers))):
                peers.append(self.masses.open_websocket(host=f"127.0.0.{2 + len(peers) % 8}"))
            opened = self.masses.run(lambda: all(p.state == "frames" for p in peers[-200:]),
                                     deadline - time.monotonic())
            assert opened and not self.masses.failed, f"only {len(peers)} are connected"
        return peers

    def _resume(self, peer):
        rng = self.context.random
        at = rng.randrange(0, self.churn.head)
        # One in ten stops reading for a while, long enough to be overtaken by the trims.
        client = Client(at, fails=rng.random() < 0.5,
                        wants=4 * self.churn.keep if rng.random() < 0.1 else RUN)
        peer.data = client
        self.clients.append(client)
        self.masses.send(peer, text({"type": "subscribe", "id": 1, "topic": TOPIC,
                                     "after": {"epoch": self.epoch, "offset": at},
                                     "on_gap": "fail" if client.fails else "earliest"}))

    def _frame(self, peer, opcode, payload):
        if opcode == 1:
            peer.data.take(json.loads(payload))
            if peer.data.done:
                self.masses.close(peer)
            elif peer.data.wants > RUN and peer.data.seen == 5:
                self.masses.pause(peer)
                self.asleep.append(peer)

    def _closed(self, peer):
        self.lost += 1

    def _until(self, reached, deadline):
        return self.masses.run(lambda: reached() or self.lost or self.churn.failure,
                               deadline - time.monotonic())

    def run(self, peers, seconds):
        for number, peer in enumerate(peers):
            self._resume(peer)
            if number % 100 == 99:
                self.masses.run(lambda: True, 0.0)
        deadline = time.monotonic() + seconds
        self._until(lambda: len(self.masses.peers) <= len(self.asleep), deadline)
        self.context.note(f"{len(self.asleep)} clients sleep, the others have come back")
        head = self.churn.head
        self._until(lambda: self.churn.head > head + 2 * self.churn.keep, deadline)
        for peer in self.asleep:
            if peer.state == "frames":
                self.masses.resume(peer)
        done = self._until(lambda: not self.masses.peers, deadline)
        self.churn.require()
        self.masses.close_all()
        assert self.lost == 0, f"{self.lost} connections were lost"
        faults = [c.fault for c in self.clients if c.fault]
        assert not faults, f"{len(faults)} of {self.count}: " + "; ".join(faults[:5])
        waiting = [(c.at, c.seen, c.wants) for c in self.clients if not c.done]
        assert done, f"{len(waiting)} clients were neither told nor served; the log is " \
            f"{self.churn.earliest} to {self.churn.head}, they are at {waiting[:5]}"


class HttpReads(threading.Thread):
    """Reads from random old positions by GET and by event streams, as long as the others do."""

    def __init__(self, churn, epoch, rng):
        super().__init__(daemon=True)
        self.churn, self.epoch, self.random = churn, epoch, rng
        self.counts = Counter()
        self.faults = []
        self._stop_now = threading.Event()

    def run(self):
        try:
            while not self._stop_now.is_set():
                at = self.random.randrange(0, self.churn.head)
                self._get(at)
                self._stream(self.random.randrange(0, self.churn.head))
        except Exception as error:  # told by stop()
            self.faults.append(repr(error))

    def stop(self):
        self._stop_now.set()
        self.join(20)
        assert not self.faults, f"{len(self.faults)} over HTTP: " + "; ".join(self.faults[:5])
        assert self.counts["told"] and self.counts["served"], dict(self.counts)

    def _get(self, at):
        broker = self.churn.broker
        on_gap = self.random.choice(["", "&on_gap=earliest"])
        reply = web.request(broker.host, broker.port, "GET",
                            f"/v1/stream/{TOPIC}?offset={web.token(self.epoch, at)}{on_gap}")
        gap = gap_of(reply)
        if gap:
            self.counts["told"] += 1
            if gap[0] != at + 1 or gap[1] <= gap[0] or gap[2] not in CODES:
                self.faults.append(f"behind {at}: {gap}")
            at = gap[1] - 1
        if reply.status == 200:
            self._events(at, json.loads(reply.body or b"[]"))
        elif not gap or reply.status != 410:
            self.faults.append(f"behind {at}: {reply.status} {reply.body!r}")

    def _events(self, at, events):
        numbers = [event["n"] for event in events]
        self.counts["served"] += bool(numbers)
        if numbers != list(range(at + 1, at + 1 + len(numbers))):
            self.faults.append(f"behind {at}: {numbers[:3]} to {numbers[-1:]}")

    def _stream(self, at):
        """The first two things an event stream says to a browser that comes back."""
        broker = self.churn.broker
        connection = web.http.client.HTTPConnection(broker.host, broker.port, timeout=10)
        connection.request("GET", f"/v1/stream/{TOPIC}?live=sse",
                           headers={"Last-Event-ID": web.token(self.epoch, at)})
        answer = connection.getresponse()
        assert answer.status == 200, f"an event stream is answered by {answer.status}"
        kind, data = None, []
        while line := answer.readline().decode():
            name, _, value = line.rstrip("\r\n").partition(":")
            if name == "event":
                kind, data = value.strip(), []
            elif name == "data":
                data.append(value)
            elif not name and kind == "gap":
                gap = json.loads("\n".join(data))
                self.counts["told"] += 1
                if gap["lost"]["first"] != at + 1 or gap["earliest"] != gap["lost"]["end"]:
                    self.faults.append(f"a stream behind {at}: {gap}")
                at, kind = gap["lost"]["end"] - 1, None
            elif not name and kind == "data":
                self._events(at, json.loads("\n".join(data)))
                break
        connection.close()


def room_for(count):
    """Descriptors: ours, and the broker's, which takes over our limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Skip(f"{wanted} open files are needed, and {hard} are allowed")
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def run(context):
    count = context.pick(300, 10_000)
    room_for(count)
    # A small ring, so that most of what is asked for comes from disk, by way of the shared cache.
    broker = context.broker("--ring-bytes", "1MiB", "--cache-bytes", "64MiB",
                            "--timeout-stall", "10m", "--timeout-idle", "10m")
    churn = Churn(broker, keep=context.pick(2_000, 20_000))
    epoch = churn.publish(1_000)
    for _ in range(context.pick(3, 19)):
        churn.publish(1_000)
    resuming = Resuming(context, churn, epoch, count)
    peers = resuming.connect(context.pick(20, 120))
    churn.start()
    reads = HttpReads(churn, epoch, context.random.__class__(context.seed + 1))
    reads.start()
    while churn.trims < 3:
        churn.require()
        time.sleep(0.01)
    resuming.run(peers, context.pick(30, 300))
    context.note(f"{count} clients have come back, {churn.trims} trims")
    reads.stop()
    churn.stop()
    overtaken = sum(c.overtaken for c in resuming.clients)
    told = sum(c.told > 0 for c in resuming.clients)
    served = sum(c.seen > 0 for c in resuming.clients)
    assert told and served and overtaken, \
        f"{churn.trims} trims; told {told}, served {served}, overtaken {overtaken}"
    return {"cursors": count, "told_gone": told, "overtaken": overtaken, "served": served, "skipped_in_silence": 0,
            "trims": churn.trims, "published": churn.head,
            "slowest_publish_s": churn.slowest, "http_told": reads.counts["told"],
            "http_served": reads.counts["served"]}


ROW = Row(9, "trimmed and published to while 10,000 WebSockets, and HTTP, resume at old positions",
          run, 'told "gone, earliest = N", or a contiguous run; never a silent skip')
