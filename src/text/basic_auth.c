#include "picoshare/text/basic_auth.h"
#include "picoshare/base/digest.h"
#include "picoshare/text/base64.h"

static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char byte = (unsigned char)s.ptr[i];
        if (byte < ' ' || byte == 0x7f) {
            return true;
        }
    }
    return false;
}

/* The user's name cannot hold a colon, the password can: the first one separates them. */
static err_t split(struct slice credentials, struct basic_auth *ret_auth)
{
    size_t colon = slice_find(credentials, ':');
    if (colon == credentials.len || has_control(credentials)) {
        return ERR_INVALID;
    }
    struct slice user = slice_of(credentials.ptr, colon);
    struct slice password = slice_skip(credentials, colon + 1);
    if (user.len > BASIC_AUTH_MAX_USER || password.len > BASIC_AUTH_MAX_PASSWORD) {
        return ERR_TOOBIG;
    }
    (void)slice_copy(user, ret_auth->user, sizeof ret_auth->user);
    (void)slice_copy(password, ret_auth->password, sizeof ret_auth->password);
    return ERR_OK;
}

err_t basic_auth_parse(struct slice header, struct basic_auth *ret_auth)
{
    struct slice text = slice_trim(header);
    size_t blank = slice_find(text, ' ');
    if (!slice_eq_nocase(slice_of(text.ptr, blank), SLICE("Basic"))) {
        return ERR_NOTFOUND;
    }
    text = slice_trim(slice_skip(text, blank));
    char credentials[BASIC_AUTH_MAX_USER + 1 + BASIC_AUTH_MAX_PASSWORD];
    size_t len = 0;
    err_t err = base64_decode(text, BASE64_STANDARD, credentials, sizeof credentials, &len);
    if (err == ERR_OK) {
        err = split(slice_of(credentials, len), ret_auth);
    }
    digest_wipe(credentials, sizeof credentials);
    return err;
}
