#include "picoshare/core/download.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/mem.h"

struct download {
    struct store *store;
    struct store_entry entry;
};

/* Gone the second it expires, whatever the collector does. */
static err_t hide_expired(err_t err, int64_t now, struct store_entry *entry)
{
    if (err == ERR_OK && entry->expiration_time <= now) {
        store_entry_done(entry);
        err = ERR_NOTFOUND;
    }
    return err;
}

err_t download_describe(struct store *store, const char *id, int64_t now,
                        struct store_entry *ret_entry)
{
    return hide_expired(store_describe_entry(store, id, ret_entry), now, ret_entry);
}

err_t download_open(struct store *store, const char *id, int64_t now,
                    struct download **ret_download)
{
    struct download *download = mem_alloc(1, sizeof *download);
    if (download == NULL) {
        return ERR_NOMEM;
    }
    download->store = store;
    struct store_entry *entry = &download->entry;
    err_t err = hide_expired(store_find_entry(store, id, entry), now, entry);
    if (err == ERR_OK && entry->recorded_size >= 0 && entry->recorded_size != entry->size) {
        err = ERR_CORRUPT; /* rows are missing at its end, where nothing else would show it */
    }
    if (err != ERR_OK) {
        download_close(download);
        return err;
    }
    *ret_download = download;
    return ERR_OK;
}

void download_close(struct download *download)
{
    if (download != NULL) {
        store_entry_done(&download->entry);
        mem_free(download);
    }
}

const struct store_entry *download_entry(const struct download *download)
{
    return &download->entry;
}

/* Why a row is missing: the file has been deleted, or its data is damaged. */
static err_t explain_missing(struct download *download)
{
    struct store_entry entry;
    err_t err = store_describe_entry(download->store, download->entry.id, &entry);
    if (err == ERR_OK) {
        store_entry_done(&entry);
        err = ERR_CORRUPT;
    }
    return err;
}

err_t download_read(struct download *download, int64_t pos, void *ret_bytes, size_t max,
                    size_t *ret_len)
{
    const struct store_entry *entry = &download->entry;
    check(pos >= 0 && pos < entry->size && max > 0);
    int64_t chunk = pos / (int64_t)entry->chunk_bytes;
    size_t offset = (size_t)(pos % (int64_t)entry->chunk_bytes);
    size_t row_bytes = entry->chunk_bytes;
    int64_t from_row = entry->size - chunk * (int64_t)entry->chunk_bytes;
    if ((int64_t)row_bytes > from_row) {
        row_bytes = (size_t)from_row; /* the last one */
    }
    size_t len = row_bytes - offset;
    if (len > max) {
        len = max;
    }
    if (len > LARGE_BLOCK_BYTES) {
        len = LARGE_BLOCK_BYTES;
    }
    err_t err =
        store_read_chunk(download->store, entry->id, chunk, row_bytes, offset, ret_bytes, len);
    if (err != ERR_OK) {
        return err == ERR_NOTFOUND ? explain_missing(download) : err;
    }
    *ret_len = len;
    return ERR_OK;
}
