# Row 15: the broker is restarted, and all of its clients resume at once, wherever they were.
# tests/proof/: see run. Every byte that they get is held against a transcript of the topic.
import signal
import time
from urllib.parse import quote

from proof import web
from proof.followers import Followers, Transcript
from proof.masses import allow_descriptors
from proof.row import Row

TOPICS = [f"proof/resumes/{i}" for i in range(4)]
CAUGHT_UP_SECONDS = 30.0
RING, CACHE = 8, 32  # MiB: small, so that most of the log has to be read from disk
MOST_KIB = 20.0      # each connection; the rest is ring and cache
SLACK_MIB = 64       # RocksDB's write buffer and the allocator's
PADDING = "x" * 150
MIB = 1 << 20


def event(offset):
    return {"n": offset, "pad": PADDING}


def append(broker, topic, first, count):
    """Events `first`… in one request."""
    body = [event(first + i) for i in range(count)]
    reply = web.request(broker.host, broker.port, "POST", f"/v1/stream/{quote(topic)}", body,
                        seconds=30)
    assert reply.status in (200, 204), f"{reply.status} {reply.body!r}"


def publish_backlog(broker, count):
    for topic in TOPICS:
        reply = web.request(broker.host, broker.port, "PUT", f"/v1/stream/{quote(topic)}",
                            headers={"Content-Type": "application/json"})
        assert reply.status == 201, f"{reply.status} {reply.body!r}"
    for first in range(1, count + 1, 100):  # small batches, the topics in turn: many segments
        for topic in TOPICS:
            append(broker, topic, first, min(100, count + 1 - first))


def read_all(broker, count):
    """A transcript of each topic, whole."""
    readers = Followers(broker.port)
    transcripts = [Transcript(topic, expected=event) for topic in TOPICS]
    for transcript in transcripts:
        readers.add(transcript).open(**{"from": "earliest"})
    readers.each(lambda f: f.offset == count, 60, "read")
    readers.masses.close_all()
    return transcripts


class Restart:
    """One restart, with all clients connected before it."""

    def __init__(self, context, broker, transcripts, clients):
        self.context, self.broker, self.transcripts = context, broker, transcripts
        self.clients = clients

    def connect(self):
        """Each is at a place of its own, chosen at random, and has not read on from there: that is
        how the next start finds them. Meanwhile they follow live."""
        self.followers = Followers(self.broker.port)
        for i in range(self.clients):
            transcript = self.transcripts[i % len(self.transcripts)]
            one = self.followers.add(transcript, transcript.head)
            one.open()
            if i % 1000 == 999:
                self.followers.each(lambda f: f.caught_up, 60, "following")
        self.followers.each(lambda f: f.caught_up, 60, "following")

    def end(self, how):
        self.broker.process.send_signal(how)
        gone = self.followers.run(lambda: not any(f.connected for f in self.followers.all), 30)
        assert gone, "connections outlive the broker"
        code = self.broker.wait()
        told = self.followers.goodbyes
        assert told == (self.clients if how == signal.SIGTERM else 0), f"{told} were told"
        assert code == (-how if how == signal.SIGKILL else 0), f"ended with {code}"

    def resume(self):
        """From starting the broker until the last has everything; seconds."""
        old = self.followers
        began = time.monotonic()
        self.broker.start()
        self.followers = Followers(self.broker.port)
        for follower in old.all:
            # Backlogs of all lengths, none and the whole log among them.
            at = self.context.random.randint(0, follower.transcript.head)
            self.followers.add(follower.transcript, at)
        for follower in self.followers.all:
            follower.open()
        self.followers.each(lambda f: f.caught_up and f.offset == f.transcript.head, 60, "resumed")
        took = time.monotonic() - began
        assert self.followers.lost == 0 and self.followers.masses.failed == 0, \
            f"{self.followers.lost} connections were lost, {self.followers.masses.failed} failed"
        return took

    def live(self):
        """One more event reaches everyone."""
        for transcript in self.transcripts:
            append(self.broker, transcript.topic, transcript.head + 1, 1)
        heads = {t.topic: t.head + 1 for t in self.transcripts}
        self.followers.each(lambda f: f.offset == heads[f.transcript.topic], 60, "followed on")
        self.followers.masses.close_all()


def run(context):
    clients, backlog = context.pick((300, 1000), (10000, 2000))
    allow_descriptors(clients)
    broker = context.broker("--ring-bytes", f"{RING}MiB", "--cache-bytes", f"{CACHE}MiB")
    publish_backlog(broker, backlog)
    transcripts = read_all(broker, backlog)
    figures = {"clients": clients, "gaps": 0,
               "backlog_MiB_each_topic": len(transcripts[0].frames) / MIB}
    for word, how in (("kill", signal.SIGKILL), ("term", signal.SIGTERM)):
        restart = Restart(context, broker, transcripts, clients)
        restart.connect()
        restart.end(how)
        took = restart.resume()
        peak = broker.peak_rss() / MIB
        context.note(f"{word}: all have everything after {took:.1f} s, ready after "
                     f"{broker.start_seconds:.2f} s, peak {peak:.0f} MiB")
        restart.live()
        figures[f"{word}_caught_up_s"] = took
        figures[f"{word}_peak_MiB"] = peak
        most = RING + CACHE + SLACK_MIB + clients * MOST_KIB / 1024
        assert took <= CAUGHT_UP_SECONDS, f"{word}: caught up after {took:.1f} s"
        assert peak <= most, f"{word}: {peak:.0f} MiB, of {most:.0f} that may be"
    return figures


ROW = Row(15, "restart (kill -9, then SIGTERM) with 10,000 resumes at once, anywhere in the log",
          run, "all caught up within 30 s, 0 gaps, bounded memory")
