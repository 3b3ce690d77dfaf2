#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# DPDK's driver headers (bus_pci_driver.h, ethdev_driver.h, ...), which Debian's libdpdk-dev leaves out: taken from
# the Debian source package of exactly the installed version, kept in the user's cache. Prints their directory.
# SOFTDPU_DPDK_SDK=DIR uses headers that are there already. Nothing of them is ever committed or installed.
set -euo pipefail
want=(lib/ethdev/ethdev_driver.h lib/ethdev/ethdev_pci.h lib/ethdev/ethdev_vdev.h lib/eal/include/bus_driver.h
	lib/eal/include/dev_driver.h drivers/bus/pci/bus_pci_driver.h drivers/bus/vdev/bus_vdev_driver.h)
fail() { echo "dpdk-sdk: $*" >&2; exit 1; }

if [ -n "${SOFTDPU_DPDK_SDK:-}" ]; then
	[ -f "$SOFTDPU_DPDK_SDK/ethdev_driver.h" ] || fail "SOFTDPU_DPDK_SDK=$SOFTDPU_DPDK_SDK has no ethdev_driver.h"
	echo "$SOFTDPU_DPDK_SDK"
	exit 0
fi
version=$(dpkg-query -W -f='${source:Version}' libdpdk-dev 2>/dev/null) || fail "libdpdk-dev is not installed as a Debian package"
dir=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/softdpu/dpdk-sdk-$version
complete() { for p in "${want[@]}"; do [ -f "$dir/$(basename "$p")" ] || return 1; done; }
if complete; then
	echo "$dir"
	exit 0
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/lists/partial" "$tmp/sdk"
# the mirrors this machine has the binary package from, as sources of source packages
apt-cache policy libdpdk-dev | awk '$1 ~ /^[0-9]+$/ && $2 ~ /^(http|https|file|copy):/ {
	split($3, at, "/"); print "deb-src", $2, at[1], at[2]}' | sort -u >"$tmp/sources.list"
[ -s "$tmp/sources.list" ] || fail "no package mirror offers libdpdk-dev $version; set SOFTDPU_DPDK_SDK"
apt=(apt-get -qq -o "Dir::Etc::SourceList=$tmp/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$tmp/lists"
	-o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o APT::Sandbox::User=)
"${apt[@]}" update >"$tmp/log" 2>&1 || fail "the package mirror does not answer: $(tail -1 "$tmp/log")"
(cd "$tmp" && "${apt[@]}" source --download-only "dpdk=$version" >"$tmp/log" 2>&1) ||
	fail "no source package dpdk=$version: $(tail -1 "$tmp/log")"
paths=()
for p in "${want[@]}"; do paths+=("*/$p"); done
tar -xJf "$tmp"/dpdk_*.orig.tar.xz -C "$tmp/sdk" --wildcards --transform='s,.*/,,' "${paths[@]}" || fail "unexpected source package"
for p in "${want[@]}"; do [ -f "$tmp/sdk/$(basename "$p")" ] || fail "the source package lacks $p"; done
mkdir -p "$(dirname "$dir")"
rm -rf "$dir.new.$$" && cp -r "$tmp/sdk" "$dir.new.$$"
complete || rm -rf "$dir" # of a version that took fewer
mv -T "$dir.new.$$" "$dir" 2>/dev/null || rm -rf "$dir.new.$$" # somebody else was first
echo "$dir"
