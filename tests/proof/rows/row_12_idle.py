# Row 12: many idle WebSockets beside a publisher: none is lost, and what each takes of memory.
# tests/proof/: see run. The memory is measured twice, here and by `tidemark bench memory`.
import json
import subprocess
import time

from proof import final_log, web
from proof.checker import check
from proof.followers import Followers, Transcript
from proof.history import History
from proof.masses import allow_descriptors
from proof.producers import Producers
from proof.readers import Readers
from proof.row import Row

QUIET, BUSY = "proof/idle/quiet", "proof/idle/busy"
MOST_KIB = 20.0
KIB = 1024


def publish(broker, topic, data):
    reply = web.request(broker.host, broker.port, "POST", f"/v1/topics/{topic}/events",
                        {"data": data})
    assert reply.status == 200, f"{reply.status} {reply.body!r}"


def join(followers, transcript, count):
    """`count` more, at most a thousand at a time on their way."""
    for i in range(count):
        followers.add(transcript).open(**{"from": "earliest"})
        if i % 1000 == 999:
            followers.each(lambda f: f.caught_up, 60, "subscribed")
    followers.each(lambda f: f.caught_up, 60, "subscribed")


def bench_memory(context, count):
    """What `tidemark bench memory` measures of as many, who are idle and then sent events."""
    done = subprocess.run(
        [context.cli, "bench", "memory", "--json", "--connections", str(count), "--events",
         str(context.pick(2000, 20000)), "--data-parent", context.directory],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=300)
    assert done.returncode == 0, f"bench memory: {done.returncode} {done.stderr[-500:]}"
    measured = json.loads(done.stdout)
    assert measured["faults"] == [], measured["faults"]
    return measured["rows"][0]


def run(context):
    count, seconds = context.pick((500, 4), (10000, 60))
    allow_descriptors(count)
    # The broker pings after half of it, and closes who does not answer after all of it.
    broker = context.broker("--timeout-idle", context.pick("6s", "40s"))
    history = History()
    publish(broker, QUIET, {"n": 1})
    followers = Followers(broker.port)
    transcript = Transcript(QUIET, expected=lambda offset: {"n": offset})
    join(followers, transcript, 1)  # what the first one costs is no connection's
    before = broker.rss()
    join(followers, transcript, count - 1)
    each = (broker.rss() - before) / (count - 1) / KIB
    context.note(f"{count} connections, {each:.1f} KiB each")

    with followers.meanwhile():
        producers = Producers(broker, history, [BUSY], count=2, seed=context.seed,
                              pause=context.pick(0.005, 0.02)).start()
        readers = Readers(broker, history, [BUSY], seed=context.seed).start()
        time.sleep(seconds)
        producers.stop()
        names = readers.finish(final_log.record(broker, history, [BUSY]))
    figures = check(history, finished=names).require()
    publish(broker, QUIET, {"n": 2})
    followers.each(lambda f: f.offset == 2, 60, "woken")
    under_load = (broker.rss() - before) / (count - 1) / KIB

    assert followers.lost == 0 and followers.masses.failed == 0 and not followers.closes, \
        f"{followers.lost} connections were lost, {followers.masses.failed} failed"
    assert producers.unknown == 0 and producers.refused == 0, "a publish failed"
    followers.masses.close_all()
    broker.kill()
    bench = bench_memory(context, count)
    measured = {"idle_KiB": each, "bench_idle_KiB": bench["idle_kib_per_connection"],
                "bench_load_KiB": bench["load_kib_per_connection"]}
    context.note(f"{measured}; all of the broker's growth beside the publisher {under_load:.1f}")
    assert max(measured.values()) <= MOST_KIB, f"KiB a connection: {measured}"
    return {"connections": count, "errors": 0, "acknowledged": figures["acknowledged"], **measured}


ROW = Row(12, "10,000 idle WebSockets and a publisher", run,
          "0 errors; memory per connection at most 20 KiB")
