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
        # run and test may be started at once. The lock is that of the open file, so that it is
        # gone when this process is, and what it holds open closes with the parentheses.
        (
            "$python" -c "$lock"
            if [ ! -e "$stamp" ]; then
                echo "Setting up .venv with $python (once)" >&2
                # A set-up that was interrupted starts anew: the stamp comes last.
                "$python" -m venv --clear .venv
                install --editable .
                # As pip does for what it copies: where Python may not write, each run would
                # compile anew.
                .venv/bin/python -m compileall -q migrate
                touch "$stamp"
            fi
            if [ ! -e "$stamp$1" ]; then
                # By its name: what is installed already is left alone, as somebody may run it.
                install "migrate-ascend$1"
                touch "$stamp$1"
            fi
        ) 9>.venv.lock
    fi
}

lock='
import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Waiting for another set-up of .venv to end", file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)
except OSError:
    pass  # A file system without locks: as if nobody else were there.
'

install() {
    # Twice quiet: errors, but no warnings of indexes that somebody's configuration names.
    .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check \
        --constraint constraints.txt "$@" >&2 || {
        echo "Setting up .venv failed: pip says why above. Without a network, name an index" >&2
        echo "  that you can reach (PIP_INDEX_URL) or a folder of wheels (PIP_FIND_LINKS)." >&2
        exit 1
    }
}
