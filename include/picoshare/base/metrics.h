/* metrics.h — what the program counts for whoever watches it, and how it is printed.
 *
 * The counters are one static table of atomics, from 0 at the start of the process. Counting is one
 * relaxed addition for each figure, without lock or memory, from any thread. Printing reads them
 * one by one, so figures of one moment may differ by what happens meanwhile. Times are given in
 * nanoseconds of a clock that never jumps, and printed in seconds; amounts are bytes.
 * The classes are chosen so that no label holds anything that a client has sent. */
#ifndef PICOSHARE_BASE_METRICS_H
#define PICOSHARE_BASE_METRICS_H

#include "picoshare/base/buf.h"
#include <stdint.h>

/* What a request was for. */
enum metrics_purpose {
    METRICS_OTHER, /* nothing that there is */
    METRICS_PAGE,
    METRICS_ASSET,
    METRICS_API,
    METRICS_UPLOAD,
    METRICS_DOWNLOAD,
    METRICS_WATCH, /* these figures, and whether the server is well */
    METRICS_PURPOSES
};

enum metrics_upload {
    METRICS_STORED,
    METRICS_REFUSED, /* answered with an error */
    METRICS_ABORTED, /* there was nobody to answer, or the server cut it off */
    METRICS_UPLOADS
};

/* A request has ended with this status, 200 to 599. */
void metrics_count_request(enum metrics_purpose purpose, int status, int64_t ns);
/* Bytes of bodies, as they come and go. */
void metrics_count_received(int64_t bytes);
void metrics_count_sent(int64_t bytes);
void metrics_count_upload(enum metrics_upload outcome);
/* The log was copied into the database, or as much of it as could be. */
void metrics_count_checkpoint(int64_t ns);

/* OpenMetrics 1.0, and the older text format 0.0.4 of Prometheus. */
enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };

/* All of the above. */
void metrics_print(struct buf *out, enum metrics_format format);

/* A figure of the moment. unit: the last word of the name, or "" for a number of things. A negative
 * value is not known: nothing is printed. */
void metrics_add_gauge(struct buf *out, enum metrics_format format, const char *name,
                       const char *unit, const char *help, int64_t value);
/* Facts that do not change, as labels: pairs of name and value, ended by a NULL name. */
void metrics_add_info(struct buf *out, enum metrics_format format, const char *name,
                      const char *help, ...) __attribute__((sentinel));
/* The last line. */
void metrics_end(struct buf *out, enum metrics_format format);

#endif
