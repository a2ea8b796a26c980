#!/usr/bin/env python3
# Makes the results table of bench/README.md from the JSON that bench/run has collected.
# bench/: the goals stand here beside the measure they belong to.
import json
import sys
from pathlib import Path


class Results:
    def __init__(self, folder):
        self.folder = Path(folder)

    def rows(self, name):
        try:
            return json.loads((self.folder / f"{name}.json").read_text())["rows"]
        except (OSError, ValueError, KeyError):
            return []

    def setting(self, name):
        try:
            return json.loads((self.folder / f"{name}.json").read_text())["setting"]
        except (OSError, ValueError, KeyError):
            return {}

    def command(self, name):
        path = self.folder / f"{name}.command"
        return path.read_text().strip() if path.exists() else ""

    def one(self, name, key, scale=1.0, best=max):
        values = [row[key] for row in self.rows(name) if key in row]
        return best(values) / scale if values else None


def shown(value, digits=None):
    if value is None:
        return "failed"
    if digits is None:
        digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def ratio(a, b):
    return a / b if a is not None and b else None


def spread(results, name, key):
    """The dearest step relative to the first, so 1.00 is flat."""
    values = [row[key] for row in results.rows(name) if row.get(key)]
    return max(values) / values[0] if values else None


def deliveries_spread(results):
    values = [r["deliveries_per_cpu_second"] for r in results.rows("growth")]
    return values[0] / min(values) if values else None


def table(results):
    fan = "deliveries_per_cpu_second"
    thousand = results.one("fan256", fan, 1e3)

    def bare_of(name, per_write):
        rows = results.rows(name)
        return next((r[fan] / 1e3 for r in rows if r["per_write"] == per_write), None)

    def against(name, reference, per_write):
        own, bare = results.one(name, fan, 1e3), bare_of(reference, per_write)
        return f"{shown(own)} ({shown(ratio(own, bare))} of a bare loop's {shown(bare)})"

    def pair(name, *keys, scale=1.0, digits=None):
        return " / ".join(shown(results.one(name, k, scale), digits) for k in keys)

    def median(name, key):
        values = sorted(row[key] for row in results.rows(name) if key in row)
        return values[len(values) // 2] if values else None

    def publishes(name):
        return results.one(name, "acked_per_second")

    def publishes_against(name, connections):
        rows = results.rows("publish_ceiling")
        bare = next((r["acked_per_second"] for r in rows if r["connections"] == connections), None)
        own = publishes(name)
        return f"{shown(own)} ({shown(ratio(own, bare))} of a bare loop's {shown(bare)})"

    yield ("fan-out, 1,000 × 128 B, window 256, kd/cpu-s", "12,000", "25,000",
           against("fan256", "ceiling", 256), "fan256")
    yield ("the same, binary wire form", "", "", shown(results.one("fan256_binary", fan, 1e3)),
           "fan256_binary")
    yield ("the same, window 32", "5,000", "7,000", against("fan32", "ceiling", 32),
           "fan32")
    yield ("the same, 1 KiB, window 256", "5,000", "6,500",
           against("fan1k", "ceiling1k", 256), "fan1k")
    yield ("5,000 connections, relative to 1,000", "0.9", "1.0",
           shown(ratio(results.one("fan5000", fan, 1e3), thousand)), "fan5000")
    yield ("one event at a time, kd/cpu-s", "225", "250", against("fan1", "ceiling", 1), "fan1")
    yield ("latency, 1,000 × 50/s, p50 / p99, ms", "3.3 / 7.5", "2.9 / 6.0",
           pair("latency", "latency_p50_ms", "latency_p99_ms"), "latency")
    yield ("memory per connection, idle / load, KiB", "6 / 8", "4.3 / 5",
           pair("memory", "idle_kib_per_connection", "load_kib_per_connection"), "memory")
    yield ("durable publish, 1 × 1, /s", "5,000", "6,500", publishes_against("publish1", 1),
           "publish1")
    yield ("durable publish, 64 × 1, /s", "100,000", "150,000", publishes_against("publish64", 64),
           "publish64")
    yield ("durable publish, 1 × 256, /s", "400,000", "700,000", shown(publishes("publish256")),
           "publish256")
    yield ("catch-up, one reader, hot, M ev/s", "6", "10",
           shown(results.one("hot", "events_per_second", 1e6)), "hot")
    yield ("catch-up, one reader, cold, M ev/s", "3", "5",
           shown(results.one("cold", "events_per_second", 1e6)), "cold")
    yield ("catch-up, 100 readers, M ev/s", "6", "10",
           shown(results.one("hot100", "events_per_second", 1e6)), "hot100")
    yield ("start with 10 M events, after kill / clean stop, s", "0.6 / 0.1", "0.3 / 0.05",
           f'{shown(median("start", "start_after_kill_seconds"), 3)} / '
           f'{shown(median("start", "start_after_stop_seconds"), 3)}', "start")
    yield ("bytes on disk per 128 B event (LZ4; 28 of the 128 compress)", "140", "130",
           shown(results.one("start", "bytes_per_event", best=min)), "start")
    yield ("cost per event to one topic, 1 → 100,000 topics, dearest ÷ first", "1.2", "1.05",
           shown(spread(results, "topics", "cpu_us_per_event")), "topics")
    yield ("cost per publish, 1 M → 50 M events, dearest ÷ first", "1.2", "1.05",
           shown(spread(results, "growth", "fill_cpu_us_per_event")), "growth")
    yield ("cost per delivery, 1 M → 50 M events, dearest ÷ first", "1.2", "1.05",
           shown(deliveries_spread(results)), "growth")


def main():
    results = Results(sys.argv[1])
    setting = results.setting("fan256") or results.setting("fan1")
    print(f'{setting.get("date", "")}, {setting.get("machine", "")}; broker on core '
          f'{setting.get("server_cores", "?")}, generator on core '
          f'{setting.get("client_cores", "?")}; data on {setting.get("file_system", "?")}.\n')
    disk = results.setting("ceiling")
    if "fdatasync_growing_us" in disk:
        print(f'fdatasync of 4 KiB in the same run: {disk["fdatasync_growing_us"]:.0f} µs growing a '
              f'file, {disk["fdatasync_overwriting_us"]:.0f} µs overwriting.\n')
    print("| measure | must | aim | measured | command |")
    print("|---|---|---|---|---|")
    for measure, must, aim, measured, name in table(results):
        print(f"| {measure} | {must} | {aim} | {measured} | `{results.command(name)}` |")
    for name in ("topics", "topics100", "growth"):
        rows = results.rows(name)
        if rows:
            print(f"\n`{results.command(name)}`:\n")
            print("| " + " | ".join(rows[0]) + " |")
            print("|" + "---|" * len(rows[0]))
            for row in rows:
                print("| " + " | ".join(shown(v) for v in row.values()) + " |")


if __name__ == "__main__":
    main()
