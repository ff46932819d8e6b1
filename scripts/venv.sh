#!/bin/sh
# Usage: scripts/venv.sh FOLDER LOCK PYTHON...
# Makes FOLDER a virtual environment that holds exactly what tests/requirements/LOCK.txt pins, on the first PYTHON (such as
# 3.12) that this machine really has. Does nothing when FOLDER is current. Every folder but .venv needs .venv's uv first.
set -eu
cd "$(dirname "$0")/.."
folder=$1 lock=tests/requirements/$2.txt
shift 2

# A pyenv shim answers to every version's name and then fails, so a candidate counts only once it has run.
real_python() {
    for version in "$@"; do
        for candidate in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/"python$version" "$(command -v "python$version" || true)"; do
            if [ -n "$candidate" ] && "$candidate" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
                echo "$candidate"
                return
            fi
        done
    done
    echo "No working Python $* (with venv) was found in ~/.pyenv/versions or PATH: install one and run this again." >&2
    exit 1
}

# Imports and Ansible's plugin loader find this checkout as ansible_collections.stalwart.mail.
mkdir -p .cache/tree/ansible_collections/stalwart
[ -L .cache/tree/ansible_collections/stalwart/mail ] || ln -s ../../../.. .cache/tree/ansible_collections/stalwart/mail

wanted=$(cat "$0" tests/requirements/uv.txt "$lock" | cksum)
if [ -x "$folder/bin/python" ] && [ "$(cat "$folder/.current" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

python=$(real_python "$@")
echo "Making $folder from $lock with $python"
if [ "$folder" = .venv ]; then
    "$folder/bin/uv" --version >/dev/null 2>&1 || {
        "$python" -m venv --clear "$folder"
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r tests/requirements/uv.txt
    }
else
    "$python" -m venv --clear --without-pip "$folder"
fi
# Compiled at once: where Python may not write bytecode, each run of Ansible would compile what it imports for a second.
.venv/bin/uv pip sync --quiet --compile-bytecode --python "$folder/bin/python" --require-hashes "$lock"
echo "$wanted" >"$folder/.current"
