/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * devices: list the devices of the card, and the representors of one of them.
 *
 * pkg-config: doca-common doca-argp
 * run:
 * run: -d 03:00.0
 * run: --device pci/0000:03:00.1
 * expect: 0000:03:00.0  p0
 * expect: representor pf0vf0
 * expect: representor of pf 1:
 */
#include <stdlib.h>
#include <string.h>

#include <doca_argp.h>
#include <doca_dev.h>
#include <doca_error.h>
#include <doca_log.h>

DOCA_LOG_REGISTER(EXAMPLE::DEVICES);

struct config {
	struct doca_dev *dev;
};

static doca_error_t on_device(void *param, void *config)
{
	const struct doca_argp_device_ctx *ctx = param;

	((struct config *)config)->dev = ctx->dev;
	return DOCA_SUCCESS;
}

static doca_error_t parse(int argc, char **argv, struct config *config)
{
	struct doca_argp_param *device;
	doca_error_t result = doca_argp_init(NULL, config);

	if (result != DOCA_SUCCESS || (result = doca_argp_param_create(&device)) != DOCA_SUCCESS)
		return result;
	doca_argp_param_set_short_name(device, "d");
	doca_argp_param_set_long_name(device, "device");
	doca_argp_param_set_description(device, "list this device's representors");
	doca_argp_param_set_type(device, DOCA_ARGP_TYPE_DEVICE);
	doca_argp_param_set_callback(device, on_device);
	result = doca_argp_register_param(device);
	if (result == DOCA_SUCCESS)
		result = doca_argp_start(argc, argv);
	return result;
}

static doca_error_t list_devices(void)
{
	struct doca_devinfo **list;
	uint32_t n;
	doca_error_t result = doca_devinfo_create_list(&list, &n);

	if (result != DOCA_SUCCESS)
		return result;
	for (uint32_t i = 0; i < n; i++) {
		char pci[DOCA_DEVINFO_PCI_ADDR_SIZE], name[DOCA_DEVINFO_IFACE_NAME_SIZE];
		char ibdev[DOCA_DEVINFO_IBDEV_NAME_SIZE];

		doca_devinfo_get_pci_addr_str(list[i], pci);
		doca_devinfo_get_iface_name(list[i], name, sizeof(name));
		doca_devinfo_get_ibdev_name(list[i], ibdev, sizeof(ibdev));
		printf("%s  %-10s %s\n", pci, name, ibdev);
	}
	return doca_devinfo_destroy_list(list);
}

static doca_error_t list_representors(struct doca_dev *dev)
{
	struct doca_devinfo_rep **list;
	uint32_t n;
	char pci[DOCA_DEVINFO_PCI_ADDR_SIZE];
	doca_error_t result =
		doca_devinfo_rep_create_list(dev, DOCA_DEVINFO_REP_FILTER_NET, &list, &n);

	if (result != DOCA_SUCCESS)
		return result;
	doca_devinfo_get_pci_addr_str(doca_dev_as_devinfo(dev), pci);
	printf("representor of pf %c: %u\n", pci[strlen(pci) - 1], n);
	for (uint32_t i = 0; i < n; i++) {
		char name[DOCA_DEVINFO_REP_IFACE_NAME_SIZE];

		doca_devinfo_rep_get_iface_name(list[i], name, sizeof(name));
		doca_devinfo_rep_get_pci_addr_str(list[i], pci);
		printf("  representor %s stands for %s\n", name, pci);
	}
	return doca_devinfo_rep_destroy_list(list);
}

int main(int argc, char **argv)
{
	struct config config = {.dev = NULL};
	struct doca_log_backend *sdk_log;
	doca_error_t result;

	doca_log_backend_create_standard();
	doca_log_backend_create_with_file_sdk(stderr, &sdk_log);
	result = parse(argc, argv, &config);
	if (result == DOCA_SUCCESS)
		result = config.dev ? list_representors(config.dev) : list_devices();
	if (result != DOCA_SUCCESS)
		DOCA_LOG_ERR("failed: %s", doca_error_get_descr(result));
	doca_dev_close(config.dev);
	doca_argp_destroy();
	return result == DOCA_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
