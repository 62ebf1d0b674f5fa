#include "picoshare/base/metrics.h"
#include "support.h"
#include <pthread.h>

/* ---- what is printed ---- */

static void expect_line(const char *line)
{
    struct buf text;
    buf_init(&text, 65536);
    buf_add_char(&text, '\n');
    metrics_print(&text, METRICS_OPENMETRICS);
    char wanted[200];
    (void)snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (strstr(buf_str(&text), wanted) == NULL) {
        fail_msg("no line %s in%s", line, buf_str(&text));
    }
    buf_done(&text);
}

static void test_requests(void **state)
{
    (void)state;
    expect_line("picoshare_http_requests_total{route=\"page\",code=\"2xx\"} 0");
    metrics_count_request(METRICS_PAGE, 200, 0);
    metrics_count_request(METRICS_PAGE, 299, 0);
    metrics_count_request(METRICS_OTHER, 499, 0);
    metrics_count_request(METRICS_WATCH, 599, 0);
    expect_line("picoshare_http_requests_total{route=\"page\",code=\"2xx\"} 2");
    expect_line("picoshare_http_requests_total{route=\"page\",code=\"3xx\"} 0");
    expect_line("picoshare_http_requests_total{route=\"other\",code=\"4xx\"} 1");
    expect_line("picoshare_http_requests_total{route=\"watch\",code=\"5xx\"} 1");
}

/* A bound belongs to its bucket; each bucket holds the smaller ones. */
static void test_durations(void **state)
{
    (void)state;
#define UPLOADS "picoshare_http_request_duration_seconds"
    metrics_count_request(METRICS_UPLOAD, 200, 1000000);
    metrics_count_request(METRICS_UPLOAD, 200, 1000001);
    metrics_count_request(METRICS_UPLOAD, 200, INT64_C(600000000001));
    expect_line(UPLOADS "_bucket{route=\"upload\",le=\"0.001\"} 1");
    expect_line(UPLOADS "_bucket{route=\"upload\",le=\"0.005\"} 2");
    expect_line(UPLOADS "_bucket{route=\"upload\",le=\"600.0\"} 2");
    expect_line(UPLOADS "_bucket{route=\"upload\",le=\"+Inf\"} 3");
    expect_line(UPLOADS "_count{route=\"upload\"} 3");
    expect_line(UPLOADS "_sum{route=\"upload\"} 600.002000002");
    expect_line(UPLOADS "_count{route=\"download\"} 0");
#undef UPLOADS
}

static void test_checkpoints(void **state)
{
    (void)state;
    metrics_count_checkpoint(25000000);
    expect_line("picoshare_database_checkpoint_duration_seconds_bucket{le=\"0.005\"} 0");
    expect_line("picoshare_database_checkpoint_duration_seconds_bucket{le=\"0.025\"} 1");
    expect_line("picoshare_database_checkpoint_duration_seconds_count 1");
    expect_line("picoshare_database_checkpoint_duration_seconds_sum 0.025000000");
}

static void test_amounts(void **state)
{
    (void)state;
    metrics_count_received(INT64_C(5000000000));
    metrics_count_received(1);
    metrics_count_sent(7);
    metrics_count_upload(METRICS_ABORTED);
    expect_line("picoshare_http_received_bytes_total 5000000001");
    expect_line("picoshare_http_sent_bytes_total 7");
    expect_line("picoshare_uploads_total{outcome=\"stored\"} 0");
    expect_line("picoshare_uploads_total{outcome=\"aborted\"} 1");
}

static void test_gauge(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1024);
    metrics_add_gauge(&text, METRICS_OPENMETRICS, "a_bytes", "bytes", "Help.", 0);
    metrics_add_gauge(&text, METRICS_OPENMETRICS, "b", "", "Help.", INT64_MAX);
    metrics_add_gauge(&text, METRICS_OPENMETRICS, "unknown", "", "Help.", -1);
    metrics_end(&text, METRICS_OPENMETRICS);
    assert_string_equal(buf_str(&text), "# TYPE a_bytes gauge\n# UNIT a_bytes bytes\n"
                                        "# HELP a_bytes Help.\na_bytes 0\n"
                                        "# TYPE b gauge\n# HELP b Help.\nb 9223372036854775807\n"
                                        "# EOF\n");
    buf_done(&text);
}

static void test_info(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1024);
    metrics_add_info(&text, METRICS_OPENMETRICS, "x", "Help.", "one", "a\\b\"c\nd", "two", "",
                     NULL);
    assert_string_equal(buf_str(&text), "# TYPE x info\n# HELP x Help.\n"
                                        "x_info{one=\"a\\\\b\\\"c\\nd\",two=\"\"} 1\n");
    buf_done(&text);
}

/* The older format: the ends of names are the families' too, facts are gauges, nothing else
 * differs. */
static void test_text(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 65536);
    metrics_print(&text, METRICS_TEXT);
    assert_non_null(strstr(buf_str(&text),
                           "# HELP picoshare_http_sent_bytes_total Bytes of answers'"
                           " bodies.\n# TYPE picoshare_http_sent_bytes_total counter\n"
                           "picoshare_http_sent_bytes_total "));
    assert_null(strstr(buf_str(&text), "# UNIT"));
    buf_clear(&text);
    metrics_add_gauge(&text, METRICS_TEXT, "a_bytes", "bytes", "Help.", 0);
    metrics_add_info(&text, METRICS_TEXT, "x", "Help.", "one", "1", NULL);
    metrics_end(&text, METRICS_TEXT);
    assert_string_equal(buf_str(&text), "# HELP a_bytes Help.\n# TYPE a_bytes gauge\na_bytes 0\n"
                                        "# HELP x_info Help.\n# TYPE x_info gauge\n"
                                        "x_info{one=\"1\"} 1\n");
    buf_done(&text);
}

/* ---- many threads ---- */

enum { THREADS = 4, ROUNDS = 20000 };

static void *count(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        metrics_count_request(METRICS_DOWNLOAD, 206, 2000000);
    }
    return NULL;
}

static void test_no_count_is_lost(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    expect_line("picoshare_http_requests_total{route=\"download\",code=\"2xx\"} 80000");
    expect_line("picoshare_http_request_duration_seconds_count{route=\"download\"} 80000");
    expect_line("picoshare_http_request_duration_seconds_sum{route=\"download\"} 160.000000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),    cmocka_unit_test(test_durations),
        cmocka_unit_test(test_checkpoints), cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_gauge),       cmocka_unit_test(test_info),
        cmocka_unit_test(test_text),        cmocka_unit_test(test_no_count_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
