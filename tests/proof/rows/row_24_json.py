# Row 24: JSON made to hurt whoever reads it, at every door that takes JSON.
# tests/proof/rows/: deep, wide, ambiguous, not UTF-8; refused, and cheaply.
"""What the broker reads itself, the fields of messages and settings, must be unambiguous: a name
given twice is refused. A payload is checked as a whole but reaches subscribers byte for byte, so
names that repeat within it are no fault (PROTOCOL.md, 2.5)."""

import json
import time
from pathlib import Path

from proof import raw
from proof.row import Row
from rows.memory import Memory, expect_serving

KIB64 = 65536
MOST_MS = 10.0  # per 64 KiB
MOST_GROWTH = 192  # MiB
REFUSALS = ("malformed_message", "invalid_payload", "invalid_headers", "event_too_large")
JSON = ("Content-Type", "application/json")


def cpu_ms(broker):
    """Of all its threads, far finer than the ticks of /proc/PID/stat."""
    tasks = Path(f"/proc/{broker.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


def nested(depth, opening, closing, inside=b"1"):
    return opening * depth + inside + closing * depth


def wide(count, name=b"k%d"):
    return b"{" + b",".join(b'"' + (name % i if b"%" in name else name) + b'":0'
                            for i in range(count)) + b"}"


def bad_values():
    """(what, a value that is no good in any JSON that comes here)"""
    yield "100,000 arrays", nested(100_000, b"[", b"]")
    yield "100,000 arrays that do not end", b"[" * 100_000
    yield "100,000 objects", nested(100_000, b'{"a":', b"}")
    yield "arrays and objects in turn", nested(33_000, b'[{"a":', b"}]")
    yield "66 arrays", nested(66, b"[", b"]")  # the items of an append are at most 64 deep
    yield "1e400", b"1e400"
    yield "-1e400", b"-1e400"
    yield "1e99999999999", b"1e99999999999"
    yield "400 digits", b"1" * 400
    yield "a high surrogate alone", rb'"\ud800"'
    yield "a low surrogate alone", rb'"\udc00"'
    yield "two high surrogates", rb'"\ud800\ud800"'
    yield "a surrogate before text", rb'"\ud800x"'
    yield "a surrogate cut off", rb'"\ud83d\u"'
    yield "a surrogate in a name", rb'{"\udead":1}'
    yield "a raw NUL", b'"a\0b"'
    yield "a NUL behind it", b"1\0"
    yield "a raw line end", b'"a\nb"'
    yield "NaN", b"NaN"
    yield "Infinity", b"-Infinity"
    yield "a leading zero", b"01"
    yield "a comment", b"/*c*/1"
    yield "a comma too many", b"[1,]"
    yield "a single quote", b"'a'"
    yield "a string that does not end", b'"' + b"a" * KIB64
    yield "escapes that are none", b'"' + rb"\x41" * 1000 + b'"'
    yield "a byte-order mark", b"\xef\xbb\xbf1"
    yield "nothing", b""


def not_utf8():
    yield "overlong /", b'"\xc0\xaf"'
    yield "overlong NUL", b'"\xc0\x80"'
    yield "overlong in three", b'"\xe0\x80\xaf"'
    yield "a surrogate as bytes", b'"\xed\xa0\x80"'
    yield "past U+10FFFF", b'"\xf4\x90\x80\x80"'
    yield "a start alone", b'"\xe2\x82"'
    yield "a continuation alone", b'"\x80"'
    yield "0xff", b'"\xff"'
    yield "64 KiB of it", b'"' + b"\xc0\xaf" * (KIB64 // 2) + b'"'


def twice_in_message():
    yield "a field twice", b'"data":1,"data":2'
    yield "a field twice, once escaped", rb'"data":1,"d\u0061ta":2'
    yield "the topic again", b'"topic":"other","data":1'
    yield "a header twice", b'"headers":{"a":"1","a":"2"},"data":1'
    yield "a producer's field twice", \
        b'"producer":{"id":"p","id":"q","epoch":0,"sequence":0},"data":1'
    yield "a field of an event twice", b'"events":[{"data":1,"data":2}]'


class Doors:
    """Each way in: sends a document, and says whether it was refused and what that took."""

    def __init__(self, broker):
        self.broker = broker
        self.http = None
        self.socket = None
        self.cpu = {}   # door and document: least ms of the broker's CPU for 64 KiB
        self.wall = {}  # the same from sending to the answer, with whatever else the machine does
        self.count = 0

    def measure(self, door, what, size):
        """Call what it gives when the answer has come. Of several rounds the best counts: the rest
        is what else goes on."""
        began, before = time.monotonic(), cpu_ms(self.broker)

        def done():
            units = max(1.0, size / KIB64)
            cpu = (cpu_ms(self.broker) - before) / units
            wall = (time.monotonic() - began) * 1000 / units
            key = f"{door}, {what}"
            self.cpu[key] = min(cpu, self.cpu.get(key, cpu))
            self.wall[key] = min(wall, self.wall.get(key, wall))
            self.count += 1
        return done

    def ask(self, method, target, body, what, headers=(JSON,)):
        """The status; over one connection as long as the broker keeps it."""
        if self.http is None:
            self.http = raw.Raw(self.broker.port)
        done = self.measure(f"{method} {target}", what, len(body))
        try:
            self.http.send(raw.request(method, target, body, headers=headers))
        except raw.Gone:
            pass  # answered before it was all read
        answer = self.http.answer()
        done()
        if answer.headers.get("connection", "").lower() == "close":
            self.http.close()
            self.http = None
        return answer.status

    def say(self, message, what):
        """The code of the error that answers, the close code, or the type of the answer."""
        if self.socket is None:
            self.socket = raw.RawWebSocket(self.broker.port)
        done = self.measure("WebSocket", what, len(message))
        try:
            self.socket.send(raw.frame(raw.TEXT, message))
        except raw.Gone:
            pass
        opcode, payload = self.socket.frame()
        done()
        if opcode == raw.CLOSE:
            self.socket.close()
            self.socket = None
            return raw.close_code(payload)
        answer = json.loads(payload)
        return answer["code"] if answer["type"] == "error" else answer["type"]


def refuse(got, what, door):
    good = 400 <= got < 500 or got in (1007, 1009) if isinstance(got, int) else got in REFUSALS
    assert good, f"{door}, {what}: {got}, it was to be refused"


def values_everywhere(doors, what, value):
    """As an event's payload, as a body of a stream, as a state, and where a setting stands."""
    topic = "json"
    refuse(doors.ask("POST", f"/v1/topics/{topic}/events", b'{"data":' + value + b"}", what),
           what, "publish")
    refuse(doors.ask("POST", f"/v1/topics/{topic}/events", value, what), what, "publish, whole")
    refuse(doors.ask("POST", f"/v1/stream/{topic}", value, what), what, "append")
    if value:
        refuse(doors.ask("POST", f"/v1/stream/{topic}", b"[" + value + b"]", what), what,
               "append of an array")
    offset = ("Tidemark-Offset", "0")
    refuse(doors.ask("PUT", f"/v1/state/{topic}", value, what, headers=(JSON, offset)), what,
           "state")
    refuse(doors.ask("PUT", f"/v1/topics/{topic}", b'{"retention":' + value + b"}", what), what,
           "settings")
    refuse(doors.ask("PUT", f"/v1/topics/{topic}", value or b"{", what), what, "settings, whole")
    refuse(doors.ask("PUT", f"/v1/cursors/{topic}?name=c", b'{"offset":' + value + b"}", what),
           what, "cursor")
    refuse(doors.say(b'{"type":"publish","topic":"json","data":' + value + b"}", what), what,
           "WebSocket publish")
    refuse(doors.say(value, what), what, "WebSocket message")
    refuse(doors.say(b'{"type":"subscribe","topic":"json","after":' + value + b"}", what), what,
           "WebSocket subscribe")


def names_given_twice(doors):
    for what, fields in twice_in_message():
        refuse(doors.ask("POST", "/v1/topics/json/events", b"{" + fields + b"}", what), what,
               "publish")
        refuse(doors.say(b'{"type":"publish","topic":"json",' + fields + b"}", what), what,
               "WebSocket publish")
    for body in (b'{"durability":"synced","durability":"buffered"}',
                 b'{"retention":{"max_events":1,"max_events":2}}'):
        refuse(doors.ask("PUT", "/v1/topics/json", body, "a setting twice"), "twice", "settings")
    refuse(doors.ask("PUT", "/v1/cursors/json?name=c", b'{"offset":0,"offset":1}', "twice"),
           "twice", "cursor")


def a_million_names(doors):
    """As fields nobody knows they are refused or too large; as a payload they are data, in time."""
    for count, name in ((1_000_000, b"k%d"), (300_000, b"k%d"), (650_000, b"a"), (800_000, b"")):
        many = wide(count, name)
        what = f"{count} names"
        for door, got in (
                ("publish", doors.ask("POST", "/v1/topics/json/events", many, what)),
                ("settings", doors.ask("PUT", "/v1/topics/json", many, what)),
                ("cursor", doors.ask("PUT", "/v1/cursors/json?name=c", many, what)),
                ("a large append", doors.ask("POST", "/v1/stream/json", many, what)),
                ("a large event", doors.ask("POST", "/v1/topics/json/events",
                                            b'{"data":' + many + b"}", what)),
                ("WebSocket", doors.say(many, what)),
                ("WebSocket headers", doors.say(
                    b'{"type":"publish","topic":"json","data":1,"headers":' + many + b"}", what))):
            good = got in ("unknown_message", "invalid_headers", "event_too_large")
            if not good:
                refuse(got, what, door)
    fits = wide(80_000)
    got = doors.ask("POST", "/v1/stream/json", fits, "80,000 names")
    assert got in (200, 204), f"a payload of 80,000 names: {got}"


def worst(figures):
    """(the most, of what)"""
    return max((value, key) for key, value in figures.items())


def run(context):
    broker = context.broker("--io-threads", "1")
    with raw.Raw(broker.port) as client:
        made = client.ask(raw.request("PUT", "/v1/stream/json", b"", headers=[JSON])).status
    assert made == 201, f"the topic cannot be made: {made}"
    expect_serving(broker)
    doors = Doors(broker)
    memory = Memory(broker)
    for _ in range(1 if context.fast else 5):
        for what, value in [*bad_values(), *not_utf8()]:
            values_everywhere(doors, what, value)
        names_given_twice(doors)
        a_million_names(doors)
    cpu, wall = worst(doors.cpu), worst(doors.wall)
    context.note(f"{doors.count} documents; most CPU: {cpu}, longest: {wall}")
    assert cpu[0] <= MOST_MS, f"{cpu[1]}: {cpu[0]:.2f} ms of CPU for 64 KiB, {MOST_MS} are allowed"
    # Only in full has it the machine to itself.
    assert context.fast or wall[0] <= MOST_MS, \
        f"{wall[1]}: {wall[0]:.2f} ms for 64 KiB, {MOST_MS} are allowed"
    grown = memory.check(MOST_GROWTH, "hostile JSON")
    expect_serving(broker)
    return {"documents": doors.count, "worst_cpu_ms_per_64KiB": round(cpu[0], 3),
            "of": cpu[1], "worst_wall_ms_per_64KiB": round(wall[0], 2), "by": wall[1],
            "memory_growth_MiB": grown, "memory_allowed_MiB": MOST_GROWTH}


ROW = Row(number=24, run=run, passes="refused, at most 10 ms per 64 KiB",
          title="JSON: depth 100,000, a million keys, duplicate keys, 1e400, lone surrogates, "
                "overlong UTF-8, NUL")
