#!/usr/bin/env bash
# Install the Debian packages of a list that are missing. Quiet and quick when none is.
# usage: setup.sh [LIST]    (devtools/packages.txt)
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t want < <(grep -v '^#' "${1:-devtools/packages.txt}" | grep .)
missing=()
for p in "${want[@]}"; do
	dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
	echo "setup: these packages are missing: ${missing[*]}" >&2
	echo "setup: run 'sudo make setup', or install them yourself" >&2
	exit 1
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/tmp/softdpu-setup.log 2>&1 || {
	tail -20 /tmp/softdpu-setup.log >&2
	exit 1
}
