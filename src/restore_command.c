/* restore_command.c — copies a backup beside the database, checks the copy, and only then changes
 * places.
 *
 * A database is the file and the log beside it. A log that is found beside another database is
 * applied to it, which ruins it; a database without its log has lost changes. So the old ones get
 * second names first, together; then the old names go, the database's first, so that no start finds
 * it without its log; and the new database gets its name last, when nothing is left beside it.
 * Between any two steps the power may fail: the old database is whole under one of its names, and
 * the new one appears whole or not at all. */
#include "restore_command.h"
#include "check_command.h"
#include "file.h"
#include "flags.h"
#include "options.h"
#include "picoshare/base/check.h"
#include "picoshare/base/clock.h"
#include "picoshare/base/limits.h"
#include "picoshare/store/store.h"
#include "picoshare/text/timestamp.h"
#include "progress.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct restoring {
    struct options options; /* db is looked at */
    const char *backup;
    bool force;
    bool exists;         /* there is a database in its place */
    char kept[PATH_MAX]; /* where the old one goes */
    int claim_fd;        /* keeps servers from it; -1: none */
    struct file file;
    struct progress progress;
    struct err_info info;
};

#define FIELD(name) offsetof(struct restoring, name)

static const struct flag known[] = {
    {"db", "PS_DB", FLAG_TEXT, FIELD(options.db),
     "PATH  the database to be (default " OPTIONS_DB ")"},
    {"force", NULL, FLAG_SWITCH, FIELD(force),
     "put it in the place of a database that exists, which is kept beside it"},
};

static void print_help(FILE *out)
{
    (void)fputs(
        "Usage: picoshare restore [options] BACKUP\n"
        "Makes a backup the database of a server that does not run. The backup is copied and\n"
        "the copy is checked as by picoshare check, before anything is changed.\n\n",
        out);
    flags_print(known, ARRAY_LEN(known), out);
    (void)fputs(
        "\nExit codes: 0 it is done, 1 the backup has damage, 2 it could not be done. After 1\n"
        "and 2 the database is as it was, or a line says where it is.\n",
        out);
}

/* What SQLite may keep beside a database. */
static const char *const beside[] = {"-wal", "-journal", "-shm"};

static bool name_beside(const char *path, const char *suffix, char ret_name[PATH_MAX])
{
    int len = snprintf(ret_name, PATH_MAX, "%s%s", path, suffix);
    return len > 0 && len < PATH_MAX;
}

/* ---- before anything is changed ---- */

static err_t check_backup(struct restoring *r)
{
    char name[PATH_MAX];
    for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
        struct stat st;
        if (name_beside(r->backup, beside[i], name) && stat(name, &st) == 0 && st.st_size > 0) {
            return err_set(&r->info, ERR_INVALID,
                           "%s lies beside the backup: it is no backup, but a database in use, or"
                           " one that was not closed",
                           name);
        }
    }
    return ERR_OK;
}

static err_t name_kept(struct restoring *r)
{
    char suffix[TIMESTAMP_SIZE + 16] = ".replaced-";
    timestamp_print(clock_now_s(&clock_system), suffix + strlen(suffix));
    return name_beside(r->options.db_file, suffix, r->kept)
               ? ERR_OK
               : err_set(&r->info, ERR_INVALID, "the path of the database is too long");
}

/* The database's place: nobody uses what is there, and it may be replaced. */
static err_t check_place(struct restoring *r)
{
    const char *path = r->options.db_file;
    r->exists = file_exists(path);
    if (!r->exists) {
        return ERR_OK;
    }
    err_t err = store_claim(path, &r->claim_fd, &r->info);
    if (err == ERR_OK && !r->force) {
        err = err_set(&r->info, ERR_EXISTS, "%s exists; -force keeps it beside the new one", path);
    }
    return err == ERR_OK ? name_kept(r) : err;
}

/* ---- the copy ---- */

/* A server that is another user's must be able to open it. */
static void set_owner(const struct restoring *r)
{
    struct stat st;
    if (geteuid() == 0 && stat(r->exists ? r->options.db_file : r->options.directory, &st) == 0 &&
        fchown(r->file.fd, st.st_uid, st.st_gid) == 0 && r->exists) {
        (void)fchmod(r->file.fd, st.st_mode & 0777);
    }
}

static err_t copy_bytes(struct restoring *r, int from)
{
    static char bytes[MIB];
    struct stat st;
    int64_t done = 0;
    for (;;) {
        ssize_t n = read(from, bytes, sizeof bytes);
        if (n == 0) {
            return ERR_OK;
        }
        if (n < 0 && errno != EINTR) {
            return err_set(&r->info, ERR_IO, "cannot read %s: %s", r->backup, strerror(errno));
        }
        err_t err = n < 0 ? ERR_OK : file_write(&r->file, slice_of(bytes, (size_t)n), &r->info);
        if (err != ERR_OK) {
            return err;
        }
        done += n > 0 ? n : 0;
        progress_show_bytes(&r->progress, "copying", done,
                            fstat(from, &st) == 0 ? (int64_t)st.st_size : 0);
    }
}

static err_t copy_backup(struct restoring *r)
{
    int from = open(r->backup, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        return err_set(&r->info, ERR_IO, "cannot read %s: %s", r->backup, strerror(errno));
    }
    err_t err = file_create(&r->file, r->options.db_file, &r->info);
    if (err == ERR_OK) {
        set_owner(r);
        err = copy_bytes(r, from);
    }
    (void)close(from);
    return err == ERR_OK ? file_flush(&r->file, &r->info) : err;
}

/* ---- changing places ---- */

static err_t give_second_name(struct restoring *r, const char *suffix)
{
    char name[PATH_MAX];
    char kept[PATH_MAX];
    if (!name_beside(r->options.db_file, suffix, name) || !name_beside(r->kept, suffix, kept) ||
        (link(name, kept) != 0 && errno != ENOENT)) {
        return err_set(&r->info, ERR_IO, "cannot keep %s as %s: %s", name, kept, strerror(errno));
    }
    return ERR_OK;
}

static err_t keep_old(struct restoring *r)
{
    err_t err = give_second_name(r, "");
    if (err == ERR_OK) {
        err = give_second_name(r, "-wal");
    }
    if (err == ERR_OK) {
        err = give_second_name(r, "-journal");
    }
    return err == ERR_OK ? file_flush_directory(r->kept, &r->info) : err;
}

static err_t remove_old(struct restoring *r)
{
    char name[PATH_MAX];
    const char *path = r->options.db_file;
    bool removed = unlink(path) == 0 || errno == ENOENT;
    for (size_t i = 0; i < ARRAY_LEN(beside) && removed; i++) {
        removed = name_beside(path, beside[i], name) && (unlink(name) == 0 || errno == ENOENT);
    }
    return removed ? file_flush_directory(path, &r->info)
                   : err_set(&r->info, ERR_IO, "cannot remove what lies at %s: %s", path,
                             strerror(errno));
}

static err_t change_places(struct restoring *r)
{
    /* Where nothing was, nothing could be claimed: a server may have begun there meanwhile. */
    if (!r->exists && file_exists(r->options.db_file)) {
        return err_set(&r->info, ERR_EXISTS, "%s has appeared meanwhile", r->options.db_file);
    }
    err_t err = r->exists ? keep_old(r) : ERR_OK;
    if (err != ERR_OK) {
        return err;
    }
    err = remove_old(r);
    if (err == ERR_OK) {
        err = file_rename(&r->file, r->options.db_file, false, &r->info);
    }
    if (r->exists) {
        (void)fprintf(stderr, "the database that was there is kept as %s\n", r->kept);
    }
    return err;
}

static err_t prepare(struct restoring *r)
{
    err_t err = check_backup(r);
    if (err == ERR_OK) {
        err = options_make_directory(&r->options, &r->info);
    }
    if (err == ERR_OK) {
        err = check_place(r);
    }
    if (err == ERR_OK) {
        err = copy_backup(r);
    }
    progress_clear(&r->progress);
    return err;
}

static int restore(struct restoring *r)
{
    err_t err = prepare(r);
    if (err == ERR_OK) {
        int code = check_file(r->file.partial, r->backup, false, stdout);
        if (code != CHECK_CLEAN) {
            return code == CHECK_DAMAGED ? RESTORE_DAMAGED : RESTORE_FAILED;
        }
        err = change_places(r);
    }
    if (err != ERR_OK) {
        (void)fprintf(stderr, "picoshare: %s\n", r->info.text);
        return RESTORE_FAILED;
    }
    return RESTORE_DONE;
}

int restore_command(int argc, char **argv)
{
    static struct restoring restoring = {.claim_fd = -1, .file = {.fd = -1}};
    struct restoring *r = &restoring;
    const struct flags flags = {.known = known, .count = ARRAY_LEN(known), .help = print_help};
    r->options.db = OPTIONS_DB;
    progress_init(&r->progress, false);
    switch (flags_parse(&flags, argc, argv, r, &r->backup, 1)) {
    case FLAGS_SHOWN:
        return RESTORE_DONE;
    case FLAGS_MISUSED:
        return RESTORE_FAILED;
    case FLAGS_RUN:
        break;
    }
    if (r->backup == NULL) {
        print_help(stderr);
        return RESTORE_FAILED;
    }
    int code = restore(r);
    file_drop(&r->file);
    if (r->claim_fd >= 0) {
        (void)close(r->claim_fd);
    }
    return code;
}
