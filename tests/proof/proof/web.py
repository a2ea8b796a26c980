# HTTP as a publisher or an operator speaks it: one request, or many over a connection that is kept.
# tests/proof/: http.client with what the broker's answers mean.
import http.client
import json
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict = field(default_factory=dict)  # names in lower case

    def json(self):
        return json.loads(self.body)


def request(host, port, method, path, body=None, headers=None, seconds=10.0):
    """One request on a connection of its own. `body`: bytes, or anything else for JSON."""
    connection = Connection(host, port, seconds)
    try:
        return connection.request(method, path, body, headers)
    finally:
        connection.close()


class Connection:
    """Requests one after another. Raises OSError or http.client.HTTPException when it breaks; the
    next request connects anew."""

    def __init__(self, host, port, seconds=10.0):
        self._connection = http.client.HTTPConnection(host, port, timeout=seconds)

    def request(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, separators=(",", ":")).encode()
            headers.setdefault("Content-Type", "application/json")
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            whole = answer.read()
        except Exception:
            self._connection.close()
            raise
        return Reply(answer.status, whole, {k.lower(): v for k, v in answer.getheaders()})

    def publish(self, topic, data, producer=None, epoch=0, sequence=0):
        """Publishes one event; see section 3 of PROTOCOL.md."""
        message = {"data": data}
        if producer is not None:
            message["producer"] = {"id": producer, "epoch": epoch, "sequence": sequence}
        return self.request("POST", f"/v1/topics/{quote(topic)}/events", message)

    @property
    def socket(self):
        """What it is connected by, or None."""
        return self._connection.sock

    def close(self):
        self._connection.close()


def token(epoch, offset):
    """A position as an opaque offset of section 10.3."""
    return f"{epoch:016d}_{offset:016d}"


def position(text):
    """(epoch, offset) of a token."""
    epoch, offset = text.split("_")
    return int(epoch), int(offset)
