# Row 27: the broker is stopped for a while, as a hypervisor or a debugger does it, and goes on.
# tests/proof/: see run.
import threading
import time

from proof import final_log
from proof.checker import check
from proof.history import History
from proof.masses import Masses
from proof.producers import Producers
from proof.readers import Readers
from proof.row import Row

TOPICS = [f"proof/pause/{i}" for i in range(4)]
QUIET = 50                # WebSockets that say nothing but pongs
GIVE_UP_SECONDS = 1.0     # after which producers send again, over a new connection
SILENCE_SECONDS = 0.4     # after which readers over HTTP come again; less than between two pings
PATIENCE_SECONDS = 120.0  # with a busy machine, where time is not what is looked at
GOES_ON_SECONDS = 5.0     # after the pause something is acknowledged within this time


class Crowd:
    """Connections that are fine and quiet: nobody has a reason to close them."""

    def __init__(self, broker):
        self._peers = Masses(broker.port)
        for _ in range(QUIET):
            self._peers.open_websocket()
        assert self._peers.run(self._connected, 10.0), "not all could connect"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _connected(self):
        return len(self._peers.peers) == QUIET and \
            all(peer.state == "frames" for peer in self._peers.peers.values())

    def _run(self):
        while not self._stop.is_set():
            self._peers.run(self._stop.is_set, 1.0)

    def leave(self):
        """How many have been closed."""
        self._stop.set()
        self._thread.join()
        closed = QUIET - len(self._peers.peers)
        self._peers.close_all()
        return closed


def wait_for(condition, seconds, what):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"{what}: not within {seconds} s"
        time.sleep(0.005)


def pause(broker, producers, seconds, idle_seconds):
    """A pause longer than every timeout, and some time in which the broker may come to think that
    somebody is dead. Seconds until something was acknowledged; how many it has closed."""
    crowd = Crowd(broker)
    broker.pause()
    before = producers.unknown
    time.sleep(seconds)
    assert producers.unknown > before, "no producer has sent again"
    resumed = time.monotonic()
    acknowledged = producers.acknowledged
    broker.resume()
    # What came during the pause has been answered by then; each producer has had a new one.
    wait_for(lambda: producers.acknowledged > acknowledged + 8, GOES_ON_SECONDS,
             "publishing goes on")
    took = time.monotonic() - resumed
    time.sleep(0.75 * idle_seconds)
    return took, crowd.leave()


def pause_and_kill(context, broker, producers):
    """Killed right after it goes on: what it acknowledges in that moment has to be there."""
    before = producers.acknowledged
    wait_for(lambda: producers.acknowledged > before, PATIENCE_SECONDS, "publishing goes on")
    broker.pause()
    time.sleep(context.random.uniform(0.05, 1.5 * GIVE_UP_SECONDS))
    broker.resume()
    time.sleep(context.random.uniform(0.0, 0.03))
    broker.kill()
    broker.start(PATIENCE_SECONDS)


def run(context):
    seconds = context.pick(3.0, 30.0)
    pauses, kills = context.pick((1, 1), (2, 20))
    idle_seconds = context.pick(2.0, 10.0)
    history = History()
    broker = context.broker("--timeout-idle", f"{idle_seconds:.0f}s",
                            "--timeout-stall", f"{idle_seconds:.0f}s",
                            "--timeout-handshake", f"{idle_seconds:.0f}s")
    producers = Producers(broker, history, TOPICS, count=4, seed=context.seed, pause=0.002,
                          seconds=GIVE_UP_SECONDS).start()
    readers = Readers(broker, history, TOPICS, seed=context.seed, leave=0.001,
                      seconds=SILENCE_SECONDS).start()
    slowest, closed = 0.0, 0
    for _ in range(pauses):
        took, more = pause(broker, producers, seconds, idle_seconds)
        slowest, closed = max(slowest, took), closed + more
        context.note(f"a pause of {seconds:.0f} s: goes on after {took:.2f} s, {more} closed")
    for _ in range(kills):
        pause_and_kill(context, broker, producers)
    producers.stop()
    heads = final_log.record(broker, history, TOPICS)
    names = readers.finish(heads)
    figures = check(history, finished=names).require()
    assert closed == 0, f"{closed} of {pauses * QUIET} quiet connections were closed for the pause"
    return {"pauses": pauses, "pause_s": seconds, "pauses_with_kill": kills,
            "acknowledged": figures["acknowledged"], "sent_again": producers.unknown, "lost": 0,
            "doubled": 0, "quiet_closed": closed, "goes_on_after_s": slowest,
            "deliveries": figures["deliveries"]}


ROW = Row(27, "SIGSTOP for 30 s under load, longer than every timeout, then SIGCONT; 20 times with "
              "kill -9 right after", run,
          "nothing doubled, nothing acknowledged before it was durable; nobody closed for it")
