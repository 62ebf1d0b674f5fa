#!/usr/bin/env python3
"""A mixed load for a while: uploads, ranges, pages, deletes, collections and giving pages back.

    tests/campaigns/soak.py BINARY WORK_DIRECTORY [--seconds 1800] [--sanitized]

Prints "ok …" and "FAIL …" lines: every answer is the expected one and every byte right; memory is
flat (what of the anonymous memory stays while little runs, the lowest tenth, is in the last quarter
no more than in the first one after a warm-up and 5 %, or 512 KiB, 1 MiB when there are less than ten
minutes for malloc to settle in; not with --sanitized, where freed memory is kept); the server ends
with 0, and so without a report of a sanitizer; the database is sound.
"""
import argparse
import contextlib
import http.client
import os
import random
import shutil
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import MIB, Server, read  # noqa: E402
from load import Client  # noqa: E402

MAX_FILE_BYTES = 24 * MIB
KEPT_FILES = 40
UPLOADERS, READERS = 3, 2
RECLAIM_S = 15
SAMPLE_S = 0.5
MAX_WARM_UP_S = 30  # caches fill, threads get their arenas


class Soak(Client):
    def __init__(self, server, seconds, seed):
        super().__init__(server.port, {"Cookie": server.sign_in().split(": ")[1]}, seed)
        self.server, self.end = server, time.monotonic() + seconds
        self.files = {}  # id: (offset in the source, size)
        self.done = dict.fromkeys(("uploads", "ranges", "deletes", "pages", "reclaims"), 0)
        self.failures = []
        self.memory = []

    def count(self, what):
        with self.lock:
            self.done[what] += 1

    def pick(self):
        with self.lock:
            return self.random.choice(list(self.files.items())) if self.files else None

    def upload(self, connection):
        piece = self.piece(MAX_FILE_BYTES)
        entry = self.put(connection, f"file-{piece[0]}.bin", piece)
        with self.lock:
            self.files[entry] = piece
        self.count("uploads")
        time.sleep(0.3)

    def read_range(self, connection):
        if not (picked := self.pick()):
            return
        entry, (offset, size) = picked
        first = self.random.randrange(size)
        last = min(size - 1, first + self.random.randrange(256 * 1024))
        try:
            status, content = self.ask(connection, "GET", f"/-{entry}", expect=(206, 404),
                                       headers={"Range": f"bytes={first}-{last}"})
        except http.client.IncompleteRead:
            if entry in self.files:
                raise
            connection.close()  # deleted after the headers: never wrong bytes
            return
        if status == 206 and content != self.source[offset + first:offset + last + 1]:
            raise RuntimeError(f"wrong bytes of {entry} from {first} to {last}")
        if status == 404 and entry in self.files:
            raise RuntimeError(f"{entry} has gone")
        self.count("ranges")
        time.sleep(0.01)

    def delete(self, connection):
        with self.lock:
            entry = (self.random.choice(list(self.files)) if len(self.files) > KEPT_FILES else None)
            if entry:
                del self.files[entry]
        if entry:
            self.ask(connection, "DELETE", "/api/entry/" + entry)
            self.count("deletes")
        else:
            time.sleep(0.05)

    def look_at_pages(self, connection):
        for path in ("/files", "/information", "/", "/guest-links"):
            self.ask(connection, "GET", path)
            self.count("pages")
        time.sleep(0.2)

    def reclaim(self, connection):
        self.ask(connection, "POST", "/api/system/reclaim", expect=(202,))
        self.count("reclaims")
        until = min(self.end, time.monotonic() + RECLAIM_S)
        while time.monotonic() < until:
            time.sleep(0.2)

    def repeat(self, action):
        connection = self.connect()
        try:
            while time.monotonic() < self.end and not self.failures:
                action(connection)
        except Exception as error:
            self.failures.append(f"{action.__name__}: {error!r}")
        connection.close()

    def run(self, seconds):
        actions = [self.upload] * UPLOADERS + [self.read_range] * READERS + \
            [self.delete, self.look_at_pages, self.reclaim]
        threads = [threading.Thread(target=self.repeat, args=(action,)) for action in actions]
        for thread in threads:
            thread.start()
        time.sleep(min(seconds / 4, MAX_WARM_UP_S))
        while any(thread.is_alive() for thread in threads):
            self.memory.append(self.server.status_bytes("RssAnon"))
            time.sleep(SAMPLE_S)

    def verify(self):
        """All files that are left."""
        connection = self.connect()
        for entry, piece in self.files.items():
            if not self.is_whole(connection, entry, piece):
                self.failures.append(f"{entry} differs from what was sent")
        connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("work")
    parser.add_argument("--seconds", type=int, default=1800)
    parser.add_argument("--sanitized", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    args = parser.parse_args()
    failed = False

    def check(name, good, text):
        nonlocal failed
        failed = failed or not good
        print(f"{'ok' if good else 'FAIL'} soak: {name}: {text}", flush=True)

    server = Server(os.path.abspath(args.binary), os.path.abspath(args.work), keep=True)
    with contextlib.suppress(SystemExit), server as s:
        soak = Soak(s, args.seconds, args.seed)
        soak.run(args.seconds)
        soak.verify()
    work = ", ".join(f"{n} {what}" for what, n in soak.done.items())
    check("answers and bytes", not soak.failures and all(soak.done.values()),
          "; ".join(soak.failures) or f"{work} in {args.seconds} s, seed {args.seed}")
    if not args.sanitized:
        quarter = len(soak.memory) // 4
        first, last = (sorted(part)[len(part) // 10] for part in
                       (soak.memory[:quarter], soak.memory[-quarter:]))
        check("memory", last - first <= max(first * 0.05, MIB if args.seconds < 600 else MIB // 2),
              f"anonymous {first / MIB:.2f} MiB in the first quarter, {last / MIB:.2f} in the last")
    check("end", server.process.returncode == 0,
          f"exit code {server.process.returncode}" +
          ("" if server.process.returncode == 0 else ": " + read(server.log)[-3000:]))
    with contextlib.closing(sqlite3.connect(server.db)) as db:
        found = [row[0] for row in db.execute("PRAGMA integrity_check")] + \
            [str(row) for row in db.execute("PRAGMA foreign_key_check")]
        orphans = db.execute("SELECT count(*) FROM entries_data WHERE id NOT IN"
                             " (SELECT id FROM entries)").fetchone()[0]
    check("database", found == ["ok"], ", ".join(found) + f"; {orphans} rows still to be removed")
    shutil.rmtree(args.work, ignore_errors=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
