/* The writer thread: lanes, group commit, retries, the length of the log. */
#include "fault_vfs.h"
#include "picoshare/base/limits.h"
#include "support.h"
#include <pthread.h>
#include <sys/stat.h>

/* ---- jobs that tell what happens to them ---- */

enum { MAX_TOLD = 4096 };

/* Written on the writer thread; read when it is known to be idle. */
struct story {
    int done[MAX_TOLD]; /* tags, in the order of done() */
    size_t count;
};

struct told {
    struct store_job job;
    struct story *story;
    int tag;
    err_t outcome;
    int runs;
    int runs_wanted;                /* an idle job: it has more to do until then */
    const struct fake_clock *clock; /* NULL: do not look */
    int64_t last_ms;                /* when it ran last */
    size_t done_before;             /* jobs that were done then */
};

static err_t run_told(struct store *store, struct store_job *job)
{
    (void)store;
    struct told *told = CONTAINER_OF(job, struct told, job); /* store_run() sets its own owner */
    told->runs++;
    told->last_ms = told->clock != NULL ? told->clock->mono_ms : 0;
    told->done_before = told->story->count;
    job->again = told->runs < told->runs_wanted;
    return told->outcome;
}

static void done_told(struct store_job *job)
{
    struct told *told = job->owner;
    assert_true(told->story->count < MAX_TOLD);
    told->story->done[told->story->count++] = told->tag;
}

static void told_init(struct told *told, struct story *story, int tag, enum store_lane lane)
{
    *told = (struct told){.story = story, .tag = tag};
    told->job = (struct store_job){.run = run_told, .done = done_told, .owner = told, .lane = lane};
}

/* ---- order ---- */

static void assert_story(const struct story *story, const int *want, size_t count)
{
    assert_int_equal(story->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(story->done[i], want[i]);
    }
}

static void test_lanes(void **state)
{
    struct fixture *fix = *state;
    struct story story = {.count = 0};
    struct told told[9];
    struct gate gate;
    gate_settle(fix->store); /* from now on, while the clock stands still, no slice is due */
    gate_shut(&gate, fix->store);
    static const enum store_lane lanes[9] = {
        STORE_IDLE,   STORE_BULK, STORE_URGENT, STORE_IDLE, STORE_BULK,
        STORE_URGENT, STORE_BULK, STORE_URGENT, STORE_IDLE,
    };
    for (int i = 0; i < 9; i++) {
        told_init(&told[i], &story, i, lanes[i]);
        store_submit(fix->store, &told[i].job);
    }
    gate_open(&gate);
    gate_settle(fix->store);
    static const int want[] = {2, 5, 7, 1, 4, 6, 0, 3, 8};
    assert_story(&story, want, ARRAY_LEN(want));
}

/* More than one transaction holds, of both kinds. */
static void test_order_within_a_lane(void **state)
{
    struct fixture *fix = *state;
    enum { URGENT = 2 * BATCH_MAX_JOBS + 88, BULK = 100, ALL = URGENT + BULK };
    struct story *story = calloc(1, sizeof *story);
    struct told *told = calloc(ALL, sizeof *told);
    assert_true(story != NULL && told != NULL);
    struct gate gate;
    gate_shut(&gate, fix->store);
    for (int i = 0; i < ALL; i++) {
        told_init(&told[i], story, i, i < URGENT ? STORE_URGENT : STORE_BULK);
        store_submit(fix->store, &told[i].job);
    }
    gate_open(&gate);
    gate_settle(fix->store);
    assert_int_equal(story->count, ALL);
    for (int i = 0, urgent = 0, bulk = URGENT; i < ALL; i++) {
        assert_int_equal(story->done[i], story->done[i] < URGENT ? urgent++ : bulk++);
        assert_int_equal(told[i].runs, 1);
        assert_int_equal(told[i].job.result, ERR_OK);
    }
    free(told);
    free(story);
}

/* ---- background work under load ---- */

struct load {
    struct store_job job;
    struct store *store;
    _Atomic bool stop;
    _Atomic int64_t runs;
};

static err_t run_load(struct store *store, struct store_job *job)
{
    (void)store;
    ((struct load *)job->owner)->runs++;
    return ERR_OK;
}

static void done_load(struct store_job *job)
{
    struct load *load = job->owner;
    if (!load->stop) {
        store_submit(load->store, &load->job);
    }
}

static void test_idle_work_goes_on_under_load(void **state)
{
    struct fixture *fix = *state;
    fix->clock.step_ms = 1;
    struct load loads[2];
    for (size_t i = 0; i < 2; i++) {
        loads[i].store = fix->store;
        loads[i].stop = false;
        loads[i].runs = 0;
        loads[i].job = (struct store_job){.run = run_load,
                                          .done = done_load,
                                          .owner = &loads[i],
                                          .lane = i == 0 ? STORE_URGENT : STORE_BULK};
        store_submit(fix->store, &loads[i].job);
    }
    struct story story = {.count = 0};
    struct told idle;
    told_init(&idle, &story, 0, STORE_IDLE);
    idle.runs_wanted = 20;
    idle.clock = &fix->clock;
    int64_t before_ms = fix->clock.mono_ms;
    assert_int_equal(store_run(fix->store, &idle.job), ERR_OK);
    int64_t passed_ms = idle.last_ms - before_ms;
    loads[0].stop = loads[1].stop = true;
    gate_settle(fix->store);
    assert_int_equal(idle.runs, 20);
    /* About every SLICE_EVERY_MS, and no more often than that. */
    assert_true(passed_ms < 25 * SLICE_EVERY_MS);
    assert_true(passed_ms >= 19 * SLICE_EVERY_MS);
    assert_true(loads[0].runs > 100 && loads[1].runs > 100);
}

/* Without load nothing waits. */
static void test_idle_work_is_quick_alone(void **state)
{
    struct fixture *fix = *state;
    struct story story = {.count = 0};
    struct told idle;
    told_init(&idle, &story, 0, STORE_IDLE);
    idle.runs_wanted = 1000;
    int64_t before_ms = fix->clock.mono_ms; /* which stands still */
    assert_int_equal(store_run(fix->store, &idle.job), ERR_OK);
    assert_int_equal(idle.runs, 1000);
    assert_int_equal(fix->clock.mono_ms, before_ms);
}

/* ---- failures in a common transaction ---- */

static void set_meta_init(struct store_set_meta *set, const char *key, const char *value,
                          struct told *told)
{
    store_set_meta_init(set);
    set->key = key;
    set->value = value;
    set->job.done = done_told;
    set->job.owner = told;
}

static void test_only_the_culprit_fails(void **state)
{
    struct fixture *fix = *state;
    static const struct {
        err_t outcome;
        int runs; /* of its neighbours */
    } cases[] = {
        {ERR_INTERNAL, 2}, {ERR_EXISTS, 2},   {ERR_FULL, 2},    {ERR_NOMEM, 2},
        {ERR_CORRUPT, 2},  {ERR_NOTFOUND, 1}, {ERR_INVALID, 1}, {ERR_BUSY, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct story story = {.count = 0};
        struct told told[5];
        struct store_set_meta set;
        struct gate gate;
        gate_shut(&gate, fix->store);
        for (int k = 0; k < 5; k++) {
            told_init(&told[k], &story, k, STORE_URGENT);
            told[k].outcome = k == 2 ? cases[i].outcome : ERR_OK;
            if (k == 1) { /* a real change, made before the culprit's turn */
                set_meta_init(&set, "key", err_name(cases[i].outcome), &told[1]);
                store_submit(fix->store, &set.job);
            } else {
                store_submit(fix->store, &told[k].job);
            }
        }
        gate_open(&gate);
        gate_settle(fix->store);
        static const int want[] = {0, 1, 2, 3, 4};
        assert_story(&story, want, ARRAY_LEN(want));
        assert_int_equal(told[0].runs, cases[i].runs);
        assert_int_equal(told[0].job.result, ERR_OK);
        assert_int_equal(set.job.result, ERR_OK);
        assert_int_equal(told[2].job.result, cases[i].outcome);
        assert_int_equal(told[3].runs, 1);
        assert_int_equal(told[4].job.result, ERR_OK);
        char value[64];
        assert_int_equal(store_get_meta(fix->store, "key", value, sizeof value), ERR_OK);
        assert_string_equal(value, err_name(cases[i].outcome));
    }
}

/* The same with publish jobs: an id that is taken, and a file that is not complete. */
static void test_publish_among_others(void **state)
{
    struct fixture *fix = *state;
    static const char *const ids[] = {"aaaaaaaaaa", "taken", "bbbbbbbbbb", "incomplete",
                                      "cccccccccc"};
    static const err_t want[] = {ERR_OK, ERR_EXISTS, ERR_OK, ERR_INTERNAL, ERR_OK};
    store_file(fix->store, "taken", "first", 5, 5, TEST_NOW_S, NEVER_S);
    struct story story = {.count = 0};
    struct told told[5];
    struct store_draft drafts[5];
    struct store_new_file files[5];
    struct store_publish jobs[5];
    struct gate gate;
    gate_shut(&gate, fix->store);
    for (int i = 0; i < 5; i++) {
        told_init(&told[i], &story, i, STORE_URGENT);
        store_draft_init(&drafts[i], ids[i]);
        files[i] = (struct store_new_file){.draft = &drafts[i],
                                           .filename = ids[i],
                                           .content_type = "",
                                           .size = 3,
                                           .chunks = want[i] == ERR_INTERNAL ? 2 : 1,
                                           .last_chunk = SLICE("abc")};
        store_publish_init(&jobs[i]);
        jobs[i].files = &files[i];
        jobs[i].files_count = 1;
        jobs[i].upload_time = TEST_NOW_S;
        jobs[i].expiration_time = NEVER_S;
        jobs[i].job.done = done_told;
        jobs[i].job.owner = &told[i];
        store_submit(fix->store, &jobs[i].job);
    }
    gate_open(&gate);
    gate_settle(fix->store);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(jobs[i].job.result, want[i]);
        if (want[i] == ERR_OK) {
            assert_file(fix->store, ids[i], "abc", 3);
        }
    }
    assert_file(fix->store, "taken", "first", 5);
    assert_false(file_exists(fix->store, "incomplete"));
    assert_sql(fix->path, "SELECT count(*) FROM entries_data", "4");
    assert_sound(fix->path);
}

/* A hundred small changes at once cost a handful of flushes, not a hundred. */
static void test_group_commit(void **state)
{
    struct fixture *fix = *state;
    enum { JOBS = 200 };
    struct story story = {.count = 0};
    static struct told told[JOBS];
    static struct store_set_meta sets[JOBS];
    static char keys[JOBS][8];
    struct gate gate;
    gate_shut(&gate, fix->store);
    fault.syncs = 0;
    for (int i = 0; i < JOBS; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "key%d", i);
        told_init(&told[i], &story, i, STORE_URGENT);
        set_meta_init(&sets[i], keys[i], "v", &told[i]);
        store_submit(fix->store, &sets[i].job);
    }
    gate_open(&gate);
    gate_settle(fix->store);
    assert_int_equal(story.count, JOBS);
    assert_true(fault.syncs >= 1 && fault.syncs <= 4);
    assert_sql(fix->path, "SELECT count(*) FROM ext_meta WHERE key LIKE 'key%'", "200");
}

/* A full chunk waits a little for the next ones, and shares their transaction: not always, since
 * the test may be late itself, but again and again. */
static void test_chunks_wait_for_each_other(void **state)
{
    struct fixture *fix = *state;
    enum { CHUNKS = BATCH_WANTED_BYTES / CHUNK_BYTES, ROUNDS = 40 };
    int together = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct story story = {.count = 0};
        struct told told[CHUNKS];
        for (int i = 0; i < CHUNKS; i++) {
            const struct timespec ms = {.tv_nsec = 1000000};
            assert_true(i == 0 || nanosleep(&ms, NULL) == 0);
            told_init(&told[i], &story, i, STORE_BULK);
            told[i].job.bytes = CHUNK_BYTES;
            store_submit(fix->store, &told[i].job);
        }
        gate_settle(fix->store);
        assert_int_equal(story.count, CHUNKS);
        together += told[CHUNKS - 1].done_before == 0;
    }
    assert_true(together >= ROUNDS / 10);
}

/* One alone is stored all the same. */
static void test_a_chunk_alone(void **state)
{
    struct fixture *fix = *state;
    struct told told;
    struct story story = {.count = 0};
    told_init(&told, &story, 0, STORE_BULK);
    told.job.bytes = CHUNK_BYTES;
    assert_int_equal(store_run(fix->store, &told.job), ERR_OK);
    assert_int_equal(told.runs, 1);
}

/* Chunks reach the disk with the file that they belong to: no flush of their own. */
static void test_chunks_are_not_flushed(void **state)
{
    struct fixture *fix = *state;
    struct store_draft draft;
    store_draft_init(&draft, "abcdefghij");
    assert_int_equal(append_chunk(fix->store, &draft, 0, "ab", 2), ERR_OK);
    fault.syncs = 0;
    for (int64_t i = 1; i < 20; i++) {
        assert_int_equal(append_chunk(fix->store, &draft, i, "ab", 2), ERR_OK);
    }
    assert_int_equal(fault.syncs, 0);
    struct store_new_file file = {
        .draft = &draft, .filename = "f", .content_type = "", .size = 40, .chunks = 20};
    assert_int_equal(publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S), ERR_OK);
    assert_true(fault.syncs >= 1);
    fault.syncs = 0;
    store_draft_init(&draft, "klmnopqrst");
    assert_int_equal(append_chunk(fix->store, &draft, 0, "ab", 2), ERR_OK);
    assert_int_equal(fault.syncs, 0);
}

/* ---- a foreign lock ---- */

enum { LOCKED_JOBS = 8 };

struct locked_out {
    sem_t all_done;
    _Atomic int left;
};

static void done_locked_out(struct store_job *job)
{
    struct locked_out *locked_out = job->owner;
    if (--locked_out->left == 0) {
        assert_int_equal(sem_post(&locked_out->all_done), 0);
    }
}

static int64_t real_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Jobs that find the database locked wait for the lock together, not one after another. */
static void test_locked_by_another_program(void **state)
{
    struct fixture *fix = *state;
    struct store_set_meta sets[LOCKED_JOBS];
    struct locked_out locked_out = {.left = LOCKED_JOBS};
    assert_int_equal(sem_init(&locked_out.all_done, 0, 0), 0);
    sqlite3 *other = sql_open(fix->path);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    int64_t start_ms = real_ms();
    for (int i = 0; i < LOCKED_JOBS; i++) {
        store_set_meta_init(&sets[i]);
        sets[i].key = "key";
        sets[i].value = "refused";
        sets[i].job.done = done_locked_out;
        sets[i].job.owner = &locked_out;
        store_submit(fix->store, &sets[i].job);
    }
    while (sem_wait(&locked_out.all_done) != 0) {
    }
    /* One time-out for the job that the writer took at once, one for those behind it. */
    assert_true(real_ms() - start_ms < 3 * BUSY_TIMEOUT_MS);
    for (int i = 0; i < LOCKED_JOBS; i++) {
        assert_int_equal(sets[i].job.result, ERR_BUSY);
    }
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_sql(fix->path, "SELECT count(*) FROM ext_meta WHERE key = 'key'", "0");
    struct store_set_meta after;
    store_set_meta_init(&after);
    after.key = "key";
    after.value = "stored";
    assert_int_equal(store_run(fix->store, &after.job), ERR_OK);
    assert_sql(fix->path, "SELECT value FROM ext_meta WHERE key = 'key'", "stored");
    assert_int_equal(sem_destroy(&locked_out.all_done), 0);
}

/* ---- closing ---- */

static void test_close_runs_what_is_queued(void **state)
{
    struct fixture *fix = *state;
    enum { JOBS = 900 };
    struct story *story = calloc(1, sizeof *story);
    struct told *told = calloc(JOBS, sizeof *told);
    assert_true(story != NULL && told != NULL);
    struct gate gate;
    gate_shut(&gate, fix->store);
    for (int i = 0; i < JOBS; i++) {
        told_init(&told[i], story, i, (enum store_lane)(i % 3));
        store_submit(fix->store, &told[i].job);
    }
    struct told unfinished;
    told_init(&unfinished, story, JOBS, STORE_IDLE);
    unfinished.runs_wanted = INT32_MAX;
    store_submit(fix->store, &unfinished.job);
    assert_int_equal(sem_post(&gate.open), 0);
    fixture_close(fix);
    assert_int_equal(story->count, JOBS + 1);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(told[i].job.result, ERR_OK);
        assert_int_equal(told[i].runs, 1);
    }
    assert_int_equal(unfinished.job.result, ERR_CLOSED);
    assert_true(unfinished.runs >= 1);
    free(told);
    free(story);
}

/* ---- the log ---- */

static int64_t file_bytes(const char *path, const char *suffix)
{
    char name[TEST_PATH_BYTES + 32];
    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    struct stat st;
    return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

/* Appends chunks until the log has grown by so much; the result of the last one. */
static err_t append_bytes(struct fixture *fix, struct store_draft *draft, int64_t *index,
                          int64_t bytes)
{
    char *chunk = make_bytes(1, CHUNK_BYTES);
    err_t err = ERR_OK;
    for (int64_t i = 0; i < bytes / CHUNK_BYTES && err == ERR_OK; i++) {
        err = append_chunk(fix->store, draft, *index, chunk, CHUNK_BYTES);
        *index += err == ERR_OK ? 1 : 0;
    }
    free(chunk);
    return err;
}

static void test_log_stays_short(void **state)
{
    struct fixture *fix = *state;
    struct store_draft draft;
    store_draft_init(&draft, "abcdefghij");
    int64_t index = 0;
    assert_int_equal(append_bytes(fix, &draft, &index, 2 * WAL_REFUSE_BYTES), ERR_OK);
    gate_settle(fix->store);
    assert_true(file_bytes(fix->path, "-wal") <= WAL_SOFT_BYTES + 2 * MIB);
    assert_true(store_wal_bytes(fix->store) <= WAL_SOFT_BYTES);
}

/* A backup that reads for hours: uploads are told to wait, everything else goes on, and all is well
 * again when it ends. */
static void test_log_held_by_a_reader(void **state)
{
    struct fixture *fix = *state;
    store_file(fix->store, "klmnopqrst", "x", 1, 5, TEST_NOW_S, NEVER_S);
    sqlite3 *reader = sql_open(fix->path);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM entries", NULL, NULL, NULL),
                     SQLITE_OK);
    struct store_draft draft;
    store_draft_init(&draft, "abcdefghij");
    int64_t index = 0;
    assert_int_equal(append_bytes(fix, &draft, &index, 2 * WAL_REFUSE_BYTES), ERR_BUSY);
    /* The log holds the pages of the indexes too. */
    assert_true(index * CHUNK_BYTES >= WAL_REFUSE_BYTES / 4 * 3 - 4 * MIB);
    assert_true(file_bytes(fix->path, "-wal") <= WAL_REFUSE_BYTES + 2 * MIB);
    assert_true(store_wal_bytes(fix->store) > WAL_REFUSE_BYTES);
    struct store_draft small;
    store_draft_init(&small, "uvwxyzABCD");
    struct store_new_file small_file = {.draft = &small,
                                        .filename = "f",
                                        .content_type = "",
                                        .size = 5,
                                        .chunks = 1,
                                        .last_chunk = SLICE("small")};
    assert_int_equal(publish_files(fix->store, &small_file, 1, TEST_NOW_S, NEVER_S), ERR_BUSY);
    assert_false(file_exists(fix->store, "uvwxyzABCD"));
    assert_int_equal(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    gate_settle(fix->store);
    assert_int_equal(append_bytes(fix, &draft, &index, WAL_SOFT_BYTES + 4 * MIB), ERR_OK);
    gate_settle(fix->store);
    assert_true(store_wal_bytes(fix->store) <= WAL_SOFT_BYTES);
    struct store_new_file file = {.draft = &draft,
                                  .filename = "f",
                                  .content_type = "",
                                  .size = index * CHUNK_BYTES,
                                  .chunks = index};
    assert_int_equal(publish_files(fix->store, &file, 1, TEST_NOW_S, NEVER_S), ERR_OK);
    assert_sound(fix->path);
}

/* Beside Litestream the log is its business alone. */
static void test_foreign_checkpoints(void **state)
{
    struct fixture *fix = *state;
    fixture_close(fix);
    fix->options.foreign_checkpoints = true;
    fixture_open(fix);
    struct store_draft draft;
    store_draft_init(&draft, "abcdefghij");
    int64_t index = 0;
    int64_t before = file_bytes(fix->path, "");
    assert_int_equal(append_bytes(fix, &draft, &index, WAL_REFUSE_BYTES + 8 * MIB), ERR_OK);
    assert_int_equal(file_bytes(fix->path, ""), before);
    int64_t log = file_bytes(fix->path, "-wal");
    assert_true(log > WAL_REFUSE_BYTES);
    fixture_close(fix);
    assert_int_equal(file_bytes(fix->path, "-wal"), log);
    fix->options.foreign_checkpoints = false;
    fixture_open(fix);
    assert_sound(fix->path);
}

/* ---- several threads, several stores ---- */

struct client {
    struct store *store;
    int number;
};

enum { CLIENTS = 4, ROUNDS = 60 };

/* Stores files and reads everybody's. Runs in a thread, where cmocka's asserts may not be used. */
static void *client_main(void *arg)
{
    struct client *client = arg;
    char id[ENTRY_ID_LEN + 1];
    for (int round = 0; round < ROUNDS; round++) {
        (void)snprintf(id, sizeof id, "c%dr%06d", client->number, round);
        struct store_draft draft;
        store_draft_init(&draft, id);
        struct store_new_file file = {.draft = &draft,
                                      .filename = id,
                                      .content_type = "",
                                      .size = 8,
                                      .chunks = 2,
                                      .last_chunk = SLICE("end")};
        check(append_chunk(client->store, &draft, 0, "begin", 5) == ERR_OK);
        check(publish_files(client->store, &file, 1, TEST_NOW_S, NEVER_S) == ERR_OK);
        for (int other = 0; other < CLIENTS; other++) {
            (void)snprintf(id, sizeof id, "c%dr%06d", other, round);
            struct store_entry entry;
            char bytes[3];
            err_t err = store_find_entry(client->store, id, &entry);
            check(err == ERR_OK || (err == ERR_NOTFOUND && other != client->number));
            if (err == ERR_OK) {
                /* Visible means complete. */
                check(entry.size == 8 && entry.chunk_bytes == 5 && entry.has_sha256);
                check(store_read_chunk(client->store, id, 1, 3, 0, bytes, 3) == ERR_OK);
                check(memcmp(bytes, "end", 3) == 0);
                store_entry_done(&entry);
            }
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct fixture *fix = *state;
    struct client clients[CLIENTS];
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){fix->store, i};
        assert_int_equal(pthread_create(&threads[i], NULL, client_main, &clients[i]), 0);
    }
    for (int i = 0; i < 10; i++) {
        struct store_collect job;
        store_collect_init(&job);
        assert_int_equal(store_run(fix->store, &job.job), ERR_OK);
        assert_int_equal(job.orphans_removed, 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_sql(fix->path, "SELECT count(*) FROM entries", "240");
    assert_sql(fix->path, "SELECT count(*) FROM entries_data", "480");
}

static void test_two_stores(void **state)
{
    struct fixture *fix = *state;
    void *second_state = NULL;
    (void)fixture_setup(&second_state);
    struct fixture *second = second_state;
    store_file(fix->store, "abcdefghij", "one", 3, 5, TEST_NOW_S, NEVER_S);
    store_file(second->store, "abcdefghij", "two", 3, 5, TEST_NOW_S, NEVER_S);
    assert_file(fix->store, "abcdefghij", "one", 3);
    assert_file(second->store, "abcdefghij", "two", 3);
    (void)fixture_teardown(&second_state);
    assert_file(fix->store, "abcdefghij", "one", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(test_lanes),
        fixture_test(test_order_within_a_lane),
        fixture_test(test_idle_work_goes_on_under_load),
        fixture_test(test_idle_work_is_quick_alone),
        fixture_test(test_only_the_culprit_fails),
        fixture_test(test_publish_among_others),
        fault_test(test_group_commit),
        fixture_test(test_chunks_wait_for_each_other),
        fixture_test(test_a_chunk_alone),
        fault_test(test_chunks_are_not_flushed),
        fixture_test(test_locked_by_another_program),
        fixture_test(test_close_runs_what_is_queued),
        fault_test(test_log_stays_short),
        fault_test(test_log_held_by_a_reader),
        fault_test(test_foreign_checkpoints),
        fixture_test(test_threads),
        fixture_test(test_two_stores),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
