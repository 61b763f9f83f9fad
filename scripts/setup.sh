# Sourced by run and test: makes .venv, once per set of requirements. Nothing else is installed.
# Usage: setup EXTRAS, where EXTRAS is empty or [dev].

find_python() {
    for python in python3 python3.13 python3.12 python3.11 python3.10; do
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' \
            >/dev/null 2>&1; then
            command -v "$python"
            return
        fi
    done
    echo "Python 3.10 or newer, with venv, is needed." >&2
    echo "  Debian or Ubuntu: apt install python3 python3-venv; or pyenv install 3.11" >&2
    exit 2
}

setup() {
    command -v git >/dev/null || {
        echo "git is needed. Debian or Ubuntu: apt install git" >&2
        exit 2
    }
    stamp=.venv/requirements-$(cat pyproject.toml constraints.txt scripts/setup.sh | cksum | tr ' ' -)
    if [ ! -e "$stamp$1" ]; then
        python=$(find_python)
        echo "Setting up .venv with $python (once)" >&2
        # A set-up that was interrupted starts anew: the stamp comes last.
        "$python" -m venv --clear .venv
        # Twice quiet: errors, but no warnings of indexes that somebody's configuration names.
        .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check \
            --constraint constraints.txt --editable ".$1" >&2 || {
            echo "Setting up .venv failed: pip says why above. Without a network, name an index" >&2
            echo "  that you can reach (PIP_INDEX_URL) or a folder of wheels (PIP_FIND_LINKS)." >&2
            exit 1
        }
        # As pip does for what it copies: where Python may not write, each run would compile anew.
        .venv/bin/python -m compileall -q migrate
        touch "$stamp"
        [ -z "$1" ] || touch "$stamp$1"
    fi
}
