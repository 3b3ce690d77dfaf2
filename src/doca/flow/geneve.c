/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * geneve: options of Geneve headers (RFC 8926 sec. 3.5). A parser names options and the words of their data that matter; each
 * such word becomes a sampler of flow/custom.h, found by class and type wherever the option stands, and so a field that pipes
 * match and write. Parsers of several ports share what they name alike: the samplers are the process's.
 */
#include <stdlib.h>
#include <string.h>

#include "doca/flow/flow_door.h"
#include "flow/custom.h"
#include "flow/field.h"

#define OPTIONS_MAX 16
#define NO_SAMPLER (-1)

struct option {
	struct doca_flow_parser_geneve_opt_cfg cfg;
	int there;                                        /* a sampler that is valid when the option is there */
	int class_id;                                     /* MATCHABLE: of the class */
	int word[DOCA_FLOW_GENEVE_DATA_OPTION_LEN_MAX];   /* by word of the data */
};

static struct {
	int header; /* of flow_custom_header_add, when there are options */
	unsigned n, parsers;
	struct option option[OPTIONS_MAX];
} known;

struct doca_flow_parser {
	struct doca_flow_port *port;
};

/* ---- parsers ---- */

static int add_header(void)
{
	static const struct flow_custom_header geneve = {.udp_port = DOCA_FLOW_GENEVE_DEFAULT_PORT, .length = {8, 2, 6, 4},
		.has_options = true, .options = 8, .option = {4, 27, 5, 4}, .type_offset = 0, .type_width = 24};

	if (!known.n)
		known.header = flow_custom_header_add(&geneve);
	return known.header;
}

/* The option's class is part of what it is looked for by, unless the program wants to match it or does not care. */
static int add_sampler(const struct doca_flow_parser_geneve_opt_cfg *o, unsigned offset, unsigned length)
{
	bool fixed = o->match_on_class_mode == DOCA_FLOW_PARSER_GENEVE_OPT_MODE_FIXED;
	struct flow_custom_sampler s = {.header = known.header, .offset = offset, .length = length, .in_option = true,
		.type = o->option_type, .type_mask = fixed ? 0xffffff : 0xff};

	if (fixed)
		s.type |= (uint32_t)rte_be_to_cpu_16(o->option_class) << 8;
	return flow_custom_sampler_add(&s);
}

static int fill_option(struct option *o)
{
	bool matchable = o->cfg.match_on_class_mode == DOCA_FLOW_PARSER_GENEVE_OPT_MODE_MATCHABLE;

	o->there = NO_SAMPLER;
	o->class_id = matchable ? add_sampler(&o->cfg, 0, 2) : NO_SAMPLER;
	if (matchable && o->class_id < 0)
		return o->class_id;
	for (unsigned i = 0; i < DOCA_FLOW_GENEVE_DATA_OPTION_LEN_MAX; i++) {
		o->word[i] = NO_SAMPLER;
		if (i >= o->cfg.option_len || !o->cfg.data_mask[i])
			continue;
		o->word[i] = add_sampler(&o->cfg, 4 + 4 * i, 4);
		if (o->word[i] < 0)
			return o->word[i];
		o->there = o->word[i];
	}
	if (o->there < 0)
		o->there = matchable ? o->class_id : add_sampler(&o->cfg, 2, 1);
	return o->there < 0 ? o->there : 0;
}

static bool alike(const struct doca_flow_parser_geneve_opt_cfg *a, const struct doca_flow_parser_geneve_opt_cfg *b)
{
	return a->match_on_class_mode == b->match_on_class_mode && a->option_class == b->option_class &&
	       a->option_type == b->option_type && a->option_len == b->option_len && !memcmp(a->data_mask, b->data_mask, sizeof(a->data_mask));
}

static doca_error_t add_option(const struct doca_flow_parser_geneve_opt_cfg *cfg)
{
	struct option *o = &known.option[known.n];
	int err;

	if (cfg->match_on_class_mode > DOCA_FLOW_PARSER_GENEVE_OPT_MODE_MATCHABLE || cfg->option_len > DOCA_FLOW_GENEVE_DATA_OPTION_LEN_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_parser_geneve_opt_create: option of type %u: class mode %u, %u words of data; modes "
			"IGNORE, FIXED, MATCHABLE, at most %u words", cfg->option_type, cfg->match_on_class_mode, cfg->option_len,
			DOCA_FLOW_GENEVE_DATA_OPTION_LEN_MAX);
	for (unsigned i = 0; i < known.n; i++)
		if (alike(&known.option[i].cfg, cfg))
			return DOCA_SUCCESS;
	if (known.n == OPTIONS_MAX)
		return dcore_fail(DOCA_ERROR_FULL, "doca_flow_parser_geneve_opt_create: all %u options are in use", OPTIONS_MAX);
	err = add_header();
	if (err >= 0) {
		o->cfg = *cfg;
		known.n++;
		err = fill_option(o);
	}
	return err < 0 ? dcore_from_errno(err, "doca_flow_parser_geneve_opt_create") : DOCA_SUCCESS;
}

void door_geneve_forget(void)
{
	known.n = known.parsers = 0;
}

/* Samplers go with the last parser, unless a graph of custom headers still has some among them. */
static void clear_unused(void)
{
	if (known.parsers || door_graph_bound())
		return;
	door_geneve_forget();
	flow_custom_clear();
}

static void one_less(void)
{
	if (known.parsers)
		known.parsers--;
	clear_unused();
}

doca_error_t doca_flow_parser_geneve_opt_create(struct doca_flow_port *port,
	const struct doca_flow_parser_geneve_opt_cfg tlv_list[], uint8_t nr_options, struct doca_flow_parser **parser)
{
	doca_error_t err = DOCA_SUCCESS;

	DCORE_NOT_NULL(port);
	DCORE_NOT_NULL(tlv_list);
	DCORE_NOT_NULL(parser);
	if (!nr_options || nr_options > DOCA_FLOW_GENEVE_DATA_OPTION_LEN_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_flow_parser_geneve_opt_create: %u options; 1 to %u", nr_options,
			DOCA_FLOW_GENEVE_DATA_OPTION_LEN_MAX);
	if (port->parser)
		return dcore_fail(DOCA_ERROR_ALREADY_EXIST, "doca_flow_parser_geneve_opt_create: port %u has a parser already", port->id);
	for (unsigned i = 0; i < nr_options && err == DOCA_SUCCESS; i++)
		err = add_option(&tlv_list[i]);
	if (err != DOCA_SUCCESS) {
		clear_unused();
		return err;
	}
	*parser = calloc(1, sizeof(**parser));
	if (!*parser)
		return dcore_fail(DOCA_ERROR_NO_MEMORY, "doca_flow_parser_geneve_opt_create: no memory");
	(*parser)->port = port;
	port->parser = *parser;
	known.parsers++;
	flow_custom_enable(true);
	return DOCA_SUCCESS;
}

doca_error_t doca_flow_parser_geneve_opt_destroy(struct doca_flow_parser *parser)
{
	if (parser && parser->port) {
		parser->port->parser = NULL;
		one_less();
	}
	free(parser);
	return DOCA_SUCCESS;
}

void door_geneve_port_gone(struct doca_flow_port *port)
{
	if (!port->parser)
		return;
	port->parser->port = NULL; /* the program destroys it, or not */
	port->parser = NULL;
	one_less();
}

/* ---- words of a structure ---- */

static const struct option *find_option(const union doca_flow_geneve_option *head)
{
	for (unsigned i = 0; i < known.n; i++) {
		const struct doca_flow_parser_geneve_opt_cfg *c = &known.option[i].cfg;

		if (c->option_type == head->type &&
			(c->match_on_class_mode != DOCA_FLOW_PARSER_GENEVE_OPT_MODE_FIXED || c->option_class == head->class_id))
			return &known.option[i];
	}
	return NULL;
}

static bool meant_word(const struct doca_flow_tun *value, const struct doca_flow_tun *mask, unsigned at)
{
	return mask ? mask->geneve_options[at].data : value->geneve_options[at].data;
}

static void put_word(struct door_option_words *w, unsigned at, unsigned size, int sampler)
{
	if (w->n < ARRAY_SIZE(w->word))
		w->word[w->n++] = (struct door_option_word){.at = at, .size = size, .field = size ? flow_custom_data_field(sampler)
												   : flow_custom_valid_field(sampler)};
}

static doca_error_t words_of_option(const char *what, const struct doca_flow_tun *value, const struct doca_flow_tun *mask,
	unsigned at, unsigned length, struct door_option_words *w)
{
	const union doca_flow_geneve_option *head = &value->geneve_options[at];
	const struct option *o = find_option(head);

	if (!o)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: Geneve option of class %#x, type %u has no parser; doca_flow_parser_geneve_opt_create "
			"makes one", what, rte_be_to_cpu_16(head->class_id), head->type);
	put_word(w, at, 0, o->there);
	if (o->class_id >= 0 && (mask ? mask->geneve_options[at].class_id : head->class_id))
		put_word(w, at, 2, o->class_id);
	for (unsigned i = 0; i < length; i++) {
		if (!meant_word(value, mask, at + 1 + i))
			continue;
		if (o->word[i] < 0)
			return dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: word %u of the Geneve option of class %#x, type %u is not in the data mask of its "
				"parser", what, i, rte_be_to_cpu_16(head->class_id), head->type);
		put_word(w, at + 1 + i, 4, o->word[i]);
	}
	return DOCA_SUCCESS;
}

doca_error_t door_geneve_words(const char *what, const struct doca_flow_tun *value, const struct doca_flow_tun *mask,
	struct door_option_words *w)
{
	w->n = 0;
	if (value->type != DOCA_FLOW_TUN_GENEVE)
		return DOCA_SUCCESS;
	for (unsigned at = 0; at < DOCA_FLOW_GENEVE_OPT_LEN_MAX;) {
		const union doca_flow_geneve_option *head = &value->geneve_options[at];
		unsigned length = MIN_OF((unsigned)head->length, DOCA_FLOW_GENEVE_OPT_LEN_MAX - 1 - at);
		doca_error_t err;

		if (!head->class_id && !head->type)
			break;
		length = MIN_OF(length, (unsigned)DOCA_FLOW_GENEVE_DATA_OPTION_LEN_MAX);
		err = words_of_option(what, value, mask, at, length, w);
		if (err != DOCA_SUCCESS)
			return err;
		at += 1 + length;
	}
	return DOCA_SUCCESS;
}
