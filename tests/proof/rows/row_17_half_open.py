# Row 17: peers that are gone without a word: no FIN, no RST, no acknowledgement.
# tests/proof/: see run. A filter of the kernel makes a socket deaf; nothing but Linux is needed.
import socket
import time
from contextlib import ExitStack

from proof import sockets, web, websocket
from proof.row import Row

TOPIC = "proof/half-open"
KEEP_ALIVE = 15.0  # of event streams
CLOSE = 3.0        # after which a connection that has been told of its end is closed
SLACK = 1.5        # connections are looked at once a second; the rest is this row's looking


def exchange(port, request, until):
    """A connection on which `request` was sent and the answer has come as far as `until`."""
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.sendall(request)
    seen = b""
    while until and until not in seen:
        piece = connection.recv(65536)
        assert piece, f"closed after {seen!r}"
        seen += piece
    return connection


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def follow(port):
    return exchange(port, websocket.handshake("127.0.0.1", port) + websocket.text(
        {"type": "subscribe", "id": 1, "topic": TOPIC, "from": "now"}), b'"caught_up"')


def event_stream(port):
    return exchange(port, get(f"/v1/stream/{TOPIC}?offset=now&live=sse"), b'"upToDate"')


def long_poll(port, now):
    return exchange(port, get(f"/v1/stream/{TOPIC}?offset={now}&live=long-poll"), None)


def kept(port):
    return exchange(port, get("/healthz"), b"}")


def half_upgrade(port):
    return exchange(port, websocket.handshake("127.0.0.1", port)[:-30], None)


class Gone:
    """Peers of each kind, deaf from now on, and when the broker let go of them."""

    def __init__(self, stack):
        self.stack = stack
        self.brokers = {}  # pid -> {port: (kind, when)}
        self.took = {}     # kind -> seconds, the longest
        self.allowed = {}

    def add(self, broker, kind, connections, seconds, deaf=True):
        self.allowed[kind] = seconds + SLACK
        for connection in connections:
            self.stack.callback(sockets.reset, connection)
            self.brokers.setdefault(broker.pid, {})[sockets.port_of(connection)] = \
                (kind, time.monotonic())
            if deaf:
                sockets.deafen(connection)

    def wait(self):
        """Until the broker has let go of all; AssertionError at the first that takes too long."""
        while any(self.brokers.values()):
            for pid, waiting in self.brokers.items():
                there, now = sockets.peers(pid), time.monotonic()
                for port, (kind, since) in list(waiting.items()):
                    took = now - since
                    assert took <= self.allowed[kind], \
                        f"{kind}: still there after {took:.1f} of {self.allowed[kind]:.1f} s"
                    if port not in there:
                        self.took[kind] = max(took, self.took.get(kind, 0))
                        del waiting[port]
            time.sleep(0.05)


def warm(broker):
    """What is opened once for all is open after that."""
    assert web.request(broker.host, broker.port, "POST", f"/v1/topics/{TOPIC}/events",
                       {"data": 0}).status == 200
    reply = web.request(broker.host, broker.port, "GET", f"/v1/stream/{TOPIC}?offset=now")
    for make in (follow, event_stream, kept, half_upgrade):
        sockets.reset(make(broker.port))
    return reply.headers["stream-next-offset"], broker.wait_until_all_are_gone()


def run(context):
    count = context.pick(5, 100)
    idle, handshake, poll, life = context.pick((2, 1, 1, 2), (60, 10, 20, 60))
    options = ["--timeout-idle", f"{idle}s", "--timeout-handshake", f"{handshake}s",
               "--long-poll-timeout", f"{poll}s", "--timeout-stall", f"{context.pick(1, 30)}s"]
    broker = context.broker(*options, "--sse-lifetime", f"{life}s")
    endless = context.broker(*options, "--sse-lifetime", "0")
    now, base = warm(broker)
    _, endless_base = warm(endless)
    with ExitStack() as stack:
        gone = Gone(stack)

        def add(kind, make, seconds, **more):
            gone.add(broker, kind, [make(broker.port) for _ in range(count)], seconds, **more)
        add("websocket", follow, idle)
        # Its kernel acknowledges what comes, and nobody reads it: a process that is stopped.
        add("stopped", follow, idle, deaf=False)
        add("event_stream", event_stream, life + CLOSE)
        add("long_poll", lambda port: long_poll(port, now), poll + idle)
        add("keep_alive", kept, idle)
        add("half_upgrade", half_upgrade, handshake)
        gone.add(endless, "endless_stream", [event_stream(endless.port) for _ in range(count)],
                 KEEP_ALIVE + idle)
        if context.fast:  # else it is the keep-alive that finds them out
            assert web.request(endless.host, endless.port, "POST", f"/v1/topics/{TOPIC}/events",
                               {"data": 1}).status == 200
            gone.allowed["endless_stream"] = idle + SLACK
        assert len(sockets.peers(broker.pid)) >= 6 * count, "they are not there"
        gone.wait()
        left = (broker.wait_until_all_are_gone() - base,
                endless.wait_until_all_are_gone() - endless_base)
        assert max(left) <= 0, f"descriptors more than before: {left}"
    return {"connections": 7 * count, "idle_timeout_s": idle, "descriptors_left": 0,
            **{f"{kind}_s": round(seconds, 2) for kind, seconds in gone.took.items()}}


ROW = Row(17, "half-open connections of every kind: the peer is gone without a word", run,
          "reaped within ping + pong; descriptors return to base")
