#!/bin/sh
# What the container runs, with the server's own arguments: the server, or, when LITESTREAM_BUCKET is
# set, the server under Litestream. The database is then restored if there is none, and replicated as
# long as the server runs; when either ends, so does the container (docs/decisions/0013-container.md).
set -eu

if [ -z "${LITESTREAM_BUCKET:-}" ]; then
    exec picoshare "$@"
fi
if ! command -v litestream >/dev/null; then
    echo "LITESTREAM_BUCKET is set, but this image is without Litestream: build it with" \
        "--target litestream" >&2
    exit 1
fi

# Litestream takes the command as one text. Its keys are not for the server, whom strangers talk to.
command="env -u LITESTREAM_ACCESS_KEY_ID -u LITESTREAM_SECRET_ACCESS_KEY \
-u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY picoshare"
DB_PATH=${PS_DB:-data/store.db}
before=
for argument; do
    case $before in
    -db | --db) DB_PATH=$argument ;;
    esac
    case $argument in
    -db=* | --db=*) DB_PATH=${argument#*=} ;;
    esac
    before=$argument
    command="$command '$(printf %s "$argument" | sed "s/'/'\\\\''/g")'"
done
export DB_PATH
export LITESTREAM_RETENTION="${LITESTREAM_RETENTION:-72h}"
export GOMEMLIMIT="${GOMEMLIMIT:-64MiB}" # Litestream's memory manager is lavish without it
exec litestream replicate -restore-if-db-not-exists -exec "$command"
