#!/usr/bin/env bash
# Plants wrong blocks in a document and demands that tests/docs/commands.py fails for each one, and
# for none of the same blocks when they are right.
# Usage: tests/docs/commands_test.sh PICOSHARE      Prints "ok NAME" or "FAIL NAME" for each case.
set -euo pipefail
commands=$(cd "$(dirname "$0")" && pwd)/commands.py
picoshare=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cases=0

# planted NAME EXPECTED DOCUMENT [OPTION...]: the output has a line that begins with EXPECTED, which decides
# about the exit code, too. The document's text has printf escapes, and ' for `.
planted() {
    local name=$1 expected=$2 document=$work/$cases.md output status=0 demanded=0
    cases=$((cases + 1))
    printf "${3//\'/\`}" >"$document"
    shift 3
    output=$("$commands" "$@" "$picoshare" "$work/$cases" "$document" 2>&1) || status=$?
    case $expected in FAIL*) demanded=1 ;; esac
    if [ "$status" = $demanded ] && grep -q "^$expected" <<<"$output"; then
        echo "ok docs-test: $name"
    else
        echo "FAIL docs-test: $name: $status $output"
    fi
}

block="## A section\n'''sh\n"
server="## A section\n<!-- first: echo dummy >secret -->\n<!-- server: picoshare -shared-secret-file secret -->\n'''sh\n"
planted "a command that works" ok "${block}true\n'''\n"
planted "a command that fails" FAIL "${block}false\ntrue\n'''\n"
planted "one that fails in a pipe" FAIL "${block}false | cat\n'''\n"
planted "a variable that is not set" FAIL "${block}echo \$NOT_SET\n'''\n"
planted "what is printed" ok "${block}echo 12 files\n'''\n'''text\n… files\n'''\n"
planted "what is not printed" FAIL "${block}echo 12 files\n'''\n'''text\n13 files\n'''\n"
planted "a line that is longer" FAIL "${block}echo 12 files\n'''\n'''text\n12\n'''\n"
planted "an exported variable" ok "${block}export A=1\n'''\n'''sh\ntest \$A = 1\n'''\n"
planted "a tool that is not here" SKIP "## A\n<!-- needs: no-such-tool -->\n'''sh\nfalse\n'''\n"
planted "a tool that is here" FAIL "## A\n<!-- needs: bash -->\n'''sh\nfalse\n'''\n"
planted "a server" ok "${server}curl http://localhost:4001/login\n'''\n"
planted "an answer that is none" FAIL "${server}curl http://localhost:4001/nothing\n'''\n"
planted "an id that is learnt" ok "${server}echo a | curl -u :dummy -T - http://localhost:4001/api/upload/a\n'''\n'''text\n{\"id\":\"hR87apiUCj\"}\n'''\n'''sh\ncurl http://localhost:4001/-hR87apiUCj\n'''\n"
planted "a server that does not start" FAIL "## A\n<!-- serves -->\n'''sh\npicoshare -port none\n'''\n"
place="tests/campaigns/service.sh, under systemd"
there="## A\n'''sh\nfalse\n'''\n<!-- elsewhere: $place -->\n'''sh\n"
planted "a block of another place" SKIP "## A\n<!-- elsewhere: $place -->\n'''sh\nfalse\n'''\n"
planted "a place that does not exist" FAIL "## A\n<!-- elsewhere: tests/campaigns/none.sh -->\n'''sh\ntrue\n'''\n"
planted "a place that does not run it" FAIL "## A\n<!-- elsewhere: scripts/test -->\n'''sh\ntrue\n'''\n"
planted "a block that no test runs" SKIP "## A\n<!-- nowhere: it is not known how -->\n'''sh\nfalse\n'''\n"
planted "the blocks of a place alone" ok "${there}echo 12\n'''\n'''text\n12\n'''\n" --here "$place"
planted "one of them that fails" FAIL "${there}false\n'''\n" --here "$place"
planted "what one of them does not print" FAIL "${there}echo 12\n'''\n'''text\n13\n'''\n" --here "$place"
planted "a place without a block" FAIL "${there}true\n'''\n" --here nowhere
