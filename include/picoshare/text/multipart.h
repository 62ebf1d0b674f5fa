/* multipart.h — an incremental parser for multipart/form-data bodies (RFC 7578 over RFC 2046 §5.1).
 *
 * A pull parser: the caller hands it the body in pieces of any size and asks for events. It copies
 * no content, allocates nothing and does no I/O; how the body is split changes neither the events
 * nor the content (adjacent DATA events taken together) nor the reason and offset of an error.
 * A struct multipart is embedded by its owner, used by one thread at a time, needs no clean-up and
 * must not be copied or moved: it points into itself. Foreign input never makes it abort; misuse of
 * multipart_unread does.
 *
 *     multipart_init      -> { PART DATA* PART_END }* -> multipart_finish gives END or ERROR
 *
 * What is accepted and what is refused, and why: see multipart.c. */
#ifndef PICOSHARE_TEXT_MULTIPART_H
#define PICOSHARE_TEXT_MULTIPART_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MULTIPART_MAX_BOUNDARY = 70, /* RFC 2046 §5.1.1 */
    /* Of one part, all its lines with their ends. Browsers send about 150 bytes beside the file
     * name; a name has 255 bytes, 765 when each is percent-encoded, and may follow a long path. */
    MULTIPART_MAX_HEADER_BYTES = 4096,
    /* An upload form has three fields and some files; what has more is not one of ours. */
    MULTIPART_MAX_PARTS = 64,
    /* Blanks after a boundary. Only mail gateways ever added any, and fewer than a line of 78. */
    MULTIPART_MAX_PADDING = 78,
};

enum multipart_event {
    MULTIPART_MORE,     /* all input is used up */
    MULTIPART_PART,     /* a part begins: its name, filename and type can be read */
    MULTIPART_DATA,     /* some of its content */
    MULTIPART_PART_END, /* its content is complete */
    MULTIPART_END,      /* from multipart_finish only: the body is complete */
    MULTIPART_ERROR,    /* the body breaks a rule; every later call says so again */
};

/* Where in the grammar the next byte stands. */
enum multipart_state {
    MULTIPART_AT_CONTENT,     /* content of a part, or preamble */
    MULTIPART_AT_BOUNDARY,    /* directly after "--boundary" */
    MULTIPART_AT_DASH,        /* after "--boundary-" */
    MULTIPART_AT_PADDING,     /* the rest of a delimiter's line */
    MULTIPART_AT_PADDING_END, /* after its CR */
    MULTIPART_AT_HEADER,      /* a header line */
    MULTIPART_AT_HEADER_END,  /* after its CR */
    MULTIPART_AT_EPILOGUE,
    MULTIPART_AT_ERROR, /* nowhere any more */
};

struct multipart {
    enum multipart_state state;
    const char *reason;    /* of the error, or NULL */
    uint64_t offset;       /* input bytes taken so far */
    uint64_t error_offset; /* of the byte that broke the rule */
    size_t delimiter_len;  /* without the dash */
    size_t matched;        /* bytes of the delimiter that the input has shown */
    size_t match_from;     /* the first of them that was really there */
    size_t held_from;      /* delimiter bytes that turned out to be content, not yet taken */
    size_t held_to;
    size_t last_len; /* length of the DATA event just given, for unread */
    bool last_held;  /* and whether it came from the delimiter */
    bool in_part;    /* content is wanted: not in the preamble */
    bool closed;     /* the closing delimiter was seen */
    int parts;
    int padding;
    size_t header_bytes;  /* of this part, line ends included */
    size_t header_len;    /* bytes kept in header */
    size_t line_start;    /* of the current line, in header */
    uint64_t line_offset; /* of the current line, in the body */
    const char *name;     /* the current part; all point into header or at a constant */
    const char *filename;
    const char *content_type;
    bool has_encoding;
    char delimiter[4 + MULTIPART_MAX_BOUNDARY + 1]; /* CRLF "--" boundary, and a dash */
    char header[MULTIPART_MAX_HEADER_BYTES + 1];
};

/* The boundary of a Content-Type value. ERR_INVALID, and *ret_reason says why: it is another type,
 * or its boundary is missing, given twice, too long or has characters that no client sends. */
err_t multipart_boundary(struct slice content_type, char ret_boundary[MULTIPART_MAX_BOUNDARY + 1],
                         const char **ret_reason) MUST_CHECK;

/* ERR_INVALID: not a boundary. */
err_t multipart_init(struct multipart *mp, const char *boundary) MUST_CHECK;

/* Takes input from *in and gives the next event. DATA: *ret_data is a run of content, never empty,
 * borrowed from the input or from the parser (bytes that looked like a delimiter) until the next
 * call. Bytes after the closing delimiter are swallowed. */
enum multipart_event multipart_next(struct multipart *mp, struct slice *in, struct slice *ret_data);

/* Directly after a DATA event: hands back its last n bytes, and the next DATA event starts with
 * them, so that a caller whose buffer is full can stop in the middle. Bytes that came from *in are
 * in *in again and must be presented again, there or elsewhere; the parser keeps its own. */
void multipart_unread(struct multipart *mp, struct slice *in, size_t n);

/* The body has ended. END when the closing delimiter was seen, else ERROR. */
enum multipart_event multipart_finish(struct multipart *mp);

/* The current part, from PART to PART_END. The name is "" also when the part is no field of a form:
 * then there is no filename either. */
const char *multipart_name(const struct multipart *mp);
/* Without the directories before it; NULL when none was given, which "" is not. */
const char *multipart_filename(const struct multipart *mp);
/* As it was sent; "" when none was. */
const char *multipart_content_type(const struct multipart *mp);

/* After ERROR: a static text ("multipart: ..."), and the offset in the body of the byte that broke
 * the rule. A rule about a whole header line is broken by the line's first byte, a body that ends
 * too early by the byte after it. */
const char *multipart_reason(const struct multipart *mp);
uint64_t multipart_offset(const struct multipart *mp);

#endif
