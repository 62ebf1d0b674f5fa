"""What benchmarks run: the program, nginx, the programs of this directory, and watching them.

Memory is in bytes of the process itself: VmHWM after a reset, RssAnon sampled 20 times a second.
"""
import contextlib
import hashlib
import json
import mmap
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request

SECRET = "benchpass"
MIB = 1 << 20
SAMPLE_S = 0.05
QUIET_LIMIT_S = int(os.environ.get("BENCH_QUIET_LIMIT_S", 60))
START_LIMIT_S = 30
TICKS = os.sysconf("SC_CLK_TCK")


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


# ---- the machine ----


def touch_memory():
    """Makes the machine's free memory resident once, at most 6500 MiB and half of what is free: a
    virtual machine may have given its free pages back to its host, and who first touches them again
    pays for it."""
    free = int(re.search(r"MemAvailable:\s+(\d+)", read("/proc/meminfo")).group(1)) * 1024
    area = mmap.mmap(-1, max(min(6500 * MIB, free // 2) // (4 * MIB), 1) * 4 * MIB)
    piece = b"\1" * (4 * MIB)
    for _ in range(len(area) // len(piece)):
        area.write(piece)
    area.close()


def busy_seconds():
    """Processor time used since the machine started, all cores."""
    ticks = [int(n) for n in read("/proc/stat").split("\n")[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICKS


def wait_until_quiet():
    """Until nothing is left to be written and others use less than 0.3 of a core, at most
    QUIET_LIMIT_S."""
    os.sync()
    end = time.time() + QUIET_LIMIT_S
    while time.time() < end:
        before = busy_seconds()
        time.sleep(1)
        if busy_seconds() - before < 0.3:
            return


def prepare():
    """Before every timed run."""
    wait_until_quiet()
    touch_memory()


# ---- processes ----


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    """Of all threads, those of children left out."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def status_bytes(pid, name):
    found = re.search(rf"^{name}:\s+(\d+) kB", read(f"/proc/{pid}/status"), re.M)
    return int(found.group(1)) * 1024 if found else 0


def library_bytes(pid, name):
    """The sum of one line of smaps ("Rss", "Anonymous") over the shared libraries."""
    total, in_library = 0, False
    for line in read(f"/proc/{pid}/smaps").splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            in_library = ".so" in line
        elif in_library and line.startswith(name + ":"):
            total += int(line.split()[1]) * 1024
    return total


def written_bytes(pid):
    """To disks, by write() and the like."""
    found = re.search(r"^write_bytes: (\d+)", read(f"/proc/{pid}/io"), re.M)
    return int(found.group(1)) if found else 0


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def random_file(path, size):
    """Writes a file of random bytes; its SHA-256."""
    digest = hashlib.sha256()
    with open(path, "wb") as f:
        for done in range(0, size, MIB):
            piece = os.urandom(min(MIB, size - done))
            digest.update(piece)
            f.write(piece)
    return digest.hexdigest()


def digest_of(*command):
    """The SHA-256 of what a command prints."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    digest = hashlib.sha256()
    while piece := process.stdout.read(MIB):
        digest.update(piece)
    if process.wait():
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return digest.hexdigest()


class Server:
    """The program in a directory, watched by a thread. With a layout of "picoshare" its database was
    made as PicoShare makes it: pages of 4096 bytes, no pointer map."""

    def __init__(self, binary, directory, layout="own", env=None, prefix=(), keep=False):
        self.binary, self.dir, self.layout = binary, directory, layout
        self.env, self.prefix, self.keep = env or {}, list(prefix), keep
        self.db = os.path.join(directory, "data", "store.db")
        self.log = os.path.join(directory, "stderr")

    def __enter__(self):
        if not os.path.exists(self.db):
            shutil.rmtree(self.dir, ignore_errors=True)
            os.makedirs(self.dir + "/tmp")
            if self.layout == "picoshare":
                make_picoshare_database(self.binary, self.db)
        self.start()
        return self

    def start(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("PS_")}
        env.pop("LITESTREAM_BUCKET", None)
        env.update({"PORT": "0", "PS_SHARED_SECRET": SECRET, "TMPDIR": self.dir + "/tmp", **self.env})
        with open(self.log, "wb") as err, open(self.dir + "/stdout", "wb") as out:
            self.process = subprocess.Popen([*self.prefix, self.binary, "-db", self.db],
                                            cwd=self.dir, env=env, stdout=out, stderr=err)
        self.pid = self.process.pid
        end = time.time() + START_LIMIT_S
        while not (found := re.search(r'msg="listening".*url="http://localhost:(\d+)/"',
                                      read(self.log))):
            if self.process.poll() is not None or time.time() > end:
                self.process.kill()
                sys.exit("the server does not start: " + read(self.log))
            time.sleep(0.01)
        self.port = int(found.group(1))
        self.url = f"http://127.0.0.1:{self.port}"
        self.cookie = None
        self.stopping = False
        self.clear()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        if code != 0:
            sys.exit(f"the server ended with {code}: {read(self.log)}")
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    # -- figures --

    def clear(self):
        """Peaks count from here."""
        with open(f"/proc/{self.pid}/clear_refs", "w") as f:
            f.write("5")
        self.anonymous_peak = self.wal_peak = 0
        self.temporary = set()
        self.written_before = self.written()

    def status_bytes(self, name):
        return status_bytes(self.pid, name)

    def written(self):
        return written_bytes(self.pid)

    def written_finally(self):
        """Bytes written since clear(), once the server has nothing more to write."""
        last, since = self.written(), time.time()
        while time.time() - since < 1.5:
            time.sleep(0.1)
            now = self.written()
            if now != last:
                last, since = now, time.time()
        return last - self.written_before

    def look_for_temporary_files(self):
        expected = {"store.db", "store.db-wal", "store.db-shm", "store.db-reserve"}
        for parent in (os.path.dirname(self.db), self.dir + "/tmp"):
            self.temporary.update(set(os.listdir(parent)) - expected)
        fds = f"/proc/{self.pid}/fd"
        for fd in os.listdir(fds):
            try:
                target = os.readlink(f"{fds}/{fd}")
            except OSError:
                continue
            if target.startswith("/") and target.endswith(" (deleted)"):
                self.temporary.add(target)

    def watch(self):
        while not self.stopping:
            self.anonymous_peak = max(self.anonymous_peak, self.status_bytes("RssAnon"))
            with contextlib.suppress(OSError):
                self.wal_peak = max(self.wal_peak, os.stat(self.db + "-wal").st_size)
                self.look_for_temporary_files()
            time.sleep(SAMPLE_S)

    def cpu(self):
        return cpu_seconds(self.pid)

    # -- requests --

    def upload(self, path):
        return subprocess.Popen(
            ["curl", "-sS", "-u", ":" + SECRET, "-F", f"file=@{path};type=application/octet-stream",
             "-w", "%{http_code} %{time_total}", self.url + "/api/entry"],
            stdout=subprocess.PIPE, text=True)

    @staticmethod
    def finish(upload):
        """The id and the seconds."""
        text = upload.communicate()[0]
        found = re.search(r'"id":"(\w+)".*\n200 ([\d.]+)$', text, re.S)
        if not found:
            sys.exit("upload failed: " + text)
        return found.group(1), float(found.group(2))

    def store(self, path):
        """The id of a file that is uploaded now."""
        return self.finish(self.upload(path))[0]

    def sign_in(self):
        """The header of the owner."""
        if self.cookie is None:
            body = json.dumps({"sharedSecretKey": SECRET}).encode()
            request = urllib.request.Request(self.url + "/api/auth", method="POST", data=body)
            with urllib.request.urlopen(request) as answer:
                self.cookie = "Cookie: " + answer.headers["Set-Cookie"].split(";")[0]
        return self.cookie

    def connect(self, limit_s):
        return socket.create_connection(("127.0.0.1", self.port), timeout=limit_s)

    def stuck_downloader(self, entry):
        """A client that asks for a file and does not read; to be closed by the caller."""
        sock = self.connect(None)
        sock.sendall(f"GET /-{entry} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return sock


def make_picoshare_database(binary, path):
    """The tables of database.md 2 as this program makes them, without its own ones."""
    with Server(binary, os.path.dirname(os.path.dirname(path)) + "/template", keep=True) as own:
        pass
    with contextlib.closing(sqlite3.connect(own.db)) as db:
        sql = [row[0] for row in db.execute(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'ext\\_%'"
            " ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")]
    shutil.rmtree(own.dir)
    os.makedirs(os.path.dirname(path))
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(";".join(["PRAGMA page_size = 4096", "PRAGMA journal_mode = WAL", *sql,
                                   "INSERT INTO settings VALUES (1, 30)",
                                   "PRAGMA user_version = 15"]))


NGINX = """
worker_processes 2;
daemon off;
pid {dir}/pid;
error_log {dir}/error.log;
events {{}}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 1000000;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
    uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


class Nginx:
    """Serves the files of a directory: the ceiling for downloads."""

    def __init__(self, directory, root):
        self.dir, self.root = directory, os.path.abspath(root)

    def __enter__(self):
        os.makedirs(self.dir, exist_ok=True)
        self.port = free_port()
        conf = os.path.abspath(self.dir) + "/conf"
        with open(conf, "w") as f:
            f.write(("user root;" if os.geteuid() == 0 else "") +
                    NGINX.format(dir=os.path.abspath(self.dir), port=self.port, root=self.root))
        self.process = subprocess.Popen(["nginx", "-c", conf, "-e", self.dir + "/error.log"],
                                        env={"PATH": os.environ["PATH"] + ":/usr/sbin"})
        end = time.time() + START_LIMIT_S
        while time.time() < end:
            with contextlib.suppress(OSError), \
                    socket.create_connection(("127.0.0.1", self.port)):
                break
            time.sleep(0.05)
        self.url = f"http://127.0.0.1:{self.port}"
        self.pids = run("pgrep", "-P", str(self.process.pid)).split()
        return self

    def cpu(self):
        return sum(cpu_seconds(pid) for pid in self.pids)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        shutil.rmtree(self.dir, ignore_errors=True)
