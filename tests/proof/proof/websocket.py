# A WebSocket client of one's own (RFC 6455), exact about what goes over the wire.
# tests/proof/: readers follow topics with it, hostile rows send what no library would.
import base64
import json
import os
import socket
import struct
import time

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Closed(Exception):
    """The peer has closed: with a code, or without a word (None)."""

    def __init__(self, code=None, reason=""):
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


def handshake(host, port, path="/v1/ws", protocol="tidemark.v1.json", headers=()):
    """The bytes of an upgrade."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: Upgrade",
             "Upgrade: websocket", "Sec-WebSocket-Version: 13",
             "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode()]
    if protocol:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    lines += headers
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(opcode, payload=b"", final=True, mask=b"\0\0\0\0", reserved=0):
    """A client's frame. `mask` of zeros leaves the payload as it is; None: unmasked, which a server
    has to refuse."""
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    bit = 0 if mask is None else 0x80
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if mask is None:
        return head + payload
    if mask != b"\0\0\0\0":
        payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    return head + mask + payload


def text(message):
    """A message of the protocol as a client's frame."""
    return frame(TEXT, json.dumps(message, separators=(",", ":")).encode())


def parse(buffer):
    """((opcode, payload, final), rest) of a server's frame, or (None, buffer) if it is not whole."""
    if len(buffer) < 2:
        return None, buffer
    size, at = buffer[1] & 127, 2
    if size == 126:
        if len(buffer) < 4:
            return None, buffer
        size, at = struct.unpack_from(">H", buffer, 2)[0], 4
    elif size == 127:
        if len(buffer) < 10:
            return None, buffer
        size, at = struct.unpack_from(">Q", buffer, 2)[0], 10
    if len(buffer) < at + size:
        return None, buffer
    return (buffer[0] & 15, bytes(buffer[at:at + size]), bool(buffer[0] & 0x80)), buffer[at + size:]


class WebSocket:
    """Blocking. Answers pings. Raises Closed at the end, TimeoutError after `seconds` of silence."""

    def __init__(self, host, port, path="/v1/ws", seconds=10.0, protocol="tidemark.v1.json",
                 headers=(), receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(seconds)
        self._seconds = seconds
        self._buffer = b""
        try:
            self.socket.connect((host, port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.sendall(handshake(host, port, path, protocol, headers))
            head = self._until(b"\r\n\r\n")
        except BaseException:
            self.socket.close()
            raise
        self.status = int(head.split()[1])
        self.head = head.decode(errors="replace")
        if self.status != 101:
            self.socket.close()
            raise ConnectionRefusedError(f"the upgrade was answered by {self.status}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise Closed()
        self._buffer += piece

    def _until(self, mark):
        while mark not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(mark)
        return head

    def send(self, message):
        self.socket.sendall(text(message))

    def send_raw(self, data):
        self.socket.sendall(data)

    def receive_frame(self):
        """(opcode, payload, final), whatever it is."""
        while True:
            found, self._buffer = parse(self._buffer)
            if found:
                return found
            self._more()

    def receive(self):
        """The next message of the protocol, as an object. Pings are no end of a silence."""
        until = time.monotonic() + self._seconds
        while True:
            opcode, payload, _ = self.receive_frame()
            if opcode == PING:
                self.socket.sendall(frame(PONG, payload))
                if time.monotonic() >= until:
                    raise socket.timeout("nothing but pings")
            elif opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else None
                raise Closed(code, payload[2:].decode(errors="replace"))
            elif opcode == TEXT:
                return json.loads(payload)

    def subscribe(self, topic, **start):
        """Subscribes and returns the answer; raises ValueError with an error."""
        self.send({"type": "subscribe", "id": 1, "topic": topic, **start})
        answer = self.receive()
        if answer["type"] != "subscribed":
            raise ValueError(json.dumps(answer))
        return answer

    def close(self):
        self.socket.close()
