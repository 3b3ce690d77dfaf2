/* SPDX-License-Identifier: BSD-3-Clause */
/* One end of a connection. */
#include "comch.h"

#include <poll.h>
#include <unistd.h>

#define SERVICE "bench"

struct end end;

/* ---- messages ---- */

static void sent_one(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	doca_task_free(doca_comch_task_send_as_task(task));
}

static void send_failed(struct doca_comch_task_send *task, union doca_data a, union doca_data b)
{
	end.gone = true;
	doca_task_free(doca_comch_task_send_as_task(task));
}

bool send_msg(const void *msg, uint32_t len)
{
	struct doca_comch_task_send *task;
	doca_error_t result = end.server ? doca_comch_server_task_send_alloc_init(
						   end.server, end.conn, msg, len, &task)
					 : doca_comch_client_task_send_alloc_init(
						   end.client, end.conn, msg, len, &task);

	if (result == DOCA_ERROR_NO_MEMORY)
		return false;
	MUST(result);
	result = doca_task_submit(doca_comch_task_send_as_task(task));
	if (result == DOCA_SUCCESS)
		return true;
	doca_task_free(doca_comch_task_send_as_task(task));
	if (result != DOCA_ERROR_AGAIN)
		MUST(result);
	return false;
}

static void on_msg(struct doca_comch_event_msg_recv *event, uint8_t *data, uint32_t len,
	struct doca_comch_connection *from)
{
	end.received++;
	/* a stream is answered once */
	if (end.server && (len < LONGEST || end.received % STREAM == 0))
		while (!send_msg(data, 64))
			doca_pe_progress(end.pe);
}

static void on_consumer(
	struct doca_comch_event_consumer *event, struct doca_comch_connection *from, uint32_t id)
{
	end.consumer = id;
}

static void on_consumer_gone(
	struct doca_comch_event_consumer *event, struct doca_comch_connection *from, uint32_t id)
{
	end.consumer = 0;
}

static void on_connect(struct doca_comch_event_connection_status_changed *event,
	struct doca_comch_connection *conn, uint8_t ok)
{
	end.conn = conn;
}

static void on_disconnect(struct doca_comch_event_connection_status_changed *event,
	struct doca_comch_connection *conn, uint8_t ok)
{
	end.gone = true;
}

void turn(void)
{
	doca_event_handle_t fd;

	if (doca_pe_progress(end.pe) || !end.asleep)
		return;
	MUST(doca_pe_get_notification_handle(end.pe, &fd));
	MUST(doca_pe_request_notification(end.pe));
	poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1000);
	MUST(doca_pe_clear_notification(end.pe, fd));
}

/* ---- devices ---- */

static struct doca_dev *open_dev(const char *pci)
{
	struct doca_devinfo **list;
	struct doca_dev *dev = NULL;
	uint32_t n;
	uint8_t equal;

	MUST(doca_devinfo_create_list(&list, &n));
	for (uint32_t i = 0; i < n && !dev; i++)
		if (doca_devinfo_is_equal_pci_addr(list[i], pci, &equal) == DOCA_SUCCESS && equal)
			MUST(doca_dev_open(list[i], &dev));
	return dev;
}

static struct doca_dev_rep *open_rep(struct doca_dev *dev, const char *pci)
{
	struct doca_devinfo_rep **list;
	struct doca_dev_rep *rep = NULL;
	uint32_t n;
	uint8_t equal;

	MUST(doca_devinfo_rep_create_list(dev, DOCA_DEVINFO_REP_FILTER_NET, &list, &n));
	for (uint32_t i = 0; i < n && !rep; i++)
		if (doca_devinfo_rep_is_equal_pci_addr(list[i], pci, &equal) == DOCA_SUCCESS &&
			equal)
			MUST(doca_dev_rep_open(list[i], &rep));
	return rep;
}

/* ---- the card ---- */

static void serve(void)
{
	struct doca_comch_server *s;

	MUST(doca_comch_server_create(end.dev, open_rep(end.dev, "b1:00.0"), SERVICE, &s));
	MUST(doca_comch_server_set_max_msg_size(s, LONGEST));
	MUST(doca_comch_server_set_recv_queue_size(s, IN_FLIGHT));
	MUST(doca_comch_server_task_send_set_conf(s, sent_one, send_failed, IN_FLIGHT));
	MUST(doca_comch_server_event_msg_recv_register(s, on_msg));
	MUST(doca_comch_server_event_connection_status_changed_register(
		s, on_connect, on_disconnect));
	MUST(doca_pe_connect_ctx(end.pe, doca_comch_server_as_ctx(s)));
	MUST(doca_ctx_start(doca_comch_server_as_ctx(s)));
	end.server = s;
}

void card_run(void)
{
	end.dev = open_dev("03:00.0");
	MUST(doca_pe_create(&end.pe));
	serve();
	while (!end.conn)
		turn();
	if (end.bulk)
		bulk_consume();
	while (!end.gone)
		turn();
}

/* ---- the host ---- */

static bool is_up(doca_error_t started)
{
	struct doca_ctx *ctx = doca_comch_client_as_ctx(end.client);
	enum doca_ctx_states state;

	do {
		doca_pe_progress(end.pe);
		MUST(doca_ctx_get_state(ctx, &state));
	} while (state == DOCA_CTX_STATE_STARTING && started == DOCA_ERROR_IN_PROGRESS);
	return state == DOCA_CTX_STATE_RUNNING;
}

static bool try_to_connect(void)
{
	MUST(doca_comch_client_create(end.dev, SERVICE, &end.client));
	MUST(doca_comch_client_set_max_msg_size(end.client, LONGEST));
	MUST(doca_comch_client_set_recv_queue_size(end.client, IN_FLIGHT));
	MUST(doca_comch_client_task_send_set_conf(end.client, sent_one, send_failed, IN_FLIGHT));
	MUST(doca_comch_client_event_msg_recv_register(end.client, on_msg));
	MUST(doca_comch_client_event_consumer_register(end.client, on_consumer, on_consumer_gone));
	MUST(doca_pe_connect_ctx(end.pe, doca_comch_client_as_ctx(end.client)));
	if (is_up(doca_ctx_start(doca_comch_client_as_ctx(end.client))))
		return true;
	MUST(doca_comch_client_destroy(end.client)); /* the card's end is not there yet */
	return false;
}

void host_connect(void)
{
	end.dev = open_dev("b1:00.0");
	MUST(doca_pe_create(&end.pe));
	for (int tries = 0; !try_to_connect(); tries++) {
		if (tries == 500) {
			fprintf(stderr, "the card's end did not come up\n");
			exit(1);
		}
		usleep(10000);
	}
	MUST(doca_comch_client_get_connection(end.client, &end.conn));
}

void host_leave(void)
{
	struct doca_ctx *ctx = doca_comch_client_as_ctx(end.client);
	enum doca_ctx_states state = DOCA_CTX_STATE_STOPPING;

	doca_ctx_stop(ctx);
	while (state != DOCA_CTX_STATE_IDLE) {
		doca_pe_progress(end.pe);
		MUST(doca_ctx_get_state(ctx, &state));
	}
	MUST(doca_comch_client_destroy(end.client));
	MUST(doca_pe_destroy(end.pe));
	MUST(doca_dev_close(end.dev));
}
