#!/usr/bin/env python3
"""A replica by Litestream, as the image makes one (deploy/start.sh, deploy/litestream.yml): everything
is killed, the disk wiped, and the replica must bring all files back.

    tests/campaigns/replica.py BINARY LITESTREAM WORK_DIRECTORY [--mb 200] [--replicas folder,s3]

Prints "ok …", "FAIL …" and "SKIP …" lines. The S3 service is that of tests/campaigns/s3.sh.
"""
import argparse
import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
from server import MIB, SECRET, START_LIMIT_S, digest_of, free_port, random_file, read  # noqa: E402
import s3  # noqa: E402

SMALL_BYTES = (1, 327_680, 5_000_000)
COUNT_OF_SMALL = 30
CAUGHT_UP_LIMIT_S = 300
STOP_LIMIT_S = 60  # Litestream sends what is left
SETTINGS = os.path.join(ROOT, "deploy", "litestream.yml")


class Replicated:
    """The server under Litestream, in a process group that can be killed as one."""

    def __init__(self, args, directory, settings, env):
        self.args, self.dir, self.settings = args, directory, settings
        self.data = directory + "/data"
        self.db = self.data + "/store.db"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        bin_dir = directory + "/bin"
        os.makedirs(bin_dir)
        for name, path in (("picoshare", args.binary), ("litestream", args.litestream)):
            os.symlink(path, f"{bin_dir}/{name}")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PS_", "AWS_", "LITESTREAM_"))}
        self.env = {**kept, "PATH": f"{bin_dir}:{os.environ['PATH']}", "PORT": str(self.port),
                    "PS_SHARED_SECRET": SECRET, "LITESTREAM_CONFIG": settings, **env}
        self.peaks = {}

    def spawn(self, **more):
        os.makedirs(self.data, exist_ok=True)
        with open(self.dir + "/log", "ab") as log:
            return subprocess.Popen([ROOT + "/deploy/start.sh", "-db", self.db],
                                    env={**self.env, **more}, stdout=log, stderr=log,
                                    start_new_session=True)

    def start(self):
        self.process = self.spawn()
        self.running = True
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()
        end = time.monotonic() + START_LIMIT_S * 4  # with a restore before it
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url + "/healthz"):
                return
            time.sleep(0.1)
        raise RuntimeError("the server does not start: " + read(self.dir + "/log")[-2000:])

    def watch(self):
        """The most memory that Litestream has had, and the longest log."""
        while self.running:
            status = read(f"/proc/{self.process.pid}/status")
            for name in ("VmHWM", "RssAnon"):
                found = re.search(rf"^{name}:\s+(\d+)", status, re.M)
                self.peak(name, int(found.group(1)) * 1024 if found else 0)
            with contextlib.suppress(OSError):
                self.peak("log", os.stat(self.db + "-wal").st_size)
            time.sleep(0.1)

    def peak(self, what, value):
        self.peaks[what] = max(self.peaks.get(what, 0), value)

    def server_pid(self):
        return int(subprocess.run(["pgrep", "-P", str(self.process.pid)], check=True,
                                  capture_output=True, text=True).stdout)

    def end(self, kill):
        """Its exit code: after a request to stop, or without any warning to either program."""
        self.running = False
        self.watcher.join()
        if kill:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_LIMIT_S)

    def wipe(self):
        shutil.rmtree(self.data)

    def count_in_replica(self):
        """Files in what the replica has by now; -1 when there is nothing to restore."""
        copy = self.dir + "/copy.db"
        for suffix in ("", "-wal", "-shm", ".tmp"):
            with contextlib.suppress(OSError):
                os.unlink(copy + suffix)
        done = subprocess.run(["litestream", "restore", "-config", self.settings, "-o", copy, self.db],
                              env={**self.env, "DB_PATH": self.db, "LITESTREAM_RETENTION": "72h"},
                              capture_output=True)
        if done.returncode or not os.path.exists(copy):
            return -1
        with contextlib.closing(sqlite3.connect(copy)) as db:
            return db.execute("SELECT count(*) FROM entries").fetchone()[0]

    def wait_until_caught_up(self, files):
        end = time.monotonic() + CAUGHT_UP_LIMIT_S
        while self.count_in_replica() != files:
            if time.monotonic() > end:
                raise RuntimeError("the replica does not catch up: " + read(self.dir + "/log")[-2000:])
            time.sleep(1)


class Campaign:
    def __init__(self, args):
        self.args, self.failed = args, False

    def say(self, good, name, text):
        self.failed = self.failed or not good
        print(f"{'ok' if good else 'FAIL'} replica: {name}: {text}", flush=True)

    def upload(self, server, sizes):
        """All at once; id: digest."""
        path = self.args.work + "/upload"
        running = []
        for number, size in enumerate(sizes):
            digest = random_file(f"{path}-{number}", size)
            running.append((digest, subprocess.Popen(
                ["curl", "-sS", "-u", ":" + SECRET, "-T", f"{path}-{number}", "-H", "Accept: text/plain",
                 f"{server.url}/api/upload/"], stdout=subprocess.PIPE, text=True)))
        files = {}
        for number, (digest, process) in enumerate(running):
            answer = process.communicate()[0]
            os.unlink(f"{path}-{number}")
            files[re.search(r"/-(\w+)\s*$", answer).group(1)] = digest
        return files

    def delete(self, server, entry):
        subprocess.run(["curl", "-sS", "--fail", "-u", ":" + SECRET, "-X", "DELETE",
                        f"{server.url}/api/entry/{entry}"], check=True)

    def compare(self, name, server, files):
        with contextlib.closing(sqlite3.connect(f"file:{server.db}?mode=ro", uri=True)) as db:
            listed = {row[0] for row in db.execute("SELECT id FROM entries")}
        same = [entry for entry in files if entry in listed and
                digest_of("curl", "-sS", "--fail", f"{server.url}/-{entry}") == files[entry]]
        self.say(len(same) == len(files) and listed == set(files), name,
                 f"{len(same)} of {len(files)} files with the bytes that were sent, "
                 f"{len(listed - set(files))} others")

    def run(self, name, settings, env):
        server = Replicated(self.args, f"{self.args.work}/{name}", settings, env)
        small = [size for size in SMALL_BYTES for _ in range(COUNT_OF_SMALL // len(SMALL_BYTES))]
        server.start()
        secrets = [line for line in read(f"/proc/{server.server_pid()}/environ").split("\0")
                   if re.match(r"(AWS|LITESTREAM)_.*KEY", line)]
        self.say(secrets == [], f"{name}, keys", "the server has none of Litestream's" if not secrets
                 else ", ".join(secrets))
        files = self.upload(server, [self.args.mb * 1_000_000] * 3 + small)
        for entry in list(files)[-5:]:
            self.delete(server, entry)
            del files[entry]
        server.end(kill=True)
        server.start()
        self.compare(f"{name}, killed", server, files)
        files.update(self.upload(server, small))
        server.wait_until_caught_up(len(files))
        server.end(kill=True)
        server.wipe()
        begin = time.monotonic()
        server.start()
        self.compare(f"{name}, killed and wiped", server, files)
        seconds = time.monotonic() - begin
        entry = list(files)[0]
        self.delete(server, entry)
        del files[entry]
        files.update(self.upload(server, small))
        code = server.end(kill=False)  # what has not been sent yet is sent now
        self.say(code == 0, f"{name}, stop", f"exit code {code}")
        server.wipe()
        server.start()
        self.compare(f"{name}, stopped and wiped", server, files)
        server.end(kill=False)
        found = subprocess.run([self.args.binary, "check", server.db], capture_output=True, text=True)
        self.say(found.returncode == 0, f"{name}, database", (found.stdout + found.stderr).strip())
        self.say(True, f"{name}, figures",
                 f"3 x {self.args.mb} MB at once: Litestream's peak of memory "
                 f"{server.peaks['VmHWM'] / MIB:.0f} MiB, of which anonymous {server.peaks['RssAnon'] / MIB:.0f}, the log's {server.peaks['log'] / MIB:.0f} MiB; "
                 f"restored, served and compared after {seconds:.0f} s")
        return server

    def folder(self):
        """The image's settings but for the place."""
        settings = self.args.work + "/folder.yml"
        text = read(SETTINGS)
        with open(settings, "w") as f:
            f.write(text[:text.index("    replica:")] +
                    f"    replica:\n      type: file\n      path: {self.args.work}/replica\n")
        self.run("folder", settings, {"LITESTREAM_BUCKET": "unused"})
        shutil.rmtree(self.args.work + "/replica")

    def s3(self):
        reason = s3.reason_to_skip()
        if reason:
            print(f"SKIP replica: s3: {reason}", flush=True)
            return
        with s3.S3(self.args.work + "/service") as service:
            server = self.run("s3", SETTINGS, service.env)
            server.wipe()
            process = server.spawn(LITESTREAM_SECRET_ACCESS_KEY="wrong")
            code = process.wait(STOP_LIMIT_S)
            anew = os.path.exists(server.db)
            self.say(code != 0 and not anew, "s3, wrong key", f"exit code {code}, "
                     f"{'an' if anew else 'no'} empty database in place of the one that is lost")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("litestream")
    parser.add_argument("work")
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--replicas", default="folder,s3")
    args = parser.parse_args()
    args.binary, args.litestream, args.work = (os.path.abspath(path) for path in
                                               (args.binary, args.litestream, args.work))
    if not os.access(args.litestream, os.X_OK):
        print("SKIP replica: Litestream is not here, nor Go to install it with")
        return
    os.makedirs(args.work)
    campaign = Campaign(args)
    for name in args.replicas.split(","):
        try:
            {"folder": campaign.folder, "s3": campaign.s3}[name]()
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            campaign.say(False, name, str(error))
    shutil.rmtree(args.work, ignore_errors=True)
    sys.exit(campaign.failed)


if __name__ == "__main__":
    main()
