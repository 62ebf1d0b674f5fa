/* mime.h — media types of files.
 *
 * Constant tables, thread-safe; the strings that come back are constants (or the one given).
 * Source: the built-in table of the platform PicoShare was written on, as its contract lists it;
 * every text type says charset=utf-8. */
#ifndef PICOSHARE_TEXT_MIME_H
#define PICOSHARE_TEXT_MIME_H

/* What the extension says (from the last '.', without case); NULL when it is unknown. */
const char *mime_for_filename(const char *name);

/* The Content-Type of a download: the stored type, unless it is empty, says nothing
 * ("application/octet-stream") or cannot stand in a header; then what the name's extension says;
 * then "application/octet-stream". Returns `stored` itself in the first case. */
const char *mime_for_download(const char *stored, const char *name);

#endif
