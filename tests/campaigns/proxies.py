"""Reverse proxies as people put them before the program, each on a port of its own.

A proxy whose program is not here has `missing` set, and cannot be started.
"""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import START_LIMIT_S, free_port, read  # noqa: E402

# Connections to the program are used again for the requests of other clients, as attacks need it.
NGINX = """
worker_processes 1;
daemon off;
pid {dir}/pid;
error_log {dir}/error.log;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
    uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    upstream back {{ server 127.0.0.1:{upstream}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 0;
        location / {{
            proxy_pass http://back;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"""

CADDY = """
{{
    admin off
    auto_https off
    storage file_system {dir}
}}
http://:{port} {{
    bind 127.0.0.1
    reverse_proxy 127.0.0.1:{upstream} {{
        flush_interval -1
    }}
}}
"""

HAPROXY = """
global
    maxconn 256
defaults
    mode http
    http-reuse always
    option forwardfor
    timeout client 60s
    timeout server 60s
    timeout connect 3s
frontend front
    bind 127.0.0.1:{port}
    http-request set-header X-Forwarded-Proto http
    default_backend back
backend back
    server program 127.0.0.1:{upstream}
"""

KINDS = {
    "nginx": (NGINX, ["nginx", "-e", "{dir}/error.log", "-c", "{conf}"]),
    "caddy": (CADDY, ["caddy", "run", "--adapter", "caddyfile", "--config", "{conf}"]),
    "haproxy": (HAPROXY, ["haproxy", "-f", "{conf}"]),
}


class Proxy:
    def __init__(self, kind, directory, upstream):
        self.kind, self.dir, self.upstream = kind, os.path.abspath(directory), upstream
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        self.missing = shutil.which(kind, path=path) is None
        self.env = {"PATH": path, "HOME": self.dir}

    def __enter__(self):
        template, command = KINDS[self.kind]
        os.makedirs(self.dir, exist_ok=True)
        self.port, conf = free_port(), self.dir + "/conf"
        user = "user root;" if os.geteuid() == 0 else ""
        with open(conf, "w") as f:
            f.write(template.format(dir=self.dir, port=self.port, upstream=self.upstream, user=user))
        with open(self.dir + "/log", "wb") as log:
            self.process = subprocess.Popen([part.format(dir=self.dir, conf=conf) for part in command],
                                            env=self.env, stdout=log, stderr=log)
        end = time.time() + START_LIMIT_S
        while True:
            with contextlib.suppress(OSError), \
                    socket.create_connection(("127.0.0.1", self.port)):
                return self
            if self.process.poll() is not None or time.time() > end:
                self.process.kill()
                raise RuntimeError(f"{self.kind} does not start: {read(self.dir + '/log')[-500:]}")
            time.sleep(0.05)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
