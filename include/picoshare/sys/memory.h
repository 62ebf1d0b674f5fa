/* memory.h — the process as the operating system sees it: allocator settings and signals. */
#ifndef PICOSHARE_SYS_MEMORY_H
#define PICOSHARE_SYS_MEMORY_H

/* Settings of the C library's allocator; before any thread starts. */
void memory_tune(void);

#endif
