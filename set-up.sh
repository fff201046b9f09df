#!/usr/bin/env bash
# Makes everything that Fengsui needs to run or to be tested from this folder, and says what it does and why.
# A step whose inputs have not changed since it last succeeded is skipped in silence.
# Usage: ./set-up.sh demo | develop | fuzz | training | front-end-types
# (fuzz, training: develop, and the fuzzer, or what trains a detector, which the tests do not need)
set -euo pipefail
cd "$(dirname "$0")"

readonly VENV=.venv
readonly STAMPS=$VENV/.stamps
readonly OLDEST_NODE=20.19
readonly APPS=(hub/portal appliance/panel)

say() { printf 'set-up: %s\n' "$*"; }
refuse() {
    printf 'set-up: %s\n' "$*" >&2
    exit 2
}

digest() { sha256sum -- "$@" | sha256sum | cut -c1-32; }
is_current() { [ -f "$STAMPS/$1" ] && [ "$(< "$STAMPS/$1")" = "$2" ]; }
stamp() { printf '%s\n' "$2" > "$STAMPS/$1"; }

# --- Debian packages -------------------------------------------------------------------------------------------

missing_packages() { # LEVEL: print the packages of that level whose proof is not there
    local level package proof _
    while read -r level package proof _; do
        case $level in '' | '#'*) continue ;; esac
        [ "$level" = develop ] && [ "$1" = demo ] && continue
        [ "$proof" = - ] || [ -e "$proof" ] || printf '%s\n' "$package"
    done < requirements/debian.txt
}

install_packages() { # PACKAGE ...
    local as_root=()
    command -v apt-get > /dev/null || refuse "needs the programs of these Debian packages, and this is no Debian: $*"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo > /dev/null || refuse "needs Debian packages; as root run: apt-get install $*"
        as_root=(sudo)
    fi
    say "installing Debian packages with ${as_root[*]:+sudo }apt-get: $* (requirements/debian.txt says why)"
    {
        "${as_root[@]}" apt-get -q update
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$@"
    } > "$STAMPS/apt.log" 2>&1 || {
        tail -n 20 "$STAMPS/apt.log" >&2
        refuse "apt-get could not install: $* (all it said: $STAMPS/apt.log)"
    }
}

debian_packages() { # LEVEL
    local missing
    mapfile -t missing < <(missing_packages "$1")
    [ "${#missing[@]}" -gt 0 ] || return 0
    install_packages "${missing[@]}"
    say "where Debian starts services of these packages, Fengsui uses none of them: it starts its own"
}

# --- Python ----------------------------------------------------------------------------------------------------

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; }

find_python() { # print the first Python of at least 3.11
    local candidate
    for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13}; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    refuse "needs Python 3.11 or newer; install it, or name it: make PYTHON=/path/to/python3.11"
}

virtual_environment() {
    local python
    if [ -x $VENV/bin/pip ] && is_new_enough $VENV/bin/python; then return; fi
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2> /dev/null || install_packages python3-venv
    say "making the virtual environment $VENV with $python: the product's names are its own in there"
    "$python" -m venv $VENV || refuse "$python cannot make a virtual environment"
    find $STAMPS -type f ! -name lock ! -name apt.log -delete
}

run_pip() { # ARGUMENT ...: pip install them
    $VENV/bin/python -m pip install --quiet --disable-pip-version-check "$@" > $STAMPS/pip.log 2>&1 || {
        tail -n 20 $STAMPS/pip.log >&2
        refuse "pip could not install $*; is the package index reachable? (all it said: $STAMPS/pip.log)"
    }
}

install_hashed() { # FILE WHY: install requirements/FILE.txt, every archive checked against its hash
    local now
    now=$(digest "requirements/$1.txt")
    is_current "python-$1" "$now" && return
    say "installing $2 (requirements/$1.txt)"
    run_pip --require-hashes -r "requirements/$1.txt"
    stamp "python-$1" "$now"
}

fengsui_itself() {
    local now
    now=$(digest pyproject.toml)
    is_current fengsui "$now" && [ -x $VENV/bin/fengsui ] && return
    install_hashed build "what builds the distribution"
    say "installing fengsui itself, in place"
    run_pip --no-deps --no-build-isolation --editable .
    stamp fengsui "$now"
}

python_packages() { # LEVEL
    if [ "$1" != demo ]; then
        install_hashed dev "what Fengsui and its tests import"
    elif ! is_current python-dev "$(digest requirements/dev.txt)"; then # which holds all of cpu.txt
        install_hashed cpu "what Fengsui imports"
    fi
    fengsui_itself
    [ "$1" != fuzz ] || install_hashed fuzz "what drives the fuzz targets"
    [ "$1" != training ] || install_hashed training "what trains a detector"
}

# --- Front end -------------------------------------------------------------------------------------------------

has_node() { # FOLDER: is there a Node of at least the oldest that we take, with its npm?
    [ -x "$1/npm" ] && "$1/node" -e '
        const [have, oldest] = [process.versions.node, process.argv[1]].map((version) => version.split(".").map(Number));
        process.exit((have[0] - oldest[0] || have[1] - oldest[1]) < 0 ? 1 : 0);' $OLDEST_NODE 2> /dev/null
}

node_on_path() { # put a fit Node first on the path
    local system
    system=$(dirname "$(command -v node || echo /nowhere/node)")
    has_node "$system" && return
    has_node $VENV/bin || install_hashed node "Node into $VENV, as the system has none of at least $OLDEST_NODE"
    has_node $VENV/bin || refuse "needs Node $OLDEST_NODE or newer; install it, or mend requirements/node.txt"
    PATH=$PWD/$VENV/bin:$PATH
}

front_end_digest() { front_end_sources | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-32; }

front_end_sources() { # the files that the pages are built from, each ended by a zero byte
    find . -maxdepth 1 -type f \( -name 'package*.json' -o -name '*.ts' -o -name .npmrc \) -print0
    find federation/webkit hub/portal/ui appliance/panel/ui -type f \
        ! -path '*/node_modules/*' ! -path '*/dist/*' ! -name '*.tsbuildinfo' -print0
}

apps() { # print the folders of the applications that have a front end
    local app
    for app in "${APPS[@]}"; do
        [ ! -f "$app/ui/src/main.ts" ] || printf '%s\n' "$app"
    done
}

pages_are_there() {
    local app
    for app in $(apps); do
        [ -f "$app/static/index.html" ] || return 1
    done
}

front_end() {
    local now wanted app log=$STAMPS/npm.log
    [ -f package.json ] || return 0
    now=$(front_end_digest)
    is_current front-end "$now" && [ -d node_modules ] && pages_are_there && return
    node_on_path
    wanted=$(digest package-lock.json)
    if ! is_current node-modules "$wanted" || [ ! -d node_modules ]; then
        say "installing what the portal and the panel are built with (package-lock.json)"
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error > $log 2>&1 \
            || { tail -n 20 $log >&2; refuse "npm could not install package-lock.json; is the package index reachable?"; }
        stamp node-modules "$wanted"
    fi
    for app in $(apps); do
        say "building $app, as sources of the front end are new"
        npm run build --workspace "$app/ui" > $log 2>&1 || { tail -n 30 $log >&2; refuse "$app does not build ($log)"; }
    done
    pages_are_there || refuse "the build left no index.html for one of: $(apps) ($log)"
    stamp front-end "$now"
}

front_end_types() { # check them, unless the sources are those that passed last
    local now
    now=$(front_end_digest)
    is_current front-end-types "$now" && return
    node_on_path
    npm run --silent check || exit 1
    stamp front-end-types "$now"
}

# ---------------------------------------------------------------------------------------------------------------

main() {
    case ${1:-} in
        demo | develop | fuzz | training) ;;
        front-end-types)
            front_end_types
            return
            ;;
        *) refuse "which level? ./set-up.sh demo | develop | fuzz | training | front-end-types" ;;
    esac
    mkdir -p $STAMPS
    exec 9> $STAMPS/lock
    flock 9 # two makes at once would install into each other's feet
    debian_packages "$1"
    virtual_environment
    python_packages "$1"
    front_end
}

main "$@"
