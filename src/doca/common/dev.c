/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices and representors: the functions of the card, as lists, infos and open handles.
 *
 * The table of functions is made once per process from the card and never changes; an info is a row
 * of it. Opening a row counts; all handles of a row are one pointer, as programs compare them.
 */
#include <doca_dev.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "doca/common/common.h"

#define DEVICES_MAX 4096

struct doca_dev {
	struct doca_devinfo *info;
	uint32_t opens, users;
	unsigned bit;
};

struct doca_devinfo {
	const struct card_port *port;
	struct card_bdf bdf;
	enum dcore_side side;
	char ibdev[16];
	struct doca_dev dev; /* the open handle, when opens > 0 */
};

struct doca_devinfo_rep {
	const struct card_port *port;
	struct doca_dev *dev;
};

struct doca_dev_rep {
	struct doca_devinfo_rep info;
};

static pthread_mutex_t lock =
	PTHREAD_MUTEX_INITIALIZER; /* guards the counts and the first opening */
static struct card *card;
static struct doca_devinfo *infos;
static uint32_t n_infos;
static uint64_t bits_used;

/* ---- the table ---- */

static void add_function(const struct card_port *port, enum dcore_side side, struct card_bdf bdf)
{
	struct doca_devinfo *info = &infos[n_infos];

	*info = (struct doca_devinfo){.port = port, .bdf = bdf, .side = side};
	snprintf(info->ibdev, sizeof(info->ibdev), "mlx5_%u", n_infos);
	info->dev.info = info;
	n_infos++;
}

/* The card's own functions first: a program that takes the first capable device gets 03:00.0. */
static int make_table(void)
{
	static const enum card_role order[] = {CARD_UPLINK, CARD_HPF, CARD_VF};

	infos = calloc(card->n_ports + 1, sizeof(*infos));
	if (!infos)
		return refuse(ENOMEM, "no memory for %u devices", card->n_ports);
	for (unsigned k = 0; k < ARRAY_SIZE(order); k++)
		for (unsigned i = 0; i < card->n_ports; i++)
			if (card->ports[i].role == order[k])
				add_function(&card->ports[i],
					order[k] == CARD_UPLINK ? DCORE_DPU : DCORE_HOST,
					card->ports[i].bdf);
	return 0;
}

static int ready(void)
{
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!card)
		err = card_open(&card);
	if (!err && !infos)
		err = make_table();
	pthread_mutex_unlock(&lock);
	return err;
}

const struct card *dcore_card(void)
{
	return ready() < 0 ? NULL : card;
}

/* Two processes that run without a profile share the name "default" though each has its own switch.
 */
int dcore_rendezvous(char *buf, size_t size, const char *file)
{
	const char *base = getenv("SOFTDPU_RUN_DIR");
	char fallback[128];
	int n;

	if (ready() < 0)
		return -EINVAL;
	if (!base)
		base = card->run_dir;
	if (mkdir(base, 0755) < 0 && access(base, W_OK) < 0) {
		snprintf(fallback, sizeof(fallback), "/tmp/softdpu-%u", (unsigned)getuid());
		base = fallback;
		mkdir(base, 0700);
	}
	n = snprintf(buf, size, "%s/%s", base, card->is_private ? "default" : card->name);
	if (n < (int)size && mkdir(buf, 0700) < 0 && errno != EEXIST)
		return refuse(errno, "directory %s: %m", buf);
	n = snprintf(buf + n, n < (int)size ? size - (size_t)n : 0, "/%s", file) + n;
	return n < (int)size ? 0 : refuse(ENAMETOOLONG, "%s/%s is too long", base, file);
}

/* ---- lists ---- */

doca_error_t doca_devinfo_create_list(struct doca_devinfo ***dev_list, uint32_t *nb_devs)
{
	DCORE_NOT_NULL(dev_list);
	DCORE_NOT_NULL(nb_devs);
	if (ready() < 0)
		return dcore_fail(DOCA_ERROR_BAD_CONFIG, "card profile: %s", refusal());
	*dev_list = calloc(n_infos + 1, sizeof(**dev_list));
	if (!*dev_list)
		return DOCA_ERROR_NO_MEMORY;
	for (uint32_t i = 0; i < n_infos; i++)
		(*dev_list)[i] = &infos[i];
	*nb_devs = n_infos;
	return DOCA_SUCCESS;
}

doca_error_t doca_devinfo_destroy_list(struct doca_devinfo **dev_list)
{
	free(dev_list);
	return DOCA_SUCCESS;
}

/* ---- properties ---- */

static doca_error_t same_address(const struct card_bdf *bdf, const char *text, uint8_t *is_equal)
{
	struct card_bdf other;

	DCORE_NOT_NULL(text);
	DCORE_NOT_NULL(is_equal);
	*is_equal = 0;
	if (card_bdf_parse(text, &other) < 0)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "PCI address: %s", refusal());
	*is_equal = card_bdf_equal(bdf, &other);
	return DOCA_SUCCESS;
}

static doca_error_t copy_text(
	char *to, uint32_t size, uint32_t need, const char *text, const char *what)
{
	DCORE_NOT_NULL(to);
	if (size < need)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"%s: a buffer of %u bytes, %u are needed", what, size, need);
	snprintf(to, size, "%s", text);
	return DOCA_SUCCESS;
}

doca_error_t doca_devinfo_is_equal_pci_addr(
	const struct doca_devinfo *devinfo, const char *pci_addr, uint8_t *is_equal)
{
	DCORE_NOT_NULL(devinfo);
	return same_address(&devinfo->bdf, pci_addr, is_equal);
}

doca_error_t doca_devinfo_get_pci_addr_str(const struct doca_devinfo *devinfo, char *pci_addr)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(pci_addr);
	card_bdf_format(&devinfo->bdf, pci_addr);
	return DOCA_SUCCESS;
}

static enum doca_pci_func_type func_type(const struct card_port *port)
{
	return port->role == CARD_VF   ? DOCA_PCI_FUNC_TYPE_VF
	       : port->role == CARD_SF ? DOCA_PCI_FUNC_TYPE_SF
				       : DOCA_PCI_FUNC_TYPE_PF;
}

doca_error_t doca_devinfo_get_pci_func_type(
	const struct doca_devinfo *devinfo, enum doca_pci_func_type *type)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(type);
	*type = func_type(devinfo->port);
	return DOCA_SUCCESS;
}

doca_error_t doca_devinfo_get_ibdev_name(
	const struct doca_devinfo *devinfo, char *name, uint32_t size)
{
	DCORE_NOT_NULL(devinfo);
	return copy_text(
		name, size, DOCA_DEVINFO_IBDEV_NAME_SIZE, devinfo->ibdev, "IB device name");
}

static const char *iface_name(const struct card_port *port)
{
	return port->attach.ifname ? port->attach.ifname : port->name;
}

doca_error_t doca_devinfo_get_iface_name(
	const struct doca_devinfo *devinfo, char *name, uint32_t size)
{
	DCORE_NOT_NULL(devinfo);
	return copy_text(name, size, DOCA_DEVINFO_IFACE_NAME_SIZE,
		devinfo->side == DCORE_DPU ? devinfo->port->name : iface_name(devinfo->port),
		"interface name");
}

static void make_vuid(const struct card_port *port, char *buf, size_t size)
{
	snprintf(buf, size, "%s-%02x%02x%02x%02x%02x%02x-%s", card->name, port->mac[0],
		port->mac[1], port->mac[2], port->mac[3], port->mac[4], port->mac[5], port->name);
}

doca_error_t doca_devinfo_get_vuid(const struct doca_devinfo *devinfo, char *vuid, uint32_t size)
{
	char text[DOCA_DEVINFO_VUID_SIZE];

	DCORE_NOT_NULL(devinfo);
	make_vuid(devinfo->port, text, sizeof(text));
	return copy_text(vuid, size, DOCA_DEVINFO_VUID_SIZE, text, "VUID");
}

doca_error_t doca_devinfo_get_sf_index(const struct doca_devinfo *devinfo, uint32_t *sf_index)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(sf_index);
	if (devinfo->port->role != CARD_SF)
		return DOCA_ERROR_NOT_FOUND;
	*sf_index = devinfo->port->function;
	return DOCA_SUCCESS;
}

doca_error_t doca_devinfo_get_mac_addr(
	const struct doca_devinfo *devinfo, uint8_t *mac_addr, uint32_t size)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(mac_addr);
	if (size < DOCA_DEVINFO_MAC_ADDR_SIZE)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "MAC address: a buffer of %u bytes", size);
	memcpy(mac_addr, devinfo->port->mac, DOCA_DEVINFO_MAC_ADDR_SIZE);
	return DOCA_SUCCESS;
}

/* The address of the interface behind the function when it is in our namespace; else the node's
 * VTEP. */
static bool interface_address(const struct doca_devinfo *info, int family, uint8_t *addr)
{
	const struct prefix *net = family == AF_INET ? &card->node.vtep4 : &card->node.vtep6;
	size_t len = family == AF_INET ? 4 : 16;
	struct ifaddrs *all = NULL;
	bool found = false;

	if (!info->port->attach.netns && getifaddrs(&all) == 0)
		for (struct ifaddrs *a = all; a && !found; a = a->ifa_next) {
			if (!a->ifa_addr || a->ifa_addr->sa_family != family ||
				strcmp(a->ifa_name, iface_name(info->port)))
				continue;
			memcpy(addr,
				family == AF_INET
					? (void *)&((struct sockaddr_in *)(void *)a->ifa_addr)
						  ->sin_addr
					: (void *)&((struct sockaddr_in6 *)(void *)a->ifa_addr)
						  ->sin6_addr,
				len);
			found = true;
		}
	if (all)
		freeifaddrs(all);
	if (!found && info->port->role == CARD_UPLINK && net->addr.family) {
		memcpy(addr, net->addr.bytes, len);
		found = true;
	}
	return found;
}

doca_error_t doca_devinfo_get_ipv4_addr(
	const struct doca_devinfo *devinfo, uint8_t *ipv4_addr, uint32_t size)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(ipv4_addr);
	if (size < DOCA_DEVINFO_IPV4_ADDR_SIZE)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "IPv4 address: a buffer of %u bytes", size);
	return interface_address(devinfo, AF_INET, ipv4_addr) ? DOCA_SUCCESS : DOCA_ERROR_NOT_FOUND;
}

doca_error_t doca_devinfo_get_ipv6_addr(
	const struct doca_devinfo *devinfo, uint8_t *ipv6_addr, uint32_t size)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(ipv6_addr);
	if (size < DOCA_DEVINFO_IPV6_ADDR_SIZE)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "IPv6 address: a buffer of %u bytes", size);
	return interface_address(devinfo, AF_INET6, ipv6_addr) ? DOCA_SUCCESS
							       : DOCA_ERROR_NOT_FOUND;
}

static doca_error_t cap(const struct doca_devinfo *devinfo, uint8_t *supported, bool value)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(supported);
	*supported = value;
	return DOCA_SUCCESS;
}

doca_error_t doca_devinfo_rep_cap_is_filter_all_supported(
	const struct doca_devinfo *devinfo, uint8_t *supported)
{
	return cap(devinfo, supported, devinfo && devinfo->side == DCORE_DPU);
}

doca_error_t doca_devinfo_rep_cap_is_filter_net_supported(
	const struct doca_devinfo *devinfo, uint8_t *supported)
{
	return cap(devinfo, supported, devinfo && devinfo->side == DCORE_DPU);
}

doca_error_t doca_devinfo_rep_cap_is_filter_emulated_supported(
	const struct doca_devinfo *devinfo, uint8_t *supported)
{
	return cap(devinfo, supported, false);
}

doca_error_t doca_devinfo_cap_is_hotplug_manager_supported(
	const struct doca_devinfo *devinfo, uint8_t *supported)
{
	return cap(devinfo, supported, false);
}

/* ---- open devices ---- */

static unsigned take_bit(void)
{
	unsigned bit = bits_used == UINT64_MAX ? 63 : (unsigned)__builtin_ctzll(~bits_used);

	bits_used |= 1ull << bit;
	return bit;
}

doca_error_t doca_dev_open(struct doca_devinfo *devinfo, struct doca_dev **dev)
{
	DCORE_NOT_NULL(devinfo);
	DCORE_NOT_NULL(dev);
	pthread_mutex_lock(&lock);
	if (!devinfo->dev.opens++)
		devinfo->dev.bit = take_bit();
	*dev = &devinfo->dev;
	pthread_mutex_unlock(&lock);
	return DOCA_SUCCESS;
}

doca_error_t doca_dev_close(struct doca_dev *dev)
{
	doca_error_t result = DOCA_SUCCESS;

	if (!dev)
		return DOCA_SUCCESS;
	pthread_mutex_lock(&lock);
	if (!dev->opens)
		result = DOCA_ERROR_INVALID_VALUE;
	else if (dev->opens == 1 && dev->users)
		result = DOCA_ERROR_IN_USE;
	else if (!--dev->opens)
		bits_used &= ~(1ull << dev->bit);
	pthread_mutex_unlock(&lock);
	if (result == DOCA_ERROR_IN_USE)
		return dcore_fail(result,
			"device %s: %u contexts, memory maps or representors still use it",
			dev->info->port->name, dev->users);
	return result == DOCA_SUCCESS ? result : dcore_fail(result, "the device is not open");
}

struct doca_devinfo *doca_dev_as_devinfo(const struct doca_dev *dev)
{
	return dev ? dev->info : NULL;
}

void dcore_dev_hold(struct doca_dev *dev)
{
	if (dev)
		__atomic_add_fetch(&dev->users, 1, __ATOMIC_RELAXED);
}

void dcore_dev_release(struct doca_dev *dev)
{
	if (dev)
		__atomic_sub_fetch(&dev->users, 1, __ATOMIC_RELAXED);
}

uint64_t dcore_dev_bit(const struct doca_dev *dev)
{
	return 1ull << dev->bit;
}

const struct card_port *dcore_dev_port(const struct doca_dev *dev)
{
	return dev->info->port;
}

const struct card_port *dcore_info_port(const struct doca_devinfo *devinfo)
{
	return devinfo->port;
}

enum dcore_side dcore_dev_side(const struct doca_dev *dev)
{
	return dev->info->side;
}

enum dcore_side dcore_info_side(const struct doca_devinfo *devinfo)
{
	return devinfo->side;
}

/* ---- representors ---- */

static bool is_represented(const struct doca_dev *dev, const struct card_port *port)
{
	return port->role != CARD_UPLINK && port->pf == dev->info->port->pf;
}

doca_error_t doca_devinfo_rep_create_list(struct doca_dev *dev, int filter,
	struct doca_devinfo_rep ***dev_list_rep, uint32_t *nb_devs_rep)
{
	struct doca_devinfo_rep *rows;
	uint32_t n = 0;

	DCORE_NOT_NULL(dev);
	DCORE_NOT_NULL(dev_list_rep);
	DCORE_NOT_NULL(nb_devs_rep);
	if (dev->info->side != DCORE_DPU)
		return dcore_fail(DOCA_ERROR_NOT_SUPPORTED,
			"device %s is a host function: representors belong to the card's "
			"functions, such as %s",
			dev->info->port->name, infos[0].port->name);
	*dev_list_rep = calloc(1, (card->n_ports + 1) * (sizeof(**dev_list_rep) + sizeof(*rows)));
	if (!*dev_list_rep)
		return DOCA_ERROR_NO_MEMORY;
	rows = (void *)(*dev_list_rep + card->n_ports + 1);
	for (unsigned i = 0; i < card->n_ports && filter != DOCA_DEVINFO_REP_FILTER_EMULATED; i++) {
		if (!is_represented(dev, &card->ports[i]))
			continue;
		rows[n] = (struct doca_devinfo_rep){.port = &card->ports[i], .dev = dev};
		(*dev_list_rep)[n] = &rows[n];
		n++;
	}
	*nb_devs_rep = n;
	return DOCA_SUCCESS;
}

doca_error_t doca_devinfo_rep_destroy_list(struct doca_devinfo_rep **dev_list_rep)
{
	free(dev_list_rep);
	return DOCA_SUCCESS;
}

doca_error_t doca_devinfo_rep_get_vuid(
	const struct doca_devinfo_rep *devinfo_rep, char *rep_vuid, uint32_t size)
{
	char text[DOCA_DEVINFO_REP_VUID_SIZE];

	DCORE_NOT_NULL(devinfo_rep);
	make_vuid(devinfo_rep->port, text, sizeof(text));
	return copy_text(rep_vuid, size, DOCA_DEVINFO_REP_VUID_SIZE, text, "representor VUID");
}

doca_error_t doca_devinfo_rep_is_equal_pci_addr(
	const struct doca_devinfo_rep *devinfo_rep, const char *pci_addr, uint8_t *is_equal)
{
	DCORE_NOT_NULL(devinfo_rep);
	return same_address(&devinfo_rep->port->bdf, pci_addr, is_equal);
}

doca_error_t doca_devinfo_rep_get_pci_addr_str(
	const struct doca_devinfo_rep *devinfo_rep, char *pci_addr)
{
	DCORE_NOT_NULL(devinfo_rep);
	DCORE_NOT_NULL(pci_addr);
	card_bdf_format(&devinfo_rep->port->bdf, pci_addr);
	return DOCA_SUCCESS;
}

doca_error_t doca_devinfo_rep_get_pci_func_type(
	const struct doca_devinfo_rep *devinfo_rep, enum doca_pci_func_type *type)
{
	DCORE_NOT_NULL(devinfo_rep);
	DCORE_NOT_NULL(type);
	*type = func_type(devinfo_rep->port);
	return DOCA_SUCCESS;
}

doca_error_t doca_devinfo_rep_get_iface_name(
	const struct doca_devinfo_rep *devinfo_rep, char *name, uint32_t size)
{
	DCORE_NOT_NULL(devinfo_rep);
	return copy_text(name, size, DOCA_DEVINFO_REP_IFACE_NAME_SIZE, devinfo_rep->port->name,
		"representor interface name");
}

doca_error_t doca_devinfo_rep_get_is_hotplug(
	const struct doca_devinfo_rep *devinfo_rep, uint8_t *is_hotplug)
{
	DCORE_NOT_NULL(devinfo_rep);
	DCORE_NOT_NULL(is_hotplug);
	*is_hotplug = 0;
	return DOCA_SUCCESS;
}

doca_error_t doca_dev_rep_open(struct doca_devinfo_rep *devinfo_rep, struct doca_dev_rep **dev_rep)
{
	DCORE_NOT_NULL(devinfo_rep);
	DCORE_NOT_NULL(dev_rep);
	*dev_rep = malloc(sizeof(**dev_rep));
	if (!*dev_rep)
		return DOCA_ERROR_NO_MEMORY;
	(*dev_rep)->info = *devinfo_rep;
	dcore_dev_hold(devinfo_rep->dev);
	return DOCA_SUCCESS;
}

doca_error_t doca_dev_rep_close(struct doca_dev_rep *dev_rep)
{
	if (!dev_rep)
		return DOCA_SUCCESS;
	dcore_dev_release(dev_rep->info.dev);
	free(dev_rep);
	return DOCA_SUCCESS;
}

struct doca_devinfo_rep *doca_dev_rep_as_devinfo(const struct doca_dev_rep *dev_rep)
{
	return dev_rep ? (struct doca_devinfo_rep *)&dev_rep->info : NULL;
}

const struct card_port *dcore_rep_port(const struct doca_dev_rep *rep)
{
	return rep->info.port;
}

struct doca_dev *dcore_rep_dev(const struct doca_dev_rep *rep)
{
	return rep->info.dev;
}

/* ---- names people type ---- */

static bool fits_name(const struct doca_devinfo *info, const char *text)
{
	return !strcmp(text, info->ibdev) || !strcmp(text, info->port->name) ||
	       (info->side == DCORE_HOST && !strcmp(text, iface_name(info->port)));
}

/* "0000:03:00.0 (p0), ..." for a refusal. */
static void refuse_unknown(const char *text)
{
	struct str known = STR_INIT;
	char address[DOCA_DEVINFO_PCI_ADDR_SIZE];

	for (uint32_t i = 0; i < MIN_OF(n_infos, 8u); i++)
		str_addf(&known, "%s%s (%s)", i ? ", " : "",
			card_bdf_format(&infos[i].bdf, address), infos[i].port->name);
	refuse(ENODEV, "no device '%s' on card '%s'; there are %s%s", text, card->name,
		str_text(&known), n_infos > 8 ? ", ..." : "");
	str_free(&known);
}

struct doca_devinfo *dcore_find_device(const char *text)
{
	static const char *const prefixes[] = {"pci/", "auxiliary/", "aux/", "mac/"};
	struct card_bdf bdf;
	bool is_bdf;

	if (ready() < 0)
		return NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(text, prefixes[i], strlen(prefixes[i])))
			text += strlen(prefixes[i]);
	is_bdf = card_bdf_parse(text, &bdf) == 0;
	for (uint32_t i = 0; i < n_infos; i++)
		if (is_bdf ? card_bdf_equal(&infos[i].bdf, &bdf) : fits_name(&infos[i], text))
			return &infos[i];
	refuse_unknown(text);
	return NULL;
}
