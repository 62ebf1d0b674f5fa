/* verify.h — is what is stored whole? Looks at file after file, a little at a time.
 *
 * A file is sound when its chunk rows are numbered from 0 without a gap, all but the last have as
 * many bytes as the first, the last has at least one and no more than that (database.md 3.4), and
 * their bytes together have the size and the SHA-256 that were recorded when it was stored
 * (ext_files). Files of other programs have no digest until one is found out: of them the rows are
 * looked at, and the size if it is known.
 *
 * A verifier belongs to one thread at a time. On a running store it reads as a download does, at
 * most DOWNLOAD_BLOCK_BYTES in a step, and holds nothing open between two steps, so files may come
 * and go: one that is deleted meanwhile is passed over. Memory: the verifier itself, some 70 KiB,
 * and the name of one file. */
#ifndef PICOSHARE_STORE_VERIFY_H
#define PICOSHARE_STORE_VERIFY_H

#include "picoshare/store/store.h"

struct verifier;

/* Of a running store, whose digests are compared; rowid: where an earlier one has stopped
 * (verify_result), 0 to begin. */
err_t verifier_new(struct store *store, int64_t rowid, struct verifier **ret_verifier) MUST_CHECK;

/* Of a database file that no server has open; it is not changed. With `quick`, contents are not
 * read and so no digests are compared. ERR_BUSY: a server has it. ERR_INVALID: it is no database,
 * or none of version 15. ERR_CORRUPT: it is damaged where its tables are described. */
err_t verifier_open(const char *path, bool quick, struct verifier **ret_verifier,
                    struct err_info *ret_info) MUST_CHECK;
void verifier_free(struct verifier *verifier);

/* ---- files ---- */

enum verify_flaw {
    VERIFY_SOUND,
    VERIFY_BAD_ID,     /* no id of a file: nobody can ask for it */
    VERIFY_NO_ROWS,    /* it has no contents at all */
    VERIFY_MISSING,    /* there is no chunk row `row`, but there is a later one */
    VERIFY_NO_NUMBER,  /* there is a chunk row `row`, which is below 0 */
    VERIFY_TYPE,       /* chunk row `row` holds something else than bytes */
    VERIFY_LENGTH,     /* chunk row `row` has `got` bytes, not `want` */
    VERIFY_SIZE,       /* the file has `got` bytes, not `want` */
    VERIFY_DIGEST,     /* the bytes are others than those that were stored */
    VERIFY_UNREADABLE, /* chunk row `row` cannot be read */
};

/* What was found of a file: its first flaw. The slices are borrowed until the next step. */
struct verify_result {
    int64_t rowid; /* files come in the order of these, which is that of their upload */
    struct slice id;
    struct slice filename;
    int64_t size;    /* bytes that were found */
    bool has_digest; /* and it was compared, if the file is sound */
    enum verify_flaw flaw;
    int64_t row, got, want; /* as the flaw says */
};

/* One step. *ret_done: a file has been looked at to its end, and *ret_result is what was found;
 * otherwise nothing is known yet. ERR_NOTFOUND: there are no more files; the next step begins again
 * with the first. Other errors: it is not known which files there are; ERR_CORRUPT: since the table
 * that says so is damaged. */
err_t verifier_step(struct verifier *verifier, bool *ret_done,
                    struct verify_result *ret_result) MUST_CHECK;

/* Bytes of contents that were read by all steps so far. */
int64_t verifier_bytes(const struct verifier *verifier);

/* The flaw as a part of a sentence: "chunk row 3 is missing". */
enum { VERIFY_TEXT_SIZE = 128 };
void verify_describe(const struct verify_result *result, char ret_text[VERIFY_TEXT_SIZE]);

/* ---- the rest; of a verifier_open() only ---- */

/* Calls `each` with a line on everything that is wrong with the database as such: what SQLite
 * finds (up to a hundred lines), references that lead nowhere. The lines may hold any bytes. */
err_t verifier_database(struct verifier *verifier, void (*each)(void *arg, const char *line),
                        void *arg) MUST_CHECK;

struct verify_counts {
    int64_t files;
    int64_t orphan_rows; /* chunk rows of no file, as interrupted uploads leave them */
};
err_t verifier_count(struct verifier *verifier, struct verify_counts *ret_counts) MUST_CHECK;

#endif
