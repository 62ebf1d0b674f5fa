/* fault_vfs.h — a file system for SQLite that fails on demand: a full disk, a broken one.
 *
 * A thin layer over the system's VFS. Every operation that changes a file (write, truncate, sync,
 * growing the shared memory) is counted; after `allowed` of them the next one fails, or all of them
 * do until the fault is lifted. A watch may look on and have its own say. One per process,
 * registered as FAULT_VFS. */
#ifndef TESTS_UNIT_FAULT_VFS_H
#define TESTS_UNIT_FAULT_VFS_H

#include "support.h"

#define FAULT_VFS "fault"

enum fault_kind { FAULT_NONE, FAULT_FULL, FAULT_IO };

/* Is told of every change before it happens, and may refuse it with a code of SQLite's. */
struct fault_watch {
    /* What write, truncate and sync get for this file; NULL: they are not called. */
    void *(*opened)(const char *name, int flags);
    int (*write)(void *file, const void *bytes, int len, int64_t pos);
    int (*truncate)(void *file, int64_t size);
    int (*sync)(void *file);
    int (*remove)(const char *name, bool sync_directory);
};

static struct fault_vfs {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    _Atomic int kind;
    _Atomic bool lasting; /* every later operation fails too */
    _Atomic bool syncs_only;
    _Atomic int64_t allowed; /* operations before the first failure */
    _Atomic int64_t syncs;   /* of all files, since it was last set to 0 */
    _Atomic int64_t failures;
    const struct fault_watch *watch; /* NULL: none; set while no file is open */
} fault;

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real;
    void *watched;
};

static inline sqlite3_file *fault_real(sqlite3_file *file)
{
    return ((struct fault_file *)(void *)file)->real;
}

/* Whether this operation fails: SQLITE_OK, or the code it fails with. */
static inline int fault_rc(bool is_sync, int io_code)
{
    if (fault.kind == FAULT_NONE || (fault.syncs_only && !is_sync) ||
        atomic_fetch_sub(&fault.allowed, 1) > 0) {
        return SQLITE_OK;
    }
    int rc = fault.kind == FAULT_FULL && !is_sync ? SQLITE_FULL : io_code;
    fault.failures++;
    if (!fault.lasting) {
        fault.kind = FAULT_NONE;
    }
    return rc;
}

static inline void fault_set(enum fault_kind kind, int64_t allowed, bool lasting)
{
    fault.kind = FAULT_NONE;
    fault.syncs_only = false;
    fault.lasting = lasting;
    fault.allowed = allowed;
    fault.failures = 0;
    fault.kind = (int)kind;
}

static inline void fault_lift(void)
{
    fault.kind = FAULT_NONE;
}

static inline void *fault_watched(sqlite3_file *file)
{
    return ((struct fault_file *)(void *)file)->watched;
}

static inline int fault_close(sqlite3_file *file)
{
    return fault_real(file)->pMethods->xClose(fault_real(file));
}

static inline int fault_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 pos)
{
    return fault_real(file)->pMethods->xRead(fault_real(file), bytes, len, pos);
}

static inline int fault_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 pos)
{
    int rc = fault_rc(false, SQLITE_IOERR_WRITE);
    if (rc == SQLITE_OK && fault_watched(file) != NULL) {
        rc = fault.watch->write(fault_watched(file), bytes, len, pos);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
    if (rc != SQLITE_OK) {
        /* A disk fills up in the middle of a write. */
        (void)fault_real(file)->pMethods->xWrite(fault_real(file), bytes, len / 2, pos);
        return rc;
    }
    return fault_real(file)->pMethods->xWrite(fault_real(file), bytes, len, pos);
}

static inline int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = fault_rc(false, SQLITE_IOERR_TRUNCATE);
    if (rc == SQLITE_OK && fault_watched(file) != NULL) {
        rc = fault.watch->truncate(fault_watched(file), size);
    }
    return rc != SQLITE_OK ? rc : fault_real(file)->pMethods->xTruncate(fault_real(file), size);
}

/* Nothing is flushed in truth: these tests pull no plug, and they are quicker without. */
static inline int fault_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    fault.syncs++;
    int rc = fault_rc(true, SQLITE_IOERR_FSYNC);
    if (rc == SQLITE_OK && fault_watched(file) != NULL) {
        rc = fault.watch->sync(fault_watched(file));
    }
    return rc;
}

static inline int fault_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    return fault_real(file)->pMethods->xFileSize(fault_real(file), ret_size);
}

static inline int fault_lock(sqlite3_file *file, int level)
{
    return fault_real(file)->pMethods->xLock(fault_real(file), level);
}

static inline int fault_unlock(sqlite3_file *file, int level)
{
    return fault_real(file)->pMethods->xUnlock(fault_real(file), level);
}

static inline int fault_reserved(sqlite3_file *file, int *ret_held)
{
    return fault_real(file)->pMethods->xCheckReservedLock(fault_real(file), ret_held);
}

static inline int fault_control(sqlite3_file *file, int op, void *arg)
{
    return fault_real(file)->pMethods->xFileControl(fault_real(file), op, arg);
}

static inline int fault_sector(sqlite3_file *file)
{
    return fault_real(file)->pMethods->xSectorSize(fault_real(file));
}

static inline int fault_traits(sqlite3_file *file)
{
    return fault_real(file)->pMethods->xDeviceCharacteristics(fault_real(file));
}

static inline int fault_shm_map(sqlite3_file *file, int page, int size, int extend,
                                void volatile **ret_memory)
{
    int rc = extend ? fault_rc(false, SQLITE_IOERR_SHMSIZE) : SQLITE_OK;
    return rc != SQLITE_OK ? rc
                           : fault_real(file)->pMethods->xShmMap(fault_real(file), page, size,
                                                                 extend, ret_memory);
}

static inline int fault_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return fault_real(file)->pMethods->xShmLock(fault_real(file), offset, n, flags);
}

static inline void fault_shm_barrier(sqlite3_file *file)
{
    fault_real(file)->pMethods->xShmBarrier(fault_real(file));
}

static inline int fault_shm_unmap(sqlite3_file *file, int delete)
{
    return fault_real(file)->pMethods->xShmUnmap(fault_real(file), delete);
}

static inline int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                             int *ret_flags)
{
    static const sqlite3_io_methods methods = {
        .iVersion = 2, /* without memory-mapped reads */
        .xClose = fault_close,
        .xRead = fault_read,
        .xWrite = fault_write,
        .xTruncate = fault_truncate,
        .xSync = fault_sync,
        .xFileSize = fault_size,
        .xLock = fault_lock,
        .xUnlock = fault_unlock,
        .xCheckReservedLock = fault_reserved,
        .xFileControl = fault_control,
        .xSectorSize = fault_sector,
        .xDeviceCharacteristics = fault_traits,
        .xShmMap = fault_shm_map,
        .xShmLock = fault_shm_lock,
        .xShmBarrier = fault_shm_barrier,
        .xShmUnmap = fault_shm_unmap,
    };
    (void)vfs;
    struct fault_file *mine = (struct fault_file *)(void *)file;
    mine->real = (sqlite3_file *)(void *)(mine + 1);
    int rc = fault.real->xOpen(fault.real, name, mine->real, flags, ret_flags);
    mine->base.pMethods = mine->real->pMethods != NULL ? &methods : NULL;
    mine->watched = rc == SQLITE_OK && fault.watch != NULL && name != NULL
                        ? fault.watch->opened(name, flags)
                        : NULL;
    return rc;
}

static inline int fault_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    (void)vfs;
    int rc = fault.watch != NULL ? fault.watch->remove(name, sync_directory != 0) : SQLITE_OK;
    return rc != SQLITE_OK ? rc : fault.real->xDelete(fault.real, name, 0);
}

/* For a cmocka group: registers it. */
static inline int fault_vfs_setup(void **state)
{
    (void)state;
    fault.real = sqlite3_vfs_find(NULL);
    assert_non_null(fault.real);
    fault.vfs = *fault.real; /* what is not replaced goes to the system's functions */
    fault.vfs.zName = FAULT_VFS;
    fault.vfs.szOsFile = (int)sizeof(struct fault_file) + fault.real->szOsFile;
    fault.vfs.xOpen = fault_open;
    fault.vfs.xDelete = fault_delete;
    return sqlite3_vfs_register(&fault.vfs, 0) == SQLITE_OK ? 0 : -1;
}

/* A fixture whose store is opened through it. */
static inline int fault_fixture_prepare(void **state)
{
    (void)fixture_prepare(state);
    ((struct fixture *)*state)->options.vfs = FAULT_VFS;
    fault_lift();
    return 0;
}

static inline int fault_fixture_setup(void **state)
{
    (void)fault_fixture_prepare(state);
    fixture_open(*state);
    return 0;
}

static inline int fault_fixture_teardown(void **state)
{
    fault_lift();
    return fixture_teardown(state);
}

#define fault_test(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, fault_fixture_setup, fault_fixture_teardown)

#endif
