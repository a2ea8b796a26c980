# Row 5: one bit flipped, in every kind of file there is, each on a fresh copy of a data directory.
# tests/proof/: see run.
import json
import re
import shutil
import subprocess
from collections import Counter

from proof import kept
from proof.final_log import describe
from proof.known_log import BYTES, JSON, TEXT, KnownLog, read_http, read_websocket
from proof.row import Row

# How many of a hundred flips are in which kind of file.
SHARES = {"sst": 40, "wal": 30, "manifest": 18, "current": 6, "head": 6}
DAMAGED, UNREADABLE = 6, 3  # exit codes of tidemark verify
REFUSED = 3                 # exit code of a broker that can't use its directory
BLOCK, RECORD_HEAD = 32768, 7  # of RocksDB's logs: checksum, size and kind, then the record


def prepare(context):
    """Three runs that were stopped, so that there are files of tables, and one that was killed."""
    log = KnownLog(context.random)
    broker = context.broker(start=False)
    for run in range(4):
        broker.start()
        if run == 0:
            log.create(broker, "orders")
            log.create(broker, "prices", keep_latest=True)
            log.create(broker, "photos", BYTES)
            for i in range(4):
                log.create(broker, f"rooms/{i}", TEXT)
            log.create(broker, "audit", JSON, durability="buffered")
        log.publish(broker, "orders", 60, batch=7)
        log.publish(broker, "prices", 20)
        log.publish(broker, "photos", 15)
        log.publish(broker, "audit", 12)
        for i in range(4):
            log.publish(broker, f"rooms/{i}", 10)
        # Acknowledged as synced, so that what was buffered before it is on disk as well.
        log.publish(broker, "orders", 1)
        if run < 3:
            broker.terminate()
            assert broker.wait() == 0, broker.log()
    broker.kill()
    return log, broker.data


def files_of(data):
    """Kind -> files that are not empty."""
    found = {kind: [] for kind in SHARES}
    found["head"] = [data / "HEAD"]
    for file in sorted((data / "db").iterdir()):
        kind = {".sst": "sst", ".log": "wal"}.get(file.suffix)
        if file.name.startswith("MANIFEST-"):
            kind = "manifest"
        elif file.name == "CURRENT":
            kind = "current"
        if kind and file.stat().st_size:
            found[kind].append(file)
    assert all(found.values()), f"a kind of file is missing: {found}"
    return found


def last_record(file):
    """Where the last record of a WAL or a MANIFEST begins. One whose head is damaged can pass for a
    torn write, which is no damage."""
    data, at, last = file.read_bytes(), 0, 0
    while at + RECORD_HEAD <= len(data):
        left = BLOCK - at % BLOCK
        if left < RECORD_HEAD:
            at += left
            continue
        size = data[at + 4] | data[at + 5] << 8
        if size == 0 and data[at + 6] == 0:
            break
        last, at = at, at + RECORD_HEAD + size
    return last


def choose_flips(context, data, count):
    """[(kind, file within the directory, byte, bit)]"""
    rng, files, flips = context.random, files_of(data), []
    for kind, share in SHARES.items():
        sizes = [file.stat().st_size for file in files[kind]]
        for number in range(max(1, round(count * share / 100))):
            # Every other is anywhere in the files; the rest makes sure of small ones and of ends.
            file = rng.choices(files[kind], sizes if number % 2 else None)[0]
            byte = rng.randrange(file.stat().st_size)
            if kind in ("wal", "manifest") and number % 4 == 0:
                byte = last_record(file) + rng.randrange(RECORD_HEAD)
            flips.append((kind, file.relative_to(data), byte, rng.randrange(8)))
    return flips


def flip(file, byte, bit):
    with open(file, "r+b") as opened:
        opened.seek(byte)
        old = opened.read(1)[0]
        opened.seek(byte)
        opened.write(bytes([old ^ 1 << bit]))


def verify(context, data):
    """(exit code, report); a report without findings if it can't read the directory at all."""
    done = subprocess.run([context.cli, "verify", "--data", str(data), "--json"],
                          capture_output=True, timeout=60, check=False)
    if done.returncode == UNREADABLE:
        assert done.stderr.strip(), "verify says nothing"
        return done.returncode, {"findings": []}
    assert done.returncode in (0, DAMAGED), f"verify: {done.returncode} {done.stderr!r}"
    return done.returncode, json.loads(done.stdout)


def repair(context, data, new):
    """(exit code, report) of a salvage into a new directory."""
    done = subprocess.run([context.cli, "repair", str(data), str(new), "--json"],
                          capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, DAMAGED), f"repair: {done.returncode} {done.stderr!r}"
    return json.loads(done.stdout)


class Flips:
    def __init__(self, context, log, origin):
        self.context, self.log, self.origin = context, log, origin
        self.topics = list(log.topics.values())
        self.counts = Counter()
        self.problems = []
        self.repair_every = context.pick(4, 3)
        self.number = 0
        self.broker = context.broker(data=context.directory / "flipped", start=False)
        self.repaired = context.broker(data=context.directory / "repaired", start=False)

    def problem(self, what, text):
        self.problems.append(f"{what}: {text}")

    def run(self, kind, file, byte, bit):
        what = f"bit {bit} of byte {byte} of {file}"
        data = self.broker.data
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(self.origin, data)
        flip(data / file, byte, bit)
        code, report = verify(self.context, data)
        damages = [f for f in report["findings"] if f["weight"] == "damage"]
        self.number += 1
        self.broker.log_path.unlink(missing_ok=True)
        refused = self.broker.try_start()
        if refused is not None:
            came_to = self._refused(what, refused, code)
        else:
            came_to = self._served(what, file, damages)
            self.broker.kill()
        self.counts[came_to] += 1
        self.counts[f"{kind}_{came_to}"] += 1

    def _refused(self, what, exit_code, verified):
        said = self.broker.log()
        clear = re.search(r"is damaged|has lost data", said) and \
            str(self.broker.data) in said and "tidemark repair" in said
        if exit_code != REFUSED or not clear:
            self.problem(what, f"the start ended with {exit_code}: {said[-500:]}")
        if verified == 0:
            self.problem(what, "the broker refuses what verify finds intact: " + said[-500:])
        if self.counts["refused"] % self.repair_every == 0:
            self._repair(what)
        return "refused"

    def _served(self, what, file, damages):
        """Whatever the topics are asked for is right, or told to be lost and found by verify."""
        told = {topic.name: [read_http(self.broker, topic)] for topic in self.topics}
        if self.number % 5 == 0:
            for name, by_socket in read_websocket(self.broker, self.topics).items():
                told[name].append(by_socket)
        named = {f.get("topic") for f in damages}
        came_to = "harmless"
        for name, telling in [(name, one) for name, all_of in told.items() for one in all_of]:
            for wrong in [*telling.wrong, *filter(None, [telling.short])]:
                self.problem(what, wrong)
                self.counts["silent"] += 1
            if telling.whole:
                continue
            came_to = "told"
            if name not in named and None not in named:
                self.problem(what, f"{name}: {telling.gaps or telling.refused}, of which verify "
                                   f"says nothing: {damages}")
            for first, end, _ in telling.gaps:
                self._named(what, file, name, first, end, damages)
        return came_to

    def _named(self, what, file, name, first, end, damages):
        """File, topic and offsets of what was lost are in the report."""
        about = [f for f in damages if f.get("topic") == name and
                 f.get("first", 1) < end and f.get("last", 2**53) >= first]
        text = json.dumps(about)
        if not about or file.name not in text or "offset" not in text:
            self.problem(what, f"{name}: the gap {first} to {end} is not in the report with its "
                               f"file and place: {damages}")

    def _repair(self, what):
        """What is refused can be salvaged: topics of which repair tells no loss are whole, and of
        the others nothing is wrong and nothing missing in silence."""
        new = self.repaired.data
        shutil.rmtree(new, ignore_errors=True)
        losses = repair(self.context, self.broker.data, new)["losses"]
        self.repaired.start()
        for topic in self.topics:
            self._salvaged(what, topic, [loss for loss in losses
                                         if loss.get("topic") in (None, topic.name)])
        self.repaired.kill()

    def _salvaged(self, what, topic, losses):
        about = describe(self.repaired, topic.name)
        # If its first events are lost it begins later, as if it had been trimmed.
        begin = about["earliest"] if about else 1
        told = read_http(self.repaired, topic, begin=begin)
        if told.refused == "unknown_topic":  # its name was lost, and that is told
            told.wrong.clear()
        for wrong in told.wrong:
            self.problem(what, "repaired: " + wrong)
        whole = told.whole and begin == 1
        if not whole and not losses:
            self.problem(what, f"repaired: {topic.name} begins with {begin} and has "
                               f"{told.gaps or told.short}, of which repair says nothing")
        if begin > 1:
            self._begins_later(what, topic, begin, losses)
        if told.short and about["epoch"] == topic.epoch:
            self.problem(what, f"repaired: {told.short}, and goes on in its old epoch")
        self.counts["repaired_whole"] += whole
        self.counts["repaired_told"] += not whole

    def _begins_later(self, what, topic, begin, losses):
        """Repair names all that is gone, and who had come as far as its first event is told."""
        if not any(loss.get("first", 2) == 1 and loss["last"] >= begin - 1 for loss in losses):
            self.problem(what, f"repaired: {topic.name} begins with {begin}, and repair says of it "
                               f"{losses}")
        place = (topic.epoch, 1)
        found = kept.get(self.repaired, topic.name, place)
        if begin > 2 and found != ("told", "corrupt_record"):
            self.problem(what, f"repaired: who comes back to {topic.name} with {place} gets {found}")


def run(context):
    log, origin = prepare(context)
    flips = Flips(context, log, origin)
    chosen = choose_flips(context, origin, context.pick(12, 1000))
    context.random.shuffle(chosen)
    for number, flipped in enumerate(chosen, 1):
        flips.run(*flipped)
        if number % 100 == 0:
            context.note(f"{number} flips: {dict(flips.counts)}")
    problems, counts = flips.problems, flips.counts
    assert not problems, f"{len(problems)} problems\n" + "\n".join(problems[:20])
    return {"flips": len(chosen), "wrong_bytes": 0, "silent": 0,
            **{key: counts[key] for key in ("harmless", "told", "refused")},
            **{key: counts[key] for key in sorted(counts) if key not in
               ("harmless", "told", "refused")}}


ROW = Row(5, "single bits flipped in tables, WAL, MANIFEST, CURRENT and HEAD", run,
          "0 wrong bytes served, nothing lost in silence; the report names file, topic, offset")
