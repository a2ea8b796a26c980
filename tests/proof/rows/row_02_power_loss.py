# Row 2: power loss under load; synced topics lose nothing, buffered ones say what they lost.
# tests/proof/: see run. Needs root.
import bisect
import http.client
import json
import os
import threading
import time
from pathlib import Path
from urllib.parse import quote

from proof import final_log, web
from proof.checker import check
from proof.history import History, digest
from proof.power import Disk, compile_shim
from proof.producers import Producers
from proof.readers import EventStreamReader, LongPollReader, Readers, WebSocketReader
from proof.row import Row

SYNCED = [f"proof/power/{i}" for i in range(4)]
BUFFERED = "proof/power/buffered"
FLUSH_SECONDS = 0.5   # buffered events are on disk within this time
FLUSH = ("--flush-interval", "500ms")
FLUSH_SLACK = 1.0     # of a loaded machine
LATE_SECONDS = 0.2
PATIENCE_SECONDS = 100.0  # with a busy machine, where time is not what is looked at
LEAST_A_CYCLE = 5     # publishes acknowledged before the power goes


class BufferedProducer:
    """Publishes to the buffered topic and keeps when each was acknowledged. It names no producer:
    what is lost with a tail is lost, and not sent again."""

    def __init__(self, broker):
        self._broker = broker
        self.acknowledged = {}  # digest -> when
        self.last = 0           # the last one's offset
        self.ended = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._stop.set()
        self._thread.join(10.0)
        assert not self._thread.is_alive() and not self.ended, self.ended

    def _run(self):
        number, connection = 0, None
        while not self._stop.is_set():
            number += 1
            data = {"b": number}
            try:
                connection = connection or web.Connection(self._broker.host, self._broker.port, 2.0)
                reply = connection.publish(BUFFERED, data)
                if reply.status == 200:
                    self.acknowledged[digest(data)] = time.monotonic()
                    self.last = reply.json()["first"]
                elif reply.status < 500:
                    self.ended = f"{reply.status} {reply.body!r}"
                    return
            except (OSError, http.client.HTTPException):
                connection = None
            self._stop.wait(0.01)


class _Told:
    """A reader of the buffered topic. What it has seen may be gone after a power loss: then it has
    to be told, and begins again with the history there is."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.seen = {}    # offset -> digest of what it holds as true
        self.faults = []
        self.gaps = 0
        self.epoch = None  # of the history in which the end that is waited for is

    def done(self):
        """An offset alone says nothing: what was lost may have had the same ones, and greater."""
        if self._until is None:
            return self._stop.is_set()
        at_end = self.offset == self._until and self.place[0] in (0, self.epoch)
        return self._stop.is_set() or at_end

    def got(self, epoch, offset, payload):
        if self.place[1] and offset != self.place[1] + 1:
            self.faults.append(f"{self.name} got {offset} after {self.place[1]}")
        self.seen[offset] = digest(payload)
        self.place = (epoch, offset)

    def void(self, first, end, earliest):
        """Told that these are gone, and that what follows begins with `earliest`."""
        self.gaps += 1
        for offset in [o for o in self.seen if first <= o < end]:
            del self.seen[offset]
        self.place = (0, earliest - 1)

    def verify(self, log):
        wrong = [o for o, what in self.seen.items() if log.get(o) != what]
        if wrong:
            self.faults.append(f"{self.name} was not told that {len(wrong)} events are gone, the "
                               f"first {min(wrong)}")


class ToldWebSocket(_Told, WebSocketReader):
    def take(self, message):
        if message["type"] == "gap":
            self.void(message["first"], message["end"], message["earliest"])
        else:
            super().take(message)


class ToldLongPoll(_Told, LongPollReader):
    def gap(self, field):
        values = {k: int(v) for k, v in (x.split("=") for x in field.split(";")[1:])}
        self.void(values["first"], values["end"], values["earliest"])


class ToldEventStream(_Told, EventStreamReader):
    def take(self, event):
        if event.get("event") == "gap":
            gap = json.loads("\n".join(event["data"]))
            self.void(gap["lost"]["first"], gap["lost"]["end"], gap["earliest"])
        else:
            super().take(event)


class Buffered:
    """The buffered topic of a broker, its producer, and a reader of each kind."""

    def __init__(self, broker, seed):
        self._broker = broker
        reply = web.request(broker.host, broker.port, "PUT", f"/v1/topics/{quote(BUFFERED)}",
                            {"durability": "buffered"})
        assert reply.status in (200, 201), f"{reply.status} {reply.body!r}"
        self.producer = BufferedProducer(broker).start()
        self.readers = [kind(broker, History(), BUFFERED, f"{kind.kind}:buffered", seed).start()
                        for kind in (ToldWebSocket, ToldLongPoll, ToldEventStream)]

    def acknowledged(self):
        return len(self.producer.acknowledged)

    def seen(self):
        """Has a reader got what was acknowledged last?"""
        return max(reader.offset for reader in self.readers) >= self.producer.last

    def finish(self, cuts):
        """What was lost is young, and everybody was told; the figures."""
        self.producer.stop()
        history = History()
        head = final_log.record(self._broker, history, [BUFFERED])[BUFFERED]
        for reader in self.readers:
            reader.epoch = final_log.describe(self._broker, BUFFERED)["epoch"]
            reader.finish(head)
        log = {line["offset"]: line["digest"] for line in history.of("log")}
        kept = set(log.values())
        assert len(kept) == len(log), "the buffered topic has an event twice"
        lost = [w for what, w in self.producer.acknowledged.items() if what not in kept]
        # Each went with the first power loss behind it; an answer may be read a little after one.
        oldest = max((cuts[bisect.bisect(cuts, when - LATE_SECONDS)] - when for when in lost),
                     default=0.0)
        assert oldest < FLUSH_SECONDS + FLUSH_SLACK, \
            f"a buffered event was lost {oldest:.2f} s after it was acknowledged"
        for reader in self.readers:
            reader.verify(log)
        faults = [fault for reader in self.readers for fault in reader.faults]
        assert not faults, faults[:5]
        return {"buffered_acknowledged": self.acknowledged(), "buffered_lost": len(lost),
                "gaps_told": sum(reader.gaps for reader in self.readers),
                "oldest_buffered_lost_s": oldest}


def lose_power(context, disk, broker):
    """When it was lost."""
    # A machine stops as a whole. A sync that the shutdown of a file system overtakes may come back
    # as done although it is not: nobody must live to act on it.
    broker.pause()
    wait_until_stopped(broker.pid)
    when = time.monotonic()
    disk.cut()
    broker.kill()
    disk.restore()
    return when


def wait_until_stopped(pid, seconds=10.0):
    """Until no thread of it runs. One that waits for the disk (D) stops when it has its answer, and
    tells nobody."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        states = [Path(f"/proc/{pid}/task/{task}/stat").read_text().rsplit(")", 1)[1].split()[0]
                  for task in os.listdir(f"/proc/{pid}/task")]
        if set(states) <= {"T", "D"}:
            return
        time.sleep(0.001)
    raise AssertionError(f"the broker does not stop: {states}")


def lose_power_while_starting(context, disk, broker):
    """It comes back for a moment only: what a start writes must not be halfway either."""
    code = broker.try_start(context.random.uniform(0.005, 0.15))
    assert code in (None, -9), f"it refuses to start with {code}: {broker.log()[-1000:]}"
    broker.kill()
    when = time.monotonic()
    disk.cut()
    disk.restore()
    return when


def wait_for(condition, seconds):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"nothing came of it in {seconds} s"
        time.sleep(0.002)


def lineage(broker, topic):
    return len(final_log.describe(broker, topic)["lineage"])


def cycles(context, disk, count):
    history = History()
    (disk.path / "new").mkdir()  # outside of the disk, where its log goes
    broker = context.broker(*FLUSH, data=disk.path / "new" / "data", prefix=disk.prefix,
                            start=False)
    lose_power_while_starting(context, disk, broker)  # and has nothing yet
    broker.start()
    buffered = Buffered(broker, context.seed)
    producers = Producers(broker, history, SYNCED, count=4, seed=context.seed, pause=0.002).start()
    readers = Readers(broker, history, SYNCED, seed=context.seed, leave=0.002).start()
    cuts, early, slowest = [], 0, 0.0
    for cycle in range(count):
        before = producers.acknowledged
        time.sleep(context.random.uniform(0.1, 0.7))
        wait_for(lambda: producers.acknowledged >= before + LEAST_A_CYCLE, PATIENCE_SECONDS)
        cuts.append(lose_power(context, disk, broker))
        if context.random.random() < 0.4:
            cuts.append(lose_power_while_starting(context, disk, broker))
            early += 1
        broker.start(PATIENCE_SECONDS)
        slowest = max(slowest, broker.start_seconds)
        if cycle % 20 == 19:
            context.note(f"{cycle + 1} power losses, {producers.acknowledged} acknowledged")
    producers.stop()
    heads = final_log.record(broker, history, SYNCED)
    names = readers.finish(heads)
    figures = check(history, finished=names).require()
    told = buffered.finish(cuts)
    epochs = lineage(broker, BUFFERED)
    # A start that was cut off may have opened one, or not come as far.
    assert count < epochs <= count + 1 + early, \
        f"{epochs} epochs of a buffered topic after {count} power losses, {early} of starts"
    assert all(lineage(broker, topic) == 1 for topic in SYNCED), "a synced topic has a new epoch"
    broker.kill()
    return {"power_losses": count, "more_while_starting": early,
            "acknowledged": figures["acknowledged"], "lost": 0, "doubled": 0,
            "deliveries": figures["deliveries"], "slowest_start_s": slowest}, told


def cycles_of_buffered(context, disk, count):
    """Alone: beside synced topics, every sync of theirs brings it to the disk too."""
    broker = context.broker(*FLUSH, data=disk.path / "alone", prefix=disk.prefix)
    buffered = Buffered(broker, context.seed)
    cuts = []
    for _ in range(count):
        before = buffered.acknowledged()
        time.sleep(context.random.uniform(0.1, 0.4))
        wait_for(lambda: buffered.acknowledged() >= before + LEAST_A_CYCLE and buffered.seen(),
                 PATIENCE_SECONDS)
        cuts.append(lose_power(context, disk, broker))
        broker.start(PATIENCE_SECONDS)
    told = buffered.finish(cuts)
    broker.kill()
    assert told["buffered_lost"] > 0, "no tail was lost: nothing is known of its being told"
    assert told["gaps_told"] > 0, "no reader had seen what was lost"
    return told


def control(context, disk, shim):
    """The same without a sync has to lose what was acknowledged: how many."""
    history = History()
    broker = context.broker(data=disk.path / "control", prefix=disk.prefix, preload=shim)
    producers = Producers(broker, history, SYNCED, count=4, seed=context.seed, pause=0.002).start()
    wait_for(lambda: producers.acknowledged > 100, PATIENCE_SECONDS)
    lose_power(context, disk, broker)
    producers.stop(0.0)
    # If it refuses to start everything is gone, and the log of the history stays empty.
    if broker.try_start() is None:
        final_log.record(broker, history, SYNCED)
    broker.kill()
    lost = check(history).faults["lost"]
    assert lost > 0, "without a sync nothing was lost: this test would not find it if it were"
    return lost


def run(context):
    shim = compile_shim(context, "nosync")
    with Disk(context.directory) as disk:
        figures, told = cycles(context, disk, context.pick(3, 100))
        alone = cycles_of_buffered(context, disk, context.pick(2, 30))
        context.note("the control without sync")
        figures["lost_without_sync"] = control(context, disk, shim)
    for name in ("buffered_acknowledged", "buffered_lost", "gaps_told"):
        told[name] += alone[name]
    told["oldest_buffered_lost_s"] = max(each["oldest_buffered_lost_s"] for each in (told, alone))
    return {**figures, **told}


ROW = Row(2, "power loss: ext4 shut down without its journal under load, 4 synced topics and a "
             "buffered one, 15 live readers", run,
          "0 acknowledged lost; what a buffered topic loses is told; the control without fsync "
          "loses more than 0")
