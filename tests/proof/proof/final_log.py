# The log as it is in the end: every topic read from its earliest event to its head, into a history.
# tests/proof/: what the checker holds everything else against.
import json
from urllib.parse import quote

from proof import web
from proof.history import digest


def describe(broker, topic):
    """The broker's description of a topic; None if there is none."""
    status, body = broker.get(f"/v1/topics/{quote(topic)}")
    if status == 404:
        return None
    if status != 200:
        raise AssertionError(f"{topic}: {status} {body}")
    return body


def record(broker, history, topics):
    """Adds the `log` and `bounds` lines of the topics; returns topic -> head."""
    heads = {}
    for topic in topics:
        about = describe(broker, topic)
        if about is None:
            heads[topic] = 0
            continue
        heads[topic] = about["head"]
        history.add("bounds", topic=topic, earliest=about["earliest"], head=about["head"])
        _read(broker, history, topic, about["head"])
    return heads


def _read(broker, history, topic, head):
    connection = web.Connection(broker.host, broker.port, 30.0)
    place = "-1"
    while True:
        reply = connection.request("GET", f"/v1/stream/{quote(topic)}?offset={place}")
        if reply.status != 200:
            raise AssertionError(f"{topic}: the log can't be read: {reply.status} {reply.body!r}")
        place = reply.headers["stream-next-offset"]
        events = json.loads(reply.body or b"[]")
        first = web.position(place)[1] - len(events) + 1
        for i, event in enumerate(events):
            history.add("log", topic=topic, offset=first + i, digest=digest(event))
        if web.position(place)[1] >= head or not events:
            break
    connection.close()
