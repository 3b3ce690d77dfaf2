/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RegEx: the attack rules of the OWASP core rule set (Debian package modsecurity-crs) over HTTP requests,
 * against Hyperscan called directly with the same patterns and flags. Left out on both sides are patterns
 * outside Hyperscan's subset, and those made for single arguments that match harmless requests everywhere.
 */
#include "rig.h"

#include <glob.h>
#include <string.h>

#include <hs/hs.h>

#include <doca_regex.h>

#include "base/rng.h"

#define RULES "/usr/share/modsecurity-crs/rules/REQUEST-9[34]*.conf"
#define RULES_MAX 512
#define FLAGS HS_FLAG_SOM_LEFTMOST

static char *patterns[RULES_MAX];
static unsigned n_patterns, n_skipped;
static hs_database_t *db;
static hs_scratch_t *scratch;
static struct doca_regex_search_result results[DEPTH];
static volatile uint64_t direct_matches;
static char harmless[65536];

/* ---- text ---- */

static const char *const words[] = {"index", "product", "search", "user", "cart", "image", "static",
	"style", "id", "page", "q", "lang", "session", "category", "token", "view", "news", "2024",
	"en-US", "summer", "shoes", "blue", "17", "archive", "api", "v2", "order"};
static const char *const attacks[] = {"1' or '1'='1", "../../etc/passwd",
	"<script>alert(1)</script>", "union select password from users", "${jndi:ldap://x/a}",
	"; cat /etc/shadow"};

static const char *word(struct rng *r, unsigned one_attack_in)
{
	if (one_attack_in && rng_below(r, one_attack_in) == 0)
		return attacks[rng_below(r, sizeof(attacks) / sizeof(attacks[0]))];
	return words[rng_below(r, sizeof(words) / sizeof(words[0]))];
}

/* Requests one after the other until `len` bytes are full. */
static void fill_requests(struct rng *r, unsigned one_attack_in, char *at, size_t len)
{
	char *text;
	size_t have;
	FILE *f = open_memstream(&text, &have);

	do {
		fprintf(f, "%s /%s/%s/%s?%s=%s&%s=%s HTTP/1.1\r\nHost: www.%s.example\r\n",
			rng_below(r, 5) ? "GET" : "POST", word(r, one_attack_in),
			word(r, one_attack_in), word(r, one_attack_in), word(r, one_attack_in),
			word(r, one_attack_in), word(r, one_attack_in), word(r, one_attack_in),
			word(r, one_attack_in));
		fprintf(f,
			"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:%u.0) Gecko/20100101\r\n"
			"Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"
			"Accept-Language: en-US,en;q=0.5\r\nReferer: https://%s.example/%s/%s\r\n"
			"Cookie: %s=%016llx; %s=%llu\r\nConnection: keep-alive\r\n\r\n",
			(unsigned)rng_below(r, 120), word(r, one_attack_in), word(r, one_attack_in),
			word(r, one_attack_in), word(r, one_attack_in),
			(unsigned long long)rng_u64(r), word(r, one_attack_in),
			(unsigned long long)rng_u64(r));
		fflush(f);
	} while (have < len);
	fclose(f);
	memcpy(at, text, len);
	free(text);
}

/* ---- rules ---- */

static int count(
	unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	direct_matches++;
	return 0;
}

/* It compiles, and tells harmless requests from others. */
static bool is_useful(const char *pattern)
{
	hs_compile_error_t *wrong;
	hs_database_t *one;

	if (hs_compile(pattern, FLAGS, HS_MODE_BLOCK, NULL, &one, &wrong) != HS_SUCCESS) {
		hs_free_compile_error(wrong);
		return false;
	}
	direct_matches = 0;
	if (hs_alloc_scratch(one, &scratch) == HS_SUCCESS)
		hs_scan(one, harmless, sizeof(harmless), 0, scratch, count, NULL);
	hs_free_database(one);
	return direct_matches < sizeof(harmless) / 1024;
}

/* The text between "@rx and the closing quote, its escaped quotes made plain. */
static void add_pattern(const char *at)
{
	char pattern[8192];
	size_t n = 0;

	for (; *at && *at != '"' && n + 1 < sizeof(pattern); at++) {
		if (at[0] == '\\' && at[1] == '"')
			at++;
		pattern[n++] = *at;
	}
	pattern[n] = '\0';
	if (*at != '"' || n_patterns == RULES_MAX || !is_useful(pattern))
		n_skipped++;
	else
		patterns[n_patterns++] = strdup(pattern);
}

static void read_rules(void)
{
	char line[16384];
	glob_t files;
	struct rng r;

	rng_init(&r, 4);
	fill_requests(&r, 0, harmless, sizeof(harmless));
	if (glob(RULES, 0, NULL, &files))
		return;
	for (size_t i = 0; i < files.gl_pathc; i++) {
		FILE *f = fopen(files.gl_pathv[i], "r");

		while (f && fgets(line, sizeof(line), f)) {
			const char *at =
				strncmp(line, "SecRule", 7) ? NULL : strstr(line, "\"@rx ");

			if (at)
				add_pattern(at + 5);
		}
		if (f)
			fclose(f);
	}
	globfree(&files);
}

static char *rules_text(void)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (unsigned i = 0; i < n_patterns; i++)
		fprintf(f, "%u, /%s/\n", i, patterns[i]);
	fclose(f);
	return text;
}

/* ---- both sides ---- */

static bool with_hyperscan(struct rig_request *r)
{
	return hs_scan(db, (const char *)r->src, (unsigned)r->len, 0, scratch, count, NULL) ==
	       HS_SUCCESS;
}

static void give_back_matches(unsigned i)
{
	doca_regex_search_result_release(&results[i]);
}

static void open_hyperscan(void)
{
	unsigned flags[RULES_MAX], ids[RULES_MAX];
	hs_compile_error_t *wrong;

	for (unsigned i = 0; i < n_patterns; i++) {
		flags[i] = FLAGS;
		ids[i] = i;
	}
	if (hs_compile_multi((const char *const *)patterns, flags, ids, n_patterns, HS_MODE_BLOCK,
		    NULL, &db, &wrong) != HS_SUCCESS ||
		hs_alloc_scratch(db, &scratch) != HS_SUCCESS) {
		fprintf(stderr, "hyperscan does not compile the rules together\n");
		exit(1);
	}
}

static void search(size_t len, const char *rules)
{
	struct doca_regex_task_search *t;
	struct doca_regex *regex;
	char name[64];
	struct rng r;

	rig_bufs(DEPTH, len, 0);
	rng_init(&r, 5);
	MUST(doca_regex_create_on_dev(rig.dev, &regex));
	MUST(doca_regex_set_hardware_compiled_rules(regex, rules, strlen(rules)));
	MUST(doca_regex_task_search_set_conf(
		regex, DONE(doca_regex_task_search), FAILED(doca_regex_task_search), DEPTH));
	rig_start(doca_regex_as_ctx(regex), 0);
	for (unsigned i = 0; i < rig.n; i++) {
		union doca_data user = {.u64 = i};

		fill_requests(&r, 400, (char *)src_at(i), len);
		MUST(doca_regex_task_search_alloc_init(
			regex, rig.srcs[i], NULL, &results[i], user, &t));
		rig.tasks[i] = doca_regex_task_search_as_task(t);
	}
	rig.completed = give_back_matches;
	snprintf(name, sizeof(name), "regex-crs-%u-rules", n_patterns);
	rig_report(name, len, with_hyperscan, 0.95);
	rig_stop(doca_regex_as_ctx(regex));
	MUST(doca_regex_destroy(regex));
}

void bench_regex(void)
{
	char *rules;

	if (!rig_wants("regex"))
		return;
	read_rules();
	if (!n_patterns) {
		printf("{\"bench\":\"accel\",\"case\":\"regex\",\"skipped\":\"no %s: install "
		       "modsecurity-crs\"}\n",
			RULES);
		return;
	}
	open_hyperscan();
	rules = rules_text();
	search(1500, rules);
	search(4096, rules);
	search(65536, rules);
	free(rules);
	hs_free_scratch(scratch);
	hs_free_database(db);
}
