/* main.c — puts the program together, waits for a signal, takes it apart in order.
 *
 * Start: options, the socket, passphrase, user, whatever is read outside the database's directory;
 * then, inside the sandbox, database (and its writer thread), sessions, upload budget, HTTP
 * workers, maintenance thread. Stop: maintenance, HTTP (running requests get their time), then the
 * store finishes its queue; nothing is freed before those who use it are gone. */
#include "backup_command.h"
#include "check_command.h"
#include "convert_command.h"
#include "download_command.h"
#include "health_command.h"
#include "options.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/lock.h"
#include "picoshare/base/log.h"
#include "picoshare/core/measurer.h"
#include "picoshare/core/pulse.h"
#include "picoshare/core/rules.h"
#include "picoshare/core/scrub.h"
#include "picoshare/core/sessions.h"
#include "picoshare/core/upkeep.h"
#include "picoshare/core/upload.h"
#include "picoshare/http/server.h"
#include "picoshare/store/store.h"
#include "picoshare/sys/memory.h"
#include "picoshare/sys/process.h"
#include "picoshare/sys/sandbox.h"
#include "picoshare/sys/service.h"
#include "picoshare/web/app.h"
#include "restore_command.h"
#include "upload_command.h"
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct program {
    struct options options;
    struct app app;
    struct server *server;
    int fd;         /* the socket, until the server has it; -1: none */
    int metrics_fd; /* likewise */
    struct memory_files *memory_files;
    struct sandbox sandbox;
    char sandbox_text[SANDBOX_TEXT_SIZE];

    pthread_t maintenance;
    struct lock lock; /* guards stopping */
    pthread_cond_t wake;
    bool stopping;

    struct measurer *measurer; /* the maintenance thread's; NULL: all is measured */
    struct service service;
    struct pulse *pulse; /* the maintenance thread's; NULL: nobody wants to know */
};

/* ---- maintenance: once a second ---- */

static void report_upkeep(const struct upkeep_report *report)
{
    char expired[24];
    char orphans[24];
    char pages[24];
    (void)snprintf(expired, sizeof expired, "%" PRId64, report->expired);
    (void)snprintf(orphans, sizeof orphans, "%" PRId64, report->orphans);
    (void)snprintf(pages, sizeof pages, "%" PRId64, report->pages_freed);
    bool collected = report->step == UPKEEP_COLLECTING;
    if (report->result == ERR_INVALID) {
        log_event(LOG_WARN, "no pages were given back", "reason",
                  "not beside Litestream, and not before \"picoshare convert\"", NULL);
    } else if (report->result != ERR_OK) {
        log_event(LOG_WARN, collected ? "collection ended early" : "vacuum ended early", "reason",
                  err_name(report->result), NULL);
    } else if (collected) {
        log_event(LOG_INFO, "collected", "expired", expired, "orphans", orphans, NULL);
    } else {
        log_event(LOG_INFO, "gave pages back", "pages", pages, NULL);
    }
}

static void measure(struct program *program)
{
    err_t err = measurer_work(program->measurer, MEASURE_MS);
    if (err == ERR_CORRUPT) {
        log_event(LOG_ERROR, "file is damaged", "id", measurer_file(program->measurer), NULL);
    } else if (err == ERR_NOTFOUND) {
        char files[24];
        (void)snprintf(files, sizeof files, "%" PRId64, measurer_digests(program->measurer));
        if (measurer_digests(program->measurer) > 0) {
            log_event(LOG_INFO, "recorded digests of older files", "files", files, NULL);
        }
        measurer_free(TAKE(program->measurer));
    }
}

static void report_scrub(const struct scrub_report *report)
{
    enum { NAME_BYTES = 255 };
    char name[NAME_BYTES + 1];
    char files[24];
    struct slice filename = report->filename;
    filename.len = slice_find(filename, '\0');
    filename.len = filename.len < NAME_BYTES ? filename.len : NAME_BYTES;
    (void)slice_copy(filename, name, sizeof name);
    (void)snprintf(files, sizeof files, "%" PRId64, report->files);
    switch (report->event) {
    case SCRUB_DAMAGED:
        log_event(LOG_ERROR, "file is damaged", "id", report->id, "name", name, "reason",
                  report->text, NULL);
        break;
    case SCRUB_WHOLE_AGAIN:
        log_event(LOG_INFO, "file is whole again", "id", report->id, "name", name, NULL);
        break;
    case SCRUB_ROUND:
        log_event(LOG_INFO, "looked for damage in all files", "files", files, NULL);
        break;
    case SCRUB_FAILED:
        log_event(LOG_ERROR, "looking for damage ended early", "reason", err_name(report->result),
                  NULL);
        break;
    }
}

/* Only when the writer and the workers do their work: maintenance does, as this shows. */
static void feed_watchdog(struct program *program)
{
    if (program->pulse != NULL && pulse_beats(program->pulse) &&
        !server_is_stuck(program->server)) {
        service_tell(&program->service, "WATCHDOG=1");
    }
}

static bool stopping_after(struct program *program, int64_t ms)
{
    lock_take(&program->lock);
    if (!program->stopping) {
        (void)lock_cond_wait(&program->wake, &program->lock, ms);
    }
    bool stopping = program->stopping;
    lock_give(&program->lock);
    return stopping;
}

static void *maintenance_main(void *arg)
{
    struct program *program = arg;
    (void)pthread_setname_np(pthread_self(), "maintenance");
    do {
        upkeep_tick(program->app.upkeep);
        server_tick(program->server);
        uploads_tick(program->app.uploads);
        feed_watchdog(program);
        if (program->measurer != NULL) {
            measure(program);
        } else {
            scrub_work(program->app.scrub);
        }
    } while (!stopping_after(program, 1000));
    return NULL;
}

/* ---- start ---- */

static int fatal(const struct err_info *info)
{
    log_event(LOG_ERROR, info->text, NULL);
    return EXIT_FAILURE;
}

/* The passphrase is shown, or not; nobody asks for it afterwards. */
static void announce(struct program *program)
{
    struct options *options = &program->options;
    if (options->metrics_address != NULL) {
        char port[8];
        (void)snprintf(port, sizeof port, "%u", server_metrics_port(program->server));
        log_event(LOG_INFO, "serving metrics", "address", options->metrics_host, "port", port,
                  NULL);
    }
    /* The last line about it: who waits for the program waits for this one. */
    char url[64];
    (void)snprintf(url, sizeof url, "http://localhost:%u/", server_port(program->server));
    log_event(LOG_INFO, "listening", "url", url, "db", options->db, "version", PICOSHARE_VERSION,
              NULL);
    if (options->made_passphrase_file[0] != '\0') {
        (void)fprintf(stderr,
                      "\nNo passphrase was set, so there is a random one: %s\n"
                      "It is kept in %s. To choose your own, set PS_SHARED_SECRET or"
                      " PS_SHARED_SECRET_FILE.\n\n",
                      options->passphrase, options->made_passphrase_file);
    }
    digest_wipe(options->passphrase, sizeof options->passphrase);
}

static void announce_upgrade(const struct store *store)
{
    char version[24];
    (void)snprintf(version, sizeof version, "%" PRId64, store_upgraded_from(store));
    if (store_upgraded_from(store) >= 0) {
        log_event(LOG_INFO, "upgraded the database", "from", version, "to", "15", NULL);
    }
}

static void announce_conversion(const struct store *store, const char *db)
{
    if (store_can_convert(store)) {
        log_event(LOG_INFO, "this database cannot give the space of deleted files back to the disk",
                  "remedy", "stop, run: picoshare convert -db PATH, start", "path", db, NULL);
    }
}

static void report_store(enum store_event event)
{
    if (event == STORE_DISTRUSTED) {
        log_event(LOG_ERROR, "the disk did not keep what was written to it: changes are refused",
                  "remedy", "look at the disk and the kernel's log", NULL);
    } else {
        log_event(LOG_WARN, "the log was written again: changes are stored again", NULL);
    }
}

static bool lifetime_ok(struct slice text)
{
    int64_t ns = 0;
    return rules_file_lifetime(text, &ns) == NULL;
}

/* What needs root, or names that only root may read: the port and the passphrase; then root is left
 * when that was asked for. */
static err_t prepare_as_started(struct program *program, struct err_info *info)
{
    struct options *options = &program->options;
    err_t err = service_take_socket(&program->fd, info);
    if (err == ERR_OK && program->fd < 0) {
        err = server_bind(options->address, options->port, &program->fd, info);
    }
    if (err == ERR_OK && options->metrics_address != NULL) {
        const char *host = options->metrics_host[0] != '\0' ? options->metrics_host : NULL;
        err = server_bind(host, options->metrics_port, &program->metrics_fd, info);
    }
    if (err == ERR_OK) {
        err = options_read_passphrase(options, info);
    }
    if (err == ERR_OK && options->user != NULL) {
        err = process_become_user(options->user, info);
    }
    if (err == ERR_OK && options->user == NULL && geteuid() == 0) {
        log_event(LOG_WARN, "running as root", "remedy",
                  "start it as another user, or with -user NAME", NULL);
    }
    return err;
}

/* What lies outside the database's directory and is read once, or kept open. */
static err_t read_ahead(struct program *program, struct err_info *info)
{
    uint8_t drawn = 0;
    tzset();
    if (service_open(&program->service, info) != ERR_OK) {
        log_event(LOG_WARN, info->text,
                  NULL); /* it may be long gone, and only its name inherited */
    }
    program->memory_files = memory_open();
    store_prepare();
    app_prepare();
    err_t err = digest_prepare();
    if (err == ERR_OK) {
        err = rng_fill(&rng_system, &drawn, sizeof drawn);
    }
    return err == ERR_OK ? ERR_OK : err_set(info, err, "cannot start: %s", err_name(err));
}

static err_t prepare(struct program *program, struct err_info *info)
{
    struct options *options = &program->options;
    err_t err = prepare_as_started(program, info);
    if (err == ERR_OK) {
        err = options_make_directory(options, info);
    }
    if (err == ERR_OK && options->passphrase[0] == '\0') {
        err = options_keep_passphrase(options, &rng_system, info);
    }
    if (err == ERR_OK) {
        err = read_ahead(program, info);
    }
    return err;
}

/* From here on only what a running server needs. */
static err_t enter_sandbox(struct program *program, struct err_info *info)
{
    char text[SANDBOX_TEXT_SIZE + 16];
    if (!program->options.no_sandbox) {
        err_t err = sandbox_enter(program->options.directory, &program->sandbox, info);
        if (err != ERR_OK) {
            return err;
        }
    }
    sandbox_print(&program->sandbox, program->sandbox_text);
    (void)snprintf(text, sizeof text, "sandbox: %s", program->sandbox_text);
    log_event(sandbox_is_complete(&program->sandbox) ? LOG_INFO : LOG_WARN, text, NULL);
    return ERR_OK;
}

static err_t open_app(struct program *program, struct err_info *info)
{
    struct options *options = &program->options;
    struct app *app = &program->app;
    app->clock = &clock_system;
    app->rng = &rng_system;
    app->public_url = options->public_url;
    app->measure_memory = memory_measure;
    app->memory_files = program->memory_files;
    app->sandbox = program->sandbox_text;
    app->sandbox_complete = sandbox_is_complete(&program->sandbox);
    app->started = clock_now_s(app->clock);
    app->version = PICOSHARE_VERSION;
    app->revision = PICOSHARE_REVISION;
    app->commit_time = PICOSHARE_COMMIT_TIME;
    struct store_options store_options = {
        .path = options->db_file,
        .clock = app->clock,
        .event = report_store,
        .foreign_checkpoints = options->foreign_checkpoints,
        .lifetime_ok = lifetime_ok,
        .history_rows = options->history_rows,
        .secure_delete = options->secure_delete,
    };
    err_t err = store_open(&store_options, &app->store, info);
    if (err != ERR_OK) {
        return err;
    }
    announce_upgrade(app->store);
    announce_conversion(app->store, options->db);
    err = sessions_new(app->store, app->clock, app->rng, slice_str(options->passphrase),
                       &app->sessions);
    if (err == ERR_OK) {
        err = throttle_new(app->clock, &app->throttle);
    }
    if (err == ERR_OK) {
        err = uploads_new(app->store, app->clock, app->rng, &app->uploads);
    }
    if (err == ERR_OK) {
        err = upkeep_new(app->store, app->clock, options->vacuum, report_upkeep, &app->upkeep);
    }
    if (err == ERR_OK) {
        err = measurer_new(app->store, app->clock, &program->measurer);
    }
    if (err == ERR_OK) {
        err = scrub_new(app->store, app->clock, options->check_rate * 1000000, report_scrub,
                        &app->scrub);
    }
    if (err == ERR_OK) {
        err = backup_new(app->store, &app->backup);
    }
    if (err == ERR_OK && program->service.watched) {
        err = pulse_new(app->store, &program->pulse);
    }
    return err == ERR_OK ? ERR_OK : err_set(info, err, "cannot start: %s", err_name(err));
}

static void close_app(struct program *program)
{
    measurer_free(program->measurer);
    store_close(program->app.store); /* runs what is queued, which frees the last uploads */
    upkeep_free(program->app.upkeep);
    scrub_free(program->app.scrub);
    backup_free(program->app.backup);
    pulse_free(program->pulse);
    uploads_free(program->app.uploads);
    throttle_free(program->app.throttle);
    sessions_free(program->app.sessions);
    memory_close(program->memory_files);
    service_close(&program->service);
    if (program->fd >= 0) {
        (void)close(program->fd);
    }
    if (program->metrics_fd >= 0) {
        (void)close(program->metrics_fd);
    }
}

static int run(struct program *program, const sigset_t *signals)
{
    struct err_info info = {.text = ""};
    struct server_options server_options = {
        .fd = program->fd,
        .metrics_fd = program->metrics_fd,
        .clock = program->app.clock,
        .rng = program->app.rng,
        .proxy = &program->options.proxy,
        .app = &program->app,
        .begin = app_begin,
        .refuse = app_refuse,
    };
    if (server_start(&server_options, &program->server, &info) != ERR_OK) {
        return fatal(&info);
    }
    program->fd = -1;
    program->metrics_fd = -1;
    lock_init(&program->lock);
    lock_cond_init(&program->wake);
    int error = pthread_create(&program->maintenance, NULL, maintenance_main, program);
    if (error != 0) {
        (void)server_stop(program->server);
        server_free(program->server);
        (void)err_set(&info, ERR_NOMEM, "cannot start the maintenance: %s", strerror(error));
        return fatal(&info);
    }
    announce(program);
    service_tell(&program->service, "READY=1\nSTATUS=Serving files");

    int signal = 0;
    check(sigwait(signals, &signal) == 0);
    log_event(LOG_INFO, "stopping", "signal", strsignal(signal), NULL);
    service_tell(&program->service, "STOPPING=1\nSTATUS=Letting requests end");
    /* A second signal ends the program at once. */
    check(pthread_sigmask(SIG_UNBLOCK, signals, NULL) == 0);

    lock_take(&program->lock);
    program->stopping = true;
    check(pthread_cond_signal(&program->wake) == 0);
    lock_give(&program->lock);
    check(pthread_join(program->maintenance, NULL) == 0);
    bool in_time = server_stop(program->server);
    server_free(program->server);
    if (!in_time) {
        log_event(LOG_WARN, "requests were cut off", NULL);
    }
    return in_time ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void exit_at_once(int signal)
{
    (void)signal;
    _exit(EXIT_FAILURE);
}

/* What the program does instead of serving. */
static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"backup", backup_command},     {"check", check_command},   {"convert", convert_command},
    {"download", download_command}, {"health", health_command}, {"restore", restore_command},
    {"upload", upload_command},
};

int main(int argc, char **argv)
{
    static struct program program = {.fd = -1, .metrics_fd = -1, .service = {.fd = -1}};
    for (size_t i = 0; i < ARRAY_LEN(commands) && argc > 1; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    switch (options_parse(argc, argv, &program.options)) {
    case FLAGS_SHOWN:
        return EXIT_SUCCESS;
    case FLAGS_MISUSED:
        return 2;
    case FLAGS_RUN:
        break;
    }
    log_set_level(program.options.debug ? LOG_DEBUG : LOG_INFO);
    log_set_format(program.options.log);
    process_hide_memory();
    process_tune_memory();
    if (process_raise_file_limit() != ERR_OK) {
        log_event(LOG_WARN, "the limit of open files is low", NULL);
    }
    /* Blocked here, so in every thread; taken by sigwait. */
    sigset_t signals;
    check(sigemptyset(&signals) == 0 && sigaddset(&signals, SIGINT) == 0 &&
          sigaddset(&signals, SIGTERM) == 0);
    struct sigaction action = {.sa_handler = exit_at_once};
    check(sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0);
    check(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    check(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);

    struct err_info info = {.text = ""};
    bool ready = prepare(&program, &info) == ERR_OK && enter_sandbox(&program, &info) == ERR_OK &&
                 open_app(&program, &info) == ERR_OK;
    int code = ready ? run(&program, &signals) : fatal(&info);
    close_app(&program);
    return code;
}
