# Which engine to use, and how each enters its environment (rootfs: see rootfs.sh).
# Part of docker/run.
# shellcheck shell=bash
# shellcheck disable=SC2153  # variables are shared with the other parts
# A probe_NAME sets REASON and succeeds when the engine can be used here.

choose_engine() {
    local engine
    if [ -n "$ENGINE" ]; then
        "probe_$ENGINE" || fail "$ENGINE cannot be used here: $REASON"
        return
    fi
    for engine in $ENGINES; do
        if "probe_$engine"; then
            ENGINE=$engine
            return
        fi
        [ "$engine" != rootfs ] || fail "no environment for pbte on this machine: $REASON"
    done
}

show_status() {
    local engine verdict used="" wanted=$ENGINE
    printf '%-12s %s\n' checkout "$CHECKOUT" environment "$KEY ($LISTS)"
    for engine in $ENGINES; do
        ENGINE=$engine
        if "probe_$engine"; then verdict=yes; else verdict=no; fi
        if [ -z "$used" ] && [ "${wanted:-$engine}" = "$engine" ] && [ $verdict = yes ]; then
            used=$engine
        fi
        printf '%-12s %-4s %s\n' "$engine" $verdict "$REASON"
    done
    printf '%-12s %s\n' "used" "${used:-none}"
    [ -n "$used" ]
}

# --- native: this Python already has a supported DOLFINx ----------------------------------------

probe_native() {
    if [ -n "${PBTE_ENVIRONMENT:-}" ]; then
        local suite_and_lists=${PBTE_ENVIRONMENT#* }
        if [ "${SUITE_ASKED:-${suite_and_lists%% *}}" = "${suite_and_lists%% *}" ] &&
            [[ "$suite_and_lists " == *" $LISTS "* ]]; then
            REASON="already inside the environment ($PBTE_ENVIRONMENT)"
            return 0
        fi
        REASON="inside another environment ($PBTE_ENVIRONMENT)"
        return 1
    elif [ "$ENGINE" != native ] && [ -n "$SUITE_ASKED" ]; then
        REASON="passed over, since --suite asks for Debian $SUITE"
        return 1
    elif [ "$ENGINE" != native ] && [ "$LISTS" != packages.txt ]; then
        REASON="passed over, since --with asks for more Debian packages"
        return 1
    elif ! have python3; then
        REASON="there is no python3"
        return 1
    fi
    prepare_personal_cache
    REASON=$(python3 "$HERE/lib/native.py" "$PERSONAL/native" 2>&1 | tail -n 1)
}

prepare_native() { :; }

# --- docker and podman --------------------------------------------------------------------------

probe_docker() { probe_daemon docker; }
probe_podman() { probe_daemon podman; }

probe_daemon() {
    if ! have "$1"; then
        REASON="not installed"
        return 1
    elif ! timeout 10 "$1" info >/dev/null 2>&1; then
        REASON="'$1 info' gets no answer: its service does not run, or you may not use it"
        return 1
    fi
    REASON="$(command -v "$1") answers"
}

prepare_docker() { prepare_image docker; }
prepare_podman() { prepare_image podman; }

prepare_image() {
    "$1" image inspect "pbte:$KEY" >/dev/null 2>&1 && return
    say "building the image pbte:$KEY with $1 (once; a few minutes, 4 GB)"
    "$1" build --file "$HERE/Dockerfile" --tag "pbte:$KEY" --build-arg "SUITE=$SUITE" \
        --build-arg "LISTS=$LISTS" "$CHECKOUT" >&2 ||
        fail "$1 could not build the image (its messages are above)"
}

enter_daemon() {
    local engine=$1 args=(run --rm --init --interactive --shm-size 2g) folder name
    shift
    if [ -t 0 ] && [ -t 1 ]; then args+=(--tty); fi
    args+=(--user "$(id -u):$(id -g)")
    if [ "$engine" = podman ] && ! is_root; then args+=(--userns keep-id); fi
    for folder in "$CHECKOUT" "$PERSONAL" "$PERSONAL_HOME" "$PWD" /tmp; do
        args+=(--volume "$folder:$folder")
    done
    folder=$(dirname "$CHECKOUT")/shared
    if [ -d "$folder" ]; then args+=(--volume "$folder:$folder:ro"); fi
    for name in http_proxy https_proxy no_proxy OMP_NUM_THREADS OPENBLAS_NUM_THREADS TERM CI; do
        if [ -n "${!name:-}" ]; then args+=(--env "$name"); fi
    done
    exec "$engine" "${args[@]}" --workdir "$PWD" "pbte:$KEY" "${LAUNCH[@]}" "$@"
}

# --- apptainer, or singularity under its older name ----------------------------------------------

probe_apptainer() { probe_command apptainer; }
probe_singularity() { probe_command singularity; }

probe_command() {
    REASON="not installed"
    have "$1" || return 1
    REASON=$(command -v "$1")
}

prepare_apptainer() {
    prepare_personal_cache
    local store partial
    while IFS= read -r store; do
        IMAGE=$store/$KEY.sif
        [ ! -f "$IMAGE" ] || return 0
    done < <(stores)
    partial=$IMAGE.partial.$$ store=${IMAGE%/*}
    mkdir -p "$store" || fail "cannot write $store; set PBTE_CACHE to a folder that you can write"
    say "building $IMAGE with $ENGINE (once; a few minutes)"
    (cd "$CHECKOUT" && "$ENGINE" build --build-arg "suite=$SUITE" --build-arg "lists=$LISTS" \
        "$partial" docker/apptainer.def >&2) || {
        rm -f "$partial"
        fail "$ENGINE could not build the image (its messages are above)"
    }
    mv "$partial" "$IMAGE"
}

enter_apptainer() {
    local engine=$1 args=(exec) folder
    shift
    for folder in "$CHECKOUT" "$PERSONAL" "$PWD"; do args+=(--bind "$folder"); done
    folder=$(dirname "$CHECKOUT")/shared
    if [ -d "$folder" ]; then args+=(--bind "$folder:$folder:ro"); fi
    exec "$engine" "${args[@]}" --pwd "$PWD" "$IMAGE" "${LAUNCH[@]}" "$@"
}

# --- all together -------------------------------------------------------------------------------

enter() {
    case $ENGINE in
        native) exec "${LAUNCH[@]}" "$@" ;;
        docker | podman) enter_daemon "$ENGINE" "$@" ;;
        apptainer | singularity) enter_apptainer "$ENGINE" "$@" ;;
        rootfs) enter_rootfs "${LAUNCH[@]}" "$@" ;;
    esac
}

# Run a step of docker/run itself inside the environment, with its output in a log.
inside() { (enter "$@") </dev/null; }
