#include "picoshare/web/asset.h"
#include <string.h>

static int compare(struct slice a, struct slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;
    if (order != 0 || a.len == b.len) {
        return order;
    }
    return a.len < b.len ? -1 : 1;
}

const struct asset *asset_find(struct slice path)
{
    size_t low = 0;
    size_t high = assets_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(path, slice_str(assets[middle].path));
        if (order == 0) {
            return &assets[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}
