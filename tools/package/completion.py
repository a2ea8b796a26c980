# Completion for bash, zsh and fish: static scripts, made of what the programs say of themselves.
# tools/package/: see documents.py.
from help_text import Command, Entry

# What a value is, by the word that stands for it or by the option's name.
FILES = ("FILE", "PATH")
FOLDERS = ("DIR",)
NAMED_FILES = ("--config", "--spawn", "--tls-certificate", "--tls-key", "--token-file")


def takes_files(entry: Entry):
    return entry.value in FILES or entry.longest in NAMED_FILES


def takes_folders(entry: Entry):
    return entry.value in FOLDERS or entry.longest == "--data-parent"


def words_of(command: Command):
    names = [n for entry in command.options for n in entry.names]
    return names + [c.path[-1] for c in command.subcommands]


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


# ---- bash ----

def bash_values(command: Command):
    for entry in command.options:
        if not entry.value:
            continue
        for name in entry.names:
            case = f'    "{command.name} {name}")'
            if entry.choices:
                yield f'{case} words="{" ".join(entry.choices)}" ;;'
            elif takes_folders(entry):
                yield f"{case} kind='directory' ;;"
            elif takes_files(entry):
                yield f"{case} kind='file' ;;"
            else:
                yield f"{case} kind='none' ;;"


def bash(command: Command):
    function = "_" + command.path[0]
    below = [c.name for c in command.walk() if c is not command]
    out = [f"# {command.path[0]}: completion for bash, made of its --help.",
           f"{function}() {{",
           "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}",
           f"  local path={command.path[0]} words='' kind=word i",
           # `--option=value` comes as three words.
           '  if [ "$cur" = = ]; then cur=\'\'; fi',
           '  if [ "$prev" = = ]; then prev=${COMP_WORDS[COMP_CWORD - 2]}; fi']
    if below:
        out += ["  for ((i = 1; i < COMP_CWORD; ++i)); do",
                '    case "$path ${COMP_WORDS[i]}" in',
                "      " + " | ".join(f'"{name}"' for name in below) + ")",
                '        path+=" ${COMP_WORDS[i]}" ;;',
                "    esac",
                "  done"]
    out.append('  case "$path $prev" in')
    for each in command.walk():
        out += bash_values(each)
    out.append('    *) case "$path" in')
    for each in command.walk():
        out.append(f'      "{each.name}") words="{" ".join(words_of(each))}" ;;')
    out += ["    esac ;;",
            "  esac",
            '  case "$kind" in',
            '    word) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur") ;;',
            '    file) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;',
            '    directory) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;',
            "    none) COMPREPLY=() ;;",
            "  esac",
            "}",
            f"complete -F {function} {command.path[0]}"]
    return "\n".join(out) + "\n"


# ---- zsh ----

def zsh_text(text):
    for character in "\\[]:":
        text = text.replace(character, "\\" + character)
    return text


def zsh_action(entry: Entry):
    if entry.choices:
        return f":{zsh_text(entry.value)}:({' '.join(entry.choices)})"
    if takes_folders(entry):
        return f":{zsh_text(entry.value)}:_files -/"
    if takes_files(entry):
        return f":{zsh_text(entry.value)}:_files"
    return f":{zsh_text(entry.value)}: " if entry.value else ""


def zsh_option(entry: Entry):
    for name in entry.names:
        # "--x=": the value in the same word or in the next.
        shown = name + ("=" if entry.value and name.startswith("--") else "")
        yield "    " + quoted(f"*{shown}[{zsh_text(entry.about)}]{zsh_action(entry)}")


def zsh_function(command: Command):
    name = "_" + "_".join(command.path)
    out = [f"{name}() {{", "  local context state state_descr line", "  typeset -A opt_args",
           "  _arguments -C \\"]
    lines = [line for entry in command.options for line in zsh_option(entry)]
    if command.subcommands:
        lines += ["    '1: :->command'", "    '*:: :->rest'"]
    else:
        lines += ["    " + quoted(f"{i}:{zsh_text(e.longest)}:")
                  for i, e in enumerate(command.positionals, 1)]
    out.append(" \\\n".join(lines))
    if command.subcommands:
        out += ["  case $state in", "    command)", "      local -a commands=("]
        out += ["        " + quoted(f"{c.path[-1]}:{c.about}") for c in command.subcommands]
        out += ["      )", "      _describe command commands ;;",
                "    rest)", "      case $line[1] in"]
        out += [f"        {c.path[-1]}) _{'_'.join(c.path)} ;;" for c in command.subcommands]
        out += ["      esac ;;", "  esac"]
    return "\n".join(out + ["}"])


def zsh(command: Command):
    functions = [zsh_function(each) for each in command.walk()]
    return "\n\n".join([f"#compdef {command.path[0]}\n"
                        f"# {command.path[0]}: completion for zsh, made of its --help.",
                        *functions, f'_{command.path[0]} "$@"']) + "\n"


# ---- fish ----

def fish_condition(command: Command):
    seen = [f"__fish_seen_subcommand_from {word}" for word in command.path[1:]]
    if command.subcommands:
        names = " ".join(c.path[-1] for c in command.subcommands)
        seen.append(f"not __fish_seen_subcommand_from {names}")
    return " -n " + quoted("; and ".join(seen)) if seen else ""


def fish_option(command: Command, entry: Entry):
    flags = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in entry.names)
    line = f"complete -c {command.path[0]}{fish_condition(command)} {flags}"
    if entry.choices:
        line += f" -xa {quoted(' '.join(entry.choices))}"
    elif takes_folders(entry):
        line += " -xa '(__fish_complete_directories)'"
    elif takes_files(entry):
        line += " -rF"
    elif entry.value:
        line += " -x"
    return f"{line} -d {quoted(entry.about)}"


def fish(command: Command):
    out = [f"# {command.path[0]}: completion for fish, made of its --help.",
           f"complete -c {command.path[0]} -f"]
    for each in command.walk():
        out += [fish_option(each, entry) for entry in each.options]
        out += [f"complete -c {each.path[0]}{fish_condition(each)} -a {c.path[-1]} "
                f"-d {quoted(c.about)}" for c in each.subcommands]
    return "\n".join(out) + "\n"
