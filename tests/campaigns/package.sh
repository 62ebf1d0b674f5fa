#!/usr/bin/env bash
# The Debian package in a root file system of its own, of this machine's release: it is installed,
# started, upgraded, removed and purged. No systemd runs there, so what the unit says is done by
# hand: its environment, its credential, its socket, a user without rights. Prints "ok …", "FAIL …"
# and "SKIP …" lines.
# Usage: tests/campaigns/package.sh BUILD DIRECTORY
# Needs root, debootstrap and 500 MB of room.
set -euo pipefail
build=$(realpath "$1")
mkdir -p "$2"
dir=$(realpath "$2")
root=$dir/root
port=${PORT:-4087}
# shellcheck disable=SC2034 # root.sh prints it
campaign=package
# shellcheck source=tests/campaigns/root.sh
. "$(dirname "$0")/root.sh"

root_or_skip cpack dpkg-shlibdeps curl

finish() {
    stop_server
    rm -rf "$root"
}
trap finish EXIT

# make_package VERSION
make_package() {
    cpack --config "$build/CPackConfig.cmake" -D CPACK_PACKAGE_VERSION="$1" -B "$dir/made-$1"
    mv "$dir/made-$1"/picoshare_"$1"_*.deb "$dir/picoshare-$1.deb"
    rm -r "$dir/made-$1"
}

make_packages() {
    make_package 1.0.0
    make_package 1.0.1
}

make_root() {
    make_root_with systemd
    cp "$dir"/picoshare-*.deb "$root/root/"
}

# enabled yes|no: whether systemd would start it.
enabled() {
    local link wants=$root/etc/systemd/system
    for link in sockets.target.wants/picoshare.socket multi-user.target.wants/picoshare.service; do
        if [ "$1" = yes ]; then [ -L "$wants/$link" ]; else [ ! -L "$wants/$link" ]; fi
    done
}

install_package() {
    inside apt-get install -q -y --no-install-recommends /root/picoshare-1.0.0.deb
    inside picoshare -version | grep -qx 'picoshare [0-9.]*'
    [ "$(stat -c '%a %u' "$root/etc/picoshare/passphrase")" = "600 0" ]
    [ "$(wc -c <"$root/etc/picoshare/passphrase")" = 25 ]
    cp "$root/etc/picoshare/passphrase" "$dir/passphrase"
    [ -s "$root/usr/share/man/man1/picoshare.1" ] && [ -s "$root/usr/share/doc/picoshare/copyright" ]
    [ -s "$root/usr/share/bash-completion/completions/picoshare" ]
    enabled yes
}

units_are_valid() {
    local said
    said=$(inside systemd-analyze --man=no verify picoshare.service picoshare.socket 2>&1)
    [ -z "$said" ] || { echo "$said"; return 1; }
}

# As the unit has it: the socket is opened before, the passphrase is a file of the user's, who may
# write in one directory.
start_server() {
    local environment end=$((SECONDS + 60))
    # systemd names the directory of credentials %d.
    environment=$(sed -n 's/^Environment=//p' "$root/usr/lib/systemd/system/picoshare.service" |
        sed 's,%d,/run/credentials,g')
    install -d -m 700 -o 61184 -g 61184 "$root/run/credentials" "$root/var/lib/picoshare"
    install -m 400 -o 61184 -g 61184 "$root/etc/picoshare/passphrase" "$root/run/credentials/"
    # shellcheck disable=SC2086
    enter setpriv --reuid=61184 --regid=61184 --clear-groups --inh-caps=-all \
        systemd-socket-activate -l "127.0.0.1:$port" env $environment \
        picoshare >"$dir/access" 2>"$dir/server.log" &
    echo $! >"$dir/pid"
    until curl -sf "http://127.0.0.1:$port/healthz" >/dev/null; do
        [ $SECONDS -lt $end ] || { cat "$dir/server.log"; return 1; }
        sleep 0.2
    done
    grep -q "url=\"http://localhost:$port/\"" "$dir/server.log"
}

stop_server() {
    if [ -s "$dir/pid" ]; then
        kill "$(cat "$dir/pid")" 2>/dev/null || true
        while kill -0 "$(cat "$dir/pid")" 2>/dev/null; do sleep 0.1; done
        rm "$dir/pid"
    fi
}

serve() {
    local id
    head -c 3000000 /dev/urandom >"$dir/file"
    start_server
    id=$(curl -sSf -u ":$(cat "$dir/passphrase")" -T "$dir/file" "http://127.0.0.1:$port/api/upload/" |
        sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
    echo "$id" >"$dir/id"
    serve_still
    [ "$(stat -c %u "$root/var/lib/picoshare/store.db")" = 61184 ]
    stop_server
    [ "$(ls "$root/var/lib/picoshare")" = "$(printf 'store.db\nstore.db-reserve')" ]
}

serve_still() {
    curl -sSf "http://127.0.0.1:$port/-$(cat "$dir/id")" | cmp - "$dir/file"
}

upgrade() {
    inside systemctl disable picoshare.service # as an owner may have done
    inside apt-get install -q -y --no-install-recommends /root/picoshare-1.0.1.deb
    [ "$(inside dpkg-query -W -f '${Version}' picoshare)" = 1.0.1 ]
    enabled no
    inside systemctl enable picoshare.service
    cmp "$root/etc/picoshare/passphrase" "$dir/passphrase"
    start_server
    serve_still
    stop_server
}

remove() {
    inside apt-get remove -q -y picoshare
    [ ! -e "$root/usr/bin/picoshare" ]
    [ ! -e "$root/usr/lib/systemd/system/picoshare.service" ]
    cmp "$root/etc/picoshare/passphrase" "$dir/passphrase"
    [ -s "$root/var/lib/picoshare/store.db" ]
}

install_again() {
    inside apt-get install -q -y --no-install-recommends /root/picoshare-1.0.1.deb
    enabled yes
    cmp "$root/etc/picoshare/passphrase" "$dir/passphrase"
}

# All that is left is what people have uploaded.
purge() {
    local left
    inside apt-get purge -q -y picoshare
    ! inside dpkg-query -W picoshare
    enabled no
    left=$(find "$root/etc" "$root/usr" "$root/var/lib" -name '*picoshare*' -not -path '*/systemd/deb-systemd-*')
    [ "$left" = "$root/var/lib/picoshare" ] || { echo "$left"; return 1; }
}

rm -f "$dir/pid"
step "is made" make_packages
if command -v lintian >/dev/null; then
    # Not what only the archive asks for: a person, a changelog, compressed pages.
    step "lintian finds no error" lintian --allow-root --fail-on error \
        --suppress-tags bogus-mail-host,no-changelog,uncompressed-manual-page "$dir/picoshare-1.0.0.deb"
else
    echo "SKIP package: lintian is not here"
fi
step "a root for it" make_root
step "installs" install_package
step "its units are valid" units_are_valid
step "serves" serve
step "upgrades, and serves what was there" upgrade
step "is removed; settings and files stay" remove
step "is installed again" install_again
step "is purged; files stay" purge
