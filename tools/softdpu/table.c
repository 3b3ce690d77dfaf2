/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#include "base/str.h"

struct table {
	const char *const *titles;
	unsigned columns;
	char **cells;
	size_t n, room;
};

static void out_of_memory(void)
{
	fputs("out of memory\n", stderr);
	exit(CLI_REFUSED);
}

struct table *table_create(const char *const *titles)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		out_of_memory();
	t->titles = titles;
	while (titles[t->columns])
		t->columns++;
	return t;
}

void table_cell(struct table *t, const char *text)
{
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->cells = realloc(t->cells, t->room * sizeof(*t->cells));
		if (!t->cells)
			out_of_memory();
	}
	t->cells[t->n] = strdup(text);
	if (!t->cells[t->n++])
		out_of_memory();
}

void table_cellf(struct table *t, const char *fmt, ...)
{
	struct str s = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_addv(&s, fmt, ap);
	va_end(ap);
	table_cell(t, str_text(&s));
	str_free(&s);
}

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool to_the_right(const struct table *t, unsigned column)
{
	return t->titles[column][0] == '>';
}

static const char *title(const struct table *t, unsigned column)
{
	return t->titles[column] + to_the_right(t, column);
}

static void print_cell(const struct table *t, unsigned column, const char *text, size_t width)
{
	int pad = (int)(width - width_of(text));
	bool last = column + 1 == t->columns;

	if (to_the_right(t, column))
		printf("%*s%s", pad, "", text);
	else
		printf("%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

static void print(const struct table *t)
{
	size_t *width = calloc(t->columns, sizeof(*width));

	if (!width)
		out_of_memory();
	for (unsigned c = 0; c < t->columns; c++)
		width[c] = width_of(title(t, c));
	for (size_t i = 0; i < t->n; i++) {
		size_t w = width_of(t->cells[i]);

		width[i % t->columns] = MAX_OF(width[i % t->columns], w);
	}
	for (unsigned c = 0; c < t->columns; c++)
		print_cell(t, c, title(t, c), width[c]);
	for (size_t i = 0; i < t->n; i++)
		print_cell(t, (unsigned)(i % t->columns), t->cells[i], width[i % t->columns]);
	free(width);
}

void table_finish(struct table *t, const char *empty)
{
	if (t->n)
		print(t);
	else
		puts(empty);
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}
