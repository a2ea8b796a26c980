# Clients that come back with a position they have kept: what each transport says to it.
# tests/proof/: for rows after which a position is of another history, ahead of it, or behind a trim.
"""Each asks one broker for what follows (epoch, offset) in a topic, and says what it was told first:

  ("told", code)     an error or a gap, before any event
  ("events", text)   events: right only if the position is one of this very history
  ("nothing", text)  that there is nothing new, or silence
"""
import http.client
import json
import socket
from urllib.parse import quote

from proof import web
from proof.known_log import gap_of
from proof.websocket import Closed, WebSocket

SECONDS = 5.0


def _websocket(broker, topic, place, **more):
    after = {"epoch": place[0], "offset": place[1]} if place[0] else {"offset": place[1]}
    with WebSocket(broker.host, broker.port, seconds=SECONDS) as peer:
        peer.send({"type": "subscribe", "id": 1, "topic": topic, "after": after, **more})
        return _first_message(peer.receive)


def _first_message(receive):
    while True:
        try:
            message = receive()
        except (socket.timeout, Closed) as error:
            return "nothing", repr(error)
        kind = message["type"]
        if kind == "error":
            return "told", message["code"]
        if kind == "gap":
            return "told", message["cause"]
        if kind == "unsubscribed":
            return "told", message["reason"]
        if kind == "event":
            return "events", json.dumps(message)
        if kind == "caught_up":
            return "nothing", kind


def websocket_fail(broker, topic, place):
    return _websocket(broker, topic, place)


def websocket_earliest(broker, topic, place):
    return _websocket(broker, topic, place, on_gap="earliest")


def websocket_any_epoch(broker, topic, place):
    """As people at a terminal say it: an offset, whatever the epoch is."""
    return _websocket(broker, topic, (0, place[1]))


def _get(broker, topic, place, query=""):
    path = f"/v1/stream/{quote(topic)}?offset={web.token(*place)}{query}"
    try:
        reply = web.request(broker.host, broker.port, "GET", path, seconds=SECONDS)
    except socket.timeout:
        return "nothing", "silence"
    return _answer(reply)


def _answer(reply):
    if reply.status in (404, 409, 410):
        return "told", reply.json()["code"]
    gap = gap_of(reply)
    if gap:
        return "told", gap[2]
    if reply.status == 200 and reply.body not in (b"", b"[]"):
        return "events", repr(reply.body[:200])
    return "nothing", f"{reply.status} {reply.headers}"


def get(broker, topic, place):
    return _get(broker, topic, place)


def get_earliest(broker, topic, place):
    return _get(broker, topic, place, "&on_gap=earliest")


def long_poll(broker, topic, place):
    return _get(broker, topic, place, "&live=long-poll")


def _event_stream(broker, topic, query, headers=None):
    connection = http.client.HTTPConnection(broker.host, broker.port, timeout=SECONDS)
    try:
        connection.request("GET", f"/v1/stream/{quote(topic)}?live=sse{query}",
                           headers=headers or {})
        answer = connection.getresponse()
        if answer.status != 200:
            return _answer(web.Reply(answer.status, answer.read(), {}))
        event = {}
        while line := answer.readline().decode():
            if line.strip():
                name, _, value = line.rstrip("\r\n").partition(":")
                event[name] = event.get(name, "") + value.strip()
                continue
            found = _first_event(event)
            if found:
                return found
            event = {}
        return "nothing", "it ended"
    except socket.timeout:
        return "nothing", "silence"
    finally:
        connection.close()


def _first_event(event):
    kind = event.get("event")
    if kind == "gap":
        return "told", json.loads(event["data"])["code"]
    if kind == "data":
        return "events", event["data"][:200]
    if kind == "control":
        return "nothing", event["data"]
    if not kind and "data" in event:  # a message of the protocol
        def receive():
            return json.loads(event["data"])
        return None if json.loads(event["data"])["type"] in ("subscribed", "epoch") else \
            _first_message(receive)
    return None


def sse_token(broker, topic, place):
    return _event_stream(broker, topic, f"&offset={web.token(*place)}")


def sse_last_event_id(broker, topic, place):
    return _event_stream(broker, topic, "", {"Last-Event-ID": web.token(*place)})


def sse_messages(broker, topic, place):
    return _event_stream(broker, topic, f"&form=messages&offset={web.token(*place)}")


def unread(broker, topic, place):
    reply = web.request(broker.host, broker.port, "GET",
                        f"/v1/unread/{quote(topic)}?after={web.token(*place)}")
    if reply.status == 200 and reply.json()["lost"]:
        return "told", "lost"
    return _answer(reply)


def acknowledge(broker, topic, place):
    """A named cursor put there."""
    reply = web.request(broker.host, broker.port, "PUT",
                        f"/v1/cursors/{quote(topic)}?cursor=kept",
                        {"epoch": place[0], "offset": place[1]})
    return _answer(reply)


READERS = (websocket_fail, websocket_earliest, get, get_earliest, long_poll, sse_token,
           sse_last_event_id, sse_messages)


def require_told(broker, topic, place, codes, ways=READERS):
    """Every way tells one of `codes` (gap causes and error codes); returns how many were asked."""
    for way in ways:
        what, text = way(broker, topic, place)
        if what != "told" or text not in codes:
            raise AssertionError(f"{way.__name__} behind {place} of {topic}: {what} {text}, "
                                 f"and should be told one of {sorted(codes)}")
    return len(ways)
