// The smallest application: asks a broker that isn't there, and is told so.
// tests/client/consumer/: built against a staged install.
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "protocol/client/client.hpp"

namespace {

boost::asio::awaitable<void> ask(tidemark::client::Client& client, bool& refused) {
  const auto connected = co_await client.connect();
  refused = !connected;
  const auto rooms = client.subscribe_pattern("rooms/*", {.state = true});
  refused = refused && rooms.positions().empty();
  if (refused) std::cout << "as expected: " << connected.error().text << '\n';
  co_await client.close();
}

}  // namespace

int main() {
  boost::asio::io_context io;
  tidemark::client::Client client(io.get_executor(), {.url = "ws://127.0.0.1:1"});
  bool refused = false;
  boost::asio::co_spawn(io, ask(client, refused), [](std::exception_ptr) {});
  io.run();
  return refused ? 0 : 1;
}
