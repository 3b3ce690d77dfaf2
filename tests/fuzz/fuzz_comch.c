/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile Comch peer. The input is a script: operation, length, bytes. The first byte says who the victim is:
 *
 *   even   a server with a consumer's lane to send into. The peer greets, writes anything into the shared
 *          rings and lanes, numbers messages rightly or wrongly, announces consumers with bent descriptors.
 *   odd    a client, of whom the server's welcome and the rings it sends are made of the input.
 *
 * The victim must neither crash nor read or write beyond what it mapped, and must be rid of the peer when its
 * socket closes.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <doca_buf.h>
#include <doca_buf_inventory.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_mmap.h>
#include <doca_pe.h>

#include "doca/comch/comch_int.h"

#define MAGIC 0x53445031u
#define OK(call) assert((call) == DOCA_SUCCESS)
#define BULK 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/softdpu-fuzz-comch-XXXXXX";
static struct doca_pe *pe;
static struct doca_dev *dev;
static struct doca_comch_server *server;
static struct doca_mmap *bulk_map; /* what our false consumers offer, and what the server sends */
static struct doca_buf_inventory *inv;
static struct doca_buf *payload;
static const void *desc;
static size_t desc_len;
static struct sockaddr_un service = {.sun_family = AF_UNIX}, mine = {.sun_family = AF_UNIX};

static unsigned conns;
static struct doca_comch_connection *conn;
static uint32_t consumer_id;
static bool have_consumer;
static size_t seen;

/* ---- the victim: a server that echoes, and sends to every consumer ---- */

static void on_sent(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	doca_task_free(doca_comch_task_send_as_task(task));
}

static void on_msg(struct doca_comch_event_msg_recv *event, uint8_t *data, uint32_t len,
	struct doca_comch_connection *from)
{
	struct doca_comch_task_send *task;

	for (uint32_t i = 0; i < len; i++)
		seen += data[i];
	if (doca_comch_server_task_send_alloc_init(server, from, data, len, &task) ==
			DOCA_SUCCESS &&
		doca_task_submit(doca_comch_task_send_as_task(task)) != DOCA_SUCCESS)
		doca_task_free(doca_comch_task_send_as_task(task));
}

static void on_connect(struct doca_comch_event_connection_status_changed *e,
	struct doca_comch_connection *c, uint8_t ok)
{
	conns++;
	conn = c;
}

static void on_disconnect(struct doca_comch_event_connection_status_changed *e,
	struct doca_comch_connection *c, uint8_t ok)
{
	conns--;
	conn = NULL;
}

static void on_consumer(
	struct doca_comch_event_consumer *e, struct doca_comch_connection *c, uint32_t id)
{
	consumer_id = id;
	have_consumer = true;
}

static void on_expired(
	struct doca_comch_event_consumer *e, struct doca_comch_connection *c, uint32_t id)
{
	have_consumer = false;
}

static void on_produced(
	struct doca_comch_producer_task_send *t, union doca_data a, union doca_data b)
{
	doca_task_free(doca_comch_producer_task_send_as_task(t));
}

static void produce(void)
{
	uint8_t imm[4] = {'f', 'u', 'z', 'z'};
	struct doca_comch_producer *producer;
	struct doca_comch_producer_task_send *t;
	struct doca_ctx *ctx;
	enum doca_ctx_states state;

	if (!conn || !have_consumer || doca_comch_producer_create(conn, &producer) != DOCA_SUCCESS)
		return;
	ctx = doca_comch_producer_as_ctx(producer);
	OK(doca_comch_producer_task_send_set_conf(producer, on_produced, on_produced, 4));
	OK(doca_pe_connect_ctx(pe, ctx));
	OK(doca_ctx_start(ctx));
	for (int i = 0; i < 4; i++)
		if (doca_comch_producer_task_send_alloc_init(producer, payload,
			    imm, sizeof(imm), consumer_id, &t) == DOCA_SUCCESS &&
			doca_task_submit(doca_comch_producer_task_send_as_task(t)) != DOCA_SUCCESS)
			doca_task_free(doca_comch_producer_task_send_as_task(t));
	doca_ctx_stop(ctx);
	do {
		doca_pe_progress(pe);
		OK(doca_ctx_get_state(ctx, &state));
	} while (state != DOCA_CTX_STATE_IDLE);
	OK(doca_comch_producer_destroy(producer));
}

/* ---- the peer of a server ---- */

struct peer {
	int sock;
	uint8_t *rings, *lane;
	size_t rings_len;
	uint32_t slots, slot_size, next, next_post;
};

static void send_fds(int sock, const void *msg, size_t len, const int *fds, unsigned n)
{
	char control[CMSG_SPACE(3 * sizeof(int))] = {0};
	struct iovec iov = {.iov_base = (void *)msg, .iov_len = len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n) {
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, n * sizeof(int));
	}
	if (sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return; /* the victim hung up */
}

/* What the server answered: map its rings. */
static void take_welcome(struct peer *p)
{
	uint32_t w[6];
	char control[CMSG_SPACE(3 * sizeof(int))];
	struct iovec iov = {.iov_base = w, .iov_len = sizeof(w)};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	int fds[3];

	if (p->rings || recvmsg(p->sock, &m, MSG_DONTWAIT) != sizeof(w) || !m.msg_controllen)
		return;
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fds));
	p->rings_len = (size_t)lseek(fds[0], 0, SEEK_END);
	p->rings = mmap(NULL, p->rings_len, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	assert(p->rings != MAP_FAILED);
	p->slots = w[2];
	p->slot_size = w[4];
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* A slot as a good peer fills it, except for what the input says of its length. */
static void good_message(struct peer *p, const uint8_t *at, size_t n)
{
	struct ring_end r;
	struct ring_slot *slot;
	uint16_t len;

	if (!p->rings || n < 2)
		return;
	r = ring_end(p->rings, p->slots, p->slot_size);
	r.mine = p->next++;
	slot = ring_at(&r, r.mine);
	memcpy(&len, at, 2);
	slot->len = len;
	memcpy(slot->data, at + 2,
		n - 2 < p->slot_size - RING_SLOT_HEAD ? n - 2 : p->slot_size - RING_SLOT_HEAD);
	ring_push(&r);
}

static void good_post(struct peer *p, const uint8_t *at, size_t n)
{
	struct lane_post post = {.len = BULK};
	struct ring_end r;
	void *base;
	size_t len;

	if (!p->lane)
		return;
	OK(doca_mmap_get_memrange(bulk_map, &base, &len));
	post.addr = (uintptr_t)base;
	memcpy((uint8_t *)&post + (n ? at[0] % sizeof(post) : 0), at,
		n < sizeof(post) - (n ? at[0] % sizeof(post) : 0) ? n : 0);
	r = ring_end(p->lane, POST_SLOTS, LANE_SLOT);
	r.mine = p->next_post++;
	memcpy(ring_at(&r, r.mine)->data, &post, sizeof(post));
	ring_push_quietly(&r);
}

/* CONSUMER_NEW with a true descriptor, bent by the input. */
static void announce(struct peer *p, const uint8_t *at, size_t n)
{
	struct control_msg m = {.kind = CONSUMER_NEW, .id = 1, .desc_len = (uint32_t)desc_len};
	struct ring_end posts, dones;
	int fds[2] = {memfd_create("lane", MFD_CLOEXEC), eventfd(0, EFD_NONBLOCK)};

	memcpy(m.desc, desc, desc_len);
	if (n > 2)
		memcpy((uint8_t *)&m + (at[0] | at[1] << 8) % (sizeof(m) - n), at + 2, n - 2);
	if (p->lane)
		munmap(p->lane, LANE_BYTES);
	p->lane = NULL;
	if (ftruncate(fds[0], n == 1 ? at[0] : (off_t)LANE_BYTES) == 0 && n != 1) {
		p->lane = mmap(NULL, LANE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
		assert(p->lane != MAP_FAILED);
		posts = ring_end(p->lane, POST_SLOTS, LANE_SLOT);
		dones = ring_end(
			p->lane + ring_bytes(POST_SLOTS, LANE_SLOT), POST_SLOTS, LANE_SLOT);
		ring_format(&posts);
		ring_format(&dones);
		p->next_post = 0;
	}
	send_fds(p->sock, &m, sizeof(m), fds, 2);
	close(fds[0]);
	close(fds[1]);
}

static void poke(uint8_t *memory, size_t len, const uint8_t *at, size_t n)
{
	size_t where;

	if (!memory || n < 4)
		return;
	where = (size_t)(at[0] | at[1] << 8 | at[2] << 16) % len;
	n -= 3;
	memcpy(memory + where, at + 3, n < len - where ? n : len - where);
}

static void progress(unsigned n)
{
	while (n--)
		doca_pe_progress(pe);
}

static void act(struct peer *p, uint8_t op, const uint8_t *at, size_t n)
{
	uint32_t hello[4] = {MAGIC, 64, 4, 0};

	switch (op % 9) {
	case 0:
		memcpy(hello + 1, at, n < 8 ? n : 8);
		send_fds(p->sock, hello, sizeof(hello), NULL, 0);
		progress(600); /* the server looks at its socket now and then */
		take_welcome(p);
		break;
	case 1:
		send_fds(p->sock, at, n, NULL, 0);
		break;
	case 2:
		poke(p->rings, p->rings_len, at, n);
		break;
	case 3:
		poke(p->lane, LANE_BYTES, at, n);
		break;
	case 4:
		good_message(p, at, n);
		break;
	case 5:
		announce(p, at, n);
		progress(600);
		break;
	case 6:
		good_post(p, at, n);
		break;
	case 7:
		produce();
		break;
	default:
		progress(20);
	}
}

static void against_server(const uint8_t *data, size_t size)
{
	struct peer p = {.sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0)};

	have_consumer = false;
	if (connect(p.sock, (struct sockaddr *)&service, sizeof(service)))
		abort();
	for (size_t at = 0; at + 2 <= size;) {
		size_t n = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;

		act(&p, data[at], data + at + 2, n);
		at += 2 + n;
	}
	progress(600);
	close(p.sock);
	for (int i = 0; conns; i++) {
		assert(i < 100000); /* the victim keeps a dead peer */
		doca_pe_progress(pe);
	}
	progress(600); /* half-open ones too */
	if (p.rings)
		munmap(p.rings, p.rings_len);
	if (p.lane)
		munmap(p.lane, LANE_BYTES);
}

/* ---- the peer of a client ---- */

static void use(struct wire_conn *c)
{
	uint8_t *got;
	uint32_t len;

	for (int i = 0; i < 64 && wire_recv(c, &got, &len); i++) {
		for (uint32_t k = 0; k < len; k++)
			seen += got[k];
		wire_recv_done(c);
	}
	for (int i = 0; i < 8; i++)
		wire_send(c, "answer", 6);
	wire_arm(c);
	wire_event_clear(c);
}

/* Input: what differs from a good welcome, then what the rings hold. */
static void against_client(const uint8_t *data, size_t size)
{
	static const struct wire_opts opts = {.max_msg = 64, .queue = 4};
	uint32_t w[6] = {MAGIC, 64, 4, 4, 128, 0};
	size_t bent = size < sizeof(w) ? size : sizeof(w), len;
	int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0), sock, fds[3];
	struct wire_conn *c;
	uint8_t *rings;

	unlink(mine.sun_path);
	if (bind(listener, (struct sockaddr *)&mine, sizeof(mine)) || listen(listener, 1) ||
		wire_connect(mine.sun_path, &opts, &c))
		abort();
	sock = accept(listener, NULL, NULL);
	for (size_t i = 0; i < bent; i++)
		((uint8_t *)w)[i] ^= data[i];
	fds[0] = memfd_create("rings", MFD_ALLOW_SEALING);
	fds[1] = eventfd(0, EFD_NONBLOCK);
	fds[2] = eventfd(0, EFD_NONBLOCK);
	len = 2 * ring_bytes(4, 128);
	if (ftruncate(fds[0], (off_t)len) || fcntl(fds[0], F_ADD_SEALS, F_SEAL_SHRINK))
		abort();
	rings = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	assert(rings != MAP_FAILED);
	memcpy(rings, data + bent, size - bent < len ? size - bent : len);
	send_fds(sock, w, sizeof(w), fds, 1 + (size % 3));
	if (wire_connected(c) == 0) {
		use(c);
		memset(rings, size & 0xff, len / 2);
		use(c);
	}
	wire_close(c);
	munmap(rings, len);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(sock);
	close(listener);
}

/* ---- once ---- */

static void find_service(void)
{
	char path[sizeof(service.sun_path)];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s", dir);
	for (int level = 0; level < 3; level++) {
		d = opendir(path);
		if (!d)
			break;
		while ((e = readdir(d)))
			if (e->d_name[0] != '.') {
				strncat(path, "/", sizeof(path) - strlen(path) - 1);
				strncat(path, e->d_name, sizeof(path) - strlen(path) - 1);
				break;
			}
		closedir(d);
	}
	memcpy(service.sun_path, path, sizeof(path));
	snprintf(mine.sun_path, sizeof(mine.sun_path), "%.80s/mine", dir);
}

static void clean_up(void)
{
	char command[64];

	doca_ctx_stop(doca_comch_server_as_ctx(server));
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		perror(dir);
}

static void open_devices(struct doca_dev_rep **rep)
{
	struct doca_devinfo_rep **reps;
	struct doca_devinfo **list;
	uint32_t n;

	OK(doca_devinfo_create_list(&list, &n));
	OK(doca_dev_open(list[0], &dev));
	OK(doca_devinfo_destroy_list(list));
	OK(doca_devinfo_rep_create_list(dev, DOCA_DEVINFO_REP_FILTER_NET, &reps, &n));
	assert(n);
	OK(doca_dev_rep_open(reps[0], rep));
	OK(doca_devinfo_rep_destroy_list(reps));
}

static void open_bulk(void)
{
	static uint8_t bulk[2 * BULK];

	OK(doca_mmap_create(&bulk_map));
	OK(doca_mmap_set_memrange(bulk_map, bulk, sizeof(bulk)));
	OK(doca_mmap_set_permissions(bulk_map, DOCA_ACCESS_FLAG_PCI_READ_WRITE));
	OK(doca_mmap_add_dev(bulk_map, dev));
	OK(doca_mmap_start(bulk_map));
	OK(doca_mmap_export_pci(bulk_map, dev, &desc, &desc_len));
	OK(doca_buf_inventory_create(1, &inv));
	OK(doca_buf_inventory_start(inv));
	OK(doca_buf_inventory_buf_get_by_data(inv, bulk_map, bulk, BULK, &payload));
}

static void open_all(void)
{
	struct doca_dev_rep *rep;

	setenv("DOCA_LOG_LEVEL", "10", 1); /* refusals would be most of the time */
	assert(mkdtemp(dir));
	setenv("SOFTDPU_RUN_DIR", dir, 1);
	open_devices(&rep);
	OK(doca_pe_create(&pe));
	open_bulk();
	OK(doca_comch_server_create(dev, rep, "fuzz", &server));
	OK(doca_comch_server_set_recv_queue_size(server, 8));
	OK(doca_comch_server_task_send_set_conf(server, on_sent, on_sent, 16));
	OK(doca_comch_server_event_msg_recv_register(server, on_msg));
	OK(doca_comch_server_event_consumer_register(server, on_consumer, on_expired));
	OK(doca_comch_server_event_connection_status_changed_register(
		server, on_connect, on_disconnect));
	OK(doca_pe_connect_ctx(pe, doca_comch_server_as_ctx(server)));
	OK(doca_ctx_start(doca_comch_server_as_ctx(server)));
	find_service();
	atexit(clean_up);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!pe)
		open_all();
	if (size && data[0] % 2)
		against_client(data + 1, size - 1);
	else if (size)
		against_server(data + 1, size - 1);
	return 0;
}
