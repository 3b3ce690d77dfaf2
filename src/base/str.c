/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes and the NUL. */
static bool reserve(struct str *s, size_t more)
{
	size_t room = s->room ? s->room : 64;
	char *data;

	if (s->failed)
		return false;
	if (more < s->room - s->len)
		return true;
	while (room - s->len <= more) {
		if (room > SIZE_MAX / 2) {
			s->failed = true;
			return false;
		}
		room *= 2;
	}
	data = realloc(s->data, room);
	if (!data) {
		s->failed = true;
		return false;
	}
	s->data = data;
	s->room = room;
	return true;
}

void str_add_bytes(struct str *s, const void *bytes, size_t len)
{
	if (!reserve(s, len))
		return;
	if (len)
		memcpy(s->data + s->len, bytes, len);
	s->len += len;
	s->data[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_add_bytes(s, text, strlen(text));
}

void str_add_char(struct str *s, char c)
{
	str_add_bytes(s, &c, 1);
}

void str_addv(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		s->failed = true;
	else if (reserve(s, (size_t)n))
		s->len += (size_t)vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
	va_end(again);
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_addv(s, fmt, ap);
	va_end(ap);
}

void str_pad(struct str *s, char c, size_t n)
{
	if (!reserve(s, n))
		return;
	memset(s->data + s->len, c, n);
	s->len += n;
	s->data[s->len] = '\0';
}

void str_cut(struct str *s, size_t len)
{
	if (len >= s->len)
		return;
	s->len = len;
	s->data[len] = '\0';
}

void str_clear(struct str *s)
{
	str_cut(s, 0);
	s->failed = false;
}

void str_free(struct str *s)
{
	if (!s)
		return;
	free(s->data);
	memset(s, 0, sizeof(*s));
}

char *str_steal(struct str *s)
{
	char *data;

	if (s->failed || !reserve(s, 0)) {
		str_free(s);
		return NULL;
	}
	data = s->data;
	data[s->len] = '\0';
	memset(s, 0, sizeof(*s));
	return data;
}
