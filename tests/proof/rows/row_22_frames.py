# Row 22: frames that are many, wrong or without end, from clients that do not read.
# tests/proof/rows/: fragments, pings, reserved bits, lengths.
import struct
import time

from proof import raw
from proof.row import Row
from rows.memory import Memory, expect_serving

MESSAGE = 4 << 20
MOST_GROWTH = 96  # MiB: one message that grows, its copy, and the pongs of the floods
PING = b'{"type":"ping","id":1}'
SOON = 20.0  # s; who takes nothing for 2 is let go
MOST_UNREAD = 64 << 20  # of one connection: what its sockets hold, and then reading stops


def wrong_frames():
    """(what, bytes, the codes it may be answered by)"""
    no_key = b"\0" * 4
    for opcode, name in ((raw.TEXT, "text"), (raw.BINARY, "binary"), (raw.PING, "ping"),
                         (raw.PONG, "pong"), (raw.CLOSE, "close")):
        for rsv in range(1, 8):
            yield f"{name} with RSV {rsv}", raw.frame(opcode, b"", rsv=rsv), {1002}
        for size in (1 << 63, (1 << 63) - 1, (1 << 64) - 1):
            yield (f"{name} of {size:#x} bytes", raw.frame_head(opcode, size) + no_key,
                   {1002, 1008, 1009})
        yield f"{name} not masked", raw.frame_head(opcode, 2, mask=False) + b"{}", {1002}
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield f"opcode {opcode}", raw.frame(opcode), {1002}
    for opcode in (raw.PING, raw.PONG, raw.CLOSE):
        for size in (126, 65536, MESSAGE):
            yield f"control frame of {size}", raw.frame_head(opcode, size) + no_key, {1002}
        yield "control frame in fragments", raw.frame(opcode, fin=False), {1002}
    yield "a continuation of nothing", raw.frame(0, b"x"), {1002}
    yield "text within text", raw.frame(raw.TEXT, b"{", fin=False) + raw.frame(raw.TEXT), {1002}
    for size, form in ((125, "!BBH"), (65535, "!BBQ")):
        length = 126 if form == "!BBH" else 127
        long = struct.pack(form, 0x81, 0x80 | length, size) + no_key
        yield f"{size} bytes in too long a length", long, {1002}
    yield "text that is not UTF-8", raw.frame(raw.TEXT, b"\xc0\x80"), {1007}
    yield "a close of one byte", raw.frame(raw.CLOSE, b"\x03"), {1002}
    yield "a close with a code that is none", raw.close_frame(1005), {1002}


def refuse_all(broker, rounds):
    count = 0
    for _ in range(rounds):
        for what, data, codes in wrong_frames():
            with raw.RawWebSocket(broker.port) as client:
                client.send(data)
                code = client.closed_with()
            assert code in codes, f"{what}: {code} instead of {sorted(codes)}"
            count += 1
    return count


def fragments_of_one_message(broker, count):
    """They may come; what they make together is bounded as if it came at once."""
    whole = PING + b" " * (count - len(PING))
    key = b"\1\2\3\4"
    frames = b"".join(raw.frame(raw.TEXT if i == 0 else 0, whole[i:i + 1], key=key,
                                fin=i + 1 == count) for i in range(count))
    with raw.RawWebSocket(broker.port) as client:
        began = time.monotonic()
        client.send(frames)
        assert client.message() == {"type": "pong", "id": 1}, "the message is not answered"
        return time.monotonic() - began


def fragments_without_end(broker):
    """Of 64 bytes each until the message is too large, and empty ones, which never make it so."""
    piece = raw.frame(0, b" " * 64, fin=False, key=b"\0" * 4)
    with raw.RawWebSocket(broker.port) as client:
        try:
            client.send(raw.frame(raw.TEXT, b" ", fin=False))
            for _ in range(2 * MESSAGE // 64 // 1000):
                client.send(piece * 1000)
        except raw.Gone:
            pass
        code = client.closed_with()
    assert code == 1009, f"fragments without end: {code} instead of 1009"
    with raw.RawWebSocket(broker.port) as client:
        client.send(raw.frame(raw.TEXT, b"", fin=False))
        client.send(raw.frame(0, b"", fin=False) * 100_000)
        client.send(raw.frame(0, PING))
        assert client.message() == {"type": "pong", "id": 1}, "empty fragments are not passed over"


def floods(broker, context, count):
    """Pings, and requests, whose answers nobody reads: reading stops, then the connection ends."""
    pings = raw.frame(raw.PING, b"p" * 125) * 500
    asks = raw.frame(raw.TEXT, PING) * 500
    clients = [raw.RawWebSocket(broker.port, receive_buffer=4096) for _ in range(count)]
    rest = [b""] * count
    sent = 0
    moved = time.monotonic()
    gone = set()
    while len(gone) < count and time.monotonic() < moved + SOON and sent < count * MOST_UNREAD:
        progress = 0
        for i, client in enumerate(clients):
            if i in gone:
                continue
            rest[i] = rest[i] or (pings if i % 2 else asks)
            try:
                went = client.send_what_goes(rest[i])
            except raw.Gone:
                gone.add(i)
                continue
            rest[i] = rest[i][went:]
            progress += went
        sent += progress
        if progress:
            moved = time.monotonic()
        else:
            time.sleep(0.01)  # between two looks at who takes something
    for client in clients:
        client.close()
    context.note(f"{sent >> 20} MiB of what is not read, {len(gone)} of {count} let go")
    assert len(gone) == count, f"{count - len(gone)} of {count} that read nothing were kept"
    return sent


def run(context):
    broker = context.broker("--io-threads", "1", "--timeout-stall", "2s")
    expect_serving(broker)
    memory = Memory(broker)
    refused = refuse_all(broker, 1 if context.fast else 10)
    context.note(f"{refused} wrong frames refused")
    took = fragments_of_one_message(broker, 100_000)
    fragments_without_end(broker)
    clients = 6 if context.fast else 100
    sent = floods(broker, context, clients)
    grown = memory.check(MOST_GROWTH, "fragments and floods")
    expect_serving(broker)
    return {"wrong_frames_refused": refused, "fragments_of_one_message": 100_000,
            "answered_after_s": round(took, 3), "unread_floods": clients,
            "taken_of_floods_MiB": sent >> 20, "memory_growth_MiB": grown,
            "memory_allowed_MiB": MOST_GROWTH}


ROW = Row(number=22, run=run, passes="1002 / 1008 / 1009, bounded",
          title="100,000 fragments, unread ping flood, overlong ping, reserved bits, unmasked, "
                "length 2^63")
