# Threads that publish, keep what came of it, and send again what they do not know the fate of.
# tests/proof/: a producer's sequence goes on only when its event is in the log.
import http.client
import random
import threading
import time

from proof import web
from proof.history import digest

UNKNOWN_STATUS = {500, 502, 503, 504}  # it may have been written all the same
PAUSE_SECONDS = 0.02                   # before a publish is sent again


class Producers:
    """`count` threads; each publishes to all topics in turn under an id of its own. Until stop()
    every event is sent until it is in the log; one refused for good ends the run with failed()."""

    def __init__(self, broker, history, topics, count=4, size=64, seed=0, pause=0.0, name="p",
                 seconds=5.0, most=None):
        """`size`: bytes of padding. `pause`: seconds between a producer's events. `seconds`: until
        an answer is given up. `most`: events of each producer."""
        self._broker, self._history, self._topics = broker, history, list(topics)
        self._size, self._pause, self._seconds, self._most = size, pause, seconds, most
        self._stop = threading.Event()
        self._failures = []
        self.acknowledged = 0
        self.refused = 0
        self.unknown = 0
        self.last_answer = time.monotonic()  # when something was acknowledged last
        self.last_refusal = None             # (when, code)
        self._lock = threading.Lock()
        self.threads = [
            threading.Thread(target=self._run, args=(f"{name}{i}", random.Random(f"{seed}/{i}")),
                             daemon=True) for i in range(count)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self, seconds=30.0):
        """Every event under way is sent until its fate is known, at most so long."""
        self._stop.set()
        self._deadline = time.monotonic() + seconds
        self.join(seconds + self._seconds)

    def join(self, seconds=120.0):
        until = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(until - time.monotonic(), 0.01))
        if self._failures:
            raise AssertionError(self._failures[0])
        if any(thread.is_alive() for thread in self.threads):
            raise AssertionError("a producer has not come to an end")

    _deadline = float("inf")

    def _run(self, name, rng):
        connection = None
        sequences = dict.fromkeys(self._topics, 0)
        sent = 0
        try:
            while not self._stop.is_set() and (self._most is None or sent < self._most):
                topic = self._topics[(sent + len(name)) % len(self._topics)]
                sequence = sequences[topic]
                pad = "%0*x" % (self._size, rng.getrandbits(4 * self._size)) if self._size else ""
                data = {"p": name, "n": sequence, "pad": pad}
                connection = self._until_known(connection, topic, name, sequence, data)
                sequences[topic] += 1
                sent += 1
                if self._pause:
                    self._stop.wait(self._pause)
        except Exception as error:  # told by join()
            self._failures.append(f"producer {name}: {error!r}")
        finally:
            if connection:
                connection.close()

    def _until_known(self, connection, topic, name, sequence, data):
        what = digest(data)
        key = {"topic": topic, "producer": name, "epoch": 0, "sequence": sequence}
        while True:
            connection = connection or web.Connection(self._broker.host, self._broker.port,
                                                       self._seconds)
            self._history.add("attempt", digest=what, **key)
            result, fields = self._once(connection, topic, name, sequence, data)
            self._history.add("outcome", result=result, **key, **fields)
            self._count(result, fields)
            if result == "ok":
                return connection
            if result == "unknown":
                connection.close()
                connection = None
            if time.monotonic() > self._deadline:
                self._stop.set()
                return connection
            time.sleep(PAUSE_SECONDS)

    def _once(self, connection, topic, name, sequence, data):
        try:
            reply = connection.publish(topic, data, name, 0, sequence)
            body = reply.json()
        except (OSError, http.client.HTTPException, ValueError) as error:
            return "unknown", {"code": type(error).__name__}
        if reply.status == 200:
            return "ok", {"offset": body.get("first"), "history": body.get("epoch"),
                          "duplicate": bool(body.get("duplicate"))}
        code = body.get("code", str(reply.status))
        if code == "sequence_gap":
            raise AssertionError(f"{topic}: {name} {sequence} was answered by {body}: "
                                 "what was acknowledged before is gone")
        unknown = code == "storage_failed" or \
            reply.status in UNKNOWN_STATUS and code not in ("disk_full", "overloaded",
                                                            "shutting_down")
        return "unknown" if unknown else "refused", {"code": code}

    def _count(self, result, fields):
        with self._lock:
            if result == "ok":
                self.acknowledged += 1
                self.last_answer = time.monotonic()
            elif result == "refused":
                self.refused += 1
                self.last_refusal = (time.monotonic(), fields["code"])
            else:
                self.unknown += 1
