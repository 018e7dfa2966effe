# shellcheck shell=bash
# Where the product stands on a machine, shared by install, uninstall, package and the lab:
#   /usr/lib/runcvm    all of .build/dist
#   /usr/bin           links to the program
#   /usr/share         manual pages and completions, made by the program itself
#   /etc/docker/daemon.json    "runtimes": {"runcvm": …}

runtime=/usr/bin/runcvm-runtime

# link_programs ROOT: the names by which users and engines call the program.
link_programs() {
    mkdir -p "$1/usr/bin"
    ln -sfn ../lib/runcvm/runcvm "$1/usr/bin/runcvm"
    ln -sfn ../lib/runcvm/runcvm "$1$runtime"
}

# lay_out DIST ROOT: everything but the registration. Each file appears at once, since the one that it replaces may run.
lay_out() {
    local file man=$2/usr/share/man/man1 verb
    (cd "$1" && find . \( -type f -o -type l \) ! -name '*.tmp' -print0) | while IFS= read -r -d '' file; do
        mkdir -p "$(dirname "$2/usr/lib/runcvm/$file")"
        cp -P --preserve=mode,timestamps "$1/$file" "$2/usr/lib/runcvm/$file.new"
        mv -f "$2/usr/lib/runcvm/$file.new" "$2/usr/lib/runcvm/$file"
    done
    link_programs "$2"
    mkdir -p "$man"
    "$1/runcvm" manual | gzip -9n >"$man/runcvm.1.gz"
    for verb in $("$1/runcvm" manual --list); do
        "$1/runcvm" manual "$verb" | gzip -9n >"$man/runcvm-$verb.1.gz"
    done
    complete_for "$1" "$2" bash /usr/share/bash-completion/completions/runcvm
    complete_for "$1" "$2" zsh /usr/share/zsh/vendor-completions/_runcvm
    complete_for "$1" "$2" fish /usr/share/fish/vendor_completions.d/runcvm.fish
}

complete_for() { # DIST ROOT SHELL FILE
    mkdir -p "$(dirname "$2$4")"
    "$1/runcvm" --generate-completion-script "$3" >"$2$4"
}

# take_away ROOT: the inverse of lay_out. What is gone already is fine; folders that others share stay.
take_away() {
    local link
    for link in /usr/bin/runcvm "$runtime"; do
        case $(readlink "$1$link") in ../lib/runcvm/runcvm) rm -f "$1$link" ;; esac
    done
    # shellcheck disable=SC2115 # an empty ROOT is this machine's
    rm -rf "$1/usr/lib/runcvm" "$1"/usr/share/man/man1/runcvm{,-*}.1.gz \
        "$1/usr/share/bash-completion/completions/runcvm" "$1/usr/share/zsh/vendor-completions/_runcvm" \
        "$1/usr/share/fish/vendor_completions.d/runcvm.fish"
}

# register FILE: adds the runtime to Docker's daemon.json, and keeps what else is there. What was there before is FILE.before-runcvm;
# that is empty where there was no such file. Fails, and changes nothing, where the file is not JSON.
register() {
    local new
    if [ ! -s "$1" ]; then
        new='{}'
    elif ! new=$(jq -e 'objects' "$1" 2>/dev/null); then
        echo "$1: not a JSON object; repair it first" >&2
        return 1
    fi
    new=$(jq --indent 4 --arg path "$runtime" '.runtimes.runcvm = {path: $path}' <<<"$new") || return 1
    mkdir -p "$(dirname "$1")"
    if [ -e "$1.before-runcvm" ]; then
        :
    elif [ -e "$1" ]; then
        cp -p "$1" "$1.before-runcvm"
    else
        : >"$1.before-runcvm"
    fi
    replace_text "$1" "$new"
}

# unregister FILE: takes the runtime out again. Where nothing else has changed since, the file is as it was, byte by byte.
unregister() {
    local before=$1.before-runcvm rest
    if rest=$(jq -e 'objects | del(.runtimes.runcvm) | if .runtimes == {} then del(.runtimes) else . end' "$1" 2>/dev/null); then
        if [ -s "$before" ] && jq -e --argjson rest "$rest" '. == $rest' "$before" >/dev/null 2>&1; then
            mv -f "$before" "$1"
        elif [ "$rest" = '{}' ] && [ -e "$before" ] && [ ! -s "$before" ]; then
            rm -f "$1"
        else
            replace_text "$1" "$(jq --indent 4 . <<<"$rest")"
        fi
    fi
    rm -f "$before"
}

replace_text() { # FILE TEXT; keeps the file's mode
    printf '%s\n' "$2" >"$1.new"
    [ ! -e "$1" ] || chmod --reference="$1" "$1.new"
    mv -f "$1.new" "$1"
}

# reload_docker: a running dockerd reads daemon.json again; containers go on as they are.
reload_docker() {
    local pid
    pid=$(cat /run/docker.pid 2>/dev/null) || return 0
    kill -HUP "$pid" 2>/dev/null || true
}
