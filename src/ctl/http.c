/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 9112 request lines, seen from a server that has one page. */
#include "ctl/ctl_int.h"

#include <string.h>

#include "ctl/metrics.h"

const char *http_status_text(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 431:
		return "Request Header Fields Too Large";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}

/* The header section ends with an empty line; bare newlines are taken as well (RFC 9112, 2.2). */
static bool is_whole(const char *text, size_t len)
{
	return memmem(text, len, "\r\n\r\n", 4) || memmem(text, len, "\n\n", 2) ||
	       memmem(text, len, "\n\r\n", 3);
}

static bool is(const char *word, size_t len, const char *expected)
{
	return len == strlen(expected) && !memcmp(word, expected, len);
}

/* "METHOD target HTTP/1.x" without its line end. */
static int judge_line(const char *line, size_t len, bool *head)
{
	const char *space = memchr(line, ' ', len), *target, *end, *version;
	size_t method, version_len;

	if (!space || space == line)
		return 400;
	method = (size_t)(space - line);
	target = space + 1;
	end = memchr(target, ' ', len - method - 1);
	if (!end || *target != '/' || memchr(line, '\0', len))
		return 400;
	version = end + 1;
	version_len = len - (size_t)(version - line);
	if (version_len != 8 || memcmp(version, "HTTP/", 5))
		return 400;
	if (!is(version, version_len, "HTTP/1.1") && !is(version, version_len, "HTTP/1.0"))
		return 505;
	*head = is(line, method, "HEAD");
	if (!*head && !is(line, method, "GET"))
		return 405;
	if (memchr(target, '?', (size_t)(end - target)))
		end = memchr(target, '?', (size_t)(end - target));
	return is(target, (size_t)(end - target), "/metrics") ? 200 : 404;
}

int http_judge(const char *text, size_t len, bool *head)
{
	const char *newline = memchr(text, '\n', len);
	size_t line;

	*head = false;
	if (!newline || !is_whole(text, len))
		return len >= METRICS_REQUEST_MAX ? 431 : 0;
	line = (size_t)(newline - text);
	if (line && text[line - 1] == '\r')
		line--;
	return judge_line(text, line, head);
}
