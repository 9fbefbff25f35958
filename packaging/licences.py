"""Prints the licences of all crates that are part of the program for a target, with their texts."""

import json
import pathlib
import subprocess
import sys

TEXTS = ("license", "licence", "copying", "notice", "copyright", "unlicense")


def main(target: str) -> None:
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    waiting = [metadata["resolve"]["root"]]
    parts = set()
    while waiting:
        part = waiting.pop()
        if part in parts:
            continue
        parts.add(part)
        for dependency in nodes[part]["deps"]:
            # Tools of the build and the tests are no part of the program.
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    print("The program contains these libraries, each under its own licence.\n")
    without_text = []
    for package in sorted((packages[part] for part in parts), key=lambda p: (p["name"], p["version"])):
        if package["source"] is None:
            continue
        print("=" * 100)
        print(f"{package['name']} {package['version']}: {package['license'] or 'see its text'}")
        print(package["repository"] or "")
        folder = pathlib.Path(package["manifest_path"]).parent
        texts = [file for file in sorted(folder.iterdir()) if file.is_file() and file.name.lower().startswith(TEXTS)]
        if not texts:
            without_text.append(package["name"])
        for file in texts:
            print(f"\n--- {file.name}\n")
            print(file.read_text(encoding="utf-8", errors="replace").rstrip())
        print()
    if without_text:
        print(f"without a text of their own in the source package: {', '.join(without_text)}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
