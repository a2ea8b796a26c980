# Threads that follow a topic by WebSocket, event stream or long-poll, and resume where they were.
# tests/proof/: three ways to the same log, each reading the wire by itself.
import http.client
import json
import random
import socket
import threading
import time
from urllib.parse import quote

from proof import web
from proof.history import digest
from proof.websocket import Closed, WebSocket

BROKEN = (OSError, http.client.HTTPException, Closed, EOFError)


class Reader:
    """Keeps (epoch, offset) of the last event it has; whatever breaks, it goes on from there.
    `leave`: the chance to drop the connection after an event, by itself."""

    kind = ""

    def __init__(self, broker, history, topic, name, seed=0, leave=0.0, seconds=2.0):
        self.broker, self.history, self.topic, self.name = broker, history, topic, name
        self.seconds = seconds  # of silence after which it looks whether it shall stop
        self.place = (0, 0)
        self.connects = 0
        self.epochs = 0
        self.failure = None
        self._leave = leave
        self._random = random.Random(f"{seed}/{name}")
        self._until = None
        self._socket = lambda: None  # that it waits on, if there is one
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.history.add("start", reader=self.name, topic=self.topic, offset=0)
        self.thread.start()
        return self

    def end_at(self, head):
        """It ends once it has everything up to `head`."""
        self._until = head
        if self.done():
            self._wake()

    def _wake(self):
        """Waiting for more it would notice only after its seconds of silence."""
        waiting = self._socket()
        try:
            if waiting:
                waiting.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # closed meanwhile: it doesn't wait

    def finish(self, head, seconds=30.0):
        """Waits until it has everything up to `head`."""
        self.end_at(head)
        self.thread.join(seconds)
        self._stop.set()
        if self.failure:
            raise AssertionError(f"{self.name}: {self.failure}")
        if self.thread.is_alive():
            raise AssertionError(f"{self.name} has {self.place[1]} of {head} after {seconds} s")

    def ask_to_stop(self):
        self._stop.set()

    def stop(self):
        self.ask_to_stop()
        self.thread.join(self.seconds + 5)

    @property
    def offset(self):
        return self.place[1]

    def done(self):
        return self._stop.is_set() or self._until is not None and self.offset >= self._until

    def got(self, epoch, offset, payload):
        self.history.add("delivery", reader=self.name, topic=self.topic, offset=offset,
                         digest=digest(payload))
        self.place = (epoch, offset)

    def lost(self, epoch, first, end, cause):
        self.history.add("gap", reader=self.name, topic=self.topic, first=first, end=end,
                         cause=cause)
        self.place = (epoch, end - 1)

    def leaves(self):
        return self._leave and self._random.random() < self._leave

    def _run(self):
        while not self.done():
            try:
                self.connects += 1
                self.follow()
            except BROKEN:
                time.sleep(0.02)
            except Exception as error:  # told by finish()
                self.failure = repr(error)
                return

    def follow(self):
        """Follows until done, or until it leaves; raises one of BROKEN when the connection does."""
        raise NotImplementedError


class WebSocketReader(Reader):
    kind = "websocket"

    def follow(self):
        with WebSocket(self.broker.host, self.broker.port, seconds=self.seconds) as peer:
            self._socket = lambda: peer.socket
            epoch, offset = self.place
            start = {"after": {"epoch": epoch, "offset": offset}} if offset else {"from": "earliest"}
            peer.send({"type": "subscribe", "id": 1, "topic": self.topic, "on_gap": "earliest",
                       **start})
            while not self.done():
                try:
                    message = peer.receive()
                except socket.timeout:
                    continue
                self.take(message)
                if message["type"] == "event" and self.leaves():
                    return

    def take(self, message):
        kind = message["type"]
        if kind == "subscribed":
            self.place = (message["epoch"], message["offset"])
        elif kind == "event":
            self.got(self.place[0], message["offset"], message["data"])
        elif kind == "gap":
            self.lost(message["epoch"], message["first"], message["end"], message["cause"])
        elif kind == "epoch":
            self.epochs += 1
            self.place = (message["epoch"], self.offset)
        elif kind == "error":
            if message["code"] == "unknown_topic":
                raise EOFError("not yet")
            raise AssertionError(f"{self.topic}: {message}")
        elif kind == "unsubscribed":
            raise EOFError(message.get("reason"))


class StreamReader(Reader):
    """Follows over HTTP: the place is a token."""

    def path(self, live):
        place = web.token(*self.place) if self.offset else "-1"
        return f"/v1/stream/{quote(self.topic)}?offset={place}&live={live}&on_gap=earliest"

    def refuse(self, status, body):
        if status in (404, 503):
            raise EOFError("not yet")
        raise AssertionError(f"{self.topic}: {status} {body[:300]!r}")

    def run_of(self, payloads, leads_to):
        """A run of events ends at the place it leads to."""
        epoch, last = leads_to
        first = last - len(payloads) + 1
        for i, payload in enumerate(payloads):
            self.got(epoch, first + i, payload)


class LongPollReader(StreamReader):
    kind = "long-poll"

    def follow(self):
        connection = web.Connection(self.broker.host, self.broker.port, self.seconds)
        self._socket = lambda: connection.socket
        try:
            while not self.done():
                reply = connection.request("GET", self.path("long-poll"))
                if reply.status not in (200, 204):
                    self.refuse(reply.status, reply.body)
                leads_to = web.position(reply.headers["stream-next-offset"])
                if "stream-gap" in reply.headers:
                    self.gap(reply.headers["stream-gap"])
                if reply.status == 200:
                    self.run_of(json.loads(reply.body or b"[]"), leads_to)
                if self.leaves():
                    return
        except socket.timeout:
            return
        finally:
            connection.close()

    def gap(self, field):
        cause, *rest = field.split(";")
        values = {k: int(v) for k, v in (x.split("=") for x in rest)}
        self.lost(values["epoch"], values["first"], values["end"], cause)


class EventStreamReader(StreamReader):
    kind = "sse"

    def follow(self):
        with socket.create_connection((self.broker.host, self.broker.port), self.seconds) as peer:
            self._socket = lambda: peer
            peer.sendall(f"GET {self.path('sse')} HTTP/1.0\r\nHost: {self.broker.host}\r\n\r\n"
                         .encode())
            file = peer.makefile("rb")
            status = int((file.readline() or b"HTTP/1.0 0").split()[1])
            while (file.readline() or b"\r\n").strip():
                pass
            if status != 200:
                if status == 0:
                    raise EOFError("closed")
                self.refuse(status, file.read())
            self.read_events(file)

    def read_events(self, file):
        event = {"data": []}
        while not self.done():
            try:
                line = file.readline()
            except socket.timeout:
                return  # the file can't be read on after it: come back
            if not line:
                raise EOFError("ended")
            line = line.rstrip(b"\r\n").decode()
            if line:
                name, _, value = line.partition(":")
                value = value[1:] if value.startswith(" ") else value
                if name == "data":
                    event["data"].append(value)
                elif name in ("event", "id"):
                    event[name] = value
                continue
            self.take(event)
            if event.get("event") == "data" and self.leaves():
                return
            event = {"data": []}

    def take(self, event):
        text = "\n".join(event["data"])
        if event.get("event") == "data":
            self.run_of(json.loads(text), web.position(event["id"]))
        elif event.get("event") == "gap":
            gap = json.loads(text)
            self.lost(gap["epoch"], gap["lost"]["first"], gap["lost"]["end"], gap["cause"])


KINDS = (WebSocketReader, EventStreamReader, LongPollReader)


class Readers:
    """One of each kind for each topic."""

    def __init__(self, broker, history, topics, seed=0, leave=0.0, seconds=2.0, kinds=KINDS):
        self.all = [kind(broker, history, topic, f"{kind.kind}:{topic}", seed, leave, seconds)
                    for topic in topics for kind in kinds]

    def start(self):
        for reader in self.all:
            reader.start()
        return self

    def finish(self, heads, seconds=30.0):
        """Waits until each has everything; `heads`: topic -> its last offset. Names of all."""
        until = time.monotonic() + seconds
        for reader in self.all:
            reader.end_at(heads[reader.topic])
        for reader in self.all:
            reader.finish(heads[reader.topic], max(until - time.monotonic(), 0.05))
        return [reader.name for reader in self.all]

    def stop(self):
        for reader in self.all:
            reader.ask_to_stop()
        for reader in self.all:
            reader.stop()

    def connects(self):
        return sum(reader.connects for reader in self.all)
