# Optional packages from PyPI (docker/run --with NAME, docker/requirements-NAME.txt): a virtual
# environment in the user's own cache that sees everything of the environment and adds to it.
# Part of docker/run.
# shellcheck shell=bash

requirements() {
    local name
    for name in $WHEELS; do
        sed -e 's/[[:space:]]*#.*//' -e '/^$/d' "$HERE/requirements-$name.txt"
    done
}

# Where the chosen packages are, or will be.
read_wheels() {
    local base=$KEY names
    [ "$ENGINE" != native ] || base=$REASON
    names=${WHEELS# }
    WHEEL_FOLDER=$PERSONAL/with/${names// /+}-$(printf '%s\n' "$base" "$(requirements)" | digest)
}

prepare_wheels() {
    local log=$WHEEL_FOLDER.log
    [ ! -f "$WHEEL_FOLDER/complete" ] || return 0
    mkdir -p "$PERSONAL/with"
    exec 8>"$WHEEL_FOLDER.lock"
    if have flock && ! flock -n 8; then
        say "another docker/run is installing$WHEELS; waiting for it"
        flock 8
    fi
    if [ ! -f "$WHEEL_FOLDER/complete" ]; then
        say "installing$WHEELS with pip (once)"
        rm -rf "$WHEEL_FOLDER"
        requirements >"$WHEEL_FOLDER.txt"
        inside bash "$HERE/lib/venv.sh" "$WHEEL_FOLDER" >"$log" 2>&1 || {
            rm -rf "$WHEEL_FOLDER"
            fail "pip could not install$WHEELS: $( (grep -i error "$log" || cat "$log") | tail -1) (log: $log)"
        }
        touch "$WHEEL_FOLDER/complete"
    fi
    exec 8>&-
}
