#!/usr/bin/env bash
# One step of building a root file system in the folder PARTIAL: base, index, packages or finish.
# build.sh runs it as root of its own mount and process namespaces; progress goes to descriptor 3.
set -euo pipefail

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
APT=(apt-get -o Acquire::Retries=3 -o Acquire::Languages=none -o APT::Sandbox::User=root
    -o Dpkg::Use-Pty=0 -o APT::Status-Fd=3 -o Acquire::https::CaInfo=/run/certificates.crt)

# shellcheck disable=SC2206  # one option and its value after another
APT+=($SETTINGS)

# Run inside the unfinished root file system.
inside() {
    local args=(--bind "$PARTIAL" / --dev /dev --proc /proc --tmpfs /tmp --tmpfs /run
        --ro-bind-try "$(readlink -f /etc/resolv.conf)" /etc/resolv.conf
        --setenv PATH /usr/sbin:/usr/bin:/sbin:/bin --setenv DEBIAN_FRONTEND noninteractive
        --setenv LC_ALL C.UTF-8 --setenv HOME /root --unsetenv LD_PRELOAD --unsetenv LD_LIBRARY_PATH
        --unsetenv PYTHONPATH --unsetenv PYTHONHOME --chdir /)
    if [ -n "$BUNDLE" ]; then args+=(--ro-bind "$BUNDLE" /run/certificates.crt); fi
    bwrap "${args[@]}" "$@"
}

make_base() {
    local options=(--variant=minbase --include=ca-certificates)
    if [ -f "$KEYRING" ]; then options+=("--keyring=$KEYRING"); fi
    mkdir "$PARTIAL"
    chmod 755 "$PARTIAL"
    # in a user namespace devices cannot be made: debootstrap knows that of Linux containers
    if ! mknod "$PARTIAL/null" c 1 3 2>/dev/null; then export container=lxc; fi
    rm -f "$PARTIAL/null"
    debootstrap "${options[@]}" "$SUITE" "$PARTIAL" "$MIRROR"
    # no manual pages, no waiting for the disk, no services started
    cat >"$PARTIAL/etc/dpkg/dpkg.cfg.d/pbte" <<'CONF'
force-unsafe-io
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
CONF
    printf '#!/bin/sh\nexit 101\n' >"$PARTIAL/usr/sbin/policy-rc.d"
    chmod +x "$PARTIAL/usr/sbin/policy-rc.d"
    # files of the host are shown in these places later
    rm -f "$PARTIAL/etc/resolv.conf"
    touch "$PARTIAL/etc/resolv.conf" "$PARTIAL/etc/pip.conf"
}

finish() {
    inside python3 -c 'import dolfinx, gmsh, meshio, numba, h5py, pydantic, typer'
    inside sh -c 'apt-get clean && rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d'
}

step=$1
shift
case $step in
    base) make_base ;;
    index) inside "${APT[@]}" update ;;
    packages) inside "${APT[@]}" install -y --no-install-recommends "$@" ;;
    finish) finish ;;
esac
