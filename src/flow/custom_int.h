/* SPDX-License-Identifier: BSD-3-Clause */
/* custom_int: the fields of custom headers stand behind the fixed ones (field.c). */
#ifndef FLOW_CUSTOM_INT_H
#define FLOW_CUSTOM_INT_H

#include "flow/field.h"
#include "flow/key.h"

/* Field index of custom field 0. */
unsigned custom_field_base(void);
unsigned custom_fields(void);
const struct flow_field *custom_field(unsigned i);

#endif
