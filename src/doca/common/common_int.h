/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of doca/common: what its files share and siblings do not see. */
#ifndef DOCA_COMMON_COMMON_INT_H
#define DOCA_COMMON_COMMON_INT_H

void dcore_syslog(unsigned doca_level, const char *ident, const char *line);

#endif
