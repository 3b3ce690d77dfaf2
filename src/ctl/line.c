/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/ctl_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 4096u
#define KEEP_ROOM 65536u /* an idle connection gives back more than this */

static void compact(struct line_in *in)
{
	if (!in->start)
		return;
	memmove(in->data, in->data + in->start, in->end - in->start);
	in->end -= in->start;
	in->scanned -= in->start;
	in->start = 0;
}

char *line_space(struct line_in *in, size_t *room, int *err)
{
	if (in->start == in->end && in->room > KEEP_ROOM)
		line_free(in);
	compact(in);
	/* one byte beyond the longest line, so that its newline can be seen, and one for the NUL */
	if (in->end > in->max) {
		*err = -EFBIG;
		return NULL;
	}
	if (in->end + 1 >= in->room) {
		size_t more = in->room ? in->room * 2 : FIRST_ROOM;
		char *data = realloc(in->data, MIN_OF(more, in->max + 2));

		if (!data) {
			*err = -ENOMEM;
			return NULL;
		}
		in->data = data;
		in->room = MIN_OF(more, in->max + 2);
	}
	*room = in->room - 1 - in->end;
	return in->data + in->end;
}

void line_filled(struct line_in *in, size_t n)
{
	in->end += n;
	assert(in->end < in->room);
}

char *line_next(struct line_in *in, size_t *len)
{
	while (in->scanned < in->end) {
		char *line = in->data + in->start;
		char *newline = memchr(in->data + in->scanned, '\n', in->end - in->scanned);

		if (!newline) {
			in->scanned = in->end;
			return NULL;
		}
		in->start = in->scanned = (size_t)(newline - in->data) + 1;
		if (newline > line && newline[-1] == '\r')
			newline--;
		*newline = '\0';
		*len = (size_t)(newline - line);
		if (*len)
			return line;
	}
	return NULL;
}

void line_free(struct line_in *in)
{
	free(in->data);
	*in = (struct line_in){.max = in->max};
}
