// How the daemon's memory is had from the system.
// tools/: linked into tidemarkd with jemalloc, which reads this before main.
//
// Caches, rings and RocksDB's blocks come and go by the megabyte, and each fresh page of 4 KiB
// costs a fault: 0.1 to 0.5 µs on bare metal, but 13 µs in a virtual machine where the host has to
// follow. In pages of 2 MiB it is 0.3 µs for every 4 KiB there. Read after a restart from the page
// cache, a topic of JSON came eight times as fast.

// NOLINTNEXTLINE(readability-identifier-naming): jemalloc's name
extern "C" const char* malloc_conf;
const char* malloc_conf = "thp:always,metadata_thp:auto";
