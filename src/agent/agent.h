/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * agent: what Kubernetes wants, turned into what one node's switch must know.
 *
 * Model. Manifests (YAML or JSON, one object or a List per document, many documents per file, many
 * files per directory: what `kubectl get -o yaml` prints) are read whole into a struct agent_model:
 * Nodes, Pods, Services, EndpointSlices, NetworkPolicies, Namespaces. Unknown kinds and unknown
 * fields are skipped; known fields that are wrong refuse the whole load with one sentence
 *
 *     Pod default/web-1: pods.yaml:17: field 'status.podIPs[1].ip': value 'fd00::zz' is not an IP
 *     address; expected for example 10.244.1.5 or fd00::5
 *
 * so the running state is never half new. agent_resolve() then answers every selector and every
 * name for ONE node and yields the desired state: a JSON object from "kind/name" to its value, in
 * the form of node.apply (below). agent_diff() compares two such states; agent_session pushes the
 * difference and knows when the switch lost its memory and needs everything.
 *
 * Call order: agent_model_load -> agent_resolve -> agent_session_push, again for every change.
 * Threads: none; one model or session belongs to one thread at a time. No sockets, no clocks: the
 * daemon (daemons/softdpu-agentd) brings both. Ownership: every json_t returned is a new reference.
 *
 * Annotations that are ours:
 *   Node      softdpu.io/vni        the VXLAN network identifier that node receives on (1..16777215)
 *   Pod       softdpu.io/vf         the representor of the pod's eth0, "pf0vf3" (the card profile's
 *                                   `pod:` on the VF does the same from the other side)
 *   Service   softdpu.io/algorithm  round-robin (default) | least-connections | random | source-hash
 *
 * The desired state (values of node.apply's upserts; absent members are empty):
 *   node/node1          {"vteps": ["192.168.1.101", "fd00::101"], "vni": 100,
 *                        "cidrs": ["10.244.1.0/24", ...]}
 *   pod/default/web-1   {"node": "node1", "addresses": ["10.244.1.5", ...], "vf": "pf0vf1"}
 *   service/default/web {"addresses": [...], "algorithm": "round-robin", "affinity_s": 0,
 *                        "ports": [{"name": "http", "protocol": "TCP", "port": 80, "endpoints":
 *                                   [{"address": "10.244.1.5", "port": 8080}, ...]}]}
 *   policy/default/np   {"pods": ["default/web-1"], "ingress": [RULE...], "egress": [RULE...]}
 *                       pods: local ones only. A present but empty list isolates that direction; an
 *                       absent one leaves it alone.
 *        RULE           {"peers": {"pods": ["default/client"], "blocks": [{"cidr": "10.0.0.0/8",
 *                        "except": ["10.1.0.0/16"]}]}, "ports": [{"protocol": "TCP", "first": 80,
 *                        "last": 80}]}
 *                       no "peers": from anywhere; no "ports": all ports. A port without "first"
 *                       is the whole protocol.
 * One NetworkPolicy whose named ports resolve differently on different pods becomes several
 * policies: default/np, default/np#2, ...
 *
 * Pods on the host's network, pods without an address yet and finished pods are no overlay pods.
 *
 * Example:
 *     struct agent_model *model;
 *     json_t *state;
 *     if (agent_model_load("/etc/softdpu/manifests", &model) < 0 ||
 *         agent_resolve(model, "node1", &state) < 0)
 *             log_err("%s", refusal());
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct agent_model;

/* Read a file, or every *.yaml, *.yml and *.json of a directory in the order of their names
 * (hidden files are skipped). Validates across all of them. -EINVAL with a sentence naming file,
 * line, object, field and value; -ENOENT, -EACCES, -EIO for the files themselves. */
int agent_model_load(const char *path, struct agent_model **model);

/* The same for text in memory; `file` is the name used in sentences. */
int agent_model_parse(const char *file, const char *text, size_t len, struct agent_model **model);

void agent_model_free(struct agent_model *model);

/* What was read, for the log line: "3 nodes, 6 pods, 3 services, 2 policies". */
struct agent_counts {
	unsigned nodes, pods, services, slices, policies, namespaces, skipped;
};
struct agent_counts agent_model_counts(const struct agent_model *model);

/* Where something of the desired state is written: "pods.yaml:17" for kind "pod", name "default/web-1",
 * field "vf" (or any other: then the object's own line). Empty when the manifests have no such object.
 * For sentences of the switch, which knows no files. Returns text. */
const char *agent_where(const struct agent_model *model, const char *kind, const char *name,
	const char *field, char *text, size_t size);

/* The desired state of one node. -ENOENT if the model has no Node of that name. */
int agent_resolve(const struct agent_model *model, const char *node, json_t **state);

/* The operations that turn `from` into `to` (`from` NULL = nothing): a JSON array of
 *   {"op": "upsert", "kind": "pod", "name": "default/web-1", "value": {...}}
 *   {"op": "delete", "kind": "pod", "name": "default/web-1"}
 * in the order kinds depend on each other. Never NULL. */
json_t *agent_diff(const json_t *from, const json_t *to);

/*
 * A session with one switch. `call` sends one request and waits: 0 and a result, or -errno with a
 * refusal; -ESTALE means the switch does not hold the state the difference was made from.
 */
struct agent_link {
	int (*call)(void *arg, const char *method, const json_t *params, json_t **result);
	void *arg;
};
struct agent_session;

int agent_session_create(
	const char *node, const struct agent_link *link, struct agent_session **session);
void agent_session_destroy(struct agent_session *session);

/* Bring the switch to `state` (borrowed, kept by reference). Sends the difference to what it
 * acknowledged last, or everything when nothing was acknowledged or the switch answers -ESTALE.
 * Sends nothing when nothing differs. On an error the acknowledged state stays what it was. */
int agent_session_push(struct agent_session *session, json_t *state);

/* The link was lost: what the switch holds is unknown until asked. The next push asks. */
void agent_session_disconnected(struct agent_session *session);

/* Figures for the log: operations of the last push, and whether it was a full one. */
struct agent_push {
	unsigned upserts, deletes;
	int full;
	uint64_t generation;
};
struct agent_push agent_session_last(const struct agent_session *session);

#endif
