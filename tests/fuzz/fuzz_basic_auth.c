/* The input is an Authorization header, a text in Base64, and bytes to encode.
 * Properties: every accepted Base64 is one of the two spellings of its bytes, and both alphabets
 * give bytes back as they were; credentials that are read hold no control character, and what is
 * written as RFC 7617 says is read as it was. */
#include "fuzz.h"
#include "picoshare/base/check.h"
#include "picoshare/text/base64.h"
#include "picoshare/text/basic_auth.h"
#include <stdlib.h>

static void *allocate(size_t size)
{
    void *memory = malloc(size); /* its own allocation, so that an overrun is seen */
    check(memory != NULL);
    return memory;
}

static struct slice without_padding(struct slice text)
{
    while (text.len > 0 && text.ptr[text.len - 1] == '=') {
        text.len--;
    }
    return text;
}

/* The input as Base64: what is accepted is written again in the same way. */
static void check_decoding(struct slice text, enum base64_alphabet alphabet)
{
    char *bytes = allocate(text.len + 1);
    size_t len = 0;
    if (base64_decode(text, alphabet, bytes, text.len, &len) == ERR_OK) {
        char *again = allocate(BASE64_SIZE(len));
        base64_encode(slice_of(bytes, len), alphabet, again);
        check(slice_eq(without_padding(slice_str(again)), without_padding(text)));
        free(again);
        check(len == 0 || base64_decode(text, alphabet, bytes, len - 1, &len) == ERR_TOOBIG);
    }
    free(bytes);
}

/* The input as bytes: written and read again. */
static void check_encoding(struct slice bytes, enum base64_alphabet alphabet)
{
    char *text = allocate(BASE64_SIZE(bytes.len));
    base64_encode(bytes, alphabet, text);
    char *again = allocate(bytes.len + 1);
    size_t len = 0;
    check(base64_decode(slice_str(text), alphabet, again, bytes.len, &len) == ERR_OK);
    check(slice_eq(slice_of(again, len), bytes));
    free(again);
    free(text);
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool reads_as(struct slice header, const char *user, const char *password)
{
    struct basic_auth auth;
    return basic_auth_parse(header, &auth) == ERR_OK && strcmp(auth.user, user) == 0 &&
           strcmp(auth.password, password) == 0;
}

static void check_header(struct slice header)
{
    static struct basic_auth auth;
    if (basic_auth_parse(header, &auth) != ERR_OK) {
        return;
    }
    check(!has_control(auth.user) && !has_control(auth.password));
    check(strchr(auth.user, ':') == NULL);
    char credentials[BASIC_AUTH_MAX_USER + 1 + BASIC_AUTH_MAX_PASSWORD + 1];
    size_t user_len = strlen(auth.user);
    size_t password_len = strlen(auth.password);
    memcpy(credentials, auth.user, user_len);
    credentials[user_len] = ':';
    memcpy(credentials + user_len + 1, auth.password, password_len);
    char text[sizeof "Basic " + BASE64_SIZE(sizeof credentials)] = "Basic ";
    base64_encode(slice_of(credentials, user_len + 1 + password_len), BASE64_STANDARD,
                  text + sizeof "Basic " - 1);
    check(reads_as(slice_str(text), auth.user, auth.password));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    check_header(input);
    for (int alphabet = BASE64_STANDARD; alphabet <= BASE64_URL; alphabet++) {
        check_decoding(input, (enum base64_alphabet)alphabet);
        check_encoding(input, (enum base64_alphabet)alphabet);
    }
    return 0;
}
