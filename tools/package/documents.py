# Makes the manual pages and the completion scripts of the built programs.
# tools/package/: run by the build; `cmake --install` lays down what it writes.
import argparse
from pathlib import Path

import completion
import help_text
import manual

HERE = Path(__file__).resolve().parent


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def changed_on(changelog):
    """The date of the newest entry, so that the same sources make the same pages."""
    for line in changelog.split("\n"):
        if line.startswith(" -- "):
            _, day, month, year, *_ = line.rsplit("  ", 1)[1].split()
            months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
            return f"{year}-{months.index(month) + 1:02}-{int(day):02}"
    raise SystemExit("the changelog has no date")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=Path, required=True, help="where they were built")
    parser.add_argument("--version", required=True)
    parser.add_argument("--output", type=Path, required=True)
    asked = parser.parse_args()
    date = changed_on((HERE / "debian/changelog").read_text(encoding="utf-8"))

    def template(name):
        return (HERE / "manual" / f"{name}.in").read_text(encoding="utf-8")

    for name, section in (("tidemark", 1), ("tidemarkd", 8)):
        command = help_text.ask(str(asked.programs / name), [name])
        page = f"{name}.{section}"
        write(asked.output / f"man{section}" / page,
              manual.page(template(page), command, asked.version, date))
        write(asked.output / "bash" / name, completion.bash(command))
        write(asked.output / "zsh" / f"_{name}", completion.zsh(command))
        write(asked.output / "fish" / f"{name}.fish", completion.fish(command))
    example = (HERE / "tidemark.toml").read_text(encoding="utf-8")
    write(asked.output / "man5" / "tidemark.toml.5",
          manual.configuration_page(template("tidemark.toml.5"), example, asked.version, date))


if __name__ == "__main__":
    main()
