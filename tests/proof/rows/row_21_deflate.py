# Row 21: what is small and unpacks to much is not unpacked, least of all before it is known whose.
# tests/proof/rows/: permessage-deflate, and Content-Encoding.
import gzip
import zlib

from proof import raw
from proof.row import Row
from rows.memory import Memory

MIB = 1 << 20
# A bomb would show itself by its full size; what its bytes take on the way is far less.
MOST_GROWTH = 64
EVENTS = "/v1/topics/bombs/events"
EXTENSION = "Sec-WebSocket-Extensions"
# Nobody has a right without the key, and nobody here has it.
ACCESS = '[access]\n[[access.api-keys]]\nname = "operator"\nhash = "sha256:{}"\n' \
         'publish = ["**"]\nsubscribe = ["**"]\n'


def deflated(size):
    """A message of so many zeros, as permessage-deflate would have it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    chunk = b"\0" * MIB
    out = bytearray()
    for _ in range(size // MIB):
        out += packer.compress(chunk)
    out += packer.flush(zlib.Z_SYNC_FLUSH)
    return bytes(out[:-4])


def offers(broker):
    """However it is asked for, it is not agreed to."""
    for offer in ("permessage-deflate", "permessage-deflate; client_max_window_bits",
                  "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                  "x-webkit-deflate-frame", "permessage-deflate, permessage-deflate"):
        with raw.RawWebSocket(broker.port, headers=[(EXTENSION, offer)]) as client:
            agreed = client.response.headers.get(EXTENSION.lower())
            assert agreed is None, f"{offer} is answered by {agreed}"


def frames(broker, bomb, count):
    for i in range(count):
        with raw.RawWebSocket(broker.port, headers=[(EXTENSION, "permessage-deflate")]) as client:
            try:
                if i % 2:
                    client.send(raw.frame(raw.TEXT, bomb, rsv=4))
                else:
                    client.send(raw.frame(raw.BINARY, bomb[:100], rsv=4, fin=False)
                                + raw.frame(0, bomb[100:]))
            except raw.Gone:
                pass
            code = client.closed_with()
            assert code == 1002, f"a compressed frame is answered by {code}"


def bodies(broker, bomb, count):
    """Refused for its coding before anything is asked about who sends it."""
    for i in range(count):
        coding = ("gzip", "deflate", "br", "gzip, gzip")[i % 4]
        for method, target in (("POST", EVENTS), ("POST", "/v1/stream/bombs"),
                               ("PUT", "/v1/topics/bombs"), ("PUT", "/v1/state/bombs")):
            headers = [("Content-Encoding", coding), ("Content-Type", "application/json")]
            with raw.Raw(broker.port) as client:
                try:
                    client.send(raw.request(method, target, bomb, headers=headers))
                except raw.Gone:
                    pass
                answer = client.answer()
            assert answer.status == 415, f"{method} {target} in {coding}: {answer.status}"


def unauthorized(broker):
    """Without a coding the same request is refused for who sends it, so the key is asked for."""
    with raw.Raw(broker.port) as client:
        got = client.ask(raw.request("POST", EVENTS, b'{"data":1}',
                                     headers=[("Content-Type", "application/json")])).status
    assert got == 401, f"who has no key is answered by {got}"


def run(context):
    config = context.directory / "access.toml"
    config.write_text(ACCESS.format("0" * 64))
    broker = context.broker("--config", config)
    size = (16 if context.fast else 1024) * MIB
    context.note(f"a bomb of {size // MIB} MiB")
    bomb, packed = deflated(size), gzip.compress(b"\0" * (16 * MIB), 9)
    count = 8 if context.fast else 200
    unauthorized(broker)
    memory = Memory(broker)
    offers(broker)
    frames(broker, bomb, count)
    bodies(broker, packed, count)
    grown = memory.check(MOST_GROWTH, "bombs before authentication")
    with raw.RawWebSocket(broker.port) as client:
        client.send(raw.frame(raw.TEXT, b'{"type":"ping"}'))
        assert client.message()["type"] == "pong", "others are not served"
    return {"compression_agreed": "never, so a bomb is no frame: 1002, not 1009",
            "bomb_MiB": size // MIB, "bomb_packed_bytes": len(bomb), "compressed_frames": count,
            "coded_bodies_415": 4 * count, "memory_growth_MiB": grown,
            "memory_allowed_MiB": MOST_GROWTH}


ROW = Row(number=21, title="deflate bomb before authentication", passes="1009, bounded", run=run)
