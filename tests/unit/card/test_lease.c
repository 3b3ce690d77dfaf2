/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * card: one switch per named card, also when its owner dies without a word.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "card/card_int.h"

static char dir[] = "/tmp/softdpu-lease-XXXXXX";

static struct card *named(void)
{
	char text[128];
	struct card *card;

	snprintf(text, sizeof(text), "name: l\nrun_dir: %s/deep/er\nports: {p0: }\n", dir);
	assert_int_equal(card_parse("t.yaml", text, strlen(text), &card), 0);
	return card;
}

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static void test_second_is_refused(void **state)
{
	struct card *card = named();
	struct card_lease *a, *b;
	char me[64];

	snprintf(me, sizeof(me), "pid %d", (int)getpid());
	assert_int_equal(card_lease_owner(card), 0);
	assert_int_equal(card_lease_take(card, &a), 0);
	assert_int_equal(card_lease_owner(card), getpid());
	assert_int_equal(card_lease_take(card, &b), -EBUSY);
	assert_non_null(strstr(refusal(), me));
	assert_non_null(strstr(refusal(), "test-card-lease"));
	card_lease_release(a);
	assert_int_equal(card_lease_owner(card), 0);
	assert_int_equal(card_lease_take(card, &a), 0);
	card_lease_release(a);
	card_lease_release(NULL);
	card_destroy(card);
}

static void test_killed_owner_frees_it(void **state)
{
	struct card *card = named();
	struct card_lease *lease;
	int pipe_fd[2];
	char ready;
	pid_t child;

	assert_int_equal(pipe(pipe_fd), 0);
	child = fork();
	if (child == 0) {
		if (card_lease_take(card, &lease) == 0 && write(pipe_fd[1], "y", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipe_fd[0], &ready, 1), 1);
	assert_int_equal(card_lease_owner(card), child);
	assert_int_equal(card_lease_take(card, &lease), -EBUSY);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(card_lease_owner(card), 0);
	assert_int_equal(card_lease_take(card, &lease), 0);
	card_lease_release(lease);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	card_destroy(card);
}

static void test_run_paths(void **state)
{
	struct card *card = named(), *own;
	char path[256], want[256], small[16];
	struct stat st;

	assert_int_equal(card_run_path(card, "ctl.sock", path, sizeof(path)), 0);
	snprintf(want, sizeof(want), "%s/deep/er/l/ctl.sock", dir);
	assert_string_equal(path, want);
	assert_int_equal(card_run_path(card, "", path, sizeof(path)), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(card_run_path(card, "x", small, sizeof(small)), -ENAMETOOLONG);
	setenv("SOFTDPU_RUN_DIR", dir, 1);
	assert_int_equal(card_default(&own), 0);
	assert_int_equal(card_run_path(own, "ctl.sock", path, sizeof(path)), 0);
	snprintf(want, sizeof(want), "%s/card0.%d/ctl.sock", dir, (int)getpid());
	assert_string_equal(path, want);
	unsetenv("SOFTDPU_RUN_DIR");
	card_destroy(card);
	card_destroy(own);
}

static void test_private_card_has_no_lease(void **state)
{
	struct card *card;
	struct card_lease *lease = (struct card_lease *)1;

	assert_int_equal(card_default(&card), 0);
	assert_int_equal(card_lease_take(card, &lease), 0);
	assert_null(lease);
	card_destroy(card);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_second_is_refused),
		cmocka_unit_test(test_killed_owner_frees_it),
		cmocka_unit_test(test_run_paths),
		cmocka_unit_test(test_private_card_has_no_lease),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
