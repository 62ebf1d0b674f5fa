/* scrub.h — looks in the background whether every stored file is whole, again and again.
 *
 * A round goes through all files, at most so many bytes and SCRUB_MS of every second, so that
 * others hardly notice; the next one begins SCRUB_EVERY_S after the end of the last. Where it is
 * survives a restart. What is found is kept in the database (store_note_damage): a damaged file is
 * reported once, and once more when it is whole again.
 *
 * scrub_work() and scrub_free() belong to one thread, which the reports come on; scrub_free() after
 * store_close(). Any thread may ask for the state. */
#ifndef PICOSHARE_CORE_SCRUB_H
#define PICOSHARE_CORE_SCRUB_H

#include "picoshare/store/verify.h"

struct scrub;

enum scrub_event {
    SCRUB_DAMAGED,
    SCRUB_WHOLE_AGAIN,
    SCRUB_ROUND,  /* has ended */
    SCRUB_FAILED, /* the round ended early, as the table of files cannot be read; again in an hour
                   */
};

struct scrub_report {
    enum scrub_event event;
    const char *id;        /* of the file; borrowed, as the others */
    struct slice filename; /* may hold any bytes */
    const char *text;      /* what is wrong */
    int64_t files;         /* round: looked at since the start of the program, or of the round */
    err_t result;          /* failed */
};

struct scrub_state {
    bool on;
    bool running;                   /* a round is */
    char last_id[ENTRY_ID_LEN + 1]; /* the file looked at last; "": none since the start */
    int64_t last_time;              /* when; seconds since 1970 */
    int64_t round_ended;            /* the last complete round; 0: there was none */
};

/* bytes_per_s 0: it does nothing. */
err_t scrub_new(struct store *store, const struct clock *clock, int64_t bytes_per_s,
                void (*report)(const struct scrub_report *report),
                struct scrub **ret_scrub) MUST_CHECK;
void scrub_free(struct scrub *scrub);

/* To be called once a second. */
void scrub_work(struct scrub *scrub);
void scrub_state(struct scrub *scrub, struct scrub_state *ret_state);

#endif
