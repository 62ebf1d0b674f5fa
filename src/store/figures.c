/* figures.c — how much room the database takes, and how much there is. */
#include "internal.h"
#include "picoshare/base/num.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* The database, its log and its index: every file whose path begins with the database's. */
static err_t measure_files(const char *path, int64_t *ret_bytes)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char directory[4096] = ".";
    if (slash != NULL &&
        !slice_copy(slice_of(path, (size_t)(slash - path) + 1), directory, sizeof directory)) {
        return ERR_TOOBIG;
    }
    DIR *dir = opendir(directory);
    if (dir == NULL) {
        return errno == ENOMEM ? ERR_NOMEM : ERR_IO;
    }
    int64_t sum = 0;
    for (struct dirent *item = readdir(dir); item != NULL; item = readdir(dir)) {
        struct stat st;
        if (strncmp(item->d_name, name, strlen(name)) == 0 &&
            fstatat(dirfd(dir), item->d_name, &st, 0) == 0) {
            (void)num_add_i64(sum, (int64_t)st.st_size, &sum);
        }
    }
    (void)closedir(dir);
    *ret_bytes = sum;
    return ERR_OK;
}

static err_t measure_disk(const char *path, struct store_figures *figures)
{
    struct statvfs fs;
    if (statvfs(path, &fs) != 0) {
        return ERR_IO;
    }
    figures->disk_total = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
    figures->disk_used = (int64_t)(fs.f_blocks - fs.f_bfree) * (int64_t)fs.f_frsize;
    return ERR_OK;
}

static err_t read_database(struct store *store, struct store_figures *figures)
{
    struct conn *conn = reader_take(store);
    struct query q =
        query_start(conn, "SELECT (SELECT count(*) FROM entries), (SELECT ifnull(sum(size), 0)"
                          " FROM ext_files), (SELECT count(*) FROM ext_sessions WHERE expires > ?),"
                          " (SELECT page_count FROM pragma_page_count()),"
                          " (SELECT freelist_count FROM pragma_freelist_count()),"
                          " (SELECT count(*) FROM ext_damaged AS d WHERE EXISTS"
                          " (SELECT 1 FROM entries AS e WHERE e.id = d.id))");
    query_bind_int(&q, clock_now_s(store->clock));
    if (query_row(&q)) {
        figures->files = query_column_int(&q, 0);
        figures->upload_bytes = query_column_int(&q, 1);
        figures->sessions = query_column_int(&q, 2);
        figures->pages = query_column_int(&q, 3);
        figures->free_pages = query_column_int(&q, 4);
        figures->damaged = query_column_int(&q, 5);
    }
    err_t err = query_end(&q);
    reader_give(store, conn);
    return err;
}

err_t store_figures(struct store *store, struct store_figures *ret_figures)
{
    struct store_figures figures = {
        .page_bytes = store->page_bytes,
        .can_shrink = !store->can_convert && !store->foreign_checkpoints,
        .can_convert = store->can_convert,
    };
    err_t err = measure_files(store->path, &figures.files_bytes);
    if (err == ERR_OK) {
        err = measure_disk(store->path, &figures);
    }
    if (err == ERR_OK) {
        err = read_database(store, &figures);
    }
    if (err == ERR_OK) {
        *ret_figures = figures;
    }
    return err;
}
