# Row 20: exactly each limit is taken and one byte more is refused, and memory stays bounded.
# tests/proof/rows/: heads, bodies, chunks, messages, fragments.
from proof import raw
from proof.row import Row
from rows.memory import Memory, expect_serving

HEAD = 16 << 10
MESSAGE = 4 << 20
ARRIVING = 64  # MiB, of one thread
EVENTS = "/v1/topics/limits/events"
JSON = ("Content-Type", "application/json")
CHUNKED = ("Transfer-Encoding", "chunked")
PING = b'{"type":"ping","id":1}'
# What arrives is doubled in size while it grows, and the copy is made before the old one goes.
MOST_GROWTH = 3 * ARRIVING


def head(size):
    """A request whose lines are so many bytes together."""
    bare = raw.request("GET", "/healthz", headers=[("X-Long", "")])
    return raw.request("GET", "/healthz", headers=[("X-Long", "a" * (size - len(bare) + 2))])


def body(size):
    start = b'{"data":1'
    return start + b" " * (size - len(start) - 1) + b"}"


def status(broker, data):
    with raw.Raw(broker.port) as client:
        try:
            client.send(data)
        except raw.Gone:
            pass  # it may have answered before it had all
        return client.answer().status


def expect(got, wanted, what):
    assert got == wanted, f"{what}: {got} instead of {wanted}"


def heads(broker):
    expect(status(broker, head(HEAD)), 200, "a head of exactly the limit")
    expect(status(broker, head(HEAD + 1)), 431, "a head of one byte more")
    expect(status(broker, head(HEAD + 1)[:HEAD + 1]), 431, "a head that has not ended")
    expect(status(broker, b"GET /" + b"a" * HEAD), 431, "a line that does not end")


def bodies(broker):
    def post(size, **more):
        return raw.request("POST", EVENTS, body(size), headers=[JSON], **more)

    expect(status(broker, post(MESSAGE)), 200, "a body of exactly the limit")
    announced = raw.request("POST", EVENTS, headers=[JSON, ("Content-Length", MESSAGE + 1)])
    expect(status(broker, announced), 413, "a body of one byte more, as soon as it is announced")
    unread = raw.request("POST", EVENTS, headers=[JSON, ("Content-Length", (1 << 63) - 1)])
    expect(status(broker, unread), 413, "a body of 2^63 - 1 bytes")
    start = raw.request("POST", EVENTS, headers=[JSON, CHUNKED])
    for size, wanted in ((MESSAGE, 200), (MESSAGE + 1, 413)):
        text = body(size)
        parts = [text[at:at + 65536] for at in range(0, size, 65536)]
        expect(status(broker, start + raw.chunked(*parts)), wanted, f"chunks of {size} bytes")


def until_answered(broker, start, more, most):
    """How many bytes of `more` go before there is an answer, and its status."""
    sent = 0
    with raw.Raw(broker.port) as client:
        client.send(start)
        try:
            while sent < most:
                client.send(more)
                sent += len(more)
                if client.something_came():
                    break
        except raw.Gone:
            pass
        return sent, client.answer().status


def chunks_around(broker):
    """What a chunk may carry besides data is outside of every limit of its body."""
    start = raw.request("POST", EVENTS, headers=[JSON, CHUNKED])
    most = 4 * MESSAGE
    farthest = 0
    extensions = b"1;" + b"x" * 1000 + b"\r\n1\r\n"
    trailers = b"X-Trailer: " + b"x" * 1000 + b"\r\n"
    for what, begin, more in (("extensions", start, extensions * 16),
                              ("one extension", start + b"1;", b"x" * 16384),
                              ("a chunk's size", start, b"0" * 16384),
                              ("trailers", start + b"0\r\n", trailers * 16)):
        sent, got = until_answered(broker, begin, more, most)
        assert got in (400, 413), f"{what} without end: {got}"
        assert sent < most, f"{what}: {sent} bytes were taken"
        farthest = max(farthest, sent)
    return farthest


def messages(broker):
    def answered(frames, what):
        with raw.RawWebSocket(broker.port) as client:
            client.send(frames)
            expect(client.message(), {"type": "pong", "id": 1}, what)

    def closed(frames, code, what):
        with raw.RawWebSocket(broker.port) as client:
            try:
                client.send(frames)
            except raw.Gone:
                pass
            expect(client.closed_with(), code, what)

    whole = PING + b" " * (MESSAGE - len(PING))
    answered(raw.frame(raw.TEXT, whole), "a message of exactly the limit")
    answered(raw.fragments(raw.TEXT, whole, 4096), "one in fragments")
    closed(raw.frame_head(raw.TEXT, MESSAGE + 1) + b"\0" * 4, 1009, "one of a byte more")
    closed(raw.fragments(raw.TEXT, whole + b" ", 4096), 1009, "one of a byte more in fragments")
    closed(raw.frame(raw.TEXT, whole, fin=False) + raw.frame(0, b" "), 1009,
           "one of a byte more in two")
    # Nothing inflates: what says that it is compressed is no frame of this connection.
    closed(raw.frame(raw.TEXT, b"\0" * 64, rsv=4), 1002, "a compressed one")


def unfinished(broker, count):
    """Many at once, each all but its last byte of the largest there may be; half are messages."""
    clients, turned_away = [], 0
    request = raw.request("POST", EVENTS, headers=[JSON, ("Content-Length", MESSAGE)])
    frame = raw.frame_head(raw.TEXT, MESSAGE) + b"\0" * 4
    for i in range(count):
        client = raw.RawWebSocket(broker.port) if i % 2 else raw.Raw(broker.port)
        clients.append(client)
        try:
            client.send((frame if i % 2 else request) + b" " * (MESSAGE - 1))
        except raw.Gone:
            turned_away += 1
            continue
        if client.something_came():
            turned_away += 1
    return clients, turned_away


def run(context):
    broker = context.broker("--io-threads", "1", "--durability", "buffered")
    memory = Memory(broker)
    context.note("exactly each limit, and one byte more")
    heads(broker)
    bodies(broker)
    farthest = chunks_around(broker)
    messages(broker)
    count = 64 if context.fast else 400
    context.note(f"{count} of the largest messages and bodies that never end, at once")
    clients, turned_away = unfinished(broker, count)
    grown = memory.check(MOST_GROWTH, f"{count} unfinished messages")
    expect_serving(broker)
    for client in clients:
        client.close()
    expect_serving(broker)
    return {"limits_exact": 11, "unfinished_at_once": count, "turned_away_early": turned_away,
            "offered_MiB": count * MESSAGE >> 20, "memory_growth_MiB": grown,
            "memory_allowed_MiB": MOST_GROWTH, "bytes_around_chunks_taken": farthest}


ROW = Row(number=20, title="one byte over each limit: header, body, message, fragments, deflate",
          passes="431 / 413 / 1009; memory bounded", run=run)
