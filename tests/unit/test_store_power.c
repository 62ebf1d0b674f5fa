/* A 200 is for ever: the power fails at a random moment of random work, again and again, and the
 * next start finds every acknowledged change, every file whole, and nothing that was never asked
 * for.
 *
 * A round is a few lives of one database. In each life a store is opened on what the disk held when
 * the power failed, everything is compared with the model, random jobs are run, and at a random
 * write, truncation, flush or removal the power fails again: while the store is opened, in the
 * middle of a job, of a checkpoint, or while it is closed. What was on its way at that moment may
 * have happened or not, and so may what failed since the last flush that worked, but not in part.
 *
 * PICOSHARE_POWER_ROUNDS (40, beside the thread sanitizer 10) and PICOSHARE_POWER_SEED (1) choose
 * what is played. */
#include "picoshare/base/num.h"
#include "power_vfs.h"
#include "store_support.h"

enum {
    FILES = 24, /* that the model knows at the same time */
    LINKS = 3,
    LIVES = 4,
    JOBS_PER_LIFE = 30,
    MAX_FILE_BYTES = 200 * 1000,
    LOG_BYTES = 256 * KIB, /* so that the log is often copied into the database */
};

/* What is to be found of a file. */
struct fate {
    bool there;
    char name[16];
};

struct file_model {
    char id[ENTRY_ID_LEN + 1]; /* "": this place is free */
    uint64_t seed;
    size_t len;
    bool expired;   /* a collection may take it */
    int link;       /* it came through, or -1 */
    bool in_doubt;  /* `other` may be found as well */
    struct fate is; /* as far as it is known */
    struct fate other;
};

struct link_model {
    bool there;
    bool in_doubt;
};

struct world {
    struct fixture fix;
    struct dice dice;
    struct file_model files[FILES];
    struct link_model links[LINKS];
    uint64_t next_id;
    int64_t acknowledged; /* changes */
    int64_t refused;
    int64_t cuts;
    int64_t checked; /* whole files */
    char problem[256];
};

static void report(struct world *world, const char *what, const char *id)
{
    if (world->problem[0] == '\0') {
        (void)snprintf(world->problem, sizeof world->problem, "%.150s: %.90s", what, id);
    }
}

/* ---- jobs, and whether their end was seen before the power failed ---- */

struct ack {
    sem_t ended;
    bool had_power;
    err_t result;
};

static void on_done(struct store_job *job)
{
    struct ack *ack = job->owner;
    ack->had_power = !power.failed;
    ack->result = job->result;
    check(sem_post(&ack->ended) == 0);
}

static void submit(struct world *world, struct store_job *job, struct ack *ack)
{
    check(sem_init(&ack->ended, 0, 0) == 0);
    job->owner = ack;
    job->done = on_done;
    store_submit(world->fix.store, job);
}

static void await(struct ack *ack)
{
    while (sem_wait(&ack->ended) != 0) {
    }
}

static err_t run(struct world *world, struct store_job *job)
{
    struct ack ack;
    submit(world, job, &ack);
    await(&ack);
    return ack.had_power ? ack.result : ERR_CLOSED;
}

/* A flush that worked: whatever failed before has been written over. */
static void settle(struct world *world)
{
    for (size_t i = 0; i < FILES; i++) {
        struct file_model *file = &world->files[i];
        if (file->in_doubt && !file->is.there) {
            file->id[0] = '\0';
        }
        file->in_doubt = false;
    }
    for (size_t i = 0; i < LINKS; i++) {
        world->links[i].in_doubt = false;
    }
}

/* What came of a durable change of a file. */
static void conclude(struct world *world, struct file_model *file, struct fate wanted, err_t result)
{
    if (result == ERR_OK) {
        file->is = wanted;
        file->in_doubt = !wanted.there; /* for settle(): its place is free */
        settle(world);
        world->acknowledged++;
    } else {
        file->other = wanted;
        file->in_doubt = true;
        world->refused++;
    }
}

static void conclude_link(struct world *world, struct link_model *link, bool there, err_t result)
{
    if (result == ERR_OK) {
        link->there = there;
        settle(world);
        world->acknowledged++;
    } else {
        link->in_doubt = true;
        world->refused++;
    }
}

/* ---- what is done ---- */

static struct file_model *pick_file(struct world *world, bool there)
{
    size_t start = (size_t)dice_below(&world->dice, FILES);
    for (size_t i = 0; i < FILES; i++) {
        struct file_model *file = &world->files[(start + i) % FILES];
        if (!file->in_doubt && (there ? file->id[0] != '\0' && file->is.there && !file->expired
                                      : file->id[0] == '\0')) {
            return file;
        }
    }
    return NULL;
}

static void link_id(size_t link, char ret_id[GUEST_LINK_ID_LEN + 1])
{
    (void)snprintf(ret_id, GUEST_LINK_ID_LEN + 1, "link%012zu", link);
}

struct upload_play {
    struct file_model *file;
    char *bytes;
    struct store_draft draft;
    struct store_new_file new_file;
    struct store_publish publish;
    char link[GUEST_LINK_ID_LEN + 1];
    struct ack ack;
    bool appended;
};

/* The chunks of one upload, but for the last one. */
static void play_chunks(struct world *world, struct upload_play *play)
{
    struct dice *dice = &world->dice;
    struct file_model *file = play->file;
    (void)snprintf(file->id, sizeof file->id, "f%09d", (int)world->next_id);
    (void)snprintf(file->is.name, sizeof file->is.name, "first");
    file->seed = world->next_id++;
    file->len = (size_t)(1 + dice_below(dice, dice_percent(dice, 20) ? MAX_FILE_BYTES : 5000));
    file->expired = dice_percent(dice, 15);
    file->link = dice_percent(dice, 25) ? (int)dice_below(dice, LINKS) : -1;
    file->in_doubt = false;
    file->is.there = false;
    play->bytes = make_bytes(file->seed, file->len);
    store_draft_init(&play->draft, file->id);
    play->new_file = (struct store_new_file){.draft = &play->draft,
                                             .filename = "first",
                                             .content_type = "text/plain",
                                             .size = (int64_t)file->len};
    size_t step = (size_t)(1000 + dice_below(dice, 40000));
    size_t pos = 0;
    err_t err = ERR_OK;
    for (; file->len - pos > step && err == ERR_OK; pos += step) {
        struct store_append append;
        store_append_init(&append);
        append.draft = &play->draft;
        append.chunk_index = play->new_file.chunks++;
        append.bytes = play->bytes + pos;
        append.len = step;
        err = run(world, &append.job);
    }
    play->appended = err == ERR_OK;
    play->new_file.chunks++;
    play->new_file.last_chunk = slice_of(play->bytes + pos, file->len - pos);
    assert_int_equal(sha256_of(slice_of(play->bytes, file->len), play->new_file.sha256), ERR_OK);
}

static void play_discard(struct world *world, struct upload_play *play)
{
    struct store_discard discard;
    store_discard_init(&discard);
    discard.draft = &play->draft;
    (void)run(world, &discard.job);
}

/* Some uploads, published together: they share a transaction, or one of them runs into it. */
static void play_uploads(struct world *world)
{
    enum { MOST = 3 };
    static struct upload_play plays[MOST];
    size_t count = 0;
    for (int64_t left = 1 + dice_below(&world->dice, MOST); left > 0; left--) {
        struct upload_play *play = &plays[count];
        play->file = pick_file(world, false);
        if (play->file != NULL) {
            play_chunks(world, play);
            count++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct upload_play *play = &plays[i];
        if (play->appended && dice_percent(&world->dice, 90)) {
            store_publish_init(&play->publish);
            play->publish.files = &play->new_file;
            play->publish.files_count = 1;
            play->publish.upload_time = TEST_NOW_S;
            play->publish.expiration_time = play->file->expired ? TEST_NOW_S - 1 : NEVER_S;
            if (play->file->link >= 0) {
                link_id((size_t)play->file->link, play->link);
                play->publish.guest_link_id = play->link;
            }
            submit(world, &play->publish.job, &play->ack);
        } else {
            play->appended = false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct upload_play *play = &plays[i];
        if (play->appended) {
            await(&play->ack);
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct upload_play *play = &plays[i];
        err_t result = play->ack.had_power ? play->ack.result : ERR_CLOSED;
        if (play->appended && result != ERR_NOTFOUND && result != ERR_AUTH) {
            conclude(world, play->file, (struct fate){true, "first"}, result);
        } else {
            result = ERR_INVALID;
            play->file->id[0] = '\0';
        }
        if (result != ERR_OK) {
            play_discard(world, play);
        }
        free(play->bytes);
    }
}

static void play_edit(struct world *world)
{
    struct file_model *file = pick_file(world, true);
    if (file != NULL) {
        struct fate wanted = {.there = true};
        (void)snprintf(wanted.name, sizeof wanted.name, "n%d",
                       (int)dice_below(&world->dice, 1000000));
        struct store_edit edit;
        store_edit_init(&edit);
        memcpy(edit.id, file->id, sizeof edit.id);
        edit.filename = wanted.name;
        edit.expiration_time = NEVER_S;
        conclude(world, file, wanted, run(world, &edit.job));
    }
}

static void play_remove(struct world *world)
{
    struct file_model *file = pick_file(world, true);
    if (file != NULL) {
        char id[ENTRY_ID_LEN + 1];
        struct store_remove remove;
        memcpy(id, file->id, sizeof id);
        store_remove_init(&remove);
        memcpy(remove.id, id, sizeof remove.id);
        err_t err = run(world, &remove.job);
        conclude(world, file, (struct fate){.there = false}, err);
        if (err == ERR_OK) {
            struct store_purge purge;
            store_purge_init(&purge);
            memcpy(purge.id, id, sizeof purge.id);
            (void)run(world, &purge.job);
        }
    }
}

static void play_link(struct world *world)
{
    size_t which = (size_t)dice_below(&world->dice, LINKS);
    struct link_model *link = &world->links[which];
    char id[GUEST_LINK_ID_LEN + 1];
    link_id(which, id);
    if (link->in_doubt) {
        return;
    }
    if (!link->there) {
        char label[] = "guest";
        struct store_guest_link made = {.label = label,
                                        .creation_time = TEST_NOW_S,
                                        .url_expiration_time = NEVER_S,
                                        .file_lifetime = "876000h0m0s"};
        memcpy(made.id, id, sizeof id);
        struct store_create_guest_link create;
        store_create_guest_link_init(&create);
        create.link = &made;
        conclude_link(world, link, true, run(world, &create.job));
    } else if (dice_percent(&world->dice, 30)) {
        struct store_change_guest_link change;
        store_change_guest_link_init(&change);
        change.change = STORE_GUEST_LINK_DELETE;
        memcpy(change.id, id, sizeof id);
        conclude_link(world, link, false, run(world, &change.job));
    }
}

static void play_upkeep(struct world *world)
{
    struct store_collect collect;
    struct store_vacuum vacuum;
    store_collect_init(&collect);
    if (run(world, &collect.job) == ERR_OK && dice_percent(&world->dice, 50)) {
        store_vacuum_init(&vacuum);
        (void)run(world, &vacuum.job);
    }
}

static void play_download(struct world *world)
{
    struct file_model *file = pick_file(world, true);
    if (file != NULL) {
        struct store_record_download record;
        store_record_download_init(&record);
        memcpy(record.entry_id, file->id, sizeof record.entry_id);
        record.time = TEST_NOW_S + dice_below(&world->dice, 100000);
        record.client_ip = "192.0.2.1";
        record.user_agent = "agent";
        (void)run(world, &record.job);
    }
}

static void play(struct world *world)
{
    static void (*const games[])(struct world *) = {play_uploads, play_uploads, play_uploads,
                                                    play_edit,    play_edit,    play_remove,
                                                    play_link,    play_upkeep,  play_download};
    for (int i = 0; i < JOBS_PER_LIFE && !power.failed; i++) {
        games[dice_below(&world->dice, ARRAY_LEN(games))](world);
    }
}

/* ---- what is found ---- */

static bool digest_is_right(struct world *world, const struct store_entry *entry,
                            const struct file_model *file)
{
    uint8_t digest[SHA256_BYTES];
    char *bytes = malloc((size_t)entry->size);
    char *want = make_bytes(file->seed, file->len);
    assert_non_null(bytes);
    err_t err = ERR_OK;
    for (size_t pos = 0; pos < (size_t)entry->size && err == ERR_OK;) {
        size_t offset = pos % entry->chunk_bytes;
        size_t n = entry->chunk_bytes - offset;
        n = n < (size_t)entry->size - pos ? n : (size_t)entry->size - pos;
        err = store_read_chunk(world->fix.store, file->id, (int64_t)(pos / entry->chunk_bytes),
                               offset + n, offset, bytes + pos, n);
        pos += n;
    }
    assert_int_equal(sha256_of(slice_of(bytes, (size_t)entry->size), digest), ERR_OK);
    bool right = err == ERR_OK && entry->has_sha256 &&
                 memcmp(digest, entry->sha256, SHA256_BYTES) == 0 &&
                 memcmp(bytes, want, file->len) == 0;
    free(bytes);
    free(want);
    world->checked++;
    return right;
}

/* Compares a file with what may be found of it; what is found is what it is from now on. */
static void check_file(struct world *world, struct file_model *file)
{
    struct store_entry entry;
    err_t err = store_find_entry(world->fix.store, file->id, &entry);
    struct fate found = {.there = err == ERR_OK};
    if (err == ERR_OK) {
        (void)snprintf(found.name, sizeof found.name, "%s", entry.filename);
        if (entry.size != (int64_t)file->len || !digest_is_right(world, &entry, file)) {
            report(world, "a file is damaged", file->id);
        }
        store_entry_done(&entry);
    } else if (err != ERR_NOTFOUND) {
        report(world, "a file cannot be read", file->id);
    }
    bool as_known =
        found.there == file->is.there && (!found.there || strcmp(found.name, file->is.name) == 0);
    bool as_other = file->in_doubt && found.there == file->other.there &&
                    (!found.there || strcmp(found.name, file->other.name) == 0);
    bool collected = file->expired && !found.there;
    if (!as_known && !as_other && !collected) {
        report(world,
               !found.there     ? "an acknowledged file is gone"
               : file->is.there ? "an acknowledged change is gone"
                                : "a file is there that was never acknowledged, or was removed",
               file->id);
    }
    file->is = found;
    file->in_doubt = false;
    if (!found.there) {
        file->id[0] = '\0';
    }
}

static void check_link(struct world *world, size_t which)
{
    struct link_model *model = &world->links[which];
    char id[GUEST_LINK_ID_LEN + 1];
    struct store_guest_link link;
    link_id(which, id);
    bool there = store_find_guest_link(world->fix.store, id, &link) == ERR_OK;
    if (there) {
        store_guest_link_done(&link);
    }
    if (there != model->there && !model->in_doubt) {
        report(world, "a guest link is not as it was acknowledged", id);
    }
    *model = (struct link_model){.there = there};
}

static void check_sql(struct world *world, const char *sql, const char *want)
{
    char text[512];
    sqlite3 *db = sql_open(world->fix.path);
    sqlite3_stmt *stmt = NULL;
    (void)snprintf(text, sizeof text, "an error");
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        (void)snprintf(text, sizeof text, "%s", (const char *)sqlite3_column_text(stmt, 0));
    }
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    if (strcmp(text, want) != 0) {
        report(world, sql, text);
    }
}

static void check_all(struct world *world)
{
    for (size_t i = 0; i < FILES; i++) {
        if (world->files[i].id[0] != '\0') {
            check_file(world, &world->files[i]);
        }
    }
    for (size_t i = 0; i < LINKS; i++) {
        check_link(world, i);
    }
    char want[24];
    int64_t there = 0;
    for (size_t i = 0; i < FILES; i++) {
        there += world->files[i].id[0] != '\0' ? 1 : 0;
    }
    (void)snprintf(want, sizeof want, "%lld", (long long)there);
    check_sql(world, "SELECT count(*) FROM entries", want);
    check_sql(world, "PRAGMA integrity_check", "ok");
    check_sql(world, "SELECT count(*) FROM pragma_foreign_key_check", "0");
}

/* What belongs to no file goes with the first collection. */
static void check_orphans(struct world *world)
{
    struct store_collect collect;
    store_collect_init(&collect);
    if (run(world, &collect.job) == ERR_OK) {
        check_sql(world,
                  "SELECT count(*) FROM entries_data WHERE id NOT IN (SELECT id FROM entries)",
                  "0");
    }
}

/* ---- lives ---- */

/* What the disk holds becomes the disk of the next life. */
static void cut_and_move(struct world *world)
{
    char next[TEST_PATH_BYTES];
    power_cut();
    fixture_close(&world->fix);
    temp_dir_make(next);
    power_leave(next);
    power_begin(next, dice_next(&world->dice));
    temp_dir_remove(world->fix.dir);
    memcpy(world->fix.dir, next, sizeof next);
    (void)snprintf(world->fix.path, sizeof world->fix.path, "%s/store.db", next);
    world->cuts++;
}

/* A life may end while it begins: SQLite is at work on what the one before has left. */
static bool open_store(struct world *world)
{
    int64_t failed_syncs = power.failed_syncs;
    if (dice_percent(&world->dice, 25)) {
        power_arm(dice_below(&world->dice, 30));
    }
    err_t err = store_open(&world->fix.options, &world->fix.store, NULL);
    if (err == ERR_OK && !power.failed) {
        power_arm(-1);
        return true;
    }
    if (!power.failed && power.failed_syncs == failed_syncs) {
        report(world, "the store cannot be opened", err_name(err));
    }
    return false;
}

static void live(struct world *world)
{
    while (!open_store(world) && world->problem[0] == '\0') {
        if (power.failed || dice_percent(&world->dice, 50)) {
            cut_and_move(world);
        }
    }
    if (world->problem[0] != '\0') {
        return;
    }
    int failing = power.failing_syncs_percent;
    power.failing_syncs_percent = 0;
    check_all(world);
    check_orphans(world);
    power.failing_syncs_percent = failing;
    if (world->problem[0] == '\0') {
        power_arm(dice_below(&world->dice, 1500));
        play(world);
        if (dice_percent(&world->dice, 20)) {
            fixture_close(&world->fix);
        }
        cut_and_move(world);
    }
}

static bool play_round(struct world *world, uint64_t seed)
{
    world->dice.state = seed;
    world->problem[0] = '\0';
    world->next_id = 1;
    memset(world->files, 0, sizeof world->files);
    memset(world->links, 0, sizeof world->links);
    temp_dir_make(world->fix.dir);
    (void)snprintf(world->fix.path, sizeof world->fix.path, "%s/store.db", world->fix.dir);
    fake_clock_init(&world->fix.clock);
    world->fix.options = (struct store_options){.path = world->fix.path,
                                                .clock = &world->fix.clock.clock,
                                                .vfs = FAULT_VFS,
                                                .log_bytes = LOG_BYTES};
    power_begin(world->fix.dir, dice_next(&world->dice));
    for (int i = 0; i < LIVES && world->problem[0] == '\0'; i++) {
        live(world);
    }
    power_cut();
    fixture_close(&world->fix);
    temp_dir_remove(world->fix.dir);
    return world->problem[0] == '\0';
}

/* ---- tests ---- */

static int64_t number_from(const char *variable, int64_t otherwise)
{
    const char *text = getenv(variable);
    int64_t number = otherwise;
    assert_true(text == NULL || num_parse_i64(slice_str(text), 0, INT32_MAX, &number) == ERR_OK);
    return number;
}

static void play_rounds(struct world *world)
{
#ifdef __SANITIZE_THREAD__
    enum { ROUNDS = 10 };
#else
    enum { ROUNDS = 40 };
#endif
    int64_t rounds = number_from("PICOSHARE_POWER_ROUNDS", ROUNDS);
    int64_t seed = number_from("PICOSHARE_POWER_SEED", 1);
    for (int64_t i = 0; i < rounds; i++) {
        if (!play_round(world, (uint64_t)(seed + i))) {
            fail_msg("seed %d: %s", (int)(seed + i), world->problem);
        }
    }
    print_message("%d rounds: %d power failures, %d changes acknowledged, %d refused, %d files"
                  " found whole\n",
                  (int)rounds, (int)world->cuts, (int)world->acknowledged, (int)world->refused,
                  (int)world->checked);
    assert_true(world->cuts >= rounds * LIVES && world->acknowledged >= rounds * 10 &&
                world->checked >= rounds * 5);
}

static struct world world;

static int setup(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    power.swallows_syncs = false;
    power.failing_syncs_percent = 0;
    return 0;
}

static void test_power_failures(void **state)
{
    (void)state;
    play_rounds(&world);
}

/* Now and then a flush fails, and what it was to cover is lost for good, though the system shows it
 * until the power fails. */
static void test_power_failures_after_failed_flushes(void **state)
{
    (void)state;
    power.failing_syncs_percent = 4;
    play_rounds(&world);
    assert_true(world.refused > 0);
}

/* That these tests can fail: a disk that lies about its flushes loses something in most rounds. */
static void test_losses_are_found(void **state)
{
    (void)state;
    enum { ROUNDS = 20 };
    power.swallows_syncs = true;
    int lost = 0;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        lost += play_round(&world, seed) ? 0 : 1;
    }
    print_message("%d of %d rounds without flushes lost something\n", lost, ROUNDS);
    assert_true(lost >= ROUNDS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_losses_are_found, setup),
        cmocka_unit_test_setup(test_power_failures, setup),
        cmocka_unit_test_setup(test_power_failures_after_failed_flushes, setup),
    };
    return cmocka_run_group_tests(tests, fault_vfs_setup, NULL);
}
