#!/usr/bin/env bash
# The service where systemd is the first process: a virtual machine, whose root file system has a
# reader's checkout, user and sudo. The blocks of docs/operations.md that need such a machine are run
# in it as they stand, and then what that page and docs/decisions/0016-service.md promise is looked at.
# Prints "ok …", "FAIL …" and "SKIP …" lines. Takes a quarter of an hour and 3 GB in the directory.
# Usage: tests/campaigns/service.sh DIRECTORY
# Needs what root.sh and machine.sh need.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
mkdir -p "$1"
dir=$(realpath "$1")
root=$dir/root
machine=$dir/machine
port=${PORT:-18520}
# shellcheck disable=SC2034 # root.sh prints it
campaign=service
# shellcheck source=tests/campaigns/root.sh
. "$here/root.sh"

MIB=512
PACKAGES=systemd,systemd-sysv,dbus,cron,sudo,curl,python3,ca-certificates,iproute2,openssh-server,openssh-client
PACKAGES+=,nginx-light,haproxy,openssl,certbot,python3-certbot-nginx,python3-cffi-backend,pebble
LIMIT_S=1200

PATH=$PATH:/usr/sbin:/sbin
root_or_skip qemu-system-x86_64 busybox cpio socat mke2fs modprobe curl

finish() {
    [ ! -s "$machine/pid" ] || "$here/machine.sh" cut "$machine" 2>/dev/null || true
    rm -rf "$root" "$machine"
}
trap finish EXIT

make_root() {
    make_root_with $PACKAGES
    inside useradd -m -s /bin/bash reader
    echo 'reader ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/reader"
    echo '127.0.0.1 localhost machine files.example.org' >"$root/etc/hosts"
    echo machine >"$root/etc/hostname"
    mkdir "$root/home/reader/picoshare" "$root/backup"
    tar -C "$here/../.." --exclude=./build --exclude=./.git --exclude=node_modules -c . |
        tar -C "$root/home/reader/picoshare" -x
    # The other machine on that page: this one, by ssh.
    inside su reader -c 'mkdir -m 700 ~/.ssh && ssh-keygen -q -N "" -f ~/.ssh/id_ed25519 -t ed25519
        cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
        printf "Host vault\nHostName 127.0.0.1\nStrictHostKeyChecking accept-new\n" >~/.ssh/config'
    inside chown -R reader: /home/reader
    make_authority
}

# Who gives certificates to certbot: a server on the same machine, which asks port 80 of the name on that
# page as Let's Encrypt would.
make_authority() {
    inside openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=localhost -keyout /etc/pebble.key -out /etc/pebble.crt
    cat >"$root/etc/pebble.json" <<'JSON'
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
            "certificate": "/etc/pebble.crt", "privateKey": "/etc/pebble.key", "httpPort": 80, "tlsPort": 443}}
JSON
    cat >"$root/etc/systemd/system/authority.service" <<'UNIT'
[Service]
Environment=PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0
ExecStart=/usr/bin/pebble -config /etc/pebble.json
UNIT
    # The block for HAProxy comes after that for nginx and finds a new certificate there.
    cat >>"$root/etc/letsencrypt/cli.ini" <<'INI'
server = https://localhost:14000/dir
no-verify-ssl = true
non-interactive = true
agree-tos = true
register-unsafely-without-email = true
force-renewal = true
INI
}

# What a reader does at PLACE, with a checkout and nothing set.
reader_at() {
    echo "runuser -l reader -c 'picoshare/tests/docs/commands.py --here \"$1\" /usr/bin/picoshare" \
        "docs-$RANDOM picoshare/docs/operations.md'"
}

before_it_boots() {
    inside sh -c "$(reader_at "tests/campaigns/service.sh, before it boots")"
}

start_machine() {
    "$here/machine.sh" start "$machine" "$root" $MIB "$port"
}

# guest COMMANDS: in the machine, as root.
guest() {
    local said
    said=$(EXEC_LIMIT_S=$LIMIT_S "$here/machine.sh" exec "$machine" \
        "(set -euo pipefail; $1) </dev/null 2>&1; echo \"ended with \$?\"")
    echo "$said"
    [[ $said == *"ended with 0" ]]
}

under_systemd() {
    guest "systemctl start authority; $(reader_at "tests/campaigns/service.sh, under systemd")"
}

# promised NAME FUNCTION: a step, done in the machine.
promised() {
    step "$1" guest "$(declare -f url_of wait_until "$2"); $2"
}

# ---- in the machine ----

url_of() {
    echo "http://127.0.0.1:4001/$1"
}

# wait_until COMMAND...: it succeeds.
wait_until() {
    local end=$((SECONDS + 300))
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "not within 300 s: $*"; return 1; }
        sleep 1
    done
}

it_is_ready() {
    systemctl is-active picoshare.service picoshare.socket
    [ "$(systemctl show -P Type picoshare)" = notify ]
    journalctl -u picoshare | grep 'Started picoshare.service' # which it said itself
}

it_reads_its_credential() {
    local pid
    pid=$(systemctl show -P MainPID picoshare)
    tr '\0' '\n' <"/proc/$pid/environ" | grep -x 'PS_SHARED_SECRET_FILE=/run/credentials/picoshare.service/passphrase'
    curl -sS --fail -u ":$(cat /etc/picoshare/passphrase)" "$(url_of api/system)"
    # After a change and a restart that one counts.
    echo another-passphrase >/etc/picoshare/passphrase
    systemctl restart picoshare
    curl -sS --fail -u :another-passphrase "$(url_of api/system)"
    [ "$(curl -sS -o /dev/null -w '%{http_code}' -u :wrong "$(url_of api/system)")" = 401 ]
}

its_settings_are_read() {
    local pid
    echo PS_BEHIND_PROXY=1 >/etc/picoshare/environment
    systemctl restart picoshare
    pid=$(systemctl show -P MainPID picoshare)
    tr '\0' '\n' <"/proc/$pid/environ" | grep -x PS_BEHIND_PROXY=1
    rm /etc/picoshare/environment
    systemctl restart picoshare
}

it_is_hardened() {
    local group=/sys/fs/cgroup/system.slice/picoshare.service
    systemd-analyze --no-pager security --threshold=15 picoshare.service | tail -n 1
    [ "$(cat $group/memory.max)" = 134217728 ]
    [ "$(cat $group/pids.max)" = 32 ]
    [ "$(stat -Lc %a /var/lib/picoshare)" = 700 ]
    # Its own sandbox could be built inside that of the unit.
    curl -sS -u ":$(cat /etc/picoshare/passphrase)" "$(url_of metrics)" | grep -x 'picoshare_sandbox_complete 1'
}

nobody_is_refused() {
    local id clients=() n # a client, or its process
    cd "$(mktemp -d)"
    id=$(head -c 300000 /dev/urandom | tee file |
        curl -sS --fail -u ":$(cat /etc/picoshare/passphrase)" -T - "$(url_of api/upload/file)" |
        sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
    for n in 1 2 3; do
        # Each download over a connection of its own.
        while [ ! -e ended ]; do
            curl -sS --fail --fail-early -H 'Connection: close' -o /dev/null -w '%{http_code}\n' "$(url_of "-$id")?[1-20]"
        done >"codes-$n" &
        clients+=($!)
    done
    for n in 1 2 3; do
        sleep 3
        systemctl restart picoshare
    done
    dpkg -i /home/reader/picoshare/build/release/picoshare_*.deb
    sleep 3
    touch ended
    for n in "${clients[@]}"; do wait "$n"; done
    wc -l codes-*
    [ "$(sort -u codes-*)" = 200 ]
    curl -sS "$(url_of "-$id")" | cmp - file
    mv file /root/file
    echo "$id" >/root/id
}

its_watchdog_bites() {
    local pid drop_in=/run/systemd/system/picoshare.service.d
    [ "$(systemctl show -P WatchdogUSec picoshare)" = 2min ]
    mkdir -p $drop_in
    printf '[Service]\nWatchdogSec=10\nTimeoutAbortSec=5\n' >$drop_in/watchdog.conf
    systemctl daemon-reload
    systemctl restart picoshare
    pid=$(systemctl show -P MainPID picoshare)
    sleep 25 # it is fed all that time
    [ "$(systemctl show -P MainPID picoshare)" = "$pid" ]
    kill -STOP "$pid"
    wait_until sh -c "! kill -0 $pid"
    wait_until systemctl is-active picoshare
    journalctl -u picoshare | grep 'Watchdog timeout'
    wait_until curl -sS --fail "$(url_of healthz)"
    rm -r $drop_in
    systemctl daemon-reload
}

its_socket_is_its_switch() {
    systemctl stop picoshare.service
    curl -sS --fail "$(url_of healthz)" # starts it
    systemctl is-active picoshare.service
    systemctl stop picoshare.socket
    [ "$(systemctl is-active picoshare.service picoshare.socket | sort -u)" = inactive ]
    ! curl -sS "$(url_of healthz)" || return 1
    systemctl start picoshare.service
    systemctl is-active picoshare.socket
    curl -sS --fail "$(url_of healthz)"
}

it_is_saved_at_night() {
    date -s "tomorrow 02:58:50"
    local name
    name=/backup/picoshare-$(date +%u).db
    rm -f "$name"
    wait_until test -s "$name"
    picoshare check "$name"
    [ "$(date +%H)" = 03 ]
}

it_serves_after_a_boot() {
    wait_until systemctl is-active picoshare.service
    curl -sS "$(url_of "-$(cat /root/id)")" | cmp - /root/file
}

it_is_purged() {
    dpkg --purge picoshare
    [ "$(systemctl is-active picoshare.service picoshare.socket | sort -u)" = inactive ]
    ! curl -sS "$(url_of healthz)" || return 1
    [ ! -e /etc/picoshare ] && [ -s /var/lib/picoshare/store.db ]
}

# ---- from here again ----

boot_again() {
    guest "sync; systemctl --no-block poweroff"
    while kill -0 "$(cat "$machine/pid")" 2>/dev/null; do sleep 1; done
    start_machine
}

step "a root with a checkout" make_root
step "blocks before it boots" before_it_boots
step "boots" start_machine
step "blocks under systemd" under_systemd
promised "is ready when it says so" it_is_ready
promised "reads the credential, a new one too" it_reads_its_credential
promised "reads its settings" its_settings_are_read
promised "is limited and hardened, and in its own sandbox" it_is_hardened
promised "three restarts and an installation under load refuse nobody" nobody_is_refused
promised "is started again when it hangs" its_watchdog_bites
promised "is started by its socket, and stopped with it" its_socket_is_its_switch
step "boots again" boot_again
promised "serves after a boot what was there" it_serves_after_a_boot
promised "is saved at night" it_is_saved_at_night
promised "is purged; files stay" it_is_purged
