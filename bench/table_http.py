#!/usr/bin/env python3
# Makes the HTTP table of bench/README.md from the JSON that bench/run-http has collected.
# bench/: the goals stand here beside the measure they belong to.
import sys

from table import Results, ratio, shown


def rows(results):
    """Measure, must, aim, ours, the reference's, and the name of our command."""
    def both(name, cell):
        measured = results.command(f"reference_{name}")
        return cell(name), cell(f"reference_{name}") if measured else ""

    def per_core(key, scale):
        def cell(name):
            cpu = results.one(name, f"{key}_per_cpu_second", scale)
            wall = results.one(name, f"{key}_per_second", scale)
            return f"{shown(cpu)} ({shown(wall)})"
        return cell

    def many(*keys, best=max):
        return lambda name: " / ".join(shown(results.one(name, k, best=best)) for k in keys)

    gigabytes, events = per_core("mb", 1e3), per_core("events", 1e6)
    yield ("catch-up, 1 KiB events of bytes, GB per CPU-s (per s)", "1", "",
           *both("bytes", gigabytes), "bytes")
    yield ("the same after a restart, from the page cache", "1", "",
           *both("bytes_cache", gigabytes), "bytes_cache")
    yield ("the same, 100 readers", "1", "", *both("bytes_readers", gigabytes), "bytes_readers")
    yield ("catch-up, 128 B events of JSON, M per CPU-s (per s)", "5", "",
           *both("json", events), "json")
    yield ("the same after a restart, from the page cache", "5", "",
           *both("json_cache", events), "json_cache")

    fan = "deliveries_per_cpu_second"
    web_socket, sse = (results.one(name, fan, 1e3) for name in ("fan256", "sse256"))
    yield ("SSE fan-out, 128 B, window 256, published over a WebSocket, kd/cpu-s; relative to "
           "WebSockets", "0.9", "1.0",
           f"{shown(sse)}; {shown(ratio(sse, web_socket))} of {shown(web_socket)}", "", "sse256")
    yield ("the same, published by appends, kd/cpu-s", "", "",
           *both("sse256_appends", lambda name: shown(results.one(name, fan, 1e3))),
           "sse256_appends")
    yield ("the same, 50 events a second, p50 / p99, ms", "", "",
           *both("sse_latency", many("latency_p50_ms", "latency_p99_ms")), "sse_latency")
    yield ("memory of an idle SSE subscriber, KiB", "", "",
           *both("sse256_appends", many("kib_per_connection")), "sse256_appends")
    yield ("memory of a waiting long-poll, KiB", "10", "", *both("polls", many("kib_per_poll")),
           "polls")
    yield ("one event to all of them: until the last answer, ms / CPU per answer, µs", "", "",
           *both("polls", many("all_answered_ms", "cpu_us_per_answer", best=min)), "polls")
    for name, what in (("appends", "of JSON, 128 B"), ("appends_bytes", "of bytes, 1 KiB")):
        must = ("40,000", "60,000") if name == "appends" else ("", "")
        yield (f"durable appends {what}, 64 × 1, /s", *must,
               *both(name, many("appends_per_second")), name)
        yield ("the same, answer p50 / p99, ms", "", "",
               *both(name, many("append_p50_ms", "append_p99_ms")), name)


def main():
    results = Results(sys.argv[1])
    setting = results.setting("bytes")
    print(f'{setting.get("date", "")}, {setting.get("machine", "")}; server on core '
          f'{setting.get("server_cores", "?")}, generator on core '
          f'{setting.get("client_cores", "?")}; data on {setting.get("file_system", "?")}.\n')
    print("| measure | must | aim | Tidemark | reference server | command |")
    print("|---|---|---|---|---|---|")
    for *cells, name in rows(results):
        print(f'| {" | ".join(cells)} | `{results.command(name)}` |')


if __name__ == "__main__":
    main()
