/* template_compiler.c — turns HTML templates into C functions, at build time.
 *
 *     template_compiler OUT.c OUT.h TEMPLATE.html...
 *
 * A template is HTML with tags. Everything before the first {{template ...}} must be blank.
 *
 *     {{template NAME(C parameters)}}  begins void template_NAME(struct buf *out, C parameters);
 *                                      it ends at the next one or at the end of the file
 *     {{ EXPR }}                       a const char *, escaped for HTML text and quoted attributes
 *     {{int EXPR}}                     an integer
 *     {{url EXPR}}                     a const char * as one segment of a URL's path
 *     {{if EXPR}} {{else}} {{end}}     C condition
 *     {{for (C for-header)}} {{end}}
 *     {{call NAME(C arguments)}}       another template
 *     {{# comment }}
 *
 * A tag ends on the line it begins on (a comment may go on). There is no tag that prints without
 * escaping. Expressions are C, copied as they stand below a #line directive, so that the C
 * compiler checks their types and reports mistakes at their place in the template.
 *
 * Indentation and empty lines are left out, except inside <pre> and <textarea>; where a newline
 * stood, one remains. Output is written only when everything compiled. */
#include <ctype.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DEPTH = 16,               /* nested blocks; no page needs more than 4 */
    MAX_TEMPLATE_BYTES = 1 << 20, /* a page of 1 MiB is a mistake */
    LITERAL_LINE_BYTES = 80,      /* where a string literal goes on in the next line */
};

enum block_kind { BLOCK_IF, BLOCK_ELSE, BLOCK_FOR };

struct block {
    enum block_kind kind;
    int line;            /* where it was opened, for the message when its end is missing */
    bool newline_before; /* compiler.after_newline at its opening tag */
    bool newline_then;   /* BLOCK_ELSE: compiler.after_newline at the end of the first branch */
};

struct compiler {
    FILE *code;
    FILE *header;
    const char *path;
    const char *pos; /* the rest of the file, ended by a NUL */
    int line;        /* of pos */
    bool in_template;
    bool after_newline;   /* whatever branch was taken, the output ends with a newline */
    const char *verbatim; /* the closing tag up to which white space counts, or NULL */
    struct block blocks[MAX_DEPTH];
    int depth;
    char *text; /* static text since the last tag; has room for the whole file */
    size_t text_len;
};

/* A piece of the template; the tag's text without braces and outer blanks. */
struct piece {
    const char *ptr;
    size_t len;
};

/* For "%.*s". */
#define PIECE(p) (int)(p).len, (p).ptr

__attribute__((format(printf, 3, 4))) static _Noreturn void fail(const char *path, int line,
                                                                 const char *fmt, ...)
{
    va_list args;
    fprintf(stderr, "%s:%d: ", path, line);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static _Noreturn void fail_file(const char *path)
{
    perror(path);
    exit(1);
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* ---- static text ------------------------------------------------------------------------------
 */

static void flush_text(struct compiler *c)
{
    if (c->text_len == 0) {
        return;
    }
    fputs("    buf_add(out,\n            \"", c->code);
    size_t column = 0;
    for (size_t i = 0; i < c->text_len; i++) {
        unsigned char byte = (unsigned char)c->text[i];
        if (column >= LITERAL_LINE_BYTES) {
            fputs("\"\n            \"", c->code);
            column = 0;
        }
        if (byte == '\n') {
            fputs("\\n", c->code);
        } else if (byte == '"' || byte == '\\') {
            fprintf(c->code, "\\%c", byte);
        } else if (byte >= ' ' && byte < 0x7f) {
            fputc(byte, c->code);
        } else {
            fprintf(c->code, "\\%03o", byte); /* three digits, so a digit may follow */
        }
        column++;
    }
    fprintf(c->code, "\",\n            %zu);\n", c->text_len);
    c->text_len = 0;
}

/* Notices where white space begins and ceases to count. */
static void track_verbatim(struct compiler *c)
{
    static const char *const elements[][2] = {{"<pre", "</pre"}, {"<textarea", "</textarea"}};

    if (c->verbatim != NULL) {
        if (strncmp(c->pos, c->verbatim, strlen(c->verbatim)) == 0) {
            c->verbatim = NULL;
        }
        return;
    }
    for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
        size_t len = strlen(elements[i][0]);
        if (strncmp(c->pos, elements[i][0], len) == 0 && !is_name_char(c->pos[len])) {
            c->verbatim = elements[i][1];
        }
    }
}

/* Takes one character of static text. */
static void add_char(struct compiler *c)
{
    char ch = *c->pos;
    if (ch == '<') {
        track_verbatim(c);
    }
    bool blank = ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
    if (c->verbatim != NULL || !blank || !c->after_newline) {
        if (!c->in_template) {
            if (!blank) {
                fail(c->path, c->line, "text before the first {{template ...}}");
            }
        } else {
            c->text[c->text_len++] = ch;
        }
        c->after_newline = ch == '\n';
    }
    if (ch == '\n') {
        c->line++;
    }
    c->pos++;
}

/* ---- tags --------------------------------------------------------------------------------------
 */

static void begin_expression(struct compiler *c)
{
    flush_text(c);
    fprintf(c->code, "#line %d \"%s\"\n", c->line, c->path);
}

/* Splits "NAME(...)" into the name and what the parentheses hold. */
static void split_call(const struct compiler *c, struct piece what, struct piece *ret_name,
                       struct piece *ret_args)
{
    size_t name_len = 0;
    while (name_len < what.len && is_name_char(what.ptr[name_len])) {
        name_len++;
    }
    if (name_len == 0 || isdigit((unsigned char)what.ptr[0]) || what.len < name_len + 2 ||
        what.ptr[name_len] != '(' || what.ptr[what.len - 1] != ')') {
        fail(c->path, c->line, "expected NAME(...) instead of \"%.*s\"", PIECE(what));
    }
    *ret_name = (struct piece){what.ptr, name_len};
    *ret_args = (struct piece){what.ptr + name_len + 1, what.len - name_len - 2};
}

static void end_template(struct compiler *c)
{
    flush_text(c);
    if (c->depth > 0) {
        fail(c->path, c->blocks[c->depth - 1].line, "this block has no {{end}}");
    }
    if (c->verbatim != NULL) {
        fail(c->path, c->line, "the template ends before %s>", c->verbatim);
    }
    if (c->in_template) {
        fputs("}\n", c->code);
    }
    c->in_template = false;
}

static void tag_template(struct compiler *c, struct piece what)
{
    struct piece name;
    struct piece params;
    end_template(c);
    split_call(c, what, &name, &params);
    const char *comma = params.len > 0 ? ", " : "";
    fprintf(c->header, "void template_%.*s(struct buf *out%s%.*s);\n", PIECE(name), comma,
            PIECE(params));
    fprintf(c->code, "\n#line %d \"%s\"\nvoid template_%.*s(struct buf *out%s%.*s)\n{\n", c->line,
            c->path, PIECE(name), comma, PIECE(params));
    c->in_template = true;
    c->after_newline = true;
}

static void tag_text(struct compiler *c, struct piece what)
{
    fprintf(c->code, "    html_escape(out, %.*s);\n", PIECE(what));
    c->after_newline = false;
}

static void tag_int(struct compiler *c, struct piece what)
{
    /* The sign makes the compiler refuse a pointer. */
    fprintf(c->code, "    buf_addf(out, \"%%lld\", (long long)+(%.*s));\n", PIECE(what));
    c->after_newline = false;
}

static void tag_url(struct compiler *c, struct piece what)
{
    /* Nothing that this leaves as it is has a meaning in HTML. */
    fprintf(c->code, "    percent_add_component(out, slice_str(%.*s));\n", PIECE(what));
    c->after_newline = false;
}

static void tag_call(struct compiler *c, struct piece what)
{
    struct piece name;
    struct piece args;
    split_call(c, what, &name, &args);
    fprintf(c->code, "    template_%.*s(out%s%.*s);\n", PIECE(name), args.len > 0 ? ", " : "",
            PIECE(args));
    c->after_newline = false;
}

static void open_block(struct compiler *c, enum block_kind kind)
{
    if (c->depth == MAX_DEPTH) {
        fail(c->path, c->line, "blocks are nested more than %d deep", MAX_DEPTH);
    }
    c->blocks[c->depth++] =
        (struct block){.kind = kind, .line = c->line, .newline_before = c->after_newline};
}

static void tag_if(struct compiler *c, struct piece what)
{
    fprintf(c->code, "    if (%.*s) {\n", PIECE(what));
    open_block(c, BLOCK_IF);
}

static void tag_else(struct compiler *c, struct piece what)
{
    (void)what;
    if (c->depth == 0 || c->blocks[c->depth - 1].kind != BLOCK_IF) {
        fail(c->path, c->line, "{{else}} without {{if}}");
    }
    struct block *block = &c->blocks[c->depth - 1];
    fputs("    } else {\n", c->code);
    block->kind = BLOCK_ELSE;
    block->newline_then = c->after_newline;
    c->after_newline = block->newline_before;
}

static void tag_for(struct compiler *c, struct piece what)
{
    if (what.ptr[0] != '(' || what.ptr[what.len - 1] != ')') {
        fail(c->path, c->line, "expected {{for (...)}}");
    }
    fprintf(c->code, "    for %.*s {\n", PIECE(what));
    open_block(c, BLOCK_FOR);
    c->after_newline = false; /* the second time round the body follows its own end */
}

static void tag_end(struct compiler *c, struct piece what)
{
    (void)what;
    if (c->depth == 0) {
        fail(c->path, c->line, "{{end}} without {{if}} or {{for}}");
    }
    const struct block *block = &c->blocks[--c->depth];
    fputs("    }\n", c->code);
    bool otherwise = block->kind == BLOCK_ELSE ? block->newline_then : block->newline_before;
    c->after_newline = c->after_newline && otherwise;
}

enum operand { OPERAND_NONE, OPERAND_ONE };

static const struct tag {
    const char *name; /* "" is {{ EXPR }} */
    enum operand operand;
    bool outside; /* allowed before the first {{template}} */
    void (*compile)(struct compiler *c, struct piece what);
} tags[] = {
    {"template", OPERAND_ONE, true, tag_template},
    {"", OPERAND_ONE, false, tag_text},
    {"int", OPERAND_ONE, false, tag_int},
    {"url", OPERAND_ONE, false, tag_url},
    {"if", OPERAND_ONE, false, tag_if},
    {"else", OPERAND_NONE, false, tag_else},
    {"for", OPERAND_ONE, false, tag_for},
    {"call", OPERAND_ONE, false, tag_call},
    {"end", OPERAND_NONE, false, tag_end},
};

static struct piece trim(const char *begin, const char *end)
{
    while (begin < end && isspace((unsigned char)*begin)) {
        begin++;
    }
    while (begin < end && isspace((unsigned char)end[-1])) {
        end--;
    }
    return (struct piece){begin, (size_t)(end - begin)};
}

static void compile_tag(struct compiler *c)
{
    const char *inner = c->pos + 2;
    const char *close = strstr(inner, "}}");
    bool comment = inner[0] == '#';
    if (close == NULL || (!comment && memchr(inner, '\n', (size_t)(close - inner)) != NULL)) {
        fail(c->path, c->line, "this tag has no }}");
    }
    c->pos = close + 2;
    if (comment) {
        for (const char *p = inner; p < close; p++) {
            c->line += *p == '\n';
        }
        return;
    }

    const char *name_end = inner;
    while (is_name_char(*name_end)) {
        name_end++;
    }
    struct piece name = {inner, (size_t)(name_end - inner)};
    struct piece what = trim(name_end, close);
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        const struct tag *tag = &tags[i];
        if (strlen(tag->name) != name.len || memcmp(tag->name, name.ptr, name.len) != 0 ||
            (name.len == 0 && !isspace((unsigned char)inner[0]))) {
            continue;
        }
        if ((tag->operand == OPERAND_ONE) != (what.len > 0)) {
            fail(c->path, c->line, "{{%s}} %s", tag->name,
                 what.len > 0 ? "takes nothing" : "needs something");
        }
        if (!c->in_template && !tag->outside) {
            fail(c->path, c->line, "{{%s}} before the first {{template ...}}", tag->name);
        }
        if (!tag->outside) {
            begin_expression(c);
        }
        tag->compile(c, what);
        return;
    }
    fail(c->path, c->line, "unknown tag \"%.*s\"", (int)(close - inner), inner);
}

/* ---- files -------------------------------------------------------------------------------------
 */

/* The whole file as a C string, owned by the caller. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, MAX_TEMPLATE_BYTES + 1);
    if (file == NULL || text == NULL) {
        fail_file(path);
    }
    size_t len = fread(text, 1, MAX_TEMPLATE_BYTES, file);
    if (ferror(file)) {
        fail_file(path);
    }
    if (fgetc(file) != EOF) {
        fail(path, 1, "more than %d bytes", MAX_TEMPLATE_BYTES);
    }
    if (memchr(text, '\0', len) != NULL) {
        fail(path, 1, "holds a NUL byte");
    }
    fclose(file);
    return text;
}

static void write_file(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(text, 1, len, file) != len || fclose(file) != 0) {
        fail_file(path);
    }
}

static void compile_file(const char *path, FILE *code, FILE *header)
{
    char *source = read_file(path);
    struct compiler c = {.code = code, .header = header, .path = path, .pos = source, .line = 1};
    c.text = calloc(1, strlen(source) + 1);
    if (c.text == NULL) {
        fail_file(path);
    }
    c.after_newline = true;
    while (*c.pos != '\0') {
        if (strncmp(c.pos, "{{", 2) == 0) {
            compile_tag(&c);
        } else {
            add_char(&c);
        }
    }
    if (!c.in_template) {
        fail(path, c.line, "no {{template ...}} in this file");
    }
    end_template(&c);
    free(c.text);
    free(source);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s OUT.c OUT.h TEMPLATE.html...\n", argv[0]);
        return 2;
    }
    char *code_text = NULL;
    char *header_text = NULL;
    size_t code_len = 0;
    size_t header_len = 0;
    FILE *code = open_memstream(&code_text, &code_len);
    FILE *header = open_memstream(&header_text, &header_len);
    char *header_path = strdup(argv[2]);
    if (code == NULL || header == NULL || header_path == NULL) {
        fail_file(argv[1]);
    }

    fputs("/* Made by template_compiler from templates/; changes here are lost. */\n"
          "#pragma once\n\n"
          "#include \"picoshare/base/buf.h\"\n"
          "#include \"picoshare/web/pages.h\"\n\n",
          header);
    fprintf(code,
            "/* Made by template_compiler from templates/; changes here are lost. */\n"
            "#include \"%s\"\n"
            "#include \"picoshare/text/html.h\"\n"
            "#include \"picoshare/text/percent.h\"\n",
            basename(header_path));
    for (int i = 3; i < argc; i++) {
        compile_file(argv[i], code, header);
    }
    if (fclose(code) != 0 || fclose(header) != 0) {
        fail_file(argv[1]);
    }
    write_file(argv[1], code_text, code_len);
    write_file(argv[2], header_text, header_len);
    free(code_text);
    free(header_text);
    free(header_path);
    return 0;
}
