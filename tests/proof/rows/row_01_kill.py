# Row 1: kill -9 at random moments under load, every kind of reader following.
# tests/proof/: see run.
import time

from proof import final_log
from proof.checker import check
from proof.history import History
from proof.producers import Producers
from proof.readers import Readers
from proof.row import Row

TOPICS = [f"proof/kill/{i}" for i in range(8)]
READY_SECONDS = 2.0


def run(context):
    cycles = context.pick(5, 200)
    history = History()
    broker = context.broker()
    producers = Producers(broker, history, TOPICS, count=4, seed=context.seed, pause=0.001).start()
    readers = Readers(broker, history, TOPICS, seed=context.seed, leave=0.002).start()
    slowest = 0.0
    for cycle in range(cycles):
        time.sleep(context.random.uniform(0.05, 0.8))
        broker.kill()
        broker.start()
        slowest = max(slowest, broker.start_seconds)
        if cycle % 20 == 19:
            context.note(f"{cycle + 1} kills, {producers.acknowledged} acknowledged")
    producers.stop()
    heads = final_log.record(broker, history, TOPICS)
    names = readers.finish(heads)
    verdict = check(history, finished=names)
    figures = verdict.require()
    assert producers.acknowledged > cycles, "hardly anything was published"
    assert readers.connects() > len(names), "no reader came back"
    assert slowest <= READY_SECONDS, f"ready after {slowest:.2f} s"
    return {"kills": cycles, "acknowledged": figures["acknowledged"], "lost": 0, "doubled": 0,
            "reordered": 0, "deliveries": figures["deliveries"],
            "reconnects": readers.connects() - len(names), "slowest_start_s": slowest}


ROW = Row(1, "kill -9 at random, 50 to 800 ms; 4 producers, 8 topics, 24 live readers", run,
          "0 acknowledged lost, 0 doubled, 0 reordered, contiguous; ready within 2 s")
