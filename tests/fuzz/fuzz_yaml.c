/* SPDX-License-Identifier: BSD-3-Clause */
/* YAML and JSON: load, then ask every node for every type. */
#include <assert.h>

#include "base/refuse.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct yaml_node *n)
{
	static const char *const words[] = {"name", "ports", "vni", "true"};
	const struct yaml_node *sub;
	uint8_t mac[6];
	struct addr addr;
	struct prefix prefix;
	const char *text;
	char path[64];
	uint64_t u;
	int64_t i;
	unsigned e;
	bool b;

	yaml_as_u64(n, 1, 65535, &u);
	yaml_as_i64(n, -5, INT64_MAX, &i);
	yaml_as_size(n, 0, UINT64_MAX, &u);
	yaml_as_bool(n, &b);
	yaml_as_string(n, &text);
	yaml_as_addr(n, &addr);
	yaml_as_prefix(n, &prefix);
	yaml_as_mac(n, mac);
	yaml_as_enum(n, words, ARRAY_SIZE(words), &e);
	yaml_only_keys(n, words, ARRAY_SIZE(words));
	yaml_need_list(n, "ports[1].name", &sub);
	yaml_want_u64(n, "a.vni", 1, 2, &u);
	assert(yaml_path(n, path, sizeof(path)) == path);
	yaml_each(child, n) {
		assert(child->parent == n && !child->key == (n->kind == YAML_LIST));
		ask(child);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml_file *f;

	refusal_clear();
	if (yaml_load_text("fuzz", (const char *)data, size, &f)) {
		assert(*refusal());
		return 0;
	}
	for (unsigned i = 0; i < yaml_count(f); i++)
		ask(yaml_root(f, i));
	yaml_close(f);
	return 0;
}
