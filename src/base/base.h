/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room base: what every other room stands on, and nothing that knows a packet or a command.
 *
 *   refuse.h   one way to say no: -errno plus a sentence naming the call, the field, the value, the limit
 *   log.h      levels, modules, one line per event; never called from the burst path
 *   drop.h     THE list of drop reasons: name and sentence, one counter each, used by every path
 *   clock.h    nanoseconds; code that has timers takes `now` as an argument, only the edges ask the clock
 *   rng.h      seeded xoshiro generator; tests print their seed
 *   list.h     intrusive doubly linked list
 *   hmap.h     intrusive hash map for control paths (the burst path has its own tables, room flow)
 *   ring.h     bounded single-producer single-consumer and multi-producer rings of pointers
 *   hist.h     log-linear latency histogram: record in O(1), quantiles on read
 *   str.h      growing string with formatted append
 *   yaml.h     YAML (and so JSON) files as a tree that remembers file and line of every node
 *   base64.h   bytes as text for JSON
 *   addr.h     IPv4/IPv6 addresses and prefixes: parse, print, compare
 *   cpu.h      which instruction sets may be used; SOFTDPU_CPU=generic|avx2|avx512 lowers it
 *
 * Conventions of all rooms. Functions return 0 or -errno (refuse() builds the sentence); pointers
 * returned are owned by the caller unless the comment says "borrowed"; destroying NULL is a no-op;
 * a name that crosses a file carries its room's prefix (base's own files use the file's name).
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* DPDK's headers have these three as well; whoever comes first wins, they mean the same. */
#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#endif
#ifndef unlikely
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif
#ifndef container_of
#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))
#endif
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#endif
