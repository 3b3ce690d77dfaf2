/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capture files: pcap with nanoseconds (draft-ietf-opsawg-pcap) and pcapng
 * (draft-ietf-opsawg-pcapng), both in the byte order of the machine, link type Ethernet.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#include "base/refuse.h"
#include "base/str.h"

#define LINKTYPE_ETHERNET 1
#define PORTS_MAX 4096

struct pcap_file {
	FILE *out;
	char *path;
	bool ng;
	uint32_t snaplen;
	struct str block; /* a pcapng block being built */
	char *ports[PORTS_MAX];
	unsigned n_ports;
};

static void put16(struct str *s, uint16_t v)
{
	str_add_bytes(s, &v, sizeof(v));
}

static void put32(struct str *s, uint32_t v)
{
	str_add_bytes(s, &v, sizeof(v));
}

static void put_padded(struct str *s, const void *bytes, size_t n)
{
	str_add_bytes(s, bytes, n);
	str_pad(s, '\0', (4 - n % 4) % 4);
}

static void put_option(struct str *s, uint16_t code, const void *bytes, size_t n)
{
	put16(s, code);
	put16(s, (uint16_t)n);
	put_padded(s, bytes, n);
}

static int flush(struct pcap_file *f)
{
	bool bad = str_failed(&f->block) ||
		   fwrite(str_text(&f->block), 1, str_len(&f->block), f->out) != str_len(&f->block);

	str_clear(&f->block);
	return bad ? refuse(EIO, "%s: cannot write: %s", f->path, strerror(errno)) : 0;
}

/* type, length, what is in f->block, length. */
static int write_block(struct pcap_file *f, uint32_t type)
{
	uint32_t head[2] = {type, (uint32_t)str_len(&f->block) + 12};

	put32(&f->block, head[1]);
	if (fwrite(head, 1, sizeof(head), f->out) != sizeof(head))
		return refuse(EIO, "%s: cannot write: %s", f->path, strerror(errno));
	return flush(f);
}

static int write_header(struct pcap_file *f)
{
	if (f->ng) { /* section header: byte order, version 1.0, length unknown */
		put32(&f->block, 0x1a2b3c4d);
		put16(&f->block, 1);
		put16(&f->block, 0);
		put32(&f->block, UINT32_MAX);
		put32(&f->block, UINT32_MAX);
		put_option(&f->block, 4, "softdpu", 7); /* shb_userappl */
		put32(&f->block, 0);
		return write_block(f, 0x0a0d0d0a);
	}
	put32(&f->block, 0xa1b23c4d);
	put16(&f->block, 2);
	put16(&f->block, 4);
	put32(&f->block, 0);
	put32(&f->block, 0);
	put32(&f->block, f->snaplen);
	put32(&f->block, LINKTYPE_ETHERNET);
	return flush(f);
}

/* The interface number of a port, described on first sight. */
static int port_number(struct pcap_file *f, const char *port, uint32_t *number)
{
	static const uint8_t nanoseconds = 9;

	for (*number = 0; *number < f->n_ports; ++*number)
		if (!strcmp(f->ports[*number], port))
			return 0;
	if (f->n_ports == PORTS_MAX)
		return refuse(ENOSPC, "%s: more than %d ports", f->path, PORTS_MAX);
	f->ports[f->n_ports] = strdup(port);
	if (!f->ports[f->n_ports++])
		return refuse(ENOMEM, "%s: no memory", f->path);
	put16(&f->block, LINKTYPE_ETHERNET);
	put16(&f->block, 0);
	put32(&f->block, f->snaplen);
	put_option(&f->block, 2, port, strlen(port)); /* if_name */
	put_option(&f->block, 9, &nanoseconds, 1);    /* if_tsresol */
	put32(&f->block, 0);
	return write_block(f, 1);
}

/* An enhanced packet block, with the direction as flags and the drop reason as comment. */
static int write_ng(struct pcap_file *f, uint64_t time_ns, const char *port, const char *direction,
	const char *reason, const void *bytes, size_t n, size_t wire_n)
{
	uint32_t flags = !strcmp(direction, "rx") ? 1 : !strcmp(direction, "tx") ? 2 : 0, number;
	int err = port_number(f, port, &number);

	if (err)
		return err;
	put32(&f->block, number);
	put32(&f->block, (uint32_t)(time_ns >> 32));
	put32(&f->block, (uint32_t)time_ns);
	put32(&f->block, (uint32_t)n);
	put32(&f->block, (uint32_t)wire_n);
	put_padded(&f->block, bytes, n);
	put_option(&f->block, 2, &flags, 4);
	if (reason) {
		struct str comment = STR_INIT;

		str_addf(&comment, "dropped: %s", reason);
		put_option(&f->block, 1, str_text(&comment), str_len(&comment));
		str_free(&comment);
	}
	put32(&f->block, 0);
	return write_block(f, 6);
}

int pcap_write(struct pcap_file *f, uint64_t time_ns, const char *port, const char *direction,
	const char *reason, const void *bytes, size_t n, size_t wire_n)
{
	int err;

	if (f->ng) {
		err = write_ng(f, time_ns, port, direction, reason, bytes, n, wire_n);
	} else {
		put32(&f->block, (uint32_t)(time_ns / 1000000000));
		put32(&f->block, (uint32_t)(time_ns % 1000000000));
		put32(&f->block, (uint32_t)n);
		put32(&f->block, (uint32_t)wire_n);
		str_add_bytes(&f->block, bytes, n);
		err = flush(f);
	}
	/* a reader at the other end of a pipe wants each packet now; a file does too, it is read live */
	if (!err && fflush(f->out))
		err = refuse(errno, "%s: cannot write: %s", f->path, strerror(errno));
	return err;
}

int pcap_create(const char *path, uint32_t snaplen, struct pcap_file **out)
{
	size_t len = strlen(path);
	struct pcap_file *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return refuse(ENOMEM, "%s: no memory", path);
	f->ng = len > 7 && !strcmp(path + len - 7, ".pcapng");
	f->snaplen = snaplen;
	f->path = strdup(path);
	f->out = strcmp(path, "-") ? fopen(path, "wbe") : stdout;
	if (!f->out || !f->path) {
		err = refuse(errno, "%s: cannot write: %s", path, strerror(errno));
		pcap_close(f);
		return err;
	}
	err = write_header(f);
	if (!err && fflush(f->out))
		err = refuse(errno, "%s: cannot write: %s", path, strerror(errno));
	if (err) {
		pcap_close(f);
		return err;
	}
	*out = f;
	return 0;
}

int pcap_close(struct pcap_file *f)
{
	int err = 0;

	if (!f)
		return 0;
	if (f->out && (f->out == stdout ? fflush(f->out) : fclose(f->out)))
		err = refuse(errno, "%s: cannot write: %s", f->path, strerror(errno));
	for (unsigned i = 0; i < f->n_ports; i++)
		free(f->ports[i]);
	str_free(&f->block);
	free(f->path);
	free(f);
	return err;
}
