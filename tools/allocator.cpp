// How the daemon's memory is had from the system.
// tools/: linked into tidemarkd with jemalloc, which reads this before main.
//
// Caches, rings and RocksDB's blocks come and go by the megabyte, and each fresh page of 4 KiB
// costs a fault. Where bench/README.md was measured, a virtual machine, that is 13 us; in pages of
// 2 MiB it is 0.3 us for every 4 KiB. Read after a restart from the page cache, a topic of JSON
// came eight times as fast.

// NOLINTNEXTLINE(readability-identifier-naming): jemalloc's name
extern "C" const char* malloc_conf;
const char* malloc_conf = "thp:always,metadata_thp:auto";
