#include "picoshare/base/list.h"
#include "support.h"

struct item {
    int value;
    struct list link;
};

/* The members' values as digits of a number, the first one in front. */
static int values(const struct list *head)
{
    int number = 0;
    LIST_EACH(item, head, const struct item, link)
    {
        number = number * 10 + item->value;
    }
    return number;
}

static void test_add_and_remove(void **state)
{
    (void)state;
    struct list head;
    struct item items[4];
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_int_equal(values(&head), 0);
    for (int i = 0; i < 4; i++) {
        items[i].value = i + 1;
        list_init(&items[i].link);
        list_remove(&items[i].link); /* harmless: it is nowhere */
        list_add(&head, &items[i].link);
        assert_false(list_is_empty(&head));
    }
    assert_int_equal(values(&head), 4321);
    list_remove(&items[1].link);
    assert_int_equal(values(&head), 431);
    list_remove(&items[1].link);
    assert_int_equal(values(&head), 431);
    list_remove(&items[3].link);
    assert_int_equal(values(&head), 31);
    list_remove(&items[0].link);
    assert_int_equal(values(&head), 3);
    list_add(&head, &items[1].link);
    assert_int_equal(values(&head), 23);
    list_remove(&items[1].link);
    list_remove(&items[2].link);
    assert_true(list_is_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_and_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
