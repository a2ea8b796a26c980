# Row 3: the Nth fsync or write fails, for every N, once and from then on.
# tests/proof/: see run. It runs where the store does: row03_failing_disk_test.cpp.
from proof import in_process
from proof.row import Row


def run(context):
    return in_process.run(context, 3, "Row03FailingDisk")


ROW = Row(3, "the Nth fsync or write fails, N = 1…200, once and persistently", run,
          "nothing acknowledged after a failed sync; reads go on; refused: absent, or once")
