/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of hosts: their secrets, and lists of their names. */
#include "nvme/nvme_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "nvme/secret.h"
#include "nvme/tls_psk.h"

void nvme_host_free(struct nvme_host *h)
{
	list_remove(&h->node);
	free(h->dhchap_key);
	free(h->dhchap_ctrl_key);
	free(h->psk);
	free(h);
}

struct nvme_host *nvme_host_find(struct nvme_target *t, const char *nqn)
{
	struct nvme_host *h;

	list_for_each (h, &t->hosts, node)
		if (!strcmp(h->nqn, nqn))
			return h;
	return NULL;
}

static void replace(char **slot, const char *text)
{
	free(*slot);
	*slot = text ? strdup(text) : NULL;
}

static int hash_parse(const char *name, uint8_t *out)
{
	static const char *const names[] = {NULL, "sha256", "sha384", "sha512"};

	*out = 1;
	if (!name)
		return 0;
	for (uint8_t i = 1; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name)) {
			*out = i;
			return 0;
		}
	return refuse(EINVAL, "DH-HMAC-CHAP hash '%s': expected sha256, sha384 or sha512", name);
}

static int group_parse(const char *name, uint8_t *out)
{
	static const char *const names[] = {"null", "ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144",
		"ffdhe8192"};

	*out = 1;
	if (!name)
		return 0;
	for (uint8_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name)) {
			*out = i;
			return 0;
		}
	return refuse(EINVAL, "DH-HMAC-CHAP group '%s': expected null or ffdhe2048 to ffdhe8192", name);
}

int nvme_host_set(struct nvme_target *t, const struct nvme_host_config *config)
{
	struct nvme_host *h;
	uint8_t hash, group;
	int err = nvme_nqn_check(config->nqn);

	if (!err)
		err = hash_parse(config->dhchap_hash, &hash);
	if (!err)
		err = group_parse(config->dhchap_dhgroup, &group);
	if (!err)
		err = nvme_auth_key_check(config->dhchap_key);
	if (!err)
		err = nvme_auth_key_check(config->dhchap_ctrl_key);
	if (!err && config->psk)
		err = tls_psk_check(config->psk);
	if (!err && config->dhchap_ctrl_key && !config->dhchap_key)
		err = refuse(EINVAL, "host %s: a controller key needs a host key", config->nqn);
	if (err)
		return err;
	pthread_mutex_lock(&t->lock);
	h = nvme_host_find(t, config->nqn);
	if (!h) {
		h = calloc(1, sizeof(*h));
		if (!h) {
			pthread_mutex_unlock(&t->lock);
			return -ENOMEM;
		}
		snprintf(h->nqn, sizeof(h->nqn), "%s", config->nqn);
		list_push_back(&t->hosts, &h->node);
	}
	replace(&h->dhchap_key, config->dhchap_key);
	replace(&h->dhchap_ctrl_key, config->dhchap_ctrl_key);
	replace(&h->psk, config->psk);
	h->hash = hash;
	h->dhgroup = group;
	if (!h->dhchap_key && !h->psk)
		nvme_host_free(h);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

bool nvme_psk_required(struct nvme_target *t, const char *hostnqn)
{
	const struct nvme_host *h = nvme_host_find(t, hostnqn);

	return h && h->psk;
}

int nvme_host_psk(struct nvme_target *t, const void *identity, size_t len, struct tls_psk *out)
{
	struct tls_psk_name name;
	struct nvme_host *h;
	int err = tls_psk_split(identity, len, &name);

	if (err)
		return refuse(EINVAL, "a TLS identity that is none of NVMe/TCP");
	pthread_mutex_lock(&t->lock);
	h = nvme_host_find(t, name.hostnqn);
	if (h && h->psk)
		err = tls_psk_derive(h->psk, name.hostnqn, name.subnqn, name.version, out);
	else
		err = refuse(ENOENT, "no PSK is configured for this host");
	pthread_mutex_unlock(&t->lock);
	if (!err && (strlen(out->identity) != len || memcmp(out->identity, identity, len)))
		err = refuse(EKEYREJECTED, "this host has another PSK here (the hash or the digest differs)");
	return err;
}

bool nvme_host_listed(const struct list *hosts, const char *nqn)
{
	struct nvme_host_ref *ref;

	list_for_each (ref, hosts, node)
		if (!strcmp(ref->nqn, nqn))
			return true;
	return false;
}

int nvme_host_list_add(struct list *hosts, const char *nqn)
{
	struct nvme_host_ref *ref;
	int err = nvme_nqn_check(nqn);

	if (err || nvme_host_listed(hosts, nqn))
		return err;
	ref = calloc(1, sizeof(*ref));
	if (!ref)
		return -ENOMEM;
	snprintf(ref->nqn, sizeof(ref->nqn), "%s", nqn);
	list_push_back(hosts, &ref->node);
	return 0;
}

int nvme_host_list_remove(struct list *hosts, const char *nqn)
{
	struct nvme_host_ref *ref;

	list_for_each (ref, hosts, node) {
		if (strcmp(ref->nqn, nqn))
			continue;
		list_remove(&ref->node);
		free(ref);
		return 0;
	}
	return refuse(ENOENT, "host %s is not in the list", nqn);
}

void nvme_host_list_clear(struct list *hosts)
{
	while (!list_is_empty(hosts)) {
		struct nvme_host_ref *ref = list_entry(hosts->next, struct nvme_host_ref, node);

		list_remove(&ref->node);
		free(ref);
	}
}
