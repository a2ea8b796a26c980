# Row 18: a broker that may open 256 files, and a thousand who connect.
# tests/proof/: see run. First its own limit turns them away; then it has really none left.
import http.client
import resource
import shutil
import subprocess
import time

from proof import final_log, web
from proof.checker import check
from proof.history import History
from proof.masses import Masses, allow_descriptors
from proof.producers import Producers
from proof.readers import Readers
from proof.row import Row, Skip

LIMIT, STORM = 256, 1000
FEW = 50  # that are left when others have taken the rest
MOST_CPU_PERCENT = 20
RECOVERS_SECONDS = 1.0
TOPICS = [f"proof/descriptors/{i}" for i in range(4)]
KEPT = "proof/descriptors/kept"
ASK = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Storm:
    """`count` connections that ask something and then hang on, whatever comes of it."""

    def __init__(self, port, count):
        self.count = count
        self.answered = self.refused = 0
        self.masses = Masses(port, on_frame=self._piece, upgrade=False)
        for i in range(count):
            self.masses.open(ASK)
            if i % 100 == 99:
                self.masses.run(lambda: False, 0.01)
        self.masses.run(lambda: all(p.state != "connecting"
                                    for p in self.masses.peers.values()), 5)

    def _piece(self, _, __, piece):
        self.answered += piece.startswith(b"HTTP/1.1 200")
        self.refused += piece.startswith(b"HTTP/1.1 503")

    def hold(self, seconds):
        self.masses.run(lambda: False, seconds)

    def run_until_told(self):
        """Until each has got an answer."""
        told = self.masses.run(lambda: self.answered + self.refused == self.count, 10)
        assert told, f"{self.answered} answered, {self.refused} refused of {self.count}"


def cpu_while(broker, storm, seconds):
    """The share of a core the broker takes while nothing but the storm is there."""
    before, began = broker.cpu_seconds(), time.monotonic()
    storm.hold(seconds)
    return (broker.cpu_seconds() - before) / (time.monotonic() - began)


def served_after(broker, since):
    """Seconds from `since` until a newcomer has been answered."""
    while True:
        took = time.monotonic() - since
        assert took <= 10, "newcomers are not served any more"
        try:
            if web.request(broker.host, broker.port, "GET", "/healthz", seconds=5).status == 200:
                return time.monotonic() - since
        except (OSError, http.client.HTTPException):
            pass  # refused or cut off: not yet
        time.sleep(0.01)


def turned_away(broker, seconds):
    """The broker's own limit: who is beyond it is told so and closed, and hangs on all the same."""
    storm = Storm(broker.port, STORM)
    storm.run_until_told()
    figures = {"served": storm.answered, "refused_503": storm.refused,
               "refused_cpu_percent": 100 * cpu_while(broker, storm, seconds)}
    gone = time.monotonic()
    storm.masses.close_all()
    figures["refused_recovers_s"] = served_after(broker, gone)
    broker.wait_until_all_are_gone()
    return figures


def loaded(context, broker, history, seconds):
    """Producers and readers who were there before the storm go on in it; what is written needs
    files of the store's."""
    producers = Producers(broker, history, TOPICS, count=2, size=context.pick(4096, 32768),
                          seed=context.seed).start()
    readers = Readers(broker, history, TOPICS, seed=context.seed).start()
    deadline = time.monotonic() + 10
    while not all(reader.offset for reader in readers.all):
        assert time.monotonic() < deadline, "a reader gets nothing"
        time.sleep(0.01)
    storm = Storm(broker.port, STORM)
    storm.hold(seconds)
    assert storm.refused, "nobody was turned away"
    before = producers.acknowledged
    assert producers.unknown == 0 and producers.refused == 0, "a publish failed in the storm"
    producers.stop()
    storm.masses.close_all()
    names = readers.finish(final_log.record(broker, history, TOPICS))
    check(history, finished=names).require()
    broker.wait_until_all_are_gone()
    return {"acknowledged": before}


def none_left(broker, seconds):
    """As if others had taken the descriptors: a few more are accepted, then all wait. Who is
    connected is served, and when the storm is over the broker finds it out by itself."""
    connection = web.Connection(broker.host, broker.port)
    assert connection.request("GET", "/healthz").status == 200
    resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (broker.descriptors() + FEW, LIMIT))
    storm = Storm(broker.port, STORM)
    storm.hold(0.3)
    cpu = cpu_while(broker, storm, seconds)
    # The store may have closed some of its own meanwhile.
    assert storm.answered <= 2 * FEW, f"{storm.answered} were served with {FEW} descriptors"
    reply = connection.publish(KEPT, {"n": 1})
    assert reply.status == 200, f"who is connected can't publish: {reply.status} {reply.body!r}"
    gone = time.monotonic()
    storm.masses.close_all()
    took = served_after(broker, gone)
    connection.close()
    resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    broker.wait_until_all_are_gone()
    assert final_log.describe(broker, KEPT)["head"] == 1, "what was acknowledged is not there"
    return {"waiting": STORM - storm.answered, "waiting_cpu_percent": 100 * cpu,
            "waiting_recovers_s": took}


def verify(context, broker):
    """The store's files, read as a whole by the program that judges them."""
    broker.terminate()
    assert broker.wait() == 0, "it does not stop in order"
    done = subprocess.run([context.cli, "verify", "--data", broker.data],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    assert done.returncode == 0, f"verify: {done.returncode} {done.stdout}"


def run(context):
    if not shutil.which("prlimit"):
        raise Skip("needs prlimit: apt-get install util-linux")
    seconds = context.pick(0.5, 10)
    allow_descriptors(STORM)
    history = History()
    broker = context.broker(prefix=("prlimit", f"--nofile={LIMIT}:{LIMIT}"))
    pid = broker.pid
    figures = turned_away(broker, seconds)
    figures.update(loaded(context, broker, history, context.pick(1, 20)))
    figures.update(none_left(broker, seconds))
    assert broker.running() and broker.pid == pid, "it has ended"
    verify(context, broker)
    for name in ("refused", "waiting"):
        cpu, took = figures[f"{name}_cpu_percent"], figures[f"{name}_recovers_s"]
        assert cpu < MOST_CPU_PERCENT, f"{name}: {cpu:.0f} % of a core"
        assert took <= RECOVERS_SECONDS, f"{name}: served again after {took:.2f} s"
    return {"limit": LIMIT, "connects": STORM, **figures, "files": "whole"}


ROW = Row(18, "256 descriptors and 1,000 who connect: idle, under load, and with none left", run,
          "no crash, CPU under 20 %, recovers within 1 s, the store's files unharmed")
