"""No module of the site or the engine imports itself by way of others, at the top or within a function."""

from graphlib import TopologicalSorter

import grimp

PACKAGES = ("config", "training", "ranking", "annotator")


def test_no_modules_import_each_other_in_a_circle() -> None:
    imports = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    TopologicalSorter(
        {module: imports.find_modules_directly_imported_by(module) for module in imports.modules}
    ).prepare()  # raises CycleError with the circle
