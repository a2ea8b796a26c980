# Thousands of connections in one thread.
# tests/proof/: peers that say something and count what they get, by epoll.
import errno
import resource
import select
import socket
import time

from proof import websocket
from proof.row import Skip
from proof.sockets import since_heard

SPARE = 500  # descriptors that a row needs besides


def allow_descriptors(count):
    """Lets this process, and the brokers it starts from now on, have so many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count += SPARE
    if soft >= count:
        return
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Skip(f"needs {count} open files, of which {hard} are allowed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


class Peer:
    """One connection. Subclass, or give callbacks: on_frame(peer, opcode, payload),
    on_bytes(peer, piece), on_close(peer)."""

    __slots__ = ("socket", "inbox", "outbox", "state", "frames", "bytes", "closed", "data", "head")

    def __init__(self, connection):
        self.socket = connection
        self.inbox = b""
        self.outbox = b""
        self.state = "connecting"  # then "head" (an answer is awaited), "frames", "closed"
        self.frames = 0
        self.bytes = 0
        self.closed = None  # when; when the end came, though it was seen later
        self.head = b""     # of the answer
        self.data = None    # the row's own


class Masses:
    """Connections to one port. Nothing happens but within run()."""

    def __init__(self, port, host="127.0.0.1", on_frame=None, on_close=None, on_open=None,
                 on_bytes=None, upgrade=True, receive_buffer=None):
        """`upgrade`: what comes first is the answer to an upgrade, then frames; else raw bytes are
        counted. `on_bytes`: takes what follows the upgrade as it comes, and answers pings itself.
        `receive_buffer`: SO_RCVBUF of every socket."""
        self.address = (host, port)
        self.on_frame, self.on_close, self.on_open = on_frame, on_close, on_open
        self.on_bytes = on_bytes
        self.upgrade = upgrade
        self.receive_buffer = receive_buffer
        self.peers = {}
        self.paused = set()
        self.failed = 0
        self._poll = select.epoll()

    def open(self, outbox, host=None):
        """A new connection that sends `outbox` as soon as it is there."""
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if self.receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        connection.setblocking(False)
        if host:
            connection.bind((host, 0))  # 127.0.0.2…: more than 28,000 need other addresses
        code = connection.connect_ex(self.address)
        if code not in (0, errno.EINPROGRESS):
            connection.close()
            self.failed += 1
            return None
        peer = Peer(connection)
        peer.outbox = outbox
        self.peers[connection.fileno()] = peer
        self._poll.register(connection.fileno(), select.EPOLLIN | select.EPOLLOUT)
        return peer

    def open_websocket(self, *messages, path="/v1/ws", host=None):
        """Upgrades, and sends messages right behind."""
        head = websocket.handshake(self.address[0], self.address[1], path)
        return self.open(head + b"".join(websocket.text(m) for m in messages), host)

    def send(self, peer, data):
        peer.outbox += data
        self._poll.modify(peer.socket.fileno(), self._interest(peer))

    def pause(self, peer):
        """Reads nothing from it any more."""
        self.paused.add(peer.socket.fileno())
        self._poll.modify(peer.socket.fileno(), self._interest(peer))

    def resume(self, peer):
        self.paused.discard(peer.socket.fileno())
        self._poll.modify(peer.socket.fileno(), self._interest(peer))

    def _interest(self, peer):
        reads = 0 if peer.socket.fileno() in self.paused else select.EPOLLIN
        return reads | (select.EPOLLOUT if peer.outbox or peer.state == "connecting" else 0)

    def close(self, peer, reset=False):
        """Closes it, with a reset instead of a goodbye if asked for."""
        if peer.state == "closed":
            return
        if reset:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._end(peer, tell=False)

    def _end(self, peer, tell=True, since=0.0):
        number = peer.socket.fileno()
        self._poll.unregister(number)
        self.peers.pop(number, None)
        self.paused.discard(number)
        peer.socket.close()
        peer.state = "closed"
        peer.closed = time.monotonic() - since
        if tell and self.on_close:
            self.on_close(peer)

    def close_all(self):
        for peer in list(self.peers.values()):
            self.close(peer)
        self._poll.close()

    def run(self, until, seconds):
        """Until until() is true; False if that takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while not until():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for number, event in self._poll.poll(min(left, 0.05), 1024):
                peer = self.peers.get(number)
                if peer:
                    self._step(peer, event)
        return True

    def _step(self, peer, event):
        try:
            if event & select.EPOLLOUT:
                self._write(peer)
            if event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                self._read(peer)
        except OSError:
            if peer.state == "connecting":
                self.failed += 1
            if peer.state != "closed":
                self._end(peer)

    def _write(self, peer):
        if peer.state == "connecting":
            code = peer.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, "connect")
            peer.state = "head" if self.upgrade else "frames"
        if peer.outbox:
            try:
                peer.outbox = peer.outbox[peer.socket.send(peer.outbox):]
            except BlockingIOError:
                pass
        self._poll.modify(peer.socket.fileno(), self._interest(peer))

    def _read(self, peer):
        try:
            piece = peer.socket.recv(1 << 18)
        except BlockingIOError:
            return
        if not piece:
            self._end(peer, since=since_heard(peer.socket))
            return
        peer.bytes += len(piece)
        if not self.upgrade:
            if self.on_frame:
                self.on_frame(peer, None, piece)
            return
        peer.inbox += piece
        if peer.state == "head":
            head, mark, rest = peer.inbox.partition(b"\r\n\r\n")
            if not mark:
                return
            peer.head, peer.inbox, peer.state = head, rest, "frames"
            if self.on_open:
                self.on_open(peer)
        if self.on_bytes:
            piece, peer.inbox = peer.inbox, b""
            if piece and peer.state == "frames":
                self.on_bytes(peer, piece)
        else:
            self._frames(peer)

    def _frames(self, peer):
        while peer.state == "frames":
            found, rest = websocket.parse(peer.inbox)
            if not found:
                return
            peer.inbox = rest
            peer.frames += 1
            opcode, payload, _ = found
            if opcode == websocket.PING:
                self.send(peer, websocket.frame(websocket.PONG, payload))
            if self.on_frame:
                self.on_frame(peer, opcode, payload)
