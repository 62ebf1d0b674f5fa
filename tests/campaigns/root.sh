# Sourced by campaigns in a root file system of their own: $root is where it lies, $dir where logs and
# packages do, and $campaign begins every line that is printed.
# shellcheck shell=bash disable=SC2154
# Needs root, debootstrap and 500 MB of room.

# root_or_skip TOOL...: ends the campaign when something is missing here.
root_or_skip() {
    local tool
    for tool in debootstrap "$@"; do
        if ! command -v "$tool" >/dev/null; then
            echo "SKIP $campaign: $tool is not here"
            exit
        fi
    done
    if [ "$(id -u)" != 0 ]; then
        echo "SKIP $campaign: only root can make a root file system"
        exit
    fi
}

# step NAME COMMAND...: ends the campaign when it fails, since the next ones build on it.
step() {
    local name=$1 status
    shift
    # Not as a condition: the shell would go on after a command that fails.
    set +e
    (
        set -e
        "$@"
    ) >"$dir/log" 2>&1 </dev/null
    status=$?
    set -e
    if [ $status != 0 ]; then
        echo "FAIL $campaign: $name"
        cat "$dir/log"
        exit 1
    fi
    echo "ok $campaign: $name"
}

# enter COMMAND...: in the root file system, with a /proc and a /dev that go with the command. It takes
# the place of its shell, so that of a background job the pid is the command's own.
enter() {
    exec unshare -m bash -c 'root=$1; shift
        mount --make-rprivate /
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"' - "$root" "$@"
}

inside() {
    (enter "$@")
}

# make_root_with PACKAGES [RELEASE [ARCHIVE]]: by default of this machine's release and from its archive.
# PACKAGES has commas.
make_root_with() {
    local ours release archive script=() components=main
    ours=$(. /etc/os-release && echo "$VERSION_CODENAME")
    release=${2:-$ours}
    archive=${3:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $ours" | head -n 1)}
    if [ "$release" = noble ]; then
        script=(gutsy) # that of all of Ubuntu, for debootstraps that do not know this one yet
        components=main,universe
    fi
    rm -rf "$root"
    debootstrap --variant=minbase --components=$components --include="$1" "$release" "$root" "$archive" "${script[@]}"
}
