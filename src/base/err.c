#include "picoshare/base/err.h"
#include <stdarg.h>
#include <stdio.h>

const char *err_name(err_t err)
{
    switch (err) {
    case ERR_OK:
        return "ok";
    case ERR_NOMEM:
        return "out of memory";
    case ERR_NOTFOUND:
        return "not found";
    case ERR_EXISTS:
        return "exists already";
    case ERR_INVALID:
        return "invalid";
    case ERR_TOOBIG:
        return "too big";
    case ERR_BUSY:
        return "busy";
    case ERR_FULL:
        return "disk full";
    case ERR_IO:
        return "input/output error";
    case ERR_CORRUPT:
        return "stored data is damaged";
    case ERR_AUTH:
        return "not allowed";
    case ERR_CLOSED:
        return "closed";
    case ERR_INTERNAL:
        return "internal error";
    }
    return "unknown";
}

err_t err_set(struct err_info *info, err_t err, const char *fmt, ...)
{
    if (info != NULL) {
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(info->text, sizeof info->text, fmt, args);
        va_end(args);
    }
    return err;
}
