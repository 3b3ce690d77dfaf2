/* SPDX-License-Identifier: BSD-3-Clause */
/* A file of its own: <syslog.h> and base/log.h both name their levels LOG_INFO. */
#include <syslog.h>

#include "doca/common/common_int.h"

void dcore_syslog(unsigned doca_level, const char *ident, const char *line)
{
	static const int priorities[] = {
		LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_DEBUG};
	unsigned i = doca_level < 20 ? 0 : doca_level / 10 - 2;

	syslog(LOG_USER | priorities[i < 6 ? i : 5], "%s: %s", ident, line);
}
