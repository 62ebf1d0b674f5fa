#include "flags.h"
#include "picoshare/base/check.h"
#include "picoshare/base/num.h"
#include "picoshare/base/slice.h"
#include <stdlib.h>

enum { MAX_RATE_MB = 100000 }; /* more than any disk reads */

/* "0", "false", "no" and "" mean off; anything else is on (improvements.md, Proxy). */
static bool is_on(const char *value)
{
    static const char *const off[] = {"", "0", "false", "no"};
    for (size_t i = 0; i < ARRAY_LEN(off); i++) {
        if (slice_eq_nocase(slice_str(value), slice_str(off[i]))) {
            return false;
        }
    }
    return true;
}

/* "500k" */
static bool read_bytes(struct slice text, int64_t *ret_bytes)
{
    static const char units[] = "kMG";
    int64_t unit = 1;
    for (size_t i = 0; text.len > 0 && i < sizeof units - 1; i++) {
        if (text.ptr[text.len - 1] == units[i]) {
            unit = INT64_C(1) << (10 * (i + 1));
            text.len--;
            break;
        }
    }
    return num_parse_i64(text, 1, INT64_MAX, ret_bytes) == ERR_OK &&
           num_mul_i64(*ret_bytes, unit, ret_bytes);
}

static bool set(void *target, const struct flag *flag, const char *value, const char *said_by)
{
    char *field = (char *)target + flag->offset;
    uint64_t port = 0;
    switch (flag->kind) {
    case FLAG_TEXT:
        memcpy(field, &value, sizeof value);
        return true;
    case FLAG_SWITCH:
        *(bool *)field = is_on(value);
        return true;
    case FLAG_PORT:
        if (num_parse_u64(slice_str(value), 0, UINT16_MAX, &port) != ERR_OK) {
            (void)fprintf(stderr, "picoshare: %s is not a port number: %s\n", said_by, value);
            return false;
        }
        *(uint16_t *)(void *)field = (uint16_t)port;
        return true;
    case FLAG_NUMBER:
        if (num_parse_i64(slice_str(value), 1, INT64_MAX, (int64_t *)(void *)field) != ERR_OK) {
            (void)fprintf(stderr, "picoshare: %s is not a number from 1 on: %s\n", said_by, value);
            return false;
        }
        return true;
    case FLAG_RATE:
        if (num_parse_i64(slice_str(value), 0, MAX_RATE_MB, (int64_t *)(void *)field) != ERR_OK) {
            (void)fprintf(stderr, "picoshare: %s is not a number up to %d: %s\n", said_by,
                          (int)MAX_RATE_MB, value);
            return false;
        }
        return true;
    case FLAG_BYTES:
        if (!read_bytes(slice_str(value), (int64_t *)(void *)field)) {
            (void)fprintf(stderr,
                          "picoshare: %s is not a number of bytes, such as 500k or 2M: %s\n",
                          said_by, value);
            return false;
        }
        return true;
    }
    return false;
}

static const struct flag *find(const struct flags *flags, struct slice name)
{
    for (size_t i = 0; i < flags->count; i++) {
        if (slice_eq(name, slice_str(flags->known[i].name))) {
            return &flags->known[i];
        }
    }
    return NULL;
}

static bool read_environment(const struct flags *flags, void *target)
{
    for (size_t i = 0; i < flags->count; i++) {
        const struct flag *flag = &flags->known[i];
        const char *value = flag->variable != NULL ? getenv(flag->variable) : NULL;
        if (value != NULL && value[0] != '\0' && !set(target, flag, value, flag->variable)) {
            return false;
        }
    }
    return true;
}

/* One flag at argv[*at], which moves over its value. */
static enum flags_outcome read_flag(const struct flags *flags, char **argv, int *at, void *target)
{
    struct slice name = slice_str(argv[*at]);
    name = slice_skip(name, name.len > 1 && name.ptr[1] == '-' ? 2 : 1);
    const char *value = NULL;
    size_t equals = slice_find(name, '=');
    if (equals < name.len) {
        value = name.ptr + equals + 1;
        name.len = equals;
    }
    if (slice_eq(name, SLICE("help")) || slice_eq(name, SLICE("h"))) {
        flags->help(stdout);
        return FLAGS_SHOWN;
    }
    if (slice_eq(name, SLICE("version"))) {
        (void)puts("picoshare " PICOSHARE_VERSION);
        return FLAGS_SHOWN;
    }
    const struct flag *flag = find(flags, name);
    if (flag == NULL) {
        (void)fprintf(stderr, "picoshare: unknown option: %s\n", argv[*at]);
        flags->help(stderr);
        return FLAGS_MISUSED;
    }
    if (value == NULL && flag->kind == FLAG_SWITCH) {
        value = "1";
    } else if (value == NULL) {
        value = argv[++*at];
    }
    if (value == NULL) {
        (void)fprintf(stderr, "picoshare: option -%s needs a value\n", flag->name);
        return FLAGS_MISUSED;
    }
    return set(target, flag, value, flag->name) ? FLAGS_RUN : FLAGS_MISUSED;
}

enum flags_outcome flags_parse(const struct flags *flags, int argc, char **argv, void *target,
                               const char **ret_operands, size_t max_operands)
{
    size_t operands = 0;
    if (!read_environment(flags, target)) {
        return FLAGS_MISUSED;
    }
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1] != '\0') {
            enum flags_outcome outcome = read_flag(flags, argv, &i, target);
            if (outcome != FLAGS_RUN) {
                return outcome;
            }
        } else if (ret_operands != NULL && (operands == max_operands || argv[i][0] == '\0')) {
            (void)fprintf(stderr, "picoshare: what is \"%s\"?\n", argv[i]);
            flags->help(stderr);
            return FLAGS_MISUSED;
        } else if (ret_operands != NULL) {
            ret_operands[operands++] = argv[i];
        }
    }
    return FLAGS_RUN;
}

void flags_print(const struct flag *known, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(out, "  -%s %s", known[i].name, known[i].help);
        if (known[i].variable != NULL) {
            (void)fprintf(out, " [%s]", known[i].variable);
        }
        (void)fputc('\n', out);
    }
    (void)fputs("  -help  print this and exit\n", out);
}
