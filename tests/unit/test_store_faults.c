/* Any failure leaves order: every operation of the store, with every fault, at its first step, its
 * second, its third, until it passes; once, and from there on. Always there is an error that fits,
 * nothing half-done is to be seen, and when the fault is gone the same operation works.
 *
 * Upgrades have the like of the disk's faults in test_store_upgrade.c, new files in
 * test_store_schema.c; here they are started with too little memory. */
#include "fault_vfs.h"
#include "picoshare/base/mem.h"
#include "store_support.h"

/* ---- SQLite's memory ---- */

static struct sqlite_memory {
    sqlite3_mem_methods real;
    _Atomic int64_t allowed; /* allocations before the first failure; negative: none fails */
    _Atomic bool lasting;
    _Atomic int64_t failures;
} memory = {.allowed = -1};

static bool memory_fails(void)
{
    if (memory.allowed < 0) {
        return false;
    }
    if (memory.allowed > 0) {
        memory.allowed--;
        return false;
    }
    memory.allowed = memory.lasting ? 0 : -1;
    memory.failures++;
    return true;
}

static void *memory_malloc(int size)
{
    return memory_fails() ? NULL : memory.real.xMalloc(size);
}

static void *memory_realloc(void *ptr, int size)
{
    return memory_fails() ? NULL : memory.real.xRealloc(ptr, size);
}

/* ---- faults ---- */

enum { FULL, BROKEN, NO_SYNC, NO_SQLITE_MEMORY, NO_MEMORY, FAULTS };

static const char *const fault_names[FAULTS] = {"full disk", "broken disk", "failing flush",
                                                "SQLite out of memory", "out of memory"};

static void set_fault(int what, int64_t n, bool lasting)
{
    memory.failures = 0;
    fault.failures = 0;
    switch (what) {
    case FULL:
        fault_set(FAULT_FULL, n, lasting);
        break;
    case BROKEN:
        fault_set(FAULT_IO, n, lasting);
        break;
    case NO_SYNC:
        fault_set(FAULT_IO, n, lasting);
        fault.syncs_only = true;
        break;
    case NO_SQLITE_MEMORY:
        memory.lasting = lasting;
        memory.allowed = n;
        break;
    default:
        mem_fail_after(n);
        break;
    }
}

static void lift_fault(void)
{
    fault_lift();
    memory.allowed = -1;
    mem_fail_after(-1);
}

static bool fits(int what, err_t err)
{
    switch (what) {
    case FULL:
        return err == ERR_FULL || err == ERR_IO;
    case BROKEN:
    case NO_SYNC:
        return err == ERR_IO;
    default:
        return err == ERR_NOMEM;
    }
}

/* ---- operations ---- */

#define LINK "linklinklinklink"

static struct store_draft draft; /* of the file being stored */
static char bytes[3 * 1000];

static void start_draft(struct fixture *fix)
{
    (void)fix;
    store_draft_init(&draft, "abcdefghij");
}

static err_t append_two(struct fixture *fix)
{
    err_t err = append_chunk(fix->store, &draft, 0, bytes, 1000);
    return err == ERR_OK ? append_chunk(fix->store, &draft, 1, bytes + 1000, 1000) : err;
}

static err_t publish_rest(struct fixture *fix, const char *link)
{
    struct store_new_file file = {.draft = &draft,
                                  .filename = "f",
                                  .content_type = "",
                                  .size = sizeof bytes,
                                  .chunks = 3,
                                  .last_chunk = slice_of(bytes + 2000, 1000)};
    struct store_publish publish;
    store_publish_init(&publish);
    publish.files = &file;
    publish.files_count = 1;
    publish.upload_time = TEST_NOW_S;
    publish.expiration_time = NEVER_S;
    publish.guest_link_id = link;
    return store_run(fix->store, &publish.job);
}

static void discard(struct fixture *fix)
{
    struct store_discard job;
    store_discard_init(&job);
    job.draft = &draft;
    assert_int_equal(store_run(fix->store, &job.job), ERR_OK);
}

static err_t upload(struct fixture *fix)
{
    err_t err = append_two(fix);
    return err == ERR_OK ? publish_rest(fix, NULL) : err;
}

static void begin_again(struct fixture *fix)
{
    discard(fix);
    start_draft(fix);
}

static void prepare_publish(struct fixture *fix)
{
    start_draft(fix);
    assert_int_equal(append_two(fix), ERR_OK);
}

static err_t publish(struct fixture *fix)
{
    return publish_rest(fix, NULL);
}

static void prepare_guest(struct fixture *fix)
{
    add_link(fix->store, LINK, 1);
    start_draft(fix);
}

static err_t upload_as_guest(struct fixture *fix)
{
    err_t err = append_two(fix);
    return err == ERR_OK ? publish_rest(fix, LINK) : err;
}

static void prepare_file(struct fixture *fix)
{
    store_file(fix->store, "abcdefghij", bytes, sizeof bytes, 1000, TEST_NOW_S, NEVER_S);
    add_history(fix->path, "abcdefghij", 5, TEST_NOW_S);
}

static err_t edit(struct fixture *fix)
{
    return edit_file(fix->store, "abcdefghij", "new", NEVER_S, "note");
}

static err_t delete_file(struct fixture *fix)
{
    return remove_file(fix->store, "abcdefghij");
}

static void prepare_purge(struct fixture *fix)
{
    prepare_file(fix);
    assert_int_equal(remove_file(fix->store, "abcdefghij"), ERR_OK);
}

static err_t purge(struct fixture *fix)
{
    return purge_file(fix->store, "abcdefghij");
}

static void prepare_expired(struct fixture *fix)
{
    store_file(fix->store, "abcdefghij", bytes, sizeof bytes, 1000, TEST_NOW_S - 9, TEST_NOW_S - 1);
    sql_run(fix->path, "INSERT INTO entries_data VALUES ('orphan', 0, x'00')");
}

static err_t collect(struct fixture *fix)
{
    struct store_collect job;
    store_collect_init(&job);
    return store_run(fix->store, &job.job);
}

static void prepare_free_pages(struct fixture *fix)
{
    sql_run(fix->path, "INSERT INTO entries_data VALUES ('orphan', 0, zeroblob(600000));"
                       "DELETE FROM entries_data");
}

static err_t reclaim(struct fixture *fix)
{
    struct store_vacuum job;
    store_vacuum_init(&job);
    return store_run(fix->store, &job.job);
}

static bool always(void *arg)
{
    (void)arg;
    return true;
}

static err_t back_up(struct fixture *fix)
{
    struct store_backup job;
    store_backup_init(&job, always, NULL);
    err_t err = store_run(fix->store, &job.job);
    assert_int_equal(err == ERR_OK, job.fd >= 0);
    if (err == ERR_OK) {
        assert_int_equal(close(job.fd), 0);
    }
    return err;
}

static void prepare_nothing(struct fixture *fix)
{
    (void)fix;
}

static err_t make_link(struct fixture *fix)
{
    char label[] = "";
    struct store_guest_link link = {.id = LINK,
                                    .label = label,
                                    .creation_time = TEST_NOW_S,
                                    .url_expiration_time = NEVER_S,
                                    .file_lifetime = "24h0m0s"};
    return create_link(fix->store, &link);
}

static void prepare_link(struct fixture *fix)
{
    add_link(fix->store, LINK, 5);
    start_draft(fix);
    assert_int_equal(upload_as_guest(fix), ERR_OK);
}

static err_t delete_link(struct fixture *fix)
{
    return change_link(fix->store, LINK, STORE_GUEST_LINK_DELETE);
}

static err_t sign_in(struct fixture *fix)
{
    struct store_change_session job;
    store_change_session_init(&job);
    job.change = STORE_SESSION_CREATE;
    job.now = TEST_NOW_S;
    job.expires = TEST_NOW_S + 100;
    job.client_ip = "";
    job.user_agent = "";
    return store_run(fix->store, &job.job);
}

static err_t open_again(struct fixture *fix)
{
    return store_open(&fix->options, &fix->store, NULL);
}

static void prepare_start(struct fixture *fix)
{
    prepare_file(fix);
    sql_run(fix->path, "DELETE FROM ext_files; DROP TABLE ext_sessions"); /* something to do */
    fixture_close(fix);
}

static void prepare_upgrade(struct fixture *fix)
{
    prepare_file(fix);
    fixture_close(fix);
    sql_run(fix->path, "DROP TABLE ext_files; DROP TABLE ext_sessions; DROP TABLE ext_meta;"
                       "DROP TABLE ext_deleted_guest_links; DROP TABLE ext_deleted_guest_files;"
                       "PRAGMA user_version = 14");
}

static const char file_count[] = "SELECT count(*) FROM entries";
static const char nothing[] = "SELECT 0";

static const struct operation {
    const char *name;
    void (*prepare)(struct fixture *fix);
    err_t (*run)(struct fixture *fix);
    void (*again)(struct fixture *fix); /* before the second try; NULL: nothing */
    const char *state;                  /* a question whose answer is … */
    const char *before, *after;
    bool starts;   /* the store is closed before it */
    bool in_steps; /* a part of it may have been done: `before` need not hold after a failure */
} operations[] = {
    {"upload", start_draft, upload, begin_again, file_count, "0", "1", false, false},
    {"publish", prepare_publish, publish, NULL, file_count, "0", "1", false, false},
    {"guest upload", prepare_guest, upload_as_guest, begin_again, file_count, "0", "1", false,
     false},
    {"edit", prepare_file, edit, NULL, "SELECT filename || ifnull(note, '') FROM entries",
     "abcdefghij", "newnote", false, false},
    {"delete", prepare_file, delete_file, NULL, file_count, "1", "0", false, false},
    {"purge", prepare_purge, purge, NULL, "SELECT count(*) FROM entries_data", "3", "0", false,
     false},
    {"collection", prepare_expired, collect, NULL,
     "SELECT (SELECT count(*) FROM entries) + (SELECT count(*) FROM entries_data)", "5", "0", false,
     true},
    {"reclaim", prepare_free_pages, reclaim, NULL, "PRAGMA freelist_count", "", "0", false, true},
    {"backup", prepare_file, back_up, NULL, file_count, "1", "1", false, false},
    {"new link", prepare_nothing, make_link, NULL, "SELECT count(*) FROM guest_links", "0", "1",
     false, false},
    {"end of a link", prepare_link, delete_link, NULL,
     "SELECT count(*) FROM entries WHERE guest_link_id IS NOT NULL", "1", "0", false, false},
    {"sign-in", prepare_nothing, sign_in, NULL, "SELECT count(*) FROM ext_sessions", "0", "1",
     false, false},
    {"start", prepare_start, open_again, NULL, nothing, "0", "0", true, false},
    {"upgrade", prepare_upgrade, open_again, NULL, "PRAGMA user_version", "14", "15", true, true},
};

/* ---- the sweep ---- */

static void clear(struct fixture *fix)
{
    sql_run(fix->path, "DELETE FROM downloads; DELETE FROM ext_files; DELETE FROM entries;"
                       "DELETE FROM entries_data; DELETE FROM guest_links;"
                       "DELETE FROM ext_sessions; DELETE FROM ext_deleted_guest_links;"
                       "DELETE FROM ext_deleted_guest_files");
}

static void expect_state(struct fixture *fix, const struct operation *op, const char *want,
                         const char *what)
{
    char text[512];
    sql_ask(fix->path, text, sizeof text, "%s", op->state);
    if (strcmp(text, want) != 0) {
        fail_msg("%s: \"%s\", not \"%s\"", what, text, want);
    }
}

/* One try; true when the fault was met. */
static bool try_once(struct fixture *fix, const struct operation *op, int what, int64_t n,
                     bool lasting)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%s, %s, %s at operation %d", op->name, fault_names[what],
                   lasting ? "lasting" : "once", (int)n);
    op->prepare(fix);
    set_fault(what, n, lasting);
    err_t err = op->run(fix);
    bool met = fault.failures > 0 || memory.failures > 0 || err == ERR_NOMEM;
    lift_fault();
    if (err != ERR_OK) {
        if (!met || !fits(what, err)) {
            fail_msg("%s: %s", name, err_name(err));
        }
        if (!op->in_steps) {
            expect_state(fix, op, op->before, name);
        }
        if (op->again != NULL) {
            op->again(fix);
        }
        err = op->run(fix);
        if (err != ERR_OK) {
            fail_msg("%s: the second try: %s", name, err_name(err));
        }
    }
    expect_state(fix, op, op->after, name);
    clear(fix);
    return met;
}

/* The first steps one by one, later ones in strides that grow. */
static int64_t next_step(int64_t n)
{
    return n + 1 + n / scaled(30, 4, 2);
}

static void sweep(struct fixture *fix, int what)
{
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        const struct operation *op = &operations[i];
        int met = 0;
        for (int lasting = what == NO_MEMORY ? 1 : 0; lasting <= 1; lasting++) {
            for (int64_t n = 0; try_once(fix, op, what, n, lasting != 0); n = next_step(n)) {
                assert_true(n < 100000);
                met++;
            }
        }
        print_message("%s, %s: failed at %d places\n", op->name, fault_names[what], met);
        assert_true(met > 0 || what == NO_MEMORY || what == NO_SYNC || what == NO_SQLITE_MEMORY);
    }
    assert_sound(fix->path);
    fixture_reopen(fix);
    assert_sound(fix->path);
}

static void test_full_disk(void **state)
{
    sweep(*state, FULL);
}

static void test_broken_disk(void **state)
{
    sweep(*state, BROKEN);
}

static void test_failing_flush(void **state)
{
    sweep(*state, NO_SYNC);
}

static void test_sqlite_without_memory(void **state)
{
    sweep(*state, NO_SQLITE_MEMORY);
}

static void test_no_memory(void **state)
{
    sweep(*state, NO_MEMORY);
}

static int group_setup(void **state)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real) != SQLITE_OK) {
        return -1;
    }
    sqlite3_mem_methods methods = memory.real;
    methods.xMalloc = memory_malloc;
    methods.xRealloc = memory_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK ? fault_vfs_setup(state)
                                                                       : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fault_test(test_full_disk),     fault_test(test_broken_disk),
        fault_test(test_failing_flush), fault_test(test_sqlite_without_memory),
        fault_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
