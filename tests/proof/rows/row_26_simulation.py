# Row 26: random operations and faults in one process, held against a model.
# tests/proof/: see run. It runs where the store does: row26_random_walk_test.cpp.
from proof import in_process
from proof.row import Row


def run(context):
    return in_process.run(context, 26, "Row26RandomWalk")


ROW = Row(26, "seeded random operations and faults, a faulty file system, a model", run,
          "1,000 seeds, 0 violations; a failure prints its seed")
