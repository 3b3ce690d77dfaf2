/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * balancer: what balancing remembers when the model changes: how many connections each backend has
 * (least connections, `softdpu services`) and where each round robin stands. Slots are found by name
 * on the control thread and used by number on the workers; a slot is never given to another name, so
 * a late worker cannot count for the wrong one. The arrays are reserved, not touched: what is not
 * used costs no memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "node/node_int.h"

#define SLOTS_MAX (1u << 20)
#define TURNS_MAX (1u << 18)

struct named {
	struct hmap_node by_name;
	uint32_t index;
	char *service;
	char name[];
};

struct balancer {
	struct hmap slots, turns;
	struct backend_count *counts; /* SLOTS_MAX */
	const char **services;        /* SLOTS_MAX */
	uint32_t *positions;          /* TURNS_MAX; atomic */
};

static void *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

struct balancer *balancer_create(void)
{
	struct balancer *b = calloc(1, sizeof(*b));

	if (!b)
		abort();
	hmap_init(&b->slots);
	hmap_init(&b->turns);
	b->counts = reserve(SLOTS_MAX * sizeof(*b->counts));
	b->services = reserve(SLOTS_MAX * sizeof(*b->services));
	b->positions = reserve(TURNS_MAX * sizeof(*b->positions));
	return b;
}

static void names_free(struct hmap *map)
{
	struct named *n, *tmp;

	hmap_for_each_safe(n, tmp, map, by_name) {
		free(n->service);
		free(n);
	}
	hmap_destroy(map);
}

void balancer_destroy(struct balancer *b)
{
	if (!b)
		return;
	names_free(&b->slots);
	names_free(&b->turns);
	munmap(b->counts, SLOTS_MAX * sizeof(*b->counts));
	munmap(b->services, SLOTS_MAX * sizeof(*b->services));
	munmap(b->positions, TURNS_MAX * sizeof(*b->positions));
	free(b);
}

/* The number of a name, a new one if it has none; NULL when `max` are taken. */
static struct named *number(struct hmap *map, const char *name, uint32_t max)
{
	uint64_t hash = hmap_hash_str(name);
	struct named *n;

	hmap_for_each_hash(n, map, hash, by_name)
		if (!strcmp(n->name, name))
			return n;
	if (hmap_count(map) == max)
		return NULL;
	n = calloc(1, sizeof(*n) + strlen(name) + 1);
	if (!n)
		abort();
	strcpy(n->name, name);
	n->index = (uint32_t)hmap_count(map);
	hmap_insert(map, &n->by_name, hash);
	return n;
}

uint32_t balancer_slot(struct balancer *b, const char *service, const struct addr *a, uint16_t port)
{
	char name[1200], text[ADDR_PORT_TEXT_MAX];
	struct named *n;

	snprintf(name, sizeof(name), "%s %s", service,
		addr_port_print(a, rte_be_to_cpu_16(port), text));
	n = number(&b->slots, name, SLOTS_MAX);
	if (!n)
		return NONE;
	if (!n->service) {
		n->service = strdup(service);
		if (!n->service)
			abort();
		__atomic_store_n(&b->services[n->index], n->service, __ATOMIC_RELEASE);
	}
	return n->index;
}

uint32_t balancer_turn(struct balancer *b, const char *front)
{
	struct named *n = number(&b->turns, front, TURNS_MAX);

	return n ? n->index : 0;
}

struct backend_count *balancer_count(struct balancer *b, uint32_t slot)
{
	return slot < SLOTS_MAX ? &b->counts[slot] : NULL;
}

uint32_t balancer_next_turn(struct balancer *b, uint32_t turn)
{
	return __atomic_fetch_add(&b->positions[turn], 1, __ATOMIC_RELAXED);
}

const char *balancer_service(const struct balancer *b, uint32_t slot)
{
	return slot < SLOTS_MAX ? __atomic_load_n(&b->services[slot], __ATOMIC_ACQUIRE) : NULL;
}
