# Row 25: a network that loses packets, is slow, and is cut for a minute again and again.
# tests/proof/: see run. Broker and clients are in network namespaces of their own.
import json
import re
import socket
import time

from proof import final_log, network, web
from proof.checker import check
from proof.history import History
from proof.network import Network
from proof.producers import Producers
from proof.readers import EventStreamReader, LongPollReader, Readers, WebSocketReader
from proof.row import Row
from proof.websocket import PING, PONG, TEXT, WebSocket, frame

TOPICS = [f"proof/network/{i}" for i in range(4)]
CAUGHT_UP_SECONDS = 5.0
# The broker says a word after half of its time, so that a client that hears none for longer than
# that knows that its connection is dead, and comes back.
IDLE_SECONDS = 2
SILENCE_SECONDS = 1.5
# Nothing is heard of who follows an event stream: a half-open one ends when its time is over.
STREAM_SECONDS = 20
REAPED_SECONDS = 3 * IDLE_SECONDS
WAIT_SECONDS = 60.0
ADMIN = ("127.0.0.1", 4438)  # in a namespace of its own, so that every port is free


class AttentiveReader(WebSocketReader):
    """Takes silence for a broken connection, as event streams and long-polls here do anyway."""

    def follow(self):
        with WebSocket(self.broker.host, self.broker.port, seconds=self.seconds) as peer:
            epoch, offset = self.place
            after = {"after": {"epoch": epoch, "offset": offset}}
            peer.send({"type": "subscribe", "id": 1, "topic": self.topic, "on_gap": "earliest",
                       **(after if offset else {"from": "earliest"})})
            while not self.done():
                try:
                    opcode, payload, _ = peer.receive_frame()
                except socket.timeout:
                    return
                if opcode == PING:
                    peer.send_raw(frame(PONG, payload))
                elif opcode == TEXT:
                    self.take(json.loads(payload))
                else:
                    raise EOFError("closed")


class Scene:
    """The broker, who publishes on both sides of the link, and who follows across it."""

    def __init__(self, context, net):
        self.context, self.net = context, net
        self.history = History()
        self.broker = context.broker("--insecure", "--timeout-idle", f"{IDLE_SECONDS}s",
                                     "--sse-lifetime", f"{STREAM_SECONDS}s",
                                     "--admin-listen", "{}:{}".format(*ADMIN),
                                     prefix=net.prefix, start=False)
        self.broker.host = network.FAR_ADDRESS
        self.broker.start()
        pause = context.pick(0.02, 0.1)
        self.near = self.publish("near", 2, pause)
        self.far = net.at_broker(lambda: self.publish("far", 1, pause))
        self.readers = Readers(self.broker, self.history, TOPICS, seed=context.seed,
                               seconds=SILENCE_SECONDS,
                               kinds=(AttentiveReader, EventStreamReader, LongPollReader)).start()
        self.slowest = 0.0
        self.slowest_publish = 0.0

    def publish(self, name, count, pause, size=64):
        return Producers(self.broker, self.history, TOPICS, count=count, seed=self.context.seed,
                         pause=pause, size=size, seconds=SILENCE_SECONDS, name=name).start()

    def heads(self):
        """As those beside the broker see them."""
        def ask():
            return {topic: final_log.describe(self.broker, topic) for topic in TOPICS}
        return {topic: about["head"] for topic, about in self.net.at_broker(ask).items()}

    def behind(self, heads):
        return [reader for reader in self.readers.all if reader.offset < heads[reader.topic]]

    def heal(self, what):
        """Heals, and measures until every reader has all there was, and publishing goes on."""
        heads = self.heads()
        missing = sum(heads[r.topic] - r.offset for r in self.behind(heads))
        began = time.monotonic()
        self.net.heal()
        while (left := self.behind(heads)) and time.monotonic() < began + WAIT_SECONDS:
            time.sleep(0.002)
        took = time.monotonic() - began
        assert not left, f"{what}: {[r.name for r in left]} are behind {took:.0f} s after healing"
        while self.near.last_answer < began and time.monotonic() < began + WAIT_SECONDS:
            time.sleep(0.002)
        published = self.near.last_answer - began
        self.context.note(f"{what}: {missing} behind; caught up after {took:.2f} s, "
                          f"published after {published:.2f} s")
        assert took <= CAUGHT_UP_SECONDS, f"{what}: caught up {took:.2f} s after healing"
        assert 0 <= published <= CAUGHT_UP_SECONDS, f"{what}: no publish for {published:.2f} s"
        self.slowest = max(self.slowest, took)
        self.slowest_publish = max(self.slowest_publish, published)
        return missing


def lossy(scene, percents, seconds):
    for percent in percents:
        scene.net.lose(percent)
        time.sleep(seconds)
        scene.heal(f"{percent} % loss for {seconds} s")


def slow(scene, seconds):
    """More is published beside the broker than the link can carry to its readers."""
    scene.net.slow("1mbit")
    burst = scene.net.at_broker(lambda: scene.publish("burst", 1, 0.01, size=2000))
    time.sleep(seconds)
    missing = scene.heal(f"1 Mbit/s for {seconds} s")
    burst.stop()
    assert missing > 0, "1 Mbit/s was enough: nothing was tried"


def cuts(scene, count, seconds):
    """Returns how many connections the broker has left at the end of a cut, at most."""
    most = 0
    for i in range(count):
        silent = scene.context.random.random() < 0.5 if count > 2 else i == 0
        time.sleep(scene.context.random.uniform(0.2, 1) * scene.context.pick(0.5, 10))
        scene.net.cut(silent)
        time.sleep(seconds)
        if seconds > 2 * STREAM_SECONDS:
            most = max(most, connections(scene))
        how = "silent cut" if silent else "link down"
        missing = scene.heal(f"{how} {i + 1} for {seconds} s")
        assert missing > 0, "nothing was published during the cut"
    return most


def connections(scene):
    """That the broker has, but for the one that asks."""
    reply = scene.net.at_broker(lambda: web.request(*ADMIN, "GET", "/metrics"))
    found = re.findall(r"^tidemark_connections\{.*\} (\d+)$", reply.body.decode(), re.M)
    assert found, f"no metric of connections: {reply.status}"
    return sum(map(int, found)) - 1


def reaped(scene):
    until = time.monotonic() + REAPED_SECONDS
    while (left := connections(scene)) > 0:
        assert time.monotonic() < until, f"{left} connections are left, of clients that are gone"
        time.sleep(0.02)


def run(context):
    with Network() as net, net.inside():
        scene = Scene(context, net)
        until = time.monotonic() + WAIT_SECONDS
        while not all(reader.offset for reader in scene.readers.all):
            assert time.monotonic() < until, "not everyone has something to begin with"
            time.sleep(0.01)
        lossy(scene, context.pick([5], [1, 5, 20]), context.pick(3, 30))
        if not context.fast:
            slow(scene, 30)
        left = cuts(scene, context.pick(2, 20), context.pick(2, 60))
        for producers in (scene.near, scene.far):
            producers.stop()
        heads = final_log.record(scene.broker, scene.history, TOPICS)
        names = scene.readers.finish(heads)
        reaped(scene)
    figures = check(scene.history, finished=names).require()
    # Who publishes beside the broker has one.
    assert left <= 1, f"{left} connections were left at the end of a cut"
    assert scene.readers.connects() > len(names), "no reader came back"
    return {"acknowledged": figures["acknowledged"], "lost": 0, "doubled": 0, "reordered": 0,
            "deliveries": figures["deliveries"],
            "attempts_to_reconnect": scene.readers.connects() - len(names),
            "slowest_catch_up_s": scene.slowest, "slowest_publish_s": scene.slowest_publish}


ROW = Row(25, "1, 5 and 20 % loss, 1 Mbit/s, 20 cuts of 60 s; 12 readers, publishers on both sides",
          run, "0 lost, doubled or reordered; all caught up within 5 s after healing")
