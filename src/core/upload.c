/* upload.c — how a byte travels from a request into a chunk row.
 *
 * Every file starts in a small buffer; a file that outgrows it moves into chunk buffers of the
 * pool. A full chunk becomes an append job and the next buffer is filled meanwhile, up to
 * buffers_share() at a time; then upload_write() takes nothing until the writer has given one
 * back. The last, partly filled buffer of the last file travels with the publish job, so a small
 * file is one transaction; that of an earlier file is appended before the next one begins.
 *
 * Two threads meet here: the request's worker, and the writer thread in the done() callbacks. What
 * both touch is guarded by upload.lock; the slots being filled belong to the worker, those with
 * `queued` set to the writer.
 *
 * Life: after upload_close() the upload stays until its last job is done; then the rows of what was
 * not published are discarded, file by file, and it frees itself. */
#include "picoshare/core/upload.h"
#include "picoshare/base/check.h"
#include "picoshare/base/limits.h"
#include "picoshare/base/lock.h"
#include "picoshare/base/mem.h"
#include "picoshare/core/chunkpool.h"
#include "picoshare/core/rules.h"
#include <string.h>

struct uploads {
    struct store *store;
    const struct clock *clock;
    const struct rng *rng;
    struct chunkpool *pool;
    struct lock lock; /* guards the list, and the guests' places of its members */
    struct list all;
    size_t running;
};

/* A buffer and the job that stores it. */
struct slot {
    struct store_append append;
    struct upload *upload;
    char *bytes; /* NULL: the slot is free */
    size_t len;
    bool small;
    bool queued;
};

struct file {
    struct store_draft draft;
    char *filename;
    char *content_type;
    struct sha256 *hash;
    int64_t size;
    int64_t chunks; /* appended or about to be */
    uint8_t sha256[SHA256_BYTES];
};

enum phase { PHASE_RECEIVING, PHASE_PUBLISHING, PHASE_PUBLISHED };

struct upload {
    uint32_t magic;
    struct uploads *uploads;
    struct list all;      /* guarded by uploads.lock */
    int64_t guest_places; /* of the link, held by this upload; guarded by uploads.lock */

    /* constant */
    char guest_link_id[GUEST_LINK_ID_LEN + 1]; /* "": the owner's */
    int64_t max_file_bytes;
    int64_t guest_files_left;

    /* the worker's */
    struct file *files[MAX_FILES_PER_UPLOAD];
    size_t files_count;
    struct slot slots[LONG_UPLOAD_BUFFERS];
    struct slot *filling; /* NULL: none */
    bool in_file;
    int64_t bytes;
    char *note;
    struct store_new_file *new_files;
    struct store_publish publish;

    struct chunk_user user;

    struct lock lock; /* guards the rest */
    void (*wake)(void *arg);
    void (*give_up)(void *arg); /* NULL: nobody wants to know */
    void *wake_arg;
    int64_t chunk_since_ms; /* when the chunk buffer that is being filled was taken; 0: none */
    size_t queued;          /* jobs at the store */
    err_t err;
    enum phase phase;
    bool closed;

    /* after the end */
    struct store_discard discard;
    size_t discarded;
};

enum { UPLOAD_MAGIC = 0x75706c64 };

/* ---- the common budget ---- */

err_t uploads_new(struct store *store, const struct clock *clock, const struct rng *rng,
                  struct uploads **ret_uploads)
{
    struct uploads *uploads = mem_alloc(1, sizeof *uploads);
    if (uploads == NULL) {
        return ERR_NOMEM;
    }
    uploads->store = store;
    uploads->clock = clock;
    uploads->rng = rng;
    err_t err = chunkpool_new(CHUNK_BUFFERS, &uploads->pool);
    if (err != ERR_OK) {
        mem_free(uploads);
        return err;
    }
    lock_init(&uploads->lock);
    list_init(&uploads->all);
    *ret_uploads = uploads;
    return ERR_OK;
}

void uploads_free(struct uploads *uploads)
{
    if (uploads == NULL) {
        return;
    }
    check(list_is_empty(&uploads->all));
    chunkpool_free(uploads->pool);
    lock_done(&uploads->lock);
    mem_free(uploads);
}

static void fail(struct upload *upload, err_t err)
{
    lock_take(&upload->lock);
    if (upload->err == ERR_OK) {
        upload->err = err;
    }
    if (upload->wake != NULL) {
        upload->wake(upload->wake_arg);
    }
    lock_give(&upload->lock);
}

/* As fail(), by another thread than the upload's own. */
static void fail_from_outside(struct upload *upload, err_t err)
{
    lock_take(&upload->lock);
    if (upload->wake != NULL && upload->give_up != NULL) {
        upload->give_up(upload->wake_arg);
    }
    lock_give(&upload->lock);
    fail(upload, err);
}

/* Since when a guest's upload has been filling the chunk it holds; 0: it is not, or has failed. */
static int64_t fills_since(struct upload *upload)
{
    lock_take(&upload->lock);
    bool fills = upload->phase == PHASE_RECEIVING && upload->err == ERR_OK && !upload->closed &&
                 upload->user.is_guest;
    int64_t since = fills ? upload->chunk_since_ms : 0;
    lock_give(&upload->lock);
    return since;
}

/* Takes its chunk from the guest who has been slowest to fill one, if that helps; uploads.lock
 * held. */
static void make_way(struct uploads *uploads, struct upload *waiter, int64_t now)
{
    struct upload *slowest = NULL;
    int64_t longest_since = now - SLOW_CHUNK_MS + 1;
    LIST_EACH(u, &uploads->all, struct upload, all)
    {
        int64_t since = fills_since(u);
        if (since != 0 && since < longest_since &&
            chunkpool_would_help(uploads->pool, &u->user, &waiter->user)) {
            slowest = u;
            longest_since = since;
        }
    }
    if (slowest != NULL) {
        fail_from_outside(slowest, ERR_BUSY);
    }
}

void uploads_tick(struct uploads *uploads)
{
    int64_t now = clock_mono_ms(uploads->clock);
    lock_take(&uploads->lock);
    LIST_EACH(u, &uploads->all, struct upload, all)
    {
        if (chunkpool_waits_since(uploads->pool, &u->user, now - BUFFER_WAIT_MS)) {
            fail_from_outside(u, ERR_BUSY);
        } else if (chunkpool_waits_since(uploads->pool, &u->user, now - STARVED_MS)) {
            make_way(uploads, u, now);
        }
    }
    lock_give(&uploads->lock);
    chunkpool_trim(uploads->pool);
}

void upload_on_give_up(struct upload *upload, void (*give_up)(void *arg))
{
    lock_take(&upload->lock);
    upload->give_up = give_up;
    lock_give(&upload->lock);
}

size_t uploads_running(struct uploads *uploads)
{
    lock_take(&uploads->lock);
    size_t running = uploads->running;
    lock_give(&uploads->lock);
    return running;
}

size_t uploads_buffers_used(struct uploads *uploads)
{
    return chunkpool_used(uploads->pool);
}

/* ---- begin and end ---- */

static void wake_up(struct upload *upload)
{
    lock_take(&upload->lock);
    if (upload->wake != NULL) {
        upload->wake(upload->wake_arg);
    }
    lock_give(&upload->lock);
}

static void on_buffer_ready(struct chunk_user *user)
{
    wake_up(CONTAINER_OF(user, struct upload, user));
}

/* uploads.lock held. */
static int64_t places_held(struct uploads *uploads, const char *link_id)
{
    int64_t held = 0;
    LIST_EACH(u, &uploads->all, const struct upload, all)
    {
        held += strcmp(u->guest_link_id, link_id) == 0 ? u->guest_places : 0;
    }
    return held;
}

int64_t uploads_places_held(struct uploads *uploads, const char *link_id)
{
    lock_take(&uploads->lock);
    int64_t held = places_held(uploads, link_id);
    lock_give(&uploads->lock);
    return held;
}

/* A place for one more file; uploads.lock held. */
static bool take_guest_place(struct uploads *uploads, struct upload *upload)
{
    if (upload->guest_link_id[0] == '\0') {
        return true;
    }
    if (upload->guest_files_left >= 0 &&
        places_held(uploads, upload->guest_link_id) >= upload->guest_files_left) {
        return false;
    }
    upload->guest_places++;
    return true;
}

/* From then on the store decides, in the order of its jobs. */
static bool is_receiving(struct upload *upload)
{
    lock_take(&upload->lock);
    bool receiving = upload->phase == PHASE_RECEIVING;
    lock_give(&upload->lock);
    return receiving;
}

void upload_return_places(struct upload *upload)
{
    lock_take(&upload->uploads->lock);
    upload->guest_places = 0;
    lock_give(&upload->uploads->lock);
}

void uploads_stop_guest(struct uploads *uploads, const char *link_id, err_t err)
{
    lock_take(&uploads->lock);
    LIST_EACH(u, &uploads->all, struct upload, all)
    {
        if (strcmp(u->guest_link_id, link_id) == 0 && is_receiving(u)) {
            fail_from_outside(u, err);
        }
    }
    lock_give(&uploads->lock);
}

/* Whether it is one too many; uploads.lock held. */
static bool is_crowded_out(struct uploads *uploads, const struct upload *upload)
{
    if (!upload->user.is_guest) {
        return uploads->running >= MAX_UPLOADS;
    }
    size_t same = 0;
    LIST_EACH(u, &uploads->all, const struct upload, all)
    {
        same += u->user.is_guest && strcmp(u->user.client, upload->user.client) == 0;
    }
    return uploads->running >= MAX_UPLOADS - OWNER_UPLOADS || same >= GUEST_MAX_UPLOADS;
}

static err_t enlist(struct uploads *uploads, struct upload *upload)
{
    lock_take(&uploads->lock);
    err_t err = is_crowded_out(uploads, upload) ? ERR_BUSY : ERR_OK;
    if (err == ERR_OK && !take_guest_place(uploads, upload)) {
        err = ERR_AUTH;
    }
    if (err == ERR_OK) {
        uploads->running++;
        list_add(&uploads->all, &upload->all);
    }
    lock_give(&uploads->lock);
    return err;
}

static void delist(struct uploads *uploads, struct upload *upload)
{
    lock_take(&uploads->lock);
    uploads->running--;
    list_remove(&upload->all);
    lock_give(&uploads->lock);
}

err_t upload_begin(struct uploads *uploads, const char *client, const struct upload_guest *guest,
                   void (*wake)(void *arg), void *wake_arg, struct upload **ret_upload)
{
    struct upload *upload = mem_alloc(1, sizeof *upload);
    if (upload == NULL) {
        return ERR_NOMEM;
    }
    upload->magic = UPLOAD_MAGIC;
    upload->uploads = uploads;
    upload->wake = wake;
    upload->wake_arg = wake_arg;
    lock_init(&upload->lock);
    for (size_t i = 0; i < LONG_UPLOAD_BUFFERS; i++) {
        upload->slots[i].upload = upload;
    }
    if (guest != NULL) {
        check(slice_copy(slice_str(guest->link_id), upload->guest_link_id,
                         sizeof upload->guest_link_id));
        upload->max_file_bytes = guest->max_file_bytes;
        upload->guest_files_left = guest->files_left;
    }
    chunkpool_join(uploads->pool, &upload->user, client, guest != NULL, on_buffer_ready);
    err_t err = enlist(uploads, upload);
    if (err != ERR_OK) {
        chunkpool_leave(uploads->pool, &upload->user);
        lock_done(&upload->lock);
        mem_free(upload);
        return err;
    }
    *ret_upload = upload;
    return ERR_OK;
}

static void release_slot(struct slot *slot)
{
    char *bytes = TAKE(slot->bytes);
    slot->len = 0;
    slot->queued = false;
    if (slot->small) {
        mem_free(bytes);
    } else if (bytes != NULL) {
        chunkpool_give(slot->upload->uploads->pool, &slot->upload->user, bytes);
    }
}

static void free_file(struct file *file)
{
    if (file != NULL) {
        sha256_free(file->hash);
        mem_free(file->filename);
        mem_free(file->content_type);
        mem_free(file);
    }
}

static void free_upload(struct upload *upload)
{
    struct uploads *uploads = upload->uploads;
    delist(uploads, upload);
    for (size_t i = 0; i < upload->files_count; i++) {
        free_file(upload->files[i]);
    }
    mem_free(upload->note);
    mem_free(upload->new_files);
    lock_done(&upload->lock);
    upload->magic = 0;
    mem_free(upload);
}

/* Removes the rows of the next file that may have some; frees the upload after the last one. */
static void discard_next(struct upload *upload);

static void on_discarded(struct store_job *job)
{
    /* A failure leaves rows without an entry, which the next collection removes. */
    discard_next(job->owner);
}

static void discard_next(struct upload *upload)
{
    while (upload->discarded < upload->files_count) {
        struct file *file = upload->files[upload->discarded++];
        if (file->chunks > 0) {
            store_discard_init(&upload->discard);
            upload->discard.draft = &file->draft;
            upload->discard.job.owner = upload;
            upload->discard.job.done = on_discarded;
            store_submit(upload->uploads->store, &upload->discard.job);
            return;
        }
    }
    free_upload(upload);
}

/* Called once, by whoever finds it closed with no job left at the store. */
static void end_upload(struct upload *upload)
{
    /* The buffers go back at once; removing the rows takes longer. */
    for (size_t i = 0; i < LONG_UPLOAD_BUFFERS; i++) {
        release_slot(&upload->slots[i]);
    }
    chunkpool_leave(upload->uploads->pool, &upload->user);
    if (upload->phase == PHASE_PUBLISHED && upload->err == ERR_OK) {
        free_upload(upload);
    } else {
        discard_next(upload);
    }
}

void upload_close(struct upload *upload)
{
    if (upload == NULL) {
        return;
    }
    check(upload->magic == UPLOAD_MAGIC);
    chunkpool_quit_line(upload->uploads->pool, &upload->user);
    upload_return_places(upload);
    lock_take(&upload->lock);
    check(!upload->closed);
    upload->closed = true;
    upload->wake = NULL;
    bool last = upload->queued == 0;
    lock_give(&upload->lock);
    if (last) {
        end_upload(upload);
    }
}

/* A job has come back from the store. */
static void job_returned(struct upload *upload, err_t result, bool published)
{
    lock_take(&upload->lock);
    upload->queued--;
    if (result != ERR_OK && upload->err == ERR_OK) {
        upload->err = result;
    }
    if (published) {
        upload->phase = PHASE_PUBLISHED;
    }
    if (upload->wake != NULL) {
        upload->wake(upload->wake_arg);
    }
    bool last = upload->closed && upload->queued == 0;
    lock_give(&upload->lock);
    if (last) {
        end_upload(upload);
    }
}

/* ---- receiving ---- */

static struct file *current_file(struct upload *upload)
{
    return upload->files[upload->files_count - 1];
}

err_t upload_error(struct upload *upload)
{
    lock_take(&upload->lock);
    err_t err = upload->err;
    lock_give(&upload->lock);
    return err;
}

static size_t jobs_queued(struct upload *upload)
{
    lock_take(&upload->lock);
    size_t queued = upload->queued;
    lock_give(&upload->lock);
    return queued;
}

static void on_appended(struct store_job *job)
{
    struct slot *slot = job->owner;
    struct upload *upload = slot->upload;
    err_t result = job->result;
    lock_take(&upload->lock);
    char *bytes = TAKE(slot->bytes);
    bool small = slot->small;
    slot->queued = false;
    lock_give(&upload->lock);
    if (small) {
        mem_free(bytes);
    } else {
        chunkpool_give(upload->uploads->pool, &upload->user, bytes);
    }
    job_returned(upload, result, false);
}

/* Hands the buffer that was being filled to the writer. */
static void append_filled(struct upload *upload)
{
    struct slot *slot = TAKE(upload->filling);
    struct file *file = current_file(upload);
    store_append_init(&slot->append);
    slot->append.draft = &file->draft;
    slot->append.chunk_index = file->chunks++;
    slot->append.bytes = slot->bytes;
    slot->append.len = slot->len;
    slot->append.job.bytes = slot->len;
    slot->append.job.owner = slot;
    slot->append.job.done = on_appended;
    lock_take(&upload->lock);
    slot->queued = true;
    upload->queued++;
    upload->chunk_since_ms = 0;
    lock_give(&upload->lock);
    store_submit(upload->uploads->store, &slot->append.job);
}

/* Buffers it should hold at the most. One that has just begun has no more than its fair share:
 * others may have begun together with it. */
static size_t buffers_share(const struct upload *upload)
{
    return upload->bytes < LONG_UPLOAD_BYTES ? FAIR_BUFFERS
                                             : chunkpool_share(upload->uploads->pool);
}

static struct slot *find_free_slot(struct upload *upload)
{
    struct slot *found = NULL;
    size_t share = buffers_share(upload);
    lock_take(&upload->lock);
    for (size_t i = 0; i < LONG_UPLOAD_BUFFERS && found == NULL && upload->queued < share; i++) {
        if (upload->slots[i].bytes == NULL && !upload->slots[i].queued) {
            found = &upload->slots[i];
        }
    }
    lock_give(&upload->lock);
    return found;
}

static size_t slot_capacity(const struct slot *slot)
{
    return slot->small ? SMALL_BUFFER_BYTES : CHUNK_BYTES;
}

static char *take_chunk(struct upload *upload)
{
    int64_t now = clock_mono_ms(upload->uploads->clock);
    char *chunk = chunkpool_take(upload->uploads->pool, &upload->user, now);
    if (chunk != NULL) {
        lock_take(&upload->lock);
        upload->chunk_since_ms = now;
        lock_give(&upload->lock);
    }
    return chunk;
}

/* Sees to it that there is room to fill. False: the upload waits or has failed. */
static bool make_room(struct upload *upload)
{
    struct slot *slot = upload->filling;
    if (slot != NULL && slot->len < slot_capacity(slot)) {
        return true;
    }
    if (slot != NULL && slot->small) {
        char *chunk = take_chunk(upload);
        if (chunk == NULL) {
            return false;
        }
        memcpy(chunk, slot->bytes, slot->len);
        mem_free(slot->bytes);
        slot->bytes = chunk;
        slot->small = false;
        return true;
    }
    slot = find_free_slot(upload);
    if (slot == NULL) {
        return false; /* all of them are at the writer: on_appended() wakes us */
    }
    slot->small = current_file(upload)->size == 0;
    slot->len = 0;
    slot->bytes = slot->small ? mem_alloc(1, SMALL_BUFFER_BYTES) : take_chunk(upload);
    if (slot->small && slot->bytes == NULL) {
        fail(upload, ERR_NOMEM);
    }
    if (slot->bytes != NULL) {
        upload->filling = slot;
    }
    return slot->bytes != NULL;
}

err_t upload_start_file(struct upload *upload, struct slice filename, struct slice content_type)
{
    check(upload->magic == UPLOAD_MAGIC && !upload->in_file);
    if (upload->files_count == MAX_FILES_PER_UPLOAD) {
        return ERR_TOOBIG;
    }
    if (upload->files_count > 0) { /* the first one has its place since the beginning */
        lock_take(&upload->uploads->lock);
        bool place = take_guest_place(upload->uploads, upload);
        lock_give(&upload->uploads->lock);
        if (!place) {
            return ERR_AUTH;
        }
    }
    if (upload->filling != NULL) {
        append_filled(upload); /* the tail of the file before */
    }
    struct file *file = mem_alloc(1, sizeof *file);
    if (file == NULL) {
        return ERR_NOMEM;
    }
    char id[ENTRY_ID_LEN + 1];
    file->filename = mem_dup(filename.ptr, filename.len);
    file->content_type = mem_dup(content_type.ptr, content_type.len);
    err_t err = file->filename != NULL && file->content_type != NULL ? ERR_OK : ERR_NOMEM;
    if (err == ERR_OK) {
        err = sha256_new(&file->hash);
    }
    if (err == ERR_OK) {
        err = rng_text(upload->uploads->rng, rules_id_alphabet, ENTRY_ID_LEN, id);
    }
    if (err != ERR_OK) {
        free_file(file);
        return err;
    }
    store_draft_init(&file->draft, id);
    upload->files[upload->files_count++] = file;
    upload->in_file = true;
    return ERR_OK;
}

size_t upload_write(struct upload *upload, struct slice bytes)
{
    check(upload->magic == UPLOAD_MAGIC && upload->in_file);
    struct file *file = current_file(upload);
    size_t taken = 0;
    if (file->size == 0 && upload->files_count > 1 && jobs_queued(upload) > 0) {
        return 0; /* the tails of earlier files are stored first: one small buffer per upload */
    }
    if (upload->max_file_bytes > 0 && (int64_t)bytes.len > upload->max_file_bytes - file->size) {
        fail(upload, ERR_TOOBIG);
    }
    while (taken < bytes.len && upload_error(upload) == ERR_OK && make_room(upload)) {
        struct slot *slot = upload->filling;
        size_t room = slot_capacity(slot) - slot->len;
        size_t n = bytes.len - taken < room ? bytes.len - taken : room;
        memcpy(slot->bytes + slot->len, bytes.ptr + taken, n);
        err_t err = sha256_add(file->hash, bytes.ptr + taken, n);
        if (err != ERR_OK) {
            fail(upload, err);
        }
        slot->len += n;
        taken += n;
        file->size += (int64_t)n;
        if (slot->len == CHUNK_BYTES) {
            append_filled(upload);
        }
    }
    upload->bytes += (int64_t)taken;
    return taken;
}

err_t upload_end_file(struct upload *upload)
{
    check(upload->magic == UPLOAD_MAGIC && upload->in_file);
    struct file *file = current_file(upload);
    upload->in_file = false;
    if (file->size == 0) {
        return ERR_INVALID;
    }
    return sha256_finish(file->hash, file->sha256);
}

/* ---- publishing ---- */

static void on_published(struct store_job *job)
{
    job_returned(job->owner, job->result, true);
}

err_t upload_publish(struct upload *upload, const struct upload_details *details)
{
    check(upload->magic == UPLOAD_MAGIC && !upload->in_file && upload->files_count > 0);
    err_t err = upload_error(upload);
    if (err != ERR_OK) {
        return err;
    }
    upload->new_files = mem_alloc(upload->files_count, sizeof *upload->new_files);
    if (details->note != NULL) {
        upload->note = mem_dup(details->note, strlen(details->note));
    }
    if (upload->new_files == NULL || (details->note != NULL && upload->note == NULL)) {
        fail(upload, ERR_NOMEM);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < upload->files_count; i++) {
        struct file *file = upload->files[i];
        upload->new_files[i] = (struct store_new_file){
            .draft = &file->draft,
            .filename = file->filename,
            .content_type = file->content_type,
            .size = file->size,
            .chunks = file->chunks,
        };
        memcpy(upload->new_files[i].sha256, file->sha256, SHA256_BYTES);
    }
    if (upload->filling != NULL) {
        struct store_new_file *last = &upload->new_files[upload->files_count - 1];
        last->last_chunk = slice_of(upload->filling->bytes, upload->filling->len);
        last->chunks = ++current_file(upload)->chunks;
    }
    store_publish_init(&upload->publish);
    upload->publish.files = upload->new_files;
    upload->publish.files_count = upload->files_count;
    upload->publish.upload_time = clock_now_s(upload->uploads->clock);
    upload->publish.expiration_time = details->expiration_time;
    upload->publish.note = upload->note;
    upload->publish.guest_link_id = upload->guest_link_id[0] != '\0' ? upload->guest_link_id : NULL;
    upload->publish.job.bytes = upload->filling != NULL ? upload->filling->len : 0;
    upload->publish.job.owner = upload;
    upload->publish.job.done = on_published;
    /* From now on the store counts its files; between the two, more may be let in than the link
     * takes, and the store refuses the last of them. */
    upload_return_places(upload);
    lock_take(&upload->lock);
    /* Chunks that are still queued must be stored before. */
    upload->publish.job.lane = upload->queued > 0 ? STORE_BULK : STORE_URGENT;
    upload->queued++;
    upload->phase = PHASE_PUBLISHING;
    lock_give(&upload->lock);
    store_submit(upload->uploads->store, &upload->publish.job);
    return ERR_OK;
}

bool upload_published(struct upload *upload)
{
    lock_take(&upload->lock);
    bool published = upload->phase == PHASE_PUBLISHED;
    lock_give(&upload->lock);
    return published;
}

/* ---- questions ---- */

size_t upload_files_count(const struct upload *upload)
{
    return upload->files_count;
}

const char *upload_file_id(const struct upload *upload, size_t index)
{
    check(index < upload->files_count);
    return upload->files[index]->draft.id;
}

const char *upload_file_name(const struct upload *upload, size_t index)
{
    check(index < upload->files_count);
    return upload->files[index]->filename;
}

int64_t upload_bytes(const struct upload *upload)
{
    return upload->bytes;
}
