# The harness with which the broker's promises are proved: real brokers, real sockets, real faults.
# tests/proof/: nothing but Python's standard library, and nothing of the code it tests.
