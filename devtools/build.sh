#!/usr/bin/env bash
# Configure (once) and compile. usage: build.sh BUILDDIR [meson options]
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1; shift
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
[ -f "$dir/build.ninja" ] || meson setup "$dir" "$@" >"/tmp/softdpu-meson.$$" || { cat "/tmp/softdpu-meson.$$"; exit 1; }
rm -f "/tmp/softdpu-meson.$$"
ninja -C "$dir" --quiet
