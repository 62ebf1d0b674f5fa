/* list.h — a doubly linked list whose links stand in its members.
 *
 * A struct list is the head or the link in a member; members are owned elsewhere and must be
 * removed before they go. Removing a member twice, or one that was only initialised, is harmless.
 * Not thread-safe: the list's owner says which lock or thread guards it. */
#ifndef PICOSHARE_BASE_LIST_H
#define PICOSHARE_BASE_LIST_H

#include "picoshare/base/check.h"
#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *list)
{
    list->prev = list;
    list->next = list;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

/* As the first member. */
static inline void list_add(struct list *head, struct list *link)
{
    link->prev = head;
    link->next = head->next;
    head->next->prev = link;
    head->next = link;
}

static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* Walks the members; the list must not change meanwhile. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses */
#define LIST_EACH(item, head, type, member)                                                        \
    for (type *item = CONTAINER_OF((head)->next, type, member); &(item)->member != (head);         \
         (item) = CONTAINER_OF((item)->member.next, type, member))
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
