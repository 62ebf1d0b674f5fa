/* picoshare upload: what arrives, what is printed and said, exit codes, and where the passphrase is
 * not to be seen. */
#include "client_support.h"
#include <pty.h>
#include <termios.h>

enum { SMALL = 2 * CHUNK_BYTES + 17, SLOW = 3000000 };

/* The id at the end of a link; "": it is no link of the server's. */
static const char *id_of(const struct place *p, const char *link)
{
    size_t server = strlen(p->url);
    bool is_link = strncmp(link, p->url, server) == 0 && strncmp(link + server, "/-", 2) == 0 &&
                   strlen(link) == server + 2 + ID_CHARS;
    return is_link ? link + server + 2 : "";
}

/* ---- what arrives ---------------------------------------------------------------------------- */

static void test_file(void **state)
{
    struct place *p = place_begin(state);
    char link[SCRIPT_BYTES];
    write_file(p, "two words.bin", SEED, SMALL);
    expect_run(p, 0, "", "", link, "$P upload 'two words.bin' -to $U");
    expect_download(&p->server, id_of(p, link), SEED, SMALL);
    expect_db(&p->server, "two words.bin|", "SELECT filename, note FROM entries WHERE id = '%s'",
              id_of(p, link));
    expect_run(p, 0, "", "", link,
               "$P upload ./'two words.bin' --to $U/ --name 'n\xc3\xa4me?#%%.x' --note 'a & b=c' "
               "--expires 7d");
    expect_db(&p->server, "n\xc3\xa4me?#%.x|a & b=c|1",
              "SELECT filename, note, abs(julianday(expiration_time) - julianday('now') - 7) < 0.1"
              " FROM entries WHERE id = '%s'",
              id_of(p, link));
    expect_run(p, 0, "", "", link, "$P upload 'two words.bin' -to $U -expires never");
    expect_db(&p->server, NEVER, "SELECT expiration_time FROM entries WHERE id = '%s'",
              id_of(p, link));
    expect_run(p, 0, "", "", link, "$P upload 'two words.bin' -to $U -expires 36h");
    expect_db(&p->server, "1",
              "SELECT abs(julianday(expiration_time) - julianday('now') - 1.5) < 0.1 FROM entries"
              " WHERE id = '%s'",
              id_of(p, link));
    expect_run(p, 0, "", "", link,
               "$P upload 'two words.bin' -to $U -expires 2040-01-02T03:04:05Z");
    expect_db(&p->server, "2040-01-02T03:04:05Z",
              "SELECT expiration_time FROM entries WHERE id = '%s'", id_of(p, link));
}

/* Those that can be are sent; the exit code is of the first that cannot. */
static void test_several(void **state)
{
    struct place *p = place_begin(state);
    write_file(p, "a", SEED, 5);
    write_file(p, "b", SEED + 1, 6);
    write_file(p, "empty", SEED, 0);
    int64_t before = db_entries(&p->server);
    expect_run(p, 0, "", "", NULL, "test $($P upload a b -to $U | wc -l) = 2");
    expect_run(p, 2, p->url, "missing: cannot open it: No such file", NULL,
               "$P upload a missing b -to $U");
    expect_run(p, 2, p->url, ".: it is a directory", NULL, "$P upload . b -to $U");
    expect_run(p, 1, p->url, "empty: the server refuses (400)", NULL, "$P upload empty a -to $U");
    assert_int_equal(db_entries(&p->server), before + 6);
    expect_run(p, 2, "", "cannot write to standard output", NULL, "$P upload a -to $U >/dev/full");
}

static void test_standard_input(void **state)
{
    struct place *p = place_begin(state);
    char link[SCRIPT_BYTES];
    write_file(p, "a.bin", SEED, SMALL);
    expect_run(p, 0, "", "", link, "cat a.bin | $P upload - -name in.bin -to $U");
    expect_download(&p->server, id_of(p, link), SEED, SMALL);
    expect_db(&p->server, "in.bin", "SELECT filename FROM entries WHERE id = '%s'", id_of(p, link));
    expect_run(p, 2, "", "needs a -name", NULL, "$P upload - -to $U <a.bin");
}

static void test_guest_link(void **state)
{
    struct place *p = place_begin(state);
    char id[LINK_CHARS + 1];
    char link[SCRIPT_BYTES];
    link_create(&p->server, &(struct guest_link){.max_bytes = MIN_LINK_BYTES}, id);
    write_file(p, "a.bin", SEED, SMALL);
    write_file(p, "large.bin", SEED, MIN_LINK_BYTES + 1);
    expect_run(p, 0, "", "", link, "unset PS_SHARED_SECRET; $P upload a.bin -to $U/g/%s", id);
    expect_download(&p->server, id_of(p, link), SEED, SMALL);
    assert_int_equal(link_entries(&p->server, id), 1);
    /* Its passphrase stays here. */
    expect_run(p, 0, "", "", NULL, "PS_SHARED_SECRET=wrong $P upload a.bin -to $U/g/%s/", id);
    expect_run(p, 1, "", "(413)", NULL, "$P upload large.bin -to $U/g/%s", id);
    expect_run(p, 1, "", "guest uploads cannot have file notes", NULL,
               "$P upload a.bin -note x -to $U/g/%s", id);
    link_switch(&p->server, id, "disable");
    expect_run(p, 5, "", "Guest link is no longer active", NULL, "$P upload a.bin -to $U/g/%s", id);
    expect_run(p, 1, "", "(404)", NULL, "$P upload a.bin -to $U/g/abcdefgh23456789");
}

static void test_json(void **state)
{
    struct place *p = place_begin(state);
    char json[SCRIPT_BYTES];
    char sha256[2 * SHA256_BYTES + 1];
    uint8_t digest[SHA256_BYTES];
    char id[ID_CHARS + 1];
    gen_sha256(SEED, SMALL, digest);
    digest_print_hex(digest, sizeof digest, sha256);
    write_file(p, "q\"\\\n\x01.bin", SEED, SMALL);
    expect_run(p, 0, "", "", json, "$P upload -json q* -name 'a\"b.bin' -to $U");
    expect_member(p, json, "file", "q\"\\\n\x01.bin");
    expect_member(p, json, "name", "a\"b.bin");
    expect_member(p, json, "bytes", "655377");
    expect_member(p, json, "sha256", sha256);
    expect_member(p, json, "verified", "1");
    char link[200];
    assert_non_null(strstr(json, "\"id\":\""));
    assert_true(slice_copy(slice_of(strstr(json, "\"id\":\"") + 6, ID_CHARS), id, sizeof id));
    snprintf(link, sizeof link, "%s/-%s", p->url, id);
    expect_member(p, json, "url", link);
    expect_download(&p->server, id, SEED, SMALL);
    expect_run(p, 2, "", "", json, "$P upload --json missing -to $U");
    expect_member(p, json, "file", "missing");
    expect_member(p, json, "code", "2");
    expect_member(p, json, "status", "0");
    expect_member(p, json, "error", "cannot open it: No such file or directory");
    expect_run(p, 5, "", "", json, "PS_SHARED_SECRET=wrong $P upload --json q* -to $U");
    expect_member(p, json, "status", "401");
    expect_member(p, json, "code", "5");
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void test_misuse(void **state)
{
    struct place *p = place_begin(state);
    write_file(p, "a", SEED, 5);
    expect_run(p, 0, "Exit codes: 0 done", "", NULL, "$P upload -help");
    expect_run(p, 2, "", "Usage: picoshare upload", NULL, "$P upload a");
    expect_run(p, 2, "", "Usage: picoshare upload", NULL, "$P upload -to $U");
    expect_run(p, 2, "", "-name is for one file", NULL, "$P upload a a -name x -to $U");
    expect_run(p, 2, "", "not the URL of a server", NULL, "$P upload a -to localhost:4001");
    expect_run(p, 2, "", "no place for a passphrase", NULL,
               "$P upload a -to http://:%s@127.0.0.1:1", HARNESS_SECRET);
    expect_run(p, 2, "", "unknown option", NULL, "$P upload a -to $U -passphrase x");
    expect_run(p, 2, "", "not a number of bytes", NULL, "$P upload a -to $U -limit-rate 5T");
    expect_run(p, 2, "", "secret file", NULL, "$P upload a -to $U -secret-file missing");
    expect_run(p, 3, "", "127.0.0.1", NULL, "$P upload a -to http://127.0.0.1:1");
    expect_run(p, 3, "", "a: https:", NULL, "$P upload a -to https://${U#http://}");
    expect_run(p, 1, "", "at least one hour", NULL, "$P upload a -to $U -expires 1m");
    expect_run(p, 2, "", "no passphrase", NULL,
               "unset PS_SHARED_SECRET; setsid -w $P upload a -to $U");
}

static void test_passphrase(void **state)
{
    struct place *p = place_begin(state);
    write_file(p, "a", SEED, 5);
    char path[300];
    path_in(p, "secret", path);
    harness_write_file(path, HARNESS_SECRET "\n");
    expect_run(p, 0, p->url, "", NULL,
               "PS_SHARED_SECRET=wrong $P upload a -to $U -secret-file "
               "secret");
    expect_run(p, 0, p->url, "", NULL, "$P upload a -to $U --shared-secret-file=secret");
    /* A pipe may bring it in pieces. */
    expect_run(p, 0, p->url, "", NULL,
               "(printf %%.4s %s; sleep 0.3; printf %%s %s | cut -c 5-) |"
               " $P upload a -to $U -secret-file /dev/stdin",
               HARNESS_SECRET, HARNESS_SECRET);
    /* The first refusal is enough. */
    expect_run(p, 5, "", "Authentication required", NULL,
               "PS_SHARED_SECRET=wrong $P upload a a a -to $U 2>&1 | tee all >&2;"
               " test $(wc -l <all) = 1 && exit 5");
}

/* A row that differs from what was sent, behind the server's back: it says so of the next one. */
static void test_what_is_stored_differs(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 33\r\nContent-Type: text/plain\r\n\r\n"
        "http://share.example/-abcdefgh23\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
        "Repr-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:\r\n\r\n",
        NULL};
    struct place *p = place_begin(state);
    struct fake f;
    write_file(p, "a", SEED, 5);
    fake_start(&f, answers);
    expect_run(p, 4, "", "not what was sent", NULL, "$P upload a -to http://127.0.0.1:%d", f.port);
    assert_int_equal(fake_stop(&f), 2);
    /* An answer that is no link, and one that would write to the terminal. */
    static const char *const others[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\nhttp://a/\x1b[31m/-abcdefgh23           \n",
        NULL};
    fake_start(&f, others);
    expect_run(p, 1, "", "no link", NULL, "$P upload a a -to http://127.0.0.1:%d", f.port);
    assert_int_equal(fake_stop(&f), 2);
}

static void test_busy_server(void **state)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                               "Content-Length: 5\r\n\r\nbusy\n";
    static const char *const answers[] = {
        busy, busy,
        "HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\nhttp://share.example/-abcdefgh23\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", NULL};
    struct place *p = place_begin(state);
    struct fake f;
    write_file(p, "a", SEED, 5);
    fake_start(&f, answers);
    expect_run(p, 0, "http://share.example/-abcdefgh23\n", "a: the server is busy; again in 1 s",
               NULL, "$P upload a -to http://127.0.0.1:%d", f.port);
    assert_int_equal(fake_stop(&f), 4);
    assert_non_null(strstr(f.heard, "PUT /api/upload/a HTTP/1.1\r\n"));
    /* Without Retry-After, not; nor what came through a pipe and is gone. */
    static const char *const full[] = {
        "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 20\r\n\r\nthe disk\x1b[1m is full",
        busy, NULL};
    fake_start(&f, full);
    expect_run(p, 6, "", "the server refuses (507): the disk\\x1b[1m is fu", NULL,
               "$P upload a -to http://127.0.0.1:%d", f.port);
    expect_run(p, 6, "", "(503): busy", NULL, "cat a | $P upload - -name a -to http://127.0.0.1:%d",
               f.port);
    assert_int_equal(fake_stop(&f), 2);
}

/* The passphrase goes to the server that was named, and nowhere else. */
static void test_redirect(void **state)
{
    struct place *p = place_begin(state);
    struct fake other;
    struct fake f;
    static const char *const never[] = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL};
    char answer[200];
    write_file(p, "a", SEED, 5);
    fake_start(&other, never);
    snprintf(answer, sizeof answer,
             "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:%d/\r\n"
             "Content-Length: 0\r\n\r\n",
             other.port);
    fake_start(&f, (const char *const[]){answer, NULL});
    expect_run(p, 1, "", "the server refuses (307)", NULL, "$P upload a -to http://127.0.0.1:%d",
               f.port);
    assert_int_equal(fake_stop(&f), 1);
    assert_int_equal(fake_stop(&other), 0);
}

/* A certificate that nobody vouches for: what follows the greeting would be the passphrase. */
static void test_certificate(void **state)
{
    struct place *p = place_begin(state);
    if (access("/usr/bin/openssl", X_OK) != 0) {
        print_message("[  SKIP    ] no openssl program here\n");
        skip();
    }
    write_file(p, "a", SEED, 5);
    expect_run(
        p, 3, "", "certificate", NULL,
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2"
        " -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>made || exit 98;"
        " sleep 30 | openssl s_server -key key -cert cert -accept 127.0.0.1:0 >heard 2>&1 & s=$!;"
        " for i in $(seq 600); do grep -q ^ACCEPT heard && break; sleep 0.1; done;"
        " $P upload a -to https://localhost:$(sed -n 's/^ACCEPT.*://p' heard); c=$?;"
        " kill $s; grep -q 'PUT /' heard && exit 97; exit $c");
}

/* ---- who else can see the passphrase --------------------------------------------------------- */

static void expect_hidden(pid_t pid, const char *file)
{
    char path[64];
    struct buf text;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    harness_read_file(path, &text);
    assert_true(text.len > 0);
    assert_null(memmem(text.ptr, text.len, HARNESS_SECRET, strlen(HARNESS_SECRET)));
    buf_done(&text);
}

static void test_not_in_proc(void **state)
{
    struct place *p = place_begin(state);
    write_file(p, "a", SEED, SLOW);
    pid_t pid = start_script(p, "exec $P upload a -to $U -limit-rate 1M");
    assert_true(db_wait(&p->server,
                        "SELECT count(*) > 0 FROM entries_data WHERE id NOT IN"
                        " (SELECT id FROM entries)",
                        1));
    expect_hidden(pid, "cmdline");
    if (geteuid() == 0) { /* nobody else may read it */
        expect_hidden(pid, "environ");
    }
    assert_int_equal(end_of(pid), 0);
}

/* ---- at a terminal --------------------------------------------------------------------------- */

/* Runs a script on a terminal of its own, types a line when that is asked for, and gives all that
 * was to be seen. */
static int run_at_terminal(const struct place *p, const char *script, const char *question,
                           const char *line, char *ret_seen, size_t size)
{
    struct script_env env;
    int master = -1;
    size_t len = 0;
    bool asked = false;
    script_env(p, &env);
    pid_t pid = forkpty(&master, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)putenv(env.program);
        (void)putenv(env.url);
        (void)unsetenv("PS_SHARED_SECRET");
        if (chdir(p->dir) == 0) {
            execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        }
        _exit(99);
    }
    for (;;) {
        struct pollfd wait = {.fd = master, .events = POLLIN};
        ssize_t n = poll(&wait, 1, HANG_SECONDS * 1000) == 1
                        ? read(master, ret_seen + len, size - 1 - len)
                        : -1;
        if (n <= 0) {
            break; /* the other side is closed */
        }
        len += (size_t)n;
        ret_seen[len] = '\0';
        if (!asked && question != NULL && strstr(ret_seen, question) != NULL) {
            assert_int_equal(write(master, line, strlen(line)), (ssize_t)strlen(line));
            asked = true;
        }
    }
    close(master);
    return end_of(pid);
}

static void test_prompt(void **state)
{
    struct place *p = place_begin(state);
    char seen[16384];
    write_file(p, "a", SEED, 5);
    assert_int_equal(run_at_terminal(p, "$P upload a -to $U; code=$?; stty -a; exit $code",
                                     "Passphrase: ", HARNESS_SECRET "\n", seen, sizeof seen),
                     0);
    assert_non_null(strstr(seen, p->url));
    assert_null(strstr(seen, HARNESS_SECRET));
    assert_null(strstr(seen, " -echo "));
    assert_int_equal(
        run_at_terminal(p, "$P upload a -to $U", "Passphrase: ", "wrong\n", seen, sizeof seen), 5);
    /* Interrupted: the terminal is as it was. */
    assert_int_equal(run_at_terminal(p,
                                     "trap : INT; $P upload a -to $U; code=$?; stty -a;"
                                     " exit $code",
                                     "Passphrase: ", "\x03", seen, sizeof seen),
                     128 + SIGINT);
    assert_non_null(strstr(seen, " echo "));
}

static void test_progress_bar(void **state)
{
    struct place *p = place_begin(state);
    char seen[65536];
    char path[300];
    path_in(p, "secret", path);
    harness_write_file(path, HARNESS_SECRET "\n");
    write_file(p, "film.mp4", SEED, SLOW);
    assert_int_equal(run_at_terminal(p,
                                     "$P upload film.mp4 -to $U -secret-file secret"
                                     " -limit-rate 1M",
                                     NULL, NULL, seen, sizeof seen),
                     0);
    assert_non_null(strstr(seen, "#"));
    assert_non_null(strstr(seen, " left: film.mp4"));
    assert_non_null(strstr(seen, " of 2.86 MB, "));
    assert_non_null(strstr(seen, "B/s, 0:00:0"));
    /* The line is cleared for the link. */
    const char *link = strstr(seen, p->url);
    assert_non_null(link);
    assert_memory_equal(link - 4, "\r\x1b[K", 4);
}

/* In a log: a line now and then, and for what is soon over none. */
static void test_progress_lines(void **state)
{
    struct place *p = place_begin(state);
    write_file(p, "film.mp4", SEED, SLOW);
    expect_run(p, 0, p->url, "film.mp4: ", NULL,
               "$P upload film.mp4 -to $U -limit-rate 250k 2>err; code=$?; cat err >&2;"
               " grep -q '^film.mp4: [0-9]* %%, .* of 2.86 MB, .*B/s, 0:00:0[0-9] left$' err &&"
               " test $(wc -l <err) = 1 && exit $code");
    expect_run(p, 0, p->url, "", NULL,
               "$P upload film.mp4 -to $U 2>err; code=$?; test ! -s err && exit $code");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),           cmocka_unit_test(test_several),
        cmocka_unit_test(test_standard_input), cmocka_unit_test(test_guest_link),
        cmocka_unit_test(test_json),           cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_passphrase),     cmocka_unit_test(test_what_is_stored_differs),
        cmocka_unit_test(test_busy_server),    cmocka_unit_test(test_redirect),
        cmocka_unit_test(test_certificate),    cmocka_unit_test(test_not_in_proc),
        cmocka_unit_test(test_prompt),         cmocka_unit_test(test_progress_bar),
        cmocka_unit_test(test_progress_lines),
    };
    return harness_main(tests, place_setup, place_teardown);
}
