# A Debian root file system, entered with bubblewrap: for machines without a container engine.
# How it is built: build.sh. Part of docker/run.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153  # variables are shared with the other parts

SHARED_STORE=/var/cache/pbte

# Where finished root file systems are looked for; the last one is where this user would build.
stores() {
    if [ -n "${PBTE_CACHE:-}" ]; then
        printf '%s\n' "$PBTE_CACHE"
        return
    fi
    printf '%s\n' $SHARED_STORE
    is_root || printf '%s\n' "${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/pbte"
}

# ROOTFS: the finished root file system, if there is one.
find_rootfs() {
    local store
    while IFS= read -r store; do
        ROOTFS=$store/$KEY
        [ ! -d "$ROOTFS" ] || return 0
    done < <(stores)
    return 1
}

probe_rootfs() {
    if [ "$(uname -s)" != Linux ]; then
        REASON="needs Linux; install Docker or Podman"
    elif [ -n "${PBTE_ENVIRONMENT:-}" ]; then
        REASON="cannot be entered from inside another environment ($PBTE_ENVIRONMENT)"
    elif have bwrap && ! bwrap --ro-bind / / true 2>/dev/null; then
        REASON="bubblewrap may not make namespaces ($(bwrap --ro-bind / / true 2>&1 | tail -1));"
        REASON="$REASON on Debian 13, install the packages of docker/packages.txt instead"
    elif find_rootfs && have bwrap; then
        REASON=$ROOTFS
        return 0
    elif can_be_root || { have bwrap && have debootstrap && can_map_users; }; then
        REASON="to be built under $(build_store) on first use"
        if find_rootfs; then REASON="$ROOTFS, once bubblewrap is installed"; fi
        return 0
    elif find_rootfs; then
        REASON="bubblewrap is missing: ask for 'apt-get install bubblewrap'"
    else
        REASON="building it needs root or sudo once ('sudo docker/run --build'), or the packages"
        REASON="$REASON bubblewrap, debootstrap and uidmap; docker, podman and apptainer do as well"
    fi
    return 1
}

can_be_root() {
    is_root || { have sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }
}

# May this user make files of several owners, in a user namespace?
can_map_users() { unshare --user --map-root-user --map-auto true 2>/dev/null; }

build_store() {
    if [ -z "${PBTE_CACHE:-}" ] && can_be_root; then
        printf '%s' $SHARED_STORE
    else
        stores | tail -1
    fi
}

prepare_rootfs() {
    have bwrap && find_rootfs && return
    if is_root; then
        install_tools
        build_rootfs
    elif can_be_root; then
        say "root is needed once to prepare the environment: calling sudo"
        # shellcheck disable=SC2046  # one option a list
        sudo env ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
            ${PBTE_CACHE:+"PBTE_CACHE=$PBTE_CACHE"} ${PBTE_MIRROR:+"PBTE_MIRROR=$PBTE_MIRROR"} \
            "$HERE/run" --engine rootfs --suite "$SUITE" $(list_options) --build || exit 125
    else
        build_rootfs
    fi
    find_rootfs || fail "$KEY was built, but is not under $(stores | tr '\n' ' ')"
}

list_options() {
    local list
    for list in $LISTS; do
        [ "$list" = packages.txt ] || printf -- '--with %s ' "$(basename "${list#packages-}" .txt)"
    done
}

install_tools() {
    local missing=() log=${TMPDIR:-/tmp}/pbte-tools.$$.log
    have bwrap || missing+=(bubblewrap)
    have debootstrap || missing+=(debootstrap)
    [ -f /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
    [ ${#missing[@]} -gt 0 ] || return 0
    have apt-get || fail "missing: ${missing[*]}; install them with this system's package manager"
    say "installing ${missing[*]} with apt-get"
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${missing[@]}"; } </dev/null >"$log" 2>&1; then
        fail "apt-get could not install ${missing[*]}: $(blame "$log") (log: $log)"
    fi
    rm -f "$log"
}

# --- entering -----------------------------------------------------------------------------------

# What the command sees: the system folders of the root file system, everything else of the host.
# The root itself is a new tmpfs, so that any folder of the host can be shown at its own place.
read_mounts() {
    local entry name link bundle
    MOUNTS=(--dev-bind /dev /dev --proc /proc --ro-bind /sys /sys --tmpfs /run
        --ro-bind "$ROOTFS/usr" /usr --tmpfs /usr/local --ro-bind "$ROOTFS/etc" /etc --dir /var/lib
        --dir /var/cache --dir /root)
    for entry in "$ROOTFS"/{bin,lib,lib32,lib64,libx32,sbin}; do
        if [ -L "$entry" ]; then MOUNTS+=(--symlink "$(readlink "$entry")" "/${entry##*/}"); fi
    done
    for entry in "$ROOTFS"/var/{lib,cache}/*; do
        MOUNTS+=(--ro-bind "$entry" "${entry#"$ROOTFS"}")
    done
    for entry in /* /var/tmp; do
        name=${entry#/}
        case $name in
            bin | boot | dev | etc | lib* | lost+found | proc | root | run | sbin | sys | usr | \
                var) ;;
            *)
                if [ -L "$entry" ] && link=$(readlink "$entry"); then
                    MOUNTS+=(--symlink "$link" "$entry")
                elif [ -d "$entry" ] && [ -r "$entry" ]; then
                    MOUNTS+=(--bind "$entry" "$entry")
                fi
                ;;
        esac
    done
    for name in passwd group hosts resolv.conf pip.conf; do
        entry=$(readlink -f "/etc/$name") || continue
        if [ -f "$entry" ] && [ -f "$ROOTFS/etc/$name" ]; then
            MOUNTS+=(--ro-bind "$entry" "/etc/$name")
        fi
    done
    bundle=$(host_certificates)
    if [ -n "$bundle" ]; then MOUNTS+=(--ro-bind "$bundle" "$CERTIFICATES"); fi
    entry=$(dirname "$CHECKOUT")/shared
    if [ -d "$entry" ]; then show "$entry" --ro-bind; fi
    for entry in "$CHECKOUT" "$PERSONAL" "$PERSONAL_HOME" "${TMPDIR:-/tmp}" "$WORKING"; do
        show "$entry" --bind
    done
}

# Mount a folder, unless it is visible already, or would hide the system of the environment.
show() {
    local folder
    folder=$(readlink -f "$1") || return 0
    case $folder in
        /var/tmp | /var/tmp/*) ;;
        /usr/local/* | /root | /root/* | /var/* | /run/* | /boot/*)
            [ ! -d "$folder" ] || MOUNTS+=("$2" "$folder" "$folder")
            ;;
    esac
}

enter_rootfs() {
    local child status=0
    WORKING=$(pwd -P)
    read_mounts
    shift # `env` itself, called here so that the command gets back what is ignored for bwrap
    # The bwrap process and this shell outlive an interruption from the terminal, which reaches the
    # command directly; signals sent to this shell alone are handed on.
    bwrap --die-with-parent "${MOUNTS[@]}" --chdir "$WORKING" -- \
        /usr/bin/env --default-signal=INT,QUIT "$@" <&0 9>&- 8>&- &
    child=$!
    trap '' INT QUIT
    trap 'hand_on TERM' TERM
    trap 'hand_on HUP' HUP
    SIGNALLED=""
    wait $child || status=$?
    while [ -n "$SIGNALLED" ]; do
        SIGNALLED="" status=0
        wait $child || status=$?
    done
    exit $status
}

hand_on() {
    local inner=""
    SIGNALLED=$1
    read -r inner _ 2>/dev/null <"/proc/$child/task/$child/children" || true
    if [ -n "$inner" ]; then kill -"$1" "$inner" 2>/dev/null || true; fi
}
