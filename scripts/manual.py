"""Writes a manual page (man(7)) from what a command prints with --experimental-dump-help.

    manual.py NAME SECTION VERSION DATE SEE-ALSO... < dump.json > page
"""

import json
import sys

FILES = {
    "/opt/knocknoc/etc/knocknoc.conf": ("knocknoc", "knocker", "knocknoc-setup"),
    "/opt/knocknoc/etc/encryption.key": ("knocknoc", "knocknoc-setup"),
    "/var/lib/knocknoc": ("knocknoc",),
    "/opt/knocknoc-agent/etc/knocknoc.conf": ("knocknoc-agent",),
    "/var/lib/knocknoc-agent/state.json": ("knocknoc-agent",),
    "/var/lib/knocknoc-agent/guard.nft": ("knocknoc-agent",),
}
EXITS = ((0, "Done."), (1, "Failed."), (2, "Wrong usage."), (77, "Not allowed."), (78, "Bad configuration."))


def escape(text):
    """Text as roff prints it, wherever in a line it stands."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\n".join("\\&" + line if line[:1] == "." else line for line in text.split("\n"))


def paragraphs(text):
    """Paragraphs of running text; what is indented keeps its lines."""
    for number, block in enumerate(text.strip("\n").split("\n\n")):
        if number:
            yield ".PP"
        if any(line.startswith(" ") for line in block.split("\n")):
            yield ".nf"
            yield escape(block)
            yield ".fi"
        else:
            yield escape(block)


def shown(arguments):
    """Arguments worth a line on every page: --help and --version are said once, and --x with its --no-x, too."""
    result = []
    for argument in arguments:
        if not argument.get("shouldDisplay", True) or argument.get("valueName") in ("help", "version"):
            continue
        if result and is_negation(argument, result[-1]):
            name = result[-1]["preferredName"]
            both = {"kind": "long", "name": "[no-]" + name["name"]}
            result[-1] = {**result[-1], "names": [both], "preferredName": both}
        else:
            result.append(argument)
    return result


def is_negation(argument, other):
    names = [(a.get("preferredName") or {}).get("name", "") for a in (argument, other)]
    return argument["kind"] == "flag" and names[0] == "no-" + names[1]


def spelling(name):
    return {"short": "-", "long": "--", "longWithSingleDash": "-"}[name["kind"]] + name["name"]


def value(argument):
    return "\\fI%s\\fR" % escape(argument.get("valueName", "value").upper())


def invocation(argument):
    if argument["kind"] == "positional":
        text = value(argument)
    else:
        text = "\\fB%s\\fR" % escape(spelling(argument.get("preferredName") or argument["names"][0]))
        if argument["kind"] == "option":
            text += " " + value(argument)
    text += " ..." if argument.get("isRepeating") else ""
    return "[%s]" % text if argument.get("isOptional") else text


def heading(argument):
    if argument["kind"] == "positional":
        return value(argument)
    names = ", ".join("\\fB%s\\fR" % escape(spelling(name)) for name in argument["names"])
    return names + (" " + value(argument) if argument["kind"] == "option" else "")


def options(arguments):
    for argument in shown(arguments):
        yield ".TP"
        yield heading(argument)
        text = argument.get("abstract", "") or ""
        if argument.get("discussion"):
            text += "\n" + argument["discussion"]
        if argument.get("allValueStrings") or argument.get("allValues"):
            text += " One of: %s." % ", ".join(argument.get("allValueStrings") or argument["allValues"])
        if argument.get("defaultValue"):
            text += " Default: %s." % argument["defaultValue"]
        yield from paragraphs(text.strip() or "See above.")


def subcommands(command):
    return [
        s for s in command.get("subcommands") or [] if s.get("shouldDisplay", True) and s["commandName"] != "help"
    ]


def synopsis(path, command):
    words = ["\\fB%s\\fR" % escape(" ".join(path))] + [invocation(a) for a in shown(command.get("arguments") or [])]
    if subcommands(command):
        words.append("\\fICOMMAND\\fR ...")
    return " ".join(words)


def body(path, command):
    for part in ("abstract", "discussion"):
        if command.get(part):
            yield ".PP"
            yield from paragraphs(command[part])
    yield from options(command.get("arguments") or [])


def tree(path, command):
    """A section for each command below this one, those below it included."""
    for sub in subcommands(command):
        here = path + [sub["commandName"]]
        yield ".SS %s" % escape(" ".join(here))
        yield synopsis(here, sub)
        yield from body(here, sub)
        yield from tree(here, sub)


def page(command, section, version, date, related):
    name = command["commandName"]
    abstract = (command.get("abstract") or name).rstrip(".")
    yield '.TH %s %s %s "Knocknoc %s" "Knocknoc"' % (escape(name).upper(), section, date, version)
    # Long invocations and addresses are not to be stretched or broken.
    yield ".nh"
    yield ".ad l"
    yield ".SH NAME"
    yield "%s \\- %s" % (escape(name), escape(abstract[:1].lower() + abstract[1:]))
    yield ".SH SYNOPSIS"
    yield synopsis([name], command)
    yield ".SH DESCRIPTION"
    yield from paragraphs((command.get("discussion") or command.get("abstract") or name))
    yield ".SH OPTIONS"
    yield from options(command.get("arguments") or [])
    yield ".TP"
    yield "\\fB\\-h\\fR, \\fB\\-\\-help\\fR"
    yield "Prints what the command, or the one below it that is named first, takes."
    yield ".TP"
    yield "\\fB\\-\\-version\\fR"
    yield "Prints the version."
    if subcommands(command):
        yield ".SH COMMANDS"
        yield from tree([name], command)
    files = [path for path, pages in FILES.items() if name in pages]
    if files:
        yield ".SH FILES"
        for path in files:
            yield ".TP"
            yield "\\fI%s\\fR" % escape(path)
            yield "See docs/configuration.md in \\fI/usr/share/doc/knocknoc\\fR." if path.endswith(".conf") else (
                "Made by the program.")
    yield ".SH EXIT STATUS"
    for code, meaning in EXITS:
        yield ".TP"
        yield "%d" % code
        yield meaning
    yield ".SH SEE ALSO"
    yield ", ".join("\\fB%s\\fR(8)" % escape(other) for other in related if other != name)


def main():
    name, section, version, date, *related = sys.argv[1:]
    command = json.load(sys.stdin)["command"]
    if command["commandName"] != name:
        sys.exit("manual.py: %s answers as %s" % (name, command["commandName"]))
    for line in page(command, section, version, date, related):
        print(line)


main()
