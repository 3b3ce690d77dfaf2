/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_dev: devices and representors.
 *
 * A *device* is a PCI function of a card as this process sees it; a *representor* stands on the
 * card's side for a function on the host's side (host PF, VF, SF). Find one in a list by its
 * properties, open it, give it to a library:
 *
 *     struct doca_devinfo **list;
 *     uint32_t n;
 *     doca_devinfo_create_list(&list, &n);
 *     for (i = 0; i < n; i++)
 *             if (!doca_devinfo_is_equal_pci_addr(list[i], "03:00.0", &equal) && equal)
 *                     doca_dev_open(list[i], &dev);
 *     doca_devinfo_destroy_list(list);
 *
 * Which devices exist is data: SOFTDPU_CARD names a card profile (a file, or a name under the
 * profile directories); without it an embedded default card answers: the card's own functions at
 * 0000:03:00.0 and 0000:03:00.1, and the host PFs they serve. Host side and card side are in one
 * list, because here both live on one machine: a host program opens the host PF, a card program the
 * card's function.
 *
 * Ownership: lists own their infos; an open device outlives its list. Opening the same function
 * twice gives the same device and counts. Thread safe. F:4382, F:4693.
 */
#ifndef DOCA_DEV_H_
#define DOCA_DEV_H_

#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_dev;
struct doca_dev_rep;
struct doca_devinfo;
struct doca_devinfo_rep;

/* Sizes in bytes, including the NUL where the value is text. */
#define DOCA_DEVINFO_PCI_ADDR_SIZE 13 /* "0000:03:00.0" */
#define DOCA_DEVINFO_PCI_BDF_SIZE 8   /* "03:00.0" */
#define DOCA_DEVINFO_IBDEV_NAME_SIZE 64
#define DOCA_DEVINFO_IFACE_NAME_SIZE 256
#define DOCA_DEVINFO_VUID_SIZE 128
#define DOCA_DEVINFO_MAC_ADDR_SIZE 6
#define DOCA_DEVINFO_IPV4_ADDR_SIZE 4
#define DOCA_DEVINFO_IPV6_ADDR_SIZE 16
#define DOCA_DEVINFO_REP_VUID_SIZE 128
#define DOCA_DEVINFO_REP_PCI_ADDR_SIZE 13
#define DOCA_DEVINFO_REP_PCI_BDF_SIZE 8
#define DOCA_DEVINFO_REP_IFACE_NAME_SIZE 256

/* Which representors a list holds; may be or-ed. */
enum doca_devinfo_rep_filter {
	DOCA_DEVINFO_REP_FILTER_ALL = 0,
	DOCA_DEVINFO_REP_FILTER_NET = (1 << 1),
	DOCA_DEVINFO_REP_FILTER_EMULATED = (1 << 2),
};

/* All devices this process may open. The array has a NULL behind its last element. NO_MEMORY;
 * BAD_CONFIG when the card profile cannot be read (the log line names file, line and field). */
doca_error_t doca_devinfo_create_list(struct doca_devinfo ***dev_list, uint32_t *nb_devs);
doca_error_t doca_devinfo_destroy_list(struct doca_devinfo **dev_list);

/* Properties. `size` is that of the caller's buffer; INVALID_VALUE when it is below the *_SIZE
 * above. NOT_FOUND when the function has no such property (an SF index on a PF, an address that was
 * never configured). */
doca_error_t doca_devinfo_is_equal_pci_addr(
	const struct doca_devinfo *devinfo, const char *pci_addr, uint8_t *is_equal);
doca_error_t doca_devinfo_get_pci_addr_str(const struct doca_devinfo *devinfo, char *pci_addr);
doca_error_t doca_devinfo_get_pci_func_type(
	const struct doca_devinfo *devinfo, enum doca_pci_func_type *type);
doca_error_t doca_devinfo_get_ibdev_name(
	const struct doca_devinfo *devinfo, char *name, uint32_t size);
doca_error_t doca_devinfo_get_iface_name(
	const struct doca_devinfo *devinfo, char *name, uint32_t size);
doca_error_t doca_devinfo_get_vuid(const struct doca_devinfo *devinfo, char *vuid, uint32_t size);
doca_error_t doca_devinfo_get_sf_index(const struct doca_devinfo *devinfo, uint32_t *sf_index);
doca_error_t doca_devinfo_get_mac_addr(
	const struct doca_devinfo *devinfo, uint8_t *mac_addr, uint32_t size);
doca_error_t doca_devinfo_get_ipv4_addr(
	const struct doca_devinfo *devinfo, uint8_t *ipv4_addr, uint32_t size);
doca_error_t doca_devinfo_get_ipv6_addr(
	const struct doca_devinfo *devinfo, uint8_t *ipv6_addr, uint32_t size);

/* Capabilities concerning representors: 1 or 0 in *supported. */
doca_error_t doca_devinfo_rep_cap_is_filter_all_supported(
	const struct doca_devinfo *devinfo, uint8_t *supported);
doca_error_t doca_devinfo_rep_cap_is_filter_net_supported(
	const struct doca_devinfo *devinfo, uint8_t *supported);
doca_error_t doca_devinfo_rep_cap_is_filter_emulated_supported(
	const struct doca_devinfo *devinfo, uint8_t *supported);
doca_error_t doca_devinfo_cap_is_hotplug_manager_supported(
	const struct doca_devinfo *devinfo, uint8_t *supported);

/* Open and close. Each open needs one close; the last close frees. IN_USE while a context, memory
 * map or representor still uses the device. */
doca_error_t doca_dev_open(struct doca_devinfo *devinfo, struct doca_dev **dev);
doca_error_t doca_dev_close(struct doca_dev *dev);

/* Borrowed; valid while the device is open. NULL for NULL. */
struct doca_devinfo *doca_dev_as_devinfo(const struct doca_dev *dev);

/* Representors behind a card's device. A host function has none: NOT_SUPPORTED. */
doca_error_t doca_devinfo_rep_create_list(struct doca_dev *dev, int filter,
	struct doca_devinfo_rep ***dev_list_rep, uint32_t *nb_devs_rep);
doca_error_t doca_devinfo_rep_destroy_list(struct doca_devinfo_rep **dev_list_rep);

doca_error_t doca_devinfo_rep_get_vuid(
	const struct doca_devinfo_rep *devinfo_rep, char *rep_vuid, uint32_t size);
doca_error_t doca_devinfo_rep_is_equal_pci_addr(
	const struct doca_devinfo_rep *devinfo_rep, const char *pci_addr, uint8_t *is_equal);
doca_error_t doca_devinfo_rep_get_pci_addr_str(
	const struct doca_devinfo_rep *devinfo_rep, char *pci_addr);
doca_error_t doca_devinfo_rep_get_pci_func_type(
	const struct doca_devinfo_rep *devinfo_rep, enum doca_pci_func_type *type);
doca_error_t doca_devinfo_rep_get_iface_name(
	const struct doca_devinfo_rep *devinfo_rep, char *name, uint32_t size);
doca_error_t doca_devinfo_rep_get_is_hotplug(
	const struct doca_devinfo_rep *devinfo_rep, uint8_t *is_hotplug);

doca_error_t doca_dev_rep_open(struct doca_devinfo_rep *devinfo_rep, struct doca_dev_rep **dev_rep);
doca_error_t doca_dev_rep_close(struct doca_dev_rep *dev_rep);
struct doca_devinfo_rep *doca_dev_rep_as_devinfo(const struct doca_dev_rep *dev_rep);

#ifdef __cplusplus
}
#endif
#endif
