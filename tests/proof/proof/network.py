# Two network namespaces and the link between them: lossy, slow, cut, healed.
# tests/proof/: for the rows that need a network that fails; root, and the tools ip, tc and nft.
import ctypes
import os
import shutil
import subprocess
import threading
from contextlib import contextmanager

from proof.row import Skip

CLONE_NEWNET = 0x40000000
# Ours for as long as it lasts, and seen by nobody else: 198.18.0.0/15 is for such tests (RFC 2544).
FAR_ADDRESS, NEAR_ADDRESS = "198.18.0.1", "198.18.0.2"
SEGMENT = 1500  # a packet of the link is a packet of the network, not 64 KiB that stand for many
_libc = ctypes.CDLL(None, use_errno=True)


def _run(*command, text=None):
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


def _enter(path):
    with open(path) as file:
        if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns", path)


class Network:
    """`far`, where the broker runs, and `near`, where its clients are. Use as a context; what it
    makes is gone afterwards, and its names are those of this process."""

    def __init__(self):
        if os.geteuid() != 0:
            raise Skip("needs root, for network namespaces")
        for tool in ("ip", "tc", "nft"):
            if not shutil.which(tool):
                raise Skip(f"needs {tool}: apt-get install iproute2 nftables")
        self.far, self.near = f"tidemark-{os.getpid()}-far", f"tidemark-{os.getpid()}-near"
        self._far_link, self._near_link = f"tmf{os.getpid()}", f"tmn{os.getpid()}"
        self._down = self._slow = False

    def __enter__(self):
        try:
            self._make()
        except RuntimeError as error:
            self.__exit__()
            raise Skip(f"needs network namespaces, veth, tbf and nftables: {error}")
        return self

    def __exit__(self, *_):
        for name in (self.far, self.near):  # their link goes with them
            if os.path.exists(f"/run/netns/{name}"):
                _run("ip", "netns", "delete", name)

    def _make(self):
        _run("ip", "netns", "add", self.far)
        _run("ip", "netns", "add", self.near)
        _run("ip", "link", "add", self._far_link, "netns", self.far, "type", "veth",
             "peer", "name", self._near_link, "netns", self.near)
        for name, link, address in self._ends():
            _run("ip", "-n", name, "link", "set", "lo", "up")
            _run("ip", "-n", name, "address", "add", address + "/24", "dev", link)
            _run("ip", "-n", name, "link", "set", link, "gso_max_size", str(SEGMENT),
                 "gso_max_segs", "1", "up")
        self.lose(50)  # fails here and not in the middle where the kernel can't
        self.slow("1mbit")
        self.heal()

    def _ends(self):
        return ((self.far, self._far_link, FAR_ADDRESS), (self.near, self._near_link, NEAR_ADDRESS))

    @property
    def prefix(self):
        """Of a command that shall run where the broker does."""
        return ("ip", "netns", "exec", self.far)

    # ---- what becomes of it ----

    def _rule(self, rule):
        for name, link, _ in self._ends():
            _run("ip", "netns", "exec", name, "nft", "-f", "-", text=f"""
                table inet proof
                delete table inet proof
                table inet proof {{
                  chain arriving {{
                    type filter hook input priority 0;
                    {f'iifname "{link}" {rule}' if rule else ""}
                  }}
                }}
                """)

    def lose(self, percent):
        """So many of a hundred packets, at random, in both directions."""
        self._rule(f"numgen random mod 100 < {percent} drop")

    def slow(self, rate):
        """As "1mbit", in both directions; what waits longer than 400 ms is dropped."""
        for name, link, _ in self._ends():
            _run("tc", "-n", name, "qdisc", "replace", "dev", link, "root", "tbf", "rate", rate,
                 "burst", "16kb", "latency", "400ms")
        self._slow = True

    def cut(self, silent):
        """Nothing passes any more: `silent`, somewhere on the way; else the clients' own link is
        down, as they are told at once."""
        if silent:
            self._rule("drop")
        else:
            _run("ip", "-n", self.near, "link", "set", self._near_link, "down")
            self._down = True

    def heal(self):
        if self._down:
            _run("ip", "-n", self.near, "link", "set", self._near_link, "up")
            self._down = False
        self._rule("")
        if self._slow:
            for name, link, _ in self._ends():
                _run("tc", "-n", name, "qdisc", "delete", "dev", link, "root")
            self._slow = False

    # ---- being there ----

    @contextmanager
    def inside(self):
        """This thread, and those it starts meanwhile, are near."""
        home = f"/proc/self/task/{threading.get_native_id()}/ns/net"
        with open(home) as file:
            _enter(f"/run/netns/{self.near}")
            try:
                yield
            finally:
                if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns", home)

    def at_broker(self, function):
        """What `function` returns in a thread that is far, as are the threads it starts."""
        answer = {}

        def run():
            try:
                _enter(f"/run/netns/{self.far}")
                answer["value"] = function()
            except Exception as error:  # raised where it was asked for
                answer["error"] = error

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if "error" in answer:
            raise answer["error"]
        return answer["value"]
