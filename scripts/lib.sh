# shellcheck shell=bash
# What the scripts share: messages, root, missing packages, and products that are made once.

shopt -s inherit_errexit
# shellcheck disable=SC2034 # for the scripts
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${RUNCVM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/runcvm}
suite=trixie
me=${0##*/}

say() {
    if [ -t 2 ]; then printf '\033[1m==>\033[0m %s: %s\n' "$me" "$*" >&2; else printf '==> %s: %s\n' "$me" "$*" >&2; fi
}

die() {
    printf '%s: %s\n' "$me" "$*" >&2
    exit 1
}

# The comment at the top of the script is its help.
help() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -- "$@"; fi
}

# missing COMMAND=PACKAGE…: prints the packages whose commands (or files) are not there.
missing() {
    local pair
    for pair; do
        [ -e "${pair%%=*}" ] || PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%=*}" >/dev/null || echo "${pair#*=}"
    done
}

# need COMMAND=PACKAGE…: installs the Debian packages that are missing. Of two callers at once one waits.
need() {
    local absent
    [ -n "$(missing "$@")" ] || return 0
    mkdir -p "$cache"
    (
        flock 9
        mapfile -t absent < <(missing "$@")
        [ ${#absent[@]} -gt 0 ] || exit 0
        command -v apt-get >/dev/null || die "missing: ${absent[*]}: install the equivalents of these Debian packages"
        say "installing ${absent[*]}"
        as_root apt-get -qq update >&2 9>&- || true
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${absent[@]}" >&2 9>&- ||
            die "apt-get install ${absent[*]}: see above"
    ) 9>"$cache/packages.lock"
}

# key FILE-OR-TEXT…: a short hash of the contents of files and of the texts.
key() {
    local item
    for item; do if [ -f "$item" ]; then cat -- "$item"; else printf '%s\n' "$item"; fi; done | sha256sum | cut -c1-12
}

# product NAME KEY MAKER…: prints $cache/NAME-KEY, made by `MAKER… TEMPORARY-PATH` if it is not there yet.
# It appears complete or not at all; a second caller waits for the first; older keys of the same name go.
product() {
    local name=$1 path=$cache/$1-$2 old
    shift 2
    mkdir -p "$cache"
    (
        flock 9
        [ -e "$path" ] && exit
        as_root rm -rf -- "$path.tmp"
        "$@" "$path.tmp" 9>&-
        for old in "$cache/$name"-????????????*; do
            [ ! -e "$old" ] || [ "$old" = "$path.tmp" ] || as_root rm -rf -- "$old"
        done
        mv -- "$path.tmp" "$path"
    ) 9>"$cache/$name.lock" >&2 # no `|| exit` here: it would switch `set -e` off inside
    printf '%s\n' "$path"
}

# debian VARIANT PACKAGES TARGET [OPTION…]: Debian's packages as a tree or tar, from the mirror that this machine uses.
debian() {
    local variant=$1 packages=$2 target=$3 mirror
    shift 3
    need mmdebstrap=mmdebstrap /usr/share/keyrings/debian-archive-keyring.gpg=debian-archive-keyring
    # shellcheck disable=SC2016 # apt expands $(REPO_URI)
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -m1 '/debian/$' || true)
    as_root mmdebstrap --quiet --mode=root --arch=amd64 --variant="$variant" ${packages:+--include="$packages"} \
        --aptopt='Acquire::Retries "3"' "$@" "$suite" "$target" ${mirror:+"$mirror"} >&2 ||
        die "mmdebstrap $suite: see above; a Debian mirror must be reachable"
}

# newc NAME MODE [MAJOR MINOR]: the header of an empty cpio entry, so that device nodes need neither root nor mknod.
newc() {
    local header
    header=$(printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x' \
        0 "$2" 0 0 1 0 0 0 0 "${3:-0}" "${4:-0}" $((${#1} + 1)) 0)
    printf '%s%s\0' "$header" "$1"
    head -c $(((4 - (${#header} + ${#1} + 1) % 4) % 4)) /dev/zero
}
