# A shared to-do list: its own database, and a Tidemark topic that tells everybody what changes.
# tools/examples/todo/: nothing but Python's standard library; README.md says how to run it.
"""The database is the truth. A change is written there first, in one transaction with a row in the
outbox; a thread publishes what is in the outbox, in order, and only then removes it. A crash between
the two loses nothing; at worst the last change is published twice, which does no harm.

A page gets the whole list as the topic's state, then every change. The broker asks for the state
here; as the database is ahead of the topic, the list read then holds all that was published by then,
and no position has to be told (Tidemark-Offset)."""

import argparse
import http.client
import json
import sqlite3
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TABLES = """
    CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL,
                                      done INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT NOT NULL);
"""


class List:
    """The items and the outbox."""
    def __init__(self, path):
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.executescript(TABLES)
        self.changed = threading.Event()
        self.changed.set()  # something may be left in the outbox

    def items(self):
        with self.lock:
            rows = self.db.execute("SELECT id, text, done FROM items").fetchall()
        return [{"id": i, "text": text, "done": bool(done)} for i, text, done in rows]

    def _announce(self, change):
        self.db.execute("INSERT INTO outbox (change) VALUES (?)", [json.dumps(change)])

    def add(self, text):
        with self.lock, self.db:  # one transaction
            item = {"id": self.db.execute("INSERT INTO items (text) VALUES (?)", [text]).lastrowid,
                    "text": text, "done": False}
            self._announce({"set": item})
        self.changed.set()
        return item

    def finish(self, number, done):
        with self.lock, self.db:
            self.db.execute("UPDATE items SET done = ? WHERE id = ?", [done, number])
            row = self.db.execute("SELECT text FROM items WHERE id = ?", [number]).fetchone()
            if row:
                self._announce({"set": {"id": number, "text": row[0], "done": done}})
        self.changed.set()

    def remove(self, number):
        with self.lock, self.db:
            if self.db.execute("DELETE FROM items WHERE id = ?", [number]).rowcount:
                self._announce({"remove": number})
        self.changed.set()

    def first_of_outbox(self):
        with self.lock:
            return self.db.execute("SELECT id, change FROM outbox ORDER BY id LIMIT 1").fetchone()

    def published(self, number):
        with self.lock, self.db:
            self.db.execute("DELETE FROM outbox WHERE id = ?", [number])


def ask_broker(method, url, body):
    fields = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body.encode(), fields, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def publish_changes(todo, topic_url):
    """Runs for ever. What the broker does not take now is sent again until it does."""
    while True:
        todo.changed.wait()
        todo.changed.clear()  # before looking: no change slips through
        try:
            ask_broker("PUT", topic_url, "{}")  # creates it: pages may follow before there is an event
            while change := todo.first_of_outbox():
                ask_broker("POST", topic_url + "/events", '{"data": ' + change[1] + "}")
                todo.published(change[0])
        except (OSError, http.client.HTTPException) as error:
            print(f"the broker: {error}; trying again", file=sys.stderr)
            time.sleep(0.5)
            todo.changed.set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    todo = page = None

    def answer(self, status, body=b"", content_type="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")

    def do_GET(self):
        if self.path == "/":
            self.answer(200, self.page, "text/html; charset=utf-8")
        elif self.path.split("?")[0] == "/state":  # the broker asks; there is but one list
            self.answer(200, json.dumps(self.todo.items()).encode())
        else:
            self.answer(404)

    def do_POST(self):
        text = self.body().get("text", "")
        if self.path == "/items" and text:
            self.answer(201, json.dumps(self.todo.add(text)).encode())
        else:
            self.answer(400)

    def do_PUT(self):
        self.todo.finish(int(self.path.rsplit("/", 1)[1]), bool(self.body().get("done")))
        self.answer(204)

    def do_DELETE(self):
        self.todo.remove(int(self.path.rsplit("/", 1)[1]))
        self.answer(204)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description="A shared to-do list.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--database", default="todo.db")
    parser.add_argument("--broker", default="http://127.0.0.1:4437")
    parser.add_argument("--topic", default="todo")
    asked = parser.parse_args()
    Handler.todo = List(asked.database)
    stream = f"{asked.broker}/v1/stream/{asked.topic}?live=sse&state=true"
    page = (Path(__file__).parent / "index.html").read_text(encoding="utf-8")
    Handler.page = page.replace("STREAM_URL", stream).encode()
    work = (Handler.todo, f"{asked.broker}/v1/topics/{asked.topic}")
    threading.Thread(target=publish_changes, args=work, daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", asked.port), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
