/* The system information where something is not known, or there are no sessions. */
#include "picoshare/base/buf.h"
#include "templates.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAGE_MAX = 64 * 1024 };

static const struct information_page all_known = {
    .head = {.title = "PicoShare - Test", .signed_in = true},
    .disk_used = 1,
    .disk_total = 4,
    .disk_percent = 25,
    .disk_used_size = "1 B",
    .disk_total_size = "4 B",
    .upload_size = "2 B",
    .database_size = "3 B",
    .free_size = "4 B",
    .version = "1.0",
    .revision = "abc",
    .commit_time = "2026-01-01",
    .sandbox = "no new privileges, seccomp",
    .resident_size = "11 B",
    .resident_peak_size = "12 B",
    .anonymous_size = "13 B",
    .group_size = "14 B",
    .group_page_cache_size = "15 B",
    .group_limit_size = "16 B",
    .files = 3,
    .free_pages = 4,
    .log_size = "17 B",
    .checks = true,
    .checking = true,
    .damaged = 2,
    .checked_id = "abcdefghij",
    .checked_time = "2026-01-02T03:04:05Z",
    .checked_all = "2026-01-01T02:03:04Z",
    .uptime = "18 hours",
    .uploads = 5,
    .buffers_used = 6,
    .buffers_total = 7,
    .buffer_size = "19 B",
    .connections = 8,
    .requests = 9,
};

static void render(const struct information_page *view, struct buf *page)
{
    buf_clear(page);
    template_information_begin(page, view);
    template_information_end(page, 0, false);
    assert_int_equal(buf_err(page), ERR_OK);
}

static bool has(const struct buf *page, const char *part)
{
    return strstr(buf_str(page), part) != NULL;
}

static void expect(const struct buf *page, const char *part, bool there)
{
    if (has(page, part) != there) {
        fail_msg("%s %s in\n%s", part, there ? "is not" : "is", buf_str(page));
    }
}

static void test_everything(void **state)
{
    static const char *const parts[] = {
        "Version: 1.0<",
        "Revision: abc<",
        "Built at: 2026-01-01<",
        "Resident memory: 11 B, 12 B at the most so far",
        "Of it, data of the program: 13 B<",
        "Charged to the control group: 14 B of 16 B",
        "Of it, page cache: 15 B<",
        "Resident memory is what",
        "Number of files: 3<",
        "Write-ahead log: 17 B<",
        "Free pages: 4 (4 B), for later uploads<",
        "Damaged files: 2</strong>",
        "All files were looked at by <time datetime=\"2026-01-01T02:03:04Z\">",
        "<a href=\"/files/abcdefghij/info\">abcdefghij</a>, at <time",
        " datetime=\"2026-01-02T03:04:05Z\">2026-01-02T03:04:05Z</time>; others follow<",
        "Running for 18 hours<",
        "Uploads running: 5<",
        "Chunk buffers in use: 6 of 7, 19 B each<",
        "Open connections: 8<",
        "Requests running: 9,",
        "Sandbox: no new privileges, seccomp<",
    };
    (void)state;
    struct buf page;
    buf_init(&page, PAGE_MAX);
    render(&all_known, &page);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        expect(&page, parts[i], true);
    }
    buf_done(&page);
}

/* Each is left out alone, with what belongs to it. */
static void test_unknown(void **state)
{
    struct information_page view = all_known;
    const struct {
        const char **text;
        const char *gone;
        const char *stays;
    } cases[] = {
        {&view.revision, "Revision:", "Built at:"},
        {&view.commit_time, "Built at:", "Revision:"},
        {&view.resident_size, "Resident memory: ", "Charged to the control group: 14 B of 16 B"},
        {&view.resident_peak_size, "at the most", "Resident memory: 11 B\n"},
        {&view.anonymous_size, "data of the program", "Resident memory: 11 B, 12 B"},
        {&view.group_size, "control group:", "Resident memory: 11 B, 12 B"},
        {&view.group_limit_size, "of 16 B", "Charged to the control group: 14 B\n"},
        {&view.group_page_cache_size, "Of it, page cache", "Charged to the control group: 14 B of"},
    };
    (void)state;
    struct buf page;
    buf_init(&page, PAGE_MAX);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *known = *cases[i].text;
        *cases[i].text = "";
        render(&view, &page);
        expect(&page, cases[i].gone, false);
        expect(&page, cases[i].stays, true);
        *cases[i].text = known;
    }
    buf_done(&page);
}

static void test_nothing_of_memory(void **state)
{
    struct information_page view = all_known;
    (void)state;
    struct buf page;
    buf_init(&page, PAGE_MAX);
    view.resident_size = "";
    view.group_size = "";
    render(&view, &page);
    expect(&page, "<h2>Memory</h2>", false);
    expect(&page, "Resident memory is what", false);
    expect(&page, "<h2>Database</h2>", true);
    buf_done(&page);
}

static void test_free_pages(void **state)
{
    struct information_page view = all_known;
    (void)state;
    struct buf page;
    buf_init(&page, PAGE_MAX);
    view.can_shrink = true;
    render(&view, &page);
    expect(&page, "Free pages: 4 (4 B), which could be given back to the disk<", true);
    expect(&page, "does not shrink", false);
    expect(&page, "picoshare convert", false);
    view.reclaims = true;
    render(&view, &page);
    expect(&page, "Free pages: 4 (4 B), which are being given back to the disk<", true);
    view.free_pages = 0;
    render(&view, &page);
    expect(&page, "Free pages: 0 (4 B)<", true);
    buf_done(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_nothing_of_memory),
        cmocka_unit_test(test_free_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
