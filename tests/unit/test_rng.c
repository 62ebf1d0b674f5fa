#include "picoshare/base/rng.h"
#include "support.h"

/* Gives the bytes of a list, one after the other, then ERR_IO. */
struct listed_rng {
    struct rng rng;
    const uint8_t *bytes;
    size_t len, used;
};

static err_t listed_fill(const struct rng *rng, void *bytes, size_t len)
{
    struct listed_rng *listed = CONTAINER_OF(rng, struct listed_rng, rng);
    if (listed->len - listed->used < len) {
        return ERR_IO;
    }
    memcpy(bytes, listed->bytes + listed->used, len);
    listed->used += len;
    return ERR_OK;
}

static void test_text_is_uniform(void **state)
{
    (void)state;
    /* Each of the 256 bytes once: every letter as often as the others, the surplus is drawn again.
     */
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (uint8_t)i;
    }
    static const struct {
        const char *alphabet;
        size_t letters;
    } cases[] = {{"01", 256}, {"abc", 255}, {"0123456789", 250}, {"abcdefghijklmnopq", 255}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct listed_rng listed = {{listed_fill}, all, sizeof all, 0};
        char text[257];
        assert_int_equal(rng_text(&listed.rng, cases[i].alphabet, cases[i].letters, text), ERR_OK);
        assert_int_equal(strlen(text), cases[i].letters);
        size_t kinds = strlen(cases[i].alphabet);
        for (size_t k = 0; k < kinds; k++) {
            size_t count = 0;
            for (const char *p = text; *p != '\0'; p++) {
                count += *p == cases[i].alphabet[k];
            }
            assert_int_equal(count, cases[i].letters / kinds);
        }
        /* And not one more without more bytes. */
        listed.used = 0;
        assert_int_equal(rng_text(&listed.rng, cases[i].alphabet, cases[i].letters + 1, text),
                         ERR_IO);
    }
}

static void test_system(void **state)
{
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    assert_int_equal(rng_fill(&rng_system, a, sizeof a), ERR_OK);
    assert_int_equal(rng_fill(&rng_system, b, sizeof b), ERR_OK);
    assert_memory_not_equal(a, b, sizeof a);
    char text[11];
    assert_int_equal(rng_text(&rng_system, "xy", 10, text), ERR_OK);
    assert_int_equal(strspn(text, "xy"), 10);
    assert_int_equal(rng_text(&rng_system, "xy", 0, text), ERR_OK);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_uniform),
        cmocka_unit_test(test_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
