# shellcheck shell=bash
# Completion of picoshare's command line for bash: commands, options and their values, as the
# program itself names them with -help.

_picoshare() {
    local word=$2 before=$3 command='' flags
    COMPREPLY=()
    case $before in
    -db | -shared-secret-file | -secret-file | -o | --db | --shared-secret-file | --secret-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames 2>/dev/null
        return
        ;;
    -user | --user)
        mapfile -t COMPREPLY < <(compgen -u -- "$word")
        return
        ;;
    esac
    case ${COMP_WORDS[1]} in
    backup | check | convert | download | health | restore | upload) [ "$COMP_CWORD" -lt 2 ] || command=${COMP_WORDS[1]} ;;
    esac
    if [[ $word == -* ]]; then
        # "  -name VALUE  what it means"
        flags=$("${COMP_WORDS[0]}" $command -help 2>/dev/null | sed -n 's/^  \(-[a-z-]*\).*/\1/p')
        if [[ $word == --* ]]; then flags=$(sed 's/^/-/' <<<"$flags"); fi
        mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
    elif [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "backup check convert download health restore upload" -- "$word")
    elif [[ $command =~ ^(backup|check|restore|upload)$ ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames 2>/dev/null
    fi
}
complete -F _picoshare picoshare
