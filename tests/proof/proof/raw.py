# Bytes to and from a broker, cut where a test wants them cut: HTTP heads and WebSocket frames.
# tests/proof/: for what a well-behaved client would never send.
"""Nothing here checks what it sends. What comes is taken apart strictly: a server's frame that is
masked, fragmented or has a reserved bit is a fault, since this broker sends no such frame."""

import base64
import hashlib
import json
import os
import select
import socket
import struct
import time

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PATIENCE = 20.0


class Gone(Exception):
    """The broker has closed or reset the connection."""


class Silence(Exception):
    """Nothing has come for as long as there is patience."""


def masked(payload, key):
    """The payload XOR the key over and over; quick for large ones."""
    size = len(payload)
    if size == 0 or key == b"\0\0\0\0":
        return bytes(payload)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(pad, "little")) \
        .to_bytes(size, "little")


def frame_head(opcode, size, fin=True, rsv=0, mask=True):
    """The head of a frame, without the key."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0x80 if mask else 0
    if size < 126:
        return struct.pack("!BB", first, bit | size)
    if size < 65536:
        return struct.pack("!BBH", first, bit | 126, size)
    return struct.pack("!BBQ", first, bit | 127, size)


def frame(opcode, payload=b"", fin=True, rsv=0, key=None):
    """A client's frame, masked by a random key unless one is given."""
    key = os.urandom(4) if key is None else key
    return frame_head(opcode, len(payload), fin, rsv) + key + masked(payload, key)


def fragments(opcode, payload, size, key=None):
    """A message in frames of `size` bytes, a multiple of 4, so that it is masked in one go."""
    assert size % 4 == 0
    key = os.urandom(4) if key is None else key
    hidden = masked(payload, key)
    out = bytearray()
    for at in range(0, max(len(payload), 1), size):
        part = hidden[at:at + size]
        out += frame_head(opcode if at == 0 else CONTINUATION, len(part),
                          fin=at + size >= len(payload)) + key + part
    return bytes(out)


def close_frame(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def request(method, target, body=None, headers=(), length=True):
    """An HTTP request as bytes."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None and length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def chunked(*parts, extension=b"", trailer=b""):
    """A body in chunks."""
    out = bytearray()
    for part in parts:
        out += b"%x%s\r\n%s\r\n" % (len(part), extension, part)
    return bytes(out) + b"0\r\n" + trailer + b"\r\n"


class Answer:
    """What an HTTP request was answered with."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def code(self):
        """The name of the error, if it is one of the broker's."""
        try:
            return json.loads(self.body).get("code", "")
        except (ValueError, AttributeError):
            return ""


class Raw:
    """A TCP connection. Everything waits for at most `patience` seconds."""

    def __init__(self, port, patience=PATIENCE, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(patience)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data, chop=None):
        """Sends all of it, in pieces of `chop` bytes. Raises Gone if the broker has gone."""
        try:
            if chop is None:
                self.socket.sendall(data)
                return
            view = memoryview(data)
            for at in range(0, len(view), chop):
                self.socket.sendall(view[at:at + chop])
        except socket.timeout:
            raise Silence("the broker takes nothing") from None
        except OSError as error:
            raise Gone(str(error)) from None

    def send_what_goes(self, data):
        """Sends what fits the buffers now; how much that was."""
        self.socket.setblocking(False)
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Gone(str(error)) from None
        finally:
            self.socket.settimeout(PATIENCE)

    def fill(self):
        """Reads more into the buffer. Raises Gone at the end."""
        try:
            got = self.socket.recv(1 << 20)
        except socket.timeout:
            raise Silence("nothing comes") from None
        except OSError as error:
            raise Gone(str(error)) from None
        if not got:
            raise Gone("end")
        self.buffer += got

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        out = bytes(self.buffer[:count])
        del self.buffer[:count]
        return out

    def ends(self):
        """True if the broker closes without another byte."""
        try:
            self.fill()
        except Gone:
            return not self.buffer
        return False

    def something_came(self):
        """True if there is something to read, or the end. Does not wait."""
        return bool(self.buffer) or bool(select.select([self.socket], [], [], 0)[0])

    def answer(self, head_only=False):
        """The next HTTP answer; those that only invite a body are passed over."""
        while True:
            while b"\r\n\r\n" not in self.buffer:
                self.fill()
            end = self.buffer.index(b"\r\n\r\n")
            head = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
            del self.buffer[:end + 4]
            status = int(head[0].split(" ")[1])
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:])}
            if status != 100:
                break
        size = 0 if head_only else int(headers.get("content-length", "0"))
        return Answer(status, headers, self.take(size))

    def ask(self, data):
        self.send(data)
        return self.answer()


class RawWebSocket(Raw):
    """A WebSocket whose frames are made by hand."""

    def __init__(self, port, path="/v1/ws", headers=(), **options):
        super().__init__(port, **options)
        key = base64.b64encode(os.urandom(16))
        offers = [("Connection", "Upgrade"), ("Upgrade", "websocket"),
                  ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key.decode())]
        self.send(request("GET", path, headers=offers + list(headers)))
        self.response = self.answer(head_only=True)
        if self.response.status != 101:
            raise AssertionError(f"{path}: {self.response.status} instead of 101")
        wanted = base64.b64encode(hashlib.sha1(key + ACCEPT_SUFFIX).digest()).decode()
        if self.response.headers["sec-websocket-accept"] != wanted:
            raise AssertionError("the handshake's key is not answered")

    def frame(self):
        """The next frame: (opcode, payload). Raises Gone at the end, AssertionError if it is none
        of a server."""
        first, second = self.take(2)
        if first & 0x70:
            raise AssertionError(f"a reserved bit is set: {first:#04x}")
        if not first & 0x80:
            raise AssertionError("a frame of the broker is a fragment")
        if second & 0x80:
            raise AssertionError("a frame of the broker is masked")
        size = second
        if size == 126:
            size = struct.unpack("!H", self.take(2))[0]
            if size < 126:
                raise AssertionError("a length is written longer than it need be")
        elif size == 127:
            size = struct.unpack("!Q", self.take(8))[0]
            if size < 65536:
                raise AssertionError("a length is written longer than it need be")
        return first & 0x0F, self.take(size)

    def message(self):
        """The next JSON message; pings and pongs are passed over."""
        while True:
            opcode, payload = self.frame()
            if opcode == TEXT:
                return json.loads(payload)
            if opcode == CLOSE:
                raise Gone(f"closed with {close_code(payload)}")

    def closed_with(self):
        """The close code, all before it passed over; None: closed without one."""
        try:
            while True:
                opcode, payload = self.frame()
                if opcode == CLOSE:
                    return close_code(payload)
        except Gone:
            return None


def close_code(payload):
    return struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else None


def wait_until(condition, seconds=PATIENCE, what="it"):
    """Polls `condition` until it holds; AssertionError if it never does."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about in {seconds} s")
        time.sleep(0.01)  # between two looks, not instead of them
