# Row 4: a small disk is filled by somebody else and freed again, with producers and readers at work.
# tests/proof/: twice, as the guard refuses before the disk is full, and as RocksDB meets the end of it.
import subprocess
import time
from urllib.parse import quote

from proof import final_log, web
from proof.checker import check
from proof.history import History
from proof.producers import Producers
from proof.readers import KINDS, Readers
from proof.row import Row
from rows.small_disk import MIB, SmallDisk, of_ones_own_mounts

TOPICS = [f"proof/disk/{i}" for i in range(4)]
DISK_MIB = 64
REFUSED_SECONDS = 1.0
RESUMED_SECONDS = 10.0
TOLD_SECONDS = 5.0
WAYS = {"reserve": ("8MiB", 4 * MIB), "no reserve": ("0", 0)}


def until(condition, seconds, what):
    """Seconds until it holds."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.01)
    return time.monotonic() - began


def refusal(broker, topic):
    """The answer to a publish, and how long it took."""
    connection = web.Connection(broker.host, broker.port, 5.0)
    began = time.monotonic()
    reply = connection.publish(topic, {"to": "be refused"})
    connection.close()
    return reply, time.monotonic() - began


class Filled:
    """One way for a disk to be full, from the first event to the last."""

    def __init__(self, context, disk, way):
        self.context, self.disk, self.way = context, disk, way
        reserve, self.leave = WAYS[way]
        self.history = History()
        self.broker = context.broker("--disk-reserve", reserve, data=disk.path / "data", start=False)
        self.broker.log_path = context.directory / f"{way}.log"  # not on the disk that is filled
        self.broker.start()
        self.slowest = {"refused": 0.0, "answered": 0.0, "resumed": 0.0}

    def run(self, cycles):
        load = dict(count=4, seed=self.context.seed, size=512, pause=0.002)
        before = Producers(self.broker, self.history, TOPICS, name="early", **load).start()
        time.sleep(1.0)
        before.stop()
        # From here on what they have published has to be read from the disk.
        self.broker.kill()
        self.broker.start()
        pid = self.broker.pid
        self.producers = Producers(self.broker, self.history, TOPICS, **load).start()
        readers = Readers(self.broker, self.history, TOPICS, seed=self.context.seed).start()
        for cycle in range(cycles):
            time.sleep(self.context.pick(1.0, 3.0))
            self.fill_and_free(cycle)
        self.producers.stop()
        assert self.broker.running() and self.broker.pid == pid, "the broker was restarted"
        heads = final_log.record(self.broker, self.history, TOPICS)
        names = readers.finish(heads)
        figures = check(self.history, finished=names).require()
        self.broker.kill()
        return figures

    def fill_and_free(self, cycle):
        began = time.monotonic()
        self.disk.fill(self.leave)
        full = time.monotonic()

        def refused():
            last = self.producers.last_refusal
            return last and last[0] > began and last[1] == "disk_full"

        until(refused, REFUSED_SECONDS + 5.0, "a publish is refused with disk_full")
        self.note("refused", max(self.producers.last_refusal[0] - full, 0.0))
        self.look(cycle)
        self.disk.free()
        freed = time.monotonic()
        until(lambda: self.producers.last_answer > freed, RESUMED_SECONDS, "publishing resumes")
        self.note("resumed", self.producers.last_answer - freed)
        until(lambda: self.broker.ready()[1]["warnings"] == [], TOLD_SECONDS, "the warning ends")
        until(lambda: self.broker.log().count("event=problem_over problem=disk_full") > cycle,
              TOLD_SECONDS, "the log says that it is over")

    def note(self, what, seconds):
        self.slowest[what] = max(self.slowest[what], seconds)

    def look(self, cycle):
        """What works on a full disk, and what says that it is one."""
        for topic in TOPICS:
            reply, seconds = refusal(self.broker, topic)
            assert (reply.status, reply.json()["code"]) == (507, "disk_full"), reply
            assert len(reply.json()["detail"]) > 20, reply
            self.note("answered", seconds)
        status, health = self.broker.health()
        assert status == (200 if self.leave else 503), health
        assert "disk_full" in health["problems"], health
        status, ready = self.broker.ready()
        assert (status, ready["warnings"]) == (200, ["disk_full"]), ready
        assert ready["details"]["disk_full"], ready
        assert self.broker.metrics()['tidemark_problem{problem="disk_full"}'] == 1
        until(lambda: self.broker.log().count("event=problem problem=disk_full") > cycle,
              TOLD_SECONDS, "the log says that the disk is full")
        self.read(cycle)
        self.use_cli()

    def read(self, cycle):
        """Who comes now, by each transport, gets everything from the beginning on."""
        late = [kind(self.broker, self.history, topic, f"{self.way}:{cycle}:{kind.kind}:{topic}")
                for topic in TOPICS for kind in KINDS]
        heads = {topic: final_log.describe(self.broker, topic)["head"] for topic in TOPICS}
        for reader in late:
            reader.end_at(heads[reader.topic])
            reader.start()
        for reader in late:
            reader.finish(heads[reader.topic], 10.0)

    def use_cli(self):
        server = ["--server", self.broker.url]
        files = ["--data", str(self.broker.data)]
        head = final_log.describe(self.broker, TOPICS[0])["head"]
        for command in (["describe", TOPICS[0], *server], ["show", TOPICS[0], "--last", "1", *server],
                        ["topics", *server], ["show", TOPICS[0], "--last", "1", *files],
                        ["stats", *files], ["tail", quote(TOPICS[0], safe="/"), "--from", "earliest",
                                            "--limit", str(head), *server]):
            done = subprocess.run([str(self.context.cli), *command], capture_output=True, text=True,
                                  timeout=20, check=False)
            assert done.returncode == 0, f"tidemark {' '.join(command)}: {done.stderr}"
            assert done.stdout, f"tidemark {' '.join(command)} said nothing"


def run(context):
    of_ones_own_mounts()
    cycles = context.pick(1, 5)
    figures = {"fillings": cycles * len(WAYS), "acknowledged": 0, "lost": 0, "doubled": 0, "gaps": 0}
    for way in WAYS:
        with SmallDisk(context.directory / f"disk-{way.split()[0]}", DISK_MIB) as disk:
            filled = Filled(context, disk, way)
            try:
                checked = filled.run(cycles)
            finally:
                filled.broker.kill()
        slowest = filled.slowest
        context.note(f"{way}: refused after {slowest['refused']:.2f} s, resumed after "
                     f"{slowest['resumed']:.2f} s")
        assert slowest["answered"] <= REFUSED_SECONDS, f"{way}: {slowest}"
        assert slowest["refused"] <= REFUSED_SECONDS, f"{way}: {slowest}"
        figures["acknowledged"] += checked["acknowledged"]
        name = way.replace(" ", "_")
        for what in ("refused", "resumed"):
            figures[f"{name}_{what}_s"] = slowest[what]
    return figures


ROW = Row(4, "fill a 64 MB disk, then free it", run,
          "refused within 1 s; reads, SSE and CLI work; resumes within 10 s without a restart; 0 gaps")
