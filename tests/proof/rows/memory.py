# How much memory a broker has taken since a row began, and whether that is still bounded.
# tests/proof/rows/: for the rows that send what wants to be large.
from proof import raw

MIB = 1 << 20


class Memory:
    """Growth of one broker's resident memory at its highest, from when this was made."""

    def __init__(self, broker):
        self.broker = broker
        self.base = broker.rss()

    def grown(self):
        """In MiB."""
        return max(0, self.broker.peak_rss() - self.base) / MIB

    def check(self, most, what):
        grown = self.grown()
        assert grown <= most, f"{what}: memory grew by {grown:.0f} MiB, {most:.0f} are allowed"
        return round(grown, 1)


def expect_serving(broker):
    """Somebody else is served as if nothing were."""
    with raw.RawWebSocket(broker.port) as client:
        client.send(raw.frame(raw.TEXT, b'{"type":"ping","id":7}'))
        answer = client.message()
    assert answer == {"type": "pong", "id": 7}, f"a ping is answered by {answer}"
    assert broker.health()[0] == 200, "the broker is not healthy"
