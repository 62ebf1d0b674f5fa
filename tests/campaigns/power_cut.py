#!/usr/bin/env python3
"""A virtual machine with little memory whose power is cut during uploads, and which boots again with
the disk that is left: what the guest had not flushed is lost.

    tests/campaigns/power_cut.py BINARY WORK_DIRECTORY [--rounds 20] [--mib 256]

Prints "ok …", "FAIL …" and "SKIP …" lines. After every boot all acknowledged files are there and have
the bytes that were sent, and nothing else is there but what may have lost its answer. After every cut
a copy of the disk is taken, and the database in it is sound.
"""
import argparse
import base64
import http.client
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import MIB, SECRET  # noqa: E402
from load import Client, Ledger  # noqa: E402
from small_machine import TOOLS, Machine  # noqa: E402

PORT = 18490
UPLOADERS = 4
MAX_FILE_BYTES = 8 * MIB
KEPT_FILES = 12
MAX_LOAD_S = 5


class Uploads(Client):
    def __init__(self, ledger, seed):
        key = base64.b64encode((":" + SECRET).encode()).decode()
        super().__init__(PORT, {"Authorization": "Basic " + key}, seed)
        self.ledger = ledger
        self.cut = threading.Event()
        self.failures = []
        self.uploads = self.deletes = 0

    def upload(self, connection):
        piece = self.piece(MAX_FILE_BYTES)
        name = self.ledger.begin_upload(piece)
        self.ledger.end_upload(name, self.put(connection, name, piece))
        with self.lock:
            self.uploads += 1

    def delete(self, connection):
        entry = self.ledger.begin_delete(self.random.choice, KEPT_FILES)
        if entry is None:
            time.sleep(0.1)
            return
        self.ask(connection, "DELETE", "/api/entry/" + entry)
        self.ledger.end_delete(entry)
        with self.lock:
            self.deletes += 1

    def repeat(self, action):
        connection = self.connect(120)
        try:
            while not self.cut.is_set():
                action(connection)
        except (OSError, http.client.HTTPException) as error:
            if not self.cut.wait(5):  # the answer may have been lost a moment before
                self.failures.append(repr(error))
        except Exception as error:
            self.failures.append(repr(error))
        connection.close()

    def load(self, machine, seconds):
        self.cut.clear()
        actions = [self.upload] * UPLOADERS + [self.delete]
        threads = [threading.Thread(target=self.repeat, args=(action,)) for action in actions]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        machine.call("cut")
        self.cut.set()
        for thread in threads:
            thread.join()

    def listed(self, connection):
        """All files, from the pages of their list."""
        files, path = {}, "/files"
        while path:
            page = self.ask(connection, "GET", path, headers={"Accept": "text/html"})[1].decode()
            files.update(re.findall(r'<a href="/-([2-9A-Za-z]{10})">([^<]*)</a>', page))
            found = re.search(r'rel="next" href="([^"]*)"', page)
            path = found.group(1).replace("&amp;", "&") if found else None
        return files

    def verify(self):
        connection = self.connect(300)
        self.failures += self.ledger.judge(self.listed(connection))
        for entry, (_, piece) in self.ledger.files.items():
            if not self.is_whole(connection, entry, piece):
                self.failures.append(f"{entry} differs from what was sent")
        connection.close()


def check_disk(binary, disk, directory):
    """The database of a copy of the disk; "" when it is sound."""
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    copy = directory + "/data.img"
    subprocess.run(["cp", "--sparse=always", disk, copy], check=True)
    repaired = subprocess.run(["e2fsck", "-fp", copy], capture_output=True, text=True)
    if repaired.returncode > 1:
        return "the file system: " + repaired.stdout + repaired.stderr
    for name in ("store.db", "store.db-wal"):
        subprocess.run(["debugfs", "-R", f"dump /{name} {directory}/{name}", copy], check=True,
                       capture_output=True)
    found = subprocess.run([binary, "check", directory + "/store.db"], capture_output=True, text=True)
    shutil.rmtree(directory)
    return "" if found.returncode == 0 else found.stdout + found.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("work")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    args = parser.parse_args()
    binary, work = os.path.abspath(args.binary), os.path.abspath(args.work)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for tool in (*TOOLS, "e2fsck", "debugfs"):
        if not shutil.which(tool):
            print(f"SKIP power cut: {tool} is not here")
            return
    failed = False

    def say(name, good, text):
        nonlocal failed
        failed = failed or not good
        print(f"{'ok' if good else 'FAIL'} power cut: {name}: {text}", flush=True)

    shutil.rmtree(work, ignore_errors=True)  # a disk of an earlier run has other files
    os.makedirs(work)
    rng = random.Random(args.seed)
    uploads = Uploads(Ledger(), args.seed)
    machine, unsound, rounds = None, "", 0
    try:
        for number in range(args.rounds):
            machine = Machine(work + "/machine", binary, args.mib, PORT)
            uploads.verify()
            if uploads.failures or unsound:
                break
            uploads.load(machine, rng.uniform(0.2, MAX_LOAD_S))
            print(f"round {number + 1}: cut after {uploads.uploads} uploads in all", flush=True)
            unsound = check_disk(binary, work + "/machine/data.img", work + "/copy")
            rounds = number + 1
        machine = Machine(work + "/machine", binary, args.mib, PORT)
        uploads.verify()
    except (RuntimeError, OSError, http.client.HTTPException,
            subprocess.CalledProcessError) as error:
        uploads.failures.append(str(error) + str(getattr(error, "stderr", "")))
    ledger = uploads.ledger
    say("acknowledged files", not uploads.failures and uploads.uploads > 0,
        "; ".join(uploads.failures[:5]) or
        f"{rounds} cuts, {uploads.uploads} uploads and {uploads.deletes} deletes acknowledged,"
        f" {len(ledger.files)} files left, all whole; {ledger.answers_lost} answers lost;"
        f" seed {args.seed}")
    say("database", unsound == "", unsound.strip() or f"sound after {rounds} cuts")
    if machine is not None:
        problems = machine.call("problems")
        say("last boot", problems == "", problems.strip() or "no kill")
        machine.call("stop")
    shutil.rmtree(work)
    sys.exit(failed)


if __name__ == "__main__":
    main()
