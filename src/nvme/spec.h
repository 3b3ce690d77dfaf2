/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The NVMe wire: layouts and numbers of NVM Express Base Specification 2.0 (with 1.4 as the version
 * reported to hosts), NVM Command Set 1.0, NVMe over Fabrics 1.1, and nothing that has state. All
 * fields are little endian as on the wire; the code runs on little-endian machines (asserted below).
 */
#ifndef NVME_SPEC_H
#define NVME_SPEC_H

#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "NVMe structures are used as they lie in memory");

#define NVME_VERSION_1_4 0x00010400u
#define NVME_NQN_SIZE 256  /* in structures; text is at most 223 characters */
#define NVME_NQN_MAX 223
#define NVME_DISCOVERY_NQN "nqn.2014-08.org.nvmexpress.discovery"
#define NVME_NSID_ALL 0xffffffffu
#define NVME_CNTLID_DYNAMIC 0xffffu
#define NVME_PAGE 4096u /* the memory page size of the controller (CAP.MPSMIN = 0) */

#define NVME_PACKED __attribute__((packed))
#define NVME_SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type " has its wire size")

/* --- SGL descriptors (Base 4.1.2) --- */

enum nvme_sgl_type {
	NVME_SGL_DATA_BLOCK = 0x0,
	NVME_SGL_KEYED_DATA_BLOCK = 0x4,
	NVME_SGL_TRANSPORT_DATA_BLOCK = 0x5,
};
enum nvme_sgl_subtype {
	NVME_SGL_ADDRESS = 0x0,
	NVME_SGL_OFFSET = 0x1,
	NVME_SGL_TRANSPORT = 0xa,
	NVME_SGL_INVALIDATE = 0xf,
};

struct nvme_sgl {
	union {
		struct {
			uint64_t addr;
			uint32_t length;
			uint8_t rsvd[3];
			uint8_t type; /* type << 4 | subtype */
		} NVME_PACKED;
		struct {
			uint64_t addr;
			uint8_t length[3];
			uint8_t key[4];
			uint8_t type;
		} NVME_PACKED keyed;
	};
} NVME_PACKED;
NVME_SIZE(nvme_sgl, 16);

/* --- Submission entries (Base 3.3.3.1; Fabrics 3, NVM command set 3) --- */

enum nvme_cmd_flag {
	NVME_FUSE_FIRST = 1 << 0,
	NVME_FUSE_SECOND = 1 << 1,
	NVME_PSDT_SGL = 1 << 6,
	NVME_PSDT_SGL_SEG = 1 << 7,
	NVME_PSDT_MASK = 3 << 6,
	NVME_FUSE_MASK = 3 << 0,
};

struct nvme_cmd {
	uint8_t opcode;
	uint8_t flags;
	uint16_t cid;
	union {
		struct {
			uint32_t nsid;
			uint32_t cdw2, cdw3;
			uint64_t mptr;
			struct nvme_sgl sgl;
			uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
		} NVME_PACKED;
		struct {
			uint32_t nsid;
			uint64_t rsvd2, mptr;
			struct nvme_sgl sgl;
			uint64_t slba;
			uint16_t nlb; /* zero based */
			uint16_t control;
			uint32_t dsmgmt;
			uint32_t reftag;
			uint16_t apptag, appmask;
		} NVME_PACKED rw;
		struct {
			uint8_t fctype;
			uint8_t rsvd5[19];
			struct nvme_sgl sgl;
			uint16_t recfmt, qid, sqsize; /* sqsize zero based */
			uint8_t cattr, rsvd;
			uint32_t kato; /* ms */
			uint8_t rsvd52[12];
		} NVME_PACKED connect;
		struct {
			uint8_t fctype;
			uint8_t rsvd5[35];
			uint8_t attrib;
			uint8_t rsvd41[3];
			uint32_t offset;
			uint64_t value;
			uint8_t rsvd56[8];
		} NVME_PACKED property;
		struct {
			uint8_t fctype;
			uint8_t rsvd5[19];
			struct nvme_sgl sgl;
			uint8_t rsvd40;
			uint8_t spsp0, spsp1, secp;
			uint32_t length; /* tl of send, al of receive */
			uint8_t rsvd48[16];
		} NVME_PACKED auth;
	};
} NVME_PACKED;
NVME_SIZE(nvme_cmd, 64);

struct nvme_cqe {
	union {
		uint32_t result;
		uint64_t result64;
	};
	uint16_t sqhd;
	uint16_t sqid; /* reserved over fabrics */
	uint16_t cid;
	uint16_t status; /* status << 1 | phase */
} NVME_PACKED;
NVME_SIZE(nvme_cqe, 16);

enum nvme_admin_opcode {
	NVME_ADMIN_GET_LOG_PAGE = 0x02,
	NVME_ADMIN_IDENTIFY = 0x06,
	NVME_ADMIN_ABORT = 0x08,
	NVME_ADMIN_SET_FEATURES = 0x09,
	NVME_ADMIN_GET_FEATURES = 0x0a,
	NVME_ADMIN_ASYNC_EVENT = 0x0c,
	NVME_ADMIN_KEEP_ALIVE = 0x18,
	NVME_FABRICS = 0x7f,
};

enum nvme_io_opcode {
	NVME_IO_FLUSH = 0x00,
	NVME_IO_WRITE = 0x01,
	NVME_IO_READ = 0x02,
	NVME_IO_WRITE_UNCORRECTABLE = 0x04,
	NVME_IO_COMPARE = 0x05,
	NVME_IO_WRITE_ZEROES = 0x08,
	NVME_IO_DSM = 0x09,
	NVME_IO_VERIFY = 0x0c,
	NVME_IO_RESV_REGISTER = 0x0d,
	NVME_IO_RESV_REPORT = 0x0e,
	NVME_IO_RESV_ACQUIRE = 0x11,
	NVME_IO_RESV_RELEASE = 0x15,
	NVME_IO_COPY = 0x19,
};

enum nvme_fctype {
	NVME_FC_PROPERTY_SET = 0x00,
	NVME_FC_CONNECT = 0x01,
	NVME_FC_PROPERTY_GET = 0x04,
	NVME_FC_AUTH_SEND = 0x05,
	NVME_FC_AUTH_RECEIVE = 0x06,
	NVME_FC_DISCONNECT = 0x08,
};

enum nvme_rw_control {
	NVME_RW_DEAC = 1 << 9, /* write zeroes: may deallocate */
	NVME_RW_PRINFO = 0xf << 10,
	NVME_RW_FUA = 1 << 14,
	NVME_RW_LR = 1 << 15,
};

/* --- Status (Base 3.3.3.2.1): type << 8 | code, plus More and Do Not Retry --- */

enum nvme_status {
	NVME_SC_SUCCESS = 0x0,
	NVME_SC_INVALID_OPCODE = 0x1,
	NVME_SC_INVALID_FIELD = 0x2,
	NVME_SC_CID_CONFLICT = 0x3,
	NVME_SC_DATA_TRANSFER_ERROR = 0x4,
	NVME_SC_POWER_LOSS = 0x5,
	NVME_SC_INTERNAL = 0x6,
	NVME_SC_ABORT_REQUESTED = 0x7,
	NVME_SC_ABORT_SQ_DELETED = 0x8,
	NVME_SC_FUSED_FAIL = 0x9,
	NVME_SC_FUSED_MISSING = 0xa,
	NVME_SC_INVALID_NS = 0xb,
	NVME_SC_SEQUENCE = 0xc,
	NVME_SC_SGL_INVALID_DATA_LENGTH = 0xf,
	NVME_SC_SGL_INVALID_TYPE = 0x11,
	NVME_SC_CMB_INVALID = 0x12,
	NVME_SC_PRP_INVALID_OFFSET = 0x13,
	NVME_SC_SGL_INVALID_OFFSET = 0x16,
	NVME_SC_HOSTID_INCONSISTENT = 0x18,
	NVME_SC_KATO_EXPIRED = 0x19,
	NVME_SC_KATO_INVALID = 0x1a,
	NVME_SC_NS_WRITE_PROTECTED = 0x20,
	NVME_SC_TRANSIENT_TRANSPORT = 0x22,
	NVME_SC_LBA_RANGE = 0x80,
	NVME_SC_CAPACITY_EXCEEDED = 0x81,
	NVME_SC_NS_NOT_READY = 0x82,
	NVME_SC_RESERVATION_CONFLICT = 0x83,

	NVME_SC_INVALID_QID = 0x101,
	NVME_SC_ABORT_LIMIT = 0x103,
	NVME_SC_AER_LIMIT = 0x105,
	NVME_SC_INVALID_LOG_PAGE = 0x109,
	NVME_SC_FEATURE_NOT_SAVEABLE = 0x10d,
	NVME_SC_FEATURE_NOT_CHANGEABLE = 0x10e,
	NVME_SC_CONNECT_INCOMPATIBLE = 0x180,
	NVME_SC_CONNECT_BUSY = 0x181,
	NVME_SC_CONNECT_INVALID_PARAM = 0x182,
	NVME_SC_CONNECT_RESTART_DISCOVERY = 0x183,
	NVME_SC_CONNECT_INVALID_HOST = 0x184,
	NVME_SC_DISCOVERY_RESTART = 0x190,
	NVME_SC_AUTH_REQUIRED = 0x191,
	NVME_SC_CMD_SIZE_LIMIT = 0x183, /* NVM command set: same number, other command set */

	NVME_SC_WRITE_FAULT = 0x280,
	NVME_SC_UNRECOVERED_READ = 0x281,
	NVME_SC_COMPARE_FAILED = 0x285,
	NVME_SC_ACCESS_DENIED = 0x286,

	NVME_SC_ANA_PERSISTENT_LOSS = 0x301,
	NVME_SC_ANA_INACCESSIBLE = 0x302,
	NVME_SC_ANA_TRANSITION = 0x303,
	NVME_SC_HOST_PATH_ERROR = 0x370, /* made by our initiator, never sent */
	NVME_SC_HOST_ABORTED = 0x371,

	NVME_SC_MORE = 0x2000,
	NVME_SC_DNR = 0x4000,
};

/* --- Controller registers as properties (Base 3.1.3) --- */

enum nvme_property {
	NVME_REG_CAP = 0x00,
	NVME_REG_VS = 0x08,
	NVME_REG_CC = 0x14,
	NVME_REG_CSTS = 0x1c,
	NVME_REG_NSSR = 0x20,
	NVME_REG_CRTO = 0x68,
};
enum {
	NVME_CC_EN = 1 << 0,
	NVME_CC_SHN_MASK = 3 << 14,
	NVME_CSTS_RDY = 1 << 0,
	NVME_CSTS_CFS = 1 << 1,
	NVME_CSTS_SHST_DONE = 2 << 2,
};

/* --- Identify (Base 4.1.5 and NVM 4.1.5) --- */

enum nvme_cns {
	NVME_CNS_NS = 0x00,
	NVME_CNS_CTRL = 0x01,
	NVME_CNS_NS_LIST = 0x02,
	NVME_CNS_NS_DESC = 0x03,
	NVME_CNS_CSI_NS = 0x05,
	NVME_CNS_CSI_CTRL = 0x06,
	NVME_CNS_CSI_NS_LIST = 0x07,
	NVME_CNS_CSI_INDEPENDENT_NS = 0x08,
	NVME_CNS_NS_LIST_ALLOCATED = 0x10,
	NVME_CNS_NS_ALLOCATED = 0x11,
	NVME_CNS_NS_CTRL_LIST = 0x12,
	NVME_CNS_CTRL_LIST = 0x13,
	NVME_CNS_CSI_COMMAND_SETS = 0x1c,
};

struct nvme_id_psd {
	uint16_t mp;
	uint8_t rsvd2, flags;
	uint32_t enlat, exlat;
	uint8_t rrt, rrl, rwt, rwl;
	uint16_t idlp;
	uint8_t ips, rsvd19;
	uint16_t actp;
	uint8_t apws, rsvd23[9];
} NVME_PACKED;
NVME_SIZE(nvme_id_psd, 32);

struct nvme_id_ctrl {
	uint16_t vid, ssvid;
	char sn[20], mn[40], fr[8];
	uint8_t rab, ieee[3], cmic, mdts;
	uint16_t cntlid;
	uint32_t ver, rtd3r, rtd3e, oaes, ctratt;
	uint16_t rrls;
	uint8_t rsvd102[9];
	uint8_t cntrltype;
	uint8_t fguid[16];
	uint16_t crdt[3];
	uint8_t rsvd134[119];
	uint8_t nvmsr, vwci, mec;
	uint16_t oacs;
	uint8_t acl, aerl, frmw, lpa, elpe, npss, avscc, apsta;
	uint16_t wctemp, cctemp, mtfa;
	uint32_t hmpre, hmmin;
	uint8_t tnvmcap[16], unvmcap[16];
	uint32_t rpmbs;
	uint16_t edstt;
	uint8_t dsto, fwug;
	uint16_t kas, hctma, mntmt, mxtmt;
	uint32_t sanicap, hmminds;
	uint16_t hmmaxd, nsetidmax, endgidmax;
	uint8_t anatt, anacap;
	uint32_t anagrpmax, nanagrpid, pels;
	uint16_t domainid;
	uint8_t rsvd358[10];
	uint8_t megcap[16];
	uint8_t rsvd384[128];
	uint8_t sqes, cqes;
	uint16_t maxcmd;
	uint32_t nn;
	uint16_t oncs, fuses;
	uint8_t fna, vwc;
	uint16_t awun, awupf;
	uint8_t icsvscc, nwpc;
	uint16_t acwu, cdfs;
	uint32_t sgls, mnan;
	uint8_t maxdna[16];
	uint32_t maxcna;
	uint8_t rsvd564[204];
	char subnqn[NVME_NQN_SIZE];
	uint8_t rsvd1024[768];
	uint32_t ioccsz, iorcsz; /* in 16-byte units */
	uint16_t icdoff;
	uint8_t fcatt, msdbd;
	uint16_t ofcs;
	uint8_t dctype, rsvd1807[241];
	struct nvme_id_psd psd[32];
	uint8_t vs[1024];
} NVME_PACKED;
NVME_SIZE(nvme_id_ctrl, 4096);

enum {
	NVME_CTRL_IO = 1,
	NVME_CTRL_DISCOVERY = 2,
	NVME_CMIC_MULTI_PORT = 1 << 0,
	NVME_CMIC_MULTI_CTRL = 1 << 1,
	NVME_CMIC_ANA = 1 << 3,
	NVME_CTRATT_HOST_ID_128 = 1 << 0,
	NVME_CTRATT_TBKAS = 1 << 6,
	NVME_OAES_NS_ATTR = 1 << 8,
	NVME_OAES_ANA = 1 << 11,
	NVME_OAES_DISCOVERY = 1u << 31,
	NVME_LPA_EFFECTS = 1 << 1,
	NVME_LPA_EXTENDED = 1 << 2,
	NVME_ONCS_COMPARE = 1 << 0,
	NVME_ONCS_DSM = 1 << 2,
	NVME_ONCS_WRITE_ZEROES = 1 << 3,
	NVME_ONCS_SAVE_SELECT = 1 << 4,
	NVME_ONCS_RESERVATIONS = 1 << 5,
	NVME_ONCS_VERIFY = 1 << 7,
	NVME_ONCS_COPY = 1 << 8,
	NVME_FUSES_COMPARE_WRITE = 1 << 0,
	NVME_VWC_PRESENT = 1 << 0,
	NVME_VWC_FLUSH_ALL = 3 << 1,
	NVME_SGLS_SUPPORTED = 1 << 0,
	NVME_SGLS_KEYED = 1 << 2,
	NVME_SGLS_OFFSET = 1 << 20,
};

struct nvme_lbaf {
	uint16_t ms;
	uint8_t lbads, rp;
} NVME_PACKED;

struct nvme_id_ns {
	uint64_t nsze, ncap, nuse;
	uint8_t nsfeat, nlbaf, flbas, mc, dpc, dps, nmic, rescap, fpi, dlfeat;
	uint16_t nawun, nawupf, nacwu, nabsn, nabo, nabspf, noiob;
	uint8_t nvmcap[16];
	uint16_t npwg, npwa, npdg, npda, nows;
	uint16_t mssrl;
	uint32_t mcl;
	uint8_t msrc, rsvd81[11];
	uint32_t anagrpid;
	uint8_t rsvd96[3], nsattr;
	uint16_t nvmsetid, endgid;
	uint8_t nguid[16], eui64[8];
	struct nvme_lbaf lbaf[64];
	uint8_t vs[3712];
} NVME_PACKED;
NVME_SIZE(nvme_id_ns, 4096);

struct nvme_id_ns_independent {
	uint8_t nsfeat, nmic, rescap, fpi;
	uint32_t anagrpid;
	uint8_t nsattr, rsvd9;
	uint16_t nvmsetid, endgid;
	uint8_t nstat, rsvd15[4081];
} NVME_PACKED;
NVME_SIZE(nvme_id_ns_independent, 4096);

enum {
	NVME_NSFEAT_THIN = 1 << 0,
	NVME_NSFEAT_ATOMIC = 1 << 1,
	NVME_NSFEAT_DEALLOC_ERROR = 1 << 2,
	NVME_NSFEAT_OPTIMAL = 1 << 4,
	NVME_NMIC_SHARED = 1 << 0,
	NVME_NSATTR_WRITE_PROTECTED = 1 << 0,
	NVME_DLFEAT_READS_ZERO = 1,
	NVME_DLFEAT_WZ_DEALLOC = 1 << 3,
	NVME_NIDT_EUI64 = 1,
	NVME_NIDT_NGUID = 2,
	NVME_NIDT_UUID = 3,
	NVME_NIDT_CSI = 4,
	NVME_NSTAT_READY = 1,
};

struct nvme_ns_desc {
	uint8_t type, length;
	uint16_t rsvd;
	uint8_t id[];
} NVME_PACKED;

/* --- Log pages (Base 5.16.1) --- */

enum nvme_log_page {
	NVME_LOG_SUPPORTED = 0x00,
	NVME_LOG_ERROR = 0x01,
	NVME_LOG_SMART = 0x02,
	NVME_LOG_FIRMWARE = 0x03,
	NVME_LOG_CHANGED_NS = 0x04,
	NVME_LOG_EFFECTS = 0x05,
	NVME_LOG_ANA = 0x0c,
	NVME_LOG_FEATURE_EFFECTS = 0x12,
	NVME_LOG_DISCOVERY = 0x70,
	NVME_LOG_RESERVATION = 0x80,
};

struct nvme_error_entry {
	uint64_t error_count;
	uint16_t sqid, cid, status, location;
	uint64_t lba;
	uint32_t nsid;
	uint8_t vs, trtype, rsvd30[2];
	uint64_t csi;
	uint16_t trinfo;
	uint8_t rsvd42[22];
} NVME_PACKED;
NVME_SIZE(nvme_error_entry, 64);

struct nvme_smart_log {
	uint8_t critical_warning;
	uint16_t temperature;
	uint8_t avail_spare, spare_thresh, percent_used, endu_grp_crit_warn, rsvd7[25];
	uint64_t data_units_read[2], data_units_written[2];
	uint64_t host_reads[2], host_writes[2], ctrl_busy_time[2];
	uint64_t power_cycles[2], power_on_hours[2], unsafe_shutdowns[2];
	uint64_t media_errors[2], num_err_log_entries[2];
	uint32_t warning_temp_time, critical_comp_time;
	uint16_t temp_sensor[8];
	uint8_t rsvd216[296];
} NVME_PACKED;
NVME_SIZE(nvme_smart_log, 512);

struct nvme_fw_slot_log {
	uint8_t afi, rsvd1[7];
	char frs[7][8];
	uint8_t rsvd64[448];
} NVME_PACKED;
NVME_SIZE(nvme_fw_slot_log, 512);

struct nvme_effects_log {
	uint32_t acs[256], iocs[256];
	uint8_t rsvd[2048];
} NVME_PACKED;
NVME_SIZE(nvme_effects_log, 4096);
enum {
	NVME_EFFECT_SUPPORTED = 1 << 0,
	NVME_EFFECT_LBCC = 1 << 1, /* logical block content change */
};

struct nvme_ana_group_desc {
	uint32_t grpid, nnsids;
	uint64_t chgcnt;
	uint8_t state, rsvd17[15];
	/* uint32_t nsids[nnsids] follow */
} NVME_PACKED;
NVME_SIZE(nvme_ana_group_desc, 32);

struct nvme_ana_log {
	uint64_t chgcnt;
	uint16_t ngrps;
	uint8_t rsvd[6];
} NVME_PACKED;
NVME_SIZE(nvme_ana_log, 16);
enum { NVME_ANA_LSP_RGO = 1 << 0 };

enum nvme_ana_state {
	NVME_ANA_OPTIMIZED = 1,
	NVME_ANA_NON_OPTIMIZED = 2,
	NVME_ANA_INACCESSIBLE_STATE = 3,
	NVME_ANA_PERSISTENT_LOSS_STATE = 4,
	NVME_ANA_CHANGE = 15,
};

struct nvme_resv_log {
	uint64_t count;
	uint8_t type, available, rsvd10[2];
	uint32_t nsid;
	uint8_t rsvd16[48];
} NVME_PACKED;
NVME_SIZE(nvme_resv_log, 64);

struct nvme_discovery_entry {
	uint8_t trtype, adrfam, subtype, treq;
	uint16_t portid, cntlid, asqsz, eflags;
	uint8_t rsvd12[20];
	char trsvcid[32];
	uint8_t rsvd64[192];
	char subnqn[NVME_NQN_SIZE], traddr[256];
	uint8_t tsas[256];
} NVME_PACKED;
NVME_SIZE(nvme_discovery_entry, 1024);

struct nvme_discovery_log {
	uint64_t genctr, numrec;
	uint16_t recfmt;
	uint8_t rsvd18[1006];
	struct nvme_discovery_entry entries[];
} NVME_PACKED;
NVME_SIZE(nvme_discovery_log, 1024);

enum {
	NVME_TRTYPE_RDMA = 1,
	NVME_TRTYPE_TCP = 3,
	NVME_TRTYPE_LOOP = 254,
	NVME_ADRFAM_IPV4 = 1,
	NVME_ADRFAM_IPV6 = 2,
	NVME_ADRFAM_LOOP = 254,
	NVME_SUBTYPE_REFERRAL = 1,
	NVME_SUBTYPE_NVME = 2,
	NVME_SUBTYPE_CURRENT_DISCOVERY = 3,
	NVME_TREQ_SECURE_REQUIRED = 1,
	NVME_TREQ_NO_SQFC = 1 << 2,
	NVME_EFLAGS_EPCSD = 1 << 1,
	NVME_TCP_SECTYPE_NONE = 0,
	NVME_TCP_SECTYPE_TLS13 = 2,
	NVME_RDMA_QPTYPE_CONNECTED = 1,
	NVME_RDMA_PRTYPE_NONE = 1,
	NVME_RDMA_CMS_RDMA_CM = 1,
};

/* --- Asynchronous events (Base 5.2) --- */

enum {
	NVME_AER_ERROR = 0,
	NVME_AER_SMART = 1,
	NVME_AER_NOTICE = 2,
	NVME_AER_IO_SPECIFIC = 6,
	NVME_NOTICE_NS_CHANGED = 0x00,
	NVME_NOTICE_ANA = 0x03,
	NVME_NOTICE_DISCOVERY = 0xf0,
	NVME_IOSPEC_RESERVATION = 0x00,
};

/* --- Features (Base 5.27.1) --- */

enum nvme_feature {
	NVME_FEAT_ARBITRATION = 0x01,
	NVME_FEAT_POWER = 0x02,
	NVME_FEAT_TEMP_THRESHOLD = 0x04,
	NVME_FEAT_ERROR_RECOVERY = 0x05,
	NVME_FEAT_VOLATILE_WC = 0x06,
	NVME_FEAT_NUM_QUEUES = 0x07,
	NVME_FEAT_WRITE_ATOMICITY = 0x0a,
	NVME_FEAT_ASYNC_EVENT = 0x0b,
	NVME_FEAT_KATO = 0x0f,
	NVME_FEAT_HOST_BEHAVIOR = 0x16,
	NVME_FEAT_HOST_ID = 0x81,
	NVME_FEAT_RESV_MASK = 0x82,
	NVME_FEAT_RESV_PERSIST = 0x83,
	NVME_FEAT_WRITE_PROTECT = 0x84,
};

/* --- Fabrics (Fabrics 1.1 section 3.3) --- */

struct nvme_connect_data {
	uint8_t hostid[16];
	uint16_t cntlid;
	uint8_t rsvd18[238];
	char subnqn[NVME_NQN_SIZE], hostnqn[NVME_NQN_SIZE];
	uint8_t rsvd768[256];
} NVME_PACKED;
NVME_SIZE(nvme_connect_data, 1024);
enum {
	NVME_CATTR_NO_SQFC = 1 << 2,
	NVME_CONNECT_AUTHREQ_ASCR = 1 << 18, /* in the completion: secure channel, then */
	NVME_CONNECT_AUTHREQ_ATR = 1 << 17,  /* authentication required */
};

/* --- Data of I/O commands --- */

struct nvme_dsm_range {
	uint32_t attributes, nlb;
	uint64_t slba;
} NVME_PACKED;
NVME_SIZE(nvme_dsm_range, 16);
enum { NVME_DSM_DEALLOCATE = 1 << 2 };

struct nvme_copy_range { /* descriptor format 0 */
	uint64_t rsvd0, slba;
	uint16_t nlb; /* zero based */
	uint8_t rsvd18[6];
	uint32_t eilbrt;
	uint16_t elbat, elbatm;
} NVME_PACKED;
NVME_SIZE(nvme_copy_range, 32);

struct nvme_resv_keys {
	uint64_t crkey, nrkey;
} NVME_PACKED;

struct nvme_resv_status {
	uint32_t gen;
	uint8_t rtype;
	uint16_t regctl;
	uint8_t rsvd7[2];
	uint8_t ptpls, rsvd10[14];
} NVME_PACKED;
NVME_SIZE(nvme_resv_status, 24);

struct nvme_registrant {
	uint16_t cntlid;
	uint8_t rcsts, rsvd3[5];
	uint64_t hostid, rkey;
} NVME_PACKED;
NVME_SIZE(nvme_registrant, 24);

struct nvme_registrant_ext {
	uint16_t cntlid;
	uint8_t rcsts, rsvd3[5];
	uint64_t rkey;
	uint8_t hostid[16], rsvd32[32];
} NVME_PACKED;
NVME_SIZE(nvme_registrant_ext, 64);

enum nvme_resv_type {
	NVME_RESV_NONE = 0,
	NVME_RESV_WRITE_EXCLUSIVE = 1,
	NVME_RESV_EXCLUSIVE_ACCESS = 2,
	NVME_RESV_WRITE_EXCLUSIVE_REG = 3,
	NVME_RESV_EXCLUSIVE_ACCESS_REG = 4,
	NVME_RESV_WRITE_EXCLUSIVE_ALL = 5,
	NVME_RESV_EXCLUSIVE_ACCESS_ALL = 6,
};
enum {
	NVME_RESV_LOG_PREEMPTED = 1, /* registration preempted */
	NVME_RESV_LOG_RELEASED = 2,
	NVME_RESV_LOG_RESV_PREEMPTED = 3,
};

#endif
