# Messages, names of cached things, and the environment variables that every engine sets.
# Part of docker/run.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153  # variables are shared with docker/run and the other parts

RECIPE=1 # raise when the way of building a root file system changes
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt # inside Debian
ENGINES="native docker podman apptainer singularity rootfs"

say() { printf 'docker/run: %s\n' "$*" >&2; }

# Wrong use of docker/run itself.
refuse() {
    say "$*"
    exit 2
}

# The environment cannot be provided.
fail() {
    say "$*"
    exit 125
}

# Ordinary users find the administrator's programs as well.
have() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }

is_root() { [ "$(id -u)" = 0 ]; }

digest() { { sha256sum 2>/dev/null || shasum -a 256; } | cut -c1-12; }

# Debian packages of the lists in docker/ given, one a line, without comments.
packages() {
    local list
    for list in "$@"; do
        sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$HERE/$list"
    done
}

# shellcheck disable=SC2086  # LISTS holds several names
key() { printf '%s\n' "$RECIPE" "$SUITE" "$(uname -m)" "$(packages $LISTS)" | digest; }

extra_names() {
    local file name names=""
    for file in "$HERE"/packages-*.txt "$HERE"/requirements-*.txt; do
        [ -f "$file" ] || continue
        name=${file##*/}
        name=${name#*-}
        names="$names${names:+, }${name%.txt}"
    done
    printf '%s' "$names"
}

# A folder of this user's own for compiled kernels, optional packages and other caches.
prepare_personal_cache() {
    local place
    for place in ${PBTE_CACHE:+"$PBTE_CACHE/user-$(id -u)"} \
        "${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/pbte" "${TMPDIR:-/tmp}/pbte-$(id -u)"; do
        if (umask 077 && mkdir -p "$place") 2>/dev/null && [ -O "$place" ] && [ -w "$place" ]; then
            PERSONAL=$(cd -P "$place" && pwd)
            break
        fi
    done
    [ -n "${PERSONAL:-}" ] ||
        fail "no writable place for caches: set XDG_CACHE_HOME to a folder that you can write"
    PERSONAL_HOME=${HOME:-}
    if [ ! -d "$PERSONAL_HOME" ] || [ ! -w "$PERSONAL_HOME" ]; then
        PERSONAL_HOME=$PERSONAL/home
        mkdir -p "$PERSONAL_HOME"
    fi
}

# LAUNCH: the `env` call that starts the command inside, the same for every engine.
read_environment() {
    local unset=() vars=() bin="$CHECKOUT/docker/bin" name
    [ -z "$WHEELS" ] || read_wheels
    [ -z "$WHEELS" ] || bin="$WHEEL_FOLDER/bin:$bin"
    if is_root; then
        vars+=(OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
    fi
    if [ "$ENGINE" = native ]; then
        vars+=("PATH=$bin:$PATH" "PYTHONPATH=$CHECKOUT${PYTHONPATH:+:$PYTHONPATH}")
        LAUNCH=(env "${vars[@]}")
        return
    fi
    for name in LD_LIBRARY_PATH LD_PRELOAD PYTHONHOME PYTHONSTARTUP VIRTUAL_ENV CONDA_PREFIX \
        PETSC_DIR PETSC_ARCH SLEPC_DIR XDG_RUNTIME_DIR LC_ALL LANGUAGE; do
        unset+=(-u "$name")
    done
    vars+=("PBTE_ENVIRONMENT=$ENGINE $SUITE $LISTS"
        "PATH=$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        "PYTHONPATH=$CHECKOUT" PYTHONNOUSERSITE=1 "PYTHONPYCACHEPREFIX=$PERSONAL/pycache"
        "HOME=$PERSONAL_HOME" LANG=C.UTF-8 "XDG_CACHE_HOME=$PERSONAL/cache"
        "NUMBA_CACHE_DIR=$PERSONAL/numba" "MPLCONFIGDIR=$PERSONAL/matplotlib"
        "MYPY_CACHE_DIR=$PERSONAL/mypy" "RUFF_CACHE_DIR=$PERSONAL/ruff"
        "PIP_CERT=$CERTIFICATES" "SSL_CERT_FILE=$CERTIFICATES"
        "PYTEST_ADDOPTS=${PYTEST_ADDOPTS:+$PYTEST_ADDOPTS }-o 'cache_dir=$PERSONAL/pytest'")
    case $ENGINE-$SUITE in # a cluster's own network and placement are left alone
        apptainer-* | singularity-*) ;;
        *-trixie) vars+=("OMPI_MCA_btl=self,sm" PRTE_MCA_hwloc_default_binding_policy=none
            PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe) ;;
        *) vars+=("OMPI_MCA_btl=self,sm" PRTE_MCA_bindto=none PRTE_MCA_mapby=:oversubscribe) ;;
    esac
    LAUNCH=(env "${unset[@]}" "${vars[@]}")
}
