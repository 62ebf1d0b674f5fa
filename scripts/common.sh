# shellcheck shell=bash
# common.sh: what several scripts share. To be sourced in the project's root directory.

# quietly LOG COMMAND...: runs the command without input and shows its output only when it fails.
quietly() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        cat "$log"
        return 1
    fi
}

# build PRESET TARGET [cmake option]...: configures and builds build/PRESET.
build() {
    local preset=$1 target=$2
    shift 2
    quietly "build/log/$preset-configure" cmake --preset "$preset" "$@" &&
        quietly "build/log/$preset-build" cmake --build "build/$preset" --target "$target" -- --quiet -k 0
}

# first_command NAME...: prints the first name that is a command here.
first_command() {
    local name
    for name in "$@"; do
        if command -v "$name" >/dev/null; then
            echo "$name"
            return
        fi
    done
    return 1
}

# clang 14 is the one the fuzz preset and Debian 12 name; the others are those of newer systems.
find_clang() {
    first_command clang-14 clang-18 clang-19 clang
}

find_chromium() {
    first_command chromium chromium-browser google-chrome
}

find_firefox() {
    first_command firefox-esr firefox
}
