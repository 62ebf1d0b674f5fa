#include "picoshare/base/check.h"
#include "picoshare/text/base64.h"
#include "picoshare/text/basic_auth.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *user;
        const char *password;
    } cases[] = {
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"},
        {"basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"},
        {"BASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ== ", "Aladdin", "open sesame"},
        {" Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", "Aladdin", "open sesame"},
        {"Basic OnNlY3JldA==", "", "secret"},
        {"Basic dXNlcjo=", "user", ""},
        {"Basic Og==", "", ""},
        {"Basic dTpwOnE=", "u", "p:q"},
        {"Basic dGVzdDoxMjPCow==", "test", "123\xC2\xA3"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct basic_auth auth;
        if (basic_auth_parse(slice_str(cases[i].header), &auth) != ERR_OK) {
            fail_msg("\"%s\" was refused", cases[i].header);
        }
        assert_string_equal(auth.user, cases[i].user);
        assert_string_equal(auth.password, cases[i].password);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        err_t err;
    } cases[] = {
        {NULL, ERR_NOTFOUND},
        {"", ERR_NOTFOUND},
        {"Bearer OnNlY3JldA==", ERR_NOTFOUND},
        {"Basically OnNlY3JldA==", ERR_NOTFOUND},
        {"BasicOnNlY3JldA==", ERR_NOTFOUND},
        {"Basic", ERR_INVALID},
        {"Basic ", ERR_INVALID},
        {"Basic !", ERR_INVALID},
        {"Basic OnNlY3JldA=", ERR_INVALID},
        {"Basic OnNl Y3JldA==", ERR_INVALID},
        {"Basic bm8gY29sb24=", ERR_INVALID},
        {"Basic dTpwAHE=", ERR_INVALID}, /* a NUL */
        {"Basic dTpwCnE=", ERR_INVALID}, /* a line feed */
        {"Basic dTp/", ERR_INVALID},     /* DEL */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct basic_auth auth;
        err_t err = basic_auth_parse(slice_str(cases[i].header), &auth);
        if (err != cases[i].err) {
            fail_msg("row %zu: %s", i, err_name(err));
        }
    }
}

static err_t parse_lengths(size_t user_len, size_t password_len)
{
    char credentials[2048];
    memset(credentials, 'x', sizeof credentials);
    credentials[user_len] = ':';
    char header[6 + BASE64_SIZE(sizeof credentials)] = "Basic ";
    base64_encode(slice_of(credentials, user_len + 1 + password_len), BASE64_STANDARD, header + 6);
    struct basic_auth auth;
    err_t err = basic_auth_parse(slice_str(header), &auth);
    if (err == ERR_OK) {
        assert_int_equal(strlen(auth.user), user_len);
        assert_int_equal(strlen(auth.password), password_len);
    }
    return err;
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(parse_lengths(BASIC_AUTH_MAX_USER, BASIC_AUTH_MAX_PASSWORD), ERR_OK);
    assert_int_equal(parse_lengths(BASIC_AUTH_MAX_USER + 1, 1), ERR_TOOBIG);
    assert_int_equal(parse_lengths(1, BASIC_AUTH_MAX_PASSWORD + 1), ERR_TOOBIG);
    assert_int_equal(parse_lengths(BASIC_AUTH_MAX_USER, BASIC_AUTH_MAX_PASSWORD + 1), ERR_TOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
