# Row 7: files of the log deleted, and the log replaced by an older copy of it.
# tests/proof/: see run.
import re
import shutil
import subprocess
from collections import Counter

from proof import kept
from proof.final_log import describe
from proof.known_log import TEXT, KnownLog, read_http
from proof.row import Row

DAMAGED = 6  # exit code of tidemark repair that has found a loss
REFUSED = 3  # exit code of a broker that can't use its directory
CODES = {"position_ahead", "ahead", "wrong_epoch", "epoch", "unknown_topic"}
KEPT_RUNS = 2  # runs of the broker before the older copy is made


def publish(log, broker, count):
    log.publish(broker, "orders", count, batch=3)
    log.publish(broker, "notes", count)
    log.publish(broker, "fast", count)
    log.publish(broker, "orders", 1)


class Prepared:
    """A directory that was stopped (older), gone on with, and killed (data); a backup between."""

    def __init__(self, context):
        self.context = context
        self.log = KnownLog(context.random)
        broker = self.broker = context.broker("--long-poll-timeout", "2s", start=False)
        self.older = context.directory / "older"
        for number in range(KEPT_RUNS):
            broker.start()
            if number == 0:
                self.log.create(broker, "orders")
                self.log.create(broker, "notes", TEXT)
                self.log.create(broker, "fast", durability="buffered")
            publish(self.log, broker, 10)
            broker.terminate()
            assert broker.wait() == 0, broker.log()
        copy(broker.data, self.older)
        self.older_heads = {t.name: t.head for t in self.log.topics.values()}
        broker.start()
        publish(self.log, broker, 5)
        made = self.run("backup", "create", "kept", "--server", broker.url)
        assert made.returncode == 0, made.stderr
        self.backup = context.directory / "backup"
        shutil.copytree(broker.data / "backups" / "kept", self.backup)
        shutil.rmtree(broker.data / "backups")
        self.backup_heads = {t.name: t.head for t in self.log.topics.values()}
        publish(self.log, broker, 20)
        broker.kill()
        self.data = context.directory / "newest"
        copy(broker.data, self.data)
        # Where every client is: it has all.
        self.places = {t.name: (t.epoch, t.head) for t in self.log.topics.values()}
        self.events = {t.name: list(t.events) for t in self.log.topics.values()}

    def run(self, *arguments):
        return subprocess.run([self.context.cli, *map(str, arguments)], capture_output=True,
                              timeout=60, check=False)

    def reset(self):
        """The broker's directory as it was when it was killed."""
        self.broker.kill()
        shutil.rmtree(self.broker.data, ignore_errors=True)
        copy(self.data, self.broker.data)
        self.broker.log_path.unlink(missing_ok=True)
        for topic in self.log.topics.values():
            topic.events = list(self.events[topic.name])
        return self.broker.data


def copy(source, target):
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


# ---- what is done to the directory ----

def unlink(pattern):
    def damage(prepared, data):
        files = [f for f in data.glob(pattern) if f.stat().st_size]
        assert files, f"there is no {pattern}"
        prepared.context.random.choice(files).unlink()
    return damage


def remove_database(_, data):
    shutil.rmtree(data / "db")


def remove_all(_, data):
    shutil.rmtree(data)


def restore_backup(prepared, data):
    shutil.rmtree(data)
    done = prepared.run("restore", prepared.backup, data)
    assert done.returncode == 0, done.stderr


def restore_plain_copy(prepared, data):
    shutil.rmtree(data)
    done = prepared.run("restore", "--plain-copy", prepared.older, data)
    assert done.returncode == 0, done.stderr


def put_back(prepared, data):
    shutil.rmtree(data)
    copy(prepared.older, data)


def put_back_over(prepared, data):
    """Over what is there, whose newer files are then nobody's."""
    copy(f"{prepared.older}/.", data)


def put_back_beside(prepared, data):
    """The newer one keeps its place under another name, so that no inode is used again."""
    aside = data.with_name("aside")
    shutil.rmtree(aside, ignore_errors=True)
    data.rename(aside)
    copy(prepared.older, data)


MISSING = {"WAL": unlink("db/*.log"), "table": unlink("db/*.sst"), "CURRENT": unlink("db/CURRENT"),
           "MANIFEST": unlink("db/MANIFEST-*"), "HEAD": unlink("HEAD"), "db": remove_database}
# With the events that are left then: topic -> how many, or None, whatever they are.
OLDER = {"directory": (remove_all, lambda p: dict.fromkeys(p.log.topics, 0)),
         "backup": (restore_backup, lambda p: p.backup_heads),
         "plain copy restored": (restore_plain_copy, lambda p: p.older_heads),
         "plain copy put back": (put_back, lambda p: p.older_heads),
         # A newer write-ahead log that stays there is read, too.
         "plain copy over it": (put_back_over, lambda p: None),
         "plain copy beside it": (put_back_beside, lambda p: p.older_heads)}


# ---- what has to come of it ----

def refuse(prepared, what):
    """The start is refused, in words that name the directory and what is wrong."""
    broker = prepared.broker
    code = broker.try_start()
    said = broker.log()
    broker.kill()
    clear = str(broker.data) in said and re.search(r"lost data|is damaged", said) and \
        "tidemark repair" in said
    assert code == REFUSED and clear, f"{what}: {code} {said[-600:]}"


def heads_left(prepared):
    """Topic -> the last event there is; 0 without a topic."""
    found = {name: describe(prepared.broker, name) for name in prepared.log.topics}
    return {name: about["head"] if about else 0 for name, about in found.items()}


def require_clients_told(prepared, expected):
    """Who has all there ever was is told in every way: at once, and when the topics have gone on
    beyond where it is. Who has no more than there is gets what it has not. `expected`: topic -> the
    events that are left; None: whatever they are."""
    broker, log = prepared.broker, prepared.log
    left = heads_left(prepared)
    assert expected is None or left == expected, f"there are {left}, and should be {expected}"
    lost = [t for t in log.topics.values() if left[t.name] < prepared.places[t.name][1]]
    asked = ask(prepared, lost)
    for topic in log.topics.values():
        if left[topic.name] == 0 and describe(broker, topic.name) is None:
            log.create(broker, topic.name, topic.content_type)
    holed = set()
    for topic in log.topics.values():
        del topic.events[left[topic.name]:]
        # A table that is gone may have held the middle of a topic: then that is told. If it held
        # the beginning, what is salvaged begins later, as if it had been trimmed.
        begin = describe(broker, topic.name)["earliest"]
        told = read_http(broker, topic, begin=begin)
        gone = {offset for first, end, _ in told.gaps for offset in range(first, end)}
        gone.update(range(1, begin))
        assert not told.wrong and not told.refused and \
            set(told.right) | gone == set(range(1, topic.head + 1)), f"{told}"
        if gone:
            holed.add(topic.name)  # who had the events of the hole has them of an epoch that ended
    for count in (3, 40):
        grow(prepared, count)
        asked += ask(prepared, lost)
    for topic in log.topics.values():
        if left[topic.name] > 1 and topic.name not in holed:
            behind = left[topic.name] - (topic in lost)
            what, text = kept.get(broker, topic.name, (prepared.places[topic.name][0], behind))
            # As a body is shown there: the line break of a short event is two characters.
            first = repr(topic.events[behind][:40])[2:-1]
            assert what == "events" and text.find(first) in (2, 3), \
                f"behind {behind} of {topic.name}: {what} {text}"
    return asked


def ask(prepared, topics):
    return sum(kept.require_told(prepared.broker, topic.name, prepared.places[topic.name], CODES)
               for topic in topics)


def grow(prepared, count):
    """Other events than those there were, at the offsets these had."""
    for topic in prepared.log.topics.values():
        prepared.log.publish(prepared.broker, topic.name, count, batch=count)


def accept(prepared, what):
    """Who starts all the same gets what the database still opens, if it does."""
    broker = prepared.broker
    broker.arguments.append("--accept-data-loss")
    code = broker.try_start()
    broker.arguments.pop()
    if code is None:
        return True
    said = broker.log().strip().splitlines()[-1]
    assert code == REFUSED and "tidemark repair" in said and \
        "--accept" not in said, f"{what}: {code} {said}"
    return False


def salvage(prepared, what):
    """Into a new directory, which takes the place of the damaged one."""
    data = prepared.broker.data
    new = data.with_name("salvaged")
    done = prepared.run("repair", data, new)
    assert done.returncode in (0, DAMAGED), f"{what}: repair {done.returncode} {done.stderr!r}"
    shutil.rmtree(data)
    new.rename(data)
    prepared.broker.start()


def go_on(prepared, what, counts, accepting):
    if accepting and accept(prepared, what):
        counts["accepted"] += 1
    else:
        try:
            salvage(prepared, what)
        except RuntimeError as error:
            raise AssertionError(f"{what}: {error}") from error
        counts["salvaged"] += 1
    counts["asked"] += require_clients_told(prepared, None)


def missing(prepared, counts, what, damage, accepting):
    damage(prepared, prepared.reset())
    refuse(prepared, what)
    counts["refused"] += 1
    # A database that is gone altogether leaves nothing to salvage.
    go_on(prepared, what, counts, accepting or what == "db")


def replaced(prepared, counts, what):
    replace, left = OLDER[what]
    replace(prepared, prepared.reset())
    prepared.broker.start()
    counts["asked"] += require_clients_told(prepared, left(prepared))
    counts["replaced"] += 1


def run(context):
    prepared = Prepared(context)
    counts = Counter()
    # Fast: half of it, another half each time.
    gone = context.random.sample(sorted(MISSING), context.pick(3, len(MISSING)))
    older = context.random.sample(sorted(OLDER), context.pick(3, len(OLDER)))
    for round_number in range(context.pick(1, 10)):
        for number, what in enumerate(gone):
            for accepting in context.pick([number % 2 == 0], [False, True]):
                try:
                    missing(prepared, counts, what, MISSING[what], accepting)
                except AssertionError as error:
                    raise AssertionError(f"{what} missing: {error}") from error
        for what in older:
            try:
                replaced(prepared, counts, what)
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}") from error
        if not context.fast:
            context.note(f"round {round_number + 1}: {dict(counts)}")
    return {**counts, "in_silence": 0}


ROW = Row(7, "WAL, table, CURRENT, MANIFEST, HEAD, db, all of it deleted; older copies put back",
          run, "refused with a clear message, or a new epoch and clients told")
