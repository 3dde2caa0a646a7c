#!/usr/bin/env bash
# Installs on Debian what the tests need beside Go: a C compiler for the race
# detector, Redis, and for the interop provider Node with the packages of its
# lock file. Where all of it is there, it changes nothing and says nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/provider"

readonly pinned_node=22.23.3
readonly local_node=.node/node_modules/.bin/node

have() { command -v "$1" >/dev/null; }

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
	echo "setup: installing $*"
	as_root apt-get -qq update
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" >/dev/null
}

compiles_c() {
	echo '#include <stdlib.h>' | gcc -fsyntax-only -xc - 2>/dev/null
}

# What the provider needs of the newer releases; 20.19 and 22 have it.
recent() {
	"$1" -e 'process.exit(URL.parse ? 0 : 1)' 2>/dev/null
}

npm_quiet() { npm --loglevel=error --no-progress "$@" >/dev/null; }

# Debian 12 has Node 18; the registry's packages carry newer ones, as binaries.
install_local_node() {
	echo "setup: installing Node $pinned_node, since $(node --version) is too old"
	npm_quiet install --no-save --prefix .node "node-linux-$(node -p process.arch)@$pinned_node"
}

compiles_c || apt_install gcc libc6-dev
have redis-server || apt_install redis-server
have node || apt_install nodejs npm
have npm || apt_install npm
recent node || recent "$local_node" || install_local_node
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
	echo "setup: installing the packages of the interop provider"
	npm_quiet ci
fi
