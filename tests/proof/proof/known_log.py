# A log of which every byte is known: published to a real broker, read back, compared byte for byte.
# tests/proof/: for rows that damage a data directory and look at what is still served.
import base64
import http.client
import json
import re
from dataclasses import dataclass, field
from urllib.parse import quote

from proof import web
from proof.websocket import Closed, WebSocket

JSON, TEXT, BYTES = "application/json", "text/plain", "application/octet-stream"
GAP = re.compile(r"(?P<code>\w+);(?P<rest>.*)")


@dataclass
class Topic:
    name: str
    content_type: str = JSON
    epoch: int = 0
    events: list = field(default_factory=list)  # bytes; offset 1 is the first

    @property
    def head(self):
        return len(self.events)

    def body(self, first, end):
        """What a read of these offsets has to answer, to the byte."""
        run = self.events[first - 1:end - 1]
        if self.content_type == JSON:
            return b"[" + b",".join(run) + b"]"
        return b"".join(run)


@dataclass
class Told:
    """What a reader of one topic was told: every event right, in a gap, or refused."""
    right: set = field(default_factory=set)    # offsets
    gaps: list = field(default_factory=list)   # (first, end, code)
    refused: str = ""                          # the code of an error
    short: str = ""                            # that the end came before the last event
    wrong: list = field(default_factory=list)  # in words; has to be empty

    @property
    def whole(self):
        return not (self.gaps or self.refused or self.short or self.wrong)


class KnownLog:
    def __init__(self, rng):
        self._random = rng
        self.topics = {}

    def topic(self, name, content_type=JSON):
        return self.topics.setdefault(name, Topic(name, content_type))

    def payload(self, topic):
        """Not alike, and of what a line break or another byte changes nothing in."""
        number = topic.head + 1
        pad = "%x" % self._random.getrandbits(4 * self._random.randrange(20, 600))
        if topic.content_type == JSON:
            return json.dumps({"n": number, "topic": topic.name, "pad": pad},
                              separators=(",", ":")).encode()
        if topic.content_type == TEXT:
            return f"{topic.name} {number} {pad}\n".encode()
        return self._random.getrandbits(8 * 300).to_bytes(300, "big")

    def publish(self, broker, name, count, batch=1):
        """Raises AssertionError unless each is acknowledged. `batch`: events of one append, which
        JSON topics take."""
        topic = self.topics[name]
        connection = web.Connection(broker.host, broker.port)
        made = 0
        while made < count:
            run = [self.payload(topic)]
            topic.events.append(run[0])
            while topic.content_type == JSON and len(run) < min(batch, count - made):
                run.append(self.payload(topic))
                topic.events.append(run[-1])
            body = b"[" + b",".join(run) + b"]" if topic.content_type == JSON else run[0]
            reply = connection.request("POST", f"/v1/stream/{quote(name)}", body,
                                       {"Content-Type": topic.content_type})
            assert reply.status in (200, 204), f"{name}: {reply.status} {reply.body!r}"
            topic.epoch, last = web.position(reply.headers["stream-next-offset"])
            assert last == topic.head, f"{name}: event {topic.head} is told to be {last}"
            made += len(run)
        connection.close()

    def create(self, broker, name, content_type=JSON, **settings):
        topic = self.topic(name, content_type)
        reply = web.request(broker.host, broker.port, "PUT", f"/v1/topics/{quote(name)}",
                            {"content_type": content_type, **settings})
        assert reply.status in (200, 201), f"{name}: {reply.status} {reply.body!r}"
        return topic


def gap_of(reply):
    """(first, end, code) of an answer's Stream-Gap; None without one."""
    found = GAP.match(reply.headers.get("stream-gap", ""))
    if not found:
        return None
    values = dict(x.split("=") for x in found["rest"].split(";"))
    return int(values["first"]), int(values["end"]), found["code"]


def read_http(broker, topic, seconds=10.0, begin=1):
    """Reads the topic in full, over gaps; `begin`: the first event it says to have."""
    told = Told()
    connection = web.Connection(broker.host, broker.port, seconds)
    place, at = "-1", begin - 1
    while at < topic.head:
        try:
            reply = connection.request(
                "GET", f"/v1/stream/{quote(topic.name)}?offset={place}&on_gap=earliest")
        except (OSError, http.client.HTTPException) as error:
            told.wrong.append(f"{topic.name}: no answer behind {at}: {error!r}")
            break
        if reply.status != 200:
            _refusal(told, topic, at, reply)
            break
        gap = gap_of(reply)
        if gap:
            told.gaps.append(gap)
            if gap[0] != at + 1 or gap[1] <= gap[0]:
                told.wrong.append(f"{topic.name}: behind {at} a gap {gap}")
            at = gap[1] - 1
        place = reply.headers["stream-next-offset"]
        last = web.position(place)[1]
        if last < at or reply.body not in (b"", topic.body(at + 1, last + 1)) or \
                (last > at) != (reply.body not in (b"", b"[]")):
            told.wrong.append(f"{topic.name}: {at + 1} to {last} are not what was published, but "
                              f"{reply.headers.get('content-type')} {reply.body[:60]!r}")
            break
        told.right.update(range(at + 1, last + 1))
        if last == at and not gap:
            told.short = f"{topic.name}: ends at {at} and had {topic.head} events"
            break
        at = last
    connection.close()
    return told


def _refusal(told, topic, at, reply):
    try:
        told.refused = reply.json()["code"]
    except (ValueError, KeyError):
        told.refused = str(reply.status)
    if told.refused in ("unknown_topic", "200"):
        told.wrong.append(f"{topic.name}: {told.refused} behind {at}: it is forgotten in silence")


def read_websocket(broker, topics, seconds=10.0):
    """All of them over one connection: name -> Told."""
    told = {topic.name: Told() for topic in topics}
    at = dict.fromkeys(told, 0)
    waiting = {topic.name: topic for topic in topics}
    with WebSocket(broker.host, broker.port, seconds=seconds) as peer:
        for number, topic in enumerate(topics, 1):
            peer.send({"type": "subscribe", "id": number, "topic": topic.name,
                       "from": "earliest", "on_gap": "earliest"})
        while waiting:
            try:
                opcode, payload, _ = peer.receive_frame()
                if opcode == 8:
                    raise Closed(None, repr(payload[2:]))
            except (OSError, Closed) as error:
                for name in waiting:
                    told[name].wrong.append(f"{name}: nothing behind {at[name]}: {error!r}")
                break
            if opcode != 1:
                continue
            message = json.loads(payload)
            topic = waiting.get(message.get("topic"))
            if topic and _take(told[topic.name], topic, at, message, payload):
                del waiting[topic.name]
    return told


def _take(told, topic, at, message, payload):
    """Whether nothing follows that counts."""
    kind, name = message["type"], topic.name
    if kind == "error":
        told.refused = message["code"]
        if told.refused == "unknown_topic":
            told.wrong.append(f"{name}: it is forgotten in silence")
        return True
    if kind == "unsubscribed":
        told.refused = message.get("reason", "")
        return True
    if kind == "gap":
        told.gaps.append((message["first"], message["end"], message["cause"]))
        if message["first"] != at[name] + 1 or message["end"] <= message["first"]:
            told.wrong.append(f"{name}: behind {at[name]} a gap {message}")
        at[name] = message["end"] - 1
    elif kind == "event":
        offset = message["offset"]
        if offset != at[name] + 1 or not _is_event(topic, offset, message, payload):
            told.wrong.append(f"{name}: {offset} behind {at[name]} is not what was published")
        at[name] = offset
        told.right.add(offset)
    elif kind == "caught_up":
        if at[name] < topic.head:
            told.short = f"{name}: ends at {at[name]} and had {topic.head} events"
        return True
    return False


def _is_event(topic, offset, message, payload):
    if not 0 < offset <= topic.head:
        return False
    event = topic.events[offset - 1]
    if topic.content_type == JSON:
        return payload.endswith(b'"data":' + event + b"}")
    if topic.content_type == TEXT:
        return message["data"].encode() == event
    return base64.b64decode(message["data_base64"], validate=True) == event
