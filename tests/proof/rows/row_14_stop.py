# Row 14: SIGTERM under load: what is in flight is answered, what is new is refused, all are told.
# tests/proof/: see run.
import http.client
import json
import socket
import threading
import time
from urllib.parse import quote

from proof import final_log, web, websocket
from proof.checker import check
from proof.history import History, digest
from proof.producers import Producers
from proof.readers import Readers
from proof.row import Row

TOPICS = [f"proof/stop/{i}" for i in range(4)]
EXIT_SECONDS = 10.0
SPREAD_MS = 5000  # timeout.reconnect-spread, by default
PIPELINED = 64


class Witness(threading.Thread):
    """A connection whose end is looked at in full: every byte from the stop on."""

    def __init__(self, name):
        super().__init__(name=name, daemon=True)
        self.failure = None

    def run(self):
        try:
            self.watch()
        except Exception as error:  # told by verdict()
            self.failure = f"{self.name}: {error!r}"

    def watch(self):
        raise NotImplementedError

    def verdict(self):
        self.join(EXIT_SECONDS + 5)
        assert not self.is_alive(), f"{self.name} has seen no end"
        assert not self.failure, self.failure


class WebSocketWitness(Witness):
    """Follows a topic, or says nothing at all: told goodbye, when to come back, then closed with
    1012."""

    def __init__(self, broker, topic=None):
        super().__init__("WebSocket reader" if topic else "quiet WebSocket")
        self.peer = websocket.WebSocket(broker.host, broker.port, seconds=EXIT_SECONDS + 5)
        if topic:
            self.peer.subscribe(topic, **{"from": "now"})
        self.reconnect_ms = None

    def watch(self):
        last = None
        try:
            while True:
                last = self.peer.receive()
        except websocket.Closed as closed:
            assert closed.code == 1012, f"closed with {closed.code} {closed.reason}"
        self.peer.close()
        assert last and last["type"] == "goodbye", f"the last message was {last}"
        self.reconnect_ms = last["reconnect_after_ms"]
        assert 0 <= self.reconnect_ms <= SPREAD_MS, self.reconnect_ms


class PublisherWitness(Witness):
    """Publishes over a WebSocket as fast as it is answered: each is answered or was not read."""

    def __init__(self, broker, history, topic, name):
        super().__init__(f"WebSocket publisher {name}")
        self.peer = websocket.WebSocket(broker.host, broker.port, seconds=EXIT_SECONDS + 5)
        self.history, self.topic, self.producer = history, topic, name
        self.sent = self.answered = self.refused = 0
        self.goodbye = False

    def watch(self):
        code = None
        try:
            while True:
                while self.sent < self.answered + PIPELINED:
                    self.publish()
                self.take(self.peer.receive())
        except websocket.Closed as closed:
            code = closed.code
        except OSError:
            # It sent on while the broker closed. What had come before that is read by now.
            code = self.rest()
        finally:
            self.peer.close()
        assert self.goodbye, f"it was not told; closed with {code}"

    def rest(self):
        try:
            while True:
                self.take(self.peer.receive())
        except websocket.Closed as closed:
            return closed.code
        except OSError:
            return None

    def publish(self):
        data = {"p": self.producer, "n": self.sent}
        self.history.add("attempt", digest=digest(data), **self.key(self.sent))
        self.peer.send({"type": "publish", "id": self.sent + 1, "topic": self.topic, "data": data,
                        "producer": {"id": self.producer, "epoch": 0, "sequence": self.sent}})
        self.sent += 1

    def key(self, sequence):
        return {"topic": self.topic, "producer": self.producer, "epoch": 0, "sequence": sequence}

    def take(self, message):
        if message["type"] == "goodbye":
            self.goodbye = True
            return
        assert not self.goodbye, f"{message} came after the goodbye"
        self.answered += 1
        sequence = message["id"] - 1
        if message["type"] == "published":
            self.history.add("outcome", result="ok", offset=message["first"], **self.key(sequence))
            return
        assert message.get("code") == "shutting_down", message
        self.refused += 1
        self.history.add("outcome", result="refused", **self.key(sequence))


class EventStreamWitness(Witness):
    """Follows a topic: told when to come back by `retry:`, then the stream ends whole."""

    def __init__(self, broker, topic):
        super().__init__("event stream")
        self.connection = http.client.HTTPConnection(broker.host, broker.port,
                                                     timeout=EXIT_SECONDS + 5)
        self.connection.request("GET", f"/v1/stream/{quote(topic)}?offset=now&live=sse")
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.status

    def watch(self):
        text = self.response.read().decode()  # raises if the last chunk is missing
        self.connection.close()
        told = [line for line in text.split("\n") if line.startswith("retry:")]
        assert told, f"no retry: {text[-300:]!r}"
        assert 0 <= int(told[-1][6:]) <= SPREAD_MS, told[-1]
        assert text.endswith("\n\n"), f"an event is cut: {text[-100:]!r}"


class LongPollWitness(Witness):
    """Waits at the end of a quiet topic: answered, and told that the connection ends."""

    def __init__(self, broker, topic):
        super().__init__("long-poll")
        self.connection = http.client.HTTPConnection(broker.host, broker.port,
                                                     timeout=EXIT_SECONDS + 5)
        self.connection.request("GET", f"/v1/stream/{quote(topic)}?offset=now&live=long-poll")

    def watch(self):
        response = self.connection.getresponse()
        response.read()
        assert response.status == 204, response.status
        assert response.getheader("Connection") == "close", response.getheaders()
        self.connection.close()


class HalfSentWitness(Witness):
    """A publish of which the head and half of the body have come when the stop begins."""

    def __init__(self, broker, history, topic, number):
        super().__init__("half-sent publish")
        self.history, self.topic = history, topic
        self.producer = f"half{number}"
        self.go_on = threading.Event()
        self.data = {"half": number}
        body = json.dumps({"data": self.data, "producer": {"id": self.producer, "epoch": 0,
                                                           "sequence": 0}}).encode()
        self.peer = socket.create_connection((broker.host, broker.port), EXIT_SECONDS + 5)
        self.history.add("attempt", digest=digest(self.data), **self.key())
        self.peer.sendall(f"POST /v1/topics/{quote(topic)}/events HTTP/1.1\r\n"
                          f"Host: {broker.host}:{broker.port}\r\nExpect: 100-continue\r\n"
                          f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                          .encode())
        said = self.peer.recv(4096)
        assert said.startswith(b"HTTP/1.1 100"), said  # so the head has been read
        self.peer.sendall(body[:10])
        self.rest = body[10:]

    def key(self):
        return {"topic": self.topic, "producer": self.producer, "epoch": 0, "sequence": 0}

    def watch(self):
        self.go_on.wait()
        self.peer.sendall(self.rest)
        response = http.client.HTTPResponse(self.peer)
        response.begin()
        answer = json.loads(response.read())
        assert response.status == 200, f"{response.status} {answer}"
        assert response.getheader("Connection") == "close", response.getheaders()
        self.history.add("outcome", result="ok", offset=answer["first"], **self.key())
        self.peer.close()


def unread_or_refused(broker):
    """Asks for something new until the broker is gone. How many were refused; none may be taken."""
    refused = 0
    while broker.running():
        try:
            peer = socket.create_connection((broker.host, broker.port), 1.0)
        except OSError:
            refused += 1
            time.sleep(0.005)
            continue
        with peer:
            try:
                peer.sendall(b"POST /v1/topics/proof/stop/late/events HTTP/1.1\r\nHost: 127.0.0.1:"
                             b"%d\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n"
                             b'{"data":1}' % broker.port)
                said = peer.recv(4096)
            except OSError:
                said = b""
        assert not said.startswith(b"HTTP/1.1 200"), "a publish was taken after the stop had begun"
        refused += 1
    return refused


def has_stopped_listening(broker, seconds=5.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            socket.create_connection((broker.host, broker.port), 1.0).close()
        except ConnectionRefusedError:
            return
        except OSError:
            pass
    raise AssertionError("it still takes connections")


def stop_once(context, broker, history, number):
    """One stop with witnesses of every kind; how long it took, and what was counted."""
    # Its events are the witness's alone: the topic of long-polls is quiet.
    publishers = [PublisherWitness(broker, history, TOPICS[i], f"w{number}-{i}") for i in range(2)]
    half = [HalfSentWitness(broker, history, TOPICS[i], f"{number}-{i}") for i in range(3)]
    witnesses = [*publishers, *half]
    for topic in TOPICS[:2]:
        witnesses += [WebSocketWitness(broker, topic), EventStreamWitness(broker, topic)]
    witnesses += [LongPollWitness(broker, "proof/stop/quiet") for _ in range(3)]
    witnesses += [WebSocketWitness(broker) for _ in range(5)]
    kept = web.Connection(broker.host, broker.port, 5.0)
    assert kept.request("GET", "/healthz").status == 200
    for witness in witnesses:
        witness.start()
    time.sleep(context.random.uniform(0.2, 0.6))
    began = time.monotonic()
    broker.terminate()
    has_stopped_listening(broker)
    for witness in half:
        witness.go_on.set()
    refused = unread_or_refused(broker)
    code = broker.wait(EXIT_SECONDS + 5)
    took = time.monotonic() - began
    assert code == 0, f"exit code {code}"
    assert took <= EXIT_SECONDS, f"the stop took {took:.1f} s"
    for witness in witnesses:
        witness.verdict()
    kept.close()
    assert all(publisher.answered > 0 for publisher in publishers), "nothing was in flight"
    return took, refused, sum(p.refused for p in publishers), \
        sum(p.sent - p.answered for p in publishers)


def run(context):
    stops = context.pick(2, 10)
    history = History()
    broker = context.broker()
    for topic in [*TOPICS, "proof/stop/quiet"]:
        web.request(broker.host, broker.port, "PUT", f"/v1/topics/{quote(topic)}", {})
    producers = Producers(broker, history, TOPICS, count=4, seed=context.seed, pause=0.001).start()
    readers = Readers(broker, history, TOPICS, seed=context.seed, leave=0.002).start()
    slowest, refused, told, unread = 0.0, 0, 0, 0
    for number in range(stops):
        took, more, said, left = stop_once(context, broker, history, number)
        slowest = max(slowest, took)
        refused, told, unread = refused + more, told + said, unread + left
        broker.start()
        context.note(f"stop {number + 1} took {took:.2f} s")
    producers.stop()
    heads = final_log.record(broker, history, TOPICS)
    names = readers.finish(heads)
    verdict = check(history, finished=names)
    figures = verdict.require()
    assert final_log.describe(broker, "proof/stop/late") is None, "a refused publish was taken"
    broker.terminate()
    assert broker.wait(EXIT_SECONDS) == 0
    return {"stops": stops, "acknowledged": figures["acknowledged"], "lost": 0, "doubled": 0,
            "slowest_stop_s": slowest, "refused_at_the_door": refused,
            "answered_shutting_down": told, "sent_but_not_read": unread,
            "deliveries": figures["deliveries"]}


ROW = Row(14, "SIGTERM under load: publishers over HTTP and WebSocket, half-sent requests, live "
              "readers, long-polls and quiet connections", run,
          "in-flight answered, new refused, clients told, exit 0 within 10 s, 0 lost, 0 doubled")
