# Building, finding space for and removing Debian root file systems. Part of docker/run.
# shellcheck shell=bash
# shellcheck disable=SC2153  # variables are shared with the other parts
#
# A finished one is the folder STORE/KEY, readable by everyone and never changed. It is built under
# STORE/KEY.partial.PID by step.sh, in namespaces of its own that end with this process (nothing
# stays mounted or running, whatever happens), under the lock STORE/KEY.lock, and renamed when
# complete.

build_rootfs() {
    local store
    store=$(build_store)
    ! find_rootfs || return 0
    mkdir -p "$store" 2>/dev/null || true
    [ -w "$store" ] || fail "cannot write $store; set PBTE_CACHE to a folder that you can write"
    store=$(cd -P "$store" && pwd)
    chmod 755 "$store"
    ROOTFS=$store/$KEY LOG=$store/$KEY.log
    exec 9>"$store/$KEY.lock"
    if ! flock -n 9; then
        say "another docker/run is building $ROOTFS; waiting for it"
        flock 9
    fi
    if [ ! -d "$ROOTFS" ]; then
        remove_tree "$ROOTFS".partial.*
        check_space "$store"
        PARTIAL=$ROOTFS.partial.$$ STEP=""
        trap 'abandon "interrupted"' INT TERM HUP
        build_steps
        trap - INT TERM HUP
    fi
    exec 9>&-
}

build_steps() {
    local list
    export MIRROR BUNDLE SETTINGS SUITE PARTIAL
    MIRROR=$(find_mirror) BUNDLE=$(host_certificates) SETTINGS=$(apt_settings)
    say "preparing Debian $SUITE with the packages of $LISTS in $ROOTFS"
    say "(once; a few minutes, 4 GB; details in $LOG)"
    : >"$LOG"
    SECONDS=0
    run_step "base system" base
    run_step "package index" index
    for list in $LISTS; do # one after another, since a later one may replace packages of the first
        # shellcheck disable=SC2046  # one word a package
        run_step "$list" packages $(packages "$list")
    done
    run_step "check" finish
    mv -T "$PARTIAL" "$ROOTFS"
    say "ready after $SECONDS s"
}

# run_step TITLE STEP ARGUMENT…: in the background, so that an interruption is noticed at once, and
# in process and mount namespaces of its own, whose processes die with this one.
run_step() {
    local title=$1 users=() percent="" shown=0
    shift
    : >"$LOG.progress"
    if ! is_root; then users=(--user --map-root-user --map-auto); fi
    PATH=$PATH:/usr/sbin:/sbin setpriv --pdeathsig KILL \
        unshare "${users[@]}" --mount --pid --fork --kill-child --mount-proc \
        bash "$HERE/lib/step.sh" "$@" 3>"$LOG.progress" >>"$LOG" 2>&1 </dev/null &
    STEP=$!
    while kill -0 $STEP 2>/dev/null; do
        [ "$1" != packages ] || percent=$(overall "$(tail -n 1 "$LOG.progress")")
        if [ -t 2 ]; then
            printf '\rdocker/run: %4d s  %s %s\033[K' $SECONDS "$title" "${percent:+$percent %}" >&2
        elif [ "${percent:-0}" -ge $((shown + 20)) ]; then
            shown=$percent
            say "$SECONDS s  $title $percent %"
        fi
        sleep 0.5
    done
    [ ! -t 2 ] || printf '\r\033[K' >&2
    wait $STEP || abandon "failed at its $title: $(blame "$LOG")"
    STEP=""
    rm -f "$LOG.progress"
    say "$SECONDS s  $title done"
}

# Percent from a status line of apt (KIND:PACKAGE:PERCENT:TEXT), whose downloading and unpacking
# count from 0 to 100 each.
overall() {
    local percent=${1#*:*:}
    percent=${percent%%[.:]*}
    case $1 in
        dlstatus:*) printf '%d' $((percent / 2)) ;;
        pmstatus:*) printf '%d' $((50 + percent / 2)) ;;
    esac
}

abandon() {
    trap '' INT TERM HUP
    if [ -n "$STEP" ]; then
        kill -KILL "$STEP" 2>/dev/null || true
        wait "$STEP" 2>/dev/null || true
        sleep 0.5 # its namespace is being emptied
    fi
    remove_tree "$PARTIAL"
    rm -f "$LOG.progress"
    case $1 in
        interrupted)
            say "preparing the environment was interrupted; nothing is left of it"
            exit 130
            ;;
        *) fail "preparing the environment $1 (log: $LOG)" ;;
    esac
}

# The most helpful sentence about a log of debootstrap or apt-get.
blame() {
    local network="could not (resolve|connect)|failure resolving|network is unreachable|no route to"
    network="$network|timed out|failed getting release|unable to fetch|failed to fetch"
    network="$network|couldn't download"
    if grep -qiE 'no space left|not enough free space|disk quota' "$1"; then
        printf 'the disk is full'
    elif grep -q 'is expired' "$1"; then
        printf 'the Debian mirror is out of date, or the clock of this machine is wrong'
    elif grep -qiE "$network" "$1"; then
        printf 'the Debian mirror cannot be reached; check the network, http_proxy or PBTE_MIRROR'
    elif grep -qE 'unmet dependencies|held broken|Unable to satisfy|Unable to locate' "$1"; then
        printf 'Debian %s cannot install this list of packages now: %s' "$SUITE" \
            "$(grep -E 'Depends:|but it is not|Unable to' "$1" | head -1 | sed 's/^ *//')"
    else
        printf '%s' "$(tail -1 "$1")"
    fi
}

# Settings of this machine's own apt that say how mirrors are reached and trusted.
apt_settings() {
    have apt-config || return 0
    apt-config dump 2>/dev/null | sed -nE \
        's/^(Acquire::(Check-Valid-Until|Check-Date|https?::Proxy)) "(.+)";$/-o \1=\3/p'
}

check_space() {
    local need=5 free
    [ "$LISTS" = packages.txt ] || need=8
    free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free" -ge $need ] || fail "$1 has $free GB free, but the environment needs $need GB:" \
        "make room, or set PBTE_CACHE to a folder on another disk"
}

# The mirror that this machine uses itself, when it runs Debian.
find_mirror() {
    local mirror=${PBTE_MIRROR:-}
    if [ -z "$mirror" ] && grep -qs '^ID=debian' /etc/os-release; then
        mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null |
            sed -nE 's,^(deb|URIs:)[[:space:]](.*[[:space:]])?(https?://[^ ]*/debian)/?([[:space:]].*)?$,\3,p' |
            head -1) || true
    fi
    printf '%s' "${mirror:-http://deb.debian.org/debian}"
}

host_certificates() {
    local file
    for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt \
        /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem; do
        if [ -f "$file" ]; then
            readlink -f "$file"
            return
        fi
    done
}

# Files of several owners are removed by their owner: root, or this user in a namespace.
remove_tree() {
    local tree
    for tree in "$@"; do
        [ -d "$tree" ] || continue
        if is_root; then
            rm -rf --one-file-system "$tree"
        else
            rm -rf "$tree" 2>/dev/null || unshare --user --map-root-user --map-auto rm -rf "$tree"
        fi
    done
}

clean_rootfs() {
    local store tree
    while IFS= read -r store; do
        for tree in "$store"/{trixie,sid}-*; do
            case $tree in
                "$store/$KEY" | "$store/$KEY".*) continue ;;
                *.lock | *.log) continue ;;
            esac
            [ -e "$tree" ] || continue
            if [ ! -w "$store" ]; then
                say "cannot remove $tree: not yours"
                continue
            fi
            say "removing $tree"
            remove_one "$tree"
        done
    done < <(stores)
}

# Under the lock of its key, so that one being built is left alone.
remove_one() {
    local key=${1%%.partial.*} gone=$1
    exec 9>"${key%.sif}.lock"
    if ! flock -n 9; then
        say "left alone, being built: $1"
    elif [ -f "$1" ]; then
        rm -f "$1"
    else
        [[ "$1" == *.partial.* ]] || { gone=$1.partial.$$ && mv -T "$1" "$gone"; }
        remove_tree "$gone"
        rm -f "$key.log" "$key.log.progress"
    fi
    exec 9>&-
}

