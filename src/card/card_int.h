/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of room card. Only this room and its unit tests include it.
 *
 *   load.c    profile -> struct card; the embedded default profile
 *   attach.c  the attach part of a port: keys of each kind, both directions
 *   check.c   what must hold between ports, and between cards
 *   print.c   struct card -> profile
 *   diff.c    two cards -> what to do
 *   limits.c  the profiles' figures, and who is over one
 *   lease.c   run directory and single ownership
 *   bdf.c     PCI addresses and names
 */
#ifndef CARD_CARD_INT_H
#define CARD_CARD_INT_H

#include "base/base.h"
#include "base/refuse.h"
#include "base/str.h"
#include "base/yaml.h"
#include "card/card.h"

/* A card and what its borrowed strings live in. */
struct card_owned {
	struct card card;
	struct yaml_file *file;
	char *run_dir;
	char *path;
};

/* The port's kind key and what is under it. `port` is the map of one port. */
int card_attach_load(const struct yaml_node *port, struct card_attach *attach);
/* "tap: {netns: client, ifname: eth0}" */
void card_attach_print(struct str *s, const struct card_attach *attach);
bool card_attach_equal(const struct card_attach *a, const struct card_attach *b);
/* Keys of a port that are kinds: for yaml_only_keys(). NULL past the last. */
const char *card_attach_kind_key(unsigned i);

/* Uniqueness of macs, interfaces, pods; pairs that meet; limits. Refusals name the port's line. */
int card_check(const struct card *card);

/* Scalar as YAML that reads back as the same text: quoted where YAML needs it. */
void card_print_text(struct str *s, const char *text);

struct card_bdf card_vf_bdf(const struct card *card, unsigned pf, unsigned vf);

static inline bool card_text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

#endif
