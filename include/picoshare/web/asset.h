/* asset.h — the files below static/, packed into the program (http-api.md 11, 13, 14).
 *
 * The table is made at build time by tools/asset_packer.c and sorted by path. Everything in it is
 * constant and lives as long as the program; thread-safe. */
#ifndef PICOSHARE_WEB_ASSET_H
#define PICOSHARE_WEB_ASSET_H

#include "picoshare/base/slice.h"
#include <stddef.h>

struct asset {
    const char *path; /* as in the URL: "/css/style.css" */
    const char *content_type;
    struct slice bytes;
    struct slice gzip; /* the same for Content-Encoding: gzip; empty when not worth it */
    const char *etag;  /* strong, with its quotes */
    const char *gzip_etag;
};

extern const struct asset assets[];
extern const size_t assets_count;

/* The asset with exactly this path, or NULL. */
const struct asset *asset_find(struct slice path);

#endif
