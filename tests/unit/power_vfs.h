/* power_vfs.h — a machine whose power fails: what SQLite has written since a file's last flush may
 * be on the disk, or in part, or not at all, and the same goes for the names in the directory.
 *
 * It watches the files of one directory through fault_vfs.h. The files themselves are written as
 * always, for the living; beside them stands what the disk is sure to hold, and what has been done
 * since. power_arm() lets the power fail at the n-th change: from then on every change is refused,
 * and power_leave() writes into another directory what a disk could hold at that moment.
 *
 * The model: a flush covers the file it is asked for; the first flush of a new log or journal, and
 * a removal that asks for it, cover the directory too, as in SQLite's os_unix.c. Unflushed writes
 * reach the disk in any choice, each whole or some of its sectors. Names change in order. A flush
 * that fails loses a part of what it was to cover for good: the system holds it for written and
 * never tries again. */
#ifndef TESTS_UNIT_POWER_VFS_H
#define TESTS_UNIT_POWER_VFS_H

#include "fault_vfs.h"
#include <pthread.h>
#include <sys/stat.h>

/* ---- chance ---- */

struct dice {
    uint64_t state;
};

static inline uint64_t dice_next(struct dice *dice)
{
    uint64_t z = (dice->state += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline int64_t dice_below(struct dice *dice, int64_t limit)
{
    return (int64_t)(dice_next(dice) % (uint64_t)limit);
}

static inline bool dice_percent(struct dice *dice, int percent)
{
    return dice_below(dice, 100) < percent;
}

/* ---- the disk ---- */

enum { POWER_NAMES = 8, POWER_CHANGES = 64 };

/* A write, or with bytes NULL a truncation to pos, that no flush has covered yet. */
struct power_change {
    struct power_change *next;
    int64_t pos;
    int64_t len;
    char *bytes;
};

/* A file, whatever names it has or had. */
struct power_file {
    struct power_file *next; /* of all */
    struct power_name *name;
    bool syncs_directory; /* with its next flush */
    char *sure;
    int64_t sure_len;
    struct power_change *first, *last;
};

struct power_name {
    char name[64]; /* without the directory; "": none */
    struct power_file *now;
    struct power_file *past[POWER_CHANGES]; /* since the directory was flushed, oldest first */
    size_t past_count;                      /* past[0] is what the disk is sure to hold */
};

static struct power {
    pthread_mutex_t lock; /* guards what is not atomic */
    struct dice dice;
    struct power_name names[POWER_NAMES];
    struct power_file *files;
    int64_t changes_left;        /* before the power fails; negative: it does not */
    int64_t changes;             /* so far */
    int64_t sector;              /* bytes that are written whole or not at all */
    int keep_percent;            /* of unflushed changes that reach the disk */
    _Atomic bool swallows_syncs; /* says of every flush that it was done, and does nothing */
    _Atomic int failing_syncs_percent;
    _Atomic int64_t failed_syncs;
    _Atomic bool failed; /* the power */
} power = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void power_hold(char **bytes, int64_t *len, int64_t want)
{
    if (want > *len) {
        *bytes = realloc(*bytes, (size_t)want);
        assert_non_null(*bytes);
        memset(*bytes + *len, 0, (size_t)(want - *len));
        *len = want;
    }
}

/* Does a part of a change to these bytes. */
static inline void power_apply(const struct power_change *change, int64_t from, int64_t to,
                               char **bytes, int64_t *len)
{
    if (change->bytes == NULL) {
        *len = change->pos < *len ? change->pos : *len;
        return;
    }
    power_hold(bytes, len, change->pos + to);
    memcpy(*bytes + change->pos + from, change->bytes + from, (size_t)(to - from));
}

/* Does what of a change a disk may have done: nothing, all, or some sectors. */
static inline void power_apply_some(const struct power_change *change, char **bytes, int64_t *len)
{
    bool torn = change->bytes != NULL && dice_percent(&power.dice, 25);
    if (!torn && dice_percent(&power.dice, power.keep_percent)) {
        power_apply(change, 0, change->len, bytes, len);
    }
    for (int64_t from = 0; torn && from < change->len;) {
        int64_t to = (change->pos + from) / power.sector * power.sector + power.sector;
        to = to - change->pos < change->len ? to - change->pos : change->len;
        if (dice_percent(&power.dice, 50)) {
            power_apply(change, from, to, bytes, len);
        }
        from = to;
    }
}

static inline void power_forget_changes(struct power_file *file)
{
    while (file->first != NULL) {
        struct power_change *change = file->first;
        file->first = change->next;
        free(change->bytes);
        free(change);
    }
    file->last = NULL;
}

static inline void power_sync_directory(void)
{
    for (size_t i = 0; i < POWER_NAMES; i++) {
        power.names[i].past[0] = power.names[i].now;
        power.names[i].past_count = 1;
    }
}

static inline void power_rename(struct power_name *name, struct power_file *file)
{
    assert_true(name->past_count < POWER_CHANGES);
    name->past[name->past_count++] = file;
    name->now = file;
}

static inline struct power_name *power_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *text = slash != NULL ? slash + 1 : path;
    struct power_name *found = NULL;
    for (size_t i = 0; i < POWER_NAMES && found == NULL; i++) {
        if (power.names[i].name[0] == '\0') {
            (void)snprintf(power.names[i].name, sizeof power.names[i].name, "%.63s", text);
            power.names[i].past_count = 1;
        }
        found = strcmp(power.names[i].name, text) == 0 ? &power.names[i] : NULL;
    }
    assert_non_null(found);
    return found;
}

static inline struct power_file *power_new_file(struct power_name *name)
{
    struct power_file *file = calloc(1, sizeof *file);
    assert_non_null(file);
    file->name = name;
    file->next = power.files;
    power.files = file;
    return file;
}

/* One more change: SQLITE_OK, or what is to be answered when there is no power. */
static inline int power_count(void)
{
    if (power.failed) {
        return SQLITE_IOERR;
    }
    power.changes++;
    if (power.changes_left >= 0 && power.changes_left-- == 0) {
        power.failed = true;
        return SQLITE_IOERR;
    }
    return SQLITE_OK;
}

/* ---- what the watch sees ---- */

static inline void *power_opened(const char *path, int flags)
{
    enum { KEPT = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL };
    if ((flags & KEPT) == 0) {
        return NULL;
    }
    (void)pthread_mutex_lock(&power.lock);
    struct power_name *name = power_name_of(path);
    if (name->now == NULL) {
        power_rename(name, power_new_file(name));
    }
    struct power_file *file = name->now;
    file->syncs_directory =
        file->syncs_directory || (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    (void)pthread_mutex_unlock(&power.lock);
    return file;
}

static inline void power_note(struct power_file *file, const void *bytes, int64_t len, int64_t pos)
{
    struct power_change *change = calloc(1, sizeof *change);
    assert_non_null(change);
    change->pos = pos;
    change->len = len;
    if (bytes != NULL) {
        change->bytes = malloc((size_t)len);
        assert_non_null(change->bytes);
        memcpy(change->bytes, bytes, (size_t)len);
    }
    if (file->last != NULL) {
        file->last->next = change;
    } else {
        file->first = change;
    }
    file->last = change;
}

static inline int power_write(void *watched, const void *bytes, int len, int64_t pos)
{
    (void)pthread_mutex_lock(&power.lock);
    bool had_power = !power.failed;
    int rc = power_count();
    if (had_power) {
        power_note(watched, bytes, len, pos); /* the last one may arrive too */
    }
    (void)pthread_mutex_unlock(&power.lock);
    return rc;
}

static inline int power_truncate(void *watched, int64_t size)
{
    (void)pthread_mutex_lock(&power.lock);
    bool had_power = !power.failed;
    int rc = power_count();
    if (had_power) {
        power_note(watched, NULL, 0, size);
    }
    (void)pthread_mutex_unlock(&power.lock);
    return rc;
}

static inline int power_sync(void *watched)
{
    struct power_file *file = watched;
    (void)pthread_mutex_lock(&power.lock);
    int rc = power_count();
    if (rc == SQLITE_OK && !power.swallows_syncs) {
        bool fails = dice_percent(&power.dice, power.failing_syncs_percent);
        for (struct power_change *change = file->first; change != NULL; change = change->next) {
            if (!fails || dice_percent(&power.dice, 50)) {
                power_apply(change, 0, change->len, &file->sure, &file->sure_len);
            }
        }
        power_forget_changes(file);
        if (fails) {
            power.failed_syncs++;
            rc = SQLITE_IOERR_FSYNC;
        } else if (file->syncs_directory) {
            power_sync_directory();
            file->syncs_directory = false;
        }
    }
    (void)pthread_mutex_unlock(&power.lock);
    return rc;
}

static inline int power_remove(const char *path, bool sync_directory)
{
    (void)pthread_mutex_lock(&power.lock);
    bool had_power = !power.failed;
    int rc = power_count();
    if (had_power) {
        power_rename(power_name_of(path), NULL);
        if (rc == SQLITE_OK && sync_directory && !power.swallows_syncs) {
            power_sync_directory();
        }
    }
    (void)pthread_mutex_unlock(&power.lock);
    return rc;
}

/* ---- the test's side ---- */

/* A disk with nothing unflushed, that holds the files of this directory. */
static inline void power_begin(const char *dir, uint64_t seed)
{
    static const struct fault_watch watch = {.opened = power_opened,
                                             .write = power_write,
                                             .truncate = power_truncate,
                                             .sync = power_sync,
                                             .remove = power_remove};
    while (power.files != NULL) {
        struct power_file *file = power.files;
        power.files = file->next;
        power_forget_changes(file);
        free(file->sure);
        free(file);
    }
    memset(power.names, 0, sizeof power.names);
    power.dice.state = seed;
    power.changes_left = -1;
    power.changes = 0;
    power.sector = dice_percent(&power.dice, 50) ? 512 : 4096;
    static const int keep_percents[] = {0, 50, 90, 100};
    power.keep_percent = keep_percents[dice_below(&power.dice, 4)];
    power.failed_syncs = 0;
    power.failed = false;
    fault.watch = &watch;
    DIR *list = opendir(dir);
    assert_non_null(list);
    for (struct dirent *item = readdir(list); item != NULL; item = readdir(list)) {
        if (item->d_name[0] != '.') {
            char path[2 * TEST_PATH_BYTES];
            size_t len = 0;
            (void)snprintf(path, sizeof path, "%s/%s", dir, item->d_name);
            struct power_name *name = power_name_of(path);
            name->now = power_new_file(name);
            name->past[0] = name->now;
            name->now->sure = read_file(path, &len);
            name->now->sure_len = (int64_t)len;
        }
    }
    assert_int_equal(closedir(list), 0);
}

/* The power fails at this change, counted from now; negative: not yet. */
static inline void power_arm(int64_t changes)
{
    (void)pthread_mutex_lock(&power.lock);
    power.changes_left = changes;
    (void)pthread_mutex_unlock(&power.lock);
}

/* Cuts the power now, if it has not failed already. */
static inline void power_cut(void)
{
    power.failed = true;
}

/* Writes into an empty directory what the disk holds after the power has failed. */
static inline void power_leave(const char *dir)
{
    assert_true(power.failed);
    for (size_t i = 0; i < POWER_NAMES; i++) {
        struct power_name *name = &power.names[i];
        if (name->name[0] == '\0') {
            continue;
        }
        struct power_file *file = name->past[dice_below(&power.dice, (int64_t)name->past_count)];
        if (file == NULL) {
            continue;
        }
        int64_t len = file->sure_len;
        char *bytes = malloc((size_t)len + 1);
        assert_non_null(bytes);
        if (len > 0) {
            memcpy(bytes, file->sure, (size_t)len);
        }
        for (struct power_change *change = file->first; change != NULL; change = change->next) {
            power_apply_some(change, &bytes, &len);
        }
        char path[2 * TEST_PATH_BYTES];
        (void)snprintf(path, sizeof path, "%s/%s", dir, name->name);
        FILE *out = fopen(path, "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(bytes, 1, (size_t)len, out), len);
        assert_int_equal(fclose(out), 0);
        free(bytes);
    }
}

#endif
