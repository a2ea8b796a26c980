# Row 8: every publish is sent 1 to 5 times, over three doors, two connections and restarts.
# tests/proof/: see run.
import collections
import http.client
import json
import random
import socket
import threading
import time
from urllib.parse import quote

from proof import final_log, web
from proof.checker import check
from proof.history import History, digest
from proof.row import Row
from proof.websocket import Closed, WebSocket, text

TOPICS = [f"proof/retries/{i}" for i in range(4)]
FENCED = "proof/retries/fenced"
REMEMBERED = 32   # publishes of a producer whose offsets are kept at least (kMaxProducerRuns)
MOST_TIMES = 5
WINDOW = 24       # WebSocket: publishes sent before the first answer is read
WIDE_WINDOW = 96  # of one of them: wider than what is remembered
KILL_SECONDS = (0.4, 1.6)
GIVE_UP_SECONDS = 120.0   # with a busy machine, where time is not what is looked at
PATIENCE_SECONDS = 100.0  # of those, for a start
BROKEN = (OSError, http.client.HTTPException, Closed)

# What an answer says: code None if it was accepted; offset None if it was not told.
Answer = collections.namedtuple("Answer", "code offset epoch duplicate expected fenced_by")


def answer_of(body):
    """Of a message of the protocol, over a WebSocket or HTTP."""
    accepted = "code" not in body
    return Answer(None if accepted else body["code"], body.get("first"),
                  body.get("epoch") if accepted else None, bool(body.get("duplicate")),
                  body.get("expected_sequence"), body.get("producer_epoch"))


class Retrying(threading.Thread):
    """A producer that sends each publish 1 to 5 times, and begins a new epoch half-way."""

    def __init__(self, broker, history, topic, name, count, seed):
        super().__init__(name=name, daemon=True)
        self.broker, self.history, self.topic, self.count = broker, history, topic, count
        self.random = random.Random(f"{seed}/{name}")
        self.epoch = 0
        self.top = -1          # the highest sequence sent in this epoch
        self.acknowledged = set()
        self.settled = set()   # of them, those acknowledged before what is under way was sent
        self.figures = collections.Counter()
        self.failure = None

    def run(self):
        try:
            half = self.count // 2
            self.send(range(half))
            self.epoch, self.top, self.acknowledged = 1, -1, set()
            self.send(range(1))  # fences the old epoch
            self.send_stale(half)
            self.send(range(1, self.count - half))
        except Exception as error:  # told by the row
            self.failure = f"{self.name}: {error!r}"
        finally:
            self.disconnect()

    def data(self, sequence, epoch=None):
        return {"p": self.name, "e": self.epoch if epoch is None else epoch, "n": sequence}

    def key(self, sequence, epoch=None):
        return {"topic": self.topic, "producer": self.name,
                "epoch": self.epoch if epoch is None else epoch, "sequence": sequence}

    def times(self):
        return self.random.randint(1, MOST_TIMES)

    def note(self, sequence, answer):
        """Takes an answer to a publish of this epoch; raises if it is none that may be given."""
        self.figures["answers"] += 1
        if answer.code == "sequence_gap":
            # A copy has overtaken the publish before it on the other connection.
            if answer.expected is None or not answer.expected <= sequence:
                raise AssertionError(f"{sequence} was answered by {answer}")
            if sequence in self.settled:
                raise AssertionError(f"{sequence} is acknowledged and answered by {answer}")
            self.figures["gaps_refused"] += 1
            return
        if answer.code is not None:
            if answer.code not in ("storage_failed", "shutting_down"):
                raise AssertionError(f"{sequence} was answered by {answer}")
            return
        self.history.add("outcome", result="ok", offset=answer.offset, duplicate=answer.duplicate,
                         history=answer.epoch, **self.key(sequence))
        self.acknowledged.add(sequence)
        if not answer.duplicate:
            self.figures["originals_told"] += 1
            return
        self.figures["retries"] += 1
        if answer.offset is None:
            self.figures["retries_without_offset"] += 1
            if self.tells_offsets and sequence > self.top - REMEMBERED:
                raise AssertionError(f"{sequence} of {self.top} was answered without its offset")

    def send_stale(self, sequence):
        """The old epoch goes on, as a process does that was thought dead."""
        for stale in (sequence, 0):
            what = digest({"stale": self.data(stale, 0)})
            if stale == sequence:
                self.history.add("attempt", digest=what, **self.key(stale, 0))
            answer = self.patiently({"stale": self.data(stale, 0)}, stale, 0)
            assert answer.code == "producer_fenced" and answer.fenced_by == 1, answer
            self.figures["fenced"] += 1
            if stale == sequence:
                self.history.add("outcome", result="refused", **self.key(stale, 0))

    def patiently(self, data, sequence, epoch):
        """One publish until it is answered."""
        until = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < until:
            try:
                return self.once(data, sequence, epoch)
            except BROKEN:
                self.disconnect()
                time.sleep(0.02)
        raise AssertionError("no answer")

    def attempt(self, sequence):
        self.history.add("attempt", digest=digest(self.data(sequence)), **self.key(sequence))

    def send(self, sequences):
        raise NotImplementedError

    def once(self, data, sequence, epoch):
        raise NotImplementedError

    def disconnect(self):
        raise NotImplementedError


class OverWebSocket(Retrying):
    """In windows, pipelined: all of a window in order over one connection, some of it again there,
    and some at the same time over another."""

    tells_offsets = True

    def __init__(self, *arguments, window=WINDOW):
        super().__init__(*arguments)
        self.window = window
        self.peers = []

    def connect(self):
        while len(self.peers) < 2:
            self.peers.append(WebSocket(self.broker.host, self.broker.port, seconds=20.0))
        return self.peers

    def disconnect(self):
        for peer in self.peers:
            peer.close()
        self.peers = []

    def message(self, number, sequence, data, epoch):
        return text({"type": "publish", "id": number, "topic": self.topic, "data": data,
                     "producer": {"id": self.name, "epoch": epoch, "sequence": sequence}})

    def once(self, data, sequence, epoch):
        peer = self.connect()[0]
        peer.send_raw(self.message(1, sequence, data, epoch))
        return answer_of(peer.receive())

    def send(self, sequences):
        sequences = list(sequences)
        for begin in range(0, len(sequences), self.window):
            part = sequences[begin:begin + self.window]
            for sequence in part:
                self.attempt(sequence)
            self.top = part[-1]
            copies = self.copies(part)
            until = time.monotonic() + GIVE_UP_SECONDS
            while not self.acknowledged.issuperset(part):
                if time.monotonic() > until:
                    raise AssertionError(f"{part[0]}… are not acknowledged")
                try:
                    self.exchange(copies)
                except BROKEN:
                    self.figures["cut"] += 1
                    self.disconnect()
                    time.sleep(0.02)

    def copies(self, part):
        """What is sent over each of the connections."""
        first, second = [], []
        for sequence in part:
            first.append(sequence)
            for _ in range(self.times() - 1):
                way = self.random.random()
                if way < 0.4:
                    first.append(sequence)                                    # at once
                elif way < 0.6:
                    first.append(part[self.random.randrange(part.index(sequence) + 1)])  # later
                else:
                    second.append(sequence)                                   # meanwhile
        return first, second

    def exchange(self, copies):
        peers = self.connect()
        self.settled = self.acknowledged.intersection(copies[0])
        for peer, sequences in zip(peers, copies):
            peer.send_raw(b"".join(self.message(i + 1, s, self.data(s), self.epoch)
                                   for i, s in enumerate(sequences)))
            self.figures["sent"] += len(sequences)
        for peer, sequences in zip(peers, copies):
            for _ in sequences:
                message = peer.receive()
                self.note(sequences[message["id"] - 1], answer_of(message))


class OverHttp(Retrying):
    """One after another, some at the same time over two connections."""

    tells_offsets = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.connections = []

    def connect(self):
        while len(self.connections) < 2:
            connection = http.client.HTTPConnection(self.broker.host, self.broker.port, timeout=20)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections.append(connection)
        return self.connections

    def disconnect(self):
        for connection in self.connections:
            connection.close()
        self.connections = []

    def ask(self, connection, data, sequence, epoch):
        body = {"data": data,
                "producer": {"id": self.name, "epoch": epoch, "sequence": sequence}}
        connection.request("POST", f"/v1/topics/{quote(self.topic)}/events", json.dumps(body),
                           {"Content-Type": "application/json"})

    def answer(self, connection, sequence):
        response = connection.getresponse()
        return answer_of(json.loads(response.read()))

    def once(self, data, sequence, epoch):
        connection = self.connect()[0]
        self.ask(connection, data, sequence, epoch)
        return self.answer(connection, sequence)

    def send(self, sequences):
        for sequence in sequences:
            self.attempt(sequence)
            self.top = sequence
            left = self.times()
            until = time.monotonic() + GIVE_UP_SECONDS
            while left > 0 or sequence not in self.acknowledged:
                if time.monotonic() > until:
                    raise AssertionError(f"{sequence} is not acknowledged")
                together = self.random.randint(1, 2)
                try:
                    self.exchange(sequence, together)
                except BROKEN:
                    self.figures["cut"] += 1
                    self.disconnect()
                    time.sleep(0.02)
                left -= together

    def exchange(self, sequence, together):
        used = self.connect()[:together]
        self.settled = self.acknowledged.intersection([sequence])
        for connection in used:
            self.ask(connection, self.data(sequence), sequence, self.epoch)
            self.figures["sent"] += 1
        for connection in used:
            self.note(sequence, self.answer(connection, sequence))


class OverStreams(OverHttp):
    """Durable Streams: the producer stands in fields of the head, and a retry is not told where the
    original is."""

    tells_offsets = False

    def ask(self, connection, data, sequence, epoch):
        connection.request("POST", f"/v1/stream/{quote(self.topic)}", json.dumps(data),
                           {"Content-Type": "application/json", "Producer-Id": self.name,
                            "Producer-Epoch": str(epoch), "Producer-Seq": str(sequence)})

    def answer(self, connection, sequence):
        response = connection.getresponse()
        body = response.read()
        said = {name.lower(): value for name, value in response.getheaders()}
        number = {name: int(said[name]) if name in said else None
                  for name in ("producer-epoch", "producer-seq", "producer-expected-seq")}
        if response.status in (200, 204):
            epoch, offset = web.position(said["stream-next-offset"])
            new = response.status == 200
            if number["producer-seq"] is None or number["producer-seq"] < sequence:
                raise AssertionError(f"{sequence} was acknowledged with {said}")
            return Answer(None, offset if new else None, epoch, not new, None, None)
        return Answer(json.loads(body)["code"], None, None, False, number["producer-expected-seq"],
                      number["producer-epoch"])


def producers_of(broker, history, total, seed):
    """Four fifths over WebSockets, and a tenth over each of the others."""
    slow = total // 10 // 2
    fast = (total - 4 * slow) // 3
    rest = total - 4 * slow - 2 * fast
    made = [OverWebSocket(broker, history, TOPICS[i], f"ws{i}", count, seed)
            for i, count in enumerate((fast, rest))]
    made.append(OverWebSocket(broker, history, TOPICS[2], "ws2", fast, seed, window=WIDE_WINDOW))
    made += [OverHttp(broker, history, TOPICS[i], f"http{i}", slow, seed) for i in (0, 3)]
    made += [OverStreams(broker, history, TOPICS[i], f"ds{i}", slow, seed) for i in (1, 3)]
    return made


class Rules:
    """Every line of the table of PROTOCOL.md 3.6 that refuses, over each door."""

    def __init__(self, context, broker):
        self.doors = [kind(broker, History(), FENCED, f"{kind.__name__}", 0, context.seed)
                      for kind in (OverWebSocket, OverHttp, OverStreams)]
        self.broker = broker
        self.refusals = 0

    def begin(self):
        for door in self.doors:
            self.accepted(door, 0, 0, duplicate=False)
            self.accepted(door, 0, 1, duplicate=False)
            self.refused(door, 1, 1, "sequence_gap", expected=0)
            self.accepted(door, 1, 0, duplicate=False)
        self.repeat()

    def repeat(self):
        """What has to hold whenever it is asked, after any restart."""
        for door in self.doors:
            self.accepted(door, 1, 0, duplicate=True)
            self.refused(door, 0, 2, "producer_fenced", fenced_by=1)
            self.refused(door, 0, 1, "producer_fenced", fenced_by=1)
            self.refused(door, 1, 2, "sequence_gap", expected=1)
            self.refused(door, 2, 3, "sequence_gap", expected=0)
            stranger = door.name
            door.name = f"{stranger}-unknown"
            self.refused(door, 0, 5, "sequence_gap", expected=0)
            door.name = stranger

    def accepted(self, door, epoch, sequence, duplicate):
        answer = door.patiently(door.data(sequence, epoch), sequence, epoch)
        assert answer.code is None and answer.duplicate == duplicate, \
            f"{door.name} {epoch}/{sequence}: {answer}"

    def refused(self, door, epoch, sequence, code, expected=None, fenced_by=None):
        answer = door.patiently({"refused": self.refusals}, sequence, epoch)
        # Durable Streams has no field for what a new epoch should begin with.
        if isinstance(door, OverStreams) and answer.expected is None:
            expected = None
        assert (answer.code, answer.expected, answer.fenced_by) == (code, expected, fenced_by), \
            f"{door.name} {epoch}/{sequence}: {answer}"
        self.refusals += 1

    def head(self):
        for door in self.doors:
            door.disconnect()
        return final_log.describe(self.broker, FENCED)["head"]


def create(broker):
    for topic in [*TOPICS, FENCED]:
        reply = web.request(broker.host, broker.port, "PUT", f"/v1/topics/{quote(topic)}", {})
        assert reply.status in (200, 201), f"{reply.status} {reply.body!r}"


def answers(producers):
    return sum(producer.figures["answers"] for producer in producers)


def run(context):
    total = context.pick(1500, 100_000)
    history = History()
    broker = context.broker()
    create(broker)
    rules = Rules(context, broker)
    rules.begin()
    producers = producers_of(broker, history, total, context.seed)
    for producer in producers:
        producer.start()
    restarts = 0
    while any(producer.is_alive() for producer in producers):
        wait = time.monotonic() + context.random.uniform(*KILL_SECONDS)
        # On a machine where a start takes long, something has to come of each all the same.
        least = answers(producers) + total // 40
        while (time.monotonic() < wait or answers(producers) < least) and \
                any(producer.is_alive() for producer in producers):
            time.sleep(0.01)
        broker.kill()
        broker.start(PATIENCE_SECONDS)
        restarts += 1
        if restarts % 5 == 0:
            rules.repeat()
            context.note(f"{restarts} kills, {history.count('outcome')} acknowledgements")
    failures = [producer.failure for producer in producers if producer.failure]
    assert not failures, failures[:3]
    rules.repeat()
    assert rules.head() == 3 * len(rules.doors), "a refused or repeated publish was appended"
    heads = final_log.record(broker, history, TOPICS)
    figures = check(history).require()
    assert sum(heads.values()) == total, f"{sum(heads.values())} events of {total}"
    counted = sum((producer.figures for producer in producers), collections.Counter())
    assert counted["retries"] > total, "hardly anything was sent again"
    return {"events": sum(heads.values()), "sent": counted["sent"], "retries": counted["retries"],
            "retries_without_offset": counted["retries_without_offset"],
            "doubled": 0, "lost": 0, "restarts": restarts, "connections_cut": counted["cut"],
            "gaps_refused": counted["gaps_refused"], "stale_fenced": counted["fenced"],
            "rules_asked": rules.refusals, "acknowledged": figures["acknowledged"]}


ROW = Row(8, "each publish sent 1 to 5 times, over WebSocket, HTTP and Durable Streams, two "
             "connections each, kill -9 meanwhile", run,
          "exactly as many events as publishes; retries told the original offset while it is "
          "remembered; stale epochs fenced, sequence gaps refused")
