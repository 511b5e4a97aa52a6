"""The package that `baton extensions new` writes: the texts of `templates/extension`, with the namespace put in."""

from collections.abc import Iterator
from pathlib import Path

from baton_models.extension import extension_model_base
from baton_operator.cli.exits import CommandError

_TEMPLATES = Path(__file__).parent / "templates" / "extension"
_NAMESPACE = "@ns@"
_SUFFIX = ".in"


def write_package(namespace: str, folder: Path) -> list[Path]:
    """
    Write a working package of an extension into *folder*, which is made if it is not there.

    Returns:
        The files, relative to the folder, sorted.

    Raises:
        InvalidNamespaceError: It is no namespace.
        CommandError: The folder has something in it, or cannot be written.
    """
    extension_model_base(namespace)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CommandError(f"{folder} is there and not empty: name another place by --folder, or remove it")
        return sorted(_write(namespace, folder))
    except OSError as error:
        raise CommandError(f"{folder} cannot be written ({error.strerror}): name another place by --folder") from None


def _write(namespace: str, folder: Path) -> Iterator[Path]:
    for template in _templates():
        path = Path(str(template.relative_to(_TEMPLATES)).replace(_NAMESPACE, namespace).removesuffix(_SUFFIX))
        if path.name == "gitignore":
            path = path.with_name(".gitignore")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        text = template.read_text(encoding="utf-8").replace(_NAMESPACE, namespace)
        (folder / path).write_text(text, encoding="utf-8")
        yield path


def _templates() -> Iterator[Path]:
    yield from _TEMPLATES.rglob(f"*{_SUFFIX}")
