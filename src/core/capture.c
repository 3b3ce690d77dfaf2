/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture: switch.capture over the control socket. The worker copies into the eswitch's ring; the control
 * thread carries the copies to the client as notifications. A client that reads slowly misses packets and is
 * told how many; the traffic never waits for it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "core/core_int.h"

#define SLOTS 4096
#define PUMP_MAX 256 /* packets per round and capture, so one client does not starve the others */
#define SNAPLEN_MAX 65535

struct core_tap {
	struct core *core;
	struct core_tap *next;
	struct esw_capture *cap;
	struct ctl_stream *stream;
	uint64_t wanted, sent, missed;
	bool gone;
};

static const char *direction_name(unsigned where)
{
	return where == ESW_CAPTURE_RX ? "rx" : where == ESW_CAPTURE_TX ? "tx" : "drop";
}

static int direction_parse(const char *text, unsigned *where)
{
	static const struct {
		const char *name;
		unsigned where;
	} known[] = {{"rx", ESW_CAPTURE_RX}, {"tx", ESW_CAPTURE_TX}, {"both", ESW_CAPTURE_RX | ESW_CAPTURE_TX},
		{"drop", ESW_CAPTURE_DROP}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(text, known[i].name))
			continue;
		*where = known[i].where;
		return 0;
	}
	return refuse(EINVAL, "parameter 'direction': '%s' is not rx, tx, both or drop", text);
}

static json_t *packet_json(const struct core_tap *tap, const struct esw_captured *c)
{
	const struct port *port = esw_port(tap->core->esw, c->port);
	char *data = base64_encode(c->bytes, c->captured);
	json_t *p = json_pack("{s:i, s:I, s:s, s:s, s:I, s:s}", "id", (int)ctl_stream_id(tap->stream), "time_ns",
		(json_int_t)c->wall_ns, "port", port ? port->name : "?", "direction", direction_name(c->where), "length",
		(json_int_t)c->length, "data", data ? data : "");

	free(data);
	if (c->where == ESW_CAPTURE_DROP)
		json_object_set_new(p, "reason", json_string(drop_name(c->reason)));
	return p;
}

static void tap_free(struct core_tap *tap)
{
	struct core_tap **at = &tap->core->taps;

	while (*at != tap)
		at = &(*at)->next;
	*at = tap->next;
	esw_capture_stop(tap->cap);
	free(tap);
}

static uint64_t missed(const struct core_tap *tap)
{
	return tap->missed + esw_capture_lost(tap->cap);
}

static void finish(struct core_tap *tap, const char *why)
{
	ctl_notify(tap->stream, CTL_SWITCH_CAPTURE_END,
		json_pack("{s:i, s:I, s:I, s:s}", "id", (int)ctl_stream_id(tap->stream), "packets", (json_int_t)tap->sent, "missed",
			(json_int_t)missed(tap), "why", why));
	ctl_stream_close(tap->stream);
	tap_free(tap);
}

/* True: the capture may have more. The tap may be gone afterwards. */
static bool pump(struct core_tap *tap)
{
	const struct esw_captured *c = NULL;

	for (unsigned i = 0; i < PUMP_MAX && (c = esw_capture_next(tap->cap)); i++) {
		if (ctl_notify(tap->stream, CTL_SWITCH_PACKET, packet_json(tap, c)) < 0)
			tap->missed++;
		else if (++tap->sent == tap->wanted) {
			finish(tap, "the number of packets asked for was captured");
			return false;
		}
	}
	return c != NULL;
}

bool core_capture_pump(struct core *core)
{
	struct core_tap *tap = core->taps, *next;
	bool more = false;

	for (; tap; tap = next) {
		next = tap->next;
		if (tap->gone)
			tap_free(tap);
		else
			more |= pump(tap);
	}
	return more;
}

void core_capture_end_all(struct core *core)
{
	while (core->taps) {
		if (core->taps->gone)
			tap_free(core->taps);
		else
			finish(core->taps, "the switch ended");
	}
}

static void client_gone(void *arg)
{
	struct core_tap *tap = arg;

	tap->gone = true; /* freed by the next pump: this may be called from inside ctl_notify */
}

static int capture(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;
	const char *port_name = NULL, *direction = "both";
	uint64_t count = 0, snaplen = SNAPLEN_MAX;
	struct core_tap *tap;
	unsigned where = 0;
	uint16_t port;
	int err;

	err = ctl_need_string(params, "port", &port_name);
	if (!err)
		err = ctl_want_string(params, "direction", &direction);
	if (!err)
		err = ctl_want_u64(params, "count", 0, UINT64_MAX >> 1, &count);
	if (!err)
		err = ctl_want_u64(params, "snaplen", 14, SNAPLEN_MAX, &snaplen);
	if (!err)
		err = direction_parse(direction, &where);
	if (!err)
		err = core_port_find(core, port_name, true, &port);
	if (err)
		return err;
	tap = calloc(1, sizeof(*tap));
	if (!tap)
		return refuse(ENOMEM, "capture: no memory");
	*tap = (struct core_tap){.core = core, .wanted = count};
	err = esw_capture_start(core->esw, port, where, (unsigned)snaplen, snaplen > 2048 ? SLOTS / 4 : SLOTS, &tap->cap);
	if (!err)
		err = ctl_stream_open(req, client_gone, tap, &tap->stream);
	if (err) {
		esw_capture_stop(tap->cap);
		free(tap);
		return err;
	}
	tap->next = core->taps;
	core->taps = tap;
	*result = json_pack("{s:i, s:I}", "id", (int)ctl_stream_id(tap->stream), "snaplen", (json_int_t)snaplen);
	return 0;
}

static int capture_stop(struct ctl_request *req, const json_t *params, json_t **result, void *arg)
{
	struct core *core = arg;
	struct core_tap *tap;
	uint64_t id = 0;
	int err = ctl_need_u64(params, "id", 0, UINT32_MAX, &id);

	if (err)
		return err;
	for (tap = core->taps; tap && (tap->gone || ctl_stream_id(tap->stream) != id);)
		tap = tap->next;
	if (!tap)
		return refuse(ENOENT, "parameter 'id': no capture %lu runs", id);
	pump(tap);
	for (tap = core->taps; tap && (tap->gone || ctl_stream_id(tap->stream) != id);)
		tap = tap->next;
	*result = json_pack("{s:I, s:I}", "packets", (json_int_t)(tap ? tap->sent : 0), "missed",
		(json_int_t)(tap ? missed(tap) : 0));
	if (tap)
		finish(tap, "stopped by the client");
	return 0;
}

int core_capture_methods(struct core *core)
{
	int err = ctl_register(core->ctl, CTL_SWITCH_CAPTURE, capture, core);

	return err ? err : ctl_register(core->ctl, CTL_SWITCH_CAPTURE_STOP, capture_stop, core);
}
