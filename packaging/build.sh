#!/usr/bin/env bash
# SQLite + Supabase Sync System - The packages
#
# packaging/build.sh [--built DIRECTORY] [deb|rpm …] puts them into build/packages: the .deb with its source package, the .rpm.
# Both hold the same programs: those of the .deb's own build, or of the finished build tree that --built names.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly root=$PWD out=${SYNC_NODE_PACKAGES:-$PWD/build/packages}

info() { printf '==> %s\n' "$*"; }
error() { printf 'error: %s\n' "$*" >&2; exit 1; }

built=''
if [[ ${1:-} == --built ]]; then
  built=$(realpath "$2")
  shift 2
fi
kinds=("$@")
((${#kinds[@]})) || kinds=(deb rpm)
version=$(sed -n 's/^project(sync-node VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
readonly stage=$out/source/sync-node-$version

# quietly LOG COMMAND…: its words only when it fails
quietly() {
  local log=$out/$1
  shift
  "$@" >"$log" 2>&1 || { tail -40 "$log" >&2; error "$1 failed; all of it: $log"; }
}

# Every file of the tree that is not the work of a build; git knows, where it is asked in a checkout of its user's.
listed() { git ls-files -z --cached --others --exclude-standard 2>/dev/null || find . -type f -not -path './build*' -not -path './.*' -print0; }

# As it is now, in a place that is the same each time: then ccache knows it.
info "Staging sync-node $version"
rm -rf "$stage"
mkdir -p "$stage"
listed | while IFS= read -r -d '' name; do
  [[ ! -e $name ]] || printf '%s\0' "$name"
done | tar -c --null -T - | tar -x -C "$stage"
chmod -R go-w "$stage"
tar -C "$out/source" --sort=name --owner=root:0 --group=root:0 -czf "$out/sync-node-$version.tar.gz" "sync-node-$version"

# debhelper gives builds an empty home directory; the compiler's cache stays where it is.
make_deb() {
  info "Building the Debian packages"
  # Packages of debug symbols take as long as all the rest; DEB_BUILD_OPTIONS= in the environment brings them.
  export DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS-noautodbgsym}
  mv "$stage/packaging/deb" "$stage/debian"
  if [[ -n $built ]]; then
    (cd "$stage" && SYNC_NODE_BUILT=$built quietly deb.log dpkg-buildpackage -b -d -us -uc)
  else
    CCACHE_DIR=$(ccache -k cache_dir 2>/dev/null || true)
    export CCACHE_DIR
    (cd "$stage" && quietly deb.log dpkg-buildpackage -us -uc)
    built=$stage/obj-package
  fi
  find "$out/source" -maxdepth 1 -type f -name 'sync-node*' -exec mv -t "$out" {} +
}

# Debian's rpm has no macros of systemd: stand-ins. Its packages do not satisfy BuildRequires by name: --nodeps.
make_rpm() {
  info "Building the RPM"
  [[ -n $built ]] || error "the .rpm is made of a finished build: name deb first, or --built DIRECTORY"
  local top=$out/rpm
  rm -rf "$top"
  mkdir -p "$top/SOURCES"
  cp "$out/sync-node-$version.tar.gz" "$root/units/sync-node.sysusers" "$top/SOURCES"
  quietly rpm.log rpmbuild -ba --nodeps --load="$root/packaging/rpm/macros.debian" --define "_topdir $top" \
    --define "sync_node_built $built" "$root/packaging/rpm/sync-node.spec"
  find "$top/RPMS" "$top/SRPMS" -name '*.rpm' -exec mv -t "$out" {} +
}

for kind in "${kinds[@]}"; do
  case $kind in
    deb | rpm) "make_$kind" ;;
    *) error "there is no package '$kind'" ;;
  esac
done
info "in $out:"
find "$out" -maxdepth 1 \( -name '*.deb' -o -name '*.dsc' -o -name '*.tar.xz' -o -name '*.rpm' \) -printf '    %f\n' | sort
