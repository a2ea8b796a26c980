#!/usr/bin/env python3
# Holds the broker's WebSocket against RFC 6455, case by case, by way of its echo endpoint.
# tests/proof/: run by CTest; by hand against any echo: `websocket_conformance.py --port N`.
"""The cases are those of Autobahn's suite, sections 1 to 7, 9 and 10, by its numbers, and some more.
Strictly: what comes back is compared in full and in order, and so is how the connection ends.
Compression (12 and 13) is not offered, which is checked first."""

import argparse
import contextlib
import fnmatch
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from proof import raw  # noqa: E402
from websocket_cases import all_cases  # noqa: E402


class Fault(Exception):
    """What is wrong, for a person."""


def shown(event):
    opcode, payload = event
    names = {raw.TEXT: "text", raw.BINARY: "binary", raw.PONG: "pong", raw.PING: "ping",
             raw.CLOSE: "close"}
    start = payload[:12].hex() + ("…" if len(payload) > 12 else "")
    return f"{names.get(opcode, opcode)} of {len(payload)} bytes ({start})"


def expect(client, event):
    try:
        got = client.frame()
    except raw.Gone:
        raise Fault(f"the end came instead of {shown(event)}") from None
    if got != event:
        raise Fault(f"{shown(got)} came instead of {shown(event)}")


def expect_close(client, codes, answers):
    """`answers`: as who is told first has to; else it has said goodbye before."""
    try:
        opcode, payload = client.frame()
    except raw.Gone:
        raise Fault("the connection ended without a close frame") from None
    if opcode != raw.CLOSE:
        raise Fault(f"{shown((opcode, payload))} came instead of a close")
    if raw.close_code(payload) not in codes:
        raise Fault(f"closed with {raw.close_code(payload)} instead of {sorted(codes)}")
    if answers:
        with contextlib.suppress(raw.Gone):
            client.send(raw.close_frame(raw.close_code(payload)))
    if not client.ends():
        raise Fault("something follows the close frame")


def send_all(client, case):
    try:
        for data in case.sends:
            client.send(data, case.chop)
    except raw.Gone:
        pass  # it may close before it has all; what came until then tells whether it was right to


def run_in_turn(client, case):
    for data, event in zip(case.sends, case.events):
        client.send(data)
        expect(client, event)


def run_case(case, port, path):
    with raw.RawWebSocket(port, path) as client:
        sender = None
        if case.in_turn:
            run_in_turn(client, case)
        else:
            # By a thread, so that neither waits for the other to read.
            sender = threading.Thread(target=send_all, args=(client, case), daemon=True)
            sender.start()
            for event in case.events:
                expect(client, event)
        if case.closes is None:
            if sender:
                sender.join(raw.PATIENCE)
            client.send(raw.close_frame(1000))
        expect_close(client, case.closes or {1000}, answers=case.closes is not None)


def check_handshake(port, path):
    """What is offered besides is not taken."""
    offers = [("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
              ("Sec-WebSocket-Protocol", "chat, superchat")]
    with raw.RawWebSocket(port, path, headers=offers) as client:
        for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
            if name in client.response.headers:
                raise Fault(f"{name}: {client.response.headers[name]}")
        client.send(raw.close_frame(1000))
        expect_close(client, {1000}, answers=False)


def run_all(arguments):
    """The number of cases run, and the faults found."""
    check_handshake(arguments.port, arguments.path)
    faults, count = [], 0
    for case in all_cases():
        if not fnmatch.fnmatch(case.number, arguments.case) or (arguments.fast and case.heavy):
            continue
        count += 1
        start = time.monotonic()
        fault = ""
        try:
            run_case(case, arguments.port, arguments.path)
        except (Fault, AssertionError, raw.Gone, raw.Silence) as error:
            fault = str(error)
            faults.append(f"{case.number} {case.title}: {fault}")
        if arguments.verbose or fault:
            seconds = time.monotonic() - start
            print(f"{'FAILED' if fault else 'ok':6} {case.number:8} {case.title} "
                  f"({seconds * 1000:.0f} ms) {fault}", flush=True)
    return count, faults


def listening_port(daemon):
    """Of the line the daemon prints when it listens."""
    line = daemon.stdout.readline()
    if not line.startswith("listening on "):
        raise Fault(f"the daemon does not start: {line!r}")
    return int(line.strip().rsplit(":", 1)[1])


@contextlib.contextmanager
def running(path, *options):
    """A daemon of one's own: its port, and the file of what it logs. It must stop as it should."""
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile("w+") as log:
        command = [path, "--data", directory, "--listen", "127.0.0.1:0", *options]
        daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            yield listening_port(daemon), log
            daemon.terminate()
            if daemon.wait(20) != 0:
                raise Fault(f"the daemon ended with {daemon.returncode}")
        finally:
            daemon.kill()
            daemon.wait()
            daemon.stdout.close()


def check_off(path):
    """Nobody has the echo who has not asked for it."""
    with running(path) as (port, _), raw.Raw(port) as client:
        status = client.ask(raw.request("GET", "/v1/echo")).status
    if status != 404:
        raise Fault(f"/v1/echo is answered by {status} without --test-echo")


def run_with_daemon(arguments):
    check_off(arguments.daemon)
    with running(arguments.daemon, "--test-echo") as (port, log):
        arguments.port = port
        done = run_all(arguments)
        log.seek(0)
        warnings = [line for line in log if "event=test_echo" in line]
    if not any("level=warn" in line for line in warnings):
        raise Fault("nothing warns of the echo")
    return done


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--daemon", help="a tidemarkd to start; else --port")
    parser.add_argument("--port", type=int, help="of an echo on 127.0.0.1")
    parser.add_argument("--path", default="/v1/echo")
    parser.add_argument("--case", default="*", help="only these, as in '6.*'")
    parser.add_argument("--fast", action="store_true", help="leaves out most of the long cases")
    parser.add_argument("--verbose", action="store_true", help="a line for each case")
    arguments = parser.parse_args()
    if not arguments.daemon and not arguments.port:
        parser.error("either --daemon or --port")
    try:
        count, faults = run_with_daemon(arguments) if arguments.daemon else run_all(arguments)
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 1
    print(f"{count} cases, {len(faults)} failed")
    if count == 0:
        return 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
