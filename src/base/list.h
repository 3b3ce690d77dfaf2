/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * list: intrusive doubly linked list. The head is a `struct list` of its own; an element embeds one.
 *
 *     struct pod { struct list link; ... };
 *     struct list pods;                       list_init(&pods);
 *     list_push_back(&pods, &pod->link);
 *     list_for_each (p, &pods, link) ...      p is a `struct pod *` declared by the caller
 *
 * No locks: the owner of the list is the only thread that touches it. A removed element points at
 * itself, so removing it again, or asking list_is_empty() of it, is harmless.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/base.h"

struct list {
	struct list *prev, *next;
};

#define LIST_INIT(name)                          \
	{                                        \
		.prev = &(name), .next = &(name) \
	}

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

/* Of a head: no elements. Of an element: on no list. */
static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert_before(struct list *at, struct list *elem)
{
	elem->prev = at->prev;
	elem->next = at;
	at->prev->next = elem;
	at->prev = elem;
}

static inline void list_push_back(struct list *head, struct list *elem)
{
	list_insert_before(head, elem);
}

static inline void list_push_front(struct list *head, struct list *elem)
{
	list_insert_before(head->next, elem);
}

static inline void list_remove(struct list *elem)
{
	elem->prev->next = elem->next;
	elem->next->prev = elem->prev;
	list_init(elem);
}

/* The first or last link, NULL when empty. */
static inline struct list *list_front(const struct list *head)
{
	return list_is_empty(head) ? NULL : head->next;
}

static inline struct list *list_back(const struct list *head)
{
	return list_is_empty(head) ? NULL : head->prev;
}

static inline struct list *list_pop_front(struct list *head)
{
	struct list *elem = list_front(head);

	if (elem)
		list_remove(elem);
	return elem;
}

static inline size_t list_size(const struct list *head)
{
	size_t n = 0;

	for (const struct list *l = head->next; l != head; l = l->next)
		n++;
	return n;
}

/* Move all of `from` behind the last element of `to`; `from` is empty then. */
static inline void list_splice_back(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)

#define list_for_each(pos, head, member)                                   \
	for ((pos) = list_entry((head)->next, __typeof__(*(pos)), member); \
		&(pos)->member != (head);                                  \
		(pos) = list_entry((pos)->member.next, __typeof__(*(pos)), member))

/* The body may remove and free `pos`, nothing else. `tmp` is a second pointer of the same type. */
#define list_for_each_safe(pos, tmp, head, member)                              \
	for ((pos) = list_entry((head)->next, __typeof__(*(pos)), member),      \
	    (tmp) = list_entry((pos)->member.next, __typeof__(*(pos)), member); \
		&(pos)->member != (head);                                       \
		(pos) = (tmp), (tmp) = list_entry((tmp)->member.next, __typeof__(*(pos)), member))

#endif
