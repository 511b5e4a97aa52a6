"""Renders what the tests of the chart compare with: ``make generate``."""

from baton_chart.rendering import GOLDEN, golden, values_files


def main() -> None:
    """Write a file for each file of values, and remove those that have none."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    files = values_files()
    for path in GOLDEN.glob("*.yaml"):
        if path.stem not in files:
            path.unlink()
    for feature, values in files.items():
        (GOLDEN / f"{feature}.yaml").write_text(golden(values))


main()
