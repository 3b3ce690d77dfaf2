/* SPDX-License-Identifier: BSD-3-Clause */
/* What the agent's tests share: cmocka, and desired states from text or files. */
#ifndef TEST_AGENT_TEST_H
#define TEST_AGENT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "base/base.h"
#include "base/refuse.h"

/* A file of the source tree. */
static inline const char *source_path(const char *relative)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", getenv("SOFTDPU_SRC"), relative);
	return path;
}

static inline json_t *state_of(struct agent_model *model, const char *node)
{
	json_t *state;
	int rc = agent_resolve(model, node, &state);

	if (rc < 0)
		fail_msg("%s", refusal());
	agent_model_free(model);
	return state;
}

static inline json_t *state_from_text(const char *text, const char *node)
{
	struct agent_model *model;

	if (agent_model_parse("test.yaml", text, strlen(text), &model) < 0)
		fail_msg("%s", refusal());
	return state_of(model, node);
}

static inline json_t *state_from_path(const char *relative, const char *node)
{
	struct agent_model *model;

	if (agent_model_load(source_path(relative), &model) < 0)
		fail_msg("%s", refusal());
	return state_of(model, node);
}

/* The value of one key is this JSON (single quotes for double ones). */
static inline void assert_value(const json_t *state, const char *key, const char *expected)
{
	json_t *value = json_object_get(state, key), *want;
	char text[8192], *got;
	json_error_t error;

	snprintf(text, sizeof(text), "%s", expected);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	want = json_loads(text, JSON_DECODE_ANY, &error);
	if (!want)
		fail_msg("bad expectation for %s: %s at %d", key, error.text, error.column);
	if (!json_equal(value, want)) {
		got = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
		fail_msg("%s is\n  %s\nnot\n  %s", key, got ? got : "absent", text);
	}
	json_decref(want);
}

#endif
