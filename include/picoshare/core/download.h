/* download.h — reading a stored file by position.
 * A download belongs to one thread at a time and holds nothing of the store open between reads.
 * Errors as of the store; ERR_NOTFOUND also for a file that has expired. */
#ifndef PICOSHARE_CORE_DOWNLOAD_H
#define PICOSHARE_CORE_DOWNLOAD_H

#include "picoshare/store/store.h"

struct download;

/* What is known of a file, damaged or not (store_describe_entry); free with store_entry_done().
 * now: seconds since 1970. */
err_t download_describe(struct store *store, const char *id, int64_t now,
                        struct store_entry *ret_entry) MUST_CHECK;

/* ERR_CORRUPT: its rows do not fit together, or are not as many bytes as were recorded. */
err_t download_open(struct store *store, const char *id, int64_t now,
                    struct download **ret_download) MUST_CHECK;
void download_close(struct download *download);

/* Borrowed for the download's life. */
const struct store_entry *download_entry(const struct download *download);

/* At most `max` bytes from position pos (0 <= pos < size): at least one, and never across the end
 * of a chunk. ERR_NOTFOUND: the file has been deleted meanwhile. ERR_CORRUPT: the row is missing,
 * or longer or shorter than it was. */
err_t download_read(struct download *download, int64_t pos, void *ret_bytes, size_t max,
                    size_t *ret_len) MUST_CHECK;

#endif
