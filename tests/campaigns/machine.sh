#!/usr/bin/env bash
# A small virtual machine with the server in it, under software emulation, so that memory is the
# guest's own: page cache, kernel and all.
#
#     tests/campaigns/machine.sh start DIRECTORY BINARY MIB PORT    boots, waits for the first answer
#     tests/campaigns/machine.sh start DIRECTORY TREE MIB PORT      boots a whole system
#     tests/campaigns/machine.sh exec DIRECTORY 'COMMANDS'          runs them in the guest as root
#     tests/campaigns/machine.sh problems DIRECTORY    kills for memory, ends of the server; or nothing
#     tests/campaigns/machine.sh stop|cut DIRECTORY    powers off in order, or pulls the plug
#
# DIRECTORY keeps everything, the guest's data disk too: "start" boots from it again when it is there.
# PORT is forwarded to the server, PORT + 1 to a shell for "exec". TREE is a root file system with an
# systemd and iproute2, which gets the network and the shell. Only the first "start" looks at it.
# EXEC_LIMIT_S=120 is how long "exec" may take. Needs qemu-system-x86, busybox-static, cpio, kmod, socat
# and e2fsprogs, and root for the file systems' owners.
set -euo pipefail

DATA_MB=6144
action=$1
dir=$2
kernel=${PICOSHARE_KERNEL_DIR:-$dir/kernel}

# The kernel for clouds, of the distribution itself, unpacked but not installed.
fetch_kernel() {
    if compgen -G "$kernel/boot/vmlinuz-*" >/dev/null; then return; fi
    mkdir -p "$kernel"
    (
        cd "$kernel"
        package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends/ { print $2 }')
        apt-get -q download "$package" >/dev/null
        dpkg -x ./"$package"_*.deb .
        rm ./"$package"_*.deb
    )
}

# Busybox and the drivers of the disks and the network; mounts the root file system and goes on there.
make_initrd() {
    local version tree=$dir/initrd
    version=$(ls "$kernel/lib/modules")
    rm -rf "$tree"
    mkdir -p "$tree"/{bin,modules,root,proc,dev}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    depmod -b "$kernel" "$version"
    modprobe -d "$kernel" -S "$version" -D -a virtio_pci virtio_blk virtio_net virtio-rng 2>/dev/null |
        awk '/insmod/ && !seen[$2]++ { print $2 }' | while read -r module; do
        cp "$module" "$tree/modules/"
        basename "$module" >>"$tree/modules/order"
    done
    cat >"$tree/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod "/modules/$module"; done </modules/order
until [ -b /dev/vda ] && [ -b /dev/vdb ]; do /bin/busybox usleep 20000; done
/bin/busybox mount -t ext4 -o ro /dev/vda /root
/bin/busybox umount /proc
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
INIT
    chmod +x "$tree/init"
    (cd "$tree" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >"$dir/initrd.gz"
    rm -rf "$tree"
}

# Busybox, the server and its libraries.
make_root() {
    local tree=$dir/root binary=$1 library
    rm -rf "$tree"
    mkdir -p "$tree"/{bin,sbin,proc,sys,dev,tmp,run,data,srv,etc}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    ln -s busybox "$tree/bin/sh"
    cp "$binary" "$tree/srv/picoshare"
    ldd "$binary" | grep -o '/[^ ]*' | sort -u | while read -r library; do
        install -D -m 755 "$(readlink -f "$library")" "$tree$library"
    done
    echo 'root:x:0:0::/:/bin/sh' >"$tree/etc/passwd"
    cat >"$tree/sbin/init" <<'INIT'
#!/bin/busybox sh
export PATH=/bin
for applet in $(/bin/busybox --list); do alias "$applet=/bin/busybox $applet"; done
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o size=16m tmp /tmp
mount -t ext4 -o noatime /dev/vdb /data || echo MACHINE-NO-DATA >/dev/console
ifconfig lo 127.0.0.1 up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
route add default gw 10.0.2.2
nc -ll -p 9 -e /bin/sh >/dev/null 2>&1 &
while :; do
    PORT=80 PS_SHARED_SECRET=benchpass /srv/picoshare -db /data/store.db >/dev/null 2>/data/log
    echo "MACHINE-SERVER-ENDED $?" >/dev/console
    sleep 1
done
INIT
    chmod +x "$tree/sbin/init"
    rm -f "$dir/root.img"
    mke2fs -q -F -t ext4 -O ^has_journal -d "$tree" "$dir/root.img" 64M
    rm -rf "$tree"
}

# A system with systemd as its first process: the address that QEMU expects, and a shell for each
# connection to port 9.
make_system() {
    local tree=$1 units=$1/etc/systemd/system
    echo '/dev/vda / ext4 defaults 0 1' >"$tree/etc/fstab"
    printf '%s\n' '[Service]' Type=oneshot 'ExecStart=ip addr add 10.0.2.15/24 dev eth0' \
        'ExecStart=ip link set eth0 up' 'ExecStart=ip route add default via 10.0.2.2' >"$units/machine-network.service"
    printf '[Socket]\nListenStream=9\nAccept=yes\n' >"$units/machine-shell.socket"
    printf '[Service]\nExecStart=-/bin/bash\nStandardInput=socket\n' >"$units/machine-shell@.service"
    mkdir -p "$units"/{sockets,multi-user}.target.wants
    ln -sf ../machine-shell.socket "$units/sockets.target.wants/"
    ln -sf ../machine-network.service "$units/multi-user.target.wants/"
    mke2fs -q -F -t ext4 -d "$tree" "$dir/root.img" 4G
}

shell_answers() {
    EXEC_LIMIT_S=5 "$0" exec "$dir" 'echo here' 2>/dev/null | grep -q here
}

server_answers() {
    curl -s -m 2 -o /dev/null "http://127.0.0.1:$port/"
}

case $action in
start)
    binary=$3 mib=$4 port=$5
    mkdir -p "$dir"
    fetch_kernel
    make_initrd
    if [ ! -d "$binary" ]; then
        answers=server_answers
        make_root "$binary"
    else
        answers=shell_answers
        [ -s "$dir/root.img" ] || make_system "$binary"
    fi
    if [ ! -s "$dir/data.img" ]; then
        mke2fs -q -t ext4 -E lazy_itable_init=1,lazy_journal_init=1 "$dir/data.img" ${DATA_MB}M
    fi
    echo "$((port + 1))" >"$dir/shell"
    setsid qemu-system-x86_64 -M pc,vmport=off -nodefaults -no-user-config -display none -no-reboot \
        -accel tcg,thread=multi,tb-size=256 -cpu max -smp 1 -m "$mib" \
        -kernel "$kernel"/boot/vmlinuz-* -initrd "$dir/initrd.gz" \
        -append "console=ttyS0 quiet loglevel=5 panic=-1 net.ifnames=0 systemd.getty_auto=0" \
        -drive file="$dir/root.img",format=raw,if=none,id=root,cache=unsafe \
        -device virtio-blk-pci,drive=root,addr=0x10 \
        -drive file="$dir/data.img",format=raw,if=none,id=data,cache=writeback,discard=unmap \
        -device virtio-blk-pci,drive=data,addr=0x11 \
        -netdev user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:"$port"-:80,hostfwd=tcp:127.0.0.1:"$((port + 1))"-:9 \
        -device virtio-net-pci,netdev=net,romfile= -device virtio-rng-pci \
        -serial file:"$dir/console" >"$dir/qemu.log" 2>&1 </dev/null &
    echo $! >"$dir/pid"
    for _ in $(seq 600); do
        if ! kill -0 "$(cat "$dir/pid")" 2>/dev/null; then
            cat "$dir/qemu.log" "$dir/console" >&2
            exit 1
        fi
        if $answers; then exit 0; fi
        sleep 0.2
    done
    echo "the machine gives no answer" >&2
    exit 1
    ;;
exec)
    printf '%s\nexit\n' "$3" | timeout "${EXEC_LIMIT_S:-120}" socat -t "${EXEC_LIMIT_S:-120}" - TCP:127.0.0.1:"$(cat "$dir/shell")"
    ;;
problems)
    tr -d '\r' <"$dir/console" | grep -E 'Out of memory|oom-kill|Killed process|MACHINE-' || true
    ;;
stop)
    "$0" exec "$dir" 'killall picoshare; sleep 2; sync; umount /data; poweroff -f' >/dev/null 2>&1 || true
    for _ in $(seq 100); do
        kill -0 "$(cat "$dir/pid")" 2>/dev/null || exit 0
        sleep 0.2
    done
    kill "$(cat "$dir/pid")"
    ;;
cut)
    kill -KILL "$(cat "$dir/pid")"
    ;;
*)
    sed -n '2,18p' "$0" >&2
    exit 2
    ;;
esac
