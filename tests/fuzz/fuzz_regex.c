/* SPDX-License-Identifier: BSD-3-Clause */
/* RegEx rules: the text up to the first zero byte are rules, what follows is scanned by them. */
#include <assert.h>
#include <string.h>

#include "engine/regex/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scan {
	size_t len;
	unsigned matches;
};

static int on_match(void *arg, uint32_t id, uint64_t start, uint64_t length)
{
	struct scan *s = arg;

	assert(start <= s->len && length <= s->len - start);
	return ++s->matches == 100;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
	size_t rules_len = zero ? (size_t)(zero - data) : size;
	struct scan s = {.len = zero ? size - rules_len - 1 : 0};
	struct regex_rules *rules;
	char err[200] = "";

	if (rules_len > 2048) /* compiling is slow: what it parses fits here */
		return 0;
	if (regex_compile((const char *)data, rules_len, &rules, err, sizeof(err))) {
		assert(*err && strlen(err) < sizeof(err));
		return 0;
	}
	regex_scan(rules, NULL, 0, zero ? zero + 1 : data, s.len, on_match, &s);
	regex_scan(rules, (const uint16_t[]){1, 2}, 2, zero ? zero + 1 : data, s.len, on_match, &s);
	regex_destroy(rules);
	return 0;
}
