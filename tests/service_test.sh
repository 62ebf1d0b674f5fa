#!/usr/bin/env bash
# What surrounds the program as a service: the units, as far as they can be judged where no systemd
# runs, the manual page, and the completion of the shell. Prints "ok …", "FAIL …" and "SKIP …" lines.
# Usage: tests/service_test.sh PICOSHARE
set -euo pipefail
picoshare=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
status=0

# check NAME COMMAND...: what it prints is shown when it fails.
check() {
    local name=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        echo "ok service/$name"
    else
        echo "FAIL service/$name"
        cat "$work/said"
        status=1
    fi
}

# ---- units ----

MAX_EXPOSURE=15 # of 100

# Verified with the program where it is.
verify_units() {
    mkdir "$work/units"
    cp deploy/picoshare.socket "$work/units"
    sed "s,^ExecStart=picoshare$,ExecStart=$picoshare," deploy/picoshare.service \
        >"$work/units/picoshare.service"
    grep -q "^ExecStart=/" "$work/units/picoshare.service"
    systemd-analyze --man=no verify "$work"/units/* 2>&1 | tee "$work/verified"
    [ ! -s "$work/verified" ]
}

# The calls that the unit allows, one a line; groups begin with @.
allowed_calls() {
    local line word
    sed -n 's/^SystemCallFilter=//p' deploy/picoshare.service | while read -r line; do
        if [[ $line == \~* ]]; then
            for word in ${line#\~}; do expand "$word"; done | sort -u >"$work/removed"
            sort -u "$work/so-far" | comm -23 - "$work/removed" >"$work/left"
            mv "$work/left" "$work/so-far"
        else
            for word in $line; do expand "$word"; done >>"$work/so-far"
        fi
    done
    expand @default >>"$work/so-far"
    sort -u "$work/so-far"
}

expand() {
    local member
    if [[ $1 != @* ]]; then
        echo "$1"
        return
    fi
    systemd-analyze syscall-filter "$1" </dev/null | sed -nE 's/^ +([@a-z0-9_-]+)$/\1/p' | while read -r member; do
        expand "$member"
    done
}

# as_somebody COMMAND...: as the service is, without powers.
as_somebody() {
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$@"
    fi
    exec "$@"
}

# Those that the program makes from its start to its end, with an upload and a download between;
# false: it cannot be traced here.
trace_calls() {
    local pid end=$((SECONDS + 60)) url
    mkdir "$work/data"
    chmod 777 "$work/data"
    cp "$picoshare" "$work/data/picoshare"
    strace -o /dev/null true 2>/dev/null || return 1
    (
        cd "$work/data"
        PORT=0 PS_SHARED_SECRET=dummy as_somebody strace -f -qq -o trace ./picoshare -db store.db
    ) >"$work/data/access" 2>"$work/data/log" &
    pid=$!
    until url=$(sed -n 's/.*msg="listening" url="\([^"]*\)".*/\1/p' "$work/data/log") && [ -n "$url" ]; do
        [ $SECONDS -lt $end ] || break
        sleep 0.1
    done
    head -c 1000000 /dev/urandom >"$work/file"
    curl -sS -f -u :dummy -T "$work/file" "${url}api/upload/" >/dev/null
    curl -sS -f -u :dummy "${url}files" >/dev/null
    sleep 2
    kill "$(awk 'NR == 1 { print $1 }' "$work/data/trace")"
    wait $pid
    sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$work/data/trace" | sort -u >"$work/made"
    [ "$(wc -l <"$work/made")" -gt 40 ]
}

unit_allows_calls() {
    allowed_calls >"$work/allowed"
    # Those with which systemd, or strace, starts the program are before the filter.
    comm -23 "$work/made" "$work/allowed" | tee "$work/missing"
    [ "$(wc -l <"$work/allowed")" -gt 100 ] && [ ! -s "$work/missing" ]
}

if command -v systemd-analyze >/dev/null; then
    check "units are valid" verify_units
    check "exposure is at most $MAX_EXPOSURE of 100" \
        systemd-analyze security --offline=true --threshold=$MAX_EXPOSURE deploy/picoshare.service
    if ! command -v strace >/dev/null || ! command -v curl >/dev/null; then
        echo "SKIP service/the unit allows every call of the program: strace or curl is not here"
    elif ! trace_calls; then
        echo "SKIP service/the unit allows every call of the program: it cannot be traced here"
    else
        check "the unit allows every call of the program" unit_allows_calls
    fi
else
    echo "SKIP service/units: systemd-analyze is not here"
fi

# ---- the manual page ----

# Every option and variable of the help, of the program and its commands, and no other option.
manual_is_complete() {
    local command
    {
        "$picoshare" -help
        for command in backup check convert download health restore upload; do "$picoshare" $command -help; done
    } >"$work/help"
    sed -nE 's/^  -([a-z-]+).*/\1/p' "$work/help" | sort -u >"$work/options"
    sed -nE 's/^(\.It |\.Op |\.)Fl ([a-z-]+).*/\2/p' docs/picoshare.1 | sort -u >"$work/described"
    diff "$work/options" "$work/described"
    sed -nE 's/^  -.*\[([A-Z_]+)\]$/\1/p' "$work/help" | sort -u | while read -r variable; do
        grep -q "Ev $variable\b" docs/picoshare.1 || echo "not in the manual page: $variable"
    done | tee "$work/missing"
    [ "$(wc -l <"$work/options")" -gt 15 ] && [ ! -s "$work/missing" ]
}

check "the manual page has every option" manual_is_complete
if command -v mandoc >/dev/null; then
    check "the manual page is well-formed" mandoc -Tlint -Wwarning docs/picoshare.1
else
    echo "SKIP service/the manual page is well-formed: mandoc is not here"
fi

# ---- completion ----

# completed WORD...: what it offers for the last word, sorted, in one line.
completed() {
    (
        . deploy/picoshare.bash
        COMP_WORDS=("$picoshare" "$@")
        COMP_CWORD=$#
        _picoshare picoshare "${COMP_WORDS[$#]}" "${COMP_WORDS[$# - 1]}"
        printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | paste -sd ' '
    )
}

# expect TEXT WORD...
expect() {
    local text=$1 said
    shift
    said=$(completed "$@")
    [ "$said" = "$text" ] || echo "for \"$*\": \"$said\", not \"$text\""
}

completion_works() {
    local files=$work/files
    mkdir "$files"
    touch "$files/a.db" "$files/b.db"
    {
        expect "backup check convert download health restore upload" ""
        expect "check convert" c
        expect "-port -public-url" -p
        expect "--port --public-url" --p
        expect "-quick" check -q
        expect "-force" restore -f
        expect "" convert -q
        expect "$files/a.db $files/b.db" -db "$files/"
        expect "$files/a.db $files/b.db" check "$files/"
        expect "" health "$files/"
        expect "root" -user roo
    } | tee "$work/wrong"
    [ ! -s "$work/wrong" ]
}

check "completion" completion_works
exit $status
