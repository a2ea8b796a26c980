# Row 19: a hundred thousand who connect and leave, a tenth of them without a goodbye.
# tests/proof/: see run.
import random
import socket
import time

from proof import sockets, web, websocket
from proof.row import Row

TOPIC = "proof/churn"
MOST_DRIFT = 0.05
CALM_SECONDS = 45.0  # at most, until freed memory is given back
# Of each (address, port) there are 28,000 a minute.
ADDRESSES = [f"127.0.1.{i}" for i in range(1, 33)]


def connect(broker, number):
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(10)
    connection.bind((ADDRESSES[number % len(ADDRESSES)], 0))
    connection.connect((broker.host, broker.port))
    return connection


def until(connection, mark):
    seen = b""
    while mark not in seen:
        piece = connection.recv(4096)
        assert piece, f"closed after {seen!r}"
        seen += piece


class Churn:
    """Connections one after another: plain, one request, or a subscription; a tenth are reset."""

    def __init__(self, broker, seed):
        self.broker = broker
        self.random = random.Random(seed)
        self.done = {"plain": 0, "request": 0, "subscription": 0, "reset": 0}
        self.request = f"GET /healthz HTTP/1.1\r\nHost: {broker.host}\r\n\r\n".encode()
        self.upgrade = websocket.handshake(broker.host, broker.port) + websocket.text(
            {"type": "subscribe", "id": 1, "topic": TOPIC, "from": "earliest"})

    def cycle(self, number):
        kind = self.random.choice(("plain", "request", "subscription"))
        connection = connect(self.broker, number)
        if kind == "request":
            connection.sendall(self.request)
            until(connection, b"}")
        elif kind == "subscription":
            connection.sendall(self.upgrade)
            until(connection, b'"caught_up"')
        self.done[kind] += 1
        if self.random.random() < 0.1:
            self.done["reset"] += 1
            sockets.reset(connection)
        else:
            connection.close()

    def run(self, context, cycles):
        began = time.monotonic()
        for number in range(cycles):
            self.cycle(number)
            if number % 20000 == 19999:
                context.note(f"{number + 1} cycles, {self.broker.rss() >> 10} KiB")
        return cycles / (time.monotonic() - began)


def calm(broker, done=lambda rss: False):
    """The memory once it has stopped to shrink: the allocator gives back what is free by and by.
    Ends early when `done` says so."""
    deadline = time.monotonic() + CALM_SECONDS
    least, since = broker.rss(), time.monotonic()
    while time.monotonic() < min(deadline, since + 12) and not done(least):
        time.sleep(0.1)
        rss = broker.rss()
        if rss < least * 0.998:
            least, since = rss, time.monotonic()
    return least


def run(context):
    warm_up, cycles = context.pick((6000, 2000), (10000, 100000))
    broker = context.broker()
    assert web.request(broker.host, broker.port, "POST", f"/v1/topics/{TOPIC}/events",
                       {"data": 0}).status == 200
    churn = Churn(broker, context.seed)
    churn.run(context, warm_up)
    base = broker.wait_until_all_are_gone(20.0)
    if context.fast:
        before = broker.rss()
    else:
        before = calm(broker)
    churn.done = dict.fromkeys(churn.done, 0)
    rate = churn.run(context, cycles)
    after_descriptors = broker.wait_until_all_are_gone(20.0)
    allowed = before * (1 + MOST_DRIFT)
    after = calm(broker, done=lambda rss: context.fast and rss <= allowed)
    assert after_descriptors <= base, f"{after_descriptors} descriptors, {base} before"
    assert after <= allowed, f"{after} bytes of memory, {before} before"
    assert churn.done["reset"] > cycles / 20, churn.done
    return {"cycles": cycles, **churn.done, "per_second": rate, "descriptors": after_descriptors,
            "descriptors_before": base, "memory_MiB": after / (1 << 20),
            "drift_percent": 100 * (after / before - 1)}


ROW = Row(19, "100,000 connections, plain, of a request or a subscription; a tenth reset", run,
          "descriptors back to base; memory drift at most 5 %")
