#!/usr/bin/env python3
"""The image of the Dockerfile: what is in it, and how it runs with little memory and few rights; and
the cross build for arm64, run by an emulator of its processor.

    tests/campaigns/container.py WORK_DIRECTORY [--mb 300] [--litestream PROGRAM]

Prints "ok …", "FAIL …" and "SKIP …" lines. Takes two minutes, 2 GB in the work directory, and packages
from Debian's archive.
"""
import argparse
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import SECRET, Server, digest_of, free_port, random_file, read  # noqa: E402
import s3  # noqa: E402
from engine import BASE, LITESTREAM, ROOT, Engine, reason_to_skip  # noqa: E402

MAX_LAYERS_MB = 20
MEMORY_MIB = 64
REPLICA_MIB = 192
UPLOADS = 3
LIMIT_S = 60
EM_AARCH64 = 183
UNREACHABLE = r"^(?:E|W|Err:\d+): ?(.*(?:Unable to locate package|Failed to fetch|no installation candidate).*)"


def wait_for(url):
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url + "/healthz", timeout=5) as answer:
                return answer.read() == b"ok\n"
        except OSError:
            time.sleep(0.1)
    return False


def upload_and_compare(url, data, digest, uploads):
    """True when all files come back as they were sent."""
    running = [subprocess.Popen(["curl", "-sS", "-u", ":" + SECRET, "-F", f"file=@{data}",
                                 "-w", "%{http_code}", url + "/api/entry"],
                                stdout=subprocess.PIPE, text=True) for _ in range(uploads)]
    answers = [upload.communicate()[0] for upload in running]
    ids = [found.group(1) for found in (re.search(r'"id":"(\w+)"\s*}?\s*200$', text) for text in answers)
           if found]
    same = [entry for entry in ids
            if digest_of("curl", "-sS", "--fail", f"{url}/-{entry}") == digest]
    return len(same) == uploads, ids


class Campaign:
    def __init__(self, args):
        self.args, self.failed = args, False
        self.data = args.work + "/data"
        self.digest = random_file(self.data, args.mb * 1_000_000)

    def say(self, good, name, text):
        self.failed = self.failed or not good
        print(f"{'ok' if good else 'FAIL'} container: {name}: {text}", flush=True)

    def build(self, engine, name, *options):
        """False when packages cannot be had, which is no failure."""
        start = time.monotonic()
        try:
            engine.build(*options)
        except RuntimeError as error:
            found = re.findall(UNREACHABLE, read(engine.log), re.M)
            if not found:
                raise RuntimeError(f"{error}: {read(engine.log)[-2000:]}")
            print(f"SKIP container: {name}: {found[-1]}", flush=True)
            return False
        self.say(True, name, f"built in {time.monotonic() - start:.0f} s")
        return True

    def look(self, engine, image):
        layers = (engine.inspect(image)["Size"] - engine.inspect(BASE)["Size"]) / 1e6
        self.say(0 < layers <= MAX_LAYERS_MB, "size", f"{layers:.1f} MB above the base image")
        config = engine.inspect(image)["Config"]
        user = config.get("User", "")
        self.say(re.match(r"[1-9]\d*:[1-9]\d*$", user) is not None, "user", user or "root")
        self.say(list(config.get("Volumes") or {}) == ["/data"], "volumes", str(config.get("Volumes")))

    def run(self, engine, image):
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        options = ["--memory", f"{MEMORY_MIB}m", "--memory-swap", f"{MEMORY_MIB}m", "-v", "data:/data",
                   "-e", f"PORT={port}", "-e", "PS_SHARED_SECRET=" + SECRET]
        engine.start("server", image, *options)
        self.say(wait_for(url), "start", "answers" if engine.state("server")["Running"] else
                 engine.logs("server"))
        status = engine.podman("exec", "server", "cat", "/proc/1/status")
        ids = set(re.search(r"^Uid:\s+(.*)", status, re.M).group(1).split())
        powers = re.findall(r"^Cap(?:Prm|Eff|Bnd):\s+(\w+)", status, re.M)
        self.say("0" not in ids and {int(power, 16) for power in powers} == {0}, "rights",
                 f"user {', '.join(ids)}, capabilities {', '.join(set(powers))}")
        written = [path for path in ("/x", "/tmp/x", "/usr/local/bin/x", "/data/x")
                   if self.succeeds(engine, "exec", "server", "touch", path)]
        self.say(written == ["/data/x"], "writable", ", ".join(written))
        self.say(self.succeeds(engine, "healthcheck", "run", "server"), "health", "well")
        good, entries = upload_and_compare(url, self.data, self.digest, UPLOADS)
        state = engine.state("server")
        self.say(good and state["Running"] and not state["OOMKilled"],
                 f"{UPLOADS} uploads of {self.args.mb} MB at once in {MEMORY_MIB} MiB",
                 f"{len(entries)} stored, digests {'equal' if good else 'differ'}")
        engine.podman("kill", "--signal", "STOP", "server")
        self.say(not self.succeeds(engine, "healthcheck", "run", "server"), "health",
                 "not well when the server does not answer")
        engine.podman("kill", "--signal", "CONT", "server")
        engine.podman("stop", "-t", "30", "server")
        code = engine.state("server")["ExitCode"]
        engine.podman("rm", "server")
        self.say(code == 0, "stop", f"exit code {code}")
        engine.start("again", image, *options)
        wait_for(url)
        kept = [entry for entry in entries
                if digest_of("curl", "-sS", f"{url}/-{entry}") == self.digest]
        self.say(len(kept) == UPLOADS, "volume", f"{len(kept)} of {UPLOADS} files in the next container")
        engine.podman("rm", "-f", "again")

    def take_over(self, engine, image):
        """A volume that was PicoShare's, whose container ran as root, and the database given back."""
        engine.podman("volume", "create", "old")
        db = engine.podman("volume", "inspect", "--format", "{{.Mountpoint}}", "old") + "/store.db"
        engine.call(sys.executable, os.path.join(ROOT, "tests/docs/picoshare_database.py"), db)
        with contextlib.closing(sqlite3.connect(db)) as old:
            before = old.execute("SELECT * FROM entries").fetchall()
            chunks = [row[0] for row in old.execute("SELECT chunk FROM entries_data ORDER BY chunk_index")]
        engine.podman("run", "--rm", "--user", "0", "--entrypoint", "chown",
                      "-v", "old:/data", image, "-R", "4001:4001", "/data")
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        engine.start("heir", image, "-v", "old:/data", "-e", f"PORT={port}", "-e", "PS_SHARED_SECRET=" + SECRET)
        up = wait_for(url)
        with urllib.request.urlopen(f"{url}/-{before[0][0]}", timeout=LIMIT_S) as answer:
            same = answer.read() == b"".join(chunks)
        good, entries = upload_and_compare(url, self.data, self.digest, 1)
        engine.podman("stop", "-t", "30", "heir")
        engine.podman("rm", "heir")
        self.say(up and same and good, "PicoShare's volume", "its file is served, another one is stored")
        # What PicoShare would find: one file, its own tables, its version, what it had, and what is new.
        with contextlib.closing(sqlite3.connect(db)) as back:
            after = back.execute("SELECT * FROM entries WHERE id <> ?", entries[:1]).fetchall()
            new = back.execute("SELECT filename, (SELECT sum(length(chunk)) FROM entries_data AS d"
                               " WHERE d.id = e.id) FROM entries AS e WHERE id = ?", entries[:1]).fetchall()
            version = back.execute("PRAGMA user_version").fetchone()[0]
            sound = back.execute("PRAGMA integrity_check").fetchone()[0]
        self.say((after, new, version, sound) ==
                 (before, [("data", os.path.getsize(self.data))], 15, "ok") and not os.path.exists(db + "-wal"),
                 "and back", f"version {version}, {sound}, {len(after) + len(new)} files for PicoShare")

    def run_without_litestream(self, engine, image):
        """A replica that is wanted but not made is a fault to be seen at once."""
        engine.start("unable", image, "-v", "other:/data", "-e", "LITESTREAM_BUCKET=any")
        engine.podman("wait", "unable")
        code, text = engine.state("unable")["ExitCode"], engine.podman("logs", "unable")
        self.say(code == 1 and "listening" not in text, "no Litestream in it",
                 f"LITESTREAM_BUCKET ends it with {code}")

    @staticmethod
    def succeeds(engine, *arguments):
        try:
            engine.podman(*arguments)
        except RuntimeError:
            return False
        return True

    def replica(self, engine):
        """The next container goes on without the volume of the first."""
        reason = s3.reason_to_skip_replica(self.args.litestream)
        if reason:
            print(f"SKIP container: replica: {reason}", flush=True)
            return
        engine.make_program_image(LITESTREAM, self.args.litestream, "/usr/local/bin/litestream")
        if not self.build(engine, "image with Litestream", "localhost/picoshare-litestream",
                          "--build-arg", "LITESTREAM=" + LITESTREAM, "--target", "litestream"):
            return
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with s3.S3(self.args.work + "/service") as service:
            options = ["--memory", f"{REPLICA_MIB}m", "--memory-swap", f"{REPLICA_MIB}m",
                       "-e", f"PORT={port}", "-e", "PS_SHARED_SECRET=" + SECRET]
            for name, value in service.env.items():
                options += ["-e", f"{name}={value}"]
            engine.start("first", "localhost/picoshare-litestream", "-v", "first:/data", *options)
            wait_for(url)
            good, entries = upload_and_compare(url, self.data, self.digest, UPLOADS)
            state = engine.state("first")
            self.say(good and state["Running"] and not state["OOMKilled"],
                     f"replica, {UPLOADS} uploads of {self.args.mb} MB at once in {REPLICA_MIB} MiB",
                     f"{len(entries)} stored, digests {'equal' if good else 'differ'}")
            engine.podman("stop", "-t", str(LIMIT_S), "first")
            code = engine.state("first")["ExitCode"]
            engine.podman("rm", "first")
            engine.podman("volume", "rm", "first")
            engine.start("second", "localhost/picoshare-litestream", "-v", "second:/data", *options)
            wait_for(url)
            kept = [entry for entry in entries
                    if digest_of("curl", "-sS", f"{url}/-{entry}") == self.digest]
            self.say(code == 0 and len(kept) == UPLOADS, "replica, stopped, its volume removed",
                     f"{len(kept)} of {UPLOADS} files in the next container, exit code {code}")
            self.say(self.succeeds(engine, "healthcheck", "run", "second"), "replica, health", "well")
            engine.podman("rm", "-f", "second")

    def arm64(self, engine):
        own = engine.call("dpkg", "--print-architecture")
        if own == "arm64":
            print("SKIP container: arm64: this machine is one, so there is nothing to cross")
            return
        if not self.build(engine, "arm64 cross build", "localhost/arm64", "--platform", "linux/arm64",
                          "--build-arg", f"BUILDPLATFORM=linux/{own}", "--target", "build"):
            return
        with engine.files_of("localhost/arm64") as files:
            binary = files + "/out/usr/local/bin/picoshare"
            with open(binary, "rb") as f:
                machine = int.from_bytes(f.read(20)[18:], "little")
            self.say(machine == EM_AARCH64, "arm64 binary", f"ELF machine {machine}")
            emulator = shutil.which("qemu-aarch64-static")
            if emulator is None:
                print("SKIP container: arm64 run: qemu-aarch64-static is not here")
                return
            # The emulator has no seccomp and no Landlock.
            server = Server(binary, self.args.work + "/arm64", prefix=[emulator, "-L", files],
                            env={"PS_NO_SANDBOX": "1", "PS_USER": "root"})
            with server:
                good, _ = upload_and_compare(server.url, self.data, self.digest, 1)
            self.say(good, "arm64 run", f"{self.args.mb} MB up and down again, emulated")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("work")
    parser.add_argument("--mb", type=int, default=300)
    parser.add_argument("--litestream")
    args = parser.parse_args()
    args.work = os.path.abspath(args.work)
    args.litestream = args.litestream and os.path.abspath(args.litestream)
    reason = reason_to_skip()
    if reason:
        print(f"SKIP container: {reason}")
        return
    os.makedirs(args.work)
    campaign = Campaign(args)
    try:
        with Engine(args.work + "/engine") as engine:
            engine.make_base()
            if campaign.build(engine, "image", "localhost/picoshare"):
                campaign.look(engine, "localhost/picoshare")
                campaign.run(engine, "localhost/picoshare")
                campaign.take_over(engine, "localhost/picoshare")
                campaign.run_without_litestream(engine, "localhost/picoshare")
                campaign.replica(engine)
            campaign.arm64(engine)
    except (RuntimeError, OSError, urllib.error.URLError) as error:
        campaign.say(False, "campaign", str(error))
    shutil.rmtree(args.work, ignore_errors=True)
    sys.exit(campaign.failed)


if __name__ == "__main__":
    main()
