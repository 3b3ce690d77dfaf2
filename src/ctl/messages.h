/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * messages: every method and notification that crosses a ctl socket, with the shape of its parameters
 * and its result. This list is the interface between the CLI, the daemons and programs of others; add
 * members freely, never change the meaning of one.
 *
 * Notation: {name: type}, "name?" may be absent, [x] a list of x. Counters are integers since start,
 * times are nanoseconds unless the name ends otherwise, "text" is meant for people. Every list that can
 * grow takes `limit` and `offset` and tells `total`.
 */
#ifndef CTL_MESSAGES_H
#define CTL_MESSAGES_H

/* ---- the switch: <run>/<card>/softdpud.sock, any process that runs one ---------------------------- */

/*
 * switch.status  params: none
 * {card: "node1", program: "softdpud", pid: 812, version: "3.3.0", pci: "0000:03:00.0",
 *  profile: "/etc/softdpu/node1.yaml" | null, uptime_ns, cpu: "generic|avx2|avx512",
 *  workers: [{id, cpu: 3 | null, mode: "polling|waiting|inline", busy: 0.0..1.0, packets}],
 *  ports: {total, up}, flows, pipes, connections,
 *  node?: {name: "node1", generation, applied_ns: since the last apply, pods, services, policies, nodes},
 *  problems: ["sentence", ...]}         empty = healthy
 */
#define CTL_SWITCH_STATUS "switch.status"

/*
 * switch.ports  params: {port?: "pf0vf1"}
 * {ports: [{id, name: "pf0vf1", kind: "uplink|host|vf|sf|other", attach: "tap eth0 in web-1",
 *   link: "up|down", mtu, mac: "02:...", pod?: "default/web-1", offloads: ["tso", "csum"],
 *   rx_packets, rx_bytes, tx_packets, tx_bytes, rx_drops, tx_drops}]}
 */
#define CTL_SWITCH_PORTS "switch.ports"

/*
 * switch.flows  params: {limit?: 1000, offset?: 0, port?: "p0", pipe?: "name"}
 * What the flow table holds now: pipe entries and cached flows.
 * {total, flows: [{id, pipe: "text" | null for a cached flow, port: "p0" | null, match: "text",
 *   actions: "text", packets, bytes, idle_ns, age_ns?, timeout_ns?}]}
 * packets and bytes are null for an entry without a counter, idle_ns for one without an idle timeout.
 */
#define CTL_SWITCH_FLOWS "switch.flows"

/*
 * switch.pipes  params: {port?: "p0"}
 * {pipes: [{id, name, type: "basic|control|acl|lpm|hash|ct|ordered-list|...", domain: "default|egress|...",
 *   port: "p0" | null, root: bool, entries, limit: 0 = none,
 *   hits, misses (null: not counted),
 *   forward: ["port p0", "pipe acl", "drop", ...]   distinct targets of its entries, for the graph
 *   to: [0, 4, 0, ...]   the ids of those that are pipes: names need not be unique
 *   miss: "text", miss_to: id or 0}]}
 */
#define CTL_SWITCH_PIPES "switch.pipes"

/*
 * switch.explain  params: one of {pipe: "name"}, {entry: id}, {port: "pf0vf0", packet: base64 of a frame}
 * {text: "..."}      the compiled program, or the walk the packet would take (nothing is counted)
 */
#define CTL_SWITCH_EXPLAIN "switch.explain"

/*
 * switch.drops  params: none
 * {drops: [{reason: "policy-ingress", sentence, packets, ports: {"pf0vf1": 3, ...}}]   only non-zero ones
 *  total,
 *  accounting: {received, generated, copies, transmitted, dropped, consumed, queued, balanced: bool}}
 */
#define CTL_SWITCH_DROPS "switch.drops"

/*
 * switch.stats  params: {port?: id}
 * {flows, flows_offloaded, flows_software,        F:5313-5319: offloaded = run from the flow table
 *  packets_offloaded, packets_software,           walked the flow table, or went to the flow-miss decision
 *  insertions, insertions_per_s: a rate, may have a fraction,
 *  first_packet_ns?: {p50, p99, max, count}, table_packet_ns?: {...}   flow-miss decision, and the rest
 *  ports: [{id, name, total_flows, active_flows, insertions_per_s, packets, bytes}]}    F:5326-5334;
 *                                                 active = hit within the last second
 */
#define CTL_SWITCH_STATS "switch.stats"

/*
 * switch.capture  params: {port: "p0" | "any", direction?: "rx|tx|both|drop" ("both"), count?: 0 = no end,
 *                          snaplen?: 65535}
 * {id, snaplen}, and then notifications until `count` packets, switch.capture_stop, or the client goes:
 *   switch.packet       {id, time_ns: since 1970, port: "p0", direction: "rx|tx|drop", reason?: "no-route",
 *                        length: on the wire, data: base64 of at most snaplen bytes}
 *   switch.capture_end  {id, packets, missed, why: "sentence"}    missed: the client read too slowly
 */
#define CTL_SWITCH_CAPTURE "switch.capture"
#define CTL_SWITCH_CAPTURE_STOP "switch.capture_stop" /* params: {id}; result: {packets, missed} */
#define CTL_SWITCH_PACKET "switch.packet"
#define CTL_SWITCH_CAPTURE_END "switch.capture_end"

/*
 * card.query  params: none
 * {name, version, profile: path | null, limits: {profile: "fast", pipes: 0 = none, ...},
 *  functions: [{pci: "0000:03:00.0", host_pci: "0000:b1:00.0", kind: "pf", name: "p0", mac, mtu, link,
 *               representors: [{name: "pf0hpf" | "pf0vf3", kind: "host|vf|sf", pci?: of the function
 *                               behind it, mac, pod?}]}],
 *  libraries: {flow: true, comch: true, ...}}       what this build can do
 */
#define CTL_CARD_QUERY "card.query"

/*
 * daemon.reload  params: none. Read the card profile again and apply the difference.
 * {changed: ["ports.pf0vf3: added", ...]}      nothing changed: []. Refused whole: the state stays.
 */
#define CTL_DAEMON_RELOAD "daemon.reload"

/* ---- the node in the switch process: same socket ------------------------------------------------- */

/*
 * node.services  params: {namespace?, name?}
 * {services: [{namespace, name, type: "ClusterIP", addresses: ["10.96.0.100", "fd00::64"],
 *   ports: [{name | null, protocol: "TCP", port}], connections,
 *   endpoints: [{address: "10.244.1.5", port, node: "node1" | null, ready: bool, connections}]}]}
 *   `connections` counts those set up since start.
 */
#define CTL_NODE_SERVICES "node.services"

/*
 * node.connections  params: {limit?: 1000, offset?: 0, service?: "default/web"}
 * {total, connections: [{protocol: "TCP", source: "10.244.1.10:40112", destination: "10.96.0.100:80",
 *   backend?: "10.244.1.5:8080", service?: "default/web", state: "established", packets, bytes,
 *   reply_packets, reply_bytes, age_ns, idle_ns, offloaded: bool}]}
 */
#define CTL_NODE_CONNECTIONS "node.connections"

/*
 * node.state  params: none
 * {node: "node1", instance, generation}     the instance is another number after every start; generation 0:
 *                                           nothing was applied yet
 */
#define CTL_NODE_STATE "node.state"

/*
 * node.apply  The desired state, resolved by the agent for this node: a difference to the state named by
 * base_generation, or with base_generation 0 everything (what it does not name is deleted). Refused whole.
 * params: {node: "node1", instance?, base_generation?: 0, generation?,
 *   ops: [{op: "upsert|delete", kind: "node|pod|service|policy", name: "default/web", value: {...}}]}
 * {generation, operations}
 * -ESTALE: another instance, or base_generation is not the state here: ask node.state, send everything.
 * Values (absent lists are empty):
 *   node     {vteps: ["192.168.1.101", "fd00::101"], vni?, cidrs: ["10.244.1.0/24"]}
 *   pod      {node: "node1", addresses: ["10.244.1.5", "fd00::5"], vf?: "pf0vf1"}
 *   service  {addresses: [...], algorithm: "round-robin|least-connections|random|source-hash", affinity_s,
 *             ports: [{name?, protocol: "TCP|UDP|SCTP", port, endpoints: [{address, port}]}]}
 *   policy   {pods: ["default/web-1"], ingress?: [RULE], egress?: [RULE]}    [] isolates, absent does not
 *     RULE   {peers?: {pods: ["default/client"], blocks: [{cidr, except?: ["10.1.0.0/16"]}]},
 *             ports?: [{protocol, first?, last?}]}        absent: everybody; every port
 */
#define CTL_NODE_APPLY "node.apply"

/* ---- the agent: <run>/<card>/agentd.sock ---------------------------------------------------------- */

/*
 * agent.reload  params: none. Read the manifests again and push the difference.
 * {generation, objects, added: ["Service default/web", ...], changed: [...], removed: [...]}
 */
#define CTL_AGENT_RELOAD "agent.reload"

/* ---- the tune server of a DOCA Flow program: <run>/<card>/flow-tune.sock, or $SOFTDPU_TUNE_SOCKET --------- */

/*
 * -EACCES: the program set DOCA_FLOW_TUNE_PROFILE_NONE; -EAGAIN: it has no port yet.
 * flow.ports  params: none. {ports: [{id: DOCA's number, port: the switch's, state: 0 active ...}]}
 * flow.pipes  params: none. {pipes: [{id, name, type, domain, root, entries, limit, hits, misses, forward: [...], miss}]}
 * flow.dump   params: {pipe?: "name"}. {text}    all pipes as doca_flow_port_pipes_dump, or one pipe's compiled program
 */
#define CTL_FLOW_PORTS "flow.ports"
#define CTL_FLOW_PIPES "flow.pipes"
#define CTL_FLOW_DUMP "flow.dump"

/* ---- every server -------------------------------------------------------------------------------- */

/* ctl.methods  params: none. {methods: ["card.query", ...]}  Answered by the room itself. */
#define CTL_METHODS "ctl.methods"

#endif
