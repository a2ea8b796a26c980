# Row 10: clients that have seen more than the broker has after a restart.
# tests/proof/: see run.
import os
import shutil
import subprocess

from proof import kept
from proof.final_log import describe
from proof.known_log import TEXT, KnownLog, read_http
from proof.row import Row

CODES = {"position_ahead", "ahead", "wrong_epoch", "epoch"}
WAYS = (*kept.READERS, kept.unread, kept.acknowledge)
BOOT_ID = "/proc/sys/kernel/random/boot_id"
OTHER_BOOT = "01234567-89ab-4cde-8f01-23456789abcd\n"


class Asked:
    def __init__(self, broker, log):
        self.broker, self.log = broker, log
        self.count = 0

    def ahead(self, beyond):
        """Every topic, from one event beyond its head on, in every way."""
        for topic in self.log.topics.values():
            for more in beyond:
                place = (topic.epoch, topic.head + more)
                self.count += kept.require_told(self.broker, topic.name, place, CODES, WAYS)
                self.count += kept.require_told(self.broker, topic.name, place, CODES,
                                                (kept.websocket_any_epoch,))

    def at_head(self):
        """Who has exactly what there is is not refused, and gets what comes."""
        for topic in self.log.topics.values():
            what, text = kept.get(self.broker, topic.name, (topic.epoch, topic.head))
            assert what == "nothing", f"{topic.name} at its head: {what} {text}"
            told = read_http(self.broker, topic)
            assert told.whole and len(told.right) == topic.head, f"{told}"


def restarts(context, asked, rounds):
    """Stopped and killed in turn, with more published between."""
    broker, log = asked.broker, asked.log
    for number in range(rounds):
        log.publish(broker, "orders", context.random.randrange(1, 30), batch=5)
        log.publish(broker, "notes", context.random.randrange(1, 9))
        if number % 2:
            broker.kill()
        else:
            broker.terminate()
            assert broker.wait() == 0, broker.log()
        broker.start()
        asked.at_head()
        last = 2**53 - 1 - max(topic.head for topic in log.topics.values())
        asked.ahead((1, context.random.randrange(2, 10**6), last))


def other_boot(directory):
    """What makes a broker believe that the machine was started anew; None if that can't be had."""
    file = directory / "boot_id"
    file.write_text(OTHER_BOOT)
    prefix = ("unshare", "--mount", "sh", "-c", f'mount --bind {file} {BOOT_ID} && exec "$@"', "sh")
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return None
    tried = subprocess.run([*prefix, "cat", BOOT_ID], capture_output=True, check=False)
    return prefix if tried.stdout.decode() == OTHER_BOOT else None


def lose_buffered_tail(context):
    """A machine that stops takes with it what was not synced: the WAL ends where it was synced
    last. Returns how many times a client was told; 0 if the machine's boot can't be feigned."""
    prefix = other_boot(context.directory)
    if prefix is None:
        context.note("no buffered tail was lost: that takes root and unshare")
        return 0
    log = KnownLog(context.random)
    broker = context.broker("--flush-interval", "60s")
    topic = log.create(broker, "fast", durability="buffered")
    log.create(broker, "safe")
    log.publish(broker, "fast", 10)
    log.publish(broker, "safe", 10)  # synced, with all that was written before
    wal, = [f for f in (broker.data / "db").glob("*.log") if f.stat().st_size]
    synced = wal.stat().st_size
    log.publish(broker, "fast", 10)
    had = (topic.epoch, topic.head)
    assert kept.acknowledge(broker, "fast", had)[0] != "told"
    broker.kill()
    assert wal.stat().st_size > synced, "nothing was buffered"
    os.truncate(wal, synced)
    broker.prefix = list(prefix)
    broker.start()
    return _after_lost_tail(broker, log, topic, had)


def _after_lost_tail(broker, log, topic, had):
    asked = 0
    place = (topic.epoch, 10)
    assert describe(broker, "fast")["head"] == 10, "the tail is not lost"
    asked += kept.require_told(broker, "fast", had, CODES, WAYS)
    # New events take the offsets of those that were lost: nobody may take them for these.
    del topic.events[10:]
    for _ in range(3):
        log.publish(broker, "fast", 5)
        asked += kept.require_told(broker, "fast", had, CODES, WAYS)
    what, text = kept.get(broker, "fast", place)
    assert what == "events" and topic.events[10][:60].decode() in text, f"at 10: {what} {text}"
    safe = log.topics["safe"]
    assert safe.epoch == describe(broker, "safe")["epoch"], "a synced topic has lost nothing"
    assert read_http(broker, safe).whole and read_http(broker, topic).whole
    return asked


def run(context):
    log = KnownLog(context.random)
    broker = context.broker("--long-poll-timeout", "2s")
    log.create(broker, "orders")
    log.create(broker, "notes", TEXT)
    asked = Asked(broker, log)
    rounds = context.pick(2, 20)
    restarts(context, asked, rounds)
    broker.kill()
    after_loss = lose_buffered_tail(context)
    return {"restarts": rounds, "asked_ahead": asked.count, "told": asked.count, "old_events": 0,
            "up_to_date": 0, "told_after_a_lost_tail": after_loss}


ROW = Row(10, "positions beyond the head after a stop, a kill, and a lost buffered tail", run,
          "refused in every way of reading; never old events, never up to date")
