# Row 13: readers that stop reading while much is published: what they cost, and that they resume.
# tests/proof/: see run. Healthy readers' latency is that of `tidemark bench fanout`, beside it all.
import json
import os
import resource
import subprocess
import threading
import time
from contextlib import contextmanager
from urllib.parse import quote

from proof import web
from proof.followers import Followers, Transcript
from proof.masses import allow_descriptors
from proof.row import Row

IN_FLIGHT = 64 << 10  # bytes that the broker keeps of what a connection is being sent
RING, CACHE = 8, 8    # MiB
RECEIVE_BUFFER = 4096
EVENT_BYTES, BATCH = 16 << 10, 16  # 256 KiB a request
WARM_BATCH = 180
PADDING = "x" * (EVENT_BYTES - 40)
MOST_RATIO = 1.2
MIB = 1 << 20
STALLS = 'tidemark_timeouts_total{limit="stall"}'
WEBSOCKETS = 'tidemark_connections{transport="websocket"}'


def kernel_buffers():
    """Bytes of all TCP connections of the machine, waiting to be sent or read: proc(5), sockstat."""
    with open("/proc/net/sockstat") as file:
        tcp = next(line.split() for line in file if line.startswith("TCP:"))
    return int(tcp[tcp.index("mem") + 1]) * resource.getpagesize()


def event(offset):
    return {"n": offset, "pad": PADDING}


class Bulk(threading.Thread):
    """Publishes `count` batches to the topics in turn, evenly over `seconds`."""

    def __init__(self, broker, topics, count, seconds, batch=BATCH):
        super().__init__(daemon=True)
        self.batch = batch
        self.broker, self.topics, self.count, self.seconds = broker, topics, count, seconds
        self.failure = None
        self.start()

    def run(self):
        connection = web.Connection(self.broker.host, self.broker.port, 30.0)
        began = time.monotonic()
        try:
            for i in range(self.count):
                turn, topic = divmod(i, len(self.topics))
                body = [event(turn * self.batch + n + 1) for n in range(self.batch)]
                path = f"/v1/stream/{quote(self.topics[topic])}"
                time.sleep(max(0, began + self.seconds * i / self.count - time.monotonic()))
                reply = connection.request("POST", path, body)
                if reply.status not in (200, 204):
                    raise AssertionError(f"{path}: {reply.status} {reply.body[:200]!r}")
        except Exception as error:  # told by done()
            self.failure = error
        finally:
            connection.close()

    def done(self):
        if self.failure:
            raise AssertionError(f"publishing in bulk: {self.failure!r}")
        return not self.is_alive()


@contextmanager
def on_cores(broker_core, own_core):
    """The broker's prefix; this process is on the other core meanwhile, as is what it starts."""
    before = os.sched_getaffinity(0)
    if not {broker_core, own_core} <= before:
        yield ()
        return
    os.sched_setaffinity(0, {own_core})
    try:
        yield ("taskset", "--cpu-list", str(broker_core))
    finally:
        os.sched_setaffinity(0, before)


class Scene:
    def __init__(self, context, prefix):
        self.context = context
        self.stalled, self.mib, topics = context.pick((40, 30, 4), (1000, 1000, 100))
        self.seconds = context.pick(1.5, 30.0)
        self.stall_timeout = context.pick(3, 50)
        self.topics = topics
        self.broker = context.broker(
            "--ring-bytes", f"{RING}MiB", "--cache-bytes", f"{CACHE}MiB", "--timeout-stall",
            f"{self.stall_timeout}s", "--timeout-idle", "10m", prefix=prefix)

    def names(self, name):
        """The topics of a phase, created."""
        names = [f"proof/stalled/{name}/{i}" for i in range(self.topics)]
        for topic in names:
            reply = web.request(self.broker.host, self.broker.port, "PUT",
                                f"/v1/stream/{quote(topic)}",
                                headers={"Content-Type": "application/json"})
            assert reply.status == 201, f"{reply.status} {reply.body!r}"
        return names

    def warm_up(self):
        """Until RocksDB's buffers for writing have been full and written."""
        count = self.context.pick(100, 400) * MIB // (EVENT_BYTES * WARM_BATCH)
        bulk = Bulk(self.broker, self.names("warm"), count, 0, WARM_BATCH)
        bulk.join()
        assert bulk.done()

    def healthy(self, topics):
        """One reader of each topic, with its transcript."""
        readers = Followers(self.broker.port)
        for topic in topics:
            readers.add(Transcript(topic, expected=event)).open(**{"from": "earliest"})
        readers.each(lambda f: f.caught_up, 30, "following")
        return readers

    def phase(self, name, readers):
        """The bulk is published and read, and `bench fanout` measured beside it: latencies in ms,
        how much memory the broker had at most, and the kernel's buffers in the end."""
        names = [f.transcript.topic for f in readers.all]
        with open(f"/proc/{self.broker.pid}/clear_refs", "w") as file:
            file.write("5")  # the peak begins anew
        bench = subprocess.Popen(
            [self.context.cli, "bench", "fanout", "--json", "--server",
             f"{self.broker.host}:{self.broker.port}", "--server-pid", str(self.broker.pid),
             "--subscribers", "50", "--rate", "500", "--duration", str(self.seconds),
             "--warm-up", "0.2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True)
        count = self.mib * 1_000_000 // (EVENT_BYTES * BATCH) // self.topics * self.topics
        bulk = Bulk(self.broker, names, count, self.seconds)
        head = count // self.topics * BATCH
        try:
            ended = readers.run(lambda: bulk.done() and bench.poll() is not None and
                                all(f.offset == head for f in readers.all), 4 * self.seconds + 60)
            assert ended, f"{name}: not at an end in time"
            buffers = kernel_buffers()
        finally:
            bench.kill()
            said, complaint = bench.communicate()
        assert bench.returncode == 0, f"bench fanout: {bench.returncode} {complaint[-500:]}"
        measured = json.loads(said)
        assert measured["faults"] == [], measured["faults"]
        row = measured["rows"][0]
        peak = self.broker.peak_rss()
        self.context.note(f"{name}: p50 {row['latency_p50_ms']:.2f}, p99 "
                          f"{row['latency_p99_ms']:.2f} ms, peak {peak / MIB:.0f} MiB, "
                          f"the kernel's {buffers / MIB:.0f} MiB")
        return row["latency_p99_ms"], peak, buffers

    def stall(self, transcripts, count):
        """So many who follow, and from then on read nothing: nobody runs them."""
        followers = Followers(self.broker.port, receive_buffer=RECEIVE_BUFFER)
        for i in range(count):
            followers.add(transcripts[i % len(transcripts)]).open(**{"from": "earliest"})
        followers.each(lambda f: f.caught_up, 60, "following")
        return followers

    def come_back(self, followers, others):
        """Those that the broker closes, beside `others`: they come back to where they were."""
        until = time.monotonic() + self.stall_timeout + 30
        while (left := self.broker.metrics()[WEBSOCKETS] - others) > 0:
            assert time.monotonic() < until, f"{left} who take nothing were not closed"
            time.sleep(0.1)
        assert followers.run(lambda: not any(f.connected for f in followers.all), 30), \
            "who was closed is not told"
        missing = [f.transcript.head - f.offset for f in followers.all]
        assert min(missing) > 0, "who had stalled has everything: nothing was tried"
        assert self.broker.metrics()[STALLS] >= len(followers.all), "closed for another reason"
        self.read_on(followers)

    def read_on(self, followers):
        """From where they are, over the connection they have if they have one."""
        def done(follower):
            if not follower.connected:
                follower.open()
            return follower.offset == follower.transcript.head
        followers.each(done, 300, "read on")
        followers.masses.close_all()


def run(context):
    with on_cores(0, 1) as prefix:
        scene = Scene(context, prefix)
        allow_descriptors(scene.stalled + scene.topics)
        scene.warm_up()
        quiet = []
        readers = scene.healthy(scene.names("before"))
        p99, before, buffers_before = scene.phase("before", readers)
        quiet.append(p99)
        readers.masses.close_all()

        readers = scene.healthy(scene.names("beside"))
        transcripts = [f.transcript for f in readers.all]
        patient = scene.stall(transcripts, scene.stalled // 2)
        closed = scene.stall(transcripts, scene.stalled - scene.stalled // 2)
        beside, peak, buffers = scene.phase("beside", readers)
        # A slow machine may take longer for the fast form than the broker has patience.
        assert context.fast or scene.broker.metrics()[STALLS] == 0, "closed before the end"
        began = time.monotonic()
        scene.read_on(patient)
        context.note(f"{len(patient.all)} have read on, {time.monotonic() - began:.1f} s")
        scene.come_back(closed, len(readers.all))
        readers.masses.close_all()

        readers = scene.healthy(scene.names("after"))
        p99, after, _ = scene.phase("after", readers)
        quiet.append(p99)
        readers.masses.close_all()
    # By so much the peaks differ with nobody stalled: next to nothing of 1,000, much of 40.
    most = scene.stalled * IN_FLIGHT + context.pick(12, 0) * MIB
    growth = peak - max(before, after)
    # Twice: what waits to be sent there is accounted for with the kernel's own overhead.
    most_buffers = 2 * scene.stalled * IN_FLIGHT + context.pick(12, 0) * MIB
    buffers_growth = buffers - buffers_before
    ratio = beside / (sum(quiet) / len(quiet))
    context.note(f"memory grew by {growth / MIB:.1f} of {most / MIB:.1f} MiB, p99 {ratio:.2f}-fold")
    assert growth <= most, f"memory grew by {growth / MIB:.1f} MiB, of {most / MIB:.1f} that may be"
    assert buffers_growth <= most_buffers, "the kernel's buffers grew by " \
        f"{buffers_growth / MIB:.1f} MiB, of {most_buffers / MIB:.1f} that may be"
    # A second and a half has too few events for its p99 to be compared: the full form does.
    if not context.fast:
        assert ratio <= MOST_RATIO, f"p99 {beside:.2f} ms beside the stalled, {quiet} without"
    return {"stalled": scene.stalled, "published_MB": scene.mib, "gaps": 0,
            "growth_MiB": growth / MIB, "of_MiB": most / MIB,
            "kernel_growth_MiB": buffers_growth / MIB, "kernel_of_MiB": most_buffers / MIB,
            "p99_before_ms": quiet[0],
            "p99_beside_ms": beside, "p99_after_ms": quiet[1]}


ROW = Row(13, "1,000 readers that stop reading, 1 GB published", run,
          "memory grows at most by stalled × bytes in flight; healthy p99 within 20 %; they resume "
          "without a gap")
