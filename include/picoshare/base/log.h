/* log.h — events as logfmt lines on stderr: time=… level=… msg="…" key=value …
 *
 * One line per event, one event per fault, written by main, http/, web/ and the maintenance thread
 * only; everything below returns an error instead. Values are escaped here. Never log a secret or
 * a whole token. Thread-safe: a line is one write(2). */
#ifndef PICOSHARE_BASE_LOG_H
#define PICOSHARE_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Events above this level are dropped. The start value is LOG_INFO. Set before threads start. */
void log_set_level(enum log_level level);

/* Pairs of key and value (C strings; a NULL value prints as ""), ended by a NULL key:
 *     log_event(LOG_INFO, "listening", "address", addr, NULL); */
void log_event(enum log_level level, const char *msg, ...) __attribute__((sentinel));

#endif
