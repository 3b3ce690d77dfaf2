/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * comch_echo: a host process says something to a process on the card, which answers. Without arguments it is the
 * card's end and waits for one client; with a text it is the host's.
 *
 * pkg-config: doca-common doca-comch
 * shell: "$E/comch_echo" & sleep 1; "$E/comch_echo" "hello, card"; wait
 * expect: card heard: hello, card
 * expect: host heard: hello, card
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <doca_comch.h>
#include <doca_ctx.h>
#include <doca_dev.h>
#include <doca_error.h>
#include <doca_pe.h>

#define CHECK(call)                                                           \
	do {                                                                  \
		doca_error_t check_ = (call);                                 \
		if (check_ != DOCA_SUCCESS) {                                 \
			printf(#call ": %s\n", doca_error_get_descr(check_)); \
			exit(1);                                              \
		}                                                             \
	} while (0)

static struct doca_comch_server *server; /* NULL in the host's process */
static struct doca_comch_client *client;
static bool over;

static void on_sent(struct doca_comch_task_send *task, union doca_data user, union doca_data ctx)
{
	doca_task_free(doca_comch_task_send_as_task(task));
}

static void say(struct doca_comch_connection *to, const void *text, uint32_t len)
{
	struct doca_comch_task_send *task;

	if (server)
		CHECK(doca_comch_server_task_send_alloc_init(server, to, text, len, &task));
	else
		CHECK(doca_comch_client_task_send_alloc_init(client, to, text, len, &task));
	CHECK(doca_task_submit(doca_comch_task_send_as_task(task)));
}

static void on_message(struct doca_comch_event_msg_recv *event, uint8_t *text, uint32_t len,
	struct doca_comch_connection *from)
{
	printf("%s heard: %.*s\n", server ? "card" : "host", (int)len, (char *)text);
	if (server)
		say(from, text, len);
	else
		over = true;
}

static void on_connect(struct doca_comch_event_connection_status_changed *event,
	struct doca_comch_connection *c, uint8_t ok)
{
}

static void on_disconnect(struct doca_comch_event_connection_status_changed *event,
	struct doca_comch_connection *c, uint8_t ok)
{
	over = true;
}

static struct doca_dev *open_device(const char *pci)
{
	struct doca_devinfo **list;
	struct doca_dev *dev = NULL;
	uint8_t equal;
	uint32_t n;

	CHECK(doca_devinfo_create_list(&list, &n));
	for (uint32_t i = 0; i < n && !dev; i++)
		if (doca_devinfo_is_equal_pci_addr(list[i], pci, &equal) == DOCA_SUCCESS && equal)
			CHECK(doca_dev_open(list[i], &dev));
	CHECK(doca_devinfo_destroy_list(list));
	return dev;
}

/* The card's end of a channel belongs to a representor: clients come from that function only. */
static struct doca_dev_rep *open_representor(struct doca_dev *dev, const char *pci)
{
	struct doca_devinfo_rep **list;
	struct doca_dev_rep *rep = NULL;
	uint8_t equal;
	uint32_t n;

	CHECK(doca_devinfo_rep_create_list(dev, DOCA_DEVINFO_REP_FILTER_NET, &list, &n));
	for (uint32_t i = 0; i < n && !rep; i++)
		if (doca_devinfo_rep_is_equal_pci_addr(list[i], pci, &equal) == DOCA_SUCCESS &&
			equal)
			CHECK(doca_dev_rep_open(list[i], &rep));
	CHECK(doca_devinfo_rep_destroy_list(list));
	return rep;
}

static void serve(struct doca_pe *pe, struct doca_dev *dev)
{
	CHECK(doca_comch_server_create(dev, open_representor(dev, "b1:00.0"), "echo", &server));
	CHECK(doca_comch_server_task_send_set_conf(server, on_sent, on_sent, 16));
	CHECK(doca_comch_server_event_msg_recv_register(server, on_message));
	CHECK(doca_comch_server_event_connection_status_changed_register(
		server, on_connect, on_disconnect));
	CHECK(doca_pe_connect_ctx(pe, doca_comch_server_as_ctx(server)));
	CHECK(doca_ctx_start(doca_comch_server_as_ctx(server)));
}

static void call(struct doca_pe *pe, struct doca_dev *dev, const char *text)
{
	struct doca_comch_connection *to;
	enum doca_ctx_states state;

	CHECK(doca_comch_client_create(dev, "echo", &client));
	CHECK(doca_comch_client_task_send_set_conf(client, on_sent, on_sent, 16));
	CHECK(doca_comch_client_event_msg_recv_register(client, on_message));
	CHECK(doca_pe_connect_ctx(pe, doca_comch_client_as_ctx(client)));
	if (doca_ctx_start(doca_comch_client_as_ctx(client)) != DOCA_ERROR_IN_PROGRESS)
		exit(1);
	do {
		doca_pe_progress(pe);
		CHECK(doca_ctx_get_state(doca_comch_client_as_ctx(client), &state));
	} while (state == DOCA_CTX_STATE_STARTING);
	CHECK(doca_comch_client_get_connection(client, &to));
	say(to, text, (uint32_t)strlen(text));
}

int main(int argc, char **argv)
{
	struct doca_pe *pe;

	CHECK(doca_pe_create(&pe));
	if (argc > 1)
		call(pe, open_device("b1:00.0"), argv[1]);
	else
		serve(pe, open_device("03:00.0"));
	while (!over)
		doca_pe_progress(pe);
	return doca_ctx_stop(server ? doca_comch_server_as_ctx(server)
				    : doca_comch_client_as_ctx(client)) != DOCA_SUCCESS;
}
