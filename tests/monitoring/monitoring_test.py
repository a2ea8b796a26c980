#!/usr/bin/env python3
# Holds the dashboard, the alerts and the list of metrics against a real broker and a real Prometheus.
# tests/monitoring/: run by ctest; `monitoring_test.py --root . --daemon …/tidemarkd` does it by hand.
"""Without Debian's package prometheus the tests that need it are skipped, and say so."""

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(".")
DAEMON = "tidemarkd"
PATIENCE = 30  # seconds; far more than anything here takes
NAME = re.compile(r"\b(?:tidemark|process)_[a-z0-9_]+\b")
# Of a histogram's series.
SUFFIXES = ("_bucket", "_sum", "_count")


# Not on the dashboard, each with its reason.
BESIDE = {
    "process_virtual_memory_bytes",  # says nothing of use
    "tidemark_build_info",  # for its labels
    "tidemark_disk_guard_refusals_total",  # refusals by code have them
    "tidemark_draining",  # an alert
    "tidemark_forks_created_total",  # rare
    "tidemark_queue_bytes",  # goes with the requests
    "tidemark_rocksdb_compaction_read_bytes_total",  # about what is written
    "tidemark_rocksdb_delayed_write_bytes_per_second",  # stalls say it
    "tidemark_rocksdb_live_files_bytes",  # in tidemark_data_bytes
    "tidemark_rocksdb_pending_flushes",  # a moment's
    "tidemark_rocksdb_running_flushes",  # a moment's
    "tidemark_rocksdb_table_readers_bytes",  # small
    "tidemark_rocksdb_wal_syncs_total",  # one for each synced group
    "tidemark_rocksdb_write_stopped",  # an alert
    "tidemark_rocksdb_written_bytes_total",  # about what is appended
}


class Program:
    """A process that says where it listens; ended at the end of its scope."""

    def __init__(self, command, listening, log):
        self.log = open(log, "w+", encoding="utf-8")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True)
        self.port = None
        for line in self.process.stdout:
            self.log.write(line)
            found = re.search(listening, line)
            if found:
                self.port = int(found.group(1))
                break
        if self.port is None:
            raise RuntimeError(f"{command[0]} did not start: {Path(log).read_text()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def get(self, path, **query):
        url = f"http://127.0.0.1:{self.port}{path}"
        if query:
            url += "?" + urllib.parse.urlencode(query)
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.read().decode()

    def post(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body.encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.read().decode()


def broker(directory):
    return Program([DAEMON, "--data", f"{directory}/data", "--listen", "127.0.0.1:0"],
                   r"listening on http://127\.0\.0\.1:(\d+)", f"{directory}/broker.log")


def prometheus(directory, target):
    config = Path(directory) / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 100ms, scrape_timeout: 100ms, evaluation_interval: 100ms}\n"
        f"rule_files: ['{(ROOT / 'tools/monitoring/alerts.yaml').resolve()}']\n"
        "scrape_configs:\n"
        "  - job_name: tidemark\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n", encoding="utf-8")
    return Program(["prometheus", f"--config.file={config}",
                    f"--storage.tsdb.path={directory}/series",
                    "--web.listen-address=127.0.0.1:0"],
                   r'msg="Listening on" address=127\.0\.0\.1:(\d+)',
                   f"{directory}/prometheus.log")


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"needs {program} (tools/deps --tests)")


def families(page):
    return set(re.findall(r"^# TYPE (\S+) ", page, re.M))


def family_of(name, known):
    for suffix in SUFFIXES:
        if name.endswith(suffix) and name[:-len(suffix)] in known:
            return name[:-len(suffix)]
    return name


def dashboard():
    return json.loads((ROOT / "tools/monitoring/grafana.json").read_text(encoding="utf-8"))


def alerts():
    return (ROOT / "tools/monitoring/alerts.yaml").read_text(encoding="utf-8")


def expressions():
    """Every query of the dashboard, as Grafana would send it, with where it stands."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], filled_in(target["expr"])
    for note in dashboard()["annotations"]["list"]:
        yield note["name"], filled_in(note["expr"])


def filled_in(expression):
    return (expression.replace("$__rate_interval", "1m").replace("$job", "tidemark")
            .replace("$instance", ".*"))


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


class Files(unittest.TestCase):
    """The files against the page of a broker."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        with broker(cls.directory.name) as running:
            running.post("/v1/topics/orders/events", '{"events":[{"data":1}]}')
            cls.page = running.get("/metrics")
        cls.known = families(cls.page)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def used(self, text):
        return {family_of(name, self.known) for name in NAME.findall(text)}

    def test_the_page_is_one(self):
        self.assertGreater(len(self.known), 60)
        self.assertIn("\ntidemark_events_total 1\n", self.page)
        self.assertRegex(self.page, r"\ntidemark_rocksdb_wal_syncs_total [1-9]")
        self.assertRegex(self.page, r"\ntidemark_disk_free_bytes [1-9]")
        self.assertRegex(self.page, r"\ntidemark_data_bytes [1-9]")

    def test_every_metric_of_the_alerts_is_there(self):
        rules = "\n".join(re.findall(r"^\s*expr: (.*)$", alerts(), re.M))
        used = self.used(rules)
        self.assertGreater(len(used), 15)
        self.assertFalse(used - self.known)

    def test_every_metric_of_the_dashboard_is_there(self):
        used = set().union(*(self.used(expression) for _, expression in expressions()))
        self.assertGreater(len(used), 40)
        self.assertFalse(used - self.known)

    def test_every_metric_is_on_the_dashboard_or_said_not_to_be(self):
        used = set().union(*(self.used(expression) for _, expression in expressions()))
        self.assertFalse(self.known - used - BESIDE, "show them, or say in BESIDE why not")
        self.assertFalse(BESIDE & used, "they are shown")
        self.assertFalse(BESIDE - self.known, "gone")

    def test_every_metric_is_documented_and_none_that_is_not_there(self):
        text = (ROOT / "tools/monitoring/README.md").read_text(encoding="utf-8")
        documented = re.findall(r"^\| `([a-z0-9_]+)` \|", text, re.M)
        self.assertEqual(len(documented), len(set(documented)))
        self.assertEqual(set(documented), self.known)

    def test_the_dashboard_is_whole(self):
        panels = dashboard()["panels"]
        self.assertEqual(len({p["id"] for p in panels}), len(panels))
        taken = set()
        for panel in panels:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            taken |= cells
            if panel["type"] != "row":
                self.assertTrue(panel["description"], panel["title"])
                self.assertTrue(panel["targets"], panel["title"])

    @needs("promtool")
    def test_promtool_finds_no_fault_with_the_page(self):
        checked = subprocess.run(["promtool", "check", "metrics"], input=self.page, text=True,
                                 capture_output=True, check=False)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""), checked.stdout)

    @needs("promtool")
    def test_promtool_finds_no_fault_with_the_alerts(self):
        checked = subprocess.run(
            ["promtool", "check", "rules", str(ROOT / "tools/monitoring/alerts.yaml")],
            text=True, capture_output=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertIn(f"{alerts().count('- alert:')} rules found", checked.stdout)

    @needs("promtool")
    def test_alerts_fire_when_they_should(self):
        checked = subprocess.run(
            ["promtool", "test", "rules", str(ROOT / "tests/monitoring/alerts_test.yaml")],
            text=True, capture_output=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)


class Configured(unittest.TestCase):
    """What limits a file sets, and sets anew while the broker runs."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.file = Path(self.directory.name) / "tidemark.toml"

    def write(self, limits):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f'data = "{self.directory.name}/data"\nlisten = "127.0.0.1:0"\n{limits}',
                         encoding="utf-8")
        fresh.rename(self.file)

    @staticmethod
    def values(running):
        samples = re.findall(r"^(\w+) (\S+)$", running.get("/metrics"), re.M)
        return {name: float(value) for name, value in samples}

    @staticmethod
    def publish(running, topic):
        try:
            return running.post(f"/v1/topics/{topic}/events", '{"events":[{"data":1}]}')
        except urllib.error.HTTPError as refused:
            with refused:
                return json.load(refused)["code"], refused.headers["Retry-After"]

    def test_they_hold_and_change_on_sighup(self):
        self.write("[max]\nconnections = 77\ndata = \"1GiB\"\n"
                   "[disk]\nreserve = \"1MiB\"\n[rate]\npublish-per-topic = 1\nburst = \"1s\"\n"
                   "[[max.topics-of]]\npattern = \"rooms/*\"\ntopics = 1\n")
        with Program([DAEMON, "--config", str(self.file)],
                     r"listening on http://127\.0\.0\.1:(\d+)",
                     f"{self.directory.name}/broker.log") as running:
            before = self.values(running)
            self.assertEqual(before["tidemark_connections_limit"], 77)
            self.assertEqual(before["tidemark_data_limit_bytes"], 1 << 30)
            self.assertEqual(before["tidemark_disk_reserve_bytes"], 1 << 20)
            # One a second, so the second of two comes too soon, unless the machine stands still.
            until(lambda: self.publish(running, "t") == ("rate_limited", "1"), "the limit")
            self.assertIn('"last":1', self.publish(running, "rooms/a"))
            self.assertEqual(self.publish(running, "rooms/b"), ("too_many_topics", "1"))

            self.write("[max]\nconnections = 78\n[disk]\nreserve = \"2MiB\"\n")
            running.process.send_signal(signal.SIGHUP)
            until(lambda: self.values(running)["tidemark_connections_limit"] == 78, "the reload")
            after = self.values(running)
            self.assertEqual(after["tidemark_data_limit_bytes"], 0)
            self.assertEqual(after["tidemark_disk_reserve_bytes"], 2 << 20)
            for _ in range(5):
                self.assertIn('"last":', self.publish(running, "t"))
            self.assertIn('"last":1', self.publish(running, "rooms/b"))

    def test_a_reserve_larger_than_the_disk_refuses_and_says_so(self):
        self.write("[disk]\nreserve = \"1000000GiB\"\n")
        with Program([DAEMON, "--config", str(self.file)],
                     r"listening on http://127\.0\.0\.1:(\d+)",
                     f"{self.directory.name}/broker.log") as running:
            self.assertEqual(self.publish(running, "t")[0], "disk_full")
            self.assertEqual(json.loads(running.get("/readyz"))["warnings"], ["disk_full"])
            self.assertEqual(self.values(running)["tidemark_disk_guard_refusing"], 1)


@needs("prometheus")
class Scraped(unittest.TestCase):
    """A real Prometheus, a real broker."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.broker = broker(cls.directory.name)
        cls.addClassCleanup(cls.directory.cleanup)
        cls.addClassCleanup(cls.broker.__exit__)
        cls.prometheus = prometheus(cls.directory.name, cls.broker.port)
        cls.addClassCleanup(cls.prometheus.__exit__)
        until(cls.is_ready, "Prometheus")
        for i in range(3):
            cls.broker.post("/v1/topics/orders/events", json.dumps({"events": [{"data": i}]}))

    @classmethod
    def is_ready(cls):
        try:
            return cls.prometheus.get("/-/ready")
        except urllib.error.HTTPError:
            return None

    def ask(self, expression):
        answer = json.loads(self.prometheus.get("/api/v1/query", query=expression))
        self.assertEqual(answer["status"], "success", expression)
        return answer["data"]["result"]

    def value(self, expression):
        result = self.ask(expression)
        return float(result[0]["value"][1]) if result else None

    def test_it_is_up_and_counts(self):
        until(lambda: self.value('up{job="tidemark"}') == 1, "up")
        until(lambda: self.value("tidemark_events_total") == 3, "the events")
        self.assertEqual(self.value('tidemark_received_events_total{transport="http"}'), 3)

    def test_what_it_reads_is_compressed_and_whole(self):
        until(lambda: self.value('up{job="tidemark"}') == 1, "up")
        targets = json.loads(self.prometheus.get("/api/v1/targets"))["data"]["activeTargets"]
        self.assertEqual([t["lastError"] for t in targets], [""])

    def test_every_query_of_the_dashboard_can_be_asked(self):
        until(lambda: self.value('up{job="tidemark"}') == 1, "up")
        asked = 0
        for where, expression in expressions():
            with self.subTest(where):
                self.ask(expression)
                asked += 1
        self.assertGreater(asked, 60)

    def test_every_alert_is_evaluated_and_none_fires_of_a_healthy_broker(self):
        until(lambda: self.value('up{job="tidemark"}') == 1, "up")

        def rules():
            groups = json.loads(self.prometheus.get("/api/v1/rules"))["data"]["groups"]
            all_rules = [rule for group in groups for rule in group["rules"]]
            return all_rules if all(r["health"] != "unknown" for r in all_rules) else None

        evaluated = until(rules, "the rules")
        self.assertEqual(len(evaluated), alerts().count("- alert:"))
        for rule in evaluated:
            self.assertEqual(rule["health"], "ok", rule)
            self.assertNotEqual(rule["state"], "firing", rule["name"])


def main():
    global ROOT, DAEMON
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=".")
    parser.add_argument("--daemon", required=True)
    asked, rest = parser.parse_known_args()
    ROOT, DAEMON = Path(asked.root), asked.daemon
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
