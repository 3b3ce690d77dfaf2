/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reload: the profile again, the difference applied. Parsed and checked whole first; then ports that went
 * are closed, ports that changed reopened, new ones opened. What only a restart can change is refused
 * before anything is touched. Should opening a new port fail, the changes made so far stay and are told.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/core_int.h"

static const char *change_verb(enum card_change_kind kind)
{
	static const char *const verbs[] = {"added", "removed", "reattached", "changed", "node changed", "worker changed",
		"needs a restart"};

	return verbs[kind];
}

static const struct card_port *side(const struct card_change *c)
{
	return c->after ? c->after : c->before;
}

static void tell(struct str *text, const struct card_change *c)
{
	const struct card_port *cp = side(c);

	if (cp)
		str_addf(text, "ports.%s: %s", cp->name, change_verb(c->kind));
	else
		str_addf(text, "%s", change_verb(c->kind));
	if (c->field)
		str_addf(text, " (%s)", c->field);
	str_addf(text, "\n");
}

static int refuse_restart(const struct core *core, const struct card_diff *diff)
{
	for (unsigned i = 0; i < diff->n; i++) {
		const struct card_change *c = &diff->changes[i];

		if (c->kind == CARD_RESTART || c->kind == CARD_WORKER_CHANGED || c->kind == CARD_NODE_CHANGED)
			return refuse(EBUSY, "%s: '%s' changed, only a restart of %s applies that; nothing was changed",
				core->card->path, c->field ? c->field : "card", core->program);
	}
	return 0;
}

/* Ids are positions in the file; a live port keeps its id, so positions of the others must not move. */
static int refuse_moves(const struct card *before, const struct card *after)
{
	for (unsigned i = 0; i < after->n_ports; i++) {
		const struct card_port *old = card_port_by_name(before, after->ports[i].name);

		if (old && card_port_index(before, old) != i)
			return refuse(EBUSY, "%s:%d: port %s moved from place %u to %u: append new ports, and remove from the end, "
					     "or restart",
				after->path, after->ports[i].line, after->ports[i].name, card_port_index(before, old), i);
	}
	return 0;
}

static int open_again(struct core *core, const struct card *after, const struct card_change *c)
{
	unsigned id = card_port_index(after, c->after);

	core_port_close(core, (uint16_t)id);
	return core_port_open(core, c->after, (uint16_t)id);
}

static int apply(struct core *core, struct card *after, const struct card_diff *diff, struct str *text)
{
	struct card *before = core->card;
	int err = 0;

	for (unsigned i = 0; i < diff->n; i++)
		if (diff->changes[i].kind == CARD_PORT_REMOVED)
			core_port_close(core, (uint16_t)card_port_index(before, diff->changes[i].before));
	core->card = after;
	for (unsigned i = 0; i < diff->n && !err; i++) {
		const struct card_change *c = &diff->changes[i];

		if (c->kind != CARD_PORT_REMOVED)
			err = open_again(core, after, c);
		if (!err)
			tell(text, c);
	}
	card_destroy(before);
	return err;
}

int core_reload(struct core *core, char **changed)
{
	struct card_diff *diff = NULL;
	struct card *after = NULL;
	struct str text = {0};
	int err;

	if (core->card->is_private)
		return refuse(EINVAL, "card '%s' has no profile to reload", core->card->name);
	err = card_load(core->card->path, &after);
	if (!err)
		err = card_diff(core->card, after, &diff);
	if (!err)
		err = refuse_restart(core, diff);
	if (!err)
		err = refuse_moves(core->card, after);
	if (err)
		card_destroy(after);
	else
		err = apply(core, after, diff, &text);
	card_diff_destroy(diff);
	if (!err && changed)
		*changed = str_steal(&text);
	str_free(&text);
	return err;
}

static int reload(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;
	json_t *list;
	char *text = NULL, *save = NULL;
	int err = core_reload(core, &text);

	if (err)
		return err;
	list = json_array();
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		json_array_append_new(list, json_string(line));
	free(text);
	*result = json_pack("{s:o}", "changed", list);
	return 0;
}

int core_reload_methods(struct core *core)
{
	return ctl_register(core->ctl, CTL_DAEMON_RELOAD, reload, core);
}
