/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/drop.h"

static const struct {
	const char *name, *sentence;
} reasons[DROP_REASON_COUNT] = {
#define DROP_TEXT(id, name, sentence) [DROP_##id] = {name, sentence},
	DROP_REASONS(DROP_TEXT)
#undef DROP_TEXT
};

const char *drop_name(enum drop_reason reason)
{
	return (unsigned)reason < DROP_REASON_COUNT ? reasons[reason].name : "unknown";
}

const char *drop_sentence(enum drop_reason reason)
{
	return (unsigned)reason < DROP_REASON_COUNT ? reasons[reason].sentence : "unknown reason";
}
