/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of libdoca_flow: the door in front of room flow. It translates DOCA's structures into pipes, entries and
 * ops, keeps the asynchronous face (queues, callbacks), and moves no packet itself.
 *
 *   cfg.c       the configuration objects
 *   custom.c    custom headers and their graphs
 *   door.c      init and destroy, the one library state, which switch
 *   port.c      ports, pairs, defaults
 *   field.c     every member of the structures: where it lies, which IR field it is, when it is meant
 *   match.c     match templates and entries -> keys
 *   action.c    action templates -> ops with fillers, entries -> their data
 *   list.c      elements of an ordered list -> one template
 *   choice.c    templates whose shared encap or decap each entry chooses
 *   header.c    encap structures -> header bytes
 *   fwd.c       forwards
 *   limit.c     what the card's profile refuses
 *   pipe.c      pipes
 *   entry.c     entries, queues, callbacks, aging
 *   geneve.c    options of Geneve headers as fields
 *   resize.c    pipes that grow
 *   resource.c  shared resources, queries
 *   ct_*.c      connections the program manages (ct_door.h)
 *   extra.c     MPLS labels, entropy, targets, crypto refusals
 *   tune.c      the tune server
 */
#ifndef DOCA_FLOW_FLOW_DOOR_H
#define DOCA_FLOW_FLOW_DOOR_H

#include <pthread.h>

#include <doca_flow.h>
#include <doca_flow_tune_server.h>

#include "base/base.h"
#include "doca/common/common.h"
#include "flow/meter.h"
#include "flow/pipe.h"
#include "flow/qset.h"
#include "flow/walk.h"

#define DOOR_PORTS_MAX 256
#define DOOR_QUEUES_MAX 256
#define DOOR_NAME_MAX 128
#define DOOR_PIPE_ENTRIES_DEFAULT 8192
#define DOOR_QUEUE_DEPTH_DEFAULT 1024
#define DOOR_FILLERS_MAX 64
#define DOOR_OPS_MAX 48
#define DOOR_DATA_MAX 1024

/* ---- fields ---- */

enum door_part { DOOR_META, DOOR_PARSER, DOOR_OUTER, DOOR_TUN, DOOR_INNER, DOOR_PARTS };

/* When a member of a union is meant. */
enum door_sel {
	SEL_ALWAYS, SEL_IP4, SEL_IP6, SEL_TCP, SEL_UDP, SEL_ICMP, SEL_ICMP6, SEL_TRANSPORT, SEL_ROCE, SEL_VLAN0, SEL_VLAN1,
	SEL_VXLAN, SEL_VXLAN_GPE, SEL_VXLAN_GBP, SEL_GTPU, SEL_GRE, SEL_GRE_KEY, SEL_NVGRE, SEL_ESP, SEL_MPLS, SEL_GENEVE, SEL_PSP,
};

/* How the member's bytes become the field's. */
enum door_conv {
	CONV_WIRE,     /* the same bytes, right-aligned */
	CONV_UP8,      /* a 32-bit number whose value stands in the upper 24 bits (VNI of Geneve, VSID of NVGRE) */
	CONV_PORT,     /* DOCA's port number, the switch's in the key */
	CONV_BE16HOST, /* big-endian in the structure, host in the key */
	CONV_L2, CONV_L3, CONV_L4, /* enums of parser_meta */
	CONV_ENUM8,    /* an enum that fits a byte of the key */
};

struct door_field {
	uint8_t part, sel, conv, size;
	uint16_t offset;       /* in the part */
	const char *name;      /* IR field, without "outer."/"inner." for headers; "" = no IR field (only encap) */
	uint16_t index[2];     /* IR field number: outer, inner; 0 = none. Filled by door_fields_init */
};

extern const struct door_field *door_fields;
extern unsigned door_nr_fields;
void door_fields_init(void);
/* Offsets of the parts in the two structures; 0xffff = absent. */
extern const uint16_t door_match_part[DOOR_PARTS], door_actions_part[DOOR_PARTS];
/* Is the member meant, given the selectors beside it? */
bool door_selected(const struct door_field *f, const struct doca_flow_header_format *header, const struct doca_flow_tun *tun);
/* A field registered by definitions. */
struct door_extra {
	bool match, action;
	uint16_t index;
	uint32_t offset;
	uint16_t size;
};
struct doca_flow_definitions {
	unsigned n;
	struct door_extra extra[256];
};

/* Field strings of descriptors: the field number and the bit offset within it ("meta.data" picks its word). */
int door_find_field(const char *name, uint32_t bit_offset, unsigned *bit);

static inline bool door_all_ones(const void *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (((const uint8_t *)bytes)[i] != 0xff)
			return false;
	return true;
}

static inline bool door_all_zero(const void *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (((const uint8_t *)bytes)[i])
			return false;
	return true;
}

/* ---- objects ---- */

struct doca_flow_cfg {
	uint16_t queues;
	uint32_t depth;
	char mode[128];
	doca_flow_entry_process_cb entry_cb;
	doca_flow_pipe_process_cb pipe_cb;
	const struct doca_flow_definitions *defs;
	uint32_t nr_shared[DOCA_FLOW_SHARED_RESOURCE_MAX];
	bool tune_closed;
	struct flow_qset rss;      /* fields 0: not given; key: given when has_key */
};

struct doca_flow_port_cfg {
	uint16_t port_id;
	bool has_port_id;
	struct doca_dev *dev;
	struct doca_dev_rep *rep;
	uint16_t priv_size;
	uint32_t nr_resources[DOCA_FLOW_RESOURCE_MAX];
	struct flow_qset rss;      /* fields 0: not given */
	enum doca_flow_port_operation_state state;
};

struct door_action {
	struct doca_flow_actions actions, mask;
	enum doca_flow_l3_type nat64; /* translate this family, before the actions */
	bool has_mask;
	unsigned nr_descs;
	struct doca_flow_action_desc desc[16];
	char strings[16][2][64];
	uint8_t *blob, *mask_blob; /* copies as large as the definitions reach, or NULL */
};

/* Words of geneve_options[] that a structure means, and the fields they are (geneve.c). */
struct door_option_word {
	uint8_t at;            /* in geneve_options[] */
	uint8_t size;          /* 4 of data, 2 the class, 0: only that the option is there */
	uint16_t field;        /* IR field number */
};
struct door_option_words {
	unsigned n;
	struct door_option_word word[32];
};

struct doca_flow_pipe_cfg {
	struct doca_flow_port *port;
	char name[DOOR_NAME_MAX];
	enum doca_flow_pipe_type type;
	enum doca_flow_pipe_domain domain;
	bool root, resizable, miss_counter, has_match, has_match_mask, has_monitor;
	uint8_t congestion;
	uint64_t excluded[DOOR_QUEUES_MAX / 64]; /* queues that add no entries */
	uint32_t nr_entries, hash_flags;
	void *user_ctx;
	struct doca_flow_match match, match_mask;
	struct doca_flow_monitor monitor;
	unsigned nr_actions;
	struct door_action *actions;
	unsigned nr_lists;
	struct door_list *lists;
	uint8_t *match_blob, *mask_blob;
};

/* One part of an entry's data that comes from the entry's actions structure. */
struct door_filler {
	enum { FILL_FIELD, FILL_ADD, FILL_ENCAP, FILL_VLAN, FILL_DECAP_ETH, FILL_EXTRA, FILL_OPTION } what;
	uint16_t field;        /* index in door_fields; FILL_EXTRA: of the definitions; FILL_OPTION: in geneve_options[] */
	uint16_t ir;           /* IR field number */
	uint16_t data;         /* offset in the data */
	uint16_t length;
	uint16_t element;      /* ordered lists: which ACTIONS element it is of */
	bool hole;             /* the entry supplies it */
};

/* A compiled action template of the door: ops, data, and how an entry fills the data. */
struct door_template {
	unsigned nr_ops, data_len, nr_fillers;
	struct flow_op op[DOOR_OPS_MAX];
	uint8_t data[DOOR_DATA_MAX], hole[DOOR_DATA_MAX];
	struct door_filler filler[DOOR_FILLERS_MAX];
	struct doca_flow_actions actions; /* the template's values */
	struct flow_action_template t;
	struct doca_flow_monitor monitor; /* ordered lists: what the elements monitor */
	bool has_monitor;
	unsigned choices;                 /* 0, or the first of those an entry picks from (choice.c) */
	bool chosen;                      /* among those: its ids are configured */
};

struct door_list {
	uint32_t idx, size;
	enum doca_flow_ordered_list_element_type *type;
	struct door_action *action;        /* by element */
	struct doca_flow_monitor *monitor;
};

struct door_completion {
	struct doca_flow_pipe_entry *entry;
	enum doca_flow_entry_op op;
};

/* Touched by the queue's thread only. */
struct door_queue {
	unsigned head, n, size;
	struct door_completion *ring;
};

struct doca_flow_port {
	uint16_t id, port;         /* DOCA's number, the switch's */
	struct doca_dev *dev;
	struct doca_flow_port *pair;
	struct doca_flow_parser *parser; /* of Geneve options */
	struct doca_flow_port *manager; /* of its switch; itself in mode vnf */
	unsigned group;            /* which switch: the card's function */
	uint8_t *priv;
	enum doca_flow_port_operation_state state;
	uint32_t rss;              /* queue set of what no pipe decides; 0 = all queues */
	struct doca_flow_pipe *pipes;
	unsigned nr_pipes;
	struct door_queue queue[DOOR_QUEUES_MAX];
	struct { int index; bool set; struct doca_flow_shared_resource_cfg cfg; uint32_t value; } *shared[DOCA_FLOW_SHARED_RESOURCE_MAX];
	uint32_t nr_shared[DOCA_FLOW_SHARED_RESOURCE_MAX];
	bool kernel_miss;
	unsigned resizing;         /* of a manager, atomic: pipes being resized */
};

struct door_entries {
	pthread_spinlock_t lock;
	struct doca_flow_pipe_entry *first;
};

struct doca_flow_pipe {
	struct doca_flow_port *port;
	struct doca_flow_pipe *next;
	struct flow_pipe *real;
	enum doca_flow_pipe_type type;
	char name[DOOR_NAME_MAX];
	uint32_t nr_entries;
	uint8_t congestion;
	bool congested, resizable;
	uint64_t excluded[DOOR_QUEUES_MAX / 64];
	struct {
		bool active;          /* atomic */
		unsigned left;        /* atomic: queues whose entries have not moved yet */
		bool *moved;          /* by queue */
		doca_flow_pipe_resize_entry_relocate_cb relocate;
	} resize;
	void *user_ctx;
	struct doca_flow_match match, match_mask;
	bool has_match_mask;
	struct flow_match key;        /* constants and the whole mask */
	struct flow_key entry_mask;
	uint8_t nr_open, open[UINT8_MAX]; /* door_match_open's */
	struct door_option_words options; /* of the match */
	uint16_t lpm_field;
	struct doca_flow_monitor monitor;
	bool has_monitor;
	struct doca_flow_fwd fwd;
	uint16_t *fwd_queues;         /* fwd.rss.queues_array points here: the program's array was lent */
	bool has_fwd;
	unsigned nr_templates;        /* the program's */
	unsigned all_templates;       /* with those that entries pick from */
	struct door_template *templates;
	struct door_entries *entries; /* by queue */
	struct ct_pipe *ct;           /* CT: its tables; `real` is the first of them */
};

struct doca_flow_pipe_entry {
	struct doca_flow_pipe *pipe;
	struct flow_entry *real;
	struct doca_flow_pipe_entry *prev, *next; /* of the pipe and queue it was added on */
	void *user_ctx;
	uint32_t meter;               /* own one, 0 = none */
	struct flow_pipe *actions;    /* CONTROL: the pipe with the entry's own actions, or NULL */
	uint16_t queue;
	uint8_t status;
	bool removing, aged;
};

/* ---- the library ---- */

struct door {
	bool running, is_switch, isolated, expert, tune_closed;
	uint16_t queues;
	uint32_t depth;
	doca_flow_entry_process_cb entry_cb;
	doca_flow_pipe_process_cb pipe_cb;
	const struct doca_flow_definitions *defs;
	struct flow_ctx *ctx;
	struct flow_qset rss;      /* of packets no pipe decides, and the key of all */
	struct doca_flow_port *port[DOOR_PORTS_MAX];
	struct doca_flow_port *manager[FLOW_PORT_GROUPS]; /* of each switch; mode vnf: the first port */
	uint32_t nr_shared[DOCA_FLOW_SHARED_RESOURCE_MAX];
};
extern struct door door;
/* Held while the tune server reads `door`, and by whoever takes something out of it. */
extern pthread_mutex_t door_tune_lock;

/* The switch this process runs, and its number for a DPDK port. Set by whoever made the switch (the DPDK driver, a test);
 * exported as SOFTDPU_PRIVATE. ctx NULL: it is gone. `send` (or NULL): what the program transmits on the DPDK port `manager`
 * with metadata `id` leaves by port `id` (on), or as other packets again; returns 0 or -errno with a refusal. */
void flow_door_use(struct flow_ctx *ctx, uint16_t (*port_of)(uint16_t dpdk_port),
	int (*send)(uint16_t manager, uint16_t id, bool on));
struct flow_ctx *door_switch(void);
uint16_t door_port_number(uint16_t dpdk_port);

/* ---- the card's profile ---- */

/* TOO_BIG with "WHAT: 17 is over the limit of 16 pipes per port of profile bf3"; limit: a member of struct card_limits. */
doca_error_t door_limit(const char *limit, uint64_t value, const char *what);
doca_error_t door_limit_entries(enum doca_flow_pipe_type type, uint32_t nr_entries, const char *what);
doca_error_t door_limit_pipe(const struct doca_flow_pipe_cfg *cfg);

/* ---- lowering ---- */

/* A pipe's template: constants and mask into `key`, bits the entries supply into `entry_mask`. */
doca_error_t door_match_template(const struct doca_flow_pipe_cfg *cfg, struct flow_match *key, struct flow_key *entry_mask);
/* Once the masks stand: numbers of the fields that entries supply. */
void door_match_open(struct doca_flow_pipe *pipe);
/* An entry's values under entry_mask. */
void door_match_entry(const struct doca_flow_pipe *pipe, const struct doca_flow_match *match, struct flow_key *value);
/* A CONTROL, ACL or LPM entry's own match. mask NULL: members that are not zero, whole. */
doca_error_t door_match_own(const struct doca_flow_match *match, const struct doca_flow_match *mask, struct flow_match *out);

/* Ops of an action behind those that t has (ordered lists: one after the other). */
doca_error_t door_template_make(const struct doca_flow_port *port, const char *pipe, const struct door_action *action,
	struct door_template *t);
/* Templates that leave a shared encap or decap to the entry (choice.c): how many templates the pipe has with those that
 * entries pick from; makes those of one template, from pipe->templates[*next] on; the one an entry means, into *t. */
bool door_choice_open(const struct doca_flow_actions *actions);
doca_error_t door_choice_count(const struct doca_flow_pipe_cfg *cfg, unsigned *nr_templates);
doca_error_t door_choice_make(struct doca_flow_pipe *pipe, const struct door_action *action, struct door_template *t, unsigned *next);
doca_error_t door_choice_pick(const struct doca_flow_pipe *pipe, const struct doca_flow_actions *actions, const struct door_template **t);
/* The data of an entry. actions NULL: the template's. */
doca_error_t door_template_fill(const struct door_template *t, const struct doca_flow_actions *actions, uint8_t *data);
/* Only what one ACTIONS element of a list left open, into data that holds the template's. */
doca_error_t door_template_fill_element(const struct door_template *t, unsigned element, const struct doca_flow_actions *actions,
	uint8_t *data);
/* Ordered lists (list.c): a list of the pipe as one template; what an entry's list says, into its data and one monitor. */
doca_error_t door_list_template(struct doca_flow_pipe *pipe, const struct door_list *list, struct door_template *t);
doca_error_t door_list_fill(const struct door_template *t, const struct doca_flow_ordered_list *list, uint8_t *data);
doca_error_t door_list_monitor(const char *pipe, const struct doca_flow_ordered_list *list, struct doca_flow_monitor *out, bool *any);
doca_error_t door_action_copy(struct door_action *to, const struct doca_flow_actions *actions,
	const struct doca_flow_actions *mask, const struct doca_flow_action_descs *descs);
void door_action_free(struct door_action *action);

/* Header bytes of an encapsulation: returns the length, or -errno with a refusal. `changeable`: some member is all ones. */
int door_header_build(const struct doca_flow_encap_action *encap, uint8_t *out, unsigned size);
bool door_header_open(const struct doca_flow_encap_action *encap);
/* Members of the template that are all ones, from the entry. */
void door_header_merge(struct doca_flow_encap_action *to, const struct doca_flow_encap_action *template,
	const struct doca_flow_encap_action *entry);

/* Changeable parts of the pipe's forward come from the entry's. */
doca_error_t door_fwd(const struct doca_flow_port *port, const char *what, const struct doca_flow_fwd *fwd,
	const struct doca_flow_fwd *template, struct flow_fwd *out);

/* Queues and fields of an RSS configuration into a set, without its key. */
doca_error_t door_rss(const char *what, const struct doca_flow_resource_rss_cfg *rss, struct flow_qset *set);

doca_error_t door_monitor(struct doca_flow_port *port, const struct doca_flow_monitor *template,
	const struct doca_flow_monitor *monitor, struct flow_entry_spec *spec, uint32_t *own_meter);

void door_pipe_free(struct doca_flow_pipe *pipe);
/* `what` names the pipe or call in refusals; mask NULL: words that are not zero. */
doca_error_t door_geneve_words(const char *what, const struct doca_flow_tun *value, const struct doca_flow_tun *mask,
	struct door_option_words *w);
void door_geneve_port_gone(struct doca_flow_port *port);
/* The custom samplers are gone. */
void door_geneve_forget(void);
bool door_graph_bound(void);
bool door_queue_excluded(const struct doca_flow_pipe *pipe, uint16_t queue);
/* The queue's share of resizing the pipes of a switch. */
void door_resize_process(struct doca_flow_port *manager, uint16_t queue);
void door_resize_forget(struct doca_flow_pipe *pipe);
/* The pipe of room flow that has its miss. */
struct flow_pipe *door_miss_pipe(const struct doca_flow_pipe *pipe);
void door_port_free(struct doca_flow_port *port);
void door_shared_free(struct doca_flow_port *port);
void door_entries_drop(struct doca_flow_pipe *pipe);
struct doca_flow_port *door_queue_port(const struct doca_flow_port *port);

#endif
