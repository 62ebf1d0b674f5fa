/* fuzz.h — what every fuzz target defines: the entry point of libFuzzer, which replay.c calls too.
 * A target feeds the bytes to one parser and checks what must hold for any input. */
#ifndef PICOSHARE_TESTS_FUZZ_H
#define PICOSHARE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
