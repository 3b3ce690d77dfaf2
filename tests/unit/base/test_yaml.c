/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/refuse.h"
#include "base/str.h"
#include "base/yaml.h"

static struct yaml_file *f;

static const struct yaml_node *load(const char *text)
{
	yaml_close(f);
	f = NULL;
	if (yaml_load_text("t.yaml", text, strlen(text), &f))
		print_error("%s\n", refusal());
	assert_non_null(f);
	return yaml_root(f, 0);
}

static void refused(const char *text, int err, const char *sentence)
{
	struct yaml_file *none = NULL;

	assert_int_equal(yaml_load_text("t.yaml", text, strlen(text), &none), err);
	assert_null(none);
	if (!strstr(refusal(), sentence))
		fail_msg("'%s' lacks '%s'", refusal(), sentence);
}

static void the_tree_is_what_was_written(void **state)
{
	const struct yaml_node *root = load("name: node1\n"
					    "ports:\n"
					    "- name: p0\n"
					    "  mtu: 1500\n"
					    "- {name: p1, tags: [a, \"b c\", null]}\n"
					    "text: |\n"
					    "  one\n"
					    "  two\n");
	const struct yaml_node *p1 = yaml_get(root, "ports[1]"), *tags = yaml_get(p1, "tags");
	char path[64];

	assert_int_equal(yaml_count(f), 1);
	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(root->count, 3);
	assert_string_equal(yaml_get(root, "name")->text, "node1");
	assert_string_equal(yaml_get(root, "ports[0].mtu")->text, "1500");
	assert_string_equal(yaml_get(root, "text")->text, "one\ntwo\n");
	assert_int_equal(p1->line, 5);
	assert_int_equal(tags->count, 3);
	assert_true(yaml_at(tags, 1)->quoted && !yaml_at(tags, 0)->quoted);
	assert_int_equal(yaml_at(tags, 2)->kind, YAML_NULL);
	assert_string_equal(yaml_path(yaml_at(tags, 1), path, sizeof(path)), "ports[1].tags[1]");
	assert_null(yaml_get(root, "ports[2]"));
	assert_null(yaml_get(root, "name.x"));
	assert_null(yaml_get(NULL, "x"));
	assert_null(yaml_at(root, 0));
}

static void json_is_yaml(void **state)
{
	const struct yaml_node *root = load("{\"items\":[{\"kind\":\"Pod\",\"n\":-5,\"ready\":true,"
					    "\"a.b/c\":\"\\u00e9\\n\"},\n\t{\"kind\":null}]}");
	int64_t n;
	bool ready = false;

	assert_int_equal(yaml_as_i64(yaml_get(root, "items[0].n"), -10, 10, &n), 0);
	assert_int_equal(n, -5);
	assert_int_equal(yaml_need_bool(yaml_get(root, "items[0]"), "ready", &ready), 0);
	assert_true(ready);
	assert_string_equal(yaml_key(yaml_get(root, "items[0]"), "a.b/c")->text, "é\n");
	assert_int_equal(yaml_get(root, "items[1].kind")->kind, YAML_NULL);
}

static void documents(void **state)
{
	load("---\na: 1\n---\n---\n# only a comment\n---\nb: 2\n...\n");
	assert_int_equal(yaml_count(f), 2);
	assert_non_null(yaml_get(yaml_root(f, 1), "b"));
	assert_null(yaml_root(f, 2));
	load("");
	assert_int_equal(yaml_count(f), 0);
}

static void aliases_are_copies_at_their_place(void **state)
{
	const struct yaml_node *root = load("base: &b {mtu: 1500, list: [1, 2]}\n"
					    "p0: *b\n"
					    "&k name: x\n"
					    "again: &b [7]\n"
					    "p1: *b\n");
	char path[64];

	assert_string_equal(yaml_get(root, "p0.list[1]")->text, "2");
	assert_string_equal(yaml_path(yaml_get(root, "p0.list[1]"), path, 64), "p0.list[1]");
	assert_string_equal(yaml_get(root, "p1[0]")->text, "7");
	refused("a: *x\n", -EINVAL, "t.yaml:1: alias '*x' has no anchor");
	refused("a: &a [*a]\n", -EINVAL, "contains itself");
	refused("a: &a 1\n---\nb: *a\n", -EINVAL, "no anchor");
}

static void hostile_files_are_refused(void **state)
{
	struct str s = STR_INIT;

	/* 9 levels of 10: a billion */
	str_add(&s, "l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 9; i++) {
		str_addf(&s, "l%d: &l%d [", i, i);
		for (int j = 0; j < 10; j++)
			str_addf(&s, "%s*l%d", j ? "," : "", i - 1);
		str_add(&s, "]\n");
	}
	refused(str_text(&s), -EFBIG, "more than 2000000 nodes");
	str_clear(&s);
	str_pad(&s, '[', YAML_DEPTH_MAX);
	str_pad(&s, ']', YAML_DEPTH_MAX);
	load(str_text(&s));
	str_clear(&s);
	str_pad(&s, '[', YAML_DEPTH_MAX + 1);
	str_pad(&s, ']', YAML_DEPTH_MAX + 1);
	refused(str_text(&s), -EFBIG, "nested deeper than 64");
	/* depth through aliases counts as well */
	str_clear(&s);
	str_add(&s, "d0: &d0 [1]\n");
	for (int i = 1; i < 70; i++)
		str_addf(&s, "d%d: &d%d [*d%d]\n", i, i, i - 1);
	refused(str_text(&s), -EFBIG, "nested deeper than 64");
	str_free(&s);
	refused("a: \xff\xfe\n", -EINVAL, "t.yaml");
	refused("? [a, b]\n: c\n", -EINVAL, "cannot be a key");
	refused("\"a\\0b\": c\n", -EINVAL, "NUL");
	refused("a: [\n", -EINVAL, "t.yaml:2");
	refused("a: 1\nb:\n  c: 1\n  c: 2\n", -EINVAL,
		"t.yaml:4: column 3: key 'c' is here twice, first in line 3");
}

static void duplicates_in_long_maps(void **state)
{
	struct str s = STR_INIT;

	for (int i = 0; i < 5000; i++)
		str_addf(&s, "key%d: %d\n", i, i);
	assert_int_equal(load(str_text(&s))->count, 5000);
	for (int twin = 0; twin < 5000; twin += 999) {
		char sentence[80];

		str_addf(&s, "key%d: again\n", twin);
		snprintf(sentence, sizeof(sentence),
			"t.yaml:5001: column 1: key 'key%d' is here twice", twin);
		refused(str_text(&s), -EINVAL, sentence);
		str_cut(&s, str_len(&s) - strlen("key: again\n") -
				    (size_t)snprintf(NULL, 0, "%d", twin));
	}
	str_free(&s);
}

static void says(const char *sentence)
{
	assert_string_equal(refusal(), sentence);
}

static void numbers(void **state)
{
	const struct yaml_node *root = load(
		"a: 80\nb: 0x1F\nc: 1e3\nd: -1\ne: 99999999999999999999\nf: \"80\"\n"
		"g: 64Ki\nh: 18446744073709551615\ni: [1]\nj:\nk: 20000000Ti\nl: 0x\nm: -0x10\n");
	uint64_t n = 0;
	int64_t i = 0;

	assert_int_equal(yaml_need_u64(root, "a", 1, 80, &n), 0);
	assert_int_equal(n, 80);
	assert_int_equal(yaml_need_u64(root, "b", 0, 31, &n), 0);
	assert_int_equal(n, 31);
	assert_int_equal(yaml_need_u64(root, "h", 0, UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(yaml_need_u64(root, "f", 0, 80, &n), 0);
	assert_int_equal(yaml_need_u64(root, "a", 1, 79, &n), -EINVAL);
	says("t.yaml:1: field 'a': value '80' is not in range; expected a number from 1 to 79");
	assert_int_equal(yaml_need_u64(root, "c", 0, 9, &n), -EINVAL);
	says("t.yaml:3: field 'c': value '1e3' is not a number; expected a number from 0 to 9");
	assert_int_equal(yaml_need_u64(root, "d", 0, 9, &n), -EINVAL);
	assert_int_equal(yaml_need_u64(root, "e", 0, UINT64_MAX, &n), -EINVAL);
	assert_int_equal(yaml_need_u64(root, "l", 0, 9, &n), -EINVAL);
	assert_int_equal(yaml_need_u64(root, "i", 0, 9, &n), -EINVAL);
	says("t.yaml:9: field 'i': a list where a number is expected (a number from 0 to 9)");
	assert_int_equal(yaml_need_u64(root, "j", 0, 9, &n), -ENOENT);
	says("t.yaml:1: field 'j' is missing");
	assert_int_equal(yaml_want_u64(root, "j", 0, 9, &n), 0);
	assert_int_equal(yaml_want_u64(root, "zz", 0, 9, &n), 0);
	assert_int_equal(n, 80);
	assert_int_equal(yaml_need_size(root, "g", 0, 1 << 20, &n), 0);
	assert_int_equal(n, 65536);
	assert_int_equal(yaml_need_size(root, "k", 0, UINT64_MAX, &n), -EINVAL);
	assert_int_equal(yaml_as_i64(yaml_get(root, "m"), -16, 0, &i), 0);
	assert_int_equal(i, -16);
	assert_int_equal(yaml_as_i64(yaml_get(root, "h"), INT64_MIN, INT64_MAX, &i), -EINVAL);
}

static void other_values(void **state)
{
	const struct yaml_node *root =
		load("t: true\nq: \"true\"\ns: hello\nip: 10.0.0.1\np: fd00::/64\n"
		     "m: 02:00:00:00:00:01\nmode: adaptve\nnul: \"a\\0b\"\nmap: {a: 1}\n");
	static const char *const modes[] = {"poll", "adaptive", "inline"};
	const struct yaml_node *sub = NULL;
	const char *text = NULL;
	struct prefix p;
	struct addr a;
	uint8_t mac[6];
	unsigned e = 9;
	bool b;

	assert_int_equal(yaml_need_bool(root, "t", &b), 0);
	assert_true(b);
	assert_int_equal(yaml_need_bool(root, "q", &b), -EINVAL);
	assert_int_equal(yaml_need_string(root, "s", &text), 0);
	assert_string_equal(text, "hello");
	assert_int_equal(yaml_need_string(root, "nul", &text), -EINVAL);
	assert_int_equal(yaml_need_string(root, "map", &text), -EINVAL);
	assert_int_equal(yaml_need_addr(root, "ip", &a), 0);
	assert_int_equal(yaml_need_addr(root, "p", &a), -EINVAL);
	assert_int_equal(yaml_need_prefix(root, "p", &p), 0);
	assert_int_equal(yaml_need_mac(root, "m", mac), 0);
	assert_int_equal(yaml_need_mac(root, "s", mac), -EINVAL);
	says("t.yaml:3: field 's': value 'hello' is not a MAC address; expected for example "
	     "02:00:5e:10:00:01");
	assert_int_equal(yaml_need_enum(root, "mode", modes, 3, &e), -EINVAL);
	says("t.yaml:7: field 'mode': value 'adaptve' is not a known word; expected poll, adaptive "
	     "or inline; "
	     "did you mean 'adaptive'?");
	assert_int_equal(yaml_as_enum(yaml_get(load("x: inline"), "x"), modes, 3, &e), 0);
	assert_int_equal(e, 2);
	root = load("l: [1]\nm: {}\n");
	assert_int_equal(yaml_need_list(root, "l", &sub), 0);
	assert_int_equal(yaml_need_map(root, "l", &sub), -EINVAL);
	assert_int_equal(yaml_want_map(root, "m", &sub), 0);
	assert_int_equal(yaml_want_list(root, "none", &sub), 0);
}

static void unknown_keys_get_a_hint(void **state)
{
	static const char *const known[] = {"name", "ports", "limits"};
	const struct yaml_node *root = load("name: x\nnode:\n  prots: 1\n  zebra: 2\n");

	assert_int_equal(yaml_only_keys(yaml_get(root, "node"), known, 3), -EINVAL);
	says("t.yaml:3: field 'node.prots': unknown key; did you mean 'ports'?");
	assert_int_equal(yaml_only_keys(root, known, 3), -EINVAL);
	assert_string_equal(yaml_unknown_key(root, NULL, known, 3)->key, "node");
	assert_null(yaml_unknown_key(root, yaml_get(root, "node"), known, 3));
	assert_int_equal(yaml_only_keys(yaml_get(load("n:"), "n"), known, 3), 0);
	assert_int_equal(yaml_only_keys(yaml_get(load("n:\n  zebra: 1"), "n"), known, 3), -EINVAL);
	says("t.yaml:2: field 'n.zebra': unknown key; known here: name, ports, limits");
	assert_null(yaml_nearest("zebra", known, 3));
	assert_string_equal(yaml_nearest("Ports", known, 3), "ports");
}

static void files(void **state)
{
	char path[] = "/tmp/softdpu-yaml-XXXXXX";
	int fd = mkstemp(path);
	struct yaml_file *file;

	assert_int_equal(write(fd, "a: [1, 2\n", 9), 9);
	close(fd);
	assert_int_equal(yaml_load(path, &file), -EINVAL);
	assert_memory_equal(refusal(), path, strlen(path));
	unlink(path);
	assert_int_equal(yaml_load(path, &file), -ENOENT);
	assert_int_equal(yaml_load("/tmp", &file), -EISDIR);
}

static int done(void **state)
{
	yaml_close(f);
	yaml_close(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tree_is_what_was_written),
		cmocka_unit_test(json_is_yaml),
		cmocka_unit_test(documents),
		cmocka_unit_test(aliases_are_copies_at_their_place),
		cmocka_unit_test(hostile_files_are_refused),
		cmocka_unit_test(duplicates_in_long_maps),
		cmocka_unit_test(numbers),
		cmocka_unit_test(other_values),
		cmocka_unit_test(unknown_keys_get_a_hint),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests_name("yaml", tests, NULL, done);
}
