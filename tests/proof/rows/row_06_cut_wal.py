# Row 6: the write-ahead log is cut at every byte of its end, or ends in zeros or noise.
# tests/proof/: see run. It runs where the store does: row06_torn_wal_test.cpp.
from proof import in_process
from proof.row import Row


def run(context):
    return in_process.run(context, 6, "Row06TornWal")


ROW = Row(6, "the WAL cut at every byte of its last 3 records; zeros and noise behind", run,
          "never a hole in the middle; a lost tail is never silent")
