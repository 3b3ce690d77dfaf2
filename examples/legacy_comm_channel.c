/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * legacy_comm_channel: the Comm Channel of DOCA 1.x to 2.6. The card's process echoes, the host's asks.
 * Both ends are forked here; they are as well two programs.
 *
 * pkg-config: doca
 * run:
 * expect: host: connected
 * expect: card: got "ping 99"
 * expect: host: 100 answers
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doca_comm_channel.h>
#include <doca_dev.h>
#include <doca_error.h>

#define MESSAGES 100
#define CHECK(call)                                                                  \
	do {                                                                         \
		doca_error_t check_ = (call);                                        \
		if (check_ != DOCA_SUCCESS) {                                        \
			printf(#call ": %s\n", doca_get_error_string(check_));       \
			exit(1);                                                     \
		}                                                                    \
	} while (0)

static struct doca_dev *open_dev(const char *pci)
{
	struct doca_devinfo **list;
	struct doca_dev *dev = NULL;
	uint32_t n;
	uint8_t equal;

	CHECK(doca_devinfo_create_list(&list, &n));
	for (uint32_t i = 0; i < n && !dev; i++)
		if (doca_devinfo_is_equal_pci_addr(list[i], pci, &equal) == DOCA_SUCCESS && equal)
			CHECK(doca_dev_open(list[i], &dev));
	doca_devinfo_destroy_list(list);
	if (!dev)
		exit((printf("no device %s\n", pci), 1));
	return dev;
}

static struct doca_dev_rep *open_rep(struct doca_dev *dev, const char *pci)
{
	struct doca_devinfo_rep **list;
	struct doca_dev_rep *rep = NULL;
	uint32_t n;
	uint8_t equal;

	CHECK(doca_devinfo_rep_create_list(dev, DOCA_DEVINFO_REP_FILTER_NET, &list, &n));
	for (uint32_t i = 0; i < n && !rep; i++)
		if (doca_devinfo_rep_is_equal_pci_addr(list[i], pci, &equal) == DOCA_SUCCESS && equal)
			CHECK(doca_dev_rep_open(list[i], &rep));
	doca_devinfo_rep_destroy_list(list);
	if (!rep)
		exit((printf("no representor %s\n", pci), 1));
	return rep;
}

static void set_up(struct doca_comm_channel_ep_t **ep, struct doca_dev *dev)
{
	CHECK(doca_comm_channel_ep_create(ep));
	CHECK(doca_comm_channel_ep_set_device(*ep, dev));
	CHECK(doca_comm_channel_ep_set_max_msg_size(*ep, 256));
	CHECK(doca_comm_channel_ep_set_send_queue_size(*ep, 32));
	CHECK(doca_comm_channel_ep_set_recv_queue_size(*ep, 32));
}

static doca_error_t receive(struct doca_comm_channel_ep_t *ep, char *msg, struct doca_comm_channel_addr_t **from)
{
	doca_error_t result;
	size_t len;

	do {
		len = 255;
		result = doca_comm_channel_ep_recvfrom(ep, msg, &len, DOCA_CC_MSG_FLAG_NONE, from);
	} while (result == DOCA_ERROR_AGAIN && usleep(20) == 0);
	msg[result == DOCA_SUCCESS ? len : 0] = 0;
	return result;
}

static int card(void)
{
	struct doca_dev *dev = open_dev("03:00.0");
	struct doca_dev_rep *rep = open_rep(dev, "b1:00.0");
	struct doca_comm_channel_ep_t *ep;
	struct doca_comm_channel_addr_t *from;
	char msg[256];

	set_up(&ep, dev);
	CHECK(doca_comm_channel_ep_set_device_rep(ep, rep));
	CHECK(doca_comm_channel_ep_listen(ep, "legacy"));
	for (int i = 0; i < MESSAGES; i++) {
		CHECK(receive(ep, msg, &from));
		CHECK(doca_comm_channel_ep_sendto(ep, msg, strlen(msg), DOCA_CC_MSG_FLAG_NONE, from));
	}
	printf("card: got \"%s\"\n", msg);
	receive(ep, msg, &from); /* until the host has gone */
	CHECK(doca_comm_channel_ep_destroy(ep));
	CHECK(doca_dev_rep_close(rep));
	CHECK(doca_dev_close(dev));
	return 0;
}

static int host(void)
{
	struct doca_dev *dev = open_dev("b1:00.0");
	struct doca_comm_channel_ep_t *ep;
	struct doca_comm_channel_addr_t *peer, *from;
	doca_error_t result;
	char msg[256], answer[256];
	int answers = 0;

	set_up(&ep, dev);
	while ((result = doca_comm_channel_ep_connect(ep, "legacy", &peer)) == DOCA_ERROR_CONNECTION_ABORTED)
		usleep(10000); /* the card's end is not there yet */
	CHECK(result);
	while ((result = doca_comm_channel_peer_addr_update_info(peer)) == DOCA_ERROR_CONNECTION_INPROGRESS)
		usleep(100);
	CHECK(result);
	printf("host: connected\n");
	for (int i = 0; i < MESSAGES; i++) {
		snprintf(msg, sizeof(msg), "ping %d", i);
		CHECK(doca_comm_channel_ep_sendto(ep, msg, strlen(msg), DOCA_CC_MSG_FLAG_NONE, peer));
		CHECK(receive(ep, answer, &from));
		answers += strcmp(msg, answer) == 0;
	}
	printf("host: %d answers\n", answers);
	CHECK(doca_comm_channel_ep_disconnect(ep, peer));
	CHECK(doca_comm_channel_ep_destroy(ep));
	CHECK(doca_dev_close(dev));
	return 0;
}

int main(void)
{
	int status = 0, bad;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0)
		exit(card());
	bad = host();
	waitpid(child, &status, 0);
	return bad || status;
}
