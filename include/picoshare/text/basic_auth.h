/* basic_auth.h — user and password of an Authorization header.
 *
 * Pure and thread-safe; nothing is allocated. The struct holds a secret: whoever owns it wipes it
 * (digest_wipe) after use; intermediate copies are wiped here.
 * Source: RFC 7617 §2. The scheme's name is compared without case; the bytes of the password are
 * taken as they are (curl and browsers send UTF-8). */
#ifndef PICOSHARE_TEXT_BASIC_AUTH_H
#define PICOSHARE_TEXT_BASIC_AUTH_H

#include "picoshare/base/err.h"
#include "picoshare/base/slice.h"

enum {
    BASIC_AUTH_MAX_USER = 255,     /* the user's name is ignored, so any usual one will do */
    BASIC_AUTH_MAX_PASSWORD = 1024 /* longer than any passphrase that is typed or generated */
};

struct basic_auth {
    char user[BASIC_AUTH_MAX_USER + 1];
    char password[BASIC_AUTH_MAX_PASSWORD + 1];
};

/* ERR_NOTFOUND: another scheme, or an empty header. ERR_INVALID: Basic, but broken, without a
 * colon, or holding a control character. ERR_TOOBIG: a part is longer than its limit. */
err_t basic_auth_parse(struct slice header, struct basic_auth *ret_auth) MUST_CHECK;

#endif
