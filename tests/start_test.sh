#!/usr/bin/env bash
# What deploy/start.sh makes of arguments and environment, with stand-ins for both programs: they
# print what they are given. Prints "ok …" and "FAIL …" lines.
set -euo pipefail
cd "$(dirname "$0")/.."
start=$PWD/deploy/start.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

mkdir "$work/plain" "$work/both"
cat >"$work/plain/picoshare" <<'STAND_IN'
#!/bin/sh
for argument; do echo "server: $argument"; done
env | grep -E '^(AWS|LITESTREAM)_' | sort | sed 's/^/server has /'
STAND_IN
cp "$work/plain/picoshare" "$work/both/"
cat >"$work/both/litestream" <<'STAND_IN'
#!/bin/sh
echo "litestream: $1 $2 $3"
echo "DB_PATH=$DB_PATH"
echo "LITESTREAM_RETENTION=$LITESTREAM_RETENTION"
export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret # as Litestream does
eval "$4"
STAND_IN
chmod +x "$work"/*/*

# expect NAME CODE TEXT COMMAND...: the command's exit code, and all that it prints.
expect() {
    local name=$1 code=$2 text=$3 said ended=0
    shift 3
    said=$("$@" 2>&1) || ended=$?
    if [ "$ended" = "$code" ] && [ "$said" = "$text" ]; then
        echo "ok start/$name"
    else
        printf '%s\n' "FAIL start/$name: exit code $ended, and:" "$said"
        status=1
    fi
}

run() {
    local programs=$1
    shift
    env -i PATH="$work/$programs:/usr/bin:/bin" PS_DB=/data/store.db "$@"
}

expect "server alone" 0 "server: -db
server: /data/a b.db" run both "$start" -db "/data/a b.db"
expect "server alone, bucket empty" 0 "server has LITESTREAM_BUCKET=" \
    run plain LITESTREAM_BUCKET= "$start"
expect "no Litestream" 1 \
    "LITESTREAM_BUCKET is set, but this image is without Litestream: build it with --target litestream" \
    run plain LITESTREAM_BUCKET=b "$start"
expect "replica" 0 "litestream: replicate -restore-if-db-not-exists -exec
DB_PATH=/data/store.db
LITESTREAM_RETENTION=72h
server has LITESTREAM_BUCKET=b
server has LITESTREAM_RETENTION=72h" \
    run both LITESTREAM_BUCKET=b LITESTREAM_ACCESS_KEY_ID=k LITESTREAM_SECRET_ACCESS_KEY=s "$start"
# The last one counts, as for the server; every argument arrives as it was.
expect "replica, arguments" 0 "litestream: replicate -restore-if-db-not-exists -exec
DB_PATH=/b/it's \"a\" \$HOME.db
LITESTREAM_RETENTION=1h
server: --db
server: /a.db
server: -db=/b/it's \"a\" \$HOME.db
server: -debug
server: 
server has LITESTREAM_BUCKET=b
server has LITESTREAM_RETENTION=1h" \
    run both LITESTREAM_BUCKET=b LITESTREAM_RETENTION=1h "$start" --db /a.db \
    "-db=/b/it's \"a\" \$HOME.db" -debug ""
exit $status
