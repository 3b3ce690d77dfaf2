/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of bench-comch.
 *
 *   main.c    which case, in which processes; the JSON lines
 *   end.c     one end of a connection: its device, its engine, its messages
 *   bulk.c    a consumer on the card, a producer on the host
 *   floor.c   the same without softdpu: a socket, two cache lines, two eventfds, memcpy
 */
#ifndef BENCH_COMCH_COMCH_H
#define BENCH_COMCH_COMCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <doca_comch.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_pe.h>

#include "base/clock.h"

#define TRIPS 20000
#define LONGEST 4080 /* bytes a message can have */
#define STREAM 400000
#define IN_FLIGHT 256
#define MUST(call)                                                                    \
	do {                                                                          \
		doca_error_t r_ = (call);                                             \
		if (r_ != DOCA_SUCCESS) {                                             \
			fprintf(stderr, "%s: %s\n", #call, doca_error_get_descr(r_)); \
			exit(1);                                                      \
		}                                                                     \
	} while (0)

/* This process's end. */
struct end {
	struct doca_dev *dev;
	struct doca_pe *pe;
	struct doca_comch_server *server; /* on the card, */
	struct doca_comch_client *client; /* or on the host */
	struct doca_comch_connection *conn;
	bool asleep; /* instead of polling */
	bool bulk;   /* the card consumes */
	bool gone;
	uint64_t received;
	uint32_t consumer; /* the peer's, once it has one */
};
extern struct end end;

/* The card's end, until the host leaves. */
void card_run(void);
void host_connect(void);
void host_leave(void);
/* One step, asleep before it if that is the way and there is nothing to do. */
void turn(void);
/* False: not now. */
bool send_msg(const void *msg, uint32_t len);

/* Nanoseconds of each trip, and their median. */
extern uint64_t trips[TRIPS];
uint64_t p50(void);

/* Buffers that are posted again as they fill; after STREAM messages the host is told. */
void bulk_consume(void);
/* Messages a second of 4 KiB, until the card has them all, in GB/s. */
double bulk_produce(void);

uint64_t floor_lines_rtt(void);
uint64_t floor_eventfd_rtt(void);
int floor_socket(void);
uint64_t floor_socket_rtt(int fd);
double floor_socket_stream(int fd);
/* 4 KiB after 4 KiB into memory shared with another process, GB/s. */
double floor_memcpy(void);

#endif
