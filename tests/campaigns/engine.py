"""Images and containers without a registry and without a daemon: Debian's buildah, podman and runc, and
a base image that debootstrap makes. All of it lies in one directory and goes with it."""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = ("buildah", "podman", "runc", "debootstrap")
SUITE = "bookworm"
BASE = "localhost/debian:bookworm-slim"  # to which the short names in the Dockerfile lead
LITESTREAM = "localhost/litestream"
REGISTRIES = f"""unqualified-search-registries = []
short-name-mode = "permissive"
[aliases]
"debian" = "{BASE.split(":")[0]}"
"litestream/litestream" = "{LITESTREAM}"
"""
STORAGE = """[storage]
driver = "overlay"
graphroot = "DIR/store"
runroot = "RUN/run"
"""
# A machine that gives its root no power over limits cannot give a container more than it has.
CONTAINERS = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
netns = "NETWORK"
[engine]
image_default_format = "v2s2"
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "RUN/tmp"
volume_path = "DIR/volumes"
[network]
network_config_dir = "DIR/networks"
"""


def archive(label):
    """Where apt takes the packages of this label from; "" when it does not."""
    found = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: " + label,
                            "Created-By: Packages"], capture_output=True, text=True)
    return found.stdout.split("\n")[0].rstrip("/")


def reason_to_skip():
    """What is missing here, or None."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return ", ".join(missing) + " not here"
    if os.geteuid() != 0:
        return "not root"
    if not archive("Debian"):
        return "apt has no Debian archive to make the base image from"
    return None


def unmount(path):
    """Containers leave a mount of their storage onto itself."""
    while subprocess.run(["mountpoint", "-q", path]).returncode == 0:
        subprocess.run(["umount", "-l", path], check=True)


class Engine:
    def __init__(self, directory, network="host"):
        self.dir = os.path.abspath(directory)
        self.network = network  # of its containers
        self.log = self.dir + "/log"

    def __enter__(self):
        os.makedirs(self.dir)
        self.run_dir = tempfile.mkdtemp(dir="/tmp")  # podman wants a short path
        files = {"registries.conf": REGISTRIES, "storage.conf": STORAGE, "containers.conf": CONTAINERS,
                 ".config/containers/policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}'}
        os.makedirs(self.dir + "/.config/containers")
        for name, text in files.items():
            with open(f"{self.dir}/{name}", "w") as f:
                f.write(text.replace("DIR", self.dir).replace("RUN", self.run_dir)
                        .replace("NETWORK", self.network))
        # Both programs read these, whoever starts them: a reader's script, too.
        self.settings = {"HOME": self.dir, "BUILDAH_ISOLATION": "chroot",
                         "CONTAINERS_REGISTRIES_CONF": self.dir + "/registries.conf",
                         "CONTAINERS_STORAGE_CONF": self.dir + "/storage.conf",
                         "CONTAINERS_CONF": self.dir + "/containers.conf"}
        self.env = {**os.environ, **self.settings}
        return self

    def __exit__(self, *_):
        with contextlib.suppress(RuntimeError):
            self.podman("rm", "-af", "-t", "0")
            self.podman("volume", "rm", "-af")
        with contextlib.suppress(RuntimeError):
            self.buildah("rm", "-a")
        unmount(self.dir + "/store/overlay")
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def call(self, *command):
        """What it prints; the rest goes to the log."""
        with open(self.log, "a") as log:
            done = subprocess.run(command, env=self.env, stdout=subprocess.PIPE, stderr=log, text=True,
                                  cwd=ROOT)
            log.write(done.stdout)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[:1] + command[-3:])} ended with {done.returncode}")
        return done.stdout.strip()

    def buildah(self, *arguments):
        return self.call("buildah", *arguments)

    def podman(self, *arguments):
        return self.call("podman", *arguments)

    # -- images --

    def commit(self, container, tag):
        self.buildah("commit", "-q", container, tag)
        self.buildah("rm", container)

    def make_base(self):
        """A Debian as slim as the official image: without documents and package lists."""
        tree = self.dir + "/base"
        self.call("debootstrap", "--variant=minbase", SUITE, tree, archive("Debian"))
        for path in ("var/lib/apt/lists", "var/cache/apt", "usr/share/doc", "usr/share/man",
                     "usr/share/locale"):
            shutil.rmtree(f"{tree}/{path}")
        os.makedirs(tree + "/var/cache/apt/archives/partial")
        os.makedirs(tree + "/var/lib/apt/lists/partial")
        with open(tree + "/etc/apt/sources.list", "w") as f:
            f.write(f"deb {archive('Debian')} {SUITE} main\n")
            if archive("Debian-Security"):
                f.write(f"deb {archive('Debian-Security')} {SUITE}-security main\n")
        container = self.buildah("from", "scratch")
        self.buildah("add", "-q", container, tree, "/")
        self.buildah("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                     container)
        self.commit(container, BASE)
        shutil.rmtree(tree)

    def make_program_image(self, tag, path, target):
        """An image with one file in it."""
        container = self.buildah("from", "scratch")
        self.buildah("copy", "-q", container, path, target)
        self.commit(container, tag)

    def build(self, tag, *options):
        """The project's Dockerfile."""
        self.buildah("build", "--isolation", "chroot", "--pull-never", "--network", "host",
                     "--format", "docker", "-t", tag, *options, ".")

    def inspect(self, image):
        return json.loads(self.podman("image", "inspect", image))[0]

    @contextlib.contextmanager
    def files_of(self, image):
        """The directory in which the image's files are."""
        container = self.buildah("from", "--pull-never", image)
        try:
            yield self.buildah("mount", container)
        finally:
            self.buildah("rm", container)

    # -- containers --

    def start(self, name, image, *options):
        """As docs/operations.md has it: nothing can be written but the volume, no powers."""
        self.podman("run", "-d", "--name", name, "--read-only", "--read-only-tmpfs=false",
                    "--cap-drop", "all", "--security-opt", "no-new-privileges", *options, image)

    def state(self, name):
        return json.loads(self.podman("container", "inspect", name))[0]["State"]

    def logs(self, name):
        return self.podman("logs", name)
