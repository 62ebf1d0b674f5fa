/* log.h — events as lines on stderr, for people (logfmt: time=… level=… msg="…" key="value" …) or
 * for programs (JSON objects with the same names).
 *
 * One line per event, one event per fault, written by main, http/, web/ and the maintenance thread
 * only; everything below returns an error instead. Values are escaped here. Never log a secret or
 * a whole token. Thread-safe: a line is one write(2). */
#ifndef PICOSHARE_BASE_LOG_H
#define PICOSHARE_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_LOGFMT, LOG_JSON };

/* Events above this level are dropped. The start value is LOG_INFO. Set before threads start. */
void log_set_level(enum log_level level);
/* The start value is LOG_LOGFMT. Set before threads start. */
void log_set_format(enum log_format format);

/* The request that the calling thread works on: its events end with its id. Borrowed until the next
 * call; NULL: none. */
void log_set_request(const char *id);

/* Pairs of key and value (C strings; a NULL value prints as ""), ended by a NULL key:
 *     log_event(LOG_INFO, "listening", "address", addr, NULL);
 * A line of more than 4 KiB is cut; JSON stays whole, and loses the end of a value, or pairs. */
void log_event(enum log_level level, const char *msg, ...) __attribute__((sentinel));

#endif
