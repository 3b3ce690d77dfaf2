/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/base64.h"

#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *bytes, size_t n)
{
	const uint8_t *in = bytes;
	char *text = malloc((n + 2) / 3 * 4 + 1), *out = text;

	if (!text)
		return NULL;
	for (; n >= 3; n -= 3, in += 3) {
		uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

		for (int shift = 18; shift >= 0; shift -= 6)
			*out++ = alphabet[group >> shift & 63];
	}
	if (n) {
		uint32_t group = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0);

		*out++ = alphabet[group >> 18];
		*out++ = alphabet[group >> 12 & 63];
		*out++ = n > 1 ? alphabet[group >> 6 & 63] : '=';
		*out++ = '=';
	}
	*out = '\0';
	return text;
}

static int value(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Four characters, of which the last `padding` are '='; false when one is none of ours. */
static bool group_of(const char *text, unsigned padding, uint32_t *group)
{
	*group = 0;
	for (unsigned i = 0; i < 4; i++) {
		int v = i < 4 - padding ? value(text[i]) : 0;

		if (v < 0)
			return false;
		*group = *group << 6 | (uint32_t)v;
	}
	return !(*group & ((1u << 8 * padding) - 1));
}

static uint8_t *bad(uint8_t *bytes)
{
	free(bytes);
	refuse(EINVAL, "not base64");
	return NULL;
}

uint8_t *base64_decode(const char *text, size_t *len)
{
	size_t n = strlen(text), out = 0;
	uint8_t *bytes = malloc(n / 4 * 3 + 1);

	if (!bytes) {
		refuse(ENOMEM, "no memory for %zu characters of base64", n);
		return NULL;
	}
	if (n % 4)
		return bad(bytes);
	for (size_t i = 0; i < n; i += 4) {
		unsigned padding = i + 4 < n ? 0
					     : (text[i + 3] == '=') +
						       (text[i + 3] == '=' && text[i + 2] == '=');
		uint32_t group;

		if (!group_of(text + i, padding, &group))
			return bad(bytes);
		for (unsigned k = 0; k < 3 - padding; k++)
			bytes[out++] = (uint8_t)(group >> (16 - 8 * k));
	}
	bytes[out] = 0;
	*len = out;
	return bytes;
}
