#!/usr/bin/env python3
"""The server is killed (SIGKILL) at random moments under a mixed load, and started again.

    tests/campaigns/kill_loop.py BINARY WORK_DIRECTORY [--rounds 200] [--mb 2000] [--files 100000]

The load: uploads by the owner and through a guest link, deletes, edits, collections and giving pages
back. Prints "ok …" and "FAIL …" lines: after every start all that was acknowledged is there and has
the bytes that were sent, and nothing else is there but what may have lost its answer; in the end the
rows of interrupted uploads are gone and the database is sound. With --mb and --files, a start after a
SIGKILL is compared between a database of that size, full of rows to be collected, and an empty one.
"""
import argparse
import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import MIB, Server  # noqa: E402
from load import Client, Ledger  # noqa: E402

MAX_FILE_BYTES = 4 * MIB
KEPT_FILES = 30
MAX_LOAD_S = 0.8
COLLECT_LIMIT_S = 120
CHECK_EVERY = 10  # rounds
STARTS = 9
MAX_START_RATIO = 2.0  # of pairs, the median
CHUNK_BYTES = 327680


class Killed(Exception):
    """An answer that never came."""


class KillLoop(Client):
    def __init__(self, server, ledger, seed):
        super().__init__(server.port, {}, seed)
        self.server, self.ledger = server, ledger
        self.link = None
        self.seen = set()
        self.killed = threading.Event()
        self.failures = []
        self.done = dict.fromkeys(("uploads", "guest_uploads", "deletes", "edits", "reclaims"), 0)

    def use(self, server):
        self.killed.clear()
        self.port = server.port
        self.headers = {"Cookie": server.sign_in().split(": ")[1]}
        if self.link is None:
            connection = self.connect()
            body = json.dumps({"label": "", "urlExpirationTime": "2999-12-31T00:00:00Z",
                               "fileLifetime": "720h"})
            content = self.ask(connection, "POST", "/api/guest-links", body,
                               {"Content-Type": "application/json"})[1]
            self.link = json.loads(content)["id"]
            connection.close()

    # -- the load: each acknowledged change is noted, each other one stays open --

    def upload(self, connection):
        piece = self.piece(MAX_FILE_BYTES)
        name = self.ledger.begin_upload(piece)
        self.ledger.end_upload(name, self.put(connection, name, piece))

    def guest_upload(self, connection):
        piece = self.piece(MAX_FILE_BYTES)
        name = self.ledger.begin_upload(piece)
        self.ledger.end_upload(name, self.post_as_guest(connection, self.link, name, piece))

    def delete(self, connection):
        entry = self.ledger.begin_delete(self.random.choice, KEPT_FILES)
        if entry is None:
            time.sleep(0.02)
            return
        self.ask(connection, "DELETE", "/api/entry/" + entry)
        self.ledger.end_delete(entry)

    def edit(self, connection):
        entry, name = self.ledger.begin_rename(self.random.choice)
        if entry is None:
            time.sleep(0.02)
            return
        body = json.dumps({"filename": name, "expiration": "2999-12-31T00:00:00Z"})
        status, _ = self.ask(connection, "PUT", "/api/entry/" + entry, body,
                             {"Content-Type": "application/json"}, expect=(200, 404))
        if status == 200:
            self.ledger.end_rename(entry)
        time.sleep(0.01)

    def reclaim(self, connection):
        self.ask(connection, "POST", "/api/system/reclaim", expect=(202,))
        time.sleep(0.05)

    def repeat(self, action, what):
        connection = self.connect(30)
        try:
            while not self.killed.is_set():
                action(connection)
                with self.lock:
                    self.done[what] += 1
        except (OSError, http.client.HTTPException) as error:
            if not self.killed.wait(1):  # the answer may have been lost a moment before
                self.failures.append(f"{what}: {error!r}")
        except Exception as error:
            self.failures.append(f"{what}: {error!r}")
        connection.close()

    def load(self, seconds):
        actions = [(self.upload, "uploads"), (self.guest_upload, "guest_uploads")] * 2 + \
            [(self.delete, "deletes")] * 4 + [(self.edit, "edits"), (self.reclaim, "reclaims")]
        threads = [threading.Thread(target=self.repeat, args=action) for action in actions]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait()
        self.killed.set()
        for thread in threads:
            thread.join()

    # -- looking --

    def verify(self, everything):
        """All that is listed; the bytes of what was stored since the last look, or of everything."""
        self.failures += self.ledger.judge(listed(self.server.db))
        connection = self.connect()
        for entry, (_, piece) in self.ledger.files.items():
            if (everything or entry not in self.seen) and \
                    not self.is_whole(connection, entry, piece):
                self.failures.append(f"{entry} differs from what was sent")
        self.seen = set(self.ledger.files)
        connection.close()


def listed(db):
    with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        return dict(connection.execute("SELECT id, filename FROM entries"))


def orphans(db):
    with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT count(*) FROM entries_data WHERE id NOT IN"
                                  " (SELECT id FROM entries)").fetchone()[0]


def is_sound(binary, db):
    """By the program's own look at it: integrity_check, references, rows and digests."""
    found = subprocess.run([binary, "check", db], capture_output=True, text=True)
    return found.returncode == 0, (found.stdout + found.stderr).strip()


def stop_watching(server):
    server.stopping = True
    server.thread.join()


def kill_rounds(args, check):
    server = Server(args.binary, args.work + "/server", keep=True)
    rng = random.Random(args.seed)
    loop = None
    broken = ""
    with contextlib.suppress(SystemExit), server:
        loop = KillLoop(server, Ledger(), args.seed)
        for number in range(args.rounds):
            loop.use(server)
            loop.load(rng.uniform(0, MAX_LOAD_S))
            stop_watching(server)
            everything = number % CHECK_EVERY == CHECK_EVERY - 1 or number == args.rounds - 1
            if everything:
                sound, text = is_sound(args.binary, server.db)
                broken = broken or ("" if sound else f"round {number + 1}: {text}")
            server.start()
            loop.use(server)
            loop.verify(everything)
            if loop.failures or broken:
                break
        end = time.monotonic() + COLLECT_LIMIT_S
        while orphans(server.db) > 0 and time.monotonic() < end:
            time.sleep(0.1)
    if loop is None:
        check("start", False, "the server does not start")
        return
    work = ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in loop.done.items())
    check("acknowledged changes", not loop.failures and all(loop.done.values()),
          "; ".join(loop.failures[:5]) or
          f"{args.rounds} rounds, {work}; {len(loop.ledger.files)} files left, all whole; "
          f"{loop.ledger.answers_lost} answers lost; seed {args.seed}")
    check("end", server.process.returncode == 0, f"exit code {server.process.returncode}")
    left = orphans(server.db)
    check("orphans", left == 0, f"{left} rows of interrupted uploads left")
    sound, text = is_sound(args.binary, server.db)
    check("database", sound and not broken, broken or text)


# ---- starting ----


def fill(db, mb, files):
    """Many small files, the rest in a few large ones, of which a quarter are orphans."""
    with contextlib.closing(sqlite3.connect(db)) as connection:
        connection.executescript(f"""
            BEGIN;
            CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS
                (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {files - 1}) SELECT i FROM n;
            INSERT INTO entries SELECT printf('s%09d', i), 'small', '', '2025-01-01T00:00:00Z',
                '2999-12-31T00:00:00Z', NULL, NULL FROM n;
            INSERT INTO entries_data SELECT printf('s%09d', i), 0, x'00' FROM n;
            INSERT INTO ext_files SELECT printf('s%09d', i), 1,
                x'6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d' FROM n;
            COMMIT""")
        rows = mb * 1_000_000 // CHUNK_BYTES
        with connection:
            for i in range(rows):
                connection.execute("INSERT INTO entries_data VALUES (?, ?, zeroblob(?))",
                                   (f"large{i % 40:05d}", i // 40, CHUNK_BYTES))
            for i in range(30 if rows else 0):
                connection.execute("INSERT INTO entries VALUES (?, 'large', '',"
                                   " '2025-01-01T00:00:00Z', '2999-12-31T00:00:00Z', NULL, NULL)",
                                   (f"large{i:05d}",))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def start_seconds(server):
    """From the start of the process to the first answer."""
    begin = time.monotonic()
    server.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/login")
    answer = connection.getresponse()
    answer.read()
    seconds = time.monotonic() - begin
    if answer.status != 200:
        raise RuntimeError(f"GET /login: {answer.status}")
    connection.close()
    return seconds


def leave_a_log(server):
    """An upload that SIGKILL interrupts: its rows are in the log, which the next start reads."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("PUT", "/api/upload/cut.bin")
    connection.putheader("Cookie", server.sign_in().split(": ")[1])
    connection.putheader("Content-Length", str(64 * MIB))
    connection.endheaders()
    connection.send(bytes(6 * MIB))
    time.sleep(0.2)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    stop_watching(server)
    connection.close()


def compare_starts(args, check):
    servers = {}
    for name in ("empty", "full"):
        servers[name] = Server(args.binary, f"{args.work}/{name}", keep=True)
        with servers[name]:
            pass
    fill(servers["full"].db, args.mb, args.files)
    times = {name: [] for name in servers}
    for number in range(STARTS + 1):
        for name, server in servers.items():
            seconds = start_seconds(server)
            if number > 0:  # the first one reads the file for the first time
                times[name].append(seconds)
            leave_a_log(server)
    ratio = statistics.median(full / empty for empty, full in zip(times["empty"], times["full"]))
    empty, full = (statistics.median(times[name]) for name in ("empty", "full"))
    size = os.stat(servers["full"].db).st_size / 1e6
    check("start", ratio <= MAX_START_RATIO,
          f"first answer with {size:.0f} MB and {args.files} files after {ratio:.2f} times as long as"
          f" with an empty database ({full * 1000:.0f} and {empty * 1000:.0f} ms)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("work")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--mb", type=int, default=2000)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    args = parser.parse_args()
    args.binary, args.work = os.path.abspath(args.binary), os.path.abspath(args.work)
    shutil.rmtree(args.work, ignore_errors=True)
    failed = False

    def check(name, good, text):
        nonlocal failed
        failed = failed or not good
        print(f"{'ok' if good else 'FAIL'} kill loop: {name}: {text}", flush=True)

    if args.rounds > 0:
        kill_rounds(args, check)
    if args.files > 0:
        compare_starts(args, check)
    shutil.rmtree(args.work, ignore_errors=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
