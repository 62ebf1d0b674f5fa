/* upgrade.c — brings a database of an older PicoShare to version 15, in one step.
 *
 * What a file holds is decided by its columns, not by its number: `layouts` lists every table there
 * ever was. Two layers of temporary views hide the differences. The raw_… views give each table
 * the columns it has had last, the v15_… views give its rows as version 15 stores them: times in
 * the one form, what is missing filled in, what belongs to nothing left out. So the checks and the
 * copy are written once, and what the checks have seen is what is copied.
 *
 * Repaired is what has one meaning only. Where something would have to be invented, the file is
 * refused, untouched: the checks come before the first change.
 *
 * The change is one transaction: the old tables are renamed, the tables of a new file are made, the
 * rows are copied in the order they lie in, the old tables go. SQLite would copy everything twice
 * through a write-ahead log, so the file leaves that mode for the time, except beside Litestream,
 * which lives on the log. secure_delete=FAST, or every freed page would be written, to the journal
 * first. A power failure in the middle is what the journal is for: the next start tries again. */
#include "internal.h"
#include "picoshare/base/check.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TABLES = 5 };

/* ---- what there was (database.md 6) ---- */

/* clang-format off */
static const struct layout {
    const char *table;
    const char *columns; /* sorted; "": no such table */
    const char *select;  /* its rows with the columns of the last layout; NULL: too old */
} layouts[] = {
    {"entries", "data,expiration_time,filename,id,upload_time", NULL}, /* 0.1.x */
    {"entries", "content_type,expiration_time,filename,id,upload_time",
     "rowid AS row_id, *, NULL AS guest_link_id, NULL AS note"},
    {"entries", "content_type,expiration_time,filename,guest_link_id,id,upload_time",
     "rowid AS row_id, *, NULL AS note"},
    {"entries", "content_type,expiration_time,filename,guest_link_id,id,note,upload_time",
     "rowid AS row_id, *"},
    {"entries_data", "", "NULL AS row_id, NULL AS id, NULL AS chunk_index, NULL AS chunk"},
    {"entries_data", "chunk,chunk_index,id", "rowid AS row_id, *"},
    {"guest_links", "",
     "NULL AS row_id, NULL AS id, NULL AS label, NULL AS max_file_bytes, NULL AS max_file_uploads,"
     " NULL AS creation_time, NULL AS url_expiration_time, NULL AS file_expiration_time,"
     " NULL AS is_disabled"},
    {"guest_links", "creation_time,expiration_time,id,label,max_file_bytes,max_file_uploads",
     "rowid AS row_id, *, expiration_time AS url_expiration_time, NULL AS file_expiration_time,"
     " 0 AS is_disabled"},
    {"guest_links", "creation_time,file_expiration_time,id,label,max_file_bytes,max_file_uploads,"
                    "url_expiration_time",
     "rowid AS row_id, *, 0 AS is_disabled"},
    {"guest_links", "creation_time,file_expiration_time,id,is_disabled,label,max_file_bytes,"
                    "max_file_uploads,url_expiration_time",
     "rowid AS row_id, *"},
    {"downloads", "", "NULL AS row_id, NULL AS entry_id, NULL AS download_timestamp,"
                      " NULL AS client_ip, NULL AS user_agent"},
    {"downloads", "client_ip,download_timestamp,entry_id,user_agent", "rowid AS row_id, *"},
    {"settings", "", "NULL AS row_id, NULL AS id, NULL AS default_expiration_in_days"},
    {"settings", "default_expiration_in_days,id", "rowid AS row_id, *"},
};

static const char *const tables[TABLES] = {"entries", "entries_data", "guest_links", "downloads",
                                           "settings"};

/* ---- what it becomes ---- */

#define WITHOUT_FRACTION(time)                                                                     \
    "CASE instr(" time ", '.') WHEN 0 THEN " time " ELSE substr(" time ", 1, instr(" time ", '.')" \
    " - 1) || ltrim(substr(" time ", instr(" time ", '.') + 1), '0123456789') END"
/* A time that SQLite can read, in the form of database.md 3.1, or NULL. It also reads 'now' and
 * plain numbers, which are nobody's times. The modifier turns the 31st of February into a day. */
#define TIME_OF(time)                                                                              \
    "(SELECT t FROM (SELECT strftime('%Y-%m-%dT%H:%M:%SZ', " WITHOUT_FRACTION(time)                \
    ", '+0 days') AS t WHERE datetime(" time ") IS NOT NULL AND " time " GLOB"                     \
    " '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*') WHERE t >= '2022-02-20T00:00:00Z')"
#define TIME_OR_NEVER(time)                                                                        \
    "CASE WHEN " time " IS NULL THEN '2999-12-31T00:00:00Z' ELSE " TIME_OF(time) " END"

static const char make_v15_views[] =
    "CREATE TEMP VIEW v15_entries AS SELECT row_id, id, filename,"
    " coalesce(content_type, '') AS content_type,"
    " " TIME_OF("upload_time") " AS upload_time,"
    " " TIME_OR_NEVER("expiration_time") " AS expiration_time,"
    " (SELECT g.id FROM raw_guest_links AS g WHERE g.id = e.guest_link_id AND g.id <> '')"
    " AS guest_link_id, note"
    " FROM raw_entries AS e;"

    /* Contents are looked at in the copy only: everything else needs their type and length. */
    "CREATE TEMP VIEW v15_entries_data AS SELECT row_id, id, chunk_index,"
    " CASE typeof(chunk) WHEN 'text' THEN CAST(chunk AS BLOB) ELSE chunk END AS chunk,"
    " typeof(chunk) AS chunk_type"
    " FROM raw_entries_data AS d"
    " WHERE EXISTS (SELECT 1 FROM raw_entries AS e WHERE e.id = d.id)"
    " AND NOT (typeof(chunk) = 'blob' AND length(chunk) = 0)"
    " AND NOT (typeof(chunk) = 'text' AND chunk = '');"

    "CREATE TEMP VIEW v15_guest_links AS SELECT row_id, id, coalesce(label, '') AS label,"
    " max_file_bytes, max_file_uploads,"
    " " TIME_OF("creation_time") " AS creation_time,"
    " " TIME_OR_NEVER("url_expiration_time") " AS url_expiration_time,"
    " coalesce(file_expiration_time, '876000h0m0s') AS file_expiration_time, is_disabled"
    " FROM raw_guest_links;"

    /* The column of versions 7 to 10 made numbers of ids that look like one. No id has a 0 or a 1,
     * so 23456789e2 cannot be taken for 2345678900. Numbers beyond what SQLite can hold are all the
     * same to it: if they could be from two files, they are from none. */
    "CREATE TEMP VIEW id_numbers AS SELECT id, CAST(id AS REAL) AS number FROM raw_entries"
    " WHERE id GLOB '[0-9]*[eE]*[0-9]' AND id NOT GLOB '*[^0-9eE]*'"
    " AND length(replace(lower(id), 'e', '')) = length(id) - 1;"
    "CREATE TEMP VIEW named_downloads AS SELECT *,"
    " CASE WHEN typeof(entry_id) = 'text' THEN entry_id"
    " WHEN EXISTS (SELECT 1 FROM raw_entries AS e WHERE e.id = CAST(d.entry_id AS TEXT))"
    " THEN CAST(entry_id AS TEXT)"
    /* The last digits depend on the machine that read them. */
    " ELSE (SELECT CASE count(*) WHEN 1 THEN min(n.id) END FROM id_numbers AS n"
    " WHERE n.number = d.entry_id"
    " OR n.number / d.entry_id BETWEEN 0.999999999999 AND 1.000000000001)"
    " END AS name FROM raw_downloads AS d;"
    "CREATE TEMP VIEW v15_downloads AS SELECT row_id, name AS entry_id,"
    " " TIME_OF("download_timestamp") " AS download_timestamp,"
    " coalesce(client_ip, '') AS client_ip, coalesce(user_agent, '') AS user_agent"
    " FROM named_downloads AS d"
    " WHERE EXISTS (SELECT 1 FROM raw_entries AS e WHERE e.id = d.name);";

static const char drop_v15_views[] =
    "DROP VIEW IF EXISTS temp.v15_entries; DROP VIEW IF EXISTS temp.v15_entries_data;"
    "DROP VIEW IF EXISTS temp.v15_guest_links; DROP VIEW IF EXISTS temp.v15_downloads;"
    "DROP VIEW IF EXISTS temp.named_downloads; DROP VIEW IF EXISTS temp.id_numbers;";

/* By rowid, so that nothing is sorted: a chunk row is read, written and forgotten. */
static const char copy_rows[] =
    "INSERT INTO main.guest_links (id, label, max_file_bytes, max_file_uploads, creation_time,"
    " url_expiration_time, file_expiration_time, is_disabled)"
    " SELECT id, label, max_file_bytes, max_file_uploads, creation_time, url_expiration_time,"
    " file_expiration_time, is_disabled FROM v15_guest_links ORDER BY row_id;"
    "INSERT INTO main.entries (id, filename, content_type, upload_time, expiration_time,"
    " guest_link_id, note)"
    " SELECT id, filename, content_type, upload_time, expiration_time, guest_link_id, note"
    " FROM v15_entries ORDER BY row_id;"
    "INSERT INTO main.entries_data (id, chunk_index, chunk)"
    " SELECT id, chunk_index, chunk FROM v15_entries_data ORDER BY row_id;"
    "INSERT INTO main.downloads (entry_id, download_timestamp, client_ip, user_agent)"
    " SELECT entry_id, download_timestamp, client_ip, user_agent FROM v15_downloads"
    " ORDER BY row_id;"
    "UPDATE main.settings SET default_expiration_in_days = s.default_expiration_in_days"
    " FROM raw_settings AS s WHERE s.id = 1 AND typeof(s.default_expiration_in_days) = 'integer'"
    " AND s.default_expiration_in_days BETWEEN 0 AND 65535;";

/* ---- what cannot be repaired ---- */

#define NO_TIME "no time from 2022-02-20 to 9999-12-31"

static const struct flaw {
    const char *table, *column;
    const char *is_wrong; /* of a row of the v15 view */
    const char *text;
} flaws[] = {
    {"entries", "id", "typeof(id) <> 'text'", "no text"},
    {"entries", "filename", "typeof(filename) <> 'text'", "no text"},
    {"entries", "content_type", "typeof(content_type) <> 'text'", "no text"},
    {"entries", "upload_time", "upload_time IS NULL", NO_TIME},
    {"entries", "expiration_time", "expiration_time IS NULL", NO_TIME},
    {"entries", "note", "typeof(note) NOT IN ('text', 'null')", "no text"},
    {"entries_data", "chunk_index", "typeof(chunk_index) <> 'integer' OR chunk_index < 0",
     "no number from 0 on"},
    {"entries_data", "chunk_index", "(id, chunk_index) IN (SELECT id, chunk_index"
     " FROM v15_entries_data GROUP BY id, chunk_index HAVING count(*) > 1)",
     "the same as in another row of the file"},
    {"entries_data", "chunk", "chunk_type NOT IN ('blob', 'text')", "no contents"},
    {"guest_links", "id", "typeof(id) <> 'text'", "no text"},
    {"guest_links", "label", "typeof(label) <> 'text' OR length(label) > 200",
     "no text of up to 200 characters"},
    {"guest_links", "max_file_bytes", "max_file_bytes IS NOT NULL AND"
     " (typeof(max_file_bytes) <> 'integer' OR max_file_bytes <= 0)", "no number from 1 on"},
    {"guest_links", "max_file_uploads", "max_file_uploads IS NOT NULL AND"
     " (typeof(max_file_uploads) <> 'integer' OR max_file_uploads <= 0)", "no number from 1 on"},
    {"guest_links", "creation_time", "creation_time IS NULL", NO_TIME},
    {"guest_links", "url_expiration_time", "url_expiration_time IS NULL", NO_TIME},
    {"guest_links", "file_expiration_time", "typeof(file_expiration_time) <> 'text'", "no text"},
    {"guest_links", "is_disabled", "typeof(is_disabled) <> 'integer' OR is_disabled NOT IN (0, 1)",
     "neither 0 nor 1"},
    {"downloads", "download_timestamp", "download_timestamp IS NULL", NO_TIME},
    {"downloads", "client_ip", "typeof(client_ip) <> 'text'", "no text"},
    {"downloads", "user_agent", "typeof(user_agent) <> 'text'", "no text"},
};
/* clang-format on */

/* ---- asking ---- */

struct answer {
    char text[256];
};

static int keep_first(void *arg, int columns, char **values, char **names)
{
    (void)names;
    struct answer *answer = arg;
    if (answer->text[0] == '\0' && columns > 0 && values[0] != NULL) {
        (void)snprintf(answer->text, sizeof answer->text, "%s", values[0]);
    }
    return 0;
}

/* Runs a statement made of these pieces once; *ret_answer is the first value, "" without one. */
static err_t ask(struct conn *conn, struct answer *ret_answer, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))) MUST_CHECK;

static err_t ask(struct conn *conn, struct answer *ret_answer, const char *fmt, ...)
{
    enum { MAX_SQL_BYTES = 1024 };
    char sql[MAX_SQL_BYTES];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(sql, sizeof sql, fmt, args);
    va_end(args);
    check(len > 0 && len < MAX_SQL_BYTES);
    ret_answer->text[0] = '\0';
    return query_err(conn->db, sqlite3_exec(conn->db, sql, keep_first, ret_answer, NULL));
}

/* ---- looking: nothing is changed ---- */

struct upgrade {
    struct conn *conn;
    const struct store_options *options;
    const struct layout *found[TABLES];
    struct err_info *info;
};

static bool is_layout(const struct layout *layout, const char *table, const char *columns)
{
    return strcmp(layout->table, table) == 0 && strcmp(layout->columns, columns) == 0;
}

static err_t refuse_layout(const struct upgrade *up, const char *table, const char *columns)
{
    if (columns[0] == '\0') {
        return err_set(up->info, ERR_INVALID,
                       "database %s is not PicoShare's: it has no table %s; name another file with"
                       " -db",
                       up->options->path, table);
    }
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        if (is_layout(&layouts[i], table, columns)) {
            return err_set(up->info, ERR_INVALID,
                           "database %s was made by PicoShare 0.1 and cannot be upgraded; move it"
                           " away to start with an empty one",
                           up->options->path);
        }
    }
    return err_set(up->info, ERR_INVALID,
                   "database %s is not PicoShare's: its table %s has other columns; name another"
                   " file with -db",
                   up->options->path, table);
}

static err_t find_layout(struct upgrade *up, size_t table)
{
    /* Names have no case. A view, or a table without rowids, has columns like nobody's. */
    struct answer columns;
    err_t err = ask(up->conn, &columns,
                    "SELECT group_concat(name) FROM (SELECT CASE WHEN t.type = 'table' AND NOT t.wr"
                    " THEN i.name ELSE 'none' END AS name FROM pragma_table_list AS t,"
                    " pragma_table_info(t.name, t.schema) AS i WHERE t.schema = 'main' AND"
                    " t.name = '%s' COLLATE NOCASE ORDER BY i.name)",
                    tables[table]);
    if (err != ERR_OK) {
        return err;
    }
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        if (layouts[i].select != NULL && is_layout(&layouts[i], tables[table], columns.text)) {
            up->found[table] = &layouts[i];
            return ERR_OK;
        }
    }
    return refuse_layout(up, tables[table], columns.text);
}

static bool is_there(const struct upgrade *up, size_t table)
{
    return up->found[table]->columns[0] != '\0';
}

/* The views over the tables of this name with a prefix. */
static err_t make_views(struct upgrade *up, const char *prefix)
{
    struct answer none;
    err_t err = ERR_OK;
    for (size_t i = 0; i < TABLES && err == ERR_OK; i++) {
        err = is_there(up, i)
                  ? ask(up->conn, &none, "CREATE TEMP VIEW raw_%s AS SELECT %s FROM main.%s%s",
                        tables[i], up->found[i]->select, prefix, tables[i])
                  : ask(up->conn, &none, "CREATE TEMP VIEW raw_%s AS SELECT %s WHERE 0", tables[i],
                        up->found[i]->select);
    }
    return err == ERR_OK ? conn_exec(up->conn, make_v15_views) : err;
}

static err_t drop_views(struct upgrade *up)
{
    struct answer none;
    err_t err = conn_exec(up->conn, drop_v15_views);
    for (size_t i = 0; i < TABLES && err == ERR_OK; i++) {
        err = ask(up->conn, &none, "DROP VIEW temp.raw_%s", tables[i]);
    }
    return err;
}

static err_t refuse_row(const struct upgrade *up, const char *table, const char *row_id,
                        const char *column, const char *text)
{
    return err_set(up->info, ERR_INVALID,
                   "database %s cannot be upgraded: table %s, rowid %s, column %s holds %s;"
                   " correct or delete that row with the sqlite3 program",
                   up->options->path, table, row_id, column, text);
}

static err_t check_lifetimes(struct upgrade *up)
{
    if (up->options->lifetime_ok == NULL) {
        return ERR_OK;
    }
    char row_id[24] = "";
    struct query q = query_start(
        up->conn, "SELECT row_id, file_expiration_time FROM v15_guest_links ORDER BY row_id");
    while (row_id[0] == '\0' && query_row(&q)) {
        if (!up->options->lifetime_ok(query_column_text(&q, 1))) {
            (void)snprintf(row_id, sizeof row_id, "%" PRId64, query_column_int(&q, 0));
        }
    }
    err_t err = query_end(&q);
    return err != ERR_OK || row_id[0] == '\0'
               ? err
               : refuse_row(up, "guest_links", row_id, "file_expiration_time",
                            "no lifetime of 24 hours or more");
}

static err_t check_rows(struct upgrade *up)
{
    for (size_t i = 0; i < ARRAY_LEN(flaws); i++) {
        struct answer row;
        err_t err =
            ask(up->conn, &row, "SELECT row_id FROM v15_%s WHERE %s ORDER BY row_id LIMIT 1",
                flaws[i].table, flaws[i].is_wrong);
        if (err != ERR_OK) {
            return err;
        }
        if (row.text[0] != '\0') {
            return refuse_row(up, flaws[i].table, row.text, flaws[i].column, flaws[i].text);
        }
    }
    return check_lifetimes(up);
}

/* Bytes that the file will grow by. For a while all rows are there twice; they get more indexes
 * than they had; and the journal has a page for some five hundred that are freed. */
static const char room_sql[] =
    "SELECT page_size * (page_count - freelist_count) * 513 / 512 - page_size * freelist_count"
    " + 256 * (SELECT count(*) FROM raw_entries) + 64 * (SELECT count(*) FROM raw_entries_data)"
    " + 64 * (SELECT count(*) FROM raw_downloads)"
    " FROM pragma_page_size, pragma_page_count, pragma_freelist_count";

static err_t check_room(struct upgrade *up)
{
    int64_t need = 0;
    err_t err = conn_int(up->conn, room_sql, &need);
    if (err != ERR_OK) {
        return err;
    }
    need = need > 0 ? need : 0;
    if (up->options->foreign_checkpoints) {
        need *= 2; /* in the log first */
    }
    need += DISK_RESERVE_BYTES;
    int64_t left = disk_bytes_left(up->options->path);
    if (left >= 0 && left < need) {
        return err_set(up->info, ERR_FULL,
                       "upgrading database %s needs %" PRId64 " MiB of free space, and there are"
                       " %" PRId64 " MiB; make room and start again",
                       up->options->path, need / MIB + 1, left / MIB);
    }
    return ERR_OK;
}

static err_t look(struct upgrade *up)
{
    err_t err = ERR_OK;
    for (size_t i = 0; i < TABLES && err == ERR_OK; i++) {
        err = find_layout(up, i);
    }
    if (err == ERR_OK) {
        err = make_views(up, "");
    }
    if (err == ERR_OK) {
        err = check_rows(up);
    }
    if (err == ERR_OK) {
        err = check_room(up);
    }
    return err == ERR_OK ? drop_views(up) : err;
}

/* ---- changing ---- */

static err_t rename_tables(struct upgrade *up)
{
    /* An index keeps its name when its table gets another. */
    struct answer none;
    err_t err = conn_exec(up->conn, "DROP INDEX IF EXISTS main.idx_entries_guest_link_id;"
                                    "DROP INDEX IF EXISTS main.idx_entries_data_length");
    for (size_t i = 0; i < TABLES && err == ERR_OK; i++) {
        if (is_there(up, i)) {
            err =
                ask(up->conn, &none, "ALTER TABLE main.%s RENAME TO old_%s", tables[i], tables[i]);
        }
    }
    return err;
}

static err_t drop_tables(struct upgrade *up)
{
    struct answer none;
    err_t err = ERR_OK;
    for (size_t i = 0; i < TABLES && err == ERR_OK; i++) {
        if (is_there(up, i)) {
            err = ask(up->conn, &none, "DROP TABLE main.old_%s", tables[i]);
        }
    }
    return err;
}

static err_t check_foreign_keys(struct upgrade *up)
{
    struct answer table;
    err_t err = ask(up->conn, &table, "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1");
    if (err == ERR_OK && table.text[0] != '\0') {
        return err_set(up->info, ERR_CORRUPT,
                       "database %s cannot be upgraded: rows of table %s refer to nothing",
                       up->options->path, table.text);
    }
    return err;
}

static err_t replace_tables(struct upgrade *up)
{
    err_t err = rename_tables(up);
    if (err == ERR_OK) {
        err = make_views(up, "old_");
    }
    if (err == ERR_OK) {
        err = schema_create_tables(up->conn);
    }
    if (err == ERR_OK) {
        err = conn_exec(up->conn, copy_rows);
    }
    if (err == ERR_OK) {
        err = drop_views(up);
    }
    if (err == ERR_OK) {
        err = drop_tables(up);
    }
    return err == ERR_OK ? check_foreign_keys(up) : err;
}

/* Keeps what SQLite has to say about the error, unless something was said already. */
static void explain(const struct upgrade *up, err_t err)
{
    if (up->info->text[0] != '\0') {
        return;
    }
    if (err == ERR_BUSY) {
        (void)err_set(up->info, err,
                      "database %s is to be upgraded, but another program has it open; stop that"
                      " and start again",
                      up->options->path);
    } else {
        (void)err_set(up->info, err, "cannot upgrade database %s: %s", up->options->path,
                      sqlite3_errmsg(up->conn->db));
    }
}

static err_t run_transaction(struct upgrade *up)
{
    err_t err = conn_exec(up->conn, "BEGIN EXCLUSIVE");
    if (err == ERR_OK) {
        err = replace_tables(up);
    }
    if (err == ERR_OK) {
        err = conn_exec(up->conn, "COMMIT");
    }
    if (err != ERR_OK) {
        explain(up, err); /* before the roll-back has the last word */
        (void)sqlite3_exec(up->conn->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return err;
}

/* Foreign keys and the old way of renaming cannot be switched in a transaction. With them, SQLite
 * would delete what refers to a dropped table and follow the old names, some of which lead nowhere
 * since version 3. */
static err_t change(struct upgrade *up)
{
    err_t err = conn_exec(up->conn, "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;"
                                    "PRAGMA secure_delete = FAST; PRAGMA wal_autocheckpoint = 0");
    if (err == ERR_OK) {
        err = run_transaction(up);
    }
    err_t back = conn_exec(up->conn, "PRAGMA foreign_keys = ON; PRAGMA legacy_alter_table = OFF");
    return err != ERR_OK ? err : back;
}

static err_t change_outside_log(struct upgrade *up)
{
    struct answer mode;
    err_t err = ask(up->conn, &mode, "PRAGMA main.journal_mode");
    if (err == ERR_OK) {
        err = flush_log_again(up->conn);
        if (err != ERR_OK) {
            return err_set(up->info, err, "cannot write the log of database %s to the disk: %s",
                           up->options->path, err_name(err));
        }
    }
    bool logged =
        err == ERR_OK && strcmp(mode.text, "wal") == 0 && !up->options->foreign_checkpoints;
    if (logged) {
        /* Only who is alone with the file can do this: nobody is surprised by other tables. */
        err = ask(up->conn, &mode, "PRAGMA main.journal_mode = DELETE");
    }
    if (err == ERR_OK) {
        err = change(up);
    }
    if (err != ERR_OK && logged) {
        explain(up, err);
        (void)sqlite3_exec(up->conn->db, "PRAGMA main.journal_mode = WAL", NULL, NULL, NULL);
    }
    return err;
}

err_t upgrade_to_15(struct conn *conn, const struct store_options *options,
                    struct err_info *ret_info)
{
    struct err_info info = {""};
    struct upgrade up = {.conn = conn, .options = options, .info = &info};
    err_t err = look(&up);
    if (err != ERR_OK) {
        schema_leave_untouched(conn);
    } else {
        err = change_outside_log(&up);
    }
    if (err != ERR_OK) {
        explain(&up, err);
        return err_set(ret_info, err, "%s", info.text);
    }
    return ERR_OK;
}
