#!/usr/bin/env bash
# A faithful S3 service on loopback: one-node Ceph (monitor, one store in memory, gateway), in a Debian 13
# of its own, since Debian 12's gateway needs a whole cluster.
#
#     tests/campaigns/s3.sh start DIRECTORY PORT MONITOR_PORT    makes the root file system once, starts
#     tests/campaigns/s3.sh stop DIRECTORY                       ends it and forgets what was stored
#
# The second port is for Ceph among itself. When "start" returns, the service answers.
# Access key "key", secret "secret", one bucket "bucket". Needs root, debootstrap and 1 GB of room.
set -euo pipefail

action=$1
root=$2/root
pids=$2/pids
state=/srv/s3 # in the root file system
names=(-c "$state/ceph.conf")

# inside COMMAND...: in the root file system, with a /proc and a /dev that go with the command. It
# takes the place of its shell, so that of a background job the pid is the command's own.
inside() {
    exec unshare -m bash -c 'root=$1; shift
        mount --make-rprivate /
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        exec chroot "$root" "$@"' - "$root" "$@"
}

make_root() {
    local mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Created-By: Packages' | head -n 1)
    debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$mirror"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no service is started
    chmod +x "$root/usr/sbin/policy-rc.d"
    (inside env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        radosgw ceph-common ceph-mon ceph-osd)
    touch "$root/complete"
}

# write_settings ID PORT MONITOR_PORT
write_settings() {
    cat >"$root$state/ceph.conf" <<CONF
[global]
fsid = $1
mon_initial_members = a
mon_host = [v2:127.0.0.1:$3/0]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
keyring = $state/keyring
auth_allow_insecure_global_id_reclaim = true
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
rgw_rados_pool_pg_num_min = 8
osd_objectstore = memstore
memstore_device_bytes = 6442450944
osd_class_load_list = *
osd_class_default_list = *
mon_data = $state/mon
osd_data = $state/osd
rgw_data = $state/rgw
run_dir = $state
log_file = $state/\$name.log
admin_socket = $state/\$name.asok
rgw_frontends = beast endpoint=127.0.0.1:$2
rgw_enable_apis = s3, admin
CONF
}

# daemon NAME COMMAND...
daemon() {
    local name=$1
    shift
    (inside "$@" --setuser root --setgroup root) >"$root$state/$name.out" 2>&1 </dev/null &
    echo $! >>"$pids"
}

start() {
    local port=$1 monitor=$2 fsid osd
    fsid=$(cat /proc/sys/kernel/random/uuid)
    osd=$(cat /proc/sys/kernel/random/uuid)
    mkdir -p "$root$state"/{mon,osd,rgw}
    : >"$pids"
    write_settings "$fsid" "$port" "$monitor"
    (inside bash -ec '
        state=$1 fsid=$2 port=$3
        key="ceph-authtool $state/keyring --gen-key"
        ceph-authtool -C "$state/keyring" --gen-key -n mon. --cap mon "allow *"
        $key -n client.admin --cap mon "allow *" --cap osd "allow *" --cap mgr "allow *"
        $key -n client.rgw --cap mon "allow rwx" --cap osd "allow rwx"
        $key -n osd.0 --cap mon "allow profile osd" --cap osd "allow *"
        monmaptool --create --addv a "[v2:127.0.0.1:$port]" --fsid "$fsid" "$state/monmap"
        ceph-mon -c "$state/ceph.conf" -i a --mkfs --monmap "$state/monmap" \
            --keyring "$state/keyring"' - "$state" "$fsid" "$monitor")
    daemon mon ceph-mon "${names[@]}" -i a -f
    (inside bash -c '
        state=$1 osd=$2
        until timeout 5 ceph -c "$state/ceph.conf" -s; do sleep 0.2; done
        ceph -c "$state/ceph.conf" osd new "$osd"
        ceph-osd -c "$state/ceph.conf" -i 0 --mkfs --osd-uuid "$osd"' - "$state" "$osd")
    daemon osd ceph-osd "${names[@]}" -i 0 -f
    (inside bash -c '
        until ceph -c "$1/ceph.conf" osd stat | grep -q "1 up"; do sleep 0.2; done
        radosgw-admin -n client.rgw -c "$1/ceph.conf" user create --uid=test --display-name=test \
            --access-key=key --secret-key=secret' - "$state")
    daemon gateway radosgw "${names[@]}" -f -n client.rgw
    until curl -s -o /dev/null "http://127.0.0.1:$port/"; do sleep 0.1; done
    # The header is part of what S3 signs; curl 7.88 does not add it by itself.
    curl -sS --fail -X PUT -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' --aws-sigv4 aws:amz:us-east-1:s3 --user key:secret \
        "http://127.0.0.1:$port/bucket"
}

stop() {
    local pid
    for pid in $(tac "$pids"); do kill -KILL "$pid" 2>/dev/null || true; done
    rm -rf "$root$state"
}

case $action in
start)
    mkdir -p "$2"
    [ -e "$root/complete" ] || make_root
    start "$3" "$4"
    ;;
stop) stop ;;
*)
    sed -n '2,9p' "$0" >&2
    exit 2
    ;;
esac
