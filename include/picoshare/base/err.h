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

#define MUST_CHECK __attribute__((warn_unused_result))

/* A short lower-case English name of the code, for logs ("not found"). Never NULL. */
const char *err_name(err_t err);

#endif
