/* scale.h — how much a test is to do in this build and run. */
#ifndef TESTS_SCALE_H
#define TESTS_SCALE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Whether a sanitizer that replaces the allocator is in this build. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* Whether PICOSHARE_TEST_SCALE=small asks for less of what takes long. */
static inline bool is_small_scale(void)
{
    const char *scale = getenv("PICOSHARE_TEST_SCALE");
    return scale != NULL && strcmp(scale, "small") == 0;
}

#endif
