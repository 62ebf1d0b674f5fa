/* asset_packer.c — packs the files below a directory into one C file, at build time.
 *
 *     asset_packer STATIC_DIR OUT.c
 *
 * Every file becomes a struct asset (web/asset.h): its bytes, its Content-Type by extension, a
 * strong ETag made from its contents, and a gzip form with an ETag of its own when that saves more
 * than a tenth. Names that begin with "." or "_" are left out, with all that is below them. The
 * table is sorted by path, byte by byte, so that asset_find can search it by halves; the same files
 * give the same output on every machine. */
#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
    MAX_ASSETS = 256,           /* several times what the pages use */
    MAX_ASSET_BYTES = 1 << 20,  /* the pages are small; a larger file is a mistake */
    GZIP_WINDOW_BITS = 15 + 16, /* zlib.h: the largest window, gzip header and trailer */
    GZIP_MEMORY_LEVEL = 9,
    BYTES_PER_LINE = 20,
};

struct file {
    char *fs_path;    /* owned */
    const char *path; /* "/css/style.css", inside fs_path */
    const char *content_type;
};

struct blob {
    uint8_t *ptr; /* owned */
    size_t len;
};

static const struct {
    const char *extension;
    const char *content_type;
} content_types[] = {
    {".css", "text/css; charset=utf-8"},
    {".ico", "image/vnd.microsoft.icon"},
    {".js", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".png", "image/png"},
    {".svg", "image/svg+xml"},
    {".txt", "text/plain; charset=utf-8"},
    {".webmanifest", "application/manifest+json"},
    {".xml", "text/xml; charset=utf-8"},
};

__attribute__((format(printf, 2, 3))) static _Noreturn void fail(const char *path, const char *fmt,
                                                                 ...)
{
    va_list args;
    fprintf(stderr, "%s: ", path);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static const char *content_type_of(const char *path)
{
    const char *extension = strrchr(path, '.');
    for (size_t i = 0; i < sizeof(content_types) / sizeof(content_types[0]); i++) {
        if (extension != NULL && strcmp(extension, content_types[i].extension) == 0) {
            return content_types[i].content_type;
        }
    }
    fail(path, "no content type is known for this file name");
}

/* ---- finding -----------------------------------------------------------------------------------
 */

static int compare_paths(const void *a, const void *b)
{
    const struct file *left = a;
    const struct file *right = b;
    return strcmp(left->path, right->path);
}

static size_t find_files(char *dir, struct file ret_files[MAX_ASSETS])
{
    char *roots[] = {dir, NULL};
    size_t dir_len = strlen(dir);
    size_t count = 0;
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (tree == NULL) {
        fail(dir, "%s", strerror(errno));
    }
    for (;;) {
        errno = 0;
        FTSENT *entry = fts_read(tree);
        if (entry == NULL) {
            break;
        }
        bool hidden = entry->fts_name[0] == '.' || entry->fts_name[0] == '_';
        if (entry->fts_level > FTS_ROOTLEVEL && hidden) {
            fts_set(tree, entry, FTS_SKIP);
        } else if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR ||
                   entry->fts_info == FTS_NS) {
            fail(entry->fts_path, "%s", strerror(entry->fts_errno));
        } else if (entry->fts_info == FTS_F) {
            char *fs_path = strdup(entry->fts_path);
            if (count == MAX_ASSETS || fs_path == NULL) {
                fail(entry->fts_path, "more than %d files, or no memory", MAX_ASSETS);
            }
            ret_files[count++] = (struct file){
                .fs_path = fs_path,
                .path = fs_path + dir_len,
                .content_type = content_type_of(fs_path),
            };
        }
    }
    if (errno != 0) {
        fail(dir, "%s", strerror(errno));
    }
    fts_close(tree);
    qsort(ret_files, count, sizeof(ret_files[0]), compare_paths);
    return count;
}

/* ---- contents ----------------------------------------------------------------------------------
 */

static struct blob read_file(const char *path)
{
    struct blob blob = {.ptr = calloc(1, MAX_ASSET_BYTES)};
    FILE *file = fopen(path, "rb");
    if (file == NULL || blob.ptr == NULL) {
        fail(path, "%s", strerror(errno));
    }
    blob.len = fread(blob.ptr, 1, MAX_ASSET_BYTES, file);
    if (ferror(file)) {
        fail(path, "%s", strerror(errno));
    }
    if (fgetc(file) != EOF) {
        fail(path, "more than %d bytes", MAX_ASSET_BYTES);
    }
    fclose(file);
    return blob;
}

/* The gzip form, or an empty blob when it does not save more than a tenth. */
static struct blob gzip(const char *path, struct blob plain)
{
    z_stream stream = {.next_in = plain.ptr, .avail_in = (uInt)plain.len};
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        fail(path, "zlib does not start");
    }
    size_t room = deflateBound(&stream, (uLong)plain.len);
    struct blob packed = {.ptr = calloc(1, room)};
    if (packed.ptr == NULL) {
        fail(path, "no memory");
    }
    stream.next_out = packed.ptr;
    stream.avail_out = (uInt)room;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) {
        fail(path, "zlib does not finish");
    }
    packed.len = stream.total_out;
    deflateEnd(&stream);
    if (packed.len >= plain.len - plain.len / 10) {
        packed.len = 0;
    }
    return packed;
}

/* FNV-1a with 64 bits: with the length beside it enough to tell two versions of a file apart. */
static uint64_t hash(struct blob blob)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < blob.len; i++) {
        h = (h ^ blob.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* ---- output ------------------------------------------------------------------------------------
 */

static void print_bytes(FILE *out, const char *name, size_t index, struct blob blob)
{
    if (blob.len == 0) {
        return;
    }
    fprintf(out, "\nstatic const unsigned char %s_%zu[] = {", name, index);
    for (size_t i = 0; i < blob.len; i++) {
        fprintf(out, "%s%d,", i % BYTES_PER_LINE == 0 ? "\n    " : " ", blob.ptr[i]);
    }
    fputs("\n};\n", out);
}

static void print_slice(FILE *out, const char *member, const char *name, size_t index, size_t len)
{
    if (len == 0) {
        fprintf(out, "        .%s = {NULL, 0},\n", member);
    } else {
        fprintf(out, "        .%s = {(const char *)%s_%zu, %zu},\n", member, name, index, len);
    }
}

static void pack(FILE *out, const struct file *files, size_t count)
{
    char *table = NULL;
    size_t table_len = 0;
    FILE *rows = open_memstream(&table, &table_len);
    if (rows == NULL) {
        fail("table", "no memory");
    }
    fputs("/* Made by asset_packer from static/; changes here are lost. */\n"
          "#include \"picoshare/web/asset.h\"\n",
          out);
    for (size_t i = 0; i < count; i++) {
        struct blob plain = read_file(files[i].fs_path);
        struct blob packed = gzip(files[i].fs_path, plain);
        print_bytes(out, "plain", i, plain);
        print_bytes(out, "gzip", i, packed);
        fprintf(rows, "    {\n        .path = \"%s\",\n        .content_type = \"%s\",\n",
                files[i].path, files[i].content_type);
        print_slice(rows, "bytes", "plain", i, plain.len);
        print_slice(rows, "gzip", "gzip", i, packed.len);
        fprintf(rows, "        .etag = \"\\\"%016" PRIx64 "-%zx\\\"\",\n", hash(plain), plain.len);
        fprintf(rows, "        .gzip_etag = \"\\\"%016" PRIx64 "-%zx-gz\\\"\",\n    },\n",
                hash(plain), plain.len);
        free(plain.ptr);
        free(packed.ptr);
    }
    if (fclose(rows) != 0) {
        fail("table", "no memory");
    }
    fprintf(out, "\nconst struct asset assets[] = {\n%s};\n\nconst size_t assets_count = %zu;\n",
            table, count);
    free(table);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s STATIC_DIR OUT.c\n", argv[0]);
        return 2;
    }
    struct file files[MAX_ASSETS];
    size_t count = find_files(argv[1], files);
    if (count == 0) {
        fail(argv[1], "holds no file");
    }
    FILE *out = fopen(argv[2], "wb");
    if (out == NULL) {
        fail(argv[2], "%s", strerror(errno));
    }
    pack(out, files, count);
    if (fclose(out) != 0) {
        fail(argv[2], "%s", strerror(errno));
    }
    for (size_t i = 0; i < count; i++) {
        free(files[i].fs_path);
    }
    return 0;
}
