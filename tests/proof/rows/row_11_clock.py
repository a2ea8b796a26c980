# Row 11: the wall clock jumps by an hour and by ten years, forward and back, under load.
# tests/proof/: a preloaded library gives the broker its time of day, and leaves it the steady clock.
import base64
import hashlib
import hmac
import json
import mmap
import shutil
import struct
import subprocess
import time
from pathlib import Path

from proof import final_log, web
from proof.checker import check
from proof.history import History
from proof.producers import Producers
from proof.readers import Readers
from proof.row import Row, Skip
from rows.row_04_disk import until

TOPICS = [f"proof/clock/{i}" for i in range(4)]
SHORT_LIVED = 20          # topics that expire an hour after their last use
AGED = "proof/clock/aged"  # keeps events for a day
CURSORS = 20              # are removed when nobody has acknowledged for ninety days
SECRET = b"a secret for the clock that jumps, of more than 32 bytes"
HOUR = 3600
TEN_YEARS = 3650 * 24 * HOUR
JUMPS = [HOUR, 0, -HOUR, 0, TEN_YEARS, 0, -TEN_YEARS, 0]
FEW_JUMPS = [-HOUR, 0, TEN_YEARS, 0]
TOLD_SECONDS = 5.0
STAMPS_OFF = 2 * HOUR     # an hour is allowed, and the run takes its time
SOURCE = Path(__file__).with_name("jumping_clock.c")


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(expires):
    """Of HS256, with the rights of a publisher."""
    claims = {"sub": "row-11", "exp": int(expires), "tidemark": {"publish": ["**"]}}
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(hmac.new(SECRET, signed, hashlib.sha256).digest())).decode()


class Clock:
    """The broker's time of day: the real one and so many seconds."""

    def __init__(self, directory):
        compiler = shutil.which("cc")
        if not compiler:
            raise Skip("a small library has to be compiled: needs cc (tools/deps)")
        self.library = directory / "jumping_clock.so"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(self.library), str(SOURCE)],
                       check=True)
        self._file = directory / "clock"
        self._file.write_bytes(struct.pack("l", 0))
        with open(self._file, "r+b") as file:
            self._seconds = mmap.mmap(file.fileno(), struct.calcsize("l"))
        self.offset = 0

    def environment(self):
        return {"JUMPING_CLOCK": str(self._file)}

    def set(self, seconds):
        struct.pack_into("l", self._seconds, 0, seconds)
        self.offset = seconds


class Jumping:
    def __init__(self, context):
        self.context = context
        self.clock = Clock(context.directory)
        (context.directory / "key").write_bytes(SECRET)
        config = context.directory / "tidemark.toml"
        config.write_text('[access.anonymous]\npublish = ["**"]\nsubscribe = ["**"]\n'
                          'manage = ["**"]\n[[access.token-keys]]\nid = "k"\nalgorithm = "HS256"\n'
                          f'file = "{context.directory / "key"}"\n')
        self.broker = context.broker("--config", config, env=self.clock.environment(),
                                     preload=self.clock.library)
        self.history = History()
        self.jumps = 0
        self.token = token(time.time() + HOUR / 2)

    def ask(self, method, path, body=None, headers=None):
        return web.request(self.broker.host, self.broker.port, method, path, body, headers)

    def prepare(self):
        """Everything that a wrong clock could have removed."""
        for i in range(SHORT_LIVED):
            made = self.ask("PUT", f"/v1/stream/proof/clock/short/{i}", b"[1]",
                            {"Content-Type": "application/json", "Stream-TTL": str(HOUR)})
            assert made.status == 201, made
        assert self.ask("PUT", f"/v1/topics/{AGED}",
                        {"retention": {"max_age_ms": 24 * HOUR * 1000}}).status == 201
        connection = web.Connection(self.broker.host, self.broker.port)
        for i in range(100):
            assert connection.publish(AGED, i).status == 200
        for i in range(CURSORS):
            moved = connection.request("PUT", f"/v1/cursors/{AGED}?cursor=device-{i}", {"offset": 1})
            assert moved.status == 200, moved
        connection.close()

    def jump(self, to):
        by = to - self.clock.offset
        before = self.producers.acknowledged
        self.clock.set(to)
        self.jumps += 1
        until(self.is_told, TOLD_SECONDS, f"a jump of {by} s is told")
        direction = "forward" if by > 0 else "back"
        until(lambda: self.broker.log().count("problem=clock_jumped") >= self.jumps,
              TOLD_SECONDS, "the log tells of the jump")
        said = self.broker.log().rsplit("problem=clock_jumped", 1)[1]
        assert f"the clock went {abs(by)} s {direction}" in said, said
        time.sleep(self.context.pick(1.0, 20.0))
        assert self.producers.acknowledged > before, f"nothing is published after {by} s"
        self.try_token(to)
        assert self.ask("POST", f"/v1/topics/proof/clock/born/{self.jumps}/events",
                        {"data": self.jumps}).status == 200
        self.use_half()
        self.nothing_is_gone()

    def use_half(self):
        """Of the topics that live an hour from their last use: a use by a wrong clock must not end
        them once it is right."""
        for i in range(0, SHORT_LIVED, 2):
            read = self.ask("GET", f"/v1/stream/proof/clock/short/{i}?offset=-1")
            assert read.status == 200, read

    def is_told(self):
        ready = self.broker.ready()
        told = self.broker.metrics()['tidemark_problems_total{problem="clock_jumped"}']
        return ready[0] == 200 and "clock_jumped" in ready[1]["warnings"] and told == self.jumps

    def try_token(self, offset):
        """Half an hour it is good for: by the clock as it is, and again once that is right."""
        reply = self.ask("POST", f"/v1/topics/{AGED}/events", {"data": "by token"},
                         {"Authorization": f"Bearer {self.token}"})
        expected = (401, "token_expired") if offset > 0 else (200, None)
        code = reply.json().get("code")
        assert (reply.status, code) == expected, f"at {offset:+d} s the token is answered {reply}"

    def nothing_is_gone(self):
        for i in range(SHORT_LIVED):
            about = final_log.describe(self.broker, f"proof/clock/short/{i}")
            assert about and about["head"] == 1, f"topic {i} that lives an hour is gone"
        about = final_log.describe(self.broker, AGED)
        assert about["earliest"] == 1, f"events of today are gone: {about}"
        for i in range(CURSORS):
            found = self.ask("GET", f"/v1/cursors/{AGED}?cursor=device-{i}")
            assert found.status == 200, found

    def stamps(self, topic):
        """The times of a topic's events never go back, and are about right."""
        shown = subprocess.run([str(self.context.cli), "show", topic, "--format", "ndjson",
                                "--fields", "time", "--server", self.broker.url],
                               capture_output=True, text=True, check=True).stdout
        times = [json.loads(line)["time"] / 1000 for line in shown.splitlines()]
        assert times == sorted(times), f"{topic}: the times of its events go back"
        off = max(abs(at - time.time()) for at in times)
        assert off < STAMPS_OFF, f"{topic}: an event is stamped {off:.0f} s off"
        return len(times), off

    def run(self):
        self.prepare()
        self.producers = Producers(self.broker, self.history, TOPICS, seed=self.context.seed,
                                   pause=0.002).start()
        readers = Readers(self.broker, self.history, TOPICS, seed=self.context.seed).start()
        for to in self.context.pick(FEW_JUMPS, 2 * JUMPS):
            self.jump(to)
            self.context.note(f"at {to:+d} s, {self.producers.acknowledged} acknowledged")
        self.producers.stop()
        heads = final_log.record(self.broker, self.history, TOPICS)
        figures = check(self.history, finished=readers.finish(heads)).require()
        born = [f"proof/clock/born/{i + 1}" for i in range(self.jumps)]
        stamped = [self.stamps(topic) for topic in [*TOPICS, AGED, *born]]
        metrics = self.broker.metrics()
        assert metrics["tidemark_topics_removed_total"] == 0, "a topic has expired"
        assert metrics["tidemark_trimmed_events_total"] == 0, "events were dropped"
        return {"jumps": self.jumps, "acknowledged": figures["acknowledged"], "lost": 0, "gaps": 0,
                "topics_expired": 0, "events_dropped": 0, "cursors_expired": 0,
                "events_looked_at": sum(n for n, _ in stamped),
                "stamp_most_off_s": max(off for _, off in stamped)}


def run(context):
    return Jumping(context).run()


ROW = Row(11, "the wall clock jumps by an hour and by ten years, forward and back, under load", run,
          "offsets contiguous; nothing expires by a jump; tokens by the clock as it is; it is told")
