#!/usr/bin/env bash
# The first evening of somebody who has just found the project, on a Debian or Ubuntu without anything:
# scripts/run, an upload by curl and one in a browser, a restart, and scripts/test where it is asked for.
# Prints "ok …", "FAIL …" and "SKIP …" lines.
# Usage: tests/campaigns/newcomer.sh RELEASE DIRECTORY [PART...]
#   RELEASE  bookworm, trixie, noble
#   PART     parts of scripts/test to be run there; "all": every one
#   ARCHIVE  (in the environment) of the release; by default the one that this machine uses
# Needs root, debootstrap, node and Chromium here; 2 GB of room, with parts of scripts/test 8 GB.
set -euo pipefail
cd "$(dirname "$0")/../.."
release=$1
mkdir -p "$2"
dir=$(realpath "$2")
shift 2
root=$dir/root
campaign="newcomer on $release"
port=${PORT:-4088}
url=http://localhost:$port
server=
. scripts/common.sh
. tests/campaigns/root.sh

stop_server() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    server=
}

finish() {
    stop_server
    rm -rf "$root"
}
trap finish EXIT

make_root() {
    make_root_with ca-certificates "$release" "${ARCHIVE:-}"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts" # as every installation and image has it
    trust_as_here
}

# A company's authority, between this machine and the world, is between the new one and the world as well.
trust_as_here() {
    local ours=/usr/local/share/ca-certificates
    if compgen -G "$ours/*.crt" >/dev/null; then
        cp $ours/*.crt "$root$ours/"
        inside update-ca-certificates
        echo cafile=/etc/ssl/certs/ca-certificates.crt >"$root/root/.npmrc"
    fi
}

# block N: of README.md the Nth that is marked with "elsewhere: tests/campaigns/newcomer.sh". What
# "commands.py --here" does for other campaigns is done by hand: an empty system has no Python.
block() {
    awk -v n="$1" '
        /^<!-- elsewhere: tests\/campaigns\/newcomer.sh -->$/ { blocks++ }
        inside && /^```$/ { exit }
        inside
        blocks == n && /^```sh$/ { inside = 1 }' README.md
}

clone() {
    git clone -q "file://$PWD" "$root/root/picoshare"
}

# It goes on until stop_server. Building takes a while on a small machine.
start_server() {
    local end=$((SECONDS + 1200))
    enter bash -c "cd /root/picoshare && export PORT=$port && exec $(block 1)" >"$dir/server" 2>&1 </dev/null &
    server=$!
    until curl -sf "$url/healthz" >"$dir/health"; do
        if ! kill -0 $server || [ $SECONDS -ge $end ]; then
            cat "$dir/server"
            return 1
        fi
        sleep 0.2
    done
}

# step runs in a shell of its own, whose jobs are not ours.
serve() {
    if start_server; then
        echo "ok $campaign: $1"
    else
        echo "FAIL $campaign: $1"
        exit 1
    fi
}

upload_by_curl() {
    curl -sS --fail-with-body -u ":$passphrase" -H 'Accept: text/plain' -F "file=@$dir/photo.jpg" \
        "$url/api/entry" | tee "$dir/link-curl"
}

upload_in_browser() {
    node tests/e2e/visit.mjs "$url" "$passphrase" "$dir/report.pdf" | tee "$dir/link-browser"
}

both_are_there() {
    curl -sSf "$(cat "$dir/link-curl")" | cmp - "$dir/photo.jpg"
    curl -sSf "$(cat "$dir/link-browser")" | cmp - "$dir/report.pdf"
}

# scripts_test PART...: its last line is printed; what failed before, too.
scripts_test() {
    local log=$dir/test
    [ "$*" != all ] || set --
    if inside bash -c "cd /root/picoshare && exec $(block 2) $*" >"$log" 2>&1 </dev/null; then
        echo "ok $campaign: scripts/test $*: $(tail -n 1 "$log")"
    else
        cat "$log"
        echo "FAIL $campaign: scripts/test $*: $(tail -n 1 "$log")"
        exit 1
    fi
}

root_or_skip git curl node
find_chromium >/dev/null || {
    echo "SKIP $campaign: Chromium is not here"
    exit
}
[ -d tests/e2e/node_modules ] || (cd tests/e2e && quietly "$dir/npm" npm ci --no-audit --no-fund)
head -c 3000000 /dev/urandom >"$dir/photo.jpg"
head -c 500000 /dev/urandom >"$dir/report.pdf"

step "an empty system" make_root
step "a clone" clone
serve "scripts/run installs, builds and serves"
passphrase=$(cat "$root/root/picoshare/data/passphrase")
step "an upload by curl" upload_by_curl
step "an upload in a browser" upload_in_browser
stop_server
serve "scripts/run again"
step "both files are there" both_are_there
stop_server
[ $# = 0 ] || scripts_test "$@"
