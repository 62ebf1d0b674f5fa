/* limits.h — every budget of the program in one place.
 *
 * Nothing grows with a file's size or with the number of clients beyond a number on this page; at
 * the limit a client waits or gets 503, never the whole machine an out-of-memory kill. Each number
 * says where it comes from. docs/ARCHITECTURE.md, chapter Memory, adds them up. */
#ifndef PICOSHARE_BASE_LIMITS_H
#define PICOSHARE_BASE_LIMITS_H

enum {
    KIB = 1024,
    MIB = 1024 * 1024,

    /* ---- HTTP ---- */
    /* libmicrohttpd's thread pool: a cold read from disk stalls the other connections of its
     * thread, so there are more threads than cores on the machines this is made for. */
    HTTP_WORKERS = 4,
    /* Open connections; with CONNECTION_POOL_BYTES this is at most 32 MiB. */
    MAX_CONNECTIONS = 1024,
    /* From here on they are scarce: a client who has more than its share of them is answered with
     * 503, so that it learns why; idle and slow ones are cut sooner. */
    SOFT_MAX_CONNECTIONS = 960,
    /* A client's share. A trusted proxy, which speaks for many clients, has none. */
    CLIENT_CONNECTIONS = 128,
    /* From here on new ones of a client who has its share are closed at once: the rest is for those
     * who have few. */
    SHARED_CONNECTIONS = 984,
    /* From here on every request is answered with 503: little is left to accept anybody. */
    FULL_CONNECTIONS = 1016,
    /* While they are scarce, this is the time for a request's headers, and between requests. */
    SCARCE_DEADLINE_MS = 5 * 1000,
    /* Request line, headers and socket reads of one connection. Resident for every idle keep-alive
     * connection, which is why it is not larger; uploads are read in pieces of about this size. */
    CONNECTION_POOL_BYTES = 32 * KIB,
    /* Half of the pool: the other half must hold our answer's headers (431 beyond). */
    MAX_HEADER_BYTES = 16 * KIB,
    /* What browsers and proxies of the last decade send at the most (414 beyond). */
    MAX_TARGET_BYTES = 8 * KIB,
    /* One download's buffer, when there are many. */
    DOWNLOAD_BLOCK_BYTES = 64 * KIB,
    /* That of the first few: a whole row, and the most read from SQLite in one go. Finding the
     * place in a row costs as much as copying 64 KiB (docs/decisions/0008). */
    LARGE_BLOCK_BYTES = 320 * KIB,
    MAX_LARGE_BLOCKS = 4,
    /* The first block of a longer download: its first byte need not wait for a whole one. */
    FIRST_BLOCK_BYTES = 16 * KIB,
    /* A body that nobody wants is read this far, for this long, so that its sender gets to see the
     * answer; then the connection is cut. */
    DRAIN_MAX_BYTES = 1 * MIB,
    /* After an answer was written in mid-body: what the two sockets' buffers may hold of the body,
     * since closing with unread bytes would reset the connection and lose the answer. Beyond it
     * nothing is read any more. */
    DRAIN_ANSWERED_BYTES = 16 * MIB,
    DRAIN_MAX_MS = 2000,
    /* A sender who is still at it then is answered in mid-body: the other half is for seeing it. */
    DRAIN_ANSWER_MS = DRAIN_MAX_MS / 2,
    /* A connection that neither sends nor takes a byte for this long is closed. */
    IDLE_TIMEOUT_S = 120,
    /* A request's headers must be complete this long after their first byte. */
    HEADER_DEADLINE_MS = 30 * 1000,
    /* An upload slower than this on average over RATE_WINDOW_MS is cut: ten times slower than the
     * slowest mobile network, so only dead and hostile clients notice. */
    MIN_UPLOAD_BYTES_PER_S = 200,
    RATE_WINDOW_MS = 60 * 1000,
    /* A download slower than this on average over DOWNLOAD_WINDOW_MS is cut; while there are more
     * than SOFT_MAX_CONNECTIONS, over RATE_WINDOW_MS. A telephone on a train has worse minutes, but
     * not five of them, and players and browsers go on where they were cut. */
    MIN_DOWNLOAD_BYTES_PER_S = 1 * KIB,
    DOWNLOAD_WINDOW_MS = 5 * 60 * 1000,
    /* An upload that was given up while nothing came from its client is cut this much later. */
    GIVEN_UP_MS = 1000,
    /* Running requests may end during this time after the signal to stop. */
    SHUTDOWN_GRACE_MS = 5000,
    /* Who had connected just before it is given this long to send a request; browsers connect in
     * advance, and may never send one. */
    FIRST_REQUEST_MS = 1000,
    /* A worker that is with one request for longer than this does not come back: the slowest disk
     * is faster. Nobody looks at it but the watchdog. */
    STUCK_MS = 60 * 1000,

    /* ---- bodies ---- */
    /* The body of a JSON call (improvements.md, limits). */
    MAX_JSON_BYTES = 64 * KIB,
    /* Strangers may send bodies too, to sign in, but a passphrase and its wrapping are small: only
     * so many may be larger than SMALL_JSON_BYTES at the same time. */
    SMALL_JSON_BYTES = 4 * KIB,
    MAX_LARGE_BODIES = 16,
    /* A media type that is stored: as long as the header of a part can be, and with room to spare
     * in the headers of the download's answer. */
    MAX_CONTENT_TYPE_BYTES = 4 * KIB,
    /* One text field of a form; the longest that means anything is a 500-byte note. */
    MAX_FIELD_BYTES = 8 * KIB,
    /* What a form may hold besides the contents of files that are stored: every part's headers and
     * fields, and what nobody asked for. PicoShare takes 10 MiB of it (http-api.md 6.1); headers
     * and delimiters of 64 parts fit into the rest. Nothing of it is kept, so it costs no memory.
     * With it a Content-Length can prove that a file is larger than a guest may send. */
    MAX_FORM_OVERHEAD_BYTES = 12 * MIB,
    /* Seconds a client is told to stay away (Retry-After) when a budget is used up. */
    RETRY_AFTER_S = 5,

    /* ---- pages ---- */
    /* Rows of the list of files on one page (improvements.md, Pages). */
    FILES_PER_PAGE = 50,
    /* Files that one page of the list looks at, when it searches or many have expired: some 50 ms
     * of one worker. */
    LIST_MAX_ROWS = 20000,

    /* ---- uploads ---- */
    /* One row of file contents; PicoShare's number, which databases rely on (database.md 3.4). */
    CHUNK_BYTES = 327680,
    /* Every upload starts with this much and most files never need more; a stalled one holds
     * no more until it has sent more. */
    SMALL_BUFFER_BYTES = 16 * KIB,
    /* All full-size chunk buffers together: 51 of them in 16 MiB. */
    CHUNK_BUFFERS = 16 * MIB / CHUNK_BYTES,
    /* One upload's share, however many there are: the one it fills and those the writer has not
     * stored yet. Enough for four chunks to share a transaction while others are filled. */
    FAIR_BUFFERS = 5,
    /* What long ones share, if it is more: one alone is received while the writer waits for the
     * disk (docs/decisions/0008). */
    LONG_UPLOAD_BUFFERS = 3 * FAIR_BUFFERS,
    /* An upload is a long one from here on. */
    LONG_UPLOAD_BYTES = 16 * MIB,
    /* The share of one client address, so that it cannot take them all. */
    CLIENT_MAX_BUFFERS = CHUNK_BUFFERS / 2,
    /* Guests leave so many to the owner: two uploads at full speed, however many guests stall. */
    OWNER_BUFFERS = 2 * FAIR_BUFFERS,
    /* Running uploads with small buffers: 4 MiB. */
    MAX_UPLOADS = 256,
    /* Guests leave so many to the owner, … */
    OWNER_UPLOADS = 16,
    /* … and one address of a guest leaves half of the rest to the others. */
    GUEST_MAX_UPLOADS = (MAX_UPLOADS - OWNER_UPLOADS) / 2,
    /* Files in one request; as many as the multipart parser accepts parts. */
    MAX_FILES_PER_UPLOAD = 64,
    /* How long an upload waits for a chunk buffer before it is told to try again. */
    BUFFER_WAIT_MS = 60 * 1000,
    /* When one has waited this long (and still has time to get one), … */
    STARVED_MS = BUFFER_WAIT_MS / 3,
    /* … a guest who has needed longer than this for one chunk loses it: below 11 kB/s. */
    SLOW_CHUNK_MS = 30 * 1000,

    /* ---- store ---- */
    /* Read-only connections: as many as there are workers to use them. */
    STORE_READERS = HTTP_WORKERS,
    /* Page caches. The writer's holds the changed pages of one transaction of chunks. */
    WRITER_CACHE_KIB = 2560,
    READER_CACHE_KIB = 384,
    /* Chunks that may share one transaction: beyond it nothing is gained but latency. */
    BATCH_MAX_BYTES = 5 * CHUNK_BYTES,
    BATCH_MAX_JOBS = 256,
    /* Fewer bytes in full chunks wait so long for the next chunk, since each transaction also
     * writes the b-trees' inner pages. A writer that is behind does not wait. */
    BATCH_WANTED_BYTES = 4 * CHUNK_BYTES,
    BATCH_WAIT_MS = 3,
    /* The log is copied into the database from here on without waiting for readers, … */
    WAL_SOFT_BYTES = 8 * MIB,
    /* … from here on waiting for them, … */
    WAL_HARD_BYTES = 32 * MIB,
    /* … and from here on uploads are told to try again later. */
    WAL_REFUSE_BYTES = 56 * MIB,
    /* The log's file has this size from the start and keeps it, so that a full disk still takes
     * what is logged: the soft limit, and the transaction that goes beyond it. */
    WAL_KEPT_BYTES = 10 * MIB,
    /* A file of no content that is given up when the log could not be copied into the database for
     * want of room; as large as what can be in the log then. */
    RESERVE_BYTES = 10 * MIB,
    /* Neither is larger than this part of the file system, for the sake of small ones. */
    RESERVE_PART = 32,
    /* A reserve that was given up is made again when there is room, which is looked for so often.
     */
    RESERVE_EVERY_MS = 5000,
    BUSY_TIMEOUT_MS = 5000,
    /* Room that uploads leave for everything else: logging deletes, small changes, the index of
     * the log. */
    DISK_RESERVE_BYTES = 1 * MIB,
    /* With more room than this nothing is computed: the log and its copy fit several times. */
    DISK_AMPLE_BYTES = 256 * MIB,
    /* One slice of background work, during which everybody else waits. */
    SLICE_MS = 20,
    /* Background work runs at least this often, however busy the writer is. */
    SLICE_EVERY_MS = 200,
    /* A log that was to be copied, so that the file can shrink, and that somebody was reading, is
     * tried again so often. */
    LOG_EVERY_MS = 500,
    /* How long a deleted guest link can be brought back. The page offers it for seconds, but a
     * phone may be put aside, or be without a network, just then. */
    UNDO_S = 600,

    /* ---- sign-in: what wrong passphrases cost (docs/decisions/0006-sign-in-throttle.md) ---- */
    /* Attempts of one client that cost nothing: somebody who has mistyped it tries again. */
    SIGN_IN_FREE_ATTEMPTS = 5,
    /* The wait after the next one; each further attempt doubles it, up to … */
    SIGN_IN_WAIT_S = 1,
    /* … a quarter of an hour: the owner may come back the same evening. */
    SIGN_IN_MAX_WAIT_S = 900,
    /* A client starts afresh this long after its last wait: staying away so long now and then gives
     * it 13 attempts an hour where going on gives 4, and a shorter time would give more. */
    SIGN_IN_FORGET_S = 3600,
    /* More failures than these of all clients together, which no household makes by mistake, … */
    SIGN_IN_TOTAL_FAILURES = 100,
    SIGN_IN_TOTAL_WINDOW_S = 600,
    /* … are an attack from many addresses: each then has one free attempt, and waits this long
     * after its second. */
    SIGN_IN_ALARM_FREE_ATTEMPTS = 1,
    SIGN_IN_ALARM_WAIT_S = 60,
    /* Clients that are remembered: 64 KiB, few enough to be searched from end to end. */
    SIGN_IN_CLIENTS = 1024,

    /* Of every second, what goes into the digests of files that another program stored. */
    MEASURE_MS = 100,

    /* Of every second, what goes at most into looking for damage, however slow the disk is. */
    SCRUB_MS = 100,
    /* MB that are read in it, unless the owner says otherwise: nobody notices it, and 50 GB take
     * seven hours. */
    SCRUB_MB_PER_S = 2,
    /* From the end of a round to the next one. Disks lose bits over months, not days. */
    SCRUB_EVERY_S = 7 * 24 * 3600,
    /* After a round that could not be ended. */
    SCRUB_RETRY_MS = 3600 * 1000,
    /* After a crash at most this much is looked at again. */
    SCRUB_SAVE_MS = 60 * 1000,

    /* ---- sessions and history ---- */
    /* 30 days after their last use (improvements.md, Sign-in). */
    SESSION_LIFETIME_S = 30 * 24 * 3600,
    /* The last use is written down at most this often. */
    SESSION_TOUCH_S = 3600,
    /* A second download from byte 0 by the same client within this time does not count. */
    DOWNLOAD_REPEAT_S = 30,
    /* Downloads that are remembered of one file, unless the owner says otherwise (improvements.md,
     * download history), and after how many more the older ones of a longer history are dropped. */
    HISTORY_MAX_ROWS = 10000,
    HISTORY_PRUNE_EVERY = 64,
    /* Expired and orphaned rows are removed this often, and at start (http-api.md 16). */
    COLLECT_EVERY_S = 7 * 3600,
};

#endif
