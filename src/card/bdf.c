/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bdf: PCI addresses as text, and where SR-IOV puts the virtual functions.
 */
#include "card/card_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Hexadecimal digits, at least one and at most `max`, up to `end`. */
static bool hex(const char **at, char end, unsigned max, unsigned limit, unsigned *value)
{
	char *stop;
	unsigned long v;

	if (!strchr("0123456789abcdefABCDEF", **at) || !**at)
		return false;
	v = strtoul(*at, &stop, 16);
	if (stop - *at > (long)max || *stop != end || v > limit)
		return false;
	*at = stop + (end != 0);
	*value = v;
	return true;
}

int card_bdf_parse(const char *text, struct card_bdf *bdf)
{
	unsigned domain = 0, bus, device, function;
	const char *at = text;
	const char *colon;

	if (strncmp(at, "pci/", 4) == 0 || strncmp(at, "pci:", 4) == 0)
		at += 4;
	colon = strchr(at, ':');
	if ((colon && strchr(colon + 1, ':') && !hex(&at, ':', 4, 0xffff, &domain)) ||
		!hex(&at, ':', 2, 0xff, &bus) || !hex(&at, '.', 2, 0x1f, &device) ||
		!hex(&at, 0, 1, 7, &function))
		return refuse(EINVAL,
			"'%s' is not a PCI address; expected DOMAIN:BUS:DEVICE.FUNCTION, for "
			"example "
			"0000:03:00.0",
			text);
	*bdf = (struct card_bdf){domain, bus, device, function};
	return 0;
}

const char *card_bdf_format(const struct card_bdf *bdf, char buf[13])
{
	snprintf(buf, 13, "%04x:%02x:%02x.%x", bdf->domain, bdf->bus, bdf->device & 0x1f,
		bdf->function & 7);
	return buf;
}

bool card_bdf_equal(const struct card_bdf *a, const struct card_bdf *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->device == b->device &&
	       a->function == b->function;
}

/* SR-IOV (PCIe 9.2.1.2): routing id of a VF = that of PF 0 + first offset + stride; here the VFs
 * of PF 0 follow the PFs, and each PF has room for CARD_VFS_PER_PF. */
struct card_bdf card_vf_bdf(const struct card *card, unsigned pf, unsigned vf)
{
	struct card_bdf b = card->pfs[0].host;
	unsigned rid =
		(b.bus << 8 | b.device << 3 | b.function) + card->n_pfs + CARD_VFS_PER_PF * pf + vf;

	b.bus = rid >> 8;
	b.device = rid >> 3 & 0x1f;
	b.function = rid & 7;
	return b;
}

const char *card_role_name(enum card_role role)
{
	static const char *const names[] = {"uplink", "hpf", "vf", "sf"};

	return role < ARRAY_SIZE(names) ? names[role] : "unknown";
}
