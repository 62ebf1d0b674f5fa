#include "picoshare/text/mime.h"
#include "picoshare/base/check.h"
#include "picoshare/base/slice.h"
#include "picoshare/text/header_value.h"

static const char unknown_type[] = "application/octet-stream";

#define OOXML "application/vnd.openxmlformats-officedocument."
#define UTF8 "; charset=utf-8"

static const struct {
    const char *extension;
    const char *type;
} table[] = {
    {".ai", "application/postscript"},
    {".apk", "application/vnd.android.package-archive"},
    {".apng", "image/apng"},
    {".avif", "image/avif"},
    {".bin", unknown_type},
    {".bmp", "image/bmp"},
    {".com", unknown_type},
    {".css", "text/css" UTF8},
    {".csv", "text/csv" UTF8},
    {".doc", "application/msword"},
    {".docx", OOXML "wordprocessingml.document"},
    {".ehtml", "text/html" UTF8},
    {".eml", "message/rfc822"},
    {".eps", "application/postscript"},
    {".exe", unknown_type},
    {".flac", "audio/flac"},
    {".gif", "image/gif"},
    {".gz", "application/gzip"},
    {".htm", "text/html" UTF8},
    {".html", "text/html" UTF8},
    {".ico", "image/vnd.microsoft.icon"},
    {".ics", "text/calendar" UTF8},
    {".jfif", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".jpg", "image/jpeg"},
    {".js", "text/javascript" UTF8},
    {".json", "application/json"},
    {".m4a", "audio/mp4"},
    {".mjs", "text/javascript" UTF8},
    {".mp3", "audio/mpeg"},
    {".mp4", "video/mp4"},
    {".oga", "audio/ogg"},
    {".ogg", "audio/ogg"},
    {".ogv", "video/ogg"},
    {".opus", "audio/ogg"},
    {".pdf", "application/pdf"},
    {".pjp", "image/jpeg"},
    {".pjpeg", "image/jpeg"},
    {".png", "image/png"},
    {".ppt", "application/vnd.ms-powerpoint"},
    {".pptx", OOXML "presentationml.presentation"},
    {".ps", "application/postscript"},
    {".rdf", "application/rdf+xml"},
    {".rtf", "application/rtf"},
    {".shtml", "text/html" UTF8},
    {".svg", "image/svg+xml"},
    {".text", "text/plain" UTF8},
    {".tif", "image/tiff"},
    {".tiff", "image/tiff"},
    {".txt", "text/plain" UTF8},
    {".vtt", "text/vtt" UTF8},
    {".wasm", "application/wasm"},
    {".wav", "audio/wav"},
    {".webm", "video/webm"},
    {".webp", "image/webp"},
    {".xbl", "text/xml" UTF8},
    {".xbm", "image/x-xbitmap"},
    {".xht", "application/xhtml+xml"},
    {".xhtml", "application/xhtml+xml"},
    {".xls", "application/vnd.ms-excel"},
    {".xlsx", OOXML "spreadsheetml.sheet"},
    {".xml", "text/xml" UTF8},
    {".xsl", "text/xml" UTF8},
    {".zip", "application/zip"},
};

const char *mime_for_filename(const char *name)
{
    struct slice extension = slice_str(strrchr(name, '.'));
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (slice_eq_nocase(extension, slice_str(table[i].extension))) {
            return table[i].type;
        }
    }
    return NULL;
}

const char *mime_for_download(const char *stored, const char *name)
{
    if (stored[0] != '\0' && strcmp(stored, unknown_type) != 0 &&
        header_value_is_valid(slice_str(stored))) {
        return stored;
    }
    const char *type = mime_for_filename(name);
    return type != NULL ? type : unknown_type;
}
