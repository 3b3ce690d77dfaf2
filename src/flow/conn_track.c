/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn_track: the state of a connection and what a packet does to it. The state is one 16-bit word of
 * direction 0's line, changed by compare-and-swap; `fast` in each direction's line says that ordinary packets
 * change nothing, so they touch their own line only.
 *
 * TCP follows RFC 9293 as seen from the middle: both sides' SYN, FIN and RST, and which ACK follows which
 * FIN. It is lenient where dropping would break real stacks: retransmitted SYNs, challenge ACKs
 * (RFC 5961) and pick-up of connections that were set up before the switch saw them.
 */
#include "flow/conn_int.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define IPPROTO_TCP_ 6
_Static_assert(CONN_TCP_EVENTS == (FIN | SYN | RST), "what changes an established connection's state");

const struct conn_timeouts conn_timeouts_default = {
	.s =
		{
			[CONN_NEW] = 60,
			[CONN_SYN_SENT] = 30,
			[CONN_SYN_RECV] = 60,
			[CONN_ESTABLISHED] = 300,
			[CONN_FIN_WAIT] = 120,
			[CONN_CLOSING] = 60,
			[CONN_CLOSED] = 10,
		},
	.udp_new_s = 60,
	.udp_replied_s = 60,
	.icmp_s = 30,
};

const char *conn_state_name(enum conn_state state)
{
	static const char *const name[CONN_STATES] = {
		"new", "syn-sent", "syn-recv", "established", "fin-wait", "closing", "closed"};

	return (unsigned)state < CONN_STATES ? name[state] : "unknown";
}

enum conn_state conn_first_state(uint8_t proto, uint8_t tcp_flags)
{
	if (proto != IPPROTO_TCP_)
		return CONN_NEW;
	if (tcp_flags & RST)
		return CONN_CLOSED;
	return (tcp_flags & (SYN | ACK)) == SYN ? CONN_SYN_SENT : CONN_NEW;
}

uint32_t conn_timeout(const struct conn_timeouts *to, uint8_t proto, enum conn_state state)
{
	if (proto == IPPROTO_TCP_)
		return to->s[state];
	if (proto == 1 || proto == 58)
		return to->icmp_s;
	return state == CONN_NEW ? to->udp_new_s : to->udp_replied_s;
}

static inline uint16_t with_state(uint16_t word, enum conn_state state)
{
	return (word & ~CONN_ST_MASK) | state;
}

/* A FIN: the first closes one side, the second (from the other) both. */
static uint16_t on_fin(uint16_t word, unsigned dir)
{
	uint16_t mine = dir ? CONN_ST_FIN1 : CONN_ST_FIN0, both = CONN_ST_FIN0 | CONN_ST_FIN1;

	if (word & mine)
		return word; /* retransmitted */
	word = (word | mine) & ~CONN_ST_LASTFIN;
	if (dir)
		word |= CONN_ST_LASTFIN;
	return with_state(word, (word & both) == both ? CONN_CLOSING : CONN_FIN_WAIT);
}

/* Established by the handshake, or by an ACK from each side when it was picked up on the way. */
static uint16_t on_ack(uint16_t word, unsigned dir, enum conn_state state)
{
	unsigned last_fin = word & CONN_ST_LASTFIN ? 1 : 0;

	switch (state) {
	case CONN_NEW:
		word |= dir ? CONN_ST_ACK1 : CONN_ST_ACK0;
		if ((word & (CONN_ST_ACK0 | CONN_ST_ACK1)) == (CONN_ST_ACK0 | CONN_ST_ACK1))
			return with_state(word, CONN_ESTABLISHED);
		return word;
	case CONN_SYN_RECV:
		return dir == 0 ? with_state(word, CONN_ESTABLISHED) : word;
	case CONN_CLOSING:
		return dir != last_fin ? with_state(word, CONN_CLOSED) : word;
	default:
		return word;
	}
}

/* SYN without ACK. *verdict: what conn_update returns. */
static uint16_t on_syn(uint16_t word, unsigned dir, enum conn_state state, unsigned *verdict)
{
	switch (state) {
	case CONN_NEW:
		return dir == 0 ? with_state(word, CONN_SYN_SENT) : word;
	case CONN_SYN_SENT: /* from the other side: simultaneous open, RFC 9293 figure 7 */
		return dir == 0 ? word : with_state(word, CONN_SYN_RECV);
	case CONN_CLOSED:
	case CONN_CLOSING: /* TIME-WAIT of the other stack may be reused, RFC 6191 */
		*verdict = CONN_REOPEN;
		return word;
	default:
		return word; /* retransmitted, or answered by a challenge ACK */
	}
}

static uint16_t on_syn_ack(uint16_t word, unsigned dir, enum conn_state state, unsigned *verdict)
{
	if (state == CONN_SYN_SENT && dir == 1)
		return with_state(word, CONN_SYN_RECV);
	if (state == CONN_NEW && dir == 1) /* the SYN passed before the connection was made */
		return with_state(word, CONN_SYN_RECV);
	if (state == CONN_SYN_SENT || state == CONN_CLOSED)
		*verdict = DROP_CT_INVALID; /* a SYN-ACK nobody asked for */
	return word;
}

static uint16_t tcp_next(uint16_t word, unsigned dir, uint8_t flags, unsigned *verdict)
{
	enum conn_state state = word & CONN_ST_MASK;

	if (flags & RST)
		return with_state(word, CONN_CLOSED);
	if ((flags & (SYN | ACK)) == SYN)
		return on_syn(word, dir, state, verdict);
	if (state == CONN_CLOSED && !(flags & SYN))
		return word; /* late copies of the end */
	if (flags & SYN)
		return on_syn_ack(word, dir, state, verdict);
	if (!(flags & (ACK | FIN)) || (state == CONN_SYN_SENT && dir == 0)) {
		*verdict =
			DROP_CT_INVALID; /* no flag at all, or data before the SYN was answered */
		return word;
	}
	if (flags & ACK)
		word = on_ack(word, dir, state);
	if (flags & FIN)
		word = on_fin(word, dir);
	return word;
}

static uint16_t next_word(
	uint16_t word, uint8_t proto, unsigned dir, uint8_t flags, unsigned *verdict)
{
	*verdict = 0;
	if (proto == IPPROTO_TCP_)
		return tcp_next(word, dir, flags, verdict);
	return dir == 1 && (word & CONN_ST_MASK) == CONN_NEW ? with_state(word, CONN_ESTABLISHED)
							     : word;
}

static void set_fast(struct conn_common *c, bool fast)
{
	uint8_t old = __atomic_load_n(&c->fast, __ATOMIC_RELAXED);

	if (!!(old & CONN_FAST) != fast)
		__atomic_store_n(
			&c->fast, (old & ~CONN_FAST) | (fast ? CONN_FAST : 0), __ATOMIC_RELAXED);
}

/* Do ordinary packets of this direction leave the state alone? Without handshake the opener's always do. */
static bool is_fast(uint16_t word, uint8_t proto, unsigned dir)
{
	return (word & CONN_ST_MASK) == CONN_ESTABLISHED || (proto != IPPROTO_TCP_ && dir == 0);
}

/* The slow half of conn_update: change the state. */
static __attribute__((noinline)) unsigned track(
	const struct conn_family *f, uint32_t id, uint8_t flags)
{
	struct conn_common *c = conn_common_at(f, id & ~1u);
	uint8_t proto = conn_word_proto(conn_dir_key(f, id)[f->words - 1]);
	uint16_t word = __atomic_load_n(&c->state, __ATOMIC_ACQUIRE), next;
	unsigned verdict;

	do {
		if (!(word & CONN_ST_LIVE))
			return 0; /* removed under us: this packet still belongs to it */
		next = next_word(word, proto, id & 1, flags, &verdict);
	} while (next != word && !__atomic_compare_exchange_n(&c->state, &word, next, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	do { /* until the hint is about the state that stands: two workers may be here */
		next = __atomic_load_n(&c->state, __ATOMIC_ACQUIRE);
		set_fast(c, is_fast(next, proto, 0));
		set_fast(conn_common_at(f, id | 1), is_fast(next, proto, 1));
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	} while (__atomic_load_n(&c->state, __ATOMIC_ACQUIRE) != next);
	return verdict;
}

/* Packets that came by another worker than the one that added the connection. */
static __attribute__((noinline)) void count_other(const struct flow_conn_table *t,
	const struct conn_family *f, uint32_t id, uint16_t gen, unsigned worker, uint32_t bytes,
	uint32_t packets)
{
	struct conn_other *o = &f->other[(uint64_t)worker * (f->pairs + 1) * 2 + id];
	uint64_t mine = (uint64_t)gen << CONN_OTHER_GEN_SHIFT;

	if (o->packets >> CONN_OTHER_GEN_SHIFT != gen) {
		__atomic_store_n(&o->bytes, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&o->packets, mine, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&o->packets, o->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&o->bytes, o->bytes + bytes, __ATOMIC_RELAXED);
}

unsigned conn_update_slowly(const struct flow_conn_table *t, const struct conn_family *f, uint32_t id, unsigned worker,
	uint8_t tcp_flags, uint32_t bytes, uint32_t packets, uint64_t now_ns)
{
	struct conn_common *c = conn_common_at(f, id);

	if (!(__atomic_load_n(&c->fast, __ATOMIC_RELAXED) & CONN_FAST) || (tcp_flags & CONN_TCP_EVENTS)) {
		unsigned verdict = track(f, id, tcp_flags);

		if (verdict)
			return verdict;
	}
	__atomic_store_n(&c->seen, conn_tick(now_ns), __ATOMIC_RELAXED);
	if (c->home != worker) {
		count_other(t, f, id, c->gen, worker, bytes, packets);
		return 0;
	}
	__atomic_store_n(&c->packets, c->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&c->bytes, c->bytes + bytes, __ATOMIC_RELAXED);
	return 0;
}

unsigned conn_update(struct flow_conn_table *table, conn_ref ref, unsigned worker,
	uint8_t tcp_flags, uint32_t bytes, uint32_t packets, uint64_t now_ns)
{
	const struct conn_family *f = conn_family_of(table, ref);
	uint32_t id = conn_ref_id(ref);

	return conn_update_at(table, f, id, conn_common_at(f, id), worker, tcp_flags, bytes, packets, now_ns);
}
