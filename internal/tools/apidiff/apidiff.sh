#!/usr/bin/env bash
# apidiff.sh module...: what each module's exported API has, beside that of its newest tag.
# Fails when a change is incompatible. A tag belongs to a module by its prefix, as Go wants
# it: v1.2.3 for the root, cache/rediscache/v1.2.3 for the module in cache/rediscache.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
cd "$root"
export GOWORK=off # the go.mod files that importers see
apidiff=$(go tool -n -modfile=internal/tools/apidiff/go.mod apidiff)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# newest prints the newest tag with the prefix, a release before its release candidates.
newest() {
	git -c versionsort.suffix=- tag --list "$1v[0-9]*" --sort=-version:refname | head -n 1
}

# write writes the API of the module in the directory into the file.
write() {
	(cd "$1" && "$apidiff" -m -w "$2" "$(go list -m)")
}

code=0
for module in "$@"; do
	prefix=$([ "$module" = . ] || echo "$module/")
	tag=$(newest "$prefix")
	name=$(cd "$module" && go list -m)
	if [ -z "$tag" ]; then
		echo "apidiff: $name: NOT compared: there is no tag ${prefix}v*"
		continue
	fi
	old="$work/$tag"
	mkdir -p "$old"
	git archive "$tag" | tar -x -C "$old"
	write "$old/$module" "$work/old"
	write "$module" "$work/new"
	changes=$("$apidiff" -m "$work/old" "$work/new")
	echo "apidiff: $name since $tag: ${changes:-no change}"
	if [ -n "$("$apidiff" -m -incompatible "$work/old" "$work/new")" ]; then
		code=1
	fi
done
if [ $code -ne 0 ]; then
	echo "apidiff: there are incompatible changes" >&2
fi
exit $code
