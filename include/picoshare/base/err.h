/* err.h — the one error idiom of this program.
 *
 * Every function that can fail returns err_t; ERR_OK is 0. Outputs come last, are called ret_...,
 * and are written only on ERR_OK. Functions below http/ and web/ neither log nor know HTTP: they
 * return a code, and the border (web/) turns it into a status and a text.
 * Thread-safe: constants only. */
#ifndef PICOSHARE_BASE_ERR_H
#define PICOSHARE_BASE_ERR_H

enum err {
    ERR_OK = 0,
    ERR_NOMEM,    /* an allocation failed */
    ERR_NOTFOUND, /* no such row, file or name */
    ERR_EXISTS,   /* it is there already */
    ERR_INVALID,  /* foreign input breaks a rule */
    ERR_TOOBIG,   /* a stated limit would be exceeded */
    ERR_BUSY,     /* a resource is taken; trying again later may succeed */
    ERR_FULL,     /* no space left where the database is */
    ERR_IO,       /* the operating system refused to read or write */
    ERR_CORRUPT,  /* stored data contradicts itself */
    ERR_AUTH,     /* who asks is not who may */
    ERR_CLOSED,   /* the other side, or the program, is going away */
    ERR_INTERNAL, /* a rule of this program was broken */
};
typedef enum err err_t;

/* What a border (database, socket, options) has to say about an error, for one log line. */
struct err_info {
    char text[256]; /* "" when there is nothing to add */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* A short lower-case English name of the code, for logs ("not found"). Never NULL. */
const char *err_name(err_t err);

/* Writes the text (cut when too long) unless info is NULL; returns err, for `return err_set(…)`. */
err_t err_set(struct err_info *info, err_t err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
