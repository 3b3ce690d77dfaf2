/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link: the two rtnetlink messages this room needs, with libmnl. A socket per message: these are
 * control path and happen in whichever namespace the calling thread is in.
 */
#include "port/port_int.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <time.h>

static int talk(struct nlmsghdr *nlh, void *buf, size_t size, mnl_cb_t cb, void *data)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	unsigned seq = (unsigned)time(NULL);
	ssize_t n;
	int err = 0;

	if (!nl)
		return -errno;
	nlh->nlmsg_seq = seq;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
		mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0) {
		err = -errno;
		goto close_socket;
	}
	do {
		n = mnl_socket_recvfrom(nl, buf, size);
		if (n < 0) {
			err = -errno;
			break;
		}
		n = mnl_cb_run(buf, n, seq, mnl_socket_get_portid(nl), cb, data);
		if (n < 0)
			err = -errno;
	} while (n > MNL_CB_STOP);
close_socket:
	mnl_socket_close(nl);
	return err;
}

static int on_attr(const struct nlattr *attr, void *data)
{
	struct port_link *link = data;
	unsigned type = mnl_attr_get_type(attr);

	if (type == IFLA_MTU && mnl_attr_get_payload_len(attr) >= 4)
		link->mtu = mnl_attr_get_u32(attr);
	else if (type == IFLA_ADDRESS && mnl_attr_get_payload_len(attr) == 6)
		memcpy(link->mac, mnl_attr_get_payload(attr), 6);
	else if (type == IFLA_CARRIER && mnl_attr_get_payload_len(attr) >= 1)
		link->carrier = mnl_attr_get_u8(attr) != 0;
	else if (type == IFLA_IFNAME)
		strncpy(link->name, mnl_attr_get_str(attr), sizeof(link->name) - 1);
	return MNL_CB_OK;
}

static int on_link(const struct nlmsghdr *nlh, void *data)
{
	struct port_link *link = data;
	const struct ifinfomsg *ifm = mnl_nlmsg_get_payload(nlh);

	link->index = ifm->ifi_index;
	link->flags = ifm->ifi_flags;
	mnl_attr_parse(nlh, sizeof(*ifm), on_attr, link);
	return MNL_CB_STOP;
}

int port_link_get(const char *name, int index, struct port_link *link)
{
	char buf[16384] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifm;

	memset(link, 0, sizeof(*link));
	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ifm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifm));
	ifm->ifi_family = AF_UNSPEC;
	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	else
		ifm->ifi_index = index;
	return talk(nlh, buf, sizeof(buf), on_link, link);
}

int port_link_place(int index, int nsfd, const char *name, const uint8_t mac[6], uint32_t mtu)
{
	char buf[16384] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifm;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	ifm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifm));
	ifm->ifi_family = AF_UNSPEC;
	ifm->ifi_index = index;
	ifm->ifi_flags = IFF_UP;
	ifm->ifi_change = IFF_UP;
	if (nsfd >= 0)
		mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, nsfd);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put(nlh, IFLA_ADDRESS, 6, mac);
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return talk(nlh, buf, sizeof(buf), NULL, NULL);
}
