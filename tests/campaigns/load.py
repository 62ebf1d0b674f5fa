"""What campaigns share: lines that say how it went, a client that uploads pieces of one random source,
and a ledger of what the server has acknowledged.
"""
import http.client
import os
import random
import re
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import MIB  # noqa: E402

SOURCE_BYTES = 64 * MIB
BOUNDARY = "picoshare-campaign"


class Report:
    """Prints "ok …", "FAIL …" and "SKIP …" lines for one campaign."""

    def __init__(self, campaign):
        self.campaign, self.failed = campaign, False

    def __call__(self, name, problems, text):
        self.failed = self.failed or bool(problems)
        print(f"{'FAIL' if problems else 'ok'} {self.campaign}: {name}: {'; '.join(problems) or text}",
              flush=True)

    def skip(self, name, why):
        print(f"SKIP {self.campaign}: {name}: {why}", flush=True)


class Client:
    """Requests as the owner; a connection belongs to one thread."""

    def __init__(self, port, headers, seed):
        self.port, self.headers = port, headers
        self.random = random.Random(seed)
        self.source = self.random.randbytes(SOURCE_BYTES)
        self.lock = threading.Lock()

    def connect(self, limit=120):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit)

    def ask(self, connection, method, path, body=None, headers=None, expect=(200,)):
        connection.request(method, path, body, {**self.headers, **(headers or {})})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status not in expect:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return answer.status, content

    def piece(self, max_bytes):
        """Offset and size of a piece of the source; small ones are as likely as large ones."""
        size = int(2 ** self.random.uniform(0, max_bytes.bit_length() - 1))
        return self.random.randrange(SOURCE_BYTES - size), size

    def bytes_of(self, piece):
        offset, size = piece
        return memoryview(self.source)[offset:offset + size]

    def put(self, connection, name, piece):
        """The id of the file."""
        return id_in(self.ask(connection, "PUT", f"/api/upload/{name}", self.bytes_of(piece))[1])

    def post_as_guest(self, connection, link, name, piece):
        body = b"".join((f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
                         .encode(), self.bytes_of(piece), f"\r\n--{BOUNDARY}--\r\n".encode()))
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        connection.request("POST", f"/api/guest/{link}", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"guest upload: {answer.status} {content[:200]!r}")
        return id_in(content)

    def is_whole(self, connection, entry, piece):
        return self.ask(connection, "GET", f"/-{entry}")[1] == self.bytes_of(piece)


def id_in(content):
    return re.search(r'(?:/-|")([2-9A-Za-z]{10})(?:"|/|\s|$)', content.decode()).group(1)


class Ledger:
    """What was asked of the server and what it acknowledged, to be compared with what is there after
    it was stopped without a warning. An answer that never came leaves both outcomes open."""

    def __init__(self):
        self.lock = threading.Lock()
        self.files = {}     # acknowledged; id: (name, piece)
        self.uploading = {}  # name: piece
        self.deleting = {}   # id: (name, piece)
        self.renaming = {}   # id: the new name
        self.count = 0
        self.answers_lost = 0

    def begin_upload(self, piece):
        with self.lock:
            self.count += 1
            name = f"file-{self.count}.bin"
            self.uploading[name] = piece
            return name

    def end_upload(self, name, entry):
        with self.lock:
            self.files[entry] = (name, self.uploading.pop(name))

    def begin_delete(self, pick, keep):
        """An id, or None while there are few files."""
        with self.lock:
            left = [entry for entry in self.files if entry not in self.renaming]
            if len(self.files) <= keep or not left:
                return None
            entry = pick(left)
            self.deleting[entry] = self.files.pop(entry)
            return entry

    def end_delete(self, entry):
        with self.lock:
            del self.deleting[entry]

    def begin_rename(self, pick):
        with self.lock:
            left = [entry for entry in self.files if entry not in self.renaming]
            if not left:
                return None, None
            entry = pick(left)
            self.count += 1
            self.renaming[entry] = f"renamed-{self.count}.bin"
            return entry, self.renaming[entry]

    def end_rename(self, entry):
        with self.lock:
            self.files[entry] = (self.renaming.pop(entry), self.files[entry][1])

    def judge(self, listed):
        """What is wrong with this {id: name}; afterwards nothing is open any more."""
        wrong = [f"{entry} ({name}) was acknowledged and is not there"
                 for entry, (name, _) in self.files.items() if entry not in listed]
        for entry, name in listed.items():
            if entry in self.files:
                old, piece = self.files[entry]
                if name not in (old, self.renaming.get(entry)):
                    wrong.append(f"{entry} is called {name} and not {old}")
                self.files[entry] = (name, piece)
            elif entry in self.deleting:
                self.files[entry] = self.deleting[entry]
            elif name in self.uploading:
                self.files[entry] = (name, self.uploading[name])
                self.answers_lost += 1
            else:
                wrong.append(f"{entry} ({name}) is there and should not be")
        self.uploading, self.deleting, self.renaming = {}, {}, {}
        return wrong
