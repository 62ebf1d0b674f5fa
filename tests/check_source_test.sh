#!/usr/bin/env bash
# Plants violations in a small tree and demands that scripts/check-source finds each one, and that
# it finds nothing in the same tree without them.
# Usage: tests/check_source_test.sh      Prints "ok NAME" or "FAIL NAME" for each case.
set -euo pipefail
check_source=$(cd "$(dirname "$0")/.." && pwd)/scripts/check-source
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/clean
cases=0

verdict() {
    if [ "$1" = 0 ]; then echo "ok check-source: $2"; else echo "FAIL check-source: $2"; fi
}

# A tree that breaks no rule, with lines that look as if they did.
clean_tree() {
    rm -rf "$tree"
    mkdir -p "$tree"/{include/picoshare/{base,text,store},src/{base,text,store,core,http,web,tools},tests,scripts,.ci}
    cp "$(dirname "$check_source")/../.clang-format" "$tree/"
    printf '/* a.h — nothing. */\n#include <stddef.h>\nsize_t a_size(void);\n' >"$tree/include/picoshare/base/a.h"
    printf '/* b.h — nothing. */\n#include "picoshare/base/a.h"\n' >"$tree/include/picoshare/text/b.h"
    printf '/* c.h — nothing. */\n' >"$tree/include/picoshare/store/c.h"
    printf '#include <stdlib.h>\nvoid base(void)\n{\n    free(NULL);\n}\n' >"$tree/src/base/a.c"
    printf '#include "picoshare/base/a.h"\n#include <sqlite3.h>\n' >"$tree/src/store/c.c"
    printf '#include "picoshare/store/c.h"\n#include "picoshare/text/b.h"\n' >"$tree/src/core/d.c"
    printf '/* strcpy(a, b) and\n * malloc(1) in a comment */\nconst char *text = "free(x)";\n' >"$tree/src/web/e.c"
    printf 'void close_store(struct ops *ops)\n{\n    ops->free(ops);\n    mem_free(ops);\n}\n' >"$tree/src/web/f.c"
    printf '#!/bin/sh\ntrue\n' >"$tree/scripts/ok"
    chmod +x "$tree/scripts/ok"
}

options=() # of check-source

# planted NAME EXPECTED FILE TEXT: the file gets the text (printf escapes) at its end, and a finding
# must say EXPECTED (a regular expression). As many at a time as there are processors, each with a
# tree of its own; what they say is printed at the end.
planted() {
    cases=$((cases + 1))
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
    plant "$work/tree$cases" "$@" >"$work/said$(printf %03d $cases)" 2>&1 &
}

plant() {
    local tree=$1 name=$2 expected=$3 file=$4 text=$5 output rc=0
    clean_tree
    # shellcheck disable=SC2059
    printf "$text" >>"$tree/$file"
    output=$("$check_source" "${options[@]}" "$tree" 2>&1) || rc=$?
    if [ $rc = 1 ] && grep -qE "^$file:[0-9]+:.*$expected" <<<"$output"; then
        verdict 0 "$name"
    else
        echo "$output"
        verdict 1 "$name"
    fi
}

clean_tree
rc=0
output=$("$check_source" "$tree" 2>&1) || rc=$?
[ $rc = 0 ] || echo "$output"
verdict $rc "a clean tree has no finding"
[ $rc = 0 ] || exit 1

if command -v clang-format-14 >/dev/null; then
    planted "format" "clang-format" src/web/e.c 'int  x;\n'
else
    echo "SKIP check-source: format: clang-format-14 is not here"
fi
for name in strcpy strcat sprintf vsprintf strtok atoi atol strtol strtoul sscanf gets gmtime localtime \
    alloca rand system popen; do
    planted "banned $name" "banned function: .*$name" src/base/a.c "void $name(void);\n"
done
for name in malloc calloc realloc free strdup; do
    planted "memory by $name" "banned function: .*$name" src/core/d.c "void $name(void);\n"
done
planted "call after a comment" "banned function" src/web/e.c '/* a\n * b */ void gets(void);\n'
planted "base includes text" "base may not include" src/base/a.c '#include "picoshare/text/b.h"\n'
planted "header of base includes store" "base may not include" include/picoshare/base/a.h \
    '#include "picoshare/store/c.h"\n'
planted "store includes text" "store may not include" src/store/c.c '#include "picoshare/text/b.h"\n'
planted "http includes store" "http may not include" src/http/g.c '#include "picoshare/store/c.h"\n'
planted "tools include base" "tools may not include" src/tools/g.c '#include "picoshare/base/a.h"\n'
planted "include by .." "from the same directory" src/core/d.c '#include "../base/a.c"\n'
planted "libmicrohttpd in web" "only for src/http/" src/web/e.c '#include <microhttpd.h>\n'
planted "SQLite in core" "only for src/store/" src/core/d.c '#include <sqlite3.h>\n'
planted "SQLite in a public header" "only for src/store/" include/picoshare/store/c.h '#include <sqlite3.h>\n'
planted "curl in web" "only for src/net/" src/web/e.c '#include <curl/curl.h>\n'
planted "OpenSSL in text" "only for src/base/" src/text/g.c '#include <openssl/evp.h>\n'
planted "Jansson in http" "only for src/web/" src/http/g.c '#include <jansson.h>\n'
planted "zlib in web" "only for src/tools/" src/web/e.c '#include <zlib.h>\n'
planted "header without its name" "names it" include/picoshare/text/h.h 'int x(void);\n'
planted "header that needs another" "error: unknown type" include/picoshare/text/h.h \
    '/* h.h — size. */\nsize_t x(void);\n'
planted "tab" "tab" src/web/e.c '\tint x;\n'
planted "trailing blank" "trailing blank" src/web/e.c 'int x; \n'
planted "long line" "over 100" src/web/e.c "/* $(printf '%0.s-' {1..100}) */\n"
planted "unfinished" "unfinished" src/web/e.c '/* TO''DO: more */\n'
planted "broken script" "syntax error" scripts/ok 'if\n'
planted "script not executable" "not executable" scripts/new '#!/bin/sh\n'

options=(--tidy)
planted "the analyzer of gcc" "double-free" src/base/g.c \
    '#include <stdlib.h>\nvoid f(char *p)\n{\n    free(p);\n    free(p);\n}\n'
if command -v cppcheck >/dev/null; then
    planted "cppcheck" "arrayIndexOutOfBounds" src/base/g.c \
        'int f(void)\n{\n    int a[2] = {1, 2};\n    return a[2];\n}\n'
fi

wait
cat "$work"/said*
[ "$(cat "$work"/said* | grep -c '^ok ')" = "$cases" ]
