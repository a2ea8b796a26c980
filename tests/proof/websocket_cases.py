# What an echo over WebSocket must do, case by case, numbered as Autobahn's suite numbers its own.
# tests/proof/: the table of websocket_conformance.py; RFC 6455 is what it is made of.
"""A case sends bytes and says what must come back, exactly. `closes` is the set of codes the server
must close with by itself; None: it does not, and answers the client's close of 1000 with the same.
Bytes that show a fault are the last a case sends: the server must close because of them alone."""

import os
from dataclasses import dataclass, field

from proof import raw

T, B, PI, PO = raw.TEXT, raw.BINARY, raw.PING, raw.PONG
KIB, MIB = 1 << 10, 1 << 20
PROTOCOL, PAYLOAD, TOO_BIG = {1002}, {1007}, {1009}


@dataclass
class Case:
    number: str
    title: str
    sends: list  # of bytes, each sent by itself
    events: list = field(default_factory=list)  # of (opcode, payload)
    closes: set = None
    chop: int = None  # bytes of one write
    in_turn: bool = False  # each is answered before the next is sent
    heavy: bool = False  # takes long: not in the fast form


def text(payload, **more):
    return raw.frame(T, payload, **more)


def pieces(opcode, parts, between=b""):
    """A message in these parts, `between` behind each but the last."""
    frames = []
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        frames.append(raw.frame(opcode if i == 0 else raw.CONTINUATION, part, fin=last))
        if between and not last:
            frames.append(between)
    return frames


def framing():
    sizes = [0, 125, 126, 127, 128, 65535, 65536, 65536]
    for section, opcode in ((1, T), (2, B)):
        for i, size in enumerate(sizes, 1):
            payload = b"*" * size if opcode == T else os.urandom(size)
            chop = 997 if i == 8 else None
            yield Case(f"1.{section}.{i}", f"{size} bytes", [raw.frame(opcode, payload)],
                       [(opcode, payload)], chop=chop)


def pings():
    longest = b"\xfe" * 125
    ten = [b"payload-%d" % i for i in range(10)]
    yield Case("2.1", "a ping without payload", [raw.frame(PI)], [(PO, b"")])
    yield Case("2.2", "a ping with text", [raw.frame(PI, b"Hello")], [(PO, b"Hello")])
    yield Case("2.3", "a ping that is not UTF-8", [raw.frame(PI, b"\0\xff\xfe\xfd\0\xff")],
               [(PO, b"\0\xff\xfe\xfd\0\xff")])
    yield Case("2.4", "a ping of 125 bytes", [raw.frame(PI, longest)], [(PO, longest)])
    yield Case("2.5", "a ping of 126 bytes", [raw.frame(PI, b"\xfe" * 126)], closes=PROTOCOL)
    yield Case("2.6", "a ping byte by byte", [raw.frame(PI, longest)], [(PO, longest)], chop=1)
    yield Case("2.7", "a pong nobody asked for", [raw.frame(PO)])
    yield Case("2.8", "one with payload", [raw.frame(PO, b"unsolicited")])
    yield Case("2.9", "one before a ping", [raw.frame(PO, b"unsolicited"), raw.frame(PI, b"p")],
               [(PO, b"p")])
    answers = [(PO, p) for p in ten]
    yield Case("2.10", "ten pings at once", [b"".join(raw.frame(PI, p) for p in ten)], answers)
    yield Case("2.11", "byte by byte", [b"".join(raw.frame(PI, p) for p in ten)], answers, chop=1)


def reserved():
    hello = b"Hello, world!"
    echo = [(T, hello)]
    yield Case("3.1", "RSV 1", [text(hello, rsv=1)], closes=PROTOCOL)
    for number, rsv, chop in (("3.2", 2, None), ("3.3", 3, 16), ("3.4", 4, 1)):
        together = text(hello) + text(hello, rsv=rsv) + raw.frame(PI)
        yield Case(number, f"RSV {rsv} behind a message", [together], echo, PROTOCOL, chop)
    yield Case("3.5", "RSV 5, binary", [raw.frame(B, b"\0\xff\xfe", rsv=5)], closes=PROTOCOL)
    yield Case("3.6", "RSV 6, ping", [raw.frame(PI, hello, rsv=6)], closes=PROTOCOL)
    yield Case("3.7", "RSV 7, close", [raw.frame(raw.CLOSE, b"", rsv=7)], closes=PROTOCOL)
    for section, first in ((1, 3), (2, 11)):
        for i in range(5):
            bad = raw.frame(first + i, hello if i % 2 else b"")
            before, events = (b"", []) if i < 2 else (text(hello), echo)
            after = b"" if i < 2 else raw.frame(PI)
            yield Case(f"4.{section}.{i + 1}", f"opcode {first + i}", [before + bad + after],
                       events, PROTOCOL, chop=1 if i == 4 else None)


def fragmentation():
    a, b = b"fragment1", b"fragment2"
    ping = raw.frame(PI, b"ping payload")
    pong = (PO, b"ping payload")
    cont = raw.CONTINUATION
    yield Case("5.1", "a ping in two", pieces(PI, [a, b])[:1], closes=PROTOCOL)
    yield Case("5.2", "a pong in two", pieces(PO, [a, b])[:1], closes=PROTOCOL)
    for number, between, chop in (("5.3", b"", None), ("5.4", b"", 16), ("5.5", b"", 1),
                                  ("5.6", ping, None), ("5.7", ping, 16), ("5.8", ping, 1)):
        events = ([pong] if between else []) + [(T, a + b)]
        yield Case(number, "text in two" + (", a ping between" if between else ""),
                   pieces(T, [a, b], between), events, chop=chop)
    lone = [("5.9", True, None), ("5.10", True, 16), ("5.11", True, 1),
            ("5.12", False, None), ("5.13", False, 16), ("5.14", False, 1)]
    for number, fin, chop in lone:
        yield Case(number, "a continuation of nothing",
                   [raw.frame(cont, b"non-continuation payload", fin=fin) + text(a)],
                   closes=PROTOCOL, chop=chop)
    yield Case("5.15", "another continuation behind the end",
               [b"".join(pieces(T, [a, b])) + raw.frame(cont, b"fragment3", fin=False)
                + text(b"fragment4")], [(T, a + b)], PROTOCOL)
    for number, fin in (("5.16", False), ("5.17", True)):
        yield Case(number, "a continuation, then text, twice",
                   [(raw.frame(cont, a, fin=fin) + text(b)) * 2], closes=PROTOCOL)
    yield Case("5.18", "text within text", [raw.frame(T, a, fin=False) + raw.frame(T, b)],
               closes=PROTOCOL)
    parts = [b"fragment%d" % i for i in range(1, 6)]
    pinged = pieces(T, parts)
    for at in (4, 2):
        pinged.insert(at, raw.frame(PI, b"pongme %d!" % (1 if at == 2 else 2)))
    events = [(PO, b"pongme 1!"), (PO, b"pongme 2!"), (T, b"".join(parts))]
    yield Case("5.19", "text in five, two pings within", pinged, events)
    yield Case("5.20", "the same byte by byte", pinged, events, chop=1)


def utf8(*points):
    """As UTF-8 would have them, surrogates and what is past U+10FFFF too."""
    out = bytearray()
    for p in points:
        if p < 0x80:
            out.append(p)
        else:
            size = 2 if p < 0x800 else 3 if p < 0x10000 else 4 if p < 0x200000 \
                else 5 if p < 0x4000000 else 6
            out.append((0xFF00 >> size) & 0xFF | p >> 6 * (size - 1))
            out += bytes(0x80 | p >> 6 * i & 0x3F for i in range(size - 2, -1, -1))
    return bytes(out)


def overlong(point, size):
    out = [(0xFF00 >> size) & 0xFF | point >> 6 * (size - 1)]
    return bytes(out + [0x80 | point >> 6 * i & 0x3F for i in range(size - 2, -1, -1)])


KOSME = "κόσμε".encode()
HELLO = "Hello-µ@ßöäüàá-UTF-8!!".encode()
BAD = KOSME + utf8(0xD800) + b"edited"


def good(number, title, payload):
    return Case(number, title, [text(payload)], [(T, payload)])


def bad(number, title, payload):
    return Case(number, title, [text(payload)], closes=PAYLOAD)


def text_messages():
    yield good("6.1.1", "empty text", b"")
    yield Case("6.1.2", "three empty fragments", pieces(T, [b""] * 3), [(T, b"")])
    yield Case("6.1.3", "only the middle is not empty", pieces(T, [b"", b"middle", b""]),
               [(T, b"middle")])
    yield good("6.2.1", "UTF-8", HELLO)
    yield Case("6.2.2", "cut between characters", pieces(T, [HELLO[:12], HELLO[12:]]),
               [(T, HELLO)])
    yield Case("6.2.3", "cut after every byte", pieces(T, [bytes([c]) for c in HELLO]),
               [(T, HELLO)])
    yield Case("6.2.4", "cut after every byte", pieces(T, [bytes([c]) for c in KOSME]),
               [(T, KOSME)])
    yield bad("6.3.1", "a surrogate", BAD)
    upto = len(KOSME) + 2  # with the second byte of the surrogate it can only be wrong
    yield Case("6.3.2", "the same in fragments of a byte",
               pieces(T, [bytes([c]) for c in BAD])[:upto], closes=PAYLOAD)


def fail_fast():
    """The rest of the message, of the frame or of the character never comes."""
    past_end = b"\xf4\x90\x80\x80"  # U+110000
    whole = KOSME + past_end + b"edited"
    yield Case("6.4.1", "the second of three fragments is wrong",
               pieces(T, [KOSME, past_end, b"edited"])[:2], closes=PAYLOAD)
    yield Case("6.4.2", "and ends within the character",
               pieces(T, [KOSME + b"\xf4", b"\x90", b"\x80\x80edited"])[:2], closes=PAYLOAD)
    for number, end in (("6.4.3", len(KOSME) + 4), ("6.4.4", len(KOSME) + 2)):
        cut = len(text(whole)) - len(whole) + end
        yield Case(number, f"only {end} bytes of the frame come", [text(whole)[:cut]],
                   closes=PAYLOAD)
    prefixes = [b"\xc0", b"\xc1", b"\xf5", b"\xff", b"\x80", b"\xe0\x9f", b"\xed\xa0",
                b"\xf0\x8f", b"\xf4\x90", b"\xe2\x28", b"\xf0\x9f\x41", b"\xf8", b"\xfc"]
    for i, prefix in enumerate(prefixes, 1):
        yield Case(f"6.4.x.{i}", f"{prefix.hex()} in an unfinished frame",
                   [text(b"ab" + prefix + b"." * 20)[:6 + 2 + len(prefix)]], closes=PAYLOAD)
        yield Case(f"6.4.y.{i}", f"{prefix.hex()} in an unfinished message",
                   [raw.frame(T, b"ab", fin=False) + raw.frame(0, prefix, fin=False)],
                   closes=PAYLOAD)
    for i, rest in enumerate((b"\xce", b"\xe2\x82", b"\xf0\x9f\x98"), 1):
        yield Case(f"6.4.z.{i}", f"{rest.hex()}, ended by an empty fragment",
                   pieces(T, [b"ab" + rest, b""]), closes=PAYLOAD)
        yield Case(f"6.4.w.{i}", f"{rest.hex()} alone, ended by empty fragments",
                   pieces(T, [rest, b"", b""]), closes=PAYLOAD)


def characters():
    """Sections 6.5 to 6.23: what is UTF-8 and what only looks so."""
    def each(section, payloads, make, title):
        for i, payload in enumerate(payloads, 1):
            yield make(f"6.{section}.{i}", f"{title} {payload[:8].hex()}", payload)

    grown = [HELLO[:5], HELLO[:6] + "µ".encode(), KOSME, "日本語".encode(), "𐍈😀".encode()]
    yield from each(5, grown, good, "good")
    for i in range(1, len(KOSME) + 1):
        try:
            KOSME[:i].decode()
            whole = True
        except UnicodeDecodeError:
            whole = False
        yield (good if whole else bad)(f"6.6.{i}", "so much of a word", KOSME[:i])
    yield from each(7, [utf8(p) for p in (0, 0x80, 0x800, 0x10000)], good, "first of its length")
    yield from each(8, [utf8(0x200000), utf8(0x4000000)], bad, "five and six bytes")
    yield from each(9, [utf8(p) for p in (0x7F, 0x7FF, 0xFFFF, 0x10FFFF)], good,
                    "last of its length")
    yield from each(10, [utf8(p) for p in (0x1FFFFF, 0x3FFFFFF, 0x7FFFFFFF)], bad,
                    "last of its length")
    yield from each(11, [utf8(p) for p in (0xD7FF, 0xE000, 0xFFFD, 0x10FFFF)], good, "boundary")
    yield bad("6.11.5", "boundary", utf8(0x110000))
    lone = [b"\x80", b"\xbf"] + [b"\x80\xbf" * n + b"\x80" * m
                                 for n, m in ((1, 0), (1, 1), (2, 0), (2, 1), (3, 0))]
    yield from each(12, lone + [bytes(range(0x80, 0xC0))], bad, "continuation alone")
    starts = [(0xC0, 0xE0), (0xE0, 0xF0), (0xF0, 0xF8), (0xF8, 0xFC), (0xFC, 0xFE)]
    yield from each(13, [b"".join(bytes([c, 0x20]) for c in range(*r)) for r in starts], bad,
                    "start alone")
    cut = [overlong(0, n)[:-1] for n in (2, 3, 4, 5, 6)]
    cut += [utf8(p)[:-1] for p in (0x7FF, 0xFFFF, 0x1FFFFF, 0x3FFFFFF, 0x7FFFFFFF)]
    yield from each(14, cut, bad, "the last byte is missing")
    yield bad("6.15.1", "all of these", b"".join(cut))
    yield from each(16, [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"], bad, "no byte of UTF-8")
    yield from each(17, [overlong(0x2F, n) for n in (2, 3, 4, 5, 6)], bad, "overlong")
    most = [overlong(p, n) for p, n in ((0x7F, 2), (0x7FF, 3), (0xFFFF, 4), (0x1FFFFF, 5),
                                        (0x3FFFFFF, 6))]
    yield from each(18, most, bad, "greatest overlong")
    yield from each(19, [overlong(0, n) for n in (2, 3, 4, 5, 6)], bad, "overlong NUL")
    single = (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF)
    yield from each(20, [utf8(p) for p in single], bad, "surrogate")
    pairs = [(high, low) for high in single[:4] for low in (0xDC00, 0xDFFF)]
    yield from each(21, [utf8(*p) for p in pairs], bad, "pair of surrogates")
    nothing = [0xFFFE, 0xFFFF] + [plane << 16 | low for plane in range(1, 17)
                                  for low in (0xFFFE, 0xFFFF)]
    yield from each(22, [utf8(p) for p in nothing], good, "no character, but UTF-8")
    special = (0xFFF9, 0xFFFA, 0xFFFB, 0xFFFC, 0xFFFD, 0xFEFF, 0x2028)
    yield from each(23, [utf8(p) for p in special], good, "special")


def closing():
    normal = raw.close_frame(1000)
    hello = b"Hello World!"
    large = b"BAsd7&jh23" * 26215  # 256 KiB and a little

    def answered(number, title, sends, events, code=1000):
        return Case(number, title, sends, events, closes={code})

    yield answered("7.1.1", "a message, then close", [text(hello) + normal], [(T, hello)])
    yield answered("7.1.2", "close twice", [normal * 2], [])
    yield answered("7.1.3", "a ping behind the close", [normal + raw.frame(PI)], [])
    yield answered("7.1.4", "a message behind the close", [normal + text(hello)], [])
    yield answered("7.1.5", "close within a message",
                   [raw.frame(T, b"fragment1", fin=False) + normal + raw.frame(0, b"fragment2")],
                   [])
    yield answered("7.1.6", "a large message, close, a ping",
                   [text(large) + normal + raw.frame(PI)], [(T, large)])
    yield answered("7.1.7", "many messages, close", [text(hello) * 500 + normal],
                   [(T, hello)] * 500)
    yield answered("7.3.1", "close without a code", [raw.close_frame()], [])
    yield Case("7.3.2", "close with one byte", [raw.frame(raw.CLOSE, b"a")], closes=PROTOCOL)
    yield answered("7.3.3", "close with a code", [normal], [])
    yield answered("7.3.4", "and a reason", [raw.close_frame(1000, b"Hello World!")], [])
    yield answered("7.3.5", "of 123 bytes", [raw.close_frame(1000, b"*" * 123)], [])
    yield Case("7.3.6", "of 124 bytes", [raw.close_frame(1000, b"*" * 124)], closes=PROTOCOL)
    yield Case("7.5.1", "that is not UTF-8", [raw.close_frame(1000, BAD)],
               closes=PROTOCOL | PAYLOAD)
    right = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
             1012, 1013)
    for i, code in enumerate(right, 1):
        yield answered(f"7.7.{i}", f"code {code}", [raw.close_frame(code)], [], code)
    wrong = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 1014, 1015, 1, 500)
    for i, code in enumerate(wrong, 1):
        yield Case(f"7.9.{i}", f"code {code}", [raw.close_frame(code)], closes=PROTOCOL)
    for i, code in enumerate((5000, 65535), 1):  # nobody has said what these are
        yield Case(f"7.13.{i}", f"code {code}", [raw.close_frame(code)], closes={code} | PROTOCOL)
    yield Case("7.x.1", "a frame that is not masked", [b"\x81\x02{}"], closes=PROTOCOL)
    yield Case("7.x.2", "125 bytes with a length of 16 bits", [b"\x82\xfe\0\x7d\0\0\0\0"],
               closes=PROTOCOL)
    yield Case("7.x.3", "65535 bytes with a length of 64 bits",
               [b"\x82\xff" + (65535).to_bytes(8, "big") + b"\0\0\0\0"], closes=PROTOCOL)


def large(opcode, section):
    def payload(size):
        return b"*" * size if opcode == T else os.urandom(size)

    for i, size in enumerate((64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB), 1):
        body = payload(size)
        yield Case(f"9.{section}.{i}", f"{size} bytes", [raw.frame(opcode, body)],
                   [(opcode, body)], heavy=4 * MIB <= size < 16 * MIB)
    body = payload(4 * MIB)
    for i, size in enumerate((64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB,
                              4 * MIB), 1):
        yield Case(f"9.{section + 2}.{i}", f"4 MiB in fragments of {size}",
                   [raw.fragments(opcode, body, size)], [(opcode, body)], heavy=1 < i < 9)
    body = payload(MIB)
    for i, size in enumerate((64, 128, 256, 512, KIB, 2 * KIB), 1):
        yield Case(f"9.{section + 4}.{i}", f"1 MiB in writes of {size}",
                   [raw.frame(opcode, body)], [(opcode, body)], chop=size, heavy=i > 1)
    for i, size in enumerate((0, 16, 64, 256, KIB, 4 * KIB), 1):
        body = payload(size)
        yield Case(f"9.{section + 6}.{i}", f"1000 messages of {size}, each answered first",
                   [raw.frame(opcode, body)] * 1000, [(opcode, body)] * 1000, in_turn=True,
                   heavy=i > 1)


def limits_and_performance():
    yield from large(T, 1)
    yield from large(B, 2)
    whole = os.urandom(16 * MIB)
    yield Case("9.9.1", "16 MiB in fragments of 64 bytes",
               [raw.fragments(B, whole, 64)], [(B, whole)], heavy=True)
    yield Case("9.9.2", "a byte too many", [raw.frame_head(B, 16 * MIB + 1) + b"\0" * 4],
               closes=TOO_BIG)
    yield Case("9.9.3", "a byte too many, by fragments",
               [raw.frame(B, whole, fin=False), raw.frame_head(0, 1) + b"\0" * 4],
               closes=TOO_BIG)
    for i, size in enumerate((1 << 63, (1 << 63) - 1, (1 << 64) - 1), 1):
        yield Case(f"9.9.{3 + i}", f"a length of {size:#x}",
                   [raw.frame_head(B, size) + b"\0" * 4], closes=PROTOCOL | TOO_BIG)
    body = b"*" * 65536
    yield Case("10.1.1", "65536 bytes in fragments of 1300", [raw.fragments(T, body, 1300)],
               [(T, body)])


def all_cases():
    for part in (framing, pings, reserved, fragmentation, text_messages, fail_fast, characters,
                 closing, limits_and_performance):
        yield from part()
