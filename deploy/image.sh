#!/usr/bin/env bash
# Builds the image of the Dockerfile without Docker and without a registry, as root on Debian: `make image`.
#
# The image that the Dockerfile begins with is made here, of Debian's own packages, and named as it is named there, so
# that the Dockerfile is built as it stands. Its Python is Debian's. Buildah works in a chroot: no engine runs.
# IMAGE is the name of the image that is made, ARCHIVE a file to write it to (docker load takes it).
set -euo pipefail
cd "$(dirname "$0")/.."
image=${IMAGE:-localhost/mutirao:latest}
suite=bookworm
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
base=$(sed -n 's/^FROM \([^ ]*\).*/\1/p' Dockerfile | sort -u)

[ "$(id -u)" = 0 ] || { echo "Run this as root, or build the Dockerfile with Docker." >&2; exit 1; }
[ "$(wc -l <<< "$base")" = 1 ] || { echo "The Dockerfile begins with several images: $base" >&2; exit 1; }
[[ $base == *-slim-$suite ]] || { echo "The Dockerfile begins with $base, and this knows Debian $suite." >&2; exit 1; }
missing=()
for program in buildah debootstrap; do
    command -v "$program" > /dev/null || missing+=("$program")
done
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi
work=$(mktemp -d)
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs} BUILDAH_ISOLATION=chroot
trap 'rm -rf "$work"' EXIT

if ! buildah inspect --type image "docker.io/library/$base" > /dev/null 2>&1; then
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv,tzdata \
        "$suite" "$work/base" "$mirror" > "$work/debootstrap.log" || { tail -n 20 "$work/debootstrap.log" >&2; exit 1; }
    rm -rf "$work"/base/var/cache/apt/* "$work"/base/var/lib/apt/lists/* "$work"/base/usr/lib/python3*/EXTERNALLY-MANAGED
    ln -s python3 "$work/base/usr/bin/python"
    made=$(buildah from scratch)
    buildah add --quiet "$made" "$work/base" /
    buildah config --cmd python3 "$made"
    buildah commit --quiet "$made" "docker.io/library/$base" > /dev/null
    buildah rm "$made" > /dev/null
fi
# shellcheck disable=SC2086  # several words, for mirrors and certificates of one's own
buildah build --isolation chroot --pull-never --layers=false ${BUILD_OPTIONS:-} --tag "$image" .
[ -z "${ARCHIVE:-}" ] || buildah push "$image" "docker-archive:$ARCHIVE:${image#localhost/}"
echo "$image is made."
