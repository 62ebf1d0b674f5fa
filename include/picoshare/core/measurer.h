/* measurer.h — finds out size and SHA-256 of files that another program stored.
 *
 * First all sizes, which takes two index lookups a file, then the digests, which takes reading
 * everything: in small portions, so that it goes unnoticed beside uploads and downloads.
 * Owned by one thread. */
#ifndef PICOSHARE_CORE_MEASURER_H
#define PICOSHARE_CORE_MEASURER_H

#include "picoshare/store/store.h"

struct measurer;

err_t measurer_new(struct store *store, const struct clock *clock,
                   struct measurer **ret_measurer) MUST_CHECK;
void measurer_free(struct measurer *measurer);

/* Works for about budget_ms. ERR_NOTFOUND: nothing is left to do. ERR_CORRUPT: rows of the file
 * measurer_file() are missing or short; it is skipped until the next start. After other errors the
 * file is skipped too; try again later. */
err_t measurer_work(struct measurer *measurer, int64_t budget_ms) MUST_CHECK;
const char *measurer_file(const struct measurer *measurer);

/* Files whose digest has been found out so far. */
int64_t measurer_digests(const struct measurer *measurer);

#endif
