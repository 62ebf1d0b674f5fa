"""Asks real servers for everything that the HTTP interface can answer, and keeps what was said."""
import base64
import contextlib
import http.client
import json
import os
import re
import resource
import socket
import sqlite3
import subprocess
import sys

from description import Exchange

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import MIB, SECRET, Server  # noqa: E402

OWNER = {"Authorization": "Basic " + base64.b64encode(f":{SECRET}".encode()).decode()}
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
FORMS_OF_ERRORS = ("application/json", "text/html")
UNKNOWN_FILE, UNKNOWN_LINK, UNKNOWN_SESSION = "A" * 10, "A" * 16, "0" * 16
LATER = "2040-01-01T00:00:00Z"
CROWD = 968  # above the soft limit of connections, below the hard one (limits.h)
TOO_MUCH_JSON = 70_000
ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")


def form(*parts):
    """(name, file name or None, bytes)…"""
    body = b""
    for name, filename, content in parts:
        file = f'; filename="{filename}"' if filename is not None else ""
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
    return body + b"--b--\r\n"


ONE_FILE = form(("file", "a.txt", b"some text"))


class Client:
    """Keeps an Exchange for each request to one server."""

    def __init__(self, server, exchanges):
        self.port, self.exchanges = server.port, exchanges
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def exchange(self, method, target, headers, body):
        connection = self.connection
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body or method in ("POST", "PUT"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        with contextlib.suppress(ConnectionError):  # the answer may come in mid-body
            connection.send(body)
        answer = connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        exchange = Exchange(method, target, headers, body, answer.status, received, answer.read())
        if answer.will_close or len(body) > MIB:
            connection.close()
        return exchange

    def ask(self, method, target, headers=None, body=b"", signed_in=True):
        """The answer; an error is asked for again in each of its forms."""
        headers = {**(OWNER if signed_in else {}), **(headers or {})}
        exchange = self.exchange(method, target, headers, body)
        self.exchanges.append(exchange)
        if exchange.status >= 400 and method != "HEAD" and "Accept" not in headers:
            for accept in FORMS_OF_ERRORS:
                self.exchanges.append(self.exchange(method, target, {**headers, "Accept": accept}, body))
        return exchange

    def ask_json(self, method, target, value, **options):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.ask(method, target, JSON, body, **options)

    def made(self, exchange):
        """The id in an answer."""
        if exchange.status != 200:
            raise RuntimeError(f"{exchange} {exchange.content[:200]}")
        return json.loads(exchange.content)["id"]

    def store(self, content, name="a.txt"):
        return self.made(self.ask("PUT", f"/api/upload/{name}", TEXT, content))

    def make_link(self, **members):
        link = {"label": "Joe", "urlExpirationTime": LATER, "fileLifetime": "720h", **members}
        return self.made(self.ask_json("POST", "/api/guest-links", link))

    def sign_in(self):
        """The cookie as a header."""
        answer = self.ask_json("POST", "/api/auth", {"sharedSecretKey": SECRET}, signed_in=False)
        return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


def samples(file, link):
    """For each operation a request that is right, and may be made again and again:
    (METHOD, path of the description): (target, headers, body)"""
    change = json.dumps({"filename": "b.txt", "expiration": LATER, "note": "for Ann"}).encode()
    new_link = json.dumps({"urlExpirationTime": LATER, "fileLifetime": "24h"}).encode()
    gone = f"/api/guest-links/{UNKNOWN_LINK}"
    return {
        ("POST", "/api/auth"): ("/api/auth", JSON, json.dumps({"sharedSecretKey": SECRET}).encode()),
        ("DELETE", "/api/auth"): ("/api/auth", {}, b""),
        ("DELETE", "/api/sessions"): ("/api/sessions", {}, b""),
        ("DELETE", "/api/sessions/{handle}"): (f"/api/sessions/{UNKNOWN_SESSION}", {}, b""),
        ("POST", "/api/entry"): ("/api/entry", FORM, ONE_FILE),
        ("PUT", "/api/upload/{filename}"): ("/api/upload/a.txt", TEXT, b"some text"),
        ("PUT", "/api/entry/{id}"): (f"/api/entry/{file}", JSON, change),
        ("DELETE", "/api/entry/{id}"): (f"/api/entry/{UNKNOWN_FILE}", {}, b""),
        ("GET", "/-{id}"): (f"/-{file}", {}, b""),
        ("GET", "/-{id}/{filename}"): (f"/-{file}/b.txt", {}, b""),
        ("POST", "/api/guest-links"): ("/api/guest-links", JSON, new_link),
        ("DELETE", "/api/guest-links/{id}"): (gone, {}, b""),
        ("PUT", "/api/guest-links/{id}/enable"): (f"/api/guest-links/{link}/enable", {}, b""),
        ("PUT", "/api/guest-links/{id}/disable"): (gone + "/disable", {}, b""),
        ("PUT", "/api/guest-links/{id}/restore"): (f"/api/guest-links/{link}/restore", {}, b""),
        ("POST", "/api/guest/{id}"): (f"/api/guest/{link}", FORM, ONE_FILE),
        ("PUT", "/api/guest/{id}/{filename}"): (f"/api/guest/{link}/a.txt", TEXT, b"some text"),
        ("PUT", "/api/settings"): ("/api/settings", JSON, b'{"defaultExpirationDays": 30}'),
        ("GET", "/api/system"): ("/api/system", {}, b""),
        ("POST", "/api/system/reclaim"): ("/api/system/reclaim", {}, b""),
        ("POST", "/api/system/backup"): ("/api/system/backup", {}, b""),
        ("GET", "/api/system/backup"): ("/api/system/backup", {}, b""),
        ("GET", "/api/openapi.json"): ("/api/openapi.json", {}, b""),
        ("GET", "/healthz"): ("/healthz", {}, b""),
        ("GET", "/metrics"): ("/metrics", {}, b""),
    }


# ---- a server that is well ----


def use(client, file, link):
    """What is described as a success, in all its forms."""
    client.ask("POST", f"/api/entry?expiration={LATER}&note=for+Ann", FORM, ONE_FILE)
    several = form(("file", "a.txt", b"1"), ("note", None, b"both"), ("file", "b.txt", b"2"))
    for accept in ("*/*", "text/plain"):
        client.ask("POST", "/api/entry", {**FORM, "Accept": accept}, several)
        client.ask("PUT", f"/api/upload/a.txt?expiration={LATER}&note=for+Ann", {**TEXT, "Accept": accept}, b"1")
    for accept in ("*/*", "application/json"):
        for expiration in ("", "?expiration="):
            client.ask("POST", f"/api/guest/{link}{expiration}", {**FORM, "Accept": accept}, several_files())
            client.ask("PUT", f"/api/guest/{link}/a.txt{expiration}", {**TEXT, "Accept": accept}, b"1")
    client.ask_json("PUT", f"/api/entry/{file}", {"filename": "b.txt", "expiration": None, "note": None})
    client.ask_json("PUT", f"/api/entry/{file}", {"filename": "b.txt"})
    client.ask("DELETE", f"/api/entry/{client.store(b'1')}")
    client.ask_json("PUT", "/api/settings", {"defaultNeverExpire": True})
    other = client.make_link(maxFileBytes=MIB, maxFileUploads=3, label=None)
    for step in ("/disable", "/enable"):
        client.ask("PUT", f"/api/guest-links/{other}{step}")
    client.ask("DELETE", f"/api/guest-links/{other}")
    client.ask("PUT", f"/api/guest-links/{other}/restore")
    client.ask("GET", "/metrics", {"Accept": "application/openmetrics-text"})


def several_files():
    return form(("file", "a.txt", b"1"), ("file", "b.txt", b"2"))


def use_sessions(client):
    cookie = client.sign_in()
    page = client.exchange("GET", "/information", cookie, b"").content.decode()
    client.ask("DELETE", re.search(r"/api/sessions/[0-9a-f]{16}", page)[0], cookie, signed_in=False)
    client.ask("DELETE", "/api/sessions", client.sign_in(), signed_in=False)
    client.ask("DELETE", "/api/auth", client.sign_in(), signed_in=False)


def download(client, file):
    for path in (f"/-{file}", f"/-{file}/b.txt"):
        whole = client.ask("GET", path, signed_in=False)
        etag, date = whole.headers["etag"], whole.headers["last-modified"]
        client.ask("GET", path + "?download=1", signed_in=False)
        for ranges in ("bytes=0-0", "bytes=0-0,2-", "bytes=x", "bytes=999999999-"):
            client.ask("GET", path, {"Range": ranges, "If-Range": etag}, signed_in=False)
        for condition in ("If-None-Match", "If-Match"):
            client.ask("GET", path, {condition: etag}, signed_in=False)
            client.ask("GET", path, {condition: '"x"'}, signed_in=False)
        client.ask("GET", path, {"If-Modified-Since": date}, signed_in=False)
        client.ask("GET", path, {"X-Forwarded-Proto": "http"}, signed_in=False)
        client.ask("GET", path, {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "script"}, signed_in=False)
        client.ask("GET", path.replace(file, UNKNOWN_FILE), signed_in=False)
        client.ask("GET", path.replace(file, "short"), signed_in=False)


def read_description(client):
    path = "/api/openapi.json"
    etag = client.ask("GET", path, signed_in=False).headers["etag"]
    client.ask("GET", path, {"Accept-Encoding": "br"}, signed_in=False)
    client.ask("GET", path, {"If-None-Match": etag}, signed_in=False)
    client.ask("GET", path, {"If-Match": '"x"'}, signed_in=False)


def err(client, file, link):
    """What the client does wrong, operation by operation."""
    for query in ("?expiration=tomorrow", "?note=null"):
        client.ask("POST", "/api/entry" + query, FORM, ONE_FILE)
        client.ask("PUT", "/api/upload/a.txt" + query, TEXT, b"1")
        client.ask("POST", f"/api/guest/{link}{query}", FORM, ONE_FILE)
        client.ask("PUT", f"/api/guest/{link}/a.txt{query}", TEXT, b"1")
    for method, path in (("POST", "/api/auth"), ("PUT", f"/api/entry/{file}"), ("POST", "/api/guest-links"),
                         ("PUT", "/api/settings")):
        for body in (b"", b"{", b"[]", b"{}"):
            client.ask_json(method, path, body)
    change = {"filename": "a.txt"}
    client.ask_json("PUT", f"/api/entry/{UNKNOWN_FILE}", change)
    client.ask_json("PUT", "/api/entry/short", change)
    client.ask("DELETE", "/api/entry/short")
    client.ask_json("POST", "/api/auth", {"sharedSecretKey": "wrong"}, signed_in=False)
    client.ask("DELETE", "/api/guest-links/short")
    for step in ("enable", "disable", "restore"):
        client.ask("PUT", f"/api/guest-links/short/{step}")
        client.ask("PUT", f"/api/guest-links/{UNKNOWN_LINK}/{step}")
    for wrong in ("short", UNKNOWN_LINK):
        client.ask("POST", f"/api/guest/{wrong}", FORM, ONE_FILE)
        client.ask("PUT", f"/api/guest/{wrong}/a.txt", TEXT, b"1")


def restore_twice(server, client):
    """A deleted link that another program has made again."""
    link = client.make_link()
    with contextlib.closing(sqlite3.connect(server.db, timeout=30)) as db:
        row = db.execute("SELECT * FROM guest_links WHERE id = ?", (link,)).fetchone()
        client.ask("DELETE", f"/api/guest-links/{link}")
        db.execute(f"INSERT INTO guest_links VALUES ({','.join('?' * len(row))})", row)
        db.commit()
    client.ask("PUT", f"/api/guest-links/{link}/restore")


def exceed(client):
    """What a guest link does not let through."""
    link = client.make_link(maxFileBytes=MIB)
    large = bytes(MIB + 1)
    client.ask("POST", f"/api/guest/{link}", FORM, form(("file", "a.txt", large)))
    client.ask("PUT", f"/api/guest/{link}/a.txt", TEXT, large)
    client.ask("PUT", f"/api/guest-links/{link}/disable")
    client.ask("POST", f"/api/guest/{link}", FORM, ONE_FILE)
    client.ask("PUT", f"/api/guest/{link}/a.txt", TEXT, b"1")


def in_general(client, requests):
    """What can happen to every request."""
    for (method, _), (target, headers, body) in requests.items():
        client.ask(method, target, {**headers, "Origin": "null"}, body)
        client.ask(method, target, {**headers, "Content-Encoding": "gzip"}, body)
        client.ask(method, f"{target}?{'a' * 8200}", headers, body)
        client.ask(method, target, {**headers, "X-Long": "a" * 16_400}, body)
        if method == "GET":
            client.ask("HEAD", target, headers)
        else:
            client.ask(method, target, headers, bytes(TOO_MUCH_JSON))
    for target in dict.fromkeys(target for target, _, _ in requests.values()):
        used = {method for (method, _), (other, _, _) in requests.items() if other == target}
        for method in ALL_METHODS:
            if method not in used:
                client.ask(method, target)


def without_credentials(client, requests):
    found = []
    for (method, _), (target, headers, body) in requests.items():
        found.append(client.ask(method, target, headers, body, signed_in=False))
    return found


def guess(client, requests):
    """Wrong passphrases until no more are looked at."""
    for (method, _), (target, headers, body) in requests.items():
        if target == "/api/auth":
            body = b'{"sharedSecretKey": "wrong"}' if method == "POST" else b""
        for _ in range(20):
            wrong = {**headers, "Authorization": "Basic " + base64.b64encode(b":wrong").decode()}
            if client.ask(method, target, wrong, body).status != 401:
                break


def crowd(server, client, requests):
    """More connections than one address should have. The server cuts idle ones after some seconds: on
    a slow machine another crowd must come for the rest of the requests."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    left = list(requests.items())
    for _ in range(10):
        if not left:
            break
        client.connection.close()
        with contextlib.ExitStack() as stack:
            for _ in range(CROWD):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            left = [item for item in left if not is_busy(client, item)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def is_busy(client, item):
    """Whether the answer is 503, in each form of an error."""
    (method, _), (target, headers, body) = item
    count = len(client.exchanges)
    client.ask(method, target, headers, body)
    return {exchange.status for exchange in client.exchanges[count:]} == {503}


def back_up_twice(server, client):
    """A backup that nobody reads, of more than sockets hold, and one more."""
    client.store(bytes(24 * MIB))
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        slow.connect(("127.0.0.1", server.port))
        lines = ["POST /api/system/backup HTTP/1.1", "Host: localhost", f"Authorization: {OWNER['Authorization']}"]
        slow.sendall("\r\n".join([*lines, "", ""]).encode())
        slow.recv(1)
        client.ask("POST", "/api/system/backup")
        client.ask("GET", "/api/system/backup")


# ---- servers that are not ----


def break_database(server, client, requests):
    """Nothing is where the server looks for it."""
    cookie = client.sign_in()
    with contextlib.closing(sqlite3.connect(server.db, timeout=30)) as db:
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%'"
                            " ESCAPE '\\'").fetchall()
        for (name,) in tables:
            db.execute(f'ALTER TABLE "{name}" RENAME TO "lost_{name}"')
    for (method, _), (target, headers, body) in requests.items():
        client.ask(method, target, headers, body)
        client.ask(method, target, {**headers, **cookie}, body, signed_in=False)


def fill_disk(client, link):
    """Of eight megabytes."""
    client.store(bytes(4 * MIB))
    client.ask("POST", "/api/system/backup")
    large = bytes(10 * MIB)
    client.ask("POST", "/api/entry", FORM, form(("file", "a.bin", large)))
    client.ask("PUT", "/api/upload/a.bin", TEXT, large)
    client.ask("POST", f"/api/guest/{link}", FORM, form(("file", "a.bin", large)))
    client.ask("PUT", f"/api/guest/{link}/a.bin", TEXT, large)


def small_disk(directory):
    """What makes a server's directory a small file system, seen by nobody else."""
    data = os.path.join(directory, "data")
    return ["unshare", "--mount", "sh", "-c", f'mkdir -p {data} && mount -t tmpfs -o size=8m none {data} && exec "$@"',
            "sh"]


class Record:
    """All that was asked and said."""

    def __init__(self, binary, directory):
        self.exchanges, self.strangers = [], []
        probe = small_disk(directory + "/probe")
        self.has_small_disk = subprocess.run([*probe, "true"], stderr=subprocess.DEVNULL).returncode == 0
        with Server(binary, directory + "/well") as server:
            self.ask_all(server)
        with Server(binary, directory + "/unshrinkable", layout="picoshare") as server:
            Client(server, self.exchanges).ask("POST", "/api/system/reclaim")
        with Server(binary, directory + "/broken") as server:
            client = Client(server, self.exchanges)
            break_database(server, client, self.begin(client))
        if self.has_small_disk:
            place = directory + "/full"
            with Server(binary, place, prefix=small_disk(place)) as server:
                client = Client(server, self.exchanges)
                fill_disk(client, client.make_link())

    @staticmethod
    def begin(client):
        return samples(client.store(b"some text"), client.make_link())

    def ask_all(self, server):
        client = Client(server, self.exchanges)
        file, link = client.store(b"some text"), client.make_link()
        requests = samples(file, link)
        for (method, _), (target, headers, body) in requests.items():
            client.ask(method, target, headers, body)
        use(client, file, link)
        use_sessions(client)
        download(client, file)
        read_description(client)
        err(client, file, link)
        exceed(client)
        restore_twice(server, client)
        in_general(client, requests)
        self.strangers = without_credentials(client, requests)
        back_up_twice(server, client)
        crowd(server, client, requests)
        guess(client, requests)
