"""The S3 service of s3.sh, for a while."""
import os
import shutil
import subprocess

from engine import archive
from server import free_port, read

START_LIMIT_S = "900"  # with packages from afar
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "s3.sh")


def reason_to_skip():
    if os.geteuid() != 0 or not shutil.which("debootstrap") or not archive("Debian"):
        return "debootstrap, root and Debian's archive make the S3 service"
    return None


def reason_to_skip_replica(litestream):
    """The same for a replica by that program, which may be None."""
    if not litestream or not os.access(litestream, os.X_OK):
        return "Litestream is not here, nor Go to install it with"
    return reason_to_skip()


class S3:
    """Its directory may be one that another campaign has used (PICOSHARE_S3_DIR): what takes long is to
    make the root file system in it."""

    def __init__(self, directory):
        self.dir = os.environ.get("PICOSHARE_S3_DIR", directory)
        port = free_port()
        self.ports = [str(port), str(free_port())]
        self.env = {"LITESTREAM_BUCKET": "bucket", "LITESTREAM_ENDPOINT": f"http://127.0.0.1:{port}",
                    "LITESTREAM_ACCESS_KEY_ID": "key", "LITESTREAM_SECRET_ACCESS_KEY": "secret"}

    def __enter__(self):
        os.makedirs(self.dir, exist_ok=True)
        path = self.dir + "/log"
        with open(path, "w") as log:
            begun = subprocess.run(["timeout", START_LIMIT_S, SCRIPT, "start", self.dir, *self.ports],
                                   stdout=log, stderr=log)
        if begun.returncode:
            self.__exit__()
            raise RuntimeError("no S3 service: " + read(path)[-2000:])
        return self

    def __exit__(self, *_):
        subprocess.run([SCRIPT, "stop", self.dir], check=True)
