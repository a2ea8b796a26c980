# A real tidemarkd on a data directory: started, killed, stopped, paused, and looked at from outside.
# tests/proof/: what every row runs against.
import json
import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path

from proof import sockets, web

START_SECONDS = 30.0


class Broker:
    """One daemon at a time. Keeps its port over restarts; everything it has said is in log()."""

    def __init__(self, daemon, data, *arguments, env=None, preload=None, prefix=()):
        """`preload`: a library for LD_PRELOAD. `prefix`: a command to run it under, such as
        ("ip", "netns", "exec", "a")."""
        self.daemon = str(daemon)
        self.data = Path(data)
        self.arguments = [str(a) for a in arguments]
        self.prefix = list(prefix)
        self.environment = {**os.environ, **(env or {})}
        # What the tests say of the broker is none of its options.
        self.environment.pop("TIDEMARK_DAEMON", None)
        if preload:
            self.environment["LD_PRELOAD"] = str(preload)
        self.host = "127.0.0.1"
        self.port = 0
        self.process = None
        self.start_seconds = None  # from exec to listening
        self.log_path = self.data.parent / (self.data.name + ".log")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def command(self):
        return [*self.prefix, self.daemon, "--data", str(self.data),
                "--listen", f"{self.host}:{self.port}", *self.arguments]

    def start(self, seconds=START_SECONDS):
        """Returns once it listens. Raises RuntimeError with what it said if it does not."""
        began = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=log,
                                            env=self.environment)
        said = b""
        while not (found := re.search(rb"listening on https?://\S+:(\d+)", said)):
            left = began + seconds - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            piece = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not piece:
                self.kill()
                raise RuntimeError(f"the broker did not start ({self.process.returncode}): "
                                   + self.log()[-2000:])
            said += piece
        self.port = int(found.group(1))
        self.start_seconds = time.monotonic() - began
        return self

    def try_start(self, seconds=START_SECONDS):
        """The exit code of a broker that refuses to start, or None if it listens."""
        try:
            self.start(seconds)
            return None
        except RuntimeError:
            return self.process.returncode

    def kill(self):
        """SIGKILL; returns when it is gone."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def terminate(self):
        """SIGTERM; does not wait."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds=20.0):
        """Its exit code; negative: the signal that ended it."""
        code = self.process.wait(seconds)
        self.process.stdout.close()
        return code

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def running(self):
        return self.process is not None and self.process.poll() is None

    # ---- looking at it ----

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def _status(self, field):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def rss(self):
        """Resident memory, bytes."""
        return self._status("VmRSS")

    def peak_rss(self):
        return self._status("VmHWM")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def wait_until_all_are_gone(self, seconds=10.0):
        """Until it has closed all connections, which it does a moment after their other ends are
        gone; how many descriptors it has then."""
        until = time.monotonic() + seconds
        while there := sockets.peers(self.pid):
            assert time.monotonic() < until, f"{len(there)} connections are still there"
            time.sleep(0.02)
        return self.descriptors()

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def get(self, path, seconds=10.0):
        """(status, JSON or text)"""
        reply = web.request(self.host, self.port, "GET", path, seconds=seconds)
        try:
            return reply.status, json.loads(reply.body)
        except ValueError:
            return reply.status, reply.body.decode(errors="replace")

    def health(self):
        return self.get("/healthz")

    def ready(self):
        return self.get("/readyz")

    def metrics(self):
        """{"name" or 'name{label="v"}': value}"""
        found = {}
        for line in self.get("/metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found
