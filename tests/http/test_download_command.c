/* picoshare download: what arrives under which name, what an attempt that was ended leaves and how
 * the next one goes on, damage, exit codes. */
#include "client_support.h"
#include "picoshare/text/base64.h"

enum { SMALL = 2 * CHUNK_BYTES + 17, LARGE = 12000000, PART = 400000 };

/* A file that is on the server and, as `name`, beside the commands. */
static void share(struct place *p, const char *name, int64_t bytes, char ret_id[ID_CHARS + 1])
{
    write_file(p, name, SEED, bytes);
    upload_bytes(&p->server, "report.bin", SEED, bytes, ret_id);
}

static void expect_sizes(const struct place *p, const char *name, int64_t whole, int64_t partial)
{
    char partial_name[100];
    snprintf(partial_name, sizeof partial_name, "%s.partial", name);
    assert_int_equal(file_size(p, name), whole);
    assert_int_equal(file_size(p, partial_name), partial);
}

/* ---- whole files ----------------------------------------------------------------------------- */

static void test_file(void **state)
{
    struct place *p = place_begin(state);
    char id[ID_CHARS + 1];
    char out[SCRIPT_BYTES];
    char bytes[24];
    share(p, "original", SMALL, id);
    expect_run(p, 0, "report.bin\n", "", out, "$P download $U/-%s && cmp original report.bin", id);
    assert_string_equal(out, "report.bin");
    expect_sizes(p, "report.bin", SMALL, -1);
    expect_db(&p->server, "1", "SELECT count(*) FROM downloads WHERE entry_id = '%s'", id);
    expect_run(p, 2, "", "report.bin exists already", NULL, "$P download $U/-%s", id);
    expect_run(p, 0, "sub/x\n", "", NULL,
               "mkdir sub; $P download $U/-%s/any-name -o sub/x && cmp original sub/x", id);
    expect_run(p, 0, "", "", NULL, "$P download $U/-%s -o - | cmp original -", id);
    expect_run(p, 0, "report.bin\n", "", NULL,
               "echo >report.bin; $P download -force $U/-%s && cmp original report.bin", id);
    expect_run(p, 0, "", "", out, "$P download --json -o y $U/-%s", id);
    expect_member(p, out, "file", "y");
    snprintf(bytes, sizeof bytes, "%d", SMALL);
    expect_member(p, out, "bytes", bytes);
    expect_member(p, out, "resumed", "0");
    expect_member(p, out, "verified", "1");
    assert_non_null(strstr(out, id));
}

static void test_misuse(void **state)
{
    struct place *p = place_begin(state);
    char json[SCRIPT_BYTES];
    char id[ID_CHARS + 1];
    share(p, "original", SMALL, id);
    expect_run(p, 0, "Exit codes: 0 done", "", NULL, "$P download -help");
    expect_run(p, 2, "", "Usage: picoshare download", NULL, "$P download");
    expect_run(p, 2, "", "what is \"b\"", NULL, "$P download $U/-%s b", id);
    expect_run(p, 2, "", "not the URL of a server", NULL, "$P download localhost:4001/-%s", id);
    expect_run(p, 2, "", "both want standard output", NULL, "$P download $U/-%s -json -o -", id);
    expect_run(p, 2, "", "cannot write", NULL, "$P download $U/-%s -o missing/x", id);
    expect_run(p, 2, "", "cannot write to standard output", NULL,
               "$P download $U/-%s -o - >/dev/full", id);
    expect_run(p, 1, "", "the server refuses (404): entry not found", NULL,
               "$P download $U/-AAAAAAAAAA");
    expect_run(p, 1, "", "(404)", json, "$P download -json $U/-AAAAAAAAAA");
    expect_member(p, json, "status", "404");
    expect_member(p, json, "code", "1");
    expect_run(p, 5, "", "(401)", NULL, "$P download $U/api/system");
    expect_run(p, 3, "", "127.0.0.1", NULL, "$P download http://127.0.0.1:1/-%s", id);
    expect_run(p, 0, "", "", NULL, "test \"$(ls)\" = original");
}

/* ---- one that was ended ---------------------------------------------------------------------- */

/* Starts a slow download and waits until some of it is there. */
static pid_t start_slow(struct place *p, const char *id)
{
    char script[200];
    snprintf(script, sizeof script, "exec $P download $U/-%s -limit-rate 2M", id);
    pid_t pid = start_script(p, script);
    wait_for_size(p, "report.bin.partial", PART);
    return pid;
}

/* Goes on with what is there, and gets it all. */
static void expect_resumed(struct place *p, const char *id)
{
    char json[SCRIPT_BYTES];
    char had[24];
    int64_t partial = file_size(p, "report.bin.partial");
    assert_in_range(partial, PART, LARGE - 1);
    expect_sizes(p, "report.bin", -1, partial);
    expect_run(p, 0, "", "", json, "$P download -json $U/-%s", id);
    snprintf(had, sizeof had, "%lld", (long long)partial);
    expect_member(p, json, "resumed", had);
    expect_member(p, json, "verified", "1");
    expect_run(p, 0, "", "", NULL, "cmp original report.bin");
    expect_sizes(p, "report.bin", LARGE, -1);
}

static void test_server_killed(void **state)
{
    struct place *p = place_begin(state);
    char id[ID_CHARS + 1];
    share(p, "original", LARGE, id);
    pid_t pid = start_slow(p, id);
    server_kill(&p->server);
    assert_int_equal(end_of(pid), 3);
    server_start_again(&p->server);
    place_find_server(p);
    expect_resumed(p, id);
}

static void test_client_stopped(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGKILL};
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        struct place *p = place_begin(state);
        char id[ID_CHARS + 1];
        share(p, "original", LARGE, id);
        pid_t pid = start_slow(p, id);
        assert_int_equal(kill(pid, signals[i]), 0);
        assert_int_equal(end_of(pid), 128 + signals[i]);
        expect_resumed(p, id);
    }
}

/* What is there is complete, belongs to another file, is longer, or is not for us. */
static void test_what_is_there(void **state)
{
    struct place *p = place_begin(state);
    char id[ID_CHARS + 1];
    char json[SCRIPT_BYTES];
    char size[24];
    share(p, "original", SMALL, id);
    snprintf(size, sizeof size, "%d", SMALL);
    expect_run(p, 0, "", "", json, "cp original x.partial; $P download -json -o x $U/-%s", id);
    expect_member(p, json, "resumed", size);
    expect_run(p, 0, "", "", NULL, "cmp original x");

    expect_run(p, 0, "", "what was there is not its beginning", json,
               "echo other >y.partial; $P download -json -o y $U/-%s", id);
    expect_member(p, json, "resumed", "0");
    expect_member(p, json, "bytes", size);
    expect_run(p, 0, "", "", NULL, "cmp original y");

    expect_run(p, 0, "", "", NULL,
               "cat original original >z.partial; $P download -o z $U/-%s && cmp original z", id);
    expect_run(p, 2, "", "cannot write", NULL,
               "echo kept >victim; ln -s victim v.partial; $P download -o v $U/-%s", id);
    expect_run(p, 0, "", "", NULL, "test $(cat victim) = kept && test -L v.partial");
}

static void test_two_at_once(void **state)
{
    struct place *p = place_begin(state);
    char id[ID_CHARS + 1];
    share(p, "original", LARGE, id);
    pid_t pid = start_slow(p, id);
    expect_run(p, 2, "", "another program writes report.bin.partial", NULL, "$P download $U/-%s",
               id);
    assert_int_equal(end_of(pid), 0);
    expect_run(p, 0, "", "", NULL, "cmp original report.bin");
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void test_wrong_bytes(void **state)
{
    struct place *p = place_begin(state);
    char id[ID_CHARS + 1];
    char json[SCRIPT_BYTES];
    share(p, "original", SMALL, id);
    db_change(&p->server,
              "UPDATE entries_data SET chunk = zeroblob(length(chunk)) WHERE id = '%s' AND"
              " chunk_index = 1",
              id);
    expect_run(p, 4, "", "its digest is not the server's", json, "$P download -json $U/-%s", id);
    expect_member(p, json, "code", "4");
    expect_sizes(p, "report.bin", -1, -1);
    expect_run(p, 4, "", "what was written is wrong", NULL, "$P download $U/-%s -o - >x", id);
    /* Its beginning is right, but not the rest. */
    expect_run(p, 4, "", "its digest is not the server's", NULL,
               "head -c 1000 original >report.bin.partial; $P download $U/-%s", id);
    expect_sizes(p, "report.bin", -1, -1);
}

/* The server breaks the answer off where a row is missing. */
static void test_missing_bytes(void **state)
{
    struct place *p = place_begin(state);
    char id[ID_CHARS + 1];
    share(p, "original", SMALL, id);
    db_change(&p->server, "DELETE FROM entries_data WHERE id = '%s' AND chunk_index = 1", id);
    expect_run(p, 3, "", "report.bin: http", NULL, "$P download $U/-%s", id);
    expect_sizes(p, "report.bin", -1, CHUNK_BYTES);
}

/* ---- servers that are not ours --------------------------------------------------------------- */

#define BODY "hello\n"
#define BODY_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nETag: \"a\"\r\n"
/* Of "hello\n", by sha256sum and base64. */
#define DIGEST                                                                                     \
    "Repr-Digest: sha-512=:AAAA:, sha-256=:WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=:\r\n"

/* Whatever name they give, the file is in the current directory, to be seen, and no option. */
static void test_hostile_names(void **state)
{
    static const struct {
        const char *value;
        const char *name;
    } cases[] = {
        {"inline; filename=\"plain.txt\"", "plain.txt"},
        {"attachment; filename=\"../../up.txt\"", "_._.._up.txt"},
        {"attachment; filename=\"/etc/passwd\"", "_etc_passwd"},
        {"attachment; filename=\"..\"", "_."},
        {"attachment; filename=.bashrc", "_bashrc"},
        {"attachment; filename=\"-rf\"", "_rf"},
        {"attachment; filename=\"a\\\\b\"", "a_b"},
        {"attachment; filename*=UTF-8''..%2F..%2Fx%0A%1B%5B31m", "_._.._x__[31m"},
        {"attachment; filename*=UTF-8''a%00b", "download"},
        {"attachment; filename=\"\"", "download"},
        {"attachment", "download"},
        {"\x01;;;=", "download"},
    };
    struct place *p = place_begin(state);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake f;
        char answer[600];
        snprintf(answer, sizeof answer, BODY_HEAD DIGEST "Content-Disposition: %s\r\n\r\n" BODY,
                 cases[i].value);
        fake_start(&f, (const char *const[]){answer, answer, NULL});
        expect_run(p, 0, cases[i].name, "", NULL,
                   "mkdir -p in; cd in; $P download http://127.0.0.1:%d/x && ls -A >../names &&"
                   " rm -- *",
                   f.port);
        assert_int_equal(fake_stop(&f), 2);
        char path[300];
        struct buf names;
        path_in(p, "names", path);
        harness_read_file(path, &names);
        assert_int_equal(names.len, strlen(cases[i].name) + 1);
        assert_memory_equal(buf_str(&names), cases[i].name, strlen(cases[i].name));
        buf_done(&names);
    }
    expect_run(p, 0, "", "", NULL, "test \"$(ls -A)\" = \"$(printf 'in\\nnames')\"");
}

static void test_without_digest(void **state)
{
    static const char whole[] = BODY_HEAD "\r\n" BODY;
    struct place *p = place_begin(state);
    struct fake f;
    /* What is there may be of any file: it does not count. */
    fake_start(&f, (const char *const[]){whole, whole, NULL});
    expect_run(p, 0, "x\n", "not checked, the server gives no digest", NULL,
               "printf hel >x.partial; $P download -o x http://127.0.0.1:%d/a && echo hello | cmp "
               "- x",
               f.port);
    assert_int_equal(fake_stop(&f), 2);
    assert_null(strstr(f.heard, "Range:"));
}

/* Another part than the one asked for is not taken, and the whole instead of a part begins anew. */
static void test_other_parts(void **state)
{
    static const char whole[] = BODY_HEAD DIGEST "\r\n" BODY;
    static const char other[] = "HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n" DIGEST
                                "Content-Range: bytes 2-4/6\r\n\r\nllo";
    struct place *p = place_begin(state);
    struct fake f;
    fake_start(&f, (const char *const[]){whole, other, whole, whole, NULL});
    expect_run(p, 2, "", "another part of the file", NULL,
               "printf hel >x.partial; $P download -o x http://127.0.0.1:%d/a", f.port);
    expect_sizes(p, "x", -1, 3);
    expect_run(p, 0, "x\n", "", NULL,
               "$P download -o x http://127.0.0.1:%d/a && echo hello | cmp - x", f.port);
    assert_int_equal(fake_stop(&f), 4);
    assert_non_null(strstr(f.heard, "Range: bytes=3-\r\nIf-Range: \"a\"\r\n"));
}

static void test_refused_later(void **state)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                               "Content-Length: 5\r\n\r\nbusy\n";
    static const char whole[] = BODY_HEAD DIGEST "\r\n" BODY;
    struct place *p = place_begin(state);
    struct fake f;
    fake_start(&f, (const char *const[]){busy, whole, busy, whole, NULL});
    expect_run(p, 0, "x\n", "the server is busy; again in 1 s", NULL,
               "$P download -o x http://127.0.0.1:%d/a && echo hello | cmp - x", f.port);
    assert_int_equal(fake_stop(&f), 4);
    fake_start(&f, (const char *const[]){busy, busy, busy, busy, busy, busy, NULL});
    expect_run(p, 6, "", "(503)", NULL,
               "$P download -o y http://127.0.0.1:%d/a 2>err; c=$?; cat err >&2;"
               " test $(grep -c again err) = 4 || exit 98; exit $c",
               f.port);
    assert_int_equal(fake_stop(&f), 6);
    /* An answer that never comes to its end. */
    static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nhello";
    fake_start(&f, (const char *const[]){cut, cut, NULL});
    expect_run(p, 3, "", "z: http", NULL, "$P download -o z http://127.0.0.1:%d/a", f.port);
    expect_sizes(p, "z", -1, 5);
    assert_int_equal(fake_stop(&f), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),          cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_server_killed), cmocka_unit_test(test_client_stopped),
        cmocka_unit_test(test_what_is_there), cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_wrong_bytes),   cmocka_unit_test(test_missing_bytes),
        cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_without_digest),
        cmocka_unit_test(test_other_parts),   cmocka_unit_test(test_refused_later),
    };
    return harness_main(tests, place_setup, place_teardown);
}
