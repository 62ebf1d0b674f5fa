"""The reverse proxies of deploy/, as people put them before the program, with HTTPS and for
NAME, on ports of their own.

Only what belongs to a machine is replaced in those files, in KINDS; a text that is no longer in them
is an error. A proxy with a `missing` program cannot be started.
"""
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import START_LIMIT_S, free_port, read, run  # noqa: E402

DEPLOY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy")
NAME = "share.example.com"
SYSTEM_PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"

# What /etc/nginx/nginx.conf is to a file in conf.d; compression is on there, too, as in Debian's.
NGINX = """
worker_processes 1;
daemon off;
pid {dir}/pid;
error_log {dir}/error.log;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    gzip on;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
    uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    include {conf};
}}
"""

# What deploy/Caddyfile leaves to Caddy: ports, where it keeps things, certificates of its own.
CADDY = """{{
    admin off
    http_port {http_port}
    https_port {port}
    default_bind 127.0.0.1
    storage file_system {dir}
    skip_install_trust
}}

{name} {{
    tls {certificate} {key}
"""

UPSTREAM = ("127.0.0.1:4001", "127.0.0.1:{upstream}")

# kind: (file, what is replaced in it and by what, command)
KINDS = {
    "nginx": ("nginx.conf", [
        UPSTREAM,
        ("listen 80;", "listen 127.0.0.1:{http_port};"),
        ("listen [::]:80;", ""),
        ("listen 443 ", "listen 127.0.0.1:{port} "),
        ("listen [::]:443 ssl http2;", ""),
        (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", "{certificate}"),
        (f"/etc/letsencrypt/live/{NAME}/privkey.pem", "{key}"),
    ], ["nginx", "-e", "{dir}/error.log", "-c", "{dir}/main"]),
    "caddy": ("Caddyfile", [
        UPSTREAM,
        (f"\n{NAME} {{\n", "\n" + CADDY),
    ], ["caddy", "run", "--adapter", "caddyfile", "--config", "{conf}"]),
    "haproxy": ("haproxy.cfg", [
        UPSTREAM,
        ("log /dev/log local0", "log stdout format raw local0"),
        ("    chroot /var/lib/haproxy\n", ""),
        ("    user haproxy\n", ""),
        ("    group haproxy\n", ""),
        (":80,[::]:80 v6only", "127.0.0.1:{http_port}"),
        (":443,[::]:443 v6only", "127.0.0.1:{port}"),
        (f"/etc/haproxy/{NAME}.pem", "{both}"),
    ], ["haproxy", "-f", "{conf}"]),
}
# For attacks: connections to the program are used for other clients, too, as nginx and Caddy do by
# themselves.
SHARED = {"haproxy": [("mode http", "mode http\n    http-reuse always")]}


def replace(text, replaced, values):
    for old, new in replaced:
        if old not in text:
            raise RuntimeError(f"not in the configuration any more: {old}")
        text = text.replace(old, new.format(**values))
    return text


class Proxy:
    """https://NAME is on `port` of 127.0.0.1, http://NAME on `http_port`. With `more` pairs are
    replaced in the configuration as well."""

    def __init__(self, kind, directory, upstream, more=()):
        self.kind, self.dir, self.upstream, self.more = kind, os.path.abspath(directory), upstream, more
        self.missing = next((program for program in (kind, "openssl")
                             if shutil.which(program, path=SYSTEM_PATH) is None), None)
        self.certificate, self.key = self.dir + "/certificate.pem", self.dir + "/key.pem"

    def certify(self, both):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", "/CN=" + NAME, "-addext", "subjectAltName=DNS:" + NAME,
            "-keyout", self.key, "-out", self.certificate)
        with open(both, "w") as f:
            f.write(read(self.certificate) + read(self.key))

    def configure(self):
        """The command."""
        file, replaced, command = KINDS[self.kind]
        values = {
            "name": NAME, "dir": self.dir, "conf": self.dir + "/conf", "port": self.port,
            "http_port": self.http_port, "upstream": self.upstream, "key": self.key,
            "certificate": self.certificate, "both": self.dir + "/both.pem",
            "user": "user root;" if os.geteuid() == 0 else "",
        }
        self.certify(values["both"])
        text = replace(read(os.path.join(DEPLOY, file)), [*replaced, *self.more], values)
        with open(values["conf"], "w") as f:
            f.write(text)
        if self.kind == "nginx":
            with open(self.dir + "/main", "w") as f:
                f.write(NGINX.format(**values))
        return [part.format(**values) for part in command]

    def __enter__(self):
        os.makedirs(self.dir, exist_ok=True)
        self.port, self.http_port = free_port(), free_port()
        command = self.configure()
        with open(self.dir + "/log", "wb") as log:
            self.process = subprocess.Popen(command, env={"PATH": SYSTEM_PATH, "HOME": self.dir},
                                            stdout=log, stderr=log)
        end = time.time() + START_LIMIT_S
        while True:
            with contextlib.suppress(OSError), self.connect(START_LIMIT_S):
                break
            if self.process.poll() is not None or time.time() > end:
                self.process.kill()
                raise RuntimeError(f"{self.kind} does not start: {read(self.dir + '/log')[-500:]}")
            time.sleep(0.05)
        return self

    def connect(self, limit_s):
        """A socket for HTTP/1.1."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=limit_s)
        try:
            return ssl.create_default_context(cafile=self.certificate).wrap_socket(
                plain, server_hostname=NAME)
        except OSError:
            plain.close()
            raise

    def pids(self):
        """Of all its processes."""
        children = read(f"/proc/{self.process.pid}/task/{self.process.pid}/children").split()
        return [self.process.pid, *map(int, children)]

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
