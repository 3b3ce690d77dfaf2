/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap: the classic format (draft-ietf-opsawg-pcap), nanosecond magic, host byte order. */
#include "packet/pcap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"

#define MAGIC_NANO 0xa1b23c4du
#define LINKTYPE_ETHERNET 1u
#define SNAPLEN_MAX 262144u /* what tcpdump and wireshark accept */

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	int32_t zone;
	uint32_t sigfigs, snaplen, linktype;
};

struct record_header {
	uint32_t sec, nsec, caplen, len;
};

_Static_assert(sizeof(struct file_header) == 24, "as on disk");
_Static_assert(sizeof(struct record_header) == 16, "as on disk");

struct pkt_pcap {
	FILE *f;
	uint32_t snaplen;
	int err; /* the first one, negative */
};

static int put(struct pkt_pcap *pc, const void *bytes, size_t n)
{
	if (!pc->err && n && fwrite(bytes, n, 1, pc->f) != 1)
		pc->err = -(errno ? errno : EIO);
	return pc->err;
}

int pkt_pcap_open(struct pkt_pcap **out, const char *path, uint32_t snaplen)
{
	struct file_header h = {
		.magic = MAGIC_NANO, .major = 2, .minor = 4, .linktype = LINKTYPE_ETHERNET};
	struct pkt_pcap *pc = calloc(1, sizeof(*pc));
	int r;

	if (!pc)
		return refuse(ENOMEM, "capture to '%s': no memory", path);
	pc->snaplen = snaplen && snaplen < SNAPLEN_MAX ? snaplen : SNAPLEN_MAX;
	pc->f = strcmp(path, "-") ? fopen(path, "we") : stdout;
	if (!pc->f) {
		r = refuse(errno, "capture to '%s': %s", path, strerror(errno));
		free(pc);
		return r;
	}
	h.snaplen = pc->snaplen;
	put(pc, &h, sizeof(h));
	*out = pc;
	return 0;
}

int pkt_pcap_write(struct pkt_pcap *pc, const struct rte_mbuf *m, uint64_t time_ns)
{
	uint32_t left = MIN_OF(m->pkt_len, pc->snaplen);
	struct record_header r = {.sec = (uint32_t)(time_ns / 1000000000u),
		.nsec = (uint32_t)(time_ns % 1000000000u),
		.caplen = left,
		.len = m->pkt_len};

	put(pc, &r, sizeof(r));
	for (; left; m = m->next) {
		uint32_t n = MIN_OF(left, m->data_len);

		put(pc, pkt_at(m, 0), n);
		left -= n;
	}
	return pc->err;
}

int pkt_pcap_flush(struct pkt_pcap *pc)
{
	if (!pc->err && fflush(pc->f))
		pc->err = -errno;
	return pc->err;
}

int pkt_pcap_close(struct pkt_pcap *pc)
{
	int err;

	if (!pc)
		return 0;
	pkt_pcap_flush(pc);
	if (pc->f != stdout && fclose(pc->f) && !pc->err)
		pc->err = -errno;
	err = pc->err;
	free(pc);
	return err;
}
