/* options.h — what the owner asked for: flags, environment, and the passphrase.
 * Everything here is used by the main thread before others start. Strings are owned by struct
 * options or borrowed from argv and the environment, for the program's life. */
#ifndef PICOSHARE_OPTIONS_H
#define PICOSHARE_OPTIONS_H

#include "flags.h"
#include "picoshare/base/err.h"
#include "picoshare/base/log.h"
#include "picoshare/base/rng.h"
#include "picoshare/http/proxy.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum { MAX_PASSPHRASE_BYTES = 1024 }; /* as much as Basic authentication carries */

struct options {
    const char *db;
    const char *address;    /* NULL: all */
    const char *public_url; /* scheme and host; NULL: as the client asked */
    const char *secret_file;
    const char *trusted_proxies;
    const char *metrics_address; /* ADDRESS:PORT for watching; NULL: none */
    const char *log_format;
    uint16_t port;
    int64_t history_rows; /* downloads of a file that are remembered */
    int64_t check_rate;   /* MB a second that are read to look for damage */
    bool behind_proxy;
    bool foreign_checkpoints; /* Litestream is beside us */
    bool vacuum;
    bool secure_delete;
    bool no_sandbox;
    const char *user; /* to become when started by root; NULL: none was asked for */
    bool debug;
    struct proxy_config proxy;
    char metrics_host[64]; /* of metrics_address; "": all */
    uint16_t metrics_port;
    enum log_format log;
    char public_url_text[256]; /* what public_url points to */
    char db_file[PATH_MAX];    /* db, or where it leads when it is a link */
    char directory[PATH_MAX];  /* of that file, without links */
    char passphrase[MAX_PASSPHRASE_BYTES + 1];
    /* Set when the passphrase is one that the program made itself: where it is kept. */
    char made_passphrase_file[4096];
};

/* Where a server is that nobody has told anything. */
#define OPTIONS_DB "data/store.db"
enum { OPTIONS_PORT = 4001 };

enum flags_outcome options_parse(int argc, char **argv, struct options *ret_options);

/* Creates the directory of the database with its parents, and finds out db_file and directory: the
 * file's companions, its log above all, are made beside the file and not beside a link to it. */
err_t options_make_directory(struct options *options, struct err_info *ret_info) MUST_CHECK;

/* Reads the passphrase from its file or from PS_SHARED_SECRET, which is then wiped out of the
 * environment. It stays empty when there is neither. */
err_t options_read_passphrase(struct options *options, struct err_info *ret_info) MUST_CHECK;
/* A passphrase for who gave none: it is made once, kept beside the database for the owner alone,
 * and found there at the next start. */
err_t options_keep_passphrase(struct options *options, const struct rng *rng,
                              struct err_info *ret_info) MUST_CHECK;
/* The passphrase of the server that runs with these options, for who wants to ask it: from its
 * file, from PS_SHARED_SECRET, or the one that was made. Only db and secret_file are looked at.
 * ERR_NOTFOUND: there is none. */
err_t options_find_passphrase(struct options *options, struct err_info *ret_info) MUST_CHECK;

#endif
