"""The measurements of scripts/bench. Each takes a Bench and notes figures by name.

A ratio of speeds or times is the median over pairs of runs, ceiling and candidate in turn, each pair
in the other order than the last. File sizes and traffic are in MB of 10^6 bytes, memory in MiB.
"""
import contextlib
import http.client
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import time

from server import MIB, SECRET, Nginx, Server, digest_of, library_bytes, prepare, random_file, run

MB = 1_000_000
UPLOADS = 3
FEW_FILES = 100
MANY_FILES = 100_000
LIST_ROUNDS = 120
SMALL_BYTES = 4096
SLOW_FLUSH_US = 2000


class Bench:
    """What the measurements share: programs, sizes, and where figures go."""

    def __init__(self, args, layout):
        self.binary, self.tools, self.layout, self.pairs = args.binary, args.tools, layout, args.pairs
        self.size = (120 if args.check else 618) * MB
        self.large = (240 if args.check else 2000) * MB
        self.full = args.full_gb * 1000 * MB
        self.work = os.path.join(args.work, layout)
        self.data = os.path.join(args.work, "data")
        self.result = {}
        self.serial = 0
        os.makedirs(self.work, exist_ok=True)

    def note(self, name, value):
        self.result[name] = value

    def server(self, **options):
        self.serial += 1
        return Server(self.binary, f"{self.work}/{self.serial}", self.layout, **options)

    def tool(self, name, *args, **options):
        return run(f"{self.tools}/bench_{name}", *(str(arg) for arg in args), **options)

    def load(self, *args):
        answer = subprocess.run([f"{self.tools}/bench_load", *(str(arg) for arg in args)],
                                capture_output=True, text=True)
        if answer.returncode != 0:
            sys.exit(f"bench_load {args}: {answer.stdout} {answer.stderr}")
        return json.loads(answer.stdout)

    def file(self, name, size):
        """A file of random bytes, made once."""
        os.makedirs(self.data, exist_ok=True)
        path = f"{self.data}/{name}"
        if not os.path.exists(path) or os.path.getsize(path) != size:
            random_file(path, size)
        return path

    def in_turn(self, *measures):
        """For each pair the results of the measures, called in turn."""
        rows = []
        for i in range(self.pairs):
            row = [None] * len(measures)
            order = range(len(measures))
            for which in order if i % 2 else reversed(order):
                prepare()
                row[which] = measures[which]()
            rows.append(row)
        return rows


def note_ratio(bench, name, ratios):
    bench.note(name, statistics.median(ratios))
    bench.note(name + ", all", [round(ratio, 3) for ratio in ratios])


# ---- memory ----


def idle(bench):
    with bench.server() as s:
        for path in ("/", "/login"):
            run("curl", "-sS", "-o", "/dev/null", s.url + path)
        time.sleep(2)
        bench.note("idle: VmHWM, MiB", s.status_bytes("VmHWM") / MIB)
        bench.note("idle: anonymous, MiB", s.status_bytes("RssAnon") / MIB)
        bench.note("idle: libraries, MiB", library_bytes(s.pid, "Rss") / MIB)
        bench.note("idle: libraries, anonymous, MiB", library_bytes(s.pid, "Anonymous") / MIB)


def three_uploads(bench):
    """Memory, log and bytes written of three uploads at once beside a stuck downloader, then of
    three downloads at once, each compared with what was sent."""
    data = bench.file("upload", bench.size)
    with bench.server() as s:
        with s.stuck_downloader(s.store(data)):
            prepare()
            s.clear()
            ids = [s.finish(u)[0] for u in [s.upload(data) for _ in range(UPLOADS)]]
            bench.note("3 uploads: VmHWM, MiB", s.status_bytes("VmHWM") / MIB)
            bench.note("3 uploads: anonymous, MiB", s.anonymous_peak / MIB)
            written = s.written_finally()
        bench.note("3 uploads: written per byte", written / (UPLOADS * bench.size))
        bench.note("3 uploads: log (-wal) peak, MB", s.wal_peak / MB)
        bench.note("3 uploads: temporary files", len(s.temporary))
        if s.temporary:
            print("temporary files:", *sorted(s.temporary), file=sys.stderr)
        s.clear()
        curls = [subprocess.Popen(["curl", "-sS", f"{s.url}/-{entry}"], stdout=subprocess.PIPE)
                 for entry in ids]
        compares = [subprocess.Popen(["cmp", "-", data], stdin=curl.stdout) for curl in curls]
        if any(p.wait() for p in compares + curls):
            sys.exit("a download differs from what was uploaded")
        bench.note("3 downloads: VmHWM, MiB", s.status_bytes("VmHWM") / MIB)
        bench.note("3 downloads: anonymous, MiB", s.anonymous_peak / MIB)


def crowd(bench):
    """200 uploads, 300 downloads and 400 idle connections at once."""
    uploads, downloads, idles = 200, 300, 400
    data = bench.file("crowd", 5 * MB)
    digest = digest_of("cat", data)
    out = bench.work + "/crowd"
    os.makedirs(out, exist_ok=True)
    with bench.server() as s, contextlib.ExitStack() as stack:
        entry = s.store(data)
        for _ in range(idles):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", s.port)))
            sock.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n")
            sock.recv(1)
        s.clear()
        curl = ["curl", "--no-progress-meter", "--parallel", "--parallel-immediate"]
        with open(bench.work + "/uploads.conf", "w") as conf:
            conf.write("next\n".join(
                f'url = "{s.url}/api/entry"\nuser = ":{SECRET}"\nform = "file=@{data}"\nfail\n'
                for _ in range(uploads)))
        sending = subprocess.Popen(
            [*curl, "--parallel-max", str(uploads), "-K", conf.name], stdout=subprocess.PIPE,
            text=True)
        taking = subprocess.Popen(
            [*curl, "--parallel-max", str(downloads), "--fail", "-o", out + "/#1",
             f"{s.url}/-{entry}?[1-{downloads}]"])
        text = sending.communicate()[0]
        refused = (sending.returncode != 0) + (taking.wait() != 0)
        bench.note("crowd: VmHWM, MiB", s.status_bytes("VmHWM") / MIB)
        bench.note("crowd: log (-wal) peak, MB", s.wal_peak / MB)
        ids = [line.split('"')[3] for line in text.splitlines() if line.startswith('{"id"')]
        wrong = uploads - len(ids)
        for name in os.listdir(out):
            wrong += digest_of("cat", f"{out}/{name}") != digest
        wrong += downloads - len(os.listdir(out))
        for each in ids:
            wrong += digest_of("curl", "-sS", f"{s.url}/-{each}") != digest
        bench.note("crowd: refused or wrong", wrong + refused)
    shutil.rmtree(out)


# ---- uploads ----


def raw_insert(bench, size):
    """Seconds and processor seconds of the same rows without a server."""
    bench.serial += 1
    directory = f"{bench.work}/{bench.serial}"
    with Server(bench.binary, directory, bench.layout, keep=True) as s:
        pass  # makes the database
    out = bench.tool("raw_insert", s.db, size)
    shutil.rmtree(directory)
    return [float(field) for field in out.split()[1:]]


def sink(bench, data):
    """Processor seconds of receiving the same request into nothing."""
    process = subprocess.Popen([bench.tools + "/bench_sink", "1"], stdout=subprocess.PIPE, text=True)
    port = int(process.stdout.readline())
    run("curl", "-sS", "-F", f"file=@{data};type=application/octet-stream", f"http://127.0.0.1:{port}/")
    return float(process.communicate()[0].split()[1])


def timed_uploads(bench, data, count):
    """Seconds of the longest, as curl says, and the server's processor seconds."""
    with bench.server() as s:
        before = s.cpu()
        seconds = [s.finish(upload)[1] for upload in [s.upload(data) for _ in range(count)]]
        return max(seconds), s.cpu() - before


def upload_speed(bench):
    data = bench.file("upload", bench.size)
    digest = float(bench.tool("sha256", bench.size).split()[1])
    one, three, cpu, speeds, raws = [], [], [], [], []
    for (raw, raw_cpu), (seconds, used), (of_three, _), receiving in bench.in_turn(
            lambda: raw_insert(bench, bench.size), lambda: timed_uploads(bench, data, 1),
            lambda: timed_uploads(bench, data, UPLOADS), lambda: sink(bench, data)):
        one.append(raw / seconds)
        three.append(UPLOADS * raw / of_three)
        cpu.append(used / (raw_cpu + digest + receiving))
        speeds.append(bench.size / MB / seconds)
        raws.append(bench.size / MB / raw)
    bench.note("1 upload, MB/s", statistics.median(speeds))
    bench.note("raw inserts, MB/s", statistics.median(raws))
    note_ratio(bench, "1 upload: speed / raw inserts", one)
    note_ratio(bench, "3 uploads: speed / raw inserts", three)
    note_ratio(bench, "upload: CPU / (raw + SHA-256 + receiving)", cpu)


def full_database(bench):
    """An upload into a large database against one into an empty one."""
    data = bench.file("upload", bench.size)
    with bench.server(keep=True) as s:
        pass
    bench.tool("raw_insert", s.db, bench.full)
    with Server(bench.binary, s.dir, bench.layout) as full:
        def upload():
            start = time.monotonic()
            full.store(data)
            return time.monotonic() - start
        rows = bench.in_turn(lambda: timed_uploads(bench, data, 1)[0], upload)
    note_ratio(bench, f"upload into {bench.full // MB // 1000} GB: speed / into nothing",
               [empty / filled for empty, filled in rows])


def small_uploads(bench, connections, count, **env):
    """Uploads of SMALL_BYTES: their rate, and the flushes of each."""
    counter = bench.work + "/flushes"
    with contextlib.suppress(FileNotFoundError):
        os.remove(counter)
    env = {"LD_PRELOAD": bench.tools + "/libbench_flushes.so", "FLUSHES_FILE": counter, **env}

    def flushes():
        with open(counter, "rb") as f:
            return int.from_bytes(f.read(8), "little")
    with bench.server(env=env) as s:
        cookie = s.sign_in()
        before = flushes()
        done = bench.load("post", s.port, connections, count, SMALL_BYTES, "/api/entry", cookie)
        return count / done["seconds"], (flushes() - before) / count


def flush_rate(bench, count, **env):
    options = {"env": {**os.environ, "LD_PRELOAD": bench.tools + "/libbench_flushes.so", **env}}
    out = bench.tool("flush", bench.work + "/flush", count, **options).split()
    os.remove(bench.work + "/flush")
    return float(out[0]) / float(out[1])


def durable_uploads(bench):
    count = 4000 if bench.pairs > 1 else 1000
    slow = {"FLUSHES_DELAY_US": str(SLOW_FLUSH_US)}
    rows = bench.in_turn(lambda: small_uploads(bench, 64, count),
                         lambda: small_uploads(bench, 64, count, FLUSHES_OFF="1"),
                         lambda: small_uploads(bench, 64, count, **slow),
                         lambda: flush_rate(bench, 200, **slow))
    bench.note("64 small uploads at once, per s", statistics.median(row[0][0] for row in rows))
    bench.note("64 small uploads at once: flushes for each",
               statistics.median(row[0][1] for row in rows))
    note_ratio(bench, "64 small uploads at once: rate / without flushes",
               [row[0][0] / row[1][0] for row in rows])
    note_ratio(bench, "the same, 2 ms a flush: rate / flush rate",
               [row[2][0] / row[3] for row in rows])
    rows = bench.in_turn(lambda: small_uploads(bench, 1, 500), lambda: flush_rate(bench, 500))
    bench.note("flushes per s", statistics.median(row[1] for row in rows))
    note_ratio(bench, "small uploads, one at a time: rate / flush rate",
               [row[0][0] / row[1] for row in rows])
    rows = bench.in_turn(lambda: small_uploads(bench, 1, 500, **slow),
                         lambda: flush_rate(bench, 200, **slow))
    note_ratio(bench, "one at a time, 2 ms a flush: rate / flush rate",
               [row[0][0] / row[1] for row in rows])


# ---- downloads ----


def timed_downloads(server, url, count):
    """Seconds, and the server's processor seconds."""
    before, start = server.cpu(), time.monotonic()
    curls = [subprocess.Popen(["curl", "-sS", "--fail", "-o", "/dev/null", url])
             for _ in range(count)]
    if any(curl.wait() for curl in curls):
        sys.exit("a download failed: " + url)
    return time.monotonic() - start, server.cpu() - before


def downloads(bench):
    data = bench.file("upload", bench.size)
    with bench.server() as s, Nginx(bench.work + "/nginx", bench.data) as n:
        ours, theirs = f"{s.url}/-{s.store(data)}", f"{n.url}/upload"
        for server, url in ((s, ours), (n, theirs)):
            timed_downloads(server, url, 1)  # into the page cache
        for count in (1, 3):
            rows = bench.in_turn(lambda: timed_downloads(n, theirs, count),
                                 lambda: timed_downloads(s, ours, count))
            bench.note(f"{count} download{'s' * (count > 1)}, MB/s", statistics.median(
                count * bench.size / MB / mine[0] for _, mine in rows))
            note_ratio(bench, f"{count} downloads: speed / nginx",
                       [theirs[0] / mine[0] for theirs, mine in rows])
            if count == 3:
                note_ratio(bench, "downloads: CPU / nginx",
                           [mine[1] / max(theirs[1], 0.01) for theirs, mine in rows])


def ranges(bench):
    """64 KiB at random places of a large file, and the first byte of it."""
    count, length = 2000, 64 * 1024
    data = bench.file("large", bench.large)
    small = bench.file("small", SMALL_BYTES)
    with bench.server() as s, Nginx(bench.work + "/nginx", bench.data) as n:
        entry, little = s.store(data), s.store(small)
        for url in (f"{s.url}/-{entry}", f"{n.url}/large"):
            run("curl", "-sS", "-o", "/dev/null", url)  # into the page cache

        def ask(port, path):
            return bench.load("range", port, count, bench.large, length, path)
        rows = bench.in_turn(lambda: ask(n.port, "/large"), lambda: ask(s.port, f"/-{entry}"))
        for mark in ("p50", "p99"):
            name = f"whole_{mark}_ms"
            bench.note(f"ranges of 64 KiB: {mark}, ms", statistics.median(r[1][name] for r in rows))
            note_ratio(bench, f"ranges of 64 KiB: {mark} / nginx",
                       [mine[name] / theirs[name] for theirs, mine in rows])

        def first(which):
            return bench.load("first", s.port, 1, 200, f"/-{which}")["first_p50_ms"]
        rows = bench.in_turn(lambda: first(little), lambda: first(entry))
        note_ratio(bench, "first byte: large file / 4 kB file", [mine / base for base, mine in rows])


# ---- others meanwhile ----


def pages_meanwhile(bench):
    """The list of files while eight uploads run. So many requests that they take longer than a few
    turns of the processor, which are what the slowest wait for."""
    data = bench.file("upload", bench.size)
    count = 5000

    def ask(s):
        return bench.load("get", s.port, 1, count, "/files", s.sign_in())["whole_p99_ms"]

    def busy():
        with bench.server() as s:
            s.sign_in()
            uploads = [s.upload(data) for _ in range(8)]
            time.sleep(0.5)
            p99 = ask(s)
            if any(u.poll() is not None for u in uploads):
                sys.exit("the uploads ended before the pages were there")
            for u in uploads:
                s.finish(u)
            return p99

    def quiet():
        with bench.server() as s:
            return ask(s)
    rows = bench.in_turn(quiet, busy)
    bench.note("GET /files beside 8 uploads: p99, ms", statistics.median(row[1] for row in rows))
    note_ratio(bench, "GET /files beside 8 uploads: p99 / idle",
               [mine / base for base, mine in rows])


def no_rows_left(db):
    with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as c:
        return c.execute("SELECT NOT EXISTS (SELECT 1 FROM entries_data)").fetchone()[0] == 1


def delete_meanwhile(bench):
    """The longest wait of a small durable change while a large file's rows are removed."""
    data = bench.file("large", bench.large)
    longest = []
    for _ in range(3):
        with bench.server() as s:
            cookie = s.sign_in().split(": ")[1]
            entry = s.store(data)
            prepare()
            connection = http.client.HTTPConnection("127.0.0.1", s.port, timeout=60)

            def ask(method, path, body=None):
                start = time.monotonic()
                connection.request(method, path, body, {"Cookie": cookie})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    sys.exit(f"{method} {path}: {answer.status}")
                return (time.monotonic() - start) * 1000
            ask("DELETE", "/api/entry/" + entry)
            waits = []
            while not no_rows_left(s.db):
                waits += [ask("PUT", "/api/settings", '{"defaultExpirationDays":7}')
                          for _ in range(10)]
            longest.append(max(waits))
            connection.close()
    bench.note("beside a delete of 2 GB: longest wait, ms", statistics.median(longest))
    bench.note("beside a delete of 2 GB: longest wait, ms, all", [round(ms, 1) for ms in longest])


# The i-th upload, with an id in no order; the digest is there so that nothing is left to measure.
FILL = """
    BEGIN;
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {files})
        INSERT INTO entries (id, filename, content_type, upload_time, expiration_time, note)
        SELECT printf('%010d', i * 7919 % {files}), printf('photo-%06d.jpg', i), 'image/jpeg',
            strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + i, 'unixepoch'),
            '2999-12-31T00:00:00Z', NULL FROM n;
    INSERT INTO entries_data SELECT id, 0, CAST('x' AS BLOB) FROM entries;
    INSERT INTO ext_files (id, size, sha256) SELECT id, 1, zeroblob(32) FROM entries;
    COMMIT;
    PRAGMA wal_checkpoint(TRUNCATE);
"""


def long_list(bench):
    """The first page of a long list and of a short one, in turn."""
    with bench.server() as few, bench.server() as many:
        for s, files in ((few, FEW_FILES), (many, MANY_FILES)):
            with contextlib.closing(sqlite3.connect(s.db, isolation_level=None)) as db:
                db.executescript(FILL.format(files=files))
        times = [[], []]
        for i in range(LIST_ROUNDS):
            which = i % 4 in (1, 2)  # few, many, many, few
            s = (few, many)[which]
            times[which].append(
                bench.load("get", s.port, 1, 100, "/files", s.sign_in(),
                           "Connection: close")["whole_p50_ms"])
        medians = [statistics.median(each) for each in times]
        bench.note("list of 100 files, ms", medians[0])
        bench.note("list of 100,000 files, ms", medians[1])
        bench.note("list: 100,000 files / 100 files", medians[1] / medians[0])
        request = http.client.HTTPConnection("127.0.0.1", many.port)
        request.request("GET", "/files", headers={"Cookie": many.sign_in().split(": ")[1]})
        body = request.getresponse().read()
        if body.count(b"test-data-filename") != 50:
            sys.exit("/files is not a page of 50 files")
        bench.note("list of 100,000 files: first page, kB", len(body) / 1000)
