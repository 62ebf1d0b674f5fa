#include "picoshare/text/html.h"

static const char specials[] = "&<>\"'";
static const char *const references[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

void html_escape(struct buf *out, const char *s)
{
    for (;;) {
        size_t plain = strcspn(s, specials);
        buf_add(out, s, plain);
        s += plain;
        if (*s == '\0') {
            return;
        }
        buf_add_str(out, references[strchr(specials, *s) - specials]);
        s++;
    }
}
